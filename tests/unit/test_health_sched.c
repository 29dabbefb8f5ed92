// SPDX-License-Identifier: GPL-2.0-only
/*
 * When probes go out: paced at first, spread afterwards, jittered around the
 * interval, eager while a VM boots.
 */
#include "health/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MANY 5000

static void first_probes_are_paced(void **state)
{
	struct sched s;
	uint64_t i;

	(void)state;
	sched_init(&s, 1);
	assert_int_equal(sched_first(&s, 1000000), 0);
	for (i = 1; i < MANY; i++)
		assert_int_equal(sched_first(&s, 1000000), i * SCHED_PACE_US);
	/* The line has gone on by the time that passed, and is empty later. */
	assert_int_equal(sched_first(&s, 1500000),
			 MANY * (uint64_t)SCHED_PACE_US - 500000);
	assert_int_equal(sched_first(&s, 9000000), 0);
}

static void jitter_stays_in_its_bounds_around_the_interval(void **state)
{
	static const uint32_t intervals[] = { 10, 250, 1000, 3600000 };
	static const uint32_t jitters[] = { 0, 1, 10, 50, 100 };
	size_t i, j, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(intervals) * ARRAY_SIZE(jitters); i++) {
		uint64_t mid = (uint64_t)intervals[i % 4] * 1000;
		uint64_t most = mid * jitters[i / 4] / 100;
		uint64_t sum = 0, low = UINT64_MAX, high = 0;
		struct sched s;

		sched_init(&s, i);
		for (j = 0; j < 20000; j++) {
			k = sched_next(&s, intervals[i % 4], jitters[i / 4]);
			assert_in_range(k, mid - most, mid + most);
			low = k < low ? k : low;
			high = k > high ? k : high;
			sum += k;
		}
		/* The mean is the interval; five standard deviations. */
		assert_in_range(sum / j, mid - most / 48 - 1,
				mid + most / 48 + 1);
		assert_true(low <= mid - most + most / 50);
		assert_true(high >= mid + most - most / 50);
	}
}

/* Runs many targets that were added at once; how full is the fullest and the
 * emptiest hundredth of a second, from second @from on? */
static void count_loads(uint32_t jitter, uint32_t from, uint32_t *ret_min,
			uint32_t *ret_max)
{
	static uint32_t loads[1000];
	struct sched s;
	size_t i;

	sched_init(&s, 42);
	for (i = 0; i < ARRAY_SIZE(loads); i++)
		loads[i] = 0;
	for (i = 0; i < MANY; i++) {
		uint64_t at = sched_first(&s, 0);

		loads[at / 10000]++;
		at += sched_spread(&s, 1000);
		while (at < 10000000) {
			loads[at / 10000]++;
			at += sched_next(&s, 1000, jitter);
		}
	}
	*ret_min = UINT32_MAX;
	*ret_max = 0;
	for (i = (size_t)from * 100; i < ARRAY_SIZE(loads); i++) {
		*ret_max = loads[i] > *ret_max ? loads[i] : *ret_max;
		*ret_min = loads[i] < *ret_min ? loads[i] : *ret_min;
	}
}

static void many_are_spread_evenly(void **state)
{
	uint32_t min, max, jitter;

	(void)state;
	/* 50 a hundredth are even; Poisson's 5.5 sigma leaves 12 .. 90. With
	 * no jitter too, since the second probes are spread. */
	for (jitter = 0; jitter <= 20; jitter += 10) {
		count_loads(jitter, 2, &min, &max);
		assert_in_range(min, 12, 50);
		assert_in_range(max, 50, 90);
		/* And the start itself: pace and spread overlap at most. */
		count_loads(jitter, 0, &min, &max);
		assert_in_range(max, 50, 140);
	}
}

static void spread_is_all_of_the_interval(void **state)
{
	uint32_t tenth[10] = { 0 };
	struct sched s;
	size_t i;

	(void)state;
	sched_init(&s, 3);
	for (i = 0; i < 100000; i++) {
		uint64_t us = sched_spread(&s, 1000);

		assert_in_range(us, 1, 1000000);
		tenth[(us - 1) / 100000]++;
	}
	for (i = 0; i < 10; i++)
		assert_in_range(tenth[i], 9500, 10500);
}

static void eager_while_few_are_not_up(void **state)
{
	uint32_t ms;
	size_t n;

	(void)state;
	assert_int_equal(sched_interval(1000, false, 1), 1000);
	assert_int_equal(sched_interval(1000, true, 1), 250);
	assert_int_equal(sched_interval(100, true, 1), 100);
	assert_int_equal(sched_interval(1000, true, 500), 500);
	assert_int_equal(sched_interval(1000, true, 5000), 1000);
	/* Together never more than the rate, unless their intervals say so. */
	for (n = 1; n < 20000; n += 7) {
		ms = sched_interval(60000, true, n);
		assert_in_range(ms, SCHED_EAGER_MS, 60000);
		assert_true(n * 1000 / ms <= SCHED_EAGER_RATE + 4);
	}
}

static void seeds_decide(void **state)
{
	struct sched a, b, c;
	int same = 0, i;

	(void)state;
	sched_init(&a, 1);
	sched_init(&b, 1);
	sched_init(&c, 2);
	for (i = 0; i < 100; i++) {
		uint64_t x = sched_next(&a, 1000, 50);

		assert_int_equal(x, sched_next(&b, 1000, 50));
		same += x == sched_next(&c, 1000, 50);
	}
	assert_in_range(same, 0, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_probes_are_paced),
		cmocka_unit_test(
			jitter_stays_in_its_bounds_around_the_interval),
		cmocka_unit_test(many_are_spread_evenly),
		cmocka_unit_test(spread_is_all_of_the_interval),
		cmocka_unit_test(eager_while_few_are_not_up),
		cmocka_unit_test(seeds_decide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
