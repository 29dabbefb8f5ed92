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

/* What a packet that can't go on would get, but for the rate of replies. */
static ALWAYS_INLINE enum reason refusal(const struct pkt *p, bool reset,
					 enum reason reply, enum reason drop)
{
	return reset && reply_rst_fits(p) ? reply : drop;
}

/* End a packet that can't go on: RST if that is wanted and allowed. */
static ALWAYS_INLINE enum verdict refuse(const struct tables *t, void *e,
					 struct pkt *p, bool reset,
					 enum reason reply, enum reason drop)
{
	p->reason = refusal(p, reset, reply, drop);
	if (p->reason == drop)
		return VERDICT_DROP;
	if (!reply_allowed(t, e, REPLY_KIND_RST)) {
		p->reason = DROP_REPLY_RATE;
		return VERDICT_DROP;
	}
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
	if (vip->flags & SERVICE_OBSERVE) {
		p->reason = PASS_OBSERVED;
		p->as_if = flow_reason;
		if (!flow_reason)
			p->as_if = refusal(p, !(vip->flags & SERVICE_DROP),
					   REPLY_RST_NO_SERVICE,
					   DROP_NO_SERVICE);
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
 * find_backend() - pick the backend, and find where it is.
 * @p: @pool known, @key and @backend get filled in.
 * @ret_record: the backend's, if there is no reason not to go on.
 */
static ALWAYS_INLINE enum reason
find_backend(const struct tables *t, void *e, struct pkt *p,
	     const struct pool *pool, const struct backend_record **ret_record)
{
	const struct backend *backend;

	/* Before any entry is made for it. */
	if (p->ip->ttl <= 1)
		return DROP_TTL;
	p->key = key_balanced(&pool->seed, (enum affinity)pool->affinity,
			      &p->src, p->sport, &p->dst, p->dport, p->proto);
	p->backend = pick_backend(t, e, p, pool);
	if (p->backend == BACKEND_NONE)
		return DROP_NO_BACKEND;
	backend = t->backend(e, p->backend);
	*ret_record = backend ? backend_record(backend) : NULL;
	return *ret_record ? REASON_NONE : DROP_NO_RECORD;
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
	p->observed = service->flags & SERVICE_OBSERVE;
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

/* Did it come in by a port of the bridge that it is to enter? */
static ALWAYS_INLINE bool is_bridged(const struct tables *t, void *e,
				     const struct pkt *p, uint32_t bridge)
{
	const struct node *node = t->node(e);
	int i;

	for (i = 0; node && i < NODE_UPLINKS; i++)
		if (node->uplinks[i].ifindex == p->ifindex)
			return node->out_ifindex[i] == bridge;
	return false;
}

/*
 * A packet of an observed service: all is decided, nothing was kept or changed.
 * Replies that the path only would have made use up nobody's rate.
 */
static ALWAYS_INLINE enum verdict observe(struct pkt *p,
					  const struct pool *pool)
{
	p->as_if = p->reason;
	if (pool && p->reason == DROP_NO_BACKEND)
		p->as_if = refusal(p, pool->when_empty == EMPTY_RESET,
				   REPLY_RST_NO_BACKEND, DROP_NO_BACKEND);
	p->reason = PASS_OBSERVED;
	return VERDICT_PASS;
}

/*
 * For a VM whose port has rules of the host's own, after the rewrite. In the
 * bridge the packet is the bridge's own frame, or, where it came in by one of
 * its ports, still the router's: a bridge that sees its own address come in
 * takes it for a loop.
 */
static ALWAYS_INLINE enum verdict to_stack(const struct tables *t, void *e,
					   struct pkt *p, uint32_t bridge,
					   const uint8_t *router_mac)
{
	struct eth_hdr *eth = (struct eth_hdr *)p->ip - 1;

	p->stack_ifindex = bridge;
	p->stack_bridged = is_bridged(t, e, p, bridge);
	if (p->stack_bridged)
		__builtin_memcpy(eth->src, router_mac, sizeof(eth->src));
	return VERDICT_STACK;
}

/**
 * stage_backend() - pick the backend and rewrite the packet for it.
 * @p: after stage_service() said VERDICT_FORWARD.
 *
 * Return: VERDICT_FORWARD or VERDICT_STACK with @backend chosen and the packet
 * rewritten, else the packet's end, with its @reason.
 */
static ALWAYS_INLINE enum verdict stage_backend(const struct tables *t, void *e,
						struct pkt *p)
{
	const struct pool *pool = t->pool(e, p->pool);
	const struct backend_record *record = NULL;
	uint8_t router_mac[6];

	p->reason = pool ? find_backend(t, e, p, pool, &record) :
			   DROP_NO_BACKEND;
	if (p->observed)
		return observe(p, pool);
	if (pool && p->reason == DROP_NO_BACKEND)
		return refuse(t, e, p, pool->when_empty == EMPTY_RESET,
			      REPLY_RST_NO_BACKEND, DROP_NO_BACKEND);
	if (p->reason || !record)
		return VERDICT_DROP;
	if (p->kind == FLOW_OPENER)
		forget_direct(t, e, p, record);
	if (record->stack_ifindex)
		__builtin_memcpy(router_mac, p->eth->src, sizeof(router_mac));
	rewrite_to_backend(p, record);
	if (record->stack_ifindex)
		return to_stack(t, e, p, record->stack_ifindex, router_mac);
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
