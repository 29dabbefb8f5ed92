/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet path on several CPUs while table building changes slots, sweeps
 * entries and grows the range under it: no flow may reach another VM.
 *
 * Time is a tick that control moves on when every CPU has sent a packet of each
 * of its flows, so every flow speaks well within the idle timeout, and no packet
 * is under way for longer than a tick (slots_state.h: SLOTS_GRACE_TICKS).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataplane/core/pick.h"
#include "tests/sim/random.h"
#include "tests/unit/slots_tables.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define N_CPUS	 3
#define N_FLOWS	 300 /* of each CPU */
#define N_TICKS	 10000
#define N_SWEEPS 20 /* a tick */
#define IDLE	 20
#define N_SHARES 8

/**
 * struct cpu - a thread that forwards.
 * @home: of each of its flows, 0 = none yet.
 * @left: packets until a flow is over and its place gets a new one.
 */
struct cpu {
	struct slots_test *t;
	pthread_barrier_t *turn;
	atomic_uint *tick;
	struct random random;
	uint64_t key[N_FLOWS];
	uint16_t home[N_FLOWS];
	uint16_t left[N_FLOWS];
	uint32_t n_flows;
	uint32_t n_broken;
};

static struct node race_node = { .flow_line_mask = T_FLOW_LINES - 1 };

static const struct node *race_get_node(void *e)
{
	(void)e;
	return &race_node;
}

static const struct pool *race_pool(void *e, uint32_t number)
{
	const struct cpu *cpu = e;

	return &cpu->t->pools[number];
}

static const struct slot_line *race_slot_line(void *e, uint32_t line)
{
	const struct cpu *cpu = e;

	return &cpu->t->lines[line];
}

static struct slot_clock *race_slot_clock(void *e, uint32_t slot)
{
	const struct cpu *cpu = e;

	return &cpu->t->clocks[slot];
}

static const struct backend *race_backend(void *e, uint32_t number)
{
	const struct cpu *cpu = e;

	return &cpu->t->backends[number];
}

static struct flow_line *race_flow_line(void *e, uint32_t line)
{
	const struct cpu *cpu = e;

	return &cpu->t->flows[line];
}

static uint64_t race_now_ns(void *e)
{
	const struct cpu *cpu = e;

	return (uint64_t)atomic_load(cpu->tick) << TICK_SHIFT;
}

static const struct tables race_tables = {
	.node = race_get_node,
	.pool = race_pool,
	.slot_line = race_slot_line,
	.slot_clock = race_slot_clock,
	.backend = race_backend,
	.flow_line = race_flow_line,
	.now_ns = race_now_ns,
};

/* One packet of a flow: an opener, or one that must find its VM again. */
static void cpu_send(struct cpu *cpu, uint32_t i)
{
	struct pkt p = { .kind = FLOW_OTHER, .tcp_flags = TCP_ACK };
	uint16_t backend;

	if (!cpu->left[i]) {
		cpu->key[i] = random_u64(&cpu->random);
		cpu->left[i] = (uint16_t)random_between(&cpu->random, 2, 200);
		cpu->home[i] = BACKEND_NONE;
		p.kind = FLOW_OPENER;
		p.tcp_flags = TCP_SYN;
	}
	p.key = cpu->key[i];
	backend = pick_backend(&race_tables, cpu, &p, &cpu->t->pools[0]);
	if (cpu->home[i] == BACKEND_NONE) {
		cpu->home[i] = backend;
		cpu->n_flows++;
	} else if (backend != cpu->home[i]) {
		cpu->n_broken++;
		cpu->left[i] = 1;
	}
	cpu->left[i]--;
}

static void *cpu_run(void *arg)
{
	struct cpu *cpu = arg;
	uint32_t n;
	uint32_t i;

	for (n = 0; n < N_TICKS; n++) {
		for (i = 0; i < N_FLOWS; i++)
			cpu_send(cpu, i);
		pthread_barrier_wait(cpu->turn);
	}
	return NULL;
}

/* What control does in one tick, while the CPUs forward. */
static void control_turn(struct slots_test *t, struct random *r)
{
	struct slots_share shares[N_SHARES];
	uint32_t next;
	uint32_t i;

	slots_test_equal(shares, N_SHARES);
	if (random_permille(r, 60)) {
		for (i = 0; i < N_SHARES; i++)
			shares[i].weight = random_below(r, 4);
		shares[random_below(r, N_SHARES)].weight = 3;
		slots_test_apply(t, 0, shares, N_SHARES);
	}
	slots_step(t->slots, t->now, &next);
	/* Far more often than in life, to meet the CPUs on an entry. */
	for (i = 0; i < N_SWEEPS; i++)
		slots_sweep(t->slots, random_permille(r, 500) ? UINT32_MAX : 20,
			    t->now);
	if (t->now - T_START == N_TICKS / 3 ||
	    t->now - T_START == N_TICKS * 2 / 3)
		assert_int_equal(
			slots_grow(t->slots, 0,
				   POOL_SLOTS_LOG2(t->pools[0].range) + 2,
				   t->now),
			0);
}

static void test_race(void **state)
{
	static struct cpu cpus[N_CPUS];
	struct slots_share shares[N_SHARES];
	struct slots_test *t = *state;
	struct random r = { 11 };
	pthread_t threads[N_CPUS];
	pthread_barrier_t turn;
	atomic_uint tick = T_START;
	uint32_t n_flows = 0;
	uint32_t n_broken = 0;
	uint32_t n_ticks;
	uint32_t i;

	memset(cpus, 0, sizeof(cpus));
	t->pools[0].idle_ticks = IDLE;
	t->pools[0].udp_idle_ticks = IDLE / 4;
	slots_test_equal(shares, N_SHARES);
	slots_test_create(t, 0, 6, shares, N_SHARES);
	assert_int_equal(pthread_barrier_init(&turn, NULL, N_CPUS + 1), 0);
	for (i = 0; i < N_CPUS; i++) {
		cpus[i].t = t;
		cpus[i].turn = &turn;
		cpus[i].tick = &tick;
		cpus[i].random.state = i;
		assert_int_equal(pthread_create(&threads[i], NULL, cpu_run,
						&cpus[i]),
				 0);
	}
	for (n_ticks = 0; n_ticks < N_TICKS; n_ticks++) {
		control_turn(t, &r);
		atomic_store(&tick, ++t->now);
		pthread_barrier_wait(&turn);
	}
	for (i = 0; i < N_CPUS; i++) {
		pthread_join(threads[i], NULL);
		n_flows += cpus[i].n_flows;
		n_broken += cpus[i].n_broken;
	}
	pthread_barrier_destroy(&turn);
	print_message("%u flows, %u broken\n", n_flows, n_broken);
	assert_int_equal(n_broken, 0);
	assert_true(n_flows > N_CPUS * N_FLOWS * 5);
}

/* test_slots_race [ROUNDS]: what happens once in a hundred takes some. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_race, slots_test_setup,
						slots_test_teardown),
	};
	long n_rounds = argc == 2 ? strtol(argv[1], NULL, 10) : 1;
	int failed = 0;

	for (; n_rounds > 0 && !failed; n_rounds--)
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	return failed;
}
