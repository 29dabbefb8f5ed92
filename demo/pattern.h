/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The content of a demo download: bytes that both ends can compute.
 *
 * Shared by the web server in the guest and the load generator. The content
 * depends on the connection (its seed), so bytes that end up in another
 * connection are noticed.
 */
#ifndef DEMO_PATTERN_H
#define DEMO_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* The byte at @offset; splitmix64 (Steele, Lea, Flood 2014) of each 8 bytes. */
static inline uint8_t pattern_byte(uint64_t seed, uint64_t offset)
{
	uint64_t x = (seed << 40) + (offset >> 3);

	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	x ^= x >> 31;
	return (uint8_t)(x >> (offset & 7) * 8);
}

/* Fill @buf with the content from @offset on. */
static inline void pattern_fill(uint64_t seed, uint64_t offset, char *buf,
				size_t size)
{
	for (size_t i = 0; i < size; i++)
		buf[i] = (char)pattern_byte(seed, offset + i);
}

#endif
