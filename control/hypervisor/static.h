/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The static driver: a list of machines that no hypervisor reports.
 */
#ifndef CONTROL_HYPERVISOR_STATIC_H
#define CONTROL_HYPERVISOR_STATIC_H

struct hv_driver;

/**
 * hv_static() - the driver for "static:" and whatever follows.
 *
 * It tells the list of hv_settings.vms once, needs no thread, and is never
 * lost. Another list is another open().
 */
const struct hv_driver *hv_static(void);

#endif
