/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover: the operator's command. Options for all commands, then the table.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "control/cli/cli.h"

static const struct cli_command *const commands[] = {
	&cmd_status,  &cmd_pools,    &cmd_services, &cmd_vms,	  &cmd_drain,
	&cmd_undrain, &cmd_weight,   &cmd_tag,	    &cmd_explain, &cmd_trace,
	&cmd_events,  &cmd_counters, &cmd_reload,   &cmd_detach,  &cmd_version,
};

static void help(void)
{
	size_t i;

	puts("drover - see and steer the load balancer of this node\n\n"
	     "usage: drover [OPTIONS] COMMAND ...\n\ncommands:");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s%s\n", commands[i]->name, commands[i]->summary);
	puts("\noptions, before or after the command:\n"
	     "  --json           print {\"schema\":1,\"data\":...} for machines\n"
	     "  --wide           cut nothing in listings, however long the lines\n"
	     "  --config FILE    take socket and pin directory from a config\n"
	     "  --socket PATH    the daemon's socket (DROVER_SOCKET; " CLI_SOCKET
	     ")\n"
	     "  --pin-dir PATH   its pinned state (DROVER_PIN_DIR; " CLI_PIN_DIR
	     ")\n"
	     "  --help           help, also of a command\n\n"
	     "A VM is named by name, hypervisor/name, UUID or a unique part of\n"
	     "the UUID's beginning; a pool or service by tenant/name, or by name\n"
	     "where that is unique.\n\n"
	     "exit codes: 0 done, 1 failed, 2 usage, 3 unknown or ambiguous,\n"
	     "4 refused, 5 deadline, 6 no daemon\n\n"
	     "a first look:   drover status; drover vms\n"
	     "before upkeep:  drover drain web-3 --wait\n"
	     "after it:       drover undrain web-3");
}

/* Socket and pin directory as a config file has them. */
static int take_config(struct cli *cli, const char *path)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	int rc;

	if (!errors)
		return EXIT_FAILED;
	rc = conf_load(path, &cli->conf, errors);
	if (rc)
		conf_errors_print(errors, stderr);
	free(errors);
	if (rc)
		return EXIT_FAILED;
	cli->socket = cli->conf->node.socket;
	cli->pin_dir = cli->conf->node.pin_dir;
	return EXIT_DONE;
}

enum { CLI_CONFIG, CLI_SOCKET_PATH, CLI_PIN_PATH, CLI_N_VALUES };

/* "--json", "--wide". */
static bool take_flag(struct cli *cli, const char *word)
{
	if (!strcmp(word, "--json"))
		cli->json = true;
	else if (!strcmp(word, "--wide"))
		cli->wide = true;
	else
		return false;
	return true;
}

/* "--socket PATH" or "--socket=PATH": how many words of @argv that is, or 0. */
static int take_value(char **argv, const char *values[CLI_N_VALUES])
{
	static const char *const names[] = { "--config", "--socket",
					     "--pin-dir" };
	size_t length;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		length = strlen(names[i]);
		if (strncmp(argv[0], names[i], length) != 0)
			continue;
		if (argv[0][length] == '=') {
			values[i] = argv[0] + length + 1;
			return 1;
		}
		if (!argv[0][length] && argv[1]) {
			values[i] = argv[1];
			return 2;
		}
	}
	return 0;
}

/*
 * Take the options for all commands out of the arguments, wherever they stand,
 * and leave the rest, in order, to the command.
 */
static int take_options(struct cli *cli, int argc, char **argv, int *ret_argc)
{
	const char *values[CLI_N_VALUES] = { NULL };
	int words;
	int n = 1;
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i += words) {
		words = take_flag(cli, argv[i]) ? 1 :
						  take_value(argv + i, values);
		if (words)
			continue;
		argv[n++] = argv[i];
		words = 1;
	}
	while (i < argc)
		argv[n++] = argv[i++];
	argv[n] = NULL;
	*ret_argc = n;
	if (values[CLI_CONFIG] && take_config(cli, values[CLI_CONFIG]))
		return EXIT_FAILED;
	if (values[CLI_SOCKET_PATH])
		cli->socket = values[CLI_SOCKET_PATH];
	if (values[CLI_PIN_PATH])
		cli->pin_dir = values[CLI_PIN_PATH];
	return EXIT_DONE;
}

static int run(struct cli *cli, int argc, char **argv)
{
	size_t i;

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		help();
		return argc < 2 ? EXIT_USAGE : EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version"))
		argv[1] += 2;
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i]->name))
			return cli_run(cli, commands[i], argc - 1, argv + 1);
	fprintf(stderr,
		"drover: there is no command \"%s\"\n  see: drover --help\n",
		argv[1]);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct cli cli = { .socket = getenv("DROVER_SOCKET"),
			   .pin_dir = getenv("DROVER_PIN_DIR"),
			   .engine = &dp_xdp_ops };
	int rc;

	if (!cli.socket || !cli.socket[0])
		cli.socket = CLI_SOCKET;
	if (!cli.pin_dir || !cli.pin_dir[0])
		cli.pin_dir = CLI_PIN_DIR;
	opterr = 0; /* commands say it in their own words */
	rc = take_options(&cli, argc, argv, &argc);
	if (!rc)
		rc = run(&cli, argc, argv);
	conf_free(cli.conf);
	return rc;
}
