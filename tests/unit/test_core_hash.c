// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hash and flow keys: dataplane/core/hash.h and key.h against the reference
 * (tests/packet/ref_hash.c), and that against CPython's siphash13.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/core/key.h"
#include "tests/packet/ref_hash.h"

#define RANDOM_RUNS 20000

/*
 * CPython 3.11 with PYTHONHASHSEED=0: hash(bytes) is SipHash-1-3 with a zero
 * key. Made by
 *
 *	PYTHONHASHSEED=0 python3 -c 'for n in range(1, 25):
 *		print(hex(hash(bytes(range(n))) & (1 << 64) - 1))'
 */
static const uint64_t cpython[] = {
	0x68a914128e01e473, 0x010bac45c41e3669, 0x4d4c9a4a8ef6e0ad,
	0x7cc43f98813e4dbd, 0x5abe2169dff36275, 0xe3c25f87624f1cdb,
	0x2f098ab0c751325a, 0xead411e67ebe2eea, 0x75927f9d95124362,
	0xaf9f77a65ab51a1d, 0xfe64ce8b6617fcff, 0xa6baf4fb0f9fe1c2,
	0xa0cf3211850f8e0d, 0x7f86049379fbfe67, 0xf30eb725bb91c9ea,
	0x8972188433a5c5b7, 0x4883c49a2c009c1d, 0xadc2c0b63044067d,
	0x091f4a3329f87d19, 0x639e355ae68c0100, 0xb17bef2cb5213239,
	0xf8aeb1066236ccfe, 0x37332b1389daa4ff, 0x31185a47af932f3a,
};

static uint64_t random_state = 88172645463325252ULL;

/* xorshift64: the same numbers in every run. */
static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void test_reference_is_cpythons(void **state)
{
	const struct ref_seed zero = { 0, 0 };
	uint8_t byte[ARRAY_SIZE(cpython)];
	size_t n;

	(void)state;
	for (n = 0; n < ARRAY_SIZE(cpython); n++)
		byte[n] = (uint8_t)n;
	for (n = 1; n <= ARRAY_SIZE(cpython); n++)
		assert_int_equal(ref_siphash13(zero, byte, n), cpython[n - 1]);
}

static void bytes_of(const uint64_t *word, uint32_t n_words, uint8_t *ret_byte)
{
	uint32_t i;

	for (i = 0; i < n_words * 8; i++)
		ret_byte[i] = (uint8_t)(word[i / 8] >> (i % 8 * 8));
}

static void test_core_is_the_reference(void **state)
{
	struct hash_seed seed;
	struct ref_seed ref;
	uint64_t word[5];
	uint8_t byte[sizeof(word)];
	struct hash_state s;
	uint32_t tail;
	uint32_t n;
	uint32_t i;
	int run;

	(void)state;
	for (run = 0; run < RANDOM_RUNS; run++) {
		seed.k0 = ref.k0 = random64();
		seed.k1 = ref.k1 = random64();
		for (n = 0; n < ARRAY_SIZE(word); n++)
			word[n] = random64();
		n = (uint32_t)run % (ARRAY_SIZE(word) + 1);
		bytes_of(word, n, byte);
		assert_int_equal(hash_words(&seed, word, n),
				 ref_siphash13(ref, byte, (size_t)n * 8));
		if (!n)
			continue;
		/* The last word's first bytes as a tail. */
		tail = (uint32_t)run / 8 % 8;
		word[n - 1] &= (1ULL << tail * 8) - 1;
		s = hash_begin(&seed);
		for (i = 0; i + 1 < n; i++)
			hash_add(&s, word[i]);
		assert_int_equal(hash_end(&s, word[n - 1], n * 8 - 8 + tail),
				 ref_siphash13(ref, byte, n * 8 - 8 + tail));
	}
}

static struct ip_addr mapped(uint32_t addr)
{
	struct ip_addr ip = { .word = { 0, 0, BE32(0xffff), BE32(addr) } };

	return ip;
}

static void test_keys_are_the_references(void **state)
{
	struct hash_seed seed = { 1, 2 };
	struct ref_seed ref = { 1, 2 };
	struct ip_addr client;
	struct ip_addr server;
	uint32_t c;
	uint32_t s;
	uint16_t cp;
	uint16_t sp;
	int run;

	(void)state;
	for (run = 0; run < RANDOM_RUNS; run++) {
		c = (uint32_t)random64();
		s = (uint32_t)random64();
		cp = (uint16_t)random64();
		sp = (uint16_t)random64();
		client = mapped(c);
		server = mapped(s);
		assert_int_equal(key_balanced(&seed, AFFINITY_FLOW, &client,
					      BE16(cp), &server, BE16(sp), 6),
				 ref_key_balanced(ref, 0, c, cp, s, sp, 6));
		assert_int_equal(key_balanced(&seed, AFFINITY_SOURCE, &client,
					      BE16(cp), &server, BE16(sp), 6),
				 ref_key_balanced(ref, 1, c, cp, s, sp, 6));
		assert_int_equal(key_direct(&seed, 0x00abcdef, &client,
					    BE16(cp), &server, BE16(sp), 6),
				 ref_key_direct(ref, 0x00abcdef, c, cp, s, sp,
						6));
	}
}

/* Flows of one client share a slot with affinity "source", never a key. */
static void test_source_affinity_keeps_flows_apart(void **state)
{
	struct hash_seed seed = { 3, 4 };
	struct ip_addr client = mapped(0xc6336407);
	struct ip_addr vip = mapped(0xcb00710a);
	uint64_t first;
	uint64_t key;
	uint16_t port;

	(void)state;
	first = key_balanced(&seed, AFFINITY_SOURCE, &client, BE16(1), &vip,
			     BE16(80), 6);
	for (port = 2; port < 5000; port++) {
		key = key_balanced(&seed, AFFINITY_SOURCE, &client, BE16(port),
				   &vip, BE16(80), 6);
		assert_int_equal(key >> 44, first >> 44);
		assert_int_not_equal(key, first);
	}
}

/* An IPv6 address takes part in the hash with all of its bits. */
static void test_every_bit_of_ipv6_counts(void **state)
{
	struct hash_seed seed = { 5, 6 };
	struct ip_addr client = { .word = { 1, 2, 3, 4 } };
	struct ip_addr vip = { .word = { 5, 6, 7, 8 } };
	uint64_t key = key_balanced(&seed, AFFINITY_FLOW, &client, BE16(1),
				    &vip, BE16(80), 6);
	uint64_t other;
	int i;

	(void)state;
	for (i = 0; i < 256; i++) {
		struct ip_addr *a = i < 128 ? &client : &vip;
		uint32_t bit = 1U << (i % 32);

		a->word[i / 32 % 4] ^= bit;
		other = key_balanced(&seed, AFFINITY_FLOW, &client, BE16(1),
				     &vip, BE16(80), 6);
		a->word[i / 32 % 4] ^= bit;
		assert_int_not_equal(key, other);
	}
}

/* Slots of a grown range are the children of the old one's. */
static void test_growth_keeps_the_parent(void **state)
{
	uint32_t log2;
	uint64_t key;
	int run;

	(void)state;
	for (run = 0; run < RANDOM_RUNS; run++) {
		key = random64();
		for (log2 = 1; log2 < 20; log2++)
			assert_int_equal(
				slot_of_key(key, POOL_RANGE(0, log2)),
				slot_of_key(key, POOL_RANGE(0, log2 + 1)) / 2);
		assert_int_equal(slot_of_key(key, POOL_RANGE(7, 20)),
				 key >> 44);
	}
}

/* Flows spread evenly: chi-squared over 1024 slots, far from chance. */
static void test_flows_spread(void **state)
{
	struct hash_seed seed = { 7, 8 };
	struct ip_addr client = mapped(0x0a000001);
	struct ip_addr vip = mapped(0xcb00710a);
	static uint32_t hits[1024];
	const double expected = 64;
	double chi = 0;
	uint32_t port;
	uint64_t key;
	size_t i;

	(void)state;
	for (port = 0; port < 65536; port++) {
		key = key_balanced(&seed, AFFINITY_FLOW, &client, BE16(port),
				   &vip, BE16(80), 6);
		hits[slot_of_key(key, POOL_RANGE(0, 10))]++;
	}
	for (i = 0; i < ARRAY_SIZE(hits); i++)
		chi += ((double)hits[i] - expected) *
		       ((double)hits[i] - expected) / expected;
	/* 1023 degrees of freedom: mean 1023, deviation 45. */
	assert_true(chi > 1023 - 5 * 45 && chi < 1023 + 5 * 45);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference_is_cpythons),
		cmocka_unit_test(test_core_is_the_reference),
		cmocka_unit_test(test_keys_are_the_references),
		cmocka_unit_test(test_source_affinity_keeps_flows_apart),
		cmocka_unit_test(test_every_bit_of_ipv6_counts),
		cmocka_unit_test(test_growth_keeps_the_parent),
		cmocka_unit_test(test_flows_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
