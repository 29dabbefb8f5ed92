/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover drain, undrain: the operator's wish about a VM, and watching it come
 * true.
 */
#include "control/cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "control/cli/table.h"

#define WATCH_INTERVAL_MS 500
#define LINE_INTERVAL_MS  5000	/* where nobody looks */
#define RESTART_MS	  10000 /* of the daemon: the wish is kept meanwhile */
#define NS_PER_MS	  1000000

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

/* What a VM's drain came to, over its pools. */
struct progress {
	uint64_t flows;
	uint64_t entries;
	uint64_t packets;
	uint64_t left_ms;
	bool exact;
	bool running;
	bool drained;
	bool quiet;
	bool reset;
	bool wished;
};

static void progress_add(struct progress *p, const json_t *in_pool)
{
	const json_t *drain = json_object_get(in_pool, "drain");
	const char *state = cli_text(drain, "state");
	uint64_t left_ms = cli_number(drain, "left_ms");

	if (!json_is_object(drain))
		return;
	p->wished = true;
	p->flows += cli_number(in_pool, "flows");
	p->entries += cli_number(in_pool, "entries");
	p->packets += cli_number(in_pool, "in_packets") +
		      cli_number(in_pool, "out_packets");
	p->exact = p->exact && cli_bool(in_pool, "flows_exact");
	/* "none": the wish is kept, and about to be looked at. */
	p->running = p->running || !strcmp(state, "draining") ||
		     !strcmp(state, "none");
	p->reset = p->reset || !strcmp(cli_text(drain, "at_deadline"), "reset");
	p->quiet = p->quiet || !strcmp(state, "quiet");
	p->drained = p->drained &&
		     (!strcmp(state, "drained") || !strcmp(state, "quiet"));
	if (left_ms > p->left_ms)
		p->left_ms = left_ms;
}

static int drain_progress(const struct cli *cli, const char *vm,
			  struct progress *ret, json_t **ret_answer)
{
	struct progress p = { .exact = true, .drained = true };
	const json_t *in_pool;
	char *path = cli_path("/v1/vms/%s", &vm, 1);
	json_t *answer = NULL;
	size_t i;
	int rc;

	rc = cli_request(cli, "GET", path, NULL, &answer);
	free(path);
	if (rc)
		return rc;
	json_array_foreach(json_object_get(json_object_get(answer, "data"),
					   "pools"),
			   i, in_pool)
		progress_add(&p, in_pool);
	*ret = p;
	*ret_answer = answer;
	return EXIT_DONE;
}

static void print_progress(const struct progress *p, uint64_t pps, bool tty)
{
	char left[TEXT_SIZE];

	fprintf(stderr,
		"%s%s%llu flows, %llu entries, %llu packets/s, deadline in "
		"%s%s",
		tty ? "\r\033[K" : "", p->exact ? "" : "~",
		(unsigned long long)p->flows, (unsigned long long)p->entries,
		(unsigned long long)pps, text_duration(p->left_ms, left),
		tty ? "" : "\n");
	fflush(stderr);
}

/* One object a line, as --json with --wait promises. */
static void print_line(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	fflush(stdout);
}

static int report(const struct cli *cli, const char *vm,
		  const struct progress *p, const json_t *answer)
{
	if (cli->json)
		print_line(answer);
	if (!p->wished) {
		fprintf(stderr, "drover: %s is not being drained any more\n",
			vm);
		return EXIT_REFUSED;
	}
	if (p->drained) {
		if (!cli->json)
			printf(p->quiet ? "%s is quiet and taken as drained; a "
					  "connection that was only idle will "
					  "break\n" :
					  "%s is drained\n",
			       vm);
		return EXIT_DONE;
	}
	if (p->reset)
		fprintf(stderr,
			"drover: the deadline came first: what was left on %s "
			"is cut\n",
			vm);
	else
		fprintf(stderr,
			"drover: the deadline came first: %s%llu flows are "
			"left on %s\n",
			p->exact ? "" : "~", (unsigned long long)p->flows, vm);
	return EXIT_DEADLINE;
}

static void pause_ms(long ms)
{
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

/* Progress, over a restart of the daemon if need be. */
static int patient_progress(const struct cli *cli, const char *vm,
			    struct progress *ret, json_t **ret_answer)
{
	long waited_ms = 0;
	int rc;

	for (;;) {
		rc = drain_progress(cli, vm, ret, ret_answer);
		if (rc != EXIT_NO_DAEMON)
			return rc;
		if (waited_ms >= RESTART_MS)
			return cli_no_daemon(cli);
		if (!waited_ms)
			fprintf(stderr, "drover: the daemon is away; the drain "
					"goes on when it is back\n");
		pause_ms(WATCH_INTERVAL_MS);
		waited_ms += WATCH_INTERVAL_MS;
	}
}

static uint64_t packet_rate(const struct progress *before,
			    const struct progress *now)
{
	/* Counters of what has left the tables are gone. */
	if (now->packets < before->packets)
		return 0;
	return (now->packets - before->packets) * 1000 / WATCH_INTERVAL_MS;
}

/* Follow the drain by polling; a line every few seconds where nobody looks. */
static int watch(const struct cli *cli, const char *vm)
{
	bool tty = isatty(STDERR_FILENO);
	struct progress last = { 0 };
	struct progress p = { 0 };
	json_t *answer = NULL;
	unsigned int round;
	int rc;

	for (round = 0;; round++) {
		rc = patient_progress(cli, vm, &p, &answer);
		if (rc)
			return rc;
		if (!p.running || !p.wished)
			break;
		if (cli->json)
			print_line(answer);
		if (!round)
			last = p;
		if (tty || round % 10 == 0)
			print_progress(&p, packet_rate(&last, &p), tty);
		json_decref(answer);
		last = p;
		pause_ms(WATCH_INTERVAL_MS);
	}
	if (tty && round)
		fprintf(stderr, "\r\033[K");
	rc = report(cli, vm, &p, answer);
	json_decref(answer);
	return rc;
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
			rc = watch(cli, args->words[0]);
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
