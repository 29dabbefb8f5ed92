/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The libvirt driver against libvirt's own test hypervisor (test:///default):
 * no daemon, no privileges, but real events, threads and lists. It lives in
 * this process, so that a second connection can play the operator.
 *
 * What needs QEMU, a daemon that dies or a network is in tests/vm/hv_live.c.
 */
#include "control/hypervisor/driver.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libvirt/libvirt.h>

#define TEST_URI  "test:///default"
#define WAIT_MS	  5000
#define N_MANY	  1000
#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL
#define ANY_STATE HV_N_STATES
#define TEST_POLL 200

struct fixture {
	const struct hv_driver *driver;
	struct hv_queue *queue;
	struct hv *hv;
	virConnectPtr admin;
};

static void open_hv(struct fixture *f, const char *uri)
{
	const struct hv_settings settings = {
		.name = "test",
		.uri = uri,
		.poll_ms = TEST_POLL,
		.queue = f->queue,
		.arg = f,
	};

	f->driver = hv_driver_find(uri);
	assert_non_null(f->driver);
	assert_int_equal(f->driver->open(&settings, &f->hv), 0);
}

/* The next event, or NULL when none comes. */
static struct hv_event *next(struct fixture *f, int timeout_ms)
{
	struct pollfd fd = { .fd = hv_queue_fd(f->queue), .events = POLLIN };
	struct hv_event *event;

	if (poll(&fd, 1, timeout_ms) != 1)
		return NULL;
	event = hv_queue_pop(f->queue);
	assert_non_null(event);
	assert_ptr_equal(event->arg, f);
	assert_true(event->queued_ns >= event->at_ns);
	assert_int_equal(event->vm != NULL, event->type == HV_EVENT_VM);
	return event;
}

/*
 * The next event of this type about this VM (NULL: about any, or none), and, if
 * it is HV_EVENT_VM, in this state. Others are thrown away.
 */
static struct hv_event *wait_for(struct fixture *f, enum hv_event_type type,
				 virDomainPtr dom, enum hv_state state)
{
	const uint64_t until_ns = hv_clock_ns() + WAIT_MS * NS_PER_MS;
	unsigned char uuid[HV_UUID_SIZE];
	struct hv_event *event;

	if (dom)
		assert_int_equal(virDomainGetUUID(dom, uuid), 0);
	while (hv_clock_ns() < until_ns) {
		event = next(f, WAIT_MS);
		if (event && event->type == type &&
		    (!dom || !memcmp(event->uuid, uuid, sizeof(uuid))) &&
		    (!event->vm || state == ANY_STATE ||
		     event->vm->state == state))
			return event;
		hv_event_free(event);
	}
	fail_msg("no event %s", hv_event_type_name(type));
	return NULL;
}

static void expect(struct fixture *f, enum hv_event_type type, virDomainPtr dom,
		   enum hv_state state)
{
	hv_event_free(wait_for(f, type, dom, state));
}

static int set_up(void **state)
{
	struct fixture *f;

	f = calloc(1, sizeof(*f));
	assert_non_null(f);
	assert_int_equal(hv_queue_new(&f->queue), 0);
	open_hv(f, TEST_URI);
	f->admin = virConnectOpen(TEST_URI);
	assert_non_null(f->admin);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	f->driver->close(f->hv);
	virConnectClose(f->admin);
	hv_queue_free(f->queue);
	free(f);
	return 0;
}

static virDomainPtr define(struct fixture *f, const char *name)
{
	char xml[1024];
	virDomainPtr dom;

	snprintf(xml, sizeof(xml),
		 "<domain type='test'><name>%s</name>"
		 "<metadata><vm xmlns='" HV_METADATA_URN "'>"
		 "<tag name='role' value='web'/><address ip='10.0.0.7'/></vm>"
		 "</metadata><memory>8192</memory><os><type>hvm</type></os>"
		 "<devices><interface type='bridge'><source bridge='br0'/>"
		 "</interface></devices></domain>",
		 name);
	dom = virDomainDefineXML(f->admin, xml);
	assert_non_null(dom);
	return dom;
}

static void remove_vm(virDomainPtr dom)
{
	if (virDomainIsActive(dom) == 1)
		virDomainDestroy(dom);
	assert_int_equal(virDomainUndefine(dom), 0);
	virDomainFree(dom);
}

/* Connected, every VM, listed: in this order. */
static void test_list(void **state)
{
	struct fixture *f = *state;
	struct hv_event *event;

	event = next(f, WAIT_MS);
	assert_non_null(event);
	assert_int_equal(event->type, HV_EVENT_CONNECTED);
	hv_event_free(event);
	event = next(f, WAIT_MS);
	assert_non_null(event);
	assert_int_equal(event->type, HV_EVENT_VM);
	assert_string_equal(event->vm->name, "test");
	assert_int_equal(event->vm->state, HV_STATE_RUNNING);
	assert_true(event->vm->run > 0);
	assert_memory_equal(event->uuid, event->vm->uuid, HV_UUID_SIZE);
	hv_event_free(event);
	event = next(f, WAIT_MS);
	assert_non_null(event);
	assert_int_equal(event->type, HV_EVENT_LISTED);
	hv_event_free(event);
	/* It is on a libvirt network, so the asker asks for its lease. */
	event = next(f, WAIT_MS);
	assert_non_null(event);
	assert_int_equal(event->type, HV_EVENT_ADDRS);
	assert_int_equal(event->n_found, 1);
	assert_int_equal(event->found[0].addr.source, HV_ADDR_LEASE);
	hv_event_free(event);
	/* Then polls find nothing new. */
	assert_null(next(f, 3 * TEST_POLL));
}

static void test_life(void **state)
{
	struct fixture *f = *state;
	struct hv_event *event;
	virDomainPtr dom;

	expect(f, HV_EVENT_LISTED, NULL, ANY_STATE);
	dom = define(f, "life");
	event = wait_for(f, HV_EVENT_VM, dom, HV_STATE_OFF);
	assert_int_equal(event->vm->run, 0);
	assert_int_equal(event->vm->n_tags, 1);
	assert_int_equal(event->vm->nics[0].n_addrs, 1);
	assert_string_equal(event->text, "read after an event");
	hv_event_free(event);
	assert_int_equal(virDomainCreate(dom), 0);
	event = wait_for(f, HV_EVENT_VM, dom, HV_STATE_RUNNING);
	assert_true(event->vm->run > 0);
	assert_string_equal(event->vm->reason, "booted");
	hv_event_free(event);
	assert_int_equal(virDomainSuspend(dom), 0);
	expect(f, HV_EVENT_VM, dom, HV_STATE_PAUSED);
	assert_int_equal(virDomainResume(dom), 0);
	expect(f, HV_EVENT_VM, dom, HV_STATE_RUNNING);
	assert_int_equal(virDomainReboot(dom, 0), 0);
	expect(f, HV_EVENT_VM, dom, ANY_STATE);
	remove_vm(dom);
	expect(f, HV_EVENT_GONE, NULL, ANY_STATE);
}

/* The end is said before anything is read, with its cause; the read follows. */
static void end_of(struct fixture *f, const char *name, bool crash,
		   enum hv_end end, const char *text)
{
	struct hv_event *event;
	virDomainPtr dom;

	dom = define(f, name);
	assert_int_equal(virDomainCreate(dom), 0);
	expect(f, HV_EVENT_VM, dom, HV_STATE_RUNNING);
	if (crash)
		assert_int_equal(
			virDomainCoreDump(dom, "/dev/null", VIR_DUMP_CRASH), 0);
	else
		assert_int_equal(virDomainDestroy(dom), 0);
	event = wait_for(f, HV_EVENT_ENDED, dom, ANY_STATE);
	assert_int_equal(event->end, end);
	assert_string_equal(event->text, text);
	hv_event_free(event);
	event = wait_for(f, HV_EVENT_VM, dom, HV_STATE_OFF);
	assert_int_equal(event->vm->end, end);
	hv_event_free(event);
	remove_vm(dom);
	expect(f, HV_EVENT_GONE, NULL, ANY_STATE);
}

static void test_ends(void **state)
{
	struct fixture *f = *state;
	struct hv_counters counters;

	expect(f, HV_EVENT_LISTED, NULL, ANY_STATE);
	end_of(f, "destroyed", false, HV_END_DESTROYED, "STOPPED: destroyed");
	end_of(f, "crashed", true, HV_END_CRASHED, "STOPPED: crashed");
	f->driver->counters(f->hv, &counters);
	assert_int_equal(counters.ends, 2);
	assert_int_equal(counters.connects, 1);
	assert_int_equal(counters.losses, 0);
	assert_true(counters.hinted_reads > 0);
	printf("callback to queue: an end at most %.3f ms; "
	       "a read mean %.3f ms, at most %.3f ms\n",
	       (double)counters.end_push_max_ns / 1e6,
	       (double)counters.hint_push_sum_ns / 1e6 /
		       (double)counters.hinted_reads,
	       (double)counters.hint_push_max_ns / 1e6);
}

static void test_metadata(void **state)
{
	static const char edited[] =
		"<vm><tag name='role' value='db'/><tag name='new'/></vm>";
	struct fixture *f = *state;
	struct hv_event *event;
	virDomainPtr dom;

	expect(f, HV_EVENT_LISTED, NULL, ANY_STATE);
	dom = define(f, "edited");
	assert_int_equal(virDomainCreate(dom), 0);
	expect(f, HV_EVENT_VM, dom, HV_STATE_RUNNING);
	assert_int_equal(virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT,
					      edited, "drover", HV_METADATA_URN,
					      VIR_DOMAIN_AFFECT_LIVE),
			 0);
	do {
		event = wait_for(f, HV_EVENT_VM, dom, HV_STATE_RUNNING);
		if (event->vm->n_tags == 2)
			break;
		hv_event_free(event);
	} while (true);
	assert_string_equal(event->vm->tags[0].value, "db");
	assert_string_equal(event->vm->tags[1].name, "new");
	assert_int_equal(event->vm->nics[0].n_addrs, 0);
	hv_event_free(event);
	remove_vm(dom);
}

/* Ask for a change of tags, and wait for its outcome. */
static struct hv_event *tag(struct fixture *f, virDomainPtr dom,
			    const struct hv_tag_step *step, uint64_t left_ns)
{
	struct hv_tag_request request = {
		.id = hv_clock_ns(),
		.deadline_ns = hv_clock_ns() + left_ns,
		.steps = step,
		.n_steps = 1,
	};
	struct hv_event *event;

	assert_int_equal(virDomainGetUUID(dom, request.uuid), 0);
	assert_int_equal(f->driver->tag(f->hv, &request), 0);
	event = wait_for(f, HV_EVENT_TAGGED, dom, ANY_STATE);
	assert_int_equal(event->tagged.id, request.id);
	return event;
}

/* Read again it has so many tags; what was read before may come first. */
static void expect_tags(struct fixture *f, virDomainPtr dom, size_t n)
{
	unsigned char uuid[HV_UUID_SIZE];
	struct hv_event *event;
	size_t got;

	assert_int_equal(virDomainGetUUID(dom, uuid), 0);
	f->driver->hint(f->hv, uuid);
	do {
		event = wait_for(f, HV_EVENT_VM, dom, ANY_STATE);
		got = event->vm->n_tags;
		assert_int_equal(event->vm->nics[0].n_addrs, 1);
		hv_event_free(event);
	} while (got != n);
}

static void test_tag(void **state)
{
	static const struct hv_tag_step set = { HV_TAG_SET, "new", "x" };
	static const struct hv_tag_step add = { HV_TAG_ADD, "more", "" };
	struct fixture *f = *state;
	struct hv_event *event;
	virDomainPtr dom;
	char *config;

	expect(f, HV_EVENT_LISTED, NULL, ANY_STATE);
	dom = define(f, "tagged");
	assert_int_equal(virDomainCreate(dom), 0);
	event = tag(f, dom, &set, WAIT_MS * NS_PER_MS);
	assert_int_equal(event->tagged.err, 0);
	assert_true(event->tagged.changed);
	assert_false(event->tagged.transient);
	hv_event_free(event);
	/* Once more: no change, and read again all the same. */
	event = tag(f, dom, &set, WAIT_MS * NS_PER_MS);
	assert_int_equal(event->tagged.err, 0);
	assert_false(event->tagged.changed);
	hv_event_free(event);
	expect_tags(f, dom, 2);
	config = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT,
				      HV_METADATA_URN,
				      VIR_DOMAIN_AFFECT_CONFIG);
	assert_non_null(config);
	assert_non_null(strstr(config, "name=\"new\" value=\"x\""));
	free(config);
	/* Too late: nothing is written. */
	event = tag(f, dom, &add, 0);
	assert_int_equal(event->tagged.err, -ETIMEDOUT);
	assert_false(event->tagged.changed);
	hv_event_free(event);
	expect_tags(f, dom, 2);
	assert_int_equal(virDomainDestroy(dom), 0);
	assert_int_equal(virDomainUndefine(dom), 0);
	event = tag(f, dom, &add, WAIT_MS * NS_PER_MS);
	assert_int_equal(event->tagged.err, -ENOENT);
	assert_true(*event->text);
	hv_event_free(event);
	virDomainFree(dom);
}

/* An inventory of a thousand: one list, each VM once. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	static virDomainPtr doms[N_MANY];
	struct hv_event *event;
	uint64_t began_ns;
	char name[32];
	size_t i, n;

	f->driver->close(f->hv);
	while ((event = hv_queue_pop(f->queue)))
		hv_event_free(event);
	for (i = 0; i < N_MANY; i++) {
		snprintf(name, sizeof(name), "many-%zu", i);
		doms[i] = define(f, name);
		assert_int_equal(virDomainCreate(doms[i]), 0);
	}
	began_ns = hv_clock_ns();
	open_hv(f, TEST_URI);
	n = 0;
	do {
		event = next(f, WAIT_MS);
		assert_non_null(event);
		n += event->type == HV_EVENT_VM;
		if (event->type == HV_EVENT_LISTED)
			break;
		hv_event_free(event);
	} while (true);
	printf("list of %zu VMs, all read: %.1f ms\n", n,
	       (double)(event->queued_ns - began_ns) / 1e6);
	hv_event_free(event);
	assert_int_equal(n, N_MANY + 1); /* and libvirt's own "test" */
	for (i = 0; i < N_MANY; i++)
		remove_vm(doms[i]);
	for (i = 0; i < N_MANY; i++)
		expect(f, HV_EVENT_GONE, NULL, ANY_STATE);
}

/* After close nothing comes; a driver that is opened again begins anew. */
static void test_close(void **state)
{
	struct fixture *f = *state;
	struct hv_event *event;
	virDomainPtr dom;

	expect(f, HV_EVENT_LISTED, NULL, ANY_STATE);
	f->driver->close(f->hv);
	while ((event = hv_queue_pop(f->queue)))
		hv_event_free(event);
	dom = define(f, "unseen");
	assert_null(next(f, 50));
	open_hv(f, TEST_URI);
	expect(f, HV_EVENT_CONNECTED, NULL, ANY_STATE);
	expect(f, HV_EVENT_VM, dom, HV_STATE_OFF);
	expect(f, HV_EVENT_LISTED, NULL, ANY_STATE);
	remove_vm(dom);
}

/* Nobody there: said once, tried again, and closed without waiting. */
static void test_unreachable(void **state)
{
	struct fixture *f = *state;
	struct hv_counters counters;
	struct hv_event *event;
	uint64_t began_ns;

	f->driver->close(f->hv);
	while ((event = hv_queue_pop(f->queue)))
		hv_event_free(event);
	open_hv(f, "qemu+unix:///system?socket=/nonexistent/libvirt-sock");
	event = next(f, WAIT_MS);
	assert_non_null(event);
	assert_int_equal(event->type, HV_EVENT_LOST);
	assert_non_null(strstr(event->text, "/nonexistent/libvirt-sock"));
	hv_event_free(event);
	assert_null(next(f, 1500)); /* two more tries */
	f->driver->counters(f->hv, &counters);
	assert_int_equal(counters.connects, 0);
	assert_int_equal(counters.losses, 1);
	began_ns = hv_clock_ns();
	f->driver->close(f->hv);
	assert_true(hv_clock_ns() - began_ns < NS_PER_S);
	open_hv(f, TEST_URI);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_metadata, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_tag, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_close, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unreachable, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
