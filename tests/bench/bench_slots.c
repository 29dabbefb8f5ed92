/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long table building takes, by size of pool: the first table, and one
 * change of each kind. Prints the best of several rounds.
 *
 *	bench_slots
 */
#include "dataplane/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS	   7
#define N_BACKENDS 10100
#define FLOW_LINES 16384 /* 64k entries, the default */

enum change {
	FIRST_TABLE,
	ADD,
	DRAIN,
	WEIGHT,
	GONE,
	ALL_WEIGHTS,
	PASS,
	N_CHANGES,
};

static const char *const change_names[] = {
	"first table", "add one",     "drain one", "weight of one",
	"lose one",    "all weights", "pass",
};
_Static_assert(ARRAY_SIZE(change_names) == N_CHANGES, "a name for each");

/**
 * struct bench - tables, and the shares that are changed.
 * @best_ms, @moved: by enum change.
 */
struct bench {
	struct slots_tables t;
	struct backend *backends;
	struct slots *slots;
	struct slots_share share[N_BACKENDS];
	uint32_t n_shares;
	uint32_t now_tick;
	double best_ms[N_CHANGES];
	uint32_t moved[N_CHANGES];
};

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void *zeroed(size_t n, size_t size)
{
	void *memory = aligned_alloc(64, (n * size + 63) / 64 * 64);

	if (!memory)
		exit(1);
	return memset(memory, 0, n * size);
}

static int must(int err)
{
	if (err < 0) {
		fprintf(stderr, "bench_slots: %s\n", strerror(-err));
		exit(1);
	}
	return err;
}

static void bench_init(struct bench *b, uint32_t slots_log2, uint32_t n)
{
	struct pool *pool = zeroed(1, sizeof(*pool));
	uint32_t n_lines = (1U << slots_log2) / SLOTS_PER_LINE;
	uint32_t i;

	b->backends = zeroed(N_BACKENDS + 1, sizeof(*b->backends));
	pool->idle_ticks = TICKS_OF_MS(350000);
	pool->udp_idle_ticks = TICKS_OF_MS(30000);
	pool->seed.k0 = slots_log2;
	for (i = 1; i <= N_BACKENDS; i++)
		b->backends[i].word = BACKEND_WORD(1, BACKEND_LIVE);
	b->t = (struct slots_tables){
		.lines = zeroed(n_lines, sizeof(*b->t.lines)),
		.n_lines = n_lines,
		.clocks = zeroed(1ULL << slots_log2, sizeof(*b->t.clocks)),
		.flows = zeroed(FLOW_LINES, sizeof(*b->t.flows)),
		.n_flow_lines = FLOW_LINES,
		.backends = b->backends,
		.n_backends = N_BACKENDS,
		.pools = pool,
		.n_pools = 1,
	};
	b->now_tick = 100000;
	b->n_shares = n;
	for (i = 0; i <= n; i++)
		b->share[i] = (struct slots_share){
			.id = i * 0x9e3779b97f4a7c15ULL,
			.weight = 10,
			.backend = (uint16_t)(i + 1),
		};
	must(slots_open(&b->t, b->now_tick, &b->slots));
}

static void bench_done(struct bench *b)
{
	slots_free(b->slots);
	free(b->t.lines);
	free(b->t.clocks);
	free(b->t.flows);
	free(b->t.pools);
	free(b->backends);
}

static void bench_change(struct bench *b, enum change change)
{
	struct slots_plan plan = { .shares = b->share,
				   .n_shares = b->n_shares };
	struct slots_moved moved = { 0, 0 };
	uint32_t next_tick;
	double began_ms;
	double took_ms;
	uint32_t i;

	switch (change) {
	case ADD:
		plan.n_shares = ++b->n_shares;
		break;
	case DRAIN:
		b->share[3].weight = 0;
		break;
	case WEIGHT:
		b->share[5].weight = 9;
		break;
	case ALL_WEIGHTS:
		for (i = 0; i < b->n_shares; i++)
			b->share[i].weight = i % 2 ? 49 : 51;
		break;
	case FIRST_TABLE:
	case GONE:
	case PASS:
	case N_CHANGES:
		break;
	}
	began_ms = now_ms();
	if (change == GONE) {
		moved.n_moved =
			(uint32_t)must(slots_gone(b->slots, 0, 7, b->now_tick));
	} else if (change == PASS) {
		slots_sweep(b->slots, UINT32_MAX, b->now_tick);
	} else {
		must(slots_apply(b->slots, 0, &plan, b->now_tick, &moved));
	}
	took_ms = now_ms() - began_ms;
	if (took_ms < b->best_ms[change])
		b->best_ms[change] = took_ms;
	b->moved[change] = moved.n_moved;
	/* All steady again before the next. */
	for (i = 0; i < 3; i++) {
		b->now_tick += TICKS_OF_MS(400000);
		slots_step(b->slots, b->now_tick, &next_tick);
		b->now_tick += TICKS_OF_MS(2000);
		slots_sweep(b->slots, UINT32_MAX, b->now_tick);
	}
}

static void bench_size(uint32_t slots_log2, uint32_t n)
{
	static struct bench b;
	double began_ms;
	double took_ms;
	int round;
	int c;

	memset(&b, 0, sizeof(b));
	for (c = 0; c < N_CHANGES; c++)
		b.best_ms[c] = 1e9;
	for (round = 0; round < ROUNDS; round++) {
		bench_init(&b, slots_log2, n);
		began_ms = now_ms();
		must(slots_create(b.slots, 0, slots_log2, b.share, n,
				  b.now_tick));
		took_ms = now_ms() - began_ms;
		if (took_ms < b.best_ms[FIRST_TABLE])
			b.best_ms[FIRST_TABLE] = took_ms;
		b.moved[FIRST_TABLE] = 1U << slots_log2;
		for (c = FIRST_TABLE + 1; c < N_CHANGES; c++)
			bench_change(&b, (enum change)c);
		bench_done(&b);
	}
	printf("2^%u slots, %u VMs\n", slots_log2, n);
	for (c = 0; c < N_CHANGES; c++)
		printf("  %-14s %8.3f ms  %7u slots\n", change_names[c],
		       b.best_ms[c], b.moved[c]);
}

int main(void)
{
	bench_size(14, 10);
	bench_size(14, 100);
	bench_size(16, 600);
	bench_size(20, 1000);
	bench_size(20, 10000);
	return 0;
}
