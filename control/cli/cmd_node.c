/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover reload, detach, version: commands about the daemon itself.
 */
#include "control/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char reload_help[] =
	"drover reload - read the config again, print what changes\n\n"
	"usage: drover reload [--json]\n\n"
	"A config with any error is refused whole and the one in force stays. A new\n"
	"service answers after about 5 s, when its VMs' ports have learned which of\n"
	"their connections go past it.\n"
	"exit codes: 0 in force, 4 refused, with every error as file:line\n";

static const char detach_help[] =
	"drover detach - take Drover off this machine\n\n"
	"usage: drover detach\n\n"
	"Removes its programs, links and pinned state: traffic to the VIPs ends,\n"
	"everything else is as if Drover had never been there. A running daemon\n"
	"does it and stops; without one the command does it by itself. exit code 4:\n"
	"a daemon holds the pinned state, but not at this socket.\n"
	"(Stopping droverd alone leaves forwarding on.)\n";

static const char version_help[] =
	"drover version - versions of command and daemon\n\n"
	"usage: drover version [--json]\n";

/* These commands take no arguments of their own. */
static int only_help(int argc, char **argv, const char *help)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option = getopt_long(argc, argv, "h", options, NULL);

	if (option == 'h') {
		fputs(help, stdout);
		return EXIT_DONE;
	}
	if (option != -1)
		return cli_wrong_option(argv[0], argv);
	if (optind != argc)
		return cli_usage(argv[0], "it takes no arguments");
	return -1;
}

int cmd_reload(struct cli *cli, int argc, char **argv)
{
	const json_t *warning;
	const json_t *change;
	const json_t *data;
	json_t *answer = NULL;
	size_t i;
	size_t k;
	int rc = only_help(argc, argv, reload_help);

	if (rc >= 0)
		return rc;
	rc = cli_request(cli, "POST", "/v1/reload", NULL, &answer);
	if (rc)
		return rc == EXIT_NO_DAEMON ? cli_no_daemon(cli) : rc;
	if (cli->json) {
		rc = cli_print_json(answer);
	} else {
		data = json_object_get(answer, "data");
		json_array_foreach(json_object_get(data, "warnings"), k,
				   warning)
			fprintf(stderr, "drover: %s\n",
				json_string_value(warning));
		json_array_foreach(json_object_get(data, "changes"), i, change)
			puts(cli_text(change, "text"));
		puts(i ? "in force" : "nothing changed");
	}
	json_decref(answer);
	return rc;
}

/*
 * Without a daemon's answer, by ourselves; but not under a daemon that answers
 * elsewhere, or hangs: it holds the lock of the pin directory (dataplane.h).
 */
static int detach_here(const struct cli *cli)
{
	char error[DP_ERROR_SIZE] = "";
	int fd = open(cli->pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = EXIT_DONE;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
		fprintf(stderr,
			"drover: a daemon that does not answer at %s holds %s\n"
			"  name its socket with --socket PATH, or stop it\n",
			cli->socket, cli->pin_dir);
		rc = EXIT_REFUSED;
	} else if (cli->engine->detach(cli->pin_dir, error)) {
		fprintf(stderr, "drover: %s\n", error);
		rc = EXIT_FAILED;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

int cmd_detach(struct cli *cli, int argc, char **argv)
{
	json_t *answer = NULL;
	int rc = only_help(argc, argv, detach_help);

	if (rc >= 0)
		return rc;
	rc = cli_request(cli, "POST", "/v1/detach", NULL, &answer);
	if (rc == EXIT_NO_DAEMON)
		rc = detach_here(cli);
	if (rc)
		return rc;
	if (cli->json && answer)
		rc = cli_print_json(answer);
	else if (cli->json)
		puts("{\"schema\":1,\"data\":{\"detached\":true}}");
	else
		puts("Drover is off this machine");
	json_decref(answer);
	return rc;
}

int cmd_version(struct cli *cli, int argc, char **argv)
{
	const json_t *data;
	json_t *answer = NULL;
	int rc = only_help(argc, argv, version_help);

	if (rc >= 0)
		return rc;
	rc = cli_request(cli, "GET", "/v1/version", NULL, &answer);
	if (rc && rc != EXIT_NO_DAEMON)
		return rc;
	data = json_object_get(answer, "data");
	if (cli->json) {
		json_t *both =
			json_pack("{s:i,s:{s:s,s:s?}}", "schema", 1, "data",
				  "drover", DROVER_VERSION, "droverd",
				  data ? cli_text(data, "droverd") : NULL);

		rc = cli_print_json(both);
		json_decref(both);
	} else {
		printf("drover  %s\n", DROVER_VERSION);
		printf("droverd %s\n",
		       data ? cli_text(data, "droverd") : "not running");
		rc = EXIT_DONE;
	}
	json_decref(answer);
	return rc;
}
