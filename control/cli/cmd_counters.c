/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover counters: traffic, and every reason a packet was not forwarded; also
 * without a daemon.
 */
#include "control/cli/cli.h"

#include <string.h>

#include "control/cli/list.h"
#include "control/render.h"

enum { OPT_ALL };

static const struct cli_item options[] = {
	[OPT_ALL] = { "all", NULL, "also reasons that never occurred", 'a' },
	{ NULL, NULL, NULL, 0 },
};

#define TRAFFIC_COLUMNS                                                         \
	{ { ">PACKETS IN", TABLE_WHOLE }, "in_packets", LIST_COUNT, NULL },     \
		{ { ">BYTES IN", TABLE_WHOLE }, "in_bytes", LIST_COUNT, NULL }, \
		{ { ">PACKETS OUT", TABLE_WHOLE },                              \
		  "out_packets",                                                \
		  LIST_COUNT,                                                   \
		  NULL },                                                       \
		{ { ">BYTES OUT", TABLE_WHOLE },                                \
		  "out_bytes",                                                  \
		  LIST_COUNT,                                                   \
		  NULL },                                                       \
		{ { ">OPENED", TABLE_WHOLE }, "openers", LIST_COUNT, NULL },    \
	{                                                                       \
		{ ">NO ENTRY", TABLE_WHOLE }, "refused", LIST_COUNT, NULL       \
	}

static const struct list_column of_services[] = {
	{ { "SERVICE", TABLE_NAME }, "service", LIST_TEXT, NULL },
	TRAFFIC_COLUMNS,
};

/* A VM has a row of each family. */
static void cell_pool(struct table *t, const json_t *vm)
{
	table_cell(t, "%s%s", cli_text(vm, "pool"),
		   !strcmp(cli_text(vm, "family"), "ipv6") ? " (IPv6)" : "");
}

static const struct list_column of_vms[] = {
	{ { "VM", TABLE_NAME }, "name", LIST_TEXT, NULL },
	{ { "POOL", TABLE_TEXT }, NULL, LIST_TEXT, cell_pool },
	TRAFFIC_COLUMNS,
};

static const struct list_column of_reasons[] = {
	{ { "REASON", TABLE_NAME }, "reason", LIST_TEXT, NULL },
	{ { ">PACKETS", TABLE_WHOLE }, "packets", LIST_COUNT, NULL },
	{ { ">BYTES", TABLE_WHOLE }, "bytes", LIST_COUNT, NULL },
	{ { "WHAT", TABLE_REMARK }, "text", LIST_TEXT, NULL },
};

static const struct list_column of_observed[] = {
	{ { "OBSERVED, AS IF", TABLE_NAME }, "reason", LIST_TEXT, NULL },
	{ { ">PACKETS", TABLE_WHOLE }, "packets", LIST_COUNT, NULL },
	{ { ">BYTES", TABLE_WHOLE }, "bytes", LIST_COUNT, NULL },
	{ { "WHAT", TABLE_REMARK }, "text", LIST_TEXT, NULL },
};

/* What would have become of packets of observed services; "" where none. */
static void show_observed(const struct cli *cli, const json_t *reasons)
{
	json_t *shown = json_array();
	json_t *reason;
	size_t i;

	json_array_foreach(reasons, i, reason)
		if (cli_number(reason, "packets"))
			json_array_append(shown, reason);
	if (json_array_size(shown)) {
		putchar('\n');
		list_print(cli, of_observed, ARRAY_SIZE(of_observed), shown,
			   "");
	}
	json_decref(shown);
}

static void show_reasons(const struct cli *cli, const json_t *reasons, bool all)
{
	json_t *shown = json_array();
	json_t *reason;
	size_t i;

	json_array_foreach(reasons, i, reason)
		if (all || cli_number(reason, "packets"))
			json_array_append(shown, reason);
	list_print(cli, of_reasons, ARRAY_SIZE(of_reasons), shown,
		   "every packet was forwarded");
	json_decref(shown);
}

static void show(const struct cli *cli, const json_t *data,
		 const struct cli_args *args)
{
	json_t *vms = list_by_name(json_object_get(data, "backends"), "name");

	list_print(cli, of_services, ARRAY_SIZE(of_services),
		   json_object_get(data, "services"), "no services");
	putchar('\n');
	list_print(cli, of_vms, ARRAY_SIZE(of_vms), vms, "no VMs");
	json_decref(vms);
	putchar('\n');
	show_reasons(cli, json_object_get(data, "reasons"),
		     args->option[OPT_ALL] != NULL);
	show_observed(cli, json_object_get(data, "as_if"));
}

static int offline(struct dp *dp, const struct dp_ops *ops,
		   const struct cli_args *args, json_t **ret_data)
{
	(void)args;
	*ret_data = render_counters(dp, ops);
	return *ret_data ? EXIT_DONE : EXIT_FAILED;
}

static int run(struct cli *cli, const struct cli_args *args)
{
	return cli_answer_or_read(cli, "/v1/counters", offline, show, args);
}

const struct cli_command cmd_counters = {
	.name = "counters",
	.usage = "",
	.summary = "packets, bytes, and every reason for a drop",
	.options = options,
	.text = "Each packet that was not forwarded counts under exactly one "
		"reason. Counters only grow: over reloads and restarts, too. "
		"NO ENTRY counts flow entries that found no place. Works "
		"without a daemon.",
	.examples = "drover counters\n"
		    "drover counters --all",
	.run = run,
};
