/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real BPF programs under BPF_PROG_TEST_RUN: the same vectors, the same
 * state, loaded into the kernel's maps and read back from them.
 *
 * In a network namespace of its own, with an interface for each VM, so that
 * nothing of the machine is touched.
 */
#ifndef TESTS_PACKET_KERNEL_H
#define TESTS_PACKET_KERNEL_H

#include "tests/packet/run.h"

struct kernel;

/**
 * kernel_open() - make the namespace, load the programs.
 * @ret_why: what failed.
 *
 * Return: 0, or -errno: -EPERM where privileges are missing.
 */
int kernel_open(struct kernel **ret_kernel, const char **ret_why);
void kernel_close(struct kernel *k);

/**
 * kernel_run() - run one vector.
 * @tables: the state before; becomes the state after.
 * @mark: the packet's skb mark (TC).
 */
void kernel_run(struct kernel *k, const struct vector *v,
		struct mem_tables *tables, uint32_t mark,
		struct outcome *ret_outcome);

/* Take the port of a VM out of the device map, or put it back. */
void kernel_plug(struct kernel *k, uint32_t vm, bool plugged);

/* The namespace's own forwarding, of both families: 0, or -errno. */
int kernel_forwarding(bool enabled);

#endif
