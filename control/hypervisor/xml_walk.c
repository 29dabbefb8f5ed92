/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Going through XML, by libxml2's SAX interface. See xml_walk.h.
 *
 * Most of what libvirt says of a VM nobody asks for, and with thousands of VMs it
 * is read often: building a tree and taking it down would be more than half the
 * work.
 */
#include "control/hypervisor/xml_walk.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

/* As libxml2 has them: name, prefix, URI, first byte, end; NULL = none. */
struct xml_attrs {
	const xmlChar **at;
	int n;
};

/**
 * struct walk - one walk.
 * @xml: the text.
 * @visitor: who asks.
 * @arg: its own.
 * @parser: libxml2's.
 * @place: where it is.
 * @n_skipped: elements around it that nobody asks for, below @place.
 * @whole_at: where the text of visitor.whole begins.
 * @err: why it ended, or 0.
 */
struct walk {
	const char *xml;
	const struct xml_visitor *visitor;
	void *arg;
	xmlParserCtxt *parser;
	int place;
	int n_skipped;
	size_t whole_at;
	int err;
};

static void parser_freep(xmlParserCtxt **parser)
{
	xmlFreeParserCtxt(*parser);
}

static void stop_if(struct walk *w, int err)
{
	if (!err)
		return;
	w->err = err;
	xmlStopParser(w->parser);
}

/* How much of the text has been read. */
static size_t offset(const struct walk *w)
{
	const long at = xmlByteConsumed(w->parser);
	const size_t size = strlen(w->xml);

	return at < 0 ? 0 : (size_t)at > size ? size : (size_t)at;
}

/* The number of an element that begins in w->place, or XML_NOWHERE. */
static int find(const struct walk *w, const char *name, const char *uri)
{
	const struct xml_place *place;
	int i;

	for (i = 0; i < w->visitor->n_places; i++) {
		place = &w->visitor->places[i];
		if (place->in == w->place && !strcmp(place->name, name) &&
		    (!place->uri || (uri && !strcmp(place->uri, uri))))
			return i;
	}
	return XML_NOWHERE;
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *uri, int n_namespaces,
		     const xmlChar **namespaces, int n_attributes,
		     int n_defaulted, const xmlChar **attributes)
{
	const struct xml_attrs attrs = { attributes, n_attributes };
	struct walk *w = arg;
	int place = XML_NOWHERE;

	(void)prefix;
	(void)n_namespaces;
	(void)namespaces;
	(void)n_defaulted;
	if (!w->n_skipped)
		place = find(w, (const char *)name, (const char *)uri);
	if (place == XML_NOWHERE) {
		w->n_skipped++;
		return;
	}
	w->place = place;
	if (place == w->visitor->whole) {
		/* Its tag has been read but for the end, and has no other "<". */
		w->whole_at = offset(w);
		while (w->whole_at > 0 && w->xml[w->whole_at] != '<')
			w->whole_at--;
	}
	stop_if(w, w->visitor->begin(w->arg, place, &attrs));
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *uri)
{
	struct walk *w = arg;
	const int place = w->place;
	const char *whole = NULL;
	size_t size = 0;

	(void)name;
	(void)prefix;
	(void)uri;
	if (w->n_skipped) {
		w->n_skipped--;
		return;
	}
	if (place == w->visitor->whole) {
		whole = w->xml + w->whole_at;
		size = offset(w);
		size -= size < w->whole_at ? size : w->whole_at;
	}
	w->place = w->visitor->places[place].in;
	stop_if(w, w->visitor->end(w->arg, place, whole, size));
}

static void on_text(void *arg, const xmlChar *text, int size)
{
	struct walk *w = arg;

	if (!w->n_skipped)
		stop_if(w, w->visitor->text(w->arg, w->place,
					    (const char *)text, (size_t)size));
}

/* libvirt writes none, and none of its entities is worth the danger. */
static void on_document_type(void *arg, const xmlChar *name, const xmlChar *id,
			     const xmlChar *uri)
{
	(void)name;
	(void)id;
	(void)uri;
	stop_if(arg, -EINVAL);
}

int xml_walk(const char *xml, const struct xml_visitor *visitor, void *arg)
{
	static const xmlSAXHandler handlers = {
		.initialized = XML_SAX2_MAGIC,
		.internalSubset = on_document_type,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		/* The same: libxml2 need not find out what is a blank. */
		.ignorableWhitespace = on_text,
	};
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	CLEANUP(parser_freep) xmlParserCtxt *parser = NULL;
	xmlParserInput *input = NULL;
	struct walk w = { xml, visitor, arg, NULL, XML_NOWHERE, 0, 0, 0 };

	/* libxml2 would do it by itself, but not by two threads at once. */
	pthread_once(&once, xmlInitParser);
	parser = w.parser = xmlNewParserCtxt();
	/*
	 * The text is read where it stands: from a buffer, libxml2 would ask for
	 * more of it at each token of the last 250 bytes.
	 */
	if (parser)
		input = xmlNewStringInputStream(parser, (const xmlChar *)xml);
	if (!input)
		return -ENOMEM;
	*parser->sax = handlers;
	parser->userData = &w;
	/* NOENT: "&lt;" in an attribute is told as what it stands for. */
	(void)xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_NOENT);
	if (inputPush(parser, input) < 0) {
		xmlFreeInputStream(input);
		return -ENOMEM;
	}
	(void)xmlParseDocument(parser);
	if (w.err)
		return w.err;
	return parser->wellFormed ? 0 : -EINVAL;
}

/* Its first byte and its length, or NULL. */
static const char *find_attr(const struct xml_attrs *attrs, const char *name,
			     size_t *ret_size)
{
	const xmlChar **at = attrs->at;
	int i;

	for (i = 0; i < attrs->n; i++, at += 5) {
		if (at[1] || strcmp((const char *)at[0], name) != 0)
			continue;
		*ret_size = (size_t)(at[4] - at[3]);
		return (const char *)at[3];
	}
	return NULL;
}

bool xml_attr_has(const struct xml_attrs *attrs, const char *name)
{
	size_t size;

	return find_attr(attrs, name, &size);
}

bool xml_attr_is(const struct xml_attrs *attrs, const char *name,
		 const char *value)
{
	const char *text;
	size_t size;

	text = find_attr(attrs, name, &size);
	return text && size == strlen(value) && !memcmp(text, value, size);
}

int xml_attr_get(const struct xml_attrs *attrs, const char *name, char *buf,
		 size_t size)
{
	const char *text;
	size_t n;

	text = find_attr(attrs, name, &n);
	if (!text)
		return -ENOENT;
	if (n >= size)
		return -E2BIG;
	memcpy(buf, text, n);
	buf[n] = '\0';
	return (int)n;
}

int xml_attr_copy(const struct xml_attrs *attrs, const char *name, char **text)
{
	const char *value;
	size_t size;

	value = find_attr(attrs, name, &size);
	if (!value || *text)
		return 0;
	*text = strndup(value, size);
	return *text ? 0 : -ENOMEM;
}
