/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover status: is everything well; also without a daemon.
 */
#include "control/cli/cli.h"

#include <getopt.h>
#include <time.h>

#include "control/cli/table.h"
#include "control/render.h"

static const char help[] =
	"drover status - is everything well: node, pools, services\n\n"
	"usage: drover status [--json]\n\n"
	"Without a daemon it reads the pinned state and says so: forwarding goes\n"
	"on while droverd is stopped, killed or upgraded. The exit code is 0\n"
	"then, too, and 6 only when nothing is in force either.\n";

static void print_node(const json_t *data)
{
	const json_t *dp = json_object_get(data, "dataplane");
	const json_t *uplink;
	char text[TEXT_SIZE];
	size_t i;

	printf("node        %s, droverd %s",
	       cli_text(data, "node")[0] ? cli_text(data, "node") : "-",
	       cli_text(data, "control"));
	if (cli_number(data, "uptime_ms"))
		printf(" for %s",
		       text_duration(cli_number(data, "uptime_ms"), text));
	printf("\nforwarding  %s, publish %llu, tables %s",
	       cli_text(dp, "engine"),
	       (unsigned long long)cli_number(dp, "generation"),
	       text_bytes(cli_number(dp, "memory_bytes"), text));
	printf(", %llu flow entries of %llu\nuplinks    ",
	       (unsigned long long)cli_number(dp, "flow_entries"),
	       (unsigned long long)cli_number(dp, "flow_entries_max"));
	json_array_foreach(json_object_get(dp, "uplinks"), i, uplink)
		printf(" %s (%s)", cli_text(uplink, "name"),
		       cli_text(uplink, "mode"));
	puts(i ? "" : " none");
}

static void print_hypervisors(const json_t *data)
{
	const json_t *hv;
	char text[TEXT_SIZE];
	size_t i;

	json_array_foreach(json_object_get(data, "hypervisors"), i, hv) {
		printf("hypervisor  %s %s", cli_text(hv, "name"),
		       cli_text(hv, "state"));
		printf(" for %s, %llu VMs",
		       text_duration(cli_number(hv, "since_ms"), text),
		       (unsigned long long)cli_number(hv, "vms"));
		if (cli_text(hv, "error")[0])
			printf(" (%s)", cli_text(hv, "error"));
		putchar('\n');
	}
}

static void print_pools(const json_t *data)
{
	static const char *const heads[] = {
		"POOL",	  ">VMS",    ">SERVING",  ">LEAVING", ">WAITING",
		">SLOTS", ">MOVING", ">SETTLING", "NOTE"
	};
	const json_t *pool;
	struct table t;
	size_t i;

	table_init(&t, heads, ARRAY_SIZE(heads));
	json_array_foreach(json_object_get(data, "pools"), i, pool) {
		table_cell(&t, "%s", cli_text(pool, "pool"));
		table_cell(&t, "%u", (unsigned)cli_number(pool, "vms"));
		table_cell(&t, "%u", (unsigned)cli_number(pool, "serving"));
		table_cell(&t, "%u", (unsigned)cli_number(pool, "leaving"));
		table_cell(&t, "%u", (unsigned)cli_number(pool, "waiting"));
		table_cell(&t, "%u", (unsigned)cli_number(pool, "slots"));
		table_cell(&t, "%u",
			   (unsigned)(cli_number(pool, "moving") +
				      cli_number(pool, "claiming")));
		table_cell(&t, "%u", (unsigned)cli_number(pool, "settling"));
		table_cell(&t, "%s", cli_text(pool, "note"));
	}
	table_print(&t, "no pools", stdout);
	table_done(&t);
}

static void print_services(const json_t *data)
{
	static const char *const heads[] = { "SERVICE",	  "VIP",
					     "POOL",	  ">OPENED",
					     ">BYTES IN", ">BYTES OUT" };
	const json_t *service;
	char text[TEXT_SIZE];
	struct table t;
	size_t i;

	table_init(&t, heads, ARRAY_SIZE(heads));
	json_array_foreach(json_object_get(data, "services"), i, service) {
		table_cell(&t, "%s", cli_text(service, "service"));
		table_cell(&t, "%s:%u/%s", cli_text(service, "vip"),
			   (unsigned)cli_number(service, "port"),
			   cli_text(service, "protocol"));
		table_cell(&t, "%s", cli_text(service, "pool"));
		table_cell(&t, "%s",
			   text_count(cli_number(service, "openers"), text));
		table_cell(&t, "%s",
			   text_bytes(cli_number(service, "in_bytes"), text));
		table_cell(&t, "%s",
			   text_bytes(cli_number(service, "out_bytes"), text));
	}
	table_print(&t, "no services", stdout);
	table_done(&t);
}

static void print_warnings(const json_t *data)
{
	const json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(data, "warnings"), i, warning) {
		printf("%s! ", i ? "" : "\n");
		text_wrap(json_string_value(warning), 2, 2, stdout);
	}
}

static int offline(struct dp *dp, const struct dp_ops *ops, const void *arg,
		   json_t **ret_data)
{
	(void)arg;
	*ret_data = render_offline(dp, ops);
	return *ret_data ? EXIT_DONE : EXIT_FAILED;
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const json_t *data;
	json_t *answer = NULL;
	int option;
	int rc;

	option = getopt_long(argc, argv, "h", options, NULL);
	if (option == 'h') {
		fputs(help, stdout);
		return EXIT_DONE;
	}
	if (option != -1)
		return cli_wrong_option("status", argv);
	if (optind != argc)
		return cli_usage("status", "it takes no arguments");
	rc = cli_get_or_read(cli, "/v1/status", offline, NULL, &answer);
	if (rc)
		return rc;
	data = json_object_get(answer, "data");
	if (cli->json) {
		rc = cli_print_json(answer);
	} else {
		print_node(data);
		print_hypervisors(data);
		putchar('\n');
		print_pools(data);
		putchar('\n');
		print_services(data);
		print_warnings(data);
	}
	json_decref(answer);
	return rc;
}
