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
 * @written: it is in a file; else it is a default.
 * @told: a check has complained about it; what follows from that needn't be.
 * @order: of reading; conf_marks_add() sets it.
 */
struct conf_mark {
	const void *value;
	struct conf_place place;
	const char *path;
	bool wrong;
	bool written;
	bool told;
	size_t order;
};

/**
 * struct conf_marks - all of them; a zeroed one is empty.
 * @mark: in the order of reading, or sorted by @value.
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
MUST_CHECK int conf_marks_add(struct conf_marks *marks,
			      const struct conf_mark *mark);

/**
 * conf_marks_recent() - while reading: a value's origin, looked for from mark
 * @first on; NULL if it has none yet.
 */
const struct conf_mark *conf_marks_recent(const struct conf_marks *marks,
					  size_t first, const void *value);

/**
 * conf_marks_sort() - reading is over, finding begins.
 *
 * Of several marks of a value the last one stays, since a later file goes
 * before an earlier one.
 */
void conf_marks_sort(struct conf_marks *marks);

/**
 * conf_marks_find() - once sorted: a value's origin, or NULL.
 */
struct conf_mark *conf_marks_find(const struct conf_marks *marks,
				  const void *value);

/**
 * conf_marks_done() - release the list.
 */
void conf_marks_done(struct conf_marks *marks);

#endif
