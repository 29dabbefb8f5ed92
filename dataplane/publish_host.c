// SPDX-License-Identifier: GPL-2.0-only
/*
 * Beside the host's own rules: which bridges hand answers back, and whether the
 * uplinks need programs beside XDP: for these, for who looks on, or because the
 * host itself may call a VIP. It follows from the books.
 */
#include "dataplane/publish_state.h"

#include <errno.h>

/* Does a number's traffic pass this bridge (0: any bridge)? */
static bool passes(const struct publish *p, uint32_t i, uint32_t bridge)
{
	const struct backend_info *info = &p->m.backend_info[i];
	uint32_t own;

	if (info->state == NUMBER_FREE || !info->ifindex)
		return false;
	own = record_of(p, (uint16_t)i)->stack_ifindex;
	return bridge ? own == bridge : own != 0;
}

static bool bridge_used(const struct publish *p, uint32_t bridge)
{
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++)
		if (passes(p, i, bridge))
			return true;
	return false;
}

static bool observes(const struct publish *p)
{
	const struct service_info *info;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_services; i++) {
		info = &p->m.service_info[i];
		if (info->state != NUMBER_FREE &&
		    info->value.flags & SERVICE_OBSERVE)
			return true;
	}
	return false;
}

bool publish_keeps_bridge(const struct publish *p, uint32_t ifindex)
{
	return ifindex && bridge_used(p, ifindex);
}

bool publish_keeps_uplinks(const struct publish *p)
{
	return bridge_used(p, 0) || observes(p) || p->m.node->inside.ifindex;
}

static int uplinks_set(struct publish *p, bool wanted)
{
	int err = p->ops.attach_uplinks(p->e, wanted);

	wrote(p);
	p->uplinks_on = wanted && !err;
	return err;
}

int host_up(struct publish *p, const struct backend_record *record)
{
	int err = 0;

	if (!record->stack_ifindex)
		return 0;
	if (!p->uplinks_on)
		err = uplinks_set(p, true);
	if (!err) {
		err = p->ops.attach_bridge(p->e, record->stack_ifindex);
		wrote(p);
	}
	return err;
}

void host_let_go(struct publish *p, uint32_t bridge)
{
	if (!bridge || bridge_used(p, bridge))
		return;
	p->ops.detach_port(p->e, bridge);
	wrote(p);
}

int host_settle(struct publish *p)
{
	bool wanted = publish_keeps_uplinks(p);

	return wanted == p->uplinks_on ? 0 : uplinks_set(p, wanted);
}

int publish_hook_uplinks(struct publish *p)
{
	return publish_keeps_uplinks(p) ? uplinks_set(p, true) : 0;
}
