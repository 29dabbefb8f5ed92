/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What droverd must not forget, in SQLite. store_file.c has the file itself.
 *
 * Two connections to one file: `wishes` syncs each commit, `journal` does not,
 * see store.h. Their transactions never overlap, since one thread uses both
 * and each ends in the call that began it.
 */
#include "control/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "control/store_file.h"

enum statement {
	DRAIN_SET,
	DRAIN_CLEAR,
	DRAIN_LIST,
	WEIGHT_SET,
	WEIGHT_CLEAR,
	WEIGHT_LIST,
	SEED_ADD,
	SEED_GET,
	FEED_SET,
	FEED_RENEW,
	FEED_CLEAR,
	FEED_LIST,
	META_SET,
	META_GET,
	EVENT_BEGIN,
	EVENT_ADD,
	EVENT_TRIM,
	EVENT_COMMIT,
	EVENT_LIST,
	N_STATEMENTS,
};

static const char *const sql_of[N_STATEMENTS] = {
	[DRAIN_SET] = "REPLACE INTO drain (uuid, pool, drained, since_ms,"
		      " deadline_ms, quiet_after_ms, at_deadline, reason)"
		      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	[DRAIN_CLEAR] = "DELETE FROM drain"
			" WHERE uuid = ?1 AND (?2 IS NULL OR pool = ?2)",
	[DRAIN_LIST] = "SELECT uuid, pool, drained, since_ms, deadline_ms,"
		       " quiet_after_ms, at_deadline, reason"
		       " FROM drain ORDER BY uuid, pool",
	[WEIGHT_SET] = "REPLACE INTO weight (uuid, pool, weight, since_ms)"
		       " VALUES (?, ?, ?, ?)",
	[WEIGHT_CLEAR] = "DELETE FROM weight"
			 " WHERE uuid = ?1 AND (?2 IS NULL OR pool = ?2)",
	[WEIGHT_LIST] = "SELECT uuid, pool, weight, since_ms"
			" FROM weight ORDER BY uuid, pool",
	[SEED_ADD] = "INSERT OR IGNORE INTO seed (subject, seed) VALUES (?, ?)",
	[SEED_GET] = "SELECT seed FROM seed WHERE subject = ?",
	[FEED_SET] = "REPLACE INTO feed (source, fed_ms, lease_ms, machines)"
		     " VALUES (?, ?, ?, ?)",
	[FEED_RENEW] = "UPDATE feed SET fed_ms = ?2, lease_ms = ?3"
		       " WHERE source = ?1",
	[FEED_CLEAR] = "DELETE FROM feed WHERE source = ?",
	[FEED_LIST] = "SELECT source, fed_ms, lease_ms, machines"
		      " FROM feed ORDER BY source",
	[META_SET] = "REPLACE INTO meta (key, value) VALUES (?, ?)",
	[META_GET] = "SELECT value FROM meta WHERE key = ?",
	[EVENT_BEGIN] = "BEGIN IMMEDIATE",
	[EVENT_ADD] = "INSERT INTO event (time_ms, kind, name, uuid, what,"
		      " reason) VALUES (?, ?, ?, ?, ?, ?)",
	[EVENT_TRIM] = "DELETE FROM event"
		       " WHERE seq <= (SELECT max(seq) FROM event) - ?",
	[EVENT_COMMIT] = "COMMIT",
	[EVENT_LIST] = "SELECT * FROM (SELECT seq, time_ms, kind, name, uuid,"
		       " what, reason FROM event WHERE seq > ?"
		       " ORDER BY seq DESC LIMIT ?) ORDER BY seq",
};

struct store {
	sqlite3 *wishes;
	sqlite3 *journal;
	sqlite3_stmt *statements[N_STATEMENTS]; /* prepared when first used */
	uint32_t n_events;
	int dir_fd; /* holds the lock */
	char error[STORE_ERROR_SIZE];
};

/* --- statements --------------------------------------------------------- */

static sqlite3 *connection(const struct store *store, enum statement number)
{
	return number >= EVENT_BEGIN ? store->journal : store->wishes;
}

static int fail(struct store *store, enum statement number)
{
	sqlite3 *db = connection(store, number);
	int err = store_errno(sqlite3_extended_errcode(db));

	snprintf(store->error, sizeof(store->error), "store: %s",
		 sqlite3_errmsg(db));
	return err ? err : -EIO;
}

/* A parameter of a statement; the text is borrowed until it is done. */
struct value {
	bool is_number;
	int64_t number;
	const char *text; /* NULL is SQL's */
};

#define TEXT(t)               \
	{                     \
		false, 0, (t) \
	}
#define NUMBER(n)                        \
	{                                \
		true, (int64_t)(n), NULL \
	}

/* A statement, with its parameters bound. */
static int start(struct store *store, enum statement number,
		 const struct value *values, size_t n_values,
		 sqlite3_stmt **ret_statement)
{
	sqlite3_stmt **statement = &store->statements[number];
	int result = SQLITE_OK, at;
	size_t i;

	if (!*statement &&
	    sqlite3_prepare_v3(connection(store, number), sql_of[number], -1,
			       SQLITE_PREPARE_PERSISTENT, statement,
			       NULL) != SQLITE_OK)
		return fail(store, number);
	for (i = 0; i < n_values && result == SQLITE_OK; i++) {
		at = (int)i + 1;
		if (values[i].is_number)
			result = sqlite3_bind_int64(*statement, at,
						    values[i].number);
		else
			result = sqlite3_bind_text(*statement, at,
						   values[i].text, -1,
						   SQLITE_STATIC);
	}
	if (result != SQLITE_OK)
		return fail(store, number);
	*ret_statement = *statement;
	return 0;
}

/* Ready for its next use; the text of an error has been taken before. */
static void finish(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

/* Runs a statement that has been started and has no rows. */
static int end(struct store *store, enum statement number,
	       sqlite3_stmt *statement)
{
	int err = 0;

	if (sqlite3_step(statement) != SQLITE_DONE)
		err = fail(store, number);
	finish(statement);
	return err;
}

static int run(struct store *store, enum statement number,
	       const struct value *values, size_t n_values)
{
	sqlite3_stmt *statement;
	int err = start(store, number, values, n_values, &statement);

	return err ? err : end(store, number, statement);
}

static const char *text_of(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite3_column_text(statement, column);

	return text ? (const char *)text : "";
}

static uint64_t number_of(sqlite3_stmt *statement, int column)
{
	return (uint64_t)sqlite3_column_int64(statement, column);
}

/* Tells one row; nonzero ends the list. */
typedef int row_fn(sqlite3_stmt *row, void *fn, void *arg);

static int list(struct store *store, enum statement number,
		sqlite3_stmt *statement, row_fn *tell, void *fn, void *arg)
{
	int result, ret = 0;

	while (!ret) {
		result = sqlite3_step(statement);
		if (result == SQLITE_DONE)
			break;
		if (result == SQLITE_ROW)
			ret = tell(statement, fn, arg);
		else
			ret = fail(store, number);
	}
	finish(statement);
	return ret;
}

static int list_all(struct store *store, enum statement number, row_fn *tell,
		    void *fn, void *arg)
{
	sqlite3_stmt *statement;
	int err = start(store, number, NULL, 0, &statement);

	return err ? err : list(store, number, statement, tell, fn, arg);
}

/* --- open and close ----------------------------------------------------- */

int store_open(const char *dir, uint32_t n_events, struct store **ret_store,
	       char *error)
{
	struct store *store;
	char *path = NULL;
	int err;

	store = calloc(1, sizeof(*store));
	if (!store) {
		snprintf(error, STORE_ERROR_SIZE, "store: out of memory");
		return -ENOMEM;
	}
	store->n_events = n_events ? n_events : 1;
	store->dir_fd = -1;
	err = store_file_prepare(dir, &store->dir_fd, &path, error);
	if (!err)
		err = store_file_connect(path, "FULL", &store->wishes, error);
	if (!err)
		err = store_file_migrate(path, store->wishes, error);
	if (!err)
		err = store_file_connect(path, "NORMAL", &store->journal,
					 error);
	free(path);
	if (err) {
		store_close(store);
		return err;
	}
	*ret_store = store;
	return 0;
}

void store_close(struct store *store)
{
	size_t i;

	if (!store)
		return;
	for (i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->journal);
	sqlite3_close(store->wishes);
	if (store->dir_fd >= 0)
		close(store->dir_fd);
	free(store);
}

const char *store_error(const struct store *store)
{
	return store->error;
}

/* --- wishes ------------------------------------------------------------- */

static int clear_wish(struct store *store, enum statement number,
		      const char *uuid, const char *pool)
{
	const struct value values[] = { TEXT(uuid), TEXT(pool) };

	return run(store, number, values, ARRAY_SIZE(values));
}

int store_drain_set(struct store *store, const struct store_drain *drain)
{
	const struct value values[] = {
		TEXT(drain->uuid),	    TEXT(drain->pool),
		NUMBER(drain->drained),	    NUMBER(drain->since_ms),
		NUMBER(drain->deadline_ms), NUMBER(drain->quiet_after_ms),
		TEXT(drain->at_deadline),   TEXT(drain->reason),
	};

	return run(store, DRAIN_SET, values, ARRAY_SIZE(values));
}

int store_drain_clear(struct store *store, const char *uuid, const char *pool)
{
	return clear_wish(store, DRAIN_CLEAR, uuid, pool);
}

static int tell_drain(sqlite3_stmt *row, void *fn, void *arg)
{
	store_drain_fn *const *tell = fn;
	struct store_drain drain = {
		.uuid = text_of(row, 0),
		.pool = text_of(row, 1),
		.drained = number_of(row, 2),
		.since_ms = number_of(row, 3),
		.deadline_ms = number_of(row, 4),
		.quiet_after_ms = number_of(row, 5),
		.at_deadline = text_of(row, 6),
		.reason = text_of(row, 7),
	};

	return (*tell)(&drain, arg);
}

int store_drain_list(struct store *store, store_drain_fn *fn, void *arg)
{
	return list_all(store, DRAIN_LIST, tell_drain, &fn, arg);
}

int store_weight_set(struct store *store, const struct store_weight *weight)
{
	const struct value values[] = {
		TEXT(weight->uuid),
		TEXT(weight->pool),
		NUMBER(weight->weight),
		NUMBER(weight->since_ms),
	};

	return run(store, WEIGHT_SET, values, ARRAY_SIZE(values));
}

int store_weight_clear(struct store *store, const char *uuid, const char *pool)
{
	return clear_wish(store, WEIGHT_CLEAR, uuid, pool);
}

static int tell_weight(sqlite3_stmt *row, void *fn, void *arg)
{
	store_weight_fn *const *tell = fn;
	struct store_weight weight = {
		.uuid = text_of(row, 0),
		.pool = text_of(row, 1),
		.weight = (uint32_t)number_of(row, 2),
		.since_ms = number_of(row, 3),
	};

	return (*tell)(&weight, arg);
}

int store_weight_list(struct store *store, store_weight_fn *fn, void *arg)
{
	return list_all(store, WEIGHT_LIST, tell_weight, &fn, arg);
}

/* --- seeds -------------------------------------------------------------- */

static int get_seed(struct store *store, const char *subject,
		    struct hash_seed *ret_seed)
{
	const struct value value = TEXT(subject);
	sqlite3_stmt *statement;
	const void *bytes;
	int err, result;

	err = start(store, SEED_GET, &value, 1, &statement);
	if (err)
		return err;
	result = sqlite3_step(statement);
	if (result == SQLITE_DONE) {
		err = -ENOENT;
	} else if (result != SQLITE_ROW) {
		err = fail(store, SEED_GET);
	} else {
		bytes = sqlite3_column_blob(statement, 0);
		if (bytes && sqlite3_column_bytes(statement, 0) ==
				     (int)sizeof(*ret_seed))
			memcpy(ret_seed, bytes, sizeof(*ret_seed));
		else
			err = -EUCLEAN;
	}
	finish(statement);
	return err;
}

int store_seed(struct store *store, const char *subject,
	       struct hash_seed *ret_seed)
{
	const struct value value = TEXT(subject);
	sqlite3_stmt *statement;
	struct hash_seed seed;
	int err;

	err = get_seed(store, subject, ret_seed);
	if (err != -ENOENT)
		return err;
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		err = -errno;
		snprintf(store->error, sizeof(store->error),
			 "store: no random numbers: %s", strerror(-err));
		return err;
	}
	err = start(store, SEED_ADD, &value, 1, &statement);
	if (err)
		return err;
	if (sqlite3_bind_blob(statement, 2, &seed, sizeof(seed),
			      SQLITE_STATIC) != SQLITE_OK) {
		err = fail(store, SEED_ADD);
		finish(statement);
		return err;
	}
	err = end(store, SEED_ADD, statement);
	return err ? err : get_seed(store, subject, ret_seed);
}

/* --- what is fed --------------------------------------------------------- */

int store_feed_set(struct store *store, const struct store_feed *feed)
{
	const struct value values[] = {
		TEXT(feed->source),
		NUMBER(feed->fed_ms),
		NUMBER(feed->lease_ms),
		TEXT(feed->machines),
	};

	return feed->machines ? run(store, FEED_SET, values, 4) :
				run(store, FEED_RENEW, values, 3);
}

int store_feed_clear(struct store *store, const char *source)
{
	const struct value value = TEXT(source);

	return run(store, FEED_CLEAR, &value, 1);
}

static int tell_feed(sqlite3_stmt *row, void *fn, void *arg)
{
	store_feed_fn *const *tell = fn;
	struct store_feed feed = {
		.source = text_of(row, 0),
		.fed_ms = number_of(row, 1),
		.lease_ms = number_of(row, 2),
		.machines = text_of(row, 3),
	};

	return (*tell)(&feed, arg);
}

int store_feed_list(struct store *store, store_feed_fn *fn, void *arg)
{
	return list_all(store, FEED_LIST, tell_feed, &fn, arg);
}

/* --- events ------------------------------------------------------------- */

static int add_event(struct store *store, const struct store_event *event)
{
	const struct value values[] = {
		NUMBER(event->time_ms), TEXT(event->kind), TEXT(event->name),
		TEXT(event->uuid),	TEXT(event->what), TEXT(event->reason),
	};

	return run(store, EVENT_ADD, values, ARRAY_SIZE(values));
}

int store_events_add(struct store *store, const struct store_event *events,
		     size_t n, uint64_t *ret_last_seq)
{
	const struct value keep = NUMBER(store->n_events);
	int64_t last;
	size_t i;
	int err;

	if (n == 0)
		return -EINVAL;
	err = run(store, EVENT_BEGIN, NULL, 0);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++)
		err = add_event(store, &events[i]);
	last = sqlite3_last_insert_rowid(store->journal);
	if (!err)
		err = run(store, EVENT_TRIM, &keep, 1);
	if (!err)
		err = run(store, EVENT_COMMIT, NULL, 0);
	if (err) {
		if (!sqlite3_get_autocommit(store->journal))
			sqlite3_exec(store->journal, "ROLLBACK", NULL, NULL,
				     NULL);
		return err;
	}
	if (ret_last_seq)
		*ret_last_seq = (uint64_t)last;
	return 0;
}

static int tell_event(sqlite3_stmt *row, void *fn, void *arg)
{
	store_event_fn *const *tell = fn;
	struct store_event event = {
		.seq = number_of(row, 0),
		.time_ms = number_of(row, 1),
		.kind = text_of(row, 2),
		.name = text_of(row, 3),
		.uuid = text_of(row, 4),
		.what = text_of(row, 5),
		.reason = text_of(row, 6),
	};

	return (*tell)(&event, arg);
}

int store_events_list(struct store *store, uint64_t after_seq, uint32_t max,
		      store_event_fn *fn, void *arg)
{
	const struct value values[] = { NUMBER(after_seq), NUMBER(max) };
	sqlite3_stmt *statement;
	int err;

	if (after_seq > INT64_MAX)
		return 0;
	err = start(store, EVENT_LIST, values, ARRAY_SIZE(values), &statement);
	if (err)
		return err;
	return list(store, EVENT_LIST, statement, tell_event, &fn, arg);
}

/* --- meta --------------------------------------------------------------- */

int store_meta_set(struct store *store, const char *key, const char *value)
{
	const struct value values[] = { TEXT(key), TEXT(value) };

	return run(store, META_SET, values, ARRAY_SIZE(values));
}

int store_meta_get(struct store *store, const char *key, char *buf, size_t size)
{
	const struct value wanted = TEXT(key);
	sqlite3_stmt *statement;
	const char *value;
	int err, result;

	err = start(store, META_GET, &wanted, 1, &statement);
	if (err)
		return err;
	result = sqlite3_step(statement);
	if (result == SQLITE_DONE) {
		err = -ENOENT;
	} else if (result != SQLITE_ROW) {
		err = fail(store, META_GET);
	} else {
		value = text_of(statement, 0);
		if (strlen(value) < size)
			memcpy(buf, value, strlen(value) + 1);
		else
			err = -ENOBUFS;
	}
	finish(statement);
	return err;
}
