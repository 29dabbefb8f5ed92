/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover counters: traffic, and every reason a packet was not forwarded; also
 * without a daemon.
 */
#include "control/cli/cli.h"

#include <getopt.h>

#include "control/cli/table.h"
#include "control/render.h"

static const char help[] =
	"drover counters - packets, bytes, and every reason for a drop\n\n"
	"usage: drover counters [--all] [--json]\n\n"
	"  --all   also reasons that never occurred\n\n"
	"Each packet that was not forwarded counts under exactly one reason.\n"
	"Counters only grow: over reloads and restarts, too. Works without a\n"
	"daemon.\n";

static void print_traffic(const json_t *rows, const char *key,
			  const char *title)
{
	const char *heads[] = { title,		">PACKETS IN", ">BYTES IN",
				">PACKETS OUT", ">BYTES OUT",  ">OPENED",
				">NO ENTRY" };
	static const char *const fields[] = { "in_packets",  "in_bytes",
					      "out_packets", "out_bytes",
					      "openers",     "refused" };
	const json_t *row;
	struct table t;
	char text[TEXT_SIZE];
	size_t i;
	size_t k;

	table_init(&t, heads, ARRAY_SIZE(heads));
	json_array_foreach(rows, i, row) {
		table_cell(&t, "%s", cli_text(row, key));
		for (k = 0; k < ARRAY_SIZE(fields); k++)
			table_cell(&t, "%s",
				   text_count(cli_number(row, fields[k]),
					      text));
	}
	table_print(&t, "none", stdout);
	table_done(&t);
}

static void print_reasons(const json_t *reasons, bool all)
{
	static const char *const heads[] = { "REASON", ">PACKETS", ">BYTES",
					     "WHAT" };
	const json_t *reason;
	struct table t;
	char text[TEXT_SIZE];
	size_t i;

	table_init(&t, heads, ARRAY_SIZE(heads));
	json_array_foreach(reasons, i, reason) {
		if (!all && !cli_number(reason, "packets"))
			continue;
		table_cell(&t, "%s", cli_text(reason, "reason"));
		table_cell(&t, "%s",
			   text_count(cli_number(reason, "packets"), text));
		table_cell(&t, "%s",
			   text_count(cli_number(reason, "bytes"), text));
		table_cell(&t, "%s", cli_text(reason, "text"));
	}
	table_print(&t, "every packet was forwarded", stdout);
	table_done(&t);
}

static int offline(struct dp *dp, const struct dp_ops *ops, const void *arg,
		   json_t **ret_data)
{
	(void)arg;
	*ret_data = render_counters(dp, ops);
	return *ret_data ? EXIT_DONE : EXIT_FAILED;
}

int cmd_counters(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const json_t *data;
	json_t *answer = NULL;
	bool all = false;
	int option;
	int rc;

	while ((option = getopt_long(argc, argv, "ah", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (option != 'a')
			return cli_wrong_option("counters", argv);
		all = true;
	}
	if (optind != argc)
		return cli_usage("counters", "it takes only options");
	rc = cli_get_or_read(cli, "/v1/counters", offline, NULL, &answer);
	if (rc)
		return rc;
	data = json_object_get(answer, "data");
	if (cli->json) {
		rc = cli_print_json(answer);
	} else {
		print_traffic(json_object_get(data, "services"), "service",
			      "SERVICE");
		putchar('\n');
		print_traffic(json_object_get(data, "backends"), "name", "VM");
		putchar('\n');
		print_reasons(json_object_get(data, "reasons"), all);
	}
	json_decref(answer);
	return rc;
}
