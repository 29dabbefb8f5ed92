/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RTM_NEWNEIGH and RTM_DELNEIGH to struct neigh_info.
 */
#include "control/neigh.h"
#include "control/rtnl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

/* The kernel knows the MAC, freshly or not. */
#define KNOWN_STATES \
	(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)

struct neigh {
	struct neigh_ops ops;
	struct rtnl *rtnl;
};

/**
 * struct entry - one message.
 * @family: of its address.
 * @has_ip: it has one that we understand.
 * @has_mac: the kernel knows its MAC.
 * @neigh: what it says.
 */
struct entry {
	uint8_t family;
	bool has_ip;
	bool has_mac;
	struct neigh_info neigh;
};

static void take_ip(struct entry *entry, const struct nlattr *attr)
{
	struct ip_addr *ip = &entry->neigh.ip;
	size_t size;

	size = mnl_attr_get_payload_len(attr);
	if (entry->family == AF_INET && size == sizeof(be32)) {
		ip->word[2] = BE32(0xffff);
		memcpy(&ip->word[3], mnl_attr_get_payload(attr), size);
		entry->has_ip = true;
	} else if (entry->family == AF_INET6 && size == sizeof(*ip)) {
		memcpy(ip, mnl_attr_get_payload(attr), size);
		entry->has_ip = true;
	}
}

static int take_attr(const struct nlattr *attr, void *arg)
{
	struct entry *entry = arg;

	if (mnl_attr_get_type(attr) == NDA_DST) {
		take_ip(entry, attr);
	} else if (mnl_attr_get_type(attr) == NDA_LLADDR &&
		   mnl_attr_get_payload_len(attr) == sizeof(entry->neigh.mac)) {
		memcpy(entry->neigh.mac, mnl_attr_get_payload(attr),
		       sizeof(entry->neigh.mac));
		entry->has_mac = true;
	}
	return MNL_CB_OK;
}

static void on_message(void *arg, const struct nlmsghdr *nlh, uint64_t at_ns)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(nlh);
	const struct neigh *watch = arg;
	struct entry entry = { 0 };

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info) ||
	    (info->ndm_flags & NTF_PROXY))
		return;
	entry.family = info->ndm_family;
	entry.neigh.ifindex = (uint32_t)info->ndm_ifindex;
	mnl_attr_parse(nlh, sizeof(*info), take_attr, &entry);
	/* Bridges tell of their MAC tables under the same types: no addresses. */
	if (!entry.has_ip)
		return;
	if (nlh->nlmsg_type == RTM_NEWNEIGH && entry.has_mac &&
	    (info->ndm_state & KNOWN_STATES)) {
		if (watch->ops.changed)
			watch->ops.changed(watch->ops.arg, &entry.neigh, at_ns);
	} else if (watch->ops.gone) {
		watch->ops.gone(watch->ops.arg, &entry.neigh, at_ns);
	}
}

static void on_begin(void *arg)
{
	const struct neigh *watch = arg;

	if (watch->ops.begin)
		watch->ops.begin(watch->ops.arg);
}

static void on_end(void *arg, uint64_t at_ns)
{
	const struct neigh *watch = arg;

	if (watch->ops.end)
		watch->ops.end(watch->ops.arg, at_ns);
}

int neigh_start(struct event_base *base, const struct neigh_ops *ops,
		struct neigh **ret_neigh)
{
	struct rtnl_ops rtnl_ops = {
		.group = RTNLGRP_NEIGH,
		.list = RTM_GETNEIGH,
		.begin = on_begin,
		.end = on_end,
		.message = on_message,
	};
	struct neigh *watch;
	int err;

	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->ops = *ops;
	rtnl_ops.arg = watch;
	err = rtnl_start(base, &rtnl_ops, &watch->rtnl);
	if (err) {
		free(watch);
		return err;
	}
	*ret_neigh = watch;
	return 0;
}

void neigh_stop(struct neigh *neigh)
{
	if (!neigh)
		return;
	rtnl_stop(neigh->rtnl);
	free(neigh);
}
