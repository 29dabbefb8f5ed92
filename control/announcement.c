/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Announcements of VIPs: ARP and ND.
 */
#include "control/announcement.h"

#include <string.h>

#include "dataplane/core/csum.h"
#include "dataplane/core/wire.h"

#define NA_TYPE		 136
#define NA_FLAG_OVERRIDE BE32(0x20000000)
#define NA_OPTION_TARGET 2
#define NEXT_ICMPV6	 58
#define TO_ALL_NODES                            \
	{                                       \
		BE32(0xff020000), 0, 0, BE32(1) \
	}

struct arp_frame {
	struct eth_hdr eth;
	struct arp_hdr arp;
} WIRE;

/**
 * struct advertisement - RFC 4861, 4.4, with its one option.
 */
struct advertisement {
	uint8_t type;
	uint8_t code;
	be16 csum;
	be32 flags;
	struct ip_addr target;
	uint8_t option;
	uint8_t option_size; /* in units of 8 bytes */
	uint8_t mac[6];
} WIRE;

struct nd_frame {
	struct eth_hdr eth;
	be32 version;
	be16 length;
	uint8_t next_header;
	uint8_t hop_limit;
	struct ip_addr src;
	struct ip_addr dst;
	struct advertisement nd;
} WIRE;

/* What the checksum is over, RFC 8200, 8.1. */
struct pseudo {
	struct ip_addr src;
	struct ip_addr dst;
	be32 length;
	be32 next_header;
	struct advertisement nd;
} WIRE;

_Static_assert(sizeof(struct arp_frame) == 42, "an ARP frame");
_Static_assert(sizeof(struct nd_frame) == ANNOUNCEMENT_MAX, "an ND frame");
_Static_assert(sizeof(struct pseudo) % sizeof(be16) == 0, "whole words");

static size_t make_arp(be32 vip, const uint8_t mac[6], uint8_t *ret_frame)
{
	struct arp_frame f = {
		.eth.type = BE16(ETH_TYPE_ARP),
		.arp = { .hw_type = BE16(1),
			 .proto_type = BE16(ETH_TYPE_IPV4),
			 .hw_size = 6,
			 .proto_size = 4,
			 .op = BE16(ARP_REQUEST),
			 .sender_ip = vip,
			 .target_ip = vip },
	};

	memset(f.eth.dst, 0xff, sizeof(f.eth.dst));
	memcpy(f.eth.src, mac, sizeof(f.eth.src));
	memcpy(f.arp.sender_mac, mac, sizeof(f.arp.sender_mac));
	memcpy(ret_frame, &f, sizeof(f));
	return sizeof(f);
}

static be16 advertisement_csum(const struct nd_frame *f)
{
	const struct pseudo whole = {
		.src = f->src,
		.dst = f->dst,
		.length = BE32(sizeof(f->nd)),
		.next_header = BE32(NEXT_ICMPV6),
		.nd = f->nd,
	};

	return (be16)~csum_fold(
		csum_words(&whole, sizeof(whole) / sizeof(be16)));
}

static size_t make_nd(const struct ip_addr *vip, const uint8_t mac[6],
		      uint8_t *ret_frame)
{
	/* The group of all nodes, 33:33 and its last four bytes (RFC 2464, 7). */
	static const uint8_t all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct nd_frame f = {
		.eth.type = BE16(0x86dd),
		.version = BE32(0x60000000),
		.length = BE16(sizeof(f.nd)),
		.next_header = NEXT_ICMPV6,
		/* Else it would be believed to come from behind a router. */
		.hop_limit = 255,
		.src = *vip,
		.dst = { TO_ALL_NODES },
		.nd = { .type = NA_TYPE,
			.flags = NA_FLAG_OVERRIDE,
			.target = *vip,
			.option = NA_OPTION_TARGET,
			.option_size = 1 },
	};

	memcpy(f.eth.dst, all_nodes, sizeof(f.eth.dst));
	memcpy(f.eth.src, mac, sizeof(f.eth.src));
	memcpy(f.nd.mac, mac, sizeof(f.nd.mac));
	f.nd.csum = advertisement_csum(&f);
	memcpy(ret_frame, &f, sizeof(f));
	return sizeof(f);
}

size_t announcement_make(const struct ip_addr *vip, const uint8_t mac[6],
			 uint8_t *ret_frame)
{
	return IP_IS_V4(*vip) ? make_arp(vip->word[3], mac, ret_frame) :
				make_nd(vip, mac, ret_frame);
}
