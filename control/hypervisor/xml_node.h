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
 *
 * Return: the document, which has a root; NULL: it is not well-formed, or
 * there is no memory.
 */
xmlDoc *xml_read(const char *xml);

#endif
