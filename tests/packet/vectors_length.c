// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets of each family and protocol cut at every length, and with every length
 * in their headers that is too short.
 */
#include "tests/packet/vectors.h"

#include <assert.h>
#include <stdio.h>

#define UDP	      .kind = FRAME_UDP
#define ICMP	      .kind = FRAME_ICMP
#define SIX	      .v6 = true
#define N_LENGTHS_MAX 4000
#define NAME_SIZE     48

/**
 * struct shape - a packet that is whole.
 * @flags: SCENE_*, of what it is a packet.
 * @head: bytes from the IP header on without which it is no packet.
 */
struct shape {
	const char *name;
	enum hook hook;
	struct frame_spec in;
	uint32_t flags;
	int head;
};

static const struct frame_spec sent = { .src = IP_VIP_WEB,
					.sport = PORT_WEB,
					.dst = IP_CLIENT_ONE,
					.dport = PORT_CLIENT,
					ACK };
static const struct frame_spec sent_six = { SIX,
					    .src = IP_VIP_WEB,
					    .sport = PORT_WEB,
					    .dst = IP_CLIENT_ONE,
					    .dport = PORT_CLIENT,
					    ACK };

/* To a VIP. */
static const struct shape shapes[] = {
	{ "udp",
	  HOOK_UPLINK,
	  { UDP, CLIENT_ONE, VIP_WEB, .payload = 12 },
	  SCENE_UDP,
	  28 },
	{ "udp_options",
	  HOOK_UPLINK,
	  { UDP, CLIENT_ONE, VIP_WEB, .payload = 4, .ip_options = 3 },
	  SCENE_UDP,
	  40 },
	{ "six", HOOK_UPLINK, { SIX, CLIENT_ONE, VIP_WEB, DATA }, 0, 60 },
	{ "six_tagged",
	  HOOK_UPLINK,
	  { SIX, CLIENT_ONE, VIP_WEB, ACK, .vlan = { 7 } },
	  0,
	  60 },
	{ "six_two_tags",
	  HOOK_UPLINK,
	  { SIX, CLIENT_ONE, VIP_WEB, ACK, .vlan = { 7, 8 }, .qinq = 1 },
	  0,
	  60 },
	{ "six_udp",
	  HOOK_UPLINK,
	  { SIX, UDP, CLIENT_ONE, VIP_WEB, .payload = 12 },
	  SCENE_UDP,
	  48 },
	{ "six_quic",
	  HOOK_UPLINK,
	  { SIX, UDP, CLIENT_ONE, VIP_WEB, .quic = 0xc3, .quic_version = 1,
	    .payload = 9 },
	  SCENE_QUIC,
	  48 },
	{ "six_hop",
	  HOOK_UPLINK,
	  { SIX, CLIENT_ONE, VIP_WEB, ACK, .ext = { EXT_HOP, EXT_DSTOPTS } },
	  0,
	  76 },
	{ "six_first",
	  HOOK_UPLINK,
	  { SIX, CLIENT_ONE, VIP_WEB, ACK, .frag = 0x2000, .payload = 12 },
	  0,
	  68 },
	{ "ping",
	  HOOK_UPLINK,
	  { ICMP, CLIENT_ONE, VIP_WEB, .payload = 8 },
	  0,
	  28 },
	{ "six_ping",
	  HOOK_UPLINK,
	  { SIX, ICMP, CLIENT_ONE, VIP_WEB, .payload = 8 },
	  0,
	  48 },
	{ "error",
	  HOOK_UPLINK,
	  { ICMP, FROM_ROUTER, .src = IP(192, 0, 2, 77), VIP_WEB,
	    .icmp_type = 3, .icmp_code = 1, .quote = &sent },
	  0,
	  56 },
	{ "six_error",
	  HOOK_UPLINK,
	  { SIX, ICMP, FROM_ROUTER, .src = IP(192, 0, 2, 77), VIP_WEB,
	    .icmp_type = 1, .quote = &sent_six },
	  0,
	  96 },
	{ "vm_six", HOOK_FROM_VM, { SIX, VM_ONE_TO_CLIENT, DATA }, 0, 60 },
	{ "vm_udp",
	  HOOK_FROM_VM,
	  { UDP, VM_ONE_TO_CLIENT, .payload = 9 },
	  SCENE_QUIC,
	  28 },
	{ "vm_six_udp",
	  HOOK_FROM_VM,
	  { SIX, UDP, VM_ONE_TO_CLIENT, .payload = 9 },
	  SCENE_QUIC,
	  48 },
	{ "vm_six_hop",
	  HOOK_FROM_VM,
	  { SIX, VM_ONE_TO_CLIENT, ACK, .ext = { EXT_HOP } },
	  0,
	  68 },
};

static struct vector vectors[N_LENGTHS_MAX];
static char names[N_LENGTHS_MAX][NAME_SIZE];

static struct vector *begin(const struct shape *s, const char *what, size_t i,
			    size_t n)
{
	struct vector *v = &vectors[n];

	assert(n < N_LENGTHS_MAX);
	(void)snprintf(names[n], NAME_SIZE, "%s_%s_%zu", s->name, what, i);
	*v = (struct vector){ .name = names[n],
			      .hook = s->hook,
			      .in = s->in,
			      .scene = { .flags = s->flags } };
	return v;
}

static size_t l3_at(const struct frame_spec *in)
{
	return 14 + 4 * ((in->vlan[0] != 0) + (in->vlan[1] != 0));
}

static void refused(struct vector *v, enum reason reason)
{
	v->verdict = VERDICT_DROP;
	v->reason = reason;
	if (v->hook == HOOK_UPLINK)
		return;
	v->verdict = VERDICT_PASS;
	v->reason = PASS_PORT_NOT_SERVICE;
}

/* The frame ends somewhere. */
static size_t cut(const struct shape *s, size_t n)
{
	size_t addresses = l3_at(&s->in) + (s->in.v6 ? 40 : 20);
	struct frame whole;
	struct vector *v;
	size_t i;

	frame_encode(&s->in, &whole);
	for (i = 14; i < whole.size; i++, n++) {
		v = begin(s, "cut_to", i, n);
		v->in.cut = (uint16_t)i;
		refused(v, DROP_TRUNCATED);
		if (i >= addresses || s->hook != HOOK_UPLINK)
			continue;
		v->verdict = VERDICT_PASS;
		v->reason = PASS_TRUNCATED;
	}
	return n;
}

/* The packet ends somewhere in the frame, says its length. */
static size_t shorten(const struct shape *s, size_t n)
{
	int least = s->in.v6 ? 40 : 0;
	struct frame whole;
	struct vector *v;
	int size;
	int i;

	frame_encode(&s->in, &whole);
	size = (int)(whole.size - l3_at(&s->in));
	for (i = least; i < s->head; i++, n++) {
		v = begin(s, "length", (size_t)i, n);
		v->in.total_length_off = i - size;
		refused(v, DROP_BAD_HEADER);
		/* All that it quotes is in it, or it is none's. */
		if (s->in.quote && i >= (s->in.v6 ? 48 : 28))
			refused(v, DROP_ICMP);
	}
	return n;
}

/* An error quotes that much of a packet. */
static size_t quote(const struct shape *s, size_t n)
{
	size_t least = s->in.v6 ? 48 : 28;
	struct vector *v;
	size_t i;

	for (i = 1; i < least + 12; i++) {
		/* Half of TCP's checksum can't be right. */
		if (i == least + 9)
			continue;
		v = begin(s, "quotes", i, n);
		v->in.quote_size = (uint16_t)i;
		refused(v, DROP_ICMP);
		n++;
		if (i < least)
			continue;
		v->verdict = VERDICT_FORWARD;
		v->reason = REASON_NONE;
		v->vm = 1;
	}
	return n;
}

/* What UDP says is its length. */
static size_t udp_length(const struct shape *s, size_t n)
{
	size_t whole = 8U + s->in.payload;
	struct vector *v;
	size_t i;

	for (i = 1; i < whole + 3; i++, n++) {
		v = begin(s, "says", i, n);
		v->in.udp_length = (uint16_t)i;
		refused(v, DROP_BAD_HEADER);
		if (i < 8 || i > whole)
			continue;
		v->verdict = VERDICT_FORWARD;
		v->reason = REASON_NONE;
		v->vm = 1;
		v->begins = s->hook == HOOK_UPLINK;
		v->notes = s->flags & SCENE_UDP ? 1 : 0;
	}
	return n;
}

struct vector_table vectors_length(void)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		n = cut(&shapes[i], n);
		n = shorten(&shapes[i], n);
		if (shapes[i].in.quote)
			n = quote(&shapes[i], n);
		if (shapes[i].in.kind == FRAME_UDP)
			n = udp_length(&shapes[i], n);
	}
	return (struct vector_table){ vectors, n };
}
