/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Put before the sources of table building, when they are built for the
 * simulator: each store into the tables becomes a point where the process may
 * be killed, and its memory is known, so that it can die with it.
 */
#ifndef TESTS_SIM_KILL_POINT_H
#define TESTS_SIM_KILL_POINT_H

#include "dataplane/core/base.h"

#include <stddef.h>
#include <stdlib.h>

/* Counts a store; doesn't return if it is the one to be killed at. */
void kill_point(void);

void *kill_malloc(size_t size);
void *kill_calloc(size_t n, size_t size);
void *kill_realloc(void *memory, size_t size);
void kill_free(void *memory);

#undef WRITE_ONCE
#define WRITE_ONCE(x, v)                               \
	do {                                           \
		kill_point();                          \
		*(volatile __typeof__(x) *)&(x) = (v); \
	} while (0)

#define malloc(size)	 kill_malloc(size)
#define calloc(n, size)	 kill_calloc(n, size)
#define realloc(p, size) kill_realloc(p, size)
#define free(p)		 kill_free(p)

#endif
