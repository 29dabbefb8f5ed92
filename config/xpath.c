/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Conditions on metadata. Is an XPath one? It is tried on an empty <metadata>:
 * only so libxml2 says that a prefix or a function in it is unknown.
 */
#include "config/xpath.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <stdio.h>
#include <string.h>

/* Of one evaluation: metadata is a few dozen nodes. */
#define STEPS_MAX 100000

/* libxml2 would print otherwise; the last error stays with the context. */
static void say_nothing(void *arg, const xmlError *error)
{
	(void)arg;
	(void)error;
}

/* Some of its functions know no other way. */
static void __attribute__((format(printf, 2, 3)))
say_nothing_either(void *arg, const char *format, ...)
{
	(void)arg;
	(void)format;
}

static int check_namespaces(const struct conf_xpath *xpath,
			    xmlXPathContext *context, char *why, size_t size)
{
	const struct conf_pair *pair;
	size_t i;

	for (i = 0; i < xpath->namespaces.n; i++) {
		pair = &xpath->namespaces.pair[i];
		if (!*pair->value) {
			snprintf(why, size,
				 "namespace \"%.60s\" has no URI, "
				 "\"%.60s=...\" has",
				 pair->name, pair->name);
			return -EINVAL;
		}
		if (xmlXPathRegisterNs(context, (const xmlChar *)pair->name,
				       (const xmlChar *)pair->value) != 0)
			return -ENOMEM;
	}
	return 0;
}

static void tell(const struct conf_xpath *xpath, const xmlError *error,
		 char *why, size_t size)
{
	if (error->code == XML_XPATH_UNDEF_PREFIX_ERROR)
		snprintf(why, size,
			 "\"%.120s\" has a prefix that namespaces has not",
			 xpath->xpath);
	else if (error->code == XML_XPATH_UNKNOWN_FUNC_ERROR)
		snprintf(why, size,
			 "\"%.120s\" has a function that XPath 1.0 has not",
			 xpath->xpath);
	else
		snprintf(why, size,
			 "\"%.120s\" is no XPath, it goes wrong at its "
			 "character %d",
			 xpath->xpath, error->int1 + 1);
}

struct conf_metadata *conf_metadata_read(const char *text)
{
	xmlDoc *doc = NULL;
	xmlNode *root;

	if (text)
		doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL,
				    XML_PARSE_NONET | XML_PARSE_NOERROR |
					    XML_PARSE_NOWARNING);
	if (doc && !doc->intSubset && xmlDocGetRootElement(doc))
		return (struct conf_metadata *)doc;
	xmlFreeDoc(doc);
	doc = xmlNewDoc((const xmlChar *)"1.0");
	root = doc ? xmlNewNode(NULL, (const xmlChar *)"metadata") : NULL;
	if (!root) {
		xmlFreeDoc(doc);
		return NULL;
	}
	xmlDocSetRootElement(doc, root);
	return (struct conf_metadata *)doc;
}

void conf_metadata_free(struct conf_metadata *metadata)
{
	xmlFreeDoc((xmlDoc *)metadata);
}

/* A context that is at <metadata>; NULL without memory. */
static xmlXPathContext *context_at(struct conf_metadata *metadata)
{
	xmlDoc *doc = (xmlDoc *)metadata;
	xmlXPathContext *context = xmlXPathNewContext(doc);

	if (!context)
		return NULL;
	context->node = xmlDocGetRootElement(doc);
	context->opLimit = STEPS_MAX;
	return context;
}

static void hush(bool quiet)
{
	xmlSetStructuredErrorFunc(
		NULL, quiet ? (xmlStructuredErrorFunc)say_nothing : NULL);
	xmlSetGenericErrorFunc(NULL, quiet ? say_nothing_either : NULL);
}

static bool is_true(const xmlXPathObject *result)
{
	if (result->type == XPATH_NODESET)
		return !xmlXPathNodeSetIsEmpty(result->nodesetval);
	if (result->type == XPATH_BOOLEAN)
		return result->boolval;
	if (result->type == XPATH_NUMBER)
		return result->floatval < 0 || result->floatval > 0;
	return result->type == XPATH_STRING && *result->stringval;
}

static bool holds(const struct conf_xpath *xpath,
		  struct conf_metadata *metadata)
{
	xmlXPathContext *context = context_at(metadata);
	xmlXPathObject *result = NULL;
	bool yes = false;
	char why[200]; /* for a checked config there is none */

	if (context && !check_namespaces(xpath, context, why, sizeof(why)))
		result = xmlXPathEval((const xmlChar *)xpath->xpath, context);
	if (result)
		yes = is_true(result);
	xmlXPathFreeObject(result);
	xmlXPathFreeContext(context);
	return yes;
}

bool conf_xpaths_hold(const struct conf_xpaths *xpaths,
		      struct conf_metadata *metadata)
{
	bool yes = false;
	size_t i;

	if (!metadata)
		return false;
	hush(true);
	for (i = 0; i < xpaths->n && !yes; i++)
		yes = holds(&xpaths->xpath[i], metadata);
	hush(false);
	return yes;
}

int conf_xpath_check(const struct conf_xpath *xpath, char *why, size_t size)
{
	struct conf_metadata *metadata = conf_metadata_read(NULL);
	xmlXPathContext *context = metadata ? context_at(metadata) : NULL;
	xmlXPathObject *result = NULL;
	int err = -ENOMEM;

	hush(true);
	if (context) {
		err = check_namespaces(xpath, context, why, size);
		if (!err) {
			result = xmlXPathEval((const xmlChar *)xpath->xpath,
					      context);
			if (!result)
				err = -EINVAL;
			if (!result)
				tell(xpath, &context->lastError, why, size);
		}
	}
	hush(false);
	xmlXPathFreeObject(result);
	xmlXPathFreeContext(context);
	conf_metadata_free(metadata);
	return err;
}
