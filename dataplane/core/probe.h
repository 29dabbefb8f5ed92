/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Probes over the data path: to VMs that the host has no route to.
 *
 * DOC: how a probe gets there and back
 *
 * Each VM that is probed so has an address of ours, its target's. A socket that
 * connects to it sends by the probe interface:
 *
 *	local -> target's address	the socket
 *	source -> VM's address		to the VM's port: probe_to_vm()
 *	VM's address -> source		what the VM answers: probe_from_vm()
 *	target's address -> local	to the probe interface
 *
 * So it needs neither an address in the VM's network nor a bridge, and VMs with
 * the same address are as many targets. Ports stay as they are: the kernel gives
 * two probes of one target two ports.
 *
 * `source` is one address of each family for all VMs. A VM answers by its default
 * route, or asks who has it and is told here; nobody else hears of either, since
 * both are taken at its port. What a VM sends to `source` is dropped unless it
 * answers a probe: a flow with an entry among the direct ones, which
 * probe_to_vm() made, and no opener. So a VM reaches the host's sockets that
 * probe it, and no others.
 *
 * An entry of UDP is TCP's of a connection that was only begun, and over with
 * its answer: each probe has a port of its own, and full lives of them would
 * fill the table.
 */
#ifndef DATAPLANE_CORE_PROBE_H
#define DATAPLANE_CORE_PROBE_H

#include "dataplane/core/nd.h"
#include "dataplane/core/port.h"
#include "dataplane/core/reply.h"

/* Neither probes nor answers to them have a tag, IP options or extensions. */
static ALWAYS_INLINE bool probe_is_plain(const struct pkt *p)
{
	uint32_t header = is_ipv6(p) ? sizeof(struct ipv6_hdr) :
				       sizeof(struct ipv4_hdr);

	return p->l3_at == sizeof(struct eth_hdr) &&
	       p->l3_size - p->l4_size == header;
}

/* Of a packet's family. */
static ALWAYS_INLINE const struct probe_ends *
probe_ends(const struct pkt *p, const struct probe_node *probes)
{
	return is_ipv6(p) ? &probes->v6 : &probes->v4;
}

/* Other addresses on both sides; ports and TTL stay. */
static ALWAYS_INLINE void probe_readdress(const struct tables *t, void *e,
					  struct pkt *p,
					  const struct ip_addr *src,
					  const struct ip_addr *dst)
{
	uint32_t pseudo = rewrite_addr(p, END_SRC, src, 0);

	pseudo += rewrite_addr(p, END_DST, dst, 0);
	rewrite_csum(t, e, p, pseudo, 0);
}

/* The VM's port that a packet of the probe interface is for. */
static ALWAYS_INLINE const struct probe_target *
probe_target(const struct tables *t, void *e, const struct pkt *p)
{
	struct ip_addr to = pkt_addr(p, END_DST);
	const struct probe_target *target =
		t->probe_target(e, PROBE_NUMBER(to));

	/* Free, or of the other family. */
	if (!target || !target->ifindex || IP_IS_V4(target->addr) == is_ipv6(p))
		return NULL;
	return target;
}

/**
 * probe_to_vm() - a packet that leaves by the probe interface.
 * @p: @data, @end, @length set, the rest zero. @ifindex becomes the VM's port.
 *
 * Return: VERDICT_PROBE: rewritten, out at @out_ifindex; VERDICT_DROP with
 * @reason; or VERDICT_RARE: of the family that @only leaves out.
 */
static ALWAYS_INLINE enum verdict probe_to_vm(const struct tables *t, void *e,
					      struct pkt *p)
{
	const struct probe_node *probes = t->probe_node(e);
	struct port_view view = { .fin = FLOW_FIN_CLIENT };
	const struct probe_target *target;
	const struct probe_ends *ends;
	uint8_t *l3 = NULL;

	p->reason = DROP_PROBE;
	if (parse_frame(p, &l3) || !is_ip(p))
		return VERDICT_DROP;
	if (is_other_family(p))
		return VERDICT_RARE;
	ends = probe_ends(p, probes);
	view.peer = pkt_addr(p, END_SRC);
	if (parse_flow(p) || !is_usual(p) || !probe_is_plain(p) ||
	    !ip_same(&view.peer, &ends->local))
		return VERDICT_DROP;
	target = probe_target(t, e, p);
	if (!target)
		return VERDICT_DROP;
	p->ifindex = target->ifindex;
	view.vm = target->addr;
	view.vm_port = p->dport;
	view.peer = ends->source;
	view.peer_port = p->sport;
	if (p->l4_kind == L4_UDP) {
		p->kind = FLOW_OPENER;
		p->tcp_flags = TCP_SYN;
	}
	if (direct_seen(t, e, p, &view, p->proto, true) == DIRECT_FULL) {
		p->reason = DROP_PORT_DIRECT_FULL;
		return VERDICT_DROP;
	}
	p->reason = REASON_NONE;
	p->out_ifindex = target->ifindex;
	__builtin_memcpy(p->eth->dst, target->mac, 6);
	__builtin_memcpy(p->eth->src, probes->mac, 6);
	probe_readdress(t, e, p, &view.peer, &view.vm);
	return VERDICT_PROBE;
}

static ALWAYS_INLINE uint32_t probe_number(const struct tables *t, void *e,
					   uint32_t ifindex,
					   const struct ip_addr *vm)
{
	struct probe_key key = { .addr = *vm, .ifindex = ifindex };
	const uint32_t *number = t->probe_number(e, &key);

	return number ? *number : 0;
}

/*
 * A VM that is probed asks who has the address that probes come from. No limit:
 * the answer goes back into the port that the request came from, and a limit
 * that VMs share would let one silence another's.
 */
static ALWAYS_INLINE enum verdict probe_arp(const struct tables *t, void *e,
					    struct pkt *p,
					    const struct probe_node *probes,
					    uint8_t *l3)
{
	struct arp_hdr *arp = (struct arp_hdr *)l3;
	struct ip_addr vm;

	if (p->eth->type != BE16(ETH_TYPE_ARP) ||
	    (uint8_t *)(arp + 1) > p->end || !arp_asks(arp) ||
	    arp->target_ip != probes->v4.source.word[3])
		return VERDICT_PASS;
	vm = ip_from_v4(arp->sender_ip);
	if (!probe_number(t, e, p->ifindex, &vm))
		return VERDICT_PASS;
	arp_answer(p, arp, probes->mac);
	p->reason = REPLY_PROBE_ARP;
	return VERDICT_REPLY;
}

/*
 * The same of IPv6, where a VM may ask by any of its addresses, its link-local
 * one above all; but who asks without one only wants to take it.
 */
static ALWAYS_INLINE enum verdict probe_nd(const struct tables *t, void *e,
					   struct pkt *p,
					   const struct probe_node *probes)
{
	const struct ip_addr any = { .word = { 0 } };
	struct nd_hdr *nd = (struct nd_hdr *)p->l4;
	struct ip_addr from = pkt_addr(p, END_SRC);
	struct ip_addr asked;

	if (!nd_asks(p) || !probe_is_plain(p) || is_multicast6(&from) ||
	    is_unspecified6(&from) || (uint8_t *)(nd + 1) > p->end)
		return VERDICT_PASS;
	asked = ip_from_v6(&nd->target);
	if (!ip_same(&asked, &probes->v6.source) ||
	    !probe_number(t, e, p->ifindex, &any))
		return VERDICT_PASS;
	nd_answer(p, nd, nd_option(p, nd), probes->mac);
	p->reason = REPLY_PROBE_ND;
	return VERDICT_REPLY;
}

/**
 * probe_from_vm() - a packet of which port_from_vm() said VERDICT_PROBE.
 * @p: as it was handed to port_from_vm(), or as that has left it.
 *
 * Return: VERDICT_PROBE: rewritten, in by @out_ifindex; VERDICT_REPLY (@p is the
 * answer now), VERDICT_DROP or VERDICT_PASS, each with @reason.
 */
static ALWAYS_INLINE enum verdict probe_from_vm(const struct tables *t, void *e,
						struct pkt *p)
{
	const struct probe_node *probes = t->probe_node(e);
	struct port_view view = { .fin = FLOW_FIN_SERVER };
	const struct probe_ends *ends;
	struct ip_addr target;
	uint8_t *l3 = NULL;
	uint32_t number;
	bool is_whole;

	p->reason = PASS_PORT_NOT_SERVICE;
	if (parse_frame(p, &l3) || is_other_family(p))
		return VERDICT_PASS;
	if (!is_ip(p))
		return probe_arp(t, e, p, probes, l3);
	is_whole = !parse_flow(p);
	if (is_whole && nd_asks(p))
		return probe_nd(t, e, p, probes);
	ends = probe_ends(p, probes);
	view.vm = pkt_addr(p, END_SRC);
	view.peer = pkt_addr(p, END_DST);
	number = probe_number(t, e, p->ifindex, &view.vm);
	/* Its group has others' solicitations, too. */
	if (!number || !ip_same(&view.peer, &ends->source))
		return VERDICT_PASS;
	p->reason = DROP_PROBE_ANSWER;
	if (!is_whole || !is_usual(p) || !probe_is_plain(p) ||
	    p->kind == FLOW_OPENER)
		return VERDICT_DROP;
	view.vm_port = p->sport;
	view.peer_port = p->dport;
	if (p->l4_kind == L4_UDP)
		p->tcp_flags = TCP_RST;
	if (direct_seen(t, e, p, &view, p->proto, false) != DIRECT_KNOWN)
		return VERDICT_DROP;
	p->reason = PASS_PROBE_ANSWER;
	p->out_ifindex = probes->ifindex;
	target = probe_addr(&ends->local, number);
	__builtin_memcpy(p->eth->dst, probes->mac, 6);
	probe_readdress(t, e, p, &target, &ends->local);
	return VERDICT_PROBE;
}

#endif
