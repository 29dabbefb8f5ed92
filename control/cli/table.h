/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Aligned tables and the texts of numbers and times for people.
 */
#ifndef CONTROL_CLI_TABLE_H
#define CONTROL_CLI_TABLE_H

#include <stdio.h>

#include "dataplane/core/base.h"

#define TABLE_COLUMNS_MAX 12
#define TABLE_CELL_SIZE	  48

/**
 * struct table - rows of text cells; columns are as wide as their widest cell.
 */
struct table {
	const char *const *heads;
	uint32_t n_columns;
	char (*cells)[TABLE_CELL_SIZE];
	uint32_t n_cells;
	uint32_t size;
};

/**
 * table_init() - an empty table.
 * @heads: @n_columns titles, kept by reference. A title that begins with '>'
 *         aligns its column to the right.
 */
void table_init(struct table *t, const char *const *heads, uint32_t n_columns);

/* Add the next cell, row by row; what is too long ends in "…". */
void table_cell(struct table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Print it; a table without rows prints only @when_empty. */
void table_print(const struct table *t, const char *when_empty, FILE *out);

void table_done(struct table *t);

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
