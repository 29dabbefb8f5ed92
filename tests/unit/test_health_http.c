// SPDX-License-Identifier: GPL-2.0-only
/*
 * The status line of an HTTP answer, byte by byte.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "health/http_answer.h"

static void known_after_13_bytes(void **state)
{
	static const char line[] = "HTTP/1.1 503 Service Unavailable\r\n";
	size_t len;

	(void)state;
	for (len = 0; len < 13; len++)
		assert_int_equal(http_answer_status(line, len), -EAGAIN);
	for (len = 13; len < sizeof(line); len++)
		assert_int_equal(http_answer_status(line, len), 503);
	assert_int_equal(http_answer_status("HTTP/1.0 204\r\n", 14), 204);
}

static void garbage_is_told_at_once(void **state)
{
	static const char *const lines[] = {
		"S",	       "HTTP/2.0 200 ", "HTTP/1.x",
		"HTTP/1.1 2x", "HTTP/1.1 2000", "HTTP/1.1 099 ",
		"http/1.1",    "HTTP/1.1 600 ",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_int_equal(http_answer_status(lines[i], strlen(lines[i])),
				 -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_after_13_bytes),
		cmocka_unit_test(garbage_is_told_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
