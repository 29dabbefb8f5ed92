/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover status: is everything well; also without a daemon.
 */
#include "control/cli/cli.h"

#include "control/cli/list.h"
#include "control/cli/listings.h"
#include "control/render.h"

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

/* Nothing without a daemon: nobody probes then. */
static void print_probes(const json_t *data)
{
	const json_t *probes = json_object_get(data, "probes");

	if (!probes)
		return;
	printf("probes      %llu targets, %llu under way, %llu waiting; ",
	       (unsigned long long)cli_number(probes, "targets"),
	       (unsigned long long)cli_number(probes, "under_way"),
	       (unsigned long long)cli_number(probes, "waiting"));
	printf("%llu made, %llu failed, %llu late\n",
	       (unsigned long long)cli_number(probes, "made"),
	       (unsigned long long)cli_number(probes, "failed"),
	       (unsigned long long)cli_number(probes, "late"));
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

static int offline(struct dp *dp, const struct dp_ops *ops,
		   const struct cli_args *args, json_t **ret_data)
{
	(void)args;
	*ret_data = render_offline(dp, ops);
	return *ret_data ? EXIT_DONE : EXIT_FAILED;
}

static void show(const struct cli *cli, const json_t *data,
		 const struct cli_args *args)
{
	(void)args;
	print_node(data);
	print_hypervisors(data);
	print_probes(data);
	putchar('\n');
	list_pools(cli, json_object_get(data, "pools"));
	putchar('\n');
	list_services(cli, json_object_get(data, "services"));
	print_warnings(data);
}

static int run(struct cli *cli, const struct cli_args *args)
{
	return cli_answer_or_read(cli, "/v1/status", offline, show, args);
}

const struct cli_command cmd_status = {
	.name = "status",
	.usage = "",
	.summary = "is everything well: node, pools, services",
	.text = "Probes are late if they begin more than 100 ms after they were "
		"due: too many are under way, or commands of probes run "
		"(node.commands in the config). "
		"Lines at the end that begin with ! are warnings. Without a "
		"daemon it reads the pinned state and says so: forwarding goes "
		"on while droverd is stopped, killed or upgraded.",
	.exits = "0 also without a daemon, if traffic is being forwarded\n"
		 "6 no daemon, and nothing is being forwarded",
	.examples = "drover status",
	.run = run,
};
