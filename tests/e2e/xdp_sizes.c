// SPDX-License-Identifier: GPL-2.0-only
/*
 * How big the BPF programs are, and what it costs the verifier to judge them.
 *
 * Its limit is a million instructions walked, on every kernel; another
 * kernel's verifier may walk more than this one's, so half of it is ours.
 * docs/benchmarks.md keeps the figures.
 */
#include "dataplane/xdp/programs.h"

#include <bpf/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define VERIFIED_MAX 500000

static void check_program(const char *name, int fd)
{
	struct bpf_prog_info info = { .type = 0 };
	uint32_t size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	print_message("%-14s %5u instructions, %5u bytes of machine code, %6u "
		      "walked by the verifier\n",
		      name, info.xlated_prog_len / 8, info.jited_prog_len,
		      info.verified_insns);
	assert_true(info.verified_insns > 0);
	assert_true(info.verified_insns < VERIFIED_MAX);
}

static void test_sizes(void **state)
{
	const struct dp_limits limits = {
		.n_backends = 64,
		.n_services = 16,
		.n_pools = 16,
		.n_slots = 1 << 16,
		.n_flows = 1 << 16,
		.n_direct = 1 << 14,
	};
	struct programs programs;
	struct maps maps;

	(void)state;
	assert_int_equal(maps_create(&limits, &maps), 0);
	assert_int_equal(programs_load(&maps, &programs), 0);
	check_program("lb", programs_lb(&programs));
	check_program("port_in", programs_port_in(&programs));
	check_program("port_out", programs_port_out(&programs));
	if (programs.drops) {
		check_program("redirect_err", programs_redirect_err(&programs));
		check_program("devmap_xmit", programs_devmap_xmit(&programs));
	}
	print_message("tables of the default sizes: %llu KiB\n",
		      (unsigned long long)maps_bytes(&limits) / 1024);
	programs_done(&programs);
	maps_done(&maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
	};

	if (geteuid()) {
		(void)puts("skipped: needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
