// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every vector through the packet core in user space.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/packet/run.h"

/* Some hours of uptime, in the middle of a tick. */
#define NOW_NS 12345678901234ULL

static void test_vector(void **state)
{
	const struct vector *v = *state;
	struct mem_tables before;
	struct mem_tables after;
	struct outcome outcome = { 0 };

	vector_scene(v, NOW_NS, &before);
	if (v->first) {
		vector_run_core(v->first, &before, &outcome);
		assert_int_equal(outcome.verdict, v->first->verdict);
		vector_forget_counts(&before);
	}
	after = before;
	vector_run_core(v, &after, &outcome);
	vector_check(v, &before, &after, &outcome, 0);
}

int main(void)
{
	return vector_group("core", test_vector);
}
