/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domain XML: whatever is in it, what we make of it keeps its promises. The same
 * input as a <vm> element: its tags can be changed, and then are so.
 */
#include "control/hypervisor/libvirt_xml.h"
#include "control/hypervisor/libvirt_xml_tags.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_nic(const struct hv_nic *nic)
{
	size_t i;

	must(nic->port && nic->network && nic->bridge);
	must(nic->kind < HV_N_NIC_KINDS && nic->n_addrs <= HV_MAX_ADDRS);
	for (i = 0; i < nic->n_addrs; i++)
		must(hv_ip_usable(&nic->addrs[i].ip) &&
		     nic->addrs[i].source == HV_ADDR_METADATA);
}

static void check(const struct hv_vm *vm)
{
	size_t i;

	must(vm->name && *vm->name);
	must(vm->n_tags <= HV_MAX_TAGS && vm->n_nics <= HV_MAX_NICS);
	for (i = 0; i < vm->n_tags; i++)
		must(*vm->tags[i].name && strlen(vm->tags[i].name) <= 63 &&
		     strlen(vm->tags[i].value) <= 255);
	for (i = 0; i < vm->n_nics; i++)
		check_nic(&vm->nics[i]);
}

static void edit(const char *element)
{
	static const struct hv_tag_step steps[] = {
		{ HV_TAG_REMOVE, "a", NULL },
		{ HV_TAG_SET, "b", "<'&\">" },
		{ HV_TAG_ADD, "c", "" },
	};
	char *after = NULL, *again = NULL;

	if (libvirt_xml_tags(element, steps, ARRAY_SIZE(steps), &after) == 0 &&
	    after) {
		must(libvirt_xml_tags(after, steps, ARRAY_SIZE(steps),
				      &again) == 0);
		must(!again);
	}
	free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hv_vm *vm;
	char *xml;

	vm = hv_vm_new();
	xml = strndup((const char *)data, size);
	must(vm && xml);
	if (libvirt_xml_parse(xml, vm) == 0)
		check(vm);
	edit(xml);
	free(xml);
	hv_vm_free(vm);
	return 0;
}
