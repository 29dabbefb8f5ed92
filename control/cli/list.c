/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Listings: JSON objects as rows.
 */
#include "control/cli/list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const json_t *list_field(const json_t *row, const char *key)
{
	const char *dot;

	while ((dot = strchr(key, '.')) != NULL) {
		row = json_object_getn(row, key, (size_t)(dot - key));
		key = dot + 1;
	}
	return json_object_get(row, key);
}

static void put_cell(struct table *t, const struct list_column *column,
		     const json_t *row)
{
	const json_t *field;
	uint64_t number;
	char text[TEXT_SIZE];

	if (column->cell) {
		column->cell(t, row);
		return;
	}
	field = list_field(row, column->key);
	number = json_is_number(field) ? (uint64_t)json_number_value(field) : 0;
	switch (column->kind) {
	case LIST_TEXT:
		table_cell(t, "%s",
			   json_is_string(field) ? json_string_value(field) :
						   "");
		return;
	case LIST_NUMBER:
		snprintf(text, sizeof(text), "%" PRIu64, number);
		break;
	case LIST_COUNT:
		(void)text_count(number, text);
		break;
	case LIST_BYTES:
		(void)text_bytes(number, text);
		break;
	}
	/* What the answer does not have is no zero. */
	table_cell(t, "%s", json_is_number(field) ? text : "");
}

/* A row, its name, and where it stood. */
struct named {
	json_t *row;
	const char *name;
	size_t index;
};

static int compare_named(const void *a, const void *b)
{
	const struct named *x = a;
	const struct named *y = b;
	int order = strverscmp(x->name, y->name);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

json_t *list_by_name(const json_t *rows, const char *key)
{
	size_t n = json_array_size(rows);
	struct named *named = calloc(n ? n : 1, sizeof(*named));
	json_t *sorted = json_array();
	size_t i;

	for (i = 0; named && i < n; i++) {
		named[i].row = json_array_get(rows, i);
		named[i].name = cli_text(named[i].row, key);
		named[i].index = i;
	}
	if (named)
		qsort(named, n, sizeof(*named), compare_named);
	for (i = 0; i < n; i++)
		json_array_append(sorted, named ? named[i].row :
						  json_array_get(rows, i));
	free(named);
	return sorted;
}

void list_print(const struct cli *cli, const struct list_column *columns,
		uint32_t n_columns, const json_t *rows, const char *when_empty)
{
	struct table_column heads[TABLE_COLUMNS_MAX];
	const json_t *row;
	struct table t;
	uint32_t k;
	size_t i;

	for (k = 0; k < n_columns && k < TABLE_COLUMNS_MAX; k++)
		heads[k] = columns[k].column;
	table_init(&t, heads, n_columns);
	json_array_foreach(rows, i, row)
		for (k = 0; k < n_columns; k++)
			put_cell(&t, &columns[k], row);
	table_print(&t, when_empty,
		    cli->wide ? TABLE_NO_LIMIT : text_columns(stdout), stdout);
	table_done(&t);
}
