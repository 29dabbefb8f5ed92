/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover vms: what is known of each VM, and whether it serves and why.
 */
#include "control/cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "control/cli/listings.h"
#include "control/cli/table.h"

#define INDENT 13 /* where values begin */

enum { OPT_ALL };

static const struct cli_item words[] = {
	{ "VM", NULL,
	  "show all that is known of one VM: a name, hypervisor/name, UUID, or "
	  "the UUID's first digits",
	  0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_item options[] = {
	[OPT_ALL] = { "all", NULL, "also VMs that are in no pool", 'a' },
	{ NULL, NULL, NULL, 0 },
};

/* A row is a VM in a pool. */
static void show_list(const struct cli *cli, const json_t *vms,
		      const struct cli_args *args)
{
	json_t *rows = json_array();
	json_t *in_pool;
	json_t *pools;
	json_t *vm;
	json_t *row;
	size_t i;
	size_t k;

	json_array_foreach(vms, i, vm) {
		pools = json_object_get(vm, "pools");
		json_array_foreach(pools, k, in_pool) {
			row = json_copy(vm);
			json_object_set(row, "pool", in_pool);
			json_array_append_new(rows, row);
		}
		if (args->option[OPT_ALL] && !json_array_size(pools))
			json_array_append(rows, vm);
	}
	list_members(cli, rows,
		     "no VM is in a pool; `drover vms --all` shows the rest");
	json_decref(rows);
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

static void print_weight(const json_t *p)
{
	const char *from = cli_text(p, "weight_from");

	printf("  weight     %llu",
	       (unsigned long long)cli_number(p, "wanted_weight"));
	if (!strcmp(from, "operator"))
		printf(" (by the operator)");
	else if (!strcmp(from, "tag"))
		printf(" (by its tag)");
	putchar('\n');
}

/* "  IPv6       2001:db8::7 waiting: probes fail: ...", of one of two. */
static void print_family(const json_t *f)
{
	bool v4 = !strcmp(cli_text(f, "family"), "ipv4");
	const char *address = cli_text(f, "address");
	char state[128];

	snprintf(state, sizeof(state), "%s%s%s", address, *address ? " " : "",
		 cli_text(f, "role"));
	print_state(v4 ? "IPv4" : "IPv6", state, cli_text(f, "why"));
}

/* What the tables do with it, and what probes say: of each that it is in. */
static void print_role(const json_t *p)
{
	const json_t *families = json_object_get(p, "families");
	const json_t *health = json_object_get(p, "health");
	const json_t *family;
	size_t i;

	if (json_array_size(families)) {
		print_state("role", cli_text(p, "role"), "");
		json_array_foreach(families, i, family)
			print_family(family);
		return;
	}
	print_state("role", cli_text(p, "role"), cli_text(p, "why"));
	print_state("health", cli_text(health, "state"),
		    cli_text(health, "reason"));
}

static void print_in_pool(const json_t *p)
{
	const json_t *drain = json_object_get(p, "drain");
	char in[TEXT_SIZE];
	char out[TEXT_SIZE];

	printf("\npool %s\n", cli_text(p, "pool"));
	print_role(p);
	if (json_is_object(drain))
		print_drain(drain);
	print_weight(p);
	if (!cli_number(p, "backend"))
		return;
	if (cli_bool(p, "stack"))
		printf("  way        through the kernel, under the host's "
		       "rules\n");
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

/* The host's own rules at its port, which on_port_policy is about. */
static void print_rules(const json_t *port)
{
	bool filtered = cli_bool(port, "filtered");
	bool shaped = cli_bool(port, "shaped");

	if (filtered || shaped)
		printf("host's rules %s%s%s at the port\n",
		       filtered ? "nwfilter" : "",
		       filtered && shaped ? " and " : "",
		       shaped ? "<bandwidth>" : "");
}

static void show_one(const struct cli *cli, const json_t *vm,
		     const struct cli_args *args)
{
	const json_t *address;
	const json_t *port = json_object_get(vm, "port");
	const json_t *p;
	size_t i;

	(void)cli;
	(void)args;
	printf("VM           %s\n", cli_text(vm, "full_name"));
	printf("UUID         %s\n", cli_text(vm, "uuid"));
	printf("tenant       %s\n",
	       cli_text(vm, "tenant")[0] ? cli_text(vm, "tenant") : "nobody");
	printf("state        %s%s\n", cli_text(vm, "state"),
	       cli_bool(vm, "stale") ? " (stale: its hypervisor is lost)" : "");
	printf("tags        ");
	list_tags(vm, " ", "");
	putchar('\n');
	json_array_foreach(json_object_get(vm, "addresses"), i, address)
		printf("address      %s (%s)\n", cli_text(address, "address"),
		       cli_text(address, "source"));
	if (!i)
		printf("address      none known\n");
	if (json_is_object(port))
		printf("port         %s on %s, MAC %s\n",
		       cli_text(port, "name"), cli_text(port, "network"),
		       cli_text(port, "mac"));
	print_rules(port);
	if (cli_text(vm, "why")[0])
		printf("note         %s\n", cli_text(vm, "why"));
	json_array_foreach(json_object_get(vm, "pools"), i, p)
		print_in_pool(p);
}

static int run(struct cli *cli, const struct cli_args *args)
{
	char *path;
	int rc;

	if (!args->n_words)
		return cli_answer(cli, "GET", "/v1/vms", NULL, show_list, args);
	path = cli_path("/v1/vms/%s", args->words, 1);
	rc = cli_answer(cli, "GET", path, NULL, show_one, args);
	free(path);
	return rc;
}

const struct cli_command cmd_vms = {
	.name = "vms",
	.usage = "[VM]",
	.summary = "VMs: where they are, whether they serve, and why",
	.n_words_max = 1,
	.words = words,
	.options = options,
	.text = "A row is a VM in a pool. STATE is what its hypervisor says; "
		"`stale` is what it last said, and nobody can ask it now. ROLE "
		"is what the tables do with it:\n"
		"  serving   takes new connections\n"
		"  leaving   takes none, keeps those it has\n"
		"  waiting   is not in the tables (yet); WHY says what is "
		"missing\n"
		"WEIGHT is its part of new connections beside those of the "
		"others, SHARE what that comes to. FLOWS is exact, or an "
		"estimate marked with ~. WHY says why it serves or not; "
		"it is cut where the line ends, `drover vms VM` and --wide "
		"have all of it. Where a pool serves IPv4 and IPv6, a VM has a "
		"role in each; the better one is shown, and WHY has both if "
		"they differ.",
	.examples = "drover vms\n"
		    "drover vms web-3\n"
		    "drover vms --all --wide",
	.run = run,
};
