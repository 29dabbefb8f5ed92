/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The static driver: what it is given is what there is.
 */
#include "control/hypervisor/static.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/hypervisor/driver.h"

struct hv {
	struct hv_queue *queue;
	void *arg;
	struct hv_vm **vms;
	size_t n_vms;
	struct hv_counters counters;
};

static bool static_accepts(const char *uri)
{
	return !strncmp(uri, "static:", strlen("static:"));
}

static void static_close(struct hv *hv)
{
	size_t i;

	for (i = 0; i < hv->n_vms; i++)
		hv_vm_free(hv->vms[i]);
	free(hv->vms);
	free(hv);
}

/* @vm: becomes the event's; NULL where it says nothing of one. */
static int say(struct hv *hv, enum hv_event_type type,
	       const uint8_t uuid[HV_UUID_SIZE], struct hv_vm *vm)
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
	snprintf(event->text, sizeof(event->text), "listed");
	hv_queue_push(hv->queue, event);
	return 0;
}

static int say_vm(struct hv *hv, const struct hv_vm *vm)
{
	struct hv_vm *copy = hv_vm_copy(vm);

	hv->counters.reads++;
	return copy ? say(hv, HV_EVENT_VM, vm->uuid, copy) : -ENOMEM;
}

static int say_all(struct hv *hv)
{
	size_t i;
	int err;

	hv->counters.connects++;
	err = say(hv, HV_EVENT_CONNECTED, NULL, NULL);
	for (i = 0; !err && i < hv->n_vms; i++)
		err = say_vm(hv, hv->vms[i]);
	return err ? err : say(hv, HV_EVENT_LISTED, NULL, NULL);
}

static int static_open(const struct hv_settings *settings, struct hv **ret_hv)
{
	struct hv *hv = calloc(1, sizeof(*hv));
	int err;

	if (!hv)
		return -ENOMEM;
	hv->queue = settings->queue;
	hv->arg = settings->arg;
	hv->vms = calloc(settings->n_vms + 1, sizeof(*hv->vms));
	for (; hv->vms && hv->n_vms < settings->n_vms; hv->n_vms++) {
		hv->vms[hv->n_vms] = hv_vm_copy(settings->vms[hv->n_vms]);
		if (!hv->vms[hv->n_vms])
			break;
	}
	err = hv->vms && hv->n_vms == settings->n_vms ? say_all(hv) : -ENOMEM;
	if (err)
		static_close(hv);
	else
		*ret_hv = hv;
	return err;
}

/* Told again as it is; what is not in the list is no more. */
static void static_hint(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE])
{
	size_t i;

	hv->counters.hints++;
	for (i = 0; i < hv->n_vms; i++)
		if (!memcmp(hv->vms[i]->uuid, uuid, HV_UUID_SIZE))
			break;
	/* Without memory: the next hint, or the next list, tells it. */
	if (i < hv->n_vms)
		(void)!say_vm(hv, hv->vms[i]);
	else
		(void)!say(hv, HV_EVENT_GONE, uuid, NULL);
}

static void static_counters(struct hv *hv, struct hv_counters *ret_counters)
{
	*ret_counters = hv->counters;
}

const struct hv_driver *hv_static(void)
{
	static const struct hv_driver driver = {
		.name = "static",
		.accepts = static_accepts,
		.open = static_open,
		.close = static_close,
		.hint = static_hint,
		.counters = static_counters,
	};

	return &driver;
}
