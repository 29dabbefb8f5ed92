/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Panic of a pool: when probes find too few of its VMs healthy, probes are
 * likelier wrong than the VMs are, and are distrusted: all running VMs serve.
 * Pure; time is an argument.
 *
 * DOC: who counts, and when it begins and ends
 *
 * Only VMs that nothing but their probes keeps from serving are counted: not
 * those that are drained, paused, gone or without an address. And of these
 * only those that are in the tables or settled: VMs that boot are not ill, and
 * a pool that starts must not send its first clients to VMs that don't answer
 * yet. In the tables and not yet probed counts as healthy.
 *
 *	calm   -> panic    healthy * 100 < threshold * counted, at once
 *	panic  -> ending   healthy * 100 >= threshold * counted
 *	ending -> panic    as the first, at once
 *	ending -> calm     PANIC_HOLD_MS later, or as soon as PANIC_MARGIN
 *	                   percent more than the threshold are healthy
 *	any    -> calm     nobody is counted, or the threshold is 0
 *
 * In panic and ending probes are distrusted.
 */
#ifndef HEALTH_PANIC_H
#define HEALTH_PANIC_H

#include "health/verdict.h"

#define PANIC_HOLD_MS 10000
#define PANIC_MARGIN  10

enum panic_state {
	PANIC_CALM,
	PANIC_ON,
	PANIC_ENDING,
};

/**
 * struct panic - of one pool; a zeroed one is calm.
 * @state: as above.
 * @until_ms: in PANIC_ENDING: when it is over if nothing changes.
 * @n_healthy: of the last step.
 * @n_counted: of the last step.
 * @threshold_percent: of the last step.
 */
struct panic {
	enum panic_state state;
	uint64_t until_ms;
	uint32_t n_healthy;
	uint32_t n_counted;
	uint32_t threshold_percent;
};

/**
 * struct panic_tally - counts the VMs of a pool; start with a zeroed one.
 */
struct panic_tally {
	uint32_t n_healthy;
	uint32_t n_counted;
};

/**
 * panic_count() - add a VM of the pool to the tally; facts->panic is ignored.
 */
void panic_count(struct panic_tally *tally, const struct verdict_facts *facts);

/**
 * panic_step() - what the tally means for the pool.
 * @p: the pool's; changed.
 * @tally: all of its VMs.
 * @threshold_percent: of the pool, 0 .. 100; 0 = never panic.
 * @now_ms: any clock that does not go back.
 * @ret_wake_ms: when to step again if nothing changes until then; 0 = never.
 *
 * Return: true if probes are distrusted; goes into verdict_facts.
 */
bool panic_step(struct panic *p, const struct panic_tally *tally,
		uint32_t threshold_percent, uint64_t now_ms,
		uint64_t *ret_wake_ms);

/**
 * panic_print() - why the pool is in panic, in a sentence; "" if it is calm.
 */
void panic_print(const struct panic *p, uint64_t now_ms, char *buf,
		 size_t size);

#endif
