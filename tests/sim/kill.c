/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kill -9 for the simulator, and the memory that dies with a process.
 */
#include "tests/sim/kill.h"

#include <stdlib.h>
#include <string.h>

/* Ours are the real ones. */
#include "tests/sim/kill_point.h"
#undef malloc
#undef calloc
#undef realloc
#undef free

/**
 * struct block - before each allocation; they are in a ring.
 */
struct block {
	struct block *next;
	struct block *prev;
};

static struct block blocks = { &blocks, &blocks };
static uint32_t stores_left;
static jmp_buf *kill_where;

void kill_arm(uint32_t n_stores, jmp_buf *where)
{
	stores_left = n_stores;
	kill_where = where;
}

void kill_point(void)
{
	if (stores_left && !--stores_left)
		longjmp(*kill_where, 1);
}

static void *block_link(struct block *b)
{
	if (!b)
		return NULL;
	b->next = blocks.next;
	b->prev = &blocks;
	b->next->prev = b;
	blocks.next = b;
	return b + 1;
}

static struct block *block_unlink(void *memory)
{
	struct block *b = memory;

	if (!b)
		return NULL;
	b--;
	b->next->prev = b->prev;
	b->prev->next = b->next;
	return b;
}

void *kill_malloc(size_t size)
{
	return block_link(malloc(sizeof(struct block) + size));
}

void *kill_calloc(size_t n, size_t size)
{
	return block_link(calloc(1, sizeof(struct block) + n * size));
}

void *kill_realloc(void *memory, size_t size)
{
	return block_link(
		realloc(block_unlink(memory), sizeof(struct block) + size));
}

void kill_free(void *memory)
{
	free(block_unlink(memory));
}

void kill_memory(void)
{
	struct block *b = blocks.next;
	struct block *next;

	for (; b != &blocks; b = next) {
		next = b->next;
		free(b);
	}
	blocks.next = &blocks;
	blocks.prev = &blocks;
}
