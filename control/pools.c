/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The set of all tables of all pools.
 */
#include "control/pools.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pools_done(struct pools *set)
{
	free(set->pool);
	*set = (struct pools){ .n = 0 };
}

/* Where in the list a table is, or belongs. */
static size_t place_of(const struct pools *set, const char *table)
{
	size_t low = 0;
	size_t high = set->n;
	size_t middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(set->pool[middle].table, table) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct rec_pool *pools_find(const struct pools *set, const char *table)
{
	const size_t at = place_of(set, table);

	return at < set->n && !strcmp(set->pool[at].table, table) ?
		       &set->pool[at] :
		       NULL;
}

void pools_name(const struct conf_pool *conf, char ret_name[DP_NAME_SIZE])
{
	snprintf(ret_name, DP_NAME_SIZE, "%s/%s", conf->tenant->name,
		 conf->name);
}

struct rec_pool *pools_of_conf(const struct pools *set,
			       const struct conf_pool *conf, enum family family)
{
	char name[DP_NAME_SIZE];
	char table[DP_NAME_SIZE];

	pools_name(conf, name);
	family_table(name, family, table);
	return pools_find(set, table);
}

void pools_forget_conf(struct pools *set)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		set->pool[i].conf = NULL;
}

/* A VM's port has one way for all services of its pool: the strictest. */
static enum conf_port_policy stricter(enum conf_port_policy a,
				      enum conf_port_policy b)
{
	if (a == CONF_POLICY_REFUSE || b == CONF_POLICY_REFUSE)
		return CONF_POLICY_REFUSE;
	return a == CONF_POLICY_STACK ? a : b;
}

/* What matters of the services that a table has. */
static void look_at_services(struct rec_pool *pool, const struct conf *conf)
{
	const struct conf_service *s;
	size_t i;

	pool->service = "";
	pool->port_policy = CONF_POLICY_BYPASS;
	for (i = 0; i < conf->n_services; i++) {
		s = &conf->services[i];
		if (s->pool != pool->conf || family_of(&s->vip) != pool->family)
			continue;
		if (!*pool->service || strcmp(s->name, pool->service) < 0)
			pool->service = s->name;
		pool->port_policy =
			stricter(pool->port_policy, s->on_port_policy);
	}
}

static int keep(struct pools *set, const struct conf *conf,
		const struct conf_pool *conf_pool, enum family family,
		const struct rec_hooks *hooks)
{
	struct rec_pool pool = { .family = family };
	struct rec_pool *more;
	size_t at;
	int rc;

	pools_name(conf_pool, pool.name);
	family_table(pool.name, family, pool.table);
	at = place_of(set, pool.table);
	if (!pools_find(set, pool.table)) {
		rc = hooks->seed(hooks->arg, pool.table, &pool.seed);
		if (rc)
			return rc;
		more = reallocarray(set->pool, set->n + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		set->pool = more;
		memmove(&more[at + 1], &more[at],
			(set->n - at) * sizeof(*more));
		more[at] = pool;
		set->n++;
	}
	set->pool[at].conf = conf_pool;
	look_at_services(&set->pool[at], conf);
	return 0;
}

int pools_take_conf(struct pools *set, const struct conf *conf,
		    const struct rec_hooks *hooks)
{
	int family;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < conf->n_pools; i++)
		for (family = 0; !rc && family < N_FAMILIES; family++)
			if (pools_has(&conf->pools[i], (enum family)family))
				rc = keep(set, conf, &conf->pools[i],
					  (enum family)family, hooks);
	return rc;
}
