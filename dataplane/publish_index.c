// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers of VMs by pool and UUID: a hash table with linear probing, made anew
 * for each publish and never shrunk within one, so nothing is ever taken out.
 */
#include "dataplane/publish_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Odd constants with well mixed bits: those of SplitMix64 (Steele 2014). */
#define MIX_A 0xbf58476d1ce4e5b9ULL
#define MIX_B 0x94d049bb133111ebULL

static uint32_t place_of(const struct publish *p, uint32_t pool,
			 const uint8_t *uuid)
{
	uint64_t half[2];
	uint64_t hash;

	_Static_assert(sizeof(half) == DP_UUID_SIZE, "a UUID");
	memcpy(half, uuid, sizeof(half));
	hash = (half[0] ^ (half[1] + pool) * MIX_A) * MIX_B;
	/* UUIDs that differ at one end only must not all meet. */
	hash = (hash ^ hash >> 32) * MIX_A;
	return (uint32_t)(hash >> 32) & (p->index_size - 1);
}

int index_new(struct publish *p)
{
	uint32_t size = 16;

	while (size <= 2 * p->m.meta->limits.n_backends)
		size *= 2;
	p->index = calloc(size, sizeof(*p->index));
	p->index_size = size;
	return p->index ? 0 : -ENOMEM;
}

void index_add(struct publish *p, uint16_t number)
{
	const struct backend_info *info = &p->m.backend_info[number];
	uint32_t at = place_of(p, info->pool, info->uuid);

	while (p->index[at] != BACKEND_NONE)
		at = (at + 1) & (p->index_size - 1);
	p->index[at] = number;
}

void index_make(struct publish *p)
{
	uint32_t i;

	memset(p->index, 0, p->index_size * sizeof(*p->index));
	for (i = 1; i <= p->m.meta->limits.n_backends; i++)
		if (p->m.backend_info[i].state == NUMBER_IN_FORCE)
			index_add(p, (uint16_t)i);
}

uint16_t backend_number(const struct publish *p, uint32_t pool,
			const uint8_t *uuid)
{
	uint32_t at = place_of(p, pool, uuid);
	const struct backend_info *info;

	for (; p->index[at] != BACKEND_NONE;
	     at = (at + 1) & (p->index_size - 1)) {
		info = &p->m.backend_info[p->index[at]];
		if (info->state == NUMBER_IN_FORCE && info->pool == pool &&
		    !memcmp(info->uuid, uuid, sizeof(info->uuid)))
			return p->index[at];
	}
	return BACKEND_NONE;
}
