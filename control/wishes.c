/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operator's wishes for VMs. The store is written first; only what is on
 * disk is in force.
 */
#include "control/wishes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "control/store.h"

struct wish {
	LIST_ENTRY(wish) next;
	struct wish_drain drain;
};

struct wishes {
	struct store *store;
	LIST_HEAD(, wish) drains;
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

static struct wish *find(const struct wishes *wishes,
			 const uint8_t uuid[HV_UUID_SIZE], const char *pool)
{
	struct wish *w;

	LIST_FOREACH(w, &wishes->drains, next)
		if (!memcmp(w->drain.uuid, uuid, HV_UUID_SIZE) &&
		    !strcmp(w->drain.pool, pool))
			return w;
	return NULL;
}

static int remember(struct wishes *wishes, const struct wish_drain *drain)
{
	struct wish *w = find(wishes, drain->uuid, drain->pool);

	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return -ENOMEM;
		LIST_INSERT_HEAD(&wishes->drains, w, next);
	}
	w->drain = *drain;
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
	return remember(arg, &drain);
}

int wishes_load(struct store *store, struct wishes **ret_wishes)
{
	struct wishes *wishes = calloc(1, sizeof(*wishes));
	int rc;

	if (!wishes)
		return -ENOMEM;
	wishes->store = store;
	LIST_INIT(&wishes->drains);
	rc = store_drain_list(store, load_drain, wishes);
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

	if (!wishes)
		return;
	while ((w = LIST_FIRST(&wishes->drains)) != NULL) {
		LIST_REMOVE(w, next);
		free(w);
	}
	free(wishes);
}

const struct wish_drain *wishes_drain(const struct wishes *wishes,
				      const uint8_t uuid[HV_UUID_SIZE],
				      const char *pool)
{
	const struct wish *w = find(wishes, uuid, pool);

	if (!w)
		w = find(wishes, uuid, "");
	return w ? &w->drain : NULL;
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
	return rc ? rc : remember(wishes, drain);
}

static void forget(struct wishes *wishes, const uint8_t uuid[HV_UUID_SIZE],
		   const char *pool)
{
	struct wish *next;
	struct wish *w;

	for (w = LIST_FIRST(&wishes->drains); w; w = next) {
		next = LIST_NEXT(w, next);
		if (memcmp(w->drain.uuid, uuid, HV_UUID_SIZE) != 0 ||
		    (pool[0] && strcmp(w->drain.pool, pool) != 0))
			continue;
		LIST_REMOVE(w, next);
		free(w);
	}
}

int wishes_clear_drain(struct wishes *wishes, const uint8_t uuid[HV_UUID_SIZE],
		       const char *pool)
{
	char text[HV_UUID_TEXT];
	struct wish *w;
	bool any = false;
	int rc;

	LIST_FOREACH(w, &wishes->drains, next)
		any = any || (!memcmp(w->drain.uuid, uuid, HV_UUID_SIZE) &&
			      (!pool[0] || !strcmp(w->drain.pool, pool)));
	if (!any)
		return pool[0] && find(wishes, uuid, "") ? -EBUSY : -ENOENT;
	hv_uuid_print(uuid, text);
	rc = store_drain_clear(wishes->store, text, pool[0] ? pool : NULL);
	if (!rc)
		forget(wishes, uuid, pool);
	return rc;
}
