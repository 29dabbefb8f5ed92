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

#define COLUMNS_MOST  100
#define COLUMNS_LEAST 40
#define COLUMN_LEAST  8 /* a column that gives way keeps these */
#define GAP	      2 /* between columns */

static void *checked(void *memory)
{
	if (!memory) {
		fprintf(stderr, "drover: out of memory\n");
		exit(1);
	}
	return memory;
}

void table_init(struct table *t, const struct table_column *columns,
		uint32_t n_columns)
{
	assert(n_columns > 0 && n_columns <= TABLE_COLUMNS_MAX);
	memset(t, 0, sizeof(*t));
	t->columns = columns;
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
	    !size.ws_col || size.ws_col > COLUMNS_MOST)
		return COLUMNS_MOST;
	return size.ws_col < COLUMNS_LEAST ? COLUMNS_LEAST : size.ws_col;
}

static bool right_aligned(const struct table *t, uint32_t column)
{
	return t->columns[column].head[0] == '>';
}

static const char *head(const struct table *t, uint32_t column)
{
	return t->columns[column].head + right_aligned(t, column);
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

/* Columns of a line of columns that wide; 0 is one that is left out. */
static uint64_t line_width(const struct table *t, const uint32_t *widths)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < t->n_columns; i++)
		sum += widths[i] ? widths[i] + (sum ? GAP : 0) : 0;
	return sum;
}

/* The widest column of those that yield so and have something to give. */
static uint32_t *widest_of(const struct table *t, enum table_yield yield,
			   uint32_t *widths)
{
	uint32_t *widest = NULL;
	uint32_t i;

	for (i = 0; i < t->n_columns; i++)
		if (t->columns[i].yield == yield && widths[i] > COLUMN_LEAST &&
		    (!widest || widths[i] > *widest))
			widest = &widths[i];
	return widest;
}

/* The last column that yields so and is still there; never the first. */
static uint32_t *last_of(const struct table *t, enum table_yield yield,
			 uint32_t *widths)
{
	uint32_t i;

	for (i = t->n_columns - 1; i > 0; i--)
		if (t->columns[i].yield == yield && widths[i])
			return &widths[i];
	return NULL;
}

/* The last column there is of those that yield first; never the first. */
static uint32_t *last_to_yield(const struct table *t, uint32_t *widths)
{
	uint32_t *found;
	int yield;

	for (yield = TABLE_N_YIELDS - 1; yield >= TABLE_WHOLE; yield--) {
		found = last_of(t, (enum table_yield)yield, widths);
		if (found)
			return found;
	}
	return NULL;
}

static void shrink(const struct table *t, uint32_t room,
		   uint32_t widths[TABLE_COLUMNS_MAX])
{
	uint32_t *column;
	int yield;

	for (yield = TABLE_N_YIELDS - 1; yield > TABLE_WHOLE; yield--)
		while (line_width(t, widths) > room &&
		       (column = widest_of(t, (enum table_yield)yield,
					   widths)) != NULL)
			--*column;
}

/* How wide each column is to be; what goes gives its room to the others. */
static void fit(const struct table *t, uint32_t room,
		uint32_t widths[TABLE_COLUMNS_MAX])
{
	uint32_t whole[TABLE_COLUMNS_MAX];
	uint32_t *column;
	uint32_t i;

	for (i = 0; i < t->n_columns; i++)
		whole[i] = column_width(t, i);
	for (;;) {
		memcpy(widths, whole, t->n_columns * sizeof(*widths));
		shrink(t, room, widths);
		if (line_width(t, widths) <= room)
			return;
		column = last_to_yield(t, whole);
		if (!column)
			return;
		*column = 0;
	}
}

/* The text in so many columns, at least one. */
static void print_cut(const char *text, uint32_t have, uint32_t width,
		      bool in_middle, FILE *out)
{
	uint32_t behind = in_middle ? (width - 1) / 2 : 0;

	fprintf(out, "%.*s…%s", (int)text_prefix(text, width - 1 - behind),
		text, text + text_prefix(text, have - behind));
}

static void print_cell(const struct table *t, uint32_t column, uint32_t width,
		       const char *text, bool last, FILE *out)
{
	uint32_t have = text_width(text);
	bool cut = have > width;
	int pad = cut ? 0 : (int)(width - have);

	if (right_aligned(t, column))
		fprintf(out, "%*s", pad, "");
	if (cut)
		print_cut(text, have, width,
			  t->columns[column].yield == TABLE_NAME, out);
	else
		fputs(text, out);
	if (!right_aligned(t, column) && !last)
		fprintf(out, "%*s", pad, "");
	if (last)
		fputc('\n', out);
	else
		fprintf(out, "%*s", GAP, "");
}

void table_print(const struct table *t, const char *when_empty, uint32_t room,
		 FILE *out)
{
	uint32_t widths[TABLE_COLUMNS_MAX] = { 0 };
	uint32_t last = t->n_columns - 1;
	uint32_t column;
	uint32_t i;

	if (!t->n_cells) {
		fprintf(out, "%s\n", when_empty);
		return;
	}
	fit(t, room, widths);
	while (last > 0 && !widths[last])
		last--;
	for (i = 0; i <= last; i++)
		if (widths[i])
			print_cell(t, i, widths[i], head(t, i), i == last, out);
	for (i = 0; i < t->n_cells; i++) {
		column = i % t->n_columns;
		if (widths[column])
			print_cell(t, column, widths[column], t->cells[i],
				   column == last, out);
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

void text_line(const char *text, uint32_t room, FILE *out)
{
	uint32_t have = text_width(text);

	if (have > room)
		print_cut(text, have, room, false, out);
	else
		fputs(text, out);
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
