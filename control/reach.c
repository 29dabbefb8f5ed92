// SPDX-License-Identifier: GPL-2.0-only
/*
 * RTM_NEWADDR and RTM_DELADDR to a list of the host's networks.
 */
#include "control/reach.h"
#include "control/rtnl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

/**
 * struct own - an address of the host.
 * @ifindex: where.
 * @addr: the other end's, if there is one.
 * @bits: length of its prefix, of 128.
 */
struct own {
	uint32_t ifindex;
	struct ip_addr addr;
	uint8_t bits;
};

struct reach {
	struct rtnl *rtnl;
	void (*changed)(void *arg, uint64_t at_ns);
	void *arg;
	struct own *owns;
	size_t n;
	size_t max;
	bool listing;
};

/* Link-local addresses are on every link, so they tell of none. */
static bool is_link_local(const struct ip_addr *addr)
{
	return (addr->word[0] & BE32(0xffc00000)) == BE32(0xfe800000);
}

static int take_attr(const struct nlattr *attr, void *arg)
{
	const size_t size = mnl_attr_get_payload_len(attr);
	struct own *own = arg;

	if (mnl_attr_get_type(attr) != IFA_ADDRESS)
		return MNL_CB_OK;
	if (size == sizeof(be32)) {
		own->addr.word[2] = BE32(0xffff);
		memcpy(&own->addr.word[3], mnl_attr_get_payload(attr), size);
		own->bits += 96;
	} else if (size == sizeof(own->addr)) {
		memcpy(&own->addr, mnl_attr_get_payload(attr), size);
	}
	return MNL_CB_OK;
}

static struct own *find(const struct reach *reach, const struct own *own)
{
	size_t i;

	for (i = 0; i < reach->n; i++)
		if (reach->owns[i].ifindex == own->ifindex &&
		    !memcmp(&reach->owns[i].addr, &own->addr,
			    sizeof(own->addr)) &&
		    reach->owns[i].bits == own->bits)
			return &reach->owns[i];
	return NULL;
}

/* Without memory a network is missed: its VMs are probed the other way. */
static bool add(struct reach *reach, const struct own *own)
{
	size_t max = reach->max ? 2 * reach->max : 16;
	struct own *owns = reach->owns;

	if (find(reach, own))
		return false;
	if (reach->n == reach->max) {
		owns = realloc(owns, max * sizeof(*owns));
		if (!owns)
			return false;
		reach->owns = owns;
		reach->max = max;
	}
	reach->owns[reach->n++] = *own;
	return true;
}

static bool drop(struct reach *reach, const struct own *own)
{
	struct own *found = find(reach, own);

	if (!found)
		return false;
	*found = reach->owns[--reach->n];
	return true;
}

static void on_message(void *arg, const struct nlmsghdr *nlh, uint64_t at_ns)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(nlh);
	struct reach *reach = arg;
	struct own own = { 0 };
	bool news;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info) ||
	    (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return;
	own.ifindex = info->ifa_index;
	own.bits = info->ifa_prefixlen;
	mnl_attr_parse(nlh, sizeof(*info), take_attr, &own);
	if (is_link_local(&own.addr))
		return;
	news = nlh->nlmsg_type == RTM_NEWADDR ? add(reach, &own) :
						drop(reach, &own);
	if (news && !reach->listing && reach->changed)
		reach->changed(reach->arg, at_ns);
}

static void on_begin(void *arg)
{
	struct reach *reach = arg;

	reach->listing = true;
	reach->n = 0;
}

static void on_end(void *arg, uint64_t at_ns)
{
	struct reach *reach = arg;

	reach->listing = false;
	/* The first list is nobody's news. */
	if (reach->rtnl && reach->changed)
		reach->changed(reach->arg, at_ns);
}

int reach_start(struct event_base *base,
		void (*changed)(void *arg, uint64_t at_ns), void *arg,
		struct reach **ret_reach)
{
	struct rtnl_ops ops = {
		.group = RTNLGRP_IPV4_IFADDR,
		.also = RTNLGRP_IPV6_IFADDR,
		.list = RTM_GETADDR,
		.begin = on_begin,
		.end = on_end,
		.message = on_message,
	};
	struct reach *reach;
	int err;

	reach = calloc(1, sizeof(*reach));
	if (!reach)
		return -ENOMEM;
	reach->changed = changed;
	reach->arg = arg;
	ops.arg = reach;
	err = rtnl_start(base, &ops, &reach->rtnl);
	if (err) {
		reach_stop(reach);
		return err;
	}
	*ret_reach = reach;
	return 0;
}

void reach_stop(struct reach *reach)
{
	if (!reach)
		return;
	if (reach->rtnl)
		rtnl_stop(reach->rtnl);
	free(reach->owns);
	free(reach);
}

static bool covers(const struct own *own, const struct ip_addr *addr)
{
	int left = own->bits;
	be32 mask;
	size_t i;

	for (i = 0; i < 4 && left > 0; i++, left -= 32) {
		mask = left >= 32 ? UINT32_MAX : BE32(~(UINT32_MAX >> left));
		if ((own->addr.word[i] ^ addr->word[i]) & mask)
			return false;
	}
	return true;
}

uint32_t reach_by(const struct reach *reach, const struct ip_addr *addr)
{
	uint32_t by = 0;
	size_t i;

	for (i = 0; i < reach->n; i++) {
		if (!covers(&reach->owns[i], addr))
			continue;
		if (by && by != reach->owns[i].ifindex)
			return 0;
		by = reach->owns[i].ifindex;
	}
	return by;
}
