// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core on a copy of the tables: lookups, then the order in which an engine
 * asks the core about a packet.
 */
#include "dataplane/judge.h"

#include "dataplane/core/rare.h"
#include "dataplane/core/port.h"
#include "dataplane/judged.h"
#include "dataplane/publish_state.h"

#include <stdlib.h>
#include <string.h>

/* More of a frame than headers is never looked at. */
#define FRAME_MAX 2048

/**
 * struct judge - see judge.h.
 * @p: the copy.
 * @frags: fragments of this capture.
 * @limiter: of one CPU, on which all packets come in.
 * @now_ns: of the packet that is judged.
 * @port: what was looked up last.
 * @frame: the packet's, which the core rewrites.
 */
struct judge {
	const struct publish *p;
	struct frag_line *frags;
	struct limiter limiter;
	uint64_t now_ns;
	struct port port;
	uint8_t frame[FRAME_MAX] __attribute__((aligned(2)));
};

static const struct node *judge_node(void *e)
{
	const struct judge *j = e;

	return j->p->m.node;
}

static const struct service *judge_service(void *e, const struct service_key *k)
{
	const struct judge *j = e;
	const struct service_info *info = j->p->m.service_info;
	uint32_t n = SERVICE_INFOS(j->p->m.meta->limits);
	uint32_t i;

	for (i = 1; i < n; i++)
		if (info[i].state == NUMBER_IN_FORCE &&
		    !memcmp(&info[i].key, k, sizeof(*k)))
			return &info[i].value;
	return NULL;
}

static const struct pool *judge_pool(void *e, uint32_t number)
{
	const struct judge *j = e;

	return number < j->p->m.meta->limits.n_pools ? &j->p->m.pools[number] :
						       NULL;
}

static const struct slot_line *judge_slot_line(void *e, uint32_t line)
{
	const struct judge *j = e;

	return line < j->p->m.meta->limits.n_slots / SLOTS_PER_LINE ?
		       &j->p->m.slots[line] :
		       NULL;
}

static struct slot_clock *judge_slot_clock(void *e, uint32_t slot)
{
	const struct judge *j = e;

	return slot < j->p->m.meta->limits.n_slots ? &j->p->m.clocks[slot] :
						     NULL;
}

static const struct backend *judge_backend(void *e, uint32_t number)
{
	const struct judge *j = e;

	return number <= j->p->m.meta->limits.n_backends ?
		       &j->p->m.backends[number] :
		       NULL;
}

static struct flow_line *judge_flow_line(void *e, uint32_t line)
{
	const struct judge *j = e;

	return line < j->p->m.meta->limits.n_flows / FLOWS_PER_LINE ?
		       &j->p->m.flows[line] :
		       NULL;
}

static struct flow_line *judge_direct_line(void *e, uint32_t line)
{
	const struct judge *j = e;

	return line < j->p->m.meta->limits.n_direct / FLOWS_PER_LINE ?
		       &j->p->m.direct[line] :
		       NULL;
}

static struct frag_line *judge_frag_line(void *e, uint32_t line)
{
	const struct judge *j = e;

	return line < FRAG_LINES ? &j->frags[line] : NULL;
}

static const struct port *judge_port(void *e, const struct port_key *k)
{
	struct judge *j = e;

	return j->p->ops.get_port(j->p->e, k, &j->port) ? NULL : &j->port;
}

static struct limiter *judge_limiter(void *e)
{
	struct judge *j = e;

	return &j->limiter;
}

/* Nothing is counted: none of these packets has come. */
static struct traffic *judge_traffic(void *e, uint32_t number)
{
	(void)e;
	(void)number;
	return NULL;
}

static struct reason_count *judge_reason(void *e, uint32_t reason)
{
	(void)e;
	(void)reason;
	return NULL;
}

static const struct probe_node *judge_probe_node(void *e)
{
	static const struct probe_node none = { .ifindex = 0 };

	(void)e;
	return &none;
}

static uint64_t judge_now_ns(void *e)
{
	const struct judge *j = e;

	return j->now_ns;
}

static const struct tables tables = {
	.node = judge_node,
	.service = judge_service,
	.pool = judge_pool,
	.slot_line = judge_slot_line,
	.slot_clock = judge_slot_clock,
	.backend = judge_backend,
	.flow_line = judge_flow_line,
	.direct_line = judge_direct_line,
	.frag_line = judge_frag_line,
	.port = judge_port,
	.limiter = judge_limiter,
	.service_traffic = judge_traffic,
	.backend_traffic = judge_traffic,
	.reason_count = judge_reason,
	.probe_node = judge_probe_node,
	.now_ns = judge_now_ns,
};

struct judge *judge_new(const struct publish *publish)
{
	struct judge *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->p = publish;
	/* As the core's atomics and layouts want it. */
	j->frags = aligned_alloc(64, FRAG_LINES * sizeof(*j->frags));
	if (!j->frags) {
		free(j);
		return NULL;
	}
	memset(j->frags, 0, FRAG_LINES * sizeof(*j->frags));
	return j;
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	free(j->frags);
	free(j);
}

/* The packet as it came: the core has begun to change what it had. */
static struct pkt begin(struct judge *j, const struct dp_packet *packet)
{
	uint32_t size = packet->captured;
	struct pkt p = {
		.data = j->frame,
		.length = packet->length,
		.ifindex = packet->ifindex,
	};

	if (size > FRAME_MAX)
		size = FRAME_MAX;
	if (size > packet->length)
		size = packet->length;
	memcpy(j->frame, packet->data, size);
	p.end = j->frame + size;
	if (packet->hook == DP_UPLINK)
		p.ifindex = j->p->m.node->uplinks[0].ifindex;
	return p;
}

static enum verdict judge_rare(struct judge *j, struct pkt *p,
			       enum rare_kind kind)
{
	switch (kind) {
	case RARE_FLOW:
		return rare_of_flow(&tables, j, p);
	case RARE_LATER:
		return rare_of_later(&tables, j, p);
	case RARE_ICMP:
		return rare_of_icmp(&tables, j, p);
	case RARE_REFUSED:
		return rare_of_refused(&tables, j, p);
	case RARE_USUAL: /* never: this code is for both families */
	case N_RARE_KINDS:
		break;
	}
	return VERDICT_DROP;
}

static enum verdict judge_uplink(struct judge *j,
				 const struct dp_packet *packet, struct pkt *p)
{
	enum verdict verdict = forward(&tables, j, p);
	enum rare_kind kind;

	while (verdict == VERDICT_RARE) {
		kind = rare_kind(p);
		*p = begin(j, packet);
		verdict = judge_rare(j, p, kind);
	}
	return verdict;
}

static enum verdict judge_from_vm(struct judge *j,
				  const struct dp_packet *packet, struct pkt *p)
{
	enum verdict verdict = port_from_vm(&tables, j, p);
	bool is_icmp = p->l4_kind == L4_ICMP;

	if (verdict == VERDICT_RARE && !is_icmp) {
		*p = begin(j, packet);
		verdict = port_rare_flow(&tables, j, p, false);
	}
	if (verdict == VERDICT_RARE) {
		*p = begin(j, packet);
		verdict = port_rare_icmp(&tables, j, p, false);
	}
	/* ARP and ND; who asks for the address that probes come from is not known. */
	return verdict == VERDICT_PROBE ? VERDICT_PASS : verdict;
}

/* What kind of packet it is, for people. */
static void describe(struct judge *j, const struct dp_packet *packet,
		     struct dp_judged *ret)
{
	struct pkt p = begin(j, packet);
	enum reason reason = parse_rare(&tables, j, &p);

	ret->length = packet->length;
	ret->hook = packet->hook;
	judged_packet(&p, reason, ret);
}

/* Who the numbers are that the path has left in a packet. */
static void name_ends(const struct judge *j, const struct pkt *p,
		      struct dp_judged *ret)
{
	judged_service(j->p, p->service, ret);
	judged_backend(j->p, p->backend, ret);
	if (p->frag == FRAG_LATER)
		ret->target_port = 0;
}

void judge_packet(struct judge *j, const struct dp_packet *packet,
		  struct dp_judged *ret)
{
	struct pkt p;

	*ret = (struct dp_judged){ .reason = REASON_NONE };
	j->now_ns = packet->at_ns;
	describe(j, packet, ret);
	p = begin(j, packet);
	if (packet->hook == DP_UPLINK)
		ret->verdict = judge_uplink(j, packet, &p);
	else if (packet->hook == DP_FROM_VM)
		ret->verdict = judge_from_vm(j, packet, &p);
	else
		ret->verdict = port_to_vm(&tables, j, &p);
	ret->reason = p.reason;
	ret->as_if = p.as_if;
	ret->how = (enum pick_how)p.how;
	ret->slot = p.slot;
	if (ret->l4 == L4_TCP || ret->l4 == L4_UDP)
		ret->kind = p.kind;
	name_ends(j, &p, ret);
}
