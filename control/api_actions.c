/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What changes the daemon as a whole: reload, detach.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/diff.h"
#include "control/api_request.h"
#include "control/daemon.h"
#include "control/log.h"
#include "control/text.h"

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

static const char *effect_name(enum conf_effect effect)
{
	switch (effect) {
	case CONF_EFFECT_NONE:
		return "none";
	case CONF_EFFECT_CUT:
		return "cut";
	case CONF_EFFECT_RESTART:
		return "restart";
	}
	return "none";
}

/* Connections that a pool's VMs have, as the last look at the tables found. */
static uint64_t connections_of(const struct daemon *d, const char *pool)
{
	const struct dp_status *status = &d->status;
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < status->n_backends; i++)
		if (family_is_of(status->backends[i].pool, pool))
			n += status->backends[i].flows;
	return n;
}

static json_t *render_change(const struct daemon *d,
			     const struct conf_change *change)
{
	uint64_t connections = 0;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_t *rendered = NULL;

	if (!out)
		return NULL;
	conf_change_print(change, out);
	if (*change->pool) {
		connections = connections_of(d, change->pool);
		fprintf(out, ": pool %s has ~%llu", change->pool,
			(unsigned long long)connections);
	}
	/* Also what was printed is only there when it is closed. */
	if (!fclose(out))
		rendered = json_pack("{s:s,s:s,s:s,s:s,s:I,s:s}", "path",
				     text_clean(change->path), "old",
				     text_clean(change->old_text), "new",
				     text_clean(change->new_text), "effect",
				     effect_name(change->effect), "connections",
				     (json_int_t)connections, "text",
				     text_clean(text));
	free(text);
	return rendered;
}

static json_t *render_changes(const struct daemon *d,
			      const struct conf_changes *changes)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < changes->n; i++)
		json_array_append_new(list,
				      render_change(d, &changes->change[i]));
	return list;
}

/* What changes, or what is wrong. */
static void answer_changes(struct api_request *r, bool in_force)
{
	int (*read_config)(struct daemon *, struct conf_errors *,
			   struct conf_changes *) = in_force ? daemon_reload :
							       daemon_plan;
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct conf_changes changes = { 0 };

	if (daemon_look(r->daemon))
		log_warn("reload: the tables cannot be read now, numbers of "
			 "connections are old");
	if (!errs)
		api_error(r, API_FAILED, NULL, "out of memory");
	else if (read_config(r->daemon, errs, &changes))
		api_error(r, API_REFUSED,
			  render_errors(errs->error, errs->n_errors),
			  "%s is refused, the config in force stays:",
			  r->daemon->conf_path);
	else
		api_answer(r, json_pack("{s:b,s:o,s:o}", "in_force", in_force,
					"changes",
					render_changes(r->daemon, &changes),
					"warnings",
					render_errors(errs->warning,
						      errs->n_warnings)));
	conf_changes_done(&changes);
	free(errs);
}

void api_get_reload(struct api_request *r)
{
	answer_changes(r, false);
}

void api_post_reload(struct api_request *r)
{
	answer_changes(r, true);
}

void api_post_detach(struct api_request *r)
{
	char error[DP_ERROR_SIZE] = "";

	if (daemon_detach(r->daemon, error))
		api_error(r, API_FAILED, NULL, "%s", error);
	else
		api_answer(r, json_pack("{s:b}", "detached", 1));
}
