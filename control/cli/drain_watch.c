/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watching a drain come true, by asking again and again.
 */
#include "control/cli/drain_watch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/cli/table.h"
#include "control/render.h"

#define WATCH_INTERVAL_MS 500
#define LINE_INTERVAL_MS  5000	/* where nobody looks */
#define RESTART_MS	  10000 /* of the daemon: the wish is kept meanwhile */
#define NS_PER_MS	  1000000ULL

/* What a VM's drain came to, over its pools. */
struct progress {
	uint64_t at_ms;
	uint64_t flows;
	uint64_t entries;
	uint64_t packets;
	uint64_t left_ms;
	uint64_t earliest_ms;
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
	uint64_t earliest_ms = cli_number(drain, "earliest_left_ms");

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
	if (earliest_ms > p->earliest_ms)
		p->earliest_ms = earliest_ms;
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
	p.at_ms = render_now_ns() / NS_PER_MS;
	*ret = p;
	*ret_answer = answer;
	return EXIT_DONE;
}

/* One line, on a terminal over the one before; its end goes first. */
static void print_progress(const char *vm, const struct progress *p,
			   uint64_t pps, bool tty)
{
	char earliest[TEXT_SIZE + 32] = "";
	char text[TEXT_SIZE];
	char line[512];
	char packets[TEXT_SIZE];

	if (p->earliest_ms)
		snprintf(earliest, sizeof(earliest), ", drained in %s or later",
			 text_duration(p->earliest_ms, text));
	snprintf(line, sizeof(line),
		 "%s: %s%llu flows, %llu entries, %s packets/s, deadline in "
		 "%s%s",
		 vm, p->exact ? "" : "~", (unsigned long long)p->flows,
		 (unsigned long long)p->entries, text_count(pps, packets),
		 text_duration(p->left_ms, text), earliest);
	fputs(tty ? "\r\033[K" : "", stderr);
	text_line(line, tty ? text_columns(stderr) - 1 : UINT32_MAX, stderr);
	fputs(tty ? "" : "\n", stderr);
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
	uint64_t took_ms = now->at_ms - before->at_ms;

	/* Counters of what has left the tables are gone. */
	if (now->packets < before->packets || !took_ms)
		return 0;
	return (now->packets - before->packets) * 1000 / took_ms;
}

int drain_watch(const struct cli *cli, const char *vm)
{
	bool tty = isatty(STDERR_FILENO);
	struct progress last = { 0 };
	struct progress p = { 0 };
	json_t *answer = NULL;
	uint64_t printed_ms = 0;
	int rc;

	for (;;) {
		rc = patient_progress(cli, vm, &p, &answer);
		if (rc)
			return rc;
		if (!p.running || !p.wished)
			break;
		if (cli->json)
			print_line(answer);
		json_decref(answer);
		if (tty || !printed_ms ||
		    p.at_ms - printed_ms >= LINE_INTERVAL_MS) {
			print_progress(vm, &p,
				       last.at_ms ? packet_rate(&last, &p) : 0,
				       tty);
			printed_ms = p.at_ms;
		}
		last = p;
		pause_ms(WATCH_INTERVAL_MS);
	}
	if (tty && printed_ms)
		fprintf(stderr, "\r\033[K");
	rc = report(cli, vm, &p, answer);
	json_decref(answer);
	return rc;
}
