/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables in memory for the tests of table building.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/slots_tables.h"

#include <stdlib.h>
#include <string.h>

void slots_test_reopen(struct slots_test *t)
{
	struct slots_tables tables = {
		.lines = t->lines,
		.n_lines = T_LINES,
		.clocks = t->clocks,
		.flows = t->flows,
		.n_flow_lines = T_FLOW_LINES,
		.backends = t->backends,
		.n_backends = T_BACKENDS,
		.pools = t->pools,
		.n_pools = ARRAY_SIZE(t->pools),
	};

	slots_free(t->slots);
	t->slots = NULL;
	assert_int_equal(slots_open(&tables, t->now, &t->slots), 0);
}

int slots_test_setup(void **state)
{
	struct slots_test *t = aligned_alloc(64, sizeof(*t));
	uint32_t i;

	assert_non_null(t);
	memset(t, 0, sizeof(*t));
	t->now = T_START;
	for (i = 0; i < ARRAY_SIZE(t->pools); i++) {
		t->pools[i].seed.k0 = 0x1234 + i;
		t->pools[i].seed.k1 = 0x5678;
		t->pools[i].idle_ticks = T_IDLE;
		t->pools[i].udp_idle_ticks = T_UDP_IDLE;
	}
	for (i = 1; i <= T_BACKENDS; i++)
		t->backends[i].word = BACKEND_WORD(1, BACKEND_LIVE);
	slots_test_reopen(t);
	*state = t;
	return 0;
}

int slots_test_teardown(void **state)
{
	struct slots_test *t = *state;

	slots_free(t->slots);
	free(t);
	return 0;
}

void slots_test_equal(struct slots_share *shares, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		shares[i] = (struct slots_share){
			.id = i * 0x9e3779b97f4a7c15ULL,
			.weight = 10,
			.backend = (uint16_t)(i + 1),
		};
}

void slots_test_create(struct slots_test *t, uint32_t pool, uint32_t log2,
		       const struct slots_share *shares, uint32_t n)
{
	assert_int_equal(slots_create(t->slots, pool, log2, shares, n, t->now),
			 0);
}

uint32_t slots_test_apply(struct slots_test *t, uint32_t pool,
			  const struct slots_share *shares, uint32_t n)
{
	struct slots_plan plan = { .shares = shares, .n_shares = n };
	struct slots_moved moved = { 0, 0 };

	assert_int_equal(slots_apply(t->slots, pool, &plan, t->now, &moved), 0);
	assert_int_equal(moved.n_left, 0);
	return moved.n_moved;
}

static uint32_t pool_slot(const struct slots_test *t, uint32_t pool, uint32_t i)
{
	return POOL_FIRST_LINE(t->pools[pool].range) * SLOTS_PER_LINE + i;
}

uint32_t *slots_test_slot(struct slots_test *t, uint32_t pool, uint32_t i)
{
	uint32_t slot = pool_slot(t, pool, i);

	return &t->lines[slot / SLOTS_PER_LINE].slot[slot % SLOTS_PER_LINE];
}

struct slot_clock *slots_test_clock(struct slots_test *t, uint32_t pool,
				    uint32_t i)
{
	return &t->clocks[pool_slot(t, pool, i)];
}

uint32_t slots_test_owned(struct slots_test *t, uint16_t backend)
{
	struct slots_use use;
	uint32_t claimed_away = 0;
	uint32_t n_slots = 1U << POOL_SLOTS_LOG2(t->pools[0].range);
	uint32_t word;
	uint32_t i;

	/* A claim's target is in no table: count what leaves and what comes. */
	for (i = 0; i < n_slots; i++) {
		word = *slots_test_slot(t, 0, i);
		claimed_away += word == CLAIMING(backend);
	}
	slots_use(t->slots, 0, backend, t->now, &use);
	return use.n_current - claimed_away + use.n_claims;
}

void slots_test_settle(struct slots_test *t)
{
	struct slots_count count;
	uint32_t next;
	int i;

	for (i = 0; i < 4; i++) {
		t->now += SLOTS_CLOCK_TICKS(T_IDLE);
		slots_step(t->slots, t->now, &next);
		t->now += 20;
		slots_sweep(t->slots, UINT32_MAX, t->now);
	}
	slots_count(t->slots, 0, &count);
	assert_int_equal(count.n_claiming + count.n_moving + count.n_settling,
			 0);
}

struct flow_entry *slots_test_entry(struct slots_test *t, uint32_t pool,
				    uint32_t i, uint16_t backend,
				    enum flow_class class, uint32_t life)
{
	uint32_t log2 = POOL_SLOTS_LOG2(t->pools[pool].range);
	struct flow_entry *e;
	uint32_t line = 0;

	while (t->flows[line].entry[0].meta) {
		line++;
		assert_in_range(line, 0, T_FLOW_LINES - 1);
	}
	e = &t->flows[line].entry[0];
	e->key = (uint64_t)i << (64 - log2) | line;
	e->meta = flow_meta(backend,
			    BACKEND_GENERATION(t->backends[backend].word),
			    class, t->now + life);
	/* The pool that a record names is where its entries belong. */
	t->backends[backend].copy[0].pool = pool;
	return e;
}
