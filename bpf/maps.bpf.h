/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of the packet path as BPF maps, and the lookups that the core is
 * given to reach them.
 *
 * lb.bpf.c and port.bpf.c are two objects over the same maps: the loader
 * (dataplane/xdp/) makes each map once, by its name here, with the sizes of
 * the configuration; what stands as max_entries is only what compiles. Arrays
 * that user space writes are mapped into it (BPF_F_MMAPABLE).
 */
#ifndef BPF_MAPS_BPF_H
#define BPF_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "dataplane/core/tables.h"

/*
 * Bit of skb->mark that packets carry which the core balanced at TC: they pass
 * the egress hook of the VM's port, as redirects from XDP don't.
 */
#define MARK_BALANCED 0x08000000U

/* The same of answers to clients, for the egress hook of the uplink. */
#define MARK_ANSWER 0x04000000U

#define MAPPED_ARRAY(name, value_type)             \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, 1);            \
		__type(key, uint32_t);             \
		__type(value, value_type);         \
	} name SEC(".maps")

#define COUNTER_ARRAY(name, value_type)                  \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); \
		__uint(max_entries, 1);                  \
		__type(key, uint32_t);                   \
		__type(value, value_type);               \
	} name SEC(".maps")

#define HASH_MAP(name, key_type, value_type)          \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_HASH);      \
		__uint(max_entries, 1);               \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
		__type(key, key_type);                \
		__type(value, value_type);            \
	} name SEC(".maps")

MAPPED_ARRAY(node_map, struct node);
MAPPED_ARRAY(pool_map, struct pool);
MAPPED_ARRAY(slot_map, struct slot_line);
MAPPED_ARRAY(clock_map, struct slot_clock);
MAPPED_ARRAY(backend_map, struct backend);
MAPPED_ARRAY(flow_map, struct flow_line);
MAPPED_ARRAY(direct_map, struct flow_line);
MAPPED_ARRAY(frag_map, struct frag_line);
MAPPED_ARRAY(generation_map, uint32_t);
HASH_MAP(service_map, struct service_key, struct service);
HASH_MAP(port_map, struct port_key, struct port);
HASH_MAP(client_map, struct client_key, uint32_t);

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct inside_key);
	__type(value, struct inside_way);
} inside_map SEC(".maps");

COUNTER_ARRAY(limiter_map, struct limiter);
COUNTER_ARRAY(service_count, struct traffic);
COUNTER_ARRAY(backend_count, struct traffic);
COUNTER_ARRAY(reason_counts, struct reason_count);

static ALWAYS_INLINE const struct node *bpf_node(void *e)
{
	const uint32_t only = 0;

	(void)e;
	return bpf_map_lookup_elem(&node_map, &only);
}

static ALWAYS_INLINE const struct service *
bpf_service(void *e, const struct service_key *k)
{
	(void)e;
	return bpf_map_lookup_elem(&service_map, k);
}

static ALWAYS_INLINE const struct port *bpf_port(void *e,
						 const struct port_key *k)
{
	(void)e;
	return bpf_map_lookup_elem(&port_map, k);
}

static ALWAYS_INLINE bool bpf_client(void *e, const struct client_key *k)
{
	(void)e;
	return bpf_map_lookup_elem(&client_map, k);
}

static ALWAYS_INLINE struct inside_way *
bpf_inside_way(void *e, const struct inside_key *k)
{
	(void)e;
	return bpf_map_lookup_elem(&inside_map, k);
}

static ALWAYS_INLINE int bpf_inside_note(void *e, const struct inside_key *k,
					 const struct inside_way *way)
{
	(void)e;
	return (int)bpf_map_update_elem(&inside_map, k, way, BPF_ANY);
}

static ALWAYS_INLINE struct limiter *bpf_limiter(void *e)
{
	const uint32_t only = 0;

	(void)e;
	return bpf_map_lookup_elem(&limiter_map, &only);
}

static ALWAYS_INLINE uint64_t bpf_now_ns(void *e)
{
	(void)e;
	return bpf_ktime_get_ns();
}

#define LOOKUP(name, type, map)                                  \
	static ALWAYS_INLINE type *name(void *e, uint32_t index) \
	{                                                        \
		(void)e;                                         \
		return bpf_map_lookup_elem(&(map), &index);      \
	}

LOOKUP(bpf_pool, const struct pool, pool_map)
LOOKUP(bpf_slot_line, const struct slot_line, slot_map)
LOOKUP(bpf_backend, const struct backend, backend_map)
LOOKUP(bpf_flow_line, struct flow_line, flow_map)
LOOKUP(bpf_direct_line, struct flow_line, direct_map)
LOOKUP(bpf_frag_line, struct frag_line, frag_map)
LOOKUP(bpf_slot_clock, struct slot_clock, clock_map)
LOOKUP(bpf_service_traffic, struct traffic, service_count)
LOOKUP(bpf_backend_traffic, struct traffic, backend_count)
LOOKUP(bpf_reason_count, struct reason_count, reason_counts)

/* Lookups of struct tables that every program has the same. */
#define BPF_TABLES                                                            \
	.node = bpf_node, .pool = bpf_pool, .slot_line = bpf_slot_line,       \
	.slot_clock = bpf_slot_clock, .backend = bpf_backend,                 \
	.flow_line = bpf_flow_line, .direct_line = bpf_direct_line,           \
	.frag_line = bpf_frag_line, .port = bpf_port, .limiter = bpf_limiter, \
	.service_traffic = bpf_service_traffic,                               \
	.backend_traffic = bpf_backend_traffic,                               \
	.reason_count = bpf_reason_count, .now_ns = bpf_now_ns,               \
	.client = bpf_client, .inside_way = bpf_inside_way,                   \
	.inside_note = bpf_inside_note

#endif
