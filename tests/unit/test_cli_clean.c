/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control/cli/clean: nothing that others wrote moves the operator's cursor.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "control/cli/clean.h"

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void test_all_strings(void **state)
{
	json_t *answer = json_pack("{s:s,s:s,s:s,s:i,s:{s:[{s:s}]}}", "name",
				   "web-1", "escape", "a\033[31mb\007\177",
				   "high", "ä\302\233c \302\240", "n", 7,
				   "data", "tags", "value",
				   "two\nlines\tand\rmore");
	const json_t *tag;

	(void)state;
	assert_non_null(answer);
	cli_clean(answer);
	assert_string_equal(text(answer, "name"), "web-1");
	assert_string_equal(text(answer, "escape"), "a?[31mb??");
	/* U+009B is a control character, an umlaut and U+00A0 are none. */
	assert_string_equal(text(answer, "high"), "ä?c \302\240");
	assert_int_equal(json_integer_value(json_object_get(answer, "n")), 7);
	tag = json_array_get(
		json_object_get(json_object_get(answer, "data"), "tags"), 0);
	assert_string_equal(text(tag, "value"), "two lines and more");
	json_decref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
