/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What publish*.c, status.c and explain.c share; not for others.
 */
#ifndef DATAPLANE_PUBLISH_STATE_H
#define DATAPLANE_PUBLISH_STATE_H

#include "dataplane/publish.h"
#include "dataplane/slots.h"

#define NS_PER_MS 1000000ULL

/* After this long nobody reads what a packet could still have had in hand. */
#define PUBLISH_GRACE_NS (1000 * NS_PER_MS)

/* Between two passes over the flow table, and two looks at the counters. */
#define PUBLISH_ROUND_NS (1000 * NS_PER_MS)

#define NO_POOL UINT32_MAX

/**
 * struct pool_plan - what a pool's slots were last made to look like.
 * @shares: @n_shares of them, as slots_apply() got them.
 * @held: @n_held numbers, the same.
 * @applied: they are in force.
 * @n_left: slots whose move waits for room in the flow table.
 * @applied_ns: when that was last tried.
 */
struct pool_plan {
	struct slots_share *shares;
	uint32_t n_shares;
	uint16_t *held;
	uint32_t n_held;
	bool applied;
	uint32_t n_left;
	uint64_t applied_ns;
};

/**
 * struct clients - who may call VIPs: @n keys, by port and address.
 */
struct clients {
	struct client_key *key;
	uint32_t n;
};

/**
 * struct publish - see publish.h.
 * @m, @ops, @e: the engine's.
 * @slots: table building on @m's slots.
 * @plans: one a pool number.
 * @wanted: backend numbers that the apply under way has met.
 * @index: numbers in force by pool and UUID, 0 where none is; of @index_size.
 * @swept_ns: end of the last pass over the flow table.
 * @sweeping: one is under way.
 * @looked_ns: the last look at all counters.
 * @clients: in force.
 * @uplinks_on: programs beside XDP are at the uplinks.
 * @result: of the apply under way, else NULL.
 */
struct publish {
	struct memory m;
	struct engine_ops ops;
	void *e;
	struct slots *slots;
	struct pool_plan *plans;
	bool *wanted;
	uint64_t swept_ns;
	bool sweeping;
	uint64_t looked_ns;
	uint16_t *index;
	uint32_t index_size;
	struct clients clients;
	bool uplinks_on;
	struct dp_result *result;
};

/* A store or call that others can see is done. */
static inline void wrote(struct publish *p)
{
	if (p->ops.wrote)
		p->ops.wrote(p->e);
}

/* Store a state word behind all that belongs to it. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the store is a builtin */
static inline void state_set(struct publish *p, uint32_t *state,
			     enum number_state value)
{
	__atomic_store_n(state, (uint32_t)value, __ATOMIC_RELEASE);
	wrote(p);
}

/* Copy a name into a field of DP_NAME_SIZE; NULL is "". */
void name_copy(char *ret, const char *name);

/* Note the first thing that failed: "what: error text". */
void result_fail(struct publish *p, int err, const char *what,
		 const char *name);

/* publish_pool.c */

/* The number of a pool in force by its name, or NO_POOL. */
uint32_t pool_number(const struct publish *p, const char *name);

/* Give a pool its number, or bring its record up to date. */
MUST_CHECK int pool_put(struct publish *p, const struct dp_pool *pool,
			uint32_t claim_ticks, uint64_t now_ns,
			uint32_t *ret_number);

/* Take out of force what the snapshot leaves out; its VMs and services have
 * begun to go. */
void pools_drop_unwanted(struct publish *p, const struct dp_snapshot *snapshot,
			 uint64_t now_ns);

/* Go on with what retires; returns when it wants to be called next. */
uint64_t pools_tick(struct publish *p, uint64_t now_ns);

void pool_plan_done(struct pool_plan *plan);

/**
 * pool_replan() - give the VMs that may serve their slots.
 * @ret_next_ns: lowered to when a VM that learns is ready.
 */
MUST_CHECK int pool_replan(struct publish *p, uint32_t number, uint64_t now_ns,
			   uint64_t *ret_next_ns);

/* publish_index.c */
MUST_CHECK int index_new(struct publish *p);

/* Find all numbers in force anew, at the beginning of a publish. */
void index_make(struct publish *p);

/* One more is in force. At most all of them are added in one publish, once. */
void index_add(struct publish *p, uint16_t number);

/* The number of a VM of a pool, or BACKEND_NONE; not of one that retires. */
uint16_t backend_number(const struct publish *p, uint32_t pool,
			const uint8_t *uuid);

/* publish_backend.c */

/* Give a VM its number, or bring its record, port and books up to date. */
MUST_CHECK int backend_put(struct publish *p, uint32_t pool,
			   const struct dp_backend *backend, uint64_t now_ns,
			   uint16_t *ret_number);

/* Take a VM out of the tables at once. */
void backend_retire(struct publish *p, uint16_t number, uint64_t now_ns);

/* Go on with what retires; returns when it wants to be called next. */
uint64_t backends_tick(struct publish *p, uint64_t now_ns);

/* Let a VM's port learn (again), or answer balanced flows. */
void backend_learn(struct publish *p, uint16_t number, uint64_t now_ns);
MUST_CHECK int backend_answer(struct publish *p, uint16_t number);

/* When a VM's port has learned enough for its first slot. */
uint64_t backend_ready_ns(const struct publish *p, uint16_t number);

/* After a kill: device, mapping and programs of a number in force. */
void backend_restore(struct publish *p, uint16_t number);

/* Look at the counters: estimate of flows, when it was last active. */
void backend_look(struct publish *p, uint16_t number, uint64_t now_ns);

/* Programs of a port that nobody needs any more come off. */
void port_let_go(struct publish *p, uint32_t ifindex);

/* publish_inside.c: clients inside */

/* Make them those of a snapshot. 0, or -ENOMEM with nothing changed. */
MUST_CHECK int inside_put(struct publish *p,
			  const struct dp_snapshot *snapshot);

/* Is a client at this port? */
bool inside_keeps_port(const struct publish *p, uint32_t ifindex);

/* A port is gone, and its clients with it. */
void inside_port_lost(struct publish *p, uint32_t ifindex);

/* Read back who they are; then put the programs of this process at their ports. */
MUST_CHECK int inside_restore(struct publish *p);
void inside_attach(struct publish *p);

/* publish_host.c: beside the host's own rules */

/* Programs at the uplinks and the bridge that a record needs. */
MUST_CHECK int host_up(struct publish *p, const struct backend_record *record);

/* Programs of a bridge that no VM's packets take any more come off. */
void host_let_go(struct publish *p, uint32_t bridge);

/* Programs at the uplinks: there if and only if something needs them. */
MUST_CHECK int host_settle(struct publish *p);

/* publish_port.c: the reverse mapping */

/**
 * ports_put() - map every service of its pool at a VM's port.
 * @record: where the VM is.
 * @learning: nothing is rewritten yet.
 *
 * Return: 0, -EEXIST (another VM or service has the address and port), or the
 * engine's error.
 */
MUST_CHECK int ports_put(struct publish *p, uint16_t number,
			 const struct backend_record *record, bool learning);

/* Take back what a number has mapped at an address and port, but for what a
 * record that is to be kept has there, too (NULL: none). */
void ports_drop(struct publish *p, uint16_t number,
		const struct backend_record *record,
		const struct backend_record *keep);

/* Take back what a service has mapped, at every VM's port. */
void ports_drop_service(struct publish *p, uint32_t service);

/* After a kill: take back what no number in force stands behind. */
void ports_restore(struct publish *p);

/* publish_service.c */

/* Make services and VIPs so; first what goes, then what comes. */
void services_drop_unwanted(struct publish *p,
			    const struct dp_snapshot *snapshot,
			    const uint32_t *pool_numbers, uint64_t now_ns);
MUST_CHECK int services_put(struct publish *p,
			    const struct dp_snapshot *snapshot,
			    const uint32_t *pool_numbers, uint64_t now_ns);

/* Go on with what waits or retires; returns when it wants to be called. */
uint64_t services_tick(struct publish *p, uint64_t now_ns);

/* After a kill: the engine's table of services is what the books say. */
void services_restore(struct publish *p, uint64_t now_ns);

/* The record in force of a number that has one. */
static inline const struct backend_record *record_of(const struct publish *p,
						     uint16_t number)
{
	const struct backend *b = &p->m.backends[number];

	return READ_ONCE(b->word) & BACKEND_COPY ? &b->copy[1] : &b->copy[0];
}

#endif
