// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rate of what the path sends by itself, and the path's own time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/core/flow.h"
#include "dataplane/core/reply.h"
#include "tests/packet/mem_tables.h"

#define START_NS 5000000000ULL

/* Packets that get through of one every @gap_ns, for @seconds. */
static uint64_t taken(struct bucket *b, uint32_t rate_pps, uint64_t gap_ns,
		      uint64_t seconds)
{
	uint64_t now_ns = b->last_ns ? b->last_ns : START_NS;
	uint64_t end_ns = now_ns + seconds * NS_PER_S;
	uint64_t n = 0;

	for (; now_ns < end_ns; now_ns += gap_ns)
		n += bucket_take(b, rate_pps, now_ns);
	return n;
}

/* However fast it is asked, the rate comes through: no less, hardly more. */
static void test_rate_holds(void **state)
{
	const uint32_t rates[] = { 1, 9, 10, 100, 999, 1000, 20000 };
	const uint64_t gaps_ns[] = { 501, 5000, 33333, 999999 };
	size_t i;
	size_t j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		for (j = 0; j < ARRAY_SIZE(gaps_ns); j++) {
			struct bucket b = { 0 };
			uint64_t most = NS_PER_S / gaps_ns[j];
			uint64_t wanted = rates[i] < most ? rates[i] : most;
			uint64_t n;

			(void)taken(&b, rates[i], gaps_ns[j], 1);
			n = taken(&b, rates[i], gaps_ns[j], 1);
			assert_in_range(n, wanted - wanted / 100,
					wanted + wanted / 100 + 1);
		}
	}
}

/* After a quiet time a tenth of a second's worth, and one, goes at once. */
static void test_burst(void **state)
{
	struct bucket b = { 0 };
	uint64_t n;

	(void)state;
	for (n = 0; bucket_take(&b, 1000, START_NS); n++)
		assert_true(n < 1000);
	assert_int_equal(n, 101);
	assert_false(bucket_take(&b, 1000, START_NS + 999999));
	assert_true(bucket_take(&b, 1000, START_NS + 1000000));
	for (n = 0; bucket_take(&b, 1000, START_NS + 3600 * NS_PER_S); n++)
		assert_true(n < 1000);
	assert_int_equal(n, 101);
}

static void test_extremes(void **state)
{
	struct bucket b = { 0 };

	(void)state;
	assert_int_equal(taken(&b, 0, 1000, 1), 0);
	b.last_ns = 0;
	b.tokens = 0;
	assert_true(bucket_take(&b, UINT32_MAX, UINT64_MAX));
	assert_true(b.tokens <= NS_PER_S * (UINT32_MAX / 10 + 1));
}

/* RSTs that are asked for by the million leave ARP its own rate. */
static void test_kinds_do_not_starve_each_other(void **state)
{
	static struct mem_tables m;
	uint64_t n_rst = 0;
	uint64_t n_arp = 0;
	int ms;
	int i;

	(void)state;
	m.has_node = true;
	m.node.reply_rate_pps = 10;
	for (ms = 0; ms < 1000; ms++) {
		m.now_ns = START_NS + (uint64_t)ms * 1000000;
		for (i = 0; i < 1000; i++)
			n_rst +=
				reply_allowed(mem_tables(), &m, REPLY_KIND_RST);
		if (ms % 200 == 0)
			n_arp += reply_allowed(mem_tables(), &m, REPLY_KIND_L2);
	}
	assert_int_equal(n_arp, 5);
	assert_in_range(n_rst, 9, 12);
}

/* Ticks are compared right on both sides of their wrap. */
static void test_tick_wrap(void **state)
{
	const uint32_t at[] = { 0,	    1,		1000,
				0x7fffffff, 0x80000000, UINT32_MAX - 1,
				UINT32_MAX };
	uint64_t meta;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		assert_true(tick_reached(at[i], at[i]));
		assert_true(tick_reached(at[i] + 1, at[i]));
		assert_true(tick_reached(at[i] + 0x7fffffff, at[i]));
		assert_false(tick_reached(at[i], at[i] + 1));
		assert_false(tick_reached(at[i], at[i] + 0x7fffffff));
		meta = flow_meta(1, 0, FLOW_CONFIRMED, at[i] + 2);
		assert_true(flow_live(meta, at[i]));
		assert_true(flow_live(meta, at[i] + 1));
		assert_false(flow_live(meta, at[i] + 2));
	}
}

/* A limit never ends early, in whatever part of a tick it begins. */
static void test_ticks_of_ms(void **state)
{
	const uint64_t tick_ns = 1ULL << TICK_SHIFT;
	uint64_t ms;
	uint64_t ns;

	(void)state;
	for (ms = 0; ms < 10000000; ms += 997) {
		ns = (uint64_t)TICKS_OF_MS(ms) << TICK_SHIFT;
		assert_true(ns - tick_ns >= ms * 1000000);
		assert_true(ns - 2 * tick_ns <= ms * 1000000);
	}
	assert_int_equal(TICKS_OF_NS((1ULL << 58) - 1), UINT32_MAX);
	assert_int_equal(TICKS_OF_NS(1ULL << 58), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_holds),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_kinds_do_not_starve_each_other),
		cmocka_unit_test(test_tick_wrap),
		cmocka_unit_test(test_ticks_of_ms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
