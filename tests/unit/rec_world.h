/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world of reconcile's tests: the real config parser, inventory, wishes and
 * store; only the clock is ours.
 */
#ifndef TESTS_UNIT_REC_WORLD_H
#define TESTS_UNIT_REC_WORLD_H

#include "control/reconcile.h"
#include "control/store.h"

#define SECOND_NS 1000000000ULL

/* Tenant shop with pools web and api, a service of each on its own port. */
extern const char rec_config[];

/**
 * struct rec_world - what is told, and what came of it.
 * @without_address, @addr_shift, @with_v6, @filtered, @ovs: of VMs told from now
 *	on: none but those of IPv6; IPv4 addresses; one of IPv6 beside it; rules
 *	of the host's own at the port; a port of Open vSwitch.
 * @last_change, @n_changes: told by hooks, as @n_pool_changes and @last_pool;
 * @n_drained: so often it was "drained".
 */
struct rec_world {
	char dir[32];
	struct conf *conf;
	struct store *store;
	struct wishes *wishes;
	struct inv *inv;
	struct inv_hv *hv;
	struct rec *rec;
	const struct dp_snapshot *snapshot;
	uint64_t wake_ns;
	uint64_t now_ns;
	uint64_t now_ms;
	bool without_address;
	int addr_shift;
	bool with_v6;
	bool filtered;
	bool ovs;
	int n_changes;
	char last_change[64];
	int n_drained;
	int n_pool_changes;
	char last_pool[160];
};

/* For cmocka. */
int setup(void **state);
int teardown(void **state);

/* Another config is in force, and reconcile has run. */
void load(struct rec_world *f, const char *text);
void reloaded(struct rec_world *f);

void tell(struct rec_world *f, struct hv_event *event);

/* Borrowed until the next call. */
uint8_t *uuid_of(int n);

/* VM n: web-n on tap vnetN with number 10 + n, at 10.0.0.n and 2001:db8:1::n. */
void vm_is(struct rec_world *f, int n, const char *role,
	   enum hv_state vm_state);
void probe_says(struct rec_world *f, int n, enum health_state state);
void run(struct rec_world *f);

/* Its first member; fails if it has none. */
struct rec_member *member(struct rec_world *f, int n);

/* In the snapshot, in whichever pool. */
const struct dp_backend *find_backend(const struct rec_world *f, int n);
const struct dp_backend *backend(const struct rec_world *f, int n);

/* The tables name these VMs in shop/web now, with slots. */
void tables_name(struct rec_world *f, int first, int last);

/* It has a number in shop/web, but neither slot nor flow. */
void tables_name_idle(struct rec_world *f, int n);

#endif
