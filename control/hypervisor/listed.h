/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver for machines that no hypervisor reports: somebody lists them.
 */
#ifndef CONTROL_HYPERVISOR_LISTED_H
#define CONTROL_HYPERVISOR_LISTED_H

struct hv_driver;

/**
 * hv_listed() - the driver for "static:", whose list the config has, and for
 * "fed:", whose list comes over the API.
 *
 * It knows what hv_driver.list() tells it, reports what that changes, and needs
 * no thread. Until the first list, and after hv_driver.lose(), it is lost.
 */
const struct hv_driver *hv_listed(void);

#endif
