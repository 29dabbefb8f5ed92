/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the inventory learns of real VMs, how fast, and from whom. hv_live.sh
 * makes the lab and runs this in the host's network; the lab's VMs are hv-a
 * (address by its neighbour entry), hv-b (by metadata), hv-n (by its lease), and hv-m
 * (that never gets one).
 *
 * One thread is the daemon: the loop with the driver's queue, interfaces and
 * neighbours, as droverd has it. Another is the operator or the reaper: it does
 * one thing through a connection of its own and notes when.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <libvirt/libvirt.h>

#include "control/inventory.h"

#define N_KILLS	  8
#define N_CHANGES 4096
#define NS_PER_MS 1000000ULL
#define WAIT_MS	  60000 /* on a busy machine a guest boots that long */
#define DEATH_MAX 60.0	/* ms, from the death of QEMU until it is known */

/* One change as told; the VM may be gone by the time we look. */
struct told {
	enum inv_what what;
	uint64_t at_ns;
	char vm[32];
	char after[96];
	char reason[192];
};

static struct {
	struct event_base *base;
	struct inv *inv;
	struct inv_hv *inv_hv;
	const struct hv_driver *driver;
	struct hv_queue *queue;
	struct event *readable;
	struct hv *hv;
	struct links *links;
	struct neigh *neigh;
	virConnectPtr admin;
	struct told told[N_CHANGES];
	size_t n_told;
} live;

/* --- the daemon's side --- */

static void on_change(void *arg, const struct inv_change *change)
{
	struct told *told;

	(void)arg;
	if (live.n_told == N_CHANGES)
		fail_msg("more than %d changes", N_CHANGES);
	told = &live.told[live.n_told++];
	told->what = change->what;
	told->at_ns = change->at_ns;
	snprintf(told->vm, sizeof(told->vm), "%s",
		 change->vm ? change->vm->vm->name : "");
	snprintf(told->after, sizeof(told->after), "%s", change->after);
	snprintf(told->reason, sizeof(told->reason), "%s", change->reason);
	if (getenv("HV_LIVE_VERBOSE"))
		printf("  %s %s: %s -> %s (%s)\n", told->vm,
		       inv_what_name(told->what), change->before, told->after,
		       told->reason);
}

static void on_queue(evutil_socket_t fd, short what, void *arg)
{
	struct hv_event *event;

	(void)fd;
	(void)what;
	(void)arg;
	while ((event = hv_queue_pop(live.queue))) {
		assert_int_equal(inv_event(live.inv, event), 0);
		hv_event_free(event);
	}
}

static void on_links_begin(void *arg)
{
	inv_links_begin(arg);
}

static void on_links_end(void *arg, uint64_t at_ns)
{
	inv_links_end(arg, at_ns);
}

static void on_link(void *arg, const struct link_info *link, uint64_t at_ns)
{
	assert_int_equal(inv_link(arg, link, at_ns), 0);
}

static void on_link_gone(void *arg, uint32_t ifindex, uint64_t at_ns)
{
	inv_link_gone(arg, ifindex, at_ns);
}

static void on_neigh(void *arg, const struct neigh_info *neigh, uint64_t at_ns)
{
	assert_int_equal(inv_neigh(arg, neigh, at_ns), 0);
}

static void on_neigh_gone(void *arg, const struct neigh_info *neigh,
			  uint64_t at_ns)
{
	inv_neigh_gone(arg, neigh, at_ns);
}

static int set_up(void **state)
{
	struct links_ops links_ops = { on_links_begin, on_links_end, on_link,
				       on_link_gone, NULL };
	struct neigh_ops neigh_ops = { NULL, NULL, on_neigh, on_neigh_gone,
				       NULL };
	struct hv_settings settings = {
		.name = "lab",
		.uri = getenv("LAB_URI"),
		.poll_ms = 5000,
	};

	(void)state;
	assert_non_null(settings.uri);
	live.base = event_base_new();
	assert_non_null(live.base);
	assert_int_equal(inv_new(on_change, NULL, &live.inv), 0);
	assert_int_equal(inv_hv_add(live.inv, "lab", true, &live.inv_hv), 0);
	links_ops.arg = neigh_ops.arg = live.inv;
	assert_int_equal(links_start(live.base, &links_ops, &live.links), 0);
	assert_int_equal(neigh_start(live.base, &neigh_ops, &live.neigh), 0);
	assert_int_equal(hv_queue_new(&live.queue), 0);
	live.readable = event_new(live.base, hv_queue_fd(live.queue),
				  EV_READ | EV_PERSIST, on_queue, NULL);
	assert_non_null(live.readable);
	event_add(live.readable, NULL);
	settings.queue = live.queue;
	settings.arg = live.inv_hv;
	live.driver = hv_driver_find(settings.uri);
	assert_non_null(live.driver);
	assert_int_equal(live.driver->open(&settings, &live.hv), 0);
	live.admin = virConnectOpen(settings.uri);
	assert_non_null(live.admin);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	live.driver->close(live.hv);
	virConnectClose(live.admin);
	event_free(live.readable);
	hv_queue_free(live.queue);
	links_stop(live.links);
	neigh_stop(live.neigh);
	inv_free(live.inv);
	event_base_free(live.base);
	return 0;
}

static void turn(void)
{
	const struct timeval tick = { .tv_usec = 20000 };

	event_base_loopexit(live.base, &tick);
	event_base_loop(live.base, EVLOOP_ONCE);
}

static void run_ms(uint64_t ms)
{
	const uint64_t until_ns = hv_clock_ns() + ms * NS_PER_MS;

	while (hv_clock_ns() < until_ns)
		turn();
}

static bool is_known(const char *name)
{
	const struct inv_vm *found;

	return inv_find(live.inv, name, 1, &found) == 1;
}

static const struct inv_vm *vm(const char *name)
{
	const struct inv_vm *found = NULL;

	if (inv_find(live.inv, name, 1, &found) != 1 || !found) {
		fail_msg("%s is not known", name);
		abort(); /* not reached */
	}
	return found;
}

/* The change that is waited for, of those told since @from. */
static const struct told *await(size_t from, const char *name,
				enum inv_what what, const char *after)
{
	const uint64_t until_ns = hv_clock_ns() + WAIT_MS * NS_PER_MS;
	size_t i;

	i = from;
	while (hv_clock_ns() < until_ns) {
		for (; i < live.n_told; i++)
			if (live.told[i].what == what &&
			    !strcmp(live.told[i].vm, name) &&
			    strstr(live.told[i].after, after))
				return &live.told[i];
		turn();
	}
	fail_msg("%s: no change \"%s\" to \"%s\"", name, inv_what_name(what),
		 after);
	return NULL;
}

static size_t count_since(size_t from, enum inv_what what)
{
	size_t i, n;

	n = 0;
	for (i = from; i < live.n_told; i++)
		n += live.told[i].what == what;
	return n;
}

/* --- the operator's side --- */

/* What a shell prints that has the lab's functions. */
static void lab(const char *command, char *answer, size_t size)
{
	char line[512];
	FILE *pipe;
	size_t n;

	snprintf(line, sizeof(line),
		 "bash -c '. \"$DROVER_SOURCE/demo/lab.sh\"; "
		 "lab_init \"$LAB\"; %s'",
		 command);
	/* NOLINTNEXTLINE(cert-env33-c): a shell is what is wanted */
	pipe = popen(line, "r");
	assert_non_null(pipe);
	n = fread(answer, 1, size - 1, pipe);
	answer[n] = '\0';
	if (pclose(pipe))
		fail_msg("%s failed", command);
}

static pid_t pid_of(const char *command)
{
	char answer[64];

	lab(command, answer, sizeof(answer));
	assert_true(atoi(answer) > 1);
	return atoi(answer);
}

static pid_t libvirtd(void)
{
	return pid_of("pgrep -P \"$(pgrep -P \"$(lab_pid host)\")\" "
		      "-x libvirtd");
}

struct deed {
	int (*fn)(virDomainPtr dom);
	virDomainPtr dom;
	uint64_t began_ns;
	int result;
	pthread_t thread;
};

static void *do_it(void *arg)
{
	struct deed *deed = arg;

	deed->began_ns = hv_clock_ns();
	deed->result = deed->fn(deed->dom);
	return NULL;
}

/* Begin something while the loop goes on; done() says when it began. */
static void begin(struct deed *deed, int (*fn)(virDomainPtr dom),
		  const char *name)
{
	deed->fn = fn;
	deed->dom = virDomainLookupByName(live.admin, name);
	assert_non_null(deed->dom);
	assert_int_equal(pthread_create(&deed->thread, NULL, do_it, deed), 0);
}

static uint64_t done(struct deed *deed)
{
	pthread_join(deed->thread, NULL);
	assert_int_equal(deed->result, 0);
	virDomainFree(deed->dom);
	return deed->began_ns;
}

/* Do it, wait until it is told, print how long that took. */
static const struct told *take_time(int (*fn)(virDomainPtr dom),
				    const char *name, const char *doing,
				    enum inv_what what, const char *after)
{
	const size_t from = live.n_told;
	const struct told *told;
	struct deed deed;

	begin(&deed, fn, name);
	told = await(from, name, what, after);
	printf("%-28s known %6.1f ms after the call began (%s)\n", doing,
	       (double)(hv_clock_ns() - done(&deed)) / 1e6, told->reason);
	return told;
}

static int edit_tags(virDomainPtr dom)
{
	return virDomainSetMetadata(
		dom, VIR_DOMAIN_METADATA_ELEMENT,
		"<vm><tag name='role' value='edited'/></vm>", "drover",
		HV_METADATA_URN, VIR_DOMAIN_AFFECT_LIVE);
}

/* --- what is tested --- */

static void test_list(void **state)
{
	(void)state;
	await(0, "", INV_HYPERVISOR, "connected");
	assert_int_equal(inv_count(live.inv), 4);
	assert_int_equal(vm("hv-a")->run, INV_RUN_ENDED);
	assert_int_equal(vm("hv-a")->nics[0].port, INV_PORT_NONE);
	assert_non_null(inv_vm_addr(vm("hv-b"), 0, true));
}

static void assert_addr(const char *name, const char *text,
			enum hv_addr_source source)
{
	const struct hv_addr *addr = inv_vm_addr(vm(name), 0, true);
	struct ip_addr ip;

	assert_non_null(addr);
	assert_int_equal(hv_ip_parse(text, &ip), 0);
	assert_memory_equal(&addr->ip, &ip, sizeof(ip));
	assert_int_equal(addr->source, source);
}

static void test_start(void **state)
{
	size_t from = live.n_told;

	(void)state;
	take_time(virDomainCreate, "hv-a", "start", INV_RUN, "running");
	take_time(virDomainCreate, "hv-b", "start", INV_RUN, "running");
	assert_int_equal(vm("hv-a")->run, INV_RUN_UP);
	await(from, "hv-a", INV_PORTS, "vnet");
	assert_int_equal(vm("hv-a")->nics[0].port, INV_PORT_OK);
	assert_true(vm("hv-a")->nics[0].ifindex > 0);
	/* It asks for its gateway when it has booted: so the host knows it. */
	await(from, "hv-a", INV_ADDRS, "10.77.0.11 (neighbour)");
	assert_addr("hv-a", "10.77.0.11", HV_ADDR_NEIGHBOUR);
	assert_addr("hv-b", "10.77.0.12", HV_ADDR_METADATA);
	assert_int_equal(count_since(from, INV_ENDED), 0);
}

static void test_lease(void **state)
{
	size_t from = live.n_told;

	(void)state;
	take_time(virDomainCreate, "hv-n", "start", INV_RUN, "running");
	await(from, "hv-n", INV_ADDRS, "10.78.0.21 (lease)");
	assert_addr("hv-n", "10.78.0.21", HV_ADDR_LEASE);
	take_time(virDomainDestroy, "hv-n", "destroy", INV_ENDED, "");
}

static void test_suspend_and_edit(void **state)
{
	size_t from = live.n_told;

	(void)state;
	take_time(virDomainSuspend, "hv-b", "suspend", INV_RUN,
		  "paused (user)");
	assert_int_equal(vm("hv-b")->run, INV_RUN_HELD);
	take_time(virDomainResume, "hv-b", "resume", INV_RUN, "running");
	assert_int_equal(vm("hv-b")->run, INV_RUN_UP);
	take_time(edit_tags, "hv-b", "metadata edit", INV_TAGS, "role=edited");
	assert_int_equal(count_since(from, INV_ENDED), 0);
}

/* A QEMU that hangs holds up nobody, not even the reading of itself. */
static void test_hung(void **state)
{
	struct hv_counters before, after;
	pid_t pid = pid_of("lab_vm_pid hv-a");

	(void)state;
	live.driver->counters(live.hv, &before);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	live.driver->hint(live.hv, vm("hv-a")->uuid);
	run_ms(300);
	take_time(virDomainSuspend, "hv-b", "suspend beside a hung VM", INV_RUN,
		  "paused");
	take_time(virDomainResume, "hv-b", "resume beside a hung VM", INV_RUN,
		  "running");
	run_ms(6000); /* a poll */
	live.driver->counters(live.hv, &after);
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_true(after.polls > before.polls);
	assert_true(after.hinted_reads > before.hinted_reads + 2);
	assert_true(after.hint_push_max_ns < 2000 * NS_PER_MS);
	assert_int_equal(after.abandoned, 0);
	assert_int_equal(vm("hv-a")->run, INV_RUN_UP);
}

struct kill_job {
	int pidfd;
	uint64_t died_ns;
	pthread_t thread;
};

static void *reap(void *arg)
{
	struct kill_job *job = arg;
	struct pollfd fd = { .fd = job->pidfd, .events = POLLIN };

	pidfd_send_signal(job->pidfd, SIGKILL, NULL, 0);
	while (poll(&fd, 1, -1) != 1)
		;
	job->died_ns = hv_clock_ns();
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * The process is dead when its pidfd says so; the tap is closed on the way
 * there, so its loss may be known before (a negative time).
 */
static double kill_once(const char *name)
{
	const size_t from = live.n_told;
	const struct told *told;
	struct kill_job job;
	double ms;

	job.pidfd = pidfd_open(pid_of("lab_vm_pid hv-a"), 0);
	assert_true(job.pidfd >= 0);
	assert_int_equal(pthread_create(&job.thread, NULL, reap, &job), 0);
	told = await(from, name, INV_ENDED, "");
	pthread_join(job.thread, NULL);
	close(job.pidfd);
	ms = ((double)told->at_ns - (double)job.died_ns) / 1e6;
	printf("kill -9: known %+6.1f ms after the death (%s)", ms,
	       told->reason);
	/* The hypervisor's word follows: the cause, but not another end. */
	told = await(from, name, INV_RUN, "ended (failed)");
	printf(", libvirt %+6.1f ms\n",
	       ((double)told->at_ns - (double)job.died_ns) / 1e6);
	assert_int_equal(count_since(from, INV_ENDED), 1);
	assert_int_equal(vm(name)->end.cause, HV_END_FAILED);
	assert_int_equal(vm(name)->run, INV_RUN_ENDED);
	return ms;
}

static void test_kills(void **state)
{
	double ms[N_KILLS];
	size_t i;

	(void)state;
	for (i = 0; i < N_KILLS; i++) {
		if (i > 0)
			take_time(virDomainCreate, "hv-a", "start", INV_RUN,
				  "running");
		run_ms(200);
		assert_int_equal(vm("hv-a")->nics[0].port, INV_PORT_OK);
		ms[i] = kill_once("hv-a");
	}
	qsort(ms, N_KILLS, sizeof(ms[0]), by_value);
	printf("death to known, %d kills: median %+.1f ms, max %+.1f ms\n",
	       N_KILLS, ms[N_KILLS / 2], ms[N_KILLS - 1]);
	assert_true(ms[N_KILLS - 1] < DEATH_MAX);
}

/* Wait until a driver that nobody listens to has given up so many calls. */
static struct hv_counters await_abandoned(struct hv *hv, uint64_t n)
{
	const uint64_t until_ns = hv_clock_ns() + WAIT_MS * NS_PER_MS;
	struct hv_counters counters;

	do {
		run_ms(50);
		live.driver->counters(hv, &counters);
	} while (counters.abandoned_now != n && hv_clock_ns() < until_ns);
	assert_int_equal(counters.abandoned_now, n);
	return counters;
}

/*
 * libvirtd hangs. Calls that may block are given up at their deadline, two at
 * a time, and closing waits for none of them.
 */
static void test_libvirtd_hangs(void **state)
{
	struct hv_settings settings = {
		.name = "other",
		.uri = getenv("LAB_URI"),
		.poll_ms = 60000,
	};
	const pid_t pid = libvirtd();
	struct hv *other;
	uint64_t began_ns;

	(void)state;
	/* A VM in a libvirt network without a lease: asked for every second. */
	take_time(virDomainCreate, "hv-m", "start", INV_RUN, "running");
	assert_int_equal(hv_queue_new(&settings.queue), 0);
	assert_int_equal(live.driver->open(&settings, &other), 0);
	run_ms(1500);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(await_abandoned(other, 2).abandoned, 2);
	run_ms(4000);
	assert_int_equal(await_abandoned(other, 2).abandoned, 2);
	began_ns = hv_clock_ns();
	live.driver->close(other);
	assert_true(hv_clock_ns() - began_ns < 3000 * NS_PER_MS);
	hv_queue_free(settings.queue);
	assert_int_equal(kill(pid, SIGCONT), 0);
	run_ms(1000);
	assert_true(live.inv_hv->connected); /* it was too short to be lost */
	take_time(virDomainDestroy, "hv-m", "destroy", INV_ENDED, "");
}

/* libvirtd dies: nothing changes but what the kernel says; then it is back. */
static void test_libvirtd_dies(void **state)
{
	struct hv_counters counters;
	size_t from;

	(void)state;
	from = live.n_told;
	take_time(virDomainCreate, "hv-a", "start", INV_RUN, "running");
	run_ms(200);
	assert_int_equal(kill(libvirtd(), SIGKILL), 0);
	await(from, "", INV_HYPERVISOR, "lost");
	assert_true(vm("hv-a")->stale);
	assert_true(vm("hv-b")->stale);
	assert_int_equal(vm("hv-a")->run, INV_RUN_UP);
	/* Nobody is there to say so, but the port says it. */
	assert_int_equal(kill(pid_of("lab_vm_pid hv-a"), SIGKILL), 0);
	await(from, "hv-a", INV_ENDED, "ended (port)");
	await(from, "", INV_HYPERVISOR, "connected");
	assert_int_equal(inv_count(live.inv), 4);
	assert_int_equal(count_since(from, INV_REMOVED), 0);
	assert_int_equal(count_since(from, INV_ENDED), 1);
	assert_int_equal(vm("hv-a")->run, INV_RUN_ENDED);
	assert_int_equal(vm("hv-b")->run, INV_RUN_UP);
	assert_false(vm("hv-b")->stale);
	live.driver->counters(live.hv, &counters);
	assert_int_equal(counters.losses, 1);
	assert_int_equal(counters.connects, 2);
	virConnectClose(live.admin);
	live.admin = virConnectOpen(getenv("LAB_URI"));
	assert_non_null(live.admin);
	/* And its events arrive again. */
	take_time(virDomainSuspend, "hv-b", "suspend after reconnecting",
		  INV_RUN, "paused");
}

static void test_end_and_undefine(void **state)
{
	struct hv_counters c;
	size_t from = live.n_told;

	(void)state;
	take_time(virDomainDestroy, "hv-b", "destroy", INV_ENDED, "");
	run_ms(1000); /* the port may have been first; all have spoken now */
	assert_int_equal(count_since(from, INV_ENDED), 1);
	assert_int_equal(vm("hv-b")->end.cause, HV_END_DESTROYED);
	take_time(virDomainUndefine, "hv-b", "undefine", INV_REMOVED, "");
	assert_false(is_known("hv-b"));
	live.driver->counters(live.hv, &c);
	printf("hints %lu, reads %lu, polls %lu, repairs %lu; "
	       "hint to queue: mean %.2f ms, max %.2f ms\n",
	       c.hints, c.reads, c.polls, c.repairs,
	       (double)c.hint_push_sum_ns / 1e6 / (double)c.hinted_reads,
	       (double)c.hint_push_max_ns / 1e6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_suspend_and_edit),
		cmocka_unit_test(test_hung),
		cmocka_unit_test(test_kills),
		cmocka_unit_test(test_libvirtd_hangs),
		cmocka_unit_test(test_libvirtd_dies),
		cmocka_unit_test(test_end_and_undefine),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
