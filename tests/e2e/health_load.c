// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many targets: are they spread, and what do they cost?
 *
 *	health_load [TARGETS [SECONDS]]
 *
 * 1,000 targets at 1 s by default, all added at once. Load is judged (nobody
 * is left out, no burst), the cost is printed: it holds both ends of each
 * handshake, since the kernel runs the other namespace's on our time.
 */
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "health_net.h"

#define BUCKET_MS   20
#define BUCKETS_MAX 10000

/**
 * struct load - what was measured.
 * @rig: of the targets.
 * @probes: results in each BUCKET_MS.
 * @n_buckets: their number.
 * @last: results until the last bucket.
 */
struct load {
	struct rig *rig;
	uint32_t probes[BUCKETS_MAX];
	size_t n_buckets;
	uint64_t last;
};

static size_t n_targets = 1000;
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

static uint64_t cpu_us(void)
{
	struct rusage use;

	assert_int_equal(getrusage(RUSAGE_SELF, &use), 0);
	return (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static void add_all(struct rig *rig)
{
	size_t i;

	for (i = 0; i < n_targets; i++) {
		struct health_target t = rig_target(i, 80);

		t.addr = net_v4(NET_MANY + 0x100 + (uint32_t)i);
		t.params.interval_ms = 1000;
		t.params.timeout_ms = 900;
		t.params.jitter_percent = 10;
		rig_add(rig, &t);
	}
}

static bool all_are_up(struct rig *rig, void *arg)
{
	const struct load *load = arg;
	size_t i;

	/* The hook tells "unknown" and "up" of each. */
	(void)load;
	if (rig->n_seen < 2 * n_targets)
		return false;
	for (i = 0; i < n_targets; i++) {
		if (rig_status(rig, i).state != HEALTH_UP)
			return false;
	}
	return true;
}

/* Runs @seconds with all up; buckets are of these only. */
static void measure(struct load *load, uint32_t seconds)
{
	const struct timeval bucket = { .tv_usec = 1000L * BUCKET_MS };
	struct event *timer;
	uint64_t cpu, start_ms, took_ms, probes;
	struct health_counters before, after;

	timer = event_new(load->rig->base, -1, EV_PERSIST, on_bucket, load);
	assert_non_null(timer);
	health_counters(load->rig->h, &before);
	load->last = before.n_probes;
	assert_int_equal(event_add(timer, &bucket), 0);
	start_ms = net_now_ms();
	cpu = cpu_us();
	rig_run(load->rig, seconds * 1000);
	cpu = cpu_us() - cpu;
	took_ms = net_now_ms() - start_ms;
	event_free(timer);

	health_counters(load->rig->h, &after);
	probes = after.n_probes - before.n_probes;
	assert_int_equal(after.n_failures, 0);
	assert_int_equal(after.n_blind, 0);
	printf("%zu targets: %.0f probes/s, %.2f %% of a core (both ends), "
	       "%.1f us a probe\n",
	       n_targets, (double)probes * 1000 / (double)took_ms,
	       (double)cpu / ((double)took_ms * 10),
	       (double)cpu / (double)probes);
	/* One each second, by a tenth more or less. */
	assert_in_range(probes, n_targets * took_ms / 1000 * 9 / 10,
			n_targets * took_ms / 1000 * 11 / 10);
}

static void many_are_spread(void **state)
{
	struct load *load = calloc(1, sizeof(*load));
	uint64_t sum = 0, squares = 0, start_ms;
	double mean, variance;
	size_t i;
	int fd = net_listen(80, 4096);

	(void)state;
	assert_non_null(load);
	load->rig = rig_new(0);
	start_ms = net_now_ms();
	add_all(load->rig);
	rig_wait(load->rig, all_are_up, load, 30000);
	printf("%zu targets: all up after %llu ms\n", n_targets,
	       (unsigned long long)(net_now_ms() - start_ms));
	measure(load, n_seconds);

	/* Evenly spread by chance is Poisson: the variance is the mean. All at
	 * the same time would be 50 times the mean here, and lumps that stay
	 * many times it. A machine that is late makes some. */
	for (i = 0; i < load->n_buckets; i++) {
		sum += load->probes[i];
		squares += (uint64_t)load->probes[i] * load->probes[i];
	}
	mean = (double)sum / (double)load->n_buckets;
	variance = (double)squares / (double)load->n_buckets - mean * mean;
	printf("%zu targets: %.1f probes in %d ms on average, variance %.1f\n",
	       n_targets, mean, BUCKET_MS, variance);
	assert_true(variance < 8 * mean);
	(void)close(fd);
	rig_free(load->rig);
	free(load);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_spread),
	};

	if (argc > 1)
		n_targets = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		n_seconds = (uint32_t)strtoul(argv[2], NULL, 10);
	if (n_targets < 100 || n_targets > 60000 || n_seconds < 1 ||
	    n_seconds > 100) {
		(void)fprintf(stderr, "usage: health_load [TARGETS (100 .. "
				      "60000) [SECONDS (1 .. 100)]]\n");
		return 2;
	}
	net_open();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
