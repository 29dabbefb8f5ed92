/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two services on one port of a VM: who has it, and who waits.
 */
#include "control/conflict.h"

#include <stdio.h>
#include <string.h>

/* Could it be in the tables, as far as config and tags go? */
static bool wants_ports(const struct rec_member *m)
{
	return m->pool && (m->belongs || m->facts.in_tables);
}

static const char *first_service(const struct rec *rec,
				 const struct rec_member *m)
{
	const struct rec_pool *pool = rec_pool(rec, m->table);

	return pool && pool->service ? pool->service : "";
}

/* With flows, with a port that learns, or not yet in the tables. */
static int hold(const struct rec_member *m)
{
	return m->facts.in_tables ? 2 : m->in_tables ? 1 : 0;
}

/* Does @a have the port rather than @b? */
static bool has_it(const struct rec *rec, const struct rec_member *a,
		   const struct rec_member *b)
{
	if (hold(a) != hold(b))
		return hold(a) > hold(b);
	return strcmp(first_service(rec, a), first_service(rec, b)) < 0;
}

/* A service of @a that uses a port of a VM that one of @b uses, too. */
static const struct conf_service *shared_port(const struct conf *conf,
					      const struct conf_pool *a,
					      const struct conf_pool *b,
					      enum family family)
{
	const struct conf_service *s = conf->services;
	size_t i;
	size_t k;

	for (i = 0; i < conf->n_services; i++)
		for (k = 0; s[i].pool == a && k < conf->n_services; k++)
			if (s[k].pool == b &&
			    s[i].target_port == s[k].target_port &&
			    conf_protocol_number(s[i].protocol) ==
				    conf_protocol_number(s[k].protocol) &&
			    family_of(&s[i].vip) == family &&
			    family_of(&s[k].vip) == family)
				return &s[i];
	return NULL;
}

/* Of those that have their ports, who has one that @m wants? */
static void compare(const struct conf *conf, struct rec_member *m,
		    struct rec_member *const *of_vm, size_t n)
{
	const struct conf_service *taken;
	size_t i;

	for (i = 0; i < n; i++) {
		if (of_vm[i] == m || !of_vm[i]->has_ports ||
		    of_vm[i]->family != m->family)
			continue;
		taken = shared_port(conf, of_vm[i]->pool, m->pool, m->family);
		if (!taken)
			continue;
		m->facts.conflict = true;
		snprintf(m->conflict, sizeof(m->conflict),
			 "service %s/%s has port %u of it", taken->tenant->name,
			 taken->name, (unsigned)taken->target_port);
		return;
	}
	m->has_ports = true;
}

/* The members that are one VM, best claim first. */
static void settle(const struct rec *rec, const struct conf *conf,
		   struct rec_member *const *of_vm, size_t n)
{
	struct rec_member *best;
	size_t left = n;
	size_t i;

	for (; left > 0; left--) {
		best = NULL;
		for (i = 0; i < n; i++)
			if (of_vm[i]->asks_ports &&
			    (!best || has_it(rec, of_vm[i], best)))
				best = of_vm[i];
		if (!best)
			return;
		best->asks_ports = false;
		compare(conf, best, of_vm, n);
	}
}

void conflict_find(const struct rec *rec, const struct members *set,
		   const struct conf *conf)
{
	struct rec_member *m;
	size_t first;
	size_t end;

	for (first = 0; first < set->n; first = end) {
		end = first;
		do {
			m = set->by_vm[end++];
			m->has_ports = false;
			m->asks_ports = wants_ports(m);
		} while (end < set->n &&
			 !memcmp(set->by_vm[end]->uuid, m->uuid, HV_UUID_SIZE));
		if (end - first > 1)
			settle(rec, conf, set->by_vm + first, end - first);
	}
}
