/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ranges of the flat slot array: a pool's first table, growing, giving up. A
 * range is written while nobody can see it; the store of the pool's range puts
 * it in force.
 */
#include "dataplane/maglev.h"
#include "dataplane/slots_state.h"

#include <errno.h>
#include <stdlib.h>

uint32_t slots_log2_for(uint32_t n_backends)
{
	if (n_backends * 100ULL <= 1U << 14)
		return 14;
	return n_backends * 100ULL <= 1U << 16 ? 16 : 20;
}

/* Forget retired lines that nobody can be reading, and keep room for more. */
static int retired_reserve(struct slots *s)
{
	struct slots_retired *grown;
	uint32_t n_kept = 0;
	uint32_t i;

	for (i = 0; i < s->n_retired; i++)
		if (s->now_tick - s->retired[i].tick < SLOTS_RETIRED_TICKS)
			s->retired[n_kept++] = s->retired[i];
	s->n_retired = n_kept;
	grown = realloc(s->retired,
			(n_kept + s->t.n_pools + 1ULL) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->retired = grown;
	return 0;
}

/* The end of lines [@first, +@n) if they overlap [@start, +@n_lines), else 0. */
static uint32_t overlap_end(uint32_t first, uint32_t n, uint32_t start,
			    uint32_t n_lines)
{
	return first < start + n_lines && start < first + n ? first + n : 0;
}

/* The lowest lines that nobody has. */
static int range_find(struct slots *s, uint32_t slots_log2, uint32_t *ret_line)
{
	uint32_t n_lines = (1U << slots_log2) / SLOTS_PER_LINE;
	const struct slots_pool *p;
	uint32_t start = 0;
	uint32_t end = 1;
	uint32_t i;
	int err = retired_reserve(s);

	if (err)
		return err;
	while (end && start + n_lines <= s->t.n_lines) {
		end = 0;
		for (i = 0; i < s->t.n_pools && !end; i++) {
			p = &s->pools[i];
			end = overlap_end(p->first / SLOTS_PER_LINE,
					  p->n_slots / SLOTS_PER_LINE, start,
					  n_lines);
		}
		for (i = 0; i < s->n_retired && !end; i++)
			end = overlap_end(s->retired[i].first_line,
					  s->retired[i].n_lines, start,
					  n_lines);
		start = end ? end : start;
	}
	if (end || start + n_lines > s->t.n_lines)
		return -ENOSPC;
	*ret_line = start;
	return 0;
}

static void range_retire(struct slots *s, const struct slots_pool *p)
{
	struct slots_retired *r = &s->retired[s->n_retired++];

	r->first_line = p->first / SLOTS_PER_LINE;
	r->n_lines = p->n_slots / SLOTS_PER_LINE;
	r->tick = s->now_tick;
}

/* Write a first table into a range that is not in force yet. */
static int pool_fill(struct slots *s, struct slots_pool *p,
		     const struct hash_seed *seed, uint32_t slots_log2)
{
	uint16_t *table = calloc(p->n_slots, sizeof(*table));
	uint32_t word;
	uint32_t i;
	int err = -ENOMEM;

	if (table)
		err = maglev_fill(seed, p->shares, p->n_shares, slots_log2,
				  table);
	for (i = 0; !err && i < p->n_slots; i++) {
		word = slot_make(table[i], table[i], 0);
		s->t.lines[(p->first + i) / SLOTS_PER_LINE]
			.slot[(p->first + i) % SLOTS_PER_LINE] = word;
		*slot_clock_of(s, p, i) = (struct slot_clock){ 0, 0 };
		slots_name_add(s, word, SLOTS_NO_TARGET, 1);
		slots_names_note(s, word, SLOTS_NO_TARGET);
	}
	free(table);
	return err;
}

int slots_create(struct slots *s, uint32_t pool, uint32_t slots_log2,
		 const struct slots_share *shares, uint32_t n_shares,
		 uint32_t now_tick)
{
	struct slots_pool made = { .n_slots = 0 };
	uint32_t line = 0;
	int err;

	s->now_tick = now_tick;
	if (pool >= s->t.n_pools || s->pools[pool].n_slots || slots_log2 < 4 ||
	    slots_log2 > 20 || !slots_shares_valid(s, shares, n_shares))
		return -EINVAL;
	err = range_find(s, slots_log2, &line);
	if (!err)
		err = slots_pool_init(&made, line, slots_log2);
	if (!err)
		err = slots_keep_shares(&made, shares, n_shares);
	if (!err)
		err = pool_fill(s, &made, &s->t.pools[pool].seed, slots_log2);
	if (err) {
		slots_pool_done(&made);
		return err;
	}
	s->pools[pool] = made;
	WRITE_ONCE(s->t.pools[pool].range, POOL_RANGE(line, slots_log2));
	return 0;
}

/* Copy a slot to its children: both fields, marks and clock. */
static void slot_copy(struct slots *s, const struct slots_pool *from,
		      struct slots_pool *to, uint32_t i)
{
	uint32_t n_children = to->n_slots / from->n_slots;
	struct slot_clock clock = *slot_clock_of(s, from, i);
	uint32_t word = slot_get(s, from, i);
	uint32_t slot;
	uint32_t c;

	/* The path may be noting a refusal at the old clock just now. */
	if (slot_state(word) == SLOT_IS_MOVING)
		clock.refused_tick = tick_known(s->now_tick);
	for (c = i * n_children; c < (i + 1) * n_children; c++) {
		slot = to->first + c;
		s->t.lines[slot / SLOTS_PER_LINE].slot[slot % SLOTS_PER_LINE] =
			word;
		*slot_clock_of(s, to, c) = clock;
		to->target[c] = from->target[i];
		if (word & SLOT_TRACKED) {
			bit_set(to->marked, c);
			to->n_marked++;
		}
	}
	slots_name_add(s, word, from->target[i], (int)n_children - 1);
}

int slots_grow(struct slots *s, uint32_t pool, uint32_t slots_log2,
	       uint32_t now_tick)
{
	struct slots_pool *p = slots_pool_of(s, pool);
	struct slots_pool grown = { .n_slots = 0 };
	uint32_t line = 0;
	uint32_t i;
	int err;

	s->now_tick = now_tick;
	if (!p || slots_log2 > 20)
		return -EINVAL;
	if (p->n_slots >= 1U << slots_log2)
		return 0;
	err = range_find(s, slots_log2, &line);
	if (!err)
		err = slots_pool_init(&grown, line, slots_log2);
	if (err)
		return err;
	for (i = 0; i < p->n_slots; i++)
		slot_copy(s, p, &grown, i);
	WRITE_ONCE(s->t.pools[pool].range, POOL_RANGE(line, slots_log2));
	range_retire(s, p);
	grown.shares = STEAL(p->shares);
	grown.n_shares = p->n_shares;
	grown.has_next = p->has_next;
	grown.next_tick = p->next_tick;
	slots_pool_done(p);
	*p = grown;
	return 0;
}

void slots_remove(struct slots *s, uint32_t pool, uint32_t now_tick)
{
	struct slots_pool *p = slots_pool_of(s, pool);
	uint32_t word;
	uint32_t i;

	s->now_tick = now_tick;
	if (!p)
		return;
	WRITE_ONCE(s->t.pools[pool].range, 0);
	for (i = 0; i < p->n_slots; i++) {
		word = slot_get(s, p, i);
		slots_name_add(s, word, p->target[i], -1);
		slots_names_note(s, word, p->target[i]);
	}
	range_retire(s, p);
	slots_pool_done(p);
}
