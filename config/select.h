/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Selectors: which VMs a pool takes, by their tags. Pure, no I/O.
 *
 * A selector is a list of terms that all have to hold:
 *
 *	role=web	has the tag role with the value web
 *	stage!=test	has no tag stage with the value test
 *	canary		has the tag canary, whatever its value
 *	!canary		has no tag canary
 *
 * A VM may carry several tags of one name. A selector without a term matches
 * nothing: an empty list must never take in every VM of a tenant.
 */
#ifndef CONFIG_SELECT_H
#define CONFIG_SELECT_H

#include "dataplane/core/base.h"

/* A tag's name and value, and a VM's number of tags, are at most so long. */
#define SELECT_NAME_MAX	 63
#define SELECT_VALUE_MAX 255

enum select_op {
	SELECT_EQUAL,
	SELECT_NOT_EQUAL,
	SELECT_HAS,
	SELECT_HAS_NOT,
};

/**
 * struct select_tag - one tag of a VM.
 * @name: never NULL.
 * @value: never NULL, "" where the tag has none.
 */
struct select_tag {
	const char *name;
	const char *value;
};

/**
 * struct select_term - one condition.
 * @op: what has to hold.
 * @name: the tag's name.
 * @value: the value to compare with; "" for SELECT_HAS and SELECT_HAS_NOT.
 */
struct select_term {
	enum select_op op;
	char name[SELECT_NAME_MAX + 1];
	char value[SELECT_VALUE_MAX + 1];
};

/**
 * select_parse() - one term from its text.
 * @text: as in the config, "role=web".
 * @ret_term: the term.
 *
 * A name is made of letters, digits, `.`, `_`, `-` and `/`; a value of any
 * printable characters but blanks.
 *
 * Return: 0, or -EINVAL if @text is no term.
 */
MUST_CHECK int select_parse(const char *text, struct select_term *ret_term);

/**
 * select_print() - the text of a term, as select_parse() reads it.
 * @term: the term.
 * @buf: where to.
 * @size: of @buf; SELECT_NAME_MAX + SELECT_VALUE_MAX + 3 always suffices.
 */
void select_print(const struct select_term *term, char *buf, size_t size);

/**
 * selector_match() - does a VM with these tags belong to the pool?
 * @terms: the selector.
 * @n_terms: their number; with 0 nothing matches.
 * @tags: the VM's tags, in any order.
 * @n_tags: their number.
 */
bool selector_match(const struct select_term *terms, size_t n_terms,
		    const struct select_tag *tags, size_t n_tags);

#endif
