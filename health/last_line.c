// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last line of what a command says.
 */
#include "health/last_line.h"

#include <string.h>

static bool is_end(char c)
{
	return c == '\n' || c == '\r';
}

static char clean(char c)
{
	if (c == '\t')
		return ' ';
	if (c < ' ' || c > '~')
		return '.';
	return c;
}

void last_line_feed(struct last_line *l, const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		char c = clean(data[i]);

		if (is_end(data[i])) {
			last_line_get(l, l->last);
			l->len = 0;
		} else if (l->len < LAST_LINE_SIZE - 1 &&
			   (l->len || c != ' ')) {
			l->line[l->len++] = c;
		}
	}
}

void last_line_get(const struct last_line *l, char buf[LAST_LINE_SIZE])
{
	size_t len = l->len;

	if (len == 0) {
		memmove(buf, l->last, LAST_LINE_SIZE);
		return;
	}
	while (l->line[len - 1] == ' ') /* the first is none */
		len--;
	memcpy(buf, l->line, len);
	buf[len] = '\0';
}
