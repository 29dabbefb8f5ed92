// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who the numbers are that the path knows services and VMs by.
 */
#include "dataplane/judged.h"

#include "dataplane/publish_state.h"

#include <string.h>

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
