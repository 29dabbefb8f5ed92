/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover drain, undrain: the operator's wish that a VM gets no new connections.
 */
#include "control/cli/cli.h"

#include <stdlib.h>

#include "config/config.h"
#include "control/cli/drain_watch.h"

enum {
	OPT_POOL,
	OPT_WAIT,
	OPT_DEADLINE,
	OPT_QUIET_AFTER,
	OPT_AT_DEADLINE,
	OPT_REASON,
};

static const struct cli_item words[] = {
	{ "VM", NULL, "name, hypervisor/name, UUID or its first digits", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_item drain_options[] = {
	[OPT_POOL] = { "pool", "POOL",
		       "only in this pool (default: in all of its pools)", 0 },
	[OPT_WAIT] = { "wait", NULL,
		       "watch until it is drained; progress on stderr", 0 },
	[OPT_DEADLINE] = { "deadline", "TIME",
			   "end at the latest then, 90s, 20m, 1h (default: the "
			   "pool's, 15m)",
			   0 },
	[OPT_QUIET_AFTER] = { "quiet-after", "TIME",
			      "end earlier, after TIME without a packet. Risk: "
			      "a connection that was only idle is cut",
			      0 },
	[OPT_AT_DEADLINE] = { "at-deadline", "WHAT",
			      "of what is left then: keep: report it, cut "
			      "nothing (default); reset: cut it",
			      0 },
	[OPT_REASON] = { "reason", "TEXT", "for the journal: who, why", 0 },
	{ NULL, NULL, NULL, 0 },
};

/* The first of drain's. */
static const struct cli_item undrain_options[] = {
	[OPT_POOL] = { "pool", "POOL",
		       "only in this pool (default: in all of its pools)", 0 },
	{ NULL, NULL, NULL, 0 },
};

static int put_time(json_t *body, const char *option, const char *key,
		    const char *text)
{
	uint32_t ms;

	if (!text)
		return EXIT_DONE;
	if (conf_time_parse(text, &ms))
		return cli_usage("drain",
				 "--%s \"%s\": not a time; write 90s, 15m, 1h",
				 option, text);
	json_object_set_new(body, key, json_integer(ms));
	return EXIT_DONE;
}

static void put_text(json_t *body, const char *key, const char *text)
{
	if (text)
		json_object_set_new(body, key, json_string(text));
}

static int drain_body(const struct cli_args *args, json_t *body)
{
	const char *at_deadline = args->option[OPT_AT_DEADLINE];
	enum conf_at_deadline parsed;

	put_text(body, "pool", args->option[OPT_POOL]);
	put_text(body, "reason", args->option[OPT_REASON]);
	put_text(body, "at_deadline", at_deadline);
	if (at_deadline && conf_at_deadline_parse(at_deadline, &parsed))
		return cli_usage("drain", "--at-deadline \"%s\": keep or reset",
				 at_deadline);
	if (put_time(body, "deadline", "deadline_ms",
		     args->option[OPT_DEADLINE]) ||
	    put_time(body, "quiet-after", "quiet_after_ms",
		     args->option[OPT_QUIET_AFTER]))
		return EXIT_USAGE;
	return EXIT_DONE;
}

static int drain(struct cli *cli, const struct cli_args *args)
{
	json_t *body = json_object();
	char *path = cli_path("/v1/vms/%s/drain", args->words, 1);
	json_t *answer = NULL;
	int rc = drain_body(args, body);

	if (!rc && !args->option[OPT_WAIT]) {
		rc = cli_answer(cli, "POST", path, body, cli_show_message,
				args);
	} else if (!rc) {
		rc = cli_request(cli, "POST", path, body, &answer);
		json_decref(answer);
		if (rc == EXIT_NO_DAEMON)
			rc = cli_no_daemon(cli);
		else if (!rc)
			rc = drain_watch(cli, args->words[0]);
	}
	free(path);
	json_decref(body);
	return rc;
}

static int undrain(struct cli *cli, const struct cli_args *args)
{
	const char *names[] = { args->words[0], args->option[OPT_POOL] };
	char *path = cli_path(names[1] ? "/v1/vms/%s/drain?pool=%s" :
					 "/v1/vms/%s/drain",
			      names, names[1] ? 2 : 1);
	int rc = cli_answer(cli, "DELETE", path, NULL, cli_show_message, args);

	free(path);
	return rc;
}

const struct cli_command cmd_drain = {
	.name = "drain",
	.usage = "VM",
	.summary = "send a VM no new connections, keep those it has",
	.n_words_min = 1,
	.n_words_max = 1,
	.words = words,
	.options = drain_options,
	.text = "A VM is drained when nothing can send it a packet of a "
		"balanced connection any more: at the earliest one idle "
		"timeout of the pool (and 10 %) after its last slot began to "
		"move, since a silent connection can't be seen before. The "
		"wish is kept over restarts of the daemon and of the VM; "
		"`drover undrain VM` ends it.\n"
		"Without --wait it returns as soon as the wish is on disk. "
		"With it, flows are exact, or an estimate marked with ~; "
		"--json prints the VM's state as one object a line.",
	.exits = "with --wait: 0 drained (or quiet), 4 somebody undrained it, "
		 "5 the deadline came first",
	.examples = "drover drain web-3\n"
		    "drover drain web-3 --wait --deadline 20m --reason \"new "
		    "kernel\"\n"
		    "drover drain web-3 --pool shop/web --deadline 1m "
		    "--at-deadline reset",
	.run = drain,
};

const struct cli_command cmd_undrain = {
	.name = "undrain",
	.usage = "VM",
	.summary = "let a drained VM take new connections again",
	.n_words_min = 1,
	.n_words_max = 1,
	.words = words,
	.options = undrain_options,
	.text = "It serves again as soon as it is healthy. Connections it kept "
		"are not touched.",
	.exits = "4 it is not being drained",
	.examples = "drover undrain web-3",
	.run = undrain,
};
