/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The little that the engine asks of interfaces.
 */
#ifndef DATAPLANE_XDP_NETDEV_H
#define DATAPLANE_XDP_NETDEV_H

#include "dataplane/core/base.h"

/* MAC address of an interface; 0, -ENODEV, -errno. */
MUST_CHECK int netdev_mac(uint32_t ifindex, uint8_t ret_mac[6]);

/*
 * The same for who asks for a thousand of them: a socket takes longer to make
 * than the answer does. netdev_open() makes it, to be closed by the caller.
 */
MUST_CHECK int netdev_open(void);
MUST_CHECK int netdev_mac_at(int fd, uint32_t ifindex, uint8_t ret_mac[6]);

/* MTU of an interface, by such a socket; 0 = there is no such interface. */
uint32_t netdev_mtu_at(int fd, uint32_t ifindex);

/* The bridge or bond that an interface is a port of; 0 = none, or unknown. */
uint32_t netdev_master(uint32_t ifindex);

/* Is it a bridge of the kernel's own (not Open vSwitch, not a bond)? */
bool netdev_is_bridge(uint32_t ifindex);

/**
 * netdev_set_gro() - switch receive merging on or off.
 *
 * Return: 1 if it was the other way before, 0 if it was so, -errno.
 */
int netdev_set_gro(uint32_t ifindex, bool enabled);

/* Set its MTU; 0 or -errno. */
MUST_CHECK int netdev_set_mtu(uint32_t ifindex, uint32_t mtu);

/*
 * Whatever leaves by it is finished before: no checksum is left to be done, and
 * no packet is many in one. 0 or -errno.
 */
MUST_CHECK int netdev_no_offloads(uint32_t ifindex);

#endif
