/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The libvirt driver. Only the libvirt*.c files know libvirt.
 */
#ifndef CONTROL_HYPERVISOR_LIBVIRT_H
#define CONTROL_HYPERVISOR_LIBVIRT_H

struct hv_driver;

/**
 * hv_libvirt() - the driver for all that libvirt can reach.
 */
const struct hv_driver *hv_libvirt(void);

#endif
