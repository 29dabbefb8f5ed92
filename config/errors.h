/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Collecting what is wrong with a configuration, in the words users get.
 */
#ifndef CONFIG_ERRORS_H
#define CONFIG_ERRORS_H

#include "config/config.h"

/**
 * conf_complain() - add an error.
 * @errs: where to.
 * @place: where it is; a NULL file is printed as the config as a whole.
 * @format: of the message. Bytes that are not printable become `?`.
 */
void conf_complain(struct conf_errors *errs, const struct conf_place *place,
		   const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * conf_warn() - add a warning.
 */
void conf_warn(struct conf_errors *errs, const struct conf_place *place,
	       const char *format, ...) __attribute__((format(printf, 3, 4)));

/**
 * conf_nearest() - the word that somebody may have meant.
 * @word: what was written.
 * @candidates: what could have been.
 * @n: their number.
 *
 * Near is: at most a third of the letters are wrong, missing, too many or
 * swapped with their neighbour.
 *
 * Return: one of @candidates, or NULL if none is near.
 */
const char *conf_nearest(const char *word, const char *const *candidates,
			 size_t n);

#endif
