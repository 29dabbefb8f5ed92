// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP probes between two namespaces (health_net.h draws them): what listens,
 * refuses, swallows, is full, is nowhere; and what this machine lacks.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "health_net.h"

/* Generous: nobody is late by so much, but a busy machine is. */
#define SOON 20000

static void contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static size_t open_files(void)
{
	size_t n = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static bool has_probed(struct rig *rig, void *arg)
{
	const struct health_status *wanted = arg;

	return rig_status(rig, 1).n_probes >= wanted->n_probes;
}

static void wait_probes(struct rig *rig, uint64_t n)
{
	struct health_status wanted = {
		.n_probes = rig_status(rig, 1).n_probes + n,
	};

	rig_wait(rig, has_probed, &wanted, SOON);
}

static void listening_is_up_and_notices_nothing(void **state)
{
	struct health_target t = rig_target(1, 80);
	struct rig *rig = rig_new(0);
	int fd = net_listen(80, 16);
	const struct seen *s;

	(void)state;
	rig_add(rig, &t);
	contains(rig_status(rig, 1).reason, "not probed yet");
	s = rig_wait_event(rig, 1, HEALTH_UNKNOWN, SOON);
	assert_int_equal(s->old, HEALTH_UNKNOWN);
	contains(s->status.reason, "tcp 10.77.0.11:80: connected in ");
	contains(s->status.reason, "1 of 2 successes");
	s = rig_wait_event(rig, 1, HEALTH_UP, SOON);
	assert_int_equal(s->old, HEALTH_UNKNOWN);
	assert_int_equal(s->status.n_probes, 2);
	assert_true(s->status.settled);
	contains(s->status.reason, "2 of 2 successes");

	wait_probes(rig, 20);
	assert_int_equal(rig_status(rig, 1).n_failures, 0);
	assert_in_range(rig_status(rig, 1).latency_us, 1, 100000);
	assert_in_range(rig_status(rig, 1).smoothed_us, 1, 100000);
	/* The server's program never saw one, and nothing is left behind. */
	assert_int_equal(accept(fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(net_time_waits(false), 0);
	assert_int_equal(net_time_waits(true), 0);
	(void)close(fd);
	rig_free(rig);
}

static void refused_is_down(void **state)
{
	struct health_target t = rig_target(1, 81);
	struct rig *rig = rig_new(0);
	const struct seen *s;

	(void)state;
	rig_add(rig, &t);
	s = rig_wait_event(rig, 1, HEALTH_DOWN, SOON);
	assert_string_equal(s->status.reason,
			    "tcp 10.77.0.11:81: connection refused, "
			    "3 of 3 failures");
	assert_int_equal(s->status.n_probes, 3);
	wait_probes(rig, 2);
	contains(rig_status(rig, 1).reason, "5 failures in a row");
	/* Once unknown, once down; nothing is told twice. */
	assert_int_equal(rig->n_seen, 2);
	rig_free(rig);
}

static void swallowed_is_down_at_the_timeout(void **state)
{
	struct health_target t = rig_target(1, 82);
	struct rig *rig = rig_new(0);
	int fd = net_listen(82, 16);
	uint64_t start_ms = net_now_ms();
	size_t files = open_files();
	const struct seen *s;

	(void)state;
	net_deaf(fd, true);
	rig_add(rig, &t);
	s = rig_wait_event(rig, 1, HEALTH_DOWN, SOON);
	assert_string_equal(s->status.reason,
			    "tcp 10.77.0.11:82: no answer in 100 ms, "
			    "3 of 3 failures");
	/* libevent's clock is coarse: a timer may be a tick (10 ms) early. */
	assert_true(s->at_ms - start_ms >= 3UL * (t.params.timeout_ms - 10));
	/* One probe at a time, and none outlives its timeout. */
	assert_true(open_files() <= files + 1);

	net_deaf(fd, false);
	s = rig_wait_event(rig, 1, HEALTH_UP, SOON);
	assert_int_equal(s->old, HEALTH_DOWN);
	(void)close(fd);
	rig_free(rig);
}

/* A server that has stopped to accept: its kernel drops SYNs. */
static void full_accept_queue_is_down(void **state)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(83),
		.sin_addr.s_addr = htonl(NET_B1),
	};
	struct health_target t = rig_target(1, 83);
	struct rig *rig = rig_new(0);
	int fd = net_listen(83, 1), clients[4], i, n_taken = 0;
	const struct seen *s;

	(void)state;
	rig_add(rig, &t);
	(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
	/* Probes alone do not fill it, however many there are. */
	wait_probes(rig, 10);
	assert_int_equal(rig_status(rig, 1).state, HEALTH_UP);

	for (i = 0; i < 4; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(clients[i], (const struct sockaddr *)&to,
			      sizeof(to));
	}
	s = rig_wait_event(rig, 1, HEALTH_DOWN, SOON);
	assert_int_equal(s->old, HEALTH_UP);
	contains(s->status.reason, "no answer in 100 ms");

	for (i = 0; i < 4; i++)
		(void)close(clients[i]);
	while ((i = accept(fd, NULL, NULL)) >= 0) {
		n_taken++;
		(void)close(i);
	}
	assert_in_range(n_taken, 1, 3);
	(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
	(void)close(fd);
	rig_free(rig);
}

static void nowhere_is_down_with_the_reason(void **state)
{
	static const struct {
		uint32_t addr;
		const char *reason;
	} places[] = {
		{ 0xc0000201, "192.0.2.1:80: no route to its network, 3 of 3" },
		{ 0x0a4f0001, "10.79.0.1:80: no route to host" },
		{ 0x0a4d0063, "10.77.0.99:80: no answer in 100 ms" },
	};
	struct rig *rig = rig_new(0);
	struct health_target t;
	const struct seen *s;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		t = rig_target(i, 80);
		t.addr = net_v4(places[i].addr);
		rig_add(rig, &t);
	}
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		s = rig_wait_event(rig, i, HEALTH_DOWN, SOON);
		contains(s->status.reason, places[i].reason);
	}
	assert_int_equal(rig->n_troubles, 0);
	rig_free(rig);
}

static void ipv6_is_no_exception(void **state)
{
	int fd = net_listen(84, 16);
	struct rig *rig = rig_new(0);
	struct health_target t;
	const struct seen *s;

	(void)state;
	t = rig_target(1, 84);
	t.addr = net_v6("fd77::11");
	rig_add(rig, &t);
	t = rig_target(2, 85);
	t.addr = net_v6("fd77::11");
	t.source = net_v6("fd77::1");
	rig_add(rig, &t);
	t = rig_target(3, 84);
	t.addr = net_v6("fe80::11");
	(void)snprintf(t.device, sizeof(t.device), "eth0");
	rig_add(rig, &t);
	s = rig_wait_event(rig, 1, HEALTH_UP, SOON);
	contains(s->status.reason, "tcp [fd77::11]:84: connected");
	s = rig_wait_event(rig, 2, HEALTH_DOWN, SOON);
	contains(s->status.reason, "tcp [fd77::11]:85: connection refused");
	s = rig_wait_event(rig, 3, HEALTH_UP, SOON);
	contains(s->status.reason, "tcp [fe80::11%eth0]:84: connected");
	(void)close(fd);
	rig_free(rig);
}

/* Mark, source and device are seen by the routing: what has them goes where
 * there is no way, what has not arrives. */
static void mark_source_and_device_steer(void **state)
{
	int fd = net_listen(86, 16);
	struct rig *rig = rig_new(0);
	struct health_target t;
	uint64_t id;

	(void)state;
	net_run(false, "ip route add unreachable default table 77");
	net_run(false, "ip rule add fwmark 77 table 77");
	net_run(false, "ip rule add from 10.77.0.2 table 77");
	t = rig_target(1, 86);
	rig_add(rig, &t);
	t = rig_target(2, 86);
	t.fwmark = 77;
	rig_add(rig, &t);
	t = rig_target(3, 86);
	t.source = net_v4(0x0a4d0002);
	rig_add(rig, &t);
	t = rig_target(4, 86);
	t.source = net_v4(0x0a4d0001);
	(void)snprintf(t.device, sizeof(t.device), "eth0");
	rig_add(rig, &t);
	t = rig_target(5, 86);
	(void)snprintf(t.device, sizeof(t.device), "lo");
	rig_add(rig, &t);
	for (id = 1; id <= 5; id++)
		(void)rig_wait_event(
			rig, id, id == 1 || id == 4 ? HEALTH_UP : HEALTH_DOWN,
			SOON);
	net_run(false, "ip rule del fwmark 77 table 77");
	(void)rig_wait_event(rig, 2, HEALTH_UP, SOON);
	net_run(false, "ip rule del from 10.77.0.2 table 77");
	(void)rig_wait_event(rig, 3, HEALTH_UP, SOON);
	(void)close(fd);
	rig_free(rig);
}

static void what_this_machine_lacks_is_no_failure(void **state)
{
	int fd = net_listen(87, 16);
	struct rig *rig = rig_new(0);
	struct health_target t;

	(void)state;
	t = rig_target(1, 87);
	t.initial = HEALTH_UP;
	(void)snprintf(t.device, sizeof(t.device), "vnet999");
	rig_add(rig, &t);
	rig_run(rig, 500);
	assert_int_equal(rig->n_seen, 0);
	assert_int_equal(rig_status(rig, 1).state, HEALTH_UP);
	assert_int_equal(rig_status(rig, 1).n_failures, 0);
	assert_int_equal(rig->trouble_err, ENODEV);
	assert_int_equal(rig->n_troubles, 1);
	assert_string_equal(rig->trouble,
			    "tcp 10.77.0.11:87: cannot be probed from here: "
			    "no such interface; it stays up");

	t = rig_target(2, 87);
	t.source = net_v4(0x0a0a0a0a);
	rig_add(rig, &t);
	(void)rig_wait_event(rig, 2, HEALTH_UNKNOWN, SOON);
	assert_int_equal(rig->trouble_err, EADDRNOTAVAIL);
	contains(rig->trouble, "it stays unknown");
	(void)close(fd);
	rig_free(rig);
}

static bool has_trouble(struct rig *rig, void *arg)
{
	(void)arg;
	return rig->n_troubles > 0;
}

static void no_descriptor_is_no_failure(void **state)
{
	struct rlimit old, none;
	int fd = net_listen(88, 16);
	struct rig *rig = rig_new(0);
	struct health_counters count;
	struct health_target t;
	uint64_t id;

	(void)state;
	for (id = 1; id <= 20; id++) {
		t = rig_target(id, 88);
		t.initial = HEALTH_UP;
		rig_add(rig, &t);
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rig_wait(rig, has_trouble, NULL, SOON);
	rig_run(rig, 600);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);

	assert_int_equal(rig->trouble_err, EMFILE);
	assert_int_equal(rig->n_troubles, 1);
	contains(rig->trouble, "too many open files in this process: ");
	contains(rig->trouble, " probes wait, 0 are under way");
	assert_int_equal(rig->n_seen, 0);
	health_counters(rig->h, &count);
	assert_int_equal(count.n_probes, 0);
	assert_int_equal(count.n_queued, 20);
	/* Room was asked for now and then, not in a busy loop. */
	assert_in_range(count.n_blind, 2, 20);

	wait_probes(rig, 3);
	health_counters(rig->h, &count);
	assert_true(count.n_probes >= 20);
	assert_int_equal(count.n_failures, 0);
	assert_int_equal(rig->n_seen, 0);
	(void)close(fd);
	rig_free(rig);
}

static void flapping_is_told_and_slowed(void **state)
{
	struct health_target t = rig_target(1, 89);
	struct rig *rig = rig_new(0);
	struct health_status status;
	const struct seen *s;
	int fd, i;

	(void)state;
	t.params.interval_ms = 10;
	t.params.rise = 1;
	rig_add(rig, &t);
	for (i = 0; i < 4; i++) {
		(void)rig_wait_event(rig, 1, HEALTH_DOWN, SOON);
		fd = net_listen(89, 16);
		s = rig_wait_event(rig, 1, HEALTH_UP, SOON);
		assert_int_equal(s->status.flapping, false);
		(void)close(fd);
	}
	/* The fourth fall is one too many: now it takes two in a row. */
	s = rig_wait_event(rig, 1, HEALTH_DOWN, SOON);
	assert_true(s->status.flapping);
	fd = net_listen(89, 16);
	s = rig_wait_event(rig, 1, HEALTH_UP, SOON);
	contains(s->status.reason, "2 of 2 successes (it flaps)");
	status = rig_status(rig, 1);
	assert_true(status.flapping);
	(void)close(fd);
	rig_free(rig);
}

static void booting_is_probed_eagerly(void **state)
{
	struct health_target t = rig_target(1, 96);
	struct rig *rig = rig_new(0);
	uint64_t n_probes;
	int fd;

	(void)state;
	t.params.interval_ms = 600000;
	rig_add(rig, &t);
	(void)rig_wait_event(rig, 1, HEALTH_DOWN, SOON);
	fd = net_listen(96, 16);
	(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
	/* Up: ten minutes are ten minutes. */
	n_probes = rig_status(rig, 1).n_probes;
	rig_run(rig, 600);
	assert_int_equal(rig_status(rig, 1).n_probes, n_probes);
	(void)close(fd);
	rig_free(rig);
}

/*
 * How long a kick takes to find a server that has just begun to hear, while a
 * probe hangs that was lost: that one's SYN is repeated 600 ms later at the
 * soonest.
 */
static uint64_t kick_ms(struct rig *rig, uint16_t port)
{
	uint64_t start_ms;
	int fd;

	(void)rig_wait_event(rig, 1, HEALTH_DOWN, SOON);
	fd = net_listen(port, 16);
	net_deaf(fd, true);
	/* Down and in its eager time: the next probe comes without a kick, and
	 * hangs for its minute, as what it sends is lost. */
	rig_run(rig, 400);
	net_deaf(fd, false);
	start_ms = net_now_ms();
	assert_int_equal(health_kick(rig->h, 1), 0);
	(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
	start_ms = net_now_ms() - start_ms;
	(void)close(fd);
	return start_ms;
}

static void kick_looks_now(void **state)
{
	struct health_target t = rig_target(1, 90);
	struct rig *rig = rig_new(0);
	uint64_t took_ms;
	int tries = 1;
	int fd;

	(void)state;
	/* So slow that without a kick nothing would come in this test. */
	t.params.interval_ms = 600000;
	t.params.timeout_ms = 60000;
	t.params.rise = 1;
	t.params.fall = 1;
	rig_add(rig, &t);
	/* A busy machine may be late, but not every time. */
	while ((took_ms = kick_ms(rig, 90)) >= 500 && tries++ < 5)
		assert_int_equal(health_kick(rig->h, 1), 0);
	assert_in_range(took_ms, 0, 499);

	/* Up: its interval counts again, and a reset forgets that it is up. */
	fd = net_listen(90, 16);
	assert_int_equal(health_reset(rig->h, 1), 0);
	assert_int_equal(rig_status(rig, 1).state, HEALTH_UNKNOWN);
	assert_false(rig_status(rig, 1).settled);
	(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
	assert_int_equal(health_kick(rig->h, 2), -ENOENT);
	assert_int_equal(health_reset(rig->h, 2), -ENOENT);
	(void)close(fd);
	rig_free(rig);
}

static void parameters_change_and_state_stays(void **state)
{
	struct health_target t = rig_target(1, 91);
	struct rig *rig = rig_new(0);
	int fd = net_listen(91, 16);
	const struct seen *s;

	(void)state;
	t.params.interval_ms = 600000;
	t.initial = HEALTH_UP;
	rig_add(rig, &t);
	wait_probes(rig, 1);
	/* From ten minutes to 10 ms: the ten minutes are not waited for. */
	t.params.interval_ms = 10;
	t.params.fall = 1;
	assert_int_equal(health_change(rig->h, 1, &t.params), 0);
	wait_probes(rig, 10);
	assert_int_equal(rig->n_seen, 0);
	assert_int_equal(rig_status(rig, 1).state, HEALTH_UP);
	(void)close(fd);
	s = rig_wait_event(rig, 1, HEALTH_DOWN, SOON);
	contains(s->status.reason, "1 of 1 failures");

	t.params.rise = 0;
	assert_int_equal(health_change(rig->h, 1, &t.params), -EINVAL);
	t.params.rise = 1;
	assert_int_equal(health_change(rig->h, 2, &t.params), -ENOENT);
	assert_int_equal(health_add(rig->h, &t), -EEXIST);
	rig_free(rig);
}

/* Removes the target that it is told of, and its neighbours. */
static void remove_all(struct rig *rig, const struct seen *last)
{
	uint64_t id;

	for (id = last->id - 1; id <= last->id + 1; id++)
		(void)health_remove(rig->h, id);
}

static bool is_empty(struct rig *rig, void *arg)
{
	struct health_counters count;

	(void)arg;
	health_counters(rig->h, &count);
	return count.n_targets == 0;
}

static void hooks_may_remove(void **state)
{
	struct rig *rig = rig_new(4);
	struct health_counters count;
	struct health_target t;
	uint64_t id;
	int fd = net_listen(92, 16);

	(void)state;
	rig->on_state = remove_all;
	for (id = 1; id <= 100; id++) {
		/* Up, refused, nowhere (known within start()), blind. */
		static const uint16_t ports[] = { 92, 93, 92, 92 };

		t = rig_target(id, ports[id % 4]);
		if (id % 4 == 2)
			t.addr = net_v4(0xc0000201);
		if (id % 4 == 3)
			(void)snprintf(t.device, sizeof(t.device), "vnet999");
		rig_add(rig, &t);
	}
	rig_wait(rig, is_empty, NULL, SOON);
	health_counters(rig->h, &count);
	assert_int_equal(count.n_in_flight, 0);
	assert_int_equal(count.n_queued, 0);
	(void)close(fd);
	rig_free(rig);
}

static bool all_are_down(struct rig *rig, void *arg)
{
	const size_t *n = arg;
	struct health_counters count;
	size_t i;

	health_counters(rig->h, &count);
	assert_in_range(count.n_in_flight, 0, 8);
	assert_true(open_files() < 40);
	for (i = 0; i < *n; i++)
		if (rig_status(rig, i).state != HEALTH_DOWN)
			return false;
	assert_true(count.n_failures >= 3 * *n);
	return true;
}

static void sockets_are_bounded(void **state)
{
	int fd = net_listen(94, 16);
	struct rig *rig = rig_new(8);
	struct health_target t;
	size_t n = 60, i;

	(void)state;
	net_deaf(fd, true);
	for (i = 0; i < n; i++) {
		t = rig_target(i, 94);
		t.params.timeout_ms = 40;
		rig_add(rig, &t);
	}
	/* 60 targets, three probes of 40 ms, eight at once: 0.9 s at least. */
	rig_wait(rig, all_are_down, &n, SOON);
	rig_run(rig, 100);
	/* Close with probes under way and others waiting. */
	(void)close(fd);
	rig_free(rig);
}

static void stall(evutil_socket_t fd, short what, void *arg)
{
	const struct timespec nap = { .tv_nsec = 150000000 };

	(void)fd;
	(void)what;
	(void)arg;
	(void)nanosleep(&nap, NULL);
}

/*
 * A loop that is held up for longer than the timeout turns no answer into a
 * failure. It is held up most of the time, so else most probes would fail; one
 * that fails now and then is for a kernel that is late itself on a busy machine.
 */
static void stalls_are_no_failures(void **state)
{
	const struct timeval every = { .tv_usec = 30000 };
	int fd = net_listen(95, 16), i;
	struct rig *rig = rig_new(0);
	struct health_counters count;
	struct event *staller;
	struct health_target t;

	(void)state;
	for (i = 1; i <= 30; i++) {
		t = rig_target(i, 95);
		rig_add(rig, &t);
	}
	staller = event_new(rig->base, -1, EV_PERSIST, stall, NULL);
	assert_int_equal(event_add(staller, &every), 0);
	wait_probes(rig, 5);
	health_counters(rig->h, &count);
	assert_true(count.n_probes >= 100);
	assert_true(count.n_failures <= count.n_probes / 10);
	/* Latency is the kernel's, not that of the stalled loop. */
	assert_in_range(rig_status(rig, 1).latency_us, 1, 100000);
	event_free(staller);
	(void)close(fd);
	rig_free(rig);
}

/*
 * The same within one turn of the loop: a probe begins, the loop is held up, and
 * the timers that were due look at the clock. Nobody has asked the socket yet.
 */
static void a_turn_that_is_held_up_fails_nobody(void **state)
{
	const struct timespec nap = { .tv_nsec = 100000000 };
	const struct timeval soon = { .tv_usec = 1000 };
	struct rig *rig = rig_new(0);
	int fd = net_listen(99, 16), i;
	struct event *staller;
	struct health_target t;

	(void)state;
	staller = evtimer_new(rig->base, stall, NULL);
	t = rig_target(1, 99);
	rig_add(rig, &t);
	(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
	t = rig_target(2, 99);
	t.params.interval_ms = 600000;
	rig_add(rig, &t);
	(void)rig_wait_event(rig, 2, HEALTH_UP, SOON);
	for (i = 0; i < 10; i++) {
		/* Due, when the loop turns again: probe 2, the staller, and
		 * behind them mostly the timers, because of probe 1. */
		assert_int_equal(health_kick(rig->h, 2), 0);
		assert_int_equal(evtimer_add(staller, &soon), 0);
		(void)nanosleep(&nap, NULL);
		wait_probes(rig, 2);
	}
	assert_true(rig_status(rig, 2).n_probes >= 10);
	assert_int_equal(rig_status(rig, 2).n_failures, 0);
	event_free(staller);
	(void)close(fd);
	rig_free(rig);
}

/* A server in b1 that takes one connection after the other, hears what is asked
 * and says its line.
 *
 * @says: NULL = closes at once; "" = says nothing and stays.
 * @heard: of the last request.
 */
struct server {
	struct event_base *base;
	struct event *event, *ask;
	const char *says;
	int fd, last;
	char heard[1024];
};

/* It is asked; or is not, and speaks first. */
static void on_ask(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	ssize_t n;

	(void)what;
	n = recv(fd, server->heard, sizeof(server->heard) - 1, MSG_DONTWAIT);
	if (n > 0)
		server->heard[n] = '\0';
	(void)send(fd, server->says, strlen(server->says), MSG_NOSIGNAL);
}

static void on_client(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval wait = { .tv_usec = 20000 };
	struct server *server = arg;
	int client = accept(fd, NULL, NULL);

	(void)what;
	if (client < 0)
		return;
	if (!server->says) {
		(void)close(client);
		return;
	}
	if (server->ask)
		event_free(server->ask);
	if (server->last >= 0)
		(void)close(server->last);
	server->last = client;
	server->ask = event_new(server->base, client, EV_READ, on_ask, server);
	assert_int_equal(event_add(server->ask, &wait), 0);
}

static struct server serve(struct rig *rig, uint16_t port, const char *says)
{
	return (struct server){
		.base = rig->base,
		.says = says,
		.last = -1,
		.fd = net_listen(port, 16),
	};
}

static void serve_start(struct server *server)
{
	server->event = event_new(server->base, server->fd,
				  EV_READ | EV_PERSIST, on_client, server);
	assert_int_equal(event_add(server->event, NULL), 0);
}

static void serve_end(struct server *server)
{
	event_free(server->event);
	if (server->ask)
		event_free(server->ask);
	(void)close(server->fd);
	if (server->last >= 0)
		(void)close(server->last);
}

/* One target, one server; what the probe ends with is said in words. */
static void ask(enum health_kind kind, struct health_how how, const char *says,
		enum health_state state, const char *reason, const char *heard)
{
	static uint16_t port = 8000;
	struct rig *rig = rig_new(0);
	struct server server = serve(rig, ++port, says);
	struct health_target t = rig_target(1, port);
	int i;

	serve_start(&server);
	t.kind = kind;
	t.how = how;
	rig_add(rig, &t);
	(void)rig_wait_event(rig, 1, state, SOON);
	/* On a busy machine one may be late; then another says it. */
	for (i = 0; i < 20 && !strstr(rig_status(rig, 1).reason, reason); i++)
		wait_probes(rig, 1);
	contains(rig_status(rig, 1).reason, reason);
	assert_int_equal(rig_status(rig, 1).state, state);
	if (heard)
		contains(server.heard, heard);
	serve_end(&server);
	rig_free(rig);
}

static void answers_are_looked_at(void **state)
{
	const struct health_how ping = { .send = BYTES("PING\r\n"),
					 .expect = BYTES("+PONG") };
	const struct health_how banner = { .expect = BYTES("220 ") };
	const struct health_how said = { .send = BYTES("hello") };

	(void)state;
	ask(HEALTH_TCP_ANSWER, ping, "+PONG\r\n", HEALTH_UP,
	    ": answered as expected in ", "PING\r\n");
	ask(HEALTH_TCP_ANSWER, banner, "220 mail ready\r\n", HEALTH_UP,
	    "answered as expected", NULL);
	ask(HEALTH_TCP_ANSWER, said, "", HEALTH_UP, "connected and said",
	    "hello");
	ask(HEALTH_TCP_ANSWER, ping, "", HEALTH_DOWN,
	    "connected, no answer in 100 ms", NULL);
	ask(HEALTH_TCP_ANSWER, banner, NULL, HEALTH_DOWN, "closed", NULL);
}

static void http_is_judged_by_its_status(void **state)
{
	static const uint32_t teapot[] = { 418, 503 };
	const struct health_how plain = { .path = "/ready" };
	const struct health_how host = { .host = "shop.example" };
	const struct health_how odd = { .status = teapot, .n_status = 2 };
	static char huge[100000];

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): inside a text */
	memcpy(huge, "HTTP/1.1 200 OK\r\nX: ", 20);
	ask(HEALTH_HTTP, plain, "HTTP/1.1 200 OK\r\n\r\n", HEALTH_UP,
	    "http 10.77.0.11:80", "GET /ready HTTP/1.1\r\nHost: 10.77.0.11:80");
	ask(HEALTH_HTTP, host, "HTTP/1.0 204 \r\n\r\n", HEALTH_UP,
	    ": HTTP 204 in ", "\r\nHost: shop.example\r\n");
	ask(HEALTH_HTTP, plain, huge, HEALTH_UP, "HTTP 200", NULL);
	ask(HEALTH_HTTP, odd, "HTTP/1.1 503 no\r\n\r\n", HEALTH_UP, "HTTP 503",
	    NULL);
	ask(HEALTH_HTTP, plain, "HTTP/1.1 503 no\r\n\r\n", HEALTH_DOWN,
	    "HTTP 503, wanted 200 to 299", NULL);
	ask(HEALTH_HTTP, odd, "HTTP/1.1 200 OK\r\n\r\n", HEALTH_DOWN,
	    "HTTP 200, wanted 418 or others", NULL);
	ask(HEALTH_HTTP, plain, "SSH-2.0-x\033[1m\r\n", HEALTH_DOWN,
	    "answer \"SSH-2.0-x.[1m\" is no HTTP", NULL);
	ask(HEALTH_HTTP, plain, "HTTP/1.1 2", HEALTH_DOWN,
	    "connected, no answer in 100 ms", NULL);
	ask(HEALTH_HTTP, plain, NULL, HEALTH_DOWN, "", NULL);
}

/* The one socket that is open, 0 = none: its inode is no other's. */
static unsigned long only_socket(int but)
{
	unsigned long inode, found = 0;
	char path[40], name[40];
	ssize_t n;
	int fd;

	for (fd = 0; fd < 1024; fd++) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, name, sizeof(name) - 1);
		if (n < 0 || fd == but)
			continue;
		name[n] = '\0';
		if (sscanf(name, "socket:[%lu]", &inode) != 1)
			continue;
		assert_int_equal(found, 0);
		found = inode;
	}
	return found;
}

static void sockets_are_used_again(void **state)
{
	struct health_target t = rig_target(1, 97);
	struct rig *rig = rig_new(0);
	int fd = net_listen(97, 16);
	unsigned long inode;

	(void)state;
	t.params.interval_ms = 10;
	rig_add(rig, &t);
	(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
	inode = only_socket(fd);
	assert_int_not_equal(inode, 0);
	wait_probes(rig, 20);
	assert_int_equal(only_socket(fd), inode);
	assert_int_equal(rig_status(rig, 1).n_failures, 0);

	/* After one that failed in each way, too. */
	net_deaf(fd, true);
	(void)rig_wait_event(rig, 1, HEALTH_DOWN, SOON);
	net_deaf(fd, false);
	(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
	(void)close(fd);
	(void)rig_wait_event(rig, 1, HEALTH_DOWN, SOON);
	contains(rig_status(rig, 1).reason, "connection refused");
	fd = net_listen(97, 16);
	(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
	assert_int_equal(only_socket(fd), inode);

	/* Another target's next. */
	assert_int_equal(health_remove(rig->h, 1), 0);
	rig_add(rig, &t);
	wait_probes(rig, 5);
	assert_int_equal(only_socket(fd), inode);
	(void)close(fd);
	rig_free(rig);
}

/* A socket that is used again is bound to the interface of today. */
static void an_interface_that_is_made_anew_is_found(void **state)
{
	struct health_target t = rig_target(1, 98);
	struct rig *rig = rig_new(0);
	int fd = net_listen(98, 16), i;

	(void)state;
	net_run(true, "ip addr add 10.77.1.11/24 dev eth0");
	t.addr = net_v4(NET_B1 + 0x100);
	(void)snprintf(t.device, sizeof(t.device), "mv0");
	for (i = 0; i < 2; i++) {
		net_run(false, "ip link add mv0 link eth0 type macvlan");
		net_run(false, "ip addr add 10.77.1.1/24 dev mv0");
		net_run(false, "ip link set mv0 up");
		if (i == 0)
			rig_add(rig, &t);
		(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
		net_run(false, "ip link del mv0");
		rig->n_troubles = 0;
		rig_wait(rig, has_trouble, NULL, 20000);
		assert_int_equal(rig->trouble_err, ENODEV);
		assert_int_equal(rig_status(rig, 1).state, HEALTH_UP);
		assert_int_equal(health_reset(rig->h, 1), 0);
	}
	net_run(true, "ip addr del 10.77.1.11/24 dev eth0");
	(void)close(fd);
	rig_free(rig);
}

static void what_is_asked_can_be_compared(void **state)
{
	struct health_target t = rig_target(1, 8100);
	struct rig *rig = rig_new(0);
	struct health_how how = { .path = "/a" };

	(void)state;
	t.kind = HEALTH_HTTP;
	t.how = how;
	rig_add(rig, &t);
	assert_true(health_asks(rig->h, 1, HEALTH_HTTP, &how));
	assert_false(health_asks(rig->h, 1, HEALTH_HTTPS, &how));
	assert_false(health_asks(rig->h, 2, HEALTH_HTTP, &how));
	how.path = "/b";
	assert_false(health_asks(rig->h, 1, HEALTH_HTTP, &how));
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listening_is_up_and_notices_nothing),
		cmocka_unit_test(refused_is_down),
		cmocka_unit_test(swallowed_is_down_at_the_timeout),
		cmocka_unit_test(full_accept_queue_is_down),
		cmocka_unit_test(nowhere_is_down_with_the_reason),
		cmocka_unit_test(ipv6_is_no_exception),
		cmocka_unit_test(mark_source_and_device_steer),
		cmocka_unit_test(what_this_machine_lacks_is_no_failure),
		cmocka_unit_test(no_descriptor_is_no_failure),
		cmocka_unit_test(flapping_is_told_and_slowed),
		cmocka_unit_test(booting_is_probed_eagerly),
		cmocka_unit_test(kick_looks_now),
		cmocka_unit_test(parameters_change_and_state_stays),
		cmocka_unit_test(hooks_may_remove),
		cmocka_unit_test(sockets_are_bounded),
		cmocka_unit_test(stalls_are_no_failures),
		cmocka_unit_test(a_turn_that_is_held_up_fails_nobody),
		cmocka_unit_test(answers_are_looked_at),
		cmocka_unit_test(http_is_judged_by_its_status),
		cmocka_unit_test(sockets_are_used_again),
		cmocka_unit_test(an_interface_that_is_made_anew_is_found),
		cmocka_unit_test(what_is_asked_can_be_compared),
	};

	net_open();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
