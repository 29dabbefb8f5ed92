/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet and what the path has decided on it, for machines and for people.
 */
#ifndef CONTROL_CLI_PACKET_H
#define CONTROL_CLI_PACKET_H

#include <jansson.h>
#include <stdio.h>

#include "dataplane/dataplane.h"

/* The fields of docs/api.md, "Packets"; a new reference. */
json_t *packet_json(const struct dp_judged *packet);

/**
 * packet_print() - the packet and the decision, to the end of the line.
 * @p: of packet_json(), after cli_clean().
 */
void packet_print(const json_t *p, FILE *out);

#endif
