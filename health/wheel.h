/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timers of targets: thousands that are set and taken back all the time, none
 * of which has to be exact. Inside of health/ only.
 *
 * DOC: a hashed timing wheel (Varghese and Lauck, 1987, scheme 6)
 *
 * Time is cut into ticks, and a timer stands in the list of the slot that its
 * tick falls on, whatever the revolution. Setting one and taking it back is a
 * list operation, where a heap of 5,000 takes a dozen cache misses; all that run
 * out within a tick wake the loop once. The loop sleeps until the next slot
 * that has a timer, so a wheel with nothing in it costs nothing.
 */
#ifndef HEALTH_WHEEL_H
#define HEALTH_WHEEL_H

#include <event2/event_struct.h>
#include <sys/queue.h>

#include "dataplane/core/base.h"

#define WHEEL_TICK_US 8000
#define WHEEL_SLOTS   256 /* two seconds */

/**
 * struct wheel_timer - one of them; zeroed = not set.
 * @tick: when it runs out.
 * @is_set: it will.
 * @place: in its slot, or among those that have run out.
 */
struct wheel_timer {
	uint64_t tick;
	bool is_set;
	LIST_ENTRY(wheel_timer) place;
};

LIST_HEAD(wheel_slot, wheel_timer);

/**
 * struct wheel - all of them.
 * @slots: by tick.
 * @due: have run out, but their turn has not come.
 * @n_set: timers in @slots.
 * @done: last tick that was seen to.
 * @wakes_at: tick that @wake is set to, 0 = it isn't.
 * @wake: the loop's timer.
 * @run_out: is called for each timer, which is no longer set then. It may set
 *           and take back any.
 * @arg: its.
 */
struct wheel {
	struct wheel_slot slots[WHEEL_SLOTS];
	struct wheel_slot due;
	size_t n_set;
	uint64_t done;
	uint64_t wakes_at;
	struct event wake;
	void (*run_out)(struct wheel_timer *timer, void *arg);
	void *arg;
};

/**
 * wheel_init() - an empty one.
 * @w: filled in.
 * @base: its loop.
 * @run_out, @arg: see struct wheel.
 *
 * Return: 0 or -ENOMEM.
 */
MUST_CHECK int wheel_init(struct wheel *w, struct event_base *base,
			  void (*run_out)(struct wheel_timer *timer, void *arg),
			  void *arg);

/**
 * wheel_done() - no timer runs out any more.
 */
void wheel_done(struct wheel *w);

/**
 * wheel_set() - let it run out, instead of when it was to.
 * @w: where.
 * @timer: stays the caller's.
 * @at_us: CLOCK_MONOTONIC; up to a tick later, never sooner.
 */
void wheel_set(struct wheel *w, struct wheel_timer *timer, uint64_t at_us);

/**
 * wheel_clear() - take it back, if it is set.
 */
void wheel_clear(struct wheel *w, struct wheel_timer *timer);

/**
 * wheel_clock() - CLOCK_MONOTONIC in microseconds.
 */
uint64_t wheel_clock(void);

#endif
