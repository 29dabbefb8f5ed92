/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The first table of a pool: weighted Maglev hashing. Later tables are made
 * from the one in force (slots.h), with fewer moves than Maglev has.
 */
#ifndef DATAPLANE_MAGLEV_H
#define DATAPLANE_MAGLEV_H

#include "dataplane/core/hash.h"
#include "dataplane/slots_quota.h"

/**
 * maglev_fill() - spread slots over shares.
 * @seed: the pool's; with the shares' ids it decides the table, so every node
 *        that starts from nothing starts with the same one.
 * @slots_log2: the table has 2^this slots, 1 .. 20.
 * @ret_table: each slot's backend number; BACKEND_NONE if no share has a weight.
 *
 * Every share gets its quota by largest remainder exactly.
 * Return: 0 or -ENOMEM.
 */
MUST_CHECK int maglev_fill(const struct hash_seed *seed,
			   const struct slots_share *shares, uint32_t n_shares,
			   uint32_t slots_log2, uint16_t *ret_table);

#endif
