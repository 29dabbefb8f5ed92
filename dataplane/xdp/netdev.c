// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interfaces by ioctl and netlink, which need no sysfs of the right network
 * namespace.
 */
#include "dataplane/xdp/netdev.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int netdev_ioctl(uint32_t ifindex, unsigned long request,
			struct ifreq *ifr)
{
	int err = 0;
	int fd;

	if (!if_indextoname(ifindex, ifr->ifr_name))
		return -ENODEV;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, request, ifr))
		err = -errno;
	close(fd);
	return err;
}

int netdev_mac(uint32_t ifindex, uint8_t ret_mac[6])
{
	struct ifreq ifr = { .ifr_flags = 0 };
	int err = netdev_ioctl(ifindex, SIOCGIFHWADDR, &ifr);

	if (!err)
		memcpy(ret_mac, ifr.ifr_hwaddr.sa_data, 6);
	return err;
}

/* Ask the kernel about one interface; returns the size of its answer. */
static ssize_t link_ask(uint32_t ifindex, void *ret_answer, size_t size)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} ask = {
		.header = {
			.nlmsg_len = sizeof(ask),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.link = { .ifi_index = (int)ifindex },
	};
	ssize_t n = -1;
	int fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -1;
	if (send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask))
		n = recv(fd, ret_answer, size, 0);
	close(fd);
	return n;
}

uint32_t netdev_master(uint32_t ifindex)
{
	/* An interface with all its attributes takes some 2 kB. */
	static union {
		struct nlmsghdr header;
		char bytes[16384];
	} answer;
	ssize_t size = link_ask(ifindex, &answer, sizeof(answer));
	uint32_t master = 0;
	struct rtattr *attr;
	int left;

	if (size < (ssize_t)NLMSG_LENGTH(sizeof(struct ifinfomsg)) ||
	    answer.header.nlmsg_type != RTM_NEWLINK ||
	    answer.header.nlmsg_len > (size_t)size)
		return 0;
	attr = IFLA_RTA(NLMSG_DATA(&answer.header));
	left = (int)IFLA_PAYLOAD(&answer.header);
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left))
		if (attr->rta_type == IFLA_MASTER)
			memcpy(&master, RTA_DATA(attr), sizeof(master));
	return master;
}

int netdev_set_gro(uint32_t ifindex, bool enabled)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GGRO };
	struct ifreq ifr = { .ifr_data = (char *)&value };
	int err = netdev_ioctl(ifindex, SIOCETHTOOL, &ifr);

	if (err || !!value.data == enabled)
		return err;
	value.cmd = ETHTOOL_SGRO;
	value.data = enabled;
	err = netdev_ioctl(ifindex, SIOCETHTOOL, &ifr);
	return err ? err : 1;
}
