/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Selectors: which VMs a pool takes, by their tags, names and places.
 */
#include "config/select.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define TAG_PREFIX "tag:"

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

/* What a term with this name, which is no tag, is about. */
static enum select_subject subject_of(const char *name)
{
	if (strcmp(name, "name") == 0)
		return SELECT_NAME;
	if (strcmp(name, "network") == 0)
		return SELECT_NETWORK;
	if (strcmp(name, "hypervisor") == 0)
		return SELECT_HYPERVISOR;
	return SELECT_TAG;
}

/* "=value" or "!=value", the rest of a term. */
static int parse_value(const char *text, struct select_term *term)
{
	term->op = *text == '!' ? SELECT_NOT_EQUAL : SELECT_EQUAL;
	text += term->op == SELECT_NOT_EQUAL;
	if (*text++ != '=')
		return -EINVAL;
	if (*text == '\0' || strlen(text) > SELECT_VALUE_MAX || !is_value(text))
		return -EINVAL;
	memcpy(term->value, text, strlen(text));
	return 0;
}

/* Of the name that @text begins with; 0: it begins with none. */
static size_t name_length(const char *text)
{
	size_t length = 0;

	while (is_name_char(text[length]))
		length++;
	return length <= SELECT_NAME_MAX ? length : 0;
}

bool select_takes_tag(const char *name, const char *value)
{
	size_t length = name_length(name);

	return length && !name[length] && strlen(value) <= SELECT_VALUE_MAX &&
	       is_value(value);
}

int select_parse(const char *text, struct select_term *ret_term)
{
	struct select_term term = { .op = SELECT_HAS };
	size_t length;
	bool is_tag;
	int err = 0;

	if (*text == '!') {
		term.op = SELECT_HAS_NOT;
		text++;
	}
	is_tag = strncmp(text, TAG_PREFIX, strlen(TAG_PREFIX)) == 0;
	if (is_tag)
		text += strlen(TAG_PREFIX);
	length = name_length(text);
	if (!length)
		return -EINVAL;
	memcpy(term.name, text, length);
	text += length;

	if (!is_tag)
		term.subject = subject_of(term.name);
	if (*text && term.op == SELECT_HAS_NOT)
		return -EINVAL;
	if (*text)
		err = parse_value(text, &term);
	else if (term.subject != SELECT_TAG)
		err = -EINVAL; /* every VM has a name */
	if (!err)
		*ret_term = term;
	return err;
}

void select_print(const struct select_term *term, char *buf, size_t size)
{
	/* Only where the name alone would mean something else. */
	const char *prefix = term->subject == SELECT_TAG &&
					     subject_of(term->name) !=
						     SELECT_TAG ?
				     TAG_PREFIX :
				     "";

	switch (term->op) {
	case SELECT_EQUAL:
		snprintf(buf, size, "%s%s=%s", prefix, term->name, term->value);
		break;
	case SELECT_NOT_EQUAL:
		snprintf(buf, size, "%s%s!=%s", prefix, term->name,
			 term->value);
		break;
	case SELECT_HAS:
		snprintf(buf, size, "%s%s", prefix, term->name);
		break;
	case SELECT_HAS_NOT:
		snprintf(buf, size, "!%s%s", prefix, term->name);
		break;
	}
}

static bool tag_holds(const struct select_term *term,
		      const struct select_vm *vm)
{
	bool has = false, equal = false;
	size_t i;

	for (i = 0; i < vm->n_tags; i++) {
		if (strcmp(vm->tags[i].name, term->name) != 0)
			continue;
		has = true;
		if (strcmp(vm->tags[i].value, term->value) == 0)
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

static bool in_network(const char *pattern, const struct select_vm *vm)
{
	size_t i;

	for (i = 0; i < vm->n_networks; i++)
		if (*vm->networks[i] &&
		    fnmatch(pattern, vm->networks[i], 0) == 0)
			return true;
	return false;
}

static bool term_holds(const struct select_term *term,
		       const struct select_vm *vm)
{
	bool matches = false;

	switch (term->subject) {
	case SELECT_TAG:
		return tag_holds(term, vm);
	case SELECT_NAME:
		matches = fnmatch(term->value, vm->name, 0) == 0;
		break;
	case SELECT_NETWORK:
		matches = in_network(term->value, vm);
		break;
	case SELECT_HYPERVISOR:
		matches = fnmatch(term->value, vm->hypervisor, 0) == 0;
		break;
	}
	return matches == (term->op == SELECT_EQUAL);
}

bool selector_match(const struct select_term *terms, size_t n_terms,
		    const struct select_vm *vm)
{
	size_t i;

	for (i = 0; i < n_terms; i++)
		if (!term_holds(&terms[i], vm))
			return false;
	return n_terms > 0;
}
