// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interfaces by ioctl, which needs no sysfs of the right network namespace.
 */
#include "dataplane/xdp/netdev.h"

#include <errno.h>
#include <linux/ethtool.h>
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
