/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small world for the inventory's tests: two hypervisors, a bridge, VMs with
 * short names, time that advances by 1 ms with each thing that happens, and a
 * record of what the inventory told.
 *
 * VM number n has UUID n, MAC 52:54:00:00:00:n, port vnet<n>, tap n + 100.
 */
#ifndef TESTS_UNIT_INV_WORLD_H
#define TESTS_UNIT_INV_WORLD_H

#include "control/inventory.h"

#define WORLD_BRIDGE  10
#define WORLD_TAP     100
#define WORLD_CHANGES 4096
#define WORLD_TEXT    96

struct world_change {
	enum inv_what what;
	uint8_t vm;
	uint64_t at_ns;
	char before[WORLD_TEXT];
	char after[WORLD_TEXT];
	char reason[WORLD_TEXT];
};

struct world {
	struct inv *inv;
	struct inv_hv *a; /* local */
	struct inv_hv *b; /* elsewhere */
	uint64_t now_ns;
	struct world_change changes[WORLD_CHANGES];
	size_t n_changes;
};

/* A world with both hypervisors connected and the bridge there. */
struct world *world_new(void);
void world_free(struct world *world);

/* Forget what was told. */
void world_forget(struct world *world);

/* The first change of a kind since then, or NULL; and how many there are. */
const struct world_change *world_told(const struct world *world,
				      enum inv_what what);
size_t world_count(const struct world *world, enum inv_what what);

/* A VM as a driver would send it, on br0, with tag role=web. */
struct hv_vm *world_vm(uint8_t n, const char *name, enum hv_state state,
		       int run);

/* Events, at the next millisecond. */
void world_read(struct world *world, struct inv_hv *hv, struct hv_vm *vm);
void world_event(struct world *world, struct inv_hv *hv,
		 enum hv_event_type type, uint8_t n, enum hv_end end);
void world_found(struct world *world, struct inv_hv *hv, uint8_t n,
		 const char *ip, enum hv_addr_source source);

/* world_vm() and world_read() in one: state on a hypervisor. */
void world_state(struct world *world, struct inv_hv *hv, uint8_t n,
		 enum hv_state state, int run);

void world_tap(struct world *world, uint8_t n);
void world_tap_gone(struct world *world, uint8_t n);
void world_neigh(struct world *world, uint8_t n, const char *ip);
void world_neigh_gone(struct world *world, const char *ip);

/* The VM, which must be known; and its first address as text, "" if none. */
const struct inv_vm *world_get(const struct world *world, uint8_t n);
const char *world_addr(const struct world *world, uint8_t n);

#endif
