/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A key's value: set from text and printed, as the schema has it. Pure.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/arena.h"
#include "config/schema.h"

#define CONF_WHY_SIZE 320 /* for the reason why a value is refused */

/**
 * conf_value_set() - set a value that a config has as a string.
 * @field: the key; any kind of a single value but KIND_TENANT and KIND_POOL.
 * @text: the string.
 * @base: the struct of its group.
 * @arena: for strings.
 * @why: CONF_WHY_SIZE bytes; gets what is wrong and what is allowed.
 *
 * Return: 0; -EINVAL with @why; -ENOMEM.
 */
MUST_CHECK int conf_value_set(const struct conf_field *field, const char *text,
			      void *base, struct conf_arena *arena, char *why);

/**
 * conf_value_set_number() - the same for a number without quotes.
 */
MUST_CHECK int conf_value_set_number(const struct conf_field *field,
				     int64_t number, void *base, char *why);

/**
 * conf_value_set_list() - the same for a list of strings.
 * @texts: the strings, @n of them.
 */
MUST_CHECK int conf_value_set_list(const struct conf_field *field,
				   const char *const *texts, size_t n,
				   void *base, struct conf_arena *arena,
				   char *why);

/**
 * conf_value_set_numbers() - the same for a list of numbers.
 */
MUST_CHECK int conf_value_set_numbers(const struct conf_field *field,
				      const int64_t *numbers, size_t n,
				      void *base, struct conf_arena *arena,
				      char *why);

/**
 * conf_value_wanted() - what a key takes, "a time in quotes, like ...".
 */
const char *conf_value_wanted(const struct conf_field *field);

/**
 * conf_value_print() - a key's value as a config has it, for people.
 * @field: the key; no KIND_GROUP, no KIND_LIST and none that comes later.
 * @base: the struct of its group.
 *
 * Of what is secret it tells only whether it is there.
 *
 * Return: the text, for free(); NULL when out of memory.
 */
char *conf_value_print(const struct conf_field *field, const void *base);

/**
 * conf_value_reveal() - the same with secrets, for comparing and nothing else.
 */
char *conf_value_reveal(const struct conf_field *field, const void *base);

#endif
