/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frame -> struct pkt.
 *
 * In two steps, because what isn't ours must pass untouched whatever it looks
 * like: parse_frame() reads only as far as it takes to know the destination,
 * parse_flow() judges the rest and is asked only for our VIPs (or, at a VM's
 * port, wherever the answer may be "not a service").
 */
#ifndef DATAPLANE_CORE_PARSE_H
#define DATAPLANE_CORE_PARSE_H

#include "dataplane/core/pkt.h"

static ALWAYS_INLINE struct ip_addr ip_from_v4(be32 addr)
{
	struct ip_addr ip = { .word = { 0, 0, BE32(0xffff), addr } };

	return ip;
}

static ALWAYS_INLINE struct ip_addr ip_from_v6(const struct ipv6_wire_addr *a)
{
	/* A packet that is_ipv6() has the header; who analyzes can't see it. */
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	struct ip_addr ip = { .word = { a->word[0], a->word[1], a->word[2],
					a->word[3] } };

	return ip;
}

/* The address at one of a packet's ends, as its header has it now. Asked for where
 * it is wanted: to keep both costs registers, of which BPF has ten. */
static ALWAYS_INLINE struct ip_addr pkt_addr(const struct pkt *p, enum end end)
{
	if (is_ipv6(p))
		return ip_from_v6(&p->ip6->addr[end]);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the other one */
	return ip_from_v4(p->ip->addr[end]);
}

static ALWAYS_INLINE bool ip_same(const struct ip_addr *a,
				  const struct ip_addr *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1] &&
	       a->word[2] == b->word[2] && a->word[3] == b->word[3];
}

static ALWAYS_INLINE bool is_tag(be16 type)
{
	return type == BE16(ETH_TYPE_VLAN) || type == BE16(ETH_TYPE_QINQ);
}

/* Step over a VLAN tag, if there is one; false: it is cut off. */
static ALWAYS_INLINE bool parse_tag(struct pkt *p, uint8_t **l3, be16 *type)
{
	const struct vlan_hdr *tag = (const struct vlan_hdr *)*l3;

	if (!is_tag(*type))
		return true;
	if (*l3 + sizeof(*tag) > p->end)
		return false;
	*type = tag->type;
	*l3 += sizeof(*tag);
	p->l3_at += (uint32_t)sizeof(*tag);
	return true;
}

static ALWAYS_INLINE enum reason parse_ipv4_addrs(struct pkt *p, uint8_t *l3)
{
	struct ipv4_hdr *ip = (struct ipv4_hdr *)l3;

	if (l3 + sizeof(*ip) > p->end || ip->version_ihl >> 4 != 4)
		return PASS_TRUNCATED;
	p->ip = ip;
	p->proto = ip->proto;
	p->ttl = ip->ttl;
	return REASON_NONE;
}

static ALWAYS_INLINE enum reason parse_ipv6_addrs(struct pkt *p, uint8_t *l3)
{
	struct ipv6_hdr *ip6 = (struct ipv6_hdr *)l3;

	if (l3 + sizeof(*ip6) > p->end || l3[0] >> 4 != 6)
		return PASS_TRUNCATED;
	p->ip6 = ip6;
	p->proto = ip6->next;
	p->ttl = ip6->hop_limit;
	return REASON_NONE;
}

/**
 * parse_frame() - find the IP or ARP header behind Ethernet and up to two tags.
 * @p: @data, @end and @length set, the rest zero.
 * @ret_l3: where the next header begins (it may be cut off).
 *
 * Return: REASON_NONE with @eth, @l3_kind and, for IP, @ip or @ip6, @proto and
 * @ttl filled in (of the family that @only leaves out: @l3_kind alone);
 * else the reason to pass it. ARP is L3_NONE.
 */
static ALWAYS_INLINE enum reason parse_frame(struct pkt *p, uint8_t **ret_l3)
{
	uint8_t *l3;
	be16 type;

	if (p->data + sizeof(struct eth_hdr) > p->end)
		return PASS_TRUNCATED;
	p->eth = (struct eth_hdr *)p->data;
	type = p->eth->type;
	p->l3_at = sizeof(struct eth_hdr);
	l3 = p->data + sizeof(struct eth_hdr);
	/* Twice: each goes on where the one before has ended. */
	/* NOLINTBEGIN(misc-redundant-expression) */
	if (is_tag(type) &&
	    (!parse_tag(p, &l3, &type) || !parse_tag(p, &l3, &type)))
		return PASS_TRUNCATED;
	/* NOLINTEND(misc-redundant-expression) */
	*ret_l3 = l3;
	if (type == BE16(ETH_TYPE_IPV4)) {
		p->l3_kind = L3_IPV4;
		return p->only == L3_IPV6 ? REASON_NONE :
					    parse_ipv4_addrs(p, l3);
	}
	if (type == BE16(ETH_TYPE_IPV6)) {
		p->l3_kind = L3_IPV6;
		return p->only == L3_IPV4 ? REASON_NONE :
					    parse_ipv6_addrs(p, l3);
	}
	return type == BE16(ETH_TYPE_ARP) ? REASON_NONE : PASS_NOT_IP;
}

/* The IPv4 header's own lengths; fills in @l4, @l4_size, @l3_size and @frag. */
static ALWAYS_INLINE enum reason parse_ipv4(struct pkt *p)
{
	uint32_t header = (uint32_t)(p->ip->version_ihl & 0xf) * 4;
	uint32_t length = HOST16(p->ip->total_length);

	if (header < sizeof(struct ipv4_hdr) || length < header)
		return DROP_BAD_HEADER;
	if (length + p->l3_at > p->length)
		return DROP_TRUNCATED;
	p->l3_size = length;
	p->l4_size = length - header;
	p->l4 = (uint8_t *)p->ip + header;
	if (p->ip->frag & BE16(IPV4_MORE_FRAGS | IPV4_FRAG_OFFSET)) {
		p->frag = p->ip->frag & BE16(IPV4_FRAG_OFFSET) ? FRAG_LATER :
								 FRAG_FIRST;
		p->frag_id = p->ip->id;
		p->frag_offset =
			(uint16_t)((HOST16(p->ip->frag) & IPV4_FRAG_OFFSET) *
				   8);
	}
	return REASON_NONE;
}

static ALWAYS_INLINE bool is_extension(uint8_t next)
{
	return next == IP_PROTO_HOPOPTS || next == IP_PROTO_ROUTING ||
	       next == IP_PROTO_DSTOPTS || next == IP_PROTO_FRAGMENT;
}

/* The IPv6 header's own length; extension headers are rare.h's. */
static ALWAYS_INLINE enum reason parse_ipv6(struct pkt *p)
{
	p->l4_size = HOST16(p->ip6->payload_length);
	p->l3_size = (uint32_t)sizeof(struct ipv6_hdr) + p->l4_size;
	if (p->l3_size + p->l3_at > p->length)
		return DROP_TRUNCATED;
	p->l4 = (uint8_t *)(p->ip6 + 1);
	p->extended = is_extension(p->proto);
	return REASON_NONE;
}

static ALWAYS_INLINE enum reason parse_tcp(struct pkt *p)
{
	const struct tcp_hdr *tcp = (const struct tcp_hdr *)p->l4;
	uint32_t size;

	if (p->l4 + sizeof(*tcp) > p->end)
		return DROP_TRUNCATED;
	size = (uint32_t)(tcp->data_offset >> 4) * 4;
	if (size < sizeof(*tcp) || p->l4_size < (p->frag ? sizeof(*tcp) : size))
		return DROP_BAD_HEADER;
	p->sport = tcp->sport;
	p->dport = tcp->dport;
	p->tcp_flags = tcp->flags;
	p->l4_kind = L4_TCP;
	p->kind = tcp_opens(tcp->flags) ? FLOW_OPENER : FLOW_OTHER;
	return REASON_NONE;
}

static ALWAYS_INLINE enum reason parse_udp(struct pkt *p)
{
	const struct udp_hdr *udp = (const struct udp_hdr *)p->l4;
	uint32_t length;

	if (p->l4 + sizeof(*udp) > p->end)
		return DROP_TRUNCATED;
	length = HOST16(udp->length);
	if (length < sizeof(*udp) || p->l4_size < sizeof(*udp) ||
	    (length > p->l4_size && !p->frag))
		return DROP_BAD_HEADER;
	p->sport = udp->sport;
	p->dport = udp->dport;
	p->l4_kind = L4_UDP;
	p->kind = FLOW_UDP;
	return REASON_NONE;
}

static ALWAYS_INLINE enum reason parse_icmp(struct pkt *p)
{
	if (p->l4 + sizeof(struct icmp_hdr) > p->end)
		return DROP_TRUNCATED;
	p->l4_kind = L4_ICMP;
	return p->l4_size < sizeof(struct icmp_hdr) ? DROP_BAD_HEADER :
						      REASON_NONE;
}

/* What is at @l4, unless that is the middle of something. */
static ALWAYS_INLINE enum reason parse_l4(struct pkt *p)
{
	if (p->frag == FRAG_LATER)
		return REASON_NONE;
	if (p->proto == IP_PROTO_TCP)
		return parse_tcp(p);
	if (p->proto == IP_PROTO_UDP)
		return parse_udp(p);
	if (p->proto == (is_ipv6(p) ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP))
		return parse_icmp(p);
	return DROP_PROTOCOL;
}

/**
 * parse_flow() - judge the network header and read the ports behind it.
 * @p: after parse_frame() for IP.
 *
 * Return: REASON_NONE with all of a flow filled in (of ICMP and of later
 * fragments: no ports; of @extended ones nothing behind the network header), or
 * the reason to drop it if the destination is ours.
 */
static ALWAYS_INLINE enum reason parse_flow(struct pkt *p)
{
	enum reason reason = is_ipv6(p) ? parse_ipv6(p) : parse_ipv4(p);

	return reason || p->extended ? reason : parse_l4(p);
}

/* Of the family that this code is not for. */
static ALWAYS_INLINE bool is_other_family(const struct pkt *p)
{
	return p->only && is_ip(p) && p->l3_kind != p->only;
}

/* Neither a fragment nor ICMP, no extensions: all that the usual way takes. */
static ALWAYS_INLINE bool is_usual(const struct pkt *p)
{
	return !p->frag && !p->extended && p->l4_kind != L4_ICMP;
}

#endif
