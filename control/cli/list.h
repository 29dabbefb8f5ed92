/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Listings: JSON objects as rows, and columns that are rows of a table, too. To
 * show another field, add a row.
 */
#ifndef CONTROL_CLI_LIST_H
#define CONTROL_CLI_LIST_H

#include "control/cli/cli.h"
#include "control/cli/table.h"

/* How a field is written. */
enum list_kind {
	LIST_TEXT,
	LIST_NUMBER, /* exactly */
	LIST_COUNT,  /* text_count() */
	LIST_BYTES,  /* text_bytes() */
};

/**
 * struct list_column - a column.
 * @column: its title and how it gives way.
 * @key: the field, "name"; of an object in the object, "pool.role".
 * @kind: how it is written.
 * @cell: instead of @key and @kind: adds the one cell of this row.
 */
struct list_column {
	struct table_column column;
	const char *key;
	enum list_kind kind;
	void (*cell)(struct table *t, const json_t *row);
};

/**
 * list_print() - print a listing on stdout.
 * @rows: array of objects.
 * @when_empty: printed instead of a table without rows.
 */
void list_print(const struct cli *cli, const struct list_column *columns,
		uint32_t n_columns, const json_t *rows, const char *when_empty);

/**
 * list_by_name() - rows in the order of people: web-2 before web-10.
 * @rows: array of objects; @key: the field that has the name. Rows with one name
 *	stay as they are.
 *
 * Return: an array of the same objects, for json_decref().
 */
json_t *list_by_name(const json_t *rows, const char *key);

/* The field that a key with dots leads to, or NULL. */
const json_t *list_field(const json_t *row, const char *key);

#endif
