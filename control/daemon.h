/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one context of droverd, and what its parts may ask of each other.
 *
 * daemon.c starts and stops everything and turns the loop's events into runs
 * of reconcile; api.c and its views answer requests. All of it is one thread.
 */
#ifndef CONTROL_DAEMON_H
#define CONTROL_DAEMON_H

#include <sys/queue.h>

#include "control/hypervisors.h"
#include "control/inventory.h"
#include "control/journal.h"
#include "control/links.h"
#include "control/neigh.h"
#include "control/reconcile.h"
#include "control/store.h"
#include "control/wishes.h"
#include "health/health.h"

struct conf_changes;
struct conf_errors;
struct event_base;
struct event;
struct api;
struct api_tagging;
struct announce;

/**
 * struct daemon - everything of one droverd.
 * @conf_path, @conf: the config in force.
 * @pin_dir: where @dp is; the config's may be another after a reload.
 * @engine, @dp: the data plane.
 * @last: what the last apply did; @applied_ns: when it was over.
 * @cause_ns: when the oldest change was known that no apply has seen yet.
 * @reaction_ns: of the last apply with a known cause: from that to published.
 * @status: how the tables stood at the last look; @n_looks: there were.
 * @look_first: something was taken out of the tables since.
 * @started_ns: CLOCK_MONOTONIC.
 * @n_streams: clients of the API that follow events.
 * @taggings: changes of tags that clients of the API wait for.
 * @n_taggings: so many there have been.
 * @leaving: it is about to end: what comes in now changes nothing any more.
 * @detached: the state was taken off the machine, @dp is NULL; the loop ends as
 *            soon as the answer is out.
 */
struct daemon {
	const char *conf_path;
	struct conf *conf;
	char *pin_dir;
	struct event_base *base;
	struct store *store;
	struct journal *journal;
	struct wishes *wishes;
	struct feeds *feeds;
	const struct dp_ops *engine;
	struct dp *dp;
	struct inv *inv;
	struct hypervisors *hypervisors;
	struct links *links;
	struct neigh *neigh;
	struct reach *reach;
	struct filters *filters;
	struct health *health;
	struct announce *announce;
	struct api *api;
	struct rec *rec;
	struct event *reconcile_event;
	struct event *tick_event;
	struct event *look_event;
	struct event *signals[3];
	struct dp_result last;
	uint64_t applied_ns;
	uint64_t cause_ns;
	uint64_t reaction_ns;
	struct dp_status status;
	uint64_t n_looks;
	bool look_first;
	uint64_t started_ns;
	int n_streams;
	LIST_HEAD(, api_tagging) taggings;
	uint64_t n_taggings;
	char apply_error[DP_ERROR_SIZE];
	bool leaving;
	bool detached;
};

/**
 * daemon_run() - start, serve until told to stop, stop.
 * @conf: becomes the daemon's.
 * @engine: the data plane to use.
 *
 * Return: the exit code of the process.
 */
int daemon_run(const char *conf_path, struct conf *conf,
	       const struct dp_ops *engine);

/* Something changed: reconcile at the end of this turn of the loop. */
void daemon_changed(struct daemon *d, uint64_t cause_ns);

/* Look at the tables now: status for views and for what is judged. */
int daemon_look(struct daemon *d);

/**
 * daemon_reload() - read the config again.
 * @errs: what is wrong, on -EINVAL.
 * @ret_changes: what changed, on 0; conf_changes_done() it.
 */
MUST_CHECK int daemon_reload(struct daemon *d, struct conf_errors *errs,
			     struct conf_changes *ret_changes);

/**
 * daemon_plan() - what daemon_reload() would do; nothing changes.
 */
MUST_CHECK int daemon_plan(struct daemon *d, struct conf_errors *errs,
			   struct conf_changes *ret_changes);

/* Take the state off the machine and leave the loop a moment later. */
MUST_CHECK int daemon_detach(struct daemon *d, char error[DP_ERROR_SIZE]);

/* Wall clock, milliseconds since 1970. */
uint64_t daemon_wall_ms(void);

#endif
