/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisors of the config.
 */
#include "control/hypervisors.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "config/config.h"
#include "control/feeds.h"
#include "control/given.h"
#include "control/log.h"

/**
 * struct watched - a hypervisor.
 * @name, @uri, @poll_ms: as the config has it.
 * @driver, @hv: who watches it.
 * @inv_hv: it in the inventory.
 * @list_ns: when the list began that is under way, or the last one.
 * @all: what it is one of.
 * @lease: of a fed one: fires when what it was fed holds no longer.
 */
struct watched {
	LIST_ENTRY(watched) next;
	char *name;
	char *uri;
	uint32_t poll_ms;
	const struct hv_driver *driver;
	struct hv *hv;
	struct inv_hv *inv_hv;
	uint64_t list_ns;
	struct hypervisors *all;
	struct event *lease;
};

struct hypervisors {
	struct event_base *base;
	struct inv *inv;
	const struct feeds *feeds;
	struct hv_queue *queue;
	struct event *readable;
	LIST_HEAD(, watched) list;
	hypervisors_told_fn *told;
	void *told_arg;
};

static void read_again(void *arg, const uint8_t uuid[HV_UUID_SIZE])
{
	struct watched *w = arg;

	w->driver->hint(w->hv, uuid);
}

/*
 * A driver says what is gone of what it has seen. What another one saw, before
 * the config changed, is read again if it is not in the new one's list.
 */
static void note_list(struct hypervisors *h, const struct hv_event *event)
{
	struct watched *w;

	LIST_FOREACH(w, &h->list, next) {
		if (w->inv_hv != event->arg || !w->hv)
			continue;
		if (event->type == HV_EVENT_CONNECTED)
			w->list_ns = event->at_ns;
		else
			inv_hv_unread(h->inv, w->inv_hv, w->list_ns, read_again,
				      w);
	}
}

static void take_events(evutil_socket_t fd, short what, void *arg)
{
	struct hypervisors *h = arg;
	struct hv_event *event;

	(void)fd;
	(void)what;
	while ((event = hv_queue_pop(h->queue)) != NULL) {
		if (inv_event(h->inv, event))
			log_err("inventory: out of memory, an event is lost; "
				"the next poll repairs it");
		if (event->type == HV_EVENT_CONNECTED ||
		    event->type == HV_EVENT_LISTED)
			note_list(h, event);
		if (h->told)
			h->told(h->told_arg, event);
		hv_event_free(event);
	}
}

int hypervisors_new(struct event_base *base, struct inv *inv,
		    const struct feeds *feeds,
		    struct hypervisors **ret_hypervisors)
{
	struct hypervisors *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return -ENOMEM;
	LIST_INIT(&h->list);
	h->base = base;
	h->inv = inv;
	h->feeds = feeds;
	rc = hv_queue_new(&h->queue);
	if (rc) {
		free(h);
		return rc;
	}
	h->readable = event_new(base, hv_queue_fd(h->queue),
				EV_READ | EV_PERSIST, take_events, h);
	if (!h->readable || event_add(h->readable, NULL)) {
		hypervisors_free(h);
		return -ENOMEM;
	}
	*ret_hypervisors = h;
	return 0;
}

/* The host in driver[+transport]://[user@][host][:port]/path; "" = none. */
static void host_of(const char *uri, char *ret_host, size_t size)
{
	const char *begin = strstr(uri, "://");
	const char *user;
	size_t length;

	begin = begin ? begin + 3 : "";
	length = strcspn(begin, "/?");
	user = memchr(begin, '@', length);
	if (user) {
		length -= (size_t)(user + 1 - begin);
		begin = user + 1;
	}
	if (*begin == '[')
		length = strcspn(++begin, "]");
	else if (memchr(begin, ':', length))
		length = strcspn(begin, ":");
	snprintf(ret_host, size, "%.*s", (int)length, begin);
}

bool hypervisors_local(const struct conf *conf,
		       const struct conf_hypervisor *hypervisor)
{
	char host[256];
	struct ip_addr ip;

	host_of(hypervisor->uri, host, sizeof(host));
	if (!*host || !strcmp(host, "localhost") ||
	    !strcmp(host, conf->node.name) ||
	    !strcmp(hypervisor->name, conf->node.name))
		return true;
	if (hv_ip_parse(host, &ip))
		return false;
	if (IP_IS_V4(ip))
		return (HOST32(ip.word[3]) >> 24) == 127;
	return !ip.word[0] && !ip.word[1] && !ip.word[2] &&
	       ip.word[3] == BE32(1);
}

/*
 * Where its driver finds it: libvirt's URI with the file of credentials, or what
 * says who lists its machines. Freed by the caller.
 */
static char *full_uri(const struct conf_hypervisor *c)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-._~/";
	const char *at = c->auth_file;
	char *text = NULL;
	size_t size;
	FILE *out;

	if (c->driver == CONF_DRIVER_STATIC)
		return strdup("static:");
	if (c->driver == CONF_DRIVER_FED)
		return strdup("fed:");
	if (!at || !*at)
		return strdup(c->uri);
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fprintf(out, "%s%sauthfile=", c->uri, strchr(c->uri, '?') ? "&" : "?");
	for (; *at; at++)
		fprintf(out, strchr(plain, *at) ? "%c" : "%%%02X",
			(unsigned char)*at);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* End the driver; what it said stands. */
static void stop(struct hypervisors *h, struct watched *w)
{
	if (w->lease)
		event_free(w->lease);
	w->lease = NULL;
	if (w->hv)
		w->driver->close(w->hv);
	w->hv = NULL;
	/* What it queued before it was closed speaks of its inv_hv. */
	take_events(-1, 0, h);
}

static void unwatch(struct hypervisors *h, struct watched *w)
{
	LIST_REMOVE(w, next);
	stop(h, w);
	if (w->inv_hv)
		inv_hv_remove(h->inv, w->inv_hv, hv_clock_ns());
	free(w->name);
	free(w->uri);
	free(w);
}

void hypervisors_free(struct hypervisors *h)
{
	struct watched *w;

	if (!h)
		return;
	while ((w = LIST_FIRST(&h->list)) != NULL)
		unwatch(h, w);
	if (h->readable)
		event_free(h->readable);
	hv_queue_free(h->queue);
	free(h);
}

/* --- hypervisors that are told what there is ----------------------------- */

static int list(struct watched *w, const struct conf_hypervisor *c,
		struct hv_listing *ret_listing)
{
	struct hv_vm **vms;
	size_t n;
	int rc = given_vms(c, &vms, &n);

	return rc ? rc : w->driver->list(w->hv, vms, n, ret_listing);
}

static int lose_fed(struct watched *w, const struct feed *feed)
{
	char lease[CONF_TIME_SIZE];
	char why[HV_TEXT_MAX];

	conf_time_print((uint32_t)feed->lease_ms, lease, sizeof(lease));
	snprintf(why, sizeof(why),
		 "nothing new was fed, and the lease of %s has run out", lease);
	return w->driver->lose(w->hv, why);
}

static void lease_over(evutil_socket_t fd, short what, void *arg)
{
	struct watched *w = arg;

	(void)fd;
	(void)what;
	if (lose_fed(w, feeds_find(w->all->feeds, w->name)))
		log_err("hypervisor %s: out of memory, its VMs are not marked "
			"stale",
			w->name);
}

static int await_end(struct watched *w, const struct feed *feed)
{
	uint64_t left_ms = feed_left_ms(feed, hv_clock_ns());
	const struct timeval wait = { (time_t)(left_ms / 1000),
				      (suseconds_t)(left_ms % 1000 * 1000) };

	if (!left_ms)
		return lose_fed(w, feed);
	if (!w->lease)
		w->lease = evtimer_new(w->all->base, lease_over, w);
	return w->lease && !evtimer_add(w->lease, &wait) ? 0 : -ENOMEM;
}

/* What it was fed last, as long as that holds. */
static int list_fed(struct watched *w, struct hv_listing *ret_listing)
{
	const struct feed *feed = NULL;
	int rc;

	if (w->all->feeds)
		feed = feeds_find(w->all->feeds, w->name);
	if (!feed)
		return w->driver->lose(w->hv, "nothing has been fed yet");
	rc = list(w, feed_hypervisor(feed), ret_listing);
	return rc ? rc : await_end(w, feed);
}

/* Start its driver, as the config has it now. */
static int start(struct hypervisors *h, struct watched *w,
		 const struct conf_hypervisor *c)
{
	struct hv_settings settings = { .queue = h->queue, .arg = w->inv_hv };
	struct hv_listing listing;
	char *uri = full_uri(c);
	int rc;

	if (!uri)
		return -ENOMEM;
	free(w->uri);
	w->uri = uri;
	w->poll_ms = c->poll_ms;
	w->driver = hv_driver_find(uri);
	if (!w->driver)
		return -EPROTONOSUPPORT;
	settings.name = w->name;
	settings.uri = w->uri;
	settings.poll_ms = w->poll_ms;
	rc = w->driver->open(&settings, &w->hv);
	if (!rc && c->driver == CONF_DRIVER_STATIC)
		rc = list(w, c, &listing);
	else if (!rc && c->driver == CONF_DRIVER_FED)
		rc = list_fed(w, &listing);
	return rc;
}

static int watch(struct hypervisors *h, const struct conf *conf,
		 const struct conf_hypervisor *c)
{
	struct watched *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	if (!w)
		return rc;
	LIST_INSERT_HEAD(&h->list, w, next);
	w->all = h;
	w->name = strdup(c->name);
	if (w->name)
		rc = inv_hv_add(h->inv, c->name, hypervisors_local(conf, c),
				&w->inv_hv);
	if (!rc)
		rc = start(h, w, c);
	if (rc) {
		log_err("hypervisor %s: \"%s\" can't be watched: %s", c->name,
			c->uri, strerror(-rc));
		unwatch(h, w);
	}
	return rc;
}

static void tell_lost(struct hypervisors *h, const struct watched *w)
{
	struct hv_event *event = hv_event_new(HV_EVENT_LOST, hv_clock_ns());

	if (!event)
		return;
	event->arg = w->inv_hv;
	snprintf(event->text, sizeof(event->text), "the config has changed");
	if (inv_event(h->inv, event))
		log_err("inventory: out of memory");
	hv_event_free(event);
}

/*
 * Another way to the same hypervisor, or another pace: its VMs stay as they are
 * known until its new list is complete.
 */
static int change(struct hypervisors *h, struct watched *w,
		  const struct conf *conf, const struct conf_hypervisor *c)
{
	struct hv_listing listing;
	char *uri = full_uri(c);
	bool same;
	int rc;

	if (!uri)
		return -ENOMEM;
	same = w->hv && !strcmp(uri, w->uri) && c->poll_ms == w->poll_ms;
	free(uri);
	inv_hv_local(h->inv, w->inv_hv, hypervisors_local(conf, c),
		     hv_clock_ns());
	if (same)
		return c->driver == CONF_DRIVER_STATIC ? list(w, c, &listing) :
							 0;
	stop(h, w);
	tell_lost(h, w);
	rc = start(h, w, c);
	if (rc)
		log_err("hypervisor %s: \"%s\" can't be watched: %s; its VMs "
			"stay as they were",
			c->name, c->uri, strerror(-rc));
	return rc;
}

static const struct conf_hypervisor *wanted(const struct conf *conf,
					    const struct watched *w)
{
	size_t i;

	for (i = 0; i < conf->n_hypervisors; i++)
		if (!strcmp(conf->hypervisors[i].name, w->name))
			return &conf->hypervisors[i];
	return NULL;
}

static struct watched *find(const struct hypervisors *h, const char *name)
{
	struct watched *w;

	LIST_FOREACH(w, &h->list, next)
		if (!strcmp(w->name, name))
			return w;
	return NULL;
}

int hypervisors_apply(struct hypervisors *h, const struct conf *conf)
{
	const struct conf_hypervisor *c;
	struct watched *next;
	struct watched *w;
	int first = 0;
	size_t i;
	int rc;

	for (w = LIST_FIRST(&h->list); w; w = next) {
		next = LIST_NEXT(w, next);
		if (!wanted(conf, w))
			unwatch(h, w);
	}
	for (i = 0; i < conf->n_hypervisors; i++) {
		c = &conf->hypervisors[i];
		w = find(h, c->name);
		rc = w ? change(h, w, conf, c) : watch(h, conf, c);
		first = first ? first : rc;
	}
	return first;
}

int hypervisors_fed(struct hypervisors *h, const char *name,
		    struct hv_listing *ret_listing)
{
	struct watched *w = find(h, name);
	int rc;

	if (!w || !w->hv || !w->driver->list)
		return -ENOENT;
	rc = list_fed(w, ret_listing);
	take_events(-1, 0, h);
	return rc;
}

void hypervisors_tell(struct hypervisors *h, hypervisors_told_fn *told,
		      void *arg)
{
	h->told = told;
	h->told_arg = arg;
}

int hypervisors_tag(struct hypervisors *h, const char *name,
		    const struct hv_tag_request *request)
{
	const struct watched *w = find(h, name);

	if (!w || !w->hv)
		return -ENOENT;
	return w->driver->tag ? w->driver->tag(w->hv, request) : -EOPNOTSUPP;
}

void hypervisors_counters(const struct hypervisors *h, const char *name,
			  struct hv_counters *ret_counters)
{
	const struct watched *w = find(h, name);

	memset(ret_counters, 0, sizeof(*ret_counters));
	if (w && w->hv)
		w->driver->counters(w->hv, ret_counters);
}
