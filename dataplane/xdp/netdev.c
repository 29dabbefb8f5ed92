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

int netdev_open(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	return fd;
}

/* The name by a request of its own: what comes back is in the same memory. */
static int name_of(int fd, uint32_t ifindex, char ret_name[IFNAMSIZ])
{
	struct ifreq ifr = { .ifr_ifindex = (int)ifindex };

	if (ioctl(fd, SIOCGIFNAME, &ifr))
		return -errno;
	memcpy(ret_name, ifr.ifr_name, IFNAMSIZ);
	return 0;
}

static int netdev_ioctl(uint32_t ifindex, unsigned long request,
			struct ifreq *ifr)
{
	int fd = netdev_open();
	int err = fd < 0 ? fd : name_of(fd, ifindex, ifr->ifr_name);

	if (!err && ioctl(fd, request, ifr))
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

int netdev_mac_at(int fd, uint32_t ifindex, uint8_t ret_mac[6])
{
	struct ifreq ifr = { .ifr_flags = 0 };
	int err = name_of(fd, ifindex, ifr.ifr_name);

	if (!err && ioctl(fd, SIOCGIFHWADDR, &ifr))
		err = -errno;
	if (!err)
		memcpy(ret_mac, ifr.ifr_hwaddr.sa_data, 6);
	return err;
}

uint32_t netdev_mtu_at(int fd, uint32_t ifindex)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	if (name_of(fd, ifindex, ifr.ifr_name) || ioctl(fd, SIOCGIFMTU, &ifr) ||
	    ifr.ifr_mtu < 0)
		return 0;
	return (uint32_t)ifr.ifr_mtu;
}

int netdev_mac(uint32_t ifindex, uint8_t ret_mac[6])
{
	int fd = netdev_open();
	int err = fd < 0 ? fd : netdev_mac_at(fd, ifindex, ret_mac);

	if (fd >= 0)
		close(fd);
	return err;
}

/* An interface with all its attributes takes some 2 kB. */
union link_answer {
	struct nlmsghdr header;
	char bytes[16384];
};

/* Ask the kernel about one interface; false: it does not know. */
static bool link_ask(uint32_t ifindex, union link_answer *ret_answer)
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
		return false;
	if (send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask))
		n = recv(fd, ret_answer, sizeof(*ret_answer), 0);
	close(fd);
	return n >= (ssize_t)NLMSG_LENGTH(sizeof(struct ifinfomsg)) &&
	       ret_answer->header.nlmsg_type == RTM_NEWLINK &&
	       ret_answer->header.nlmsg_len <= (size_t)n;
}

static struct rtattr *find_attr(struct rtattr *attr, int left,
				unsigned short type)
{
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left))
		if ((attr->rta_type & NLA_TYPE_MASK) == type)
			return attr;
	return NULL;
}

static struct rtattr *link_attr(union link_answer *answer, unsigned short type)
{
	return find_attr(IFLA_RTA(NLMSG_DATA(&answer->header)),
			 (int)IFLA_PAYLOAD(&answer->header), type);
}

uint32_t netdev_master(uint32_t ifindex)
{
	static union link_answer answer;
	struct rtattr *attr = NULL;
	uint32_t master = 0;

	if (link_ask(ifindex, &answer))
		attr = link_attr(&answer, IFLA_MASTER);
	if (attr)
		memcpy(&master, RTA_DATA(attr), sizeof(master));
	return master;
}

bool netdev_is_bridge(uint32_t ifindex)
{
	static const char kind[] = "bridge";
	static union link_answer answer;
	struct rtattr *attr = NULL;

	if (ifindex && link_ask(ifindex, &answer))
		attr = link_attr(&answer, IFLA_LINKINFO);
	if (attr)
		attr = find_attr(RTA_DATA(attr), (int)RTA_PAYLOAD(attr),
				 IFLA_INFO_KIND);
	return attr && RTA_PAYLOAD(attr) >= sizeof(kind) &&
	       !memcmp(RTA_DATA(attr), kind, sizeof(kind));
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

int netdev_set_mtu(uint32_t ifindex, uint32_t mtu)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	ifr.ifr_mtu = (int)mtu;
	return netdev_ioctl(ifindex, SIOCSIFMTU, &ifr);
}

int netdev_no_offloads(uint32_t ifindex)
{
	/* Segmentation needs checksums, so it goes first. */
	const uint32_t commands[] = { ETHTOOL_STSO, ETHTOOL_SGSO,
				      ETHTOOL_STXCSUM, ETHTOOL_SSG };
	struct ethtool_value value = { .data = 0 };
	struct ifreq ifr = { .ifr_data = (char *)&value };
	int err = 0;
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]) && !err; i++) {
		value.cmd = commands[i];
		err = netdev_ioctl(ifindex, SIOCETHTOOL, &ifr);
	}
	return err;
}
