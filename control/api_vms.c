/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /v1/vms: what is known of each VM, and whether it serves and why.
 */
#include <stdio.h>
#include <string.h>

#include "control/api_request.h"
#include "control/daemon.h"
#include "control/render.h"
#include "control/text.h"

#define CANDIDATES_MAX 16

const struct inv_vm *api_find_vm(struct api_request *r, const char *word)
{
	const struct inv_vm *found[CANDIDATES_MAX];
	char uuid[HV_UUID_TEXT];
	json_t *names;
	size_t n;
	size_t i;

	n = inv_find(r->daemon->inv, word, CANDIDATES_MAX, found);
	if (n == 1)
		return found[0];
	if (!n) {
		api_error(r, API_UNKNOWN, NULL,
			  "there is no VM \"%s\"; `drover vms --all` lists "
			  "them",
			  word);
		return NULL;
	}
	names = json_array();
	for (i = 0; i < n && i < CANDIDATES_MAX; i++) {
		hv_uuid_print(found[i]->uuid, uuid);
		json_array_append_new(
			names, json_sprintf("%s/%s  %s", found[i]->hv->name,
					    found[i]->vm->name, uuid));
	}
	api_error(r, API_AMBIGUOUS, names,
		  "\"%s\" may be one of these %zu VMs:", word, n);
	return NULL;
}

json_t *api_render_tags(const struct hv_vm *vm)
{
	json_t *tags = json_array();
	size_t i;

	for (i = 0; i < vm->n_tags; i++)
		json_array_append_new(tags, json_pack("{s:s,s:s}", "name",
						      vm->tags[i].name, "value",
						      vm->tags[i].value));
	return tags;
}

static json_t *render_addresses(const struct inv_vm *vm)
{
	char text[CONF_ADDR_SIZE];
	json_t *list = json_array();
	const struct hv_addr *a;
	size_t nic;
	size_t i;

	for (nic = 0; nic < vm->vm->n_nics; nic++)
		for (i = 0; i < vm->nics[nic].n_addrs; i++) {
			a = &vm->nics[nic].addrs[i];
			conf_addr_print(&a->ip, text, sizeof(text));
			json_array_append_new(
				list, json_pack("{s:s,s:s,s:i}", "address",
						text, "source",
						hv_addr_source_name(a->source),
						"nic", (int)nic));
		}
	return list;
}

static json_t *render_port(const struct inv_vm *vm, size_t nic)
{
	const struct hv_nic *hw;
	char mac[18];

	if (nic >= vm->vm->n_nics)
		return json_null();
	hw = &vm->vm->nics[nic];
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", hw->mac[0],
		 hw->mac[1], hw->mac[2], hw->mac[3], hw->mac[4], hw->mac[5]);
	return json_pack("{s:s,s:i,s:s,s:s,s:s,s:s,s:b,s:b}", "name", hw->port,
			 "ifindex", (int)vm->nics[nic].ifindex, "mac", mac,
			 "network", hw->network[0] ? hw->network : hw->bridge,
			 "kind", hv_nic_kind_name(hw->kind), "state",
			 inv_port_name(vm->nics[nic].port), "filtered",
			 (int)hw->has_filter, "shaped", (int)hw->has_bandwidth);
}

/* Whose NIC it is that counts: that of the first pool it is in, else the first. */
static json_t *render_vm(const struct daemon *d, const struct inv_vm *vm)
{
	char full[DP_NAME_SIZE];
	char uuid[HV_UUID_TEXT];
	struct rec_member *const *of_vm;
	const struct rec_member *m;
	json_t *pools = json_array();
	const char *tenant = "";
	const char *why = "";
	char address[CONF_ADDR_SIZE] = "";
	const struct hv_addr *addr = NULL;
	size_t n;
	size_t i;
	int v4;

	hv_uuid_print(vm->uuid, uuid);
	snprintf(full, sizeof(full), "%s/%s", vm->hv->name, vm->vm->name);
	text_clean(full);
	of_vm = rec_of_vm(d->rec, vm->uuid, &n);
	for (i = 0; i < n; i++) {
		m = of_vm[i];
		if (m->pool)
			tenant = m->pool->tenant->name;
		if (!api_is_first(d, m))
			continue;
		json_array_append_new(pools, api_render_member(d, m));
		if (!address[0])
			api_address(d, m, address);
	}
	for (v4 = 1; v4 >= 0; v4--)
		for (i = 0; !address[0] && i < vm->vm->n_nics; i++) {
			addr = inv_vm_addr(vm, i, v4);
			if (addr)
				conf_addr_print(&addr->ip, address,
						sizeof(address));
		}
	if (!json_array_size(pools))
		why = "no pool selects it";
	return json_pack(
		"{s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:b,s:s,s:o,s:o,s:o,s:o,"
		"s:s}",
		"uuid", uuid, "name", vm->vm->name, "hypervisor", vm->hv->name,
		"full_name", full, "tenant", tenant, "state",
		hv_state_name(vm->vm->state), "stale", (int)vm->stale,
		"migrating", (int)vm->migrating, "duplicate",
		(int)vm->duplicate, "address", address, "addresses",
		render_addresses(vm), "port", render_port(vm, 0), "tags",
		api_render_tags(vm->vm), "pools", pools, "why", why);
}

/*
 * A VM that only the tables still know: its hypervisor has forgotten it, or has
 * not been heard of since the daemon began.
 */
static json_t *render_remains(const struct daemon *d,
			      const struct rec_member *m)
{
	const char *slash = strchr(m->vm_name, '/');
	size_t length = slash ? (size_t)(slash - m->vm_name) : 0;
	char address[CONF_ADDR_SIZE] = "";
	char uuid[HV_UUID_TEXT];

	hv_uuid_print(m->uuid, uuid);
	api_address(d, m, address);
	return json_pack("{s:s,s:s,s:s%,s:s,s:s,s:s,s:b,s:b,s:s,s:[],s:n,s:[],"
			 "s:[o],s:s}",
			 "uuid", uuid, "name", slash ? slash + 1 : m->vm_name,
			 "hypervisor", m->vm_name, length, "full_name",
			 m->vm_name, "tenant", "", "state", "unknown", "stale",
			 1, "migrating", 0, "address", address, "addresses",
			 "port", "tags", "pools", api_render_member(d, m),
			 "why", "");
}

json_t *api_render_row(const struct daemon *d, const struct rec_member *m)
{
	const struct inv_vm *vm = inv_get(d->inv, m->uuid);
	char address[CONF_ADDR_SIZE] = "";
	char uuid[HV_UUID_TEXT];

	hv_uuid_print(m->uuid, uuid);
	api_address(d, m, address);
	return json_pack("{s:s,s:s,s:s,s:b,s:b,s:s,s:o}", "uuid", uuid,
			 "full_name", m->vm_name, "state",
			 vm ? hv_state_name(vm->vm->state) : "unknown", "stale",
			 (int)(!vm || vm->stale), "migrating",
			 (int)(vm && vm->migrating), "address", address, "pool",
			 api_render_member(d, m));
}

/* Such a VM, by its name or UUID. */
static const struct rec_member *find_remains(struct daemon *d, const char *word)
{
	const struct rec_member *m;
	char uuid[HV_UUID_TEXT];
	size_t i;

	for (i = 0; i < rec_count(d->rec); i++) {
		m = rec_at(d->rec, i);
		hv_uuid_print(m->uuid, uuid);
		if (!inv_get(d->inv, m->uuid) && api_is_first(d, m) &&
		    (render_name_is(m->vm_name, word) || !strcmp(uuid, word)))
			return m;
	}
	return NULL;
}

void api_get_vms(struct api_request *r)
{
	struct daemon *d = r->daemon;
	json_t *vms = json_array();
	struct rec_member *m;
	size_t i;

	if (daemon_look(d)) {
		json_decref(vms);
		api_error(r, API_FAILED, NULL, "the tables can't be read");
		return;
	}
	for (i = 0; i < inv_count(d->inv); i++)
		json_array_append_new(vms, render_vm(d, inv_at(d->inv, i)));
	for (i = 0; i < rec_count(d->rec); i++) {
		m = rec_at(d->rec, i);
		if (!inv_get(d->inv, m->uuid) && api_is_first(d, m))
			json_array_append_new(vms, render_remains(d, m));
	}
	api_answer(r, vms);
}

void api_get_vm(struct api_request *r)
{
	const struct rec_member *remains = find_remains(r->daemon, r->argument);
	const struct inv_vm *vm = NULL;

	if (!remains)
		vm = api_find_vm(r, r->argument);
	if (!remains && !vm)
		return;
	if (daemon_look(r->daemon))
		api_error(r, API_FAILED, NULL, "the tables can't be read");
	else if (vm)
		api_answer(r, render_vm(r->daemon, vm));
	else
		api_answer(r, render_remains(r->daemon, remains));
}
