/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that the store refuses: foreign, newer, damaged, out of reach, in use;
 * and that it leaves them as they were.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

static void write_file(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static char *read_whole(const char *path, size_t *ret_n)
{
	struct stat stat;
	char *bytes;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &stat), 0);
	bytes = malloc((size_t)stat.st_size + 1);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, (size_t)stat.st_size), stat.st_size);
	close(fd);
	*ret_n = (size_t)stat.st_size;
	return bytes;
}

/* Refused, and not a byte of it is another one afterwards. */
static void refused_untouched(int err, const char *text)
{
	char path[256];
	char *before, *after;
	size_t n_before, n_after;

	snprintf(path, sizeof(path), "%s/%s", store_path("s"),
		 STORE_FIXTURE_FILE);
	before = read_whole(path, &n_before);
	store_refused(store_path("s"), err, text);
	after = read_whole(path, &n_after);
	assert_int_equal(n_before, n_after);
	assert_memory_equal(before, after, n_before);
	free(before);
	free(after);
}

static void execute(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_foreign_files(void **state)
{
	static const char text[] = "This is a shopping list, and quite a long "
				   "one, with more than a hundred characters: "
				   "milk, bread, butter, cheese, apples.\n";
	char path[256];

	(void)state;
	assert_int_equal(mkdir(store_path("s"), 0700), 0);
	snprintf(path, sizeof(path), "%s/%s", store_path("s"),
		 STORE_FIXTURE_FILE);
	write_file(path, text, sizeof(text) - 1);
	refused_untouched(-EMEDIUMTYPE, "no database");
	write_file(path, "x", 1);
	refused_untouched(-EMEDIUMTYPE, "no database");
	assert_int_equal(unlink(path), 0);
	execute(path, "CREATE TABLE notes (text)");
	refused_untouched(-EMEDIUMTYPE, "database of another program");
	execute(path, "PRAGMA application_id = 7; DROP TABLE notes");
	refused_untouched(-EMEDIUMTYPE, "database of another program");
}

/* As execute(), by a process that dies: its log stays behind. */
static void execute_and_die(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	int status;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (sqlite3_open(path, &db) != SQLITE_OK ||
		    sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_newer_schema(void **state)
{
	struct store *store;
	char path[256], sql[64];
	struct stat log;

	(void)state;
	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_put_drain(store, 1, ""), 0);
	store_close(store);
	snprintf(path, sizeof(path), "%s/%s", store_path("s"),
		 STORE_FIXTURE_FILE);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d",
		 STORE_SCHEMA + 1);
	execute_and_die(path, sql);
	refused_untouched(-EPROTONOSUPPORT, "newer droverd (schema 3, ");
	assert_int_equal(stat(store_path("s/" STORE_FIXTURE_FILE "-wal"), &log),
			 0);
	assert_true(log.st_size > 0);
	execute(path, "SELECT 1"); /* whose end moves the log into the file */
	refused_untouched(-EPROTONOSUPPORT, "newer droverd (schema 3, ");
}

static int no_feed(const struct store_feed *feed, void *arg)
{
	(void)feed;
	(void)arg;
	return 42;
}

/* A store of schema 1, from before machines could be fed, is taken along. */
static void test_older_schema(void **state)
{
	const struct store_feed feed = { "cloud", 1, 60000, "[]" };
	struct store_text before = { .n = 0 }, after = { .n = 0 };
	struct store *store;
	char path[256];

	(void)state;
	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_put_drain(store, 1, ""), 0);
	assert_int_equal(store_drain_list(store, store_print_drain, &before),
			 0);
	store_close(store);
	snprintf(path, sizeof(path), "%s/%s", store_path("s"),
		 STORE_FIXTURE_FILE);
	execute(path, "DROP TABLE feed; PRAGMA user_version = 1");
	store = store_open_or_fail(store_path("s"), 10);
	assert_int_equal(store_drain_list(store, store_print_drain, &after), 0);
	assert_string_equal(before.buf, after.buf);
	assert_int_equal(store_feed_list(store, no_feed, NULL), 0);
	assert_int_equal(store_feed_set(store, &feed), 0);
	assert_int_equal(store_feed_list(store, no_feed, NULL), 42);
	store_close(store);
}

/* Each page in turn is turned to nonsense: store_refused, or harmless; never lost. */
static void test_damaged(void **state)
{
	unsigned int n_refused = 0;
	struct store *store;
	size_t n = 0, at;
	char path[256];
	char *whole, *broken;
	int i;

	(void)state;
	store = store_open_or_fail(store_path("s"), 100);
	for (i = 0; i < 200; i++)
		assert_int_equal(store_put_drain(store, (unsigned int)i, ""),
				 0);
	store_close(store);
	snprintf(path, sizeof(path), "%s/%s", store_path("s"),
		 STORE_FIXTURE_FILE);
	whole = read_whole(path, &n);
	broken = malloc(n);
	assert_non_null(broken);
	assert_true(n >= (size_t)3 * 4096);
	for (at = 0; at + 4096 <= n; at += 4096) {
		memcpy(broken, whole, n);
		/* Leave the file's own header, or it is no database. */
		memset(broken + at + (at ? 0 : 100), 0xa5,
		       at ? 4096 : 4096 - 100);
		write_file(path, broken, n);
		refused_untouched(-EUCLEAN, "is damaged");
		n_refused++;
	}
	assert_true(n_refused >= 3);
	write_file(path, whole, n / 4096 / 2 * 4096); /* cut in half */
	refused_untouched(-EUCLEAN, "is damaged");
	write_file(path, whole, n);
	store_close(store_open_or_fail(store_path("s"), 100));
	free(whole);
	free(broken);
}

/* As a user who may not write, which root always may. */
static void test_no_access(void **state)
{
	pid_t pid;
	int status = 0;

	(void)state;
	store_close(store_open_or_fail(store_path("s"), 10));
	store_refused(store_path("a/b"), -ENOENT, "cannot be made");
	write_file(store_path("file"), "x", 1);
	store_refused(store_path("file"), -ENOTDIR, "cannot be opened");

	assert_int_equal(chmod(store_scratch(), 0755), 0);
	assert_int_equal(mkdir(store_path("bare"), 0755), 0);
	assert_int_equal(chmod(store_path("bare"), 0555), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		store_refused(store_path("bare"), -EACCES, "Permission denied");
		store_refused(store_path("s"), -EACCES, "cannot be opened");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(access(store_path("bare/" STORE_FIXTURE_FILE), F_OK),
			 -1);
}

static void test_one_at_a_time(void **state)
{
	struct store *store;
	struct stat stat_buf;

	(void)state;
	store = store_open_or_fail(store_path("s"), 10);
	store_refused(store_path("s"), -EBUSY, "in use by another droverd");
	store_close(store);
	store = store_open_or_fail(store_path("s"), 10);
	store_close(store);

	/* Seeds are secrets. */
	assert_int_equal(stat(store_path("s/" STORE_FIXTURE_FILE), &stat_buf),
			 0);
	assert_int_equal(stat_buf.st_mode & 0777, 0600);
	assert_int_equal(stat(store_path("s"), &stat_buf), 0);
	assert_int_equal(stat_buf.st_mode & 0777, 0700);
}

int main(void)
{
#define TEST(name)                                                \
	cmocka_unit_test_setup_teardown(name, store_make_scratch, \
					store_remove_scratch)
	const struct CMUnitTest tests[] = {
		TEST(test_foreign_files), TEST(test_newer_schema),
		TEST(test_older_schema),  TEST(test_damaged),
		TEST(test_no_access),	  TEST(test_one_at_a_time),
	};

	return cmocka_run_group_tests_name("store_file", tests, NULL, NULL);
}
