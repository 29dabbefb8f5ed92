/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Selectors: what is a term, and which tags match. A second matcher, written
 * from the definition in select.h, says the same for thousands of random VMs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/select.h"

static void term_is(const char *text, enum select_op op, const char *name,
		    const char *value)
{
	struct select_term term;
	char buf[SELECT_TERM_SIZE];

	assert_int_equal(select_parse(text, &term), 0);
	assert_int_equal(term.op, op);
	assert_string_equal(term.name, name);
	assert_string_equal(term.value, value);
	select_print(&term, buf, sizeof(buf));
	assert_string_equal(buf, text);
}

static void test_terms(void **state)
{
	(void)state;
	term_is("role=web", SELECT_EQUAL, "role", "web");
	term_is("stage!=test", SELECT_NOT_EQUAL, "stage", "test");
	term_is("canary", SELECT_HAS, "canary", "");
	term_is("!canary", SELECT_HAS_NOT, "canary", "");
	term_is("a.b/c-d_e=x=y!", SELECT_EQUAL, "a.b/c-d_e", "x=y!");
	term_is("name!=gr\xc3\xbcn", SELECT_NOT_EQUAL, "name", "gr\xc3\xbcn");
	term_is("tag:name=x", SELECT_EQUAL, "name", "x");
	term_is("!tag:network", SELECT_HAS_NOT, "network", "");
	term_is("names=x", SELECT_EQUAL, "names", "x");
}

static void test_subjects(void **state)
{
	static const struct {
		const char *text;
		enum select_subject subject;
	} cases[] = {
		{ "name=web-*", SELECT_NAME },
		{ "network!=br0", SELECT_NETWORK },
		{ "hypervisor=hv1", SELECT_HYPERVISOR },
		{ "tag:name=web-*", SELECT_TAG },
		{ "!tag:hypervisor", SELECT_TAG },
		{ "Name=x", SELECT_TAG },
		{ "role=name", SELECT_TAG },
	};
	char longest[SELECT_TERM_SIZE + 16], buf[SELECT_TERM_SIZE];
	struct select_term term;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(select_parse(cases[i].text, &term), 0);
		assert_int_equal(term.subject, cases[i].subject);
	}
	/* The prefix is printed only where it means something. */
	assert_int_equal(select_parse("tag:role=web", &term), 0);
	select_print(&term, buf, sizeof(buf));
	assert_string_equal(buf, "role=web");
	snprintf(longest, sizeof(longest), "tag:network!=%0*d",
		 SELECT_VALUE_MAX, 7);
	assert_int_equal(select_parse(longest, &term), 0);
	select_print(&term, buf, sizeof(buf));
	assert_string_equal(buf, longest);
}

static void test_no_terms(void **state)
{
	static const char *const bad[] = {
		"",	     "=",	 "=web",	"role=",
		"role!=",    "!",	 "!=",		"!!role",
		"!role=a",   "role!",	 "role!web",	"ro le",
		" role",     "role ",	 "role = a",	"role=a b",
		"role=a\n",  "role\x7f", "r\xc3\xb6le", "name",
		"!name",     "network",	 "!hypervisor", "name=",
		"tag:",	     "tag:=a",	 "tag:!a",	"!tag:a=b",
		"tag:tag:a",
	};
	struct select_term term = { .op = SELECT_HAS_NOT, .name = "kept" };
	char text[400];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(select_parse(bad[i], &term), -EINVAL);
	memset(text, 'a', sizeof(text));
	text[SELECT_NAME_MAX + 1] = '\0';
	assert_int_equal(select_parse(text, &term), -EINVAL);
	text[SELECT_NAME_MAX + 1] = 'a';
	text[1] = '=';
	text[2 + SELECT_VALUE_MAX + 1] = '\0';
	assert_int_equal(select_parse(text, &term), -EINVAL);
	assert_string_equal(term.name, "kept");
	text[2 + SELECT_VALUE_MAX] = '\0';
	assert_int_equal(select_parse(text, &term), 0);
	assert_int_equal(strlen(term.value), SELECT_VALUE_MAX);
}

static const char *const networks[] = { "", "br-shop", "lan" };

/* Do the tags "a=1 b" match the terms "a=1 !c"? Both are split at blanks. */
static bool match(const char *selector, const char *tags)
{
	struct select_term terms[8];
	struct select_tag list[8];
	struct select_vm vm = { .name = "web-1",
				.hypervisor = "hv1",
				.networks = networks,
				.n_networks = ARRAY_SIZE(networks) };
	char copy[2][128], *save = NULL, *word, *value;
	size_t n_terms = 0, n_tags = 0;

	snprintf(copy[0], sizeof(copy[0]), "%s", selector);
	snprintf(copy[1], sizeof(copy[1]), "%s", tags);
	for (word = strtok_r(copy[0], " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		assert_int_equal(select_parse(word, &terms[n_terms++]), 0);
	for (word = strtok_r(copy[1], " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		list[n_tags++] =
			(struct select_tag){ word, value ? value : "" };
	}
	vm.tags = list;
	vm.n_tags = n_tags;
	return selector_match(terms, n_terms, &vm);
}

static void test_matches(void **state)
{
	(void)state;
	assert_true(match("role=web", "role=web"));
	assert_false(match("role=web", "role=webs"));
	assert_false(match("role=web", "roles=web"));
	assert_false(match("role=web", "Role=web"));
	assert_false(match("role=web", ""));
	assert_false(match("role=web", "role"));

	assert_true(match("stage!=test", "stage=live"));
	assert_true(match("stage!=test", "")); /* not there is not test */
	assert_false(match("stage!=test", "stage=test"));

	assert_true(match("canary", "canary"));
	assert_true(match("canary", "canary=no"));
	assert_false(match("canary", "role=canary"));
	assert_true(match("!canary", "role=canary"));
	assert_true(match("!canary", ""));
	assert_false(match("!canary", "canary"));

	/* All terms have to hold. */
	assert_true(match("role=web stage!=test", "role=web stage=live"));
	assert_false(match("role=web stage!=test", "role=web stage=test"));
	assert_false(match("role=web stage!=test", "stage=live"));

	/* Several tags of one name. */
	assert_true(match("role=web role=api", "role=api role=web"));
	assert_false(match("role=web role=api", "role=api"));
	assert_false(match("role!=web", "role=api role=web"));

	/* What is no tag: patterns, and tags that look like it don't count. */
	assert_true(match("name=web-?", ""));
	assert_false(match("name=web", ""));
	assert_false(match("name=db-*", "name=db-1"));
	assert_true(match("tag:name=db-1", "name=db-1"));
	assert_false(match("tag:name=db-*", "name=db-1"));
	assert_false(match("name!=web-*", ""));
	assert_true(match("name!=db-*", ""));
	assert_true(match("network=br-*", ""));
	assert_true(match("network=lan network=br-shop", ""));
	assert_false(match("network=br-bank", "network=br-bank"));
	assert_false(match("network!=lan", "")); /* one of its NICs is */
	assert_true(match("network!=wan", ""));
	assert_true(match("hypervisor=hv[12] role=web", "role=web"));
	assert_false(match("hypervisor=hv[12] role=web", ""));
	assert_false(match("hypervisor!=hv1", ""));

	/* Nothing selects nothing. */
	assert_false(match("", ""));
	assert_false(match("", "role=web"));
}

static bool model_holds(const struct select_term *term,
			const struct select_tag *tags, size_t n)
{
	unsigned int n_named = 0, n_equal = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (strcmp(tags[i].name, term->name) != 0)
			continue;
		n_named++;
		n_equal += strcmp(tags[i].value, term->value) == 0;
	}
	return (term->op == SELECT_EQUAL && n_equal > 0) ||
	       (term->op == SELECT_NOT_EQUAL && n_equal == 0) ||
	       (term->op == SELECT_HAS && n_named > 0) ||
	       (term->op == SELECT_HAS_NOT && n_named == 0);
}

static void test_random(void **state)
{
	static const char *const words[] = { "a", "b", "ab", "" };
	struct select_term terms[4];
	struct select_tag tags[4];
	struct select_vm vm = { .name = "a", .hypervisor = "b", .tags = tags };
	size_t n_terms, n_tags, i, n_matches = 0;
	bool wanted;
	int round;

	(void)state;
	srandom(1);
	for (round = 0; round < 20000; round++) {
		n_terms = (size_t)random() % 4;
		n_tags = (size_t)random() % 5;
		memset(terms, 0, sizeof(terms));
		for (i = 0; i < n_tags; i++)
			tags[i] = (struct select_tag){ words[random() % 3],
						       words[random() % 4] };
		wanted = n_terms > 0;
		for (i = 0; i < n_terms; i++) {
			terms[i].op = (enum select_op)(random() % 4);
			snprintf(terms[i].name, sizeof(terms[i].name), "%s",
				 words[random() % 3]);
			if (terms[i].op < SELECT_HAS)
				snprintf(terms[i].value, sizeof(terms[i].value),
					 "%s", words[random() % 3]);
			wanted &= model_holds(&terms[i], tags, n_tags);
		}
		vm.n_tags = n_tags;
		assert_int_equal(selector_match(terms, n_terms, &vm), wanted);
		n_matches += wanted;
	}
	assert_in_range(n_matches, 2000, 18000); /* both answers are tried */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terms),
		cmocka_unit_test(test_subjects),
		cmocka_unit_test(test_no_terms),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("config_select", tests, NULL, NULL);
}
