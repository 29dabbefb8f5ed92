// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a packet is, and who the numbers are that the path knows services and VMs by.
 */
#include "dataplane/judged.h"

#include "dataplane/core/parse.h"
#include "dataplane/publish_state.h"

#include <string.h>

void judged_packet(const struct pkt *p, enum reason reason,
		   struct dp_judged *ret)
{
	const struct icmp_hdr *icmp;

	if (p->l3_at && p->data + p->l3_at <= p->end)
		ret->ether_type = (uint16_t)(p->data[p->l3_at - 2] << 8 |
					     p->data[p->l3_at - 1]);
	if (!p->ip && !p->ip6)
		return;
	ret->family = p->l3_kind;
	ret->proto = p->proto;
	ret->frag = p->frag;
	ret->src = pkt_addr(p, END_SRC);
	ret->dst = pkt_addr(p, END_DST);
	if (reason)
		return;
	ret->l4 = p->l4_kind;
	ret->kind = p->kind;
	ret->sport = HOST16(p->sport);
	ret->dport = HOST16(p->dport);
	ret->tcp_flags = p->tcp_flags;
	if (p->l4_kind == L4_ICMP) {
		icmp = (const struct icmp_hdr *)p->l4;
		ret->icmp_type = icmp->type;
		ret->icmp_code = icmp->code;
	}
}

void judged_service(const struct publish *p, uint32_t number,
		    struct dp_judged *ret)
{
	const struct service_info *info;

	if (!number || number > p->m.meta->limits.n_services)
		return;
	info = &p->m.service_info[number];
	if (info->state == NUMBER_FREE)
		return;
	name_copy(ret->service, info->name);
	ret->target_port = HOST16(info->value.target_port);
	if (info->value.pool < p->m.meta->limits.n_pools)
		name_copy(ret->pool, p->m.pool_info[info->value.pool].name);
}

void judged_backend(const struct publish *p, uint16_t number,
		    struct dp_judged *ret)
{
	const struct backend_info *info;

	if (number == BACKEND_NONE || number > p->m.meta->limits.n_backends)
		return;
	info = &p->m.backend_info[number];
	if (info->state == NUMBER_FREE)
		return;
	name_copy(ret->vm, info->name);
	memcpy(ret->uuid, info->uuid, sizeof(ret->uuid));
	memcpy(ret->port, info->ifname, sizeof(ret->port));
	ret->target = record_of(p, number)->addr;
}
