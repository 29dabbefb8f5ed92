/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's log. The level is the one global of the process: a log line may
 * come from anywhere, before there is a context to ask.
 */
#include "control/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LINE_SIZE 1024

static enum log_level least = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	least = level;
}

void log_write(enum log_level level, const char *format, ...)
{
	static const int priority[] = { 3, 4, 6, 7 };
	static const char *const names[] = { "error", "warning", "info",
					     "debug" };
	char text[LINE_SIZE];
	struct timespec ts;
	struct tm tm;
	va_list args;

	if (level > least)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* One call a line: lines of several threads must not mix. */
	if (getenv("JOURNAL_STREAM")) {
		fprintf(stderr, "<%d>%s\n", priority[level], text);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	fprintf(stderr, "%02d:%02d:%02d.%03ld %-7s %s\n", tm.tm_hour, tm.tm_min,
		tm.tm_sec, ts.tv_nsec / 1000000, names[level], text);
}
