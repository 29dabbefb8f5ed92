/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover explain: which VM gets a client's packets, and by which rule; what
 * becomes of each packet of a capture. Also without a daemon.
 */
#include "control/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/explain_capture.h"
#include "control/cli/table.h"
#include "control/render.h"

enum { OPT_OPENER, OPT_PCAP, OPT_PORT };
enum { WORD_CLIENT, WORD_SERVICE };

static const struct cli_item words[] = {
	{ "CLIENT:PORT", NULL,
	  "address and port of a client, like 198.51.100.7:40000 or "
	  "[2001:db8::7]:40000",
	  0 },
	{ "SERVICE", NULL, "tenant/name, or the name where it is unique", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_item options[] = {
	[OPT_OPENER] = { "opener", NULL,
			 "ask for the first packet of a new connection (a SYN, or "
			 "an Initial of QUIC); "
			 "else for a packet of one that is open",
			 'o' },
	[OPT_PCAP] = { "pcap", "FILE",
		       "ask for each packet of a capture instead, a line a "
		       "packet (pcap or pcapng, of Ethernet frames; - is the "
		       "standard input)",
		       'r' },
	[OPT_PORT] = { "port", "VM",
		       "with --pcap: it was taken at this VM's port, and not "
		       "at an uplink from outside; what has the VM's MAC "
		       "address as source is what the VM sends",
		       0 },
	{ NULL, NULL, NULL, 0 },
};

static int offline(struct dp *dp, const struct dp_ops *ops,
		   const struct cli_args *args, json_t **ret_data)
{
	const struct render_question question = {
		.client = args->words[WORD_CLIENT],
		.service = args->words[WORD_SERVICE],
		.opener = args->option[OPT_OPENER],
	};
	char error[RENDER_ERROR_SIZE];
	json_t *candidates;
	struct dp_status status;
	int rc;

	if (ops->status(dp, render_now_ns(), &status))
		return EXIT_FAILED;
	candidates = json_array();
	rc = render_explain(dp, ops, &status, &question, ret_data, candidates,
			    error);
	dp_status_free(&status);
	if (rc)
		cli_complain(error, candidates);
	json_decref(candidates);
	switch (rc) {
	case 0:
		return EXIT_DONE;
	case -EINVAL:
		return EXIT_USAGE;
	case -ENOENT:
	case -ENOTUNIQ:
		return EXIT_UNKNOWN;
	default:
		return EXIT_FAILED;
	}
}

static void show(const struct cli *cli, const json_t *d,
		 const struct cli_args *args)
{
	const json_t *entry = json_object_get(d, "entry");
	const json_t *slot = json_object_get(d, "slot");
	char text[TEXT_SIZE];

	(void)cli;
	(void)args;
	printf("%s -> %s", cli_text(d, "client"), cli_text(d, "service"));
	printf(" (%s)\n", cli_text(d, "vip"));
	if (json_is_object(slot)) {
		printf("  pool   %s, slot %llu of %llu\n", cli_text(d, "pool"),
		       (unsigned long long)cli_number(slot, "index"),
		       (unsigned long long)cli_number(slot, "of"));
		printf("  slot   %s: current %s, base %s\n",
		       cli_text(slot, "state"), cli_text(slot, "current"),
		       cli_text(slot, "base"));
	}
	if (json_is_object(entry))
		printf("  entry  %s%s, ends in %s without a packet\n",
		       cli_text(entry, "class"),
		       cli_bool(entry, "closing") ? ", closing" : "",
		       text_duration(cli_number(entry, "left_ms"), text));
	else if (json_is_object(slot))
		printf("  entry  none\n");
	printf("  rule   %s\n", cli_text(d, "rule"));
	if (cli_text(d, "as_if")[0])
		printf("  passes as it came; else: %s\n", cli_text(d, "as_if"));
	else if (cli_text(d, "vm")[0] &&
		 !strcmp(cli_text(d, "verdict"), "pass"))
		printf("  passes as it came; else it would go to %s\n",
		       cli_text(d, "vm"));
	else if (cli_text(d, "vm")[0])
		printf("  goes to %s, %s on port %s\n", cli_text(d, "vm"),
		       cli_text(d, "target"), cli_text(d, "port"));
	else
		printf("  ends: %s\n", cli_text(d, "reason"));
}

static int run(struct cli *cli, const struct cli_args *args)
{
	const char *pcap = args->option[OPT_PCAP];
	char *path;
	int rc;

	if (pcap && (args->n_words || args->option[OPT_OPENER]))
		return cli_usage("explain",
				 "--pcap FILE has the clients and services in "
				 "it: it takes no others, and no --opener");
	if (pcap)
		return explain_capture(cli, pcap, args->option[OPT_PORT]);
	if (args->n_words != 2 || args->option[OPT_PORT])
		return cli_usage("explain", "its arguments are: %s",
				 cmd_explain.usage);
	path = cli_path(args->option[OPT_OPENER] ?
				"/v1/explain?kind=opener&client=%s&service=%s" :
				"/v1/explain?kind=other&client=%s&service=%s",
			args->words, 2);
	rc = cli_answer_or_read(cli, path, offline, show, args);
	free(path);
	return rc;
}

const struct cli_command cmd_explain = {
	.name = "explain",
	.usage = "CLIENT:PORT SERVICE | --pcap FILE [--port VM]",
	.summary = "which VM gets a client's packets, and why",
	.n_words_min = 0,
	.n_words_max = 2,
	.words = words,
	.options = options,
	.text = "It asks the tables in force with the packet path's own rules "
		"and changes nothing. Works without a daemon.\n"
		"The packets of a capture go through the path's own code, as "
		"if they came now, one after the other at the times they were "
		"captured at, on a copy of the tables: what one of them "
		"would have left there (an entry, a note on a fragment) the "
		"next ones meet. With --json there is an object a line.",
	.examples = "drover explain 198.51.100.7:40000 shop/http\n"
		    "drover explain --pcap clients.pcap\n"
		    "drover explain --pcap port.pcap --port web-2",
	.run = run,
};
