/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover vms: what is known of each VM, and whether it serves and why.
 */
#include "control/cli/cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/table.h"

#define INDENT 13 /* where values begin */

static const char help[] =
	"drover vms - VMs: where they are, whether they serve, and why\n\n"
	"usage: drover vms [VM] [--all] [--json]\n\n"
	"  VM      show all that is known of one VM\n"
	"  --all   also VMs that are in no pool\n\n"
	"A row is a VM in a pool. ROLE is what the tables do with it:\n"
	"  serving   takes new connections\n"
	"  leaving   takes none, keeps those it has\n"
	"  waiting   is not in the tables (yet); WHY says what is missing\n"
	"FLOWS is exact, or an estimate marked with ~. WHY is cut where the line\n"
	"ends; `drover vms VM` has all of it.\n\n"
	"example: drover vms web-3\n";

static void row(struct table *t, const json_t *vm, const json_t *in_pool)
{
	char count[TEXT_SIZE];

	table_cell(t, "%s", cli_text(vm, "full_name"));
	table_cell(t, "%s", cli_text(vm, "state"));
	table_cell(t, "%s", cli_text(vm, "address"));
	table_cell(t, "%s", cli_text(in_pool, "pool"));
	table_cell(t, "%s", cli_text(in_pool, "role"));
	if (!in_pool || !cli_number(in_pool, "backend")) {
		table_cell(t, "-");
		table_cell(t, "-");
	} else {
		table_cell(t, "%.1f %%",
			   json_number_value(
				   json_object_get(in_pool, "slots_percent")));
		table_cell(t, "%s%s",
			   cli_bool(in_pool, "flows_exact") ? "" : "~",
			   text_count(cli_number(in_pool, "flows"), count));
	}
	table_cell(t, "%s", cli_text(in_pool ? in_pool : vm, "why"));
}

static void list(const json_t *vms, bool all)
{
	static const char *const heads[] = { "VM",     "STATE", "ADDRESS",
					     "POOL",   "ROLE",	">SHARE",
					     ">FLOWS", "WHY" };
	const json_t *in_pool;
	const json_t *pools;
	const json_t *vm;
	struct table t;
	size_t i;
	size_t k;

	table_init(&t, heads, ARRAY_SIZE(heads));
	json_array_foreach(vms, i, vm) {
		pools = json_object_get(vm, "pools");
		json_array_foreach(pools, k, in_pool)
			row(&t, vm, in_pool);
		if (all && !json_array_size(pools))
			row(&t, vm, NULL);
	}
	table_print(&t, "no VM is in a pool; `drover vms --all` shows the rest",
		    stdout);
	table_done(&t);
}

static void print_tags(const json_t *vm)
{
	const json_t *tag;
	size_t i;

	printf("tags        ");
	json_array_foreach(json_object_get(vm, "tags"), i, tag)
		printf(" %s=%s", cli_text(tag, "name"), cli_text(tag, "value"));
	printf("%s\n", i ? "" : " none");
}

/* "  role       serving: healthy ...", as long as it is. */
static void print_state(const char *what, const char *state, const char *why)
{
	int used = printf("  %-10s %s%s", what, state, why[0] ? ": " : "");

	text_wrap(why, (uint32_t)used, INDENT, stdout);
}

static void print_drain(const json_t *drain)
{
	char text[TEXT_SIZE];

	print_state("drain", cli_text(drain, "state"),
		    cli_text(drain, "reason"));
	printf("  %-10s %s", "since",
	       text_time(cli_number(drain, "since_ms"), text));
	printf(", until %s at the latest (%s)\n",
	       text_time(cli_number(drain, "deadline_ms"), text),
	       cli_text(drain, "at_deadline"));
	if (cli_number(drain, "earliest_left_ms"))
		printf("  %-10s in %s at the earliest\n", "drained",
		       text_duration(cli_number(drain, "earliest_left_ms"),
				     text));
}

static void print_in_pool(const json_t *p)
{
	const json_t *health = json_object_get(p, "health");
	const json_t *drain = json_object_get(p, "drain");
	char in[TEXT_SIZE];
	char out[TEXT_SIZE];

	printf("\npool %s\n", cli_text(p, "pool"));
	print_state("role", cli_text(p, "role"), cli_text(p, "why"));
	print_state("health", cli_text(health, "state"),
		    cli_text(health, "reason"));
	if (json_is_object(drain))
		print_drain(drain);
	if (!cli_number(p, "backend"))
		return;
	printf("  slots      %llu as current, %llu as base\n",
	       (unsigned long long)cli_number(p, "slots"),
	       (unsigned long long)cli_number(p, "slots_base"));
	printf("  flows      %s%llu, %llu entries\n",
	       cli_bool(p, "flows_exact") ? "" : "~",
	       (unsigned long long)cli_number(p, "flows"),
	       (unsigned long long)cli_number(p, "entries"));
	printf("  traffic    %s in, %s out\n",
	       text_bytes(cli_number(p, "in_bytes"), in),
	       text_bytes(cli_number(p, "out_bytes"), out));
}

static void show(const json_t *vm)
{
	const json_t *address;
	const json_t *port = json_object_get(vm, "port");
	const json_t *p;
	size_t i;

	printf("VM           %s\n", cli_text(vm, "full_name"));
	printf("UUID         %s\n", cli_text(vm, "uuid"));
	printf("tenant       %s\n",
	       cli_text(vm, "tenant")[0] ? cli_text(vm, "tenant") : "nobody");
	printf("state        %s%s\n", cli_text(vm, "state"),
	       cli_bool(vm, "stale") ? " (stale: its hypervisor is lost)" : "");
	print_tags(vm);
	json_array_foreach(json_object_get(vm, "addresses"), i, address)
		printf("address      %s (%s)\n", cli_text(address, "address"),
		       cli_text(address, "source"));
	if (!i)
		printf("address      none known\n");
	if (json_is_object(port))
		printf("port         %s on %s, MAC %s\n",
		       cli_text(port, "name"), cli_text(port, "network"),
		       cli_text(port, "mac"));
	if (cli_text(vm, "why")[0])
		printf("note         %s\n", cli_text(vm, "why"));
	json_array_foreach(json_object_get(vm, "pools"), i, p)
		print_in_pool(p);
}

static int one_vm(struct cli *cli, const char *name)
{
	json_t *answer = NULL;
	char *path = cli_path("/v1/vms/%s", &name, 1);
	int rc = cli_request(cli, "GET", path, NULL, &answer);

	free(path);
	if (rc)
		return rc == EXIT_NO_DAEMON ? cli_no_daemon(cli) : rc;
	if (cli->json)
		rc = cli_print_json(answer);
	else
		show(json_object_get(answer, "data"));
	json_decref(answer);
	return rc;
}

int cmd_vms(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
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
			return cli_wrong_option("vms", argv);
		all = true;
	}
	if (argc - optind > 1)
		return cli_usage("vms", "one VM at most");
	if (optind < argc)
		return one_vm(cli, argv[optind]);
	rc = cli_request(cli, "GET", "/v1/vms", NULL, &answer);
	if (rc)
		return rc == EXIT_NO_DAEMON ? cli_no_daemon(cli) : rc;
	if (cli->json)
		rc = cli_print_json(answer);
	else
		list(json_object_get(answer, "data"), all);
	json_decref(answer);
	return rc;
}
