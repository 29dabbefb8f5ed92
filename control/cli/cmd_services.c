/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover services: what clients connect to; the list also without a daemon.
 */
#include "control/cli/cli.h"

#include <stdlib.h>

#include "control/cli/listings.h"
#include "control/cli/table.h"
#include "control/render.h"

static const struct cli_item words[] = {
	{ "SERVICE", NULL,
	  "show one service with its counters and settings: tenant/name, or "
	  "the name where it is unique",
	  0 },
	{ NULL, NULL, NULL, 0 },
};

static void show_list(const struct cli *cli, const json_t *services,
		      const struct cli_args *args)
{
	(void)args;
	list_services(cli, services);
}

static void show_way(const json_t *service, const char *title,
		     const char *packets, const char *bytes)
{
	char count[TEXT_SIZE];
	char size[TEXT_SIZE];

	printf("%-12s %s packets, %s\n", title,
	       text_count(cli_number(service, packets), count),
	       text_bytes(cli_number(service, bytes), size));
}

static void show_one(const struct cli *cli, const json_t *service,
		     const struct cli_args *args)
{
	char opened[TEXT_SIZE];
	char ended[TEXT_SIZE];

	(void)cli;
	(void)args;
	printf("service      %s\n", cli_text(service, "service"));
	printf("clients      %s port %llu, %s\n", cli_text(service, "vip"),
	       (unsigned long long)cli_number(service, "port"),
	       cli_text(service, "protocol"));
	printf("pool         %s, port %llu of its VMs\n",
	       cli_text(service, "pool"),
	       (unsigned long long)cli_number(service, "target_port"));
	printf("connections  %s opened, %s ends seen\n",
	       text_count(cli_number(service, "openers"), opened),
	       text_count(cli_number(service, "ends"), ended));
	show_way(service, "to VMs", "in_packets", "in_bytes");
	show_way(service, "to clients", "out_packets", "out_bytes");
	if (cli_text(service, "note")[0])
		printf("note         %s\n", cli_text(service, "note"));
	show_settings(json_object_get(service, "settings"));
}

static int offline(struct dp *dp, const struct dp_ops *ops,
		   const struct cli_args *args, json_t **ret_data)
{
	struct dp_status status;

	(void)args;
	if (ops->status(dp, render_now_ns(), &status))
		return EXIT_FAILED;
	*ret_data = render_services(&status);
	dp_status_free(&status);
	return EXIT_DONE;
}

static int run(struct cli *cli, const struct cli_args *args)
{
	char *path;
	int rc;

	if (!args->n_words)
		return cli_answer_or_read(cli, "/v1/services", offline,
					  show_list, args);
	path = cli_path("/v1/services/%s", args->words, 1);
	rc = cli_answer(cli, "GET", path, NULL, show_one, args);
	free(path);
	return rc;
}

const struct cli_command cmd_services = {
	.name = "services",
	.usage = "[SERVICE]",
	.summary = "services: what clients connect to, and its traffic",
	.n_words_max = 1,
	.words = words,
	.text = "OPENED counts connections begun, BYTES IN what clients sent, "
		"BYTES OUT what VMs answered, since the service was first in "
		"force. The list works without a daemon, too.",
	.examples = "drover services\n"
		    "drover services shop/http",
	.run = run,
};
