/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover events: the journal, and following it.
 */
#include "control/cli/cli.h"

#include <getopt.h>
#include <stdlib.h>

#include "control/cli/table.h"

#define INDENT	   21 /* what follows the time */
#define LAST_MAX   10000
#define FOLLOW_MAX 1000

static const char help[] =
	"drover events - what happened, and the reason for it\n\n"
	"usage: drover events [--last N] [--follow] [--json]\n\n"
	"  --last N   the latest N (default 50, at most 10000, 1000 to follow)\n"
	"  --follow   go on as things happen; --json then prints one object a line\n\n"
	"A line is when, who (a VM, pool, hypervisor or node), what, and why. The\n"
	"journal survives restarts of the daemon.\n\n"
	"example: drover events --last 0 --follow\n";

static void print_event(const json_t *event)
{
	char text[TEXT_SIZE];
	int used;

	used = printf("%s  %-16s %-9s  ",
		      text_time(cli_number(event, "time_ms"), text),
		      cli_text(event, "name"), cli_text(event, "what"));
	text_wrap(cli_text(event, "reason"), (uint32_t)used, INDENT, stdout);
}

static void follow_line(void *arg, const char *line)
{
	const struct cli *cli = arg;
	json_t *event;

	if (cli->json) {
		puts(line);
	} else {
		event = json_loads(line, 0, NULL);
		if (event)
			print_event(event);
		json_decref(event);
	}
	fflush(stdout);
}

static int list(const struct cli *cli, unsigned long last)
{
	json_t *answer = NULL;
	const json_t *event;
	char path[64];
	size_t i;
	int rc;

	snprintf(path, sizeof(path), "/v1/events?last=%lu", last);
	rc = cli_request(cli, "GET", path, NULL, &answer);
	if (rc)
		return rc == EXIT_NO_DAEMON ? cli_no_daemon(cli) : rc;
	if (cli->json)
		rc = cli_print_json(answer);
	else
		json_array_foreach(json_object_get(answer, "data"), i, event)
			print_event(event);
	json_decref(answer);
	return rc;
}

int cmd_events(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "last", required_argument, NULL, 'n' },
		{ "follow", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned long last = 50;
	bool follow = false;
	char *end = NULL;
	char path[64];
	int option;
	int rc;

	while ((option = getopt_long(argc, argv, "n:fh", options, NULL)) !=
	       -1) {
		switch (option) {
		case 'n':
			last = strtoul(optarg, &end, 10);
			if (end == optarg || *end || last > LAST_MAX)
				return cli_usage("events", "--last: 0 to %d",
						 LAST_MAX);
			break;
		case 'f':
			follow = true;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_DONE;
		default:
			return cli_wrong_option("events", argv);
		}
	}
	if (optind != argc)
		return cli_usage("events", "it takes only options");
	if (!follow)
		return list(cli, last);
	if (last > FOLLOW_MAX)
		return cli_usage("events", "--last with --follow: 0 to %d",
				 FOLLOW_MAX);
	snprintf(path, sizeof(path), "/v1/events?last=%lu&follow=1", last);
	rc = cli_stream(cli, path, follow_line, cli);
	if (rc == EXIT_NO_DAEMON)
		return cli_no_daemon(cli);
	/* A stream has no other end than the daemon's. */
	return rc ? EXIT_NO_DAEMON : EXIT_DONE;
}
