/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inventory's VMs and hypervisors, and what drivers' events do to them.
 *
 * An event changes what one hypervisor knows of one VM (a place); what that
 * comes to is worked out by inv_settle().
 */
#include "control/inventory_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const run_names[] = {
	[INV_RUN_STARTING] = "starting",
	[INV_RUN_UP] = "up",
	[INV_RUN_HELD] = "held",
	[INV_RUN_ENDED] = "ended",
};
_Static_assert(ARRAY_SIZE(run_names) == INV_N_RUNS, "a name for each run");

static const char *const port_names[] = {
	[INV_PORT_OK] = "ok",
	[INV_PORT_NONE] = "none",
	[INV_PORT_ELSEWHERE] = "not on this node",
	[INV_PORT_KIND] = "not a tap",
	[INV_PORT_MISSING] = "missing",
	[INV_PORT_DOWN] = "down",
	[INV_PORT_OTHERS] = "has another VM's MAC",
};
_Static_assert(ARRAY_SIZE(port_names) == INV_N_PORTS, "a name for each port");

static const char *const what_names[] = {
	[INV_ADDED] = "added",
	[INV_REMOVED] = "removed",
	[INV_RUN] = "run",
	[INV_ENDED] = "ended",
	[INV_REBOOTED] = "rebooted",
	[INV_PORTS] = "port",
	[INV_ADDRS] = "address",
	[INV_TAGS] = "tags",
	[INV_NICS] = "nics",
	[INV_RENAMED] = "renamed",
	[INV_MOVED] = "moved",
	[INV_MIGRATING] = "migrating",
	[INV_STALE] = "stale",
	[INV_DUPLICATE] = "duplicate",
	[INV_HYPERVISOR] = "hypervisor",
};
_Static_assert(ARRAY_SIZE(what_names) == INV_N_WHATS, "a name for each");

const char *inv_run_name(enum inv_run run)
{
	return run_names[run];
}

const char *inv_port_name(enum inv_port port)
{
	return port_names[port];
}

const char *inv_what_name(enum inv_what what)
{
	return what_names[what];
}

int inv_new(inv_changed_fn changed, void *arg, struct inv **ret_inv)
{
	struct inv *inv;

	inv = calloc(1, sizeof(*inv));
	if (!inv)
		return -ENOMEM;
	inv->changed = changed;
	inv->arg = arg;
	*ret_inv = inv;
	return 0;
}

static void place_done(struct inv_place *place)
{
	hv_vm_free(place->vm);
	free(place->found);
}

static void vm_free(struct inv_vm *vm)
{
	size_t i;

	if (!vm)
		return;
	for (i = 0; i < vm->n_places; i++)
		place_done(&vm->places[i]);
	free(vm->places);
	free(vm->nics);
	free(vm->nics_before);
	free(vm);
}

void inv_free(struct inv *inv)
{
	struct inv_hv *hv;
	size_t i;

	if (!inv)
		return;
	for (i = 0; i < inv->n_vms; i++)
		vm_free(inv->vms[i]);
	while ((hv = inv->hvs)) {
		inv->hvs = hv->next;
		free(hv);
	}
	free(inv->vms);
	free(inv->links);
	free(inv->names);
	free(inv->neighs);
	free(inv);
}

/* Where the VM is, or belongs. */
static size_t vm_index(const struct inv *inv, const uint8_t uuid[HV_UUID_SIZE])
{
	size_t low, high, middle;

	low = 0;
	high = inv->n_vms;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (memcmp(inv->vms[middle]->uuid, uuid, HV_UUID_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct inv_vm *vm_find(const struct inv *inv,
			      const uint8_t uuid[HV_UUID_SIZE])
{
	size_t at;

	at = vm_index(inv, uuid);
	if (at < inv->n_vms && !memcmp(inv->vms[at]->uuid, uuid, HV_UUID_SIZE))
		return inv->vms[at];
	return NULL;
}

size_t inv_count(const struct inv *inv)
{
	return inv->n_vms;
}

const struct inv_vm *inv_at(const struct inv *inv, size_t i)
{
	return inv->vms[i];
}

const struct inv_vm *inv_get(const struct inv *inv,
			     const uint8_t uuid[HV_UUID_SIZE])
{
	return vm_find(inv, uuid);
}

const struct inv_hv *inv_hvs(const struct inv *inv)
{
	return inv->hvs;
}

static struct inv_vm *vm_add(struct inv *inv, const uint8_t uuid[HV_UUID_SIZE])
{
	struct inv_vm *vm;
	size_t at;

	if (inv_grow((void **)&inv->vms, inv->n_vms, &inv->max_vms,
		     sizeof(struct inv_vm *)))
		return NULL;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return NULL;
	memcpy(vm->uuid, uuid, HV_UUID_SIZE);
	at = vm_index(inv, uuid);
	memmove(&inv->vms[at + 1], &inv->vms[at],
		(inv->n_vms - at) * sizeof(struct inv_vm *));
	inv->vms[at] = vm;
	inv->n_vms++;
	return vm;
}

static void vm_remove(struct inv *inv, struct inv_vm *vm)
{
	size_t at;

	at = vm_index(inv, vm->uuid);
	inv->n_vms--;
	memmove(&inv->vms[at], &inv->vms[at + 1],
		(inv->n_vms - at) * sizeof(struct inv_vm *));
	vm_free(vm);
}

static struct inv_place *place_find(struct inv_vm *vm, const struct inv_hv *hv)
{
	size_t i;

	for (i = 0; vm && i < vm->n_places; i++)
		if (vm->places[i].hv == hv)
			return &vm->places[i];
	return NULL;
}

static struct inv_place *place_add(struct inv_vm *vm, const struct inv_hv *hv)
{
	struct inv_place *more;

	more = reallocarray(vm->places, vm->n_places + 1, sizeof(*more));
	if (!more)
		return NULL;
	vm->places = more;
	more = &vm->places[vm->n_places++];
	*more = (struct inv_place){ .hv = hv };
	return more;
}

/* Room for as many NICs as any place can bring. */
static int reserve_nics(struct inv_vm *vm, size_t n)
{
	struct inv_nic *nics, *before;

	if (n <= vm->max_nics)
		return 0;
	nics = reallocarray(vm->nics, n, sizeof(*nics));
	if (!nics)
		return -ENOMEM;
	vm->nics = nics;
	before = reallocarray(vm->nics_before, n, sizeof(*before));
	if (!before)
		return -ENOMEM;
	vm->nics_before = before;
	memset(&nics[vm->max_nics], 0, (n - vm->max_nics) * sizeof(*nics));
	vm->max_nics = n;
	return 0;
}

int inv_hv_add(struct inv *inv, const char *name, bool local,
	       struct inv_hv **ret_hv)
{
	struct inv_hv **last, *hv;

	if (strlen(name) > INV_NAME_MAX)
		return -ENAMETOOLONG;
	for (last = &inv->hvs; *last; last = &(*last)->next)
		if (!strcmp((*last)->name, name))
			return -EEXIST;
	hv = calloc(1, sizeof(*hv));
	if (!hv)
		return -ENOMEM;
	snprintf(hv->name, sizeof(hv->name), "%s", name);
	hv->local = local;
	*last = hv;
	*ret_hv = hv;
	return 0;
}

static void settle_all_of(struct inv *inv, const struct inv_hv *hv,
			  const struct inv_cause *cause)
{
	size_t i;

	for (i = 0; i < inv->n_vms; i++)
		if (inv->vms[i]->hv == hv)
			inv_settle(inv, inv->vms[i], NULL, cause);
}

void inv_hv_local(struct inv *inv, struct inv_hv *hv, bool local,
		  uint64_t now_ns)
{
	const struct inv_cause cause = { now_ns, "the config says so" };

	if (hv->local == local)
		return;
	hv->local = local;
	settle_all_of(inv, hv, &cause);
}

/* A place goes; with the last one the VM goes. */
static void place_remove(struct inv *inv, struct inv_vm *vm,
			 struct inv_place *place, const struct inv_cause *cause)
{
	struct inv_place removed;
	size_t at;

	/* If it was in charge and ran, that is over, before anything else. */
	if (!place->ended) {
		place->ended = true;
		place->end = place->vm->end;
		place->ended_ns = cause->at_ns;
		inv_settle(inv, vm, NULL, cause);
	}
	if (vm->n_places == 1) {
		inv_tell_removed(inv, vm, cause);
		vm_remove(inv, vm);
		return;
	}
	removed = *place;
	at = (size_t)(place - vm->places);
	vm->n_places--;
	memmove(place, place + 1, (vm->n_places - at) * sizeof(*place));
	inv_settle(inv, vm, vm->vm, cause);
	place_done(&removed);
}

void inv_hv_remove(struct inv *inv, struct inv_hv *hv, uint64_t now_ns)
{
	const struct inv_cause cause = { now_ns,
					 "hypervisor is not configured now" };
	struct inv_hv **link;
	struct inv_place *place;
	size_t i;

	for (i = inv->n_vms; i > 0; i--) {
		place = place_find(inv->vms[i - 1], hv);
		if (place)
			place_remove(inv, inv->vms[i - 1], place, &cause);
	}
	for (link = &inv->hvs; *link != hv; link = &(*link)->next)
		;
	*link = hv->next;
	free(hv);
}

static void set_connected(struct inv *inv, struct inv_hv *hv, bool connected,
			  const struct hv_event *event)
{
	const bool tell = hv->connected != connected || !hv->since_ns;
	const struct inv_change change = {
		.what = INV_HYPERVISOR,
		.at_ns = event->at_ns,
		.hv = hv,
		.before = !hv->since_ns ? "" :
			  connected	? "lost" :
					  "connected",
		.after = connected ? "connected" : "lost",
		.reason = event->text,
	};
	char reason[HV_TEXT_MAX + INV_NAME_MAX + 16];
	const struct inv_cause cause = { event->at_ns, reason };

	snprintf(hv->text, sizeof(hv->text), "%s", event->text);
	if (!tell)
		return;
	hv->connected = connected;
	hv->since_ns = event->at_ns;
	inv->changed(inv->arg, &change);
	if (connected)
		snprintf(reason, sizeof(reason), "%s is connected", hv->name);
	else
		snprintf(reason, sizeof(reason), "%s is lost: %s", hv->name,
			 event->text);
	settle_all_of(inv, hv, &cause);
}

void inv_hv_unread(const struct inv *inv, const struct inv_hv *hv,
		   uint64_t before_ns,
		   void (*tell)(void *arg, const uint8_t uuid[HV_UUID_SIZE]),
		   void *arg)
{
	const struct inv_place *place;
	size_t i;

	for (i = 0; i < inv->n_vms; i++) {
		place = place_find(inv->vms[i], hv);
		if (place && place->vm->read_ns < before_ns)
			tell(arg, inv->vms[i]->uuid);
	}
}

/* Take over a read into its place. The old struct hv_vm stays the caller's. */
static void place_update(struct inv_place *place, struct hv_vm *now)
{
	const struct hv_vm *old = place->vm;
	bool new_run;

	new_run = !old || old->run != now->run;
	if (new_run) {
		free(place->found);
		place->found = NULL;
		place->n_found = 0;
		place->lost_port[0] = '\0';
	}
	/* What was read before it ended says nothing about afterwards. */
	if (place->ended && now->read_ns >= place->ended_ns)
		place->ended = false;
	if (now->state != HV_STATE_RUNNING)
		place->up_ns = 0;
	else if (new_run || !place->up_ns)
		place->up_ns = now->read_ns;
	place->vm = now;
}

static int on_vm(struct inv *inv, struct inv_hv *hv, struct hv_event *event,
		 const struct inv_cause *cause)
{
	CLEANUP(hv_vm_freep) struct hv_vm *old = NULL;
	struct inv_place *place;
	struct inv_vm *vm;
	bool is_new;

	vm = vm_find(inv, event->uuid);
	is_new = !vm;
	if (is_new)
		vm = vm_add(inv, event->uuid);
	if (!vm)
		return -ENOMEM;
	place = place_find(vm, hv);
	if (reserve_nics(vm, event->vm->n_nics) == 0 && !place)
		place = place_add(vm, hv);
	if (!place || vm->max_nics < event->vm->n_nics) {
		if (is_new)
			vm_remove(inv, vm);
		return -ENOMEM;
	}
	old = place->vm;
	if (old && event->vm->read_ns < old->read_ns) {
		old = NULL; /* overtaken by a later read: no news */
		return 0;
	}
	place_update(place, STEAL(event->vm));
	inv_settle(inv, vm, is_new ? NULL : (vm->vm == old ? old : vm->vm),
		   cause);
	if (is_new)
		inv_tell_added(inv, vm, cause);
	return 0;
}

static void on_ended(struct inv *inv, struct inv_hv *hv,
		     const struct hv_event *event,
		     const struct inv_cause *cause)
{
	struct inv_place *place;
	struct inv_vm *vm;

	vm = vm_find(inv, event->uuid);
	place = place_find(vm, hv);
	if (!place || event->at_ns < place->vm->read_ns)
		return; /* what was read later knows better */
	place->ended = true;
	place->end = event->end;
	place->ended_ns = event->at_ns;
	place->up_ns = 0;
	inv_settle(inv, vm, NULL, cause);
}

static void on_reboot(struct inv *inv, struct inv_hv *hv,
		      const struct hv_event *event)
{
	struct inv_change change = {
		.what = INV_REBOOTED,
		.at_ns = event->at_ns,
		.hv = hv,
		.before = "",
		.after = "",
		.reason = event->text,
	};
	struct inv_vm *vm;

	vm = vm_find(inv, event->uuid);
	if (!vm || vm->hv != hv)
		return;
	vm->generation++;
	change.vm = vm;
	inv->changed(inv->arg, &change);
}

static void on_addrs(struct inv *inv, struct inv_hv *hv, struct hv_event *event,
		     const struct inv_cause *cause)
{
	struct inv_place *place;
	struct inv_vm *vm;

	vm = vm_find(inv, event->uuid);
	place = place_find(vm, hv);
	if (!place)
		return;
	free(place->found);
	place->found = STEAL(event->found);
	place->n_found = event->n_found;
	inv_settle(inv, vm, NULL, cause);
}

static void on_gone(struct inv *inv, struct inv_hv *hv,
		    const struct hv_event *event, const struct inv_cause *cause)
{
	struct inv_place *place;
	struct inv_vm *vm;

	vm = vm_find(inv, event->uuid);
	place = place_find(vm, hv);
	if (place)
		place_remove(inv, vm, place, cause);
}

int inv_event(struct inv *inv, struct hv_event *event)
{
	char reason[HV_TEXT_MAX + INV_NAME_MAX + 16];
	const struct inv_cause cause = { event->at_ns, reason };
	struct inv_hv *hv = event->arg;

	if (*event->text)
		snprintf(reason, sizeof(reason), "%s: %s", hv->name,
			 event->text);
	else
		snprintf(reason, sizeof(reason), "%s says so", hv->name);
	switch (event->type) {
	case HV_EVENT_VM:
		return on_vm(inv, hv, event, &cause);
	case HV_EVENT_ENDED:
		on_ended(inv, hv, event, &cause);
		break;
	case HV_EVENT_GONE:
		on_gone(inv, hv, event, &cause);
		break;
	case HV_EVENT_REBOOT:
		on_reboot(inv, hv, event);
		break;
	case HV_EVENT_ADDRS:
		on_addrs(inv, hv, event, &cause);
		break;
	case HV_EVENT_LISTED:
		set_connected(inv, hv, true, event);
		break;
	case HV_EVENT_LOST:
		set_connected(inv, hv, false, event);
		break;
	case HV_EVENT_CONNECTED: /* until its list is complete: as lost */
	case HV_EVENT_TAGGED:	 /* the VM is read again */
	case HV_N_EVENT_TYPES:
		break;
	}
	return 0;
}
