/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A key's value that is a list: set from what a file has, as the schema wants it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "config/value.h"
#include "config/value_priv.h"

static int set_texts(const struct conf_field *field, const char *const *texts,
		     size_t n, struct conf_strings *strings,
		     struct conf_arena *arena, char *why)
{
	int value, err;
	size_t i;

	strings->text = conf_arena_alloc(arena, n, sizeof(*strings->text));
	if (!strings->text)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (!*texts[i] || !conf_is_printable(texts[i]))
			return conf_refuse(why,
					   "its element %zu is empty or has a "
					   "control character in it",
					   i + 1);
		err = field->words ?
			      conf_find_word(field, texts[i], &value, why) :
			      0;
		if (err)
			return err;
		strings->text[i] = conf_arena_text(arena, texts[i]);
		if (!strings->text[i])
			return -ENOMEM;
	}
	strings->n = n;
	return 0;
}

/* "name=value" or "name". */
static int set_pair(const char *text, struct conf_pair *pair,
		    struct conf_arena *arena, char *why)
{
	const char *equals = strchrnul(text, '=');
	char *name;

	if (equals == text || !conf_is_printable(text))
		return conf_refuse(why,
				   "\"%.80s\" is none of \"name=value\" and "
				   "\"name\"",
				   text);
	name = conf_arena_alloc(arena, (size_t)(equals - text) + 1, 1);
	if (!name)
		return -ENOMEM;
	memcpy(name, text, (size_t)(equals - text));
	pair->name = name;
	pair->value = conf_arena_text(arena, *equals ? equals + 1 : "");
	return pair->value ? 0 : -ENOMEM;
}

static int set_pairs(const char *const *texts, size_t n,
		     struct conf_pairs *pairs, struct conf_arena *arena,
		     char *why)
{
	size_t i;
	int err;

	pairs->pair = conf_arena_alloc(arena, n, sizeof(*pairs->pair));
	if (!pairs->pair)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		err = set_pair(texts[i], &pairs->pair[i], arena, why);
		if (err)
			return err;
	}
	pairs->n = n;
	return 0;
}

static int set_addrs(const char *const *texts, size_t n,
		     struct conf_addrs *addrs, struct conf_arena *arena,
		     char *why)
{
	size_t i;

	addrs->addr = conf_arena_alloc(arena, n, sizeof(*addrs->addr));
	if (!addrs->addr)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if (conf_addr_parse(texts[i], &addrs->addr[i]) < 0)
			return conf_refuse(why,
					   "\"%.60s\" is no address, one like "
					   "\"192.0.2.7\" is",
					   texts[i]);
	addrs->n = n;
	return 0;
}

static int set_prefix(const char *text, struct conf_prefix *prefix, char *why)
{
	int err = conf_prefix_parse(text, prefix);

	if (err == -ERANGE)
		return conf_refuse(
			why,
			"\"%.60s\" has bits set behind its length; a "
			"range begins with its first address",
			text);
	if (err)
		return conf_refuse(why,
				   "\"%.60s\" is no address or range, one like "
				   "\"203.0.113.10\" or \"203.0.113.64/28\" is",
				   text);
	return 0;
}

static int set_prefixes(const char *const *texts, size_t n,
			struct conf_prefixes *prefixes,
			struct conf_arena *arena, char *why)
{
	size_t i;
	int err;

	prefixes->prefix =
		conf_arena_alloc(arena, n, sizeof(*prefixes->prefix));
	if (!prefixes->prefix)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		err = set_prefix(texts[i], &prefixes->prefix[i], why);
		if (err)
			return err;
	}
	prefixes->n = n;
	return 0;
}

static int set_select(const struct conf_field *field, const char *const *texts,
		      size_t n, void *base, struct conf_arena *arena, char *why)
{
	char *at = (char *)base + field->offset;
	struct select_term *terms;
	size_t i;

	terms = conf_arena_alloc(arena, n, sizeof(*terms));
	if (!terms)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if (select_parse(texts[i], &terms[i]) < 0)
			return conf_refuse(
				why,
				"\"%.80s\" is no term; \"tag=value\", "
				"\"tag!=value\", \"tag\" and \"!tag\" are, and "
				"for what is no tag \"name=...\", "
				"\"network=...\" and \"hypervisor=...\"",
				texts[i]);
	memcpy(at, &terms, sizeof(terms));
	memcpy(at + sizeof(terms), &n, sizeof(n));
	return 0;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A string that is there twice, or NULL. */
static int find_twice(const char *const *texts, size_t n,
		      const char **ret_twice)
{
	const char **sorted;
	size_t i;

	sorted = calloc(n + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	if (n > 0)
		memcpy(sorted, texts, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_texts);
	*ret_twice = NULL;
	for (i = 1; i < n; i++)
		if (strcmp(sorted[i - 1], sorted[i]) == 0)
			*ret_twice = sorted[i];
	free(sorted);
	return 0;
}

static int check_length(const struct conf_field *field, size_t n, char *why)
{
	if (n < field->min)
		return conf_refuse(why, "is empty, it must be %s",
				   conf_value_wanted(field));
	if (n > field->max)
		return conf_refuse(why,
				   "has %zu elements, at most %u are allowed",
				   n, field->max);
	return 0;
}

int conf_value_set_numbers(const struct conf_field *field,
			   const int64_t *numbers, size_t n, void *base,
			   struct conf_arena *arena, char *why)
{
	struct conf_numbers list = { .n = n };
	size_t i, j;
	int err;

	err = check_length(field, n, why);
	if (err)
		return err;
	list.number = conf_arena_alloc(arena, n, sizeof(*list.number));
	if (!list.number)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (numbers[i] < field->low || numbers[i] > field->high)
			return conf_refuse(why,
					   "%lld is out of range, %u to %u is "
					   "allowed",
					   (long long)numbers[i], field->low,
					   field->high);
		for (j = 0; j < i; j++)
			if (numbers[j] == numbers[i])
				return conf_refuse(why, "%lld is there twice",
						   (long long)numbers[i]);
		list.number[i] = (uint32_t)numbers[i];
	}
	memcpy((char *)base + field->offset, &list, sizeof(list));
	return 0;
}

int conf_value_set_list(const struct conf_field *field,
			const char *const *texts, size_t n, void *base,
			struct conf_arena *arena, char *why)
{
	void *at = (char *)base + field->offset;
	const char *twice;
	int err;

	err = check_length(field, n, why);
	if (err)
		return err;
	if (find_twice(texts, n, &twice) < 0)
		return -ENOMEM;
	if (twice && !field->repeats)
		return conf_refuse(why, "\"%.80s\" is there twice", twice);
	if (field->kind == KIND_SELECT)
		return set_select(field, texts, n, base, arena, why);
	if (field->kind == KIND_PREFIXES)
		return set_prefixes(texts, n, at, arena, why);
	if (field->kind == KIND_PAIRS)
		return set_pairs(texts, n, at, arena, why);
	if (field->kind == KIND_ADDRS)
		return set_addrs(texts, n, at, arena, why);
	return set_texts(field, texts, n, at, arena, why);
}
