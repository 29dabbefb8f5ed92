// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names: dataplane/names.c has one for everything, each of them once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/names.h"

static void check_word(const char *name)
{
	const char *c;

	assert_non_null(name);
	assert_true(*name);
	for (c = name; *c; c++)
		assert_true((*c >= 'a' && *c <= 'z') || *c == '_');
}

static void test_reasons(void **state)
{
	const char *first[] = { "none", "pass_", "reply_", "drop_" };
	size_t matches;
	size_t i;
	int r;

	(void)state;
	for (r = 0; r < N_REASONS; r++) {
		check_word(name_of_reason(r));
		assert_non_null(explain_reason(r));
		assert_true(strlen(explain_reason(r)) < 80);
		/* Found by its name, so no two share one. */
		assert_int_equal(reason_by_name(name_of_reason(r)), r);
		matches = 0;
		for (i = 0; i < ARRAY_SIZE(first); i++)
			matches += !strncmp(name_of_reason(r), first[i],
					    strlen(first[i]));
		assert_int_equal(matches, 1);
	}
	assert_int_equal(reason_by_name("no_such"), -1);
	assert_string_equal(name_of_reason(N_REASONS), "unknown");
	assert_string_equal(explain_reason(N_REASONS), "unknown");
}

static void test_slots(void **state)
{
	(void)state;
	assert_string_equal(name_of_slot(slot_make(5, 5, 0)), "steady");
	assert_string_equal(name_of_slot(0), "steady");
	assert_string_equal(
		name_of_slot(slot_make(5, 5, SLOT_TRACKED | SLOT_MOVING)),
		"claiming");
	assert_string_equal(
		name_of_slot(slot_make(6, 5, SLOT_TRACKED | SLOT_MOVING)),
		"moving");
	assert_string_equal(name_of_slot(slot_make(6, 5, SLOT_TRACKED)),
			    "moving");
	assert_string_equal(name_of_slot(slot_make(6, 6, SLOT_TRACKED)),
			    "settling");
}

static void test_the_rest(void **state)
{
	int i;

	(void)state;
	for (i = 0; i <= VERDICT_RARE; i++)
		check_word(name_of_verdict(i));
	for (i = 0; i <= FLOW_UDP; i++)
		check_word(name_of_flow_kind(i));
	for (i = 0; i <= FLOW_CONFIRMED; i++)
		check_word(name_of_flow_class(i));
	for (i = 0; i <= DP_GONE; i++)
		check_word(name_of_role(i));
	assert_string_equal(name_of_verdict(VERDICT_RARE + 1), "unknown");
	assert_string_equal(name_of_flow_class(3), "unknown");
	assert_string_equal(name_of_affinity(AFFINITY_SOURCE), "source");
	assert_string_equal(name_of_when_empty(EMPTY_DROP), "drop");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
