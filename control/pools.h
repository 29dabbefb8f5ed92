/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The set of all tables of all pools. Part of reconcile.
 */
#ifndef CONTROL_POOLS_H
#define CONTROL_POOLS_H

#include "control/reconcile.h"

/**
 * struct pools - the set; a zeroed one is empty.
 * @pool: sorted by table; also those of pools that are no longer configured.
 * @n: how many there are.
 */
struct pools {
	struct rec_pool *pool;
	size_t n;
};

void pools_done(struct pools *set);

/* NULL if there is none. */
struct rec_pool *pools_find(const struct pools *set, const char *table);

/* The table of a family of a configured pool; NULL if it has none. */
struct rec_pool *pools_of_conf(const struct pools *set,
			       const struct conf_pool *conf,
			       enum family family);

/* Has a pool of the config a table of this family? */
static inline bool pools_has(const struct conf_pool *conf, enum family family)
{
	return family == FAMILY_V4 ? conf->has_v4 : conf->has_v6;
}

/* "tenant/pool". */
void pools_name(const struct conf_pool *conf, char ret_name[DP_NAME_SIZE]);

/* The config in force goes. */
void pools_forget_conf(struct pools *set);

/**
 * pools_take_conf() - the tables that this config has.
 * @hooks: give those that are new here their seeds.
 *
 * Return: 0 or a negative errno.
 */
MUST_CHECK int pools_take_conf(struct pools *set, const struct conf *conf,
			       const struct rec_hooks *hooks);

#endif
