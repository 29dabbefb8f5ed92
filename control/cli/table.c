/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Aligned tables and the texts of numbers and times for people.
 */
#include "control/cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void table_init(struct table *t, const char *const *heads, uint32_t n_columns)
{
	memset(t, 0, sizeof(*t));
	t->heads = heads;
	t->n_columns = n_columns;
}

static char *table_next(struct table *t)
{
	uint32_t size = t->size ? t->size * 2 : 64;
	void *cells;

	if (t->n_cells == t->size) {
		cells = realloc(t->cells, (size_t)size * TABLE_CELL_SIZE);
		if (!cells) {
			fprintf(stderr, "drover: out of memory\n");
			exit(1);
		}
		t->cells = cells;
		t->size = size;
	}
	return t->cells[t->n_cells++];
}

void table_cell(struct table *t, const char *format, ...)
{
	static const char more[] = "…";
	char *cell = table_next(t);
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(cell, TABLE_CELL_SIZE, format, args);
	va_end(args);
	if (length >= TABLE_CELL_SIZE)
		memcpy(cell + TABLE_CELL_SIZE - sizeof(more), more,
		       sizeof(more));
	if (!cell[0])
		snprintf(cell, TABLE_CELL_SIZE, "-");
}

/* Columns on the screen, not bytes: UTF-8's further bytes take none. */
static uint32_t text_width(const char *text)
{
	uint32_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static uint32_t column_width(const struct table *t, uint32_t column)
{
	uint32_t widest = text_width(t->heads[column]);
	uint32_t width;
	uint32_t i;

	if (t->heads[column][0] == '>')
		widest--;
	for (i = column; i < t->n_cells; i += t->n_columns) {
		width = text_width(t->cells[i]);
		if (width > widest)
			widest = width;
	}
	return widest;
}

static void print_cell(const struct table *t, uint32_t column, const char *text,
		       FILE *out)
{
	bool right = t->heads[column][0] == '>';
	uint32_t pad = column_width(t, column) - text_width(text);
	bool last = column + 1 == t->n_columns;

	if (right)
		fprintf(out, "%*s%s", (int)pad, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : (int)pad, "");
	fputs(last ? "\n" : "  ", out);
}

void table_print(const struct table *t, const char *when_empty, FILE *out)
{
	uint32_t i;

	if (!t->n_cells) {
		fprintf(out, "%s\n", when_empty);
		return;
	}
	for (i = 0; i < t->n_columns; i++)
		print_cell(t, i, t->heads[i] + (t->heads[i][0] == '>'), out);
	for (i = 0; i < t->n_cells; i++)
		print_cell(t, i % t->n_columns, t->cells[i], out);
}

void table_done(struct table *t)
{
	free(t->cells);
	memset(t, 0, sizeof(*t));
}

static const char *text_scaled(double value, double step,
			       const char *const *units, char *buf)
{
	int unit = 0;

	while (value >= step && units[unit + 1]) {
		value /= step;
		unit++;
	}
	snprintf(buf, TEXT_SIZE, "%.*f%s",
		 unit == 0 || value >= 100 ? 0 : 1 + (value < 10), value,
		 units[unit]);
	return buf;
}

const char *text_count(uint64_t count, char buf[TEXT_SIZE])
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", NULL };

	if (count < 10000) {
		snprintf(buf, TEXT_SIZE, "%llu", (unsigned long long)count);
		return buf;
	}
	return text_scaled((double)count, 1000, units, buf);
}

const char *text_bytes(uint64_t bytes, char buf[TEXT_SIZE])
{
	static const char *const units[] = { " B",   " KiB", " MiB", " GiB",
					     " TiB", " PiB", NULL };

	return text_scaled((double)bytes, 1024, units, buf);
}

const char *text_duration(uint64_t ms, char buf[TEXT_SIZE])
{
	unsigned long long s = ms / 1000;

	if (ms < 1000)
		snprintf(buf, TEXT_SIZE, "%llu ms", (unsigned long long)ms);
	else if (ms < 10000)
		snprintf(buf, TEXT_SIZE, "%.1f s", (double)ms / 1000);
	else if (s < 60)
		snprintf(buf, TEXT_SIZE, "%llu s", s);
	else if (s < 3600)
		snprintf(buf, TEXT_SIZE, "%llu m %llu s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, TEXT_SIZE, "%llu h %llu m", s / 3600,
			 s / 60 % 60);
	else
		snprintf(buf, TEXT_SIZE, "%llu d %llu h", s / 86400,
			 s / 3600 % 24);
	return buf;
}

const char *text_time(uint64_t unix_ms, char buf[TEXT_SIZE])
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) ||
	    !strftime(buf, TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, TEXT_SIZE, "?");
	return buf;
}
