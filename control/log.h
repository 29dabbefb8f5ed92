/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's log: lines on stderr, which is where systemd wants them.
 *
 * A message begins with its subject ("pool shop/web: ..."), quotes foreign
 * strings and names the next step. Where stderr is the journal, lines carry the
 * priority prefix of sd-daemon(3).
 */
#ifndef CONTROL_LOG_H
#define CONTROL_LOG_H

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* The least grave level that is written; any thread may log. */
void log_set_level(enum log_level level);

void log_write(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_err(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
