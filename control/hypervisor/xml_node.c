/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading XML into a tree, with libxml2. See xml_node.h.
 */
#include "control/hypervisor/xml_node.h"

#include <pthread.h>

xmlDoc *xml_read(const char *xml)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	xmlDoc *doc;

	/* libxml2 would do it by itself, but not by two threads at once. */
	pthread_once(&once, xmlInitParser);
	doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
			    XML_PARSE_NONET | XML_PARSE_NOERROR |
				    XML_PARSE_NOWARNING | XML_PARSE_COMPACT);
	if (doc && !doc->intSubset && xmlDocGetRootElement(doc))
		return doc;
	xmlFreeDoc(doc);
	return NULL;
}
