/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * That nothing the store answered with success is lost: by kill -9 at random
 * points, and by a loss of power.
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

#include "tests/unit/store_fixture.h"

#define N_KILLS 120

/* --- a disk that can be watched ----------------------------------------- */

static char image_dir[128]; /* "" = nothing is copied */
static unsigned int n_syncs;
static bool syncs_fail;
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
	struct dirent **entries = NULL;
	char path[512];
	int n, fd;

	n = scandir(from, &entries, NULL, alphasort);
	assert_true(n >= 0);
	while (n-- > 0) {
		snprintf(path, sizeof(path), "%s/%s", to, entries[n]->d_name);
		if (access(path, F_OK) < 0 && add) {
			fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
			assert_true(fd >= 0);
			close(fd);
		} else if (access(path, F_OK) < 0) {
			snprintf(path, sizeof(path), "%s/%s", from,
				 entries[n]->d_name);
			assert_int_equal(unlink(path), 0);
		}
		free(entries[n]);
	}
	free(entries);
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
	if (!*image_dir || strcmp(target, store_scratch()) == 0)
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

static int calm_down(void **state)
{
	image_dir[0] = '\0';
	syncs_fail = false;
	return store_remove_scratch(state);
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

	if (store_open(store_path("s"), 100000, &store, error) < 0)
		_exit(1);
	for (;; i++) {
		ack = (struct ack){ .i = i, .with_seed = i % 3 == 0 };
		if (store_put_drain(store, i, "") < 0)
			_exit(1);
		snprintf(subject, sizeof(subject), "%u", i);
		if (ack.with_seed && store_seed(store, subject, &ack.seed) < 0)
			_exit(1);
		store_put_event(store, subject, NULL);
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
	store = store_open_or_fail(store_path("s"), 100000);
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
	struct pollfd answer;
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
		answer = (struct pollfd){ .fd = fds[0], .events = POLLIN };
		/* Half of them at work for sure, half anywhere from its start. */
		if (k % 2)
			assert_int_equal(poll(&answer, 1, 10000), 1);
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
	free(acks);
	free(seen);
}

static void check_image(unsigned int i, const struct hash_seed *seed)
{
	struct store_text text = { .n = 0 };
	struct hash_seed again;
	char image[128], subject[16], value[16];
	struct store *store;

	/* Looking at the image must not change what will be synced there. */
	memcpy(image, image_dir, sizeof(image));
	image_dir[0] = '\0';
	store = store_open_or_fail(image, 10);
	assert_int_equal(store_drain_list(store, store_print_drain, &text), 0);
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
		snprintf(image_dir, sizeof(image_dir), "%s", store_path(name));
		assert_int_equal(mkdir(image_dir, 0700), 0);
		snprintf(name, sizeof(name), "s%u", i);
		last_dir[0] = '\0';
		store = store_open_or_fail(store_path(name), 10);
		assert_string_equal(last_dir,
				    store_path(name)); /* of the log */
		snprintf(subject, sizeof(subject), "pool%u", i);
		store_put_event(store, "unsynced", NULL);
		assert_int_equal(store_seed(store, subject, &seed), 0);
		assert_int_equal(store_put_drain(store, i, ""), 0);
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
	assert_int_equal(store_open(store_path("s"), 10, &store, error), -EIO);
	assert_non_null(strstr(error, "cannot be synced"));
	assert_null(store);
	syncs_fail = false;
	store_close(store_open_or_fail(store_path("s"), 10));
}

static void test_sync_cost(void **state)
{
	struct store *store;
	unsigned int before;
	int i;

	(void)state;
	store = store_open_or_fail(store_path("s"), 1000);
	before = n_syncs;
	assert_int_equal(store_put_drain(store, 1, ""), 0);
	assert_int_equal(n_syncs - before, 1);

	/* Events wait for no disk. */
	before = n_syncs;
	for (i = 0; i < 100; i++)
		store_put_event(store, "vm", NULL);
	assert_int_equal(n_syncs, before);

	/* A wish that the disk did not take is not answered with success. */
	syncs_fail = true;
	assert_int_equal(store_put_drain(store, 2, ""), -EIO);
	assert_non_null(strstr(store_error(store), "disk I/O error"));
	syncs_fail = false;
	assert_int_equal(store_put_drain(store, 3, ""), 0);
	store_close(store);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, store_make_scratch, calm_down)
	const struct CMUnitTest tests[] = {
		TEST(test_kills),
		TEST(test_power),
		TEST(test_parent_synced),
		TEST(test_sync_cost),
	};

	return cmocka_run_group_tests_name("store_loss", tests, NULL, NULL);
}
