/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets that the path makes by itself, in place of the one that came: ARP
 * answers for VIPs, TCP RSTs, answers to pings. All of them are limited in rate.
 * Neighbour discovery is nd.h's, ICMP errors are error.h's.
 */
#ifndef DATAPLANE_CORE_REPLY_H
#define DATAPLANE_CORE_REPLY_H

#include "dataplane/core/icmp.h"
#include "dataplane/core/tables.h"

#define NS_PER_S 1000000000ULL

/**
 * bucket_take() - may the path send one more packet?
 * @rate_pps: tokens a second; a tenth of a second's worth may be saved up.
 *
 * A packet costs NS_PER_S and a nanosecond brings @rate_pps, so nothing is
 * rounded: a flood can't keep the bucket empty by asking often.
 */
static ALWAYS_INLINE bool bucket_take(struct bucket *b, uint32_t rate_pps,
				      uint64_t now_ns)
{
	uint64_t full = NS_PER_S * (rate_pps / 10 + 1);
	uint64_t passed_ns = now_ns - b->last_ns;

	if (passed_ns > NS_PER_S)
		passed_ns = NS_PER_S;
	b->tokens += passed_ns * rate_pps;
	b->last_ns = now_ns;
	if (b->tokens > full)
		b->tokens = full;
	if (b->tokens < NS_PER_S)
		return false;
	b->tokens -= NS_PER_S;
	return true;
}

static ALWAYS_INLINE bool reply_allowed(const struct tables *t, void *e,
					enum reply_kind kind)
{
	const struct node *node = t->node(e);
	struct limiter *limiter = t->limiter(e);

	return node && limiter &&
	       bucket_take(&limiter->bucket[kind], node->reply_rate_pps,
			   t->now_ns(e));
}

/* Own address of the interface that a packet came in by, an uplink or that of
 * clients inside; NULL = not ours. */
static ALWAYS_INLINE const uint8_t *uplink_mac(const struct node *node,
					       uint32_t ifindex)
{
	int i;

	for (i = 0; node && i < NODE_UPLINKS; i++)
		if (node->uplinks[i].ifindex == ifindex)
			return node->uplinks[i].mac;
	return node && ifindex && node->inside.ifindex == ifindex ?
		       node->inside.mac :
		       NULL;
}

/* Is it a request, for Ethernet and IPv4? */
static ALWAYS_INLINE bool arp_asks(const struct arp_hdr *arp)
{
	return arp->hw_type == BE16(1) && arp->hw_size == 6 &&
	       arp->proto_type == BE16(ETH_TYPE_IPV4) && arp->proto_size == 4 &&
	       arp->op == BE16(ARP_REQUEST);
}

/* Make a request its own answer: who has the address has @mac. */
static ALWAYS_INLINE void arp_answer(struct pkt *p, struct arp_hdr *arp,
				     const uint8_t mac[6])
{
	be32 asked = arp->target_ip;

	arp->op = BE16(ARP_REPLY);
	arp->target_ip = arp->sender_ip;
	arp->sender_ip = asked;
	__builtin_memcpy(arp->target_mac, arp->sender_mac, 6);
	__builtin_memcpy(arp->sender_mac, mac, 6);
	__builtin_memcpy(p->eth->dst, p->eth->src, 6);
	__builtin_memcpy(p->eth->src, mac, 6);
	p->reply_length = p->l3_at + (uint32_t)sizeof(*arp);
}

/**
 * reply_arp() - answer a request for one of our VIPs.
 * @p: after parse_frame(), an ARP frame.
 * @l3: where its header begins.
 * @mac: what the VIPs are at, where it came in; NULL = nothing.
 *
 * Return: REPLY_ARP when @p is the answer now; else why not.
 */
static ALWAYS_INLINE enum reason reply_arp(const struct tables *t, void *e,
					   struct pkt *p, uint8_t *l3,
					   const uint8_t *mac)
{
	struct service_key key = { .port = 0 };
	const struct service *vip;
	struct arp_hdr *arp = (struct arp_hdr *)l3;

	if (l3 + sizeof(*arp) > p->end)
		return PASS_TRUNCATED;
	if (!arp_asks(arp))
		return PASS_ARP;
	key.vip = ip_from_v4(arp->target_ip);
	vip = t->service(e, &key);
	if (!vip || !(vip->flags & SERVICE_ANSWER_L2) || !mac)
		return PASS_ARP;
	if (!reply_allowed(t, e, REPLY_KIND_L2))
		return DROP_REPLY_RATE;
	arp_answer(p, arp, mac);
	return REPLY_ARP;
}

/*
 * May a packet be answered at all? Not if it came to or from a group: the answer
 * would go to everybody, or come from a MAC address that nobody has (RFC 1122,
 * 3.2.1.3; RFC 4443, 2.4).
 */
static ALWAYS_INLINE bool reply_fits(const struct pkt *p)
{
	struct ip_addr to = pkt_addr(p, END_SRC);
	uint8_t net;

	if (p->eth->dst[0] & 1)
		return false;
	if (is_ipv6(p))
		return HOST32(to.word[0]) >> 24 != 0xff &&
		       (to.word[0] | to.word[1] | to.word[2] |
			(to.word[3] & BE32(0xfffffffe)));
	/* 0/8 is "this network", 127/8 loopback, 224/3 groups and reserved. */
	net = (uint8_t)(HOST32(to.word[3]) >> 24);
	return net != 0 && net != 127 && net < 224;
}

/* With an RST: what is TCP, and is none. */
static ALWAYS_INLINE bool reply_rst_fits(const struct pkt *p)
{
	return p->l4_kind == L4_TCP && !(p->tcp_flags & TCP_RST) &&
	       reply_fits(p);
}

static ALWAYS_INLINE void swap_macs(struct pkt *p)
{
	uint8_t mac[6];

	__builtin_memcpy(mac, p->eth->dst, 6);
	__builtin_memcpy(p->eth->dst, p->eth->src, 6);
	__builtin_memcpy(p->eth->src, mac, 6);
}

/**
 * reply_l3() - write the network header of an answer: from the VIP to whoever
 * sent the packet, without options.
 * @p: with the header that is written over.
 * @from, @to: its ends.
 * @size: bytes behind it.
 *
 * Return: the sum of the pseudo header.
 */
static ALWAYS_INLINE uint32_t reply_l3(const struct pkt *p,
				       const struct ip_addr *from,
				       const struct ip_addr *to, uint8_t proto,
				       uint16_t size)
{
	struct ipv6_hdr *ip6 = p->ip6;
	struct ipv4_hdr *ip = p->ip;
	int i;

	if (is_ipv6(p)) {
		ip6->version_class_label = BE32(6U << 28);
		ip6->payload_length = BE16(size);
		ip6->next = proto;
		ip6->hop_limit = 64;
		for (i = 0; i < 4; i++) {
			ip6->addr[END_SRC].word[i] = from->word[i];
			ip6->addr[END_DST].word[i] = to->word[i];
		}
		return csum_words(ip6->addr, sizeof(ip6->addr) / 2) +
		       BE16(proto) + BE16(size);
	}
	ip->version_ihl = 0x45;
	ip->tos = 0;
	ip->total_length = BE16((uint16_t)(sizeof(*ip) + size));
	ip->id = 0;
	ip->frag = BE16(IPV4_DONT_FRAGMENT);
	ip->ttl = 64;
	ip->proto = proto;
	ip->src = from->word[3];
	ip->dst = to->word[3];
	ip->csum = 0;
	ip->csum = (be16)~csum_fold(csum_words(ip, sizeof(*ip) / 2));
	return csum_halves(ip->src) + csum_halves(ip->dst) + BE16(proto) +
	       BE16(size);
}

/* Sequence numbers of the RST that answers a segment: RFC 9293, 3.10.7.1. */
static ALWAYS_INLINE struct tcp_hdr rst_make(const struct pkt *p)
{
	const struct tcp_hdr *tcp = pkt_tcp(p);
	uint32_t size = (uint32_t)(tcp->data_offset >> 4) * 4;
	struct tcp_hdr rst = {
		.sport = p->dport,
		.dport = p->sport,
		.data_offset = (sizeof(rst) / 4) << 4,
		.flags = TCP_RST,
	};
	uint32_t length = p->l4_size - size;

	if (tcp->flags & TCP_ACK) {
		rst.seq = tcp->ack;
		return rst;
	}
	if (tcp->flags & TCP_SYN)
		length++;
	if (tcp->flags & TCP_FIN)
		length++;
	rst.ack = BE32(HOST32(tcp->seq) + length);
	rst.flags = TCP_RST | TCP_ACK;
	return rst;
}

/**
 * reply_rst() - turn a TCP segment into the RST that answers it.
 * @p: parsed, reply_rst_fits(). Options and extension headers go.
 */
static ALWAYS_INLINE void reply_rst(struct pkt *p)
{
	uint32_t header = is_ipv6(p) ? sizeof(struct ipv6_hdr) :
				       sizeof(struct ipv4_hdr);
	uint8_t *l4 = pkt_l3(p) + header;
	struct tcp_hdr rst = rst_make(p);
	struct tcp_hdr *tcp = (struct tcp_hdr *)l4;
	struct ip_addr from = pkt_addr(p, END_DST);
	struct ip_addr to = pkt_addr(p, END_SRC);
	uint32_t sum;

	/* Never: the segment's own header is there, or behind. */
	if (l4 + sizeof(*tcp) > p->end)
		return;
	swap_macs(p);
	sum = reply_l3(p, &from, &to, IP_PROTO_TCP, sizeof(*tcp));
	*tcp = rst;
	tcp->csum = (be16)~csum_fold(sum + csum_words(tcp, sizeof(*tcp) / 2));
	p->reply_length = p->l3_at + header + (uint32_t)sizeof(*tcp);
}

/**
 * reply_echo() - turn a ping into its answer.
 * @p: an echo request, parsed, reply_fits().
 *
 * In place, whatever it carries; only the type changes in what is summed up.
 */
static ALWAYS_INLINE void reply_echo(struct pkt *p)
{
	struct icmp_hdr *icmp = pkt_icmp(p);
	be16 old_word = BE16((uint16_t)icmp->type << 8 | icmp->code);
	uint8_t type = is_ipv6(p) ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY;
	struct ip_addr from = pkt_addr(p, END_DST);
	struct ip_addr to = pkt_addr(p, END_SRC);

	icmp->csum = csum_apply(
		icmp->csum,
		csum_change(old_word, BE16((uint16_t)type << 8 | icmp->code)));
	icmp->type = type;
	swap_macs(p);
	p->reply_length = p->length;
	if (is_ipv6(p)) {
		p->ip6->hop_limit = 64;
		(void)ipv6_write_addr(p->ip6, END_SRC, &from);
		(void)ipv6_write_addr(p->ip6, END_DST, &to);
		return;
	}
	p->ip->csum = csum_apply(
		p->ip->csum,
		csum_change(BE16((uint16_t)p->ip->ttl << 8 | p->proto),
			    BE16((uint16_t)64 << 8 | p->proto)));
	p->ip->ttl = 64;
	p->ip->src = from.word[3];
	p->ip->dst = to.word[3];
}

#endif
