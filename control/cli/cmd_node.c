/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover reload, detach, version: commands about the daemon itself.
 */
#include "control/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { OPTION_PLAN };

/* "2 cut connections" of a plan's changes; nothing if there are none. */
static void show_cost(const json_t *changes, const char *effect,
		      const char *text)
{
	const json_t *change;
	size_t i, n = 0;

	json_array_foreach(changes, i, change)
		n += strcmp(cli_text(change, "effect"), effect) == 0;
	if (n)
		printf("%zu %s\n", n, text);
}

static void show_reload(const struct cli *cli, const json_t *data,
			const struct cli_args *args)
{
	const json_t *changes = json_object_get(data, "changes");
	const json_t *warning;
	const json_t *change;
	size_t i;
	size_t k;

	(void)cli;
	json_array_foreach(json_object_get(data, "warnings"), k, warning)
		fprintf(stderr, "drover: %s\n", json_string_value(warning));
	json_array_foreach(changes, i, change)
		puts(cli_text(change, "text"));
	if (i && args->option[OPTION_PLAN]) {
		show_cost(changes, "cut", "of them cut connections");
		show_cost(changes, "restart",
			  "of them wait for a restart of droverd");
	}
	if (i)
		puts(args->option[OPTION_PLAN] ? "only a plan, not in force" :
						 "in force");
	else
		puts("nothing changed");
}

static int reload(struct cli *cli, const struct cli_args *args)
{
	return cli_answer(cli, args->option[OPTION_PLAN] ? "GET" : "POST",
			  "/v1/reload", NULL, show_reload, args);
}

static const struct cli_item reload_options[] = {
	[OPTION_PLAN] = { "plan", NULL,
			  "only print what would change, and what it costs",
			  0 },
	{ NULL, NULL, NULL, 0 },
};

const struct cli_command cmd_reload = {
	.name = "reload",
	.usage = "",
	.summary = "read the config again, print what changes",
	.options = reload_options,
	.text = "All files are one config: with any error in any of them it is "
		"refused whole and the one in force stays. Each change is "
		"printed with what it costs: one that cuts connections says "
		"how many the pool has, one that waits for a restart of "
		"droverd says so; all others cut none. A new service answers "
		"after about 5 s, when its VMs' ports have learned which of "
		"their connections go past it.",
	.exits = "4 refused, with every error as file:line",
	.examples = "drover reload --plan\n"
		    "drover reload",
	.run = reload,
};

/*
 * Without a daemon's answer, by ourselves; but not under a daemon that answers
 * elsewhere, or hangs: it holds the lock of the pin directory (dataplane.h).
 */
static int detach_here(const struct cli *cli)
{
	char error[DP_ERROR_SIZE] = "";
	int fd = open(cli->pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = EXIT_DONE;

	/* Well and good if it is off; not if another place was meant. */
	if (fd < 0 && errno == ENOENT)
		fprintf(stderr, "drover: there is nothing to take off at %s\n",
			cli->pin_dir);
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

static int detach(struct cli *cli, const struct cli_args *args)
{
	json_t *answer = NULL;
	int rc;

	(void)args;
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

const struct cli_command cmd_detach = {
	.name = "detach",
	.usage = "",
	.summary = "take Drover off this machine",
	.text = "Removes its programs, links and pinned state: traffic to the "
		"VIPs ends, everything else is as if Drover had never been "
		"there. A running daemon does it and stops; without one the "
		"command does it by itself. (Stopping droverd alone leaves "
		"forwarding on.)",
	.exits = "4 a daemon holds the pinned state, but not at this socket",
	.examples = "drover detach",
	.run = detach,
};

static int version(struct cli *cli, const struct cli_args *args)
{
	const json_t *data;
	json_t *answer = NULL;
	json_t *both;
	int rc;

	(void)args;
	rc = cli_request(cli, "GET", "/v1/version", NULL, &answer);
	if (rc && rc != EXIT_NO_DAEMON)
		return rc;
	data = json_object_get(answer, "data");
	if (cli->json) {
		both = json_pack("{s:i,s:{s:s,s:s?}}", "schema", 1, "data",
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

const struct cli_command cmd_version = {
	.name = "version",
	.usage = "",
	.summary = "versions of command and daemon",
	.examples = "drover version",
	.run = version,
};
