/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random numbers that a seed repeats: SplitMix64 (Steele, Lea, Flood, "Fast
 * splittable pseudorandom number generators", OOPSLA 2014).
 */
#ifndef TESTS_SIM_RANDOM_H
#define TESTS_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_u64(struct random *r)
{
	uint64_t x = r->state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* 0 .. n - 1; n > 0. */
static inline uint32_t random_below(struct random *r, uint32_t n)
{
	return (uint32_t)((random_u64(r) >> 32) * n >> 32);
}

/* low .. high. */
static inline uint32_t random_between(struct random *r, uint32_t low,
				      uint32_t high)
{
	return low + random_below(r, high - low + 1);
}

/* True in so many of a thousand cases. */
static inline bool random_permille(struct random *r, uint32_t permille)
{
	return random_below(r, 1000) < permille;
}

#endif
