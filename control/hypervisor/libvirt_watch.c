/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libvirt's events. The callbacks run in the loop's thread and make no call.
 *
 * That a VM ended is said at once. Everything else is a hint to read the VM:
 * the order of events is not reliable (RESUMED comes before STARTED).
 */
#include "control/hypervisor/libvirt_hv.h"

#include <errno.h>
#include <stdio.h>

static void send_event(struct hv *hv, virDomainPtr dom, enum hv_event_type type,
		       enum hv_end end, const char *text)
{
	struct hv_event *event;
	uint64_t began_ns, took_ns;

	began_ns = hv_clock_ns();
	event = hv_event_new(type, began_ns);
	if (!event)
		return; /* the hint that follows, or the poll, brings it */
	if (virDomainGetUUID(dom, event->uuid) < 0) {
		hv_event_free(event);
		return;
	}
	event->end = end;
	snprintf(event->text, sizeof(event->text), "%s", text);
	hv_send(hv, event);
	if (type != HV_EVENT_ENDED)
		return;
	took_ns = hv_clock_ns() - began_ns;
	pthread_mutex_lock(&hv->lock);
	hv->counters.ends++;
	if (took_ns > hv->counters.end_push_max_ns)
		hv->counters.end_push_max_ns = took_ns;
	pthread_mutex_unlock(&hv->lock);
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event,
			int detail, void *arg)
{
	struct hv *hv = arg;

	(void)conn;
	if (event == VIR_DOMAIN_EVENT_STOPPED)
		send_event(hv, dom, HV_EVENT_ENDED, libvirt_stopped(detail),
			   libvirt_stopped_text(detail));
	else if (event == VIR_DOMAIN_EVENT_SHUTDOWN)
		send_event(hv, dom, HV_EVENT_ENDED,
			   detail == VIR_DOMAIN_EVENT_SHUTDOWN_HOST ?
				   HV_END_DESTROYED :
				   HV_END_SHUTDOWN,
			   "SHUTDOWN");
	else if (event == VIR_DOMAIN_EVENT_CRASHED)
		send_event(hv, dom, HV_EVENT_ENDED, HV_END_CRASHED,
			   "CRASHED: panicked");
	hv_hint_domain(hv, dom);
	return 0;
}

static void on_reboot(virConnectPtr conn, virDomainPtr dom, void *arg)
{
	(void)conn;
	send_event(arg, dom, HV_EVENT_REBOOT, 0, "REBOOT");
}

static void on_agent(virConnectPtr conn, virDomainPtr dom, int state,
		     int reason, void *arg)
{
	(void)conn;
	(void)state;
	(void)reason;
	hv_hint_domain(arg, dom);
}

static void on_metadata(virConnectPtr conn, virDomainPtr dom, int type,
			const char *urn, void *arg)
{
	(void)conn;
	(void)type;
	(void)urn;
	hv_hint_domain(arg, dom);
}

static void on_device(virConnectPtr conn, virDomainPtr dom, const char *alias,
		      void *arg)
{
	(void)conn;
	(void)alias;
	hv_hint_domain(arg, dom);
}

static void on_job(virConnectPtr conn, virDomainPtr dom,
		   virTypedParameterPtr params, int n_params, void *arg)
{
	(void)conn;
	(void)params;
	(void)n_params;
	hv_hint_domain(arg, dom);
}

static void on_close(virConnectPtr conn, int reason, void *arg)
{
	struct hv *hv = arg;

	(void)conn;
	(void)reason;
	pthread_mutex_lock(&hv->lock);
	hv->lost = true;
	pthread_cond_broadcast(&hv->wake);
	pthread_mutex_unlock(&hv->lock);
}

static void let_go(void *arg)
{
	hv_unref(arg);
}

int libvirt_watch(struct hv *hv)
{
	/* The first one must be there. Each callback has its own type. */
	const struct {
		int id;
		virConnectDomainEventGenericCallback fn;
	} watches[] = {
		{ VIR_DOMAIN_EVENT_ID_LIFECYCLE,
		  VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle) },
		{ VIR_DOMAIN_EVENT_ID_REBOOT,
		  VIR_DOMAIN_EVENT_CALLBACK(on_reboot) },
		{ VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
		  VIR_DOMAIN_EVENT_CALLBACK(on_metadata) },
		{ VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
		  VIR_DOMAIN_EVENT_CALLBACK(on_device) },
		{ VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
		  VIR_DOMAIN_EVENT_CALLBACK(on_device) },
		{ VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
		  VIR_DOMAIN_EVENT_CALLBACK(on_agent) },
		{ VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
		  VIR_DOMAIN_EVENT_CALLBACK(on_job) },
	};
	size_t i;

	_Static_assert(ARRAY_SIZE(watches) <= WATCH_MAX, "room for all");
	for (i = 0; i < WATCH_MAX; i++)
		hv->watches[i] = -1;
	/*
	 * No reference: where there is no connection that could be lost,
	 * libvirt says yes and forgets it. It is unregistered before the reader
	 * lets go, and waits for a call of it that is under way.
	 */
	(void)virConnectRegisterCloseCallback(hv->conn, on_close, hv, NULL);
	for (i = 0; i < ARRAY_SIZE(watches); i++) {
		hv->watches[i] = virConnectDomainEventRegisterAny(
			hv->conn, NULL, watches[i].id, watches[i].fn,
			hv_ref(hv), let_go);
		if (hv->watches[i] >= 0)
			continue;
		hv_unref(hv);
		if (i == 0)
			return -EIO;
	}
	return 0;
}

void libvirt_unwatch(struct hv *hv)
{
	size_t i;

	for (i = 0; i < WATCH_MAX; i++)
		if (hv->watches[i] >= 0)
			virConnectDomainEventDeregisterAny(hv->conn,
							   hv->watches[i]);
	virConnectUnregisterCloseCallback(hv->conn, on_close);
}
