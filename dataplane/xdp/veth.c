// SPDX-License-Identifier: GPL-2.0-only
/*
 * Veth pairs, by rtnetlink.
 */
#include "dataplane/xdp/veth.h"

#include "dataplane/xdp/netdev.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#define HOST_BITS   16
#define NET_240	    0xf0000000U
#define NET_DISCARD 0x01000000U /* 100::/64 */

/* FNV-1a, 32 bits: a short name for a long path. */
void veth_name(enum veth_kind kind, const char *pin_dir,
	       char ret_name[VETH_NAME_SIZE])
{
	uint32_t hash = 2166136261U;

	for (; *pin_dir; pin_dir++)
		hash = (hash ^ (uint8_t)*pin_dir) * 16777619U;
	(void)snprintf(ret_name, VETH_NAME_SIZE, "%s%08x",
		       kind == VETH_PROBES ? "drp" : "dri", hash);
}

void veth_peer(const char *name, char ret_name[VETH_NAME_SIZE])
{
	(void)snprintf(ret_name, VETH_NAME_SIZE, "%.14sp", name);
}

/* Send a request and wait for the kernel's word; 0 or a negative errno. */
static int ask(struct nlmsghdr *nlh)
{
	struct mnl_socket *socket;
	char answer[8192];
	ssize_t n;
	int err = 0;

	socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!socket)
		return -errno;
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		err = -errno;
	if (!err) {
		n = mnl_socket_recvfrom(socket, answer, sizeof(answer));
		if (n < 0 ||
		    mnl_cb_run(answer, (size_t)n, 0, 0, NULL, NULL) < 0)
			err = -errno;
	}
	mnl_socket_close(socket);
	return err;
}

static struct nlmsghdr *link_request(char *buf, uint16_t type, uint32_t ifindex,
				     unsigned int flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *info;

	nlh->nlmsg_type = type;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)ifindex;
	info->ifi_flags = flags;
	info->ifi_change = flags;
	return nlh;
}

static int pair_make(const char *name, const char *alias)
{
	_Alignas(struct nlmsghdr) char buf[1024];
	struct nlmsghdr *nlh = link_request(buf, RTM_NEWLINK, 0, IFF_NOARP);
	char peer_name[VETH_NAME_SIZE];
	struct ifinfomsg *peer_info;
	struct nlattr *info;
	struct nlattr *data;
	struct nlattr *peer;

	nlh->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	veth_peer(name, peer_name);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_strz(nlh, IFLA_IFALIAS, alias);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	peer_info = mnl_nlmsg_put_extra_header(nlh, sizeof(*peer_info));
	peer_info->ifi_flags = IFF_NOARP;
	peer_info->ifi_change = IFF_NOARP;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, peer_name);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return ask(nlh);
}

static int link_up(const char *name)
{
	_Alignas(struct nlmsghdr) char buf[256];
	uint32_t ifindex = if_nametoindex(name);

	if (!ifindex)
		return -ENODEV;
	return ask(link_request(buf, RTM_NEWLINK, ifindex, IFF_UP));
}

static int address_put(uint32_t ifindex, const struct ip_addr *addr)
{
	bool is_v4 = IP_IS_V4(*addr);
	size_t size = is_v4 ? sizeof(addr->word[3]) : sizeof(addr->word);
	const void *bytes = is_v4 ? &addr->word[3] : addr->word;
	_Alignas(struct nlmsghdr) char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *info;

	nlh->nlmsg_type = RTM_NEWADDR;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	info->ifa_family = is_v4 ? AF_INET : AF_INET6;
	info->ifa_prefixlen = (uint8_t)(size * 8 - HOST_BITS);
	info->ifa_flags = is_v4 ? 0 : IFA_F_NODAD;
	info->ifa_index = ifindex;
	mnl_attr_put(nlh, IFA_LOCAL, size, bytes);
	mnl_attr_put(nlh, IFA_ADDRESS, size, bytes);
	return ask(nlh);
}

/* A setting of an interface; what this kernel does not have needs none. */
static void set(const char *family, const char *name, const char *key,
		const char *value)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s",
		       family, name, key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, value, strlen(value));
	close(fd);
}

int veth_pair(const char *name, const char *what, const char *pin_dir)
{
	char peer_name[VETH_NAME_SIZE];
	char alias[200];
	int err;

	(void)snprintf(alias, sizeof(alias), "drover: %.40s, for %.120s", what,
		       pin_dir);
	err = pair_make(name, alias);
	if (err)
		return err;
	veth_peer(name, peer_name);
	/* Nothing of its own accord: no router solicitations, no MLD. */
	set("ipv6", name, "disable_ipv6", "1");
	set("ipv6", peer_name, "disable_ipv6", "1");
	set("ipv4", name, "rp_filter", "0");
	err = link_up(peer_name);
	if (!err)
		err = link_up(name);
	if (err)
		veth_remove(name);
	return err;
}

/*
 * IPv6 for one address: no link-local one, no routers. A router's kernel still
 * tells its group, twice, and then no more. A machine may be without IPv6.
 */
static void address6_settle(struct veth *veth)
{
	struct ip_addr local = { .word = { BE32(NET_DISCARD), 0, 0,
					   veth->local.word[3] } };

	set("ipv6", veth->name, "addr_gen_mode", "1");
	set("ipv6", veth->name, "accept_ra", "0");
	set("ipv6", veth->name, "disable_ipv6", "0");
	if (!address_put(veth->ifindex, &local))
		veth->local6 = local;
}

/* Its addresses: of the link, and those that are probed from. */
static int address_settle(struct veth *veth)
{
	int err;

	veth->ifindex = if_nametoindex(veth->name);
	veth->local = (struct ip_addr){
		.word = { 0, 0, BE32(0xffff),
			  BE32(NET_240 | (veth->ifindex & 0xfff) << HOST_BITS |
			       1) }
	};
	err = veth->ifindex ? netdev_mac(veth->ifindex, veth->mac) : -ENODEV;
	if (!err)
		err = address_put(veth->ifindex, &veth->local);
	if (!err)
		address6_settle(veth);
	return err;
}

int veth_make(const char *pin_dir, struct veth *ret_veth)
{
	struct veth veth = { .ifindex = 0 };
	int err;

	veth_name(VETH_PROBES, pin_dir, veth.name);
	veth_remove(veth.name);
	err = veth_pair(veth.name, "probes to VMs", pin_dir);
	if (err)
		return err;
	err = address_settle(&veth);
	if (err)
		veth_remove(veth.name);
	else
		*ret_veth = veth;
	return err;
}

void veth_remove(const char *name)
{
	_Alignas(struct nlmsghdr) char buf[256];
	uint32_t ifindex = if_nametoindex(name);

	if (ifindex)
		(void)ask(link_request(buf, RTM_DELLINK, ifindex, 0));
}
