/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which VM is in which pool. Part of reconcile.
 */
#ifndef CONTROL_MATCH_H
#define CONTROL_MATCH_H

#include "control/members.h"
#include "control/pools.h"

struct seen;

/**
 * struct match - what was asked about VMs, so that only those that changed are
 * asked about again; a zeroed one knows nothing.
 * @claims: the tenants', in the config's order.
 * @seen: the VMs as of the last run, sorted by UUID, as the inventory is.
 * @n_seen: how many they are.
 */
struct match {
	struct inv_claim *claims;
	struct seen *seen;
	size_t n_seen;
};

void match_done(struct match *match);

/**
 * match_take_conf() - another config: all VMs are asked about anew.
 *
 * Return: 0 or -ENOMEM: nothing has changed.
 */
MUST_CHECK int match_take_conf(struct match *match, struct members *members,
			       const struct conf *conf);

/**
 * match_vms() - put VMs that are new or have changed into the pools that take
 * them, and take out those that are gone: sets rec_member.belongs and as_backup.
 * @pools: have taken @conf.
 *
 * Return: 0 or a negative errno: then all are asked about at the next call.
 */
MUST_CHECK int match_vms(struct match *match, struct members *members,
			 const struct pools *pools, const struct conf *conf,
			 const struct inv *inv);

/* Whose the VM inv_at(@i) is: of the inventory as match_vms() saw it. */
const struct inv_owner *match_owner(const struct match *match, size_t i);

#endif
