/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plans: the fewest moves, no slot lost, only spare slots change hands.
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

#define LOG2	12
#define N_SLOTS (1U << LOG2)

/* The fewest moves there can be: what the shares lack of their quotas. */
static uint32_t fewest_moves(struct slots_test *t,
			     const struct slots_share *shares, uint32_t n)
{
	uint32_t owned[T_BACKENDS];
	uint32_t quotas[T_BACKENDS];
	uint32_t lacking = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		owned[i] = slots_test_owned(t, shares[i].backend);
	assert_int_equal(slots_quotas(shares, n, N_SLOTS, owned, quotas), 0);
	for (i = 0; i < n; i++)
		if (quotas[i] > owned[i])
			lacking += quotas[i] - owned[i];
	return lacking;
}

/* Each share owns its exact part to less than a slot, and all are owned. */
static void check_owned(struct slots_test *t, const struct slots_share *shares,
			uint32_t n)
{
	uint64_t total = 0;
	uint64_t exact;
	uint32_t sum = 0;
	uint32_t owned;
	uint32_t i;

	for (i = 0; i < n; i++)
		total += shares[i].weight;
	for (i = 0; i < n; i++) {
		exact = (uint64_t)shares[i].weight * N_SLOTS / total;
		owned = slots_test_owned(t, shares[i].backend);
		assert_in_range(owned, exact, exact + 1);
		sum += owned;
	}
	assert_int_equal(sum, N_SLOTS);
}

/* Random shares, again and again, some while the last ones still move. */
static void test_fewest_moves(void **state)
{
	struct slots_share shares[T_BACKENDS];
	struct slots_test *t = *state;
	struct random r = { 7 };
	uint32_t fewest;
	uint32_t next;
	uint32_t n;
	uint32_t i;
	int round;

	slots_test_equal(shares, 10);
	slots_test_create(t, 0, LOG2, shares, 10);
	for (round = 0; round < 300; round++) {
		slots_test_equal(shares, T_BACKENDS);
		n = 0;
		for (i = 0; i < T_BACKENDS; i++) {
			shares[n] = shares[i];
			shares[n].weight = random_between(&r, 1, 5);
			n += random_permille(&r, 400);
		}
		if (!n)
			continue;
		fewest = fewest_moves(t, shares, n);
		assert_int_equal(slots_test_apply(t, 0, shares, n), fewest);
		check_owned(t, shares, n);
		assert_int_equal(slots_test_apply(t, 0, shares, n), 0);
		t->now += random_below(&r, 2) ? 5 : 200;
		slots_step(t->slots, t->now, &next);
		if (random_permille(&r, 200))
			slots_test_settle(t);
	}
}

/* Adding the eleventh takes from the ten, and from nobody more than a share. */
static void test_only_spare_slots_move(void **state)
{
	static uint32_t before[N_SLOTS];
	struct slots_share shares[11];
	struct slots_test *t = *state;
	uint32_t moved;
	uint32_t i;

	slots_test_equal(shares, 11);
	slots_test_create(t, 0, LOG2, shares, 10);
	for (i = 0; i < N_SLOTS; i++)
		before[i] = *slots_test_slot(t, 0, i);
	moved = slots_test_apply(t, 0, shares, 11);
	assert_in_range(moved, N_SLOTS / 11, N_SLOTS / 11 + 1);
	slots_test_settle(t);
	for (i = 0; i < N_SLOTS; i++)
		if (*slots_test_slot(t, 0, i) != before[i]) {
			assert_int_equal(*slots_test_slot(t, 0, i), STEADY(11));
			moved--;
		}
	assert_int_equal(moved, 0);
}

/* What moves comes in lines from all over the range. */
static void test_moves_are_scattered(void **state)
{
	uint32_t in_part[8] = { 0 };
	struct slots_share shares[11];
	struct slots_test *t = *state;
	uint32_t n_parts = 0;
	uint32_t i;

	slots_test_equal(shares, 11);
	slots_test_create(t, 0, LOG2, shares, 10);
	slots_test_apply(t, 0, shares, 11);
	for (i = 0; i < N_SLOTS; i++)
		in_part[i / (N_SLOTS / 8)] +=
			(*slots_test_slot(t, 0, i) & SLOT_TRACKED) != 0;
	for (i = 0; i < 8; i++)
		n_parts += in_part[i] >= SLOTS_PER_LINE;
	assert_true(n_parts >= 7);
}

/* A change that is taken back while it moves is turned round. */
static void test_reversal_turns_round(void **state)
{
	static uint32_t before[N_SLOTS];
	struct slots_share shares[11];
	struct slots_test *t = *state;
	struct slots_count count;
	uint32_t next;
	uint32_t n;
	uint32_t i;

	slots_test_equal(shares, 11);
	slots_test_create(t, 0, LOG2, shares, 10);
	for (i = 0; i < N_SLOTS; i++)
		before[i] = *slots_test_slot(t, 0, i);
	n = slots_test_apply(t, 0, shares, 11);
	t->now += SLOTS_CLAIM_TICKS;
	slots_step(t->slots, t->now, &next);
	slots_count(t->slots, 0, &count);
	assert_int_equal(count.n_moving, n);
	assert_int_equal(slots_test_apply(t, 0, shares, 10), n);
	slots_count(t->slots, 0, &count);
	assert_int_equal(count.n_settling, n);
	assert_int_equal(count.n_claiming + count.n_moving, 0);
	for (i = 0; i < N_SLOTS; i++)
		assert_int_equal(*slots_test_slot(t, 0, i) & ~SLOT_TRACKED,
				 before[i]);
}

/* Marked slots go first: a second change marks as few more as it can. */
static void test_marked_slots_first(void **state)
{
	struct slots_share shares[12];
	struct slots_test *t = *state;
	struct slots_count count;
	uint32_t next;
	uint32_t n;

	slots_test_equal(shares, 12);
	slots_test_create(t, 0, LOG2, shares, 10);
	n = slots_test_apply(t, 0, shares, 11);
	t->now += SLOTS_CLAIM_TICKS;
	slots_step(t->slots, t->now, &next);
	/* 11 gives all it got to 12: no other slot has to be marked. */
	shares[10].weight = 0;
	assert_int_equal(slots_test_apply(t, 0, shares, 12), n);
	slots_count(t->slots, 0, &count);
	assert_int_equal(count.n_moving, n);
	assert_int_equal(count.n_claiming, 0);
}

/* The limit on marked slots puts moves off, and applying again goes on. */
static void test_limit(void **state)
{
	struct slots_share shares[11];
	struct slots_test *t = *state;
	struct slots_plan plan = { .shares = shares,
				   .n_shares = 11,
				   .max_marked = 100 };
	struct slots_moved moved = { 0, 0 };
	struct slots_count count;
	uint32_t n_moved = 0;
	int round;

	slots_test_equal(shares, 11);
	slots_test_create(t, 0, LOG2, shares, 10);
	for (round = 0; round < 10 && (!round || moved.n_left); round++) {
		assert_int_equal(
			slots_apply(t->slots, 0, &plan, t->now, &moved), 0);
		n_moved += moved.n_moved;
		slots_count(t->slots, 0, &count);
		assert_int_equal(count.n_claiming, moved.n_moved);
		assert_in_range(count.n_claiming, 1, 100);
		slots_test_settle(t);
	}
	assert_int_equal(moved.n_left, 0);
	assert_in_range(n_moved, N_SLOTS / 11, N_SLOTS / 11 + 1);
	check_owned(t, shares, 11);
}

/* The last one leaves, and one comes back. */
static void test_empty_pool(void **state)
{
	struct slots_share shares[2];
	struct slots_test *t = *state;
	uint32_t next;

	slots_test_equal(shares, 2);
	slots_test_create(t, 0, LOG2, shares, 1);
	assert_int_equal(slots_test_apply(t, 0, NULL, 0), N_SLOTS);
	assert_int_equal(*slots_test_slot(t, 0, 9), CLAIMING(1));
	t->now += SLOTS_CLAIM_TICKS;
	slots_step(t->slots, t->now, &next);
	assert_int_equal(*slots_test_slot(t, 0, 9), MOVING(1, BACKEND_NONE));
	/* Its flows are with 1 until the clock ends; openers go to 2 now. */
	assert_int_equal(slots_test_apply(t, 0, &shares[1], 1), N_SLOTS);
	assert_int_equal(*slots_test_slot(t, 0, 9), MOVING(1, 2));
	slots_test_apply(t, 0, NULL, 0);
	slots_test_settle(t);
	assert_int_equal(*slots_test_slot(t, 0, 9), STEADY(BACKEND_NONE));
	/* No flows on NONE: nothing has to be claimed. */
	assert_int_equal(slots_test_apply(t, 0, &shares[1], 1), N_SLOTS);
	assert_int_equal(*slots_test_slot(t, 0, 9), STEADY(2));
}

/* A death moves the dead VM's slots and nobody else's, by the quotas left. */
static void test_gone_moves_only_its_own(void **state)
{
	static uint32_t before[N_SLOTS];
	struct slots_share shares[10];
	struct slots_test *t = *state;
	struct slots_use use;
	uint32_t i;
	int n;

	slots_test_equal(shares, 10);
	slots_test_create(t, 0, LOG2, shares, 10);
	for (i = 0; i < N_SLOTS; i++)
		before[i] = *slots_test_slot(t, 0, i);
	n = slots_gone(t->slots, 0, 4, t->now);
	assert_in_range(n, N_SLOTS / 10, N_SLOTS / 10 + 1);
	for (i = 0; i < N_SLOTS; i++)
		if (before[i] == STEADY(4))
			assert_int_not_equal(*slots_test_slot(t, 0, i),
					     STEADY(4));
		else
			assert_int_equal(*slots_test_slot(t, 0, i), before[i]);
	memmove(&shares[3], &shares[4], 6 * sizeof(shares[0]));
	check_owned(t, shares, 9);
	assert_int_equal(slots_test_apply(t, 0, shares, 9), 0);
	slots_use(t->slots, 0, 4, t->now, &use);
	assert_int_equal(use.n_current + use.n_base + use.n_claims, 0);
}

/* A new VM that dies while it takes over gives everything back where it was. */
static void test_gone_turns_round(void **state)
{
	static uint32_t before[N_SLOTS];
	struct slots_share shares[11];
	struct slots_test *t = *state;
	uint32_t next;
	uint32_t i;

	slots_test_equal(shares, 11);
	slots_test_create(t, 0, LOG2, shares, 10);
	for (i = 0; i < N_SLOTS; i++)
		before[i] = *slots_test_slot(t, 0, i);
	slots_test_apply(t, 0, shares, 11);
	t->now += SLOTS_CLAIM_TICKS;
	slots_step(t->slots, t->now, &next);
	assert_true(slots_gone(t->slots, 0, 11, t->now) > 0);
	for (i = 0; i < N_SLOTS; i++)
		assert_int_equal(*slots_test_slot(t, 0, i) & ~SLOT_TRACKED,
				 before[i]);
}

/* Several at once, by slots_apply(); the last one leaves nobody. */
static void test_gone_all(void **state)
{
	static const uint16_t gone[] = { 1, 2, 3 };
	struct slots_share shares[3];
	struct slots_test *t = *state;
	struct slots_plan plan = {
		.shares = shares, .n_shares = 3, .gone = gone, .n_gone = 2
	};
	uint32_t i;

	slots_test_equal(shares, 3);
	slots_test_create(t, 0, LOG2, shares, 3);
	assert_int_equal(slots_apply(t->slots, 0, &plan, t->now, NULL), 0);
	for (i = 0; i < N_SLOTS; i++)
		assert_int_equal(*slots_test_slot(t, 0, i), STEADY(3));
	plan.n_gone = 3;
	assert_int_equal(slots_apply(t->slots, 0, &plan, t->now, NULL), 0);
	for (i = 0; i < N_SLOTS; i++)
		assert_int_equal(*slots_test_slot(t, 0, i),
				 STEADY(BACKEND_NONE));
}

static void test_refused_plans(void **state)
{
	struct slots_share shares[2] = {
		{ .id = 1, .weight = 1, .backend = 1 },
		{ .id = 2, .weight = 1, .backend = 1 },
	};
	struct slots_test *t = *state;
	struct slots_plan plan = { .shares = shares, .n_shares = 2 };

	slots_test_create(t, 0, LOG2, shares, 1);
	assert_int_equal(slots_apply(t->slots, 0, &plan, t->now, NULL),
			 -EINVAL);
	shares[1].backend = BACKEND_NONE;
	assert_int_equal(slots_apply(t->slots, 0, &plan, t->now, NULL),
			 -EINVAL);
	shares[1].backend = T_BACKENDS + 1;
	assert_int_equal(slots_apply(t->slots, 0, &plan, t->now, NULL),
			 -EINVAL);
	shares[1].backend = 2;
	assert_int_equal(slots_apply(t->slots, 1, &plan, t->now, NULL),
			 -ENOENT);
	assert_int_equal(slots_apply(t->slots, 99, &plan, t->now, NULL),
			 -ENOENT);
	assert_int_equal(slots_gone(t->slots, 1, 1, t->now), -ENOENT);
	assert_int_equal(slots_apply(t->slots, 0, &plan, t->now, NULL), 0);
}

#define TEST(name)                                              \
	cmocka_unit_test_setup_teardown(name, slots_test_setup, \
					slots_test_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fewest_moves),
		TEST(test_only_spare_slots_move),
		TEST(test_moves_are_scattered),
		TEST(test_reversal_turns_round),
		TEST(test_marked_slots_first),
		TEST(test_limit),
		TEST(test_empty_pool),
		TEST(test_gone_moves_only_its_own),
		TEST(test_gone_turns_round),
		TEST(test_gone_all),
		TEST(test_refused_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
