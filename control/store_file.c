/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store's file: is it ours, is it whole, which schema has it.
 */
#include "control/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x44524f56 /* "DROV", in the header of the file */
#define BUSY_MS	       2000

/*
 * Step i brings schema i to i + 1. A step that has been released is never
 * changed; a new schema is a new step, and STORE_SCHEMA one more.
 */
static const char *const steps[] = {
	"CREATE TABLE meta ("
	" key TEXT PRIMARY KEY,"
	" value TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE drain ("
	" uuid TEXT NOT NULL,"
	" pool TEXT NOT NULL,"
	" drained INTEGER NOT NULL CHECK (drained IN (0, 1)),"
	" since_ms INTEGER NOT NULL,"
	" deadline_ms INTEGER NOT NULL,"
	" quiet_after_ms INTEGER NOT NULL,"
	" at_deadline TEXT NOT NULL,"
	" reason TEXT NOT NULL,"
	" PRIMARY KEY (uuid, pool)"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE weight ("
	" uuid TEXT NOT NULL,"
	" pool TEXT NOT NULL,"
	" weight INTEGER NOT NULL,"
	" since_ms INTEGER NOT NULL,"
	" PRIMARY KEY (uuid, pool)"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE seed ("
	" subject TEXT PRIMARY KEY,"
	" seed BLOB NOT NULL CHECK (length(seed) = 16)"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE event ("
	" seq INTEGER PRIMARY KEY,"
	" time_ms INTEGER NOT NULL,"
	" kind TEXT NOT NULL,"
	" name TEXT NOT NULL,"
	" uuid TEXT NOT NULL,"
	" what TEXT NOT NULL,"
	" reason TEXT NOT NULL"
	") STRICT;",

	"CREATE TABLE feed ("
	" source TEXT PRIMARY KEY,"
	" fed_ms INTEGER NOT NULL,"
	" lease_ms INTEGER NOT NULL,"
	" machines TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;",
};
_Static_assert(ARRAY_SIZE(steps) == STORE_SCHEMA, "a step for each schema");

int store_errno(int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOTADB:
		return -EMEDIUMTYPE;
	case SQLITE_CORRUPT:
		return -EUCLEAN;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int fail(char *error, int err, const char *path, const char *what)
{
	snprintf(error, STORE_ERROR_SIZE, "store \"%.200s\": %s", path, what);
	return err;
}

static int fail_sql(char *error, const char *path, sqlite3 *db)
{
	int err = store_errno(sqlite3_extended_errcode(db));

	return fail(error, err ? err : -EIO, path, sqlite3_errmsg(db));
}

static int refuse_foreign(char *error, const char *path)
{
	return fail(error, -EMEDIUMTYPE, path,
		    "is no database; is another program's file there?");
}

/* --- directory ---------------------------------------------------------- */

static int fail_dir(char *error, const char *dir, const char *what)
{
	int err = -errno;

	snprintf(error, STORE_ERROR_SIZE, "state directory \"%.200s\" %s: %s",
		 dir, what, strerror(-err));
	return err;
}

/* The directory's own name, in the one above, is on disk. */
static int sync_parent(int dir_fd)
{
	int fd, ret;

	fd = openat(dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = fsync(fd);
	close(fd);
	return ret;
}

static int open_dir(const char *dir, int *ret_fd, char *error)
{
	bool made = mkdir(dir, 0700) == 0;
	int fd, err = 0;

	if (!made && errno != EEXIST)
		return fail_dir(error, dir, "cannot be made");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_dir(error, dir, "cannot be opened");
	if (made && sync_parent(fd) < 0) {
		err = fail_dir(error, dir, "cannot be synced");
		rmdir(dir); /* so that the next one tries it again */
	}
	if (!err && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err = -EBUSY;
		snprintf(error, STORE_ERROR_SIZE,
			 "state directory \"%.200s\" is in use by another "
			 "droverd; each node needs a state_dir of its own",
			 dir);
	}
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/*
 * SQLite takes a file of a few bytes for an empty database, and would write
 * over them.
 */
static int check_magic(int dir_fd, const char *path, char *error)
{
	static const char magic[16] = "SQLite format 3";
	char begin[sizeof(magic)];
	ssize_t n;
	int fd, err = 0;

	fd = openat(dir_fd, STORE_FILE_NAME, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : pread(fd, begin, sizeof(begin), 0);
	if (n < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		return fail(error, err, path, strerror(-err));
	if (n > 0 && (n < (ssize_t)sizeof(magic) ||
		      memcmp(begin, magic, sizeof(magic)) != 0))
		return refuse_foreign(error, path);
	return 0;
}

/*
 * An empty file is a store that is still to be filled. It is made here, and
 * not by SQLite, since it holds secrets: its log gets the same mode. Its name
 * is on disk as soon as anything in it is, as SQLite syncs the directory with
 * the first write to the log.
 */
static int make_file(int dir_fd, const char *path, char *error)
{
	int fd, err;

	fd = openat(dir_fd, STORE_FILE_NAME,
		    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return check_magic(dir_fd, path, error);
	if (fd < 0) {
		err = -errno;
		return fail(error, err, path, strerror(-err));
	}
	close(fd);
	return 0;
}

/* --- contents ----------------------------------------------------------- */

/* The first column of the first row. */
static int ask_number(sqlite3 *db, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *statement = NULL;
	int result;

	result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return result == SQLITE_ROW ? SQLITE_OK : result;
}

static int ask_whether_whole(sqlite3 *db, bool *ret_whole)
{
	sqlite3_stmt *statement = NULL;
	const unsigned char *text;
	int result;

	result = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement,
				    NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		text = sqlite3_column_text(statement, 0);
		*ret_whole = text && strcmp((const char *)text, "ok") == 0;
	}
	sqlite3_finalize(statement);
	return result == SQLITE_ROW ? SQLITE_OK : result;
}

static int refuse_damaged(char *error, const char *path)
{
	return fail(error, -EUCLEAN, path,
		    "is damaged; put a copy of it in its place, or move it "
		    "away to start anew: drains, weights, pool seeds, "
		    "fed machines and events are then gone");
}

static int look_inside(sqlite3 *db, const char *path, char *error)
{
	int64_t application = 0, schema = 0, n_tables = 0;
	bool whole = false;
	char what[128];
	int result;

	result =
		ask_number(db, "SELECT count(*) FROM sqlite_schema", &n_tables);
	if (result == SQLITE_OK)
		result = ask_number(db, "PRAGMA application_id", &application);
	if (result == SQLITE_OK)
		result = ask_number(db, "PRAGMA user_version", &schema);
	if ((result & 0xff) == SQLITE_NOTADB)
		return refuse_foreign(error, path);
	if ((result & 0xff) == SQLITE_CORRUPT)
		return refuse_damaged(error, path);
	if (result != SQLITE_OK)
		return fail_sql(error, path, db);
	if (n_tables == 0 && application == 0 && schema == 0)
		return 0; /* still to be filled */
	if (application != APPLICATION_ID)
		return fail(error, -EMEDIUMTYPE, path,
			    "is a database of another program");
	if (schema > STORE_SCHEMA) {
		snprintf(what, sizeof(what),
			 "was written by a newer droverd (schema %lld, this "
			 "one knows up to %d); start that one",
			 (long long)schema, STORE_SCHEMA);
		return fail(error, -EPROTONOSUPPORT, path, what);
	}
	result = ask_whether_whole(db, &whole);
	if ((result & 0xff) == SQLITE_CORRUPT ||
	    (result == SQLITE_OK && !whole) || schema < 1)
		return refuse_damaged(error, path);
	return result == SQLITE_OK ? 0 : fail_sql(error, path, db);
}

/*
 * A connection that may only read could not make sense of a log that a loss of
 * power left behind. This one may write, but nothing here does, and its end
 * does not move the log into the file, as it otherwise would.
 */
static int look(const char *path, char *error)
{
	sqlite3 *db = NULL;
	int err;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) !=
		    SQLITE_OK ||
	    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) !=
		    SQLITE_OK)
		err = fail_sql(error, path, db);
	else
		err = look_inside(db, path, error);
	sqlite3_close(db);
	return err;
}

int store_file_prepare(const char *dir, int *ret_dir_fd, char **ret_path,
		       char *error)
{
	char *path = NULL;
	int dir_fd = -1, err;

	err = open_dir(dir, &dir_fd, error);
	if (err)
		return err;
	if (asprintf(&path, "%s/%s", dir, STORE_FILE_NAME) < 0) {
		close(dir_fd);
		return fail(error, -ENOMEM, dir, "out of memory");
	}
	err = make_file(dir_fd, path, error);
	if (!err)
		err = look(path, error);
	if (err) {
		free(path);
		close(dir_fd);
		return err;
	}
	*ret_dir_fd = dir_fd;
	*ret_path = path;
	return 0;
}

int store_file_connect(const char *path, const char *sync, sqlite3 **ret_db,
		       char *error)
{
	sqlite3 *db = NULL;
	char sql[128];
	int err;

	snprintf(sql, sizeof(sql),
		 "PRAGMA journal_mode = WAL;"
		 "PRAGMA synchronous = %s;"
		 "PRAGMA trusted_schema = OFF;",
		 sync);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) ==
		    SQLITE_OK &&
	    sqlite3_busy_timeout(db, BUSY_MS) == SQLITE_OK &&
	    sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK) {
		*ret_db = db;
		return 0;
	}
	err = fail_sql(error, path, db);
	sqlite3_close(db);
	return err;
}

int store_file_migrate(const char *path, sqlite3 *db, char *error)
{
	int64_t schema = 0;
	char sql[128];
	int result;

	result = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (result == SQLITE_OK)
		result = ask_number(db, "PRAGMA user_version", &schema);
	if (result == SQLITE_OK && schema == STORE_SCHEMA)
		return sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL) ?
			       fail_sql(error, path, db) :
			       0;
	for (; result == SQLITE_OK && schema < STORE_SCHEMA; schema++)
		result = sqlite3_exec(db, steps[schema], NULL, NULL, NULL);
	snprintf(sql, sizeof(sql),
		 "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		 APPLICATION_ID, STORE_SCHEMA);
	if (result == SQLITE_OK)
		result = sqlite3_exec(db, sql, NULL, NULL, NULL);
	return result == SQLITE_OK ? 0 : fail_sql(error, path, db);
}
