/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables in memory for the tests of table building, and short words for what
 * stands in them.
 */
#ifndef TESTS_UNIT_SLOTS_TABLES_H
#define TESTS_UNIT_SLOTS_TABLES_H

#include "dataplane/core/flow.h"
#include "dataplane/slots.h"

#define T_BACKENDS   64
#define T_LINES	     4096 /* 65536 slots in all */
#define T_FLOW_LINES 64
#define T_IDLE	     1000 /* ticks */
#define T_UDP_IDLE   100
#define T_START	     50000 /* the tick at which a test begins */

/* Slots in each state; V is base, W current. Constants, unlike slot_make(). */
#define SLOT_WORD(w, v, marks) ((uint32_t)(w) | (uint32_t)(v) << 16 | (marks))
#define STEADY(v)	       SLOT_WORD(v, v, 0)
#define CLAIMING(v)	       SLOT_WORD(v, v, SLOT_TRACKED | SLOT_MOVING)
#define MOVING(v, w)	       SLOT_WORD(w, v, SLOT_TRACKED | SLOT_MOVING)
#define MOVING_TCP(v, w)       SLOT_WORD(w, v, SLOT_TRACKED)
#define SETTLING(v)	       SLOT_WORD(v, v, SLOT_TRACKED)

/**
 * struct slots_test - the tables of a test and table building on them.
 * @now: tick; tests move it.
 */
struct slots_test {
	struct slots *slots;
	uint32_t now;
	struct slot_line lines[T_LINES];
	struct slot_clock clocks[T_LINES * SLOTS_PER_LINE];
	struct flow_line flows[T_FLOW_LINES];
	struct backend backends[T_BACKENDS + 1];
	struct pool pools[4];
};

/* cmocka's setup and teardown; *state is a struct slots_test with live VMs. */
int slots_test_setup(void **state);
int slots_test_teardown(void **state);

/* Open the tables again, as after a restart. */
void slots_test_reopen(struct slots_test *t);

/* Shares with equal weights for numbers 1 .. @n. */
void slots_test_equal(struct slots_share *shares, uint32_t n);

/* slots_create() and slots_apply() that must work; @n_moved is returned. */
void slots_test_create(struct slots_test *t, uint32_t pool, uint32_t log2,
		       const struct slots_share *shares, uint32_t n);
uint32_t slots_test_apply(struct slots_test *t, uint32_t pool,
			  const struct slots_share *shares, uint32_t n);

/* The place of a pool's slot. */
uint32_t *slots_test_slot(struct slots_test *t, uint32_t pool, uint32_t i);
struct slot_clock *slots_test_clock(struct slots_test *t, uint32_t pool,
				    uint32_t i);

/* Slots of a pool with this owner (current; of a claim the announced one). */
uint32_t slots_test_owned(struct slots_test *t, uint16_t backend);

/* Let time pass until all slots are steady. */
void slots_test_settle(struct slots_test *t);

/* An entry of a flow of a pool's slot @i; returned to look at it. */
struct flow_entry *slots_test_entry(struct slots_test *t, uint32_t pool,
				    uint32_t i, uint16_t backend,
				    enum flow_class class, uint32_t life);

#endif
