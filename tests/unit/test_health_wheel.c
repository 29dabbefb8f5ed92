// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wheel of timers, in a real loop: each runs out once, in time, and none
 * that was taken back.
 */
#include "health/wheel.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "health/sched.h"

#define MANY 2000
/* Nobody is late by so much but on a machine that is busy with others. */
#define LATE_US 200000

/**
 * struct alarm - a timer and what is expected of it.
 * @timer: the wheel's.
 * @at_us: when it is to run out; 0 = it is not.
 * @n: it has, so often.
 */
struct alarm {
	struct wheel_timer timer;
	uint64_t at_us;
	unsigned int n;
};

/**
 * struct world - what is tested.
 * @sched: makes random numbers.
 * @again: so often a timer that ran out is set anew, for others are taken back.
 * @latest_us: how late one was at most.
 */
struct world {
	struct event_base *base;
	struct wheel wheel;
	struct alarm alarms[MANY];
	struct sched sched;
	unsigned int again;
	uint64_t latest_us;
};

static void set(struct world *w, struct alarm *alarm, uint64_t wait_us)
{
	alarm->at_us = wheel_clock() + wait_us;
	wheel_set(&w->wheel, &alarm->timer, alarm->at_us);
}

static void clear(struct world *w, struct alarm *alarm)
{
	alarm->at_us = 0;
	wheel_clear(&w->wheel, &alarm->timer);
}

static void on_run_out(struct wheel_timer *timer, void *arg)
{
	struct alarm *alarm = (struct alarm *)timer;
	struct world *w = arg;
	uint64_t now_us = wheel_clock();

	_Static_assert(offsetof(struct alarm, timer) == 0, "a cast suffices");
	assert_false(timer->is_set);
	assert_int_not_equal(alarm->at_us, 0);
	assert_true(now_us >= alarm->at_us);
	if (now_us - alarm->at_us > w->latest_us)
		w->latest_us = now_us - alarm->at_us;
	alarm->at_us = 0;
	alarm->n++;
	if (w->again == 0)
		return;
	/* Any may be set and taken back, those of this tick, too. */
	w->again--;
	set(w, alarm, sched_spread(&w->sched, 50));
	clear(w, &w->alarms[sched_spread(&w->sched, MANY / 1000) - 1]);
}

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->base = event_base_new();
	assert_non_null(w->base);
	sched_init(&w->sched, 1);
	assert_int_equal(wheel_init(&w->wheel, w->base, on_run_out, w), 0);
	return w;
}

/* Ends when nothing is set: then the loop has nothing to wait for. */
static void world_run(struct world *w)
{
	size_t i;

	assert_int_equal(event_base_dispatch(w->base), 1);
	assert_int_equal(w->wheel.n_set, 0);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(w->alarms[i].at_us, 0);
		assert_false(w->alarms[i].timer.is_set);
	}
	assert_in_range(w->latest_us, 0, LATE_US);
	wheel_done(&w->wheel);
	event_base_free(w->base);
	free(w);
}

static void each_runs_out_once(void **state)
{
	struct world *w = world_new();
	unsigned int i, n = 0;

	(void)state;
	for (i = 0; i < MANY; i++)
		set(w, &w->alarms[i], sched_spread(&w->sched, 300));
	/* A third is taken back, of these a half is set again. */
	for (i = 0; i < MANY; i += 3)
		clear(w, &w->alarms[i]);
	for (i = 0; i < MANY; i += 6)
		set(w, &w->alarms[i], sched_spread(&w->sched, 300));
	while (event_base_loop(w->base, EVLOOP_ONCE) == 0 && w->wheel.n_set)
		;
	for (i = 0; i < MANY; i++) {
		assert_int_equal(w->alarms[i].n, i % 3 || i % 6 == 0);
		n += w->alarms[i].n;
	}
	assert_in_range(n, MANY * 4 / 5, MANY * 5 / 6 + 1);
	world_run(w);
}

static void they_set_and_take_back_each_other(void **state)
{
	struct world *w = world_new();
	unsigned int i;

	(void)state;
	w->again = MANY;
	for (i = 0; i < MANY; i++)
		set(w, &w->alarms[i], sched_spread(&w->sched, 50));
	world_run(w);
}

/* Further away than the wheel is round, and just as far; long ago; now. */
static void revolutions_are_told_apart(void **state)
{
	struct world *w = world_new();
	uint64_t round_us = (uint64_t)WHEEL_SLOTS * WHEEL_TICK_US;

	(void)state;
	set(w, &w->alarms[0], round_us + 100000);
	set(w, &w->alarms[1], 100000);
	set(w, &w->alarms[2], round_us);
	set(w, &w->alarms[3], 0);
	w->alarms[4].at_us = 1;
	wheel_set(&w->wheel, &w->alarms[4].timer, 1);
	while (!w->alarms[1].n)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_int_equal(w->alarms[3].n, 1);
	assert_int_equal(w->alarms[4].n, 1);
	assert_int_equal(w->alarms[0].n, 0);
	assert_int_equal(w->alarms[2].n, 0);
	w->latest_us = 0;
	world_run(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_runs_out_once),
		cmocka_unit_test(they_set_and_take_back_each_other),
		cmocka_unit_test(revolutions_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
