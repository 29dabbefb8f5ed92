/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading XML, with libxml2. See xml_node.h.
 */
#include "control/hypervisor/xml_node.h"

#include <pthread.h>

#include <libxml/parserInternals.h>
#include <libxml/SAX2.h>

static void parser_freep(xmlParserCtxt **parser)
{
	if (*parser)
		xmlFreeDoc((*parser)->myDoc);
	xmlFreeParserCtxt(*parser);
}

/* Of a parser: what it keeps, and where it is. */
struct picking {
	const struct xml_pick *pick;
	int depth;
	int n_skipped; /* elements around it that are not kept */
	bool in_parent;
};

static bool is_one_of(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

/* An element that begins at that depth. */
static bool is_kept(struct picking *p, const char *name)
{
	if (p->depth == 1) {
		p->in_parent = !strcmp(name, p->pick->parent);
		return is_one_of(p->pick->in_root, name);
	}
	return p->depth != 2 || !p->in_parent ||
	       is_one_of(p->pick->in_parent, name);
}

/* Handlers of libxml2's that build the document, but for what is left out. */

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *uri, int n_namespaces,
		     const xmlChar **namespaces, int n_attributes,
		     int n_defaulted, const xmlChar **attributes)
{
	const xmlParserCtxt *parser = ctx;
	struct picking *p = parser->_private;

	if (p->n_skipped || !is_kept(p, (const char *)name))
		p->n_skipped++;
	else
		xmlSAX2StartElementNs(ctx, name, prefix, uri, n_namespaces,
				      namespaces, n_attributes, n_defaulted,
				      attributes);
	p->depth++;
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *uri)
{
	const xmlParserCtxt *parser = ctx;
	struct picking *p = parser->_private;

	p->depth--;
	if (p->n_skipped)
		p->n_skipped--;
	else
		xmlSAX2EndElementNs(ctx, name, prefix, uri);
}

static void on_text(void *ctx, const xmlChar *text, int len)
{
	const xmlParserCtxt *parser = ctx;
	const struct picking *p = parser->_private;

	if (!p->n_skipped)
		xmlSAX2Characters(ctx, text, len);
}

static void on_cdata(void *ctx, const xmlChar *text, int len)
{
	const xmlParserCtxt *parser = ctx;
	const struct picking *p = parser->_private;

	if (!p->n_skipped)
		xmlSAX2CDataBlock(ctx, text, len);
}

/* They stand between elements, and nobody asks for them. */
static void on_comment(void *ctx, const xmlChar *text)
{
	(void)ctx;
	(void)text;
}

static void on_instruction(void *ctx, const xmlChar *target,
			   const xmlChar *text)
{
	(void)ctx;
	(void)target;
	(void)text;
}

static void set_picking(xmlParserCtxt *parser, struct picking *picking)
{
	parser->_private = picking;
	parser->sax->startElementNs = on_start;
	parser->sax->endElementNs = on_end;
	parser->sax->characters = on_text;
	parser->sax->cdataBlock = on_cdata;
	parser->sax->comment = on_comment;
	parser->sax->processingInstruction = on_instruction;
}

/*
 * The text is read where it stands: xmlReadMemory() would copy it and ask for
 * more of it at each token of the last 250 bytes, a quarter of its time.
 */
static xmlDoc *read_doc(const char *xml, int options, struct picking *picking)
{
	CLEANUP(parser_freep) xmlParserCtxt *parser = xmlNewParserCtxt();
	xmlParserInput *input = NULL;

	if (parser)
		input = xmlNewStringInputStream(parser, (const xmlChar *)xml);
	if (!input)
		return NULL;
	(void)xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_NOERROR |
						XML_PARSE_NOWARNING |
						XML_PARSE_COMPACT | options);
	if (picking)
		set_picking(parser, picking);
	if (inputPush(parser, input) < 0) {
		xmlFreeInputStream(input);
		return NULL;
	}
	(void)xmlParseDocument(parser);
	return parser->wellFormed ? STEAL(parser->myDoc) : NULL;
}

static xmlDoc *read_checked(const char *xml, int options,
			    struct picking *picking)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	xmlDoc *doc;

	/* libxml2 would do it by itself, but not by two threads at once. */
	pthread_once(&once, xmlInitParser);
	doc = read_doc(xml, options, picking);
	if (doc && !doc->intSubset && xmlDocGetRootElement(doc))
		return doc;
	xmlFreeDoc(doc);
	return NULL;
}

xmlDoc *xml_read(const char *xml, int options)
{
	return read_checked(xml, options, NULL);
}

xmlDoc *xml_read_picked(const char *xml, const struct xml_pick *pick)
{
	struct picking picking = { .pick = pick };

	return read_checked(xml, XML_PARSE_NOBLANKS, &picking);
}
