// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways of probes.
 */
#include "control/way.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/log.h"
#include "control/member.h"
#include "control/reach.h"
#include "control/targets.h"

/* The host's own network on the VM's bridge, or on a VLAN of that bridge. */
static bool host_reaches(const struct rec_member *m, const struct inv *inv,
			 const struct reach *reach)
{
	uint32_t by = reach_by(reach, &m->addr);
	const struct link_info *port = inv_link_find(inv, m->ifindex);
	const struct link_info *link = by ? inv_link_find(inv, by) : NULL;

	if (!port || !link)
		return false;
	return port->ifindex == link->ifindex ||
	       (port->master &&
		(port->master == link->ifindex || port->master == link->lower));
}

static bool by_path(const struct rec_member *m, const struct inv *inv,
		    const struct reach *reach)
{
	/* A command's packets are not ours to steer. */
	if (member_health(m)->type == CONF_HEALTH_EXEC)
		return false;
	switch (member_health(m)->via) {
	case CONF_VIA_HOST:
		return false;
	case CONF_VIA_PATH:
		return true;
	case CONF_VIA_AUTO:
		break;
	}
	/* Where its port is not here there is no other. */
	return m->ifindex && !host_reaches(m, inv, reach);
}

static void ask_way(const struct rec_member *m, struct dp_way *ret_way)
{
	*ret_way = (struct dp_way){ .addr = m->addr, .ifindex = m->ifindex };
	memcpy(ret_way->mac, m->mac, sizeof(ret_way->mac));
}

/* Why there is no way, for people. */
static const char *trouble_of(int err)
{
	if (!err)
		return NULL;
	return err == -EAFNOSUPPORT ?
		       "it can't be probed: the host has no address in its "
		       "network, and IPv6 is off here, which probes over the "
		       "data path would need" :
		       "it can't be probed: the data path has no way to it";
}

static bool set_trouble(struct rec_member *m, const char *trouble)
{
	bool news = m->way.trouble != trouble;

	m->way.trouble = trouble;
	return news;
}

/* The answer, in the order of the questions. Returns whether there is news. */
static bool take_ways(struct rec *rec, const struct dp_way *ways,
		      const char *device)
{
	struct rec_member *m;
	bool news = false;
	size_t i;

	for (i = 0; i < rec_count(rec); i++) {
		m = rec_at(rec, i);
		if (!m->way.by_path)
			continue;
		m->way.is_there = !ways->err;
		news |= set_trouble(m, trouble_of(ways->err));
		m->way.at = ways->at;
		snprintf(m->way.device, sizeof(m->way.device), "%s", device);
		ways++;
	}
	return news;
}

/* Said once, until it is another or over. */
static void complain(int rc)
{
	static int said;

	if (rc && rc != said)
		log_err("probes over the data path: %s; VMs that need them are "
			"not probed",
			strerror(-rc));
	said = rc;
}

/*
 * By the host or by the path; without a way there is a trouble. A host that is not
 * in a VM's network would ask by its routes, and somebody else behind them might
 * have the VM's address, and answer. Returns whether there is news.
 */
static bool choose(struct rec_member *m, const struct inv *inv,
		   const struct reach *reach)
{
	m->way.is_there = !by_path(m, inv, reach);
	if (m->way.is_there)
		return set_trouble(m, NULL);
	/* Answers are caught where the snapshot has it attached. */
	m->way.by_path = m->publish && m->ifindex;
	return !m->way.by_path && set_trouble(m, NULL);
}

bool way_plan(struct rec *rec, const struct inv *inv, const struct reach *reach,
	      const struct dp_ops *engine, struct dp *dp)
{
	char device[DP_IFNAME_SIZE] = "";
	struct dp_way *ways;
	struct rec_member *m;
	bool news = false;
	uint32_t n = 0;
	size_t i;
	int rc;

	ways = calloc(rec_count(rec) + 1, sizeof(*ways));
	if (!ways) {
		complain(-ENOMEM);
		return false;
	}
	for (i = 0; i < rec_count(rec); i++) {
		m = rec_at(rec, i);
		m->way = (struct rec_way){ .at = m->addr,
					   .trouble = m->way.trouble };
		news |= targets_wanted(m, inv) ? choose(m, inv, reach) :
						 set_trouble(m, NULL);
		if (m->way.by_path)
			ask_way(m, &ways[n++]);
	}
	rc = engine->ways(dp, ways, n, device);
	complain(rc);
	for (i = 0; rc && i < n; i++)
		ways[i].err = rc;
	news |= take_ways(rec, ways, device);
	free(ways);
	return news;
}
