// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every vector through the real XDP and TC programs in the kernel: the same
 * verdict, bytes, counters and entries as the core in user space gives.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/packet/kernel.h"

#define SKIPPED	       77
#define SLACK_TICKS    45 /* 3 s, on a busy machine */
#define MARK_BALANCED  0x08000000U
#define TC_SIZE_MIN(v) (14U + ((v)->in.v6 ? 40 : 20))
#define MTU_OUT	       1500 /* of the way out, as veth has it */

/* cmocka's states are the vectors. */
static struct kernel *kernel;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void run(const struct vector *v, uint32_t mark)
{
	struct mem_tables before;
	struct mem_tables after;
	struct outcome outcome = { 0 };

	vector_scene(v, now_ns(), &before);
	if (v->first) {
		kernel_run(kernel, v->first, &before, 0, &outcome);
		assert_int_equal(outcome.verdict, v->first->verdict);
		vector_forget_counts(&before);
	}
	after = before;
	kernel_run(kernel, v, &after, mark, &outcome);
	vector_check(v, &before, &after, &outcome, SLACK_TICKS);
}

static void test_vector(void **state)
{
	const struct vector *v = *state;
	struct frame in;

	/* A BPF array always has its one record. */
	if (v->scene.flags & SCENE_NO_NODE)
		skip();
	/* BPF_PROG_TEST_RUN refuses TC packets without an IP header. */
	vector_frame(v, &in);
	if (v->hook != HOOK_UPLINK && in.size < TC_SIZE_MIN(v))
		skip();
	run(v, v->marked ? MARK_BALANCED : 0);
}

/* A port that is gone: the packet is dropped by name, not by accident. */
static void test_port_gone(void **state)
{
	const struct vector v = {
		.name = "port_gone",
		.in = { CLIENT_ONE, VIP_WEB, DATA },
		DROPPED(DROP_REDIRECT),
	};
	struct mem_tables tables;
	struct outcome outcome = { 0 };

	(void)state;
	kernel_plug(kernel, 1, false);
	vector_scene(&v, now_ns(), &tables);
	kernel_run(kernel, &v, &tables, 0, &outcome);
	kernel_plug(kernel, 1, true);
	assert_int_equal(outcome.verdict, VERDICT_DROP);
	assert_int_equal(tables.reasons[DROP_REDIRECT].packets, 1);
	assert_int_equal(tables.service_traffic[SERVICE_WEB].in_packets, 0);
}

/* An answer that no uplink has a route for. */
static void test_no_route(void **state)
{
	const struct vector v = {
		.name = "no_route",
		.hook = HOOK_FROM_VM,
		.in = { .dst_mac = MAC_TO(1),
			.src_mac = MAC_VM(1),
			.src = IP_VM(1),
			.sport = PORT_VM,
			.dst = IP(198, 18, 0, 1),
			.dport = PORT_CLIENT,
			DATA },
		DROPPED(DROP_PORT_NO_ROUTE),
	};
	struct mem_tables tables;
	struct outcome outcome = { 0 };

	(void)state;
	vector_scene(&v, now_ns(), &tables);
	kernel_run(kernel, &v, &tables, 0, &outcome);
	assert_int_equal(outcome.verdict, VERDICT_DROP);
	assert_int_equal(tables.reasons[DROP_PORT_NO_ROUTE].packets, 1);
	assert_int_equal(tables.service_traffic[SERVICE_WEB].out_packets, 0);
}

/* Answers leave also where the host itself forwards nothing. */
static void test_no_forwarding(void **state)
{
	const struct vector v[] = {
		{ .name = "no_forwarding",
		  .hook = HOOK_FROM_VM,
		  .in = { VM_ONE_TO_CLIENT, DATA },
		  ANSWERED },
		{ .name = "no_forwarding_fits",
		  .hook = HOOK_FROM_VM,
		  .in = { VM_ONE_TO_CLIENT, ACK, .payload = MTU_OUT - 40 },
		  ANSWERED },
		{ .name = "no_forwarding_big",
		  .hook = HOOK_FROM_VM,
		  .in = { VM_ONE_TO_CLIENT, ACK, .frag = 0x4000,
			  .payload = MTU_OUT - 39 },
		  ERROR(REPLY_PORT_TOO_BIG, 3, 4, MTU_OUT) },
		{ .name = "no_forwarding_six",
		  .hook = HOOK_FROM_VM,
		  .in = { .v6 = true,
			  VM_ONE_TO_CLIENT,
			  ACK,
			  .payload = MTU_OUT - 60 },
		  ANSWERED },
		{ .name = "no_forwarding_big_six",
		  .hook = HOOK_FROM_VM,
		  .in = { .v6 = true,
			  VM_ONE_TO_CLIENT,
			  ACK,
			  .payload = MTU_OUT - 59 },
		  ERROR(REPLY_PORT_TOO_BIG, 2, 0, MTU_OUT) },
	};
	size_t i;

	(void)state;
	assert_int_equal(kernel_forwarding(false), 0);
	for (i = 0; i < ARRAY_SIZE(v); i++)
		run(&v[i], 0);
	assert_int_equal(kernel_forwarding(true), 0);
}

/* What was balanced at TC carries a mark and is no direct connection. */
static void test_marked_packets_pass(void **state)
{
	const struct vector v = {
		.name = "marked",
		.hook = HOOK_TO_VM,
		.in = { CLIENT_TO_VM_ONE, SYN },
		PASSED(REASON_NONE),
	};
	struct mem_tables before;
	struct mem_tables after;
	struct outcome outcome = { 0 };

	(void)state;
	vector_scene(&v, now_ns(), &before);
	after = before;
	kernel_run(kernel, &v, &after, MARK_BALANCED, &outcome);
	assert_int_equal(outcome.verdict, VERDICT_PASS);
	assert_memory_equal(after.reasons, before.reasons,
			    sizeof(before.reasons));
	assert_memory_equal(after.direct_lines, before.direct_lines,
			    sizeof(before.direct_lines));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_gone),
		cmocka_unit_test(test_no_route),
		cmocka_unit_test(test_no_forwarding),
		cmocka_unit_test(test_marked_packets_pass),
	};
	const char *why = "";
	int failed;
	int ret;

	ret = kernel_open(&kernel, &why);
	if (ret) {
		printf("%s: %s\n", why, strerror(-ret));
		return ret == -EPERM ? SKIPPED : 1;
	}
	failed = vector_group("kernel", test_vector);
	failed += cmocka_run_group_tests_name("kernel only", tests, NULL, NULL);
	kernel_close(kernel);
	return failed;
}
