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

/*
 * The same of what consists of 32-bit words. Where words may be read at any address
 * an engine says so (-DWIRE_WORDS_ALIGN=4), and saves a fifth of its instructions.
 */
#ifndef WIRE_WORDS_ALIGN
#define WIRE_WORDS_ALIGN 2
#endif
#define WIRE_WORDS __attribute__((packed, aligned(WIRE_WORDS_ALIGN)))

#define ETH_TYPE_IPV4 0x0800
#define ETH_TYPE_ARP  0x0806
#define ETH_TYPE_VLAN 0x8100
#define ETH_TYPE_IPV6 0x86dd
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

/* Protocols, which are IPv6's next headers, too. */
#define IP_PROTO_HOPOPTS  0
#define IP_PROTO_ICMP	  1
#define IP_PROTO_TCP	  6
#define IP_PROTO_UDP	  17
#define IP_PROTO_ROUTING  43
#define IP_PROTO_FRAGMENT 44
#define IP_PROTO_ICMPV6	  58
#define IP_PROTO_DSTOPTS  60

/* The two ends of a packet: index of its addresses and ports. */
enum end {
	END_SRC,
	END_DST,
};

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
	union {
		struct {
			be32 src;
			be32 dst;
		} WIRE_WORDS;
		be32 addr[2]; /* by enum end */
	} WIRE_WORDS;
} WIRE_WORDS;
_Static_assert(sizeof(struct ipv4_hdr) == 20, "IPv4 header");

/* An IPv6 address where it stands in a packet. */
struct ipv6_wire_addr {
	be32 word[4];
} WIRE_WORDS;

/* RFC 8200. */
struct ipv6_hdr {
	be32 version_class_label; /* 6 << 28 | traffic class << 20 | label */
	be16 payload_length;	  /* bytes behind this header */
	uint8_t next;
	uint8_t hop_limit;
	struct ipv6_wire_addr addr[2]; /* by enum end */
} WIRE_WORDS;
_Static_assert(sizeof(struct ipv6_hdr) == 40, "IPv6 header");

/* How hop-by-hop and destination options and routing headers begin. */
struct ipv6_ext_hdr {
	uint8_t next;
	uint8_t length; /* in 8 bytes, the first 8 not included */
	uint8_t type;	/* of a routing header */
	uint8_t left;	/* of a routing header: addresses still to visit */
	be32 rest;
} WIRE;
_Static_assert(sizeof(struct ipv6_ext_hdr) == 8, "IPv6 extension header");

#define IPV6_MORE_FRAGS	 0x0001
#define IPV6_FRAG_OFFSET 0xfff8 /* in bytes, as it stands */

struct ipv6_frag_hdr {
	uint8_t next;
	uint8_t reserved;
	be16 offset; /* and flags */
	be32 id;
} WIRE;
_Static_assert(sizeof(struct ipv6_frag_hdr) == 8, "IPv6 fragment header");

/* How TCP and UDP begin. */
struct l4_ports {
	be16 port[2]; /* by enum end */
} WIRE_WORDS;
_Static_assert(sizeof(struct l4_ports) == 4, "ports");

/* RFC 768. */
struct udp_hdr {
	be16 sport;
	be16 dport;
	be16 length; /* bytes, this header included */
	be16 csum;   /* 0 = there is none (IPv4) */
} WIRE_WORDS;
_Static_assert(sizeof(struct udp_hdr) == 8, "UDP header");

/* RFC 792 and RFC 4443 alike. */
struct icmp_hdr {
	uint8_t type;
	uint8_t code;
	be16 csum;
	be32 rest; /* of errors: 0, or the MTU; of echoes: id, sequence */
} WIRE_WORDS;
_Static_assert(sizeof(struct icmp_hdr) == 8, "ICMP header");

#define ICMP_ECHO_REPLY	   0
#define ICMP_UNREACHABLE   3
#define ICMP_ECHO	   8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER	   12

#define ICMP_CODE_PORT	      3 /* of ICMP_UNREACHABLE */
#define ICMP_CODE_FRAG_NEEDED 4

#define ICMPV6_UNREACHABLE   1
#define ICMPV6_TOO_BIG	     2
#define ICMPV6_TIME_EXCEEDED 3
#define ICMPV6_PARAMETER     4
#define ICMPV6_ECHO	     128
#define ICMPV6_ECHO_REPLY    129
#define ICMPV6_SOLICITATION  135
#define ICMPV6_ADVERTISEMENT 136

#define ICMPV6_CODE_PORT 4 /* of ICMPV6_UNREACHABLE */

/* RFC 4861: neighbour solicitation and advertisement, without options. */
struct nd_hdr {
	uint8_t type;
	uint8_t code;
	be16 csum;
	be32 flags; /* of advertisements */
	struct ipv6_wire_addr target;
} WIRE_WORDS;
_Static_assert(sizeof(struct nd_hdr) == 24, "neighbour discovery");

#define ND_SOLICITED  0x40000000U
#define ND_OVERRIDE   0x20000000U
#define ND_HOP_LIMIT  255
#define ND_SOURCE_MAC 1
#define ND_TARGET_MAC 2

/* Link-layer address option. */
struct nd_mac_opt {
	uint8_t type;
	uint8_t length; /* in 8 bytes */
	uint8_t mac[6];
} WIRE;
_Static_assert(sizeof(struct nd_mac_opt) == 8, "link-layer address option");

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
} WIRE_WORDS;
_Static_assert(sizeof(struct tcp_hdr) == 20, "TCP header");

#define TCP_OPT_END 0
#define TCP_OPT_NOP 1
#define TCP_OPT_MSS 2

/* A segment that begins a connection. */
static ALWAYS_INLINE bool tcp_opens(uint8_t flags)
{
	return (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

#endif
