/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The drivers there are. A new one is a row here.
 */
#include "control/hypervisor/driver.h"

#include "control/hypervisor/libvirt.h"
#include "control/hypervisor/listed.h"

const struct hv_driver *hv_driver_find(const char *uri)
{
	const struct hv_driver *const drivers[] = {
		hv_listed(),
		hv_libvirt(),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(drivers); i++)
		if (drivers[i]->accepts(uri))
			return drivers[i];
	return NULL;
}
