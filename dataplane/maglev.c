/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Weighted Maglev hashing.
 *
 * Source: D. E. Eisenbud et al., "Maglev: A Fast and Reliable Software Network
 * Load Balancer", NSDI 2016, section 3.4: backends take turns, each takes the
 * next free slot of its own permutation of the table. Differences:
 *
 *	- The table is a power of two, not a prime, so that it can grow by
 *	  doubling; a permutation is offset + n * skip with an odd skip, which
 *	  visits every slot of such a table once.
 *	- Weights: in each round a backend's credit grows by its weight, and it
 *	  takes a slot when that reaches the largest weight. Proportions are
 *	  exact, and nobody starves.
 *	- Whoever has its quota by largest remainder stops, so the table is the
 *	  one that slots_apply() would leave as it is.
 */
#include "dataplane/maglev.h"

#include "dataplane/core/state.h"

#include <errno.h>
#include <stdlib.h>

/**
 * struct maglev_turn - a backend that still takes slots.
 * @id: of the share; turns are taken in its order.
 * @next: the next slot of its permutation, before the mask.
 * @skip: odd.
 * @credit: since its last slot, in weights.
 * @left: slots until its quota.
 */
struct maglev_turn {
	uint64_t id;
	uint32_t next;
	uint32_t skip;
	uint64_t credit;
	uint32_t weight;
	uint32_t left;
	uint16_t backend;
};

static struct maglev_turn turn_init(const struct hash_seed *seed,
				    const struct slots_share *share,
				    uint32_t quota)
{
	uint64_t hash = hash_words(seed, &share->id, 1);
	struct maglev_turn turn = {
		.id = share->id,
		.next = (uint32_t)hash,
		.skip = (uint32_t)(hash >> 32) | 1,
		.weight = share->weight,
		.left = quota,
		.backend = share->backend,
	};

	return turn;
}

static int turn_compare(const void *left, const void *right)
{
	const struct maglev_turn *a = left;
	const struct maglev_turn *b = right;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->backend - b->backend;
}

static void turn_take(struct maglev_turn *turn, uint32_t mask, uint16_t *table)
{
	while (table[turn->next & mask] != BACKEND_NONE)
		turn->next += turn->skip;
	table[turn->next & mask] = turn->backend;
	turn->next += turn->skip;
	turn->left--;
}

/* Rounds, until everybody has its quota. */
static void maglev_rounds(struct maglev_turn *turns, uint32_t n_turns,
			  uint32_t mask, uint16_t *table)
{
	uint32_t max_weight;
	uint32_t n_left;
	uint32_t i;

	while (n_turns) {
		max_weight = 0;
		for (i = 0; i < n_turns; i++)
			if (turns[i].weight > max_weight)
				max_weight = turns[i].weight;
		n_left = 0;
		for (i = 0; i < n_turns; i++) {
			turns[i].credit += turns[i].weight;
			if (turns[i].credit >= max_weight) {
				turns[i].credit -= max_weight;
				turn_take(&turns[i], mask, table);
			}
			if (turns[i].left)
				turns[n_left++] = turns[i];
		}
		n_turns = n_left;
	}
}

int maglev_fill(const struct hash_seed *seed, const struct slots_share *shares,
		uint32_t n_shares, uint32_t slots_log2, uint16_t *ret_table)
{
	uint32_t n_slots = 1U << slots_log2;
	struct maglev_turn *turns = NULL;
	uint32_t n_turns = 0;
	uint32_t *quotas;
	uint32_t i;
	int err;

	quotas = calloc(n_shares + 1ULL, sizeof(*quotas));
	turns = calloc(n_shares + 1ULL, sizeof(*turns));
	err = quotas && turns ?
		      slots_quotas(shares, n_shares, n_slots, NULL, quotas) :
		      -ENOMEM;
	if (err)
		goto out;
	for (i = 0; i < n_slots; i++)
		ret_table[i] = BACKEND_NONE;
	for (i = 0; i < n_shares; i++)
		if (quotas[i])
			turns[n_turns++] =
				turn_init(seed, &shares[i], quotas[i]);
	qsort(turns, n_turns, sizeof(*turns), turn_compare);
	maglev_rounds(turns, n_turns, n_slots - 1, ret_table);
out:
	free(turns);
	free(quotas);
	return err;
}
