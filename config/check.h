/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a configuration make sense? What no single value shows. Pure.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/config.h"
#include "config/marks.h"

/**
 * conf_complete() - defaults that depend on other values: the node's name, a
 * service's target port, the port and the SNI of a pool's probes, ...
 * @conf: a model as it was read; values that were wrong are zero or NULL.
 * @hostname: the node's name if it has none; borrowed.
 *
 * Return: 0 or -ENOMEM.
 */
MUST_CHECK int conf_complete(struct conf *conf, const char *hostname);

/**
 * conf_check_meaning() - add what is wrong to @errs.
 * @conf: a completed model. What is zero or NULL has been complained about.
 * @marks: where its values come from.
 * @errs: where to.
 *
 * Return: 0, whatever is wrong; -ENOMEM.
 */
MUST_CHECK int conf_check_meaning(const struct conf *conf,
				  const struct conf_marks *marks,
				  struct conf_errors *errs);

#endif
