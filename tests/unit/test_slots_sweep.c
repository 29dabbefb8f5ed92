/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pass over the flow table, and what is known by it: who is drained, which
 * numbers are free.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/slots_tables.h"

#include <string.h>

#define LOG2 4

/* A pool of 16 slots, all like @word; settled long enough. */
static void pool_of(struct slots_test *t, uint32_t word)
{
	uint32_t i;

	t->pools[0].range = POOL_RANGE(0, LOG2);
	for (i = 0; i < 1U << LOG2; i++) {
		*slots_test_slot(t, 0, i) = word;
		slots_test_clock(t, 0, i)->since_tick = t->now;
	}
	slots_test_reopen(t);
	t->now += 20;
}

static void pass(struct slots_test *t)
{
	assert_true(slots_sweep(t->slots, UINT32_MAX, t->now));
}

static void use_of(struct slots_test *t, uint16_t backend,
		   struct slots_use *use)
{
	slots_use(t->slots, 0, backend, t->now, use);
}

/* What is dead, redundant or of nobody goes; what a slot needs stays. */
static void test_what_stays(void **state)
{
	struct slots_test *t = *state;
	struct flow_entry *expired;
	struct flow_entry *old;
	struct flow_entry *dead;
	struct flow_entry *redundant;
	struct flow_entry *needed;
	struct slots_use use;

	pool_of(t, SETTLING(1));
	expired = slots_test_entry(t, 0, 3, 2, FLOW_CONFIRMED, 0);
	redundant = slots_test_entry(t, 0, 3, 1, FLOW_CONFIRMED, 9);
	needed = slots_test_entry(t, 0, 3, 2, FLOW_CONFIRMED, 9);
	old = slots_test_entry(t, 0, 3, 3, FLOW_CONFIRMED, 9);
	dead = slots_test_entry(t, 0, 3, 4, FLOW_CONFIRMED, 9);
	t->backends[3].word = BACKEND_WORD(2, BACKEND_LIVE);
	t->backends[4].word = BACKEND_WORD(1, 0);
	pass(t);
	assert_int_equal(expired->meta, 0);
	assert_int_equal(redundant->meta, 0);
	assert_int_equal(old->meta, 0);
	assert_int_equal(dead->meta, 0);
	assert_int_not_equal(needed->meta, 0);
	assert_int_equal(*slots_test_slot(t, 0, 3), SETTLING(1));
	assert_int_equal(*slots_test_slot(t, 0, 4), STEADY(1));
	use_of(t, 2, &use);
	assert_int_equal(use.n_entries, 1);
	assert_true(use.exact);
	assert_false(use.drained);
}

/* While a slot moves, entries of both VMs are needed. */
static void test_moving_keeps_entries(void **state)
{
	struct slots_test *t = *state;
	struct flow_entry *of_base;
	struct flow_entry *of_current;

	pool_of(t, MOVING(1, 2));
	of_base = slots_test_entry(t, 0, 3, 1, FLOW_UNCONFIRMED, 9);
	of_current = slots_test_entry(t, 0, 3, 2, FLOW_EMBRYONIC, 9);
	pass(t);
	assert_int_not_equal(of_base->meta, 0);
	assert_int_not_equal(of_current->meta, 0);
}

/* A leftover at a steady slot must not be found when it is marked again. */
static void test_steady_has_no_entries(void **state)
{
	struct slots_test *t = *state;
	struct flow_entry *left;

	pool_of(t, STEADY(1));
	left = slots_test_entry(t, 0, 3, 2, FLOW_CONFIRMED, 9);
	pass(t);
	assert_int_equal(left->meta, 0);
}

/* Who writes a place writes it in no time, or is dead. */
static void test_dead_writer(void **state)
{
	struct slots_test *t = *state;
	struct flow_entry *e = &t->flows[7].entry[2];

	pool_of(t, STEADY(1));
	e->meta = FLOW_BUSY;
	pass(t);
	t->now += 20;
	pass(t);
	assert_int_equal(e->meta, 0);
	/* Another writer each time is nobody dead. */
	e->meta = FLOW_BUSY;
	t->now += 20;
	pass(t);
	e->meta = 0;
	t->now += 20;
	pass(t);
	e->meta = FLOW_BUSY;
	t->now += 20;
	pass(t);
	assert_int_equal(e->meta, FLOW_BUSY);
	/* Nor is one that two quick looks find. */
	pass(t);
	assert_int_equal(e->meta, FLOW_BUSY);
}

/* A pass in pieces counts what it found at its end, not before. */
static void test_pass_in_pieces(void **state)
{
	struct slots_test *t = *state;
	struct slots_use use;
	uint32_t i;

	pool_of(t, SETTLING(1));
	for (i = 0; i < 8; i++)
		slots_test_entry(t, 0, i, 2, FLOW_CONFIRMED, 99);
	for (i = 0; i < T_FLOW_LINES - 1; i++) {
		assert_false(slots_sweep(t->slots, 1, t->now));
		assert_int_equal(*slots_test_slot(t, 0, 9), SETTLING(1));
	}
	use_of(t, 2, &use);
	assert_int_equal(use.n_entries, 0);
	assert_true(slots_sweep(t->slots, 1, t->now));
	use_of(t, 2, &use);
	assert_int_equal(use.n_entries, 8);
	for (i = 0; i < 1U << LOG2; i++)
		assert_int_equal(*slots_test_slot(t, 0, i),
				 i < 8 ? SETTLING(1) : STEADY(1));
}

/* A slot that settles or leaves while the pass goes is for the next one. */
static void test_settled_during_the_pass(void **state)
{
	struct slots_share share = { .id = 1, .weight = 1, .backend = 2 };
	struct slots_test *t = *state;

	pool_of(t, SETTLING(1));
	assert_false(slots_sweep(t->slots, 1, t->now));
	slots_test_apply(t, 0, &share, 1);
	share.backend = 1;
	slots_test_apply(t, 0, &share, 1);
	assert_int_equal(*slots_test_slot(t, 0, 3), SETTLING(1));
	pass(t);
	assert_int_equal(*slots_test_slot(t, 0, 3), SETTLING(1));
	t->now += 20;
	pass(t);
	assert_int_equal(*slots_test_slot(t, 0, 3), STEADY(1));
}

/* From the plan to the power switch: when is a VM drained, and when not yet. */
static void test_drain(void **state)
{
	struct slots_share shares[2];
	struct slots_test *t = *state;
	struct flow_entry *flow;
	struct slots_use use;
	uint32_t began = t->now;
	uint32_t next;

	slots_test_equal(shares, 2);
	slots_test_create(t, 0, LOG2, shares, 2);
	use_of(t, 1, &use);
	assert_int_equal(use.n_current, 8);
	assert_int_equal(use.n_base, 8);
	assert_int_equal(use.n_marked, 0);
	assert_false(use.drained_known);
	slots_test_apply(t, 0, &shares[1], 1);
	use_of(t, 1, &use);
	assert_int_equal(use.n_marked, 8);
	assert_true(use.drained_known);
	assert_int_equal(use.drained_tick,
			 began + SLOTS_CLAIM_TICKS + SLOTS_CLOCK_TICKS(T_IDLE));
	use_of(t, 2, &use);
	assert_int_equal(use.n_claims, 8);
	t->now += SLOTS_CLAIM_TICKS;
	assert_true(slots_step(t->slots, t->now, &next));
	assert_int_equal(next, t->now + SLOTS_CLOCK_TICKS(T_UDP_IDLE));
	use_of(t, 1, &use);
	assert_int_equal(use.n_current, 0);
	assert_int_equal(use.n_base, 8);
	assert_false(use.exact);
	t->now += SLOTS_CLOCK_TICKS(T_IDLE);
	assert_false(slots_step(t->slots, t->now, &next));
	use_of(t, 1, &use);
	assert_int_equal(use.n_base, 0);
	assert_true(use.exact);
	assert_false(use.drained); /* no pass has looked since */
	t->now += 20;
	flow = slots_test_entry(t, 0, 3, 1, FLOW_CONFIRMED, 30);
	pass(t);
	use_of(t, 1, &use);
	assert_false(use.drained);
	assert_int_equal(use.n_entries, 1);
	t->now += 30;
	pass(t);
	assert_int_equal(flow->meta, 0);
	use_of(t, 1, &use);
	assert_true(use.drained);
	assert_int_equal(use.n_entries, 0);
}

/* A refusal puts the end of a drain off, and slots_use() says so. */
static void test_drain_refused(void **state)
{
	struct slots_test *t = *state;
	struct slots_use use;

	pool_of(t, MOVING(1, 2));
	slots_test_clock(t, 0, 3)->refused_tick = t->now;
	use_of(t, 1, &use);
	assert_true(use.drained_known);
	assert_int_equal(use.drained_tick, t->now + SLOTS_CLOCK_TICKS(T_IDLE));
}

/* A number is free when nothing names it, and a whole pass has seen that. */
static void test_numbers(void **state)
{
	struct slots_share shares[2];
	struct slots_test *t = *state;
	uint32_t i;

	for (i = 1; i <= T_BACKENDS; i++)
		t->backends[i].word =
			BACKEND_WORD(1, i <= 2 ? BACKEND_LIVE : 0);
	slots_test_reopen(t);
	assert_int_equal(slots_number_lowest(t->slots), 3);
	assert_false(slots_number_free(t->slots, BACKEND_NONE));
	assert_false(slots_number_free(t->slots, T_BACKENDS + 1));
	slots_test_equal(shares, 2);
	slots_test_create(t, 0, LOG2, shares, 2);
	assert_true(slots_gone(t->slots, 0, 1, t->now) > 0);
	assert_false(slots_number_free(t->slots, 1));
	slots_test_entry(t, 0, 3, 1, FLOW_CONFIRMED, 99);
	t->backends[1].word = BACKEND_WORD(1, 0);
	/* Not yet: a CPU may be about to make an entry. */
	assert_false(slots_number_free(t->slots, 1));
	assert_true(slots_sweep_wanted(t->slots));
	t->now += 20;
	pass(t);
	assert_true(slots_number_free(t->slots, 1));
	assert_int_equal(slots_number_lowest(t->slots), 1);
	assert_false(slots_sweep_wanted(t->slots));
	/* A live record with the number, and it is taken. */
	t->backends[1].word = BACKEND_WORD(2, BACKEND_LIVE);
	assert_false(slots_number_free(t->slots, 1));
}

/* A claim names its new owner, though no slot does. */
static void test_claims_name_numbers(void **state)
{
	struct slots_share shares[3];
	struct slots_test *t = *state;
	struct slots_use use;

	slots_test_equal(shares, 3);
	slots_test_create(t, 0, LOG2, shares, 2);
	slots_test_apply(t, 0, shares, 3);
	t->now += 20;
	pass(t);
	use_of(t, 3, &use);
	assert_int_equal(use.n_current + use.n_base, 0);
	assert_in_range(use.n_claims, 5, 6);
	assert_false(use.drained);
	t->backends[3].word = BACKEND_WORD(1, 0);
	assert_false(slots_number_free(t->slots, 3));
}

/* A slot of each state. */
static void test_count_by_state(void **state)
{
	struct slots_test *t = *state;
	struct slots_count count;

	pool_of(t, STEADY(1));
	*slots_test_slot(t, 0, 1) = CLAIMING(1);
	*slots_test_slot(t, 0, 2) = MOVING(1, 2);
	*slots_test_slot(t, 0, 3) = MOVING_TCP(1, 2);
	*slots_test_slot(t, 0, 4) = SETTLING(1);
	slots_test_clock(t, 0, 4)->since_tick = t->now;
	slots_test_reopen(t);
	slots_count(t->slots, 0, &count);
	assert_int_equal(count.n_slots, 16);
	assert_int_equal(count.n_claiming, 1);
	assert_int_equal(count.n_moving, 2);
	assert_int_equal(count.n_settling, 1);
	slots_count(t->slots, 1, &count);
	assert_int_equal(count.n_slots, 0);
}

#define TEST(name)                                              \
	cmocka_unit_test_setup_teardown(name, slots_test_setup, \
					slots_test_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_stays),
		TEST(test_moving_keeps_entries),
		TEST(test_steady_has_no_entries),
		TEST(test_dead_writer),
		TEST(test_pass_in_pieces),
		TEST(test_settled_during_the_pass),
		TEST(test_drain),
		TEST(test_drain_refused),
		TEST(test_numbers),
		TEST(test_claims_name_numbers),
		TEST(test_count_by_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
