// SPDX-License-Identifier: GPL-2.0-only
/*
 * RTM_DELQDISC, RTM_NEWQDISC and RTM_DELTFILTER to numbers of interfaces.
 */
#include "control/filters.h"
#include "control/rtnl.h"

#include <errno.h>
#include <stdlib.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

struct filters {
	struct rtnl *rtnl;
	void (*changed)(void *arg, uint32_t ifindex, uint64_t at_ns);
	void *arg;
};

static void on_message(void *arg, const struct nlmsghdr *nlh, uint64_t at_ns)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	const struct filters *filters = arg;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*tc))
		return;
	switch (nlh->nlmsg_type) {
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_DELTFILTER:
		filters->changed(filters->arg, (uint32_t)tc->tcm_ifindex,
				 at_ns);
		break;
	default:
		break;
	}
}

int filters_start(struct event_base *base,
		  void (*changed)(void *arg, uint32_t ifindex, uint64_t at_ns),
		  void *arg, struct filters **ret_filters)
{
	struct rtnl_ops ops = {
		.group = RTNLGRP_TC,
		.list = RTM_GETQDISC,
		.list_size = sizeof(struct tcmsg),
		.message = on_message,
	};
	struct filters *filters = calloc(1, sizeof(*filters));
	int err;

	if (!filters)
		return -ENOMEM;
	filters->changed = changed;
	filters->arg = arg;
	ops.arg = filters;
	err = rtnl_start(base, &ops, &filters->rtnl);
	if (err) {
		free(filters);
		return err;
	}
	*ret_filters = filters;
	return 0;
}

void filters_stop(struct filters *filters)
{
	if (!filters)
		return;
	rtnl_stop(filters->rtnl);
	free(filters);
}
