/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What changes something: drain, undrain, reload, detach.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/diff.h"
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

void api_post_drain(struct api_request *r)
{
	const struct inv_vm *vm = api_find_vm(r, r->argument);
	struct daemon *d = r->daemon;
	struct wish_drain drain = { 0 };
	const struct rec_member *m;
	const char *pool = "";
	char left[CONF_TIME_SIZE];

	if (!vm || !only_known_fields(r) ||
	    !take_text(r, "pool", DP_NAME_SIZE, &pool))
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

/* What is wrong or doubtful in a config, "file:line: what", in any encoding. */
static json_t *render_errors(const struct conf_error *error, size_t n)
{
	json_t *list = json_array();
	char text[sizeof(*error) + 16];
	size_t i;

	for (i = 0; i < n && i < CONF_ERRORS_MAX; i++) {
		if (error[i].line)
			snprintf(text, sizeof(text), "%s:%u: %s", error[i].file,
				 error[i].line, error[i].msg);
		else
			snprintf(text, sizeof(text), "%s: %s", error[i].file,
				 error[i].msg);
		json_array_append_new(list, json_string(text_clean(text)));
	}
	if (n > CONF_ERRORS_MAX)
		json_array_append_new(list, json_sprintf("and %zu more",
							 n - CONF_ERRORS_MAX));
	return list;
}

static json_t *render_change(const struct conf_change *change)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_t *rendered = NULL;

	if (!out)
		return NULL;
	conf_change_print(change, out);
	/* Also what was printed is only there when it is closed. */
	if (!fclose(out))
		rendered = json_pack("{s:s,s:s,s:s,s:s}", "path",
				     text_clean(change->path), "old",
				     text_clean(change->old_text), "new",
				     text_clean(change->new_text), "text",
				     text_clean(text));
	free(text);
	return rendered;
}

static json_t *render_changes(const struct conf_changes *changes)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < changes->n; i++)
		json_array_append_new(list, render_change(&changes->change[i]));
	return list;
}

void api_post_reload(struct api_request *r)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct conf_changes changes = { 0 };

	if (!errs)
		api_error(r, API_FAILED, NULL, "out of memory");
	else if (daemon_reload(r->daemon, errs, &changes))
		api_error(r, API_REFUSED,
			  render_errors(errs->error, errs->n_errors),
			  "%s is refused, the config in force stays:",
			  r->daemon->conf_path);
	else
		api_answer(r, json_pack("{s:o,s:o}", "changes",
					render_changes(&changes), "warnings",
					render_errors(errs->warning,
						      errs->n_warnings)));
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
