/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few things about libxml2 that its users here share. No other file but
 * these may know it.
 */
#ifndef CONTROL_HYPERVISOR_XML_NODE_H
#define CONTROL_HYPERVISOR_XML_NODE_H

#include <string.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "dataplane/core/base.h"

/* For CLEANUP(). */
static inline void xml_doc_freep(xmlDoc **doc)
{
	xmlFreeDoc(*doc);
}

static inline void xml_text_freep(xmlChar **text)
{
	xmlFree(*text);
}

static inline void xml_buffer_freep(xmlBuffer **buf)
{
	xmlBufferFree(*buf);
}

/* Is it an element of this name, of whatever namespace? */
static inline bool xml_is(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE &&
	       !strcmp((const char *)node->name, name);
}

/* An attribute, for xmlFree(); NULL without it. */
static inline xmlChar *xml_attr(const xmlNode *node, const char *name)
{
	return node ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;
}

/**
 * xml_read() - a document from its text, without a document type or entities of
 * its own; libvirt writes none.
 * @xml: the text.
 * @options: XML_PARSE_… besides those that it needs anyway.
 *
 * Return: the document, which has a root; NULL: it is not well-formed, or
 * there is no memory.
 */
xmlDoc *xml_read(const char *xml, int options);

/**
 * struct xml_pick - elements to keep, by where they stand.
 * @in_root: names of children of the root, then NULL.
 * @parent: of the children of this one of them,
 * @in_parent: only these, then NULL.
 */
struct xml_pick {
	const char *const *in_root;
	const char *parent;
	const char *const *in_parent;
};

/**
 * xml_read_picked() - the same, but only some elements with all that is in them,
 * and without blanks between elements: most of what libvirt says of a VM nobody
 * asks for, and to build it and take it down is half the work.
 */
xmlDoc *xml_read_picked(const char *xml, const struct xml_pick *pick);

#endif
