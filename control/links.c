/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RTM_NEWLINK and RTM_DELLINK to struct link_info.
 *
 * Bridges send messages of their own family under the same types: a port that
 * leaves its bridge is "deleted" there. Only AF_UNSPEC is about interfaces.
 */
#include "control/links.h"
#include "control/rtnl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>

struct links {
	struct links_ops ops;
	struct rtnl *rtnl;
};

/* An attribute that is shorter than it should be reads as 0. */
static uint32_t attr_u32(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= sizeof(uint32_t) ?
		       mnl_attr_get_u32(attr) :
		       0;
}

static int take_attr(const struct nlattr *attr, void *arg)
{
	struct link_info *link = arg;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		snprintf(link->name, sizeof(link->name), "%.*s",
			 (int)mnl_attr_get_payload_len(attr),
			 mnl_attr_get_str(attr));
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(link->mac))
			memcpy(link->mac, mnl_attr_get_payload(attr),
			       sizeof(link->mac));
		break;
	case IFLA_MASTER:
		link->master = attr_u32(attr);
		break;
	case IFLA_LINK:
		link->lower = attr_u32(attr);
		break;
	case IFLA_MTU:
		link->mtu = attr_u32(attr);
		break;
	default: /* the kernel's enum, not ours */
		break;
	}
	return MNL_CB_OK;
}

static void parse(const struct nlmsghdr *nlh, struct link_info *link)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	const unsigned int works = IFF_UP | IFF_LOWER_UP;

	*link = (struct link_info){ .ifindex = (uint32_t)info->ifi_index };
	link->up = (info->ifi_flags & works) == works;
	mnl_attr_parse(nlh, sizeof(*info), take_attr, link);
}

static void on_message(void *arg, const struct nlmsghdr *nlh, uint64_t at_ns)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	const struct links *links = arg;
	struct link_info link;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info) ||
	    info->ifi_family != AF_UNSPEC)
		return;
	parse(nlh, &link);
	if (nlh->nlmsg_type == RTM_NEWLINK && links->ops.changed)
		links->ops.changed(links->ops.arg, &link, at_ns);
	else if (nlh->nlmsg_type == RTM_DELLINK && links->ops.gone)
		links->ops.gone(links->ops.arg, link.ifindex, at_ns);
}

static void on_begin(void *arg)
{
	const struct links *links = arg;

	if (links->ops.begin)
		links->ops.begin(links->ops.arg);
}

static void on_end(void *arg, uint64_t at_ns)
{
	const struct links *links = arg;

	if (links->ops.end)
		links->ops.end(links->ops.arg, at_ns);
}

int links_start(struct event_base *base, const struct links_ops *ops,
		struct links **ret_links)
{
	struct rtnl_ops rtnl_ops = {
		.group = RTNLGRP_LINK,
		.list = RTM_GETLINK,
		.begin = on_begin,
		.end = on_end,
		.message = on_message,
	};
	struct links *links;
	int err;

	links = calloc(1, sizeof(*links));
	if (!links)
		return -ENOMEM;
	links->ops = *ops;
	rtnl_ops.arg = links;
	err = rtnl_start(base, &rtnl_ops, &links->rtnl);
	if (err) {
		free(links);
		return err;
	}
	*ret_links = links;
	return 0;
}

void links_stop(struct links *links)
{
	if (!links)
		return;
	rtnl_stop(links->rtnl);
	free(links);
}

static int answer(const char *buf, ssize_t n, struct link_info *ret_link)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)buf;
	const struct nlmsgerr *error;

	if (!mnl_nlmsg_ok(nlh, (int)n))
		return -EPROTO;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		error = mnl_nlmsg_get_payload(nlh);
		return error->error ? error->error : -EPROTO;
	}
	if (nlh->nlmsg_type != RTM_NEWLINK)
		return -EPROTO;
	parse(nlh, ret_link);
	return 0;
}

int links_get(const char *name, struct link_info *ret_link)
{
	_Alignas(struct nlmsghdr) char buf[32768];
	struct mnl_socket *socket;
	struct ifinfomsg *info;
	struct nlmsghdr *nlh;
	ssize_t n;
	int err;

	if (strlen(name) >= IF_NAMESIZE)
		return -ENODEV;
	socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!socket)
		return -errno;
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	err = 0;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		err = -errno;
	if (!err) {
		n = mnl_socket_recvfrom(socket, buf, sizeof(buf));
		err = n < 0 ? -errno : answer(buf, n, ret_link);
	}
	mnl_socket_close(socket);
	return err;
}
