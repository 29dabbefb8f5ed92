/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clients inside: VMs of this host, and the host itself, that call a VIP. Their
 * packets never meet an uplink.
 *
 * DOC: the way of a client inside
 *
 * What a VM sends to a VIP is taken at its port, and what the host sends to one
 * where it would leave by an uplink. Both come in again by an interface of our
 * own (struct node, @inside), where the path is an uplink's, so nothing of it is
 * there twice. A VM may call as any of its own addresses (struct client_key):
 * we are in front of the host's filters there, and must not carry what they would
 * stop.
 *
 * Which way answers go is noted by client and VIP (struct inside_way): no route
 * need lead to the client, and two tenants may use the same addresses as long as
 * they don't call the same VIP. If they do, the second is refused, by name.
 *
 *	VM -> VIP	inside_of() at the port: its way is noted, and where it came
 *			from is written in the place of its MAC address
 *	in again	forward(): a VM that is its own backend gets the VIP as
 *			its client (from_itself()): an address that it answers by
 *			its port
 *	answer		port_from_vm() of the backend; the engine finds the way
 */
#ifndef DATAPLANE_CORE_INSIDE_H
#define DATAPLANE_CORE_INSIDE_H

#include "dataplane/core/error.h"
#include "dataplane/core/nd.h"
#include "dataplane/core/rewrite.h"

/* Of the sender's MAC address: locally administered, then the interface. */
#define INSIDE_MAC BE16(0x0644)

/**
 * struct inside_mac - what a packet that comes in again has as its source.
 * @mark: INSIDE_MAC.
 * @ifindex: the VM's port, or the uplink that the host sent it by, in halves.
 */
struct inside_mac {
	be16 mark;
	uint16_t ifindex[2];
};
_Static_assert(sizeof(struct inside_mac) == 6, "in the place of a MAC address");

static ALWAYS_INLINE void inside_mac_write(struct pkt *p)
{
	struct inside_mac *mac = (struct inside_mac *)p->eth->src;

	mac->mark = INSIDE_MAC;
	mac->ifindex[0] = (uint16_t)p->ifindex;
	mac->ifindex[1] = (uint16_t)(p->ifindex >> 16);
}

/* Did it come in by the interface of those inside? */
static ALWAYS_INLINE bool from_inside(const struct tables *t, void *e,
				      const struct pkt *p)
{
	const struct node *node = t->node(e);

	return node && node->inside.ifindex &&
	       p->ifindex == node->inside.ifindex;
}

/* Is the VM at this port the one that sent it? Asked before its MAC addresses
 * are written; one comparison for all other packets. */
static ALWAYS_INLINE bool from_itself(const struct tables *t, void *e,
				      const struct pkt *p, uint32_t port)
{
	const struct inside_mac *mac = (const struct inside_mac *)p->eth->src;

	if (mac->mark != INSIDE_MAC)
		return false;
	return !((mac->ifindex[0] ^ (port & 0xffff)) |
		 (mac->ifindex[1] ^ port >> 16)) &&
	       from_inside(t, e, p);
}

/**
 * struct inside - what is asked about a packet to a VIP.
 * @key: its client, and the VIP.
 * @way: of its answers.
 * @l2: it only asks who has the VIP.
 */
struct inside {
	struct inside_key key;
	struct inside_way way;
	bool l2;
};

/* Who asks whom, and that it does; false: nothing that a VIP could be in. */
static ALWAYS_INLINE bool inside_parse(struct pkt *p, struct inside *q)
{
	const struct arp_hdr *arp;
	const struct nd_hdr *nd;
	uint8_t *l3 = NULL;

	/* A tag that the engine does not keep beside the frame is not known to
	 * the way back. */
	if (parse_frame(p, &l3) || p->l3_at != sizeof(*p->eth))
		return false;
	if (!is_ip(p)) {
		arp = (const struct arp_hdr *)l3;
		if (l3 + sizeof(*arp) > p->end || !arp_asks(arp))
			return false;
		q->key.client = ip_from_v4(arp->sender_ip);
		q->key.vip = ip_from_v4(arp->target_ip);
		q->l2 = true;
		return true;
	}
	q->key.client = pkt_addr(p, END_SRC);
	q->key.vip = pkt_addr(p, END_DST);
	if (!is_ipv6(p) || p->proto != IP_PROTO_ICMPV6 || parse_flow(p) ||
	    !nd_asks(p))
		return true;
	nd = (const struct nd_hdr *)p->l4;
	if ((const uint8_t *)(nd + 1) > p->end)
		return false;
	q->key.vip = ip_from_v6(&nd->target);
	q->l2 = true;
	return true;
}

/* May a way be used by somebody else now? */
static ALWAYS_INLINE bool inside_free(const struct tables *t, void *e,
				      const struct inside_key *key,
				      const struct inside_way *has)
{
	const struct node *node = t->node(e);
	struct client_key had = { .addr = key->client,
				  .ifindex = has->ifindex };

	if (!node || has->flags & INSIDE_HOST || !t->client(e, &had))
		return true;
	return tick_reached(TICKS_OF_NS(t->now_ns(e)),
			    has->seen_tick + node->direct_idle_ticks);
}

static ALWAYS_INLINE bool mac_same(const uint8_t *a, const uint8_t *b)
{
	int i;

	for (i = 0; i < 6; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static ALWAYS_INLINE bool inside_way_same(const struct inside_way *a,
					  const struct inside_way *b)
{
	return a->ifindex == b->ifindex && a->vlan == b->vlan &&
	       a->flags == b->flags && mac_same(a->mac, b->mac);
}

/* Note the way back of a packet. */
static ALWAYS_INLINE enum reason inside_note(const struct tables *t, void *e,
					     struct inside *q)
{
	struct inside_way *has = t->inside_way(e, &q->key);

	q->way.seen_tick = TICKS_OF_NS(t->now_ns(e));
	if (has && inside_way_same(has, &q->way)) {
		if (has->seen_tick != q->way.seen_tick)
			WRITE_ONCE(has->seen_tick, q->way.seen_tick);
		return REASON_NONE;
	}
	if (has && has->ifindex != q->way.ifindex &&
	    !inside_free(t, e, &q->key, has))
		return DROP_INSIDE_TAKEN;
	return t->inside_note(e, &q->key, &q->way) ? DROP_INSIDE_FULL :
						     REASON_NONE;
}

/* Is a packet that is not balanced for a VIP? Then inside_of() says more. */
static ALWAYS_INLINE bool inside_asks(const struct tables *t, void *e,
				      const struct pkt *p)
{
	struct service_key key = { .zero = 0 };
	const uint8_t *l3 = pkt_l3(p);

	if (!is_ip(p))
		return true;
	/* A verifier has forgotten that it is whole. */
	if (!l3 ||
	    l3 + (is_ipv6(p) ? sizeof(*p->ip6) : sizeof(*p->ip)) > p->end)
		return false;
	if ((is_ipv6(p) && p->proto == IP_PROTO_ICMPV6 &&
	     HOST32(p->ip6->addr[END_DST].word[0]) >> 24 == 0xff))
		return true;
	key.vip = pkt_addr(p, END_DST);
	return t->service(e, &key);
}

/* It doesn't fit. The host is not told: it may have a route that knows. */
static ALWAYS_INLINE enum verdict inside_too_big(struct pkt *p, uint16_t flags)
{
	if (flags & INSIDE_HOST || !is_ip(p) || !is_uncut(p))
		return dropped(p, DROP_INSIDE_TOO_BIG);
	p->reason = REPLY_INSIDE_TOO_BIG;
	return VERDICT_RARE;
}

/**
 * inside_refused() - a VM's packet that doesn't fit, as it came: inside_of() said
 * VERDICT_RARE.
 * @mtu: what would.
 *
 * Return: VERDICT_REPLY: the engine makes room of @reply_head bytes and asks
 * error_fill(), from @src; or VERDICT_DROP.
 */
static ALWAYS_INLINE enum verdict
inside_refused(const struct tables *t, void *e, struct pkt *p, uint32_t mtu)
{
	uint8_t *l3 = NULL;

	if (parse_frame(p, &l3) || !is_ip(p) || parse_flow(p) ||
	    p->l3_at != sizeof(*p->eth))
		return dropped(p, DROP_INSIDE_TOO_BIG);
	p->src = pkt_addr(p, END_DST);
	return answer_error(t, e, p, ERROR_TOO_BIG, mtu, REPLY_INSIDE_TOO_BIG,
			    DROP_INSIDE_TOO_BIG);
}

/**
 * inside_of() - a packet that a VM sends, or the host by an uplink.
 * @p: @data, @end, @length, @ifindex set, and @vlan, the rest zero.
 * @flags: INSIDE_HOST: the host's.
 * @fits: it does, the node's @inside.
 *
 * Return: VERDICT_INSIDE: the engine lets it come in by the node's @inside;
 * VERDICT_RARE: it asks inside_refused(); VERDICT_PASS or VERDICT_DROP with
 * @reason.
 */
static ALWAYS_INLINE enum verdict inside_of(const struct tables *t, void *e,
					    struct pkt *p, uint16_t flags,
					    bool fits)
{
	struct inside q = { .way = { .ifindex = p->ifindex,
				     .vlan = p->vlan,
				     .flags = flags } };
	const struct node *node = t->node(e);
	struct service_key key = { .zero = 0 };
	struct client_key client;
	const struct service *vip;

	p->reason = PASS_PORT_NOT_SERVICE;
	if (!node || !node->inside.ifindex || !inside_parse(p, &q))
		return VERDICT_PASS;
	key.vip = q.key.vip;
	vip = t->service(e, &key);
	if (!vip || vip->flags & SERVICE_OBSERVE ||
	    (q.l2 && !(vip->flags & SERVICE_ANSWER_L2)))
		return VERDICT_PASS;
	client.addr = q.key.client;
	client.ifindex = p->ifindex;
	p->reason = PASS_INSIDE_STRANGER;
	if (!(flags & INSIDE_HOST) && !t->client(e, &client))
		return VERDICT_PASS;
	if (!fits)
		return inside_too_big(p, flags);
	__builtin_memcpy(q.way.mac, p->eth->src, sizeof(q.way.mac));
	p->reason = inside_note(t, e, &q);
	if (p->reason)
		return VERDICT_DROP;
	inside_mac_write(p);
	return VERDICT_INSIDE;
}

/**
 * inside_back() - the way of a packet that the path has made, or sent to a
 * client: an answer from a VIP.
 * @p: as for inside_of().
 *
 * Return: NULL: there is none.
 */
static ALWAYS_INLINE const struct inside_way *
inside_back(const struct tables *t, void *e, struct pkt *p)
{
	struct inside_key key = { .client = { .word = { 0 } } };
	const struct arp_hdr *arp;
	uint8_t *l3 = NULL;

	if (parse_frame(p, &l3))
		return NULL;
	if (is_ip(p)) {
		key.client = pkt_addr(p, END_DST);
		key.vip = pkt_addr(p, END_SRC);
		return t->inside_way(e, &key);
	}
	arp = (const struct arp_hdr *)l3;
	if (l3 + sizeof(*arp) > p->end)
		return NULL;
	key.client = ip_from_v4(arp->target_ip);
	key.vip = ip_from_v4(arp->sender_ip);
	return t->inside_way(e, &key);
}

#endif
