/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * droverd: options, then daemon_run(). The only file that names an engine.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"
#include "control/daemon.h"
#include "control/log.h"

#define CONFIG_PATH "/etc/drover/drover.cfg"
#define EXIT_USAGE  2

static const char help[] =
	"droverd - the load balancer of this node\n\n"
	"usage: droverd [--config FILE] [--check]\n\n"
	"  --config FILE  the configuration (default " CONFIG_PATH ")\n"
	"  --check        only check it: every error as file:line, exit 0 or 1\n"
	"  --version      print the version\n\n"
	"It stays in the foreground and logs to stderr. SIGHUP reloads the config,\n"
	"SIGTERM stops it; forwarding goes on without it, `drover detach` ends it.\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct conf_errors *errs;
	const char *path = CONFIG_PATH;
	struct conf *conf = NULL;
	bool check = false;
	int option;
	int rc;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'v':
			printf("droverd %s\n", DROVER_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS;
		default:
			fputs("see: droverd --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		fputs("droverd: it takes only options; see: droverd --help\n",
		      stderr);
		return EXIT_USAGE;
	}
	if (check)
		return conf_check(path, stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
	if (geteuid() != 0) {
		fputs("droverd: must be started by root: it loads BPF programs "
		      "and attaches them to interfaces\n"
		      "(droverd --check needs no rights)\n",
		      stderr);
		return EXIT_FAILURE;
	}
	errs = calloc(1, sizeof(*errs));
	rc = errs ? conf_load(path, &conf, errs) : -1;
	if (!rc)
		rc = conf_refuse_unbuilt(conf, errs);
	if (errs)
		conf_errors_print(errs, stderr);
	free(errs);
	if (rc) {
		conf_free(conf);
		return EXIT_FAILURE;
	}
	log_set_level((enum log_level)conf->node.log_level);
	return daemon_run(path, conf, &dp_xdp_ops);
}
