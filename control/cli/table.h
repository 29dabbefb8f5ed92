/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Aligned tables, wrapped texts, and numbers and times for people. All of it
 * fits 100 columns, or the terminal if that is narrower.
 */
#ifndef CONTROL_CLI_TABLE_H
#define CONTROL_CLI_TABLE_H

#include <stdio.h>

#include "dataplane/core/base.h"

#define TABLE_COLUMNS_MAX 16
#define TABLE_NO_LIMIT	  UINT32_MAX

/*
 * How a column gives way where a line has no room for all; the last in this
 * list goes first. What is cut has an "…" where something is missing.
 */
enum table_yield {
	TABLE_WHOLE, /* numbers: cut, they would be others; hidden at last */
	TABLE_NAME,  /* cut in the middle: names differ at their ends */
	TABLE_TEXT,
	TABLE_REMARK,
	TABLE_N_YIELDS,
};

/**
 * struct table_column - a column.
 * @head: its title; one that begins with '>' aligns it to the right.
 * @yield: how it gives way.
 */
struct table_column {
	const char *head;
	enum table_yield yield;
};

/**
 * struct table - rows of text cells; columns are as wide as their widest cell.
 *
 * Where lines have no room for all columns, those that yield first are cut,
 * widest first, and when all are at their least, the same are left out. The
 * first column is never left out.
 */
struct table {
	const struct table_column *columns;
	uint32_t n_columns;
	char **cells;
	uint32_t n_cells;
	uint32_t size;
};

/* An empty table; @columns is kept by reference. */
void table_init(struct table *t, const struct table_column *columns,
		uint32_t n_columns);

/* Add the next cell, row by row; an empty one is "-". */
void table_cell(struct table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * table_print() - print it; a table without rows prints only @when_empty.
 * @room: columns that a line may have: text_columns(), or TABLE_NO_LIMIT.
 */
void table_print(const struct table *t, const char *when_empty, uint32_t room,
		 FILE *out);

void table_done(struct table *t);

/* Columns that a line may have there. */
uint32_t text_columns(FILE *out);

/**
 * text_wrap() - print a text, broken between words, and end the line.
 * @used: columns of the line that are in use already.
 * @indent: of the lines that follow.
 */
void text_wrap(const char *text, uint32_t used, uint32_t indent, FILE *out);

/* Print a text, cut with an "…" if it takes more columns than there is room. */
void text_line(const char *text, uint32_t room, FILE *out);

#define TEXT_SIZE 32 /* suffices for the functions below */

/* 1234567 -> "1.23M"; exact below 10000. */
const char *text_count(uint64_t count, char buf[TEXT_SIZE]);

/* Bytes: "1.2 MiB". */
const char *text_bytes(uint64_t bytes, char buf[TEXT_SIZE]);

/* Duration: "350 ms", "14 m 59 s", "2 d 3 h". */
const char *text_duration(uint64_t ms, char buf[TEXT_SIZE]);

/* Wall clock, local: "2026-01-31 13:37:05". */
const char *text_time(uint64_t unix_ms, char buf[TEXT_SIZE]);

#endif
