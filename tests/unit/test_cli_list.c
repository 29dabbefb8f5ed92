/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control/cli/list: the order of a listing's rows.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "control/cli/list.h"

static void test_names_in_peoples_order(void **state)
{
	static const char *const sorted[] = {
		"hv-1/web-9", "hv-1/web-10", "hv-2/api",
		"hv-2/web-1", "hv-10/web-1",
	};
	json_t *rows = json_pack("[{s:s},{s:s},{s:s},{s:s},{s:s}]", "name",
				 "hv-10/web-1", "name", "hv-2/web-1", "name",
				 "hv-1/web-10", "name", "hv-2/api", "name",
				 "hv-1/web-9");
	json_t *by_name = list_by_name(rows, "name");
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(by_name), ARRAY_SIZE(sorted));
	for (i = 0; i < ARRAY_SIZE(sorted); i++)
		assert_string_equal(cli_text(json_array_get(by_name, i),
					     "name"),
				    sorted[i]);
	json_decref(by_name);
	json_decref(rows);
}

/* A VM in two pools has two rows, and rows without a name come first. */
static void test_equal_names_stay(void **state)
{
	json_t *rows = json_pack("[{s:s,s:i},{s:i},{s:s,s:i},{s:i}]", "name",
				 "web", "n", 2, "n", 0, "name", "web", "n", 3,
				 "n", 1);
	json_t *by_name = list_by_name(rows, "name");
	json_t *row;
	size_t i;

	(void)state;
	json_array_foreach(by_name, i, row)
		assert_int_equal(cli_number(row, "n"), i);
	assert_int_equal(i, 4);
	json_decref(by_name);
	json_decref(rows);
	by_name = list_by_name(NULL, "name");
	assert_int_equal(json_array_size(by_name), 0);
	json_decref(by_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_in_peoples_order),
		cmocka_unit_test(test_equal_names_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
