// SPDX-License-Identifier: GPL-2.0-only
/*
 * Status: tables, books and counters put together.
 */
#include "dataplane/status.h"

#include "dataplane/core/tables.h"
#include "dataplane/publish_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Counters of a number since its present owner got it. */
static struct traffic traffic_since(const struct traffic *now,
				    const struct traffic *before)
{
	struct traffic t = {
		.in_packets = now->in_packets - before->in_packets,
		.in_bytes = now->in_bytes - before->in_bytes,
		.out_packets = now->out_packets - before->out_packets,
		.out_bytes = now->out_bytes - before->out_bytes,
		.openers = now->openers - before->openers,
		.ends = now->ends - before->ends,
		.refused = now->refused - before->refused,
		.evicted = now->evicted - before->evicted,
	};

	return t;
}

static uint64_t ns_of_tick(uint32_t tick, uint64_t now_ns)
{
	int32_t left = (int32_t)(tick - TICKS_OF_NS(now_ns));

	return left > 0 ? now_ns + ((uint64_t)left << TICK_SHIFT) : now_ns;
}

static void backend_status(const struct publish *p, uint16_t number,
			   uint64_t now_ns, struct dp_backend_status *ret)
{
	const struct backend_info *info = &p->m.backend_info[number];
	const struct backend_record *record = record_of(p, number);
	struct traffic now = { .in_packets = 0 };
	struct slots_use use;

	slots_use(p->slots, info->pool, number, TICKS_OF_NS(now_ns), &use);
	if (p->ops.read_backend(p->e, number, &now))
		now = info->before;
	memcpy(ret->uuid, info->uuid, sizeof(ret->uuid));
	name_copy(ret->pool, p->m.pool_info[info->pool].name);
	name_copy(ret->name, info->name);
	memcpy(ret->ifname, info->ifname, sizeof(ret->ifname));
	ret->number = number;
	ret->attached = info->attached;
	ret->attach_error = info->attach_error;
	ret->learned = !info->learning_ns ||
		       now_ns >= backend_ready_ns(p, number);
	ret->role = (enum dp_role)info->role;
	ret->stack = record->stack_ifindex != 0;
	ret->slots_current = use.n_current;
	ret->slots_base = use.n_base;
	ret->slots_marked = use.n_marked;
	ret->entries = use.n_entries;
	ret->exact = use.exact;
	ret->flows = use.exact ? use.n_entries :
				 info->estimate.flows / ESTIMATE_ONE;
	ret->drained = use.drained;
	if (use.drained_known)
		ret->drained_at_ns = ns_of_tick(use.drained_tick, now_ns);
	if (now.in_packets + now.out_packets == info->estimate.packets)
		ret->quiet_ns = now_ns - info->estimate.active_ns;
	ret->addr = record->addr;
	memcpy(ret->mac, record->dst_mac, sizeof(ret->mac));
	ret->ifindex = record->ifindex;
	ret->traffic = traffic_since(&now, &info->before);
}

static int backends_status(const struct publish *p, uint64_t now_ns,
			   struct dp_status *ret)
{
	uint32_t n_backends = p->m.meta->limits.n_backends;
	uint32_t i;

	ret->backends = calloc(n_backends + 1ULL, sizeof(*ret->backends));
	if (!ret->backends)
		return -ENOMEM;
	for (i = 1; i <= n_backends; i++)
		if (p->m.backend_info[i].state == NUMBER_IN_FORCE)
			backend_status(p, (uint16_t)i, now_ns,
				       &ret->backends[ret->n_backends++]);
	return 0;
}

static int services_status(const struct publish *p, struct dp_status *ret)
{
	const struct service_info *info;
	struct dp_service_status *s;
	struct traffic now;
	uint32_t i;

	ret->services = calloc(p->m.meta->limits.n_services + 1ULL,
			       sizeof(*ret->services));
	if (!ret->services)
		return -ENOMEM;
	for (i = 1; i <= p->m.meta->limits.n_services; i++) {
		info = &p->m.service_info[i];
		if (info->state != NUMBER_IN_FORCE)
			continue;
		s = &ret->services[ret->n_services++];
		if (p->ops.read_service(p->e, i, &now))
			now = info->before;
		name_copy(s->name, info->name);
		name_copy(s->pool, p->m.pool_info[info->value.pool].name);
		s->vip = info->key.vip;
		s->port = HOST16(info->key.port);
		s->proto = info->key.proto;
		s->quic = info->value.flags & SERVICE_QUIC;
		s->target_port = HOST16(info->value.target_port);
		s->observed = info->value.flags & SERVICE_OBSERVE;
		s->traffic = traffic_since(&now, &info->before);
	}
	return 0;
}

/* Inserts that were refused to flows of a pool's services. */
static uint64_t pool_refused(const struct dp_status *status, const char *pool)
{
	uint64_t n_refused = 0;
	uint32_t i;

	for (i = 0; i < status->n_services; i++)
		if (!strcmp(status->services[i].pool, pool))
			n_refused += status->services[i].traffic.refused;
	return n_refused;
}

static int pools_status(const struct publish *p, struct dp_status *ret)
{
	struct dp_pool_status *s;
	struct slots_count count;
	uint32_t i;

	ret->pools =
		calloc(p->m.meta->limits.n_pools + 1ULL, sizeof(*ret->pools));
	if (!ret->pools)
		return -ENOMEM;
	for (i = 0; i < p->m.meta->limits.n_pools; i++) {
		if (p->m.pool_info[i].state != NUMBER_IN_FORCE)
			continue;
		s = &ret->pools[ret->n_pools++];
		slots_count(p->slots, i, &count);
		name_copy(s->name, p->m.pool_info[i].name);
		s->n_slots = count.n_slots;
		s->n_claiming = count.n_claiming;
		s->n_moving = count.n_moving;
		s->n_settling = count.n_settling;
		s->n_put_off = p->plans[i].n_left;
		s->n_refused = pool_refused(ret, s->name);
	}
	return 0;
}

int publish_status(struct publish *p, uint64_t now_ns, struct dp_status *ret)
{
	const struct memory_meta *meta = p->m.meta;
	struct dp_status status = {
		.version = meta->version,
		.generation = meta->generation,
		.published_ns = meta->published_ns,
		.limits = meta->limits,
		.n_uplinks = meta->n_uplinks,
	};
	uint32_t i;
	int err;

	memcpy(status.uplinks, meta->uplinks, sizeof(status.uplinks));
	for (i = 0; i < N_REASONS; i++) {
		(void)p->ops.read_reason(p->e, i, &status.reasons[i]);
		(void)p->ops.read_reason(p->e, REASON_AS_IF(i),
					 &status.as_if[i]);
	}
	err = services_status(p, &status);
	if (!err)
		err = pools_status(p, &status);
	if (!err)
		err = backends_status(p, now_ns, &status);
	if (err) {
		dp_status_free(&status);
		return err;
	}
	for (i = 0; i < status.n_backends; i++)
		status.n_flow_entries += status.backends[i].entries;
	*ret = status;
	return 0;
}

/* Slots of a range that name a number, counted on the spot. */
static uint32_t slots_naming(const struct publish *p, uint32_t range,
			     uint16_t number)
{
	const struct slot_line *line;
	uint32_t n_lines;
	uint32_t n = 0;
	uint32_t word;
	uint32_t i;
	uint32_t k;

	if (!range)
		return 0;
	n_lines = (1U << POOL_SLOTS_LOG2(range)) / SLOTS_PER_LINE;
	for (i = 0; i < n_lines; i++) {
		line = &p->m.slots[POOL_FIRST_LINE(range) + i];
		for (k = 0; k < SLOTS_PER_LINE; k++) {
			word = READ_ONCE(line->slot[k]);
			n += slot_current(word) == number ||
			     slot_base(word) == number;
		}
	}
	return n;
}

int publish_glance(const struct publish *p, uint16_t number,
		   struct dp_glance *ret)
{
	const struct backend_info *info;
	struct traffic now;
	int err;

	if (number == BACKEND_NONE || number > p->m.meta->limits.n_backends)
		return -ERANGE;
	info = &p->m.backend_info[number];
	err = p->ops.read_backend(p->e, number, &now);
	if (err)
		return err;
	ret->live = backend_record(&p->m.backends[number]) != NULL;
	ret->n_slots = slots_naming(p, READ_ONCE(p->m.pools[info->pool].range),
				    number);
	ret->traffic = traffic_since(&now, &info->before);
	return 0;
}

void dp_status_free(struct dp_status *status)
{
	free(status->pools);
	free(status->backends);
	free(status->services);
	status->pools = NULL;
	status->backends = NULL;
	status->services = NULL;
	status->n_pools = 0;
	status->n_backends = 0;
	status->n_services = 0;
}
