// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flow entries: the meta word, the rules of a flow's life, and CPUs that work
 * on one line at once.
 *
 * The last is not run under TSan: entries are volatile accesses and
 * compare-and-swap by design (flow.h), which TSan takes for races.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "dataplane/core/flow.h"

#define NOW  1000U
#define IDLE TICKS_OF_MS(350000)

static void test_meta_word(void **state)
{
	const uint32_t expiries[] = { 0, 1, 0x80000000, UINT32_MAX };
	uint32_t backend;
	uint32_t generation;
	int class;
	size_t i;
	uint64_t meta;

	(void)state;
	for (backend = 0; backend <= BACKEND_MAX; backend += 1 + backend / 7)
		for (generation = 0; generation < 256; generation += 51)
			for (class = 0; class < 3; class ++)
				for (i = 0; i < ARRAY_SIZE(expiries); i++) {
					meta = flow_meta((uint16_t)backend,
							 generation, class,
							 expiries[i]);
					assert_int_equal(flow_backend(meta),
							 backend);
					assert_int_equal(flow_generation(meta),
							 generation);
					assert_int_equal(flow_class_of(meta),
							 class);
					assert_int_equal(flow_expiry(meta),
							 expiries[i]);
					assert_false(flow_closing(meta));
					assert_false(meta & FLOW_BUSY);
				}
}

/* A free, a busy and an expired place are no match; a generation can end. */
static void test_what_lives(void **state)
{
	struct backend b = { .word = BACKEND_WORD(7, BACKEND_LIVE) };
	uint64_t meta = flow_meta(3, 7, FLOW_CONFIRMED, NOW + 1);

	(void)state;
	assert_true(flow_live(meta, NOW));
	assert_false(flow_live(meta | FLOW_BUSY, NOW));
	assert_false(flow_live(meta, NOW + 1));
	assert_false(flow_live(0, NOW));
	assert_true(flow_current(&b, meta));
	b.word = BACKEND_WORD(8, BACKEND_LIVE);
	assert_false(flow_current(&b, meta));
	b.word = BACKEND_WORD(7, 0);
	assert_false(flow_current(&b, meta));
	b.word = BACKEND_WORD(7 + 256, BACKEND_LIVE | BACKEND_COPY);
	assert_true(flow_current(&b, meta));
}

/**
 * struct step - a packet and what it makes of an entry.
 * @fin: whose packet.
 * @class, @marks, @life: afterwards; @life 0 = the entry has ended.
 */
struct step {
	uint8_t tcp_flags;
	uint64_t fin;
	enum flow_class class;
	uint64_t marks;
	uint32_t life;
};

#define CLIENT FLOW_FIN_CLIENT
#define SERVER FLOW_FIN_SERVER

static void run_life(uint64_t meta, const struct step *step, size_t n)
{
	uint32_t now = NOW;
	size_t i;

	for (i = 0; i < n; i++, now += 3) {
		meta = flow_seen(meta, step[i].tcp_flags, step[i].fin, IDLE,
				 now);
		if (!step[i].life) {
			assert_int_equal(meta, 0);
			return;
		}
		assert_int_equal(flow_backend(meta), 3);
		assert_int_equal(flow_generation(meta), 7);
		assert_int_equal(flow_class_of(meta), step[i].class);
		assert_int_equal(meta & (CLIENT | SERVER | FLOW_RST),
				 step[i].marks);
		assert_int_equal(flow_expiry(meta), now + step[i].life);
	}
}

static void test_life_of_a_connection(void **state)
{
	const uint32_t closing = FLOW_CLOSING_TICKS;
	const uint32_t embryonic = FLOW_EMBRYONIC_TICKS;
	const struct step whole[] = {
		{ TCP_SYN, CLIENT, FLOW_EMBRYONIC, 0, embryonic },
		{ TCP_SYN, CLIENT, FLOW_EMBRYONIC, 0, embryonic },
		{ TCP_ACK, CLIENT, FLOW_CONFIRMED, 0, IDLE },
		{ TCP_ACK, SERVER, FLOW_CONFIRMED, 0, IDLE },
		{ TCP_FIN | TCP_ACK, CLIENT, FLOW_CONFIRMED, CLIENT, IDLE },
		/* half closed: the download goes on */
		{ TCP_ACK, SERVER, FLOW_CONFIRMED, CLIENT, IDLE },
		{ TCP_FIN | TCP_ACK, SERVER, FLOW_CONFIRMED, CLIENT | SERVER,
		  closing },
		{ TCP_ACK, CLIENT, FLOW_CONFIRMED, CLIENT | SERVER, closing },
	};
	const struct step forged_rst[] = {
		{ TCP_ACK, CLIENT, FLOW_CONFIRMED, 0, IDLE },
		{ TCP_RST, CLIENT, FLOW_CONFIRMED, FLOW_RST, closing },
		{ TCP_FIN, SERVER, FLOW_CONFIRMED, FLOW_RST | SERVER, closing },
		{ TCP_SYN, CLIENT, FLOW_CONFIRMED, FLOW_RST, closing },
		{ TCP_ACK, SERVER, FLOW_CONFIRMED, 0, IDLE },
	};
	const struct step unasked[] = {
		{ TCP_ACK, CLIENT, FLOW_UNCONFIRMED, 0, IDLE },
		{ TCP_RST, CLIENT, FLOW_UNCONFIRMED, FLOW_RST, closing },
		{ TCP_ACK, CLIENT, FLOW_UNCONFIRMED, 0, IDLE },
		{ TCP_RST, SERVER, 0, 0, 0 },
	};
	const struct step answered[] = {
		{ TCP_ACK, SERVER, FLOW_CONFIRMED, 0, IDLE },
		{ TCP_RST, SERVER, FLOW_CONFIRMED, FLOW_RST, closing },
	};
	/* A late packet of the connection before, and the same port again. */
	const struct step used_again[] = {
		{ TCP_ACK, CLIENT, FLOW_UNCONFIRMED, 0, IDLE },
		{ TCP_SYN | TCP_ACK, CLIENT, FLOW_UNCONFIRMED, 0, IDLE },
		{ TCP_SYN, CLIENT, FLOW_EMBRYONIC, 0, embryonic },
		{ TCP_SYN | TCP_ACK, SERVER, FLOW_EMBRYONIC, 0, embryonic },
		{ TCP_ACK, CLIENT, FLOW_CONFIRMED, 0, IDLE },
	};

	(void)state;
	run_life(flow_meta(3, 7, FLOW_EMBRYONIC, 0), whole, ARRAY_SIZE(whole));
	run_life(flow_meta(3, 7, FLOW_CONFIRMED, 0), forged_rst,
		 ARRAY_SIZE(forged_rst));
	run_life(flow_meta(3, 7, FLOW_UNCONFIRMED, 0), unasked,
		 ARRAY_SIZE(unasked));
	run_life(flow_meta(3, 7, FLOW_UNCONFIRMED, 0), answered,
		 ARRAY_SIZE(answered));
	run_life(flow_meta(3, 7, FLOW_UNCONFIRMED, 0), used_again,
		 ARRAY_SIZE(used_again));
}

/* No limit is longer than the pool's idle time. */
static void test_idle_time_caps_all(void **state)
{
	uint64_t meta = flow_meta(3, 7, FLOW_EMBRYONIC, 0);

	(void)state;
	assert_int_equal(flow_limit(meta, 5), 5);
	assert_int_equal(flow_limit(meta | FLOW_RST, 5), 5);
	meta = flow_meta(3, 7, FLOW_CONFIRMED, 0);
	assert_int_equal(flow_limit(meta, 5), 5);
}

/* The word of the n-th flow that a place has. */
static uint64_t turned(uint64_t meta, uint32_t n)
{
	return meta | (n * FLOW_TURN_ONE & FLOW_TURN);
}

/* A table without classes: free places first, live ones never. */
static void test_plain_insert(void **state)
{
	struct flow_line line = { 0 };
	uint64_t meta = flow_meta(1, 0, FLOW_CONFIRMED, NOW + 10);
	uint64_t found = 0;
	uint64_t key;

	(void)state;
	for (key = 1; key <= FLOWS_PER_LINE; key++)
		assert_int_equal(flow_insert_plain(&line, key, meta, NOW),
				 turned(meta, 1));
	assert_int_equal(flow_insert_plain(&line, key, meta, NOW), 0);
	for (key = 1; key <= FLOWS_PER_LINE; key++)
		assert_ptr_equal(flow_find(&line, key, NOW, &found),
				 &line.entry[key - 1]);
	assert_null(flow_find(&line, key, NOW, &found));
	/* Once they have expired they are missed, and give way. */
	assert_null(flow_find(&line, 1, NOW + 10, &found));
	meta = flow_meta(1, 0, FLOW_CONFIRMED, NOW + 20);
	assert_int_equal(flow_insert_plain(&line, key, meta, NOW + 10),
			 turned(meta, 2));
}

/* Openers give way to newcomers, the oldest first; what is established stays. */
static void test_plain_insert_takes_openers(void **state)
{
	struct flow_line line = { 0 };
	uint64_t meta = flow_meta(1, 0, FLOW_EMBRYONIC, NOW + 90);
	uint64_t found = 0;
	uint32_t i;

	(void)state;
	for (i = 0; i < FLOWS_PER_LINE; i++) {
		line.entry[i].key = i + 1;
		line.entry[i].meta =
			flow_meta(1, 0, i ? FLOW_EMBRYONIC : FLOW_CONFIRMED,
				  NOW + 20 - i);
	}
	assert_int_equal(flow_insert_plain(&line, 9, meta, NOW),
			 turned(meta, 1));
	assert_null(flow_find(&line, FLOWS_PER_LINE, NOW, &found));
	for (i = 1; i < FLOWS_PER_LINE; i++)
		assert_non_null(flow_find(&line, i, NOW, &found));
}

/* A free place comes first, however long the machine is up. */
static void test_plain_insert_prefers_free(void **state)
{
	static const uint32_t times[] = { NOW, 0x90000000, UINT32_MAX - 10 };
	struct flow_line line;
	uint64_t meta;
	size_t t;
	uint32_t i;

	(void)state;
	for (t = 0; t < ARRAY_SIZE(times); t++) {
		memset(&line, 0, sizeof(line));
		meta = flow_meta(1, 0, FLOW_EMBRYONIC, times[t] + 5);
		for (i = 0; i + 1 < FLOWS_PER_LINE; i++) {
			line.entry[i].key = i + 1;
			line.entry[i].meta = meta;
		}
		assert_int_equal(flow_insert_plain(&line, 9, meta, times[t]),
				 turned(meta, 1));
		assert_int_equal(line.entry[FLOWS_PER_LINE - 1].key, 9);
	}
}

/*
 * Two flows one after the other in a place, alike in backend, class and tick:
 * who has read the first one's word can't end the second.
 */
static void test_turns(void **state)
{
	struct flow_line line = { 0 };
	struct flow_entry *e = &line.entry[1];
	uint64_t meta = flow_meta(1, 0, FLOW_EMBRYONIC, NOW + 10);
	uint64_t first, second;
	uint32_t n;

	(void)state;
	first = flow_claim(&line, e, 0, 5, meta, NOW);
	assert_true(flow_end(e, first));
	second = flow_claim(&line, e, e->meta, 6, meta, NOW);
	assert_int_not_equal(first, second);
	assert_false(flow_end(e, first));
	assert_int_equal(e->meta, second);
	/* It goes round, and nothing else of the word does. */
	for (n = 3; n < 12; n++) {
		second = flow_claim(&line, e, e->meta, n, meta, NOW);
		assert_int_equal(second, turned(meta, n));
	}
}

/* Who finds the same key before itself gives its own place up. */
static void test_twin_gives_up(void **state)
{
	struct flow_line line = { 0 };
	uint64_t first = flow_meta(1, 0, FLOW_EMBRYONIC, NOW + 10);
	uint64_t second = flow_meta(2, 0, FLOW_EMBRYONIC, NOW + 10);

	(void)state;
	assert_int_equal(flow_claim(&line, &line.entry[0], 0, 5, first, NOW),
			 turned(first, 1));
	assert_int_equal(flow_claim(&line, &line.entry[2], 0, 5, second, NOW),
			 turned(first, 1));
	assert_int_equal(line.entry[2].meta, turned(0, 1));
	/* A place that changed since it was judged is lost. */
	assert_int_equal(flow_claim(&line, &line.entry[0], 0, 6, second, NOW),
			 0);
	assert_int_equal(line.entry[0].key, 5);
}

#define N_THREADS   4
#define N_OPS	    1500000
#define N_KEYS	    48
#define KEY_OF(i)   (0x0123456789abcdefULL * ((i) + 1))
#define BACKENDS_OF 5

struct hammer {
	struct flow_line line;
	atomic_uint n_wrong;
	atomic_uint n_found;
	atomic_uint seed;
	atomic_uint tick;
};

/* A key's backend never changes. */
static uint16_t backend_of(uint32_t i)
{
	return (uint16_t)(i % BACKENDS_OF + 1);
}

static void hammer_once(struct hammer *h, uint64_t r)
{
	uint32_t i = (uint32_t)(r >> 8) % N_KEYS;
	struct flow_entry *e;
	uint64_t meta = 0;
	uint32_t tick;

	/* No two words are the same: flow.h says what that would allow. */
	tick = 1 + atomic_fetch_add_explicit(&h->tick, 1, memory_order_relaxed);
	e = flow_find(&h->line, KEY_OF(i), NOW, &meta);
	if (e) {
		atomic_fetch_add_explicit(&h->n_found, 1, memory_order_relaxed);
		if (flow_backend(meta) != backend_of(i))
			atomic_fetch_add(&h->n_wrong, 1);
		if (r & 1)
			flow_touch(e, meta, TCP_ACK, FLOW_FIN_CLIENT, tick,
				   NOW);
		else if (r & 2)
			flow_end(e, meta);
		return;
	}
	/* Take any place, also a live one: harder than the path ever does. */
	e = &h->line.entry[r >> 40 & (FLOWS_PER_LINE - 1)];
	meta = READ_ONCE(e->meta);
	if (meta & FLOW_BUSY)
		return;
	meta = flow_claim(
		&h->line, e, meta, KEY_OF(i),
		flow_meta(backend_of(i), 0, FLOW_EMBRYONIC, NOW + tick), NOW);
	if (meta && flow_backend(meta) != backend_of(i))
		atomic_fetch_add(&h->n_wrong, 1);
}

static void *hammer_thread(void *arg)
{
	struct hammer *h = arg;
	uint64_t r = 88172645463325252ULL + atomic_fetch_add(&h->seed, 1);
	int n;

	for (n = 0; n < N_OPS; n++) {
		r ^= r << 13;
		r ^= r >> 7;
		r ^= r << 17;
		hammer_once(h, r);
	}
	return NULL;
}

/* No key is ever seen with another key's backend, and no place stays busy. */
static void test_many_cpus_one_line(void **state)
{
	static struct hammer h;
	pthread_t thread[N_THREADS];
	uint32_t i;

	(void)state;
	for (i = 0; i < N_THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, hammer_thread, &h), 0);
	for (i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(h.n_wrong, 0);
	assert_true(h.n_found > N_OPS / 100);
	for (i = 0; i < FLOWS_PER_LINE; i++)
		assert_false(h.line.entry[i].meta & FLOW_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meta_word),
		cmocka_unit_test(test_what_lives),
		cmocka_unit_test(test_life_of_a_connection),
		cmocka_unit_test(test_idle_time_caps_all),
		cmocka_unit_test(test_plain_insert),
		cmocka_unit_test(test_plain_insert_takes_openers),
		cmocka_unit_test(test_plain_insert_prefers_free),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_twin_gives_up),
		cmocka_unit_test(test_many_cpus_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
