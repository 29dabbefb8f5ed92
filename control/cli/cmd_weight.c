/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover weight: the operator's word on a VM's part of new connections.
 */
#include "control/cli/cli.h"

#include <stdlib.h>
#include <string.h>

#define WEIGHT_DIGITS_MAX 9

static const struct cli_item words[] = {
	{ "VM", NULL, "name, hypervisor/name, UUID or its first digits", 0 },
	{ "POOL", NULL, "only in this pool (default: in all of its pools)", 0 },
	{ "N", NULL,
	  "0 to 1000: its part of new connections beside the weights of the "
	  "pool's other VMs; 0: none",
	  0 },
	{ "default", NULL, "the weight that the pool's config gives it", 0 },
	{ NULL, NULL, NULL, 0 },
};

static int set_default(struct cli *cli, const struct cli_args *args)
{
	bool in_pool = args->n_words == 3;
	char *path = cli_path(in_pool ? "/v1/vms/%s/weight?pool=%s" :
					"/v1/vms/%s/weight",
			      args->words, in_pool ? 2 : 1);
	int rc = cli_answer(cli, "DELETE", path, NULL, cli_show_message, args);

	free(path);
	return rc;
}

static int set_number(struct cli *cli, const struct cli_args *args, long weight)
{
	char *path = cli_path("/v1/vms/%s/weight", args->words, 1);
	json_t *body = json_pack("{s:I}", "weight", (json_int_t)weight);
	int rc;

	if (args->n_words == 3)
		json_object_set_new(body, "pool", json_string(args->words[1]));
	rc = cli_answer(cli, "POST", path, body, cli_show_message, args);
	json_decref(body);
	free(path);
	return rc;
}

static int run(struct cli *cli, const struct cli_args *args)
{
	const char *word = args->words[args->n_words - 1];

	if (!strcmp(word, "default"))
		return set_default(cli, args);
	if (!word[0] || word[strspn(word, "0123456789")] ||
	    strlen(word) > WEIGHT_DIGITS_MAX)
		return cli_usage("weight",
				 "\"%s\" is no weight: 0 to 1000, or default",
				 word);
	return set_number(cli, args, strtol(word, NULL, 10));
}

const struct cli_command cmd_weight = {
	.name = "weight",
	.usage = "VM [POOL] N|default",
	.summary = "give a VM more or fewer of the new connections",
	.n_words_min = 2,
	.n_words_max = 3,
	.words = words,
	.text = "A VM of weight 2 gets twice the new connections of one of "
		"weight 1; without a word of yours, weights are those of the "
		"pool's config. Only new connections follow: those that a VM "
		"has stay with it. The wish is kept over restarts; it changes "
		"neither a drain nor what probes say.",
	.exits = "4 (with default) it has no weight of yours",
	.examples = "drover weight web-3 2\n"
		    "drover weight web-3 shop/web 0\n"
		    "drover weight web-3 default",
	.run = run,
};
