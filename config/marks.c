/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where in the files each value of a model was written.
 */
#include "config/marks.h"

#include <errno.h>
#include <stdlib.h>

int conf_marks_add(struct conf_marks *marks, const struct conf_mark *mark)
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
	marks->mark[marks->n] = *mark;
	marks->mark[marks->n].order = marks->n;
	marks->n++;
	return 0;
}

const struct conf_mark *conf_marks_recent(const struct conf_marks *marks,
					  size_t first, const void *value)
{
	size_t i;

	for (i = marks->n; i > first; i--)
		if (marks->mark[i - 1].value == value)
			return &marks->mark[i - 1];
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	const struct conf_mark *x = a, *y = b;

	return ((uintptr_t)x->value > (uintptr_t)y->value) -
	       ((uintptr_t)x->value < (uintptr_t)y->value);
}

/* The last one first. */
static int by_value_and_order(const void *a, const void *b)
{
	const struct conf_mark *x = a, *y = b;
	int order = by_value(a, b);

	return order ? order : (x->order < y->order) - (x->order > y->order);
}

void conf_marks_sort(struct conf_marks *marks)
{
	size_t i, n = 0;

	if (marks->n == 0)
		return;
	qsort(marks->mark, marks->n, sizeof(*marks->mark), by_value_and_order);
	for (i = 1; i < marks->n; i++)
		if (by_value(&marks->mark[n], &marks->mark[i]) != 0)
			marks->mark[++n] = marks->mark[i];
	marks->n = n + 1;
}

struct conf_mark *conf_marks_find(const struct conf_marks *marks,
				  const void *value)
{
	const struct conf_mark key = { .value = value };

	if (marks->n == 0)
		return NULL;
	return bsearch(&key, marks->mark, marks->n, sizeof(key), by_value);
}

void conf_marks_done(struct conf_marks *marks)
{
	free(marks->mark);
	*marks = (struct conf_marks){ 0 };
}
