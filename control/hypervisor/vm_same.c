/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Do two readings of a VM say the same?
 */
#include "control/hypervisor/driver.h"

#include <string.h>

bool hv_vm_same_tags(const struct hv_vm *a, const struct hv_vm *b)
{
	size_t i;

	if (a->n_tags != b->n_tags)
		return false;
	for (i = 0; i < a->n_tags; i++)
		if (strcmp(a->tags[i].name, b->tags[i].name) != 0 ||
		    strcmp(a->tags[i].value, b->tags[i].value) != 0)
			return false;
	return true;
}

/* Two that are both not there are the same. */
static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool hv_vm_same_metadata(const struct hv_vm *a, const struct hv_vm *b)
{
	return same_text(a->metadata, b->metadata);
}

bool hv_nic_same(const struct hv_nic *a, const struct hv_nic *b)
{
	return !memcmp(a->mac, b->mac, sizeof(a->mac)) && a->kind == b->kind &&
	       !strcmp(a->network, b->network) &&
	       !strcmp(a->bridge, b->bridge) &&
	       a->has_filter == b->has_filter &&
	       a->has_bandwidth == b->has_bandwidth &&
	       a->link_down == b->link_down;
}

static bool same_place(const struct hv_nic *a, const struct hv_nic *b)
{
	size_t i;

	if (strcmp(a->port, b->port) != 0 ||
	    a->port_managed != b->port_managed || a->n_addrs != b->n_addrs)
		return false;
	for (i = 0; i < a->n_addrs; i++)
		if (memcmp(&a->addrs[i].ip, &b->addrs[i].ip,
			   sizeof(a->addrs[i].ip)) != 0 ||
		    a->addrs[i].source != b->addrs[i].source)
			return false;
	return true;
}

bool hv_vm_same(const struct hv_vm *a, const struct hv_vm *b)
{
	size_t i;

	if (memcmp(a->uuid, b->uuid, sizeof(a->uuid)) != 0 ||
	    strcmp(a->name, b->name) != 0 || a->state != b->state ||
	    a->end != b->end || !same_text(a->reason, b->reason) ||
	    a->run != b->run || a->migrated_in != b->migrated_in ||
	    a->agent != b->agent || a->truncated != b->truncated ||
	    a->n_nics != b->n_nics || !hv_vm_same_tags(a, b) ||
	    !hv_vm_same_metadata(a, b))
		return false;
	for (i = 0; i < a->n_nics; i++)
		if (!hv_nic_same(&a->nics[i], &b->nics[i]) ||
		    !same_place(&a->nics[i], &b->nics[i]))
			return false;
	return true;
}
