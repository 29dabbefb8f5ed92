/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's neighbour table (ARP, ND) of this network namespace.
 *
 * A watcher on control's loop (rtnetlink, RTNLGRP_NEIGH), like links.h. It
 * finds the addresses of VMs on plain bridges, where no hypervisor gives leases
 * and no agent runs in the guest: the MAC is in the VM's definition, the table
 * has the address. libvirt's own way of asking the table (its source "arp")
 * fails on current kernels.
 */
#ifndef CONTROL_NEIGH_H
#define CONTROL_NEIGH_H

#include "dataplane/core/base.h"

struct event_base;

/**
 * struct neigh_info - one entry.
 * @ifindex: the interface the neighbour is behind.
 * @ip: its address.
 * @mac: what the kernel believes to be its MAC; zeros while it asks.
 */
struct neigh_info {
	uint32_t ifindex;
	struct ip_addr ip;
	uint8_t mac[6];
};

/**
 * struct neigh_ops - what the watcher tells; as struct links_ops.
 * @begin: a list of all entries begins; those not told before @end are gone.
 * @end: it is complete.
 * @changed: an entry is usable: its MAC is known.
 * @gone: the entry is gone, or the neighbour did not answer.
 * @arg: given to each.
 */
struct neigh_ops {
	void (*begin)(void *arg);
	void (*end)(void *arg, uint64_t at_ns);
	void (*changed)(void *arg, const struct neigh_info *neigh,
			uint64_t at_ns);
	void (*gone)(void *arg, const struct neigh_info *neigh, uint64_t at_ns);
	void *arg;
};

struct neigh;

/**
 * neigh_start() - begin to watch, on the owner's loop.
 * @base: the loop.
 * @ops: copied. The first list has been told when neigh_start() returns.
 * @ret_neigh: the watcher, to be stopped by neigh_stop().
 *
 * Return: 0 or a negative errno.
 */
MUST_CHECK int neigh_start(struct event_base *base, const struct neigh_ops *ops,
			   struct neigh **ret_neigh);
void neigh_stop(struct neigh *neigh);

#endif
