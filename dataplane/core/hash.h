/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flow -> 64 bits: SipHash-1-3 with a secret 128-bit seed.
 *
 * Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF",
 * INDOCRYPT 2012; the 1-3 variant is what Rust and Python use for tables. A
 * keyed PRF, because nobody outside may aim flows at one VM or at one line of
 * the flow table. What is hashed is added word by word, without a loop.
 */
#ifndef DATAPLANE_CORE_HASH_H
#define DATAPLANE_CORE_HASH_H

#include "dataplane/core/base.h"

/**
 * struct hash_seed - the secret key of one hash.
 * @k0: low half; @k1: high half.
 */
struct hash_seed {
	uint64_t k0;
	uint64_t k1;
};

static ALWAYS_INLINE uint64_t hash_rotl(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

struct hash_state {
	uint64_t v0, v1, v2, v3;
};

static ALWAYS_INLINE void hash_round(struct hash_state *s)
{
	s->v0 += s->v1;
	s->v1 = hash_rotl(s->v1, 13) ^ s->v0;
	s->v0 = hash_rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = hash_rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = hash_rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = hash_rotl(s->v1, 17) ^ s->v2;
	s->v2 = hash_rotl(s->v2, 32);
}

static ALWAYS_INLINE struct hash_state hash_begin(const struct hash_seed *seed)
{
	struct hash_state s = {
		.v0 = seed->k0 ^ 0x736f6d6570736575ULL,
		.v1 = seed->k1 ^ 0x646f72616e646f6dULL,
		.v2 = seed->k0 ^ 0x6c7967656e657261ULL,
		.v3 = seed->k1 ^ 0x7465646279746573ULL,
	};

	return s;
}

/* Eight bytes more, little-endian. */
static ALWAYS_INLINE void hash_add(struct hash_state *s, uint64_t word)
{
	s->v3 ^= word;
	hash_round(s);
	s->v0 ^= word;
}

/**
 * hash_end() - the hash of all that was added and of up to 7 bytes more.
 * @tail: those bytes, little-endian. They cost nothing: they share the last word
 *        with the length.
 * @size: of everything, these included.
 */
static ALWAYS_INLINE uint64_t hash_end(struct hash_state *s, uint64_t tail,
				       uint32_t size)
{
	hash_add(s, tail | (uint64_t)size << 56);
	s->v2 ^= 0xff;
	hash_round(s);
	hash_round(s);
	hash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* The hash of whole words; @n_words is a compile-time constant in the packet
 * path. */
static ALWAYS_INLINE uint64_t hash_words(const struct hash_seed *seed,
					 const uint64_t *word, uint32_t n_words)
{
	struct hash_state s = hash_begin(seed);
	uint32_t i;

	for (i = 0; i < n_words; i++)
		hash_add(&s, word[i]);
	return hash_end(&s, 0, n_words * 8);
}

#endif
