// SPDX-License-Identifier: GPL-2.0-only
/*
 * What holds for TCP over IPv4 once more over IPv6, and for what begins and goes
 * on of QUIC: no rule of slots, entries and ports is one family's or protocol's.
 *
 * A row that says something of one family alone (options, Don't Fragment) is
 * left out, and for QUIC what only TCP has (FIN, RST, SYN with ACK).
 */
#include "tests/packet/vectors.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define N_AGAIN_MAX	800
#define NAME_SIZE	80
#define PAYLOAD_SIX_MAX (1500 - 60)

/* A vector once more, with what it points to. */
struct again {
	struct vector vector;
	struct vector first;
	char name[NAME_SIZE];
};

/**
 * struct world - where things have to be as they were.
 * @v6: with addresses of IPv6.
 * @quic: of QUIC services.
 */
struct world {
	const char *name;
	bool v6;
	bool quic;
};

/* Type and code of an error that ICMPv6 has, too. */
static void error_six(struct vector *v)
{
	if (v->icmp_type == 11) {
		v->icmp_type = 3;
	} else if (v->icmp_type == 3 && v->icmp_code == 3) {
		v->icmp_type = 1;
		v->icmp_code = 4;
	}
}

/* May a frame be IPv6's? */
static bool fits_six(const struct frame_spec *in)
{
	return in->kind != FRAME_ARP && in->kind != FRAME_RAW && !in->v6 &&
	       !in->quote && !in->cut && in->src >> 28 != 0xe &&
	       !in->ip_options && !in->ip_csum_off && !in->version_ihl &&
	       !in->no_csum && !(in->frag & ~0x3fff);
}

static void make_six(struct vector *v)
{
	v->in.v6 = true;
	/* A full frame is full. */
	if (v->in.payload > PAYLOAD_SIX_MAX)
		v->in.payload = PAYLOAD_SIX_MAX;
	error_six(v);
}

/* Is it a TCP packet of the web service that QUIC has a match for? */
static bool fits_quic(const struct vector *v)
{
	uint8_t flags = v->in.flags;

	return v->in.kind == FRAME_TCP && !v->in.frag && !v->in.cut &&
	       v->in.dport != PORT_API && !v->in.mss &&
	       (flags == F_ACK || flags == (F_ACK | F_PSH) ||
		(flags == F_SYN && v->hook == HOOK_UPLINK));
}

/* A SYN becomes an Initial, anything else a short header. */
static void make_quic(struct vector *v)
{
	bool opens = v->in.flags == F_SYN;

	v->in.kind = FRAME_UDP;
	v->in.flags = 0;
	v->in.quic = opens ? 0xc3 : 0x41;
	v->in.quic_version = 1;
	v->in.payload = opens ? 1200 : 60;
	v->begins = opens;
	v->scene.flags |= SCENE_QUIC;
	if (v->reason == REPLY_RST_NO_BACKEND) {
		v->reason = REPLY_ICMP_NO_BACKEND;
		v->icmp_type = 3;
		v->icmp_code = 3;
	}
	if (v->as_if == REPLY_RST_NO_BACKEND)
		v->as_if = REPLY_ICMP_NO_BACKEND;
	if (v->as_if == REPLY_RST_NO_SERVICE)
		v->as_if = REPLY_ICMP_NO_SERVICE;
}

static bool make_again(const struct world *w, const struct vector *v,
		       struct again *ret_again)
{
	struct again *a = ret_again;

	if (w->quic && (!fits_quic(v) || v->first))
		return false;
	if (w->v6 &&
	    (!fits_six(&v->in) || (v->first && !fits_six(&v->first->in))))
		return false;
	a->vector = *v;
	(void)snprintf(a->name, sizeof(a->name), "%s:%s", w->name, v->name);
	a->vector.name = a->name;
	if (v->first) {
		a->first = *v->first;
		make_six(&a->first);
		a->vector.first = &a->first;
	}
	if (w->quic)
		make_quic(&a->vector);
	if (w->v6)
		make_six(&a->vector);
	return true;
}

static struct again again[N_AGAIN_MAX];
static struct vector vectors[N_AGAIN_MAX];

/* The vectors of a table that are at home in a world. */
static size_t table_again(const struct world *w, struct vector_table from,
			  size_t n)
{
	size_t i;

	for (i = 0; i < from.n; i++) {
		assert(n < N_AGAIN_MAX);
		if (!make_again(w, &from.vector[i], &again[n]))
			continue;
		vectors[n] = again[n].vector;
		n++;
	}
	return n;
}

struct vector_table vectors_again(void)
{
	static const struct world worlds[] = {
		{ "six", true, false },
		{ "quic", false, true },
		{ "quic_six", true, true },
	};
	struct vector_table (*const tables[])(void) = {
		vectors_steady,	  vectors_claiming, vectors_moving,
		vectors_settling, vectors_line,	    vectors_from_vm,
		vectors_answer,	  vectors_to_vm,    vectors_observe,
		vectors_stack,	  vectors_udp,	    vectors_note,
		vectors_frag,	  vectors_mss,
	};
	size_t n = 0;
	size_t w;
	size_t i;

	for (w = 0; w < ARRAY_SIZE(worlds); w++)
		for (i = 0; i < ARRAY_SIZE(tables); i++)
			n = table_again(&worlds[w], tables[i](), n);
	return (struct vector_table){ vectors, n };
}
