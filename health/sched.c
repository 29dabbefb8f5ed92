// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a target is probed next; sched.h says how.
 */
#include "health/sched.h"

/* SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
 * generators", 2014): every seed is good, eight bytes of state. */
static uint64_t chance_next(struct sched *s)
{
	uint64_t z;

	s->chance += 0x9e3779b97f4a7c15;
	z = s->chance;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Evenly 0 .. @n - 1, @n far below 2^64, so that the remainder's bias is
 * nothing to a clock. */
static uint64_t chance_below(struct sched *s, uint64_t n)
{
	return chance_next(s) % n;
}

void sched_init(struct sched *s, uint64_t seed)
{
	*s = (struct sched){ .chance = seed };
}

uint64_t sched_first(struct sched *s, uint64_t now_us)
{
	uint64_t place = s->line_us > now_us ? s->line_us : now_us;

	s->line_us = place + SCHED_PACE_US;
	return place - now_us;
}

uint64_t sched_spread(struct sched *s, uint32_t interval_ms)
{
	return 1 + chance_below(s, (uint64_t)interval_ms * 1000);
}

uint64_t sched_next(struct sched *s, uint32_t interval_ms,
		    uint32_t jitter_percent)
{
	uint64_t most = (uint64_t)interval_ms * 10 * jitter_percent;

	return (uint64_t)interval_ms * 1000 - most +
	       chance_below(s, 2 * most + 1);
}

uint32_t sched_interval(uint32_t interval_ms, bool eager, size_t n_not_up)
{
	uint64_t eager_ms = (uint64_t)n_not_up * 1000 / SCHED_EAGER_RATE;

	if (!eager)
		return interval_ms;
	if (eager_ms < SCHED_EAGER_MS)
		eager_ms = SCHED_EAGER_MS;
	return eager_ms < interval_ms ? (uint32_t)eager_ms : interval_ms;
}
