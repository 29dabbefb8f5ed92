/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network interfaces of this network namespace, as they come and go.
 *
 * A watcher on control's loop (rtnetlink, RTNLGRP_LINK): first all interfaces
 * that there are, then each change. The kernel says that a VM's tap is gone
 * within a millisecond of its process's death, which is sooner than any
 * hypervisor does. When the kernel had to drop messages, all are listed anew.
 *
 * Keeps no table: the inventory has what it needs; anybody else asks the
 * kernel by links_get().
 */
#ifndef CONTROL_LINKS_H
#define CONTROL_LINKS_H

#include <net/if.h>

#include "dataplane/core/base.h"

struct event_base;

/**
 * struct link_info - one interface.
 * @ifindex: its number; not used again before 2^31 others, but a name is.
 * @master: number of the bridge it is in, 0 = none.
 * @lower: of a VLAN and the like: number of what it stands on, 0 = none.
 * @mtu: bytes.
 * @mac: zeros if it has none.
 * @up: it is up and has a carrier; a tap has one while a process holds it.
 * @name: current name.
 */
struct link_info {
	uint32_t ifindex;
	uint32_t master;
	uint32_t lower;
	uint32_t mtu;
	uint8_t mac[6];
	bool up;
	char name[IF_NAMESIZE];
};

/**
 * struct links_ops - what the watcher tells. All but @arg may be NULL.
 * @begin: a list of all interfaces begins; those not told before @end are gone.
 * @end: it is complete.
 * @changed: an interface is new, or something about it changed.
 * @gone: an interface is gone.
 * @arg: given to each.
 *
 * @at_ns: when the message was read, CLOCK_MONOTONIC.
 */
struct links_ops {
	void (*begin)(void *arg);
	void (*end)(void *arg, uint64_t at_ns);
	void (*changed)(void *arg, const struct link_info *link,
			uint64_t at_ns);
	void (*gone)(void *arg, uint32_t ifindex, uint64_t at_ns);
	void *arg;
};

struct links;

/**
 * links_start() - begin to watch, on the owner's loop.
 * @base: the loop.
 * @ops: copied. The first list has been told when links_start() returns.
 * @ret_links: the watcher, to be stopped by links_stop().
 *
 * Return: 0 or a negative errno.
 */
MUST_CHECK int links_start(struct event_base *base, const struct links_ops *ops,
			   struct links **ret_links);
void links_stop(struct links *links);

/**
 * links_get() - ask the kernel for one interface.
 * @name: its name.
 * @ret_link: the answer.
 *
 * Return: 0, -ENODEV, or another negative errno.
 */
MUST_CHECK int links_get(const char *name, struct link_info *ret_link);

#endif
