// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many targets: are all of them probed in time, and what does that cost?
 *
 *	health_load [TARGETS [SECONDS [apart]]]
 *
 * 5,000 targets at 1 s by default, 5 s of each case, all added at once: TCP;
 * HTTP, answered by a process of its own; TCP with a third of them silent.
 *
 * Nobody may be left out, late or in a lump. The cost is that of this process
 * and of what the kernel does on its time: with the other end's share of the
 * handshakes, since what is sent over a veth pair is received on the sender's
 * time. With "apart" the other end, which in earnest is a VM, has a CPU of its
 * own.
 */
#include <errno.h>
#include <event2/event.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "health_net.h"

#define BUCKET_MS   40 /* five ticks of the wheel */
#define BUCKETS_MAX 10000
#define IN_FLIGHT   4096
/* Wanted is a tenth of a core for 5,000; with the other end, and on a machine
 * that is busy with others, it is more. */
#define CPU_PER_TARGET_MAX (0.4 / 5000)

/**
 * struct load - what was measured.
 * @rig: of the targets.
 * @probes: results in each BUCKET_MS.
 * @n_buckets: their number.
 * @last: results until the last bucket.
 * @n_silent: targets that don't answer.
 */
struct load {
	struct rig *rig;
	uint32_t probes[BUCKETS_MAX];
	size_t n_buckets;
	uint64_t last;
	size_t n_silent;
};

/**
 * struct cpu - time of a process.
 */
struct cpu {
	uint64_t user_us;
	uint64_t system_us;
};

static size_t n_targets = 5000;
static uint32_t n_seconds = 5;

static void on_bucket(evutil_socket_t fd, short what, void *arg)
{
	struct load *load = arg;
	struct health_counters count;

	(void)fd;
	(void)what;
	health_counters(load->rig->h, &count);
	if (load->n_buckets < BUCKETS_MAX)
		load->probes[load->n_buckets++] =
			(uint32_t)(count.n_probes - load->last);
	load->last = count.n_probes;
}

static struct cpu cpu_now(void)
{
	struct rusage use;

	assert_int_equal(getrusage(RUSAGE_SELF, &use), 0);
	return (struct cpu){
		(uint64_t)use.ru_utime.tv_sec * 1000000 +
			(uint64_t)use.ru_utime.tv_usec,
		(uint64_t)use.ru_stime.tv_sec * 1000000 +
			(uint64_t)use.ru_stime.tv_usec,
	};
}

static void add_all(struct load *load, enum health_kind kind)
{
	size_t i;

	for (i = 0; i < n_targets; i++) {
		struct health_target t = rig_target(i, 80);
		bool is_silent = i < load->n_silent;

		t.kind = kind;
		t.addr = net_v4((is_silent ? NET_SILENT : NET_MANY) + 0x100 +
				(uint32_t)i);
		t.params.interval_ms = 1000;
		t.params.timeout_ms = 900;
		t.params.jitter_percent = 10;
		/* So that it isn't probed eagerly. */
		t.initial = is_silent ? HEALTH_UP : HEALTH_UNKNOWN;
		t.params.fall = is_silent ? HEALTH_STREAK_MAX : 3;
		rig_add(load->rig, &t);
	}
}

static bool all_are_up(struct rig *rig, void *arg)
{
	const struct load *load = arg;
	size_t i;

	/* The hook tells "unknown" and "up" of each that answers. */
	if (rig->n_seen < 2 * (n_targets - load->n_silent))
		return false;
	for (i = 0; i < n_targets; i++) {
		if (rig_status(rig, i).state != HEALTH_UP)
			return false;
	}
	return true;
}

static void print_cost(const struct cpu *from, uint64_t took_ms,
		       uint64_t n_probes, double *ret_share)
{
	struct cpu to = cpu_now();
	double user_us = (double)(to.user_us - from->user_us);
	double system_us = (double)(to.system_us - from->system_us);
	double all_us = (double)took_ms * 1000;

	*ret_share = (user_us + system_us) / all_us;
	printf("  %.1f %% of a core: %.1f user, %.1f system; %.1f us a probe\n",
	       *ret_share * 100, user_us * 100 / all_us,
	       system_us * 100 / all_us,
	       (user_us + system_us) / (double)n_probes);
}

/* Evenly spread by chance is Poisson: the variance is the mean. All at the same
 * time would be 25 times the mean here, and lumps that stay many times it. A
 * machine that is late makes some. */
static void judge_spread(const struct load *load)
{
	uint64_t sum = 0, squares = 0;
	double mean, variance;
	uint32_t most = 0;
	size_t i;

	for (i = 0; i < load->n_buckets; i++) {
		sum += load->probes[i];
		squares += (uint64_t)load->probes[i] * load->probes[i];
		most = load->probes[i] > most ? load->probes[i] : most;
	}
	mean = (double)sum / (double)load->n_buckets;
	variance = (double)squares / (double)load->n_buckets - mean * mean;
	printf("  in %d ms: %.1f probes on average, %u at most, variance "
	       "%.1f\n",
	       BUCKET_MS, mean, most, variance);
	assert_true(variance < 8 * mean);
}

/* Each at its interval, by a tenth more or less, and one at the ends. */
static void judge_targets(struct rig *rig, const uint64_t *before,
			  uint64_t took_ms)
{
	uint64_t n, least = UINT64_MAX, most = 0;
	size_t i;

	for (i = 0; i < n_targets; i++) {
		n = rig_status(rig, i).n_probes - before[i];
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	printf("  of one target: %llu to %llu probes in %.1f s\n",
	       (unsigned long long)least, (unsigned long long)most,
	       (double)took_ms / 1000);
	assert_in_range(least, took_ms / 1100 - 1, took_ms / 1000 + 1);
	assert_in_range(most, took_ms / 1000 - 1, took_ms / 900 + 2);
}

/* Runs with all up; what is said is of these seconds only. */
static double measure(struct load *load, uint64_t *before)
{
	const struct timeval bucket = { .tv_usec = 1000L * BUCKET_MS };
	struct health_counters first, last;
	uint64_t start_ms, took_ms;
	struct rig *rig = load->rig;
	struct event *timer;
	struct cpu cpu;
	double share;
	size_t i;

	timer = event_new(rig->base, -1, EV_PERSIST, on_bucket, load);
	assert_non_null(timer);
	for (i = 0; i < n_targets; i++)
		before[i] = rig_status(rig, i).n_probes;
	health_counters(rig->h, &first);
	load->last = first.n_probes;
	assert_int_equal(event_add(timer, &bucket), 0);
	start_ms = net_now_ms();
	cpu = cpu_now();
	rig_run(rig, n_seconds * 1000);
	took_ms = net_now_ms() - start_ms;
	health_counters(rig->h, &last);
	last.n_probes -= first.n_probes;
	printf("  %.0f probes a second, %llu late, %llu failed\n",
	       (double)last.n_probes * 1000 / (double)took_ms,
	       (unsigned long long)(last.n_late - first.n_late),
	       (unsigned long long)(last.n_failures - first.n_failures));
	print_cost(&cpu, took_ms, last.n_probes, &share);
	event_free(timer);
	judge_targets(rig, before, took_ms);
	judge_spread(load);
	assert_int_equal(last.n_blind, 0);
	if (load->n_silent == 0)
		assert_int_equal(last.n_failures, first.n_failures);
	/* A stall of the machine is not ours; a queue would be of thousands. */
	assert_in_range(last.n_late - first.n_late, 0, last.n_probes / 20);
	return share;
}

static void load_up(enum health_kind kind, size_t n_silent)
{
	struct load *load = calloc(1, sizeof(*load));
	uint64_t *before = calloc(n_targets, sizeof(*before));
	uint64_t start_ms = net_now_ms();
	double share;

	assert_non_null(load);
	assert_non_null(before);
	load->rig = rig_new(IN_FLIGHT);
	load->n_silent = n_silent;
	add_all(load, kind);
	rig_wait(load->rig, all_are_up, load, 60000);
	printf("%s, %zu targets, %zu silent: all others up after %llu ms\n",
	       health_kind_name(kind), n_targets, n_silent,
	       (unsigned long long)(net_now_ms() - start_ms));
	share = measure(load, before);
	assert_true(share < CPU_PER_TARGET_MAX * (double)n_targets + 0.02);
	rig_free(load->rig);
	free(before);
	free(load);
}

static void many_by_tcp(void **state)
{
	int fd = net_listen(80, 4096);

	(void)state;
	load_up(HEALTH_TCP, 0);
	(void)close(fd);
}

/* Those that swallow what they get hold a socket each for 0.9 s. */
static void many_silent(void **state)
{
	int fd = net_listen(80, 4096);

	(void)state;
	load_up(HEALTH_TCP, n_targets / 3);
	(void)close(fd);
}

static void answer(int epoll, int fd)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
				   "Connection: close\r\n\r\nok";
	char request[1024];
	ssize_t n = recv(fd, request, sizeof(request), 0);

	if (n > 0) {
		(void)send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL);
	} else if (n == 0 || errno != EAGAIN) {
		(void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
		(void)close(fd);
	}
}

/* A web server; ends with its parent. */
static _Noreturn void serve(int listener)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener };
	struct epoll_event ready[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int i, n, fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		n = epoll_wait(epoll, ready, ARRAY_SIZE(ready), -1);
		for (i = 0; i < n; i++) {
			if (ready[i].data.fd != listener) {
				answer(epoll, ready[i].data.fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL,
					     SOCK_NONBLOCK)) >= 0) {
				event.data.fd = fd;
				(void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
						&event);
			}
		}
	}
}

static void many_by_http(void **state)
{
	int fd = net_listen(80, 4096);
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		serve(fd);
	(void)close(fd);
	load_up(HEALTH_HTTP, 0);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void move_apart(void)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	assert_int_equal(sched_setaffinity(0, sizeof(first), &first), 0);
	net_receive_on(1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_by_tcp),
		cmocka_unit_test(many_by_http),
		cmocka_unit_test(many_silent),
	};

	if (argc > 1)
		n_targets = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		n_seconds = (uint32_t)strtoul(argv[2], NULL, 10);
	if (n_targets < 100 || n_targets > 10000 || n_seconds < 2 ||
	    n_seconds > 100) {
		(void)fprintf(stderr,
			      "usage: health_load [TARGETS (100 .. 10000) "
			      "[SECONDS (2 .. 100) [apart]]]\n");
		return 2;
	}
	net_open();
	if (argc > 3)
		move_apart();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
