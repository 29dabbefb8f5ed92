/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover pools: how pools stand, and all that is known of one; the former also
 * without a daemon.
 */
#include "control/cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "control/cli/listings.h"
#include "control/render.h"

static const struct cli_item words[] = {
	{ "POOL", NULL,
	  "show one pool with its VMs and settings: tenant/name, or the name "
	  "where it is unique",
	  0 },
	{ NULL, NULL, NULL, 0 },
};

static void show_list(const struct cli *cli, const json_t *pools,
		      const struct cli_args *args)
{
	(void)args;
	list_pools(cli, pools);
}

static void print_count(const char *title, const json_t *of)
{
	printf("%-12s %llu: %llu serving, %llu leaving, %llu waiting\n", title,
	       (unsigned long long)cli_number(of, "vms"),
	       (unsigned long long)cli_number(of, "serving"),
	       (unsigned long long)cli_number(of, "leaving"),
	       (unsigned long long)cli_number(of, "waiting"));
}

/* VMs, and by which family, if there are two. */
static void print_counts(const json_t *pool)
{
	const json_t *families = json_object_get(pool, "families");
	const json_t *family;
	size_t i;

	print_count("VMs", pool);
	if (json_array_size(families) < 2)
		return;
	json_array_foreach(families, i, family)
		print_count(!strcmp(cli_text(family, "family"), "ipv4") ?
				    "  by IPv4" :
				    "  by IPv6",
			    family);
}

static void show_one(const struct cli *cli, const json_t *pool,
		     const struct cli_args *args)
{
	const json_t *service;
	size_t i;

	(void)args;
	printf("pool         %s\nservices    ", cli_text(pool, "pool"));
	json_array_foreach(json_object_get(pool, "services"), i, service)
		printf(" %s", json_string_value(service));
	puts(i ? "" : " none");
	print_counts(pool);
	printf("slots        %llu: %llu claiming, %llu moving, %llu settling\n",
	       (unsigned long long)cli_number(pool, "slots"),
	       (unsigned long long)cli_number(pool, "claiming"),
	       (unsigned long long)cli_number(pool, "moving"),
	       (unsigned long long)cli_number(pool, "settling"));
	printf("refused      %llu flow entries\n",
	       (unsigned long long)cli_number(pool, "refused"));
	if (cli_text(pool, "note")[0])
		printf("note         %s\n", cli_text(pool, "note"));
	putchar('\n');
	list_members(cli, json_object_get(pool, "members"), "no VM matches");
	show_settings(json_object_get(pool, "settings"));
}

static int offline(struct dp *dp, const struct dp_ops *ops,
		   const struct cli_args *args, json_t **ret_data)
{
	struct dp_status status;

	(void)args;
	if (ops->status(dp, render_now_ns(), &status))
		return EXIT_FAILED;
	*ret_data = render_pools(&status);
	dp_status_free(&status);
	return EXIT_DONE;
}

static int run(struct cli *cli, const struct cli_args *args)
{
	char *path;
	int rc;

	if (!args->n_words)
		return cli_answer_or_read(cli, "/v1/pools", offline, show_list,
					  args);
	path = cli_path("/v1/pools/%s", args->words, 1);
	rc = cli_answer(cli, "GET", path, NULL, show_one, args);
	free(path);
	return rc;
}

const struct cli_command cmd_pools = {
	.name = "pools",
	.usage = "[POOL]",
	.summary = "pools: their VMs, slots and settings",
	.n_words_max = 1,
	.words = words,
	.text = "SERVING, LEAVING and WAITING count VMs by what the tables do "
		"with them, as `drover vms` has it, by IPv4 or by IPv6. SLOTS are the parts that "
		"connections are spread over; those that are MOVING from one "
		"VM to another keep their connections by entries of the flow "
		"table until they are SETTLING. The list works without a "
		"daemon, too.",
	.examples = "drover pools\n"
		    "drover pools shop/web",
	.run = run,
};
