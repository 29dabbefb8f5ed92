/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters: each packet counts once, as traffic or under its reason.
 */
#ifndef DATAPLANE_CORE_COUNT_H
#define DATAPLANE_CORE_COUNT_H

#include "dataplane/core/pkt.h"
#include "dataplane/core/tables.h"

static ALWAYS_INLINE void count_reason(const struct tables *t, void *e,
				       uint32_t reason, uint32_t length)
{
	struct reason_count *c = t->reason_count(e, reason);

	if (!c)
		return;
	c->packets++;
	c->bytes += length;
}

/* Is there more to count of a packet than itself? Of most there isn't. */
static ALWAYS_INLINE bool is_counted_more(const struct pkt *p)
{
	return p->kind == FLOW_OPENER ||
	       (p->tcp_flags & TCP_RST) | p->begins | p->refused | p->evicted;
}

static ALWAYS_INLINE void count_in(struct traffic *c, const struct pkt *p,
				   bool more)
{
	if (!c)
		return;
	c->in_packets++;
	c->in_bytes += p->length;
	if (!more)
		return;
	c->openers += p->kind == FLOW_OPENER || p->begins;
	c->ends += (p->tcp_flags & TCP_RST) != 0;
	c->refused += p->refused;
	c->evicted += p->evicted;
}

/* A packet of a service that goes to a backend, or would. */
static ALWAYS_INLINE void count_served(const struct tables *t, void *e,
				       const struct pkt *p)
{
	bool more = is_counted_more(p);

	count_in(t->service_traffic(e, p->service), p, more);
	count_in(t->backend_traffic(e, p->backend), p, more);
}

static ALWAYS_INLINE void count_out(struct traffic *c, const struct pkt *p)
{
	if (!c)
		return;
	c->out_packets++;
	c->out_bytes += p->length;
	c->ends += (p->tcp_flags & (TCP_FIN | TCP_RST)) != 0;
}

/* A packet that passed under PASS_OBSERVED: what it would have counted as. */
static ALWAYS_INLINE void count_as_if(const struct tables *t, void *e,
				      const struct pkt *p)
{
	if (p->as_if) {
		count_reason(t, e, REASON_AS_IF(p->as_if), p->length);
		return;
	}
	count_served(t, e, p);
}

/* A packet of stage_service() that no service has taken; not a rare one. */
static ALWAYS_INLINE void count_unserved(const struct tables *t, void *e,
					 const struct pkt *p)
{
	count_reason(t, e, p->reason, p->length);
	if (p->reason == PASS_OBSERVED)
		count_reason(t, e, REASON_AS_IF(p->as_if), p->length);
}

/* A packet of forward(), when its verdict is known. */
static ALWAYS_INLINE void count_forward(const struct tables *t, void *e,
					const struct pkt *p,
					enum verdict verdict)
{
	if (verdict == VERDICT_RARE) /* it begins anew */
		return;
	if (verdict < VERDICT_FORWARD) {
		count_reason(t, e, p->reason, p->length);
		if (p->reason == PASS_OBSERVED)
			count_as_if(t, e, p);
		return;
	}
	count_served(t, e, p);
}

/*
 * A packet of port_from_vm(), when its verdict is known; one that goes on
 * through the kernel counts when it comes back, one to a VIP when it comes in.
 */
static ALWAYS_INLINE void count_answer(const struct tables *t, void *e,
				       const struct pkt *p,
				       enum verdict verdict)
{
	if (verdict == VERDICT_STACK || verdict == VERDICT_RARE ||
	    verdict == VERDICT_INSIDE)
		return;
	if (verdict != VERDICT_FORWARD) {
		count_reason(t, e, p->reason, p->length);
		return;
	}
	count_out(t->service_traffic(e, p->service), p);
	count_out(t->backend_traffic(e, p->backend), p);
}

#endif
