/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMs that somebody lists.
 */
#include "control/given.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

/* FNV-1a, then mixed (the finalizer of splitmix64): names are short. */
static uint64_t digest(uint64_t seed, const char *text, size_t size)
{
	uint64_t sum = 0xcbf29ce484222325 ^ seed;
	size_t i;

	for (i = 0; i < size; i++)
		sum = (sum ^ (uint8_t)text[i]) * 0x100000001b3;
	sum = (sum ^ sum >> 30) * 0xbf58476d1ce4e5b9;
	sum = (sum ^ sum >> 27) * 0x94d049bb133111eb;
	return sum ^ sum >> 31;
}

/* Version 8 of RFC 9562: made as the maker likes. */
static int make_uuid(const char *hypervisor, const char *name,
		     uint8_t ret_uuid[HV_UUID_SIZE])
{
	uint64_t half[2];
	char *text = NULL;
	int size;

	size = asprintf(&text, "%s/%s", hypervisor, name);
	if (size < 0)
		return -ENOMEM;
	half[0] = digest(0x64726f766572, text, (size_t)size);
	half[1] = digest(0x737461746963, text, (size_t)size);
	free(text);
	memcpy(ret_uuid, half, HV_UUID_SIZE);
	ret_uuid[6] = (uint8_t)((ret_uuid[6] & 0x0f) | 0x80);
	ret_uuid[8] = (uint8_t)((ret_uuid[8] & 0x3f) | 0x80);
	return 0;
}

static int give_tags(const struct conf_vm *c, struct hv_vm *vm)
{
	struct hv_tag *tag;

	vm->tags = calloc(c->tags.n + 1, sizeof(*vm->tags));
	if (!vm->tags)
		return -ENOMEM;
	while (vm->n_tags < c->tags.n && vm->n_tags < HV_MAX_TAGS) {
		tag = &vm->tags[vm->n_tags];
		tag->name = strdup(c->tags.pair[vm->n_tags].name);
		tag->value = strdup(c->tags.pair[vm->n_tags].value);
		vm->n_tags++;
		if (!tag->name || !tag->value)
			return -ENOMEM;
	}
	return 0;
}

/* One NIC: where its packets come out of the host is its port. */
static int give_nic(const struct conf_vm *c, struct hv_vm *vm)
{
	struct hv_nic *nic = calloc(1, sizeof(*nic));

	if (!nic)
		return -ENOMEM;
	vm->nics = nic;
	vm->n_nics = 1;
	nic->kind = *c->network ? HV_NIC_BRIDGE : HV_NIC_ROUTED;
	nic->port = strdup(c->interface);
	nic->network = strdup("");
	nic->bridge = strdup(c->network);
	memcpy(nic->mac, c->mac.byte, HV_MAC_SIZE);
	for (; nic->n_addrs < c->addresses.n && nic->n_addrs < HV_MAX_ADDRS;
	     nic->n_addrs++)
		nic->addrs[nic->n_addrs] = (struct hv_addr){
			.ip = c->addresses.addr[nic->n_addrs],
			.source = HV_ADDR_METADATA,
		};
	return nic->port && nic->network && nic->bridge ? 0 : -ENOMEM;
}

static int give(const struct conf_hypervisor *hypervisor,
		const struct conf_vm *c, struct hv_vm *vm)
{
	static const enum hv_state states[] = {
		[CONF_VM_RUNNING] = HV_STATE_RUNNING,
		[CONF_VM_PAUSED] = HV_STATE_PAUSED,
		[CONF_VM_STOPPED] = HV_STATE_OFF,
	};
	int err;

	err = *c->uuid ? hv_uuid_parse(c->uuid, vm->uuid) :
			 make_uuid(hypervisor->name, c->name, vm->uuid);
	if (err)
		return err;
	vm->name = strdup(c->name);
	vm->state = states[c->state];
	vm->reason = hypervisor->driver == CONF_DRIVER_FED ? "as fed" :
							     "by the config";
	vm->run = vm->state == HV_STATE_OFF ? 0 : 1;
	err = vm->name ? give_nic(c, vm) : -ENOMEM;
	return err ? err : give_tags(c, vm);
}

static int by_uuid(const void *a, const void *b)
{
	const struct hv_vm *const *x = a, *const *y = b;

	return memcmp((*x)->uuid, (*y)->uuid, HV_UUID_SIZE);
}

static int sort(struct hv_vm **vms, size_t n)
{
	size_t i;

	qsort(vms, n, sizeof(struct hv_vm *), by_uuid);
	for (i = 1; i < n; i++)
		if (by_uuid(&vms[i - 1], &vms[i]) == 0)
			return -EEXIST;
	return 0;
}

int given_vms(const struct conf_hypervisor *hypervisor, struct hv_vm ***ret_vms,
	      size_t *ret_n)
{
	struct hv_vm **vms = calloc(hypervisor->vms.n + 1, sizeof(*vms));
	size_t n = 0;
	int err = vms ? 0 : -ENOMEM;

	while (!err && n < hypervisor->vms.n) {
		vms[n] = hv_vm_new();
		err = vms[n] ?
			      give(hypervisor, &hypervisor->vms.vm[n], vms[n]) :
			      -ENOMEM;
		n++;
	}
	if (!err)
		err = sort(vms, n);
	if (err) {
		given_free(vms, n);
		return err;
	}
	*ret_vms = vms;
	*ret_n = n;
	return 0;
}

void given_free(struct hv_vm **vms, size_t n)
{
	size_t i;

	for (i = 0; vms && i < n; i++)
		hv_vm_free(vms[i]);
	free(vms);
}
