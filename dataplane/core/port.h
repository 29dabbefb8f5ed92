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
 * (forward.h). A port of an observed service learns for as long as it is. Plain
 * UDP has it the other way round: direct.h.
 *
 * What a VM sends to the address that probes come from is probe.h's.
 *
 * Answers of a port with rules of the host's own (PORT_STACK) only get a mark
 * here, go on through the kernel, and are taken back behind the rules (host.h).
 */
#ifndef DATAPLANE_CORE_PORT_H
#define DATAPLANE_CORE_PORT_H

#include "dataplane/core/direct.h"
#include "dataplane/core/error.h"
#include "dataplane/core/frag.h"
#include "dataplane/core/icmp.h"
#include "dataplane/core/mss.h"
#include "dataplane/core/pick.h"

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

/* The service whose port a view is at, if it is one's. */
static ALWAYS_INLINE const struct port *port_at(const struct tables *t, void *e,
						const struct port_view *view,
						uint32_t ifindex, uint8_t proto)
{
	struct port_key key = {
		.addr = view->vm,
		.ifindex = ifindex,
		.port = view->vm_port,
		.proto = proto,
	};

	return t->port(e, &key);
}

/* The service whose port a packet that was parsed is at, if it is one's. */
static ALWAYS_INLINE const struct port *port_of(const struct tables *t, void *e,
						const struct pkt *p,
						struct port_view *view)
{
	enum end vm = view->fin == FLOW_FIN_SERVER ? END_SRC : END_DST;

	view->vm = pkt_addr(p, vm);
	view->peer = pkt_addr(p, vm == END_SRC ? END_DST : END_SRC);
	view->vm_port = vm == END_SRC ? p->sport : p->dport;
	view->peer_port = vm == END_SRC ? p->dport : p->sport;
	return port_at(t, e, view, p->ifindex, p->proto);
}

/* Parse, and find the service whose port this is; NULL: none of our business. */
static ALWAYS_INLINE const struct port *port_find(const struct tables *t,
						  void *e, struct pkt *p,
						  struct port_view *view)
{
	uint8_t *l3 = NULL;

	if (parse_frame(p, &l3) || !is_ip(p) || parse_flow(p) || !is_usual(p))
		return NULL;
	return port_of(t, e, p, view);
}

/* A packet in the table of direct flows. */
static ALWAYS_INLINE uint32_t direct_seen(const struct tables *t, void *e,
					  const struct pkt *p,
					  const struct port_view *view,
					  uint8_t proto, bool make)
{
	struct key_ask ask = {
		.client = view->peer,
		.client_port = view->peer_port,
		.server = view->vm,
		.server_port = view->vm_port,
		.ifindex = p->ifindex,
		.proto = proto,
		.is_direct = true,
	};
	struct direct q = {
		.kind = p->kind,
		.tcp_flags = p->tcp_flags,
		.from_vm = view->fin == FLOW_FIN_SERVER,
		.what = make ? DIRECT_MAKE : DIRECT_LOOK,
	};

	q.key = key_for(t, e, &ask);
	return direct_ask(t, e, &q);
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
	flow_touch(entry, meta, p->tcp_flags, FLOW_FIN_SERVER,
		   p->kind == FLOW_UDP ? pool->udp_idle_ticks :
					 pool->idle_ticks,
		   now_tick);
}

/* Whose answer it is. */
static ALWAYS_INLINE void answer_fill(struct pkt *p, const struct port *port)
{
	p->reason = REASON_NONE;
	p->service = port->service;
	p->pool = port->pool;
	p->backend = port->backend;
	p->mss = port->mss;
	p->l2 = port->flags & (PORT_L2 | PORT_L2_ONLY);
}

/* The key of the balanced flow that a view may belong to. */
static ALWAYS_INLINE const struct pool *
answer_key(const struct tables *t, void *e, struct pkt *p,
	   const struct port *port, const struct port_view *view, uint8_t proto)
{
	struct key_ask ask = {
		.client = p->to_itself ? view->vm : view->peer,
		.client_port = view->peer_port,
		.server = port->vip,
		.server_port = port->vip_port,
		.pool = port->pool,
		.proto = proto,
	};

	p->key = key_for(t, e, &ask);
	return t->pool(e, port->pool);
}

/* Plain UDP at a service's port, without the table of direct flows. */
static ALWAYS_INLINE bool is_plain_udp(const struct port *port, uint8_t proto)
{
	return proto == IP_PROTO_UDP && !(port->flags & PORT_QUIC);
}

/**
 * judge() - is a packet from a service's port an answer?
 * @proto: of the flow: an error's own is ICMP.
 *
 * Return: REASON_NONE with @key of the balanced flow (0 if its pool is gone), or
 * the reason to pass or drop it.
 */
static ALWAYS_INLINE enum reason judge(const struct tables *t, void *e,
				       struct pkt *p, const struct port *port,
				       const struct port_view *view,
				       uint8_t proto)
{
	const struct pool *pool;
	uint32_t direct;
	bool make;

	if (is_plain_udp(port, proto)) {
		p->kind = FLOW_UDP;
		if (port->flags & PORT_LEARNING)
			return PASS_PORT_DIRECT;
		pool = answer_key(t, e, p, port, view, proto);
		return pool && asked_seen(t, e, p->key, p->ifindex, pool,
					  ASKED_LOOK) != ASKED_NO ?
			       REASON_NONE :
			       PASS_PORT_DIRECT;
	}
	/* A server's first packets look like a client's: they are QUIC's. */
	if (proto == IP_PROTO_UDP)
		p->kind = FLOW_OTHER;
	make = port->flags & PORT_LEARNING || p->kind == FLOW_OPENER;
	direct = direct_seen(t, e, p, view, proto, make);
	if (direct == DIRECT_FULL && p->kind == FLOW_OPENER &&
	    !(port->flags & PORT_OBSERVE))
		return DROP_PORT_DIRECT_FULL;
	if (direct == DIRECT_KNOWN || make)
		return PASS_PORT_DIRECT;
	(void)answer_key(t, e, p, port, view, proto);
	return REASON_NONE;
}

static ALWAYS_INLINE enum verdict judged(struct pkt *p, enum reason reason)
{
	p->reason = reason;
	return reason == DROP_PORT_DIRECT_FULL || reason == DROP_PORT_TTL ?
		       VERDICT_DROP :
		       VERDICT_PASS;
}

/* Between whom an answer goes, for who sends it when it can't be read any more. */
static ALWAYS_INLINE void answer_ends(struct pkt *p, const struct ip_addr *vip)
{
	p->src = *vip;
	p->dst = pkt_addr(p, p->to_itself ? END_SRC : END_DST);
}

/* The VIP becomes the source of an answer. */
static ALWAYS_INLINE void answer_rewrite(const struct tables *t, void *e,
					 struct pkt *p, const struct port *port)
{
	mss_clamp(t, e, p, p->mss);
	answer_ends(p, &port->vip);
	if (p->to_itself)
		rewrite_alike(p, END_SRC);
	rewrite_end(t, e, p, END_SRC, &port->vip, port->vip_port);
}

/* What an answer's way out takes, if it doesn't fit there; else 0. */
static ALWAYS_INLINE uint32_t answer_mtu(const struct tables *t, void *e,
					 struct pkt *p,
					 const struct ip_addr *vip)
{
	answer_ends(p, vip);
	return t->out_mtu ? t->out_mtu(e, p, pkt_wire_size(p)) : 0;
}

/* An answer that doesn't fit its way out: the VM is told, where it must be. */
static ALWAYS_INLINE enum verdict answer_too_big(struct pkt *p)
{
	if (!is_uncut(p))
		return dropped(p, DROP_PORT_TOO_BIG);
	p->reason = REPLY_PORT_TOO_BIG;
	return VERDICT_RARE;
}

/* An answer: note it, rewrite it; or mark it, for a way through the kernel. */
static ALWAYS_INLINE enum verdict answer(const struct tables *t, void *e,
					 struct pkt *p, const struct port *port)
{
	const struct pool *pool;

	answer_fill(p, port);
	pool = t->pool(e, port->pool);
	if (pool)
		answer_seen(t, e, p, pool);
	if (port->flags & PORT_STACK)
		return VERDICT_STACK;
	if (answer_mtu(t, e, p, &port->vip))
		return answer_too_big(p);
	answer_rewrite(t, e, p, port);
	return VERDICT_FORWARD;
}

/*
 * Does it go to the address that probes come from, or might it ask for it? That
 * goes to the address or to the group that has its last 24 bits.
 */
static ALWAYS_INLINE bool is_for_probes(const struct pkt *p,
					const struct probe_node *probes)
{
	const struct ip_addr *source = &probes->v6.source;
	struct ip_addr to;

	if (!is_ip(p))
		return true;
	if (!is_ipv6(p))
		return p->ip->dst == probes->v4.source.word[3];
	to = pkt_addr(p, END_DST);
	if ((to.word[3] ^ source->word[3]) & BE32(0xffffff))
		return false;
	return ip_same(&to, source) || HOST32(to.word[0]) >> 24 == 0xff;
}

/**
 * port_from_vm() - a packet that the VM sends.
 * @p: @data, @end, @length, @ifindex set, the rest zero.
 *
 * Return: VERDICT_FORWARD: rewritten, and to be sent to the client (@dst, from
 * @src, the VIP); VERDICT_STACK: the engine marks it, and it goes on as it came;
 * VERDICT_PROBE: the engine asks probe_from_vm(); VERDICT_RARE: it asks
 * port_rare_icmp(), port_rare_flow() or port_rare_refused(), by rare_kind(); or
 * VERDICT_PASS or VERDICT_DROP with @reason.
 */
static ALWAYS_INLINE enum verdict port_from_vm(const struct tables *t, void *e,
					       struct pkt *p)
{
	struct port_view view = { .fin = FLOW_FIN_SERVER };
	const struct port *port;
	enum reason reason;
	uint8_t *l3 = NULL;

	p->reason = PASS_PORT_NOT_SERVICE;
	if (parse_frame(p, &l3))
		return VERDICT_PASS;
	if (is_other_family(p))
		return VERDICT_RARE;
	/* One comparison, for whatever is balanced or direct. */
	if (is_for_probes(p, t->probe_node(e)))
		return VERDICT_PROBE;
	if (parse_flow(p))
		return VERDICT_PASS;
	if (!is_usual(p))
		return VERDICT_RARE;
	port = port_of(t, e, p, &view);
	if (!port)
		return VERDICT_PASS;
	/* Then it knows its client, by the VIP that it called, as that VIP. */
	p->to_itself = ip_same(&view.peer, &port->vip);
	reason = judge(t, e, p, port, &view, p->proto);
	if (!reason && p->ttl <= 1)
		reason = DROP_PORT_TTL;
	return reason ? judged(p, reason) : answer(t, e, p, port);
}

/* A later fragment of an answer, or of something else. */
static ALWAYS_INLINE enum verdict answer_later(const struct tables *t, void *e,
					       struct pkt *p, bool is_back)
{
	struct ip_addr vip;
	uint32_t flags;

	if (frag_later(t, e, p, p->ifindex, &vip, &flags))
		return judged(p, PASS_PORT_NOT_SERVICE);
	if (p->ttl <= 1)
		return judged(p, DROP_PORT_TTL);
	p->reason = REASON_NONE;
	p->l2 = flags & (PORT_L2 | PORT_L2_ONLY);
	if (flags & PORT_STACK && !is_back)
		return VERDICT_STACK;
	if (is_back)
		answer_ends(p, &vip);
	else if (answer_mtu(t, e, p, &vip))
		return dropped(p, DROP_PORT_TOO_BIG);
	rewrite_end(t, e, p, END_SRC, &vip, 0);
	return VERDICT_FORWARD;
}

/* An error of the VM's about a client's packet. */
static ALWAYS_INLINE enum verdict answer_icmp(const struct tables *t, void *e,
					      struct pkt *p, bool is_back)
{
	struct port_view view = { .fin = FLOW_FIN_SERVER };
	struct quoted q = { .ip = NULL };
	const struct port *port;
	enum reason reason;

	if (!icmp_is_error(p) || !quoted_parse(t, e, p, &q))
		return judged(p, PASS_PORT_NOT_SERVICE);
	view.vm = q.flow.addr[END_DST];
	view.vm_port = q.flow.port[END_DST];
	view.peer = q.flow.addr[END_SRC];
	view.peer_port = q.flow.port[END_SRC];
	port = port_at(t, e, &view, p->ifindex, q.flow.proto);
	if (!port || ip_same(&view.peer, &port->vip))
		return judged(p, PASS_PORT_NOT_SERVICE);
	p->kind = FLOW_OTHER;
	reason = is_back ? REASON_NONE :
			   judge(t, e, p, port, &view, q.flow.proto);
	if (!reason && p->ttl <= 1)
		reason = DROP_PORT_TTL;
	if (reason)
		return judged(p, reason);
	answer_fill(p, port);
	if (port->flags & PORT_STACK && !is_back)
		return VERDICT_STACK;
	answer_ends(p, &port->vip);
	icmp_rewrite(p, &q, END_SRC, END_DST, &port->vip, port->vip_port);
	return VERDICT_FORWARD;
}

/**
 * port_rare_icmp() - a packet of RARE_ICMP at a VM's port: port_from_vm() said
 * VERDICT_RARE.
 * @p: @data, @end, @length, @ifindex set, the rest zero.
 * @is_back: it is known for an answer, and comes back from the host's own rules.
 *
 * Return: as port_from_vm(), never VERDICT_RARE.
 */
static ALWAYS_INLINE enum verdict
port_rare_icmp(const struct tables *t, void *e, struct pkt *p, bool is_back)
{
	if (parse_rare(t, e, p) || p->l4_kind != L4_ICMP || p->frag)
		return judged(p, PASS_PORT_NOT_SERVICE);
	return answer_icmp(t, e, p, is_back);
}

/**
 * port_rare_flow() - the same of any other kind.
 *
 * Return: as port_from_vm(); VERDICT_RARE: behind extension headers is ICMP, or it
 * is refused.
 */
static ALWAYS_INLINE enum verdict
port_rare_flow(const struct tables *t, void *e, struct pkt *p, bool is_back)
{
	struct port_view view = { .fin = FLOW_FIN_SERVER };
	enum reason reason = parse_rare(t, e, p);
	const struct port *port;

	p->reason = PASS_PORT_NOT_SERVICE;
	if (reason)
		return VERDICT_PASS;
	if (p->l4_kind == L4_ICMP)
		return VERDICT_RARE;
	if (p->l4_kind == L4_NONE)
		return answer_later(t, e, p, is_back);
	port = port_of(t, e, p, &view);
	/* In pieces a VM does not talk to itself. */
	if (!port || ip_same(&view.peer, &port->vip))
		return VERDICT_PASS;
	reason = is_back ? REASON_NONE : judge(t, e, p, port, &view, p->proto);
	if (!reason && p->ttl <= 1)
		reason = DROP_PORT_TTL;
	if (reason)
		return judged(p, reason);
	answer_fill(p, port);
	if (p->frag)
		p->reason = frag_first(t, e, p, p->ifindex, &port->vip,
				       port->flags);
	if (p->reason)
		return VERDICT_DROP;
	if (!is_back)
		return answer(t, e, p, port);
	answer_rewrite(t, e, p, port);
	return VERDICT_FORWARD;
}

/**
 * port_rare_refused() - an answer that doesn't fit its way out, as it came.
 *
 * Return: VERDICT_REPLY: the engine makes room of @reply_head bytes and asks
 * error_fill(), from @src; or VERDICT_DROP.
 */
static ALWAYS_INLINE enum verdict port_rare_refused(const struct tables *t,
						    void *e, struct pkt *p)
{
	struct port_view view = { .fin = FLOW_FIN_SERVER };
	const struct port *port;
	uint32_t mtu;

	/* What has tags is no VM's that sends as its kernel would. */
	if (parse_rare(t, e, p) || p->l4_kind == L4_NONE ||
	    p->l3_at != sizeof(*p->eth))
		return dropped(p, DROP_PORT_TOO_BIG);
	port = port_of(t, e, p, &view);
	if (!port)
		return dropped(p, DROP_PORT_TOO_BIG);
	mtu = answer_mtu(t, e, p, &port->vip);
	/* Its way has changed meanwhile; the VM tries again. */
	if (!mtu)
		return dropped(p, DROP_PORT_TOO_BIG);
	return answer_error(t, e, p, ERROR_TOO_BIG, mtu, REPLY_PORT_TOO_BIG,
			    DROP_PORT_TOO_BIG);
}

/* A client of plain UDP that asks the VM straight: it is to be answered so. */
static ALWAYS_INLINE void forget_asked(const struct tables *t, void *e,
				       struct pkt *p, const struct port *port,
				       const struct port_view *view)
{
	const struct pool *pool = answer_key(t, e, p, port, view, p->proto);

	if (pool)
		(void)asked_seen(t, e, p->key, p->ifindex, pool, ASKED_END);
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
	if (is_plain_udp(port, p->proto)) {
		forget_asked(t, e, p, port, &view);
		return VERDICT_PASS;
	}
	if (p->proto == IP_PROTO_UDP)
		p->kind = FLOW_OTHER;
	if (direct_seen(t, e, p, &view, p->proto, true) == DIRECT_FULL &&
	    p->kind == FLOW_OPENER && !(port->flags & PORT_OBSERVE)) {
		p->reason = DROP_PORT_DIRECT_FULL;
		return VERDICT_DROP;
	}
	return VERDICT_PASS;
}

#endif
