/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is an XPath one? It is tried on an empty <metadata>: only so libxml2 says
 * that a prefix or a function in it is unknown.
 */
#include "config/xpath.h"

#include <errno.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <stdio.h>
#include <string.h>

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

int conf_xpath_check(const struct conf_xpath *xpath, char *why, size_t size)
{
	xmlXPathContext *context = NULL;
	xmlXPathObject *result = NULL;
	xmlNode *root = NULL;
	int err = -ENOMEM;
	xmlDoc *doc;

	doc = xmlNewDoc((const xmlChar *)"1.0");
	if (doc)
		root = xmlNewNode(NULL, (const xmlChar *)"metadata");
	if (root) {
		xmlDocSetRootElement(doc, root);
		context = xmlXPathNewContext(doc);
	}
	xmlSetStructuredErrorFunc(NULL, (xmlStructuredErrorFunc)say_nothing);
	xmlSetGenericErrorFunc(NULL, say_nothing_either);
	if (context) {
		context->node = root;
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
	xmlSetGenericErrorFunc(NULL, NULL);
	xmlSetStructuredErrorFunc(NULL, NULL);
	xmlXPathFreeObject(result);
	xmlXPathFreeContext(context);
	xmlFreeDoc(doc);
	return err;
}
