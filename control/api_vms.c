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

/* What probes say now: members only hear of it when the state changes. */
static struct health_status ask_health(const struct daemon *d,
				       const struct rec_member *m)
{
	struct health_status status = m->probe;

	if (m->has_target && health_get(d->health, m->id, &status))
		status = m->probe;
	return status;
}

/* Why, with the latest result where that is what counts. */
static void print_why(const struct rec_member *m,
		      const struct health_status *status, char *buf,
		      size_t size)
{
	const struct verdict_texts texts = { .probe = status->reason };

	switch (m->answer.reason) {
	case VERDICT_BY_PROBE_UP:
	case VERDICT_BY_PROBE_DOWN:
	case VERDICT_BY_PROBE_UNKNOWN:
		verdict_print(&m->answer, &texts, buf, size);
		text_clean(buf);
		break;
	default:
		snprintf(buf, size, "%s", m->why);
		break;
	}
}

static json_t *render_health(const struct rec_member *m,
			     const struct health_status *status)
{
	if (!m->has_target)
		return json_pack("{s:s,s:s}", "state", "unknown", "reason",
				 "not probed");
	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:b}", "state",
			 health_state_name(status->state), "reason",
			 status->reason, "via",
			 conf_via_name(m->target_way.by_path ? CONF_VIA_PATH :
							       CONF_VIA_HOST),
			 "latency_us", (json_int_t)status->latency_us,
			 "smoothed_us", (json_int_t)status->smoothed_us,
			 "probes", (json_int_t)status->n_probes, "failures",
			 (json_int_t)status->n_failures, "flapping",
			 (int)status->flapping);
}

static json_t *render_drain(const struct daemon *d, const struct rec_member *m)
{
	const struct wish_drain *wish =
		wishes_drain(d->wishes, m->uuid, m->pool_name);
	uint64_t now_ns = hv_clock_ns();
	uint64_t earliest_ms = 0;

	if (!wish)
		return json_null();
	if (m->status.drained_at_ns > now_ns)
		earliest_ms = (m->status.drained_at_ns - now_ns) / 1000000;
	return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:s}", "state",
			 rec_drain_name(m->drain), "reason", wish->reason,
			 "since_ms", (json_int_t)wish->since_ms, "deadline_ms",
			 (json_int_t)wish->deadline_ms, "left_ms",
			 (json_int_t)m->drain_left_ms, "earliest_left_ms",
			 (json_int_t)earliest_ms, "quiet_after_ms",
			 (json_int_t)wish->quiet_after_ms, "at_deadline",
			 conf_at_deadline_name(wish->at_deadline));
}

bool api_is_learning(const struct rec_member *m)
{
	return m->answer.verdict == VERDICT_SERVING && m->in_tables &&
	       !m->status.learned && !m->status.slots_current;
}

static uint32_t pool_slots(const struct daemon *d, const char *pool)
{
	uint32_t i;

	for (i = 0; i < d->status.n_pools; i++)
		if (!strcmp(d->status.pools[i].name, pool))
			return d->status.pools[i].n_slots;
	return 0;
}

json_t *api_render_member(const struct daemon *d, const struct rec_member *m)
{
	uint32_t n_slots = pool_slots(d, m->pool_name);
	const struct dp_backend_status *s = &m->status;
	struct health_status health = ask_health(d, m);
	bool learning = api_is_learning(m);
	char why[sizeof(m->why)];
	json_t *member;

	print_why(m, &health, why, sizeof(why));
	member = json_pack(
		"{s:s,s:s,s:s,s:s,s:i,s:i,s:s,s:i,s:o,s:o}", "pool",
		m->pool_name, "role",
		vm_verdict_name(learning ? VERDICT_WAITING : m->answer.verdict),
		"reason",
		learning ? "learning" : verdict_reason_name(m->answer.reason),
		"why",
		learning ? "healthy; its port learns for 5 s which "
			   "connections are direct" :
			   why,
		"weight", (int)m->weight, "wanted_weight",
		(int)m->wanted_weight, "weight_from",
		rec_weight_from_name(m->weight_from), "backend",
		m->in_tables ? (int)s->number : 0, "health",
		render_health(m, &health), "drain", render_drain(d, m));
	if (!m->in_tables)
		return member;
	json_object_update_new(
		member,
		json_pack("{s:i,s:i,s:i,s:f,s:i,s:I,s:b,s:b,s:b,s:b,s:I}",
			  "slots", (int)s->slots_current, "slots_base",
			  (int)s->slots_base, "slots_marked",
			  (int)s->slots_marked, "slots_percent",
			  n_slots ? 100.0 * s->slots_current / n_slots : 0.0,
			  "entries", (int)s->entries, "flows",
			  (json_int_t)s->flows, "flows_exact", (int)s->exact,
			  "attached", (int)s->attached, "learned",
			  (int)s->learned, "stack", (int)s->stack, "quiet_ms",
			  (json_int_t)(s->quiet_ns / 1000000)));
	render_traffic(member, &s->traffic);
	return member;
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

	hv_uuid_print(vm->uuid, uuid);
	snprintf(full, sizeof(full), "%s/%s", vm->hv->name, vm->vm->name);
	text_clean(full);
	of_vm = rec_of_vm(d->rec, vm->uuid, &n);
	for (i = 0; i < n; i++) {
		m = of_vm[i];
		json_array_append_new(pools, api_render_member(d, m));
		if (m->pool)
			tenant = m->pool->tenant->name;
		if (m->has_addr)
			conf_addr_print(&m->addr, address, sizeof(address));
	}
	for (i = 0; !address[0] && i < vm->vm->n_nics; i++) {
		addr = inv_vm_addr(vm, i, true);
		if (addr)
			conf_addr_print(&addr->ip, address, sizeof(address));
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
	if (m->has_addr)
		conf_addr_print(&m->addr, address, sizeof(address));
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
	if (m->has_addr)
		conf_addr_print(&m->addr, address, sizeof(address));
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
		if (!inv_get(d->inv, m->uuid) &&
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
		if (!inv_get(d->inv, m->uuid))
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
