// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last line of what a command says, in all pieces it may come in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "health/last_line.h"

/* Fed whole, byte by byte, and cut in two anywhere: always the same. */
static void says(const char *data, size_t len, const char *expected)
{
	char got[LAST_LINE_SIZE];
	struct last_line l;
	size_t cut, i;

	for (cut = 0; cut <= len; cut++) {
		l = (struct last_line){ 0 };
		last_line_feed(&l, data, cut);
		last_line_feed(&l, data + cut, len - cut);
		last_line_get(&l, got);
		assert_string_equal(got, expected);
	}
	l = (struct last_line){ 0 };
	for (i = 0; i < len; i++)
		last_line_feed(&l, data + i, 1);
	last_line_get(&l, got);
	assert_string_equal(got, expected);
	/* To ask changes nothing. */
	last_line_get(&l, got);
	assert_string_equal(got, expected);
}

#define SAYS(text, expected) says(text, sizeof(text) - 1, expected)

static void the_last_line_counts(void **state)
{
	(void)state;
	SAYS("", "");
	SAYS("one", "one");
	SAYS("one\n", "one");
	SAYS("one\ntwo", "two");
	SAYS("one\ntwo\n", "two");
	SAYS("one\r\ntwo\r\n", "two");
	SAYS("50%\r100%", "100%");
}

static void blank_lines_are_none(void **state)
{
	(void)state;
	SAYS("\n\n\n", "");
	SAYS("   \n\t\n", "");
	SAYS("one\n\n  \n", "one");
	SAYS("one\n   ", "one");
	SAYS("one\n\r\n\t", "one");
}

static void it_is_cleaned(void **state)
{
	(void)state;
	SAYS(" \t disk  full \t \n", "disk  full");
	SAYS("a\tb", "a b");
	SAYS("\x1b[31mred\x1b[0m", ".[31mred.[0m");
	SAYS("nul\0led", "nul.led");
	SAYS("\xc3\xa4\x7f", "...");
}

static void it_is_cut(void **state)
{
	char text[3 * LAST_LINE_SIZE], want[LAST_LINE_SIZE];

	(void)state;
	memset(text, 'x', sizeof(text));
	memset(want, 'x', sizeof(want));
	want[LAST_LINE_SIZE - 1] = '\0';
	says(text, sizeof(text), want);
	text[LAST_LINE_SIZE] = '\n';
	text[LAST_LINE_SIZE + 1] = '\n';
	says(text, LAST_LINE_SIZE + 2, want);
	/* What was cut off is not the next line. */
	text[LAST_LINE_SIZE + 2] = 'y';
	says(text, LAST_LINE_SIZE + 3, "y");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_line_counts),
		cmocka_unit_test(blank_lines_are_none),
		cmocka_unit_test(it_is_cleaned),
		cmocka_unit_test(it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
