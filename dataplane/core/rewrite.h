/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address edits of mode "nat", with incremental checksums.
 */
#ifndef DATAPLANE_CORE_REWRITE_H
#define DATAPLANE_CORE_REWRITE_H

#include "dataplane/core/csum.h"
#include "dataplane/core/parse.h"
#include "dataplane/core/tables.h"

/* Decrement the TTL; returns what the header's checksum changes by. */
static ALWAYS_INLINE uint32_t ip_decrement_ttl(struct ipv4_hdr *ip)
{
	/* TTL and protocol share a 16-bit word of the checksum. */
	be16 old_word = BE16((uint16_t)ip->ttl << 8 | ip->proto);

	ip->ttl--;
	return csum_change(old_word, BE16((uint16_t)ip->ttl << 8 | ip->proto));
}

/**
 * rewrite_to_backend() - client's packet: VIP:port -> VM's address:port.
 * @p: parsed, @target_port known, TTL > 1.
 * @record: of the chosen backend.
 *
 * The Ethernet header is written straight before the IP header; a VLAN tag is
 * left over in front of it and the engine cuts it off (@head_cut).
 */
static ALWAYS_INLINE void
rewrite_to_backend(struct pkt *p, const struct backend_record *record)
{
	uint8_t *l2 = (uint8_t *)p->ip - sizeof(struct eth_hdr);
	struct eth_hdr *eth = (struct eth_hdr *)l2;
	be32 new_dst = record->addr.word[3];
	uint32_t change = csum_change32(p->ip->dst, new_dst);

	p->head_cut = (uint32_t)(l2 - p->data);
	p->ip->csum = csum_apply(p->ip->csum, change + ip_decrement_ttl(p->ip));
	change += csum_change(p->tcp->dport, p->target_port);
	p->tcp->csum = csum_apply(p->tcp->csum, change);
	p->ip->dst = new_dst;
	p->tcp->dport = p->target_port;
	__builtin_memcpy(eth->dst, record->dst_mac, sizeof(eth->dst));
	__builtin_memcpy(eth->src, record->src_mac, sizeof(eth->src));
	/* The type before an IPv4 header is right as it stands. */
}

/**
 * struct nat_edit - a change of source, for engines that can't write directly.
 * @old_addr, @old_port: VM's address and port.
 * @new_addr, @new_port: VIP and its port.
 *
 * Guests hand over packets whose checksum is not finished; only the kernel's
 * own helpers know which, so at a VM's port the engine applies the edit.
 */
struct nat_edit {
	be32 old_addr;
	be32 new_addr;
	be16 old_port;
	be16 new_port;
};

#endif
