/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operator's wishes for VMs: drain, undrain, weight.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/api_request.h"
#include "control/daemon.h"
#include "control/render.h"
#include "control/text.h"

/* A field of the body that must be a whole number of milliseconds. */
static bool take_ms(struct api_request *r, const char *key, uint64_t *ret_ms)
{
	const json_t *value = json_object_get(r->body, key);

	if (!value)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > UINT32_MAX) {
		api_error(r, API_USAGE, NULL,
			  "%s: a number of milliseconds, 0 to %u (49 days)",
			  key, UINT32_MAX);
		return false;
	}
	*ret_ms = (uint64_t)json_integer_value(value);
	return true;
}

/* A field of the body that must be a string, not cut to fit @size. */
static bool take_text(struct api_request *r, const char *key, size_t size,
		      const char **ret_text)
{
	const json_t *value = json_object_get(r->body, key);

	if (!value)
		return true;
	if (!json_is_string(value) || json_string_length(value) >= size) {
		api_error(r, API_USAGE, NULL,
			  "%s: a string of at most %zu bytes", key, size - 1);
		return false;
	}
	*ret_text = json_string_value(value);
	return true;
}

/*
 * The pool of this VM that a word names; its defaults are the drain's. Without
 * a word: any of its pools, for the defaults.
 */
static const struct rec_member *
find_member(struct api_request *r, const struct inv_vm *vm, const char *pool)
{
	struct rec *rec = r->daemon->rec;
	const struct rec_member *m;
	size_t i;

	for (i = 0; i < rec_count(rec); i++) {
		m = rec_at(rec, i);
		if (!memcmp(m->uuid, vm->uuid, HV_UUID_SIZE) && m->pool &&
		    (!pool[0] || render_name_is(m->pool_name, pool)))
			return m;
	}
	if (pool[0])
		api_error(r, API_UNKNOWN, NULL, "%s is in no pool \"%s\"",
			  vm->vm->name, pool);
	else
		api_error(r, API_REFUSED, NULL,
			  "%s is in no pool, so it gets no traffic",
			  vm->vm->name);
	return NULL;
}

static bool take_drain(struct api_request *r, const struct rec_member *m,
		       const char *pool, struct wish_drain *drain)
{
	const struct conf_drain *defaults = &m->pool->drain;
	uint64_t deadline_ms = defaults->deadline_ms;
	const char *at_deadline = NULL;
	const char *reason = "";

	drain->quiet_after_ms = defaults->quiet_after_ms;
	drain->at_deadline = defaults->at_deadline;
	if (!take_ms(r, "deadline_ms", &deadline_ms) ||
	    !take_ms(r, "quiet_after_ms", &drain->quiet_after_ms) ||
	    !take_text(r, "at_deadline", DP_NAME_SIZE, &at_deadline) ||
	    !take_text(r, "reason", sizeof(drain->reason), &reason))
		return false;
	if (at_deadline &&
	    conf_at_deadline_parse(at_deadline, &drain->at_deadline)) {
		api_error(r, API_USAGE, NULL, "at_deadline: keep or reset");
		return false;
	}
	memcpy(drain->uuid, m->uuid, sizeof(drain->uuid));
	drain->since_ms = daemon_wall_ms();
	drain->deadline_ms = drain->since_ms + deadline_ms;
	snprintf(drain->pool, sizeof(drain->pool), "%s",
		 pool[0] ? m->pool_name : "");
	snprintf(drain->reason, sizeof(drain->reason), "%s", reason);
	return true;
}

/* A wish was not kept, or there was none to forget. */
static void wish_failed(struct api_request *r)
{
	api_error(r, API_FAILED, NULL,
		  "the wish could not be kept, so nothing was done: %s",
		  store_error(r->daemon->store));
}

void api_post_drain(struct api_request *r)
{
	const struct inv_vm *vm = api_find_vm(r, r->argument);
	static const char *const known[] = { "pool", "deadline_ms",
					     "quiet_after_ms", "at_deadline",
					     "reason" };
	struct daemon *d = r->daemon;
	struct wish_drain drain = { 0 };
	const struct rec_member *m;
	const char *pool = "";
	char left[CONF_TIME_SIZE];

	if (!vm || !api_only_fields(r, known, ARRAY_SIZE(known)) ||
	    !take_text(r, "pool", DP_NAME_SIZE, &pool))
		return;
	m = find_member(r, vm, pool);
	if (!m || !take_drain(r, m, pool, &drain))
		return;
	if (wishes_set_drain(d->wishes, &drain)) {
		wish_failed(r);
		return;
	}
	daemon_changed(d, hv_clock_ns());
	conf_time_print((uint32_t)(drain.deadline_ms - drain.since_ms), left,
			sizeof(left));
	api_answer(r, json_pack("{s:s,s:s,s:I,s:o}", "vm", m->vm_name, "pool",
				drain.pool, "deadline_ms",
				(json_int_t)drain.deadline_ms, "message",
				json_sprintf("%s takes no new connections; "
					     "what it has may go on for %s",
					     m->vm_name, left)));
}

/* Forget a wish of the VM; @is: what it is then not. False: answered. */
static bool forget_wish(struct api_request *r, const struct inv_vm *vm,
			int (*clear)(struct wishes *wishes,
				     const uint8_t uuid[HV_UUID_SIZE],
				     const char *pool),
			const char *is, const char *how)
{
	const char *pool = api_query(r, "pool");
	const struct rec_member *m = NULL;
	int rc;

	if (pool && pool[0]) {
		m = find_member(r, vm, pool);
		if (!m)
			return false;
	}
	rc = clear(r->daemon->wishes, vm->uuid, m ? m->pool_name : "");
	if (!rc) {
		daemon_changed(r->daemon, hv_clock_ns());
		return true;
	}
	if (rc == -ENOENT)
		api_error(r, API_REFUSED, NULL, "%s %s", vm->vm->name, is);
	else if (rc == -EBUSY)
		api_error(r, API_REFUSED, NULL,
			  "%s: that was wished for all of its pools; %s",
			  vm->vm->name, how);
	else
		wish_failed(r);
	return false;
}

void api_delete_drain(struct api_request *r)
{
	const struct inv_vm *vm = api_find_vm(r, r->argument);

	if (!vm ||
	    !forget_wish(r, vm, wishes_clear_drain, "is not being drained",
			 "undrain it without --pool"))
		return;
	api_answer(r,
		   json_pack("{s:s,s:o}", "vm", vm->vm->name, "message",
			     json_sprintf("%s may take new connections again",
					  vm->vm->name)));
}

/* Tell a change of weight, with what it was before. */
static void answer_weight(struct api_request *r, const struct inv_vm *vm,
			  const char *pool, const char *change)
{
	char full[DP_NAME_SIZE];
	char uuid[HV_UUID_TEXT];

	snprintf(full, sizeof(full), "%s/%s", vm->hv->name, vm->vm->name);
	hv_uuid_print(vm->uuid, uuid);
	journal_add(r->daemon->journal, "vm", text_clean(full), uuid, "weight",
		    "%s%s%s", pool, pool[0] ? ": " : "", change);
	api_answer(r, json_pack("{s:s,s:s,s:o}", "vm", full, "pool", pool,
				"message",
				json_sprintf("%s: %s; connections that it has "
					     "stay",
					     vm->vm->name, change)));
}

void api_post_weight(struct api_request *r)
{
	static const char *const known[] = { "pool", "weight" };
	const struct inv_vm *vm = api_find_vm(r, r->argument);
	const json_t *weight = json_object_get(r->body, "weight");
	struct wish_weight wish = { .since_ms = daemon_wall_ms() };
	const struct rec_member *m;
	const char *pool = "";
	char change[64];

	if (!vm || !api_only_fields(r, known, ARRAY_SIZE(known)) ||
	    !take_text(r, "pool", DP_NAME_SIZE, &pool))
		return;
	if (!json_is_integer(weight) || json_integer_value(weight) < 0 ||
	    json_integer_value(weight) > WISH_WEIGHT_MAX) {
		api_error(r, API_USAGE, NULL, "weight: a number, 0 to %d",
			  WISH_WEIGHT_MAX);
		return;
	}
	m = find_member(r, vm, pool);
	if (!m)
		return;
	memcpy(wish.uuid, vm->uuid, sizeof(wish.uuid));
	wish.weight = (uint32_t)json_integer_value(weight);
	if (pool[0])
		snprintf(wish.pool, sizeof(wish.pool), "%s", m->pool_name);
	snprintf(change, sizeof(change), "weight %u instead of %u", wish.weight,
		 m->wanted_weight);
	if (wishes_set_weight(r->daemon->wishes, &wish)) {
		wish_failed(r);
		return;
	}
	daemon_changed(r->daemon, hv_clock_ns());
	answer_weight(r, vm, wish.pool, change);
}

void api_delete_weight(struct api_request *r)
{
	const struct inv_vm *vm = api_find_vm(r, r->argument);
	const char *pool = api_query(r, "pool");

	if (vm && forget_wish(r, vm, wishes_clear_weight,
			      "has the weight that its pool's config gives it",
			      "give it its default without naming a pool"))
		answer_weight(r, vm, pool ? pool : "",
			      "weight by the pool's config again");
}
