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

static int check_tenant(const struct conf_tenant *tenant,
			struct conf_errors *errs)
{
	size_t i;

	for (i = 0; i < tenant->vips.n; i++) {
		if (IP_IS_V4(tenant->vips.prefix[i].addr))
			continue;
		conf_complain(errs, &tenant->place,
			      "tenants.%s.vips: IPv6 is not in this version",
			      tenant->name);
		return -EINVAL;
	}
	return 0;
}

static int check_service(const struct conf_service *service,
			 struct conf_errors *errs)
{
	const char *what = NULL;

	if (!IP_IS_V4(service->vip))
		what = "vip: IPv6";
	else if (service->protocol != CONF_PROTOCOL_TCP)
		what = "protocol: what is not \"tcp\"";
	else if (service->mss)
		what = "mss: a limit to it";
	if (!what)
		return 0;
	conf_complain(errs, &service->place,
		      "services.%s.%s is not in this version", service->name,
		      what);
	return -EINVAL;
}

int conf_refuse_unbuilt(const struct conf *conf, struct conf_errors *errs)
{
	int err = 0;
	size_t i;

	for (i = 0; i < conf->n_tenants; i++)
		if (check_tenant(&conf->tenants[i], errs))
			err = -EINVAL;
	for (i = 0; i < conf->n_services; i++)
		if (check_service(&conf->services[i], errs))
			err = -EINVAL;
	return err;
}
