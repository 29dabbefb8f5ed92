/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Selectors: which VMs a pool takes, by their tags.
 */
#include "config/select.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("._-/", c));
}

/* Whatever UTF-8 a value has may stay; blanks and controls may not. */
static bool is_value(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

int select_parse(const char *text, struct select_term *ret_term)
{
	struct select_term term = { .op = SELECT_HAS };
	size_t length = 0;

	if (*text == '!') {
		term.op = SELECT_HAS_NOT;
		text++;
	}
	while (is_name_char(text[length]))
		length++;
	if (length == 0 || length > SELECT_NAME_MAX)
		return -EINVAL;
	memcpy(term.name, text, length);
	text += length;

	if (*text && term.op == SELECT_HAS_NOT)
		return -EINVAL;
	if (*text) {
		term.op = *text == '!' ? SELECT_NOT_EQUAL : SELECT_EQUAL;
		text += term.op == SELECT_NOT_EQUAL;
		if (*text++ != '=')
			return -EINVAL;
		if (*text == '\0' || strlen(text) > SELECT_VALUE_MAX ||
		    !is_value(text))
			return -EINVAL;
		memcpy(term.value, text, strlen(text));
	}
	*ret_term = term;
	return 0;
}

void select_print(const struct select_term *term, char *buf, size_t size)
{
	switch (term->op) {
	case SELECT_EQUAL:
		snprintf(buf, size, "%s=%s", term->name, term->value);
		break;
	case SELECT_NOT_EQUAL:
		snprintf(buf, size, "%s!=%s", term->name, term->value);
		break;
	case SELECT_HAS:
		snprintf(buf, size, "%s", term->name);
		break;
	case SELECT_HAS_NOT:
		snprintf(buf, size, "!%s", term->name);
		break;
	}
}

static bool term_holds(const struct select_term *term,
		       const struct select_tag *tags, size_t n_tags)
{
	bool has = false, equal = false;
	size_t i;

	for (i = 0; i < n_tags; i++) {
		if (strcmp(tags[i].name, term->name) != 0)
			continue;
		has = true;
		if (strcmp(tags[i].value, term->value) == 0)
			equal = true;
	}
	switch (term->op) {
	case SELECT_EQUAL:
		return equal;
	case SELECT_NOT_EQUAL:
		return !equal;
	case SELECT_HAS:
		return has;
	case SELECT_HAS_NOT:
		return !has;
	}
	return false;
}

bool selector_match(const struct select_term *terms, size_t n_terms,
		    const struct select_tag *tags, size_t n_tags)
{
	size_t i;

	for (i = 0; i < n_terms; i++)
		if (!term_holds(&terms[i], tags, n_tags))
			return false;
	return n_terms > 0;
}
