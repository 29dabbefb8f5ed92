/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet path on the uplink for what is seldom: fragments, ICMP, and packets
 * that get an ICMP error instead of being forwarded.
 *
 * An engine asks one of the four functions rare_of_… about a packet of which
 * forward() said VERDICT_RARE, out of the way of all others; rare_kind() says
 * which. They begin anew with the frame.
 */
#ifndef DATAPLANE_CORE_RARE_H
#define DATAPLANE_CORE_RARE_H

#include "dataplane/core/error.h"
#include "dataplane/core/forward.h"
#include "dataplane/core/frag.h"
#include "dataplane/core/icmp.h"
#include "dataplane/core/nd.h"

/**
 * rare_of_flow() - a packet of RARE_FLOW.
 * @p: as for forward(): @data, @end, @length, @ifindex set, the rest zero.
 *
 * Return: as forward(), VERDICT_RARE of another kind included.
 */
static ALWAYS_INLINE enum verdict rare_of_flow(const struct tables *t, void *e,
					       struct pkt *p)
{
	enum reason flow_reason = parse_rare(t, e, p);
	const struct backend_record *record = NULL;
	const struct pool *pool;
	enum verdict verdict;

	/* Never: forward() has read as far. */
	if (flow_reason == PASS_TRUNCATED || flow_reason == PASS_NOT_IP)
		return VERDICT_PASS;
	if (flow_reason)
		return no_service(t, e, p, flow_reason);
	if (p->l4_kind == L4_ICMP || p->l4_kind == L4_NONE)
		return VERDICT_RARE;
	verdict = find_service(t, e, p);
	if (verdict != VERDICT_FORWARD)
		return verdict;
	pool = t->pool(e, p->pool);
	p->reason = pool ? find_backend(t, e, p, pool, &record) :
			   DROP_NO_BACKEND;
	if (p->observed)
		return observe(p, pool);
	if (!p->reason && p->frag)
		p->reason = frag_first(t, e, p, 0, NULL, 0);
	return finish(t, e, p, pool, record);
}

/* The VIP that a packet is for; NULL: it is for none. */
static ALWAYS_INLINE const struct service *rare_vip(const struct tables *t,
						    void *e, struct pkt *p)
{
	struct service_key key = { .vip = pkt_addr(p, END_DST) };
	const struct service *vip = t->service(e, &key);

	if (!vip)
		p->reason = PASS_NOT_VIP;
	return vip;
}

/* Where a packet without a flow of its own goes to. */
static ALWAYS_INLINE enum reason
backend_of(const struct tables *t, void *e, const struct pkt *p,
	   const struct backend_record **ret_record)
{
	return p->ttl <= 1 ? DROP_TTL : find_record(t, e, p, ret_record);
}

/**
 * rare_of_later() - a packet of RARE_LATER: it follows its first fragment.
 * @p: as for rare_of_flow().
 *
 * Return: as forward(), never VERDICT_RARE.
 */
static ALWAYS_INLINE enum verdict rare_of_later(const struct tables *t, void *e,
						struct pkt *p)
{
	const struct backend_record *record = NULL;
	struct ip_addr unused;
	const struct service *vip;
	enum verdict verdict;
	uint32_t flags;

	if (parse_rare(t, e, p) || p->frag != FRAG_LATER)
		return dropped(p, DROP_FRAGMENT_UNKNOWN);
	vip = rare_vip(t, e, p);
	if (!vip)
		return VERDICT_PASS;
	if (vip->flags & SERVICE_OBSERVE)
		return observed_as(p, DROP_FRAGMENT_UNKNOWN);
	/* Whatever its first one began has begun. */
	p->kind = FLOW_OTHER;
	p->reason = frag_later(t, e, p, 0, &unused, &flags);
	if (!p->reason)
		p->reason = backend_of(t, e, p, &record);
	if (p->reason || !record)
		return VERDICT_DROP;
	verdict = address_frame(t, e, p, record);
	rewrite_end(t, e, p, END_DST, &record->addr, 0);
	return verdict;
}

/**
 * whose() - whose flow an error is about: the VIP's own packet is quoted. An error
 * keeps no entry alive, and makes none.
 *
 * Return: REASON_NONE, or why it is nobody's.
 */
static ALWAYS_INLINE uint32_t whose(const struct tables *t, void *e,
				    struct whose *q)
{
	struct service_key key = {
		.vip = q->addr[END_SRC],
		.port = q->port[END_SRC],
		.proto = q->proto,
	};
	const struct service *service = t->service(e, &key);
	const struct pool *pool = service ? t->pool(e, service->pool) : NULL;
	enum flow_kind kind = FLOW_OTHER;
	uint64_t flow_key;

	if (!pool)
		return DROP_ICMP;
	if (q->proto == IP_PROTO_UDP && !(service->flags & SERVICE_QUIC))
		kind = FLOW_UDP;
	else if (q->opens)
		kind = FLOW_OPENER;
	flow_key = key_balanced(&pool->seed, (enum affinity)pool->affinity,
				&q->addr[END_DST], q->port[END_DST],
				&q->addr[END_SRC], q->port[END_SRC], q->proto);
	q->service = service->number;
	q->target_port = service->target_port;
	q->observed = service->flags & SERVICE_OBSERVE;
	q->answers = pool->when_empty == EMPTY_RESET;
	q->backend = pick_peek(t, e, pool, flow_key, kind);
	return REASON_NONE;
}

static ALWAYS_INLINE enum reason whose_quoted(const struct tables *t, void *e,
					      struct pkt *p, struct whose *w)
{
	uint32_t reason = t->whose ? t->whose(e, w) : whose(t, e, w);

	p->service = w->service;
	p->backend = w->backend;
	p->target_port = w->target_port;
	p->observed = w->observed;
	p->kind = FLOW_OTHER;
	return (enum reason)reason;
}

static ALWAYS_INLINE enum verdict rare_error(const struct tables *t, void *e,
					     struct pkt *p)
{
	const struct backend_record *record = NULL;
	struct ip_addr vip = pkt_addr(p, END_DST);
	struct quoted q = { .ip = NULL };
	enum verdict verdict;

	if (!quoted_parse(t, e, p, &q) || !ip_same(&q.flow.addr[END_SRC], &vip))
		return dropped(p, DROP_ICMP);
	p->reason = whose_quoted(t, e, p, &q.flow);
	if (!p->reason)
		p->reason = backend_of(t, e, p, &record);
	if (p->observed)
		return observed_as(p, p->reason);
	if (p->reason || !record)
		return VERDICT_DROP;
	/* About what it has sent to itself: nothing on its way could be. */
	if (from_itself(t, e, p, record->ifindex))
		return dropped(p, DROP_ICMP);
	verdict = address_frame(t, e, p, record);
	icmp_rewrite(p, &q, END_DST, END_SRC, &record->addr, p->target_port);
	return verdict;
}

static ALWAYS_INLINE enum verdict rare_icmp(const struct tables *t, void *e,
					    struct pkt *p, bool is_observed)
{
	if (p->frag)
		return dropped(p, DROP_ICMP);
	if (icmp_is_error(p))
		return rare_error(t, e, p);
	if (!icmp_is_echo(p) || !reply_fits(p))
		return is_observed ? observed_as(p, DROP_ICMP) :
				     dropped(p, DROP_ICMP);
	if (is_observed)
		return observed_as(p, REPLY_ECHO);
	if (!reply_allowed(t, e, REPLY_KIND_ECHO))
		return dropped(p, DROP_REPLY_RATE);
	reply_echo(p);
	p->reason = REPLY_ECHO;
	return VERDICT_REPLY;
}

static ALWAYS_INLINE enum verdict rare_nd(const struct tables *t, void *e,
					  struct pkt *p)
{
	p->reason = reply_nd(t, e, p, uplink_mac(t->node(e), p->ifindex));
	if (p->reason == REPLY_ND)
		return VERDICT_REPLY;
	return p->reason == DROP_REPLY_RATE ? VERDICT_DROP : VERDICT_PASS;
}

/**
 * rare_of_icmp() - a packet of RARE_ICMP.
 * @p: as for rare_of_flow().
 *
 * Return: as forward(), never VERDICT_RARE.
 */
static ALWAYS_INLINE enum verdict rare_of_icmp(const struct tables *t, void *e,
					       struct pkt *p)
{
	const struct service *vip;

	p->reason = parse_rare(t, e, p);
	if (p->reason || p->l4_kind != L4_ICMP)
		return VERDICT_PASS;
	if (nd_asks(p))
		return rare_nd(t, e, p);
	vip = rare_vip(t, e, p);
	return vip ? rare_icmp(t, e, p, vip->flags & SERVICE_OBSERVE) :
		     VERDICT_PASS;
}

/* Refuse a flow's packet with the answer of its protocol. */
static ALWAYS_INLINE enum verdict answer_refusal(const struct tables *t,
						 void *e, struct pkt *p,
						 enum reason why,
						 enum reason drop)
{
	if (why == drop)
		return dropped(p, drop);
	if (p->l4_kind != L4_TCP)
		return answer_error(t, e, p, ERROR_PORT, 0, why, drop);
	if (!reply_allowed(t, e, REPLY_KIND_RST))
		return dropped(p, DROP_REPLY_RATE);
	reply_rst(p);
	p->reason = why;
	return VERDICT_REPLY;
}

/* Why a packet is refused, and what it is told. */
static ALWAYS_INLINE enum verdict refuse(const struct tables *t, void *e,
					 struct pkt *p,
					 const struct service *vip,
					 const struct whose *w,
					 enum reason flow_reason)
{
	const struct backend_record *record = NULL;

	if (flow_reason == DROP_ICMP)
		return answer_refusal(
			t, e, p,
			refusal_no_service(p, !(vip->flags & SERVICE_DROP)),
			DROP_NO_SERVICE);
	p->reason = backend_of(t, e, p, &record);
	if (p->reason == DROP_TTL)
		return answer_error(t, e, p, ERROR_TTL, 0, REPLY_ICMP_TTL,
				    DROP_TTL);
	if (p->reason == DROP_NO_BACKEND)
		return answer_refusal(t, e, p,
				      refusal_no_backend(p, w->answers),
				      DROP_NO_BACKEND);
	if (p->reason == DROP_TOO_BIG && record && is_uncut(p))
		return answer_error(t, e, p, ERROR_TOO_BIG, record->mtu,
				    REPLY_ICMP_TOO_BIG, DROP_TOO_BIG);
	/* It has got better meanwhile; the sender tries again. */
	return dropped(p, p->reason ? p->reason : DROP_NO_BACKEND);
}

/**
 * rare_of_refused() - a packet of RARE_REFUSED, whose flow is looked at once more.
 * @p: as for rare_of_flow().
 *
 * Return: VERDICT_REPLY: with @reply_head the engine makes room and asks
 * error_fill(); or VERDICT_DROP or VERDICT_PASS.
 */
static ALWAYS_INLINE enum verdict rare_of_refused(const struct tables *t,
						  void *e, struct pkt *p)
{
	const struct service *vip;
	enum reason reason;
	struct whose w;

	if (parse_rare(t, e, p) || p->l4_kind == L4_NONE)
		return dropped(p, DROP_TTL);
	vip = rare_vip(t, e, p);
	if (!vip)
		return VERDICT_PASS;
	/* As its answer would be: from the VIP. */
	w = (struct whose){
		.addr = { pkt_addr(p, END_DST), pkt_addr(p, END_SRC) },
		.port = { p->dport, p->sport },
		.proto = p->proto,
		.opens = p->kind == FLOW_OPENER ||
			 (p->l4_kind == L4_UDP && quic_opens(p)),
	};
	reason = whose_quoted(t, e, p, &w);
	return refuse(t, e, p, vip, &w, reason);
}

#endif
