/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The states of a slot: a row for each move that slots.h allows, and for each
 * that it doesn't. The slot is put into its state in the tables, table building
 * opens them, something happens, and the slot is looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/slots_tables.h"

#define LOG2  4
#define SLOT  5 /* the one that is looked at */
#define CLOCK SLOTS_CLOCK_TICKS(T_IDLE)
#define UDP   SLOTS_CLOCK_TICKS(T_UDP_IDLE)
#define CLAIM SLOTS_CLAIM_TICKS
#define NEVER UINT32_MAX

enum event {
	STEP,	     /* slots_step() */
	GIVE,	     /* slots_apply(): everything to @arg */
	GIVE_BACK,   /* GIVE, then everything to 1 again */
	CLAIM_END,   /* GIVE, and the claim passes */
	GONE,	     /* slots_gone(@arg), the others take new flows */
	HELD,	     /* slots_apply(): @arg stands still */
	SWEEP,	     /* a pass over the flow table */
	SWEEP_ENTRY, /* one that finds an entry of @arg for the slot */
};

/**
 * struct row - a slot, something that happens to it, and what it is then.
 * @age, @refused: ticks since the clock began and since the last refusal.
 * @restarts: the clock starts anew.
 */
struct row {
	const char *name;
	uint32_t before;
	uint32_t age;
	uint32_t refused;
	enum event event;
	uint16_t arg;
	uint32_t after;
	bool restarts;
};

static const struct row rows[] = {
	{ "steady is left alone", STEADY(1), 0, NEVER, STEP, 0, STEADY(1), 0 },
	{ "steady: a plan claims", STEADY(1), 0, NEVER, GIVE, 2, CLAIMING(1),
	  1 },
	{ "claimed, the new owner is current", STEADY(1), 0, NEVER, CLAIM_END,
	  2, MOVING(1, 2), 1 },
	{ "settling: a plan claims, too", SETTLING(1), 9, NEVER, GIVE, 2,
	  CLAIMING(1), 1 },
	{ "out of settling, the clock is new", SETTLING(1), CLOCK, NEVER,
	  CLAIM_END, 2, MOVING(1, 2), 1 },

	{ "a claim goes on", CLAIMING(1), CLAIM - 1, NEVER, STEP, 0,
	  CLAIMING(1), 0 },
	{ "a claim that nobody knows settles", CLAIMING(1), CLAIM, NEVER, STEP,
	  0, SETTLING(1), 1 },
	{ "a claim found again keeps its time", CLAIMING(1), CLAIM - 1, NEVER,
	  GIVE, 2, CLAIMING(1), 0 },
	{ "and ends by it", CLAIMING(1), 1, NEVER, CLAIM_END, 2, MOVING(1, 2),
	  1 },
	{ "a claim that nobody wants waits for its end", CLAIMING(1), 3, NEVER,
	  GIVE, 1, CLAIMING(1), 0 },
	{ "a claim taken back settles", STEADY(1), 3, NEVER, GIVE_BACK, 2,
	  SETTLING(1), 1 },

	{ "moving: before its clock", MOVING_TCP(1, 2), CLOCK - 1, NEVER, STEP,
	  0, MOVING_TCP(1, 2), 0 },
	{ "moving: the clock is over", MOVING_TCP(1, 2), CLOCK, NEVER, STEP, 0,
	  SETTLING(2), 1 },
	{ "moving: a refusal a clock ago", MOVING_TCP(1, 2), 2 * CLOCK, CLOCK,
	  STEP, 0, SETTLING(2), 1 },
	{ "moving: a refusal within a clock", MOVING_TCP(1, 2), 2 * CLOCK,
	  CLOCK - 1, STEP, 0, MOVING_TCP(1, 2), 0 },
	{ "moving: before the UDP clock", MOVING(1, 2), UDP - 1, NEVER, STEP, 0,
	  MOVING(1, 2), 0 },
	{ "moving: the UDP clock is over", MOVING(1, 2), UDP, NEVER, STEP, 0,
	  MOVING_TCP(1, 2), 0 },
	{ "moving: refused within the UDP clock", MOVING(1, 2), 2 * UDP,
	  UDP - 1, STEP, 0, MOVING(1, 2), 0 },
	{ "moving: both are over", MOVING(1, 2), CLOCK, NEVER, STEP, 0,
	  SETTLING(2), 1 },
	{ "moving: only current is replaced", MOVING(1, 2), 7, NEVER, GIVE, 3,
	  MOVING(1, 3), 0 },
	{ "moving without UDP: the same", MOVING_TCP(1, 2), 7, NEVER, GIVE, 3,
	  MOVING_TCP(1, 3), 0 },
	{ "moving: turned round", MOVING(1, 2), 7, NEVER, GIVE, 1, SETTLING(1),
	  1 },
	{ "moving without UDP: turned round", MOVING_TCP(1, 2), 7, NEVER, GIVE,
	  1, SETTLING(1), 1 },
	{ "moving to nobody: a new owner", MOVING(1, 0), 7, NEVER, GIVE, 3,
	  MOVING(1, 3), 0 },

	{ "nobody's slot goes at once", STEADY(0), 0, NEVER, GIVE, 2, STEADY(2),
	  0 },
	{ "nobody's, settling: at once, and settles on", SETTLING(0), 7, NEVER,
	  GIVE, 2, SETTLING(2), 0 },

	{ "held: steady, no claim", STEADY(1), 0, NEVER, HELD, 1, MOVING(1, 2),
	  1 },
	{ "held: settling", SETTLING(1), 7, NEVER, HELD, 1, MOVING(1, 2), 1 },
	{ "held: the claim is cut short", CLAIMING(1), 3, NEVER, HELD, 1,
	  MOVING(1, 2), 1 },
	{ "held: moving to it", MOVING(2, 1), 7, NEVER, HELD, 1, SETTLING(2),
	  1 },
	{ "held: moving away from it", MOVING(1, 2), 7, NEVER, HELD, 1,
	  MOVING(1, 2), 0 },
	{ "held: moving between others", MOVING_TCP(3, 2), 7, NEVER, HELD, 1,
	  MOVING_TCP(3, 2), 0 },
	{ "gone: steady", STEADY(1), 0, NEVER, GONE, 1, STEADY(2), 0 },
	{ "gone: settling", SETTLING(1), 7, NEVER, GONE, 1, SETTLING(2), 1 },
	{ "gone: claiming", CLAIMING(1), 7, NEVER, GONE, 1, SETTLING(2), 1 },
	{ "gone: base; current has the slot", MOVING(1, 2), 7, NEVER, GONE, 1,
	  SETTLING(2), 1 },
	{ "gone: base, without UDP", MOVING_TCP(1, 2), 7, NEVER, GONE, 1,
	  SETTLING(2), 1 },
	{ "gone: current; back to base", MOVING(2, 1), 7, NEVER, GONE, 1,
	  SETTLING(2), 1 },
	{ "gone: current; base leaves", MOVING(3, 1), 7, NEVER, GONE, 1,
	  MOVING(3, 2), 0 },
	{ "gone: current, without UDP", MOVING_TCP(3, 1), 7, NEVER, GONE, 1,
	  MOVING_TCP(3, 2), 0 },
	{ "gone: not this slot's", MOVING(1, 2), 7, NEVER, GONE, 3,
	  MOVING(1, 2), 0 },

	{ "settling: no entry", SETTLING(1), 20, NEVER, SWEEP, 0, STEADY(1),
	  0 },
	{ "settling: a redundant entry", SETTLING(1), 20, NEVER, SWEEP_ENTRY, 1,
	  STEADY(1), 0 },
	{ "settling: an entry that it needs", SETTLING(1), 20, NEVER,
	  SWEEP_ENTRY, 2, SETTLING(1), 0 },
	{ "settling: only just", SETTLING(1), 1, NEVER, SWEEP, 0, SETTLING(1),
	  0 },
	{ "settling is not moved on by time", SETTLING(1), 9 * CLOCK, NEVER,
	  STEP, 0, SETTLING(1), 0 },
	{ "claiming is not the pass's", CLAIMING(1), 7, NEVER, SWEEP, 0,
	  CLAIMING(1), 0 },
	{ "moving is not the pass's", MOVING(1, 2), 20, NEVER, SWEEP, 0,
	  MOVING(1, 2), 0 },
};

/* A pool of 16 slots, all like the row's. */
static void prepare(struct slots_test *t, const struct row *row)
{
	struct slot_clock *clock;
	uint32_t i;

	t->pools[0].range = POOL_RANGE(2, LOG2);
	for (i = 0; i < 1U << LOG2; i++)
		*slots_test_slot(t, 0, i) = row->before;
	/* Opened just now, then made older: opening has a pass in it. */
	slots_test_reopen(t);
	for (i = 0; i < 1U << LOG2; i++) {
		assert_int_equal(*slots_test_slot(t, 0, i), row->before);
		clock = slots_test_clock(t, 0, i);
		clock->since_tick = t->now - row->age;
		clock->refused_tick =
			row->refused == NEVER ? 0 : t->now - row->refused;
	}
}

static void happen(struct slots_test *t, const struct row *row)
{
	struct slots_share share = { .id = 1, .weight = 1, .backend = 2 };
	struct slots_plan plan = { .shares = &share, .n_shares = 1 };
	uint32_t next;

	switch (row->event) {
	case STEP:
		slots_step(t->slots, t->now, &next);
		break;
	case GIVE:
	case GIVE_BACK:
	case CLAIM_END:
		share.backend = row->arg;
		slots_test_apply(t, 0, &share, 1);
		if (row->event == GIVE)
			break;
		t->now += row->event == CLAIM_END ? CLAIM : 1;
		share.backend = 1;
		if (row->event == GIVE_BACK)
			slots_test_apply(t, 0, &share, 1);
		else
			slots_step(t->slots, t->now, &next);
		break;
	case GONE:
		plan.gone = &row->arg;
		plan.n_gone = 1;
		assert_int_equal(slots_apply(t->slots, 0, &plan, t->now, NULL),
				 0);
		break;
	case HELD:
		plan.held = &row->arg;
		plan.n_held = 1;
		assert_int_equal(slots_apply(t->slots, 0, &plan, t->now, NULL),
				 0);
		break;
	case SWEEP_ENTRY:
		slots_test_entry(t, 0, SLOT, row->arg, FLOW_CONFIRMED, 50);
		assert_true(slots_sweep(t->slots, UINT32_MAX, t->now));
		break;
	case SWEEP:
		assert_true(slots_sweep(t->slots, UINT32_MAX, t->now));
		break;
	}
}

static void test_row(void **state)
{
	const struct row *row = *state;
	struct slots_test *t;
	uint32_t since;
	void *fresh;

	slots_test_setup(&fresh);
	t = fresh;
	prepare(t, row);
	since = slots_test_clock(t, 0, SLOT)->since_tick;
	happen(t, row);
	if (*slots_test_slot(t, 0, SLOT) != row->after)
		print_message("is %08x, not %08x\n",
			      *slots_test_slot(t, 0, SLOT), row->after);
	assert_int_equal(*slots_test_slot(t, 0, SLOT), row->after);
	if (row->after & SLOT_TRACKED)
		assert_int_equal(slots_test_clock(t, 0, SLOT)->since_tick,
				 row->restarts ? t->now : since);
	slots_test_teardown(&fresh);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows)];
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		tests[i] = (struct CMUnitTest){
			.name = rows[i].name,
			.test_func = test_row,
			.initial_state = (void *)(uintptr_t)&rows[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
