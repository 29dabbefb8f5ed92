/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pass over the flow table: what is dead or redundant goes, what is left is
 * counted; a slot that nobody needs an entry for becomes steady.
 *
 * The packet path works on the same entries meanwhile. So an entry ends by
 * compare-and-swap from what was judged; if that fails, somebody used it and it
 * counts as live. No entry can slip through between two places: they don't
 * move, and a settling slot gets no new ones.
 */
#include "dataplane/core/flow.h"
#include "dataplane/slots_state.h"

#include <string.h>

/* Two looks at a place that is being written are so far apart at least. */
#define BUSY_TICKS TICKS_OF_MS(1000)

/**
 * struct entry_view - what an entry says, and about whom.
 * @pool: its pool, NULL if it is dead by its generation or belongs nowhere.
 * @slot: its slot in the pool.
 */
struct entry_view {
	uint64_t key;
	uint64_t meta;
	struct slots_pool *pool;
	uint32_t slot;
};

/* Read a key and the meta word that it belongs to. */
static struct entry_view entry_read(const struct slots *s,
				    const struct flow_entry *e)
{
	struct entry_view view = { .pool = NULL };
	const struct backend_record *record;
	const struct backend *backend;

	do {
		view.meta = READ_ONCE(e->meta);
		view.key = READ_ONCE(e->key);
	} while (READ_ONCE(e->meta) != view.meta);
	if (flow_backend(view.meta) > s->t.n_backends)
		return view;
	backend = &s->t.backends[flow_backend(view.meta)];
	record = backend_record(backend);
	if (!record || !flow_current(backend, view.meta))
		return view;
	view.pool = slots_pool_of(s, record->pool);
	if (view.pool)
		view.slot =
			slot_of_key(view.key, s->t.pools[record->pool].range);
	return view;
}

/* Would the flow go elsewhere without its entry, now or after the next step? */
static bool entry_needed(const struct slots *s, const struct entry_view *view)
{
	uint32_t word;

	if (!view->pool || !flow_live(view->meta, s->now_tick))
		return false;
	word = slot_get(s, view->pool, view->slot);
	switch (slot_state(word)) {
	case SLOT_STEADY:
		/* Nobody asks: left over from a race, it must not be found
		 * when the slot is marked again. */
		return false;
	case SLOT_SETTLING:
		/* A packet under way may have seen the slot moving still. */
		return flow_backend(view->meta) != slot_current(word) ||
		       s->now_tick - slot_clock_of(s, view->pool, view->slot)
					       ->since_tick <
			       SLOTS_GRACE_TICKS;
	case SLOT_CLAIMING:
	case SLOT_IS_MOVING:
		return true;
	}
	return true;
}

/* A place that is being written: nobody takes that long but the dead. */
static void busy_look(struct slots *s, struct flow_entry *e, uint64_t meta,
		      uint32_t place)
{
	if (!s->judge_busy)
		return;
	if (bit_get(s->busy, place))
		flow_end(e, meta);
	else
		bit_set(s->busy, place);
}

static void entry_look(struct slots *s, struct flow_entry *e, uint32_t place)
{
	struct entry_view view;
	uint64_t meta = READ_ONCE(e->meta);

	if (meta & FLOW_BUSY) {
		busy_look(s, e, meta, place);
		return;
	}
	if (s->judge_busy)
		bit_clear(s->busy, place);
	if (flow_backend(meta) == BACKEND_NONE)
		return;
	view = entry_read(s, e);
	if (flow_backend(view.meta) == BACKEND_NONE)
		return;
	if (!entry_needed(s, &view) && flow_end(e, view.meta))
		return;
	s->names[flow_backend(view.meta)].n_found++;
	if (view.pool)
		bit_set(view.pool->seen, view.slot);
}

/* Slots that are settling since before the pass are what it is about. */
static void pool_begin(struct slots *s, struct slots_pool *p)
{
	uint32_t i;

	memset(p->seen, 0, bit_words(p->n_slots) * sizeof(*p->seen));
	memset(p->settled, 0, bit_words(p->n_slots) * sizeof(*p->settled));
	for (i = bit_next(p->marked, p->n_slots, 0); i < p->n_slots;
	     i = bit_next(p->marked, p->n_slots, i + 1))
		if (slot_state(slot_get(s, p, i)) == SLOT_SETTLING &&
		    s->now_tick - slot_clock_of(s, p, i)->since_tick >=
			    SLOTS_GRACE_TICKS)
			bit_set(p->settled, i);
}

static void sweep_begin(struct slots *s)
{
	struct slots_name *name;
	uint32_t i;

	s->sweeping = true;
	s->sweep_line = 0;
	s->judge_busy = s->now_tick - s->busy_tick >= BUSY_TICKS;
	if (s->judge_busy)
		s->busy_tick = s->now_tick;
	for (i = 0; i < s->t.n_pools; i++)
		if (slots_pool_of(s, i))
			pool_begin(s, &s->pools[i]);
	for (i = 1; i <= s->t.n_backends; i++) {
		name = &s->names[i];
		name->n_found = 0;
		name->maybe_quiet = !name->n_named && !name->n_claims &&
				    s->now_tick - name->left_tick >=
					    SLOTS_GRACE_TICKS;
		name->maybe_dead =
			name->maybe_quiet &&
			!(READ_ONCE(s->t.backends[i].word) & BACKEND_LIVE);
	}
}

static void pool_end(struct slots *s, struct slots_pool *p)
{
	uint16_t current;
	uint32_t i;

	for (i = bit_next(p->settled, p->n_slots, 0); i < p->n_slots;
	     i = bit_next(p->settled, p->n_slots, i + 1)) {
		if (bit_get(p->seen, i))
			continue;
		current = slot_current(slot_get(s, p, i));
		slot_set(s, p, i, slot_make(current, current, 0),
			 SLOTS_NO_TARGET);
	}
}

static void sweep_end(struct slots *s)
{
	struct slots_name *name;
	uint32_t i;

	s->sweeping = false;
	for (i = 0; i < s->t.n_pools; i++)
		if (slots_pool_of(s, i))
			pool_end(s, &s->pools[i]);
	for (i = 1; i <= s->t.n_backends; i++) {
		name = &s->names[i];
		name->n_entries = name->n_found;
		name->quiet = name->maybe_quiet && !name->n_found;
		name->quiet_dead = name->maybe_dead && !name->n_found;
	}
}

bool slots_sweep(struct slots *s, uint32_t max_lines, uint32_t now_tick)
{
	uint32_t left;
	uint32_t i;

	s->now_tick = now_tick;
	if (!s->sweeping)
		sweep_begin(s);
	left = s->t.n_flow_lines - s->sweep_line;
	for (; left && max_lines; left--, max_lines--, s->sweep_line++)
		for (i = 0; i < FLOWS_PER_LINE; i++)
			entry_look(s, &s->t.flows[s->sweep_line].entry[i],
				   s->sweep_line * FLOWS_PER_LINE + i);
	if (left)
		return false;
	sweep_end(s);
	return true;
}

bool slots_sweep_wanted(const struct slots *s)
{
	const struct slots_name *name;
	uint32_t i;

	for (i = 0; i < s->t.n_pools; i++)
		if (s->pools[i].n_marked)
			return true;
	for (i = 1; i <= s->t.n_backends; i++) {
		name = &s->names[i];
		if (name->n_entries)
			return true;
		if (!name->n_named && !name->n_claims && !name->quiet_dead &&
		    !(name->quiet &&
		      READ_ONCE(s->t.backends[i].word) & BACKEND_LIVE))
			return true;
	}
	return false;
}
