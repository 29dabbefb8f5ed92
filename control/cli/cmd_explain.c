/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover explain: which VM gets a client's packets, and by which rule; also
 * without a daemon.
 */
#include "control/cli/cli.h"

#include <getopt.h>
#include <stdlib.h>

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

struct question {
	struct dp_flow flow;
	const char *service;
};

/* Fills in the VIP of the one service of that name. */
static int find_service(const struct dp_status *status, const char *name,
			struct dp_flow *flow)
{
	const struct dp_service_status *s;
	uint32_t n = 0;
	uint32_t i;

	for (i = 0; i < status->n_services; i++) {
		s = &status->services[i];
		if (!render_name_is(s->name, name))
			continue;
		n++;
		flow->vip = s->vip;
		flow->port = s->port;
		flow->proto = s->proto;
	}
	if (n == 1)
		return EXIT_DONE;
	fprintf(stderr,
		n ? "drover: \"%s\" may be one of these services:\n" :
		    "drover: there is no service \"%s\"; `drover status` lists "
		    "them\n",
		name);
	for (i = 0; n && i < status->n_services; i++)
		if (render_name_is(status->services[i].name, name))
			fprintf(stderr, "  %s\n", status->services[i].name);
	return EXIT_UNKNOWN;
}

static int offline(struct dp *dp, const struct dp_ops *ops, const void *arg,
		   json_t **ret_data)
{
	const struct question *q = arg;
	struct dp_flow flow = q->flow;
	struct dp_status status;
	int rc;

	if (ops->status(dp, render_now_ns(), &status))
		return EXIT_FAILED;
	rc = find_service(&status, q->service, &flow);
	dp_status_free(&status);
	if (rc)
		return rc;
	*ret_data = render_explain(dp, ops, &flow);
	return *ret_data ? EXIT_DONE : EXIT_FAILED;
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
	char *path;
	int option;
	int rc;

	while ((option = getopt_long(argc, argv, "oh", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (option != 'o')
			return cli_wrong_option("explain", argv);
		q.flow.kind = FLOW_OPENER;
	}
	if (argc - optind != 2)
		return cli_usage("explain", "name a client and a service");
	if (!render_endpoint_parse(argv[optind], &q.flow.client,
				   &q.flow.client_port))
		return cli_usage("explain",
				 "\"%s\" is no address and port, like "
				 "198.51.100.7:40000",
				 argv[optind]);
	q.service = argv[optind + 1];
	path = cli_path(q.flow.kind == FLOW_OPENER ?
				"/v1/explain?kind=opener&client=%s&service=%s" :
				"/v1/explain?kind=other&client=%s&service=%s",
			(const char *const *)argv + optind, 2);
	rc = cli_get_or_read(cli, path, offline, &q, &answer);
	free(path);
	if (rc)
		return rc;
	if (cli->json)
		rc = cli_print_json(answer);
	else
		show(json_object_get(answer, "data"));
	json_decref(answer);
	return rc;
}
