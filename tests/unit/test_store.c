/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store: what it keeps, and that nothing it answered with success is lost:
 * by kill -9 at random points, and by a loss of power.
 *
 * DOC: losing power
 *
 * fsync() and fdatasync() are ours here. Each takes a copy of the one file that
 * is synced into a second directory, so that this one always holds what a disk
 * would after a loss of power that took every write that was not synced. A
 * store opened there has to know everything that was acknowledged.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/store.h"

#define FILE_NAME "drover.db"
#define N_KILLS	  120
#define UUID	  "5d6f0000-0000-4000-8000-%012u"

/* --- a disk that can be watched ----------------------------------------- */

static char image_dir[128]; /* "" = nothing is copied */
static unsigned int n_syncs;
static bool syncs_fail;
static char scratch[64];
static char last_dir[256]; /* the directory that was synced last */

static void copy_file(int from, const char *to)
{
	char buf[4096];
	off_t at = 0;
	ssize_t n;
	int fd;

	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while ((n = pread(from, buf, sizeof(buf), at)) > 0) {
		assert_int_equal(write(fd, buf, (size_t)n), n);
		at += n;
	}
	close(fd);
}

/* A file for each name in @from that @to has not got, or without it there. */
static void match_names(const char *from, const char *to, bool add)
{
	struct dirent *entry;
	char path[512];
	DIR *stream;
	int fd;

	stream = opendir(from);
	assert_non_null(stream);
	while ((entry = readdir(stream))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", to, entry->d_name);
		if (access(path, F_OK) == 0)
			continue;
		if (!add) {
			snprintf(path, sizeof(path), "%s/%s", from,
				 entry->d_name);
			assert_int_equal(unlink(path), 0);
			continue;
		}
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		close(fd);
	}
	closedir(stream);
}

static void note_synced(int fd)
{
	char descriptor[64], target[256], to[512];
	struct stat stat;
	ssize_t n;

	snprintf(descriptor, sizeof(descriptor), "/proc/self/fd/%d", fd);
	n = readlink(descriptor, target, sizeof(target) - 1);
	assert_true(n > 0);
	target[n] = '\0';
	assert_int_equal(fstat(fd, &stat), 0);
	if (S_ISDIR(stat.st_mode))
		memcpy(last_dir, target, sizeof(target));
	if (!*image_dir || strcmp(target, scratch) == 0)
		return;
	if (S_ISDIR(stat.st_mode)) {
		/* The names of its files are on disk, not their bytes. */
		match_names(target, image_dir, true);
		match_names(image_dir, target, false);
		return;
	}
	snprintf(to, sizeof(to), "%s/%s", image_dir, strrchr(target, '/') + 1);
	copy_file(fd, to);
}

static int watched_sync(long number, int fd)
{
	n_syncs++;
	if (syncs_fail) {
		errno = EIO;
		return -1;
	}
	if (syscall(number, fd) < 0)
		return -1;
	note_synced(fd);
	return 0;
}

int fsync(int fd) /* NOLINT: libc names it otherwise */
{
	return watched_sync(SYS_fsync, fd);
}

int fdatasync(int fd) /* NOLINT: as above */
{
	return watched_sync(SYS_fdatasync, fd);
}

/* --- helpers ------------------------------------------------------------ */

static char *path_of(const char *name)
{
	static char path[4][256];
	static unsigned int next;
	char *buf = path[next++ % 4];

	snprintf(buf, sizeof(path[0]), "%s/%s", scratch, name);
	return buf;
}

static int make_scratch(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(scratch, sizeof(scratch), "%.40s/store-XXXXXX",
		 tmp ? tmp : "/tmp");
	image_dir[0] = '\0';
	syncs_fail = false;
	return mkdtemp(scratch) ? 0 : -1;
}

static void remove_tree(const char *dir)
{
	struct dirent *entry;
	char path[512];
	DIR *stream;

	stream = opendir(dir);
	if (!stream)
		return;
	while ((entry = readdir(stream))) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (unlink(path) < 0)
			remove_tree(path);
	}
	closedir(stream);
	rmdir(dir);
}

static int remove_scratch(void **state)
{
	(void)state;
	image_dir[0] = '\0';
	syncs_fail = false;
	remove_tree(scratch);
	return 0;
}

static struct store *open_store(const char *dir, uint32_t n_events)
{
	char error[STORE_ERROR_SIZE] = "";
	struct store *store = NULL;

	if (store_open(dir, n_events, &store, error) < 0)
		fail_msg("%s", error);
	return store;
}

static void refused(const char *dir, int err, const char *text)
{
	char error[STORE_ERROR_SIZE] = "";
	struct store *store = NULL;

	assert_int_equal(store_open(dir, 10, &store, error), err);
	assert_null(store);
	if (!strstr(error, text))
		fail_msg("\"%s\" does not say \"%s\"", error, text);
}

static int set_drain(struct store *store, unsigned int i, const char *pool)
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

/* A list as text, to compare. */
struct text {
	char buf[4096];
	size_t n;
};

static int print_drain(const struct store_drain *drain, void *arg)
{
	struct text *text = arg;

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

static int print_weight(const struct store_weight *weight, void *arg)
{
	struct text *text = arg;

	text->n += (size_t)snprintf(text->buf + text->n,
				    sizeof(text->buf) - text->n,
				    "%s %s %u %llu\n", weight->uuid,
				    weight->pool, weight->weight,
				    (unsigned long long)weight->since_ms);
	return 0;
}

static int print_event(const struct store_event *event, void *arg)
{
	struct text *text = arg;

	text->n += (size_t)snprintf(text->buf + text->n,
				    sizeof(text->buf) - text->n, "%llu %s %s\n",
				    (unsigned long long)event->seq, event->name,
				    event->reason);
	return 0;
}

static void add_event(struct store *store, const char *name, uint64_t *ret_seq)
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

/* --- what it keeps ------------------------------------------------------ */

static void test_drains(void **state)
{
	struct text text = { .n = 0 };
	struct store *store;

	(void)state;
	store = open_store(path_of("s"), 10);
	assert_int_equal(set_drain(store, 2, ""), 0);
	assert_int_equal(set_drain(store, 1, "shop/web"), 0);
	assert_int_equal(set_drain(store, 1, ""), 0);
	assert_int_equal(set_drain(store, 3, "shop/web"), 0);
	assert_int_equal(set_drain(store, 3, "shop/web"), 0); /* replaces */
	store_close(store);

	store = open_store(path_of("s"), 10);
	assert_int_equal(store_drain_list(store, print_drain, &text), 0);
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
	assert_int_equal(store_drain_list(store, print_drain, &text), 0);
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
	store = open_store(path_of("s"), 10);
	assert_int_equal(set_drain(store, 1, ""), 0);
	assert_int_equal(set_drain(store, 2, ""), 0);
	assert_int_equal(store_drain_list(store, stop_at_once, &n), 42);
	assert_int_equal(n, 1);
	/* And the next one begins from the first again. */
	assert_int_equal(store_drain_list(store, stop_at_once, &n), 42);
	store_close(store);
}

static void test_weights(void **state)
{
	struct store_weight weight = { "u1", "shop/web", 20, 5 };
	struct text text = { .n = 0 };
	struct store *store;

	(void)state;
	store = open_store(path_of("s"), 10);
	assert_int_equal(store_weight_set(store, &weight), 0);
	weight.weight = UINT32_MAX;
	assert_int_equal(store_weight_set(store, &weight), 0);
	weight.uuid = "u2";
	assert_int_equal(store_weight_set(store, &weight), 0);
	assert_int_equal(store_weight_clear(store, "u2", "shop/web"), 0);
	store_close(store);
	store = open_store(path_of("s"), 10);
	assert_int_equal(store_weight_list(store, print_weight, &text), 0);
	assert_string_equal(text.buf, "u1 shop/web 4294967295 5\n");
	store_close(store);
}

static void test_seeds(void **state)
{
	struct hash_seed web, api, again;
	struct store *store;

	(void)state;
	store = open_store(path_of("s"), 10);
	assert_int_equal(store_seed(store, "shop/web", &web), 0);
	assert_int_equal(store_seed(store, "shop/api", &api), 0);
	assert_memory_not_equal(&web, &api, sizeof(web));
	store_close(store);
	store = open_store(path_of("s"), 10);
	assert_int_equal(store_seed(store, "shop/web", &again), 0);
	assert_memory_equal(&web, &again, sizeof(web));
	store_close(store);

	/* Another store has another one: it is no constant. */
	store = open_store(path_of("other"), 10);
	assert_int_equal(store_seed(store, "shop/web", &again), 0);
	assert_memory_not_equal(&web, &again, sizeof(web));
	store_close(store);
}

static void test_events_ring(void **state)
{
	struct text text = { .n = 0 };
	struct store *store;
	char name[16];
	uint64_t seq = 0;
	int i;

	(void)state;
	store = open_store(path_of("s"), 5);
	for (i = 1; i <= 12; i++) {
		snprintf(name, sizeof(name), "vm%d", i);
		add_event(store, name, &seq);
		assert_int_equal(seq, i);
	}
	store_close(store);

	store = open_store(path_of("s"), 5);
	assert_int_equal(store_events_list(store, 0, 100, print_event, &text),
			 0);
	assert_string_equal(text.buf, "8 vm8 probes\n9 vm9 probes\n"
				      "10 vm10 probes\n11 vm11 probes\n"
				      "12 vm12 probes\n");
	text.n = 0;
	assert_int_equal(store_events_list(store, 9, 2, print_event, &text), 0);
	assert_string_equal(text.buf, "11 vm11 probes\n12 vm12 probes\n");
	text = (struct text){ .n = 0 };
	assert_int_equal(store_events_list(store, 12, 9, print_event, &text),
			 0);
	assert_int_equal(
		store_events_list(store, UINT64_MAX, 9, print_event, &text), 0);
	assert_string_equal(text.buf, "");
	add_event(store, "vm13", &seq);
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
	struct text text = { .n = 0 };
	struct store *store;
	uint64_t seq = 77;

	(void)state;
	store = open_store(path_of("s"), 10);
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
	store = open_store(path_of("s"), 10);
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

/* --- files that are not ours -------------------------------------------- */

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

	snprintf(path, sizeof(path), "%s/%s", path_of("s"), FILE_NAME);
	before = read_whole(path, &n_before);
	refused(path_of("s"), err, text);
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
	assert_int_equal(mkdir(path_of("s"), 0700), 0);
	snprintf(path, sizeof(path), "%s/%s", path_of("s"), FILE_NAME);
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
	store = open_store(path_of("s"), 10);
	assert_int_equal(set_drain(store, 1, ""), 0);
	store_close(store);
	snprintf(path, sizeof(path), "%s/%s", path_of("s"), FILE_NAME);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d",
		 STORE_SCHEMA + 1);
	execute_and_die(path, sql);
	refused_untouched(-EPROTONOSUPPORT, "newer droverd (schema 2, ");
	assert_int_equal(stat(path_of("s/" FILE_NAME "-wal"), &log), 0);
	assert_true(log.st_size > 0);
	execute(path, "SELECT 1"); /* whose end moves the log into the file */
	refused_untouched(-EPROTONOSUPPORT, "newer droverd (schema 2, ");
}

/* Each page in turn is turned to nonsense: refused, or harmless; never lost. */
static void test_damaged(void **state)
{
	unsigned int n_refused = 0;
	struct store *store;
	size_t n = 0, at;
	char path[256];
	char *whole, *broken;
	int i;

	(void)state;
	store = open_store(path_of("s"), 100);
	for (i = 0; i < 200; i++)
		assert_int_equal(set_drain(store, (unsigned int)i, ""), 0);
	store_close(store);
	snprintf(path, sizeof(path), "%s/%s", path_of("s"), FILE_NAME);
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
	store_close(open_store(path_of("s"), 100));
	free(whole);
	free(broken);
}

/* As a user who may not write, which root always may. */
static void test_no_access(void **state)
{
	pid_t pid;
	int status = 0;

	(void)state;
	store_close(open_store(path_of("s"), 10));
	refused(path_of("a/b"), -ENOENT, "cannot be made");
	write_file(path_of("file"), "x", 1);
	refused(path_of("file"), -ENOTDIR, "cannot be opened");

	assert_int_equal(chmod(scratch, 0755), 0);
	assert_int_equal(mkdir(path_of("bare"), 0755), 0);
	assert_int_equal(chmod(path_of("bare"), 0555), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		refused(path_of("bare"), -EACCES, "Permission denied");
		refused(path_of("s"), -EACCES, "cannot be opened");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(access(path_of("bare/" FILE_NAME), F_OK), -1);
}

static void test_one_at_a_time(void **state)
{
	struct store *store;
	struct stat stat_buf;

	(void)state;
	store = open_store(path_of("s"), 10);
	refused(path_of("s"), -EBUSY, "in use by another droverd");
	store_close(store);
	store = open_store(path_of("s"), 10);
	store_close(store);

	/* Seeds are secrets. */
	assert_int_equal(stat(path_of("s/" FILE_NAME), &stat_buf), 0);
	assert_int_equal(stat_buf.st_mode & 0777, 0600);
	assert_int_equal(stat(path_of("s"), &stat_buf), 0);
	assert_int_equal(stat_buf.st_mode & 0777, 0700);
}

/* --- what it must not lose ---------------------------------------------- */

/* What the writer tells once a call of the store has returned 0. */
struct ack {
	uint32_t i;
	uint32_t with_seed;
	struct hash_seed seed;
};

static void write_until_killed(int fd, unsigned int i)
{
	char subject[32], error[STORE_ERROR_SIZE];
	struct store *store = NULL;
	struct ack ack;

	if (store_open(path_of("s"), 100000, &store, error) < 0)
		_exit(1);
	for (;; i++) {
		ack = (struct ack){ .i = i, .with_seed = i % 3 == 0 };
		if (set_drain(store, i, "") < 0)
			_exit(1);
		snprintf(subject, sizeof(subject), "%u", i);
		if (ack.with_seed && store_seed(store, subject, &ack.seed) < 0)
			_exit(1);
		add_event(store, subject, NULL);
		if (write(fd, &ack, sizeof(ack)) != (ssize_t)sizeof(ack))
			_exit(1);
	}
}

/* Every number that the store knows. */
struct seen {
	uint8_t drained[200000];
	uint8_t told[200000];
};

static int see_drain(const struct store_drain *drain, void *arg)
{
	struct seen *seen = arg;

	seen->drained[strtoul(strrchr(drain->uuid, '-') + 1, NULL, 10)] = 1;
	return 0;
}

static int see_event(const struct store_event *event, void *arg)
{
	struct seen *seen = arg;

	seen->told[strtoul(event->name, NULL, 10)] = 1;
	return 0;
}

/* Everything acknowledged up to @n is there, and at most one thing more. */
static void all_there(struct seen *seen, const struct ack *acks, size_t n_acks)
{
	struct hash_seed seed;
	struct store *store;
	char subject[32];
	size_t i;

	memset(seen, 0, sizeof(*seen));
	store = open_store(path_of("s"), 100000);
	assert_int_equal(store_drain_list(store, see_drain, seen), 0);
	assert_int_equal(
		store_events_list(store, 0, UINT32_MAX, see_event, seen), 0);
	for (i = 0; i < n_acks; i++) {
		if (!seen->drained[acks[i].i] || !seen->told[acks[i].i])
			fail_msg("%u was acknowledged and is lost", acks[i].i);
		if (!acks[i].with_seed)
			continue;
		snprintf(subject, sizeof(subject), "%u", acks[i].i);
		assert_int_equal(store_seed(store, subject, &seed), 0);
		assert_memory_equal(&seed, &acks[i].seed, sizeof(seed));
	}
	store_close(store);
}

static void test_kills(void **state)
{
	const unsigned int seed = (unsigned int)time(NULL);
	struct timespec pause = { 0 };
	size_t n_acks = 0, n_idle = 0, k, before;
	struct ack *acks;
	struct seen *seen;
	int fds[2], status;
	pid_t pid;

	(void)state;
	print_message("random seed %u\n", seed);
	srandom(seed);
	acks = calloc(200000, sizeof(*acks));
	seen = malloc(sizeof(*seen));
	assert_true(acks && seen);
	for (k = 0; k < N_KILLS; k++) {
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			write_until_killed(fds[1],
					   n_acks ? acks[n_acks - 1].i + 2 : 0);
		close(fds[1]);
		pause.tv_nsec = random() % 12000000;
		nanosleep(&pause, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		before = n_acks;
		while (n_acks < 200000 &&
		       read(fds[0], &acks[n_acks], sizeof(*acks)) ==
			       (ssize_t)sizeof(*acks))
			n_acks++;
		close(fds[0]);
		n_idle += n_acks == before;
		all_there(seen, &acks[before], n_acks - before);
	}
	all_there(seen, acks, n_acks);
	print_message("%d kills, %zu of them before the first answer; %zu "
		      "answers, 0 lost\n",
		      N_KILLS, n_idle, n_acks);
	assert_true(n_idle < N_KILLS / 2); /* most hit a writer at work */
	free(acks);
	free(seen);
}

static void check_image(unsigned int i, const struct hash_seed *seed)
{
	struct text text = { .n = 0 };
	struct hash_seed again;
	char image[128], subject[16], value[16];
	struct store *store;

	/* Looking at the image must not change what will be synced there. */
	memcpy(image, image_dir, sizeof(image));
	image_dir[0] = '\0';
	store = open_store(image, 10);
	assert_int_equal(store_drain_list(store, print_drain, &text), 0);
	snprintf(subject, sizeof(subject), "%04u ", i);
	assert_non_null(strstr(text.buf, subject));
	snprintf(subject, sizeof(subject), "pool%u", i);
	assert_int_equal(store_seed(store, subject, &again), 0);
	assert_memory_equal(seed, &again, sizeof(again));
	assert_int_equal(store_meta_get(store, "n", value, sizeof(value)), 0);
	assert_int_equal(strtoul(value, NULL, 10), i);
	store_close(store);
}

static void test_power(void **state)
{
	char subject[16], name[32];
	struct hash_seed seed;
	struct store *store;
	unsigned int i;

	(void)state;
	for (i = 1; i < 25; i++) {
		/* A fresh image: the store writes all of it, or it is lost. */
		snprintf(name, sizeof(name), "image%u", i);
		snprintf(image_dir, sizeof(image_dir), "%s", path_of(name));
		assert_int_equal(mkdir(image_dir, 0700), 0);
		snprintf(name, sizeof(name), "s%u", i);
		last_dir[0] = '\0';
		store = open_store(path_of(name), 10);
		assert_string_equal(last_dir, path_of(name)); /* of the log */
		snprintf(subject, sizeof(subject), "pool%u", i);
		add_event(store, "unsynced", NULL);
		assert_int_equal(store_seed(store, subject, &seed), 0);
		assert_int_equal(set_drain(store, i, ""), 0);
		snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(store_meta_set(store, "n", name), 0);
		check_image(i, &seed);
		store_close(store);
	}
}

/* A directory that the store makes is itself one that lasts. */
static void test_parent_synced(void **state)
{
	char error[STORE_ERROR_SIZE] = "";
	struct store *store = NULL;

	(void)state;
	syncs_fail = true;
	assert_int_equal(store_open(path_of("s"), 10, &store, error), -EIO);
	assert_non_null(strstr(error, "cannot be synced"));
	assert_null(store);
	syncs_fail = false;
	store_close(open_store(path_of("s"), 10));
}

static void test_sync_cost(void **state)
{
	struct store *store;
	unsigned int before;
	int i;

	(void)state;
	store = open_store(path_of("s"), 1000);
	before = n_syncs;
	assert_int_equal(set_drain(store, 1, ""), 0);
	assert_int_equal(n_syncs - before, 1);

	/* Events wait for no disk. */
	before = n_syncs;
	for (i = 0; i < 100; i++)
		add_event(store, "vm", NULL);
	assert_int_equal(n_syncs, before);

	/* A wish that the disk did not take is not answered with success. */
	syncs_fail = true;
	assert_int_equal(set_drain(store, 2, ""), -EIO);
	assert_non_null(strstr(store_error(store), "disk I/O error"));
	syncs_fail = false;
	assert_int_equal(set_drain(store, 3, ""), 0);
	store_close(store);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)
	const struct CMUnitTest tests[] = {
		TEST(test_drains),	  TEST(test_list_stops),
		TEST(test_weights),	  TEST(test_seeds),
		TEST(test_events_ring),	  TEST(test_events_batch),
		TEST(test_meta),	  TEST(test_foreign_files),
		TEST(test_newer_schema),  TEST(test_damaged),
		TEST(test_no_access),	  TEST(test_one_at_a_time),
		TEST(test_kills),	  TEST(test_power),
		TEST(test_parent_synced), TEST(test_sync_cost),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
