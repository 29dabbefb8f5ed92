/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions about slots and backend numbers; nothing here changes anything.
 */
#include "dataplane/slots_state.h"

void slots_count(const struct slots *s, uint32_t pool,
		 struct slots_count *ret_count)
{
	const struct slots_pool *p = slots_pool_of(s, pool);
	uint32_t i;

	*ret_count = (struct slots_count){ .n_slots = p ? p->n_slots : 0 };
	if (!p)
		return;
	for (i = bit_next(p->marked, p->n_slots, 0); i < p->n_slots;
	     i = bit_next(p->marked, p->n_slots, i + 1)) {
		switch (slot_state(slot_get(s, p, i))) {
		case SLOT_CLAIMING:
			ret_count->n_claiming++;
			break;
		case SLOT_IS_MOVING:
			ret_count->n_moving++;
			break;
		case SLOT_SETTLING:
			ret_count->n_settling++;
			break;
		case SLOT_STEADY:
			break;
		}
	}
}

/* When the last of its slots can stop naming a number that owns none. */
static uint32_t last_clock_end(const struct slots *s, uint32_t pool,
			       uint16_t backend, uint32_t now_tick)
{
	uint32_t ticks = pool_clock_ticks(&s->t.pools[pool]);
	const struct slots_pool *p = &s->pools[pool];
	const struct slot_clock *clock;
	uint32_t last = now_tick;
	uint32_t refused_tick;
	uint32_t word;
	uint32_t end;
	uint32_t i;

	for (i = bit_next(p->marked, p->n_slots, 0); i < p->n_slots;
	     i = bit_next(p->marked, p->n_slots, i + 1)) {
		word = slot_get(s, p, i);
		if (slot_base(word) != backend)
			continue;
		clock = slot_clock_of(s, p, i);
		end = clock->since_tick + ticks;
		if (slot_state(word) == SLOT_CLAIMING)
			end += pool_claim_ticks(&s->t.pools[pool]);
		refused_tick = READ_ONCE(clock->refused_tick);
		if (refused_tick && tick_reached(refused_tick + ticks, end))
			end = refused_tick + ticks;
		if (tick_reached(end, last))
			last = end;
	}
	return last;
}

void slots_use(const struct slots *s, uint32_t pool, uint16_t backend,
	       uint32_t now_tick, struct slots_use *ret_use)
{
	const struct slots_name *name;
	struct slots_use use;

	*ret_use = (struct slots_use){ .n_current = 0 };
	if (backend == BACKEND_NONE || backend > s->t.n_backends)
		return;
	name = &s->names[backend];
	use = (struct slots_use){
		.n_current = name->n_current,
		.n_base = name->n_base,
		.n_marked = name->n_marked,
		.n_claims = name->n_claims,
		.n_entries = name->n_entries,
		.drained = name->quiet,
		.drained_known = !name->n_owned,
		.exact = !name->n_named && !name->n_claims,
		.drained_tick = now_tick,
	};
	if (use.drained_known && slots_pool_of(s, pool))
		use.drained_tick = last_clock_end(s, pool, backend, now_tick);
	*ret_use = use;
}

bool slots_number_free(const struct slots *s, uint16_t backend)
{
	return backend != BACKEND_NONE && backend <= s->t.n_backends &&
	       s->names[backend].quiet_dead &&
	       !(READ_ONCE(s->t.backends[backend].word) & BACKEND_LIVE);
}

uint16_t slots_number_lowest(const struct slots *s)
{
	uint32_t n;

	for (n = 1; n <= s->t.n_backends && n <= BACKEND_MAX; n++)
		if (slots_number_free(s, (uint16_t)n))
			return (uint16_t)n;
	return BACKEND_NONE;
}
