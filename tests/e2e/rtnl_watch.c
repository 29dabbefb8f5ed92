/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interfaces and neighbours as the kernel tells of them, in a network
 * namespace of this process: lists, changes, a tap whose holder dies, and what
 * happens when the kernel has more to say than fits into the socket.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "control/links.h"
#include "control/neigh.h"
#include "control/reach.h"

#define N_TAPS	 20
#define N_NEIGHS 4000
#define MAX	 8192

/* All that was told, as it stands. */
static struct {
	struct event_base *base;
	struct link_info links[64];
	size_t n_links;
	struct neigh_info neighs[MAX];
	bool seen[MAX];
	size_t n_neighs;
	unsigned int n_lists;
	uint64_t gone_ns;
	uint32_t gone_ifindex;
} net;

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void sh(const char *command)
{
	/* NOLINTNEXTLINE(cert-env33-c): a shell is what is wanted */
	if (system(command))
		fail_msg("failed: %s", command);
}

static void turn(long ms)
{
	const struct timeval tick = { .tv_sec = ms / 1000,
				      .tv_usec = ms % 1000 * 1000 };

	event_base_loopexit(net.base, &tick);
	event_base_dispatch(net.base);
}

/* --- interfaces --- */

static struct link_info *find_link(uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < net.n_links; i++)
		if (net.links[i].ifindex == ifindex)
			return &net.links[i];
	return NULL;
}

static void link_changed(void *arg, const struct link_info *link,
			 uint64_t at_ns)
{
	struct link_info *known = find_link(link->ifindex);

	(void)arg;
	assert_in_range(clock_ns() - at_ns, 0, 1000000000);
	if (!known) {
		assert_true(net.n_links < ARRAY_SIZE(net.links));
		known = &net.links[net.n_links++];
	}
	*known = *link;
}

static void link_gone(void *arg, uint32_t ifindex, uint64_t at_ns)
{
	struct link_info *known = find_link(ifindex);

	(void)arg;
	assert_non_null(known);
	memmove(known, &net.links[--net.n_links], sizeof(*known));
	net.gone_ns = at_ns;
	net.gone_ifindex = ifindex;
}

static const struct link_info *named(const char *name)
{
	size_t i;

	for (i = 0; i < net.n_links; i++)
		if (!strcmp(net.links[i].name, name))
			return &net.links[i];
	fail_msg("%s was not told", name);
	abort(); /* not reached */
}

static int open_tap(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd;

	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	return fd;
}

static void test_links(void **state)
{
	static const uint8_t mac[] = { 2, 0, 0, 0x77, 0, 1 };
	const struct links_ops ops = {
		.changed = link_changed,
		.gone = link_gone,
	};
	struct link_info asked;
	struct links *links;
	int tap;

	(void)state;
	sh("ip link add br0 address 02:00:00:77:00:01 type bridge");
	assert_int_equal(links_start(net.base, &ops, &links), 0);
	assert_int_equal(net.n_links, 2); /* lo, br0 */
	assert_memory_equal(named("br0")->mac, mac, sizeof(mac));
	assert_false(named("br0")->up);
	tap = open_tap("t0");
	sh("ip link set t0 master br0 mtu 1400 up; ip link set br0 up;"
	   "ip link add v0 type veth peer name v1");
	turn(100);
	assert_true(named("t0")->up);
	assert_int_equal(named("t0")->mtu, 1400);
	assert_int_equal(named("t0")->master, named("br0")->ifindex);
	assert_int_equal(named("v0")->lower, named("v1")->ifindex);
	assert_int_equal(links_get("t0", &asked), 0);
	assert_int_equal(asked.ifindex, named("t0")->ifindex);
	assert_string_equal(asked.name, "t0");
	assert_int_equal(links_get("nobody", &asked), -ENODEV);
	/* Leaving the bridge is not going away, whatever the bridge says. */
	sh("ip link set t0 nomaster");
	turn(100);
	assert_int_equal(named("t0")->master, 0);
	sh("ip link set t0 down; ip link set t0 name t1");
	turn(100);
	assert_false(named("t1")->up);
	close(tap);
	turn(100);
	assert_int_equal(net.n_links, 4);
	links_stop(links);
	sh("ip link del br0; ip link del v0");
	links_stop(NULL);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How long from the kill of a tap's holder until the tap is known to be gone. */
static void test_tap_dies(void **state)
{
	const struct links_ops ops = {
		.changed = link_changed,
		.gone = link_gone,
	};
	double ms[N_TAPS];
	struct links *links;
	uint64_t began_ns;
	uint32_t ifindex;
	pid_t pid;
	size_t i;
	int tap;

	(void)state;
	net.n_links = 0;
	assert_int_equal(links_start(net.base, &ops, &links), 0);
	for (i = 0; i < N_TAPS; i++) {
		tap = open_tap("t0");
		sh("ip link set t0 up");
		turn(20);
		ifindex = named("t0")->ifindex;
		pid = fork();
		if (pid == 0)
			while (true)
				pause();
		assert_true(pid > 0);
		close(tap); /* now the child alone holds it */
		began_ns = clock_ns();
		assert_int_equal(kill(pid, SIGKILL), 0);
		while (net.gone_ifindex != ifindex &&
		       clock_ns() - began_ns < 2000000000)
			turn(1);
		assert_int_equal(net.gone_ifindex, ifindex);
		ms[i] = (double)(net.gone_ns - began_ns) / 1e6;
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	qsort(ms, N_TAPS, sizeof(ms[0]), by_value);
	printf("tap gone, after its holder was killed: median %.2f ms, max %.2f ms\n",
	       ms[N_TAPS / 2], ms[N_TAPS - 1]);
	links_stop(links);
}

/* --- neighbours --- */

static size_t find_neigh(const struct neigh_info *neigh)
{
	size_t i;

	for (i = 0; i < net.n_neighs; i++)
		if (net.neighs[i].ifindex == neigh->ifindex &&
		    !memcmp(&net.neighs[i].ip, &neigh->ip, sizeof(neigh->ip)))
			break;
	return i;
}

static void neigh_changed(void *arg, const struct neigh_info *neigh,
			  uint64_t at_ns)
{
	size_t at = find_neigh(neigh);

	(void)arg;
	(void)at_ns;
	assert_true(at < MAX);
	if (at == net.n_neighs)
		net.n_neighs++;
	net.neighs[at] = *neigh;
	net.seen[at] = true;
}

static void forget(size_t at)
{
	net.n_neighs--;
	net.neighs[at] = net.neighs[net.n_neighs];
	net.seen[at] = net.seen[net.n_neighs];
}

static void neigh_gone(void *arg, const struct neigh_info *neigh,
		       uint64_t at_ns)
{
	size_t at = find_neigh(neigh);

	(void)arg;
	(void)at_ns;
	if (at < net.n_neighs)
		forget(at);
}

static void neighs_begin(void *arg)
{
	(void)arg;
	memset(net.seen, 0, sizeof(net.seen));
}

static void neighs_end(void *arg, uint64_t at_ns)
{
	size_t i;

	(void)arg;
	(void)at_ns;
	net.n_lists++;
	for (i = net.n_neighs; i > 0; i--)
		if (!net.seen[i - 1])
			forget(i - 1);
}

/* Its place in net.neighs; net.n_neighs: it has none. */
static size_t place_of(const char *ip)
{
	size_t i;
	be32 addr;

	assert_int_equal(inet_pton(AF_INET, ip, &addr), 1);
	for (i = 0; i < net.n_neighs; i++)
		if (IP_IS_V4(net.neighs[i].ip) &&
		    net.neighs[i].ip.word[3] == addr)
			break;
	return i;
}

static const struct neigh_info *neigh_of(const char *ip)
{
	const size_t i = place_of(ip);

	assert_true(i < net.n_neighs);
	return &net.neighs[i];
}

static struct neigh *start_neighs(void)
{
	const struct neigh_ops ops = {
		.begin = neighs_begin,
		.end = neighs_end,
		.changed = neigh_changed,
		.gone = neigh_gone,
	};
	struct neigh *watch;

	net.n_neighs = 0;
	net.n_lists = 0;
	assert_int_equal(neigh_start(net.base, &ops, &watch), 0);
	assert_int_equal(net.n_lists, 1);
	return watch;
}

static void test_neighs(void **state)
{
	static const uint8_t mac[] = { 0x52, 0x54, 0, 0, 0, 7 };
	struct neigh *watch;

	(void)state;
	sh("ip link add d0 type bridge; ip link set d0 up;"
	   "ip addr add 10.0.0.1/16 dev d0;"
	   "ip neigh add 10.0.0.7 lladdr 52:54:00:00:00:07 dev d0 nud reachable");
	watch = start_neighs();
	assert_memory_equal(neigh_of("10.0.0.7")->mac, mac, sizeof(mac));
	sh("ip neigh add 10.0.0.8 lladdr 52:54:00:00:00:07 dev d0 nud stale;"
	   "ip -6 neigh add 2001:db8::8 lladdr 52:54:00:00:00:08 dev d0;"
	   "ip neigh replace 10.0.0.7 lladdr 52:54:00:00:00:09 dev d0");
	turn(100);
	assert_int_equal(neigh_of("10.0.0.7")->mac[5], 9);
	assert_int_equal(neigh_of("10.0.0.8")->mac[5], 7);
	assert_int_equal(net.n_neighs, 3);
	sh("ip neigh del 10.0.0.8 dev d0;"
	   "ip neigh change 10.0.0.7 dev d0 nud failed");
	turn(100);
	assert_int_equal(net.n_neighs, 1);
	neigh_stop(watch);
	neigh_stop(NULL);
	sh("ip link del d0");
}

/* Too much at once: messages are lost, and the list is asked for again. */
static void test_overrun(void **state)
{
	struct neigh *watch;
	FILE *batch;
	int i;

	(void)state;
	/* Permanent entries are exempt from the table's limits. */
	sh("ip link add d0 type bridge; ip link set d0 up;"
	   "ip neigh add 10.0.0.1 lladdr 52:54:00:00:00:01 dev d0 "
	   "nud permanent");
	watch = start_neighs();
	assert_int_equal(net.n_neighs, 1);
	/* NOLINTNEXTLINE(cert-env33-c): ip reads its work from us */
	batch = popen("ip -batch -", "w");
	assert_non_null(batch);
	for (i = 0; i < N_NEIGHS; i++)
		fprintf(batch,
			"neigh add 10.0.%d.%d lladdr 52:54:00:00:%02x:%02x "
			"dev d0 nud permanent\n",
			1 + i / 250, 1 + i % 250, i / 250, i % 250);
	fprintf(batch, "neigh del 10.0.0.1 dev d0\n");
	assert_int_equal(pclose(batch), 0);
	turn(2000);
	assert_true(net.n_lists > 1);
	assert_int_equal(net.n_neighs, N_NEIGHS);
	assert_int_equal(place_of("10.0.0.1"), net.n_neighs);
	assert_int_equal(neigh_of("10.0.16.250")->mac[5], 249);
	neigh_stop(watch);
	sh("ip link del d0");
}

static unsigned int n_told;

static void host_moved(void *arg, uint64_t at_ns)
{
	(void)arg;
	assert_true(at_ns > 0);
	n_told++;
}

/* By which of the interfaces is it? "" = by none, or nobody knows. */
static const char *by(const struct reach *reach, const char *ip)
{
	static char name[IF_NAMESIZE];
	uint32_t ifindex;
	struct ip_addr addr = { { 0, 0, BE32(0xffff), 0 } };

	if (inet_pton(AF_INET, ip, &addr.word[3]) != 1)
		assert_int_equal(inet_pton(AF_INET6, ip, &addr), 1);
	ifindex = reach_by(reach, &addr);
	return ifindex && if_indextoname(ifindex, name) ? name : "";
}

/* The host's own networks, of both families. */
static void test_reach(void **state)
{
	struct reach *reach;

	(void)state;
	sh("ip link add d0 type bridge; ip link set d0 up;"
	   "ip link add d1 type bridge; ip link set d1 up;"
	   "ip addr add 10.0.0.1/22 dev d0;"
	   "ip addr add 2001:db8:0:80::1/57 dev d0 nodad;"
	   "ip addr add fd00::1/64 dev d1 nodad");
	assert_int_equal(reach_start(net.base, host_moved, NULL, &reach), 0);
	assert_string_equal(by(reach, "10.0.3.255"), "d0");
	assert_string_equal(by(reach, "10.0.4.0"), "");
	assert_string_equal(by(reach, "2001:db8:0:ff:ffff::1"), "d0");
	assert_string_equal(by(reach, "2001:db8:0:100::1"), "");
	assert_string_equal(by(reach, "2001:db8:0:7f::1"), "");
	assert_string_equal(by(reach, "fd00::7"), "d1");
	assert_string_equal(by(reach, "fe80::7"), "");
	/* An IPv4 address is no IPv6 one with the same last bits. */
	assert_string_equal(by(reach, "::a00:1"), "");

	n_told = 0;
	sh("ip addr del fd00::1/64 dev d1;"
	   "ip addr add 2001:db8:0:81::1/64 dev d1 nodad");
	turn(100);
	assert_true(n_told >= 2);
	assert_string_equal(by(reach, "fd00::7"), "");
	/* In two networks: whose is it? */
	assert_string_equal(by(reach, "2001:db8:0:81::7"), "");
	assert_string_equal(by(reach, "2001:db8:0:82::7"), "d0");
	reach_stop(reach);
	reach_stop(NULL);
	sh("ip link del d0; ip link del d1");
}

static int set_up(void **state)
{
	(void)state;
	net.base = event_base_new();
	return net.base ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	event_base_free(net.base);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),  cmocka_unit_test(test_tap_dies),
		cmocka_unit_test(test_neighs), cmocka_unit_test(test_overrun),
		cmocka_unit_test(test_reach),
	};

	if (unshare(CLONE_NEWNET)) {
		printf("needs the right to make a network namespace: %s\n",
		       strerrordesc_np(errno));
		return 77;
	}
	if (access("/dev/net/tun", R_OK | W_OK)) {
		printf("needs /dev/net/tun: %s\n", strerrordesc_np(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
