/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control/cli/table: columns that line up, numbers and times for people.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/table.h"

#define ROOM 100

static const struct table_column heads[] = {
	{ "NAME", TABLE_NAME },
	{ ">COUNT", TABLE_WHOLE },
	{ "WHY", TABLE_REMARK },
};

static char *printed_in(const struct table *t, uint32_t room)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	table_print(t, "nothing", room, out);
	(void)fclose(out);
	return text;
}

static char *printed(const struct table *t)
{
	return printed_in(t, ROOM);
}

static void test_empty(void **state)
{
	struct table t;
	char *text;

	(void)state;
	table_init(&t, heads, ARRAY_SIZE(heads));
	text = printed(&t);
	assert_string_equal(text, "nothing\n");
	free(text);
	table_done(&t);
}

static void test_columns(void **state)
{
	struct table t;
	char *text;

	(void)state;
	table_init(&t, heads, ARRAY_SIZE(heads));
	table_cell(&t, "web-1");
	table_cell(&t, "%d", 7);
	table_cell(&t, "up");
	table_cell(&t, "ä");
	table_cell(&t, "%d", 123456);
	table_cell(&t, "%s", "");
	text = printed(&t);
	/* The two bytes of an umlaut take one column; nothing is "-". */
	assert_string_equal(text, "NAME    COUNT  WHY\n"
				  "web-1       7  up\n"
				  "ä      123456  -\n");
	free(text);
	table_done(&t);
}

static void test_many_rows(void **state)
{
	struct table t;
	char *text;
	char *line;
	int n = 0;
	int i;

	(void)state;
	table_init(&t, heads, ARRAY_SIZE(heads));
	for (i = 0; i < 1000; i++) {
		table_cell(&t, "vm-%d", i);
		table_cell(&t, "%d", i);
		table_cell(&t, "x");
	}
	text = printed(&t);
	for (line = text; (line = strchr(line, '\n')) != NULL; line++)
		n++;
	assert_int_equal(n, 1001);
	free(text);
	table_done(&t);
}

static uint32_t widest_line(const char *text)
{
	uint32_t widest = 0;
	uint32_t width = 0;

	for (; *text; text++) {
		width += (*text & 0xc0) != 0x80;
		if (*text == '\n')
			width = 0;
		if (width > widest)
			widest = width;
	}
	return widest;
}

/* What is too wide is cut, between characters: remarks before names. */
static void test_long_cells(void **state)
{
	struct table t;
	char *text;
	int cut;

	(void)state;
	for (cut = 70; cut < 80; cut++) {
		table_init(&t, heads, ARRAY_SIZE(heads));
		table_cell(&t, "%0*d", cut, 0);
		table_cell(&t, "%d", 123);
		table_cell(&t, "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöü");
		text = printed(&t);
		assert_int_equal(widest_line(text), ROOM);
		assert_non_null(strstr(text, "…\n"));
		assert_non_null(strstr(text, "00  "));
		free(text);
		text = printed_in(&t, TABLE_NO_LIMIT);
		assert_null(strstr(text, "…"));
		assert_int_equal(widest_line(text), cut + 2 + 5 + 2 + 30);
		free(text);
		table_done(&t);
	}
}

/* A name keeps both ends; numbers are whole, however little room there is. */
static void test_long_name(void **state)
{
	struct table t;
	char *text;

	(void)state;
	table_init(&t, heads, ARRAY_SIZE(heads));
	table_cell(&t, "äirst-%0*d-last", 200, 0);
	table_cell(&t, "%llu", 18446744073709551615ULL);
	table_cell(&t, "a remark");
	text = printed(&t);
	assert_int_equal(widest_line(text), ROOM);
	assert_non_null(strstr(text, "äirst-000"));
	assert_non_null(strstr(text, "0…0"));
	assert_non_null(strstr(text, "000-last  18446744073709551615"));
	free(text);
	table_done(&t);
}

/* The narrower, the less there is; in no width is a line wider than it. */
static void test_any_room(void **state)
{
	static const struct table_column columns[] = {
		{ "NAME", TABLE_NAME },	    { ">A", TABLE_WHOLE },
		{ "STATE", TABLE_TEXT },    { ">B", TABLE_WHOLE },
		{ "REMARK", TABLE_REMARK },
	};
	struct table t;
	uint32_t room;
	char *text;

	(void)state;
	table_init(&t, columns, ARRAY_SIZE(columns));
	table_cell(&t, "a-name-of-twenty-chr");
	table_cell(&t, "1234567890");
	table_cell(&t, "running, migrating, stale");
	table_cell(&t, "1234567890");
	table_cell(&t, "a remark that is as long as a sentence is");
	for (room = 8; room < 130; room++) {
		text = printed_in(&t, room);
		assert_true(widest_line(text) <= room);
		assert_true(!strncmp(text, "NAME", 4) ||
			    !strncmp(text, "…", strlen("…")));
		/* Where there is room for the numbers, they are there. */
		assert_int_equal(strstr(text, "1234567890") != NULL,
				 room >= 8 + 2 + 10);
		free(text);
	}
	text = printed_in(&t, 64);
	assert_non_null(strstr(text, "a-name-of-twenty-chr  1234567890  "));
	assert_non_null(strstr(text, "running…  1234567890  a remar…"));
	free(text);
	/* What is left out leaves its room to the others. */
	text = printed_in(&t, 50);
	assert_null(strstr(text, "REMARK"));
	assert_non_null(strstr(text, "a-name-o…nty-chr  1234567890  "));
	free(text);
	table_done(&t);
}

static void test_wrap(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	(void)fprintf(out, "%-90s", "x");
	text_wrap("goes to the next line, since hardly anything is left here; "
		  "and then there is more of it, until it is over",
		  90, 4, out);
	text_wrap("", 0, 4, out);
	text_wrap("short", 0, 4, out);
	(void)fprintf(out, "%s", "  ");
	text_wrap(
		"0123456789012345678901234567890123456789012345678901234567890"
		"123456789012345678901234567890123456789012345678901234567890",
		2, 2, out);
	(void)fclose(out);
	assert_non_null(strstr(text, "x"));
	assert_non_null(strstr(text,
			       "\n    goes to the next line, since hardly "
			       "anything is left here; and then there "
			       "is more of it, until\n    it is over\n"
			       "\nshort\n"));
	assert_int_equal(widest_line(text), 100);
	free(text);
}

static void test_counts(void **state)
{
	char buf[TEXT_SIZE];

	(void)state;
	assert_string_equal(text_count(0, buf), "0");
	assert_string_equal(text_count(9999, buf), "9999");
	assert_string_equal(text_count(10000, buf), "10.0k");
	assert_string_equal(text_count(1234567, buf), "1.23M");
	assert_string_equal(text_count(123456789, buf), "123M");
	assert_string_equal(text_bytes(0, buf), "0 B");
	assert_string_equal(text_bytes(1023, buf), "1023 B");
	assert_string_equal(text_bytes(1024, buf), "1.00 KiB");
	assert_string_equal(text_bytes(1258291, buf), "1.20 MiB");
	assert_true(strlen(text_bytes(UINT64_MAX, buf)) < TEXT_SIZE);
}

static void test_durations(void **state)
{
	char buf[TEXT_SIZE];

	(void)state;
	assert_string_equal(text_duration(350, buf), "350 ms");
	assert_string_equal(text_duration(1500, buf), "1.5 s");
	assert_string_equal(text_duration(59000, buf), "59 s");
	assert_string_equal(text_duration(899000, buf), "14 m 59 s");
	assert_string_equal(text_duration(7260000, buf), "2 h 1 m");
	assert_string_equal(text_duration(90000000, buf), "1 d 1 h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_long_cells),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_any_room),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
