/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet path on the uplink, on one page: parse, find the service, pick the
 * backend, rewrite. XDP calls forward(); an engine that works on bursts calls
 * the stages, each over the whole burst.
 */
#ifndef DATAPLANE_CORE_FORWARD_H
#define DATAPLANE_CORE_FORWARD_H

#include "dataplane/core/key.h"
#include "dataplane/core/pick.h"
#include "dataplane/core/reply.h"
#include "dataplane/core/rewrite.h"

/* End a packet that can't go on: RST if that is wanted and allowed. */
static ALWAYS_INLINE enum verdict refuse(const struct tables *t, void *e,
					 struct pkt *p, bool reset,
					 enum reason reply, enum reason drop)
{
	if (!reset || !reply_rst_fits(p)) {
		p->reason = drop;
		return VERDICT_DROP;
	}
	if (!reply_allowed(t, e, REPLY_KIND_RST)) {
		p->reason = DROP_REPLY_RATE;
		return VERDICT_DROP;
	}
	p->reason = reply;
	reply_rst(p);
	return VERDICT_REPLY;
}

/* No service takes it: is it ours at all? */
static ALWAYS_INLINE enum verdict no_service(const struct tables *t, void *e,
					     struct pkt *p,
					     enum reason flow_reason)
{
	struct service_key key = { .vip = p->dst };
	const struct service *vip = t->service(e, &key);

	if (!vip) {
		p->reason = PASS_NOT_VIP;
		return VERDICT_PASS;
	}
	if (flow_reason) {
		p->reason = flow_reason;
		return VERDICT_DROP;
	}
	return refuse(t, e, p, !(vip->flags & SERVICE_DROP),
		      REPLY_RST_NO_SERVICE, DROP_NO_SERVICE);
}

/**
 * stage_service() - parse, and find the service.
 * @p: @data, @end, @length, @ifindex set, the rest zero.
 *
 * Return: VERDICT_FORWARD with @service, @pool, @target_port known: go on; else
 * the packet's end, with its @reason.
 */
static ALWAYS_INLINE enum verdict stage_service(const struct tables *t, void *e,
						struct pkt *p)
{
	struct service_key key = { .port = 0 };
	const struct service *service;
	enum reason flow_reason;
	uint8_t *l3 = NULL;

	p->reason = parse_frame(p, &l3);
	if (p->reason)
		return VERDICT_PASS;
	if (!p->ip) {
		p->reason = reply_arp(t, e, p, l3);
		if (p->reason == REPLY_ARP)
			return VERDICT_REPLY;
		return p->reason == DROP_REPLY_RATE ? VERDICT_DROP :
						      VERDICT_PASS;
	}
	flow_reason = parse_flow(p);
	if (flow_reason)
		return no_service(t, e, p, flow_reason);
	key.vip = p->dst;
	key.port = p->dport;
	key.proto = p->proto;
	service = t->service(e, &key);
	if (!service)
		return no_service(t, e, p, REASON_NONE);
	p->service = service->number;
	p->pool = service->pool;
	p->target_port = service->target_port;
	return VERDICT_FORWARD;
}

/* A connection that began here is no longer a direct one. */
static ALWAYS_INLINE void forget_direct(const struct tables *t, void *e,
					const struct pkt *p,
					const struct backend_record *record)
{
	const struct node *node = t->node(e);
	struct flow_entry *entry;
	struct flow_line *line;
	uint64_t meta = 0;
	uint64_t key;

	if (!node)
		return;
	key = key_direct(&node->direct_seed, record->ifindex, &p->src, p->sport,
			 &record->addr, p->target_port, p->proto);
	line = t->direct_line(e, (uint32_t)key & node->direct_line_mask);
	entry = line ? flow_find(line, key, TICKS_OF_NS(t->now_ns(e)), &meta) :
		       NULL;
	if (entry)
		flow_end(entry, meta);
}

/**
 * stage_backend() - pick the backend and rewrite the packet for it.
 * @p: after stage_service() said VERDICT_FORWARD.
 *
 * Return: VERDICT_FORWARD with @backend chosen and the packet rewritten, else
 * the packet's end, with its @reason.
 */
static ALWAYS_INLINE enum verdict stage_backend(const struct tables *t, void *e,
						struct pkt *p)
{
	const struct pool *pool = t->pool(e, p->pool);
	const struct backend_record *record;
	const struct backend *backend;

	if (!pool) {
		p->reason = DROP_NO_BACKEND;
		return VERDICT_DROP;
	}
	/* Before any entry is made for it. */
	if (p->ip->ttl <= 1) {
		p->reason = DROP_TTL;
		return VERDICT_DROP;
	}
	p->key = key_balanced(&pool->seed, (enum affinity)pool->affinity,
			      &p->src, p->sport, &p->dst, p->dport, p->proto);
	p->backend = pick_backend(t, e, p, pool);
	if (p->backend == BACKEND_NONE)
		return refuse(t, e, p, pool->when_empty == EMPTY_RESET,
			      REPLY_RST_NO_BACKEND, DROP_NO_BACKEND);
	backend = t->backend(e, p->backend);
	record = backend ? backend_record(backend) : NULL;
	if (!record) {
		p->reason = DROP_NO_RECORD;
		return VERDICT_DROP;
	}
	if (p->kind == FLOW_OPENER)
		forget_direct(t, e, p, record);
	rewrite_to_backend(p, record);
	return VERDICT_FORWARD;
}

/* The whole path in a row. */
static ALWAYS_INLINE enum verdict forward(const struct tables *t, void *e,
					  struct pkt *p)
{
	enum verdict verdict = stage_service(t, e, p);

	return verdict == VERDICT_FORWARD ? stage_backend(t, e, p) : verdict;
}

#endif
