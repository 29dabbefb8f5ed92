// SPDX-License-Identifier: GPL-2.0-only
/*
 * One table says what maps there are; the programs only name them.
 */
#include "dataplane/xdp/maps.h"

#include "dataplane/core/trace.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/**
 * struct map_kind - how a map is made.
 * @n: its entries; the function of the limits below where it is not fixed.
 * @symbol: what the programs call it, if that is not @name.
 */
struct map_kind {
	const char *name;
	enum bpf_map_type type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t (*n_entries)(const struct dp_limits *limits);
	const char *symbol;
};

static uint32_t one(const struct dp_limits *limits)
{
	(void)limits;
	return 1;
}

static uint32_t n_rare_programs(const struct dp_limits *limits)
{
	(void)limits;
	return 2 * N_RARE_KINDS; /* of each family */
}

/* As bpf/port.bpf.c has them. */
static uint32_t n_port_programs(const struct dp_limits *limits)
{
	(void)limits;
	return 13;
}

static uint32_t n_pools(const struct dp_limits *limits)
{
	return limits->n_pools;
}

static uint32_t n_slot_lines(const struct dp_limits *limits)
{
	return limits->n_slots / SLOTS_PER_LINE;
}

static uint32_t n_slots(const struct dp_limits *limits)
{
	return limits->n_slots;
}

static uint32_t n_numbers(const struct dp_limits *limits)
{
	return BACKEND_INFOS(*limits);
}

static uint32_t n_flow_lines(const struct dp_limits *limits)
{
	return limits->n_flows / FLOWS_PER_LINE;
}

static uint32_t n_direct_lines(const struct dp_limits *limits)
{
	return limits->n_direct / FLOWS_PER_LINE;
}

static uint32_t n_frag_lines(const struct dp_limits *limits)
{
	(void)limits;
	return FRAG_LINES;
}

static uint32_t n_service_infos(const struct dp_limits *limits)
{
	return SERVICE_INFOS(*limits);
}

static uint32_t n_service_numbers(const struct dp_limits *limits)
{
	return limits->n_services + 1;
}

/* A VM may serve several ports: four each, and never fewer than services. */
static uint32_t n_ports(const struct dp_limits *limits)
{
	return 4 * limits->n_backends + limits->n_services;
}

/* A VM calls by several addresses: of both families, of several NICs. */
static uint32_t n_clients(const struct dp_limits *limits)
{
	return 4 * limits->n_backends;
}

static uint32_t n_inside_ways(const struct dp_limits *limits)
{
	(void)limits;
	return INSIDE_WAYS;
}

/* Bytes of a ring. */
static uint32_t n_ring(const struct dp_limits *limits)
{
	(void)limits;
	return 256 * 1024;
}

static uint32_t n_reasons(const struct dp_limits *limits)
{
	(void)limits;
	return N_REASON_COUNTS;
}

#define MAPPED(name, value, n)                                      \
	{                                                           \
		name, BPF_MAP_TYPE_ARRAY, 4, sizeof(value), n, NULL \
	}
#define COUNTED(name, value, n)                                            \
	{                                                                  \
		name, BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(value), n, NULL \
	}
#define HASHED(name, key, value, n)                                          \
	{                                                                    \
		name, BPF_MAP_TYPE_HASH, sizeof(key), sizeof(value), n, NULL \
	}

static const struct map_kind kinds[] = {
	[MAP_META] = MAPPED("meta_map", struct memory_meta, one),
	[MAP_NODE] = MAPPED("node_map", struct node, one),
	[MAP_POOL] = MAPPED("pool_map", struct pool, n_pools),
	[MAP_SLOT] = MAPPED("slot_map", struct slot_line, n_slot_lines),
	[MAP_CLOCK] = MAPPED("clock_map", struct slot_clock, n_slots),
	[MAP_BACKEND] = MAPPED("backend_map", struct backend, n_numbers),
	[MAP_FLOW] = MAPPED("flow_map", struct flow_line, n_flow_lines),
	[MAP_DIRECT] = MAPPED("direct_map", struct flow_line, n_direct_lines),
	[MAP_FRAG] = MAPPED("frag_map", struct frag_line, n_frag_lines),
	[MAP_POOL_INFO] = MAPPED("pool_info", struct pool_info, n_pools),
	[MAP_SERVICE_INFO] =
		MAPPED("service_info", struct service_info, n_service_infos),
	[MAP_BACKEND_INFO] =
		MAPPED("backend_info", struct backend_info, n_numbers),
	[MAP_GENERATION] = MAPPED("generation_map", uint32_t, one),
	[MAP_SERVICE] = HASHED("service_map", struct service_key,
			       struct service, n_service_infos),
	[MAP_PORT] = HASHED("port_map", struct port_key, struct port, n_ports),
	[MAP_CLIENT] =
		HASHED("client_map", struct client_key, uint32_t, n_clients),
	[MAP_INSIDE] = { "inside_map", BPF_MAP_TYPE_LRU_HASH,
			 sizeof(struct inside_key), sizeof(struct inside_way),
			 n_inside_ways, NULL },
	[MAP_DEVICE] = { "device_map", BPF_MAP_TYPE_DEVMAP, 4, 4, n_numbers,
			 NULL },
	[MAP_LIMITER] = COUNTED("limiter_map", struct limiter, one),
	[MAP_SERVICE_COUNT] =
		COUNTED("service_count", struct traffic, n_service_numbers),
	[MAP_BACKEND_COUNT] =
		COUNTED("backend_count", struct traffic, n_numbers),
	[MAP_REASON_COUNT] =
		COUNTED("reason_counts", struct reason_count, n_reasons),
	/* Programs of what is seldom. They stay in these as long as they are
	 * pinned: an array that no process has open is emptied. */
	[MAP_LB_RARE] = { "rare_map", BPF_MAP_TYPE_PROG_ARRAY, 4, 4,
			  n_rare_programs, NULL },
	[MAP_PORT_RARE] = { "port_rare_map", BPF_MAP_TYPE_PROG_ARRAY, 4, 4,
			    n_port_programs, NULL },
	/* To the programs it is a variable, which is the cheapest to read. */
	[MAP_TRACE] = { "trace_control", BPF_MAP_TYPE_ARRAY, 4,
			sizeof(struct trace_control), one, ".data.trace" },
	[MAP_TRACE_COUNT] = COUNTED("trace_count", struct trace_count, one),
	[MAP_TRACE_RING] = { "trace_ring", BPF_MAP_TYPE_RINGBUF, 0, 0, n_ring,
			     NULL },
};
_Static_assert(ARRAY_SIZE(kinds) == N_MAPS, "every map has a kind");

/* Values stand so far apart in a mapped array. */
#define VALUE_ALIGN 8

const char *map_name(enum map_id id)
{
	return kinds[id].name;
}

const char *map_symbol(enum map_id id)
{
	return kinds[id].symbol ? kinds[id].symbol : kinds[id].name;
}

static void maps_init(struct maps *maps)
{
	int i;

	*maps = (struct maps){ .copied = false };
	for (i = 0; i < N_MAPS; i++)
		maps->fd[i] = -1;
}

void maps_done(struct maps *maps)
{
	int i;

	for (i = 0; i < N_MAPPED; i++) {
		if (maps->area[i] && maps->copied)
			free(maps->area[i]);
		else if (maps->area[i])
			munmap(maps->area[i], maps->size[i]);
	}
	for (i = 0; i < N_MAPS; i++)
		if (maps->fd[i] >= 0)
			close(maps->fd[i]);
	maps_init(maps);
}

static size_t area_size(enum map_id id, const struct dp_limits *limits)
{
	size_t lines = (kinds[id].value_size + VALUE_ALIGN - 1) / VALUE_ALIGN;

	return lines * VALUE_ALIGN * kinds[id].n_entries(limits);
}

/* Map an open map's values into memory. */
static int area_map(struct maps *maps, enum map_id id, size_t size,
		    enum maps_use use)
{
	void *area;
	void *own;

	area = mmap(NULL, size,
		    PROT_READ | (use == MAPS_WRITE ? PROT_WRITE : 0),
		    MAP_SHARED, maps->fd[id], 0);
	if (area == MAP_FAILED)
		return -errno;
	/* No business of a child's, and fork() would copy its page tables. */
	(void)madvise(area, size, MADV_DONTFORK);
	if (use != MAPS_COPY) {
		maps->area[id] = area;
		maps->size[id] = size;
		return 0;
	}
	/* A whole cache line, as the path's atomics ask for. */
	own = aligned_alloc(64, (size + 63) / 64 * 64);
	if (own)
		memcpy(own, area, size);
	munmap(area, size);
	if (!own)
		return -ENOMEM;
	maps->area[id] = own;
	maps->size[id] = size;
	return 0;
}

static int areas_map(struct maps *maps, const struct dp_limits *limits,
		     enum maps_use use)
{
	int err = 0;
	int i;

	maps->copied = use == MAPS_COPY;
	for (i = 0; i < N_MAPPED && !err; i++)
		if (!maps->area[i])
			err = area_map(maps, (enum map_id)i,
				       area_size((enum map_id)i, limits), use);
	return err;
}

static int map_make(enum map_id id, const struct dp_limits *limits)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	const struct map_kind *kind = &kinds[id];

	if (id < N_MAPPED || id == MAP_TRACE)
		opts.map_flags = BPF_F_MMAPABLE;
	if (kind->type == BPF_MAP_TYPE_HASH)
		opts.map_flags = BPF_F_NO_PREALLOC;
	return bpf_map_create(kind->type, kind->name, kind->key_size,
			      kind->value_size, kind->n_entries(limits), &opts);
}

int maps_create(const struct dp_limits *limits, struct maps *ret_maps)
{
	struct maps maps;
	int err = 0;
	int i;

	maps_init(&maps);
	for (i = 0; i < N_MAPS && !err; i++) {
		maps.fd[i] = map_make((enum map_id)i, limits);
		if (maps.fd[i] < 0)
			err = maps.fd[i];
	}
	if (!err)
		err = areas_map(&maps, limits, MAPS_WRITE);
	if (err) {
		maps_done(&maps);
		return err;
	}
	*ret_maps = maps;
	return 0;
}

static void pin_path(char *ret, size_t size, const char *dir, enum map_id id)
{
	(void)snprintf(ret, size, "%s/%s", dir, kinds[id].name);
}

int maps_pin(const struct maps *maps, const char *dir)
{
	char path[4096];
	int err = 0;
	int i;

	for (i = 0; i < N_MAPS && !err; i++) {
		pin_path(path, sizeof(path), dir, (enum map_id)i);
		err = bpf_obj_pin(maps->fd[i], path);
	}
	return err;
}

/* Make and pin a map that an older state lacks; a reader does without. */
static int map_add(const char *path, enum map_id id, const struct maps *maps,
		   enum maps_use use, int *ret_fd)
{
	const struct memory_meta *meta = maps->area[MAP_META];
	int err;
	int fd;

	if (use != MAPS_WRITE)
		return 0;
	fd = map_make(id, &meta->limits);
	if (fd < 0)
		return fd;
	err = bpf_obj_pin(fd, path);
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* The record that says what the others are. */
static int meta_open(struct maps *maps, enum maps_use use,
		     uint32_t *ret_version)
{
	const struct memory_meta *meta;
	int err;

	maps->copied = use == MAPS_COPY;
	err = area_map(maps, MAP_META, sizeof(*meta), use);
	if (err)
		return err;
	meta = maps->area[MAP_META];
	if (meta->magic != MEMORY_MAGIC)
		return -ENOENT;
	*ret_version = meta->version;
	return meta->version == STATE_VERSION ? 0 : -EUCLEAN;
}

int maps_open(const char *dir, enum maps_use use, struct maps *ret_maps,
	      uint32_t *ret_version)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts);
	const struct memory_meta *meta;
	struct maps maps;
	char path[4096];
	int err = 0;
	int i;

	maps_init(&maps);
	for (i = 0; i < N_MAPS && !err; i++) {
		pin_path(path, sizeof(path), dir, (enum map_id)i);
		maps.fd[i] = bpf_obj_get_opts(path, &opts);
		if (maps.fd[i] == -ENOENT && i >= MAP_TRACE)
			err = map_add(path, (enum map_id)i, &maps, use,
				      &maps.fd[i]);
		else if (maps.fd[i] < 0)
			err = maps.fd[i];
		else if (i == MAP_META)
			err = meta_open(&maps, use, ret_version);
	}
	if (!err) {
		meta = maps.area[MAP_META];
		err = areas_map(&maps, &meta->limits, use);
	}
	if (err) {
		maps_done(&maps);
		return err;
	}
	*ret_maps = maps;
	return 0;
}

struct memory maps_memory(const struct maps *maps)
{
	struct memory memory = {
		.meta = maps->area[MAP_META],
		.node = maps->area[MAP_NODE],
		.pools = maps->area[MAP_POOL],
		.slots = maps->area[MAP_SLOT],
		.clocks = maps->area[MAP_CLOCK],
		.backends = maps->area[MAP_BACKEND],
		.flows = maps->area[MAP_FLOW],
		.direct = maps->area[MAP_DIRECT],
		.pool_info = maps->area[MAP_POOL_INFO],
		.service_info = maps->area[MAP_SERVICE_INFO],
		.backend_info = maps->area[MAP_BACKEND_INFO],
	};

	return memory;
}

uint64_t maps_bytes(const struct dp_limits *limits)
{
	uint64_t n_cpus = (uint64_t)libbpf_num_possible_cpus();
	uint64_t bytes = 0;
	uint64_t size;
	int i;

	for (i = 0; i < N_MAPS; i++) {
		size = area_size((enum map_id)i, limits);
		if (kinds[i].type == BPF_MAP_TYPE_RINGBUF)
			size = kinds[i].n_entries(limits);
		if (kinds[i].type == BPF_MAP_TYPE_PERCPU_ARRAY)
			size *= n_cpus;
		/* Hashes take memory by what is in them. */
		if (kinds[i].type != BPF_MAP_TYPE_HASH)
			bytes += size;
	}
	return bytes;
}
