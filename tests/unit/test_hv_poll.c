/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the poll repairs: the libvirt driver against test:///default, with every
 * event lost. libvirt's functions for events are replaced by ones that promise
 * and do nothing; all else is real.
 */
#include "control/hypervisor/driver.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libvirt/libvirt.h>

#define TEST_URI  "test:///default"
#define POLL_MS	  100
#define WAIT_MS	  5000
#define NS_PER_MS 1000000ULL

struct fixture {
	const struct hv_driver *driver;
	struct hv_queue *queue;
	struct hv *hv;
	virConnectPtr admin;
};

/* In place of libvirt's. The driver's context is freed as libvirt would. */
static struct {
	void *arg;
	virFreeCallback free_arg;
} promised[32];

int virConnectDomainEventRegisterAny(virConnectPtr conn, virDomainPtr dom,
				     int event,
				     virConnectDomainEventGenericCallback cb,
				     void *opaque, virFreeCallback freecb)
{
	(void)conn;
	(void)dom;
	(void)cb;
	assert_true((size_t)event < ARRAY_SIZE(promised));
	promised[event].arg = opaque;
	promised[event].free_arg = freecb;
	return event;
}

int virConnectDomainEventDeregisterAny(virConnectPtr conn, int id)
{
	(void)conn;
	promised[id].free_arg(promised[id].arg);
	return 0;
}

static struct hv_event *next(struct fixture *f, int timeout_ms)
{
	struct pollfd fd = { .fd = hv_queue_fd(f->queue), .events = POLLIN };

	return poll(&fd, 1, timeout_ms) == 1 ? hv_queue_pop(f->queue) : NULL;
}

/* Only what the poll finds is told, so each event is the one to expect. */
static struct hv_event *expect(struct fixture *f, enum hv_event_type type)
{
	struct hv_event *event;

	event = next(f, WAIT_MS);
	if (!event) {
		fail_msg("no event %s", hv_event_type_name(type));
		abort(); /* not reached */
	}
	assert_int_equal(event->type, type);
	if (type == HV_EVENT_VM)
		assert_string_equal(event->text, "found by the poll");
	return event;
}

static void expect_state(struct fixture *f, enum hv_state state)
{
	struct hv_event *event;

	event = expect(f, HV_EVENT_VM);
	assert_int_equal(event->vm->state, state);
	hv_event_free(event);
}

/* Nothing but addresses, which are asked for anew now and then. */
static void expect_quiet(struct fixture *f)
{
	struct hv_event *event;

	while ((event = next(f, 3 * POLL_MS))) {
		if (event->type != HV_EVENT_ADDRS)
			fail_msg("event %s: %s",
				 hv_event_type_name(event->type), event->text);
		hv_event_free(event);
	}
}

static void set_up(struct fixture *f)
{
	struct hv_settings settings = {
		.name = "test",
		.uri = TEST_URI,
		.poll_ms = POLL_MS,
	};
	struct hv_event *event;
	bool listed;

	assert_int_equal(hv_queue_new(&f->queue), 0);
	settings.queue = f->queue;
	f->driver = hv_driver_find(TEST_URI);
	assert_non_null(f->driver);
	assert_int_equal(f->driver->open(&settings, &f->hv), 0);
	f->admin = virConnectOpen(TEST_URI);
	assert_non_null(f->admin);
	/* libvirt's own VM, and the lease that it invents for it. */
	listed = false;
	do {
		event = next(f, WAIT_MS);
		assert_non_null(event);
		listed = listed || event->type == HV_EVENT_LISTED;
		if (listed && event->type == HV_EVENT_ADDRS)
			break;
		hv_event_free(event);
	} while (true);
	hv_event_free(event);
}

static void test_poll_repairs(void **state)
{
	static const char xml[] =
		"<domain type='test'><name>quiet</name><memory>8192</memory>"
		"<os><type>hvm</type></os></domain>";
	struct fixture f = { 0 };
	struct hv_counters counters;
	struct hv_event *event;
	virDomainPtr dom;

	(void)state;
	set_up(&f);
	dom = virDomainDefineXML(f.admin, xml);
	assert_non_null(dom);
	expect_state(&f, HV_STATE_OFF);
	assert_int_equal(virDomainCreate(dom), 0);
	expect_state(&f, HV_STATE_RUNNING);
	assert_int_equal(virDomainSuspend(dom), 0);
	expect_state(&f, HV_STATE_PAUSED);
	/* No state shows an edit: the reads in turn find it. */
	assert_int_equal(
		virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT,
				     "<vm><tag name='role' value='db'/></vm>",
				     "drover", HV_METADATA_URN,
				     VIR_DOMAIN_AFFECT_LIVE),
		0);
	event = expect(&f, HV_EVENT_VM);
	assert_int_equal(event->vm->n_tags, 1);
	hv_event_free(event);
	/* Ended and started between two polls: another run. */
	assert_int_equal(virDomainDestroy(dom), 0);
	assert_int_equal(virDomainCreate(dom), 0);
	expect_state(&f, HV_STATE_RUNNING);
	assert_int_equal(virDomainDestroy(dom), 0);
	expect_state(&f, HV_STATE_OFF);
	assert_int_equal(virDomainUndefine(dom), 0);
	hv_event_free(expect(&f, HV_EVENT_GONE));
	virDomainFree(dom);
	expect_quiet(&f);
	f.driver->counters(f.hv, &counters);
	assert_int_equal(counters.hints, 0);
	assert_int_equal(counters.repairs, 7);
	f.driver->close(f.hv);
	virConnectClose(f.admin);
	hv_queue_free(f.queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_poll_repairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
