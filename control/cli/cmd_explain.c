/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover explain: which VM gets a client's packets, and by which rule; also
 * without a daemon.
 */
#include "control/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "control/cli/table.h"
#include "control/render.h"

static const char help[] =
	"drover explain - which VM gets a client's packets, and why\n\n"
	"usage: drover explain CLIENT:PORT SERVICE [--opener] [--json]\n\n"
	"  --opener   ask for the first packet (SYN) of a new connection;\n"
	"             else for a packet of one that is open\n\n"
	"It asks the tables in force with the packet path's own rules and changes\n"
	"nothing. Works without a daemon.\n\n"
	"example: drover explain 198.51.100.7:40000 shop/http\n";

/* "192.0.2.1:80" or "[2001:db8::1]:80". */
static int parse_client(const char *text, struct dp_flow *flow)
{
	char addr[64];
	const char *colon = strrchr(text, ':');
	char *end = NULL;
	size_t length;
	long port;

	if (!colon || colon == text)
		return -EINVAL;
	length = (size_t)(colon - text);
	if (text[0] == '[' && colon[-1] == ']') {
		text++;
		length -= 2;
	}
	if (length >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, length);
	addr[length] = '\0';
	port = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end || port < 1 || port > 65535)
		return -EINVAL;
	flow->client_port = (uint16_t)port;
	return conf_addr_parse(addr, &flow->client);
}

struct question {
	struct dp_flow flow;
	const char *service;
};

static json_t *offline(struct dp *dp, const struct dp_ops *ops, const void *arg)
{
	const struct question *q = arg;

	return render_explain_named(dp, ops, q->service, &q->flow);
}

static void show(const json_t *d)
{
	const json_t *entry = json_object_get(d, "entry");
	const json_t *slot = json_object_get(d, "slot");
	char text[TEXT_SIZE];

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
	if (cli_text(d, "vm")[0])
		printf("  goes to %s, %s on port %s\n", cli_text(d, "vm"),
		       cli_text(d, "target"), cli_text(d, "port"));
	else
		printf("  ends: %s\n", cli_text(d, "reason"));
}

int cmd_explain(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "opener", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct question q = { .flow.kind = FLOW_OTHER };
	json_t *answer = NULL;
	char path[512];
	char *service;
	char *client;
	int option;
	int rc;

	while ((option = getopt_long(argc, argv, "oh", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (option != 'o')
			return cli_usage("explain", "wrong option");
		q.flow.kind = FLOW_OPENER;
	}
	if (argc - optind != 2)
		return cli_usage("explain", "name a client and a service");
	if (parse_client(argv[optind], &q.flow))
		return cli_usage("explain",
				 "\"%s\" is no address and port, like "
				 "198.51.100.7:40000",
				 argv[optind]);
	q.service = argv[optind + 1];
	client = cli_quote(argv[optind]);
	service = cli_quote(q.service);
	snprintf(path, sizeof(path), "/v1/explain?client=%s&service=%s&kind=%s",
		 client, service,
		 q.flow.kind == FLOW_OPENER ? "opener" : "other");
	free(client);
	free(service);
	rc = cli_get_or_read(cli, path, offline, &q, &answer);
	if (rc)
		return rc;
	if (cli->json)
		rc = cli_print_json(answer);
	else
		show(json_object_get(answer, "data"));
	json_decref(answer);
	return rc;
}
