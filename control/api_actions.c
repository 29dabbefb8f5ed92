/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What changes the daemon as a whole: reload, detach.
 */
#include <stdio.h>
#include <stdlib.h>

#include "config/diff.h"
#include "control/api_request.h"
#include "control/daemon.h"
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
