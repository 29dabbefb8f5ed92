/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets as TC has them: seen as the core sees one, their checksums kept by the
 * kernel, and sent to the client.
 */
#ifndef BPF_SKB_BPF_H
#define BPF_SKB_BPF_H

#include "bpf/maps.bpf.h"
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>

#include "dataplane/core/walk.h"
#include "dataplane/core/mss.h"
#include "dataplane/core/rewrite.h"

#define AF_INET	 2
#define AF_INET6 10

/*
 * Headers that the core reads: Ethernet, one tag, IPv6 and TCP without options
 * for what is usual; two tags, extensions, an error and what it quotes else.
 */
#define HEADERS_USUAL                                       \
	(sizeof(struct eth_hdr) + sizeof(struct vlan_hdr) + \
	 sizeof(struct ipv6_hdr) + sizeof(struct tcp_hdr))
#define HEADERS_RARE 192

/* The packet as the core sees it, its headers in one piece. */
static ALWAYS_INLINE struct pkt pkt_of_skb(struct __sk_buff *skb,
					   enum l3_kind only, uint32_t headers)
{
	struct pkt p = {
		.ifindex = skb->ifindex,
		.length = skb->len,
		.segments = skb->gso_size != 0,
		.only = only,
	};
	uint32_t wanted = headers;

	if (wanted > skb->len)
		wanted = skb->len;
	/* What can't be pulled together is cut off where it ends. */
	if (skb->data_end - skb->data < wanted)
		bpf_skb_pull_data(skb, wanted);
	p.data = (uint8_t *)(long)skb->data;
	p.end = (uint8_t *)(long)skb->data_end;
	return p;
}

/*
 * l4_csum of struct tables. Where a checksum is not finished only the pseudo
 * header is in it, and the kernel knows. A packet that can't be written stays as
 * it is: the headers were, so this was.
 */
static ALWAYS_INLINE void skb_l4_csum(void *e, const struct pkt *p,
				      uint32_t pseudo, uint32_t rest)
{
	struct __sk_buff *skb = e;
	uint32_t at = pkt_l4_at(p);
	uint64_t flags = 0;

	if (p->l4_kind == L4_TCP) {
		at += offsetof(struct tcp_hdr, csum);
	} else {
		at += offsetof(struct udp_hdr, csum);
		flags = BPF_F_MARK_MANGLED_0;
	}
	bpf_l4_csum_replace(skb, at, 0, pseudo, flags | BPF_F_PSEUDO_HDR);
	if (rest)
		bpf_l4_csum_replace(skb, at, 0, rest, flags);
}

/* Judged by the verifier by themselves, as all that is not static. */
uint32_t slow_walk(struct __sk_buff *skb, struct walk *w);
uint32_t slow_mss(struct __sk_buff *skb, struct mss *m);

static ALWAYS_INLINE uint32_t skb_mss(void *e, struct mss *m)
{
	return slow_mss(e, m);
}

__noinline uint32_t slow_mss(struct __sk_buff *skb, struct mss *m)
{
	if (m)
		mss_find(m, (uint8_t *)(long)skb->data,
			 (const uint8_t *)(long)skb->data_end);
	return 0;
}

static ALWAYS_INLINE uint32_t skb_walk(void *e, struct walk *w)
{
	return slow_walk(e, w);
}

__noinline uint32_t slow_walk(struct __sk_buff *skb, struct walk *w)
{
	const uint8_t *data = (const uint8_t *)(long)skb->data;

	return w ? walk(w, data, (const uint8_t *)(long)skb->data_end) :
		   DROP_EXTENSION;
}

/**
 * struct way_out - where an answer goes.
 * @ifindex: 0 = nobody knows.
 * @next: the neighbour there; without an address the kernel's routes say.
 * @mtu: what fits there, if it doesn't; else 0.
 */
struct way_out {
	uint32_t ifindex;
	bool is_routed; /* not known: the kernel's own routes may */
	uint32_t mtu;
	struct bpf_redir_neigh next;
};

static ALWAYS_INLINE void fib_fill(struct bpf_fib_lookup *fib,
				   const struct pkt *p, uint32_t ifindex)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->l4_protocol = p->proto;
	fib->ifindex = ifindex;
	if (is_ipv6(p)) {
		fib->family = AF_INET6;
		__builtin_memcpy(fib->ipv6_src, &p->src, sizeof(p->src));
		__builtin_memcpy(fib->ipv6_dst, &p->dst, sizeof(p->dst));
	} else {
		fib->family = AF_INET;
		fib->ipv4_src = p->src.word[3];
		fib->ipv4_dst = p->dst.word[3];
	}
	if (!p->segments)
		fib->tot_len = (uint16_t)p->l3_size;
}

/* What a lookup has found. */
static ALWAYS_INLINE void fib_take(const struct bpf_fib_lookup *fib,
				   struct way_out *ret_way)
{
	ret_way->ifindex = fib->ifindex;
	if (fib->family == AF_INET6) {
		ret_way->next.nh_family = AF_INET6;
		__builtin_memcpy(ret_way->next.ipv6_nh, fib->ipv6_dst,
				 sizeof(fib->ipv6_dst));
	} else {
		ret_way->next.nh_family = AF_INET;
		ret_way->next.ipv4_nh = fib->ipv4_dst;
	}
}

/*
 * Ways out of a packet from the VIP to the client: the first uplink with a
 * route. The neighbour need not be known, the kernel asks for it. The lookup
 * says nothing about an uplink where the host's own forwarding is off; balanced
 * packets don't need that, so the kernel routes them there on its own.
 */
static ALWAYS_INLINE void find_way(struct __sk_buff *skb, const struct pkt *p,
				   struct way_out *ret_way)
{
	const struct node *node = bpf_node(NULL);
	struct bpf_fib_lookup fib;
	uint32_t ifindex;
	int ret;
	int i;

	for (i = 0; node && i < NODE_UPLINKS; i++) {
		if (!node->uplinks[i].ifindex)
			break;
		ifindex = node->out_ifindex[i];
		if (!ifindex)
			ifindex = node->uplinks[i].ifindex;
		fib_fill(&fib, p, ifindex);
		ret = bpf_fib_lookup(skb, &fib, sizeof(fib),
				     BPF_FIB_LOOKUP_OUTPUT);
		if (ret == BPF_FIB_LKUP_RET_FWD_DISABLED && !ret_way->ifindex) {
			ret_way->ifindex = node->uplinks[i].ifindex;
			ret_way->is_routed = true;
		}
		if (ret == BPF_FIB_LKUP_RET_FRAG_NEEDED)
			ret_way->mtu = fib.mtu_result;
		if (ret != BPF_FIB_LKUP_RET_SUCCESS &&
		    ret != BPF_FIB_LKUP_RET_NO_NEIGH)
			continue;
		ret_way->mtu = 0;
		ret_way->is_routed = false;
		fib_take(&fib, ret_way);
		return;
	}
}

static ALWAYS_INLINE int send_to_client(struct __sk_buff *skb,
					const struct pkt *p)
{
	struct way_out way = { .ifindex = 0 };

	find_way(skb, p, &way);
	if (!way.ifindex)
		return TC_ACT_SHOT;
	if (way.is_routed)
		return (int)bpf_redirect_neigh(way.ifindex, NULL, 0, 0);
	return (int)bpf_redirect_neigh(way.ifindex, &way.next, sizeof(way.next),
				       0);
}

#endif
