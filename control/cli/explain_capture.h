/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drover explain --pcap: a verdict a packet.
 */
#ifndef CONTROL_CLI_EXPLAIN_CAPTURE_H
#define CONTROL_CLI_EXPLAIN_CAPTURE_H

#include "control/cli/cli.h"

/**
 * explain_capture() - judge the packets of a capture by the tables in force, and
 * print a line, or with --json an object, for each.
 * @path: of the capture.
 * @vm: at whose port the packets are, NULL = they come in by an uplink.
 *
 * Return: the exit code; errors were printed.
 */
int explain_capture(const struct cli *cli, const char *path, const char *vm);

#endif
