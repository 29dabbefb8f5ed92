/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the schema has and the daemon has not yet: told by name whenever a
 * config is put in force, so that no key is believed in vain.
 *
 * Here, and not as `.later` in the schema, which refuses it, is what is being
 * built: the model has its members already. Whoever builds one takes its lines
 * out, here and in tests/lint/config_keys.sh; the last one takes this file out.
 */
#include "config/config.h"
#include "config/errors.h"

#define NOTHING "does nothing yet in this version"

static void check_hypervisor(const struct conf_hypervisor *hypervisor,
			     struct conf_errors *errs)
{
	if (hypervisor->driver == CONF_DRIVER_FED)
		conf_warn(errs, &hypervisor->place,
			  "hypervisors.%s.driver: \"%s\" " NOTHING,
			  hypervisor->name,
			  conf_driver_name(hypervisor->driver));
}

static void check_pool(const struct conf_pool *pool, struct conf_errors *errs)
{
	if (pool->health.type == CONF_HEALTH_EXEC)
		conf_warn(errs, &pool->place,
			  "pools.%s.health.type: \"%s\" " NOTHING
			  ", VMs are only connected to",
			  pool->name, conf_health_type_name(pool->health.type));
}

void conf_tell_unbuilt(const struct conf *conf, struct conf_errors *errs)
{
	size_t i;

	for (i = 0; i < conf->n_hypervisors; i++)
		check_hypervisor(&conf->hypervisors[i], errs);
	for (i = 0; i < conf->n_pools; i++)
		check_pool(&conf->pools[i], errs);
}
