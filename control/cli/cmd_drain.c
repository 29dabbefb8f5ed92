/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover drain, undrain: the operator's wish about a VM, and watching it come
 * true.
 */
#include "control/cli/cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "control/cli/table.h"

#define WATCH_INTERVAL_MS 500
#define RESTART_MS	  10000 /* of the daemon: the wish is kept meanwhile */

static const char drain_help[] =
	"drover drain - send a VM no new connections, keep those it has\n\n"
	"usage: drover drain VM [OPTIONS]\n\n"
	"  --pool POOL          only in this pool (default: in all of its pools)\n"
	"  --wait               watch until it is drained; progress on stderr\n"
	"  --deadline TIME      end at the latest then (default: the pool's, 15m)\n"
	"  --quiet-after TIME   end earlier, after TIME without a packet. Risk:\n"
	"                       a connection that was only idle is cut\n"
	"  --at-deadline keep   report what is left, cut nothing (default)\n"
	"  --at-deadline reset  cut what is left\n"
	"  --reason TEXT        for the journal: who, why\n\n"
	"A VM is drained when nothing can send it a packet of a balanced flow any\n"
	"more: at the earliest one idle timeout (and 10 %) after its last slot\n"
	"began to move, since a silent connection can't be seen before.\n"
	"The wish is kept over restarts of the daemon; `drover undrain VM` ends it.\n\n"
	"Without --wait it returns as soon as the wish is on disk. exit codes with\n"
	"--wait: 0 drained (or quiet), 5 the deadline came first\n\n"
	"example: drover drain web-3 --wait --deadline 20m --reason \"new kernel\"\n";

static const char undrain_help[] =
	"drover undrain - let a drained VM take new connections again\n\n"
	"usage: drover undrain VM [--pool POOL] [--json]\n\n"
	"  --pool POOL   only in this pool (default: in all of its pools)\n\n"
	"It serves again as soon as it is healthy. Connections it kept are not\n"
	"touched. exit code 4: it is not being drained.\n\n"
	"example: drover undrain web-3\n";

struct drain_options {
	const char *vm;
	const char *pool;
	const char *reason;
	const char *deadline;
	const char *quiet_after;
	const char *at_deadline;
	bool wait;
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

static int drain_body(const struct drain_options *o, json_t *body)
{
	enum conf_at_deadline at_deadline;

	if (o->pool)
		json_object_set_new(body, "pool", json_string(o->pool));
	if (o->reason)
		json_object_set_new(body, "reason", json_string(o->reason));
	if (o->at_deadline) {
		if (conf_at_deadline_parse(o->at_deadline, &at_deadline))
			return cli_usage("drain",
					 "--at-deadline \"%s\": keep or reset",
					 o->at_deadline);
		json_object_set_new(body, "at_deadline",
				    json_string(o->at_deadline));
	}
	if (put_time(body, "deadline", "deadline_ms", o->deadline) ||
	    put_time(body, "quiet-after", "quiet_after_ms", o->quiet_after))
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

static int drain(struct cli *cli, const struct drain_options *o)
{
	json_t *body = json_object();
	char *path = cli_path("/v1/vms/%s/drain", &o->vm, 1);
	json_t *answer = NULL;
	int rc = drain_body(o, body);

	if (!rc)
		rc = cli_request(cli, "POST", path, body, &answer);
	free(path);
	json_decref(body);
	if (rc)
		return rc == EXIT_NO_DAEMON ? cli_no_daemon(cli) : rc;
	if (o->wait) {
		json_decref(answer);
		return watch(cli, o->vm);
	}
	if (cli->json)
		rc = cli_print_json(answer);
	else
		printf("%s\n",
		       cli_text(json_object_get(answer, "data"), "message"));
	json_decref(answer);
	return rc;
}

int cmd_drain(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pool", required_argument, NULL, 'p' },
		{ "wait", no_argument, NULL, 'w' },
		{ "deadline", required_argument, NULL, 'd' },
		{ "quiet-after", required_argument, NULL, 'q' },
		{ "at-deadline", required_argument, NULL, 'a' },
		{ "reason", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct drain_options o = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			o.pool = optarg;
			break;
		case 'w':
			o.wait = true;
			break;
		case 'd':
			o.deadline = optarg;
			break;
		case 'q':
			o.quiet_after = optarg;
			break;
		case 'a':
			o.at_deadline = optarg;
			break;
		case 'r':
			o.reason = optarg;
			break;
		case 'h':
			fputs(drain_help, stdout);
			return EXIT_DONE;
		default:
			return cli_wrong_option("drain", argv);
		}
	}
	if (argc - optind != 1)
		return cli_usage("drain", "name one VM");
	o.vm = argv[optind];
	return drain(cli, &o);
}

int cmd_undrain(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pool", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *words[2] = { NULL };
	json_t *answer = NULL;
	char *path;
	int option;
	int rc;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(undrain_help, stdout);
			return EXIT_DONE;
		}
		if (option != 'p')
			return cli_wrong_option("undrain", argv);
		words[1] = optarg;
	}
	if (argc - optind != 1)
		return cli_usage("undrain", "name one VM");
	words[0] = argv[optind];
	path = cli_path(words[1] ? "/v1/vms/%s/drain?pool=%s" :
				   "/v1/vms/%s/drain",
			words, words[1] ? 2 : 1);
	rc = cli_request(cli, "DELETE", path, NULL, &answer);
	free(path);
	if (rc)
		return rc == EXIT_NO_DAEMON ? cli_no_daemon(cli) : rc;
	if (cli->json)
		rc = cli_print_json(answer);
	else
		printf("%s\n",
		       cli_text(json_object_get(answer, "data"), "message"));
	json_decref(answer);
	return rc;
}
