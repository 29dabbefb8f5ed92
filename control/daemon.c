/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * droverd's life: what starts in which order, and what an event on the loop
 * leads to. Each input (inventory, links, probes, wishes, config, time) ends
 * in daemon_changed(); one run of reconcile at the end of the loop's turn
 * covers all of them.
 */
#include "control/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/diff.h"
#include "control/announce.h"
#include "control/api.h"
#include "control/feeds.h"
#include "control/inputs.h"
#include "control/log.h"
#include "control/targets.h"
#include "control/way.h"

#define NS_PER_MS	 1000000ULL
#define NS_PER_US	 1000ULL
#define LOOK_INTERVAL_MS 1000L
#define LOOKS_A_REPAIR	 10
#define EVENTS_KEPT	 10000
#define DIRECT_IDLE_MS	 350000
#define SLOW_REACTION_NS (5 * NS_PER_MS)

static struct timeval timeval_of_ns(uint64_t ns)
{
	/* Up, so that a timer never fires before its time. */
	uint64_t us = (ns + NS_PER_US - 1) / NS_PER_US;

	return (struct timeval){ .tv_sec = (time_t)(us / 1000000),
				 .tv_usec = (suseconds_t)(us % 1000000) };
}

uint64_t daemon_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / NS_PER_MS;
}

/* Call again at that time; never = don't. */
static void arm_at(struct event *timer, uint64_t at_ns)
{
	uint64_t now_ns = hv_clock_ns();
	struct timeval wait;

	if (at_ns == UINT64_MAX)
		return;
	wait = timeval_of_ns(at_ns > now_ns ? at_ns - now_ns : 0);
	evtimer_add(timer, &wait);
}

/* Reconcile at the end of this turn of the loop. */
static void run_soon(struct daemon *d)
{
	/* NULL until everything has started: then the first run sees it all. */
	if (d->reconcile_event && !d->leaving)
		event_active(d->reconcile_event, EV_TIMEOUT, 0);
}

void daemon_changed(struct daemon *d, uint64_t cause_ns)
{
	if (!d->cause_ns || cause_ns < d->cause_ns)
		d->cause_ns = cause_ns;
	run_soon(d);
}

int daemon_look(struct daemon *d)
{
	struct dp_status status;
	int rc = d->engine->status(d->dp, hv_clock_ns(), &status);

	if (rc) {
		log_err("engine %s: its state can't be read: %s",
			d->engine->name, strerror(-rc));
		return rc;
	}
	dp_status_free(&d->status);
	d->status = status;
	d->look_first = false;
	if (rec_take_status(d->rec, &d->status))
		run_soon(d);
	return 0;
}

/* Hand the snapshot over, and say what came of it. */
static void apply(struct daemon *d, const struct dp_snapshot *snapshot)
{
	struct dp_result result = { 0 };
	int rc = d->engine->apply(d->dp, snapshot, hv_clock_ns(), &result);

	if (rc && strcmp(result.error, d->apply_error) != 0)
		log_err("engine %s: %s; tried again each second",
			d->engine->name,
			result.error[0] ? result.error : strerror(-rc));
	if (!rc && d->apply_error[0])
		log_info("engine %s: all is applied again", d->engine->name);
	snprintf(d->apply_error, sizeof(d->apply_error), "%s",
		 rc ? result.error : "");
	d->last = result;
	d->applied_ns = hv_clock_ns();
	if (d->cause_ns)
		d->reaction_ns = d->applied_ns - d->cause_ns;
	d->cause_ns = 0;
	if (result.n_slots_moved)
		log_debug("publish: %u slots, %llu us, %llu us after its cause",
			  result.n_slots_moved,
			  (unsigned long long)(result.took_ns / NS_PER_US),
			  (unsigned long long)(d->reaction_ns / NS_PER_US));
}

static void reconcile(evutil_socket_t fd, short what, void *arg)
{
	const struct dp_snapshot *snapshot = NULL;
	struct daemon *d = arg;
	struct rec_input in = {
		.conf = d->conf,
		.inv = d->inv,
		.wishes = d->wishes,
		.now_ns = hv_clock_ns(),
		.now_ms = daemon_wall_ms(),
	};
	uint64_t wake_ns;
	int rc;

	(void)fd;
	(void)what;
	if (d->look_first)
		(void)daemon_look(d);
	rc = rec_run(d->rec, &in, &snapshot, &wake_ns);
	if (rc) {
		log_err("reconcile: %s; the tables stay as they were",
			strerror(-rc));
		return;
	}
	apply(d, snapshot);
	if (way_plan(d->rec, d->inv, d->reach, d->engine, d->dp))
		run_soon(d);
	targets_update(d->health, d->rec, d->inv);
	announce_apply(d->announce, snapshot->vips, snapshot->n_vips);
	arm_at(d->reconcile_event, wake_ns);
	event_active(d->tick_event, EV_TIMEOUT, 0);
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	arm_at(d->tick_event, d->engine->tick(d->dp, hv_clock_ns()));
}

/* Is there something that the engine has to try again? */
static bool has_failed(const struct daemon *d)
{
	uint32_t i;

	for (i = 0; i < d->status.n_backends; i++)
		if (d->status.backends[i].attach_error)
			return true;
	return d->apply_error[0];
}

/*
 * Once a second: slots and flows move on without any event. If none of that
 * changes what a member is judged by, nothing is to be decided and nothing is
 * handed over, but for a repair now and then.
 */
static void look(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval again = { LOOK_INTERVAL_MS / 1000,
				       LOOK_INTERVAL_MS % 1000 * 1000L };
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	if (!daemon_look(d) &&
	    (has_failed(d) || d->n_looks % LOOKS_A_REPAIR == 0))
		run_soon(d);
	d->n_looks++;
	evtimer_add(d->look_event, &again);
}

/* The files as they are now, and how they differ from what is in force. */
static int read_again(struct daemon *d, struct conf_errors *errs,
		      struct conf_changes *ret_changes, struct conf **ret_conf)
{
	struct conf *conf = NULL;
	int rc = conf_load(d->conf_path, &conf, errs);

	if (!rc)
		rc = conf_refuse_unbuilt(conf, errs);
	if (!rc)
		rc = conf_diff(d->conf, conf, ret_changes);
	if (rc)
		conf_free(conf);
	else
		*ret_conf = conf;
	return rc;
}

int daemon_plan(struct daemon *d, struct conf_errors *errs,
		struct conf_changes *ret_changes)
{
	struct conf *conf = NULL;
	int rc = read_again(d, errs, ret_changes, &conf);

	conf_free(conf);
	return rc;
}

/* Of what the config has no more, nothing is kept. */
static void forget_feeds(struct daemon *d)
{
	if (feeds_keep(d->feeds, d->conf))
		log_warn("store: what was fed to hypervisors that are gone is "
			 "still kept: %s",
			 store_error(d->store));
}

int daemon_reload(struct daemon *d, struct conf_errors *errs,
		  struct conf_changes *ret_changes)
{
	struct conf *conf = NULL;
	int rc = read_again(d, errs, ret_changes, &conf);

	if (rc)
		return rc;
	rc = hypervisors_apply(d->hypervisors, conf);
	if (rc)
		log_warn("reload: not every hypervisor is watched, see above");
	rec_forget_conf(d->rec);
	conf_free(d->conf);
	d->conf = conf;
	forget_feeds(d);
	log_set_level((enum log_level)conf->node.log_level);
	journal_add(d->journal, "node", conf->node.name, "", "reloaded",
		    "%zu changes", ret_changes->n);
	daemon_changed(d, hv_clock_ns());
	return 0;
}

int daemon_detach(struct daemon *d, char error[DP_ERROR_SIZE])
{
	const struct timeval answer_is_out = { 0, 100000 };
	struct event *timers[] = { d->tick_event, d->look_event,
				   d->reconcile_event };
	size_t i;
	int rc;

	d->leaving = true;
	d->detached = true;
	for (i = 0; i < ARRAY_SIZE(timers); i++)
		event_del(timers[i]);
	d->engine->close(d->dp);
	d->dp = NULL;
	rc = d->engine->detach(d->pin_dir, error);
	journal_add(d->journal, "node", d->conf->node.name, "", "detached",
		    "%s", rc ? error : "by drover detach");
	event_base_loopexit(d->base, &answer_is_out);
	return rc;
}

static void reload_by_signal(struct daemon *d)
{
	struct conf_changes changes = { 0 };
	struct conf_errors *errs = calloc(1, sizeof(*errs));

	if (!errs)
		return;
	if (daemon_reload(d, errs, &changes))
		log_err("reload: %s is refused, the config in force stays:",
			d->conf_path);
	conf_errors_print(errs, stderr);
	conf_changes_done(&changes);
	free(errs);
}

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	if (signal_number == SIGHUP) {
		reload_by_signal(d);
		return;
	}
	log_info("stopping; forwarding goes on without me");
	event_base_loopbreak(d->base);
}

static void log_engine(void *arg, int level, const char *text)
{
	(void)arg;
	log_write((enum log_level)level, "engine: %s", text);
}

/* Start-up: each step has its way back, taken in reverse order. */

static int start_base(struct daemon *d)
{
	d->base = event_base_new();
	return d->base ? 0 : -ENOMEM;
}

static void stop_base(struct daemon *d)
{
	event_base_free(d->base);
}

static int start_store(struct daemon *d)
{
	char error[STORE_ERROR_SIZE] = "";
	int rc = store_open(d->conf->node.state_dir, EVENTS_KEPT, &d->store,
			    error);

	if (rc)
		log_err("store: %s", error);
	return rc;
}

static void stop_store(struct daemon *d)
{
	store_close(d->store);
}

static int start_journal(struct daemon *d)
{
	return journal_new(d->base, d->store, &d->journal);
}

static void stop_journal(struct daemon *d)
{
	journal_free(d->journal);
}

static int start_wishes(struct daemon *d)
{
	int rc = wishes_load(d->store, &d->wishes);

	if (rc)
		log_err("store: wishes can't be read: %s",
			store_error(d->store));
	return rc;
}

static void stop_wishes(struct daemon *d)
{
	wishes_free(d->wishes);
}

static int start_feeds(struct daemon *d)
{
	int rc = feeds_load(d->store, daemon_wall_ms(), hv_clock_ns(),
			    &d->feeds);

	if (rc)
		log_err("store: what was fed can't be read: %s",
			store_error(d->store));
	else
		forget_feeds(d);
	return rc;
}

static void stop_feeds(struct daemon *d)
{
	feeds_free(d->feeds);
}

static int start_engine(struct daemon *d)
{
	const struct conf_node *node = &d->conf->node;
	struct dp_options options = {
		.pin_dir = node->pin_dir,
		.uplinks = node->uplinks.text,
		.n_uplinks = (uint32_t)node->uplinks.n,
		.limits = { .n_backends = node->limits.backends,
			    .n_services = node->limits.services,
			    .n_pools = node->limits.pools,
			    .n_slots = node->limits.slots,
			    .n_flows = node->limits.flows,
			    .n_direct = node->limits.direct_flows },
		.reply_rate_pps = node->limits.replies_per_s,
		.direct_idle_ms = DIRECT_IDLE_MS,
		.probe_source = node->probe_source,
		.probe_source6 = node->probe_source6,
		.inside = node->inside,
		.log = log_engine,
	};
	char error[DP_ERROR_SIZE] = "";
	int rc;

	d->pin_dir = strdup(node->pin_dir);
	if (!d->pin_dir)
		return -ENOMEM;
	rc = d->engine->open(&options, &d->dp, error);
	if (rc)
		log_err("engine %s: %s", d->engine->name,
			error[0] ? error : strerror(-rc));
	return rc;
}

static void stop_engine(struct daemon *d)
{
	dp_status_free(&d->status);
	if (d->dp)
		d->engine->close(d->dp);
	free(d->pin_dir);
}

static int start_inputs(struct daemon *d)
{
	return inputs_start(d);
}

static void stop_inputs(struct daemon *d)
{
	inputs_stop(d);
}

static int start_api(struct daemon *d)
{
	int rc = api_start(d, d->conf->node.socket, &d->api);

	if (rc == -EADDRINUSE)
		log_err("api: %s: another daemon answers there; give this one "
			"its own node.socket",
			d->conf->node.socket);
	else if (rc)
		log_err("api: %s: %s", d->conf->node.socket, strerror(-rc));
	return rc;
}

static void stop_api(struct daemon *d)
{
	api_stop(d->api);
}

static int start_signals(struct daemon *d)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		d->signals[i] = evsignal_new(d->base, numbers[i], on_signal, d);
		if (!d->signals[i] || evsignal_add(d->signals[i], NULL))
			return -ENOMEM;
	}
	return 0;
}

static void stop_signals(struct daemon *d)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(d->signals); i++)
		if (d->signals[i])
			event_free(d->signals[i]);
}

static int start_timers(struct daemon *d)
{
	d->tick_event = evtimer_new(d->base, tick, d);
	d->look_event = evtimer_new(d->base, look, d);
	d->reconcile_event = evtimer_new(d->base, reconcile, d);
	if (!d->tick_event || !d->look_event || !d->reconcile_event)
		return -ENOMEM;
	look(-1, 0, d);
	return 0;
}

static void stop_timers(struct daemon *d)
{
	struct event *timers[] = { d->tick_event, d->look_event,
				   d->reconcile_event };
	size_t i;

	d->reconcile_event = NULL;
	for (i = 0; i < ARRAY_SIZE(timers); i++)
		if (timers[i])
			event_free(timers[i]);
}

static const struct {
	const char *name;
	int (*start)(struct daemon *d);
	void (*stop)(struct daemon *d);
} parts[] = {
	{ "event loop", start_base, stop_base },
	{ "store", start_store, stop_store },
	{ "journal", start_journal, stop_journal },
	{ "wishes", start_wishes, stop_wishes },
	{ "feeds", start_feeds, stop_feeds },
	{ "engine", start_engine, stop_engine },
	{ "inputs", start_inputs, stop_inputs },
	{ "api", start_api, stop_api },
	{ "signals", start_signals, stop_signals },
	{ "timers", start_timers, stop_timers },
};

int daemon_run(const char *conf_path, struct conf *conf,
	       const struct dp_ops *engine)
{
	struct daemon d = { .conf_path = conf_path,
			    .conf = conf,
			    .engine = engine,
			    .started_ns = hv_clock_ns() };
	size_t n;
	int rc = 0;

	/* Who hangs up on us is told by write(). */
	(void)signal(SIGPIPE, SIG_IGN);
	/* Who started us may ignore it; then nobody could say how a command of
	 * a probe has ended. */
	(void)signal(SIGCHLD, SIG_DFL);
	for (n = 0; !rc && n < ARRAY_SIZE(parts); n++) {
		rc = parts[n].start(&d);
		if (rc)
			log_err("%s: not started: %s", parts[n].name,
				strerror(-rc));
	}
	if (!rc) {
		journal_add(d.journal, "node", d.conf->node.name, "", "started",
			    "droverd %s, pid %d, config %s", DROVER_VERSION,
			    (int)getpid(), conf_path);
		rc = event_base_dispatch(d.base) < 0 ? -EIO : 0;
		journal_add(d.journal, "node", d.conf->node.name, "", "stopped",
			    "%s",
			    d.detached ? "nothing is forwarded any more" :
					 "forwarding goes on");
	}
	/* Hypervisors that are no longer watched have not lost their VMs. */
	d.leaving = true;
	while (n > 0)
		parts[--n].stop(&d);
	conf_free(d.conf);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
