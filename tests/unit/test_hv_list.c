/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a list asks libvirt for: the libvirt driver against 100 VMs of libvirt's
 * test driver. The calls that a list makes pass through here, where they are
 * counted, take their time, and may be held up.
 */
#include "control/hypervisor/driver.h"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libvirt/libvirt.h>

#define N_VMS	   100
#define HELD	   50 /* number of the VM that may be held up */
#define REFRESHED  64 /* VMs that a later list reads in turn */
#define AT_ONCE	   3
#define CALL_US	   500
#define POLL_MS	   100
#define NS_PER_S   1000000000ULL
#define DEADLINE_S 20

struct fixture {
	char path[64];
	const struct hv_driver *driver;
	struct hv_queue *queue;
	struct hv *hv;
};

/* Of the calls; under the lock. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t released;
	bool hold; /* the first call for VM HELD waits */
	bool held; /* it does */
	size_t lists;
	size_t states;
	size_t definitions;
	size_t at_once;
	size_t most_at_once;
} calls = { .lock = PTHREAD_MUTEX_INITIALIZER,
	    .released = PTHREAD_COND_INITIALIZER };

/* libvirt's own of that name. */
static void *libvirts(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	assert_non_null(function);
	return function;
}

static void count(size_t *counter)
{
	pthread_mutex_lock(&calls.lock);
	(*counter)++;
	pthread_mutex_unlock(&calls.lock);
}

int virConnectGetAllDomainStats(virConnectPtr conn, unsigned int stats,
				virDomainStatsRecordPtr **retStats,
				unsigned int flags)
{
	int (*real)(virConnectPtr, unsigned int, virDomainStatsRecordPtr **,
		    unsigned int) = libvirts("virConnectGetAllDomainStats");

	count(&calls.lists);
	return real(conn, stats, retStats, flags);
}

int virDomainGetState(virDomainPtr dom, int *state, int *reason,
		      unsigned int flags)
{
	int (*real)(virDomainPtr, int *, int *, unsigned int) =
		libvirts("virDomainGetState");

	count(&calls.states);
	return real(dom, state, reason, flags);
}

static bool is_number(virDomainPtr dom, int number)
{
	char name[16];

	snprintf(name, sizeof(name), "vm-%d", number);
	return !strcmp(virDomainGetName(dom), name);
}

char *virDomainGetXMLDesc(virDomainPtr dom, unsigned int flags)
{
	char *(*real)(virDomainPtr, unsigned int) =
		libvirts("virDomainGetXMLDesc");
	char *xml;

	pthread_mutex_lock(&calls.lock);
	calls.definitions++;
	if (++calls.at_once > calls.most_at_once)
		calls.most_at_once = calls.at_once;
	pthread_mutex_unlock(&calls.lock);
	usleep(CALL_US);
	xml = real(dom, flags);
	pthread_mutex_lock(&calls.lock);
	if (calls.hold && !calls.held && is_number(dom, HELD)) {
		calls.held = true;
		while (calls.hold)
			pthread_cond_wait(&calls.released, &calls.lock);
	}
	calls.at_once--;
	pthread_mutex_unlock(&calls.lock);
	return xml;
}

static void uuid_of(int number, uint8_t ret_uuid[HV_UUID_SIZE])
{
	memset(ret_uuid, 0, HV_UUID_SIZE);
	ret_uuid[0] = 1;
	ret_uuid[HV_UUID_SIZE - 1] = (uint8_t)number;
}

static void set_up(struct fixture *f)
{
	char uri[80];
	struct hv_settings settings = {
		.name = "test",
		.uri = uri,
		.poll_ms = POLL_MS,
	};
	uint8_t uuid[HV_UUID_SIZE];
	char text[HV_UUID_TEXT];
	FILE *file;
	int i, fd;

	strcpy(f->path, "/tmp/test_hv_list.XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	fputs("<node>", file);
	for (i = 0; i < N_VMS; i++) {
		uuid_of(i, uuid);
		hv_uuid_print(uuid, text);
		fprintf(file,
			"<domain type='test'><name>vm-%d</name>"
			"<uuid>%s</uuid><memory>8192</memory>"
			"<os><type>hvm</type></os></domain>",
			i, text);
	}
	fputs("</node>", file);
	assert_int_equal(fclose(file), 0);
	snprintf(uri, sizeof(uri), "test://%s", f->path);
	calls.lists = calls.states = calls.definitions = 0;
	calls.most_at_once = 0;
	calls.held = false;
	assert_int_equal(hv_queue_new(&f->queue), 0);
	settings.queue = f->queue;
	f->driver = hv_driver_find(uri);
	assert_non_null(f->driver);
	assert_int_equal(f->driver->open(&settings, &f->hv), 0);
}

static void tear_down(struct fixture *f)
{
	f->driver->close(f->hv);
	hv_queue_free(f->queue);
	unlink(f->path);
}

/* Not by the queue's fd: that is readable only when many are in it. */
static struct hv_event *next(struct fixture *f)
{
	const uint64_t until_ns = hv_clock_ns() + DEADLINE_S * NS_PER_S;
	struct hv_event *event;

	while (!(event = hv_queue_pop(f->queue))) {
		if (hv_clock_ns() > until_ns) {
			fail_msg("no event");
			abort(); /* not reached */
		}
		usleep(1000);
	}
	return event;
}

/* Until the list is complete; counts of the VMs' events those of a kind. */
static size_t take_list(struct fixture *f, const char *text)
{
	struct hv_event *event;
	bool done = false;
	size_t n = 0;

	while (!done) {
		event = next(f);
		done = event->type == HV_EVENT_LISTED;
		n += event->type == HV_EVENT_VM && !strcmp(event->text, text);
		hv_event_free(event);
	}
	return n;
}

static uint64_t n_polls(struct fixture *f)
{
	struct hv_counters counters;

	f->driver->counters(f->hv, &counters);
	return counters.polls;
}

/*
 * The first list costs a call a VM, several of them at a time. A later one
 * costs one call, and what is read in turn whatever happens: two calls each.
 */
static void test_calls(void **state)
{
	struct fixture f;
	size_t definitions;
	size_t states;
	uint64_t polls;

	(void)state;
	set_up(&f);
	assert_int_equal(take_list(&f, "listed"), N_VMS);
	pthread_mutex_lock(&calls.lock);
	assert_in_range(calls.definitions, N_VMS, N_VMS + REFRESHED);
	assert_in_range(calls.states, 0, REFRESHED);
	assert_in_range(calls.most_at_once, 2, AT_ONCE);
	calls.most_at_once = 0;
	pthread_mutex_unlock(&calls.lock);
	while (n_polls(&f) < 4)
		usleep(1000);
	pthread_mutex_lock(&calls.lock);
	/* One that is under way may have been counted, or not. */
	polls = calls.lists;
	definitions = calls.definitions;
	states = calls.states;
	assert_int_equal(calls.most_at_once, 1);
	pthread_mutex_unlock(&calls.lock);
	assert_true(polls >= 3);
	assert_in_range(definitions, N_VMS + REFRESHED * (polls - 2),
			N_VMS + REFRESHED * polls);
	assert_in_range(states, REFRESHED * (polls - 2), REFRESHED * polls);
	tear_down(&f);
}

/* The next event about the VM HELD. */
static struct hv_event *next_of_held(struct fixture *f)
{
	uint8_t uuid[HV_UUID_SIZE];
	struct hv_event *event;

	uuid_of(HELD, uuid);
	for (event = next(f); memcmp(event->uuid, uuid, sizeof(uuid)) != 0;
	     event = next(f))
		hv_event_free(event);
	return event;
}

/*
 * One VM for which libvirt takes its time holds up neither the others nor
 * hints; and what comes of it in the end is older than what a hint brought.
 */
static void test_held_up(void **state)
{
	uint8_t uuid[HV_UUID_SIZE];
	struct hv_event *event;
	struct fixture f;
	size_t n = 0;

	(void)state;
	calls.hold = true;
	set_up(&f);
	/* All but that one. */
	while (n < N_VMS - 1) {
		event = next(&f);
		assert_int_not_equal(event->type, HV_EVENT_LISTED);
		n += event->type == HV_EVENT_VM;
		hv_event_free(event);
	}
	uuid_of(HELD, uuid);
	f.driver->hint(f.hv, uuid);
	event = next_of_held(&f);
	assert_int_equal(event->type, HV_EVENT_VM);
	assert_string_equal(event->text, "read after an event");
	hv_event_free(event);
	pthread_mutex_lock(&calls.lock);
	assert_true(calls.held);
	calls.hold = false;
	pthread_cond_broadcast(&calls.released);
	pthread_mutex_unlock(&calls.lock);
	assert_int_equal(take_list(&f, "listed"), 0);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_held_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
