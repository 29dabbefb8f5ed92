/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Conditions on metadata: what holds, on what, and that nothing from outside
 * can make an evaluation long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/xpath.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BIG (256UL * 1024)

static struct conf_pair pairs[] = { { "o", "urn:owner" } };

static bool holds(const char *text, const char *metadata)
{
	struct conf_xpath xpath = { .xpath = text, .namespaces = { pairs, 1 } };
	struct conf_xpaths xpaths = { &xpath, 1 };
	struct conf_metadata *read = conf_metadata_read(metadata);
	bool yes;

	assert_non_null(read);
	yes = conf_xpaths_hold(&xpaths, read);
	conf_metadata_free(read);
	return yes;
}

static const char owned[] =
	"<metadata><p:owner xmlns:p='urn:owner' tenant='shop'>"
	"<p:user>anna</p:user><p:n>0</p:n></p:owner>"
	"<owner xmlns='urn:else' tenant='bank'/></metadata>";

static void test_holds(void **state)
{
	static const struct {
		const char *xpath;
		bool holds;
	} cases[] = {
		{ "o:owner", true },
		{ "owner", false }, /* of no namespace */
		{ "o:owner[@tenant='shop']", true },
		{ "o:owner[@tenant='bank']", false },
		{ "o:owner/@tenant = 'shop'", true },
		{ "o:owner/@tenant = 'bank'", false },
		{ "string(o:owner/o:user)", true },
		{ "string(o:owner/o:none)", false },
		{ "number(o:owner/o:n)", false },
		{ "count(*)", true },
		{ "count(o:none)", false },
		{ "0 div 0", false },
		{ "not(o:none)", true },
		{ "//o:user[starts-with(., 'an')]", true },
		{ "/metadata/o:owner", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (holds(cases[i].xpath, owned) != cases[i].holds)
			fail_msg("%s", cases[i].xpath);
		assert_int_equal(holds(cases[i].xpath, NULL),
				 !strcmp(cases[i].xpath, "not(o:none)"));
	}
}

/* Any of them will do. */
static void test_any(void **state)
{
	struct conf_xpath list[] = {
		{ .xpath = "o:none", .namespaces = { pairs, 1 } },
		{ .xpath = "o:owner", .namespaces = { pairs, 1 } },
	};
	struct conf_xpaths xpaths = { list, 2 };
	struct conf_metadata *read = conf_metadata_read(owned);

	(void)state;
	assert_true(conf_xpaths_hold(&xpaths, read));
	xpaths.n = 1;
	assert_false(conf_xpaths_hold(&xpaths, read));
	assert_false(conf_xpaths_hold(&xpaths, NULL));
	conf_metadata_free(read);
}

/* What is no XML, or wants to be more, is an empty element. */
static void test_hostile(void **state)
{
	static const char entities[] =
		"<!DOCTYPE m [<!ENTITY a 'x'><!ENTITY b '&a;&a;'>]>"
		"<m><o:owner xmlns:o='urn:owner'>&b;</o:owner></m>";
	static const char *const texts[] = {
		"",	      "<",
		"<metadata>", "nonsense",
		entities,     "<!DOCTYPE m SYSTEM 'file:///etc/passwd'><m/>",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(holds("o:owner", texts[i]));
		assert_true(holds("not(*)", texts[i]));
	}
}

/* Each node with each: it would be minutes. */
static void test_bounded(void **state)
{
	char *text = malloc(BIG);
	struct timespec began, ended;
	size_t at;

	(void)state;
	assert_non_null(text);
	at = (size_t)snprintf(text, BIG, "<metadata>");
	while (at < BIG - 32)
		at += (size_t)snprintf(text + at, BIG - at, "<a/>");
	snprintf(text + at, BIG - at, "</metadata>");
	clock_gettime(CLOCK_MONOTONIC, &began);
	assert_false(holds("//a[count(//a[count(//a) > 1]) = 1]", text));
	clock_gettime(CLOCK_MONOTONIC, &ended);
	assert_true(ended.tv_sec - began.tv_sec < 10);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
