/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver for machines that somebody lists: what it is told is what there is.
 */
#include "control/hypervisor/listed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/hypervisor/driver.h"

/**
 * struct hv - a list.
 * @vms: all machines there are, by UUID.
 * @connected: all of them have been reported, and since then each change.
 */
struct hv {
	struct hv_queue *queue;
	void *arg;
	struct hv_vm **vms;
	size_t n_vms;
	bool connected;
	struct hv_counters counters;
};

static bool listed_accepts(const char *uri)
{
	return !strcmp(uri, "static:") || !strcmp(uri, "fed:");
}

static void free_vms(struct hv_vm **vms, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		hv_vm_free(vms[i]);
	free(vms);
}

static void listed_close(struct hv *hv)
{
	free_vms(hv->vms, hv->n_vms);
	free(hv);
}

static int listed_open(const struct hv_settings *settings, struct hv **ret_hv)
{
	struct hv *hv = calloc(1, sizeof(*hv));

	if (!hv)
		return -ENOMEM;
	hv->queue = settings->queue;
	hv->arg = settings->arg;
	*ret_hv = hv;
	return 0;
}

/* @vm: becomes the event's; NULL where it says nothing of one. */
static int say(struct hv *hv, enum hv_event_type type,
	       const uint8_t uuid[HV_UUID_SIZE], struct hv_vm *vm,
	       const char *text)
{
	struct hv_event *event = hv_event_new(type, hv_clock_ns());

	if (!event) {
		hv_vm_free(vm);
		return -ENOMEM;
	}
	event->arg = hv->arg;
	event->vm = vm;
	if (vm)
		vm->read_ns = event->at_ns;
	if (uuid)
		memcpy(event->uuid, uuid, HV_UUID_SIZE);
	event->more = type == HV_EVENT_CONNECTED;
	snprintf(event->text, sizeof(event->text), "%s", text);
	hv_queue_push(hv->queue, event);
	return 0;
}

static int say_vm(struct hv *hv, const struct hv_vm *vm)
{
	struct hv_vm *copy = hv_vm_copy(vm);

	hv->counters.reads++;
	if (!copy)
		return -ENOMEM;
	return say(hv, HV_EVENT_VM, vm->uuid, copy, "listed");
}

static int say_gone(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE])
{
	return say(hv, HV_EVENT_GONE, uuid, NULL, "listed no more");
}

/*
 * Both lists are sorted, so one walk finds what differs; a list after a loss
 * reports all of it, as every connection does.
 */
static int say_difference(struct hv *hv, struct hv_vm *const *vms, size_t n,
			  struct hv_listing *listing)
{
	size_t i = 0, j = 0;
	bool same;
	int order;
	int err = 0;

	while (!err && (i < hv->n_vms || j < n)) {
		if (i == hv->n_vms || j == n)
			order = i == hv->n_vms ? 1 : -1;
		else
			order = memcmp(hv->vms[i]->uuid, vms[j]->uuid,
				       HV_UUID_SIZE);
		same = order == 0 && hv_vm_same(hv->vms[i], vms[j]);
		listing->gone += order < 0;
		listing->changed += order == 0 && !same;
		listing->added += order > 0;
		if (order < 0)
			err = say_gone(hv, hv->vms[i]->uuid);
		else if (!same || !hv->connected)
			err = say_vm(hv, vms[j]);
		i += order <= 0;
		j += order >= 0;
	}
	return err;
}

static int listed_list(struct hv *hv, struct hv_vm **vms, size_t n,
		       struct hv_listing *ret_listing)
{
	struct hv_listing listing = { 0 };
	int err = 0;

	if (!hv->connected)
		err = say(hv, HV_EVENT_CONNECTED, NULL, NULL, "listed");
	if (!err)
		err = say_difference(hv, vms, n, &listing);
	if (!err && !hv->connected)
		err = say(hv, HV_EVENT_LISTED, NULL, NULL, "listed");
	hv->counters.connects += !err && !hv->connected;
	free_vms(hv->vms, hv->n_vms);
	hv->vms = vms;
	hv->n_vms = n;
	/* What could not be reported now is reported with the next list. */
	hv->connected = !err;
	if (!err)
		*ret_listing = listing;
	return err;
}

static int listed_lose(struct hv *hv, const char *why)
{
	hv->counters.losses += hv->connected;
	hv->connected = false;
	return say(hv, HV_EVENT_LOST, NULL, NULL, why);
}

static int by_uuid(const void *key, const void *element)
{
	const struct hv_vm *const *vm = element;

	return memcmp(key, (*vm)->uuid, HV_UUID_SIZE);
}

/* Told again as it is; what is not in the list is no more. */
static void listed_hint(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE])
{
	struct hv_vm *const *found;

	hv->counters.hints++;
	if (!hv->connected)
		return;
	found = bsearch(uuid, hv->vms, hv->n_vms, sizeof(struct hv_vm *),
			by_uuid);
	/* Without memory: the next hint, or the next list, tells it. */
	if (found)
		(void)!say_vm(hv, *found);
	else
		(void)!say_gone(hv, uuid);
}

static void listed_counters(struct hv *hv, struct hv_counters *ret_counters)
{
	*ret_counters = hv->counters;
}

const struct hv_driver *hv_listed(void)
{
	static const struct hv_driver driver = {
		.name = "listed",
		.accepts = listed_accepts,
		.open = listed_open,
		.close = listed_close,
		.list = listed_list,
		.lose = listed_lose,
		.hint = listed_hint,
		.counters = listed_counters,
	};

	return &driver;
}
