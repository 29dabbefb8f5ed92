/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the schema has and the daemon has not yet: refused by name, so that no
 * key is believed in vain.
 *
 * Here, and not as `.later` in the schema, is what is half built: the model has
 * its members already. Whoever builds the rest takes its lines out, here and in
 * tests/lint/config_keys.sh; the last one takes this file out.
 */
#include "config/config.h"
#include "config/errors.h"

#include <errno.h>

static int check_pool(const struct conf_pool *pool, struct conf_errors *errs)
{
	if (pool->health.type != CONF_HEALTH_EXEC)
		return 0;
	conf_complain(errs, &pool->place,
		      "pools.%s.health.type: \"%s\" is not in this version, "
		      "\"tcp\", \"http\" or \"https\" is",
		      pool->name, conf_health_type_name(pool->health.type));
	return -EINVAL;
}

int conf_refuse_unbuilt(const struct conf *conf, struct conf_errors *errs)
{
	int err = 0;
	size_t i;

	for (i = 0; i < conf->n_pools; i++)
		if (check_pool(&conf->pools[i], errs))
			err = -EINVAL;
	return err;
}
