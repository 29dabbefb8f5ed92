/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last line of what a command says, read as it comes in, in a fixed room.
 * Pure.
 *
 * A line that has only blanks is none. What would disturb a terminal is shown
 * as a dot, and a line that is too long is cut.
 */
#ifndef HEALTH_LAST_LINE_H
#define HEALTH_LAST_LINE_H

#include "dataplane/core/base.h"

#define LAST_LINE_SIZE 64

/**
 * struct last_line - zeroed = nothing was said.
 * @line: that being read, cleaned, without its blanks in front.
 * @len: its bytes.
 * @last: the last one that was ended.
 */
struct last_line {
	char line[LAST_LINE_SIZE];
	size_t len;
	char last[LAST_LINE_SIZE];
};

/**
 * last_line_feed() - more of it.
 * @l: changed.
 * @data: what came in; may have zeroes.
 * @len: its bytes.
 */
void last_line_feed(struct last_line *l, const char *data, size_t len);

/**
 * last_line_get() - the last line so far, ended or not; "" = there is none.
 * @l: where from.
 * @buf: where to.
 */
void last_line_get(const struct last_line *l, char buf[LAST_LINE_SIZE]);

#endif
