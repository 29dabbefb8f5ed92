/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control/wishes, control/journal: what is wished and what happened, as memory
 * and store have it, and what those who follow are told. The real store.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "control/journal.h"
#include "control/log.h"
#include "control/store.h"
#include "control/wishes.h"
#include "tests/unit/store_fixture.h"

static const uint8_t vm_a[HV_UUID_SIZE] = { 0xab, 1 };
static const uint8_t vm_b[HV_UUID_SIZE] = { 0xab, 2 };

static struct wish_drain wish(const uint8_t *uuid, const char *pool)
{
	struct wish_drain drain = { .since_ms = 1000,
				    .deadline_ms = 2000,
				    .quiet_after_ms = 30,
				    .at_deadline = CONF_DEADLINE_RESET };

	memcpy(drain.uuid, uuid, sizeof(drain.uuid));
	(void)snprintf(drain.pool, sizeof(drain.pool), "%s", pool);
	(void)snprintf(drain.reason, sizeof(drain.reason), "for %s", pool);
	return drain;
}

static struct wishes *load(struct store *store)
{
	struct wishes *wishes = NULL;

	assert_int_equal(wishes_load(store, &wishes), 0);
	return wishes;
}

static void put(struct wishes *wishes, const uint8_t *uuid, const char *pool)
{
	const struct wish_drain drain = wish(uuid, pool);

	assert_int_equal(wishes_set_drain(wishes, &drain), 0);
}

static const char *reason(const struct wishes *wishes, const uint8_t *uuid,
			  const char *pool)
{
	const struct wish_drain *drain = wishes_drain(wishes, uuid, pool);

	return drain ? drain->reason : "none";
}

/* A wish for a pool goes before one for all; another VM has none of it. */
static void check_both(const struct wishes *wishes)
{
	const struct wish_drain *drain;

	assert_string_equal(reason(wishes, vm_a, "t/one"), "for t/one");
	assert_string_equal(reason(wishes, vm_a, "t/two"), "for ");
	assert_string_equal(reason(wishes, vm_b, "t/one"), "none");
	drain = wishes_drain(wishes, vm_a, "t/one");
	assert_int_equal(drain->since_ms, 1000);
	assert_int_equal(drain->deadline_ms, 2000);
	assert_int_equal(drain->quiet_after_ms, 30);
	assert_int_equal(drain->at_deadline, CONF_DEADLINE_RESET);
}

static void test_kept(void **state)
{
	struct store *store = store_open_or_fail(store_scratch(), 10);
	struct wishes *wishes = load(store);

	(void)state;
	put(wishes, vm_a, "");
	put(wishes, vm_a, "t/one");
	check_both(wishes);
	wishes_free(wishes);
	wishes = load(store);
	check_both(wishes);
	wishes_free(wishes);
	store_close(store);
}

static void test_cleared(void **state)
{
	struct store *store = store_open_or_fail(store_scratch(), 10);
	struct wishes *wishes = load(store);

	(void)state;
	assert_int_equal(wishes_clear_drain(wishes, vm_b, ""), -ENOENT);
	put(wishes, vm_b, "t/one");
	assert_int_equal(wishes_clear_drain(wishes, vm_b, "t/two"), -ENOENT);
	assert_int_equal(wishes_clear_drain(wishes, vm_b, "t/one"), 0);
	assert_string_equal(reason(wishes, vm_b, "t/one"), "none");
	/* One pool alone can't be taken out of a drain of all. */
	put(wishes, vm_b, "");
	assert_int_equal(wishes_clear_drain(wishes, vm_b, "t/one"), -EBUSY);
	assert_string_equal(reason(wishes, vm_b, "t/one"), "for ");
	/* And without a pool all go, those of single pools, too. */
	put(wishes, vm_b, "t/one");
	assert_int_equal(wishes_clear_drain(wishes, vm_b, ""), 0);
	assert_string_equal(reason(wishes, vm_b, "t/one"), "none");
	wishes_free(wishes);
	wishes = load(store);
	assert_string_equal(reason(wishes, vm_b, "t/one"), "none");
	assert_string_equal(reason(wishes, vm_b, "t/two"), "none");
	wishes_free(wishes);
	store_close(store);
}

/* From now on nothing can be written to a file, or again. */
static void disk_takes(bool anything)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = anything ? limit.rlim_max : 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* What the disk has not taken is not in force, either way. */
static void test_disk_full(void **state)
{
	struct store *store = store_open_or_fail(store_scratch(), 10);
	struct wishes *wishes = load(store);
	const struct wish_drain drain = wish(vm_b, "t/one");
	const struct wish_weight weight = { .weight = 3 };

	int rc[3];

	(void)state;
	put(wishes, vm_b, "t/two");
	(void)signal(SIGXFSZ, SIG_IGN);
	disk_takes(false);
	rc[0] = wishes_set_drain(wishes, &drain);
	rc[1] = wishes_set_weight(wishes, &weight);
	rc[2] = wishes_clear_drain(wishes, vm_b, "t/two");
	disk_takes(true);
	assert_true(rc[0] < 0 && rc[1] < 0 && rc[2] < 0);
	assert_true(*store_error(store));
	assert_string_equal(reason(wishes, vm_b, "t/one"), "none");
	assert_string_equal(reason(wishes, vm_b, "t/two"), "for t/two");
	assert_null(wishes_weight(wishes, weight.uuid, "t/one"));
	assert_int_equal(wishes_clear_drain(wishes, vm_b, "t/two"), 0);
	wishes_free(wishes);
	store_close(store);
}

static void put_weight(struct wishes *wishes, const uint8_t *uuid,
		       const char *pool, uint32_t number)
{
	struct wish_weight weight = { .weight = number, .since_ms = 5 };

	memcpy(weight.uuid, uuid, sizeof(weight.uuid));
	(void)snprintf(weight.pool, sizeof(weight.pool), "%s", pool);
	assert_int_equal(wishes_set_weight(wishes, &weight), 0);
}

static int weight_of(const struct wishes *wishes, const uint8_t *uuid,
		     const char *pool)
{
	const struct wish_weight *weight = wishes_weight(wishes, uuid, pool);

	return weight ? (int)weight->weight : -1;
}

/* Weights are kept and cleared as drains are, and neither is the other. */
static void test_weights(void **state)
{
	struct store *store = store_open_or_fail(store_scratch(), 10);
	struct wishes *wishes = load(store);

	(void)state;
	put_weight(wishes, vm_a, "", 4);
	put_weight(wishes, vm_a, "t/one", 0);
	put_weight(wishes, vm_a, "t/one", 9);
	put(wishes, vm_b, "");
	wishes_free(wishes);
	wishes = load(store);
	assert_int_equal(weight_of(wishes, vm_a, "t/one"), 9);
	assert_int_equal(weight_of(wishes, vm_a, "t/two"), 4);
	assert_int_equal(weight_of(wishes, vm_b, "t/one"), -1);
	assert_string_equal(reason(wishes, vm_a, "t/one"), "none");
	assert_int_equal(wishes_clear_weight(wishes, vm_a, "t/two"), -EBUSY);
	assert_int_equal(wishes_clear_weight(wishes, vm_b, ""), -ENOENT);
	assert_int_equal(wishes_clear_weight(wishes, vm_a, "t/one"), 0);
	assert_int_equal(weight_of(wishes, vm_a, "t/one"), 4);
	assert_int_equal(wishes_clear_weight(wishes, vm_a, ""), 0);
	wishes_free(wishes);
	wishes = load(store);
	assert_int_equal(weight_of(wishes, vm_a, "t/one"), -1);
	assert_string_equal(reason(wishes, vm_b, "t/one"), "for ");
	wishes_free(wishes);
	store_close(store);
}

struct reader {
	struct journal *journal;
	void *id;
	size_t leaves_after;
	size_t n;
	uint64_t last_seq;
};

static void read_event(void *arg, const struct store_event *event)
{
	struct reader *r = arg;
	char name[16];

	(void)snprintf(name, sizeof(name), "vm-%zu", r->n);
	assert_string_equal(event->name, name);
	assert_true(!r->n || event->seq == r->last_seq + 1);
	r->last_seq = event->seq;
	if (++r->n == r->leaves_after)
		journal_unfollow(r->journal, r->id);
}

static int count_event(const struct store_event *event, void *arg)
{
	json_t *rendered = journal_render(event);

	assert_non_null(rendered);
	json_decref(rendered);
	++*(size_t *)arg;
	return 0;
}

/* All in order to all who follow, also when one leaves while it is told. */
static void test_journal(void **state)
{
	struct store *store = store_open_or_fail(store_scratch(), 100);
	struct event_base *base = event_base_new();
	struct journal *journal = NULL;
	struct reader readers[3] = { { 0 }, { .leaves_after = 2 }, { 0 } };
	size_t n = 0;
	size_t i;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	assert_non_null(base);
	assert_int_equal(journal_new(base, store, &journal), 0);
	for (i = 0; i < ARRAY_SIZE(readers); i++) {
		readers[i].journal = journal;
		readers[i].id =
			journal_follow(journal, read_event, &readers[i]);
		assert_non_null(readers[i].id);
	}
	for (i = 0; i < 5; i++)
		journal_add(journal, "vm",
			    (const char *[]){ "vm-0", "vm-1", "vm-2", "vm-3",
					      "vm-4" }[i],
			    "", "added", "because of \xc3");
	/* Not before they are written: at the end of the loop's turn. */
	assert_int_equal(readers[0].n, 0);
	assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(readers[0].n, 5);
	assert_int_equal(readers[1].n, 2);
	assert_int_equal(readers[2].n, 5);
	assert_int_equal(store_events_list(store, 0, 100, count_event, &n), 0);
	assert_int_equal(n, 5);
	journal_free(journal);
	event_base_free(base);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_disk_full,
						store_make_scratch,
						store_remove_scratch),
		cmocka_unit_test_setup_teardown(test_kept, store_make_scratch,
						store_remove_scratch),
		cmocka_unit_test_setup_teardown(
			test_cleared, store_make_scratch, store_remove_scratch),
		cmocka_unit_test_setup_teardown(
			test_weights, store_make_scratch, store_remove_scratch),
		cmocka_unit_test_setup_teardown(
			test_journal, store_make_scratch, store_remove_scratch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
