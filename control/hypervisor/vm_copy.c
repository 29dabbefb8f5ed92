/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A copy of all that is known of a VM.
 */
#include "control/hypervisor/driver.h"

#include <stdlib.h>
#include <string.h>

/* NULL stays NULL. */
static bool copy_text(const char *text, char **ret_copy)
{
	*ret_copy = text ? strdup(text) : NULL;
	return !text || *ret_copy;
}

static bool copy_tags(const struct hv_vm *vm, struct hv_vm *copy)
{
	size_t i;

	copy->tags = calloc(vm->n_tags + 1, sizeof(*copy->tags));
	if (!copy->tags)
		return false;
	copy->n_tags = vm->n_tags;
	for (i = 0; i < vm->n_tags; i++)
		if (!copy_text(vm->tags[i].name, &copy->tags[i].name) ||
		    !copy_text(vm->tags[i].value, &copy->tags[i].value))
			return false;
	return true;
}

static bool copy_nics(const struct hv_vm *vm, struct hv_vm *copy)
{
	const struct hv_nic *from;
	struct hv_nic *to;

	copy->nics = calloc(vm->n_nics + 1, sizeof(*copy->nics));
	if (!copy->nics)
		return false;
	/* Counted one by one, so that hv_vm_free() finds half of one. */
	while (copy->n_nics < vm->n_nics) {
		from = &vm->nics[copy->n_nics];
		to = &copy->nics[copy->n_nics++];
		*to = *from;
		to->port = to->network = to->bridge = NULL;
		if (!copy_text(from->port, &to->port) ||
		    !copy_text(from->network, &to->network) ||
		    !copy_text(from->bridge, &to->bridge))
			return false;
	}
	return true;
}

struct hv_vm *hv_vm_copy(const struct hv_vm *vm)
{
	struct hv_vm *copy = hv_vm_new();

	if (!copy)
		return NULL;
	*copy = *vm;
	copy->name = NULL;
	copy->metadata = NULL;
	copy->tags = NULL;
	copy->nics = NULL;
	copy->n_tags = copy->n_nics = 0;
	if (copy_text(vm->name, &copy->name) &&
	    copy_text(vm->metadata, &copy->metadata) && copy_tags(vm, copy) &&
	    copy_nics(vm, copy))
		return copy;
	hv_vm_free(copy);
	return NULL;
}
