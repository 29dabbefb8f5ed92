/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a target is probed next. Pure: time and state are arguments, chance
 * comes from a seed.
 *
 * DOC: spread and jitter
 *
 * First probes are paced: each takes a place in a line that moves on one place
 * in SCHED_PACE_US, so one new target is probed at once and 5,000 within a
 * second. So that the targets of one burst don't stay neighbours for ever, the
 * wait between a target's first and second probe is drawn evenly from all of
 * its interval; from then on the phases of all targets are spread evenly.
 *
 * Every further wait is the interval, times 1 ± jitter_percent, evenly drawn,
 * so that the mean stays the interval.
 *
 * A target that is not up and in its eager time (30 s after it was added,
 * kicked, reset, or went down) is probed every SCHED_EAGER_MS if its interval
 * is longer than that. With many of those at once (a host went down) this is
 * stretched, so that all of them together are probed SCHED_EAGER_RATE times a
 * second at most, or as often as their intervals say, whichever is more.
 */
#ifndef HEALTH_SCHED_H
#define HEALTH_SCHED_H

#include "dataplane/core/base.h"

#define SCHED_PACE_US	      200
#define SCHED_EAGER_MS	      250
#define SCHED_EAGER_WINDOW_US 30000000
#define SCHED_EAGER_RATE      1000 /* probes a second */

/**
 * struct sched - of all targets together.
 * @chance: state of the generator.
 * @line_us: when the line of first probes has its next place.
 */
struct sched {
	uint64_t chance;
	uint64_t line_us;
};

/**
 * sched_init() - an empty line.
 * @s: filled in.
 * @seed: any number; the same seed gives the same waits.
 */
void sched_init(struct sched *s, uint64_t seed);

/**
 * sched_first() - until a new target's first probe.
 *
 * Return: microseconds.
 */
uint64_t sched_first(struct sched *s, uint64_t now_us);

/**
 * sched_spread() - from the start of the first probe to that of the second.
 * @s: changed.
 * @interval_ms: from sched_interval().
 *
 * Return: microseconds, 1 .. @interval_ms * 1000.
 */
uint64_t sched_spread(struct sched *s, uint32_t interval_ms);

/**
 * sched_next() - from the start of a probe to that of the next.
 * @s: changed.
 * @interval_ms: from sched_interval().
 * @jitter_percent: 0 .. 100.
 *
 * Return: microseconds, @interval_ms * 1000 ± @jitter_percent.
 */
uint64_t sched_next(struct sched *s, uint32_t interval_ms,
		    uint32_t jitter_percent);

/**
 * sched_interval() - the interval that counts now.
 * @interval_ms: as configured.
 * @eager: the target is not up and in its eager time.
 * @n_not_up: targets that are not up (the eager ones are among them).
 *
 * Return: milliseconds, at most @interval_ms.
 */
uint32_t sched_interval(uint32_t interval_ms, bool eager, size_t n_not_up);

#endif
