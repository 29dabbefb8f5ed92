// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a publish takes in a pool of 1000 VMs with 2^20 slots: from the call
 * with the whole desired state to the table in force, by the real XDP engine.
 *
 *	bench_publish PIN-DIR
 *
 * Wants the network and the BPF file system that scripts/bench makes for it. All
 * VMs are behind one port; what a port costs is paid once, when a VM is new.
 */
#include "dataplane/dataplane.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_VMS	 1000
#define ROUNDS	 31
#define IFINDEX	 1001
#define READY_MS 20000

static struct {
	struct dp *dp;
	struct dp_backend vm[N_VMS];
	char name[N_VMS][32];
	struct dp_pool pool;
	struct dp_service service;
	struct dp_vip vip;
} bench;

static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_publish: %s: %s\n", what, why);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct ip_addr mapped(uint32_t addr)
{
	struct ip_addr ip = { .word = { 0, 0, BE32(0xffff), BE32(addr) } };

	return ip;
}

static void print_log(void *arg, int level, const char *text)
{
	(void)arg;
	if (level < 2)
		(void)fprintf(stderr, "%s\n", text);
}

static void describe(void)
{
	uint32_t i;

	for (i = 0; i < N_VMS; i++) {
		(void)snprintf(bench.name[i], sizeof(bench.name[i]), "hv/vm%u",
			       i);
		bench.vm[i] = (struct dp_backend){
			.uuid = { 1, [14] = (uint8_t)(i >> 8), (uint8_t)i },
			.name = bench.name[i],
			.role = DP_SERVING,
			.weight = 100,
			.addr = mapped(0x0a090001U + i),
			.mac = { 2, 0, 0, 9, (uint8_t)(i >> 8), (uint8_t)i },
			.ifname = "vm1",
			.ifindex = IFINDEX,
		};
	}
	bench.pool = (struct dp_pool){
		.name = "t/web",
		.seed = { 1, 2 },
		.idle_timeout_ms = 350000,
		.udp_idle_ms = 30000,
		.max_backends = N_VMS + 24,
		.backends = bench.vm,
		.n_backends = N_VMS,
	};
	bench.vip = (struct dp_vip){ .addr = mapped(0xc633640aU) };
	bench.service = (struct dp_service){
		.name = "t/http",
		.vip = bench.vip.addr,
		.port = 80,
		.proto = 6,
		.target_port = 80,
	};
}

/* The whole state, as it now is in bench; how long it took, and what moved. */
static double publish(uint32_t *ret_n_moved)
{
	const struct dp_snapshot snapshot = {
		.vips = &bench.vip,
		.n_vips = 1,
		.services = &bench.service,
		.n_services = 1,
		.pools = &bench.pool,
		.n_pools = 1,
	};
	struct dp_result result = { .error = "" };
	uint64_t began_ns = now_ns();
	int err = dp_xdp_ops.apply(bench.dp, &snapshot, began_ns, &result);

	if (err)
		die(result.error, strerror(-err));
	*ret_n_moved = result.n_slots_moved;
	return (double)(now_ns() - began_ns) / 1e6;
}

static void run_for(uint32_t ms)
{
	uint64_t until_ns = now_ns() + (uint64_t)ms * 1000000;

	while (now_ns() < until_ns) {
		(void)dp_xdp_ops.tick(bench.dp, now_ns());
		(void)poll(NULL, 0, 5);
	}
}

/* Until the last VM's port has learned, and it has slots. */
static void await_slots(void)
{
	struct dp_flow flow = { .client = mapped(0x0b000001U),
				.client_port = 1024,
				.vip = bench.vip.addr,
				.port = 80,
				.proto = 6 };
	struct dp_explanation why;
	uint32_t waited_ms;

	for (waited_ms = 0; waited_ms < READY_MS; waited_ms += 500) {
		run_for(500);
		memset(&why, 0, sizeof(why));
		if (!dp_xdp_ops.explain(bench.dp, &flow, now_ns(), &why) &&
		    why.verdict == VERDICT_FORWARD)
			return;
	}
	die("the pool", "has no slots yet");
}

static int compare(const void *a, const void *b)
{
	const double *x = a;
	const double *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * Changes one VM and publishes, again and again; @undo takes the change back
 * before the next, and publishes that, too.
 */
static void measure(const char *what, void (*change)(struct dp_backend *vm),
		    void (*undo)(struct dp_backend *vm))
{
	static uint32_t next;
	struct dp_backend *vm;
	double took_ms[ROUNDS];
	uint32_t n_moved = 0;
	uint32_t moved;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		vm = &bench.vm[next++ % N_VMS];
		if (change)
			change(vm);
		took_ms[i] = publish(&moved);
		n_moved += moved;
		if (undo) {
			undo(vm);
			(void)publish(&moved);
		}
		run_for(undo ? 200 : 20);
	}
	qsort(took_ms, ROUNDS, sizeof(*took_ms), compare);
	printf("%-24s %8.2f %8.2f %8.2f %8u\n", what, took_ms[0],
	       took_ms[ROUNDS / 2], took_ms[ROUNDS - 1], n_moved / ROUNDS);
}

static void weigh(struct dp_backend *vm)
{
	vm->weight -= 10;
}

static void leave(struct dp_backend *vm)
{
	vm->role = DP_LEAVING;
}

static void come_back(struct dp_backend *vm)
{
	vm->role = DP_SERVING;
}

static void go(struct dp_backend *vm)
{
	vm->role = DP_GONE;
}

int main(int argc, char **argv)
{
	static const char *const uplinks[] = { "out" };
	struct dp_options options = {
		.uplinks = uplinks,
		.n_uplinks = 1,
		.limits = { .n_backends = 2047,
			    .n_services = 8,
			    .n_pools = 8,
			    .n_slots = 1 << 21,
			    .n_flows = 1 << 18,
			    .n_direct = 1 << 14 },
		.reply_rate_pps = 1000,
		.direct_idle_ms = 60000,
		.log = print_log,
	};
	char error[DP_ERROR_SIZE] = "";
	uint32_t moved = 0;

	if (argc != 2)
		die("usage", "bench_publish PIN-DIR");
	options.pin_dir = argv[1];
	if (dp_xdp_ops.open(&options, &bench.dp, error))
		die("engine", error);
	describe();
	printf("first publish of %d VMs: %.1f ms\n", N_VMS, publish(&moved));
	await_slots();
	run_for(2000);
	printf("%-24s %8s %8s %8s %8s\n", "ms a publish", "minimum", "median",
	       "maximum", "slots");
	measure("nothing changes", NULL, NULL);
	measure("weight of one VM", weigh, NULL);
	measure("one VM begins to leave", leave, come_back);
	measure("one VM is gone", go, NULL);
	measure("VM after VM leaves", leave, NULL);
	dp_xdp_ops.close(bench.dp);
	return dp_xdp_ops.detach(options.pin_dir, error) ? 1 : 0;
}
