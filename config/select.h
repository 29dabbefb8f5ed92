/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Selectors: which VMs a pool takes. Pure, no I/O.
 *
 * A selector is a list of terms that all have to hold:
 *
 *	role=web	has the tag role with the value web
 *	stage!=test	has no tag stage with the value test
 *	canary		has the tag canary, whatever its value
 *	!canary		has no tag canary
 *	name=web-*	its name matches the shell pattern
 *	network=br-*	a NIC is in a network or bridge that matches
 *	hypervisor=hv1	it is on a hypervisor that matches
 *	tag:name=x	has the tag name with the value x
 *
 * `name`, `network` and `hypervisor` are what the operator's side knows of a
 * VM, whatever tags it carries; tags that are called so are asked for with
 * `tag:` before them. Values of tags are compared as they are, the others are
 * patterns as in fnmatch(3), and `!=` is the opposite of `=`.
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

#define SELECT_TERM_SIZE (SELECT_NAME_MAX + SELECT_VALUE_MAX + 7)

enum select_op {
	SELECT_EQUAL,
	SELECT_NOT_EQUAL,
	SELECT_HAS,
	SELECT_HAS_NOT,
};

/* What a term is about. */
enum select_subject {
	SELECT_TAG,
	SELECT_NAME,
	SELECT_NETWORK,
	SELECT_HYPERVISOR,
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
 * struct select_vm - what selectors see of a VM. All is borrowed.
 * @name: its name.
 * @hypervisor: name of the one that it is on.
 * @networks: networks and bridges of its NICs, in any order; "" matches nothing.
 * @n_networks: their number.
 * @tags: its tags, in any order.
 * @n_tags: their number.
 */
struct select_vm {
	const char *name;
	const char *hypervisor;
	const char *const *networks;
	size_t n_networks;
	const struct select_tag *tags;
	size_t n_tags;
};

/**
 * struct select_term - one condition.
 * @subject: what it is about.
 * @op: what has to hold.
 * @name: the tag's name; "name", "network" or "hypervisor" of the others.
 * @value: the value to compare with; "" for SELECT_HAS and SELECT_HAS_NOT.
 */
struct select_term {
	enum select_subject subject;
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
 * printable characters but blanks. What is no tag needs a value.
 *
 * Return: 0, or -EINVAL if @text is no term.
 */
MUST_CHECK int select_parse(const char *text, struct select_term *ret_term);

/**
 * select_takes_tag() - can a term ask for this tag?
 * @name: the tag's name.
 * @value: its value, "" if it has none.
 */
bool select_takes_tag(const char *name, const char *value);

/**
 * select_print() - the text of a term, as select_parse() reads it.
 * @term: the term.
 * @buf: where to.
 * @size: of @buf; SELECT_TERM_SIZE always suffices.
 */
void select_print(const struct select_term *term, char *buf, size_t size);

/**
 * selector_match() - does a VM belong to the pool?
 * @terms: the selector.
 * @n_terms: their number; with 0 nothing matches.
 * @vm: the VM.
 */
bool selector_match(const struct select_term *terms, size_t n_terms,
		    const struct select_vm *vm);

#endif
