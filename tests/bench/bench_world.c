// SPDX-License-Identifier: GPL-2.0-only
#include "tests/bench/bench_world.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/core/key.h"
#include "dataplane/core/parse.h"
#include "dataplane/core/flow.h"
#include "dataplane/slots.h"

#define N_VMS_ALL  1100
#define IDLE_TICKS TICKS_OF_MS(350000)

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
	.n_services = 4,
	.n_pools = N_BENCH_SIZES,
	.n_slots = 1 << 21,
	.n_flows = 1 << 19,
	.n_direct = 1 << 16,
};

static int put(const struct bench_world *w, enum map_id id, const void *key,
	       const void *value)
{
	return bpf_map_update_elem(w->maps.fd[id], key, value, BPF_ANY);
}

static int add_vm(struct bench_world *w, uint32_t pool, uint32_t number)
{
	const uint32_t ifindex = BENCH_IFINDEX_VM;
	struct backend *b = &w->mem.backends[number];
	struct port_key key = { .ifindex = ifindex,
				.port = BE16(BENCH_PORT_VM),
				.proto = IP_PROTO_TCP };
	struct port port = { .vip = ip_from_v4(BE32(w->pool[pool].vip)),
			     .vip_port = BE16(BENCH_PORT_VIP),
			     .backend = (uint16_t)number,
			     .service = pool + 1,
			     .pool = pool };
	int err;

	key.addr = ip_from_v4(BE32(0x0a090000U + number));
	b->copy[0] = (struct backend_record){
		.addr = key.addr,
		.ifindex = ifindex,
		.pool = pool,
		.dst_mac = { 2, 0, 0, 9, (uint8_t)(number >> 8),
			     (uint8_t)number },
		.src_mac = { 2, 0, 0, 8, 0, 1 },
	};
	b->word = BACKEND_WORD(1, BACKEND_LIVE);
	err = put(w, MAP_DEVICE, &number, &ifindex);
	return err ? err : put(w, MAP_PORT, &key, &port);
}

static int add_service(const struct bench_world *w, uint32_t pool)
{
	struct service_key key = { .vip = ip_from_v4(BE32(w->pool[pool].vip)) };
	struct service vip = { .flags = SERVICE_VIP };
	struct service service = { .number = pool + 1,
				   .pool = pool,
				   .target_port = BE16(BENCH_PORT_VM) };
	int err = put(w, MAP_SERVICE, &key, &vip);

	key.port = BE16(BENCH_PORT_VIP);
	key.proto = IP_PROTO_TCP;
	return err ? err : put(w, MAP_SERVICE, &key, &service);
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
		.udp_idle_ticks = TICKS_OF_MS(30000),
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
	return err ? err : add_service(w, pool);
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
		.direct_line_mask = limits.n_direct / FLOWS_PER_LINE - 1,
		.uplinks = { { .ifindex = 900 } },
	};
	for (pool = 0; pool < N_BENCH_SIZES && !err; pool++)
		err = add_pool(w, slots, pool);
	slots_free(slots);
	return err;
}

int bench_world_open(struct bench_world *w)
{
	int err;

	*w = (struct bench_world){
		.pool = {
			[BENCH_100] = { 100, 14, 1, 0xc633640aU, NULL },
			[BENCH_1000] = { 1000, 20, 101, 0xc6336414U, NULL },
		},
	};
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
			  const struct bench_flow *flow)
{
	struct ip_addr client = ip_from_v4(flow->addr);
	struct ip_addr vip = ip_from_v4(BE32(w->pool[size].vip));

	return key_balanced(&w->mem.pools[size].seed, AFFINITY_FLOW, &client,
			    flow->port, &vip, BE16(BENCH_PORT_VIP),
			    IP_PROTO_TCP);
}

uint32_t bench_slot(const struct bench_world *w, enum bench_size size,
		    const struct bench_flow *flow)
{
	return slot_of_key(bench_key(w, size, flow), w->mem.pools[size].range);
}

bool bench_moves(uint32_t slot)
{
	return mix(slot ^ 0xa11) % 10 == 0;
}

uint32_t bench_backend(const struct bench_world *w, enum bench_size size,
		       const struct bench_flow *flow)
{
	return slot_base(w->pool[size].steady[bench_slot(w, size, flow)]);
}

/* An established flow's entry, if its line has room. */
static void add_entry(struct bench_world *w, uint64_t key, uint16_t backend)
{
	struct flow_line *line =
		&w->mem.flows[key & w->mem.node->flow_line_mask];
	int i;

	for (i = 0; i < FLOWS_PER_LINE; i++) {
		if (line->entry[i].meta)
			continue;
		line->entry[i].key = key;
		line->entry[i].meta = flow_meta(backend, 1, FLOW_CONFIRMED,
						now_tick() + IDLE_TICKS);
		return;
	}
}

void bench_move(struct bench_world *w, enum bench_size size, bool moving,
		const struct bench_flow *flow, uint32_t n_flows)
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
	if (!moving)
		return;
	memset(w->mem.flows, 0,
	       sizeof(*w->mem.flows) * (w->mem.node->flow_line_mask + 1));
	for (i = 0; i < n_flows; i++)
		if (bench_moves(bench_slot(w, size, &flow[i])))
			add_entry(w, bench_key(w, size, &flow[i]),
				  (uint16_t)bench_backend(w, size, &flow[i]));
}
