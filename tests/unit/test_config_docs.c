/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The schema and what users read about it: every key, word and default is in
 * drover.cfg(5), every key in drover.cfg.example, and that one loads and is
 * the defaults where it says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/schema.h"

#define TEXT_SIZE 65536

static char *read_source(const char *name, char *path, size_t path_size)
{
	const char *source = getenv("DROVER_SOURCE");
	char *text = calloc(1, TEXT_SIZE);
	FILE *file;

	assert_non_null(text);
	snprintf(path, path_size, "%s/%s", source ? source : ".", name);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_in_range(fread(text, 1, TEXT_SIZE - 1, file), 1, TEXT_SIZE - 2);
	fclose(file);
	return text;
}

/* The part of the manual from one section's title to the next. */
static char *section_of(const char *man, const char *title)
{
	const char *begin, *end;
	char head[64];
	char *part;

	snprintf(head, sizeof(head), "\n.Sh %s\n", title);
	begin = strstr(man, head);
	if (!begin) {
		fail_msg("drover.cfg(5) has no section %s", title);
		return NULL;
	}
	end = strstr(begin + 1, "\n.Sh ");
	part = strndup(begin, end ? (size_t)(end - begin) + 1 : strlen(begin));
	assert_non_null(part);
	return part;
}

static void must_have(const char *text, const char *what, const char *key,
		      const char *where)
{
	if (!strstr(text, what))
		fail_msg("%s: \"%s\" is missing in %s", key, what, where);
}

/* Is the word there as a word, and not as a part of another? */
static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	const char *at;

	for (at = strstr(text, word); at; at = strstr(at + 1, word))
		if (at != text && strchr(" \n.q", at[-1]) &&
		    strchr(" \n,;\\", at[n]))
			return true;
	return false;
}

static unsigned int n_keys, n_later;

static void check_words(const char *part, const char *later,
			const struct conf_field *field)
{
	char quoted[64];
	size_t i;

	for (i = 0; field->words && i < field->words->n; i++) {
		snprintf(quoted, sizeof(quoted), "\\(dq%s\\(dq",
			 field->words->word[i].name);
		must_have(field->words->word[i].later ? later : part, quoted,
			  field->key, "drover.cfg(5)");
	}
}

/* What it is when it is not written, as the manual has it. */
static void check_preset(const char *part, const struct conf_field *field)
{
	bool plain = field->kind == KIND_COUNT &&
		     strspn(field->preset, "0123456789") ==
			     strlen(field->preset);
	char shown[64];

	snprintf(shown, sizeof(shown),
		 plain			  ? "%s" :
		 field->kind == KIND_BOOL ? ".Ql %s" :
					    "\\(dq%s\\(dq",
		 field->preset);
	must_have(part, shown, field->key, "drover.cfg(5)");
}

/* @kept: its values are, the group is not to come. */
static void check_group(const char *part, const char *later,
			const char *example, const struct conf_group *group,
			bool kept)
{
	const struct conf_field *field;
	char item[64];
	size_t i;

	for (i = 0; i < group->n_fields; i++) {
		field = &group->fields[i];
		n_keys += kept && !field->later;
		n_later += !kept || field->later;
		if (field->later && !has_word(later, field->key))
			fail_msg("%s is not told to be refused", field->key);
		snprintf(item, sizeof(item), "\n.It Ic %s\n", field->key);
		must_have(part, item, field->key, "drover.cfg(5)");
		check_words(part, later, field);
		if (field->preset)
			check_preset(part, field);
		if (field->group)
			check_group(part, later, example, field->group,
				    kept && !field->later);
		if (!kept || field->later)
			continue;
		snprintf(item, sizeof(item), " %s =", field->key);
		must_have(example, item, field->key, "drover.cfg.example");
	}
}

static void test_keys(void **state)
{
	char path[512];
	char *man = read_source("docs/man/drover.cfg.5", path, sizeof(path));
	char *example =
		read_source("config/drover.cfg.example", path, sizeof(path));
	static const char *const titles[N_SECTIONS] = {
		[SECTION_HYPERVISORS] = "HYPERVISORS",
		[SECTION_TENANTS] = "TENANTS",
		[SECTION_POOLS] = "POOLS",
		[SECTION_SERVICES] = "SERVICES",
	};
	static const char *const later_titles[CONF_N_SECTIONS_LATER] = {
		"TEMPLATES",
		"HOOKS",
		"TOKENS",
	};
	char *later = section_of(man, "NOT IN THIS VERSION"), *part;
	const char *key;
	size_t i;

	(void)state;
	part = section_of(man, "NODE");
	check_group(part, later, example, conf_node_group(), true);
	free(part);
	for (i = 0; i < N_SECTIONS; i++) {
		part = section_of(man, titles[i]);
		check_group(part, later, example,
			    conf_section((enum conf_section_number)i)->group,
			    true);
		free(part);
	}
	for (i = 0; i < CONF_N_SECTIONS_LATER; i++) {
		key = conf_section_later_key(i);
		must_have(later, key, key, "drover.cfg(5)");
		part = section_of(man, later_titles[i]);
		check_group(part, later, example, conf_section_later(key),
			    false);
		free(part);
	}
	print_message("%u keys, %u to come\n", n_keys, n_later);
	assert_true(n_keys > 85 && n_later > 50);
	free(later);
	free(example);
	free(man);
}

static void test_example(void **state)
{
	char path[512];
	struct conf_errors errs;
	struct conf *conf = NULL;
	int err;

	(void)state;
	free(read_source("config/drover.cfg.example", path, sizeof(path)));
	err = conf_load(path, &conf, &errs);
	conf_errors_print(&errs, stderr);
	assert_int_equal(err, 0);
	assert_int_equal(errs.n_warnings, 0);
	assert_true(conf->n_services > 0);
	conf_free(conf);
}

/* The configuration of EXAMPLES in the manual. */
static void test_manual_example(void **state)
{
	char path[512];
	char *man = read_source("docs/man/drover.cfg.5", path, sizeof(path));
	char *part = section_of(man, "EXAMPLES"), *begin, *end;
	struct conf_errors errs;
	struct conf *conf = NULL;
	int err;

	(void)state;
	begin = strstr(part, "\nnode = ");
	assert_non_null(begin);
	end = strstr(begin, "\n.Ed");
	assert_non_null(end);
	*end = '\0';
	err = conf_load_text("EXAMPLES", begin, &conf, &errs);
	conf_errors_print(&errs, stderr);
	assert_int_equal(err, 0);
	assert_int_equal(errs.n_warnings, 0);
	conf_free(conf);
	free(part);
	free(man);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_manual_example),
	};

	return cmocka_run_group_tests_name("config_docs", tests, NULL, NULL);
}
