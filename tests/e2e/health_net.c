// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two namespaces and a recorder for the tests of probes.
 */
#include "health_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	int lb;
	int b1;
} ns = { -1, -1 };

uint64_t net_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void enter(bool in_b1)
{
	assert_int_equal(setns(in_b1 ? ns.b1 : ns.lb, CLONE_NEWNET), 0);
}

static void leave(const char *what)
{
	printf("SKIP: %s: %s\n", what, strerrordesc_np(errno));
	exit(77); // NOLINT(concurrency-mt-unsafe): one thread
}

void net_run(bool in_b1, const char *words)
{
	char line[256], *argv[32], *save = NULL, *word;
	size_t n = 0;
	pid_t pid;
	int status;

	(void)snprintf(line, sizeof(line), "%s", words);
	for (word = strtok_r(line, " ", &save); word && n < 31;
	     word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	argv[n] = NULL;
	if (n == 0)
		return;
	enter(in_b1);
	assert_int_equal(posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ),
			 0);
	enter(false);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		fail_msg("%s: status %d", words, status);
}

/*
 * An interface that was set up drops what it is given until the kernel has
 * noticed its carrier: up to a second when many come and go on the machine.
 */
static void wait_carrier(bool in_b1)
{
	struct ifreq eth0 = { .ifr_name = "eth0" };
	uint64_t end_ms = net_now_ms() + 5000;
	int fd;

	enter(in_b1);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	enter(false);
	assert_true(fd >= 0);
	for (;;) {
		assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &eth0), 0);
		if (eth0.ifr_flags & IFF_RUNNING)
			break;
		assert_true(net_now_ms() < end_ms);
		(void)usleep(2000);
	}
	(void)close(fd);
}

void net_open(void)
{
	static const struct {
		bool in_b1;
		const char *words;
	} steps[] = {
		{ false, "ip link set lo up" },
		{ true, "ip link set lo up" },
		{ false, "ip addr add 10.77.0.1/24 dev eth0" },
		{ false, "ip addr add 10.77.0.2/24 dev eth0" },
		{ false, "ip addr add fd77::1/64 dev eth0 nodad" },
		{ true, "ip addr add 10.77.0.11/24 dev eth0" },
		{ true, "ip addr add fd77::11/64 dev eth0 nodad" },
		{ true, "ip addr add fe80::11/64 dev eth0 nodad" },
		{ false, "ip link set eth0 up" },
		{ true, "ip link set eth0 up" },
		{ false, "ip route add 10.78.0.0/16 via 10.77.0.11" },
		{ true, "ip route add local 10.78.0.0/16 dev lo" },
		{ false, "ip route add unreachable 10.79.0.0/16" },
		{ false, "ip route add 10.80.0.0/16 via 10.77.0.11" },
		{ true, "ip route add blackhole 10.80.0.0/16" },
	};
	char words[96];
	size_t i;

	if (unshare(CLONE_NEWNET) < 0)
		leave("needs CAP_SYS_ADMIN for network namespaces");
	ns.b1 = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	ns.lb = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(ns.lb >= 0 && ns.b1 >= 0);

	/* ip finds b1 by our descriptor of it. */
	(void)snprintf(words, sizeof(words),
		       "ip link add eth0 type veth peer name eth0 netns "
		       "/proc/%d/fd/%d",
		       (int)getpid(), ns.b1);
	net_run(false, words);
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		net_run(steps[i].in_b1, steps[i].words);
	wait_carrier(false);
	wait_carrier(true);
}

/* In a process of its own, with b1's /sys. */
static _Noreturn void write_rps(const char *mask)
{
	int fd, is_written;

	enter(true);
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("b1", "/sys", "sysfs", 0, NULL) < 0)
		_exit(1);
	fd = open("/sys/class/net/eth0/queues/rx-0/rps_cpus",
		  O_WRONLY | O_CLOEXEC);
	is_written = write(fd, mask, strlen(mask)) == (ssize_t)strlen(mask);
	_exit(is_written ? 0 : 1);
}

void net_receive_on(unsigned int cpu)
{
	char mask[16];
	pid_t pid;
	int status;

	(void)snprintf(mask, sizeof(mask), "%x", 1U << cpu);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		write_rps(mask);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Bound in b1, on all addresses of both families. */
static int bound(int type, uint16_t port)
{
	const struct sockaddr_in6 any = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	int fd;

	enter(true);
	fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	enter(false);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 },
				    sizeof(int)),
			 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)),
			 0);
	return fd;
}

int net_listen(uint16_t port, int backlog)
{
	int fd = bound(SOCK_STREAM, port);

	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

int net_datagrams(uint16_t port)
{
	return bound(SOCK_DGRAM, port);
}

void net_deaf(int fd, bool deaf)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog prog = { .len = 1, .filter = &drop };
	int r;

	if (deaf)
		r = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			       sizeof(prog));
	else
		r = setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 },
			       sizeof(int));
	assert_int_equal(r, 0);
}

size_t net_time_waits(bool in_b1)
{
	static const char *const files[] = { "/proc/thread-self/net/tcp",
					     "/proc/thread-self/net/tcp6" };
	char line[256];
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		FILE *f;

		enter(in_b1);
		f = fopen(files[i], "re");
		enter(false);
		assert_non_null(f);
		/* "0: 0100007F:0050 0100007F:D2A2 06 ...": 06 is TIME_WAIT */
		while (fgets(line, sizeof(line), f))
			n += strstr(line, " 06 ") != NULL;
		(void)fclose(f);
	}
	return n;
}

struct ip_addr net_v4(uint32_t addr)
{
	return (struct ip_addr){ { 0, 0, BE32(0xffff), htonl(addr) } };
}

struct ip_addr net_v6(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(inet_pton(AF_INET6, text, &addr), 1);
	return addr;
}

static void on_state(uint64_t id, enum health_state old,
		     const struct health_status *status, void *arg)
{
	struct rig *rig = arg;
	struct seen *s;

	assert_true(rig->n_seen < SEEN_MAX);
	s = &rig->seen[rig->n_seen++];
	*s = (struct seen){ id, old, net_now_ms(), *status };
	if (rig->on_state)
		rig->on_state(rig, s);
}

static void on_trouble(int err, const char *text, void *arg)
{
	struct rig *rig = arg;

	rig->n_troubles++;
	rig->trouble_err = err;
	(void)snprintf(rig->trouble, sizeof(rig->trouble), "%s", text);
}

struct rig *rig_new(uint32_t max_sockets)
{
	return rig_new_limited(
		(struct health_limits){ .max_sockets = max_sockets });
}

struct rig *rig_new_limited(struct health_limits limits)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct health_hooks hooks = { on_state, on_trouble, rig };

	assert_non_null(rig);
	rig->base = event_base_new();
	assert_non_null(rig->base);
	assert_int_equal(health_open(rig->base, &limits, &hooks, &rig->h), 0);
	return rig;
}

void rig_free(struct rig *rig)
{
	health_close(rig->h);
	/* Nothing of it is left in the loop. */
	assert_int_equal(event_base_get_num_events(
				 rig->base, EVENT_BASE_COUNT_ADDED |
						    EVENT_BASE_COUNT_ACTIVE),
			 0);
	event_base_free(rig->base);
	free(rig);
}

struct health_target rig_target(uint64_t id, uint16_t port)
{
	return (struct health_target){
		.id = id,
		.kind = HEALTH_TCP,
		.addr = net_v4(NET_B1),
		.port = port,
		.params = { .interval_ms = 50,
			    .timeout_ms = 100,
			    .rise = 2,
			    .fall = 3 },
	};
}

void rig_add(struct rig *rig, const struct health_target *target)
{
	assert_int_equal(health_add(rig->h, target), 0);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

void rig_wait(struct rig *rig, bool (*done)(struct rig *rig, void *arg),
	      void *arg, uint32_t limit_ms)
{
	const struct timeval every = { .tv_usec = 10000 };
	uint64_t end_ms = net_now_ms() + limit_ms;
	struct event *tick;

	/* Turns the loop now and then, so that the limit is seen. */
	tick = event_new(rig->base, -1, EV_PERSIST, on_tick, NULL);
	assert_non_null(tick);
	assert_int_equal(event_add(tick, &every), 0);
	while (!done(rig, arg)) {
		if (net_now_ms() >= end_ms)
			fail_msg("nothing in %u ms", limit_ms);
		assert_true(event_base_loop(rig->base, EVLOOP_ONCE) >= 0);
	}
	event_free(tick);
}

struct wanted {
	uint64_t id;
	enum health_state state;
	struct seen *found;
};

static bool has_seen(struct rig *rig, void *arg)
{
	struct wanted *w = arg;
	size_t i;

	for (i = 0; i < rig->n_seen; i++) {
		struct seen *s = &rig->seen[i];

		if (s->id == w->id && s->status.state == w->state &&
		    s->old != HEALTH_N_STATES) {
			w->found = s;
			return true;
		}
	}
	return false;
}

const struct seen *rig_wait_event(struct rig *rig, uint64_t id,
				  enum health_state state, uint32_t limit_ms)
{
	static struct seen found;
	struct wanted w = { id, state, NULL };

	rig_wait(rig, has_seen, &w, limit_ms);
	found = *w.found;
	/* Returned once. */
	w.found->old = HEALTH_N_STATES;
	return &found;
}

static bool is_over(struct rig *rig, void *arg)
{
	const uint64_t *end_ms = arg;

	(void)rig;
	return net_now_ms() >= *end_ms;
}

void rig_run(struct rig *rig, uint32_t ms)
{
	uint64_t end_ms = net_now_ms() + ms;

	rig_wait(rig, is_over, &end_ms, ms + 1000);
}

struct health_status rig_status(const struct rig *rig, uint64_t id)
{
	struct health_status status;

	assert_int_equal(health_get(rig->h, id, &status), 0);
	return status;
}
