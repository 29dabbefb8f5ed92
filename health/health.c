// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loop's side of probes: who is due, who is being probed, who must wait.
 *
 * DOC: phases of a target
 *
 *	idle    its timer runs until its next probe
 *	queued  due; stands in the queue, no timer
 *	probing a probe is under way; its timer runs until the timeout
 *
 *	idle -> queued     the timer, or a kick
 *	queued -> probing  there is room in its lane; at most `batches` a turn of
 *	                   the loop, so that many that are due at once don't hold
 *	                   up others
 *	probing -> idle    result or timeout
 *	probing -> queued  a kick, or this machine is starved (goes first then)
 *
 * Hooks are called as the last thing that is done with a target, since they
 * may remove it.
 *
 * A loop that was held up turns no answer into a timeout: libevent handles what
 * sockets have to say before timers that ran out meanwhile, and a timeout that
 * is found late waits for the next turn, since its probe may have begun in this
 * one, after the sockets were asked.
 */
#include "health/health.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "health/children.h"
#include "health/how.h"
#include "health/sched.h"
#include "health/sockets.h"
#include "health/target.h"
#include "health/trouble.h"
#include "health/wheel.h"

#define SOCKETS_DEFAULT	 512
#define COMMANDS_DEFAULT 16
#define STARVED_RETRY_US 100000
#define LATE_US		 100000

/* By as much a timer is late if the loop is not held up. */
#define HELD_UP_US 20000

enum phase {
	PHASE_IDLE,
	PHASE_QUEUED,
	PHASE_PROBING,
};

/**
 * struct target - one of them.
 * @spec: what the caller wants; its id, the first member, is the tree's key.
 * @how: memory of what @spec asks.
 * @owner: whose.
 * @kind: how to probe it.
 * @probe: one after the other.
 * @record: what is known.
 * @timer: see the phases.
 * @phase: where it is.
 * @spread: the next wait is drawn from all of the interval.
 * @held_up: its timeout was found late, and waits for the next turn.
 * @due_us: when its next probe was due.
 * @started_us: start of the last probe.
 * @eager_until_us: end of its eager time.
 * @queue: place in it if queued.
 */
struct target {
	struct health_target spec;
	struct health_how *how;
	struct health *owner;
	const struct probe_kind *kind;
	struct probe probe;
	struct record record;
	struct wheel_timer timer;
	enum phase phase;
	bool spread;
	bool held_up;
	uint64_t due_us;
	uint64_t started_us;
	uint64_t eager_until_us;
	TAILQ_ENTRY(target) queue;
};

/**
 * struct health - all of it.
 * @base: the loop.
 * @hooks: the caller's.
 * @sockets: that probes use.
 * @children: commands of probes.
 * @tree: of tsearch(), by id.
 * @queues: of targets that are due.
 * @wheel: timers of all targets.
 * @turn: takes the next batches out of the queues.
 * @sched: spread and jitter.
 * @max_sockets: at once.
 * @n_sockets: that probes have now.
 * @n_not_up: targets that are not up.
 * @starved_until_us: nobody is probed before.
 * @troubles: told lately.
 * @count: for health_counters().
 */
struct health {
	struct event_base *base;
	struct health_hooks hooks;
	struct sockets *sockets;
	struct children *children;
	void *tree;
	TAILQ_HEAD(, target) queues[N_LANES];
	struct wheel wheel;
	struct event turn;
	struct sched sched;
	uint32_t max_sockets;
	uint32_t n_sockets;
	size_t n_not_up;
	uint64_t starved_until_us;
	struct troubles troubles;
	struct health_counters count;
};

/* Its next probe, after so long. */
static void plan(struct target *t, uint64_t now_us, uint64_t wait_us)
{
	t->due_us = now_us + wait_us;
	wheel_set(&t->owner->wheel, &t->timer, t->due_us);
}

static bool has_room(const struct health *h, enum probe_lane lane)
{
	return lane == LANE_COMMANDS ? children_have_room(h->children) :
				       h->n_sockets < h->max_sockets;
}

/* Is there a target whose turn it is? */
static struct target *next_of(const struct health *h, enum probe_lane lane)
{
	return has_room(h, lane) ? TAILQ_FIRST(&h->queues[lane]) : NULL;
}

static void arm_turn(struct health *h)
{
	uint64_t now_us = wheel_clock();
	struct timeval wait = { 0 };

	_Static_assert(STARVED_RETRY_US < 1000000, "it fits into tv_usec");
	if (evtimer_pending(&h->turn, NULL) ||
	    (!next_of(h, LANE_SOCKETS) && !next_of(h, LANE_COMMANDS)))
		return;
	if (h->starved_until_us > now_us)
		wait.tv_usec = (suseconds_t)(h->starved_until_us - now_us);
	/* Timers are only refused where the base's memory has run out. */
	(void)evtimer_add(&h->turn, &wait);
}

/* It has begun, or is over: one probe more or less in its lane. */
static void count_probe(struct target *t, bool has_begun)
{
	struct health *h = t->owner;

	h->count.n_in_flight += has_begun ? 1 : (size_t)-1;
	if (t->kind->lane == LANE_SOCKETS)
		h->n_sockets += has_begun ? 1 : (uint32_t)-1;
}

static void enqueue(struct target *t)
{
	TAILQ_INSERT_TAIL(&t->owner->queues[t->kind->lane], t, queue);
	t->phase = PHASE_QUEUED;
	t->owner->count.n_queued++;
}

static void dequeue(struct target *t)
{
	TAILQ_REMOVE(&t->owner->queues[t->kind->lane], t, queue);
	t->phase = PHASE_IDLE;
	t->owner->count.n_queued--;
}

/* Ends the phase it is in; it is idle then, without a timer. */
static void halt(struct target *t)
{
	wheel_clear(&t->owner->wheel, &t->timer);
	if (t->phase == PHASE_QUEUED)
		dequeue(t);
	if (t->phase == PHASE_PROBING) {
		t->kind->stop(&t->probe);
		count_probe(t, false);
	}
	t->phase = PHASE_IDLE;
}

/* Its next probe: an interval after the start of the last; to spread, at any
 * time in the next interval. */
static void schedule(struct target *t, uint64_t now_us)
{
	struct health *h = t->owner;
	const struct health_params *params = &t->spec.params;
	bool eager;
	uint32_t interval_ms;
	uint64_t wait_us, passed_us;

	eager = t->record.fsm.state != HEALTH_UP && now_us < t->eager_until_us;
	interval_ms = sched_interval(params->interval_ms, eager, h->n_not_up);
	if (t->spread) {
		plan(t, now_us, sched_spread(&h->sched, interval_ms));
		t->spread = false;
		return;
	}
	/* From when it was due, if that was a tick or two ago: they would add
	 * up. */
	passed_us = now_us - t->started_us;
	if (t->started_us - t->due_us < 2UL * WHEEL_TICK_US)
		passed_us = now_us - t->due_us;
	wait_us = sched_next(&h->sched, interval_ms, params->jitter_percent);
	plan(t, now_us, wait_us > passed_us ? wait_us - passed_us : 0);
}

/* No room for any probe: the target goes first when there is. */
static void starve(struct target *t, uint64_t now_us)
{
	struct health *h = t->owner;
	char text[HEALTH_REASON_SIZE];
	int err = t->probe.err;

	wheel_clear(&t->owner->wheel, &t->timer);
	TAILQ_INSERT_HEAD(&h->queues[t->kind->lane], t, queue);
	t->phase = PHASE_QUEUED;
	h->count.n_queued++;
	count_probe(t, false);
	h->count.n_blind++;
	h->starved_until_us = now_us + STARVED_RETRY_US;
	t->due_us = h->starved_until_us; /* it is blind, not late */
	if (!trouble_may_tell(&h->troubles, err, now_us))
		return;
	(void)snprintf(text, sizeof(text),
		       "%s: %zu probes wait, %zu are under way; states stay "
		       "as they are until there is room",
		       t->probe.detail, h->count.n_queued,
		       h->count.n_in_flight);
	h->hooks.on_trouble(err, text, h->hooks.arg);
}

/* A probe could not be made from here, for this target's own reason. */
static void tell_blind(struct health *h, int err,
		       const struct health_status *status, uint64_t now_us)
{
	char text[HEALTH_REASON_SIZE + 32];

	if (!trouble_may_tell(&h->troubles, err, now_us))
		return;
	(void)snprintf(text, sizeof(text), "%s; it stays %s", status->reason,
		       health_state_name(status->state));
	h->hooks.on_trouble(err, text, h->hooks.arg);
}

static void tell(struct target *t, const struct record_change *change,
		 enum probe_result result, uint64_t now_us)
{
	struct health *h = t->owner;
	struct health_status status;
	uint64_t id = t->spec.id;
	int err = t->probe.err;
	bool still_unknown = change->cause_changed &&
			     t->record.fsm.state == HEALTH_UNKNOWN;

	if (!change->state_changed && !still_unknown && result != PROBE_BLIND)
		return;
	record_status(&t->record, &t->spec, now_us / 1000, &status);
	/* The target may be gone after the first hook. */
	if (change->state_changed || still_unknown)
		h->hooks.on_state(id, change->old, &status, h->hooks.arg);
	if (result == PROBE_BLIND)
		tell_blind(h, err, &status, now_us);
}

static void note_change(struct target *t, enum health_state old,
			uint64_t now_us)
{
	enum health_state state = t->record.fsm.state;

	if (old == HEALTH_UP && state != HEALTH_UP)
		t->owner->n_not_up++;
	if (old != HEALTH_UP && state == HEALTH_UP)
		t->owner->n_not_up--;
	/* What flaps gets no second eager time: it has to show stamina. */
	if (old == HEALTH_UP && state != HEALTH_UP &&
	    !fsm_flapping(&t->record.fsm, now_us / 1000))
		t->eager_until_us = now_us + SCHED_EAGER_WINDOW_US;
}

/* A probe is over; its kind holds nothing any more. */
static void finish(struct target *t, enum probe_result result)
{
	struct health *h = t->owner;
	uint64_t now_us = wheel_clock();
	uint64_t latency_us = t->probe.latency_us;
	struct record_change change;

	if (result == PROBE_STARVED) {
		starve(t, now_us);
		return;
	}
	if (latency_us == 0)
		latency_us = now_us - t->started_us;
	change = record_result(&t->record, &t->spec.params, result,
			       t->probe.detail, (uint32_t)latency_us,
			       now_us / 1000);
	count_probe(t, false);
	h->count.n_probes += result != PROBE_BLIND;
	h->count.n_failures += result == PROBE_FAILED;
	h->count.n_blind += result == PROBE_BLIND;
	t->phase = PHASE_IDLE;
	note_change(t, change.old, now_us);
	schedule(t, now_us);
	arm_turn(h);
	tell(t, &change, result, now_us);
}

static void on_done(struct probe *p, enum probe_result result)
{
	struct target *t;

	t = (struct target *)((char *)p - offsetof(struct target, probe));
	finish(t, result);
}

static uint64_t timeout_at(const struct target *t)
{
	return t->started_us + (uint64_t)t->spec.params.timeout_ms * 1000;
}

static void begin(struct target *t)
{
	enum probe_result result;

	dequeue(t);
	count_probe(t, true);
	t->phase = PHASE_PROBING;
	t->started_us = wheel_clock();
	t->owner->count.n_late += t->started_us > t->due_us + LATE_US;
	t->held_up = false;
	wheel_set(&t->owner->wheel, &t->timer, timeout_at(t));
	t->probe.late = NULL;
	result = t->kind->start(&t->probe);
	if (result != PROBE_PENDING)
		finish(t, result);
}

/* Begun in a turn at most; to start a command takes some hundred microseconds. */
static const unsigned int
	batches[] = { [LANE_SOCKETS] = 64, [LANE_COMMANDS] = 4 };

_Static_assert(ARRAY_SIZE(batches) == N_LANES, "a batch a lane");

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct health *h = arg;
	enum probe_lane lane;
	unsigned int n;

	(void)fd;
	(void)what;
	/* Timeouts start now, not when this turn of the loop began. */
	(void)event_base_update_cache_time(h->base);
	for (lane = 0; lane < N_LANES; lane++) {
		for (n = 0; n < batches[lane]; n++) {
			struct target *t = next_of(h, lane);

			if (!t || h->starved_until_us > wheel_clock())
				break;
			begin(t);
		}
	}
	arm_turn(h);
}

static void on_room(void *arg)
{
	arm_turn(arg);
}

static void on_timer(struct wheel_timer *timer, void *arg)
{
	struct target *t;

	(void)arg;
	t = (struct target *)((char *)timer - offsetof(struct target, timer));
	if (t->phase == PHASE_IDLE) {
		enqueue(t);
		arm_turn(t->owner);
		return;
	}
	if (!t->held_up && wheel_clock() > timeout_at(t) + HELD_UP_US) {
		t->held_up = true;
		wheel_set(&t->owner->wheel, &t->timer, wheel_clock());
		return;
	}
	t->kind->stop(&t->probe);
	t->probe.err = ETIMEDOUT;
	(void)snprintf(t->probe.detail, sizeof(t->probe.detail), "%s in %u ms",
		       t->probe.late ? t->probe.late : "no answer",
		       t->spec.params.timeout_ms);
	finish(t, PROBE_FAILED);
}

static int by_id(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a;
	const uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static struct target *find(const struct health *h, uint64_t id)
{
	void *const *node;

	_Static_assert(offsetof(struct target, spec.id) == 0, "tree's key");
	node = tfind(&id, &h->tree, by_id);
	return node ? *node : NULL;
}

/* Not in the tree (any more). */
static void target_free(void *arg)
{
	struct target *t = arg;

	halt(t);
	free(t->probe.state);
	free(t->how);
	free(t);
}

static struct target *target_new(struct health *h,
				 const struct health_target *spec)
{
	struct target *t;
	uint64_t now_us = wheel_clock();

	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->spec = *spec;
	t->owner = h;
	t->kind = probe_kind_find(spec->kind);
	t->spread = true;
	t->eager_until_us = now_us + SCHED_EAGER_WINDOW_US;
	t->probe.base = h->base;
	t->probe.sockets = h->sockets;
	t->probe.children = h->children;
	t->probe.target = &t->spec;
	t->probe.done = on_done;
	t->probe.state = calloc(1, t->kind->state_size);
	t->how = how_copy(&spec->how);
	if (t->how)
		t->spec.how = *t->how;
	record_init(&t->record, spec->initial, now_us / 1000);
	if (!t->probe.state || !t->how) {
		free(t->probe.state);
		free(t->how);
		free(t);
		return NULL;
	}
	return t;
}

/* What a struct health is made of. */
static int open_parts(struct health *h, const struct health_limits *limits)
{
	h->sockets = sockets_new(h->base);
	h->children = children_new(h->base,
				   limits->max_commands ? limits->max_commands :
							  COMMANDS_DEFAULT,
				   limits->command_user, on_room, h);
	if (!h->sockets || !h->children ||
	    evtimer_assign(&h->turn, h->base, on_turn, h) < 0)
		return -ENOMEM;
	return wheel_init(&h->wheel, h->base, on_timer, h);
}

int health_open(struct event_base *base, const struct health_limits *limits,
		const struct health_hooks *hooks, struct health **ret_health)
{
	struct health *h;
	uint64_t seed;
	size_t i;

	if (!base || !hooks || !hooks->on_state || !hooks->on_trouble)
		return -EINVAL;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	/* Early at boot there may be no entropy; any number will do. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = wheel_clock();
	h->base = base;
	h->hooks = *hooks;
	h->max_sockets = limits->max_sockets ? limits->max_sockets :
					       SOCKETS_DEFAULT;
	for (i = 0; i < N_LANES; i++)
		TAILQ_INIT(&h->queues[i]);
	sched_init(&h->sched, seed);
	if (open_parts(h, limits) < 0) {
		children_free(h->children);
		sockets_free(h->sockets);
		free(h);
		return -ENOMEM;
	}
	*ret_health = h;
	return 0;
}

void health_close(struct health *h)
{
	if (!h)
		return;
	tdestroy(h->tree, target_free);
	(void)evtimer_del(&h->turn);
	wheel_done(&h->wheel);
	children_free(h->children);
	sockets_free(h->sockets);
	free(h);
}

int health_add(struct health *h, const struct health_target *target)
{
	struct target *t;
	uint64_t now_us;
	int r;

	r = target_check(target);
	if (r < 0)
		return r;
	if (find(h, target->id))
		return -EEXIST;
	t = target_new(h, target);
	if (!t)
		return -ENOMEM;
	if (!tsearch(t, &h->tree, by_id)) {
		target_free(t);
		return -ENOMEM;
	}
	h->count.n_targets++;
	h->n_not_up += target->initial != HEALTH_UP;
	now_us = wheel_clock();
	plan(t, now_us, sched_first(&h->sched, now_us));
	return 0;
}

int health_change(struct health *h, uint64_t id,
		  const struct health_params *params)
{
	struct target *t = find(h, id);
	int r;

	if (!t)
		return -ENOENT;
	r = params_check(params);
	if (r < 0)
		return r;
	if (memcmp(&t->spec.params, params, sizeof(*params)) == 0)
		return 0;
	t->spec.params = *params;
	if (t->phase != PHASE_IDLE || t->started_us == 0)
		return 0;
	/* A reload changes many targets at once: spread them anew. */
	t->spread = true;
	schedule(t, wheel_clock());
	return 0;
}

bool health_asks(const struct health *h, uint64_t id, enum health_kind kind,
		 const struct health_how *how)
{
	const struct target *t = find(h, id);

	return t && t->spec.kind == kind && how_same(&t->spec.how, how);
}

int health_remove(struct health *h, uint64_t id)
{
	struct target *t = find(h, id);

	if (!t)
		return -ENOENT;
	(void)tdelete(t, &h->tree, by_id);
	h->count.n_targets--;
	h->n_not_up -= t->record.fsm.state != HEALTH_UP;
	target_free(t);
	arm_turn(h);
	return 0;
}

static void look_now(struct target *t)
{
	halt(t);
	t->spread = true;
	t->due_us = wheel_clock();
	t->eager_until_us = t->due_us + SCHED_EAGER_WINDOW_US;
	enqueue(t);
	arm_turn(t->owner);
}

int health_kick(struct health *h, uint64_t id)
{
	struct target *t = find(h, id);

	if (!t)
		return -ENOENT;
	look_now(t);
	return 0;
}

int health_reset(struct health *h, uint64_t id)
{
	struct target *t = find(h, id);

	if (!t)
		return -ENOENT;
	h->n_not_up += t->record.fsm.state == HEALTH_UP;
	record_reset(&t->record, wheel_clock() / 1000);
	look_now(t);
	return 0;
}

int health_get(const struct health *h, uint64_t id,
	       struct health_status *ret_status)
{
	struct target *t = find(h, id);

	if (!t)
		return -ENOENT;
	record_status(&t->record, &t->spec, wheel_clock() / 1000, ret_status);
	return 0;
}

void health_counters(const struct health *h,
		     struct health_counters *ret_counters)
{
	*ret_counters = h->count;
}
