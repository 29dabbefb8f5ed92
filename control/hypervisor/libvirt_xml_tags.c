/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changing tags in a <vm> element, with libxml2: nodes are taken out and put in,
 * so that all other nodes stay the ones that were read.
 */
#include "control/hypervisor/libvirt_xml_tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/hypervisor/xml_node.h"

static const char empty[] = "<vm/>";

static bool attr_is(const xmlNode *node, const char *name, const char *value)
{
	CLEANUP(xml_text_freep) xmlChar *text = xml_attr(node, name);

	return !strcmp(text ? (const char *)text : "", value);
}

/* Is it a tag of that name and value? @value: NULL: any. */
static bool is_tag(const xmlNode *node, const char *name, const char *value)
{
	return xml_is(node, "tag") && attr_is(node, "name", name) &&
	       (!value || attr_is(node, "value", value));
}

/* Does the reader take it for one (libvirt_xml.c)? */
static bool counts(const xmlNode *node)
{
	CLEANUP(xml_text_freep) xmlChar *name = NULL;

	if (!xml_is(node, "tag"))
		return false;
	name = xml_attr(node, "name");
	return name && *name;
}

static bool is_blank(const xmlNode *node)
{
	return node && xmlIsBlankNode(node);
}

/* With the blanks before it, so that no empty line is left. */
static void take_out(xmlNode *node)
{
	xmlNode *before = node->prev;

	if (is_blank(before)) {
		xmlUnlinkNode(before);
		xmlFreeNode(before);
	}
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}

/* Those with this name and value (NULL: any), but one. Were there any? */
static bool remove_tags(xmlNode *vm, const char *name, const char *value,
			const xmlNode *but)
{
	xmlNode *at, *next;
	bool any = false;

	for (at = vm->children; at; at = next) {
		next = at->next;
		if ((but && at == but) || !is_tag(at, name, value))
			continue;
		take_out(at);
		any = true;
	}
	return any;
}

static xmlNode *find_tag(const xmlNode *vm, const char *name, const char *value)
{
	xmlNode *at;

	for (at = vm->children; at; at = at->next)
		if (is_tag(at, name, value))
			return at;
	return NULL;
}

static xmlNode *last_tag(const xmlNode *vm)
{
	xmlNode *at;

	for (at = vm->last; at; at = at->prev)
		if (xml_is(at, "tag"))
			return at;
	return NULL;
}

static xmlNode *new_tag(const char *name, const char *value)
{
	xmlNode *tag = xmlNewNode(NULL, (const xmlChar *)"tag");

	if (tag &&
	    xmlNewProp(tag, (const xmlChar *)"name", (const xmlChar *)name) &&
	    (!*value ||
	     xmlNewProp(tag, (const xmlChar *)"value", (const xmlChar *)value)))
		return tag;
	xmlFreeNode(tag);
	return NULL;
}

/* Behind the last one, else before all there is. */
static int put_in(xmlNode *vm, const char *name, const char *value)
{
	xmlNode *last = last_tag(vm);
	xmlNode *tag = new_tag(name, value);
	xmlNode *blank;

	if (!tag)
		return -ENOMEM;
	if (!last && vm->children)
		(void)xmlAddPrevSibling(vm->children, tag);
	else if (!last)
		(void)xmlAddChild(vm, tag);
	else
		(void)xmlAddNextSibling(last, tag);
	if (!last || !is_blank(last->prev))
		return 0;
	/* A blank that is put beside another one would be freed for it. */
	blank = xmlCopyNode(last->prev, 1);
	if (!blank)
		return -ENOMEM;
	(void)xmlAddPrevSibling(tag, blank);
	return 0;
}

static int take_step(xmlNode *vm, const struct hv_tag_step *step,
		     bool *ret_changed)
{
	xmlNode *there = NULL;

	if (step->op == HV_TAG_REMOVE) {
		*ret_changed |= remove_tags(vm, step->name, step->value, NULL);
		return 0;
	}
	there = find_tag(vm, step->name, step->value);
	if (step->op == HV_TAG_SET)
		*ret_changed |= remove_tags(vm, step->name, NULL, there);
	if (there)
		return 0;
	*ret_changed = true;
	return put_in(vm, step->name, step->value);
}

static size_t count_tags(const xmlNode *vm)
{
	const xmlNode *at;
	size_t n = 0;

	for (at = vm->children; at; at = at->next)
		n += counts(at);
	return n;
}

static int print(xmlDoc *doc, xmlNode *vm, char **ret_element)
{
	CLEANUP(xml_buffer_freep) xmlBuffer *buf = xmlBufferCreate();
	int size = buf ? xmlNodeDump(buf, doc, vm, 0, 0) : -1;

	if (size < 0)
		return -ENOMEM;
	*ret_element =
		strndup((const char *)xmlBufferContent(buf), (size_t)size);
	return *ret_element ? 0 : -ENOMEM;
}

int libvirt_xml_tags(const char *element, const struct hv_tag_step *steps,
		     size_t n_steps, char **ret_element)
{
	const char *text = element ? element : empty;
	CLEANUP(xml_doc_freep) xmlDoc *doc = xml_read(text);
	xmlNode *vm = doc ? xmlDocGetRootElement(doc) : NULL;
	bool changed = false;
	size_t before;
	size_t i;
	int err = 0;

	if (!vm || !xml_is(vm, "vm"))
		return -EINVAL;
	before = count_tags(vm);
	for (i = 0; i < n_steps && !err; i++)
		err = take_step(vm, &steps[i], &changed);
	if (err)
		return err;
	if (count_tags(vm) > HV_MAX_TAGS && count_tags(vm) > before)
		return -E2BIG;
	if (changed)
		return print(doc, vm, ret_element);
	*ret_element = NULL;
	return 0;
}
