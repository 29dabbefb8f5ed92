// SPDX-License-Identifier: GPL-2.0-only
/*
 * From results of probes to up and down; fsm.h says how.
 */
#include "health/fsm.h"

/* Flaps that are still remembered at @now_ms. */
static uint32_t flaps_left(const struct fsm *f, uint64_t now_ms)
{
	uint64_t forgotten;

	forgotten = (now_ms - f->flap_ms) / FSM_FLAP_MS;
	return forgotten >= f->flaps ? 0 : f->flaps - (uint32_t)forgotten;
}

static void add_flap(struct fsm *f, uint64_t now_ms)
{
	uint32_t left;

	left = flaps_left(f, now_ms);
	/* Keep the part of the minute that the oldest one has behind it. */
	if (left == 0)
		f->flap_ms = now_ms;
	else
		f->flap_ms += (uint64_t)(f->flaps - left) * FSM_FLAP_MS;
	f->flaps = left < FSM_FLAP_MAX ? left + 1 : FSM_FLAP_MAX;
}

static uint32_t rise_needed(const struct fsm *f, uint32_t rise, uint64_t now_ms)
{
	uint32_t left = flaps_left(f, now_ms);

	return left <= FSM_FLAP_FREE ? rise : rise << (left - FSM_FLAP_FREE);
}

static void enter(struct fsm *f, enum health_state state, uint64_t now_ms)
{
	f->state = state;
	f->since_ms = now_ms;
	f->been_up |= state == HEALTH_UP;
}

void fsm_init(struct fsm *f, enum health_state initial, uint64_t now_ms)
{
	*f = (struct fsm){ .flap_ms = now_ms };
	enter(f, initial, now_ms);
}

void fsm_reset(struct fsm *f, uint64_t now_ms)
{
	f->streak = 0;
	f->been_up = false;
	enter(f, HEALTH_UNKNOWN, now_ms);
}

bool fsm_result(struct fsm *f, uint32_t rise, uint32_t fall, bool ok,
		uint64_t now_ms)
{
	if (f->streak_ok != ok)
		f->streak = 0;
	f->streak_ok = ok;
	if (f->streak < UINT32_MAX)
		f->streak++;

	if (f->state == (ok ? HEALTH_UP : HEALTH_DOWN))
		return false;
	if (f->streak < fsm_needed(f, rise, fall, now_ms))
		return false;
	if (f->state == HEALTH_UP)
		add_flap(f, now_ms);
	enter(f, ok ? HEALTH_UP : HEALTH_DOWN, now_ms);
	return true;
}

uint32_t fsm_needed(const struct fsm *f, uint32_t rise, uint32_t fall,
		    uint64_t now_ms)
{
	return f->streak_ok ? rise_needed(f, rise, now_ms) : fall;
}

bool fsm_flapping(const struct fsm *f, uint64_t now_ms)
{
	return flaps_left(f, now_ms) > FSM_FLAP_FREE;
}
