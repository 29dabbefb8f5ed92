/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet path on the uplink, on one page: parse, find the service, pick the
 * backend, rewrite. XDP calls forward(); an engine that works on bursts calls
 * the stages, each over the whole burst. What is seldom (fragments, ICMP, packets
 * that are refused with an answer) ends in VERDICT_RARE before anything is changed,
 * and begins anew in rare.h.
 */
#ifndef DATAPLANE_CORE_FORWARD_H
#define DATAPLANE_CORE_FORWARD_H

#include "dataplane/core/direct.h"
#include "dataplane/core/inside.h"
#include "dataplane/core/mss.h"
#include "dataplane/core/pick.h"
#include "dataplane/core/quic.h"
#include "dataplane/core/reply.h"

/**
 * refusal() - what a packet gets that can't go on: an RST or an ICMP error, if
 * that is wanted and may be; but for the rate of answers.
 * @answers: it is wanted.
 * @rst, @icmp, @drop: reasons for an answer to TCP, to UDP, and for none.
 */
static ALWAYS_INLINE enum reason refusal(const struct pkt *p, bool answers,
					 enum reason rst, enum reason icmp,
					 enum reason drop)
{
	if (answers && reply_rst_fits(p))
		return rst;
	if (answers && p->l4_kind == L4_UDP && reply_fits(p))
		return icmp;
	return drop;
}

static ALWAYS_INLINE enum reason refusal_no_service(const struct pkt *p,
						    bool answers)
{
	return refusal(p, answers, REPLY_RST_NO_SERVICE, REPLY_ICMP_NO_SERVICE,
		       DROP_NO_SERVICE);
}

static ALWAYS_INLINE enum reason refusal_no_backend(const struct pkt *p,
						    bool answers)
{
	return refusal(p, answers, REPLY_RST_NO_BACKEND, REPLY_ICMP_NO_BACKEND,
		       DROP_NO_BACKEND);
}

/* A packet to a VIP that is observed: what it would have been is known. */
static ALWAYS_INLINE enum verdict observed_as(struct pkt *p, enum reason as_if)
{
	p->as_if = as_if;
	p->reason = PASS_OBSERVED;
	return VERDICT_PASS;
}

/* No service takes it: is it ours at all? */
static ALWAYS_INLINE enum verdict no_service(const struct tables *t, void *e,
					     struct pkt *p,
					     enum reason flow_reason)
{
	struct service_key key = { .vip = pkt_addr(p, END_DST) };
	const struct service *vip = t->service(e, &key);
	enum reason reason = flow_reason;

	if (!vip) {
		p->reason = PASS_NOT_VIP;
		return VERDICT_PASS;
	}
	if (!reason)
		reason = refusal_no_service(p, !(vip->flags & SERVICE_DROP));
	if (vip->flags & SERVICE_OBSERVE)
		return observed_as(p, reason);
	p->reason = reason;
	return flow_reason || reason == DROP_NO_SERVICE ? VERDICT_DROP :
							  VERDICT_RARE;
}

/* Does it fit the VM's port? Many packets in one are cut to fit. */
static ALWAYS_INLINE bool fits_port(const struct pkt *p,
				    const struct backend_record *record)
{
	return !record->mtu || pkt_wire_size(p) <= record->mtu;
}

/* A client of plain UDP has asked: the VM's port may answer for the VIP. */
static ALWAYS_INLINE enum reason note_asked(const struct tables *t, void *e,
					    struct pkt *p,
					    const struct pool *pool,
					    const struct backend_record *record)
{
	uint32_t known =
		asked_seen(t, e, p->key, record->ifindex, pool, ASKED_NOTE);

	p->begins = known == ASKED_MADE;
	return known == ASKED_NO ? DROP_PORT_DIRECT_FULL : REASON_NONE;
}

static ALWAYS_INLINE uint64_t flow_key(const struct tables *t, void *e,
				       const struct pkt *p,
				       const struct pool *pool)
{
	struct key_ask q = {
		.client = pkt_addr(p, END_SRC),
		.client_port = p->sport,
		.server = pkt_addr(p, END_DST),
		.server_port = p->dport,
		.pool = p->pool,
		.proto = p->proto,
	};

	if (t->key)
		return t->key(e, &q);
	return key_balanced(&pool->seed, (enum affinity)pool->affinity,
			    &q.client, q.client_port, &q.server, q.server_port,
			    q.proto);
}

/* Where the backend that has been picked is, if the packet may go on to it. */
static ALWAYS_INLINE enum reason
find_record(const struct tables *t, void *e, const struct pkt *p,
	    const struct backend_record **ret_record)
{
	const struct backend *backend;

	if (p->backend == BACKEND_NONE)
		return DROP_NO_BACKEND;
	backend = t->backend(e, p->backend);
	*ret_record = backend ? backend_record(backend) : NULL;
	if (!*ret_record)
		return DROP_NO_RECORD;
	return fits_port(p, *ret_record) ? REASON_NONE : DROP_TOO_BIG;
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
	/* Before any entry is made for it. */
	if (p->ttl <= 1)
		return DROP_TTL;
	p->key = flow_key(t, e, p, pool);
	p->backend = pick_backend(t, e, p, pool);
	return find_record(t, e, p, ret_record);
}

/* The service is known: what its packets are like. */
static ALWAYS_INLINE void service_fill(struct pkt *p,
				       const struct service *service)
{
	p->service = service->number;
	p->pool = service->pool;
	p->target_port = service->target_port;
	p->mss = service->mss;
	p->observed = service->flags & SERVICE_OBSERVE;
	if (service->flags & SERVICE_QUIC)
		quic_judge(p);
}

/**
 * find_service() - the service of a packet whose flow is known.
 *
 * Return: VERDICT_FORWARD, or what becomes of a packet that has none.
 */
static ALWAYS_INLINE enum verdict find_service(const struct tables *t, void *e,
					       struct pkt *p)
{
	struct service_key key = {
		.vip = pkt_addr(p, END_DST),
		.port = p->dport,
		.proto = p->proto,
	};
	const struct service *service = t->service(e, &key);

	if (!service)
		return no_service(t, e, p, REASON_NONE);
	service_fill(p, service);
	return VERDICT_FORWARD;
}

/* What an ARP request becomes. */
static ALWAYS_INLINE enum verdict stage_arp(const struct tables *t, void *e,
					    struct pkt *p, uint8_t *l3)
{
	p->reason = reply_arp(t, e, p, l3, uplink_mac(t->node(e), p->ifindex));
	if (p->reason == REPLY_ARP)
		return VERDICT_REPLY;
	return p->reason == DROP_REPLY_RATE ? VERDICT_DROP : VERDICT_PASS;
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
	enum reason flow_reason;
	uint8_t *l3 = NULL;

	p->reason = parse_frame(p, &l3);
	if (p->reason)
		return VERDICT_PASS;
	if (!is_ip(p))
		return stage_arp(t, e, p, l3);
	if (is_other_family(p))
		return VERDICT_RARE;
	flow_reason = parse_flow(p);
	if (flow_reason)
		return no_service(t, e, p, flow_reason);
	return is_usual(p) ? find_service(t, e, p) : VERDICT_RARE;
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
	if (pool && p->reason == DROP_NO_BACKEND)
		return observed_as(p,
				   refusal_no_backend(p, pool->when_empty ==
								 EMPTY_RESET));
	return observed_as(p, p->reason);
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
	struct eth_hdr *eth = (struct eth_hdr *)pkt_l3(p) - 1;

	p->stack_ifindex = bridge;
	p->stack_bridged = is_bridged(t, e, p, bridge);
	if (p->stack_bridged)
		__builtin_memcpy(eth->src, router_mac, sizeof(eth->src));
	return VERDICT_STACK;
}

/* All MAC addresses of a packet to a VM, and its source if that VM sent it; what
 * it is then: forwarded, or handed to the kernel. */
static ALWAYS_INLINE enum verdict
address_frame(const struct tables *t, void *e, struct pkt *p,
	      const struct backend_record *record)
{
	uint8_t router_mac[6];

	p->out_ifindex = record->ifindex;
	if (!record->stack_ifindex) {
		if (from_itself(t, e, p, record->ifindex))
			rewrite_alike(p, END_DST);
		rewrite_macs(p, record);
		return VERDICT_FORWARD;
	}
	__builtin_memcpy(router_mac, p->eth->src, sizeof(router_mac));
	rewrite_macs(p, record);
	return to_stack(t, e, p, record->stack_ifindex, router_mac);
}

/* The packet is the VM's: what has to be known of it, and the rewrite. */
static ALWAYS_INLINE enum verdict
send_to_backend(const struct tables *t, void *e, struct pkt *p,
		const struct backend_record *record)
{
	enum verdict verdict;

	if (p->kind == FLOW_OPENER)
		direct_forget(t, e, p, record);
	verdict = address_frame(t, e, p, record);
	mss_clamp(t, e, p, p->mss);
	rewrite_end(t, e, p, END_DST, &record->addr, p->target_port);
	return verdict;
}

/* A packet that has a service, but can't go on: is somebody told? */
static ALWAYS_INLINE enum verdict no_backend(struct pkt *p,
					     const struct pool *pool)
{
	if (pool && p->reason == DROP_NO_BACKEND)
		p->reason =
			refusal_no_backend(p, pool->when_empty == EMPTY_RESET);
	if (p->reason == DROP_TTL || p->reason == DROP_TOO_BIG ||
	    p->reason == REPLY_RST_NO_BACKEND ||
	    p->reason == REPLY_ICMP_NO_BACKEND)
		return VERDICT_RARE;
	return VERDICT_DROP;
}

/**
 * finish() - a packet whose backend has been looked for: on to it, or refused.
 * @record: the backend's, if @reason is REASON_NONE.
 */
static ALWAYS_INLINE enum verdict finish(const struct tables *t, void *e,
					 struct pkt *p, const struct pool *pool,
					 const struct backend_record *record)
{
	if (p->reason || !record)
		return no_backend(p, pool);
	if (pool && p->kind == FLOW_UDP) {
		p->reason = note_asked(t, e, p, pool, record);
		if (p->reason)
			return VERDICT_DROP;
	}
	return send_to_backend(t, e, p, record);
}

/**
 * stage_backend() - pick the backend and rewrite the packet for it.
 * @p: after stage_service() said VERDICT_FORWARD.
 *
 * Return: VERDICT_FORWARD or VERDICT_STACK with @backend chosen and the packet
 * rewritten, VERDICT_RARE, or the packet's end, with its @reason.
 */
static ALWAYS_INLINE enum verdict stage_backend(const struct tables *t, void *e,
						struct pkt *p)
{
	const struct pool *pool = t->pool(e, p->pool);
	const struct backend_record *record = NULL;

	p->reason = pool ? find_backend(t, e, p, pool, &record) :
			   DROP_NO_BACKEND;
	if (p->observed)
		return observe(p, pool);
	return finish(t, e, p, pool, record);
}

/**
 * stack_refuses() - what forward() hands to the kernel, in the engine's last word.
 *
 * Answers of who is served through the kernel may go straight to a client on the
 * same bridge, as they are: nobody inside gets there.
 */
static ALWAYS_INLINE bool stack_refuses(const struct tables *t, void *e,
					struct pkt *p)
{
	if (!from_inside(t, e, p))
		return false;
	p->reason = DROP_INSIDE_STACK;
	return true;
}

/* The whole path in a row. */
static ALWAYS_INLINE enum verdict forward(const struct tables *t, void *e,
					  struct pkt *p)
{
	enum verdict verdict = stage_service(t, e, p);

	return verdict == VERDICT_FORWARD ? stage_backend(t, e, p) : verdict;
}

#endif
