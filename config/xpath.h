/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Conditions on metadata: is an XPath one, and does it hold? Pure.
 */
#ifndef CONFIG_XPATH_H
#define CONFIG_XPATH_H

#include "config/config.h"

/**
 * conf_xpath_check() - look at an expression without a document.
 * @xpath: the expression and its namespaces.
 * @why: gets what is wrong.
 * @size: of @why.
 *
 * Return: 0; -EINVAL with @why; -ENOMEM.
 */
MUST_CHECK int conf_xpath_check(const struct conf_xpath *xpath, char *why,
				size_t size);

/* A `<metadata>` element that was read. */
struct conf_metadata;

/**
 * conf_metadata_read() - read one for any number of conditions.
 * @text: from outside and not trusted; NULL or what is no XML = an empty one.
 *
 * Return: to be freed by conf_metadata_free(); NULL without memory.
 */
struct conf_metadata *conf_metadata_read(const char *text);
void conf_metadata_free(struct conf_metadata *metadata);

/**
 * conf_xpaths_hold() - does one of the conditions hold?
 * @xpaths: of a config that was checked.
 * @metadata: NULL = none of them does.
 *
 * Each is given a bounded number of steps; one that needs more does not hold.
 */
bool conf_xpaths_hold(const struct conf_xpaths *xpaths,
		      struct conf_metadata *metadata);

#endif
