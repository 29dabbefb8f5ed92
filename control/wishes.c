/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operator's wishes for VMs. The store is written first; only what is on
 * disk is in force.
 */
#include "control/wishes.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "control/store.h"

enum wish_kind {
	WISH_DRAIN,
	WISH_WEIGHT,
	WISH_N_KINDS,
};

/* What all wishes begin with: whom they are for. */
struct wish_key {
	uint8_t uuid[HV_UUID_SIZE];
	char pool[DP_NAME_SIZE];
};

_Static_assert(offsetof(struct wish_drain, pool) ==
		       offsetof(struct wish_key, pool),
	       "a drain begins with its key");
_Static_assert(offsetof(struct wish_weight, pool) ==
		       offsetof(struct wish_key, pool),
	       "a weight begins with its key");

struct wish {
	LIST_ENTRY(wish) next;
	union {
		struct wish_key key;
		struct wish_drain drain;
		struct wish_weight weight;
	};
};

LIST_HEAD(wish_list, wish);

struct wishes {
	struct store *store;
	struct wish_list lists[WISH_N_KINDS];
};

/* 32 hex digits with or without dashes. */
static int uuid_parse(const char *text, uint8_t uuid[HV_UUID_SIZE])
{
	char digits[3] = { 0 };
	char *end;
	int i = 0;

	while (*text && i < HV_UUID_SIZE) {
		if (*text == '-') {
			text++;
			continue;
		}
		digits[0] = text[0];
		digits[1] = text[1];
		uuid[i++] = (uint8_t)strtoul(digits, &end, 16);
		if (end != digits + 2)
			return -EINVAL;
		text += 2;
	}
	return i == HV_UUID_SIZE && !*text ? 0 : -EINVAL;
}

static struct wish *find(const struct wishes *wishes, enum wish_kind kind,
			 const uint8_t uuid[HV_UUID_SIZE], const char *pool)
{
	struct wish *w;

	LIST_FOREACH(w, &wishes->lists[kind], next)
		if (!memcmp(w->key.uuid, uuid, HV_UUID_SIZE) &&
		    !strcmp(w->key.pool, pool))
			return w;
	return NULL;
}

/* The wish that counts in a pool: one for it goes before one for all. */
static const struct wish *find_for(const struct wishes *wishes,
				   enum wish_kind kind,
				   const uint8_t uuid[HV_UUID_SIZE],
				   const char *pool)
{
	const struct wish *w = find(wishes, kind, uuid, pool);

	return w ? w : find(wishes, kind, uuid, "");
}

/* The wish of this key, made if there is none. NULL when out of memory. */
static struct wish *place(struct wishes *wishes, enum wish_kind kind,
			  const uint8_t uuid[HV_UUID_SIZE], const char *pool)
{
	struct wish *w = find(wishes, kind, uuid, pool);

	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	if (w)
		LIST_INSERT_HEAD(&wishes->lists[kind], w, next);
	return w;
}

static int remember_drain(struct wishes *wishes, const struct wish_drain *drain)
{
	struct wish *w = place(wishes, WISH_DRAIN, drain->uuid, drain->pool);

	if (!w)
		return -ENOMEM;
	w->drain = *drain;
	return 0;
}

static int remember_weight(struct wishes *wishes,
			   const struct wish_weight *weight)
{
	struct wish *w = place(wishes, WISH_WEIGHT, weight->uuid, weight->pool);

	if (!w)
		return -ENOMEM;
	w->weight = *weight;
	return 0;
}

static int load_drain(const struct store_drain *stored, void *arg)
{
	struct wish_drain drain = {
		.since_ms = stored->since_ms,
		.deadline_ms = stored->deadline_ms,
		.quiet_after_ms = stored->quiet_after_ms,
	};

	if (!stored->drained)
		return 0;
	if (uuid_parse(stored->uuid, drain.uuid) ||
	    conf_at_deadline_parse(stored->at_deadline, &drain.at_deadline))
		return -EUCLEAN;
	snprintf(drain.pool, sizeof(drain.pool), "%s", stored->pool);
	snprintf(drain.reason, sizeof(drain.reason), "%s", stored->reason);
	return remember_drain(arg, &drain);
}

static int load_weight(const struct store_weight *stored, void *arg)
{
	struct wish_weight weight = { .weight = stored->weight,
				      .since_ms = stored->since_ms };

	if (uuid_parse(stored->uuid, weight.uuid))
		return -EUCLEAN;
	snprintf(weight.pool, sizeof(weight.pool), "%s", stored->pool);
	return remember_weight(arg, &weight);
}

int wishes_load(struct store *store, struct wishes **ret_wishes)
{
	struct wishes *wishes = calloc(1, sizeof(*wishes));
	int rc;

	if (!wishes)
		return -ENOMEM;
	wishes->store = store;
	rc = store_drain_list(store, load_drain, wishes);
	if (!rc)
		rc = store_weight_list(store, load_weight, wishes);
	if (rc) {
		wishes_free(wishes);
		return rc;
	}
	*ret_wishes = wishes;
	return 0;
}

void wishes_free(struct wishes *wishes)
{
	struct wish *w;
	int kind;

	if (!wishes)
		return;
	for (kind = 0; kind < WISH_N_KINDS; kind++)
		while ((w = LIST_FIRST(&wishes->lists[kind])) != NULL) {
			LIST_REMOVE(w, next);
			free(w);
		}
	free(wishes);
}

const struct wish_drain *wishes_drain(const struct wishes *wishes,
				      const uint8_t uuid[HV_UUID_SIZE],
				      const char *pool)
{
	const struct wish *w = find_for(wishes, WISH_DRAIN, uuid, pool);

	return w ? &w->drain : NULL;
}

const struct wish_weight *wishes_weight(const struct wishes *wishes,
					const uint8_t uuid[HV_UUID_SIZE],
					const char *pool)
{
	const struct wish *w = find_for(wishes, WISH_WEIGHT, uuid, pool);

	return w ? &w->weight : NULL;
}

int wishes_set_drain(struct wishes *wishes, const struct wish_drain *drain)
{
	char uuid[HV_UUID_TEXT];
	struct store_drain stored = {
		.uuid = uuid,
		.pool = drain->pool,
		.drained = true,
		.since_ms = drain->since_ms,
		.deadline_ms = drain->deadline_ms,
		.quiet_after_ms = drain->quiet_after_ms,
		.at_deadline = conf_at_deadline_name(drain->at_deadline),
		.reason = drain->reason,
	};
	int rc;

	hv_uuid_print(drain->uuid, uuid);
	rc = store_drain_set(wishes->store, &stored);
	return rc ? rc : remember_drain(wishes, drain);
}

int wishes_set_weight(struct wishes *wishes, const struct wish_weight *weight)
{
	char uuid[HV_UUID_TEXT];
	struct store_weight stored = { .uuid = uuid,
				       .pool = weight->pool,
				       .weight = weight->weight,
				       .since_ms = weight->since_ms };
	int rc;

	hv_uuid_print(weight->uuid, uuid);
	rc = store_weight_set(wishes->store, &stored);
	return rc ? rc : remember_weight(wishes, weight);
}

/* Is it what a word about a VM means, with "" for all of its pools? */
static bool meant(const struct wish *w, const uint8_t uuid[HV_UUID_SIZE],
		  const char *pool)
{
	return !memcmp(w->key.uuid, uuid, HV_UUID_SIZE) &&
	       (!pool[0] || !strcmp(w->key.pool, pool));
}

static void forget(struct wishes *wishes, enum wish_kind kind,
		   const uint8_t uuid[HV_UUID_SIZE], const char *pool)
{
	struct wish *next;
	struct wish *w;

	for (w = LIST_FIRST(&wishes->lists[kind]); w; w = next) {
		next = LIST_NEXT(w, next);
		if (!meant(w, uuid, pool))
			continue;
		LIST_REMOVE(w, next);
		free(w);
	}
}

static int clear(struct wishes *wishes, enum wish_kind kind,
		 int (*store_clear)(struct store *store, const char *uuid,
				    const char *pool),
		 const uint8_t uuid[HV_UUID_SIZE], const char *pool)
{
	char text[HV_UUID_TEXT];
	struct wish *w;
	bool any = false;
	int rc;

	LIST_FOREACH(w, &wishes->lists[kind], next)
		any = any || meant(w, uuid, pool);
	if (!any)
		return pool[0] && find(wishes, kind, uuid, "") ? -EBUSY :
								 -ENOENT;
	hv_uuid_print(uuid, text);
	rc = store_clear(wishes->store, text, pool[0] ? pool : NULL);
	if (!rc)
		forget(wishes, kind, uuid, pool);
	return rc;
}

int wishes_clear_drain(struct wishes *wishes, const uint8_t uuid[HV_UUID_SIZE],
		       const char *pool)
{
	return clear(wishes, WISH_DRAIN, store_drain_clear, uuid, pool);
}

int wishes_clear_weight(struct wishes *wishes, const uint8_t uuid[HV_UUID_SIZE],
			const char *pool)
{
	return clear(wishes, WISH_WEIGHT, store_weight_clear, uuid, pool);
}
