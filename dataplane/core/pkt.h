/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the stages of the packet path hand to each other.
 *
 * A stage reads what earlier ones filled in and adds its own; nothing else
 * passes between them, so an engine may run them in a row (XDP) or each over
 * a burst (DPDK).
 */
#ifndef DATAPLANE_CORE_PKT_H
#define DATAPLANE_CORE_PKT_H

#include "dataplane/core/base.h"
#include "dataplane/core/state.h"
#include "dataplane/core/wire.h"

enum verdict {
	VERDICT_PASS, /* to the kernel, untouched */
	VERDICT_DROP,
	VERDICT_REPLY,	 /* an answer instead of it: out where it came in */
	VERDICT_FORWARD, /* rewritten: out at the backend's port */
	VERDICT_STACK,	 /* ours, but it goes on through the kernel */
	VERDICT_PROBE,	 /* of a probe: probe.h says what becomes of it */
	VERDICT_INSIDE, /* to a VIP from inside: in again by the node's @inside */
	VERDICT_RARE,	/* untouched yet: rare.h begins anew, by rare_kind() */
};

/* What makes a packet a rare one; each has a function of its own in rare.h. */
enum rare_kind {
	RARE_FLOW,  /* a first fragment, or IPv6 with extension headers */
	RARE_LATER, /* a later fragment */
	RARE_ICMP,
	RARE_REFUSED, /* it gets an RST or an ICMP error */
	RARE_USUAL, /* nothing is rare but that it is not of the family of @only */
	N_RARE_KINDS,
};

/* How a packet stands to its flow; DESIGN's table of slots has a column each. */
enum flow_kind {
	FLOW_OPENER, /* TCP SYN without ACK; QUIC Initial, 0-RTT */
	FLOW_OTHER,  /* any other TCP or QUIC packet */
	FLOW_UDP,    /* plain UDP */
};

/* What said which VM a packet goes to. */
enum pick_how {
	HOW_NONE,    /* no slot was asked */
	HOW_SLOT,    /* its slot alone */
	HOW_ENTRY,   /* its flow's entry */
	HOW_MADE,    /* its slot; an entry keeps that from now on */
	HOW_REFUSED, /* its slot; there was no place for an entry */
};

enum l3_kind {
	L3_NONE, /* ARP, or nothing that we know */
	L3_IPV4,
	L3_IPV6,
};

/* What was parsed behind the network header. Not the protocol's number: a
 * verifier knows of each which path has looked at the header. */
enum l4_kind {
	L4_NONE, /* a later fragment's bytes, or nothing that we know */
	L4_TCP,
	L4_UDP,
	L4_ICMP, /* of either family */
};

enum frag {
	FRAG_NONE,
	FRAG_FIRST, /* has the ports */
	FRAG_LATER,
};

/**
 * struct pkt - one packet on its way.
 * @data: first byte; @end: behind the last one.
 * @only: enum l3_kind: an engine's code is for one family, and knows nothing of
 *        the other; a constant. L3_NONE = for both.
 * @eth: its Ethernet header.
 * @ip, @ip6: its network header, whichever it has; else NULL.
 * @l3_kind: enum l3_kind: which of these, and of it there is a whole one.
 * @l4: what comes behind that and its options or extension headers, ports first
 *      unless it is ICMP or a later fragment. All these are NULL until parsed,
 *      and valid until an engine's call moves or resizes the packet.
 * @sport, @dport, @proto: of the flow as it came; pkt_addr() has its addresses.
 * @src, @dst: of an answer: the VIP and the client, when it is rewritten.
 * @l3_at: where the network header begins, counted from @data.
 * @l3_size: bytes from there on, as that header has it.
 * @l4_size: the same from @l4 on. (Sizes and not differences of pointers, which
 *           BPF's verifier wants to see nothing of.)
 * @l4_kind: enum l4_kind: which header is at @l4, whole.
 * @extended: IPv6 with extension headers; @l4 is behind the network header as
 *            long as nobody has walked through them.
 * @frag: enum frag; @frag_id: what fragments of a packet share;
 *        @frag_offset: where in it this one begins, in bytes.
 * @tcp_flags: TCP_*; of QUIC: those of TCP that say the same.
 * @ttl: as it came.
 * @vlan: number of the tag that the engine keeps beside the frame (TC); 0 = none.
 * @kind: enum flow_kind.
 * @ifindex: the interface it came in by (at a VM's port: the port).
 * @length: bytes of the frame as it came.
 * @segment: TC: it is many packets in one, cut up later, with so many bytes each
 *           behind their headers; 0 = it is one.
 * @head_cut: bytes that the engine must take off the front (VLAN tags that do
 *            not go on to the VM).
 * @reply_head: of an answer that quotes the packet: bytes that the engine makes
 *              room for behind the Ethernet header, and lets error_fill() write.
 * @reply_length: of an answer: the length to cut or grow it to.
 * @error_type, @error_code, @error_mtu: of an ICMP error that answers.
 * @l4_change: what the L4 checksum changes by, beside addresses and ports.
 * @addr_change: and by an address that was written before the others.
 * @key: the flow's key: slot bits above, the rest of the hash below.
 * @l2: of an answer: PORT_L2: where no route leads to its client it goes on by
 *      the VM's bridge, as it is; PORT_L2_ONLY: that at once.
 * @to_itself: of an answer: the VM is its own client.
 * @to_inside: of an answer: there is a note of the way to its client.
 * @service: number of the service.
 * @mss: of the service.
 * @observed: it is only observed: nothing may be kept or changed.
 * @pool: number of the pool.
 * @target_port: port in the VM.
 * @backend: number of the chosen backend.
 * @out_ifindex: where it goes, for engines that have no map of devices; of an
 *               answer: 0 = not found yet, or nowhere.
 * @out_next: of an answer: the neighbour there that it goes to; all zero = as the
 *            kernel's routes say.
 * @stack_ifindex: for VERDICT_STACK of forward(): the bridge that it enters.
 * @stack_bridged: it came in by a port of that bridge, and goes on as it is.
 * @reason: why it isn't forwarded.
 * @as_if: with PASS_OBSERVED: what it would have been.
 * @begins: of plain UDP: its client has not been heard of before.
 * @slot: its slot's word, as it was read; @how: enum pick_how. For who shows
 *        what was decided; the path itself does not ask.
 * @refused, @evicted: an entry was not made, or took the place of a live one.
 */
struct pkt {
	uint8_t *data;
	uint8_t *end;
	struct eth_hdr *eth;
	struct ipv4_hdr *ip;
	struct ipv6_hdr *ip6;
	uint8_t *l4;
	struct ip_addr src;
	struct ip_addr dst;
	struct ip_addr out_next;
	uint64_t key;
	be16 sport;
	be16 dport;
	be16 target_port;
	uint16_t mss;
	uint8_t proto;
	uint8_t tcp_flags;
	uint8_t ttl;
	uint8_t frag;
	uint8_t only;
	uint8_t l3_kind;
	uint8_t l4_kind;
	uint8_t error_type;
	uint8_t error_code;
	bool extended;
	bool begins;
	bool refused;
	bool evicted;
	bool stack_bridged;
	bool observed;
	uint8_t how;
	uint16_t segment;
	uint8_t l2;
	bool to_itself;
	bool to_inside;
	uint16_t vlan;
	uint16_t frag_offset;
	uint32_t frag_id;
	uint32_t l3_at;
	uint32_t l3_size;
	uint32_t l4_size;
	uint32_t l4_change;
	uint32_t addr_change;
	uint32_t ifindex;
	uint32_t length;
	uint32_t head_cut;
	uint32_t reply_head;
	uint32_t reply_length;
	uint32_t error_mtu;
	uint32_t service;
	uint32_t pool;
	uint32_t slot;
	uint32_t out_ifindex;
	uint32_t stack_ifindex;
	uint16_t backend;
	enum flow_kind kind;
	enum reason reason;
	enum reason as_if;
};

static ALWAYS_INLINE bool is_ip(const struct pkt *p)
{
	return p->l3_kind != L3_NONE;
}

static ALWAYS_INLINE bool is_ipv6(const struct pkt *p)
{
	return (p->only ? p->only : p->l3_kind) == L3_IPV6;
}

/* Its TCP header; asked only of TCP that was parsed. */
static ALWAYS_INLINE struct tcp_hdr *pkt_tcp(const struct pkt *p)
{
	return (struct tcp_hdr *)p->l4;
}

static ALWAYS_INLINE struct udp_hdr *pkt_udp(const struct pkt *p)
{
	return (struct udp_hdr *)p->l4;
}

/* Of VERDICT_RARE: whose it is. */
static ALWAYS_INLINE enum rare_kind rare_kind(const struct pkt *p)
{
	if (p->only && p->l3_kind != p->only)
		return RARE_USUAL;
	if (p->l4_kind == L4_ICMP)
		return RARE_ICMP;
	if (p->frag == FRAG_LATER)
		return RARE_LATER;
	return p->reason ? RARE_REFUSED : RARE_FLOW;
}

/* Where the bytes behind its network header begin, counted from @data. */
static ALWAYS_INLINE uint32_t pkt_l4_at(const struct pkt *p)
{
	return p->l3_at + p->l3_size - p->l4_size;
}

/*
 * How big it is on a wire, from its network header on: of many in one the size
 * of each.
 */
static ALWAYS_INLINE uint32_t pkt_wire_size(const struct pkt *p)
{
	uint32_t header = sizeof(struct udp_hdr);

	if (!p->segment)
		return p->l3_size;
	if (p->l4_kind == L4_TCP)
		header = (uint32_t)(pkt_tcp(p)->data_offset >> 4) * 4;
	return p->l3_size - p->l4_size + header + p->segment;
}

/* May nobody on its way cut it to fit? */
static ALWAYS_INLINE bool is_uncut(const struct pkt *p)
{
	return is_ipv6(p) || p->ip->frag & BE16(IPV4_DONT_FRAGMENT);
}

/* Its network header. */
static ALWAYS_INLINE uint8_t *pkt_l3(const struct pkt *p)
{
	return is_ipv6(p) ? (uint8_t *)p->ip6 : (uint8_t *)p->ip;
}

#endif
