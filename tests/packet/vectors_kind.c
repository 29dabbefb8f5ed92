// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP and ICMPv6 of each of the 256 types, to a VIP and from a VM: an error goes
 * the way of what it quotes, a ping is answered, nothing else gets anywhere.
 */
#include "tests/packet/vectors.h"

#include <stdio.h>

#define N_TYPES	  256
#define NAME_SIZE 32
#define SENT                                                        \
	.src = IP_VIP_WEB, .sport = PORT_WEB, .dst = IP_CLIENT_ONE, \
	.dport = PORT_CLIENT, DATA
#define GOT                                                          \
	.src = IP_CLIENT_ONE, .sport = PORT_CLIENT, .dst = IP_VM(1), \
	.dport = PORT_VM, DATA

/* What is quoted: of each family what the VIP has sent, what the VM has got. */
static const struct frame_spec sent[] = { { SENT }, { .v6 = true, SENT } };
static const struct frame_spec got[] = { { GOT }, { .v6 = true, GOT } };

static bool is_error(bool v6, unsigned int type)
{
	if (v6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 11 || type == 12;
}

static void to_vip(struct vector *v, bool v6, unsigned int type)
{
	const struct vector icmp = {
		.in = { .kind = FRAME_ICMP, CLIENT_ONE, VIP_WEB, .payload = 40 },
		DROPPED(DROP_ICMP),
	};

	*v = icmp;
	if (type == (v6 ? 128 : 8)) {
		v->verdict = VERDICT_REPLY;
		v->reason = REPLY_ECHO;
	} else if (is_error(v6, type)) {
		v->in.quote = &sent[v6];
		v->verdict = VERDICT_FORWARD;
		v->reason = REASON_NONE;
		v->vm = 1;
	}
}

static void from_vm(struct vector *v, bool v6, unsigned int type)
{
	const struct vector icmp = {
		.hook = HOOK_FROM_VM,
		.in = { .kind = FRAME_ICMP, VM_ONE_TO_CLIENT, .payload = 40 },
		PASSED(PASS_PORT_NOT_SERVICE),
	};

	*v = icmp;
	if (is_error(v6, type)) {
		v->in.quote = &got[v6];
		v->verdict = VERDICT_FORWARD;
		v->reason = REASON_NONE;
		v->vm = 1;
	}
}

struct vector_table vectors_kind(void)
{
	static struct vector vectors[4 * N_TYPES];
	static char names[ARRAY_SIZE(vectors)][NAME_SIZE];
	struct vector *v;
	unsigned int type;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		bool v6 = i / N_TYPES & 1;
		bool vm = i / N_TYPES & 2;

		v = &vectors[i];
		type = (unsigned int)(i % N_TYPES);
		if (vm)
			from_vm(v, v6, type);
		else
			to_vip(v, v6, type);
		(void)snprintf(names[i], NAME_SIZE, "%s_icmp%s_type_%u",
			       vm ? "vm" : "web", v6 ? "6" : "", type);
		v->name = names[i];
		v->in.v6 = v6;
		v->in.icmp_type = (uint16_t)(type ? type : TTL_ZERO);
	}
	return (struct vector_table){ vectors, ARRAY_SIZE(vectors) };
}
