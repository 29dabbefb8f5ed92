// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wheel; wheel.h says what it is for.
 */
#include "health/wheel.h"

#include <errno.h>
#include <event2/event.h>
#include <time.h>

uint64_t wheel_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct wheel_slot *slot_of(struct wheel *w, uint64_t tick)
{
	return &w->slots[tick % WHEEL_SLOTS];
}

/* libevent's clock may be as far behind, at 250 ticks of the kernel a second;
 * else it would wake too soon, look, and sleep again. */
#define LOOP_CLOCK_US 4000

static void wake_at(struct wheel *w, uint64_t tick)
{
	uint64_t at_us = tick * WHEEL_TICK_US + LOOP_CLOCK_US, now_us, wait_us;
	struct timeval wait;

	if (w->wakes_at && w->wakes_at <= tick)
		return;
	now_us = wheel_clock();
	wait_us = at_us > now_us ? at_us - now_us : 0;
	wait.tv_sec = (time_t)(wait_us / 1000000);
	wait.tv_usec = (suseconds_t)(wait_us % 1000000);
	/* Timers are only refused where the base's memory has run out. */
	if (evtimer_add(&w->wake, &wait) == 0)
		w->wakes_at = tick;
}

/* At the next slot that has a timer, if only one of a later revolution. */
static void wake_next(struct wheel *w)
{
	uint64_t tick;

	for (tick = w->done + 1; w->n_set && tick <= w->done + WHEEL_SLOTS;
	     tick++) {
		if (!LIST_EMPTY(slot_of(w, tick))) {
			wake_at(w, tick);
			return;
		}
	}
}

/* Of one slot: those whose time has come. */
static void collect(struct wheel *w, uint64_t tick, uint64_t now)
{
	struct wheel_timer *timer, *next;

	for (timer = LIST_FIRST(slot_of(w, tick)); timer; timer = next) {
		next = LIST_NEXT(timer, place);
		if (timer->tick > now)
			continue;
		LIST_REMOVE(timer, place);
		LIST_INSERT_HEAD(&w->due, timer, place);
		w->n_set--;
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct wheel *w = arg;
	struct wheel_timer *timer;
	uint64_t now = wheel_clock() / WHEEL_TICK_US, tick, last;

	(void)fd;
	(void)what;
	/* A loop that was held up for a revolution looks at each slot once. */
	last = now - w->done > WHEEL_SLOTS ? w->done + WHEEL_SLOTS : now;
	for (tick = w->done + 1; tick <= last; tick++)
		collect(w, tick, now);
	w->done = now;
	w->wakes_at = 0;
	while ((timer = LIST_FIRST(&w->due))) {
		LIST_REMOVE(timer, place);
		timer->is_set = false;
		w->run_out(timer, w->arg);
	}
	wake_next(w);
}

int wheel_init(struct wheel *w, struct event_base *base,
	       void (*run_out)(struct wheel_timer *timer, void *arg), void *arg)
{
	size_t i;

	*w = (struct wheel){ .run_out = run_out, .arg = arg };
	for (i = 0; i < WHEEL_SLOTS; i++)
		LIST_INIT(&w->slots[i]);
	LIST_INIT(&w->due);
	w->done = wheel_clock() / WHEEL_TICK_US;
	return evtimer_assign(&w->wake, base, on_wake, w) < 0 ? -ENOMEM : 0;
}

void wheel_done(struct wheel *w)
{
	(void)evtimer_del(&w->wake);
}

void wheel_clear(struct wheel *w, struct wheel_timer *timer)
{
	if (!timer->is_set)
		return;
	LIST_REMOVE(timer, place);
	/* Else it has run out, and its turn has not come. */
	w->n_set -= timer->tick > w->done;
	timer->is_set = false;
}

void wheel_set(struct wheel *w, struct wheel_timer *timer, uint64_t at_us)
{
	wheel_clear(w, timer);
	timer->tick = (at_us + WHEEL_TICK_US - 1) / WHEEL_TICK_US;
	if (timer->tick <= w->done)
		timer->tick = w->done + 1;
	timer->is_set = true;
	LIST_INSERT_HEAD(slot_of(w, timer->tick), timer, place);
	w->n_set++;
	wake_at(w, timer->tick);
}
