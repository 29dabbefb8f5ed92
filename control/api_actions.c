/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What changes something: drain, undrain, reload, detach. And the events.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "config/diff.h"
#include "control/api_request.h"
#include "control/daemon.h"
#include "control/log.h"
#include "control/render.h"

#define EVENTS_MAX 10000

/* A field of the body that must be a whole number of milliseconds. */
static bool take_ms(struct api_request *r, const char *key, uint64_t *ret_ms)
{
	const json_t *value = json_object_get(r->body, key);

	if (!value)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0) {
		api_error(r, API_USAGE, NULL,
			  "%s: a number of milliseconds, 0 or more", key);
		return false;
	}
	*ret_ms = (uint64_t)json_integer_value(value);
	return true;
}

static bool take_text(struct api_request *r, const char *key,
		      const char **ret_text)
{
	const json_t *value = json_object_get(r->body, key);

	if (!value)
		return true;
	if (!json_is_string(value)) {
		api_error(r, API_USAGE, NULL, "%s: a string", key);
		return false;
	}
	*ret_text = json_string_value(value);
	return true;
}

static bool only_known_fields(struct api_request *r)
{
	static const char *const known[] = { "pool", "deadline_ms",
					     "quiet_after_ms", "at_deadline",
					     "reason" };
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach(r->body, key, value) {
		for (i = 0; i < ARRAY_SIZE(known); i++)
			if (!strcmp(key, known[i]))
				break;
		if (i == ARRAY_SIZE(known)) {
			api_error(r, API_USAGE, NULL,
				  "there is no field \"%s\"", key);
			return false;
		}
	}
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
			  "%s is in no pool, so it gets no traffic to drain",
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
	    !take_text(r, "at_deadline", &at_deadline) ||
	    !take_text(r, "reason", &reason))
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

void api_post_drain(struct api_request *r)
{
	const struct inv_vm *vm = api_find_vm(r, r->argument);
	struct daemon *d = r->daemon;
	struct wish_drain drain = { 0 };
	const struct rec_member *m;
	const char *pool = "";
	char left[CONF_TIME_SIZE];

	if (!vm || !only_known_fields(r) || !take_text(r, "pool", &pool))
		return;
	m = find_member(r, vm, pool);
	if (!m || !take_drain(r, m, pool, &drain))
		return;
	if (wishes_set_drain(d->wishes, &drain)) {
		api_error(r, API_FAILED, NULL,
			  "the wish could not be kept, so nothing was done: %s",
			  store_error(d->store));
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

void api_delete_drain(struct api_request *r)
{
	const struct inv_vm *vm = api_find_vm(r, r->argument);
	const char *pool = api_query(r, "pool");
	struct daemon *d = r->daemon;
	const struct rec_member *m = NULL;
	int rc;

	if (!vm)
		return;
	if (pool && pool[0]) {
		m = find_member(r, vm, pool);
		if (!m)
			return;
	}
	rc = wishes_clear_drain(d->wishes, vm->uuid, m ? m->pool_name : "");
	if (rc == -ENOENT) {
		api_error(r, API_REFUSED, NULL, "%s is not being drained",
			  vm->vm->name);
	} else if (rc == -EBUSY) {
		api_error(r, API_REFUSED, NULL,
			  "%s is drained as a whole; undrain it without --pool",
			  vm->vm->name);
	} else if (rc) {
		api_error(r, API_FAILED, NULL, "nothing was done: %s",
			  store_error(d->store));
	} else {
		daemon_changed(d, hv_clock_ns());
		api_answer(r,
			   json_pack("{s:s,s:o}", "vm", vm->vm->name, "message",
				     json_sprintf("%s may take new "
						  "connections again",
						  vm->vm->name)));
	}
}

static json_t *render_changes(const struct conf_changes *changes)
{
	json_t *list = json_array();
	char *text = NULL;
	size_t size = 0;
	FILE *out;
	size_t i;

	for (i = 0; i < changes->n; i++) {
		out = open_memstream(&text, &size);
		if (!out)
			break;
		conf_change_print(&changes->change[i], out);
		fclose(out);
		json_array_append_new(
			list,
			json_pack("{s:s,s:s,s:s,s:s}", "path",
				  changes->change[i].path, "old",
				  changes->change[i].old_text, "new",
				  changes->change[i].new_text, "text", text));
		free(text);
	}
	return list;
}

void api_post_reload(struct api_request *r)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct conf_changes changes = { 0 };
	json_t *details = json_array();
	size_t i;

	if (!errs || daemon_reload(r->daemon, errs, &changes)) {
		for (i = 0; errs && i < errs->n_errors && i < CONF_ERRORS_MAX;
		     i++)
			json_array_append_new(details,
					      json_sprintf("%s:%u: %s",
							   errs->error[i].file,
							   errs->error[i].line,
							   errs->error[i].msg));
		api_error(r, API_REFUSED, details,
			  "%s is refused, the config in force stays:",
			  r->daemon->conf_path);
	} else {
		json_decref(details);
		api_answer(r, json_pack("{s:o}", "changes",
					render_changes(&changes)));
	}
	conf_changes_done(&changes);
	free(errs);
}

void api_post_detach(struct api_request *r)
{
	char error[DP_ERROR_SIZE] = "";

	if (daemon_detach(r->daemon, error))
		api_error(r, API_FAILED, NULL, "%s", error);
	else
		api_answer(r, json_pack("{s:b}", "detached", 1));
}
