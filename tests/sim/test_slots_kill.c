/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kill -9 between any two stores of table building: what is found afterwards
 * can be gone on from, and ends where it would have ended, with no more moves.
 *
 * Each operation is killed at its first store, at its second, and so on, until
 * it comes through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/kill.h"
#include "tests/unit/slots_tables.h"

#include <stdlib.h>
#include <string.h>

#define LOG2	6
#define N_SLOTS (1U << LOG2)

/**
 * struct operation - something that table building does.
 * @prepare: before it.
 * @run: what is killed.
 */
struct operation {
	const char *name;
	void (*prepare)(struct slots_test *t);
	void (*run)(struct slots_test *t);
};

/* Who takes new flows in the end, whatever was killed: 2 .. 5. */
static void plan_end(struct slots_test *t)
{
	struct slots_share shares[5];

	slots_test_equal(shares, 5);
	slots_test_apply(t, 0, &shares[1], 4);
}

static void step(struct slots_test *t)
{
	uint32_t next;

	slots_step(t->slots, t->now, &next);
}

static void prepare_pool(struct slots_test *t)
{
	struct slots_share shares[4];

	slots_test_equal(shares, 4);
	slots_test_create(t, 0, LOG2, shares, 4);
}

static void prepare_claims(struct slots_test *t)
{
	prepare_pool(t);
	plan_end(t);
	t->now += SLOTS_CLAIM_TICKS;
}

static void prepare_moving(struct slots_test *t)
{
	prepare_claims(t);
	step(t);
	t->now += SLOTS_CLOCK_TICKS(T_IDLE);
}

static void prepare_settling(struct slots_test *t)
{
	prepare_moving(t);
	step(t);
	t->now += 20;
}

static void prepare_half(struct slots_test *t)
{
	prepare_claims(t);
	step(t);
}

static void run_gone(struct slots_test *t)
{
	if (slots_gone(t->slots, 0, 1, t->now) < 0)
		fail();
}

static void run_grow(struct slots_test *t)
{
	assert_int_equal(slots_grow(t->slots, 0, LOG2 + 2, t->now), 0);
}

static void run_sweep(struct slots_test *t)
{
	assert_true(slots_sweep(t->slots, UINT32_MAX, t->now));
}

/* Everything back to 1 .. 4, while it moves away. */
static void run_reverse(struct slots_test *t)
{
	struct slots_share shares[4];

	slots_test_equal(shares, 4);
	slots_test_apply(t, 0, shares, 4);
}

static const struct operation operations[] = {
	{ "a plan", prepare_pool, plan_end },
	{ "the end of claims", prepare_claims, step },
	{ "the end of clocks", prepare_moving, step },
	{ "a pass", prepare_settling, run_sweep },
	{ "a reversal", prepare_half, run_reverse },
	{ "a death", prepare_pool, run_gone },
	{ "a death while it moves", prepare_half, run_gone },
	{ "growth", prepare_pool, run_grow },
	{ "growth while it moves", prepare_half, run_grow },
};

/* A state that slots.h knows, of numbers that there are, with its clock. */
static void check_slots(struct slots_test *t)
{
	uint32_t n_slots = 1U << POOL_SLOTS_LOG2(t->pools[0].range);
	uint32_t word;
	uint32_t i;

	assert_int_not_equal(t->pools[0].range, 0);
	for (i = 0; i < n_slots; i++) {
		word = *slots_test_slot(t, 0, i);
		assert_in_range(slot_current(word), 1, 5);
		assert_in_range(slot_base(word), 1, 5);
		if (!(word & SLOT_TRACKED))
			assert_int_equal(word, STEADY(slot_base(word)));
		else
			assert_in_range(
				t->now - slots_test_clock(t, 0, i)->since_tick,
				0, 2 * T_IDLE);
	}
}

/* The slots of 1 went to 5, and not one more moved, over all attempts. */
static void check_end(struct slots_test *t, const uint32_t *before)
{
	uint32_t n_slots = 1U << POOL_SLOTS_LOG2(t->pools[0].range);
	uint32_t was;
	uint32_t i;

	for (i = 0; i < n_slots; i++) {
		was = before[i / (n_slots / N_SLOTS)];
		assert_int_equal(*slots_test_slot(t, 0, i),
				 was == STEADY(1) ? STEADY(5) : was);
	}
}

/* Return: true if it was killed; false: it came through first. */
static bool run_killed(struct slots_test *t, const struct operation *op,
		       uint32_t n_stores)
{
	static jmp_buf killed;
	volatile bool alive = false;

	if (!setjmp(killed)) {
		kill_arm(n_stores, &killed);
		op->run(t);
		alive = true;
	}
	kill_arm(0, NULL);
	kill_memory();
	t->slots = NULL;
	return !alive;
}

static void test_operation(void **state)
{
	const struct operation *op = *state;
	uint32_t before[N_SLOTS];
	struct slots_test *t;
	bool killed = true;
	void *fresh;
	uint32_t n;
	uint32_t i;

	for (n = 1; killed; n++) {
		slots_test_setup(&fresh);
		t = fresh;
		prepare_pool(t);
		for (i = 0; i < N_SLOTS; i++)
			before[i] = *slots_test_slot(t, 0, i);
		slots_remove(t->slots, 0, t->now);
		t->now += 20;
		op->prepare(t);
		killed = run_killed(t, op, n);
		check_slots(t);
		t->now += 3;
		slots_test_reopen(t);
		check_slots(t);
		plan_end(t);
		slots_test_settle(t);
		if (op->run != run_gone && op->run != run_reverse)
			check_end(t, before);
		slots_test_teardown(&fresh);
	}
	/* It has stores to be killed at. */
	assert_true(n > 2);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(operations)];
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(operations); i++)
		tests[i] = (struct CMUnitTest){
			.name = operations[i].name,
			.test_func = test_operation,
			.initial_state = (void *)(uintptr_t)&operations[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
