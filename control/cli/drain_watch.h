/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watching a drain come true: what `drover drain --wait` does.
 */
#ifndef CONTROL_CLI_DRAIN_WATCH_H
#define CONTROL_CLI_DRAIN_WATCH_H

#include "control/cli/cli.h"

/**
 * drain_watch() - follow a VM's drain to its end.
 *
 * Progress goes to stderr: on a terminal one line that changes, else one every
 * few seconds. With --json the VM goes to stdout, an object a line.
 *
 * Return: EXIT_DONE: drained, or quiet; EXIT_DEADLINE; EXIT_REFUSED: it is not
 * being drained any more; or what cli_request() said.
 */
int drain_watch(const struct cli *cli, const char *vm);

#endif
