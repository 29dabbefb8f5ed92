/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover events: the journal, and following it.
 */
#include "control/cli/cli.h"

#include <stdlib.h>

#include "control/cli/clean.h"
#include "control/cli/table.h"

#define INDENT	   21 /* what follows the time */
#define LAST_MAX   10000
#define FOLLOW_MAX 1000

enum { OPT_LAST, OPT_FOLLOW };

static const struct cli_item options[] = {
	[OPT_LAST] = { "last", "N",
		       "the latest N (default 50, at most 10000, 1000 to "
		       "follow)",
		       'n' },
	[OPT_FOLLOW] = { "follow", NULL,
			 "go on as things happen; --json then prints one object "
			 "a line",
			 'f' },
	{ NULL, NULL, NULL, 0 },
};

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
		cli_clean(event);
		if (event)
			print_event(event);
		json_decref(event);
	}
	fflush(stdout);
}

static void show(const struct cli *cli, const json_t *events,
		 const struct cli_args *args)
{
	const json_t *event;
	size_t i;

	(void)cli;
	(void)args;
	json_array_foreach(events, i, event)
		print_event(event);
}

static int follow(struct cli *cli, unsigned long last)
{
	char path[64];
	int rc;

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

static int run(struct cli *cli, const struct cli_args *args)
{
	const char *text = args->option[OPT_LAST];
	unsigned long last = 50;
	char *end = NULL;
	char path[64];

	if (text) {
		last = strtoul(text, &end, 10);
		if (end == text || *end || last > LAST_MAX)
			return cli_usage("events", "--last: 0 to %d", LAST_MAX);
	}
	if (args->option[OPT_FOLLOW])
		return follow(cli, last);
	snprintf(path, sizeof(path), "/v1/events?last=%lu", last);
	return cli_answer(cli, "GET", path, NULL, show, args);
}

const struct cli_command cmd_events = {
	.name = "events",
	.usage = "",
	.summary = "what happened, and the reason for it",
	.options = options,
	.text = "A line is when, who (a VM, pool, hypervisor or node), what, "
		"and why. The journal survives restarts of the daemon.",
	.exits = "6 also when the daemon ends that was followed",
	.examples = "drover events\n"
		    "drover events --last 0 --follow",
	.run = run,
};
