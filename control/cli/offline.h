/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Answers without a daemon, from the forwarding state that outlives it.
 */
#ifndef CONTROL_CLI_OFFLINE_H
#define CONTROL_CLI_OFFLINE_H

#include "control/cli/cli.h"

/**
 * cli_read() - the `data` of an answer from the pinned state; says so on stderr.
 * @offline: makes it.
 *
 * Return: EXIT_DONE, or another exit code after the error was printed.
 */
int cli_read(const struct cli *cli, cli_offline_fn *offline,
	     const struct cli_args *args, json_t **ret_data);

#endif
