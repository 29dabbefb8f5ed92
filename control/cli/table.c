/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Aligned tables, wrapped texts, and numbers and times for people.
 */
#include "control/cli/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 100
#define COLUMNS_LEAST	40
#define COLUMN_LEAST	8 /* a column that gives way keeps these */
#define GAP		2 /* between columns */

static void *checked(void *memory)
{
	if (!memory) {
		fprintf(stderr, "drover: out of memory\n");
		exit(1);
	}
	return memory;
}

void table_init(struct table *t, const char *const *heads, uint32_t n_columns)
{
	memset(t, 0, sizeof(*t));
	t->heads = heads;
	t->n_columns = n_columns;
}

void table_cell(struct table *t, const char *format, ...)
{
	va_list args;
	char *cell;
	int length;

	if (t->n_cells == t->size) {
		t->size = t->size ? t->size * 2 : 64;
		t->cells = checked(
			realloc(t->cells, t->size * sizeof(t->cells[0])));
	}
	va_start(args, format);
	length = vasprintf(&cell, format, args);
	va_end(args);
	if (length == 0)
		free(cell);
	if (length <= 0)
		cell = checked(strdup("-"));
	t->cells[t->n_cells++] = cell;
}

/* Of UTF-8's bytes, those that begin a character; the others take no column. */
static bool begins(char byte)
{
	return ((unsigned char)byte & 0xc0) != 0x80;
}

static uint32_t text_width(const char *text)
{
	uint32_t width = 0;

	for (; *text; text++)
		width += begins(*text);
	return width;
}

/* Bytes of the first so many characters. */
static size_t text_prefix(const char *text, uint32_t width)
{
	const char *at = text;

	while (*at && (width > 0 || !begins(*at)))
		width -= begins(*at++);
	return (size_t)(at - text);
}

uint32_t text_columns(FILE *out)
{
	struct winsize size = { 0 };

	if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) ||
	    !size.ws_col)
		return COLUMNS_DEFAULT;
	return size.ws_col < COLUMNS_LEAST ? COLUMNS_LEAST : size.ws_col;
}

static const char *head(const struct table *t, uint32_t column)
{
	return t->heads[column] + (t->heads[column][0] == '>');
}

static uint32_t column_width(const struct table *t, uint32_t column)
{
	uint32_t widest = text_width(head(t, column));
	uint32_t width;
	uint32_t i;

	for (i = column; i < t->n_cells; i += t->n_columns) {
		width = text_width(t->cells[i]);
		if (width > widest)
			widest = width;
	}
	return widest;
}

/* How wide each column is to be. */
static void fit(const struct table *t, uint32_t room,
		uint32_t widths[TABLE_COLUMNS_MAX])
{
	uint32_t sum = GAP * (t->n_columns - 1);
	uint32_t widest;
	uint32_t i;

	for (i = 0; i < t->n_columns; i++) {
		widths[i] = column_width(t, i);
		sum += widths[i];
	}
	for (; sum > room; sum--) {
		widest = 0;
		for (i = 1; i < t->n_columns; i++)
			if (!widest || widths[i] > widths[widest])
				widest = i;
		if (!widest || widths[widest] <= COLUMN_LEAST)
			return;
		widths[widest]--;
	}
}

static void print_cell(const struct table *t, uint32_t column, uint32_t width,
		       const char *text, FILE *out)
{
	bool last = column + 1 == t->n_columns;
	uint32_t have = text_width(text);
	bool cut = have > width;
	uint32_t pad = cut ? 0 : width - have;

	if (t->heads[column][0] == '>')
		fprintf(out, "%*s", (int)pad, "");
	if (cut)
		fprintf(out, "%.*s…", (int)text_prefix(text, width - 1), text);
	else
		fputs(text, out);
	if (t->heads[column][0] != '>' && !last)
		fprintf(out, "%*s", (int)pad, "");
	fprintf(out, "%*s", last ? 0 : GAP, "");
	if (last)
		fputc('\n', out);
}

void table_print(const struct table *t, const char *when_empty, FILE *out)
{
	uint32_t widths[TABLE_COLUMNS_MAX];
	uint32_t column;
	uint32_t i;

	if (!t->n_cells) {
		fprintf(out, "%s\n", when_empty);
		return;
	}
	assert(t->n_columns > 0);
	fit(t, text_columns(out), widths);
	for (i = 0; i < t->n_columns; i++)
		print_cell(t, i, widths[i], head(t, i), out);
	for (i = 0; i < t->n_cells; i++) {
		column = i % t->n_columns;
		print_cell(t, column, widths[column], t->cells[i], out);
	}
}

void table_done(struct table *t)
{
	uint32_t i;

	for (i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	memset(t, 0, sizeof(*t));
}

/* Bytes of the text that go into this line: to a space if there is one. */
static size_t line_length(const char *text, uint32_t room)
{
	size_t length = text_prefix(text, room);
	size_t space = length;

	if (!text[length])
		return length;
	while (space > 0 && text[space] != ' ')
		space--;
	return space ? space : length;
}

void text_wrap(const char *text, uint32_t used, uint32_t indent, FILE *out)
{
	uint32_t columns = text_columns(out);
	uint32_t least = columns / 4;
	size_t length;

	/* Where nothing is left in this line, all of it goes to the next. */
	if (columns < used + least) {
		fprintf(out, "\n%*s", (int)indent, "");
		used = indent;
	}
	for (;;) {
		length = line_length(text, columns - used);
		fprintf(out, "%.*s\n", (int)length, text);
		text += length;
		text += strspn(text, " ");
		if (!*text)
			return;
		fprintf(out, "%*s", (int)indent, "");
		used = indent;
	}
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
