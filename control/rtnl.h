/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watching one kind of rtnetlink object: a list first, then each change. What
 * links.c and neigh.c have in common.
 */
#ifndef CONTROL_RTNL_H
#define CONTROL_RTNL_H

#include "dataplane/core/base.h"

struct event_base;
struct nlmsghdr;

/**
 * struct rtnl_ops - what is watched.
 * @group: RTNLGRP_…; @also: another one, whose objects the list has too; 0 = none.
 * @list: type of the request for a list, RTM_GET…
 * @list_size: of the header that this type wants, if more than the family.
 * @begin: a list begins; may be NULL.
 * @end: it is complete; may be NULL.
 * @message: one message, of the list or a change.
 * @arg: given to each.
 */
struct rtnl_ops {
	unsigned int group;
	unsigned int also;
	uint16_t list;
	size_t list_size;
	void (*begin)(void *arg);
	void (*end)(void *arg, uint64_t at_ns);
	void (*message)(void *arg, const struct nlmsghdr *nlh, uint64_t at_ns);
	void *arg;
};

struct rtnl;

/**
 * rtnl_start() - watch. The first list has been told when this returns.
 * @ops: copied.
 * @ret_rtnl: for rtnl_stop().
 *
 * Return: 0 or a negative errno.
 */
MUST_CHECK int rtnl_start(struct event_base *base, const struct rtnl_ops *ops,
			  struct rtnl **ret_rtnl);
void rtnl_stop(struct rtnl *rtnl);

#endif
