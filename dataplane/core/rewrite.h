/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address edits of mode "nat", with incremental checksums.
 *
 * Whichever engine it is, headers are written as memory. Only the checksum of
 * TCP and UDP may be the engine's to change (tables.h, l4_csum): guests hand over
 * packets where it is not finished, and only the kernel knows which.
 */
#ifndef DATAPLANE_CORE_REWRITE_H
#define DATAPLANE_CORE_REWRITE_H

#include "dataplane/core/csum.h"
#include "dataplane/core/parse.h"
#include "dataplane/core/tables.h"

/*
 * Decrement the TTL; returns what the header's checksum changes by: TTL and
 * protocol share a word of it, and whatever that is, ~m + m - 0x100 is the same.
 */
static ALWAYS_INLINE uint32_t ip_decrement_ttl(struct ipv4_hdr *ip)
{
	ip->ttl--;
	return BE16(0xffff - 0x100);
}

static ALWAYS_INLINE uint32_t ipv6_write_addr(struct ipv6_hdr *ip6,
					      enum end end,
					      const struct ip_addr *to)
{
	struct ipv6_wire_addr *at = &ip6->addr[end];
	uint64_t change = 0;
	int i;

	/* As csum_change32() of each, but folded once. */
	for (i = 0; i < 4; i++) {
		change += (uint64_t)(be32)~at->word[i] + to->word[i];
		at->word[i] = to->word[i];
	}
	return csum_quarters(change);
}

/**
 * rewrite_addr() - give a packet another address at one of its ends.
 * @hops: by how much its TTL falls: 0 or 1.
 *
 * Return: what a checksum changes by that covers the address.
 */
static ALWAYS_INLINE uint32_t rewrite_addr(struct pkt *p, enum end end,
					   const struct ip_addr *to,
					   uint32_t hops)
{
	uint32_t change;
	uint32_t ttl = 0;

	if (is_ipv6(p)) {
		p->ip6->hop_limit -= (uint8_t)hops;
		return ipv6_write_addr(p->ip6, end, to);
	}
	change = csum_change32(p->ip->addr[end], to->word[3]);
	if (hops)
		ttl = ip_decrement_ttl(p->ip);
	p->ip->csum = csum_apply(p->ip->csum, change + ttl);
	p->ip->addr[end] = to->word[3];
	return change;
}

/* A UDP checksum after a change; none stays none, and none comes to be. */
static ALWAYS_INLINE be16 csum_apply_udp(be16 csum, uint32_t change)
{
	be16 changed;

	if (!csum)
		return 0;
	changed = csum_apply(csum, change);
	return changed ? changed : 0xffff;
}

/**
 * rewrite_csum() - bring the checksum of TCP or UDP up to date.
 * @pseudo: change of the addresses, which an unfinished one covers, too.
 * @rest: change of what is behind them.
 *
 * The last that is done to a packet: where an engine has a call of its own for
 * it, pointers into the packet end here.
 */
static ALWAYS_INLINE void rewrite_csum(const struct tables *t, void *e,
				       struct pkt *p, uint32_t pseudo,
				       uint32_t rest)
{
	if (t->l4_csum)
		t->l4_csum(e, p, pseudo, rest);
	else if (p->l4_kind == L4_TCP)
		pkt_tcp(p)->csum = csum_apply(pkt_tcp(p)->csum, pseudo + rest);
	else if (p->l4_kind == L4_UDP)
		pkt_udp(p)->csum =
			csum_apply_udp(pkt_udp(p)->csum, pseudo + rest);
}

/**
 * rewrite_alike() - make the other end of a packet what this one is: before
 * rewrite_end() gives this one another address.
 *
 * A VM that talks to itself by a VIP sees the VIP at the other end (inside.h).
 */
static ALWAYS_INLINE void rewrite_alike(struct pkt *p, enum end end)
{
	enum end other = end == END_SRC ? END_DST : END_SRC;
	struct ip_addr addr = pkt_addr(p, end);

	p->addr_change += rewrite_addr(p, other, &addr, 0);
}

/**
 * rewrite_end() - give a packet another address and port at one of its ends, a
 * TTL less, and right checksums.
 * @p: parsed, with @l4_change; a later fragment has no port to change.
 */
static ALWAYS_INLINE void rewrite_end(const struct tables *t, void *e,
				      struct pkt *p, enum end end,
				      const struct ip_addr *addr, be16 port)
{
	uint32_t pseudo = rewrite_addr(p, end, addr, 1) + p->addr_change;
	struct l4_ports *ports = (struct l4_ports *)p->l4;
	uint32_t rest = p->l4_change;

	if (p->l4_kind == L4_NONE)
		return;
	rest += csum_change(ports->port[end], port);
	ports->port[end] = port;
	rewrite_csum(t, e, p, pseudo, rest);
}

/**
 * rewrite_macs() - the Ethernet header of a packet to a VM.
 *
 * It is written straight before the network header; VLAN tags are left over in
 * front of it and the engine cuts them off (@head_cut). The type that stands
 * before a network header is right as it is.
 */
static ALWAYS_INLINE void rewrite_macs(struct pkt *p,
				       const struct backend_record *record)
{
	struct eth_hdr *eth = (struct eth_hdr *)pkt_l3(p) - 1;

	p->head_cut = p->l3_at - (uint32_t)sizeof(*eth);
	__builtin_memcpy(eth->dst, record->dst_mac, sizeof(eth->dst));
	__builtin_memcpy(eth->src, record->src_mac, sizeof(eth->src));
}

#endif
