/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The libvirt driver: opening and closing, and the reader's thread.
 *
 * libvirt_hv.h has the picture of the threads.
 *
 * DOC: the reader's round
 *
 *	not connected  connect -> register for events -> list -> listed
 *		       fails: wait (0.5 s doubled up to 30 s, +-25 %), again
 *	listed	       hints -> read those VMs; poll_ms over -> list
 *		       connection closed or useless: not connected
 *
 * Registering comes before listing, so nothing falls between the two.
 */
#include "control/hypervisor/libvirt.h"
#include "control/hypervisor/libvirt_hv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libvirt/virterror.h>

#define RETRY_MIN_NS (NS_PER_S / 2)
#define RETRY_MAX_NS (30 * NS_PER_S)

/* A silent libvirtd is given up after about 20 s. */
#define KEEPALIVE_S	5
#define KEEPALIVE_COUNT 3

#define CLOSE_WAIT_NS (2 * NS_PER_S)

struct hv *hv_ref(struct hv *hv)
{
	pthread_mutex_lock(&hv->lock);
	hv->refs++;
	pthread_mutex_unlock(&hv->lock);
	return hv;
}

static void hv_free(struct hv *hv)
{
	char *name, *uri;

	/* The settings are const to all others. */
	memcpy(&name, &hv->settings.name, sizeof(name));
	memcpy(&uri, &hv->settings.uri, sizeof(uri));
	free(name);
	free(uri);
	free(hv->hints);
	hv_known_free(hv);
	free(hv->questions);
	pthread_cond_destroy(&hv->wake);
	pthread_cond_destroy(&hv->ask);
	pthread_mutex_destroy(&hv->lock);
	free(hv);
}

void hv_unref(struct hv *hv)
{
	bool last;

	pthread_mutex_lock(&hv->lock);
	last = --hv->refs == 0;
	pthread_mutex_unlock(&hv->lock);
	if (last)
		hv_free(hv);
}

int hv_thread_start(struct hv *hv, void *(*fn)(void *arg), void *arg)
{
	int err;

	err = libvirt_loop_get();
	if (err)
		return err;
	err = libvirt_thread(fn, arg);
	if (err) {
		libvirt_loop_put();
		return err;
	}
	hv->refs++;
	hv->n_threads++;
	return 0;
}

void hv_thread_end(struct hv *hv, bool given_up)
{
	libvirt_loop_put();
	pthread_mutex_lock(&hv->lock);
	if (!given_up)
		hv->n_threads--;
	pthread_cond_broadcast(&hv->wake);
	pthread_mutex_unlock(&hv->lock);
	hv_unref(hv);
}

void hv_send(struct hv *hv, struct hv_event *event)
{
	pthread_mutex_lock(&hv->lock);
	event->arg = hv->settings.arg;
	if (!hv->closed) {
		hv_queue_push(hv->settings.queue, event);
		event = NULL;
	}
	pthread_mutex_unlock(&hv->lock);
	hv_event_free(event);
}

/* Under the lock. */
static bool add_hint(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE],
		     virDomainPtr dom)
{
	struct hv_hint *more;
	size_t i, max;

	for (i = 0; i < hv->n_hints; i++)
		if (!memcmp(hv->hints[i].uuid, uuid, HV_UUID_SIZE))
			return true;
	if (hv->n_hints == hv->max_hints) {
		max = hv->max_hints ? hv->max_hints * 2 : 16;
		more = reallocarray(hv->hints, max, sizeof(*more));
		if (!more)
			return false;
		hv->hints = more;
		hv->max_hints = max;
	}
	hv->hints[hv->n_hints] = (struct hv_hint){ .at_ns = hv_clock_ns() };
	memcpy(hv->hints[hv->n_hints].uuid, uuid, HV_UUID_SIZE);
	if (dom && virDomainRef(dom) == 0)
		hv->hints[hv->n_hints].dom = dom;
	hv->n_hints++;
	return true;
}

static void hint_done(struct hv_hint *hint)
{
	if (hint->dom)
		virDomainFree(hint->dom);
}

/* Under the lock. Domains keep their connection open, so they go with it. */
static void drop_hints(struct hv *hv)
{
	while (hv->n_hints > 0)
		hint_done(&hv->hints[--hv->n_hints]);
	hv->hint_failed = false;
}

static void hint(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE],
		 virDomainPtr dom)
{
	pthread_mutex_lock(&hv->lock);
	hv->counters.hints++;
	/* Without a connection none is kept: the next list will have it all. */
	if (!hv->closed && !hv->lost && !add_hint(hv, uuid, dom))
		hv->hint_failed = true;
	pthread_cond_broadcast(&hv->wake);
	pthread_mutex_unlock(&hv->lock);
}

void hv_hint(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE])
{
	hint(hv, uuid, NULL);
}

void hv_hint_domain(struct hv *hv, virDomainPtr dom)
{
	uint8_t uuid[HV_UUID_SIZE];

	if (virDomainGetUUID(dom, uuid) == 0)
		hint(hv, uuid, dom);
}

static bool take_hint(struct hv *hv, struct hv_hint *ret_hint)
{
	bool found;

	pthread_mutex_lock(&hv->lock);
	found = hv->n_hints > 0;
	if (found) {
		*ret_hint = hv->hints[0];
		hv->n_hints--;
		memmove(hv->hints, hv->hints + 1,
			hv->n_hints * sizeof(*ret_hint));
	}
	pthread_mutex_unlock(&hv->lock);
	return found;
}

static void count_hinted(struct hv *hv, uint64_t took_ns)
{
	pthread_mutex_lock(&hv->lock);
	hv->counters.hinted_reads++;
	hv->counters.hint_push_last_ns = took_ns;
	hv->counters.hint_push_sum_ns += took_ns;
	if (took_ns > hv->counters.hint_push_max_ns)
		hv->counters.hint_push_max_ns = took_ns;
	pthread_mutex_unlock(&hv->lock);
}

static void serve_hints(struct hv *hv)
{
	struct hv_known *known;
	struct hv_hint hint;
	bool sent;
	int err;

	while (take_hint(hv, &hint)) {
		err = libvirt_read(hv, hint.uuid, hint.dom, NULL, READ_HINT,
				   &sent);
		hint_done(&hint);
		if (!err) {
			count_hinted(hv, hv_clock_ns() - hint.at_ns);
			continue;
		}
		known = hv_known_find(hv, hint.uuid);
		if (known)
			known->digest = 0; /* the poll has to send it */
	}
}

static void say(struct hv *hv, enum hv_event_type type, const char *text)
{
	struct hv_event *event;

	event = hv_event_new(type, hv_clock_ns());
	if (!event)
		return;
	snprintf(event->text, sizeof(event->text), "%s", text);
	hv_send(hv, event);
}

const char *libvirt_error(void)
{
	virErrorPtr error;

	error = virGetLastError();
	return error && error->message ? error->message : "no answer";
}

static void disconnect(struct hv *hv)
{
	libvirt_unwatch(hv);
	libvirt_forget_list(hv);
	pthread_mutex_lock(&hv->lock);
	hv->lost = true;
	drop_hints(hv);
	pthread_mutex_unlock(&hv->lock);
	virConnectClose(hv->conn);
	hv->conn = NULL;
}

static int connect_and_list(struct hv *hv)
{
	int err;

	/* What only reads needs no more rights than that. */
	hv->conn = virConnectOpenReadOnly(hv->settings.uri);
	if (!hv->conn)
		return -EIO;
	pthread_mutex_lock(&hv->lock);
	hv->lost = false;
	pthread_mutex_unlock(&hv->lock);
	/* Not all kinds have a connection to keep alive. */
	(void)virConnectSetKeepAlive(hv->conn, KEEPALIVE_S, KEEPALIVE_COUNT);
	hv->listed = false;
	err = libvirt_watch(hv);
	if (!err) {
		say(hv, HV_EVENT_CONNECTED, "connected");
		err = libvirt_poll(hv, serve_hints);
	}
	if (err)
		return err;
	hv->listed = true;
	pthread_mutex_lock(&hv->lock);
	hv->counters.connects++;
	pthread_mutex_unlock(&hv->lock);
	say(hv, HV_EVENT_LISTED, "connected");
	libvirt_forget_list(hv);
	return 0;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / NS_PER_S),
		.tv_nsec = (long)(ns % NS_PER_S),
	};
}

/* Sleep until the time, a hint, the loss of the connection, or the close. */
static void wait_until(struct hv *hv, uint64_t until_ns)
{
	const struct timespec until = to_timespec(until_ns);

	pthread_mutex_lock(&hv->lock);
	while (!hv->closed && !hv->lost && !hv->hint_failed && hv->n_hints == 0)
		if (pthread_cond_timedwait(&hv->wake, &hv->lock, &until))
			break;
	pthread_mutex_unlock(&hv->lock);
}

static bool is_closed(struct hv *hv)
{
	bool closed;

	pthread_mutex_lock(&hv->lock);
	closed = hv->closed;
	pthread_mutex_unlock(&hv->lock);
	return closed;
}

/* True when the connection must be made anew. */
static bool is_lost(struct hv *hv)
{
	bool lost;

	pthread_mutex_lock(&hv->lock);
	lost = hv->lost;
	pthread_mutex_unlock(&hv->lock);
	return lost || virConnectIsAlive(hv->conn) != 1;
}

static bool take_hint_failed(struct hv *hv)
{
	bool failed;

	pthread_mutex_lock(&hv->lock);
	failed = hv->hint_failed;
	hv->hint_failed = false;
	pthread_mutex_unlock(&hv->lock);
	return failed;
}

/* While connected. Returns when the connection is lost or the owner closes. */
static void watch(struct hv *hv)
{
	uint64_t poll_ns, next_poll_ns, next_ask_ns, now_ns;
	int err;

	poll_ns = hv->settings.poll_ms * NS_PER_MS;
	next_poll_ns = hv_clock_ns() + poll_ns;
	while (!is_closed(hv) && !is_lost(hv)) {
		serve_hints(hv);
		now_ns = hv_clock_ns();
		if (take_hint_failed(hv) || now_ns >= next_poll_ns) {
			err = libvirt_poll(hv, serve_hints);
			libvirt_forget_list(hv);
			next_poll_ns =
				hv_clock_ns() + (err ? RETRY_MIN_NS : poll_ns);
		}
		next_ask_ns = libvirt_ask(hv, now_ns);
		wait_until(hv, next_ask_ns < next_poll_ns ? next_ask_ns :
							    next_poll_ns);
	}
}

/* @retry_ns, give or take a quarter: nodes shall not call in step. */
static uint64_t jitter(uint64_t retry_ns)
{
	const uint32_t half_ms = (uint32_t)(retry_ns / 2 / NS_PER_MS);

	return retry_ns - retry_ns / 4 +
	       arc4random_uniform(half_ms) * NS_PER_MS;
}

static void wait_to_retry(struct hv *hv, uint64_t retry_ns)
{
	const struct timespec until =
		to_timespec(hv_clock_ns() + jitter(retry_ns));

	pthread_mutex_lock(&hv->lock);
	while (!hv->closed)
		if (pthread_cond_timedwait(&hv->wake, &hv->lock, &until))
			break;
	pthread_mutex_unlock(&hv->lock);
}

static void *run(void *arg)
{
	char why[HV_TEXT_MAX];
	struct hv *hv = arg;
	uint64_t retry_ns;
	bool said_lost;

	retry_ns = RETRY_MIN_NS;
	said_lost = false;
	while (!is_closed(hv)) {
		if (connect_and_list(hv) == 0) {
			retry_ns = RETRY_MIN_NS;
			said_lost = false;
			watch(hv);
		}
		snprintf(why, sizeof(why), "%s", libvirt_error());
		if (hv->conn)
			disconnect(hv);
		if (is_closed(hv))
			break;
		if (!said_lost) {
			pthread_mutex_lock(&hv->lock);
			hv->counters.losses++;
			pthread_mutex_unlock(&hv->lock);
			say(hv, HV_EVENT_LOST, why);
			said_lost = true;
		}
		wait_to_retry(hv, retry_ns);
		retry_ns = retry_ns * 2 < RETRY_MAX_NS ? retry_ns * 2 :
							 RETRY_MAX_NS;
	}
	hv_thread_end(hv, false);
	return NULL;
}

static struct hv *hv_new(const struct hv_settings *settings)
{
	pthread_condattr_t attr;
	struct hv *hv;

	hv = calloc(1, sizeof(*hv));
	if (!hv)
		return NULL;
	hv->settings = *settings;
	hv->refs = 1;
	hv->settings.name = strdup(settings->name);
	hv->settings.uri = strdup(settings->uri);
	pthread_mutex_init(&hv->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&hv->wake, &attr);
	pthread_cond_init(&hv->ask, &attr);
	pthread_condattr_destroy(&attr);
	if (!hv->settings.name || !hv->settings.uri) {
		hv_unref(hv);
		return NULL;
	}
	return hv;
}

static int hv_open(const struct hv_settings *settings, struct hv **ret_hv)
{
	struct hv *hv;
	int err;

	hv = hv_new(settings);
	if (!hv)
		return -ENOMEM;
	pthread_mutex_lock(&hv->lock);
	err = hv_thread_start(hv, run, hv);
	pthread_mutex_unlock(&hv->lock);
	if (err)
		hv_unref(hv);
	else
		*ret_hv = hv;
	return err;
}

static void hv_close(struct hv *hv)
{
	const struct timespec until =
		to_timespec(hv_clock_ns() + CLOSE_WAIT_NS);

	if (!hv)
		return;
	pthread_mutex_lock(&hv->lock);
	hv->closed = true;
	pthread_cond_broadcast(&hv->wake);
	pthread_cond_broadcast(&hv->ask);
	/* One that is in a call which never returns is left to itself. */
	while (hv->n_threads > 0)
		if (pthread_cond_timedwait(&hv->wake, &hv->lock, &until))
			break;
	pthread_mutex_unlock(&hv->lock);
	hv_unref(hv);
}

static void hv_counters(struct hv *hv, struct hv_counters *ret_counters)
{
	pthread_mutex_lock(&hv->lock);
	*ret_counters = hv->counters;
	pthread_mutex_unlock(&hv->lock);
}

/* Any URI that has a host part, be it empty: libvirt knows its kinds best. */
static bool accepts(const char *uri)
{
	return strstr(uri, "://");
}

const struct hv_driver *hv_libvirt(void)
{
	static const struct hv_driver driver = {
		.name = "libvirt",
		.accepts = accepts,
		.open = hv_open,
		.close = hv_close,
		.hint = hv_hint,
		.counters = hv_counters,
		.tag = libvirt_tag,
	};

	return &driver;
}
