/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flow -> 64 bits: SipHash-1-3 with a secret 128-bit seed.
 *
 * Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF",
 * INDOCRYPT 2012; the 1-3 variant is what Rust and Python use for tables. A
 * keyed PRF, because nobody outside may aim flows at one VM or at one line of
 * the flow table. Input is a fixed number of 64-bit words, so the loop unrolls.
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

/**
 * hash_message() - SipHash-1-3 of whole words and up to 7 bytes more.
 * @seed: the key.
 * @word: input, little-endian words of the hashed bytes.
 * @n_words: a compile-time constant in the packet path.
 * @tail, @tail_size: the bytes behind them, little-endian, and how many. They
 *                    cost nothing: they share the last word with the length.
 */
static ALWAYS_INLINE uint64_t hash_message(const struct hash_seed *seed,
					   const uint64_t *word,
					   uint32_t n_words, uint64_t tail,
					   uint32_t tail_size)
{
	struct hash_state s = {
		.v0 = seed->k0 ^ 0x736f6d6570736575ULL,
		.v1 = seed->k1 ^ 0x646f72616e646f6dULL,
		.v2 = seed->k0 ^ 0x6c7967656e657261ULL,
		.v3 = seed->k1 ^ 0x7465646279746573ULL,
	};
	uint64_t last = tail | (uint64_t)(n_words * 8 + tail_size) << 56;
	uint32_t i;

	for (i = 0; i < n_words; i++) {
		s.v3 ^= word[i];
		hash_round(&s);
		s.v0 ^= word[i];
	}
	s.v3 ^= last;
	hash_round(&s);
	s.v0 ^= last;
	s.v2 ^= 0xff;
	hash_round(&s);
	hash_round(&s);
	hash_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* The same of whole words. */
static ALWAYS_INLINE uint64_t hash_words(const struct hash_seed *seed,
					 const uint64_t *word, uint32_t n_words)
{
	return hash_message(seed, word, n_words, 0, 0);
}

#endif
