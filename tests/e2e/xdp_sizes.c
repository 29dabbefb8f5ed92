// SPDX-License-Identifier: GPL-2.0-only
/*
 * How big the BPF programs are, and what it costs the verifier to judge them.
 *
 * Its limit is a million instructions walked, on every kernel; half of it is
 * ours. And neither figure may grow by more than a tenth over what
 * tests/bench/counts has for this kernel: who means it to grow puts the lines
 * there that this test prints.
 */
#include "dataplane/xdp/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/core/trace.h" /* a variable of theirs */
#include "drops.skel.h"
#include "host.skel.h"
#include "lb.skel.h"
#include "port.skel.h"

#define VERIFIED_MAX 500000
#define NAME_SIZE    32

/**
 * struct count - a line of the record: KERNEL PROGRAM INSTRUCTIONS WALKED.
 * @kernel: its version's first two numbers.
 * @instructions: after the verifier's own rewriting.
 */
struct count {
	char kernel[NAME_SIZE];
	char program[NAME_SIZE];
	unsigned int instructions;
	unsigned int walked;
};

/* The record of a program on this kernel; false: there is none. */
static bool recorded(const char *kernel, const char *program,
		     struct count *ret_count)
{
	const char *source = getenv("DROVER_SOURCE");
	struct count c = { .kernel = "" };
	bool found = false;
	char line[256];
	FILE *f;

	(void)snprintf(line, sizeof(line), "%s/tests/bench/counts",
		       source ? source : ".");
	f = fopen(line, "re");
	if (!f)
		fail_msg("%s cannot be read", line);
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%31s %31s %u %u", c.kernel, c.program,
			       &c.instructions, &c.walked) == 4 &&
			!strcmp(c.kernel, kernel) &&
			!strcmp(c.program, program);
	(void)fclose(f);
	if (found)
		*ret_count = c;
	return found;
}

static void kernel_version(char ret_version[NAME_SIZE])
{
	unsigned int minor = 0;
	unsigned int major = 0;
	struct utsname name;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%u.%u", &major, &minor), 2);
	(void)snprintf(ret_version, NAME_SIZE, "%u.%u", major, minor);
}

/* Programs that grew too much. */
static int n_grown;

static void check_growth(const char *program, const char *what,
			 unsigned int now, unsigned int before)
{
	if (now <= before + before / 10)
		return;
	print_error("%s: %u %s, by more than a tenth over %u\n", program, now,
		    what, before);
	n_grown++;
}

static void check_program(const char *program, int fd)
{
	struct bpf_prog_info info = { .type = 0 };
	uint32_t size = sizeof(info);
	char kernel[NAME_SIZE];
	struct count before;

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	kernel_version(kernel);
	print_message("%s %s %u %u\n", kernel, program,
		      info.xlated_prog_len / 8, info.verified_insns);
	assert_true(info.verified_insns > 0);
	assert_true(info.verified_insns < VERIFIED_MAX);
	if (!recorded(kernel, program, &before)) {
		print_message("  (no record for this kernel)\n");
		return;
	}
	check_growth(program, "instructions", info.xlated_prog_len / 8,
		     before.instructions);
	check_growth(program, "walked by the verifier", info.verified_insns,
		     before.walked);
}

static void check_object(const struct bpf_object *object)
{
	struct bpf_program *program = NULL;

	while ((program = bpf_object__next_program(object, program)))
		check_program(bpf_program__name(program),
			      bpf_program__fd(program));
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
	check_object(programs.lb->obj);
	check_object(programs.port->obj);
	check_object(programs.host->obj);
	if (programs.drops)
		check_object(programs.drops->obj);
	assert_int_equal(n_grown, 0);
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
