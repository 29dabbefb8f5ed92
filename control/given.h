/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMs that somebody lists, the config or an outside system, as a hypervisor
 * would report them.
 */
#ifndef CONTROL_GIVEN_H
#define CONTROL_GIVEN_H

#include "control/hypervisor/driver.h"

struct conf_hypervisor;

/**
 * given_vms() - the list.
 * @hypervisor: with driver "static" or "fed", and its VMs.
 * @ret_vms: array for given_free(), by UUID.
 *
 * A VM that is given no UUID has one that follows from its name and the
 * hypervisor's, so it is the same after every start and on every node.
 *
 * Return: 0; -EEXIST if two have the same UUID, of which one was made; -ENOMEM.
 */
MUST_CHECK int given_vms(const struct conf_hypervisor *hypervisor,
			 struct hv_vm ***ret_vms, size_t *ret_n);
void given_free(struct hv_vm **vms, size_t n);

#endif
