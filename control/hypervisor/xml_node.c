/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading XML, with libxml2. See xml_node.h.
 */
#include "control/hypervisor/xml_node.h"

#include <pthread.h>

#include <libxml/parserInternals.h>

static void parser_freep(xmlParserCtxt **parser)
{
	if (*parser)
		xmlFreeDoc((*parser)->myDoc);
	xmlFreeParserCtxt(*parser);
}

/*
 * The text is read where it stands: xmlReadMemory() would copy it and ask for
 * more of it at each token of the last 250 bytes, a quarter of its time.
 */
static xmlDoc *read_doc(const char *xml, int options)
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
	if (inputPush(parser, input) < 0) {
		xmlFreeInputStream(input);
		return NULL;
	}
	(void)xmlParseDocument(parser);
	return parser->wellFormed ? STEAL(parser->myDoc) : NULL;
}

xmlDoc *xml_read(const char *xml, int options)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	xmlDoc *doc;

	/* libxml2 would do it by itself, but not by two threads at once. */
	pthread_once(&once, xmlInitParser);
	doc = read_doc(xml, options);
	if (doc && !doc->intSubset && xmlDocGetRootElement(doc))
		return doc;
	xmlFreeDoc(doc);
	return NULL;
}
