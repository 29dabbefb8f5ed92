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

/**
 * parse_frame() - find the IPv4 or ARP header behind Ethernet and one tag.
 * @p: @data, @end and @length set, the rest zero.
 * @ret_l3: where the next header begins (it may be cut off).
 *
 * Return: REASON_NONE with @eth, @l3_type and, for IPv4, @ip, @src, @dst and
 * @proto filled in; else the reason to pass it. ARP leaves @ip NULL.
 */
static ALWAYS_INLINE enum reason parse_frame(struct pkt *p, uint8_t **ret_l3)
{
	struct vlan_hdr *tag;
	struct ipv4_hdr *ip;
	uint8_t *l3;
	be16 type;

	if (p->data + sizeof(struct eth_hdr) > p->end)
		return PASS_TRUNCATED;
	p->eth = (struct eth_hdr *)p->data;
	type = p->eth->type;
	l3 = p->data + sizeof(struct eth_hdr);
	if (type == BE16(ETH_TYPE_VLAN) || type == BE16(ETH_TYPE_QINQ)) {
		tag = (struct vlan_hdr *)l3;
		if (l3 + sizeof(*tag) > p->end)
			return PASS_TRUNCATED;
		type = tag->type;
		l3 += sizeof(*tag);
	}
	p->l3_type = type;
	*ret_l3 = l3;
	if (type == BE16(ETH_TYPE_ARP))
		return REASON_NONE;
	if (type != BE16(ETH_TYPE_IPV4))
		return PASS_NOT_IP;
	ip = (struct ipv4_hdr *)l3;
	if (l3 + sizeof(*ip) > p->end || ip->version_ihl >> 4 != 4)
		return PASS_TRUNCATED;
	p->ip = ip;
	p->src = ip_from_v4(ip->src);
	p->dst = ip_from_v4(ip->dst);
	p->proto = ip->proto;
	return REASON_NONE;
}

/**
 * parse_flow() - judge the IPv4 header and read the TCP header.
 * @p: after parse_frame() for IPv4.
 *
 * Return: REASON_NONE with ports, flags, kind and @tcp filled in, or the
 * reason to drop it if the destination is ours.
 */
static ALWAYS_INLINE enum reason parse_flow(struct pkt *p)
{
	struct tcp_hdr *tcp = (struct tcp_hdr *)(p->ip + 1);
	uint32_t ip_length = HOST16(p->ip->total_length);
	uint32_t tcp_size;

	if (p->ip->version_ihl != 0x45)
		return (p->ip->version_ihl & 0xf) > 5 ? DROP_IP_OPTIONS :
							DROP_BAD_HEADER;
	if (p->ip->frag & BE16(IPV4_MORE_FRAGS | IPV4_FRAG_OFFSET))
		return DROP_FRAGMENT;
	if (p->proto != IP_PROTO_TCP)
		return DROP_PROTOCOL;
	if ((uint8_t *)(tcp + 1) > p->end)
		return DROP_TRUNCATED;
	tcp_size = (uint32_t)(tcp->data_offset >> 4) * 4;
	if (tcp_size < sizeof(*tcp) ||
	    ip_length < sizeof(struct ipv4_hdr) + tcp_size)
		return DROP_BAD_HEADER;
	if (ip_length + ((uint8_t *)p->ip - p->data) > p->length)
		return DROP_TRUNCATED;
	p->tcp = tcp;
	p->sport = tcp->sport;
	p->dport = tcp->dport;
	p->tcp_flags = tcp->flags;
	p->kind = tcp_opens(tcp->flags) ? FLOW_OPENER : FLOW_OTHER;
	return REASON_NONE;
}

#endif
