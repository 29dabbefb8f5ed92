/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets that the path makes by itself, in place of the one that came: ARP
 * answers for VIPs and TCP RSTs. All of them are limited in rate.
 */
#ifndef DATAPLANE_CORE_REPLY_H
#define DATAPLANE_CORE_REPLY_H

#include "dataplane/core/csum.h"
#include "dataplane/core/parse.h"
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

/* Own address of the interface that a packet came in by; NULL = not ours. */
static ALWAYS_INLINE const uint8_t *uplink_mac(const struct node *node,
					       uint32_t ifindex)
{
	int i;

	for (i = 0; i < NODE_UPLINKS; i++)
		if (node->uplinks[i].ifindex == ifindex)
			return node->uplinks[i].mac;
	return NULL;
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
	p->reply_length = (uint32_t)((uint8_t *)(arp + 1) - p->data);
}

/**
 * reply_arp() - answer a request for one of our VIPs.
 * @p: after parse_frame(), an ARP frame.
 * @l3: where its header begins.
 *
 * Return: REPLY_ARP when @p is the answer now; else why not.
 */
static ALWAYS_INLINE enum reason reply_arp(const struct tables *t, void *e,
					   struct pkt *p, uint8_t *l3)
{
	struct service_key key = { .port = 0 };
	const struct service *vip;
	const struct node *node;
	struct arp_hdr *arp = (struct arp_hdr *)l3;
	const uint8_t *mac;

	if (l3 + sizeof(*arp) > p->end)
		return PASS_TRUNCATED;
	if (!arp_asks(arp))
		return PASS_ARP;
	key.vip = ip_from_v4(arp->target_ip);
	vip = t->service(e, &key);
	node = t->node(e);
	if (!vip || !(vip->flags & SERVICE_ANSWER_L2) || !node)
		return PASS_ARP;
	mac = uplink_mac(node, p->ifindex);
	if (!mac)
		return PASS_ARP;
	if (!reply_allowed(t, e, REPLY_KIND_ARP))
		return DROP_REPLY_RATE;
	arp_answer(p, arp, mac);
	return REPLY_ARP;
}

/* Sequence numbers of the RST that answers a segment: RFC 9293, 3.10.7.1. */
static ALWAYS_INLINE void rst_fill(struct tcp_hdr *tcp, uint32_t segment_size)
{
	uint32_t length = segment_size;

	if (tcp->flags & TCP_ACK) {
		tcp->seq = tcp->ack;
		tcp->ack = 0;
		tcp->flags = TCP_RST;
		return;
	}
	if (tcp->flags & TCP_SYN)
		length++;
	if (tcp->flags & TCP_FIN)
		length++;
	tcp->ack = BE32(HOST32(tcp->seq) + length);
	tcp->seq = 0;
	tcp->flags = TCP_RST | TCP_ACK;
}

/**
 * reply_rst_fits() - may a packet be answered with an RST at all?
 * @p: parsed; @tcp may be NULL.
 *
 * Not an RST, and nothing that came to or from a group: the answer would go to
 * everybody, or come from a MAC address that nobody has (RFC 1122, 3.2.1.3).
 */
static ALWAYS_INLINE bool reply_rst_fits(const struct pkt *p)
{
	uint8_t net;

	if (!p->tcp || p->tcp_flags & TCP_RST || p->eth->dst[0] & 1)
		return false;
	/* 0/8 is "this network", 127/8 loopback, 224/3 groups and reserved. */
	net = (uint8_t)(HOST32(p->src.word[3]) >> 24);
	return net != 0 && net != 127 && net < 224;
}

/**
 * reply_rst() - turn a TCP segment into the RST that answers it.
 * @p: parsed to its TCP header, reply_rst_fits().
 */
static ALWAYS_INLINE void reply_rst(struct pkt *p)
{
	struct ipv4_hdr *ip = p->ip;
	struct tcp_hdr *tcp = p->tcp;
	uint32_t ip_length = HOST16(ip->total_length);
	uint32_t tcp_size = (uint32_t)(tcp->data_offset >> 4) * 4;
	uint8_t mac[6];
	uint32_t sum;

	__builtin_memcpy(mac, p->eth->dst, 6);
	__builtin_memcpy(p->eth->dst, p->eth->src, 6);
	__builtin_memcpy(p->eth->src, mac, 6);

	rst_fill(tcp, ip_length - (uint32_t)sizeof(*ip) - tcp_size);
	tcp->sport = p->dport;
	tcp->dport = p->sport;
	tcp->data_offset = (sizeof(*tcp) / 4) << 4;
	tcp->window = 0;
	tcp->urgent = 0;

	ip->total_length = BE16(sizeof(*ip) + sizeof(*tcp));
	ip->id = 0;
	ip->frag = BE16(IPV4_DONT_FRAGMENT);
	ip->tos = 0;
	ip->ttl = 64;
	ip->src = p->dst.word[3];
	ip->dst = p->src.word[3];
	ip->csum = 0;
	ip->csum = (be16)~csum_fold(csum_words(ip, sizeof(*ip) / 2));

	tcp->csum = 0;
	sum = csum_halves(ip->src) + csum_halves(ip->dst) + BE16(IP_PROTO_TCP) +
	      BE16(sizeof(*tcp));
	tcp->csum = (be16)~csum_fold(sum + csum_words(tcp, sizeof(*tcp) / 2));
	p->reply_length = (uint32_t)((uint8_t *)(tcp + 1) - p->data);
}

#endif
