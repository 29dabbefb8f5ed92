// SPDX-License-Identifier: GPL-2.0-only
/*
 * Redirects that the kernel could not finish, counted under their reason.
 *
 * lb.bpf.c sees only that the device map has an entry; that the port is down,
 * its MTU too small or its queue full shows later, in two tracepoints. Such a
 * packet counts twice: as traffic that was steered to the VM, and here.
 */
#include "bpf/maps.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* What is read of the kernel's own records; found by name at load time. */
struct ns_common {
	unsigned int inum;
} __attribute__((preserve_access_index));

struct net {
	struct ns_common ns;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

/* Network namespace that our interface numbers are of. */
const volatile uint32_t netns_inum = 0;

static ALWAYS_INLINE bool is_uplink(const struct node *node, uint32_t ifindex)
{
	int i;

	for (i = 0; i < NODE_UPLINKS; i++)
		if (node->uplinks[i].ifindex == ifindex)
			return true;
	return false;
}

static ALWAYS_INLINE void count_drops(const struct net_device *from,
				      uint32_t n_drops)
{
	const struct node *node = bpf_node(NULL);
	struct reason_count *c = bpf_reason_count(NULL, DROP_REDIRECT);
	uint32_t ifindex = (uint32_t)BPF_CORE_READ(from, ifindex);

	if (!node || !c || !ifindex || !is_uplink(node, ifindex) ||
	    BPF_CORE_READ(from, nd_net.net, ns.inum) != netns_inum)
		return;
	c->packets += n_drops;
}

/* xdp_redirect_err(dev, …): refused at once. */
SEC("raw_tp/xdp_redirect_err")
int redirect_err(struct bpf_raw_tracepoint_args *ctx)
{
	count_drops((const struct net_device *)ctx->args[0], 1);
	return 0;
}

/* xdp_devmap_xmit(from, to, sent, drops, err): not taken by the port. */
SEC("raw_tp/xdp_devmap_xmit")
int devmap_xmit(struct bpf_raw_tracepoint_args *ctx)
{
	int n_drops = (int)ctx->args[3];

	if (n_drops > 0)
		count_drops((const struct net_device *)ctx->args[0],
			    (uint32_t)n_drops);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
