/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Going through XML once, with libxml2, and seeing only what one asks for: no
 * tree is built. Whoever changes a document needs one and has xml_node.h.
 */
#ifndef CONTROL_HYPERVISOR_XML_WALK_H
#define CONTROL_HYPERVISOR_XML_WALK_H

#include <stddef.h>

#include "dataplane/core/base.h"

/* Attributes of an element, until the call that they come with returns. */
struct xml_attrs;

/**
 * struct xml_place - an element that is asked for, by where it stands.
 * @in: number of the place in which it stands; XML_NOWHERE: it is the root.
 * @name: its name.
 * @uri: its namespace; NULL = whatever it is.
 */
struct xml_place {
	int in;
	const char *name;
	const char *uri;
};

#define XML_NOWHERE (-1)

/**
 * struct xml_visitor - what is asked for, and who is told.
 * @places: a number is an index.
 * @n_places: their number.
 * @whole: number of the place whose own text @end gets.
 * @begin: an element begins.
 * @text: some of the text that stands in the element itself, perhaps not all.
 * @end: it has ended. @whole: from its "<" to its ">" as the document has it, so
 *	many bytes; NULL and 0 of other places.
 *
 * Each returns 0, or a negative errno that ends the walk.
 */
struct xml_visitor {
	const struct xml_place *places;
	int n_places;
	int whole;
	int (*begin)(void *arg, int place, const struct xml_attrs *attrs);
	int (*text)(void *arg, int place, const char *text, size_t size);
	int (*end)(void *arg, int place, const char *whole, size_t size);
};

/**
 * xml_walk() - go through a document.
 * @xml: its text. No document type, so no entities of its own.
 * @visitor: is told of its places in the order in which they stand.
 * @arg: for @visitor.
 *
 * Return: 0; -EINVAL when the document is not well-formed, which may show after
 * much of it has been told; what the visitor returned.
 */
MUST_CHECK int xml_walk(const char *xml, const struct xml_visitor *visitor,
			void *arg);

/* Has it this attribute? */
bool xml_attr_has(const struct xml_attrs *attrs, const char *name);

/**
 * xml_attr_is() - has it this attribute, with this value?
 */
bool xml_attr_is(const struct xml_attrs *attrs, const char *name,
		 const char *value);

/**
 * xml_attr_get() - an attribute into a buffer.
 *
 * Return: its length; -ENOENT: there is none; -E2BIG: it does not fit.
 */
int xml_attr_get(const struct xml_attrs *attrs, const char *name, char *buf,
		 size_t size);

/**
 * xml_attr_copy() - a copy of an attribute, if there is one.
 * @text: gets it, for free(); stays as it is if there is none, or if it has one
 *	already: of several elements the first counts.
 *
 * Return: 0 or -ENOMEM.
 */
MUST_CHECK int xml_attr_copy(const struct xml_attrs *attrs, const char *name,
			     char **text);

#endif
