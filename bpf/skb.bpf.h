/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets as TC has them: seen as the core sees one, given the VIP as their
 * source, and sent to the client.
 */
#ifndef BPF_SKB_BPF_H
#define BPF_SKB_BPF_H

#include "bpf/maps.bpf.h"
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>

#include "dataplane/core/rewrite.h"

#define AF_INET 2

/* Ethernet, one tag, IPv4 and TCP without options: what the core reads. */
#define HEADERS_SIZE                                        \
	(sizeof(struct eth_hdr) + sizeof(struct vlan_hdr) + \
	 sizeof(struct ipv4_hdr) + sizeof(struct tcp_hdr))

/* The packet as the core sees it, its headers in one piece. */
static ALWAYS_INLINE struct pkt pkt_of_skb(struct __sk_buff *skb)
{
	struct pkt p = { .ifindex = skb->ifindex, .length = skb->len };
	uint32_t wanted = HEADERS_SIZE;

	if (wanted > skb->len)
		wanted = skb->len;
	/* What can't be pulled together is cut off where it ends. */
	if (skb->data_end - skb->data < wanted)
		bpf_skb_pull_data(skb, wanted);
	p.data = (uint8_t *)(long)skb->data;
	p.end = (uint8_t *)(long)skb->data_end;
	return p;
}

/* The change of source; false: the packet could not be written. */
static ALWAYS_INLINE bool apply_edit(struct __sk_buff *skb, const struct pkt *p,
				     const struct nat_edit *edit)
{
	const uint32_t ip = (uint32_t)((uint8_t *)p->ip - p->data);
	const uint32_t tcp = ip + sizeof(struct ipv4_hdr);
	const uint32_t ip_csum = ip + offsetof(struct ipv4_hdr, csum);
	const uint32_t tcp_csum = tcp + offsetof(struct tcp_hdr, csum);
	/* TTL and protocol share a word of the checksum. */
	be16 old_ttl = BE16((uint16_t)p->ip->ttl << 8 | p->proto);
	be16 new_ttl = BE16((uint16_t)(p->ip->ttl - 1) << 8 | p->proto);

	return !bpf_l4_csum_replace(skb, tcp_csum, edit->old_addr,
				    edit->new_addr,
				    BPF_F_PSEUDO_HDR | sizeof(be32)) &&
	       !bpf_l4_csum_replace(skb, tcp_csum, edit->old_port,
				    edit->new_port, sizeof(be16)) &&
	       !bpf_l3_csum_replace(skb, ip_csum, edit->old_addr,
				    edit->new_addr, sizeof(be32)) &&
	       !bpf_l3_csum_replace(skb, ip_csum, old_ttl, new_ttl,
				    sizeof(be16)) &&
	       !bpf_skb_store_bytes(skb, ip + offsetof(struct ipv4_hdr, ttl),
				    &new_ttl, sizeof(new_ttl), 0) &&
	       !bpf_skb_store_bytes(skb, ip + offsetof(struct ipv4_hdr, src),
				    &edit->new_addr, sizeof(be32), 0) &&
	       !bpf_skb_store_bytes(skb, tcp + offsetof(struct tcp_hdr, sport),
				    &edit->new_port, sizeof(be16), 0);
}

/*
 * Ways out of a packet from the VIP to the client: the first uplink with a
 * route. The neighbour need not be known, the kernel asks for it. The lookup
 * says nothing about an uplink where the host's own forwarding is off; balanced
 * packets don't need that, so the kernel routes them there on its own.
 */
static ALWAYS_INLINE int send_to_client(struct __sk_buff *skb,
					const struct pkt *p, be32 vip)
{
	const struct node *node = bpf_node(NULL);
	struct bpf_redir_neigh next = { .nh_family = AF_INET };
	struct bpf_fib_lookup fib;
	uint32_t unsure = 0;
	int ret;
	int i;

	for (i = 0; node && i < NODE_UPLINKS; i++) {
		if (!node->uplinks[i].ifindex)
			break;
		__builtin_memset(&fib, 0, sizeof(fib));
		fib.family = AF_INET;
		fib.l4_protocol = p->proto;
		fib.ipv4_src = vip;
		fib.ipv4_dst = p->dst.word[3];
		fib.ifindex = node->out_ifindex[i];
		if (!fib.ifindex)
			fib.ifindex = node->uplinks[i].ifindex;
		ret = bpf_fib_lookup(skb, &fib, sizeof(fib),
				     BPF_FIB_LOOKUP_OUTPUT);
		if (ret == BPF_FIB_LKUP_RET_FWD_DISABLED && !unsure)
			unsure = node->uplinks[i].ifindex;
		if (ret != BPF_FIB_LKUP_RET_SUCCESS &&
		    ret != BPF_FIB_LKUP_RET_NO_NEIGH)
			continue;
		next.ipv4_nh = fib.ipv4_dst;
		return bpf_redirect_neigh(fib.ifindex, &next, sizeof(next), 0);
	}
	return unsure ? bpf_redirect_neigh(unsure, NULL, 0, 0) : TC_ACT_SHOT;
}

#endif
