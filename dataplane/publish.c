// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of a publish, what goes on between publishes, and how to go on
 * after a kill. What each step does is in publish_pool.c, publish_service.c,
 * publish_backend.c and publish_port.c.
 */
#include "dataplane/publish_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines of the flow table that one tick looks through: some 100 us. */
#define SWEEP_LINES 2048

void name_copy(char *ret, const char *name)
{
	(void)snprintf(ret, DP_NAME_SIZE, "%s", name ? name : "");
}

void result_fail(struct publish *p, int err, const char *what, const char *name)
{
	if (!p->result || p->result->error[0])
		return;
	(void)snprintf(p->result->error, sizeof(p->result->error),
		       "%s%s%s%s: %s", what, name ? " \"" : "",
		       name ? name : "", name ? "\"" : "", strerror(-err));
}

/* Begin with what was under way when the last process ended. */
static void restore(struct publish *p, uint64_t now_ns)
{
	const struct dp_limits *limits = &p->m.meta->limits;
	uint32_t state;
	uint32_t i;

	services_restore(p, now_ns);
	for (i = 1; i <= limits->n_backends; i++) {
		state = p->m.backend_info[i].state;
		if (state == NUMBER_PREPARING || state == NUMBER_RETIRING)
			backend_retire(p, (uint16_t)i, now_ns);
	}
	for (i = 1; i <= limits->n_backends; i++)
		if (p->m.backend_info[i].state == NUMBER_IN_FORCE)
			backend_restore(p, (uint16_t)i);
	ports_restore(p);
	inside_attach(p);
}

static int tables_open(struct publish *p, uint64_t now_ns)
{
	const struct dp_limits *limits = &p->m.meta->limits;
	struct slots_tables tables = {
		.lines = p->m.slots,
		.n_lines = limits->n_slots / SLOTS_PER_LINE,
		.clocks = p->m.clocks,
		.flows = p->m.flows,
		.n_flow_lines = limits->n_flows / FLOWS_PER_LINE,
		.backends = p->m.backends,
		.n_backends = limits->n_backends,
		.pools = p->m.pools,
		.n_pools = limits->n_pools,
	};

	p->plans = calloc(limits->n_pools + 1ULL, sizeof(*p->plans));
	p->wanted = calloc(limits->n_backends + 1ULL, sizeof(*p->wanted));
	if (!p->plans || !p->wanted || index_new(p))
		return -ENOMEM;
	return slots_open(&tables, TICKS_OF_NS(now_ns), &p->slots);
}

int publish_open(const struct memory *memory, const struct engine_ops *ops,
		 void *e, enum publish_use use, uint64_t now_ns,
		 struct publish **ret_publish)
{
	struct publish *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->m = *memory;
	p->ops = *ops;
	p->e = e;
	p->swept_ns = now_ns;
	p->looked_ns = now_ns;
	err = use == PUBLISH_READS ? 0 : tables_open(p, now_ns);
	if (!err && use == PUBLISH_OWNS)
		err = inside_restore(p);
	if (err) {
		publish_free(p);
		return err;
	}
	if (use == PUBLISH_OWNS)
		restore(p, now_ns);
	*ret_publish = p;
	return 0;
}

void publish_free(struct publish *p)
{
	uint32_t i;

	if (!p)
		return;
	for (i = 0; p->plans && i < p->m.meta->limits.n_pools; i++)
		pool_plan_done(&p->plans[i]);
	slots_free(p->slots);
	free(p->plans);
	free(p->wanted);
	free(p->index);
	free(p->clients.key);
	free(p);
}

/* Two services of a pool can't answer from one port of a VM. */
static int services_check(struct publish *p, const struct dp_snapshot *snapshot)
{
	const struct dp_service *a;
	const struct dp_service *b;
	uint32_t i;
	uint32_t k;

	for (i = 0; i < snapshot->n_services; i++) {
		a = &snapshot->services[i];
		if (a->pool >= snapshot->n_pools) {
			result_fail(p, -EINVAL, "service", a->name);
			return -EINVAL;
		}
		for (k = 0; k < i; k++) {
			b = &snapshot->services[k];
			if (a->pool != b->pool || a->proto != b->proto ||
			    a->target_port != b->target_port)
				continue;
			result_fail(p, -EEXIST,
				    "target port of another service of its "
				    "pool: service",
				    a->name);
			return -EEXIST;
		}
	}
	return 0;
}

/* Refuse what can't be, before anything is changed. */
static int snapshot_check(struct publish *p, const struct dp_snapshot *snapshot)
{
	const struct dp_limits *limits = &p->m.meta->limits;
	uint64_t n_backends = 0;
	uint32_t i;

	for (i = 0; i < snapshot->n_pools; i++)
		n_backends += snapshot->pools[i].n_backends;
	if (snapshot->n_pools > limits->n_pools ||
	    snapshot->n_services > limits->n_services ||
	    snapshot->n_vips > limits->n_services ||
	    n_backends > limits->n_backends) {
		result_fail(p, -ENOSPC, "the configured limits", NULL);
		return -ENOSPC;
	}
	return services_check(p, snapshot);
}

/* VMs that the snapshot leaves out, or that are gone. */
static void backends_drop_unwanted(struct publish *p,
				   const struct dp_snapshot *snapshot,
				   const uint32_t *pool_numbers,
				   uint64_t now_ns)
{
	uint32_t n_backends = p->m.meta->limits.n_backends;
	const struct dp_pool *pool;
	uint32_t i;
	uint32_t k;

	memset(p->wanted, 0, (n_backends + 1ULL) * sizeof(*p->wanted));
	for (i = 0; i < snapshot->n_pools; i++) {
		pool = &snapshot->pools[i];
		for (k = 0; k < pool->n_backends; k++)
			if (pool->backends[k].role != DP_GONE)
				p->wanted[backend_number(
					p, pool_numbers[i],
					pool->backends[k].uuid)] = true;
	}
	for (i = 1; i <= n_backends; i++)
		if (!p->wanted[i] &&
		    p->m.backend_info[i].state == NUMBER_IN_FORCE)
			backend_retire(p, (uint16_t)i, now_ns);
}

static int backends_put(struct publish *p, const struct dp_pool *pool,
			uint32_t pool_number, uint64_t now_ns)
{
	const struct dp_backend *backend;
	uint16_t number = 0;
	int first_err = 0;
	uint32_t i;
	int err;

	for (i = 0; i < pool->n_backends; i++) {
		backend = &pool->backends[i];
		if (backend->role == DP_GONE)
			continue;
		err = backend_put(p, pool_number, backend, now_ns, &number);
		if (!err)
			continue;
		result_fail(p, err, "VM", backend->name);
		if (!first_err)
			first_err = err;
	}
	return first_err;
}

/* How long slots of a pool are claimed: by what its services speak. */
static uint32_t claim_ticks(const struct dp_snapshot *snapshot, uint32_t pool)
{
	uint32_t i;

	for (i = 0; i < snapshot->n_services; i++)
		if (snapshot->services[i].pool == pool &&
		    snapshot->services[i].quic)
			return SLOTS_CLAIM_QUIC_TICKS;
	return SLOTS_CLAIM_TICKS;
}

static int pools_put(struct publish *p, const struct dp_snapshot *snapshot,
		     uint64_t now_ns, uint32_t *ret_numbers)
{
	int first_err = 0;
	uint32_t i;
	int err;

	for (i = 0; i < snapshot->n_pools; i++) {
		ret_numbers[i] = NO_POOL;
		err = pool_put(p, &snapshot->pools[i], claim_ticks(snapshot, i),
			       now_ns, &ret_numbers[i]);
		if (!err)
			continue;
		result_fail(p, err, "pool", snapshot->pools[i].name);
		if (!first_err)
			first_err = err;
	}
	return first_err;
}

static int replan_all(struct publish *p, uint64_t now_ns, uint64_t *ret_next_ns)
{
	int first_err = 0;
	uint32_t i;
	int err;

	for (i = 0; i < p->m.meta->limits.n_pools; i++) {
		if (p->m.pool_info[i].state == NUMBER_FREE)
			continue;
		err = pool_replan(p, i, now_ns, ret_next_ns);
		if (!err)
			continue;
		result_fail(p, err, "slots of pool", p->m.pool_info[i].name);
		if (!first_err)
			first_err = err;
	}
	return first_err;
}

/* What goes before what comes, so that numbers and ports are free again. */
static int apply_all(struct publish *p, const struct dp_snapshot *snapshot,
		     uint32_t *pool_numbers, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;
	int first_err;
	uint32_t i;
	int err;

	index_make(p);
	first_err = pools_put(p, snapshot, now_ns, pool_numbers);
	services_drop_unwanted(p, snapshot, pool_numbers, now_ns);
	backends_drop_unwanted(p, snapshot, pool_numbers, now_ns);
	for (i = 0; i < snapshot->n_pools; i++) {
		if (pool_numbers[i] == NO_POOL)
			continue;
		err = backends_put(p, &snapshot->pools[i], pool_numbers[i],
				   now_ns);
		first_err = first_err ? first_err : err;
	}
	err = services_put(p, snapshot, pool_numbers, now_ns);
	first_err = first_err ? first_err : err;
	err = replan_all(p, now_ns, &next_ns);
	first_err = first_err ? first_err : err;
	pools_drop_unwanted(p, snapshot, now_ns);
	err = inside_put(p, snapshot);
	first_err = first_err ? first_err : err;
	err = host_settle(p);
	if (err)
		result_fail(p, err, "programs at the uplinks", NULL);
	return first_err ? first_err : err;
}

int publish_apply(struct publish *p, const struct dp_snapshot *snapshot,
		  uint64_t now_ns, struct dp_result *ret)
{
	uint32_t *pool_numbers;
	int err;

	*ret = (struct dp_result){ .n_slots_moved = 0 };
	p->result = ret;
	err = snapshot_check(p, snapshot);
	if (err) {
		p->result = NULL;
		return err;
	}
	pool_numbers = calloc(snapshot->n_pools + 1ULL, sizeof(*pool_numbers));
	err = pool_numbers ? apply_all(p, snapshot, pool_numbers, now_ns) :
			     -ENOMEM;
	free(pool_numbers);
	p->m.meta->generation++;
	p->m.meta->published_ns = now_ns;
	wrote(p);
	p->result = NULL;
	return err;
}

/* VMs without slots and flows learn their direct connections again. */
static void drained_learn(struct publish *p, uint64_t now_ns)
{
	const struct backend_info *info;
	struct slots_use use;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++) {
		info = &p->m.backend_info[i];
		if (info->state != NUMBER_IN_FORCE || info->learning_ns ||
		    !info->attached ||
		    (info->role == DP_SERVING && info->weight))
			continue;
		slots_use(p->slots, info->pool, (uint16_t)i,
			  TICKS_OF_NS(now_ns), &use);
		if (use.drained)
			backend_learn(p, (uint16_t)i, now_ns);
	}
}

/* Go on with the pass over the flow table; returns when to be called next. */
static uint64_t sweep(struct publish *p, uint64_t now_ns)
{
	if (!p->sweeping) {
		if (!slots_sweep_wanted(p->slots))
			return UINT64_MAX;
		if (now_ns < p->swept_ns + PUBLISH_ROUND_NS)
			return p->swept_ns + PUBLISH_ROUND_NS;
	}
	p->sweeping = !slots_sweep(p->slots, SWEEP_LINES, TICKS_OF_NS(now_ns));
	if (p->sweeping)
		return now_ns + NS_PER_MS;
	p->swept_ns = now_ns;
	drained_learn(p, now_ns);
	return now_ns + PUBLISH_ROUND_NS;
}

/* Look at every VM's counters, once a round. */
static uint64_t look(struct publish *p, uint64_t now_ns)
{
	bool any = false;
	uint32_t i;

	if (now_ns < p->looked_ns + PUBLISH_ROUND_NS)
		return p->looked_ns + PUBLISH_ROUND_NS;
	for (i = 1; i <= p->m.meta->limits.n_backends; i++) {
		if (p->m.backend_info[i].state != NUMBER_IN_FORCE)
			continue;
		backend_look(p, (uint16_t)i, now_ns);
		any = true;
	}
	p->looked_ns = now_ns;
	return any ? now_ns + PUBLISH_ROUND_NS : UINT64_MAX;
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

uint64_t publish_tick(struct publish *p, uint64_t now_ns)
{
	uint32_t now_tick = TICKS_OF_NS(now_ns);
	uint64_t next_ns = UINT64_MAX;
	uint32_t next_tick = 0;

	next_ns = earlier(next_ns, services_tick(p, now_ns));
	next_ns = earlier(next_ns, backends_tick(p, now_ns));
	if (host_settle(p))
		next_ns = earlier(next_ns, now_ns + PUBLISH_ROUND_NS);
	next_ns = earlier(next_ns, pools_tick(p, now_ns));
	if (replan_all(p, now_ns, &next_ns))
		next_ns = earlier(next_ns, now_ns + PUBLISH_ROUND_NS);
	if (slots_step(p->slots, now_tick, &next_tick)) {
		/* Ticks are 32 bits of time: only their distance is known. */
		if (!tick_reached(now_tick, next_tick))
			next_ns = earlier(
				next_ns,
				now_ns + ((uint64_t)(next_tick - now_tick)
					  << TICK_SHIFT));
		else
			next_ns = earlier(next_ns, now_ns + NS_PER_MS);
	}
	next_ns = earlier(next_ns, sweep(p, now_ns));
	return earlier(next_ns, look(p, now_ns));
}
