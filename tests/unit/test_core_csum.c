// SPDX-License-Identifier: GPL-2.0-only
/*
 * Incremental checksums: what csum.h and rewrite.h keep up is what a full sum
 * says, at every corner.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/rewrite.h"
#include "tests/packet/mem_tables.h"
#include "tests/packet/frame.h"

#define RANDOM_RUNS 200000
#define N_WORDS	    6

static uint64_t random_state = 88172645463325252ULL;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* The checksum of words as a sender makes it, by the reference. */
static be16 full(const be16 *word, size_t n)
{
	uint8_t byte[2 * N_WORDS];

	memcpy(byte, word, 2 * n);
	return BE16(~frame_sum(byte, 2 * n, 0));
}

/* Words that make trouble in one's complement, and their neighbours. */
static const uint16_t corners[] = { 0x0000, 0x0001, 0x7fff, 0x8000,
				    0xfffe, 0xffff, 0x00ff, 0xff00 };

/* Every corner goes to every corner beside two corners that stay. */
static void test_corners(void **state)
{
	const size_t n = ARRAY_SIZE(corners);
	be16 word[3];
	be16 csum;
	be16 old;
	size_t i;

	(void)state;
	for (i = 0; i < n * n * n * n; i++) {
		word[0] = corners[i % n];
		word[1] = corners[i / n % n];
		word[2] = corners[i / n / n % n];
		/* Nothing but zeros has no checksum that could be kept. */
		csum = full(word, 3);
		if (!word[0] && !word[1] && !word[2])
			continue;
		old = word[2];
		word[2] = corners[i / n / n / n];
		csum = csum_apply(csum, csum_change(old, word[2]));
		if (!word[0] && !word[1] && !word[2])
			continue;
		assert_int_equal(csum, full(word, 3));
	}
}

/* One word takes all of its 65,536 values, from and to each corner. */
static void test_every_word(void **state)
{
	be16 word[2];
	uint32_t v;
	size_t i;
	be16 csum;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(corners); i++) {
		for (v = 0; v <= 0xffff; v++) {
			word[0] = BE16(0x4500);
			word[1] = corners[i];
			csum = csum_apply(full(word, 2),
					  csum_change(corners[i], (be16)v));
			word[1] = (be16)v;
			assert_int_equal(csum, full(word, 2));
			csum = csum_apply(csum,
					  csum_change((be16)v, corners[i]));
			word[1] = corners[i];
			assert_int_equal(csum, full(word, 2));
		}
	}
}

/* Two addresses and a port at once, as the rewrite does. */
static void test_random_edits(void **state)
{
	be16 word[N_WORDS];
	be16 edited[N_WORDS];
	uint32_t change;
	uint64_t r;
	int run;
	int i;

	(void)state;
	for (run = 0; run < RANDOM_RUNS; run++) {
		r = random64();
		for (i = 0; i < N_WORDS; i++)
			word[i] = (be16)random64();
		word[0] |= 1;
		memcpy(edited, word, sizeof(word));
		for (i = 1; i < 4; i++) {
			edited[i] = 0;
			if (r >> 60)
				edited[i] = (be16)(r >> (16 * (i - 1)));
		}
		/* Fields of 32 bits are two words. */
		change = csum_change32((be32)word[1] << 16 | word[2],
				       (be32)edited[1] << 16 | edited[2]) +
			 csum_change(word[3], edited[3]);
		assert_int_equal(csum_apply(full(word, N_WORDS), change),
				 full(edited, N_WORDS));
	}
}

static void test_fold(void **state)
{
	const uint32_t sums[][2] = {
		{ 0, 0 },
		{ 0xffff, 0xffff },
		{ 0x10000, 1 },
		{ 0x1ffff, 1 },
		{ 0xffffffff, 0xffff },
		{ 0xffff0000, 0xffff },
		{ 0xffff0001, 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sums); i++)
		assert_int_equal(csum_fold(sums[i][0]), sums[i][1]);
	assert_int_equal(csum_halves(0xfffffffe), 0xffff + 0xfffe);
}

/* Every TTL: 255 hops, the header's checksum right after each. */
static void test_ttl(void **state)
{
	const struct frame_spec spec = { .ttl = 255,
					 .src = 0xc6336407,
					 .dst = 0xcb00710a };
	struct ipv4_hdr ip;
	struct frame f;
	int ttl;

	(void)state;
	frame_encode(&spec, &f);
	memcpy(&ip, f.byte + 14, sizeof(ip));
	for (ttl = 254; ttl >= 0; ttl--) {
		ip.csum = csum_apply(ip.csum, ip_decrement_ttl(&ip));
		assert_int_equal(ip.ttl, ttl);
		assert_int_equal(frame_sum((const uint8_t *)&ip, sizeof(ip), 0),
				 0xffff);
	}
}

/* The rewrite of random segments to random VMs is what a full sum says. */
static void test_rewrite(void **state)
{
	struct backend_record record = { .addr.word = { 0, 0, BE32(0xffff) } };
	struct frame_spec spec = { .kind = FRAME_TCP };
	struct frame f;
	struct pkt p;
	uint8_t *l3;
	int run;

	(void)state;
	for (run = 0; run < RANDOM_RUNS / 10; run++) {
		spec.src = (uint32_t)random64();
		spec.dst = (uint32_t)random64();
		spec.sport = (uint16_t)random64();
		spec.dport = (uint16_t)random64();
		spec.seq = (uint32_t)random64();
		spec.payload = (uint16_t)(random64() % 64);
		record.addr.word[3] = (uint32_t)random64();
		frame_encode(&spec, &f);
		memset(&p, 0, sizeof(p));
		p.data = f.byte;
		p.end = f.byte + f.size;
		p.length = (uint32_t)f.size;
		if (parse_frame(&p, &l3) || !p.ip || parse_flow(&p)) {
			fail_msg("the frame is not understood");
			return;
		}
		rewrite_macs(&p, &record);
		rewrite_end(mem_tables(), NULL, &p, END_DST, &record.addr,
			    (be16)random64());
		assert_int_equal(frame_csums_right(f.byte, f.size), 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_corners),
		cmocka_unit_test(test_every_word),
		cmocka_unit_test(test_random_edits),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_rewrite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
