// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways for probes, as the XDP engine makes them: addresses that stay, addresses
 * that change, an interface that comes and goes; and what 5,000 cost.
 */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/dataplane.h"

#define N_MAX	5000
#define SKIPPED 77

static char root[] = "/tmp/xdp-ways.XXXXXX";
static char pins[sizeof(root) + 8];

static struct ip_addr v4(uint32_t addr)
{
	struct ip_addr ip = { .word = { 0, 0, BE32(0xffff), BE32(addr) } };

	return ip;
}

static struct ip_addr v6(uint32_t number)
{
	struct ip_addr ip = { .word = { BE32(0xfd000000), 0, 0,
					BE32(number) } };

	return ip;
}

static struct dp_way way(uint32_t vm)
{
	struct dp_way w = { .addr = v4(0x0a000000 + vm),
			    .mac = { 2, 0, 0, 0, (uint8_t)(vm >> 8),
				     (uint8_t)vm },
			    .ifindex = 100 + vm };

	return w;
}

static struct dp_way way6(uint32_t vm)
{
	struct dp_way w = way(vm);

	w.addr = v6(vm);
	return w;
}

static struct dp *engine_open(uint32_t n_backends, bool with_ways)
{
	static const char *const uplinks[] = { "lo" };
	struct dp_options options = {
		.pin_dir = pins,
		.uplinks = uplinks,
		.n_uplinks = 1,
		.limits = { .n_backends = n_backends,
			    .n_services = 4,
			    .n_pools = 4,
			    .n_slots = 1024,
			    .n_flows = 1024,
			    .n_direct = 1024 },
		.reply_rate_pps = 100,
		.direct_idle_ms = 1000,
	};
	char error[DP_ERROR_SIZE] = "";
	struct dp *dp = NULL;

	if (with_ways) {
		options.probe_source = v4(0xa9feff01);
		options.probe_source6 = v6(0xff01);
	}
	if (dp_xdp_ops.open(&options, &dp, error))
		fail_msg("%s", error);
	return dp;
}

static void engine_end(struct dp *dp)
{
	char error[DP_ERROR_SIZE] = "";

	if (dp)
		dp_xdp_ops.close(dp);
	assert_int_equal(dp_xdp_ops.detach(pins, error), 0);
}

static int set(struct dp *dp, struct dp_way *ways, uint32_t n, char *ret_device)
{
	return dp_xdp_ops.ways(dp, ways, n, ret_device);
}

/* Interfaces of this namespace, lo included. */
static size_t n_links(void)
{
	struct if_nameindex *all = if_nameindex();
	size_t n = 0;

	assert_non_null(all);
	while (all[n].if_index)
		n++;
	if_freenameindex(all);
	return n;
}

static bool same_at(const struct dp_way *a, const struct dp_way *b)
{
	return !memcmp(&a->at, &b->at, sizeof(a->at));
}

static void test_addresses(void **state)
{
	struct dp_way ways[] = { way(1), way(2), way(1) };
	struct dp_way again[] = { way(2), way(1) };
	struct dp_way moved[] = { way(1), way(2) };
	char device[DP_IFNAME_SIZE];
	struct dp *dp = engine_open(8, true);

	(void)state;
	assert_int_equal(set(dp, ways, 0, device), 0);
	assert_string_equal(device, "");
	assert_int_equal(n_links(), 1);
	assert_int_equal(set(dp, ways, 3, device), 0);
	assert_int_not_equal(if_nametoindex(device), 0);
	assert_int_equal(n_links(), 3);
	assert_false(same_at(&ways[0], &ways[1]));
	/* Two pools with one VM probe it at one address. */
	assert_true(same_at(&ways[0], &ways[2]));
	assert_int_equal(set(dp, again, 2, device), 0);
	assert_true(same_at(&again[0], &ways[1]));
	assert_true(same_at(&again[1], &ways[0]));
	/* Another MAC, another port: no socket may reach what was there. */
	moved[0].mac[5] = 99;
	moved[1].ifindex = 99;
	assert_int_equal(set(dp, moved, 2, device), 0);
	assert_false(same_at(&moved[0], &ways[0]));
	assert_false(same_at(&moved[1], &ways[1]));
	assert_false(same_at(&moved[0], &moved[1]));
	assert_int_equal(set(dp, ways, 0, device), 0);
	engine_end(dp);
	assert_int_equal(n_links(), 1);
}

/* One more than there is room for, and what has no such way. */
static void test_refused(void **state)
{
	struct dp_way ways[] = { way(1), way(2), way(3) };
	char device[DP_IFNAME_SIZE];
	struct dp *dp = engine_open(2, true);

	(void)state;
	assert_int_equal(set(dp, ways, 3, device), 0);
	assert_int_equal(ways[0].err, 0);
	assert_int_equal(ways[1].err, 0);
	assert_int_equal(ways[2].err, -ENOSPC);
	/* A place that is given up is there in the next round. */
	assert_int_equal(set(dp, &ways[1], 1, device), 0);
	assert_int_equal(set(dp, &ways[1], 2, device), 0);
	assert_int_equal(ways[2].err, 0);
	ways[1].ifindex = 0;
	assert_int_equal(set(dp, &ways[1], 2, device), 0);
	assert_int_equal(ways[1].err, -EAFNOSUPPORT);
	assert_int_equal(ways[2].err, 0);
	engine_end(dp);
}

/* Both families of a VM: two targets, each in a network of ours of its family. */
static void test_ipv6(void **state)
{
	struct dp_way ways[] = { way(1), way6(1), way6(2) };
	struct dp_way moved = way6(2);
	char device[DP_IFNAME_SIZE];
	struct dp *dp = engine_open(8, true);
	size_t i;

	(void)state;
	assert_int_equal(set(dp, ways, 3, device), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(ways[i].err, 0);
		assert_int_equal(IP_IS_V4(ways[i].at), i == 0);
	}
	assert_int_equal(ways[1].at.word[0], BE32(0x01000000));
	assert_int_equal(ways[1].at.word[1], 0);
	assert_int_equal(ways[1].at.word[2], 0);
	assert_int_not_equal(ways[1].at.word[3], ways[0].at.word[3]);
	assert_int_not_equal(ways[1].at.word[3], ways[2].at.word[3]);
	moved.mac[5] = 99;
	assert_int_equal(set(dp, &moved, 1, device), 0);
	assert_false(same_at(&moved, &ways[2]));
	engine_end(dp);
}

/* A machine without IPv6 probes by IPv4, and says of the others that it can't. */
static void test_no_ipv6(void **state)
{
	struct dp_way ways[] = { way(1), way6(1) };
	static const char off[] =
		"/proc/sys/net/ipv6/conf/default/disable_ipv6";
	char device[DP_IFNAME_SIZE];
	struct dp *dp;
	FILE *f = fopen(off, "we");

	(void)state;
	assert_non_null(f);
	assert_true(fputs("1", f) >= 0);
	assert_int_equal(fclose(f), 0);
	/* Nor can it be had. */
	assert_int_equal(mount("none", "/proc/sys/net/ipv6", "tmpfs", 0, NULL),
			 0);
	dp = engine_open(2, true);
	assert_int_equal(set(dp, ways, 2, device), 0);
	assert_int_equal(ways[0].err, 0);
	assert_int_equal(ways[1].err, -EAFNOSUPPORT);
	engine_end(dp);
	assert_int_equal(umount("/proc/sys/net/ipv6"), 0);
	f = fopen(off, "we");
	assert_non_null(f);
	assert_true(fputs("0", f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_none_wanted(void **state)
{
	struct dp_way ways[] = { way(1) };
	char device[DP_IFNAME_SIZE];
	struct dp *dp = engine_open(2, false);

	(void)state;
	assert_int_equal(set(dp, ways, 0, device), 0);
	assert_int_equal(set(dp, ways, 1, device), -EOPNOTSUPP);
	assert_int_equal(n_links(), 1);
	engine_end(dp);
}

/* Its interface goes, whoever took it: told, the next round has another. */
static void test_interface_lost(void **state)
{
	struct dp_way before = way(1);
	struct dp_way after = way(1);
	char device[DP_IFNAME_SIZE];
	struct dp *dp = engine_open(2, true);
	char command[64];
	uint32_t ifindex;

	(void)state;
	assert_int_equal(set(dp, &before, 1, device), 0);
	ifindex = if_nametoindex(device);
	(void)snprintf(command, sizeof(command), "ip link del %s", device);
	/* NOLINTNEXTLINE(cert-env33-c,concurrency-mt-unsafe): a test's own */
	assert_int_equal(system(command), 0);
	assert_int_equal(n_links(), 1);
	dp_xdp_ops.port_lost(dp, ifindex + 100, 0);
	dp_xdp_ops.port_lost(dp, ifindex, 0);
	assert_int_equal(set(dp, &after, 1, device), 0);
	assert_int_equal(after.err, 0);
	assert_int_not_equal(if_nametoindex(device), 0);
	assert_int_not_equal(if_nametoindex(device), ifindex);
	assert_false(same_at(&before, &after));
	engine_end(dp);
}

/* A process that ends without a word leaves it; the next one takes it away. */
static void test_killed(void **state)
{
	struct dp_way ways[] = { way(1) };
	char device[DP_IFNAME_SIZE];
	struct dp *dp;
	int status = 0;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		dp = engine_open(2, true);
		_exit(set(dp, ways, 1, device) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(n_links(), 3);
	dp = engine_open(2, true);
	assert_int_equal(n_links(), 1);
	assert_int_equal(set(dp, ways, 1, device), 0);
	assert_int_equal(n_links(), 3);
	/* Its port is of this number; nothing is attached there. */
	engine_end(dp);
	assert_int_equal(n_links(), 1);
	pid = fork();
	if (!pid) {
		dp = engine_open(2, true);
		_exit(set(dp, ways, 1, device) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	engine_end(NULL);
	assert_int_equal(n_links(), 1);
}

static double now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void test_many(void **state)
{
	static struct dp_way ways[N_MAX];
	char device[DP_IFNAME_SIZE];
	struct dp *dp = engine_open(N_MAX, true);
	double best = 1e9;
	double began;
	double first;
	uint32_t i;
	int round;

	(void)state;
	for (i = 0; i < N_MAX; i++)
		ways[i] = way(i + 1);
	began = now_ms();
	assert_int_equal(set(dp, ways, N_MAX, device), 0);
	first = now_ms() - began;
	for (round = 0; round < 5; round++) {
		began = now_ms();
		assert_int_equal(set(dp, ways, N_MAX, device), 0);
		if (now_ms() - began < best)
			best = now_ms() - began;
	}
	for (i = 0; i < N_MAX; i++)
		assert_int_equal(ways[i].err, 0);
	printf("%d ways: made in %.1f ms, asked for again in %.1f ms\n", N_MAX,
	       first, best);
	engine_end(dp);
}

/* Namespaces of our own, and a file system for the pins. */
static bool enter(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    !mkdtemp(root) || mount("bpf", root, "bpf", 0, NULL))
		return false;
	(void)snprintf(pins, sizeof(pins), "%s/node", root);
	return true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_no_ipv6),
		cmocka_unit_test(test_none_wanted),
		cmocka_unit_test(test_interface_lost),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_many),
	};
	int failed;

	if (!enter()) {
		printf("needs root, network namespaces and a BPF file system\n");
		return SKIPPED;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)umount(root);
	(void)rmdir(root);
	return failed;
}
