/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Neighbour discovery for VIPs: RFC 4861, 7.2.4, by the node that has them.
 */
#ifndef DATAPLANE_CORE_ND_H
#define DATAPLANE_CORE_ND_H

#include "dataplane/core/icmp.h"
#include "dataplane/core/reply.h"

static ALWAYS_INLINE bool is_multicast6(const struct ip_addr *a)
{
	return !IP_IS_V4(*a) && (HOST32(a->word[0]) >> 24) == 0xff;
}

static ALWAYS_INLINE bool is_unspecified6(const struct ip_addr *a)
{
	return !(a->word[0] | a->word[1] | a->word[2] | a->word[3]);
}

/* Is it a solicitation that a host would listen to (RFC 4861, 7.1.1)? */
static ALWAYS_INLINE bool nd_asks(const struct pkt *p)
{
	return is_ipv6(p) && p->l4_kind == L4_ICMP && !p->frag &&
	       pkt_icmp(p)->type == ICMPV6_SOLICITATION &&
	       pkt_icmp(p)->code == 0 && p->ttl == ND_HOP_LIMIT &&
	       p->l4 == (uint8_t *)(p->ip6 + 1) &&
	       p->l4_size >= sizeof(struct nd_hdr);
}

/*
 * The option of a solicitation that its answer can be written over. The answer
 * names our MAC address if the question named its own: only a question to the
 * address itself may do without (RFC 4861, 4.3), and who only wants to know
 * whether it is free needs none.
 */
static ALWAYS_INLINE struct nd_mac_opt *nd_option(const struct pkt *p,
						  struct nd_hdr *nd)
{
	struct nd_mac_opt *opt = (struct nd_mac_opt *)(nd + 1);

	return (uint8_t *)(opt + 1) > p->end ||
			       p->l4_size < sizeof(*nd) + sizeof(*opt) ?
		       NULL :
		       opt;
}

/* Turn a solicitation into its answer: who has the address has @mac. */
static ALWAYS_INLINE void nd_answer(struct pkt *p, struct nd_hdr *nd,
				    struct nd_mac_opt *opt, const uint8_t *mac)
{
	const struct ipv6_wire_addr all_nodes = { .word = { BE32(0xff020000), 0,
							    0, BE32(1) } };
	struct ip_addr from = pkt_addr(p, END_SRC);
	bool nameless = is_unspecified6(&from);
	struct ipv6_hdr *ip6 = p->ip6;
	uint32_t size = sizeof(*nd);
	uint32_t sum = 0;
	int i;

	if (opt) {
		size += sizeof(*opt);
		opt->type = ND_TARGET_MAC;
		opt->length = 1;
		__builtin_memcpy(opt->mac, mac, 6);
		sum = csum_words(opt, sizeof(*opt) / 2);
	}
	nd->type = ICMPV6_ADVERTISEMENT;
	nd->csum = 0;
	nd->flags = BE32(nameless ? ND_OVERRIDE : ND_SOLICITED | ND_OVERRIDE);
	for (i = 0; i < 4; i++) {
		ip6->addr[END_SRC].word[i] = nd->target.word[i];
		ip6->addr[END_DST].word[i] = nameless ? all_nodes.word[i] :
							from.word[i];
	}
	ip6->payload_length = BE16((uint16_t)size);
	sum += csum_words(ip6->addr, sizeof(ip6->addr) / 2) +
	       BE16((uint16_t)size) + BE16(IP_PROTO_ICMPV6);
	nd->csum = (be16)~csum_fold(sum + csum_words(nd, sizeof(*nd) / 2));
	__builtin_memcpy(p->eth->dst, p->eth->src, 6);
	__builtin_memcpy(p->eth->src, mac, 6);
	if (nameless) {
		p->eth->dst[0] = p->eth->dst[1] = 0x33;
		p->eth->dst[2] = p->eth->dst[3] = p->eth->dst[4] = 0;
		p->eth->dst[5] = 1;
	}
	p->reply_length = pkt_l4_at(p) + size;
}

/**
 * reply_nd() - answer a solicitation for one of our VIPs.
 * @p: nd_asks() of it.
 * @mac: what the VIPs are at, where it came in; NULL = nothing.
 *
 * Return: REPLY_ND when @p is the answer now; else why not.
 */
static ALWAYS_INLINE enum reason reply_nd(const struct tables *t, void *e,
					  struct pkt *p, const uint8_t *mac)
{
	struct nd_hdr *nd = (struct nd_hdr *)p->l4;
	struct service_key key = { .port = 0 };
	struct ip_addr from = pkt_addr(p, END_SRC);
	const struct service *vip;

	if ((uint8_t *)(nd + 1) > p->end)
		return PASS_TRUNCATED;
	key.vip = ip_from_v6(&nd->target);
	vip = t->service(e, &key);
	if (!vip || !(vip->flags & SERVICE_ANSWER_L2) || !mac ||
	    is_multicast6(&from))
		return PASS_NOT_VIP;
	if (!reply_allowed(t, e, REPLY_KIND_L2))
		return DROP_REPLY_RATE;
	nd_answer(p, nd, nd_option(p, nd), mac);
	return REPLY_ND;
}

#endif
