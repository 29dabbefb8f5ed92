/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running a vector and judging what came of it; the runners differ (the core
 * in user space, the kernel's programs), the judgement is one.
 */
#ifndef TESTS_PACKET_RUN_H
#define TESTS_PACKET_RUN_H

#include "tests/packet/vectors.h"

/**
 * struct outcome - what a runner saw.
 * @verdict: of the path.
 * @out: the frame as it would leave, or as it was left.
 */
struct outcome {
	enum verdict verdict;
	struct frame out;
};

/**
 * vector_tables() - all vectors, table by table.
 * @ret_n: how many tables.
 */
const struct vector_table *vector_tables(size_t *ret_n);

/* The frame that goes in, and the state before it. */
void vector_frame(const struct vector *v, struct frame *ret_frame);
void vector_scene(const struct vector *v, uint64_t now_ns,
		  struct mem_tables *ret_tables);

/* The flow as the scene needs it: its two ends, whoever sends. */
struct scene_flow vector_flow(const struct vector *v);

/* The interface that the frame comes in by (at a VM's port: the port). */
uint32_t vector_ifindex(const struct vector *v);

/**
 * vector_run_core() - run a vector through the core.
 * @tables: the state; changed as the core changes it.
 */
void vector_run_core(const struct vector *v, struct mem_tables *tables,
		     struct outcome *ret_outcome);

/**
 * vector_check() - cmocka's asserts of all that a vector says.
 * @before, @after: the tables.
 * @slack_ticks: by how much a time may be late.
 */
void vector_check(const struct vector *v, const struct mem_tables *before,
		  const struct mem_tables *after, const struct outcome *outcome,
		  uint32_t slack_ticks);

/* Counters as they are before a packet: after @first of a vector. */
void vector_forget_counts(struct mem_tables *tables);

/**
 * vector_group() - run all vectors as one group of cmocka tests.
 * @name: of the group.
 * @test: runs the vector in *state.
 *
 * Return: number of failed ones.
 */
int vector_group(const char *name, void (*test)(void **state));

#endif
