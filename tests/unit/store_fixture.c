/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the store share.
 */
#include "tests/unit/store_fixture.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define UUID "5d6f0000-0000-4000-8000-%012u"

static char scratch[64];

const char *store_scratch(void)
{
	return scratch;
}

const char *store_path(const char *name)
{
	static char path[4][256];
	static unsigned int next;
	char *buf = path[next++ % 4];

	snprintf(buf, sizeof(path[0]), "%s/%s", scratch, name);
	return buf;
}

int store_make_scratch(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(scratch, sizeof(scratch), "%.40s/store-XXXXXX",
		 tmp ? tmp : "/tmp");
	return mkdtemp(scratch) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int type,
		      struct FTW *where)
{
	(void)info;
	(void)type;
	(void)where;
	return remove(path);
}

int store_remove_scratch(void **state)
{
	(void)state;
	return nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

struct store *store_open_or_fail(const char *dir, uint32_t n_events)
{
	char error[STORE_ERROR_SIZE] = "";
	struct store *store = NULL;

	if (store_open(dir, n_events, &store, error) < 0)
		fail_msg("%s", error);
	return store;
}

void store_refused(const char *dir, int err, const char *text)
{
	char error[STORE_ERROR_SIZE] = "";
	struct store *store = NULL;

	assert_int_equal(store_open(dir, 10, &store, error), err);
	assert_null(store);
	if (!strstr(error, text))
		fail_msg("\"%s\" does not say \"%s\"", error, text);
}

int store_put_drain(struct store *store, unsigned int i, const char *pool)
{
	char uuid[64];
	struct store_drain drain = {
		.uuid = uuid,
		.pool = pool,
		.drained = true,
		.since_ms = 1700000000000 + i,
		.deadline_ms = 1700000900000 + i,
		.quiet_after_ms = i,
		.at_deadline = i % 2 ? "keep" : "reset",
		.reason = "kernel update; \"urgent\" 'now'",
	};

	snprintf(uuid, sizeof(uuid), UUID, i);
	return store_drain_set(store, &drain);
}

void store_put_event(struct store *store, const char *name, uint64_t *ret_seq)
{
	const struct store_event event = {
		.time_ms = 1,
		.kind = "vm",
		.name = name,
		.uuid = "u",
		.what = "joined",
		.reason = "probes",
	};

	assert_int_equal(store_events_add(store, &event, 1, ret_seq), 0);
}

int store_print_drain(const struct store_drain *drain, void *arg)
{
	struct store_text *text = arg;

	text->n += (size_t)snprintf(
		text->buf + text->n, sizeof(text->buf) - text->n,
		"%s %s %d %llu %llu %llu %s %s\n", drain->uuid + 32,
		*drain->pool ? drain->pool : "*", drain->drained,
		(unsigned long long)drain->since_ms,
		(unsigned long long)drain->deadline_ms,
		(unsigned long long)drain->quiet_after_ms, drain->at_deadline,
		drain->reason);
	return 0;
}
