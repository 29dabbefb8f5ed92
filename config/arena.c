/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of one configuration: a list of pieces. A config is small and read
 * rarely, so each piece is its own malloc(), which lets ASan watch every one.
 */
#include "config/arena.h"

#include <stdlib.h>
#include <string.h>

struct piece {
	struct piece *next;
	max_align_t bytes[];
};

struct conf_arena {
	struct piece *pieces;
};

struct conf_arena *conf_arena_new(void)
{
	return calloc(1, sizeof(struct conf_arena));
}

void conf_arena_free(struct conf_arena *arena)
{
	struct piece *piece, *next;

	if (!arena)
		return;
	for (piece = arena->pieces; piece; piece = next) {
		next = piece->next;
		free(piece);
	}
	free(arena);
}

void *conf_arena_alloc(struct conf_arena *arena, size_t n, size_t size)
{
	struct piece *piece;
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) ||
	    __builtin_add_overflow(bytes, sizeof(*piece), &bytes))
		return NULL;
	piece = calloc(1, bytes);
	if (!piece)
		return NULL;
	piece->next = arena->pieces;
	arena->pieces = piece;
	return piece->bytes;
}

const char *conf_arena_text(struct conf_arena *arena, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = conf_arena_alloc(arena, size, 1);

	if (copy)
		memcpy(copy, text, size);
	return copy;
}
