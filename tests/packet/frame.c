// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames from a description: each header is put byte after byte, in the order
 * in which its RFC draws it.
 */
#include "tests/packet/frame.h"

#include <assert.h>
#include <string.h>

#define ETHER_TYPE_IPV4 0x0800
#define ETHER_TYPE_ARP	0x0806
#define ETHER_TYPE_IPV6 0x86dd
#define ETHER_TYPE_TAG	0x8100
#define ETHER_TYPE_QINQ 0x88a8

static void put8(struct frame *f, unsigned int v)
{
	assert(f->size < FRAME_SIZE_MAX);
	f->byte[f->size++] = (uint8_t)v;
}

static void put16(struct frame *f, unsigned int v)
{
	put8(f, v >> 8);
	put8(f, v & 0xff);
}

static void put32(struct frame *f, uint32_t v)
{
	put16(f, v >> 16);
	put16(f, v & 0xffff);
}

static void put_mac(struct frame *f, uint64_t mac)
{
	put16(f, (unsigned int)(mac >> 32) & 0xffff);
	put32(f, (uint32_t)mac);
}

/* Write over two bytes that were put before. */
static void patch16(struct frame *f, size_t at, unsigned int v)
{
	f->byte[at] = (uint8_t)(v >> 8);
	f->byte[at + 1] = (uint8_t)v;
}

static unsigned int or_usual(unsigned int v, unsigned int usual)
{
	return v ? v : usual;
}

uint16_t frame_sum(const uint8_t *byte, size_t size, uint32_t start)
{
	uint64_t sum = start;
	size_t i;

	for (i = 0; i < size; i++)
		sum += i % 2 ? byte[i] : (uint64_t)byte[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* A checksum over [from, end) and a pseudo header's sum, off by @off. */
static void patch_csum(struct frame *f, size_t at, size_t from, uint32_t start,
		       unsigned int off)
{
	uint16_t csum;

	patch16(f, at, 0);
	csum = (uint16_t)~frame_sum(f->byte + from, f->size - from, start);
	patch16(f, at, (csum + off) & 0xffff);
}

static void put_payload(struct frame *f, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		put8(f, (i * 7 + 13) & 0xff);
}

/* Bytes behind TCP or UDP: QUIC's first ones, then the pattern. */
static void put_data(struct frame *f, const struct frame_spec *s)
{
	unsigned int quic = s->quic ? 5 : 0;

	if (quic) {
		put8(f, s->quic);
		put32(f, s->quic_version);
	}
	if (s->payload > quic)
		put_payload(f, s->payload - quic);
}

static void put_tcp(struct frame *f, const struct frame_spec *s)
{
	unsigned int doff = or_usual(s->doff, 5U + s->tcp_options) & 0xf;
	unsigned int i;

	put16(f, s->sport);
	put16(f, s->dport);
	put32(f, s->seq);
	put32(f, s->ack);
	put8(f, doff << 4);
	put8(f, s->flags);
	put16(f, s->window);
	put16(f, 0);
	put16(f, s->urgent);
	for (i = 0; i < s->tcp_options; i++)
		put32(f, 0x01010101);
	if (s->mss) {
		i = (unsigned int)f->size - s->tcp_options * 4U + s->mss_at;
		f->byte[i] = 2;
		f->byte[i + 1] = 4;
		patch16(f, i + 2, s->mss);
	}
	put_data(f, s);
}

static void put_udp(struct frame *f, const struct frame_spec *s)
{
	put16(f, s->sport);
	put16(f, s->dport);
	put16(f, or_usual(s->udp_length, 8U + s->payload));
	put16(f, 0);
	put_data(f, s);
}

static void put_rest(struct frame *f, const struct frame_spec *s)
{
	put_payload(f, s->payload);
}

/* What an error quotes: a packet without its Ethernet header. */
static void put_quote(struct frame *f, const struct frame_spec *s)
{
	struct frame_spec inner = *s->quote;
	struct frame quoted;
	size_t i;

	inner.vlan[0] = 0;
	inner.vlan[1] = 0;
	frame_encode(&inner, &quoted);
	for (i = 14; i < quoted.size; i++)
		if (!s->quote_size || i < 14U + s->quote_size)
			put8(f, quoted.byte[i]);
}

/* An echo request, unless it is something else. */
static void put_icmp(struct frame *f, const struct frame_spec *s)
{
	put8(f, or_usual(s->icmp_type, s->v6 ? 128 : 8) & 0xff);
	put8(f, s->icmp_code);
	put16(f, 0);
	if (s->quote) {
		put32(f, s->icmp_rest);
		put_quote(f, s);
		return;
	}
	put16(f, s->id);
	put16(f, 1);
	put_payload(f, s->payload);
}

void frame_addr6(uint32_t number, uint8_t ret_byte[16])
{
	static const uint8_t net[12] = { 0x20, 0x01, 0x0d, 0xb8, 0, 1,
					 0,    2,    0,	   3,	 0, 4 };
	int i;

	memset(ret_byte, 0, 16);
	if (number)
		memcpy(ret_byte, net, sizeof(net));
	for (i = 0; i < 4; i++)
		ret_byte[12 + i] = (uint8_t)(number >> (24 - 8 * i));
}

static void put_addr6(struct frame *f, uint32_t number)
{
	uint8_t byte[16];
	int i;

	frame_addr6(number, byte);
	for (i = 0; i < 16; i++)
		put8(f, byte[i]);
}

static void put_dst6(struct frame *f, const struct frame_spec *s)
{
	if (!s->to_group && !s->to_all) {
		put_addr6(f, s->dst);
		return;
	}
	put32(f, 0xff020000);
	put32(f, 0);
	put32(f, s->to_group ? 1 : 0);
	put32(f, s->to_group ? 0xff000000 | (s->dst & 0xffffff) : 1);
}

static void put_nd(struct frame *f, const struct frame_spec *s)
{
	put8(f, s->nd_advert ? 136 : 135);
	put8(f, s->icmp_code);
	put16(f, 0);
	put32(f, s->nd_advert);
	put_addr6(f, s->nd_target);
	if (!s->nd_mac)
		return;
	put8(f, s->nd_advert ? 2 : 1);
	put8(f, 1);
	put_mac(f, s->src_mac);
}

struct carried {
	unsigned int proto;
	size_t csum_at; /* in its header */
	int pseudo;	/* its checksum covers the addresses */
	void (*put)(struct frame *f, const struct frame_spec *s);
};

static const struct carried carried_by_ipv4[] = {
	[FRAME_TCP] = { 6, 16, 1, put_tcp },
	[FRAME_UDP] = { 17, 6, 1, put_udp },
	[FRAME_ICMP] = { 1, 2, 0, put_icmp },
	[FRAME_REST] = { 0, 0, 0, put_rest },
};

static const struct carried carried_by_ipv6[] = {
	[FRAME_TCP] = { 6, 16, 1, put_tcp },
	[FRAME_UDP] = { 17, 6, 1, put_udp },
	[FRAME_ICMP] = { 58, 2, 1, put_icmp },
	[FRAME_ND] = { 58, 2, 1, put_nd },
	[FRAME_REST] = { 0, 0, 0, put_rest },
};

static void put_ipv4(struct frame *f, const struct frame_spec *s)
{
	const struct carried *c = &carried_by_ipv4[s->kind];
	size_t ip = f->size;
	uint32_t pseudo = 0;
	size_t l4;
	unsigned int i;

	put8(f, or_usual(s->version_ihl, 0x45U + s->ip_options) & 0xff);
	put8(f, s->tos);
	put16(f, 0);
	put16(f, s->id);
	put16(f, s->frag);
	put8(f, or_usual(s->ttl, 64) & 0xff);
	put8(f, or_usual(s->proto, c->proto));
	put16(f, 0);
	put32(f, s->src);
	put32(f, s->dst);
	for (i = 0; i < s->ip_options; i++)
		put32(f, 0x01010101);
	l4 = f->size;
	c->put(f, s);
	patch16(f, ip + 2,
		(unsigned int)((int)(f->size - ip) + s->total_length_off));
	if (c->pseudo)
		pseudo = (s->src >> 16) + (s->src & 0xffff) + (s->dst >> 16) +
			 (s->dst & 0xffff) + c->proto +
			 (uint32_t)(f->size - l4);
	if (c->csum_at && !s->no_csum)
		patch_csum(f, l4 + c->csum_at, l4, pseudo, s->l4_csum_off);
	patch16(f, ip + 10,
		(~frame_sum(f->byte + ip, l4 - ip, 0) + s->ip_csum_off) &
			0xffff);
}

/* Extension headers; each says what comes behind it. */
static void put_exts(struct frame *f, const struct frame_spec *s,
		     unsigned int proto)
{
	unsigned int i;
	unsigned int next;

	for (i = 0; i < N_EXTS && s->ext[i]; i++) {
		next = i + 1 < N_EXTS ? s->ext[i + 1] : 0;
		put8(f, or_usual(next, s->frag ? 44 : proto) & 0xff);
		put8(f, i ? 0 : s->ext_more);
		if (s->ext[i] == EXT_ROUTING) {
			put8(f, 4);
			put8(f, s->routing_left);
			put32(f, 0);
		} else {
			put16(f, 0x0104); /* padding of six bytes */
			put32(f, 0);
		}
		put_payload(f, i ? 0 : s->ext_more * 8U);
	}
	if (!s->frag)
		return;
	put8(f, proto);
	put8(f, 0);
	put16(f, (s->frag & 0x1fffU) << 3 | (s->frag & 0x2000 ? 1 : 0));
	put32(f, s->id);
}

static void put_ipv6(struct frame *f, const struct frame_spec *s)
{
	const struct carried *c = &carried_by_ipv6[s->kind];
	unsigned int proto = or_usual(s->proto, c->proto);
	size_t ip = f->size;
	uint32_t pseudo;
	size_t l4;

	put32(f, or_usual(s->version_ihl, 0x60) << 24 | (uint32_t)s->tos << 20 |
			 s->label);
	put16(f, 0);
	put8(f, or_usual(s->ext[0], s->frag ? 44 : proto) & 0xff);
	put8(f, or_usual(s->ttl, 64) & 0xff);
	put_addr6(f, s->src);
	put_dst6(f, s);
	put_exts(f, s, proto);
	l4 = f->size;
	c->put(f, s);
	patch16(f, ip + 4,
		(unsigned int)((int)(f->size - ip) - 40 + s->total_length_off));
	pseudo = frame_sum(f->byte + ip + 8, 32,
			   proto + (uint32_t)(f->size - l4));
	if (c->csum_at && !s->no_csum)
		patch_csum(f, l4 + c->csum_at, l4, pseudo, s->l4_csum_off);
}

static void put_arp(struct frame *f, const struct frame_spec *s)
{
	put16(f, or_usual(s->arp_hw_type, 1));
	put16(f, or_usual(s->arp_proto_type, ETHER_TYPE_IPV4));
	put8(f, or_usual(s->arp_hw_size, 6));
	put8(f, or_usual(s->arp_proto_size, 4));
	put16(f, or_usual(s->arp_op, 1));
	put_mac(f, s->src_mac);
	put32(f, s->src);
	put_mac(f, s->arp_target_mac);
	put32(f, s->dst);
}

static unsigned int usual_type(const struct frame_spec *spec)
{
	if (spec->kind == FRAME_ARP)
		return ETHER_TYPE_ARP;
	return spec->v6 ? ETHER_TYPE_IPV6 : ETHER_TYPE_IPV4;
}

void frame_encode(const struct frame_spec *spec, struct frame *ret_frame)
{
	struct frame *f = ret_frame;
	int i;

	memset(f, 0, sizeof(*f));
	put_mac(f, spec->dst_mac);
	put_mac(f, spec->src_mac);
	for (i = 0; i < 2 && spec->vlan[i]; i++) {
		put16(f,
		      i == 0 && spec->qinq ? ETHER_TYPE_QINQ : ETHER_TYPE_TAG);
		put16(f, spec->vlan[i]);
	}
	put16(f, or_usual(spec->ether_type, usual_type(spec)));
	switch (spec->kind) {
	case FRAME_TCP:
	case FRAME_UDP:
	case FRAME_ICMP:
	case FRAME_ND:
	case FRAME_REST:
		if (spec->v6)
			put_ipv6(f, spec);
		else
			put_ipv4(f, spec);
		break;
	case FRAME_ARP:
		put_arp(f, spec);
		break;
	case FRAME_RAW:
		put_payload(f, spec->payload);
		break;
	}
	for (i = 0; i < spec->pad; i++)
		put8(f, 0xee);
	if (spec->cut && spec->cut < f->size)
		f->size = spec->cut;
}

static unsigned int get16(const uint8_t *byte)
{
	return (unsigned int)byte[0] << 8 | byte[1];
}

unsigned int frame_csums_right(const uint8_t *byte, size_t size)
{
	unsigned int right = 0;
	size_t ip = 14;
	size_t length;

	if (size < 14 + 20)
		return 0;
	if (get16(byte + 12) == ETHER_TYPE_TAG ||
	    get16(byte + 12) == ETHER_TYPE_QINQ)
		ip += 4;
	if (size < ip + 20)
		return 0;
	length = get16(byte + ip + 2);
	if (frame_sum(byte + ip, 20, 0) == 0xffff)
		right |= 1;
	/* The pseudo header: addresses, protocol, length. */
	if (length >= 40 && ip + length <= size &&
	    frame_sum(byte + ip + 12, length - 12,
		      (uint32_t)(byte[ip + 9] + length - 20)) == 0xffff)
		right |= 2;
	return right;
}
