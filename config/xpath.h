/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is an XPath one? Pure.
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

#endif
