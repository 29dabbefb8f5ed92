// SPDX-License-Identifier: GPL-2.0-only
#include "tests/bench/bench_world.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/core/direct.h"
#include "dataplane/slots.h"

#define N_VMS_ALL    1300
#define IDLE_TICKS   TICKS_OF_MS(350000)
#define DIRECT_LINES ((1 << 16) / FLOWS_PER_LINE)
#define UDP_TICKS    TICKS_OF_MS(300000) /* longer than a run */

static const uint8_t protos[] = { IP_PROTO_TCP, IP_PROTO_UDP };

static uint64_t mix(uint64_t x)
{
	/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014). */
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static uint32_t now_tick(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return TICKS_OF_NS((uint64_t)now.tv_sec * 1000000000 +
			   (uint64_t)now.tv_nsec);
}

static const struct dp_limits limits = {
	.n_backends = N_VMS_ALL,
	.n_services = 8,
	.n_pools = N_BENCH_SIZES,
	.n_slots = 1 << 21,
	.n_flows = 1 << 19,
	.n_direct = 1 << 22, /* most of which only bench_ask() uses */
};

static int put(const struct bench_world *w, enum map_id id, const void *key,
	       const void *value)
{
	return bpf_map_update_elem(w->maps.fd[id], key, value, BPF_ANY);
}

/* An address of a pool's family: 198.51.100.*, 10.9.*, 11.*, or 2001:db8:*. */
static struct ip_addr address(const struct bench_pool *pool, uint32_t v4)
{
	struct ip_addr v6 = { { BE32(0x20010db8U), 0, 0, BE32(v4) } };

	return pool->v6 ? v6 : ip_from_v4(BE32(v4));
}

struct ip_addr bench_no_vip(const struct bench_pool *pool)
{
	return address(pool, 0xc6336463U);
}

struct ip_addr bench_vm_addr(const struct bench_pool *pool, uint32_t number)
{
	return address(pool, 0x0a090000U + number);
}

struct ip_addr bench_client(const struct bench_pool *pool,
			    const struct bench_flow *flow)
{
	return address(pool, HOST32(flow->addr));
}

/* The service at a VM's port. */
static int add_port(const struct bench_world *w, uint32_t pool, uint32_t number,
		    uint8_t proto)
{
	struct port_key key = { .addr = bench_vm_addr(&w->pool[pool], number),
				.ifindex = BENCH_IFINDEX_VM,
				.port = BE16(BENCH_PORT_VM),
				.proto = proto };
	struct port port = { .vip = w->pool[pool].vip,
			     .vip_port = BE16(BENCH_PORT_VIP),
			     .backend = (uint16_t)number,
			     .service = pool + 1,
			     .pool = pool };

	return put(w, MAP_PORT, &key, &port);
}

static int add_vm(struct bench_world *w, uint32_t pool, uint32_t number)
{
	const uint32_t ifindex = BENCH_IFINDEX_VM;
	struct backend *b = &w->mem.backends[number];
	size_t i;
	int err;

	b->copy[0] = (struct backend_record){
		.addr = bench_vm_addr(&w->pool[pool], number),
		.ifindex = ifindex,
		.pool = pool,
		.dst_mac = { 2, 0, 0, 9, (uint8_t)(number >> 8),
			     (uint8_t)number },
		.src_mac = { 2, 0, 0, 8, 0, 1 },
	};
	b->word = BACKEND_WORD(1, BACKEND_LIVE);
	err = put(w, MAP_DEVICE, &number, &ifindex);
	for (i = 0; i < ARRAY_SIZE(protos) && !err; i++)
		err = add_port(w, pool, number, protos[i]);
	return err;
}

static int add_services(const struct bench_world *w, uint32_t pool)
{
	struct service_key key = { .vip = w->pool[pool].vip };
	struct service vip = { .flags = SERVICE_VIP };
	struct service service = { .number = pool + 1,
				   .pool = pool,
				   .target_port = BE16(BENCH_PORT_VM) };
	int err = put(w, MAP_SERVICE, &key, &vip);
	size_t i;

	key.port = BE16(BENCH_PORT_VIP);
	for (i = 0; i < ARRAY_SIZE(protos) && !err; i++) {
		key.proto = protos[i];
		err = put(w, MAP_SERVICE, &key, &service);
	}
	return err;
}

static uint32_t *slot_word(const struct bench_world *w, uint32_t pool,
			   uint32_t slot)
{
	uint32_t line = POOL_FIRST_LINE(w->mem.pools[pool].range);

	return &w->mem.slots[line + slot / SLOTS_PER_LINE]
			.slot[slot % SLOTS_PER_LINE];
}

static int add_pool(struct bench_world *w, struct slots *slots, uint32_t pool)
{
	struct bench_pool *b = &w->pool[pool];
	struct slots_share *share = calloc(b->n_vms, sizeof(*share));
	uint32_t n_slots = 1U << b->slots_log2;
	uint32_t i;
	int err = 0;

	b->steady = calloc(n_slots, sizeof(*b->steady));
	if (!share || !b->steady) {
		free(share);
		return -ENOMEM;
	}
	w->mem.pools[pool] = (struct pool){
		.seed = { mix(pool), mix(pool + 77) },
		.idle_ticks = IDLE_TICKS,
		.udp_idle_ticks = UDP_TICKS,
	};
	for (i = 0; i < b->n_vms && !err; i++) {
		share[i] = (struct slots_share){
			.id = mix(i),
			.weight = 100,
			.backend = (uint16_t)(b->first_vm + i),
		};
		err = add_vm(w, pool, b->first_vm + i);
	}
	if (!err)
		err = slots_create(slots, pool, b->slots_log2, share, b->n_vms,
				   now_tick());
	free(share);
	for (i = 0; i < n_slots && !err; i++)
		b->steady[i] = *slot_word(w, pool, i);
	return err ? err : add_services(w, pool);
}

static int make_flows(struct bench_world *w)
{
	struct bench_flow swap;
	uint32_t i;
	uint32_t k;

	w->flow = calloc(BENCH_TUPLES, sizeof(*w->flow));
	if (!w->flow)
		return -ENOMEM;
	/* An odd factor: no address twice. */
	for (i = 0; i < BENCH_TUPLES; i++) {
		w->flow[i].addr =
			BE32(0x0b000000U | (i * 2654435761U & 0xffffffU));
		w->flow[i].port = BE16((uint16_t)(1024 + mix(i) % 64000));
	}
	for (i = BENCH_TUPLES - 1; i > 0; i--) {
		k = (uint32_t)(mix(i ^ 0x5eed) % (i + 1));
		swap = w->flow[i];
		w->flow[i] = w->flow[k];
		w->flow[k] = swap;
	}
	return 0;
}

static int fill(struct bench_world *w)
{
	struct slots_tables t = {
		.lines = w->mem.slots,
		.n_lines = limits.n_slots / SLOTS_PER_LINE,
		.clocks = w->mem.clocks,
		.flows = w->mem.flows,
		.n_flow_lines = limits.n_flows / FLOWS_PER_LINE,
		.backends = w->mem.backends,
		.n_backends = limits.n_backends,
		.pools = w->mem.pools,
		.n_pools = limits.n_pools,
	};
	struct slots *slots = NULL;
	uint32_t pool;
	int err = slots_open(&t, now_tick(), &slots);

	*w->mem.node = (struct node){
		.direct_seed = { mix(1), mix(2) },
		.direct_idle_ticks = IDLE_TICKS,
		.flow_line_mask = t.n_flow_lines - 1,
		.direct_line_mask = DIRECT_LINES - 1,
		.uplinks = { { .ifindex = 900 } },
	};
	for (pool = 0; pool < N_BENCH_SIZES && !err; pool++)
		err = add_pool(w, slots, pool);
	slots_free(slots);
	return err;
}

int bench_world_open(struct bench_world *w)
{
	uint32_t i;
	int err;

	*w = (struct bench_world){
		.pool = {
			[BENCH_100] = { .n_vms = 100,
					.slots_log2 = 14,
					.first_vm = 1 },
			[BENCH_1000] = { .n_vms = 1000,
					 .slots_log2 = 20,
					 .first_vm = 101 },
			[BENCH_100_V6] = { .n_vms = 100,
					   .slots_log2 = 14,
					   .first_vm = 1101,
					   .v6 = true },
		},
	};
	for (i = 0; i < N_BENCH_SIZES; i++)
		w->pool[i].vip = address(&w->pool[i], 0xc633640aU + 10 * i);
	err = maps_create(&limits, &w->maps);
	if (err)
		return err;
	w->mem = maps_memory(&w->maps);
	err = programs_load(&w->maps, &w->programs);
	if (!err)
		err = fill(w);
	return err ? err : make_flows(w);
}

static uint64_t bench_key(const struct bench_world *w, enum bench_size size,
			  uint8_t proto, const struct bench_flow *flow)
{
	struct ip_addr client = bench_client(&w->pool[size], flow);

	return key_balanced(&w->mem.pools[size].seed, AFFINITY_FLOW, &client,
			    flow->port, &w->pool[size].vip,
			    BE16(BENCH_PORT_VIP), proto);
}

uint32_t bench_slot(const struct bench_world *w, enum bench_size size,
		    uint8_t proto, const struct bench_flow *flow)
{
	return slot_of_key(bench_key(w, size, proto, flow),
			   w->mem.pools[size].range);
}

bool bench_moves(uint32_t slot)
{
	return mix(slot ^ 0xa11) % 10 == 0;
}

uint32_t bench_backend(const struct bench_world *w, enum bench_size size,
		       uint8_t proto, const struct bench_flow *flow)
{
	return slot_base(
		w->pool[size].steady[bench_slot(w, size, proto, flow)]);
}

/* An entry; false: its line has no room. */
static bool add_entry(struct flow_line *line, uint64_t key, uint64_t meta)
{
	int i;

	for (i = 0; i < FLOWS_PER_LINE; i++) {
		if (line->entry[i].meta)
			continue;
		line->entry[i].key = key;
		line->entry[i].meta = meta;
		return true;
	}
	return false;
}

static void move_slots(struct bench_world *w, enum bench_size size, bool moving)
{
	const struct bench_pool *b = &w->pool[size];
	uint32_t n_slots = 1U << b->slots_log2;
	uint32_t base;
	uint32_t next;
	uint32_t i;

	for (i = 0; i < n_slots; i++) {
		base = slot_base(b->steady[i]);
		next = b->first_vm + (base - b->first_vm + 1) % b->n_vms;
		*slot_word(w, size, i) =
			moving && bench_moves(i) ?
				slot_make(next, base,
					  SLOT_TRACKED | SLOT_MOVING) :
				b->steady[i];
	}
}

void bench_move(struct bench_world *w, enum bench_size size, uint8_t proto,
		bool moving, const struct bench_flow *flow, uint32_t n_flows)
{
	uint32_t mask = w->mem.node->flow_line_mask;
	uint32_t expiry = now_tick() + IDLE_TICKS;
	uint64_t key;
	uint32_t i;

	move_slots(w, size, moving);
	if (!moving)
		return;
	memset(w->mem.flows, 0, sizeof(*w->mem.flows) * (mask + 1));
	for (i = 0; i < n_flows; i++) {
		if (!bench_moves(bench_slot(w, size, proto, &flow[i])))
			continue;
		key = bench_key(w, size, proto, &flow[i]);
		(void)add_entry(&w->mem.flows[key & mask], key,
				flow_meta((uint16_t)bench_backend(
						  w, size, proto, &flow[i]),
					  1, FLOW_CONFIRMED, expiry));
	}
}

uint32_t bench_ask(struct bench_world *w, enum bench_size size,
		   const struct bench_flow *flow, uint32_t n_flows, bool asked)
{
	uint32_t n_lines = n_flows > DIRECT_LINES ? n_flows : DIRECT_LINES;
	uint32_t expiry = now_tick() + UDP_TICKS;
	uint32_t n_left = 0;
	uint64_t key;
	uint32_t i;

	w->mem.node->direct_line_mask = n_lines - 1;
	memset(w->mem.direct, 0, sizeof(*w->mem.direct) * n_lines);
	for (i = 0; i < n_flows && asked; i++) {
		key = asked_key(bench_key(w, size, IP_PROTO_UDP, &flow[i]),
				BENCH_IFINDEX_VM);
		n_left += !add_entry(&w->mem.direct[key & (n_lines - 1)], key,
				     flow_meta(1, 0, FLOW_UNCONFIRMED, expiry));
	}
	return n_left;
}
