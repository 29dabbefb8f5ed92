/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Aligned tables, wrapped texts, and numbers and times for people. All of it
 * fits the terminal, or 100 columns where there is none.
 */
#ifndef CONTROL_CLI_TABLE_H
#define CONTROL_CLI_TABLE_H

#include <stdio.h>

#include "dataplane/core/base.h"

#define TABLE_COLUMNS_MAX 12

/**
 * struct table - rows of text cells; columns are as wide as their widest cell.
 *
 * Where that is wider than there is room, the widest columns give way and what
 * is cut ends in "…"; but never the first, which is what a row is called.
 */
struct table {
	const char *const *heads;
	uint32_t n_columns;
	char **cells;
	uint32_t n_cells;
	uint32_t size;
};

/**
 * table_init() - an empty table.
 * @heads: @n_columns titles, kept by reference. A title that begins with '>'
 *         aligns its column to the right.
 */
void table_init(struct table *t, const char *const *heads, uint32_t n_columns);

/* Add the next cell, row by row; an empty one is "-". */
void table_cell(struct table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Print it; a table without rows prints only @when_empty. */
void table_print(const struct table *t, const char *when_empty, FILE *out);

void table_done(struct table *t);

/* Columns that a line may have there. */
uint32_t text_columns(FILE *out);

/**
 * text_wrap() - print a text, broken between words, and end the line.
 * @used: columns of the line that are in use already.
 * @indent: of the lines that follow.
 */
void text_wrap(const char *text, uint32_t used, uint32_t indent, FILE *out);

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
