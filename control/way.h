/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the probes of members get to their VMs: by the host's own sockets, or over
 * the data path. Part of daemon.
 *
 * With `via = "auto"` the host's sockets are taken where they reach this VM and
 * no other: the host has an address in the VM's network on the VM's own bridge,
 * and in no other network that has the same addresses. What the engine has no way
 * to and the host's sockets don't reach is not probed, and says so.
 */
#ifndef CONTROL_WAY_H
#define CONTROL_WAY_H

#include "control/reconcile.h"

struct reach;

/**
 * way_plan() - decide for each member that is to be probed, and have the engine
 * make the ways over the data path. After the snapshot was applied: it attaches
 * to the ports that answers come back by.
 * @rec: its members' @way is filled in.
 * @reach: where the host has addresses.
 *
 * Return: whether a member has another trouble than before, to be told.
 */
bool way_plan(struct rec *rec, const struct inv *inv, const struct reach *reach,
	      const struct dp_ops *engine, struct dp *dp);

#endif
