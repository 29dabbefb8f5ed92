/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builds the snapshot that the data plane is handed. Part of reconcile.
 */
#ifndef CONTROL_SNAPSHOT_H
#define CONTROL_SNAPSHOT_H

#include "control/inventory.h"
#include "control/members.h"
#include "control/pools.h"

/**
 * struct snapshot - a dp_snapshot and the memory behind it.
 *
 * Names are the members' and the pools' own; valid until either changes.
 */
struct snapshot {
	struct dp_snapshot dp;
	struct dp_vip *vips;
	struct dp_service *services;
	struct dp_pool *pools;
	struct dp_backend *backends;
	struct dp_client *clients;
	char (*service_names)[DP_NAME_SIZE];
};

/**
 * snapshot_build() - replace what was there.
 * @inv: whose VMs may call VIPs.
 * @pools: those that are configured get their index.
 * @members: sorted.
 *
 * Return: 0, or -ENOMEM with the old snapshot gone (an empty one is left).
 */
MUST_CHECK int snapshot_build(struct snapshot *s, const struct conf *conf,
			      const struct inv *inv, struct pools *pools,
			      const struct members *members);

void snapshot_done(struct snapshot *s);

#endif
