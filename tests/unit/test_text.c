/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control/text: what comes out is UTF-8, and what was UTF-8 is as it was.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "control/text.h"
#include "dataplane/core/base.h"

static const char whole[] = "a\x7f \xc2\x80\xdf\xbf \xe0\xa0\x80\xed\x9f\xbf"
			    "\xee\x80\x80\xef\xbf\xbf \xf0\x90\x80\x80"
			    "\xf4\x8f\xbf\xbf z";

static void test_stays(void **state)
{
	char text[sizeof(whole)];

	(void)state;
	memcpy(text, whole, sizeof(whole));
	assert_ptr_equal(text_clean(text), text);
	assert_string_equal(text, whole);
}

static void test_broken(void **state)
{
	static const struct {
		const char *before;
		const char *after;
	} cases[] = {
		{ "", "" },
		{ "\xc3", "?" },
		{ "a\x80z", "a?z" },
		{ "\xc0\xaf", "??" }, /* overlong */
		{ "\xe0\x9f\xbf", "???" },
		{ "\xf0\x8f\xbf\xbf", "????" },
		{ "\xed\xa0\x80", "???" },	/* a surrogate */
		{ "\xf4\x90\x80\x80", "????" }, /* above U+10FFFF */
		{ "\xfe\xff", "??" },
		{ "\xe2\x82", "??" },
		{ "\xe2\x82z", "??z" },
		{ "\xc3\xa4\xc3", "\xc3\xa4?" },
	};
	char text[16];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		(void)snprintf(text, sizeof(text), "%s", cases[i].before);
		assert_string_equal(text_clean(text), cases[i].after);
	}
}

/* The same numbers at each run: Marsaglia's xorshift, 2003. */
static uint32_t next(void)
{
	static uint32_t x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

/* Cut anywhere, and of any bytes: jansson, which refuses all else, takes it. */
static void test_any(void **state)
{
	char text[64];
	json_t *value;
	size_t length;
	unsigned int n;
	size_t i;

	(void)state;
	for (length = 0; length < sizeof(whole); length++) {
		memcpy(text, whole, length);
		text[length] = '\0';
		value = json_string(text_clean(text));
		assert_non_null(value);
		json_decref(value);
	}
	for (n = 0; n < 200000; n++) {
		length = next() % 12;
		for (i = 0; i < length; i++)
			text[i] = (char)(next() % 4 ? 0x80 + next() % 128 :
						      1 + next() % 255);
		text[length] = '\0';
		value = json_string(text_clean(text));
		assert_non_null(value);
		assert_int_equal(strlen(text), length);
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stays),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
