/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP and ICMPv6: errors that quote a packet of a flow, and pings.
 *
 * An error belongs to whoever sent the packet that it quotes, so it goes the way
 * of that packet's flow, and the quoted headers are rewritten to what that side
 * knows them as. RFC 792 lets an error quote no more than the IP header and eight
 * bytes; all of it is in the checksum, so that has to follow each change.
 */
#ifndef DATAPLANE_CORE_ICMP_H
#define DATAPLANE_CORE_ICMP_H

#include "dataplane/core/rewrite.h"
#include "dataplane/core/walk.h"

#define TCP_CSUM_END (offsetof(struct tcp_hdr, csum) + sizeof(be16))

static ALWAYS_INLINE struct icmp_hdr *pkt_icmp(const struct pkt *p)
{
	return (struct icmp_hdr *)p->l4;
}

/* Does it quote a packet? */
static ALWAYS_INLINE bool icmp_is_error(const struct pkt *p)
{
	uint8_t type = pkt_icmp(p)->type;

	if (is_ipv6(p))
		return type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER;
	return type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETER;
}

static ALWAYS_INLINE bool icmp_is_echo(const struct pkt *p)
{
	return pkt_icmp(p)->type == (is_ipv6(p) ? ICMPV6_ECHO : ICMP_ECHO);
}

/**
 * struct whose - the flow of a packet that an error quotes.
 * @addr, @port: of the packet, by enum end.
 * @proto: TCP or UDP.
 * @service, @backend, @target_port, @observed: whose it is (rare.h).
 * @opens: it is about a packet that opens it: a refused one, not an error's.
 * @answers: its pool wants to have refused what nobody takes.
 */
struct whose {
	struct ip_addr addr[2];
	be16 port[2];
	uint8_t proto;
	bool observed;
	be16 target_port;
	uint32_t service;
	uint16_t backend;
	bool answers;
	bool opens;
};
_Static_assert(sizeof(struct whose) == 48, "no padding in an argument");

/**
 * struct quoted - the packet inside an error.
 * @flow: whose it is.
 * @ip, @ip6: its header, of the error's own family.
 * @l4: behind that and its options; @l4_size: how much of it is quoted.
 */
struct quoted {
	struct whose flow;
	struct ipv4_hdr *ip;
	struct ipv6_hdr *ip6;
	uint8_t *l4;
	uint32_t l4_size;
};

static ALWAYS_INLINE bool quoted_ipv4(const struct pkt *p, struct quoted *q,
				      uint32_t left)
{
	struct ipv4_hdr *ip =
		(struct ipv4_hdr *)(p->l4 + sizeof(struct icmp_hdr));
	uint32_t header;

	if ((uint8_t *)(ip + 1) > p->end || ip->version_ihl >> 4 != 4)
		return false;
	header = (uint32_t)(ip->version_ihl & 0xf) * 4;
	if (header < sizeof(*ip) || left < header ||
	    ip->frag & BE16(IPV4_FRAG_OFFSET))
		return false;
	q->ip = ip;
	q->flow.addr[END_SRC] = ip_from_v4(ip->src);
	q->flow.addr[END_DST] = ip_from_v4(ip->dst);
	q->flow.proto = ip->proto;
	q->l4 = (uint8_t *)ip + header;
	q->l4_size = left - header;
	return true;
}

static ALWAYS_INLINE bool quoted_ipv6(const struct tables *t, void *e,
				      const struct pkt *p, struct quoted *q,
				      uint32_t left)
{
	struct ipv6_hdr *ip6 =
		(struct ipv6_hdr *)(p->l4 + sizeof(struct icmp_hdr));
	struct walk w;

	if ((uint8_t *)(ip6 + 1) > p->end || left < sizeof(*ip6) ||
	    *(uint8_t *)ip6 >> 4 != 6)
		return false;
	q->ip6 = ip6;
	q->flow.addr[END_SRC] = ip_from_v6(&ip6->addr[END_SRC]);
	q->flow.addr[END_DST] = ip_from_v6(&ip6->addr[END_DST]);
	q->flow.proto = ip6->next;
	q->l4 = (uint8_t *)(ip6 + 1);
	q->l4_size = left - (uint32_t)sizeof(*ip6);
	if (!is_extension(q->flow.proto))
		return true;
	w = (struct walk){
		.at = pkt_l4_at(p) +
		      (uint32_t)(sizeof(struct icmp_hdr) + sizeof(*ip6)),
		.left = q->l4_size,
		.next = q->flow.proto,
	};
	if (walk_through(t, e, p, &w) || w.frag == FRAG_LATER)
		return false;
	q->flow.proto = w.next;
	q->l4 = p->data + w.at;
	q->l4_size = w.left;
	return true;
}

/**
 * quoted_parse() - read the packet that an error quotes.
 * @p: an ICMP error, parsed.
 *
 * Return: false if it is none of TCP or UDP, or too little of it is there.
 */
static ALWAYS_INLINE bool quoted_parse(const struct tables *t, void *e,
				       const struct pkt *p, struct quoted *q)
{
	uint32_t left = p->l4_size - (uint32_t)sizeof(struct icmp_hdr);
	const struct l4_ports *ports;

	if (!(is_ipv6(p) ? quoted_ipv6(t, e, p, q, left) :
			   quoted_ipv4(p, q, left)))
		return false;
	/* Eight bytes are the least that it has to quote. */
	if (q->l4_size < 8 || q->l4 + 8 > p->end ||
	    (q->flow.proto != IP_PROTO_TCP && q->flow.proto != IP_PROTO_UDP))
		return false;
	ports = (const struct l4_ports *)q->l4;
	q->flow.port[END_SRC] = ports->port[END_SRC];
	q->flow.port[END_DST] = ports->port[END_DST];
	return true;
}

/*
 * The checksum of what is quoted, as far as it is there; returns what the
 * error's own changes by.
 */
static ALWAYS_INLINE uint32_t quoted_csum(const struct pkt *p,
					  const struct quoted *q,
					  uint32_t change)
{
	struct tcp_hdr *tcp = (struct tcp_hdr *)q->l4;
	struct udp_hdr *udp = (struct udp_hdr *)q->l4;
	be16 old_csum;

	if (q->flow.proto == IP_PROTO_UDP) {
		old_csum = udp->csum;
		udp->csum = csum_apply_udp(old_csum, change);
		return csum_change(old_csum, udp->csum);
	}
	if (q->l4_size < TCP_CSUM_END || q->l4 + TCP_CSUM_END > p->end)
		return 0;
	old_csum = tcp->csum;
	tcp->csum = csum_apply(old_csum, change);
	return csum_change(old_csum, tcp->csum);
}

/**
 * quoted_rewrite() - give the quoted packet another address and port.
 *
 * Return: what the error's checksum changes by.
 */
static ALWAYS_INLINE uint32_t quoted_rewrite(const struct pkt *p,
					     const struct quoted *q,
					     enum end end,
					     const struct ip_addr *addr,
					     be16 port)
{
	struct l4_ports *ports = (struct l4_ports *)q->l4;
	uint32_t change = csum_change(ports->port[end], port);
	uint32_t header = 0;
	uint32_t addrs;
	be16 old_csum;

	ports->port[end] = port;
	if (is_ipv6(p)) {
		addrs = ipv6_write_addr(q->ip6, end, addr);
	} else {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): is there */
		addrs = csum_change32(q->ip->addr[end], addr->word[3]);
		q->ip->addr[end] = addr->word[3];
		old_csum = q->ip->csum;
		q->ip->csum = csum_apply(old_csum, addrs);
		header = csum_change(old_csum, q->ip->csum);
	}
	return change + addrs + header + quoted_csum(p, q, change + addrs);
}

/**
 * icmp_rewrite() - send an error on: another end outside, the same inside.
 * @outer, @inner: which end of the error and of the quoted packet change.
 */
static ALWAYS_INLINE void icmp_rewrite(struct pkt *p, const struct quoted *q,
				       enum end outer, enum end inner,
				       const struct ip_addr *addr, be16 port)
{
	uint32_t change = quoted_rewrite(p, q, inner, addr, port);
	uint32_t outside = rewrite_addr(p, outer, addr, 1);

	/* ICMPv6 has a pseudo header, ICMP has none. */
	if (is_ipv6(p))
		change += outside;
	pkt_icmp(p)->csum = csum_apply(pkt_icmp(p)->csum, change);
}

#endif
