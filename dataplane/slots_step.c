/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What time does to marked slots: claims end, clocks run out.
 */
#include "dataplane/slots_state.h"

/* Ticks are ahead of or behind each other by less than half their range. */
static bool tick_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static uint32_t tick_later(uint32_t a, uint32_t b)
{
	return tick_before(a, b) ? b : a;
}

/*
 * When a clock is over: so long after it began, and after the last refusal.
 * @refused_tick: as it was read.
 */
static uint32_t clock_end(const struct slot_clock *clock, uint32_t refused_tick,
			  uint32_t ticks)
{
	uint32_t end = clock->since_tick + ticks;

	return refused_tick ? tick_later(end, refused_tick + ticks) : end;
}

/* The claim is over: the new owner becomes current, and the clock starts. */
static void claim_end(struct slots *s, struct slots_pool *p, uint32_t i,
		      uint32_t word)
{
	uint16_t base = slot_base(word);
	uint16_t target = p->target[i];

	if (target == SLOTS_NO_TARGET || target == base) {
		slot_settle(s, p, i, base);
		return;
	}
	slot_leave(s, p, i, target);
}

/**
 * slot_step() - what is due at one slot.
 * @record: of the pool.
 * @ret_next_tick: when it may take its next step.
 *
 * Return: true if there is a next step of this kind.
 */
static bool slot_step(struct slots *s, struct slots_pool *p, uint32_t i,
		      const struct pool *record, uint32_t *ret_next_tick)
{
	uint32_t udp_ticks = SLOTS_CLOCK_TICKS(record->udp_idle_ticks);
	struct slot_clock *clock = slot_clock_of(s, p, i);
	uint32_t word = slot_get(s, p, i);
	uint32_t refused_tick;

	if (slot_state(word) == SLOT_CLAIMING) {
		*ret_next_tick = clock->since_tick + pool_claim_ticks(record);
		if (!tick_reached(s->now_tick, *ret_next_tick))
			return true;
		claim_end(s, p, i, word);
		word = slot_get(s, p, i);
	}
	if (slot_state(word) != SLOT_IS_MOVING)
		return false;
	refused_tick = READ_ONCE(clock->refused_tick);
	*ret_next_tick =
		clock_end(clock, refused_tick, pool_clock_ticks(record));
	if (tick_reached(s->now_tick, *ret_next_tick)) {
		/* Somebody was refused just now: the clock starts over. */
		if (!__sync_bool_compare_and_swap(&clock->refused_tick,
						  refused_tick, SLOT_SEALED))
			return true;
		slot_settle(s, p, i, slot_current(word));
		return false;
	}
	if (!(word & SLOT_MOVING))
		return true;
	udp_ticks = clock_end(clock, refused_tick, udp_ticks);
	if (!tick_reached(s->now_tick, udp_ticks)) {
		*ret_next_tick = udp_ticks;
		return true;
	}
	slot_set(s, p, i, word & ~SLOT_MOVING, SLOTS_NO_TARGET);
	return true;
}

static void pool_step(struct slots *s, uint32_t pool, struct slots_pool *p)
{
	const struct pool *record = &s->t.pools[pool];
	uint32_t next_tick = 0;
	bool has_next = false;
	uint32_t tick = 0;
	uint32_t i;

	for (i = bit_next(p->marked, p->n_slots, 0); i < p->n_slots;
	     i = bit_next(p->marked, p->n_slots, i + 1)) {
		if (!slot_step(s, p, i, record, &tick))
			continue;
		if (!has_next || tick_before(tick, next_tick))
			next_tick = tick;
		has_next = true;
	}
	p->has_next = has_next;
	p->next_tick = next_tick;
}

bool slots_step(struct slots *s, uint32_t now_tick, uint32_t *ret_next_tick)
{
	uint32_t next_tick = 0;
	bool has_next = false;
	struct slots_pool *p;
	uint32_t i;

	s->now_tick = now_tick;
	for (i = 0; i < s->t.n_pools; i++) {
		p = slots_pool_of(s, i);
		if (p && p->has_next && tick_reached(now_tick, p->next_tick))
			pool_step(s, i, p);
		if (!p || !p->has_next)
			continue;
		if (!has_next || tick_before(p->next_tick, next_tick))
			next_tick = p->next_tick;
		has_next = true;
	}
	if (has_next)
		*ret_next_tick = next_tick;
	return has_next;
}
