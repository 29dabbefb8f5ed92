/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisors of the config.
 */
#include "control/hypervisors.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "config/config.h"
#include "control/log.h"

struct watched {
	LIST_ENTRY(watched) next;
	char *name;
	char *uri;
	uint32_t poll_ms;
	const struct hv_driver *driver;
	struct hv *hv;
	struct inv_hv *inv_hv;
};

struct hypervisors {
	struct inv *inv;
	struct hv_queue *queue;
	struct event *readable;
	LIST_HEAD(, watched) list;
};

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
		hv_event_free(event);
	}
}

int hypervisors_new(struct event_base *base, struct inv *inv,
		    struct hypervisors **ret_hypervisors)
{
	struct hypervisors *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return -ENOMEM;
	LIST_INIT(&h->list);
	h->inv = inv;
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

static void unwatch(struct hypervisors *h, struct watched *w)
{
	LIST_REMOVE(w, next);
	if (w->hv)
		w->driver->close(w->hv);
	/* What it queued before it was closed speaks of its inv_hv. */
	take_events(-1, 0, h);
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

static int watch(struct hypervisors *h, const struct conf_hypervisor *c)
{
	struct hv_settings settings = { .queue = h->queue };
	struct watched *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	if (!w)
		return rc;
	LIST_INSERT_HEAD(&h->list, w, next);
	w->name = strdup(c->name);
	w->uri = strdup(c->uri);
	w->poll_ms = c->poll_ms;
	w->driver = hv_driver_find(c->uri);
	if (w->name && w->uri)
		rc = w->driver ? inv_hv_add(h->inv, c->name, true, &w->inv_hv) :
				 -EPROTONOSUPPORT;
	if (!rc) {
		settings.name = w->name;
		settings.uri = w->uri;
		settings.poll_ms = w->poll_ms;
		settings.arg = w->inv_hv;
		rc = w->driver->open(&settings, &w->hv);
	}
	if (rc) {
		log_err("hypervisor %s: \"%s\" can't be watched: %s", c->name,
			c->uri, strerror(-rc));
		unwatch(h, w);
	}
	return rc;
}

static const struct conf_hypervisor *wanted(const struct conf *conf,
					    const struct watched *w)
{
	const struct conf_hypervisor *c;
	size_t i;

	for (i = 0; i < conf->n_hypervisors; i++) {
		c = &conf->hypervisors[i];
		if (!strcmp(c->name, w->name) && !strcmp(c->uri, w->uri) &&
		    c->poll_ms == w->poll_ms)
			return c;
	}
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
		if (find(h, conf->hypervisors[i].name))
			continue;
		rc = watch(h, &conf->hypervisors[i]);
		first = first ? first : rc;
	}
	return first;
}

void hypervisors_counters(const struct hypervisors *h, const char *name,
			  struct hv_counters *ret_counters)
{
	const struct watched *w = find(h, name);

	memset(ret_counters, 0, sizeof(*ret_counters));
	if (w && w->hv)
		w->driver->counters(w->hv, ret_counters);
}
