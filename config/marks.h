/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where in the files each value of a model was written, for the checks of
 * meaning, which see only the model.
 */
#ifndef CONFIG_MARKS_H
#define CONFIG_MARKS_H

#include "config/arena.h"
#include "config/config.h"

/**
 * struct conf_mark - one value's origin.
 * @value: the value's address in the model.
 * @place: file and line; of the object for a value that is a default.
 * @path: as in messages, "pools.web.health.port".
 * @wrong: it has been complained about and is zero; checks leave it alone.
 */
struct conf_mark {
	const void *value;
	struct conf_place place;
	const char *path;
	bool wrong;
};

/**
 * struct conf_marks - all of them; a zeroed one is empty.
 */
struct conf_marks {
	struct conf_mark *mark;
	size_t n;
	size_t room;
};

/**
 * conf_marks_add() - remember a value's origin.
 *
 * Return: 0 or -ENOMEM.
 */
MUST_CHECK int conf_marks_add(struct conf_marks *marks, const void *value,
			      const struct conf_place *place, const char *path,
			      bool wrong);

/**
 * conf_marks_find() - a value's origin, looked for from mark @first on.
 *
 * Return: the last one, since a later file goes before an earlier one; NULL if
 * it has none.
 */
const struct conf_mark *conf_marks_find(const struct conf_marks *marks,
					size_t first, const void *value);

/**
 * conf_marks_done() - release the list.
 */
void conf_marks_done(struct conf_marks *marks);

#endif
