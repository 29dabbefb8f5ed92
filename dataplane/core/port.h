/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet path at a VM's port: answers of balanced flows get the VIP as
 * their source; direct connections to the same port of the VM stay as they are.
 *
 * DOC: how the two are told apart
 *
 * Balanced packets never pass the port's egress hook (XDP redirects go past
 * it), so whatever does pass it unmarked is direct and gets an entry in the
 * table of direct flows; so does a SYN without ACK from the VM. A flow of the
 * VM's service port without such an entry is balanced. While no slot and no
 * flow entry names the VM the port is PORT_LEARNING: packets both ways make
 * entries and none is rewritten, so connections from before are known when the
 * first slot comes. A balanced opener ends the direct entry of the same client
 * (forward.h). A port of an observed service learns for as long as it is.
 *
 * What a VM sends to the address that probes come from is probe.h's.
 *
 * Answers of a port with rules of the host's own (PORT_STACK) only get a mark
 * here, go on through the kernel, and are taken back behind the rules (host.h).
 */
#ifndef DATAPLANE_CORE_PORT_H
#define DATAPLANE_CORE_PORT_H

#include "dataplane/core/key.h"
#include "dataplane/core/parse.h"
#include "dataplane/core/pick.h"
#include "dataplane/core/rewrite.h"

/**
 * struct port_view - a packet at a VM's port, seen from the VM.
 * @vm, @vm_port: the VM's end.
 * @peer, @peer_port: the other end.
 * @fin: FLOW_FIN_*: whose packet it is.
 */
struct port_view {
	struct ip_addr vm;
	struct ip_addr peer;
	be16 vm_port;
	be16 peer_port;
	uint64_t fin;
};

/* The service whose port a packet that was parsed is at, if it is one's. */
static ALWAYS_INLINE const struct port *port_of(const struct tables *t, void *e,
						const struct pkt *p,
						struct port_view *view)
{
	struct port_key key = { .zero = 0 };

	if (view->fin == FLOW_FIN_SERVER) {
		view->vm = p->src;
		view->vm_port = p->sport;
		view->peer = p->dst;
		view->peer_port = p->dport;
	} else {
		view->vm = p->dst;
		view->vm_port = p->dport;
		view->peer = p->src;
		view->peer_port = p->sport;
	}
	key.addr = view->vm;
	key.ifindex = p->ifindex;
	key.port = view->vm_port;
	key.proto = p->proto;
	return t->port(e, &key);
}

/* Parse, and find the service whose port this is; NULL: none of our business. */
static ALWAYS_INLINE const struct port *port_find(const struct tables *t,
						  void *e, struct pkt *p,
						  struct port_view *view)
{
	uint8_t *l3 = NULL;

	if (parse_frame(p, &l3) || !p->ip || parse_flow(p))
		return NULL;
	return port_of(t, e, p, view);
}

/**
 * struct direct - a packet as the table of direct flows sees it.
 * @key: of its flow.
 * @kind, @tcp_flags: as in struct pkt.
 * @from_vm: whose packet it is.
 * @make: make an entry if there is none.
 */
struct direct {
	uint64_t key;
	enum flow_kind kind;
	uint8_t tcp_flags;
	bool from_vm;
	bool make;
	uint8_t spare;
};
_Static_assert(sizeof(struct direct) == 16, "no padding in an argument");

#define DIRECT_UNKNOWN 0 /* no entry: balanced, or nothing known of it */
#define DIRECT_KNOWN   1
#define DIRECT_FULL    2 /* an entry was to be made and its line is full */

/**
 * direct_note() - look a direct flow up, and note the packet.
 *
 * Return: DIRECT_*.
 */
static ALWAYS_INLINE uint32_t direct_note(const struct tables *t, void *e,
					  const struct direct *q)
{
	uint64_t fin = q->from_vm ? FLOW_FIN_SERVER : FLOW_FIN_CLIENT;
	uint32_t now_tick = TICKS_OF_NS(t->now_ns(e));
	const struct node *node = t->node(e);
	struct flow_entry *entry = NULL;
	struct flow_line *line;
	uint64_t meta = 0;

	line = node ? t->direct_line(e, (uint32_t)q->key &
						node->direct_line_mask) :
		      NULL;
	if (!line)
		return DIRECT_UNKNOWN;
	entry = flow_find(line, q->key, now_tick, &meta);
	if (entry && q->kind == FLOW_OPENER && flow_closing(meta)) {
		flow_end(entry, meta);
		entry = NULL;
	}
	if (entry) {
		flow_touch(entry, meta, q->tcp_flags, fin,
			   node->direct_idle_ticks, now_tick);
		return DIRECT_KNOWN;
	}
	if (!q->make)
		return DIRECT_UNKNOWN;
	meta = flow_meta(
		1, 0, q->kind == FLOW_OPENER ? FLOW_EMBRYONIC : FLOW_CONFIRMED,
		0);
	meta = flow_seen(meta, q->tcp_flags, fin, node->direct_idle_ticks,
			 now_tick);
	return flow_insert_plain(line, q->key, meta, now_tick) ? DIRECT_KNOWN :
								 DIRECT_FULL;
}

/* The same for a parsed packet. */
static ALWAYS_INLINE uint32_t direct_seen(const struct tables *t, void *e,
					  const struct pkt *p,
					  const struct port_view *view,
					  bool make)
{
	const struct node *node = t->node(e);
	struct direct q = {
		.kind = p->kind,
		.tcp_flags = p->tcp_flags,
		.from_vm = view->fin == FLOW_FIN_SERVER,
		.make = make,
	};

	if (!node)
		return DIRECT_UNKNOWN;
	q.key = key_direct(&node->direct_seed, p->ifindex, &view->peer,
			   view->peer_port, &view->vm, view->vm_port, p->proto);
	return t->direct ? t->direct(e, &q) : direct_note(t, e, &q);
}

/* Note an answer on its flow's entry, if its slot is marked and it has one. */
static ALWAYS_INLINE void answer_seen(const struct tables *t, void *e,
				      const struct pkt *p,
				      const struct pool *pool)
{
	const struct node *node;
	struct flow_entry *entry;
	struct flow_line *line;
	uint64_t meta = 0;
	uint32_t now_tick;
	uint32_t index = 0;

	if (!(pick_slot(t, e, pool, p->key, &index) & SLOT_TRACKED))
		return;
	node = t->node(e);
	line = node ? t->flow_line(e, (uint32_t)p->key & node->flow_line_mask) :
		      NULL;
	if (!line)
		return;
	now_tick = TICKS_OF_NS(t->now_ns(e));
	entry = flow_find(line, p->key, now_tick, &meta);
	if (!entry || flow_backend(meta) != p->backend)
		return;
	/* An opener's entry waits for its client, however often we answer. */
	if (flow_class_of(meta) == FLOW_EMBRYONIC && !(p->tcp_flags & TCP_RST))
		return;
	flow_touch(entry, meta, p->tcp_flags, FLOW_FIN_SERVER, pool->idle_ticks,
		   now_tick);
}

/* Whose answer it is, and the change of source that makes it the VIP's. */
static ALWAYS_INLINE void answer_fill(struct pkt *p, const struct port *port,
				      struct nat_edit *ret_edit)
{
	p->reason = REASON_NONE;
	p->service = port->service;
	p->pool = port->pool;
	p->backend = port->backend;
	ret_edit->old_addr = p->src.word[3];
	ret_edit->old_port = p->sport;
	ret_edit->new_addr = port->vip.word[3];
	ret_edit->new_port = port->vip_port;
}

/**
 * port_from_vm() - a packet that the VM sends.
 * @p: @data, @end, @length, @ifindex set, the rest zero.
 * @ret_edit: for VERDICT_FORWARD: the change of source that the engine makes
 *            before it sends the packet to the client, and TTL - 1.
 *
 * Return: VERDICT_FORWARD; VERDICT_STACK: the engine marks it, and it goes on
 * as it came; VERDICT_PROBE: the engine asks probe_from_vm(); or VERDICT_PASS or
 * VERDICT_DROP with @reason.
 */
static ALWAYS_INLINE enum verdict port_from_vm(const struct tables *t, void *e,
					       struct pkt *p,
					       struct nat_edit *ret_edit)
{
	struct port_view view = { .fin = FLOW_FIN_SERVER };
	const struct port *port;
	const struct pool *pool;
	uint8_t *l3 = NULL;
	uint32_t direct;
	bool make;

	p->reason = PASS_PORT_NOT_SERVICE;
	if (parse_frame(p, &l3))
		return VERDICT_PASS;
	/* One comparison, for whatever is balanced or direct. */
	if (!p->ip || p->ip->dst == t->probe_node(e)->source)
		return VERDICT_PROBE;
	if (parse_flow(p))
		return VERDICT_PASS;
	port = port_of(t, e, p, &view);
	if (!port)
		return VERDICT_PASS;
	make = port->flags & PORT_LEARNING || p->kind == FLOW_OPENER;
	direct = direct_seen(t, e, p, &view, make);
	p->reason = DROP_PORT_DIRECT_FULL;
	if (direct == DIRECT_FULL && p->kind == FLOW_OPENER &&
	    !(port->flags & PORT_OBSERVE))
		return VERDICT_DROP;
	p->reason = PASS_PORT_DIRECT;
	if (direct == DIRECT_KNOWN || make)
		return VERDICT_PASS;
	p->reason = DROP_PORT_TTL;
	if (p->ip->ttl <= 1)
		return VERDICT_DROP;
	answer_fill(p, port, ret_edit);
	pool = t->pool(e, port->pool);
	if (pool) {
		p->key = key_balanced(&pool->seed,
				      (enum affinity)pool->affinity, &p->dst,
				      p->dport, &port->vip, port->vip_port,
				      p->proto);
		answer_seen(t, e, p, pool);
	}
	return port->flags & PORT_STACK ? VERDICT_STACK : VERDICT_FORWARD;
}

/**
 * port_to_vm() - a packet to the VM that no balancer sent.
 *
 * Return: VERDICT_PASS, or VERDICT_DROP when a new direct connection finds no
 * place: without an entry its answers would be rewritten.
 */
static ALWAYS_INLINE enum verdict port_to_vm(const struct tables *t, void *e,
					     struct pkt *p)
{
	struct port_view view = { .fin = FLOW_FIN_CLIENT };
	const struct port *port = port_find(t, e, p, &view);

	p->reason = PASS_PORT_NOT_SERVICE;
	if (!port)
		return VERDICT_PASS;
	p->reason = PASS_PORT_DIRECT;
	if (direct_seen(t, e, p, &view, true) == DIRECT_FULL &&
	    p->kind == FLOW_OPENER && !(port->flags & PORT_OBSERVE)) {
		p->reason = DROP_PORT_DIRECT_FULL;
		return VERDICT_DROP;
	}
	return VERDICT_PASS;
}

#endif
