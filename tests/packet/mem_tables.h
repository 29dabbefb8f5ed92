/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of the packet core in plain memory: an engine for tests.
 *
 * Small fixed arrays, so a whole state is one struct that a test fills in,
 * copies and compares; the kernel's half of the vector tests loads its maps
 * from the same struct. Lookups go out of range as an engine's do: NULL.
 */
#ifndef TESTS_PACKET_MEM_TABLES_H
#define TESTS_PACKET_MEM_TABLES_H

#include "dataplane/core/tables.h"

#define MEM_SERVICES   8
#define MEM_POOLS      4
#define MEM_SLOT_LINES 4
#define MEM_SLOTS      (MEM_SLOT_LINES * SLOTS_PER_LINE)
#define MEM_BACKENDS   8 /* numbers 0 .. 7 */
#define MEM_FLOW_LINES 4
#define MEM_PORTS      8
#define MEM_CLIENTS    8
#define MEM_WAYS       8
#define MEM_TARGETS    4 /* numbers 0 .. 3 */
/* Who copies tables all the time has fewer, which the core's lines share. */
#ifndef MEM_FRAG_LINES
#define MEM_FRAG_LINES FRAG_LINES
#endif

struct mem_service {
	struct service_key key;
	struct service value;
};

struct mem_port {
	struct port_key key;
	struct port value;
};

/* Key of the number of a probe target, which is where it stands. */
struct mem_target {
	struct probe_key key;
	struct probe_target value;
};

struct mem_way {
	struct inside_key key;
	struct inside_way value;
};

/**
 * struct mem_tables - a whole forwarding state.
 * @has_node: false: the node's record is not there.
 * @now_ns: what the clock says; a test moves it.
 * @far, @far_mtu: to whom packets must be small, and how small.
 *
 * The rest are the tables of struct tables under their names.
 */
struct mem_tables {
	bool has_node;
	struct node node;
	uint32_t n_services;
	struct mem_service services[MEM_SERVICES];
	struct pool pools[MEM_POOLS];
	struct slot_line slot_lines[MEM_SLOT_LINES];
	struct slot_clock slot_clocks[MEM_SLOTS];
	struct backend backends[MEM_BACKENDS];
	struct flow_line flow_lines[MEM_FLOW_LINES];
	struct flow_line direct_lines[MEM_FLOW_LINES];
	struct frag_line frag_lines[MEM_FRAG_LINES];
	uint32_t n_ports;
	struct mem_port ports[MEM_PORTS];
	uint32_t n_clients;
	struct client_key clients[MEM_CLIENTS];
	uint32_t n_ways;
	struct mem_way ways[MEM_WAYS];
	struct probe_node probe_node;
	struct mem_target targets[MEM_TARGETS];
	struct limiter limiter;
	struct traffic service_traffic[MEM_SERVICES];
	struct traffic backend_traffic[MEM_BACKENDS];
	struct reason_count reasons[N_REASON_COUNTS];
	uint64_t now_ns;
	struct ip_addr far;
	uint32_t far_mtu;
};

/**
 * mem_tables() - lookups whose engine argument is a struct mem_tables.
 */
const struct tables *mem_tables(void);

#endif
