// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients inside: a veth pair. What the programs at VMs' ports send out by one
 * end comes in by the other, where the uplink's XDP program is.
 *
 * Guests hand over packets with unfinished checksums, and many in one. The end
 * that they leave by offers none of that, so the kernel finishes them on the way,
 * and XDP sees what a wire would carry.
 */
#include "dataplane/xdp/inside.h"

#include "dataplane/xdp/links.h"
#include "dataplane/xdp/netdev.h"
#include "dataplane/xdp/veth.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

/*
 * What XDP takes in one piece: a page, without the room in front of the packet
 * and the kernel's notes behind it.
 */
#define INSIDE_MTU 3400

/* Its two ends: packets are sent out by the one and come in by the other. */
struct ends {
	uint32_t out;
	uint32_t in;
	uint8_t in_mac[6];
};

static int ends_find(const char *name, struct ends *ret)
{
	char peer[VETH_NAME_SIZE];

	veth_peer(name, peer);
	ret->out = if_nametoindex(name);
	ret->in = if_nametoindex(peer);
	if (!ret->out || !ret->in)
		return -ENODEV;
	return netdev_mac(ret->in, ret->in_mac);
}

static int ends_make(const char *pin_dir, const char *name, struct ends *ret)
{
	int err;

	veth_remove(name);
	err = veth_pair(name, "VMs that call VIPs", pin_dir);
	if (!err)
		err = ends_find(name, ret);
	if (!err)
		err = netdev_set_mtu(ret->out, INSIDE_MTU);
	if (!err)
		err = netdev_set_mtu(ret->in, INSIDE_MTU);
	if (!err)
		err = netdev_no_offloads(ret->out);
	if (err)
		veth_remove(name);
	return err;
}

/* Answers first: then what they answer. */
static int ends_attach(const struct dp *dp, const struct ends *ends)
{
	bool generic;
	int err;

	err = link_uplink(dp->pin.links, ends->out,
			  programs_inside_pass(&dp->programs), &generic);
	if (!err)
		err = link_port(dp->pin.links, ends->out,
				programs_inside_reply(&dp->programs), -1,
				dp->clsact);
	if (!err)
		err = link_uplink(dp->pin.links, ends->in,
				  programs_lb(&dp->programs), &generic);
	return err;
}

/* The path knows it by its number: 0 while the rest is written. */
static void node_set(struct dp *dp, const struct ends *ends)
{
	struct node *node = dp->maps.area[MAP_NODE];

	if (node->inside.ifindex == ends->in &&
	    node->inside_ifindex == ends->out &&
	    !memcmp(node->inside.mac, ends->in_mac, sizeof(ends->in_mac)))
		return;
	__atomic_store_n(&node->inside.ifindex, 0, __ATOMIC_RELEASE);
	memcpy(node->inside.mac, ends->in_mac, sizeof(ends->in_mac));
	node->inside_ifindex = ends->out;
	__atomic_store_n(&node->inside.ifindex, ends->in, __ATOMIC_RELEASE);
	dp_wrote(dp);
}

bool inside_has(const struct dp *dp, uint32_t ifindex)
{
	const struct node *node = dp->maps.area[MAP_NODE];

	return ifindex && (node->inside.ifindex == ifindex ||
			   node->inside_ifindex == ifindex);
}

static void take_away(struct dp *dp, const char *name)
{
	const struct node *node = dp->maps.area[MAP_NODE];
	const struct ends before = { .out = node->inside_ifindex,
				     .in = node->inside.ifindex };
	const struct ends none = { .out = 0 };

	node_set(dp, &none);
	if (before.in) {
		unlink_uplink(dp->pin.links, before.in);
		unlink_uplink(dp->pin.links, before.out);
		unlink_port(dp->pin.links, before.out);
	}
	veth_remove(name);
}

int inside_open(struct dp *dp, bool wanted, char *error)
{
	char name[VETH_NAME_SIZE];
	struct ends ends = { .out = 0 };
	int err = 0;

	veth_name(VETH_INSIDE, dp->pin.dir, name);
	if (!wanted) {
		take_away(dp, name);
		return 0;
	}
	if (ends_find(name, &ends))
		err = ends_make(dp->pin.dir, name, &ends);
	if (!err)
		err = ends_attach(dp, &ends);
	if (err) {
		take_away(dp, name);
		return dp_fail(error, err, "interface of VMs that call VIPs",
			       name);
	}
	node_set(dp, &ends);
	return 0;
}

void inside_lost(struct dp *dp, uint32_t ifindex)
{
	char error[DP_ERROR_SIZE] = "";
	char name[VETH_NAME_SIZE];

	if (dp->reads || !inside_has(dp, ifindex))
		return;
	veth_name(VETH_INSIDE, dp->pin.dir, name);
	take_away(dp, name);
	if (inside_open(dp, true, error))
		dp_say(dp, LOG_WARN, "%s", error);
}

void inside_remove(const char *pin_dir)
{
	char name[VETH_NAME_SIZE];

	veth_name(VETH_INSIDE, pin_dir, name);
	veth_remove(name);
}
