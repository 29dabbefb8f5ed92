/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet path beside what else the host does with packets: answers that
 * come back from its own rules, and what serves a VIP while Drover looks on.
 *
 * DOC: a VM's port with rules of the host's own
 *
 * Straight redirects go past the host's packet filter and its shaping. Where a
 * port has any of these and on_port_policy says "stack", packets take the
 * kernel's way instead, both marked as ours:
 *
 *	client -> VM	rewritten on the uplink, then into the bridge: as a frame
 *			of the bridge's own or, if the uplink is one of its ports,
 *			as the frame that came; filters, shaping, the VM's port
 *	VM -> client	port_from_vm() only says that it is an answer; behind
 *			policing and filters it is taken back: where the bridge
 *			hands it to the host, or where it leaves by an uplink that
 *			is a port of the bridge
 */
#ifndef DATAPLANE_CORE_HOST_H
#define DATAPLANE_CORE_HOST_H

#include "dataplane/core/count.h"
#include "dataplane/core/port.h"

/**
 * answer_back() - an answer that bears our mark, behind the host's rules.
 * @p: @data, @end, @length set, the rest zero.
 * @bridge: of the VM's port.
 *
 * Return: VERDICT_FORWARD: rewritten; VERDICT_RARE: the engine asks port_rare();
 * VERDICT_DROP with @reason; or VERDICT_PASS: it is none (a marked packet to a VM
 * that the bridge sends to all its ports).
 */
static ALWAYS_INLINE enum verdict answer_back(const struct tables *t, void *e,
					      struct pkt *p, uint32_t bridge)
{
	struct port_view view = { .fin = FLOW_FIN_SERVER };
	const struct port *port;
	uint8_t *l3 = NULL;

	p->ifindex = bridge;
	if (parse_frame(p, &l3) || !is_ip(p) || parse_flow(p))
		return VERDICT_PASS;
	if (!is_usual(p))
		return VERDICT_RARE;
	port = port_of(t, e, p, &view);
	if (!port)
		return VERDICT_PASS;
	p->reason = DROP_PORT_TTL;
	if (p->ttl <= 1)
		return VERDICT_DROP;
	answer_fill(p, port);
	answer_rewrite(t, e, p, port);
	return VERDICT_FORWARD;
}

/**
 * observe_answer() - count a packet that leaves by an uplink, if it comes from
 * an observed service, as that service's answer.
 * @p: @data, @end, @length set, the rest zero.
 */
static ALWAYS_INLINE void observe_answer(const struct tables *t, void *e,
					 struct pkt *p)
{
	struct service_key key = { .zero = 0 };
	const struct service *service;
	uint8_t *l3 = NULL;

	if (parse_frame(p, &l3) || !is_ip(p) || parse_flow(p) || !is_usual(p))
		return;
	key.vip = pkt_addr(p, END_SRC);
	key.port = p->sport;
	key.proto = p->proto;
	service = t->service(e, &key);
	if (service && service->flags & SERVICE_OBSERVE)
		count_out(t->service_traffic(e, service->number), p);
}

#endif
