/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where in the files each value of a model was written.
 */
#include "config/marks.h"

#include <errno.h>
#include <stdlib.h>

int conf_marks_add(struct conf_marks *marks, const void *value,
		   const struct conf_place *place, const char *path, bool wrong)
{
	struct conf_mark *grown;
	size_t room;

	if (marks->n == marks->room) {
		room = marks->room ? 2 * marks->room : 256;
		grown = reallocarray(marks->mark, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		marks->mark = grown;
		marks->room = room;
	}
	marks->mark[marks->n++] = (struct conf_mark){
		.value = value,
		.place = *place,
		.path = path,
		.wrong = wrong,
	};
	return 0;
}

const struct conf_mark *conf_marks_find(const struct conf_marks *marks,
					size_t first, const void *value)
{
	size_t i;

	for (i = marks->n; i > first; i--)
		if (marks->mark[i - 1].value == value)
			return &marks->mark[i - 1];
	return NULL;
}

void conf_marks_done(struct conf_marks *marks)
{
	free(marks->mark);
	*marks = (struct conf_marks){ 0 };
}
