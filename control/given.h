/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMs that the config itself lists, as a hypervisor would report them.
 */
#ifndef CONTROL_GIVEN_H
#define CONTROL_GIVEN_H

#include "control/hypervisor/driver.h"

struct conf_hypervisor;

/**
 * given_uri() - "static:" and a digest of the whole list: another list has
 * another one.
 *
 * Return: text, to be freed; NULL without memory.
 */
char *given_uri(const struct conf_hypervisor *hypervisor);

/**
 * given_vms() - the list.
 * @ret_vms: array for given_free().
 *
 * A VM that is given no UUID has one that follows from its name and the
 * hypervisor's, so it is the same after every start and on every node.
 *
 * Return: 0 or -ENOMEM.
 */
MUST_CHECK int given_vms(const struct conf_hypervisor *hypervisor,
			 struct hv_vm ***ret_vms, size_t *ret_n);
void given_free(struct hv_vm **vms, size_t n);

#endif
