/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover tag: tags of a VM, kept by its hypervisor, which selectors ask for.
 */
#include "control/cli/cli.h"

#include <stdlib.h>

#include "control/cli/listings.h"

enum { OPT_ADD, OPT_REMOVE };

static const struct cli_item words[] = {
	{ "VM", NULL, "name, hypervisor/name, UUID or its first digits", 0 },
	{ "TAG", NULL,
	  "NAME=VALUE, or NAME alone: the VM shall have it, and no other tag "
	  "of this name",
	  0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_item options[] = {
	[OPT_ADD] = { "add", "TAG",
		      "the VM shall have it, beside other tags of this name; "
		      "may be given again",
		      'a' },
	[OPT_REMOVE] = { "remove", "TAG",
			 "the VM shall not have it; NAME alone: whatever its "
			 "value; may be given again",
			 'r' },
	{ NULL, NULL, NULL, 0 },
};

/* At the end of a list of the body's. False: it is no text. */
static bool put(json_t *body, const char *key, const char *tag)
{
	json_t *list = json_object_get(body, key);

	if (!list) {
		list = json_array();
		json_object_set_new(body, key, list);
	}
	return !json_array_append_new(list, json_string(tag));
}

static void show(const struct cli *cli, const json_t *vm,
		 const struct cli_args *args)
{
	(void)cli;
	(void)args;
	list_tags(vm, "", "\n");
}

/* What the words and options say. False: one of them is no text. */
static bool fill(json_t *body, const struct cli_args *args)
{
	static const char *const keys[] = {
		[OPT_ADD] = "add", [OPT_REMOVE] = "remove"
	};
	bool ok = true;
	int i;

	for (i = 1; i < args->n_words; i++)
		ok = ok && put(body, "set", args->words[i]);
	for (i = 0; i < args->n_given; i++)
		ok = ok && put(body, keys[args->given[i].option],
			       args->given[i].value);
	return ok;
}

static int change(struct cli *cli, const struct cli_args *args)
{
	char *path = cli_path("/v1/vms/%s/tags", args->words, 1);
	json_t *body = json_object();
	int rc;

	if (fill(body, args))
		rc = cli_answer(cli, "POST", path, body, cli_show_message,
				args);
	else
		rc = cli_usage("tag", "a tag is no UTF-8");
	json_decref(body);
	free(path);
	return rc;
}

static int run(struct cli *cli, const struct cli_args *args)
{
	char *path;
	int rc;

	if (args->n_words > 1 || args->n_given)
		return change(cli, args);
	path = cli_path("/v1/vms/%s", args->words, 1);
	rc = cli_answer(cli, "GET", path, NULL, show, args);
	free(path);
	return rc;
}

const struct cli_command cmd_tag = {
	.name = "tag",
	.usage = "VM [TAG]...",
	.summary = "show a VM's tags, or change them in its hypervisor",
	.n_words_min = 1,
	.n_words_max = CLI_WORDS_MAX,
	.words = words,
	.options = options,
	.text = "Without a TAG or option it shows the tags, one a line. Pools "
		"select VMs by them, so a change may take a VM into a pool, or "
		"out of it: then it keeps the connections that it has, as when "
		"it is drained.\n"
		"Tags are in the metadata of the hypervisor's definition of "
		"the VM, beside what others keep there: in what runs and in "
		"what it will start with, so they last. All changes of one "
		"command are made at once. VMs that the config lists have "
		"their tags from there.\n"
		"If the hypervisor does not answer within 5 s the command "
		"ends; what was not begun to be written by then is not "
		"written.",
	.exits = "4 its tags are kept elsewhere, or its hypervisor is out of "
		 "reach; 5 its hypervisor does not answer",
	.examples = "drover tag web-3\n"
		    "drover tag web-3 role=web stage=test\n"
		    "drover tag web-3 --remove stage --add app=api",
	.run = run,
};
