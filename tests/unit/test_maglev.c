/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Quotas and the first table: exact shares, nobody starves, the same table
 * everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataplane/core/state.h"
#include "dataplane/maglev.h"
#include "tests/sim/random.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SHARES 1000
#define LOG2	   16
#define N_SLOTS	   (1U << LOG2)

static const struct hash_seed seed = { 42, 4711 };

static void shares_random(struct random *r, struct slots_share *shares,
			  uint32_t n, uint32_t low, uint32_t high)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		shares[i].id = random_u64(r);
		shares[i].weight = random_between(r, low, high);
		shares[i].backend = (uint16_t)(i + 1);
	}
}

/* Within one of the exact quota, and all slots given out. */
static void test_quotas_are_fair(void **state)
{
	struct slots_share shares[100];
	struct random r = { 1 };
	uint32_t quotas[100];
	uint64_t total;
	uint64_t exact;
	uint32_t sum;
	uint32_t n;
	uint32_t i;
	int round;

	(void)state;
	for (round = 0; round < 500; round++) {
		n = random_between(&r, 1, 100);
		shares_random(&r, shares, n, 0,
			      round % 2 ? 10 : UINT32_MAX - 1);
		shares[0].weight |= 1;
		assert_int_equal(slots_quotas(shares, n, N_SLOTS, NULL, quotas),
				 0);
		total = 0;
		sum = 0;
		for (i = 0; i < n; i++)
			total += shares[i].weight;
		for (i = 0; i < n; i++) {
			exact = (uint64_t)shares[i].weight * N_SLOTS / total;
			assert_in_range(quotas[i], exact, exact + 1);
			sum += quotas[i];
		}
		assert_int_equal(sum, N_SLOTS);
	}
}

/* Three shares of 16 slots: who has the odd slot keeps it. */
static void test_quotas_ties_stay(void **state)
{
	struct slots_share shares[3] = {
		{ .id = 3, .weight = 7, .backend = 1 },
		{ .id = 2, .weight = 7, .backend = 2 },
		{ .id = 1, .weight = 7, .backend = 3 },
	};
	uint32_t owned[3] = { 5, 6, 5 };
	uint32_t quotas[3];

	(void)state;
	assert_int_equal(slots_quotas(shares, 3, 16, NULL, quotas), 0);
	assert_int_equal(quotas[2], 6);
	assert_int_equal(slots_quotas(shares, 3, 16, owned, quotas), 0);
	assert_memory_equal(quotas, owned, sizeof(owned));
}

static void test_quotas_of_nobody(void **state)
{
	struct slots_share share = { .id = 1, .weight = 0, .backend = 1 };
	uint32_t quota = 7;

	(void)state;
	assert_int_equal(slots_quotas(&share, 1, 16, NULL, &quota), 0);
	assert_int_equal(quota, 0);
	assert_int_equal(slots_quotas(NULL, 0, 16, NULL, NULL), 0);
}

static uint32_t *count_slots(const uint16_t *table, uint32_t n_slots)
{
	uint32_t *count = calloc(MAX_SHARES + 1, sizeof(*count));
	uint32_t i;

	assert_non_null(count);
	for (i = 0; i < n_slots; i++) {
		assert_in_range(table[i], 1, MAX_SHARES);
		count[table[i]]++;
	}
	return count;
}

/* Every share has its quota exactly: balance, and nobody starves. */
static void test_fill_is_exact(void **state)
{
	static const uint32_t n_shares[] = { 1, 2, 3, 10, 100, 600, 1000 };
	static struct slots_share shares[MAX_SHARES];
	static uint32_t quotas[MAX_SHARES];
	static uint16_t table[N_SLOTS];
	struct random r = { 2 };
	uint32_t *count;
	uint32_t n;
	uint32_t k;
	uint32_t i;

	(void)state;
	for (k = 0; k < 2 * ARRAY_SIZE(n_shares); k++) {
		n = n_shares[k / 2];
		shares_random(&r, shares, n, k % 2 ? 20 : 7, k % 2 ? 200 : 7);
		assert_int_equal(maglev_fill(&seed, shares, n, LOG2, table), 0);
		assert_int_equal(slots_quotas(shares, n, N_SLOTS, NULL, quotas),
				 0);
		count = count_slots(table, N_SLOTS);
		for (i = 0; i < n; i++) {
			assert_int_equal(count[i + 1], quotas[i]);
			assert_true(count[i + 1] > 0);
		}
		free(count);
	}
}

/* The VMs decide the table, not their numbers or their order. */
static void test_fill_is_the_same_everywhere(void **state)
{
	struct slots_share here[50];
	struct slots_share there[50];
	static uint16_t table_here[1 << 14];
	static uint16_t table_there[1 << 14];
	struct random r = { 3 };
	uint32_t i;

	(void)state;
	shares_random(&r, here, 50, 1, 9);
	for (i = 0; i < 50; i++) {
		there[i] = here[49 - i];
		there[i].backend = (uint16_t)(500 + there[i].backend);
	}
	assert_int_equal(maglev_fill(&seed, here, 50, 14, table_here), 0);
	assert_int_equal(maglev_fill(&seed, there, 50, 14, table_there), 0);
	for (i = 0; i < 1 << 14; i++)
		assert_int_equal(table_here[i] + 500, table_there[i]);
}

/* Another seed gives another table: nobody can work ours out. */
static void test_fill_is_keyed(void **state)
{
	static const struct hash_seed other = { 43, 4711 };
	static uint16_t table[1 << 14];
	static uint16_t table_other[1 << 14];
	struct slots_share shares[10];
	struct random r = { 4 };
	uint32_t same = 0;
	uint32_t i;

	(void)state;
	shares_random(&r, shares, 10, 1, 1);
	assert_int_equal(maglev_fill(&seed, shares, 10, 14, table), 0);
	assert_int_equal(maglev_fill(&other, shares, 10, 14, table_other), 0);
	for (i = 0; i < 1 << 14; i++)
		same += table[i] == table_other[i];
	assert_in_range(same, (1 << 14) / 20, (1 << 14) / 5);
}

/* Neighbours are no more alike than chance has it. */
static void test_fill_is_scattered(void **state)
{
	static uint16_t table[N_SLOTS];
	struct slots_share shares[10];
	struct random r = { 5 };
	uint32_t alike = 0;
	uint32_t i;

	(void)state;
	shares_random(&r, shares, 10, 1, 1);
	assert_int_equal(maglev_fill(&seed, shares, 10, LOG2, table), 0);
	for (i = 1; i < N_SLOTS; i++)
		alike += table[i] == table[i - 1];
	assert_in_range(alike, N_SLOTS / 20, N_SLOTS / 6);
}

static void test_fill_of_nobody(void **state)
{
	uint16_t table[16];
	uint32_t i;

	(void)state;
	memset(table, 0xff, sizeof(table));
	assert_int_equal(maglev_fill(&seed, NULL, 0, 4, table), 0);
	for (i = 0; i < 16; i++)
		assert_int_equal(table[i], BACKEND_NONE);
}

/* One share with nearly all the weight must not take all day. */
static void test_fill_of_unlike_weights(void **state)
{
	static struct slots_share shares[MAX_SHARES];
	static uint16_t table[N_SLOTS];
	struct random r = { 6 };
	uint32_t *count;

	(void)state;
	shares_random(&r, shares, MAX_SHARES, 1, 1);
	shares[7].weight = UINT32_MAX;
	assert_int_equal(maglev_fill(&seed, shares, MAX_SHARES, LOG2, table),
			 0);
	count = count_slots(table, N_SLOTS);
	assert_int_equal(count[8], N_SLOTS);
	free(count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quotas_are_fair),
		cmocka_unit_test(test_quotas_ties_stay),
		cmocka_unit_test(test_quotas_of_nobody),
		cmocka_unit_test(test_fill_is_exact),
		cmocka_unit_test(test_fill_is_the_same_everywhere),
		cmocka_unit_test(test_fill_is_keyed),
		cmocka_unit_test(test_fill_is_scattered),
		cmocka_unit_test(test_fill_of_nobody),
		cmocka_unit_test(test_fill_of_unlike_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
