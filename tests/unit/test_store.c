/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store: what it keeps. test_store_file.c has the files that it refuses,
 * test_store_loss.c what kill -9 and a loss of power must not take.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

static int print_weight(const struct store_weight *weight, void *arg)
{
	struct store_text *text = arg;

	text->n += (size_t)snprintf(text->buf + text->n,
				    sizeof(text->buf) - text->n,
				    "%s %s %u %llu\n", weight->uuid,
				    weight->pool, weight->weight,
				    (unsigned long long)weight->since_ms);
	return 0;
}

static int print_event(const struct store_event *event, void *arg)
{
	struct store_text *text = arg;

	text->n += (size_t)snprintf(text->buf + text->n,
				    sizeof(text->buf) - text->n, "%llu %s %s\n",
				    (unsigned long long)event->seq, event->name,
				    event->reason);
	return 0;
}

static int print_feed(const struct store_feed *feed, void *arg)
{
	struct store_text *text = arg;

	text->n += (size_t)snprintf(text->buf + text->n,
				    sizeof(text->buf) - text->n,
				    "%s %llu %llu %s\n", feed->source,
				    (unsigned long long)feed->fed_ms,
				    (unsigned long long)feed->lease_ms,
				    feed->machines);
	return 0;
}

static void test_feeds(void **state)
{
	struct store_feed feed = { "cloud", 5, 60000, "[1]" };
	struct store_text text = { .n = 0 };
	struct store *store;

	(void)state;
	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_feed_set(store, &feed), 0);
	feed.source = "attic";
	assert_int_equal(store_feed_set(store, &feed), 0);
	/* Told anew, and replaced. */
	feed = (struct store_feed){ "attic", 9, 1000, NULL };
	assert_int_equal(store_feed_set(store, &feed), 0);
	feed = (struct store_feed){ "cloud", 7, 60000, "[2]" };
	assert_int_equal(store_feed_set(store, &feed), 0);
	store_close(store);

	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_feed_list(store, print_feed, &text), 0);
	assert_string_equal(text.buf, "attic 9 1000 [1]\ncloud 7 60000 [2]\n");
	assert_int_equal(store_feed_clear(store, "attic"), 0);
	assert_int_equal(store_feed_clear(store, "nobody"), 0);
	text.n = 0;
	assert_int_equal(store_feed_list(store, print_feed, &text), 0);
	assert_string_equal(text.buf, "cloud 7 60000 [2]\n");
	store_close(store);
}

static void test_drains(void **state)
{
	struct store_text text = { .n = 0 };
	struct store *store;

	(void)state;
	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_put_drain(store, 2, ""), 0);
	assert_int_equal(store_put_drain(store, 1, "shop/web"), 0);
	assert_int_equal(store_put_drain(store, 1, ""), 0);
	assert_int_equal(store_put_drain(store, 3, "shop/web"), 0);
	assert_int_equal(store_put_drain(store, 3, "shop/web"),
			 0); /* replaces */
	store_close(store);

	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_drain_list(store, store_print_drain, &text), 0);
	assert_string_equal(
		text.buf, "0001 * 1 1700000000001 1700000900001 1 keep "
			  "kernel update; \"urgent\" 'now'\n"
			  "0001 shop/web 1 1700000000001 1700000900001 1 keep "
			  "kernel update; \"urgent\" 'now'\n"
			  "0002 * 1 1700000000002 1700000900002 2 reset "
			  "kernel update; \"urgent\" 'now'\n"
			  "0003 shop/web 1 1700000000003 1700000900003 3 keep "
			  "kernel update; \"urgent\" 'now'\n");

	/* Of VM 1 only the whole, of VM 3 everything. */
	assert_int_equal(
		store_drain_clear(store, "5d6f0000-0000-4000-8000-000000000001",
				  ""),
		0);
	assert_int_equal(
		store_drain_clear(store, "5d6f0000-0000-4000-8000-000000000003",
				  NULL),
		0);
	assert_int_equal(store_drain_clear(store, "nobody", NULL), 0);
	text.n = 0;
	assert_int_equal(store_drain_list(store, store_print_drain, &text), 0);
	assert_string_equal(text.buf,
			    "0001 shop/web 1 1700000000001 1700000900001 1 "
			    "keep kernel update; \"urgent\" 'now'\n"
			    "0002 * 1 1700000000002 1700000900002 2 reset "
			    "kernel update; \"urgent\" 'now'\n");
	store_close(store);
}

static int stop_at_once(const struct store_drain *drain, void *arg)
{
	(void)drain;
	(*(int *)arg)++;
	return 42;
}

static void test_list_stops(void **state)
{
	struct store *store;
	int n = 0;

	(void)state;
	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_put_drain(store, 1, ""), 0);
	assert_int_equal(store_put_drain(store, 2, ""), 0);
	assert_int_equal(store_drain_list(store, stop_at_once, &n), 42);
	assert_int_equal(n, 1);
	/* And the next one begins from the first again. */
	assert_int_equal(store_drain_list(store, stop_at_once, &n), 42);
	store_close(store);
}

static void test_weights(void **state)
{
	struct store_weight weight = { "u1", "shop/web", 20, 5 };
	struct store_text text = { .n = 0 };
	struct store *store;

	(void)state;
	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_weight_set(store, &weight), 0);
	weight.weight = UINT32_MAX;
	assert_int_equal(store_weight_set(store, &weight), 0);
	weight.uuid = "u2";
	assert_int_equal(store_weight_set(store, &weight), 0);
	assert_int_equal(store_weight_clear(store, "u2", "shop/web"), 0);
	store_close(store);
	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_weight_list(store, print_weight, &text), 0);
	assert_string_equal(text.buf, "u1 shop/web 4294967295 5\n");
	store_close(store);
}

static void test_seeds(void **state)
{
	struct hash_seed web, api, again;
	struct store *store;

	(void)state;
	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_seed(store, "shop/web", &web), 0);
	assert_int_equal(store_seed(store, "shop/api", &api), 0);
	assert_memory_not_equal(&web, &api, sizeof(web));
	store_close(store);
	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_seed(store, "shop/web", &again), 0);
	assert_memory_equal(&web, &again, sizeof(web));
	store_close(store);

	/* Another store has another one: it is no constant. */
	store = store_open_or_fail(store_path("other"), 10);
	assert_int_equal(store_seed(store, "shop/web", &again), 0);
	assert_memory_not_equal(&web, &again, sizeof(web));
	store_close(store);
}

static void test_events_ring(void **state)
{
	struct store_text text = { .n = 0 };
	struct store *store;
	char name[16];
	uint64_t seq = 0;
	int i;

	(void)state;
	store = store_open_or_fail(store_path("s"), 5);
	for (i = 1; i <= 12; i++) {
		snprintf(name, sizeof(name), "vm%d", i);
		store_put_event(store, name, &seq);
		assert_int_equal(seq, i);
	}
	store_close(store);

	store = store_open_or_fail(store_path("s"), 5);
	assert_int_equal(store_events_list(store, 0, 100, print_event, &text),
			 0);
	assert_string_equal(text.buf, "8 vm8 probes\n9 vm9 probes\n"
				      "10 vm10 probes\n11 vm11 probes\n"
				      "12 vm12 probes\n");
	text.n = 0;
	assert_int_equal(store_events_list(store, 9, 2, print_event, &text), 0);
	assert_string_equal(text.buf, "11 vm11 probes\n12 vm12 probes\n");
	text = (struct store_text){ .n = 0 };
	assert_int_equal(store_events_list(store, 12, 9, print_event, &text),
			 0);
	assert_int_equal(
		store_events_list(store, UINT64_MAX, 9, print_event, &text), 0);
	assert_string_equal(text.buf, "");
	store_put_event(store, "vm13", &seq);
	assert_int_equal(seq, 13);
	store_close(store);
}

static void test_events_batch(void **state)
{
	struct store_event batch[3] = {
		{ 0, 1, "vm", "a", "", "joined", "x" },
		{ 0, 2, "vm", "b", "", "lost", "y" },
		{ 0, 3, "pool", "c", "", "panic", "z" },
	};
	struct store_text text = { .n = 0 };
	struct store *store;
	uint64_t seq = 77;

	(void)state;
	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_events_add(store, batch, 3, &seq), 0);
	assert_int_equal(seq, 3);

	/* One of them cannot be kept: then none is, and the store works on. */
	batch[1].what = NULL;
	assert_int_equal(store_events_add(store, batch, 3, &seq), -EINVAL);
	assert_non_null(strstr(store_error(store), "NOT NULL"));
	assert_int_equal(seq, 3);
	batch[1].what = "lost";
	assert_int_equal(store_events_add(store, batch, 1, NULL), 0);
	assert_int_equal(store_events_list(store, 0, 99, print_event, &text),
			 0);
	assert_string_equal(text.buf, "1 a x\n2 b y\n3 c z\n4 a x\n");
	store_close(store);
}

static void test_meta(void **state)
{
	struct store *store;
	char buf[6];

	(void)state;
	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_meta_get(store, "k", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(store_meta_set(store, "k", "12345"), 0);
	assert_int_equal(store_meta_get(store, "k", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "12345");
	assert_int_equal(store_meta_set(store, "k", "123456"), 0);
	assert_int_equal(store_meta_get(store, "k", buf, sizeof(buf)),
			 -ENOBUFS);
	assert_string_equal(buf, "12345"); /* untouched */
	store_close(store);
}

int main(void)
{
#define TEST(name)                                                \
	cmocka_unit_test_setup_teardown(name, store_make_scratch, \
					store_remove_scratch)
	const struct CMUnitTest tests[] = {
		TEST(test_feeds),	 TEST(test_drains),
		TEST(test_list_stops),	 TEST(test_weights),
		TEST(test_seeds),	 TEST(test_events_ring),
		TEST(test_events_batch), TEST(test_meta),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
