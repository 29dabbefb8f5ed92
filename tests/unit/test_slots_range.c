/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ranges: several pools in one array, growing without moving a flow, taking
 * over what is in force.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/random.h"
#include "tests/unit/slots_tables.h"

#include <errno.h>
#include <string.h>

/* The slot that a key belongs to, as the packet path finds it. */
static uint32_t slot_at(struct slots_test *t, uint64_t key)
{
	return *slots_test_slot(t, 0, slot_of_key(key, t->pools[0].range));
}

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(slots_log2_for(0), 14);
	assert_int_equal(slots_log2_for(163), 14);
	assert_int_equal(slots_log2_for(164), 16);
	assert_int_equal(slots_log2_for(655), 16);
	assert_int_equal(slots_log2_for(656), 20);
	assert_int_equal(slots_log2_for(BACKEND_MAX), 20);
}

/* Pools lie beside each other; what one gives up another gets, later. */
static void test_pools_share_the_array(void **state)
{
	struct slots_test *t = *state;
	struct slots_share share = { .id = 1, .weight = 1, .backend = 0 };
	uint32_t i;

	for (i = 0; i < 4; i++) {
		share.backend = (uint16_t)(i + 1);
		slots_test_create(t, i, 14, &share, 1);
		assert_int_equal(POOL_FIRST_LINE(t->pools[i].range), i * 1024);
	}
	for (i = 0; i < 1 << 16; i++)
		assert_int_equal(t->lines[i / 16].slot[i % 16],
				 STEADY(i / (1 << 14) + 1));
	assert_int_equal(slots_create(t->slots, 0, 14, &share, 1, t->now),
			 -EINVAL);
	assert_int_equal(slots_grow(t->slots, 0, 16, t->now), -ENOSPC);
	slots_remove(t->slots, 2, t->now);
	assert_int_equal(t->pools[2].range, 0);
	/* A CPU may still be reading there. */
	assert_int_equal(slots_create(t->slots, 2, 14, &share, 1, t->now),
			 -ENOSPC);
	assert_int_equal(t->pools[2].range, 0);
	t->now += 20;
	slots_test_create(t, 2, 14, &share, 1);
	assert_int_equal(POOL_FIRST_LINE(t->pools[2].range), 2 * 1024);
}

static void test_create_refused(void **state)
{
	struct slots_share twice[2] = {
		{ .id = 1, .weight = 1, .backend = 1 },
		{ .id = 2, .weight = 1, .backend = 1 },
	};
	struct slots_test *t = *state;

	assert_int_equal(slots_create(t->slots, 9, 14, twice, 1, t->now),
			 -EINVAL);
	assert_int_equal(slots_create(t->slots, 0, 3, twice, 1, t->now),
			 -EINVAL);
	assert_int_equal(slots_create(t->slots, 0, 21, twice, 1, t->now),
			 -EINVAL);
	assert_int_equal(slots_create(t->slots, 0, 14, twice, 2, t->now),
			 -EINVAL);
	assert_int_equal(slots_create(t->slots, 0, 17, twice, 1, t->now),
			 -ENOSPC);
	assert_int_equal(t->pools[0].range, 0);
	slots_test_create(t, 0, 14, NULL, 0);
	assert_int_equal(*slots_test_slot(t, 0, 77), STEADY(BACKEND_NONE));
}

/* For every flow the slot says the same before and after, in every state. */
static void test_growth_moves_no_flow(void **state)
{
	static uint32_t before[100000];
	struct slots_share shares[12];
	struct slots_test *t = *state;
	struct random r = { 8 };
	struct random again;
	struct slots_use use;
	uint32_t next;
	uint32_t i;

	slots_test_equal(shares, 12);
	slots_test_create(t, 0, 8, shares, 10);
	slots_test_apply(t, 0, shares, 11);
	t->now += SLOTS_CLAIM_TICKS;
	slots_step(t->slots, t->now, &next);
	shares[3].weight = 5;
	slots_test_apply(t, 0, shares, 12);
	again = r;
	for (i = 0; i < ARRAY_SIZE(before); i++)
		before[i] = slot_at(t, random_u64(&r));
	assert_int_equal(slots_grow(t->slots, 0, 10, t->now), 0);
	assert_int_equal(POOL_SLOTS_LOG2(t->pools[0].range), 10);
	r = again;
	for (i = 0; i < ARRAY_SIZE(before); i++)
		assert_int_equal(slot_at(t, random_u64(&r)), before[i]);
	/* As long already: nothing to do. */
	assert_int_equal(slots_grow(t->slots, 0, 8, t->now), 0);
	assert_int_equal(POOL_SLOTS_LOG2(t->pools[0].range), 10);
	slots_use(t->slots, 0, 12, t->now, &use);
	assert_true(use.n_claims > 0);
	assert_int_equal((use.n_claims + use.n_current) % 4, 0);
	/* Claims and moves that were under way end as they would have. */
	slots_test_apply(t, 0, shares, 12);
	slots_test_settle(t);
	slots_use(t->slots, 0, 12, t->now, &use);
	assert_in_range(use.n_current, 1024 * 10 / 115, 1024 * 10 / 115 + 1);
}

/* Children have their parent's clock; a refusal during the copy is not lost. */
static void test_growth_keeps_clocks(void **state)
{
	struct slots_test *t = *state;
	uint32_t began = t->now;
	uint32_t next;
	uint32_t i;

	t->pools[0].range = POOL_RANGE(0, 4);
	for (i = 0; i < 16; i++) {
		*slots_test_slot(t, 0, i) = i ? CLAIMING(1) : MOVING(1, 2);
		slots_test_clock(t, 0, i)->since_tick = t->now;
	}
	slots_test_reopen(t);
	t->now += 10;
	assert_int_equal(slots_grow(t->slots, 0, 6, t->now), 0);
	for (i = 0; i < 64; i++) {
		assert_int_equal(*slots_test_slot(t, 0, i),
				 i < 4 ? MOVING(1, 2) : CLAIMING(1));
		assert_int_equal(slots_test_clock(t, 0, i)->since_tick, began);
	}
	assert_int_equal(slots_test_clock(t, 0, 0)->refused_tick, t->now);
	t->now = began + SLOTS_CLOCK_TICKS(T_IDLE);
	slots_step(t->slots, t->now, &next);
	assert_int_equal(*slots_test_slot(t, 0, 0), MOVING_TCP(1, 2));
	t->now += 10;
	slots_step(t->slots, t->now, &next);
	assert_int_equal(*slots_test_slot(t, 0, 0), SETTLING(2));
}

/* Growing twice within the time that old lines rest. */
static void test_growth_twice(void **state)
{
	struct slots_share shares[3];
	struct slots_test *t = *state;

	slots_test_equal(shares, 3);
	slots_test_create(t, 0, 8, shares, 3);
	slots_test_create(t, 1, 8, shares, 3);
	assert_int_equal(slots_grow(t->slots, 0, 10, t->now), 0);
	assert_int_equal(slots_grow(t->slots, 0, 14, t->now), 0);
	assert_int_equal(slots_grow(t->slots, 1, 14, t->now), 0);
	assert_int_not_equal(POOL_FIRST_LINE(t->pools[0].range),
			     POOL_FIRST_LINE(t->pools[1].range));
	slots_remove(t->slots, 1, t->now);
	slots_remove(t->slots, 1, t->now); /* not in force: nothing happens */
	assert_int_equal(slots_grow(t->slots, 1, 14, t->now), -EINVAL);
}

/* Clocks that nobody knows, or of the future, start when they are found. */
static void test_open_unknown_clocks(void **state)
{
	struct slots_test *t = *state;
	uint32_t i;

	t->pools[0].range = POOL_RANGE(0, 4);
	for (i = 0; i < 16; i++)
		*slots_test_slot(t, 0, i) = MOVING(1, 2);
	slots_test_clock(t, 0, 1)->since_tick = t->now + 1000;
	slots_test_clock(t, 0, 2)->since_tick = t->now - 7;
	slots_test_clock(t, 0, 2)->refused_tick = t->now + 1000;
	slots_test_clock(t, 0, 3)->since_tick = t->now - 7;
	slots_test_clock(t, 0, 3)->refused_tick = t->now - 3;
	slots_test_reopen(t);
	assert_int_equal(slots_test_clock(t, 0, 0)->since_tick, t->now);
	assert_int_equal(slots_test_clock(t, 0, 1)->since_tick, t->now);
	assert_int_equal(slots_test_clock(t, 0, 2)->since_tick, t->now - 7);
	assert_int_equal(slots_test_clock(t, 0, 2)->refused_tick, t->now);
	assert_int_equal(slots_test_clock(t, 0, 3)->refused_tick, t->now - 3);
}

/* What can't be is refused, not believed. */
static void test_open_refused(void **state)
{
	struct slots_test *t = *state;
	struct slots_tables tables = {
		.lines = t->lines,
		.n_lines = T_LINES,
		.clocks = t->clocks,
		.flows = t->flows,
		.n_flow_lines = T_FLOW_LINES,
		.backends = t->backends,
		.n_backends = T_BACKENDS,
		.pools = t->pools,
		.n_pools = 4,
	};
	struct slots *slots = NULL;

	t->pools[1].range = POOL_RANGE(T_LINES - 1, 5);
	assert_int_equal(slots_open(&tables, t->now, &slots), -EUCLEAN);
	t->pools[1].range = POOL_RANGE(0, 21);
	assert_int_equal(slots_open(&tables, t->now, &slots), -EUCLEAN);
	t->pools[1].range = POOL_RANGE(0, 2);
	assert_int_equal(slots_open(&tables, t->now, &slots), -EUCLEAN);
	t->pools[1].range = POOL_RANGE(0, 4);
	t->lines[0].slot[3] = STEADY(T_BACKENDS + 1);
	assert_int_equal(slots_open(&tables, t->now, &slots), -EUCLEAN);
	t->lines[0].slot[3] = MOVING(1, T_BACKENDS + 1);
	assert_int_equal(slots_open(&tables, t->now, &slots), -EUCLEAN);
	assert_null(slots);
	t->lines[0].slot[3] = MOVING(1, T_BACKENDS);
	assert_int_equal(slots_open(&tables, t->now, &slots), 0);
	slots_free(slots);
	slots_free(NULL);
}

/* After a restart, before any plan: the dead are replaced by who is there. */
static void test_gone_before_the_first_plan(void **state)
{
	struct slots_share shares[3];
	struct slots_test *t = *state;
	struct slots_use use[2];

	slots_test_equal(shares, 3);
	slots_test_create(t, 0, 8, shares, 3);
	slots_test_reopen(t);
	assert_in_range(slots_gone(t->slots, 0, 2, t->now), 85, 86);
	slots_use(t->slots, 0, 1, t->now, &use[0]);
	slots_use(t->slots, 0, 3, t->now, &use[1]);
	assert_in_range(use[0].n_current, 127, 129);
	assert_int_equal(use[0].n_current + use[1].n_current, 256);
}

#define TEST(name)                                              \
	cmocka_unit_test_setup_teardown(name, slots_test_setup, \
					slots_test_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		TEST(test_pools_share_the_array),
		TEST(test_create_refused),
		TEST(test_growth_moves_no_flow),
		TEST(test_growth_keeps_clocks),
		TEST(test_growth_twice),
		TEST(test_open_unknown_clocks),
		TEST(test_open_refused),
		TEST(test_gone_before_the_first_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
