/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What value.c and value_list.c share. For others: value.h.
 */
#ifndef CONFIG_VALUE_PRIV_H
#define CONFIG_VALUE_PRIV_H

#include "config/schema.h"

/* Say why in CONF_WHY_SIZE bytes. Returns -EINVAL. */
int conf_refuse(char *why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The value of one of the key's words; 0, or -EINVAL with @why. */
MUST_CHECK int conf_find_word(const struct conf_field *field, const char *text,
			      int *ret_value, char *why);

/* No control characters in it? */
bool conf_is_printable(const char *text);

#endif
