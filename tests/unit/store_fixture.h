/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the store share: a scratch directory, and wishes and
 * events to put into a store.
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "control/store.h"

#define STORE_FIXTURE_FILE "drover.db"

/* For cmocka: makes the scratch directory, and removes it with what is in it. */
int store_make_scratch(void **state);
int store_remove_scratch(void **state);

/**
 * store_scratch() - the scratch directory.
 */
const char *store_scratch(void);

/**
 * store_path() - a path in it; valid for the next three calls.
 */
const char *store_path(const char *name);

/**
 * store_open_or_fail() - a store in @dir that keeps @n_events.
 */
struct store *store_open_or_fail(const char *dir, uint32_t n_events);

/**
 * store_refused() - opening @dir fails with @err, and @text says why.
 */
void store_refused(const char *dir, int err, const char *text);

/**
 * store_put_drain() - drain VM @i; its UUID ends with the number.
 *
 * Return: what store_drain_set() did.
 */
MUST_CHECK int store_put_drain(struct store *store, unsigned int i,
			       const char *pool);

/**
 * store_put_event() - one event about @name.
 */
void store_put_event(struct store *store, const char *name, uint64_t *ret_seq);

/**
 * struct store_text - a list as text, a line each, to compare.
 */
struct store_text {
	char buf[4096];
	size_t n;
};

/* For store_drain_list(), with a struct store_text. */
int store_print_drain(const struct store_drain *drain, void *arg);

#endif
