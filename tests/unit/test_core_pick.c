// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slot and entry -> backend: pick_decide() against the table of rules, row by
 * row and column by column, as docs/architecture.md has it. Plain UDP, which
 * the path does not parse yet, is decided here all the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/core/pick.h"

#define V 11 /* base: had the slot */
#define W 22 /* current: gets it */
#define E 33 /* whom the entry names */

/* What a rule says of a packet. */
struct rule {
	uint16_t backend;
	bool insert;
	uint16_t refused_backend; /* where @insert is true */
};

struct row {
	const char *state;
	uint32_t slot;
	bool asks_table;
	struct rule rule[3]; /* without an entry, by enum flow_kind */
};

static const struct row rows[] = {
	{ "steady",
	  W | W << 16,
	  false,
	  { { W, false, 0 }, { W, false, 0 }, { W, false, 0 } } },
	{ "claiming",
	  V | V << 16 | SLOT_TRACKED | SLOT_MOVING,
	  true,
	  { { V, true, V }, { V, true, V }, { V, true, V } } },
	{ "moving",
	  W | V << 16 | SLOT_TRACKED | SLOT_MOVING,
	  true,
	  { { W, true, V }, { V, true, V }, { V, true, V } } },
	{ "moving, plain UDP's time over",
	  W | V << 16 | SLOT_TRACKED,
	  true,
	  { { W, true, V }, { V, true, V }, { W, true, W } } },
	{ "settling",
	  W | W << 16 | SLOT_TRACKED,
	  true,
	  { { W, false, 0 }, { W, false, 0 }, { W, false, 0 } } },
	/* A VM that is gone is replaced field by field, by nobody at first. */
	{ "base gone",
	  W | SLOT_TRACKED | SLOT_MOVING,
	  true,
	  { { W, true, W }, { 0, false, 0 }, { 0, false, 0 } } },
	{ "base gone, plain UDP's time over",
	  W | SLOT_TRACKED,
	  true,
	  { { W, true, W }, { 0, false, 0 }, { W, true, W } } },
	{ "current gone",
	  V << 16 | SLOT_TRACKED | SLOT_MOVING,
	  true,
	  { { 0, false, 0 }, { V, true, V }, { V, true, V } } },
	{ "both gone",
	  SLOT_TRACKED | SLOT_MOVING,
	  true,
	  { { 0, false, 0 }, { 0, false, 0 }, { 0, false, 0 } } },
};

static void check_rule(const struct row *row, enum flow_kind kind, bool over)
{
	const uint64_t closing = flow_meta(E, 1, FLOW_CONFIRMED, 9) | FLOW_RST;
	const struct rule *rule = &row->rule[kind];
	struct pick pick = pick_decide(row->slot, over ? closing : 0, kind);
	enum pick_action plain = over ? PICK_END_PLAIN : PICK_PLAIN;
	enum pick_action insert = over ? PICK_END_INSERT : PICK_INSERT;

	assert_int_equal(pick.backend, rule->backend);
	assert_int_equal(pick.action, rule->insert ? insert : plain);
	if (rule->insert)
		assert_int_equal(pick.refused_backend, rule->refused_backend);
}

static void test_without_entry(void **state)
{
	size_t i;
	int kind;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		for (kind = FLOW_OPENER; kind <= FLOW_UDP; kind++)
			check_rule(&rows[i], kind, false);
}

/* An opener on an entry that is over is as without one, which is ended. */
static void test_opener_after_the_end(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].asks_table)
			check_rule(&rows[i], FLOW_OPENER, true);
}

static void check_obeyed(const struct row *row, uint64_t meta,
			 enum flow_kind kind)
{
	struct pick pick = pick_decide(row->slot, meta, kind);

	assert_int_equal(pick.action,
			 row->asks_table ? PICK_ENTRY : PICK_PLAIN);
	assert_int_equal(pick.backend, row->asks_table ? E : W);
}

/*
 * A live entry is obeyed wherever the table is asked; so is one that is over, by
 * whatever does not begin anew.
 */
static void test_entry_is_obeyed(void **state)
{
	const uint64_t meta = flow_meta(E, 1, FLOW_CONFIRMED, 9);
	const uint64_t over[] = { meta | FLOW_RST,
				  meta | FLOW_FIN_CLIENT | FLOW_FIN_SERVER };
	size_t i;
	int kind;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (kind = FLOW_OPENER; kind <= FLOW_UDP; kind++) {
			check_obeyed(&rows[i], meta, kind);
			check_obeyed(&rows[i], meta | FLOW_FIN_CLIENT, kind);
			check_obeyed(&rows[i], meta | FLOW_FIN_SERVER, kind);
		}
		for (kind = FLOW_OTHER; kind <= FLOW_UDP; kind++) {
			check_obeyed(&rows[i], over[0], kind);
			check_obeyed(&rows[i], over[1], kind);
		}
	}
}

/* Whatever the word, nobody is put into the table as NONE. */
static void test_none_is_never_an_entry(void **state)
{
	static const uint32_t ends[] = { 0, 1, 2, BACKEND_MAX };
	const size_t n = ARRAY_SIZE(ends);
	struct pick pick;
	uint32_t slot;
	size_t i;
	int kind;

	(void)state;
	for (i = 0; i < n * n * 4; i++) {
		slot = slot_make(ends[i % n], ends[i / n % n], 0);
		slot |= i / n / n & 1 ? SLOT_MOVING : 0;
		slot |= i / n / n & 2 ? SLOT_TRACKED : 0;
		assert_int_equal(slot_current(slot), ends[i % n]);
		assert_int_equal(slot_base(slot), ends[i / n % n]);
		for (kind = FLOW_OPENER; kind <= FLOW_UDP; kind++) {
			pick = pick_decide(slot, 0, kind);
			if (pick.action != PICK_INSERT)
				continue;
			assert_int_not_equal(pick.backend, BACKEND_NONE);
			assert_int_not_equal(pick.refused_backend,
					     BACKEND_NONE);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_entry),
		cmocka_unit_test(test_opener_after_the_end),
		cmocka_unit_test(test_entry_is_obeyed),
		cmocka_unit_test(test_none_is_never_an_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
