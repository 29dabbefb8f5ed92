/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * Sums are kept in network byte order throughout: one's complement addition
 * does not care, so nothing is swapped.
 */
#ifndef DATAPLANE_CORE_CSUM_H
#define DATAPLANE_CORE_CSUM_H

#include "dataplane/core/base.h"

/* Fold a 32-bit sum to 16 bits; a sum of 16-bit words never needs a third. */
static ALWAYS_INLINE uint16_t csum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The two halves of a 32-bit field as one addend. */
static ALWAYS_INLINE uint32_t csum_halves(be32 v)
{
	return (v & 0xffff) + (v >> 16);
}

/* The same of a sum of up to 65,536 such fields. */
static ALWAYS_INLINE uint32_t csum_quarters(uint64_t sum)
{
	return (uint32_t)((sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32));
}

/*
 * What a checksum changes by where a field's old value goes and a new one comes:
 * ~m + m' of RFC 1624. Changes add up, and are the same for each checksum that
 * covers the field.
 */
static ALWAYS_INLINE uint32_t csum_change(be16 old_word, be16 new_word)
{
	return (uint16_t)~old_word + (uint32_t)new_word;
}

static ALWAYS_INLINE uint32_t csum_change32(be32 old_field, be32 new_field)
{
	return csum_halves(~old_field) + csum_halves(new_field);
}

/**
 * csum_apply() - checksum after covered fields changed.
 * @csum: the checksum field as it was.
 * @change: sum of csum_change() of each.
 *
 * HC' = ~(~HC + ~m + m'), RFC 1624 equation 3: unlike equation 2 it never
 * turns a correct sum into its wrong zero.
 * Return: the new field.
 */
static ALWAYS_INLINE be16 csum_apply(be16 csum, uint32_t change)
{
	return (be16)~csum_fold((uint16_t)~csum + change);
}

/*
 * A word of whatever is summed up. Headers are written field by field, some of
 * 32 bits; a plain uint16_t may not alias those, and the compiler would read
 * the sum before the fields are written (clang for BPF did).
 */
typedef uint16_t __attribute__((may_alias)) csum_word;

/**
 * csum_words() - sum of a run of 16-bit words, as an addend.
 * @data: 2-byte aligned.
 * @n_words: how many; a compile-time constant in the packet path.
 */
static ALWAYS_INLINE uint32_t csum_words(const void *data, uint32_t n_words)
{
	const csum_word *word = data;
	uint32_t sum = 0;
	uint32_t i;

	for (i = 0; i < n_words; i++)
		sum += word[i];
	return sum;
}

#endif
