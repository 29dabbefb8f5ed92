/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables that bench_xdp.c measures with: pools of VMs built by the same code
 * as the daemon's, and a shuffled list of clients' flows.
 */
#ifndef TESTS_BENCH_BENCH_WORLD_H
#define TESTS_BENCH_BENCH_WORLD_H

#include "dataplane/xdp/programs.h"
#include "tests/bench/bench_tuple.h"

#define BENCH_IFINDEX_VM 1001 /* the port of all VMs; scripts/bench makes it */
#define BENCH_PORT_VIP	 80
#define BENCH_PORT_VM	 8080

enum bench_size { BENCH_100, BENCH_1000, BENCH_100_V6, N_BENCH_SIZES };

/**
 * struct bench_pool - a pool, with a VIP of its own.
 * @n_vms, @slots_log2: its size.
 * @first_vm: number of its first backend.
 * @v6: its family.
 * @vip: address of its service, of TCP and UDP.
 * @steady: its slots with nothing moving.
 */
struct bench_pool {
	uint32_t n_vms;
	uint32_t slots_log2;
	uint32_t first_vm;
	bool v6;
	struct ip_addr vip;
	uint32_t *steady;
};

struct bench_flow {
	be32 addr;
	be16 port;
};

/**
 * struct bench_world - what there is.
 * @flow: BENCH_TUPLES flows in shuffled order.
 */
struct bench_world {
	struct maps maps;
	struct programs programs;
	struct memory mem;
	struct bench_pool pool[N_BENCH_SIZES];
	struct bench_flow *flow;
};

/* Make it; 0 or -errno. What there is goes with the process. */
MUST_CHECK int bench_world_open(struct bench_world *w);

/* Addresses of a pool's family: nobody's, a VM's, a client's. */
struct ip_addr bench_no_vip(const struct bench_pool *pool);
struct ip_addr bench_vm_addr(const struct bench_pool *pool, uint32_t number);
struct ip_addr bench_client(const struct bench_pool *pool,
			    const struct bench_flow *flow);

/* The slot of a flow in a pool: as an index in the pool. */
uint32_t bench_slot(const struct bench_world *w, enum bench_size size,
		    uint8_t proto, const struct bench_flow *flow);

/* Is it one of those that bench_move() moves? One in ten is. */
bool bench_moves(uint32_t slot);

/* Who serves a flow, moving or not. */
uint32_t bench_backend(const struct bench_world *w, enum bench_size size,
		       uint8_t proto, const struct bench_flow *flow);

/**
 * bench_move() - let a tenth of a pool's slots move, or all stand still.
 * @flow: @n_flows flows that are established: those in moving slots get entries,
 *        and the table has no others.
 */
void bench_move(struct bench_world *w, enum bench_size size, uint8_t proto,
		bool moving, const struct bench_flow *flow, uint32_t n_flows);

/**
 * bench_ask() - a table of direct flows with only the notes of clients of UDP.
 * @flow: @n_flows flows, a power of two: four places each, and at least the
 *        default number.
 * @asked: they have.
 *
 * Return: how many flows found no room for their note.
 */
uint32_t bench_ask(struct bench_world *w, enum bench_size size,
		   const struct bench_flow *flow, uint32_t n_flows, bool asked);

#endif
