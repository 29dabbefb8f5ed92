/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover trace: packets as they come, and what becomes of them. Reads the path's own
 * ring; also without a daemon.
 */
#include "control/cli/cli.h"

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/text.h"
#include "control/cli/clean.h"
#include "control/cli/find_vm.h"
#include "control/cli/packet.h"
#include "control/render.h"
#include "dataplane/names.h"

#define RATE_DEFAULT 100
#define RATE_MAX     1000000
#define WAIT_MS	     200
#define NS_PER_S     1000000000ULL
#define NS_PER_MS    1000000ULL

enum {
	OPT_SERVICE,
	OPT_CLIENT,
	OPT_BACKEND,
	OPT_REASON,
	OPT_COUNT,
	OPT_FOR,
	OPT_RATE,
};

static const struct cli_item options[] = {
	[OPT_SERVICE] = { "service", "SERVICE",
			  "only packets of this service: tenant/name, or the "
			  "name where it is unique",
			  's' },
	[OPT_CLIENT] = { "client", "PREFIX",
			 "only from or to these clients, like 198.51.100.0/24 "
			 "or 2001:db8::7",
			 'c' },
	[OPT_BACKEND] = { "backend", "VM", "only to or from this VM", 'b' },
	[OPT_REASON] = { "reason", "REASON",
			 "only what has this reason, as `drover counters` names "
			 "it, or all that are pass, drop or reply, or forward "
			 "for what was balanced; may be given again. Default: "
			 "all but what passes and has nothing to do with a VIP",
			 'r' },
	[OPT_COUNT] = { "count", "N", "end after N packets", 'n' },
	[OPT_FOR] = { "for", "TIME", "end after this time: 10s, 2m", 't' },
	[OPT_RATE] = { "rate", "N",
		       "at most N packets a second of each CPU (default 100)",
		       0 },
	{ NULL, NULL, NULL, 0 },
};

static volatile sig_atomic_t ended;

static void on_signal(int signo)
{
	(void)signo;
	ended = 1;
}

/**
 * struct tracing - a trace that runs.
 * @left: packets that are still to be shown; UINT64_MAX = all.
 * @shown: those that were.
 * @wall_ns: what CLOCK_REALTIME is ahead of CLOCK_MONOTONIC.
 */
struct tracing {
	const struct cli *cli;
	uint64_t left;
	uint64_t shown;
	uint64_t wall_ns;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* --- what is asked for ----------------------------------------------------- */

/* What passes without being anybody's: most of a hypervisor's packets. */
static uint64_t reasons_usual(void)
{
	return (N_REASONS < 64 ? (1ULL << N_REASONS) - 1 : ~0ULL) &
	       ~(DP_TRACE_REASON(PASS_TRUNCATED) |
		 DP_TRACE_REASON(PASS_NOT_IP) | DP_TRACE_REASON(PASS_NOT_VIP) |
		 DP_TRACE_REASON(PASS_ARP) |
		 DP_TRACE_REASON(PASS_PORT_NOT_SERVICE));
}

/* The reasons of a word, 0 = it is none. */
static uint64_t reasons_of(const char *word)
{
	size_t n = strlen(word);
	uint64_t found = 0;
	const char *name;
	int i;

	if (!strcmp(word, "forward"))
		return DP_TRACE_REASON(REASON_NONE);
	for (i = REASON_NONE + 1; i < N_REASONS; i++) {
		name = name_of_reason((enum reason)i);
		if (!strcmp(name, word) ||
		    (!strncmp(name, word, n) && name[n] == '_' &&
		     !strchr(word, '_')))
			found |= DP_TRACE_REASON(i);
	}
	return found;
}

static int take_reasons(const struct cli_args *args, struct dp_trace_ask *ask)
{
	uint64_t found;
	int i;

	ask->reasons = 0;
	for (i = 0; i < args->n_given; i++) {
		if (args->given[i].option != OPT_REASON)
			continue;
		found = reasons_of(args->given[i].value);
		if (!found)
			return cli_usage("trace",
					 "--reason \"%s\": no reason that "
					 "`drover counters --all` lists, nor "
					 "pass, drop, reply or forward",
					 args->given[i].value);
		ask->reasons |= found;
	}
	if (!ask->reasons)
		ask->reasons = reasons_usual();
	return EXIT_DONE;
}

static int take_client(const char *text, struct dp_trace_ask *ask)
{
	struct conf_prefix prefix;

	if (!text)
		return EXIT_DONE;
	if (conf_prefix_parse(text, &prefix))
		return cli_usage("trace",
				 "--client \"%s\": no address or prefix, like "
				 "198.51.100.0/24",
				 text);
	ask->client = prefix.addr;
	ask->client_bits = prefix.bits;
	return EXIT_DONE;
}

static int take_number(const char *option, const char *text, unsigned long max,
		       uint64_t *ret_n)
{
	char *end = NULL;
	unsigned long n;

	if (!text)
		return EXIT_DONE;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (end == text || *end || errno || *text == '-' || !n || n > max)
		return cli_usage("trace", "--%s \"%s\": 1 to %lu", option, text,
				 max);
	*ret_n = n;
	return EXIT_DONE;
}

/* Names become those that the tables have. */
static int take_names(const struct dp_status *status,
		      const struct cli_args *args, uint8_t *uuid,
		      struct dp_trace_ask *ask)
{
	json_t *candidates = json_array();
	json_t *services = json_array();
	char error[RENDER_ERROR_SIZE];
	int rc = EXIT_DONE;
	size_t at = 0;
	uint32_t i;

	for (i = 0; i < status->n_services; i++)
		json_array_append_new(services,
				      json_pack("{s:s}", "service",
						status->services[i].name));
	if (args->option[OPT_SERVICE]) {
		if (render_pick(services, "service", args->option[OPT_SERVICE],
				&at, candidates, error)) {
			cli_clean(candidates);
			cli_complain(error, candidates);
			rc = EXIT_UNKNOWN;
		}
		ask->service = rc ? NULL : status->services[at].name;
	}
	json_decref(services);
	json_decref(candidates);
	if (!rc && args->option[OPT_BACKEND]) {
		rc = find_vm(status, args->option[OPT_BACKEND], uuid);
		ask->uuid = uuid;
	}
	return rc;
}

/* --- what is shown ---------------------------------------------------------- */

static void print_text(const struct tracing *t, const struct dp_traced *traced,
		       json_t *packet, const char *ifname)
{
	uint64_t at_ns = traced->at_ns + t->wall_ns;
	time_t at = (time_t)(at_ns / NS_PER_S);
	char text[16] = "";
	struct tm tm;

	if (localtime_r(&at, &tm))
		(void)strftime(text, sizeof(text), "%H:%M:%S", &tm);
	printf("%s.%06llu %-10s ", text,
	       (unsigned long long)(at_ns % NS_PER_S / 1000), ifname);
	cli_clean(packet);
	packet_print(packet, stdout);
}

static void show(void *arg, const struct dp_traced *traced)
{
	struct tracing *t = arg;
	char ifname[IF_NAMESIZE] = "";
	json_t *packet;

	if (!t->left)
		return;
	if (t->left != UINT64_MAX)
		t->left--;
	t->shown++;
	if (!if_indextoname(traced->ifindex, ifname))
		(void)snprintf(ifname, sizeof(ifname), "#%u", traced->ifindex);
	packet = packet_json(&traced->packet);
	if (t->cli->json) {
		json_object_set_new(
			packet, "time_ms",
			json_integer((json_int_t)((traced->at_ns + t->wall_ns) /
						  NS_PER_MS)));
		json_object_set_new(packet, "interface", json_string(ifname));
		json_object_set_new(packet, "cpu",
				    json_integer((json_int_t)traced->cpu));
		json_dumpf(packet, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		print_text(t, traced, packet, ifname);
	}
	json_decref(packet);
}

static void tell_end(const struct tracing *t, const struct dp_trace_sum *sum)
{
	fprintf(stderr, "drover: %llu packet%s shown of %llu that match",
		(unsigned long long)t->shown, t->shown == 1 ? "" : "s",
		(unsigned long long)sum->matched);
	if (sum->limited)
		fprintf(stderr, "; %llu were over the rate",
			(unsigned long long)sum->limited);
	if (sum->lost)
		fprintf(stderr, "; %llu were lost, read too slowly",
			(unsigned long long)sum->lost);
	fputc('\n', stderr);
}

static int follow(struct tracing *t, struct dp *dp, uint64_t for_ns)
{
	uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	uint64_t now_ns = began_ns;
	struct dp_trace_sum sum = { .matched = 0 };
	int n;

	while (!ended && t->left && !ferror(stdout) &&
	       now_ns - began_ns < for_ns) {
		n = t->cli->engine->trace_read(dp, now_ns, WAIT_MS, show, t,
					       &sum);
		now_ns = clock_ns(CLOCK_MONOTONIC);
		fflush(stdout);
		if (n == -ESTALE) {
			fprintf(stderr, "drover: this trace was held up for "
					"2 seconds, and somebody else has "
					"begun one\n");
			return EXIT_FAILED;
		}
		if (n < 0) {
			fprintf(stderr, "drover: the trace can't be read: %s\n",
				strerror(-n));
			return EXIT_FAILED;
		}
	}
	tell_end(t, &sum);
	return EXIT_DONE;
}

/* --- the command --------------------------------------------------------------- */

static int start(const struct cli *cli, struct dp *dp,
		 const struct cli_args *args, const struct dp_trace_ask *ask)
{
	struct dp_trace_ask named = *ask; /* by what is here only */
	char error[DP_ERROR_SIZE] = "";
	uint8_t uuid[DP_UUID_SIZE] = { 0 };
	struct dp_status status;
	int rc;
	int err;

	if (cli->engine->status(dp, render_now_ns(), &status)) {
		fprintf(stderr, "drover: the tables can't be read\n");
		return EXIT_FAILED;
	}
	rc = take_names(&status, args, uuid, &named);
	err = rc ? 0 :
		   cli->engine->trace_start(dp, &named,
					    clock_ns(CLOCK_MONOTONIC), error);
	dp_status_free(&status);
	if (err)
		fprintf(stderr, "drover: %s\n", error);
	if (err)
		rc = err == -EBUSY ? EXIT_REFUSED : EXIT_FAILED;
	return rc;
}

static int trace(const struct cli *cli, const struct cli_args *args,
		 const struct dp_trace_ask *ask, uint64_t count,
		 uint64_t for_ns)
{
	struct tracing t = {
		.cli = cli,
		.left = count,
		.wall_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC),
	};
	char error[DP_ERROR_SIZE] = "";
	struct dp *dp = NULL;
	int rc = cli->engine->open_readonly(cli->pin_dir, &dp, error);

	if (rc) {
		fprintf(stderr, "drover: %s%s\n",
			error[0] ? error : strerror(-rc),
			rc == -EPERM || rc == -EACCES ?
				"\n  the path's tables are root's" :
				"");
		return rc == -ENOENT ? EXIT_NO_DAEMON : EXIT_FAILED;
	}
	rc = start(cli, dp, args, ask);
	if (!rc)
		rc = follow(&t, dp, for_ns);
	cli->engine->close(dp);
	return rc;
}

static int run(struct cli *cli, const struct cli_args *args)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct dp_trace_ask ask = { .rate_pps = RATE_DEFAULT };
	uint64_t rate = RATE_DEFAULT;
	uint64_t count = UINT64_MAX;
	uint32_t for_ms = 0;

	if (take_reasons(args, &ask) ||
	    take_client(args->option[OPT_CLIENT], &ask) ||
	    take_number("count", args->option[OPT_COUNT], UINT32_MAX, &count) ||
	    take_number("rate", args->option[OPT_RATE], RATE_MAX, &rate))
		return EXIT_USAGE;
	if (args->option[OPT_FOR] &&
	    conf_time_parse(args->option[OPT_FOR], &for_ms))
		return cli_usage("trace",
				 "--for \"%s\": not a time; write 10s, 2m",
				 args->option[OPT_FOR]);
	/* Before anything is on: its end is to be an orderly one. */
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	ask.rate_pps = (uint32_t)rate;
	return trace(cli, args, &ask, count,
		     args->option[OPT_FOR] ? for_ms * NS_PER_MS : UINT64_MAX);
}

const struct cli_command cmd_trace = {
	.name = "trace",
	.usage = "",
	.summary = "packets as they come, and what becomes of each",
	.options = options,
	.text = "A line is when, at which interface, the packet as it came, and "
		"the decision, as `drover explain --pcap` has them. It goes on "
		"until it is interrupted, and then says on stderr how many "
		"matched, and how many of them it could not show.\n"
		"One trace at a time; it costs the path nothing while there is "
		"none. One whose reader is killed ends by itself within 2 "
		"seconds. Must be root; works without a daemon. With --json "
		"there is an object a line.",
	.exits = "4 somebody else has a trace on",
	.examples =
		"drover trace --count 20\n"
		"drover trace --service shop/http --for 5s\n"
		"drover trace --reason drop --reason reply --for 5s\n"
		"drover trace --client 198.51.100.0/24 --backend web-2 --for 5s",
	.run = run,
};
