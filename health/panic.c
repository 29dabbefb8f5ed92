// SPDX-License-Identifier: GPL-2.0-only
/*
 * Panic of a pool; panic.h says how.
 */
#include "health/panic.h"

#include <stdio.h>

void panic_count(struct panic_tally *tally, const struct verdict_facts *facts)
{
	struct verdict_facts f = *facts;

	/* Would it serve if probes said "up"? Then they decide about it. */
	f.panic = false;
	f.probe = HEALTH_UP;
	if (verdict_find(&f).verdict != VERDICT_SERVING)
		return;
	if (!facts->in_tables && !facts->settled)
		return;
	tally->n_counted++;
	tally->n_healthy +=
		facts->probe == HEALTH_UP ||
		(facts->probe == HEALTH_UNKNOWN && facts->in_tables);
}

static bool reaches(const struct panic_tally *tally, uint32_t percent)
{
	return (uint64_t)tally->n_healthy * 100 >=
	       (uint64_t)tally->n_counted * percent;
}

static enum panic_state next_state(const struct panic *p,
				   const struct panic_tally *tally,
				   uint64_t now_ms)
{
	uint32_t calm_percent = p->threshold_percent + PANIC_MARGIN;

	if (tally->n_counted == 0 || p->threshold_percent == 0)
		return PANIC_CALM;
	if (!reaches(tally, p->threshold_percent))
		return PANIC_ON;
	if (p->state == PANIC_CALM ||
	    reaches(tally, calm_percent < 100 ? calm_percent : 100))
		return PANIC_CALM;
	if (p->state == PANIC_ENDING && now_ms >= p->until_ms)
		return PANIC_CALM;
	return PANIC_ENDING;
}

bool panic_step(struct panic *p, const struct panic_tally *tally,
		uint32_t threshold_percent, uint64_t now_ms,
		uint64_t *ret_wake_ms)
{
	enum panic_state state;

	p->threshold_percent = threshold_percent;
	p->n_counted = tally->n_counted;
	p->n_healthy = tally->n_healthy;
	state = next_state(p, tally, now_ms);
	if (state == PANIC_ENDING && p->state != PANIC_ENDING)
		p->until_ms = now_ms + PANIC_HOLD_MS;
	p->state = state;
	*ret_wake_ms = state == PANIC_ENDING ? p->until_ms : 0;
	return state != PANIC_CALM;
}

void panic_print(const struct panic *p, uint64_t now_ms, char *buf, size_t size)
{
	uint64_t left_ms = p->until_ms > now_ms ? p->until_ms - now_ms : 0;

	switch (p->state) {
	case PANIC_CALM:
		(void)snprintf(buf, size, "%s", "");
		break;
	case PANIC_ON:
		(void)snprintf(buf, size,
			       "panic: %u of %u VMs healthy by probes, fewer "
			       "than %u %%; all running VMs serve",
			       p->n_healthy, p->n_counted,
			       p->threshold_percent);
		break;
	case PANIC_ENDING:
		(void)snprintf(buf, size,
			       "panic: %u of %u VMs healthy by probes, enough "
			       "again (%u %%); over in %.0f s if it stays so",
			       p->n_healthy, p->n_counted, p->threshold_percent,
			       (double)left_ms / 1000);
		break;
	}
}
