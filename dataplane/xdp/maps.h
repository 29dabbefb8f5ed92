/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF maps of a node: made, pinned, found again, mapped into memory.
 */
#ifndef DATAPLANE_XDP_MAPS_H
#define DATAPLANE_XDP_MAPS_H

#include "dataplane/memory.h"

/* In the order in which they are made; the first is pinned first and says
 * whether the others are whole. */
enum map_id {
	MAP_META,
	MAP_NODE,
	MAP_POOL,
	MAP_SLOT,
	MAP_CLOCK,
	MAP_BACKEND,
	MAP_FLOW,
	MAP_DIRECT,
	MAP_FRAG,
	MAP_POOL_INFO,
	MAP_SERVICE_INFO,
	MAP_BACKEND_INFO,
	MAP_GENERATION,
	N_MAPPED, /* those above are mapped into memory */
	MAP_SERVICE = N_MAPPED,
	MAP_PORT,
	MAP_CLIENT,
	MAP_INSIDE,
	MAP_DEVICE,
	MAP_LIMITER,
	MAP_SERVICE_COUNT,
	MAP_BACKEND_COUNT,
	MAP_REASON_COUNT,
	MAP_LB_RARE,
	MAP_PORT_RARE,
	/* Those below hold nothing that has to last: an older state may lack
	 * them, and gets them from the daemon that finds it. */
	MAP_TRACE,
	MAP_TRACE_COUNT,
	MAP_TRACE_RING,
	N_MAPS,
};

/**
 * struct maps - every map of a node.
 * @fd: -1 = not open; of those that an older state lacks, for a reader.
 * @area: mapped, or a private copy (@copied).
 * @size: of @area.
 */
struct maps {
	int fd[N_MAPS];
	void *area[N_MAPPED];
	size_t size[N_MAPPED];
	bool copied;
};

/* Name of a map: in the kernel, and of its pin. */
const char *map_name(enum map_id id);

/* Its name in the programs. */
const char *map_symbol(enum map_id id);

/**
 * maps_create() - make empty maps; nothing is pinned.
 *
 * Return: 0 or -errno.
 */
MUST_CHECK int maps_create(const struct dp_limits *limits,
			   struct maps *ret_maps);

/* Pin all maps in a directory, which is there. */
MUST_CHECK int maps_pin(const struct maps *maps, const char *dir);

/* What open maps are for. */
enum maps_use {
	MAPS_WRITE, /* the values in force, to be changed */
	MAPS_READ,  /* the values in force */
	MAPS_COPY,  /* private copies of the values as they are now */
};

/**
 * maps_open() - find pinned maps.
 * @use: what for.
 *
 * Return: 0; -ENOENT: none, or not whole; -EUCLEAN: of another version, with
 * @ret_version saying which.
 */
MUST_CHECK int maps_open(const char *dir, enum maps_use use,
			 struct maps *ret_maps, uint32_t *ret_version);

/* Close and unmap; what is pinned stays. */
void maps_done(struct maps *maps);

/* The mapped areas by their types. */
struct memory maps_memory(const struct maps *maps);

/* Bytes that the maps take, all CPUs' counters included. */
uint64_t maps_bytes(const struct dp_limits *limits);

#endif
