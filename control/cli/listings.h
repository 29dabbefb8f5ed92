/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Listings that more than one command shows.
 */
#ifndef CONTROL_CLI_LISTINGS_H
#define CONTROL_CLI_LISTINGS_H

#include "control/cli/cli.h"

/* The `pools` of /v1/status, or /v1/pools. */
void list_pools(const struct cli *cli, const json_t *pools);

/* The `services` of /v1/status, or /v1/services. */
void list_services(const struct cli *cli, const json_t *services);

/**
 * list_members() - VMs in pools, one a row.
 * @members: objects with the VM's fields and its part of /v1/vms in a pool as
 *           "pool".
 */
void list_members(const struct cli *cli, const json_t *members,
		  const char *when_empty);

/**
 * list_tags() - a VM's tags as one writes them, or "none".
 * @before, @after: what is printed around each.
 */
void list_tags(const json_t *vm, const char *before, const char *after);

/* Keys of the config that have a value, one a line, under a heading. */
void show_settings(const json_t *settings);

#endif
