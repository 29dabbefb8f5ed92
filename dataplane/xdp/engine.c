// SPDX-License-Identifier: GPL-2.0-only
/*
 * The few things that are not memory writes: hashes, devices, programs at
 * ports, counters of all CPUs.
 */
#include "dataplane/xdp/engine.h"

#include "dataplane/xdp/links.h"
#include "dataplane/xdp/netdev.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int map_set(int fd, const void *key, const void *value)
{
	int err;

	if (value)
		return bpf_map_update_elem(fd, key, value, BPF_ANY);
	err = bpf_map_delete_elem(fd, key);
	return err == -ENOENT ? 0 : err;
}

static int set_service(void *e, const struct service_key *key,
		       const struct service *value)
{
	const struct dp *dp = e;
	uint32_t *generation = dp->maps.area[MAP_GENERATION];
	int err = map_set(dp->maps.fd[MAP_SERVICE], key, value);

	/* Now nobody goes by what was looked up before (lb.bpf.c). */
	__atomic_fetch_add(generation, 1, __ATOMIC_RELEASE);
	return err;
}

static int next_service(void *e, const struct service_key *key,
			struct service_key *ret_key)
{
	const struct dp *dp = e;

	return bpf_map_get_next_key(dp->maps.fd[MAP_SERVICE], key, ret_key);
}

static int set_port(void *e, const struct port_key *key,
		    const struct port *value)
{
	const struct dp *dp = e;

	return map_set(dp->maps.fd[MAP_PORT], key, value);
}

static int get_port(void *e, const struct port_key *key, struct port *ret_value)
{
	const struct dp *dp = e;

	return bpf_map_lookup_elem(dp->maps.fd[MAP_PORT], key, ret_value);
}

static int next_port(void *e, const struct port_key *key,
		     struct port_key *ret_key)
{
	const struct dp *dp = e;

	return bpf_map_get_next_key(dp->maps.fd[MAP_PORT], key, ret_key);
}

static int set_client(void *e, const struct client_key *key, bool wanted)
{
	const struct dp *dp = e;
	const uint32_t one = 1;

	return map_set(dp->maps.fd[MAP_CLIENT], key, wanted ? &one : NULL);
}

static int next_client(void *e, const struct client_key *key,
		       struct client_key *ret_key)
{
	const struct dp *dp = e;

	return bpf_map_get_next_key(dp->maps.fd[MAP_CLIENT], key, ret_key);
}

static int set_device(void *e, uint16_t number, uint32_t ifindex)
{
	const struct dp *dp = e;
	uint32_t key = number;
	int err;

	err = map_set(dp->maps.fd[MAP_DEVICE], &key, ifindex ? &ifindex : NULL);
	/* No such interface in this network namespace. */
	return ifindex && err == -EINVAL ? -ENODEV : err;
}

static int port_mac(void *e, uint32_t ifindex, uint8_t ret_mac[6])
{
	struct dp *dp = e;

	if (dp->netdev_fd < 0)
		dp->netdev_fd = netdev_open();
	return dp->netdev_fd < 0 ?
		       dp->netdev_fd :
		       netdev_mac_at(dp->netdev_fd, ifindex, ret_mac);
}

static uint32_t port_mtu(void *e, uint32_t ifindex)
{
	struct dp *dp = e;

	if (dp->netdev_fd < 0)
		dp->netdev_fd = netdev_open();
	return dp->netdev_fd < 0 ? 0 : netdev_mtu_at(dp->netdev_fd, ifindex);
}

static uint32_t port_bridge(void *e, uint32_t ifindex)
{
	uint32_t master = netdev_master(ifindex);

	(void)e;
	return netdev_is_bridge(master) ? master : UINT32_MAX;
}

static int attach_port(void *e, uint32_t ifindex)
{
	const struct dp *dp = e;

	return link_port(dp->pin.links, ifindex,
			 programs_port_in(&dp->programs),
			 programs_port_out(&dp->programs), dp->clsact);
}

static void detach_port(void *e, uint32_t ifindex)
{
	const struct dp *dp = e;

	unlink_port(dp->pin.links, ifindex);
}

static int attach_bridge(void *e, uint32_t ifindex)
{
	const struct dp *dp = e;

	if (!netdev_is_bridge(ifindex))
		return -EOPNOTSUPP;
	return link_port(dp->pin.links, ifindex,
			 programs_bridge_in(&dp->programs), -1, dp->clsact);
}

static int attach_uplinks(void *e, bool wanted)
{
	const struct dp *dp = e;
	const struct node *node = dp->maps.area[MAP_NODE];
	int first_err = 0;
	uint32_t ifindex;
	int err;
	int i;

	for (i = 0; i < NODE_UPLINKS; i++) {
		ifindex = node->uplinks[i].ifindex;
		err = 0;
		if (ifindex && wanted)
			err = link_port(dp->pin.links, ifindex,
					programs_uplink_in(&dp->programs),
					programs_uplink_out(&dp->programs),
					dp->clsact);
		else if (ifindex)
			unlink_port(dp->pin.links, ifindex);
		first_err = first_err ? first_err : err;
	}
	return first_err;
}

static int read_traffic(const struct dp *dp, enum map_id map, uint32_t number,
			struct traffic *ret)
{
	struct traffic sum = { .in_packets = 0 };
	struct traffic *each;
	int err;
	int i;

	each = calloc((size_t)dp->n_cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	err = bpf_map_lookup_elem(dp->maps.fd[map], &number, each);
	for (i = 0; i < dp->n_cpus && !err; i++) {
		sum.in_packets += each[i].in_packets;
		sum.in_bytes += each[i].in_bytes;
		sum.out_packets += each[i].out_packets;
		sum.out_bytes += each[i].out_bytes;
		sum.openers += each[i].openers;
		sum.ends += each[i].ends;
		sum.refused += each[i].refused;
		sum.evicted += each[i].evicted;
	}
	free(each);
	if (!err)
		*ret = sum;
	return err;
}

static int read_service(void *e, uint32_t number, struct traffic *ret)
{
	return read_traffic(e, MAP_SERVICE_COUNT, number, ret);
}

static int read_backend(void *e, uint32_t number, struct traffic *ret)
{
	return read_traffic(e, MAP_BACKEND_COUNT, number, ret);
}

static int read_reason(void *e, uint32_t reason, struct reason_count *ret)
{
	const struct dp *dp = e;
	struct reason_count sum = { .packets = 0 };
	struct reason_count *each;
	int err;
	int i;

	each = calloc((size_t)dp->n_cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	err = bpf_map_lookup_elem(dp->maps.fd[MAP_REASON_COUNT], &reason, each);
	for (i = 0; i < dp->n_cpus && !err; i++) {
		sum.packets += each[i].packets;
		sum.bytes += each[i].bytes;
	}
	free(each);
	if (!err)
		*ret = sum;
	return err;
}

/* BPF programs are RCU readers; this returns when all of now are done. */
static void grace(void *e)
{
	(void)e;
	(void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

void dp_wrote(const struct dp *dp)
{
	if (dp->after_write)
		dp->after_write(dp->after_write_arg);
}

static void wrote(void *e)
{
	dp_wrote(e);
}

const struct engine_ops xdp_engine_ops = {
	.set_service = set_service,
	.next_service = next_service,
	.set_port = set_port,
	.get_port = get_port,
	.next_port = next_port,
	.set_client = set_client,
	.next_client = next_client,
	.set_device = set_device,
	.port_mac = port_mac,
	.port_mtu = port_mtu,
	.port_bridge = port_bridge,
	.attach_port = attach_port,
	.attach_bridge = attach_bridge,
	.attach_uplinks = attach_uplinks,
	.detach_port = detach_port,
	.read_service = read_service,
	.read_backend = read_backend,
	.read_reason = read_reason,
	.grace = grace,
	.wrote = wrote,
};
