// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the path would do with a packet of a flow now: the core's own rules on
 * the tables in force, without the packet and without writing anything.
 */
#include "dataplane/core/key.h"
#include "dataplane/core/pick.h"
#include "dataplane/publish_state.h"
#include "dataplane/status.h"

#include <string.h>

/* The service in force for a key, NULL = none. */
static const struct service_info *find_service(const struct publish *p,
					       const struct service_key *key)
{
	const struct service_info *info;
	uint32_t i;

	for (i = 1; i <= 2 * p->m.meta->limits.n_services; i++) {
		info = &p->m.service_info[i];
		if (info->state == NUMBER_IN_FORCE &&
		    !memcmp(&info->key, key, sizeof(*key)))
			return info;
	}
	return NULL;
}

/* All that was found out is as if. */
static void observe_explain(struct dp_explanation *ret)
{
	ret->as_if = ret->reason;
	ret->verdict = VERDICT_PASS;
	ret->reason = PASS_OBSERVED;
}

static void no_service_explain(const struct publish *p,
			       const struct dp_flow *flow,
			       struct dp_explanation *ret)
{
	struct service_key key = { .vip = flow->vip };
	const struct service_info *vip = find_service(p, &key);

	ret->verdict = VERDICT_PASS;
	ret->reason = PASS_NOT_VIP;
	if (!vip)
		return;
	ret->verdict = vip->value.flags & SERVICE_DROP ? VERDICT_DROP :
							 VERDICT_REPLY;
	ret->reason = vip->value.flags & SERVICE_DROP ? DROP_NO_SERVICE :
							REPLY_RST_NO_SERVICE;
	if (vip->value.flags & SERVICE_OBSERVE)
		observe_explain(ret);
}

/* The flow's live entry, as the path would find it; 0 = none. */
static uint64_t find_entry(const struct publish *p, uint64_t key,
			   uint64_t now_ns, struct dp_explanation *ret)
{
	struct flow_line *line = &p->m.flows[key & p->m.node->flow_line_mask];
	uint32_t now_tick = TICKS_OF_NS(now_ns);
	uint64_t meta = 0;

	if (!flow_find(line, key, now_tick, &meta) ||
	    flow_backend(meta) > p->m.meta->limits.n_backends ||
	    !flow_current(&p->m.backends[flow_backend(meta)], meta))
		return 0;
	ret->has_entry = true;
	ret->entry_class = flow_class_of(meta);
	ret->entry_closing = flow_closing(meta);
	ret->entry_left_ms =
		(uint32_t)(((uint64_t)(flow_expiry(meta) - now_tick)
			    << TICK_SHIFT) /
			   NS_PER_MS);
	return meta;
}

static const char *backend_name(const struct publish *p, uint16_t number)
{
	if (number == BACKEND_NONE || number > p->m.meta->limits.n_backends)
		return "";
	return p->m.backend_info[number].name;
}

static void backend_explain(const struct publish *p, uint16_t number,
			    enum when_empty when_empty,
			    struct dp_explanation *ret)
{
	const struct backend_info *info;

	ret->backend = number;
	if (number == BACKEND_NONE || number > p->m.meta->limits.n_backends) {
		ret->verdict = when_empty == EMPTY_RESET ? VERDICT_REPLY :
							   VERDICT_DROP;
		ret->reason = when_empty == EMPTY_RESET ? REPLY_RST_NO_BACKEND :
							  DROP_NO_BACKEND;
		return;
	}
	if (!backend_record(&p->m.backends[number])) {
		ret->verdict = VERDICT_DROP;
		ret->reason = DROP_NO_RECORD;
		return;
	}
	info = &p->m.backend_info[number];
	ret->verdict = record_of(p, number)->stack_ifindex ? VERDICT_STACK :
							     VERDICT_FORWARD;
	memcpy(ret->uuid, info->uuid, sizeof(ret->uuid));
	name_copy(ret->backend_name, info->name);
	memcpy(ret->ifname, info->ifname, sizeof(ret->ifname));
	ret->addr = record_of(p, number)->addr;
}

/* The flow's slot, entry and backend. */
static void slot_explain(const struct publish *p, const struct dp_flow *flow,
			 const struct pool *pool, uint64_t now_ns,
			 struct dp_explanation *ret)
{
	enum when_empty when_empty = (enum when_empty)pool->when_empty;
	uint32_t range = READ_ONCE(pool->range);
	struct pick pick;
	uint32_t index;

	if (!range) {
		backend_explain(p, BACKEND_NONE, when_empty, ret);
		return;
	}
	ret->n_slots = 1U << POOL_SLOTS_LOG2(range);
	ret->slot = slot_of_key(ret->key, range);
	index = POOL_FIRST_LINE(range) * SLOTS_PER_LINE + ret->slot;
	ret->slot_word = READ_ONCE(
		p->m.slots[index / SLOTS_PER_LINE].slot[index % SLOTS_PER_LINE]);
	name_copy(ret->current_name,
		  backend_name(p, slot_current(ret->slot_word)));
	name_copy(ret->base_name, backend_name(p, slot_base(ret->slot_word)));
	pick = pick_decide(ret->slot_word,
			   ret->slot_word & SLOT_TRACKED ?
				   find_entry(p, ret->key, now_ns, ret) :
				   0,
			   flow->kind);
	backend_explain(p, pick.backend, when_empty, ret);
}

int publish_explain(const struct publish *p, const struct dp_flow *flow,
		    uint64_t now_ns, struct dp_explanation *ret)
{
	struct service_key key = {
		.vip = flow->vip,
		.port = BE16(flow->port),
		.proto = flow->proto,
	};
	const struct service_info *service = find_service(p, &key);
	const struct pool *pool;

	*ret = (struct dp_explanation){ .reason = REASON_NONE };
	if (!service) {
		no_service_explain(p, flow, ret);
		return 0;
	}
	name_copy(ret->service, service->name);
	name_copy(ret->pool, p->m.pool_info[service->value.pool].name);
	ret->target_port = HOST16(service->value.target_port);
	pool = &p->m.pools[service->value.pool];
	ret->key = key_balanced(&pool->seed, (enum affinity)pool->affinity,
				&flow->client, BE16(flow->client_port),
				&flow->vip, BE16(flow->port), flow->proto);
	slot_explain(p, flow, pool, now_ns, ret);
	if (service->value.flags & SERVICE_OBSERVE)
		observe_explain(ret);
	return 0;
}
