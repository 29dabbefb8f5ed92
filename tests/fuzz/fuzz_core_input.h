/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The layout of fuzz_core's inputs, read and written in one place: the target
 * reads them, fuzz_core_seeds.c writes one for each packet vector.
 *
 *	WORLD   slot, entry, entry_vm, entry_class, fill, direct: a byte each;
 *		flags: 4 bytes; IPv6: a byte; client, its port, VIP, its port: 4, 2, 4, 2 bytes
 *	PATCHES a byte: how many; each: offset in struct mem_tables (2 bytes) and
 *		8 bytes that are put there
 *	FRAMES  each: hook, whose port, wait in 2^30 ns: a byte each; size (2
 *		bytes); bytes
 *
 * Numbers are little-endian. What is missing at the end reads as zero.
 */
#ifndef TESTS_FUZZ_FUZZ_CORE_INPUT_H
#define TESTS_FUZZ_FUZZ_CORE_INPUT_H

#include <stdbool.h>
#include <string.h>

#include "tests/packet/vectors.h"

#define FUZZ_PATCH_SIZE	    8
#define FUZZ_IFINDEX_INSIDE 600
#define FUZZ_FRAME_MAX	    2000
#define FUZZ_INSIDE_FITS    1500

/* A place in an input. */
struct fuzz_input {
	const uint8_t *byte;
	size_t size;
	size_t at;
};

struct fuzz_frame {
	enum hook hook;
	uint32_t ifindex;
	uint64_t wait_ns;
	const uint8_t *byte;
	size_t size;
};

static inline uint32_t fuzz_number(struct fuzz_input *in, int n_bytes)
{
	uint32_t v = 0;
	int i;

	for (i = 0; i < n_bytes; i++)
		if (in->at < in->size)
			v |= (uint32_t)in->byte[in->at++] << (8 * i);
	return v;
}

/* Bytes over the tables, but not over what only the test has. */
static inline void fuzz_patch(struct fuzz_input *in, struct mem_tables *m)
{
	size_t offset = fuzz_number(in, 2) % sizeof(*m);
	uint8_t *byte = (uint8_t *)m;
	size_t i;

	for (i = 0; i < FUZZ_PATCH_SIZE; i++)
		if (in->at < in->size && offset + i < sizeof(*m))
			byte[offset + i] = in->byte[in->at++];
}

/* VMs are clients, too; how many there are is only the test's. */
static inline void fuzz_inside(struct mem_tables *m, bool v6)
{
	uint32_t i;

	m->node.inside.ifindex = FUZZ_IFINDEX_INSIDE;
	m->n_ways = 0;
	m->n_clients = v6 ? 0 : N_VMS;
	for (i = 0; i < N_VMS; i++)
		m->clients[i] = (struct client_key){
			.addr = { { 0, 0, BE32(0xffff), BE32(IP_VM(i + 1)) } },
			.ifindex = IFINDEX_VM(i + 1),
		};
}

/* Tables of an input; @in is behind its patches then. */
static inline void fuzz_world(struct fuzz_input *in, uint64_t now_ns,
			      struct mem_tables *ret_tables)
{
	struct mem_tables *m = ret_tables;
	struct scene_spec spec;
	struct scene_flow flow = { .vm = 1 };
	uint32_t n_services;
	uint32_t n_ports;
	uint32_t n;
	bool has_node;

	spec.slot = fuzz_number(in, 1) % (EMPTY + 1);
	spec.entry = fuzz_number(in, 1) % (ENTRY_BUSY + 1);
	spec.entry_vm = (uint16_t)(fuzz_number(in, 1) % (N_VMS + 1));
	spec.entry_class = fuzz_number(in, 1) % (UNCONFIRMED + 1);
	spec.fill = fuzz_number(in, 1) % (FILL_REDUNDANT + 1);
	spec.direct = fuzz_number(in, 1) % (SCENE_DIRECT_LAST + 1);
	spec.flags = fuzz_number(in, 4);
	flow.v6 = fuzz_number(in, 1) & 1;
	flow.proto = spec.flags & (SCENE_UDP | SCENE_QUIC) ? 17 : 6;
	flow.client = fuzz_number(in, 4);
	flow.client_port = (uint16_t)fuzz_number(in, 2);
	flow.vip = fuzz_number(in, 4);
	flow.vip_port = (uint16_t)fuzz_number(in, 2);
	scene_build(&spec, &flow, now_ns, m);
	n_services = m->n_services;
	n_ports = m->n_ports;
	has_node = m->has_node;
	for (n = fuzz_number(in, 1) % 16; n; n--)
		fuzz_patch(in, m);
	m->n_services = n_services;
	m->n_ports = n_ports;
	fuzz_inside(m, flow.v6);
	memset(&m->has_node, has_node, 1);
	m->now_ns = now_ns;
}

/* The next frame of an input; false: there is none. */
static inline bool fuzz_next(struct fuzz_input *in,
			     struct fuzz_frame *ret_frame)
{
	struct fuzz_frame *f = ret_frame;
	uint32_t vm;

	if (in->at >= in->size)
		return false;
	f->hook = fuzz_number(in, 1) % (HOOK_PROBE + 1);
	vm = fuzz_number(in, 1);
	f->ifindex = IFINDEX_VM(vm);
	if (f->hook == HOOK_UPLINK)
		f->ifindex = vm & 1 ? FUZZ_IFINDEX_INSIDE : IFINDEX_UPLINK;
	f->wait_ns = (uint64_t)fuzz_number(in, 1) << 30;
	f->size = fuzz_number(in, 2) % (FUZZ_FRAME_MAX + 1);
	if (f->size > in->size - in->at)
		f->size = in->size - in->at;
	f->byte = in->byte + in->at;
	in->at += f->size;
	return true;
}

#endif
