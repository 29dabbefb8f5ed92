/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Header layouts as they are on the wire; no functions.
 *
 * Our own, because <linux/ip.h> and DPDK's <rte_ip.h> cannot meet in one file.
 * An IPv4 header begins 14 bytes into a frame, so no struct here may ask for
 * more than 2-byte alignment.
 */
#ifndef DATAPLANE_CORE_WIRE_H
#define DATAPLANE_CORE_WIRE_H

#include "dataplane/core/base.h"

#define WIRE __attribute__((packed, aligned(2)))

#define ETH_TYPE_IPV4 0x0800
#define ETH_TYPE_ARP  0x0806
#define ETH_TYPE_VLAN 0x8100
#define ETH_TYPE_QINQ 0x88a8

struct eth_hdr {
	uint8_t dst[6];
	uint8_t src[6];
	be16 type;
} WIRE;
_Static_assert(sizeof(struct eth_hdr) == 14, "Ethernet header");

/* IEEE 802.1Q tag, after an Ethernet type of 0x8100 or 0x88a8. */
struct vlan_hdr {
	be16 tci;
	be16 type; /* of what follows */
} WIRE;
_Static_assert(sizeof(struct vlan_hdr) == 4, "VLAN tag");

#define ARP_REQUEST 1
#define ARP_REPLY   2

/* RFC 826, for Ethernet and IPv4. */
struct arp_hdr {
	be16 hw_type;	    /* 1 */
	be16 proto_type;    /* 0x0800 */
	uint8_t hw_size;    /* 6 */
	uint8_t proto_size; /* 4 */
	be16 op;
	uint8_t sender_mac[6];
	be32 sender_ip;
	uint8_t target_mac[6];
	be32 target_ip;
} WIRE;
_Static_assert(sizeof(struct arp_hdr) == 28, "ARP for Ethernet and IPv4");

#define IP_PROTO_TCP 6
#define IP_PROTO_UDP 17

#define IPV4_DONT_FRAGMENT 0x4000
#define IPV4_MORE_FRAGS	   0x2000
#define IPV4_FRAG_OFFSET   0x1fff

/* RFC 791, without options. */
struct ipv4_hdr {
	uint8_t version_ihl; /* 4 << 4 | header length in 32-bit words */
	uint8_t tos;
	be16 total_length; /* bytes, this header included */
	be16 id;
	be16 frag; /* flags and fragment offset */
	uint8_t ttl;
	uint8_t proto;
	be16 csum;
	be32 src;
	be32 dst;
} WIRE;
_Static_assert(sizeof(struct ipv4_hdr) == 20, "IPv4 header");

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* RFC 9293, without options. */
struct tcp_hdr {
	be16 sport;
	be16 dport;
	be32 seq;
	be32 ack;
	uint8_t data_offset; /* header length in 32-bit words << 4 */
	uint8_t flags;
	be16 window;
	be16 csum;
	be16 urgent;
} WIRE;
_Static_assert(sizeof(struct tcp_hdr) == 20, "TCP header");

/* A segment that begins a connection. */
static ALWAYS_INLINE bool tcp_opens(uint8_t flags)
{
	return (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

#endif
