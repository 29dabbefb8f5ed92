/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames from a description: an encoder that knows nothing of the packet core.
 *
 * It has its own field order, its own byte swaps and sums every checksum in
 * full, so what the core writes is compared with something that the core had
 * no part in. A description says only what is special; zero means the usual.
 */
#ifndef TESTS_PACKET_FRAME_H
#define TESTS_PACKET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_SIZE_MAX 2048

struct frame {
	uint8_t byte[FRAME_SIZE_MAX];
	size_t size;
};

enum frame_kind {
	FRAME_TCP,
	FRAME_UDP,
	FRAME_ICMP,
	FRAME_ARP,
	FRAME_ND,   /* neighbour solicitation or advertisement */
	FRAME_REST, /* of a later fragment: @proto's bytes, no header */
	FRAME_RAW,  /* an Ethernet type and bytes */
};

/* TCP flags, RFC 9293; the numbers are ours, not the core's. */
#define F_FIN 0x01
#define F_SYN 0x02
#define F_RST 0x04
#define F_PSH 0x08
#define F_ACK 0x10
#define F_URG 0x20
#define F_ECE 0x40
#define F_CWR 0x80

/* Fields where 0 is "as usual" say a real 0 by these. */
#define TTL_ZERO    256
#define DOFF_ZERO   16
#define IHL_ZERO    0x100
#define EXT_HOP	    0x100 /* hop-by-hop options, whose number is 0 */
#define EXT_ROUTING 43
#define EXT_DSTOPTS 60
#define N_EXTS	    6

/**
 * struct frame_spec - what a frame holds; numbers are in host byte order.
 * @kind: what it carries.
 * @dst_mac, @src_mac: addresses as 48-bit numbers.
 * @vlan: tags, outermost first, 0 = none; a tag's Ethernet type is 0x8100, or
 *        0x88a8 where @qinq is set (outermost only).
 * @ether_type: 0 = what @kind has.
 * @src, @dst: IPv4 addresses.
 * @sport, @dport, @seq, @ack, @flags, @window, @urgent: TCP; ports also UDP.
 * @payload: bytes of a known pattern behind the last header.
 * @tcp_options, @ip_options: 32-bit words of options (no-operation).
 * @ttl: 0 = 64; TTL_ZERO.
 * @tos, @id, @frag: of the IPv4 header; @frag with its flags.
 * @version_ihl: 0 = right; the low byte counts, so that 0x100 is a real 0.
 * @total_length_off: added to the IPv4 total length.
 * @doff: TCP data offset in words, 0 = right; DOFF_ZERO.
 * @ip_csum_off, @l4_csum_off: added to a checksum: a wrong one.
 * @cut: the frame ends after so many bytes, 0 = not cut.
 * @pad: bytes behind the end of the packet (Ethernet's padding).
 * @v6: IPv6; its addresses are 2001:db8:1:2:3:4: and the number; 0 is "::".
 *      @ttl is the hop limit, @frag and @id make a fragment header.
 * @label: IPv6's flow label.
 * @to_group, @to_all: IPv6: to @dst's solicited-node group, to all nodes.
 * @ext: IPv6: extension headers in front of a fragment's, 8 bytes each;
 *       @ext_more: bytes more that the first one has, in eights.
 * @routing_left: segments left, of a routing header.
 * @no_csum: UDP without a checksum. @udp_length: what it says, 0 = right.
 * @proto: of FRAME_REST.
 * @quic, @quic_version: first byte and version, in the payload.
 * @mss, @mss_at: an MSS option, and where in the TCP options; 0 = none.
 * @icmp_type, @icmp_code, @icmp_rest: 0 = an echo request; TTL_ZERO as ever.
 * @quote: what an ICMP error quotes; @quote_size: how much, 0 = all.
 * @nd_advert: flags of an advertisement, 0 = a solicitation. @nd_target: for
 *             whom. @nd_mac: with the option that says @src_mac.
 * @arp_op: 0 = request. @arp_hw_type, @arp_proto_type, @arp_hw_size,
 *          @arp_proto_size: 0 = right. @arp_target_mac: as a number.
 *          Sender's MAC is @src_mac, addresses are @src and @dst.
 */
struct frame_spec {
	enum frame_kind kind;
	uint64_t dst_mac;
	uint64_t src_mac;
	uint16_t vlan[2];
	uint16_t qinq;
	uint16_t ether_type;
	uint32_t src;
	uint32_t dst;
	uint16_t sport;
	uint16_t dport;
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	uint16_t window;
	uint16_t urgent;
	uint16_t payload;
	uint8_t tcp_options;
	uint8_t ip_options;
	uint16_t ttl;
	uint8_t tos;
	uint16_t id;
	uint16_t frag;
	uint16_t version_ihl;
	int total_length_off;
	uint8_t doff;
	uint16_t ip_csum_off;
	uint16_t l4_csum_off;
	uint16_t cut;
	uint16_t pad;
	uint16_t arp_op;
	uint16_t arp_hw_type;
	uint16_t arp_proto_type;
	uint8_t arp_hw_size;
	uint8_t arp_proto_size;
	uint64_t arp_target_mac;
	bool v6;
	bool to_group;
	bool to_all;
	bool no_csum;
	bool nd_mac;
	uint16_t ext[N_EXTS];
	uint8_t ext_more;
	uint8_t routing_left;
	uint8_t proto;
	uint8_t quic;
	uint32_t quic_version;
	uint16_t udp_length;
	uint16_t mss;
	uint8_t mss_at;
	uint16_t icmp_type;
	uint8_t icmp_code;
	uint32_t icmp_rest;
	const struct frame_spec *quote;
	uint16_t quote_size;
	uint32_t nd_advert;
	uint32_t nd_target;
	uint32_t label;
};

/**
 * frame_addr6() - the IPv6 address of a number.
 */
void frame_addr6(uint32_t number, uint8_t ret_byte[16]);

/**
 * frame_encode() - write a frame.
 * @spec: the description.
 * @ret_frame: the bytes.
 */
void frame_encode(const struct frame_spec *spec, struct frame *ret_frame);

/**
 * frame_sum() - one's complement sum of bytes (RFC 1071), folded.
 * @byte: the bytes; an odd last one counts as if a zero followed.
 * @size: how many.
 * @start: a sum to go on from.
 *
 * Return: the sum; a run with a right checksum in it sums to 0xffff.
 */
uint16_t frame_sum(const uint8_t *byte, size_t size, uint32_t start);

/**
 * frame_csums_right() - are an IPv4 frame's checksums right?
 * @byte: Ethernet, at most one tag, IPv4 without options, TCP.
 * @size: bytes there are.
 *
 * Return: bit 0 for the IPv4 header's, bit 1 for TCP's.
 */
unsigned int frame_csums_right(const uint8_t *byte, size_t size);

#endif
