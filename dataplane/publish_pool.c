// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools: numbers, records, and the plan of who has which share of the slots.
 */
#include "dataplane/publish_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint32_t pool_number(const struct publish *p, const char *name)
{
	const struct pool_info *info;
	uint32_t i;

	for (i = 0; i < p->m.meta->limits.n_pools; i++) {
		info = &p->m.pool_info[i];
		if ((info->state == NUMBER_IN_FORCE ||
		     info->state == NUMBER_RETIRING) &&
		    !strncmp(info->name, name, sizeof(info->name)))
			return i;
	}
	return NO_POOL;
}

/* What may change in a record that is in force, each in one store. */
static void record_update(struct pool *record, const struct dp_pool *pool)
{
	WRITE_ONCE(record->idle_ticks, TICKS_OF_MS(pool->idle_timeout_ms));
	WRITE_ONCE(record->udp_idle_ticks, TICKS_OF_MS(pool->udp_idle_ms));
	WRITE_ONCE(record->affinity, (uint8_t)pool->affinity);
	WRITE_ONCE(record->when_empty, (uint8_t)pool->when_empty);
}

static uint32_t pool_free_number(const struct publish *p)
{
	uint32_t i;

	for (i = 0; i < p->m.meta->limits.n_pools; i++)
		if (p->m.pool_info[i].state == NUMBER_FREE)
			return i;
	return NO_POOL;
}

int pool_put(struct publish *p, const struct dp_pool *pool,
	     uint32_t claim_ticks, uint64_t now_ns, uint32_t *ret_number)
{
	uint32_t number = pool_number(p, pool->name);
	uint32_t n_backends = pool->max_backends;
	struct pool_info *info;
	struct pool *record;
	int err = 0;

	if (n_backends < pool->n_backends)
		n_backends = pool->n_backends;
	if (number == NO_POOL) {
		number = pool_free_number(p);
		if (number == NO_POOL)
			return -ENOSPC;
		info = &p->m.pool_info[number];
		record = &p->m.pools[number];
		*record = (struct pool){ .seed = pool->seed };
		name_copy(info->name, pool->name);
		info->slots_log2 = slots_log2_for(n_backends);
		wrote(p);
	}
	info = &p->m.pool_info[number];
	record = &p->m.pools[number];
	/* A seed stays: another one would move every flow. */
	record_update(record, pool);
	WRITE_ONCE(record->claim_ticks, claim_ticks);
	if (slots_log2_for(n_backends) > info->slots_log2) {
		if (record->range)
			err = slots_grow(p->slots, number,
					 slots_log2_for(n_backends),
					 TICKS_OF_NS(now_ns));
		if (!err)
			info->slots_log2 = slots_log2_for(n_backends);
	}
	if (info->state != NUMBER_IN_FORCE) {
		info->since_ns = now_ns;
		state_set(p, &info->state, NUMBER_IN_FORCE);
	}
	*ret_number = number;
	return err;
}

void pools_drop_unwanted(struct publish *p, const struct dp_snapshot *snapshot,
			 uint64_t now_ns)
{
	struct pool_info *info;
	uint32_t i;
	uint32_t k;

	for (i = 0; i < p->m.meta->limits.n_pools; i++) {
		info = &p->m.pool_info[i];
		if (info->state != NUMBER_IN_FORCE)
			continue;
		for (k = 0; k < snapshot->n_pools; k++)
			if (!strncmp(info->name, snapshot->pools[k].name,
				     sizeof(info->name)))
				break;
		if (k < snapshot->n_pools)
			continue;
		info->since_ns = now_ns;
		state_set(p, &info->state, NUMBER_RETIRING);
	}
}

static bool pool_used(const struct publish *p, uint32_t number)
{
	const struct service_info *service;
	const struct backend_info *backend;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++) {
		backend = &p->m.backend_info[i];
		if (backend->state != NUMBER_FREE && backend->pool == number)
			return true;
	}
	for (i = 1; i <= p->m.meta->limits.n_services; i++) {
		service = &p->m.service_info[i];
		if (service->state != NUMBER_FREE &&
		    service->value.pool == number)
			return true;
	}
	return false;
}

uint64_t pools_tick(struct publish *p, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;
	struct pool_info *info;
	uint32_t i;

	for (i = 0; i < p->m.meta->limits.n_pools; i++) {
		info = &p->m.pool_info[i];
		if (info->state != NUMBER_RETIRING)
			continue;
		if (now_ns < info->since_ns + PUBLISH_GRACE_NS ||
		    pool_used(p, i)) {
			next_ns = now_ns + PUBLISH_ROUND_NS;
			continue;
		}
		slots_remove(p->slots, i, TICKS_OF_NS(now_ns));
		wrote(p);
		pool_plan_done(&p->plans[i]);
		state_set(p, &info->state, NUMBER_FREE);
	}
	return next_ns;
}

/* A share's place in the first table follows from the VM, not its number. */
static uint64_t share_id(const struct publish *p, uint32_t pool,
			 const uint8_t *uuid)
{
	uint64_t word[DP_UUID_SIZE / sizeof(uint64_t)];

	memcpy(word, uuid, sizeof(word));
	return hash_words(&p->m.pools[pool].seed, word, ARRAY_SIZE(word));
}

/* May a VM take new flows now? @ret_next_ns: else when to ask again. */
static bool may_serve(const struct publish *p, uint16_t number, uint64_t now_ns,
		      uint64_t *ret_next_ns)
{
	const struct backend_info *info = &p->m.backend_info[number];
	uint64_t ready_ns;

	if (info->role != DP_SERVING || !info->weight || !info->attached)
		return false;
	if (!info->learning_ns)
		return true;
	ready_ns = backend_ready_ns(p, number);
	if (now_ns >= ready_ns)
		return true;
	if (ready_ns < *ret_next_ns)
		*ret_next_ns = ready_ns;
	return false;
}

/* Who takes new flows; their ports stop learning, which comes before slots. */
static void plan_shares(struct publish *p, uint32_t number, uint64_t now_ns,
			struct pool_plan *plan, uint64_t *ret_next_ns)
{
	const struct backend_info *info;
	struct slots_share *share;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++) {
		info = &p->m.backend_info[i];
		if (info->state != NUMBER_IN_FORCE || info->pool != number)
			continue;
		if (info->role == DP_HELD)
			plan->held[plan->n_held++] = (uint16_t)i;
		if (!may_serve(p, (uint16_t)i, now_ns, ret_next_ns) ||
		    backend_answer(p, (uint16_t)i))
			continue;
		share = &plan->shares[plan->n_shares++];
		share->id = share_id(p, number, info->uuid);
		share->weight = info->weight;
		share->backend = (uint16_t)i;
	}
}

void pool_plan_done(struct pool_plan *plan)
{
	free(plan->shares);
	free(plan->held);
	*plan = (struct pool_plan){ .applied = false };
}

static bool plan_same(const struct pool_plan *a, const struct pool_plan *b)
{
	return a->n_shares == b->n_shares && a->n_held == b->n_held &&
	       !memcmp(a->shares, b->shares,
		       a->n_shares * sizeof(*a->shares)) &&
	       !memcmp(a->held, b->held, a->n_held * sizeof(*a->held));
}

/*
 * How many slots of a pool may be marked, so that the entries of their flows
 * fit; 0 = all. Half of the table, since lines of four do not fill evenly.
 */
static uint32_t marked_limit(const struct publish *p, uint32_t number)
{
	uint64_t n_entries = p->m.meta->limits.n_flows / 2;
	uint64_t n_slots = 1ULL << p->m.pool_info[number].slots_log2;
	const struct backend_info *info;
	uint64_t n_flows = 0;
	uint64_t limit;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++) {
		info = &p->m.backend_info[i];
		if (info->state == NUMBER_IN_FORCE)
			n_flows += info->estimate.flows / ESTIMATE_ONE;
	}
	if (n_flows <= n_entries)
		return 0;
	limit = n_slots * n_entries / n_flows;
	return limit ? (uint32_t)limit : 1;
}

static int plan_apply(struct publish *p, uint32_t number,
		      struct pool_plan *wanted, uint64_t now_ns)
{
	struct slots_plan plan = { .shares = wanted->shares,
				   .n_shares = wanted->n_shares,
				   .held = wanted->held,
				   .n_held = wanted->n_held,
				   .max_marked = marked_limit(p, number) };
	uint32_t slots_log2 = p->m.pool_info[number].slots_log2;
	uint32_t now_tick = TICKS_OF_NS(now_ns);
	struct slots_moved moved = { .n_moved = 0 };
	int err;

	if (p->m.pools[number].range) {
		err = slots_apply(p->slots, number, &plan, now_tick, &moved);
	} else if (plan.n_shares) {
		err = slots_create(p->slots, number, slots_log2, plan.shares,
				   plan.n_shares, now_tick);
		moved.n_moved = 1U << slots_log2;
	} else {
		return 0;
	}
	wrote(p);
	wanted->n_left = moved.n_left;
	if (!err && p->result)
		p->result->n_slots_moved += moved.n_moved;
	return err;
}

int pool_replan(struct publish *p, uint32_t number, uint64_t now_ns,
		uint64_t *ret_next_ns)
{
	uint32_t n_backends = p->m.meta->limits.n_backends;
	struct pool_plan *plan = &p->plans[number];
	struct pool_plan wanted = { .applied = false };
	int err = 0;

	wanted.shares = calloc(n_backends, sizeof(*wanted.shares));
	wanted.held = calloc(n_backends, sizeof(*wanted.held));
	if (!wanted.shares || !wanted.held) {
		pool_plan_done(&wanted);
		return -ENOMEM;
	}
	plan_shares(p, number, now_ns, &wanted, ret_next_ns);
	if (plan->applied && plan_same(plan, &wanted) &&
	    (!plan->n_left || now_ns < plan->applied_ns + PUBLISH_ROUND_NS)) {
		pool_plan_done(&wanted);
	} else {
		err = plan_apply(p, number, &wanted, now_ns);
		wanted.applied = !err;
		wanted.applied_ns = now_ns;
		pool_plan_done(plan);
		*plan = wanted;
	}
	if (plan->n_left && plan->applied_ns + PUBLISH_ROUND_NS < *ret_next_ns)
		*ret_next_ns = plan->applied_ns + PUBLISH_ROUND_NS;
	return err;
}
