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

#include "dataplane/core/inside.h"
#include "dataplane/core/count.h"
#include "dataplane/core/walk.h"
#include "dataplane/core/mss.h"
#include "dataplane/core/rewrite.h"

#define TRACE_CONTEXT	   __sk_buff
#define TRACE_IFINDEX(ctx) ((ctx)->ifindex)
#define TRACE_LENGTH(ctx)  ((ctx)->len)
#define TRACE_LOAD	   bpf_skb_load_bytes
#include "bpf/trace.bpf.h"

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
		.segment = (uint16_t)skb->gso_size,
		.vlan = skb->vlan_present ? skb->vlan_tci & 0xfff : 0,
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
 * struct way - the way out of an answer.
 * @src, @dst: its ends.
 * @next: the neighbour; all zero = as the kernel's routes say.
 * @ifindex: where; 0 = nowhere.
 * @mtu: what fits there, if it is too big; else 0.
 * @size: of the answer, from its network header on.
 * @has_bridge: where no route leads, the VM's bridge does.
 */
struct way {
	struct ip_addr src;
	struct ip_addr dst;
	struct ip_addr next;
	uint32_t ifindex;
	uint32_t mtu;
	uint16_t size;
	uint8_t proto;
	bool is_v6;
	bool has_bridge;
};

static ALWAYS_INLINE void fib_fill(struct bpf_fib_lookup *fib,
				   const struct way *w, uint32_t ifindex)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->l4_protocol = w->proto;
	fib->ifindex = ifindex;
	fib->tot_len = w->size;
	if (w->is_v6) {
		fib->family = AF_INET6;
		__builtin_memcpy(fib->ipv6_src, &w->src, sizeof(w->src));
		__builtin_memcpy(fib->ipv6_dst, &w->dst, sizeof(w->dst));
	} else {
		fib->family = AF_INET;
		fib->ipv4_src = w->src.word[3];
		fib->ipv4_dst = w->dst.word[3];
	}
}

/* What a lookup has found. */
static ALWAYS_INLINE void fib_take(const struct bpf_fib_lookup *fib,
				   struct way *w)
{
	w->ifindex = fib->ifindex;
	w->mtu = 0;
	if (fib->family == AF_INET6)
		__builtin_memcpy(&w->next, fib->ipv6_dst, sizeof(w->next));
	else
		w->next = ip_from_v4(fib->ipv4_dst);
}

/*
 * An uplink where the host's own forwarding is off: the lookup says nothing about
 * it. Balanced packets don't need that, so the kernel routes them there on its
 * own; what fits is asked of the interface.
 */
static ALWAYS_INLINE void way_by_kernel(struct __sk_buff *skb, struct way *w,
					uint32_t ifindex)
{
	uint32_t mtu = 0;

	if (bpf_check_mtu(skb, ifindex, &mtu, 0, BPF_MTU_CHK_SEGS) > 0)
		w->mtu = mtu;
	else
		w->ifindex = ifindex;
}

/*
 * The first uplink with a route that the answer fits. The neighbour need not be
 * known, the kernel asks for it.
 */
static ALWAYS_INLINE void way_find(struct __sk_buff *skb, struct way *w)
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
		fib_fill(&fib, w, ifindex);
		ret = bpf_fib_lookup(skb, &fib, sizeof(fib),
				     BPF_FIB_LOOKUP_OUTPUT);
		if (ret == BPF_FIB_LKUP_RET_FWD_DISABLED && !w->ifindex &&
		    !w->has_bridge)
			way_by_kernel(skb, w, node->uplinks[i].ifindex);
		if (ret == BPF_FIB_LKUP_RET_FRAG_NEEDED)
			w->mtu = fib.mtu_result;
		if (ret != BPF_FIB_LKUP_RET_SUCCESS &&
		    ret != BPF_FIB_LKUP_RET_NO_NEIGH)
			continue;
		fib_take(&fib, w);
		return;
	}
}

/* Judged by the verifier by itself. */
uint32_t slow_way(struct __sk_buff *skb, struct way *w);

__noinline uint32_t slow_way(struct __sk_buff *skb, struct way *w)
{
	if (w)
		way_find(skb, w);
	return 0;
}

/*
 * To a client inside: straight to its port, or to the host where it would have
 * come from outside.
 */
static ALWAYS_INLINE int send_inside(struct __sk_buff *skb,
				     const struct inside_way *way)
{
	const struct node *node = bpf_node(NULL);
	uint8_t macs[12];

	if (!node)
		return TC_ACT_SHOT;
	__builtin_memcpy(macs, way->mac, 6);
	__builtin_memcpy(macs + 6, node->inside.mac, 6);
	if ((skb->vlan_present && bpf_skb_vlan_pop(skb)) ||
	    bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0))
		return TC_ACT_SHOT;
	if (way->vlan && bpf_skb_vlan_push(skb, BE16(ETH_TYPE_VLAN), way->vlan))
		return TC_ACT_SHOT;
	if (way->flags & INSIDE_HOST)
		return (int)bpf_redirect(way->ifindex, BPF_F_INGRESS);
	skb->mark |= MARK_BALANCED;
	return (int)bpf_redirect(way->ifindex, 0);
}

uint32_t slow_is_inside(struct way *w);

/* Is the client of an answer inside? */
__noinline uint32_t slow_is_inside(struct way *w)
{
	struct inside_key key;

	if (!w)
		return 0;
	key.client = w->dst;
	key.vip = w->src;
	return bpf_inside_way(NULL, &key) != NULL;
}

/* out_mtu of struct tables. */
static ALWAYS_INLINE uint32_t skb_out_mtu(void *e, struct pkt *p, uint32_t size)
{
	struct way w = {
		.src = p->src,
		.dst = p->dst,
		.size = (uint16_t)size,
		.proto = p->proto,
		.is_v6 = is_ipv6(p),
		.has_bridge = p->l2,
	};

	p->to_inside = slow_is_inside(&w);
	if (p->to_inside || p->l2 & PORT_L2_ONLY)
		return 0;
	slow_way(e, &w);
	p->out_ifindex = w.ifindex;
	p->out_next = w.next;
	return w.ifindex ? 0 : w.mtu;
}

/* Send to a neighbour; without an address to whom the kernel's routes say. */
static ALWAYS_INLINE int send_by(uint32_t ifindex, const struct ip_addr *to)
{
	struct bpf_redir_neigh next = { .nh_family = AF_INET6 };

	if (!(to->word[0] | to->word[1] | to->word[2] | to->word[3]))
		return (int)bpf_redirect_neigh(ifindex, NULL, 0, 0);
	__builtin_memcpy(next.ipv6_nh, to, sizeof(next.ipv6_nh));
	if (!(to->word[0] | to->word[1]) && to->word[2] == BE32(0xffff)) {
		next.nh_family = AF_INET;
		next.ipv4_nh = to->word[3];
	}
	return (int)bpf_redirect_neigh(ifindex, &next, sizeof(next), 0);
}

/* A packet that the path has made, or an answer: to its client inside. */
static ALWAYS_INLINE int send_back_inside(const struct tables *t,
					  struct __sk_buff *skb)
{
	struct pkt p = pkt_of_skb(skb, L3_NONE, HEADERS_USUAL);
	const struct inside_way *way = inside_back(t, NULL, &p);

	return way ? send_inside(skb, way) : TC_ACT_SHOT;
}

/* A packet of inside_of() comes in again. */
static ALWAYS_INLINE int send_in_again(struct __sk_buff *skb)
{
	const struct node *node = bpf_node(NULL);

	if (!node || (skb->vlan_present && bpf_skb_vlan_pop(skb)))
		return TC_ACT_SHOT;
	return (int)bpf_redirect(node->inside_ifindex, 0);
}

/* What fits the interface of clients inside, if a packet doesn't; else 0. */
static ALWAYS_INLINE uint32_t inside_mtu(struct __sk_buff *skb)
{
	const struct node *node = bpf_node(NULL);
	uint32_t mtu = 0;

	return node && bpf_check_mtu(skb, node->inside_ifindex, &mtu, 0,
				     BPF_MTU_CHK_SEGS) ?
		       mtu :
		       0;
}

/* take_inside(): another program tells the VM that it doesn't fit. */
#define TOO_BIG_INSIDE (-3)

/* inside_of(), and what becomes of the packet. */
static ALWAYS_INLINE int take_inside(const struct tables *t,
				     struct __sk_buff *skb, uint16_t flags)
{
	struct pkt p = pkt_of_skb(skb, L3_NONE, HEADERS_RARE);
	enum verdict verdict = inside_of(t, NULL, &p, flags, !inside_mtu(skb));

	if (verdict == VERDICT_INSIDE)
		return send_in_again(skb);
	if (verdict == VERDICT_RARE)
		return TOO_BIG_INSIDE;
	if (!(flags & INSIDE_HOST) || verdict == VERDICT_DROP) {
		count_reason(t, NULL, p.reason, p.length);
		trace(skb, &p, verdict, TRACE_INSIDE);
	}
	return verdict == VERDICT_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* send_to_client(): another program has to. */
#define TO_INSIDE (-2)

/*
 * Send an answer by the way that was found before it was rewritten, or is found
 * now, when nobody can be told that it does not fit (and of many packets in one
 * nobody knows): straight to a client inside; by a route of an uplink; or by the
 * VM's bridge, to whom the VM has sent it, where an uplink is on it and no route
 * leads there. Else @reason says why it can't be.
 */
static ALWAYS_INLINE int send_to_client(struct __sk_buff *skb, struct pkt *p)
{
	uint32_t mtu = 0;

	if (!p->to_inside && !p->out_ifindex)
		mtu = skb_out_mtu(skb, p, p->segment ? 0 : p->l3_size);
	if (p->to_inside)
		return TO_INSIDE;
	skb->mark |= MARK_ANSWER;
	if (p->out_ifindex)
		return send_by(p->out_ifindex, &p->out_next);
	if (p->l2 && !mtu)
		return TC_ACT_UNSPEC;
	p->reason = mtu ? DROP_PORT_TOO_BIG : DROP_PORT_NO_ROUTE;
	return TC_ACT_SHOT;
}

#endif
