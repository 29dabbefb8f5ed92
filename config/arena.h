/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of one configuration: taken piece by piece, given back at once.
 */
#ifndef CONFIG_ARENA_H
#define CONFIG_ARENA_H

#include "dataplane/core/base.h"

struct conf_arena;

/**
 * conf_arena_new() - an empty arena. Return: NULL when out of memory.
 */
struct conf_arena *conf_arena_new(void);

/**
 * conf_arena_free() - give everything back. NULL is fine.
 */
void conf_arena_free(struct conf_arena *arena);

/**
 * conf_arena_alloc() - @n zeroed objects of @size bytes.
 *
 * Return: never NULL for n = 0; NULL when out of memory.
 */
void *conf_arena_alloc(struct conf_arena *arena, size_t n, size_t size);

/**
 * conf_arena_text() - a copy of a string. Return: NULL when out of memory.
 */
const char *conf_arena_text(struct conf_arena *arena, const char *text);

#endif
