// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients inside, byte by byte: what a VM sends to a VIP is taken, comes in again
 * as a packet from outside, and a VM that is its own backend sees the VIP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/forward.h"
#include "dataplane/core/port.h"
#include "tests/packet/scene.h"

#define IFINDEX_IN  600
#define IFINDEX_OUT 601
#define NOW_NS	    (1000ULL << 30)

/* What stands for the port of VM n in the place of its MAC address. */
#define MAC_INSIDE(n)                                                 \
	(0x064400000000ULL | (uint64_t)(uint8_t)IFINDEX_VM(n) << 24 | \
	 (uint64_t)(uint8_t)(IFINDEX_VM(n) >> 8) << 16)

#define VM_TO_WEB(n)                                                  \
	.dst_mac = MAC_UPLINK, .src_mac = MAC_VM(n), .src = IP_VM(n), \
	.sport = PORT_CLIENT, .dst = IP_VIP_WEB, .dport = PORT_WEB

/* A world with VM 1 and VM 3 for clients, and the packet that is under way. */
struct world {
	struct mem_tables tables;
	struct frame frame;
	struct pkt p;
};

static struct ip_addr v4(uint32_t addr)
{
	return (struct ip_addr){ .word = { 0, 0, BE32(0xffff), BE32(addr) } };
}

static void world_make(struct world *w, const struct frame_spec *in)
{
	const struct scene_spec usual = { .slot = STEADY };
	const struct scene_flow flow = {
		.client = in->src,
		.client_port = in->sport,
		.vip = IP_VIP_WEB,
		.vip_port = PORT_WEB,
		.vm = 1,
		.v6 = in->v6,
		.proto = in->kind == FRAME_UDP ? 17 : 6,
	};

	memset(w, 0, sizeof(*w));
	scene_build(&usual, &flow, NOW_NS, &w->tables);
	w->tables.node.inside.ifindex = IFINDEX_IN;
	memcpy(w->tables.node.inside.mac, "\x02\x00\x00\x00\x00\x77", 6);
	w->tables.node.inside_ifindex = IFINDEX_OUT;
	w->tables.clients[0] =
		(struct client_key){ v4(IP_VM(1)), IFINDEX_VM(1) };
	w->tables.clients[1] =
		(struct client_key){ v4(IP_VM(3)), IFINDEX_VM(3) };
	w->tables.n_clients = 2;
	frame_encode(in, &w->frame);
}

/* The frame comes by an interface. */
static void comes(struct world *w, uint32_t ifindex)
{
	w->p = (struct pkt){
		.data = w->frame.byte,
		.end = w->frame.byte + w->frame.size,
		.length = (uint32_t)w->frame.size,
		.ifindex = ifindex,
	};
}

static enum verdict from_vm(struct world *w, uint32_t ifindex, uint16_t flags)
{
	comes(w, ifindex);
	return inside_of(mem_tables(), &w->tables, &w->p, flags, true);
}

/* The same of one that does not fit. */
static enum verdict too_big(struct world *w, uint32_t ifindex, uint16_t flags)
{
	comes(w, ifindex);
	return inside_of(mem_tables(), &w->tables, &w->p, flags, false);
}

static enum verdict comes_again(struct world *w)
{
	comes(w, IFINDEX_IN);
	return forward(mem_tables(), &w->tables, &w->p);
}

static void is_now(const struct world *w, const struct frame_spec *spec)
{
	struct frame expected;

	frame_encode(spec, &expected);
	assert_int_equal(w->frame.size, expected.size);
	assert_memory_equal(w->frame.byte, expected.byte, expected.size);
}

/* What a packet to the VIP is when it leaves for VM 1. */
static void to_vm_one(struct frame_spec *spec)
{
	spec->dst_mac = MAC_VM(1);
	spec->src_mac = MAC_TO(1);
	spec->dst = IP_VM(1);
	spec->dport = PORT_VM;
	spec->ttl = 63;
}

static void test_another_vm(void **state)
{
	const struct frame_spec in = { VM_TO_WEB(3), SYN };
	struct frame_spec out = in;
	struct world w;

	(void)state;
	world_make(&w, &in);
	assert_int_equal(from_vm(&w, IFINDEX_VM(3), 0), VERDICT_INSIDE);
	out.src_mac = MAC_INSIDE(3);
	is_now(&w, &out);
	assert_int_equal(w.tables.n_ways, 1);
	assert_int_equal(w.tables.ways[0].value.ifindex, IFINDEX_VM(3));
	assert_memory_equal(w.tables.ways[0].value.mac,
			    "\x02\x00\x00\x00\x10\x03", 6);
	assert_int_equal(comes_again(&w), VERDICT_FORWARD);
	assert_int_equal(w.p.backend, 1);
	to_vm_one(&out);
	is_now(&w, &out);
}

/* There and back: the VIP at either end, each time the other one's. */
static void itself(const struct frame_spec *in)
{
	struct frame_spec out = *in;
	struct frame_spec answer = *in;
	struct world w;

	world_make(&w, in);
	assert_int_equal(from_vm(&w, IFINDEX_VM(1), 0), VERDICT_INSIDE);
	assert_int_equal(comes_again(&w), VERDICT_FORWARD);
	to_vm_one(&out);
	out.src = IP_VIP_WEB;
	is_now(&w, &out);
	answer.dst_mac = MAC_TO(1);
	answer.src_mac = MAC_VM(1);
	answer.src = IP_VM(1);
	answer.sport = PORT_VM;
	answer.dst = IP_VIP_WEB;
	answer.dport = PORT_CLIENT;
	frame_encode(&answer, &w.frame);
	comes(&w, IFINDEX_VM(1));
	assert_int_equal(port_from_vm(mem_tables(), &w.tables, &w.p),
			 VERDICT_FORWARD);
	answer.src = IP_VIP_WEB;
	answer.sport = PORT_WEB;
	answer.dst = IP_VM(1);
	answer.ttl = 63;
	is_now(&w, &answer);
	assert_true(w.p.to_itself);
	assert_int_equal(w.p.dst.word[3], BE32(IP_VM(1)));
}

static void test_itself(void **state)
{
	const struct frame_spec tcp = { VM_TO_WEB(1), DATA };

	(void)state;
	itself(&tcp);
}

/* A MAC address that looks like one of ours, but on an uplink. */
static void test_not_from_inside(void **state)
{
	const struct frame_spec in = { .dst_mac = MAC_UPLINK,
				       .src_mac = MAC_INSIDE(1),
				       .src = IP_CLIENT_ONE,
				       .sport = PORT_CLIENT,
				       VIP_WEB,
				       SYN };
	struct frame_spec out = in;
	struct world w;

	(void)state;
	world_make(&w, &in);
	comes(&w, IFINDEX_UPLINK);
	assert_int_equal(forward(mem_tables(), &w.tables, &w.p),
			 VERDICT_FORWARD);
	to_vm_one(&out);
	is_now(&w, &out);
}

/* Nothing of these is changed. */
static void stays(struct world *w, const struct frame_spec *in,
		  uint32_t ifindex, enum verdict verdict, enum reason reason)
{
	frame_encode(in, &w->frame);
	assert_int_equal(from_vm(w, ifindex, 0), verdict);
	assert_int_equal(w->p.reason, reason);
	is_now(w, in);
}

static void test_refused(void **state)
{
	const struct frame_spec in = { VM_TO_WEB(3), SYN };
	struct frame_spec other = in;
	struct world w;

	(void)state;
	world_make(&w, &in);
	other.dst = IP_NOT_VIP;
	stays(&w, &other, IFINDEX_VM(3), VERDICT_PASS, PASS_PORT_NOT_SERVICE);
	other = in;
	other.src = IP_VM(2);
	stays(&w, &other, IFINDEX_VM(3), VERDICT_PASS, PASS_INSIDE_STRANGER);
	stays(&w, &in, IFINDEX_VM(2), VERDICT_PASS, PASS_INSIDE_STRANGER);
	other = in;
	other.vlan[0] = 7;
	stays(&w, &other, IFINDEX_VM(3), VERDICT_PASS, PASS_PORT_NOT_SERVICE);
	w.tables.node.inside.ifindex = 0;
	stays(&w, &in, IFINDEX_VM(3), VERDICT_PASS, PASS_PORT_NOT_SERVICE);
	assert_int_equal(w.tables.n_ways, 0);
}

static void test_observed(void **state)
{
	const struct frame_spec in = { VM_TO_WEB(3), SYN };
	struct world w;
	uint32_t i;

	(void)state;
	world_make(&w, &in);
	for (i = 0; i < w.tables.n_services; i++)
		w.tables.services[i].value.flags |= SERVICE_OBSERVE;
	stays(&w, &in, IFINDEX_VM(3), VERDICT_PASS, PASS_PORT_NOT_SERVICE);
}

/* Another VM with the same address: refused while the first one calls. */
static void test_taken(void **state)
{
	const struct frame_spec in = { VM_TO_WEB(3), SYN };
	struct world w;

	(void)state;
	world_make(&w, &in);
	w.tables.clients[2] = (struct client_key){ v4(IP_VM(3)), 1200 };
	w.tables.n_clients = 3;
	assert_int_equal(from_vm(&w, IFINDEX_VM(3), 0), VERDICT_INSIDE);
	stays(&w, &in, 1200, VERDICT_DROP, DROP_INSIDE_TAKEN);
	/* Later, as long as its direct flows live, too; then no more. */
	w.tables.now_ns += (uint64_t)(w.tables.node.direct_idle_ticks - 1)
			   << TICK_SHIFT;
	stays(&w, &in, 1200, VERDICT_DROP, DROP_INSIDE_TAKEN);
	w.tables.now_ns += 1ULL << TICK_SHIFT;
	assert_int_equal(from_vm(&w, 1200, 0), VERDICT_INSIDE);
	/* And at once when the first one is a client no longer. */
	frame_encode(&in, &w.frame);
	w.tables.n_clients = 2;
	assert_int_equal(from_vm(&w, IFINDEX_VM(3), 0), VERDICT_INSIDE);
	assert_int_equal(w.tables.n_ways, 1);
}

static void test_full(void **state)
{
	const struct frame_spec in = { VM_TO_WEB(3), SYN };
	struct world w;

	(void)state;
	world_make(&w, &in);
	w.tables.n_ways = MEM_WAYS;
	stays(&w, &in, IFINDEX_VM(3), VERDICT_DROP, DROP_INSIDE_FULL);
}

static void test_host(void **state)
{
	const struct frame_spec in = { VM_TO_WEB(2), SYN };
	struct world w;

	(void)state;
	world_make(&w, &in);
	assert_int_equal(from_vm(&w, IFINDEX_WAY_OUT, INSIDE_HOST),
			 VERDICT_INSIDE);
	assert_int_equal(w.tables.ways[0].value.flags, INSIDE_HOST);
	assert_int_equal(w.tables.ways[0].value.ifindex, IFINDEX_WAY_OUT);
}

/* Who asks for a VIP by ARP is answered with our own address. */
static void test_arp(void **state)
{
	const struct frame_spec in = { .kind = FRAME_ARP,
				       .dst_mac = MAC_ALL,
				       .src_mac = MAC_VM(3),
				       .src = IP_VM(3),
				       .dst = IP_VIP_WEB };
	struct frame_spec other = in;
	struct inside_key key = { v4(IP_VM(3)), v4(IP_VIP_WEB) };
	struct world w;

	(void)state;
	world_make(&w, &in);
	/* This one is not announced. */
	other.dst = IP_VIP_API;
	stays(&w, &other, IFINDEX_VM(3), VERDICT_PASS, PASS_PORT_NOT_SERVICE);
	frame_encode(&in, &w.frame);
	assert_int_equal(from_vm(&w, IFINDEX_VM(3), 0), VERDICT_INSIDE);
	assert_int_equal(comes_again(&w), VERDICT_REPLY);
	assert_int_equal(w.p.reason, REPLY_ARP);
	assert_memory_equal(w.frame.byte + 6, "\x02\x00\x00\x00\x00\x77", 6);
	comes(&w, IFINDEX_OUT);
	assert_ptr_equal(inside_back(mem_tables(), &w.tables, &w.p),
			 &w.tables.ways[0].value);
	assert_memory_equal(&w.tables.ways[0].key, &key, sizeof(key));
}

/* A VM that is served through the kernel takes nobody from inside. */
static void test_stack(void **state)
{
	const struct frame_spec in = { VM_TO_WEB(3), SYN };
	struct world w;

	(void)state;
	world_make(&w, &in);
	comes(&w, IFINDEX_IN);
	assert_true(stack_refuses(mem_tables(), &w.tables, &w.p));
	assert_int_equal(w.p.reason, DROP_INSIDE_STACK);
	comes(&w, IFINDEX_UPLINK);
	assert_false(stack_refuses(mem_tables(), &w.tables, &w.p));
}

/* A VM is told by the VIP what fits, and nothing is noted. */
static void told(const struct frame_spec *in, struct frame_spec *error)
{
	struct frame expected;
	struct world w;
	uint8_t *data;

	error->kind = FRAME_ICMP;
	error->dst_mac = in->src_mac;
	error->src_mac = in->dst_mac;
	error->src = in->dst;
	error->dst = in->src;
	error->quote = in;
	error->quote_size = 64;
	error->v6 = in->v6;
	world_make(&w, in);
	if (in->v6)
		frame_addr6(in->src, (uint8_t *)&w.tables.clients[0].addr);
	assert_int_equal(too_big(&w, IFINDEX_VM(1), 0), VERDICT_RARE);
	comes(&w, IFINDEX_VM(1));
	assert_int_equal(inside_refused(mem_tables(), &w.tables, &w.p, 3400),
			 VERDICT_REPLY);
	assert_int_equal(w.p.reason, REPLY_INSIDE_TOO_BIG);
	assert_int_equal(w.tables.n_ways, 0);
	/* Room, as an engine makes it. */
	data = w.frame.byte + w.p.reply_head;
	memmove(data, w.frame.byte, w.frame.size);
	memmove(w.frame.byte, data, sizeof(struct eth_hdr));
	w.p.eth = (struct eth_hdr *)w.frame.byte;
	w.p.end += w.p.reply_head;
	assert_true(error_fill(&w.p, w.frame.byte + sizeof(struct eth_hdr),
			       in->v6, &w.p.src));
	frame_encode(error, &expected);
	assert_int_equal(w.p.reply_length, expected.size);
	assert_memory_equal(w.frame.byte, expected.byte, expected.size);
}

static void test_too_big(void **state)
{
	const struct frame_spec in = { VM_TO_WEB(1), DATA, .frag = 0x4000 };
	const struct frame_spec six = { VM_TO_WEB(1), DATA, .v6 = true };
	const struct frame_spec loose = { VM_TO_WEB(1), DATA };
	struct frame_spec error = { .frag = 0x4000,
				    .icmp_type = 3,
				    .icmp_code = 4,
				    .icmp_rest = 3400 };
	struct frame_spec error6 = { .icmp_type = 2, .icmp_rest = 3400 };
	struct world w;

	(void)state;
	told(&in, &error);
	told(&six, &error6);
	/* One that may be cut on its way is not to be told; nor is the host. */
	world_make(&w, &loose);
	assert_int_equal(too_big(&w, IFINDEX_VM(1), 0), VERDICT_DROP);
	assert_int_equal(w.p.reason, DROP_INSIDE_TOO_BIG);
	world_make(&w, &in);
	assert_int_equal(too_big(&w, IFINDEX_WAY_OUT, INSIDE_HOST),
			 VERDICT_DROP);
	assert_int_equal(w.p.reason, DROP_INSIDE_TOO_BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_vm),
		cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_itself),
		cmocka_unit_test(test_not_from_inside),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_observed),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
