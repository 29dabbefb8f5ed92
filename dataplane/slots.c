/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Take over what is in force, and write slots: the one place that stores a slot
 * of a range in force, and keeps count of who names which number.
 */
#include "dataplane/slots.h"

#include "dataplane/slots_state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct slots_pool *slots_pool_of(const struct slots *s, uint32_t pool)
{
	if (pool >= s->t.n_pools || !s->pools[pool].n_slots)
		return NULL;
	return &s->pools[pool];
}

void slots_name_add(struct slots *s, uint32_t word, uint16_t target, int n)
{
	struct slots_name *current = &s->names[slot_current(word)];
	struct slots_name *base = &s->names[slot_base(word)];
	bool claimed = target != SLOTS_NO_TARGET;
	struct slots_name *owner = claimed ? &s->names[target] : current;
	int marked = word & SLOT_TRACKED ? n : 0;

	current->n_current += n;
	current->n_named += n;
	current->n_marked += marked;
	base->n_base += n;
	if (base != current) {
		base->n_named += n;
		base->n_marked += marked;
	}
	owner->n_owned += n;
	owner->n_claims += claimed ? n : 0;
}

/* Note for the numbers of a slot whether something names them still. */
static void name_note(struct slots *s, uint16_t backend)
{
	struct slots_name *name = &s->names[backend];

	name->left_tick = s->now_tick;
	if (name->n_named || name->n_claims) {
		name->quiet = false;
		name->quiet_dead = false;
		name->maybe_quiet = false;
		name->maybe_dead = false;
	}
}

void slots_names_note(struct slots *s, uint32_t word, uint16_t target)
{
	name_note(s, slot_current(word));
	name_note(s, slot_base(word));
	if (target != SLOTS_NO_TARGET)
		name_note(s, target);
}

void slot_set(struct slots *s, struct slots_pool *p, uint32_t i, uint32_t word,
	      uint16_t target)
{
	uint32_t slot = p->first + i;
	uint32_t *place =
		&s->t.lines[slot / SLOTS_PER_LINE].slot[slot % SLOTS_PER_LINE];
	uint16_t old_target = p->target[i];
	uint32_t old = READ_ONCE(*place);

	slots_name_add(s, old, old_target, -1);
	slots_name_add(s, word, target, 1);
	slots_names_note(s, old, old_target);
	slots_names_note(s, word, target);
	p->n_marked -= bit_get(p->marked, i);
	bit_clear(p->marked, i);
	if (word & SLOT_TRACKED) {
		bit_set(p->marked, i);
		p->n_marked++;
		p->has_next = true;
		p->next_tick = s->now_tick;
	}
	bit_clear(p->settled, i);
	p->target[i] = target;
	if (old != word)
		WRITE_ONCE(*place, word);
}

void slot_clock_start(struct slots *s, struct slots_pool *p, uint32_t i)
{
	struct slot_clock *clock = slot_clock_of(s, p, i);

	/* A steady slot's last refusal is of its life before. */
	if (slot_state(slot_get(s, p, i)) == SLOT_STEADY)
		WRITE_ONCE(clock->refused_tick, 0);
	WRITE_ONCE(clock->since_tick, tick_known(s->now_tick));
}

void slot_leave(struct slots *s, struct slots_pool *p, uint32_t i,
		uint16_t owner)
{
	struct slot_clock *clock = slot_clock_of(s, p, i);

	/* The seal is of the last move; refusals of the claim still count. */
	if (READ_ONCE(clock->refused_tick) == SLOT_SEALED)
		WRITE_ONCE(clock->refused_tick, 0);
	slot_clock_start(s, p, i);
	slot_set(s, p, i,
		 slot_make(owner, slot_base(slot_get(s, p, i)),
			   SLOT_TRACKED | SLOT_MOVING),
		 SLOTS_NO_TARGET);
}

void slot_settle(struct slots *s, struct slots_pool *p, uint32_t i,
		 uint16_t owner)
{
	slot_set(s, p, i, slot_make(owner, owner, SLOT_TRACKED),
		 SLOTS_NO_TARGET);
	/* After the slot: killed between, it would wait a clock for nothing. */
	slot_clock_start(s, p, i);
}

bool slots_shares_valid(struct slots *s, const struct slots_share *shares,
			uint32_t n_shares)
{
	bool valid = true;
	uint32_t n;
	uint32_t i;

	for (n = 0; n < n_shares && valid; n++) {
		valid = shares[n].backend != BACKEND_NONE &&
			shares[n].backend <= s->t.n_backends &&
			!s->names[shares[n].backend].listed;
		if (valid)
			s->names[shares[n].backend].listed = true;
	}
	for (i = 0; i < n; i++)
		if (shares[i].backend <= s->t.n_backends)
			s->names[shares[i].backend].listed = false;
	return valid;
}

int slots_keep_shares(struct slots_pool *p, const struct slots_share *shares,
		      uint32_t n_shares)
{
	struct slots_share *kept = calloc(n_shares + 1ULL, sizeof(*kept));
	uint32_t n_kept = 0;
	uint32_t i;

	if (!kept)
		return -ENOMEM;
	for (i = 0; i < n_shares; i++)
		if (shares[i].weight)
			kept[n_kept++] = shares[i];
	free(p->shares);
	p->shares = kept;
	p->n_shares = n_kept;
	return 0;
}

void slots_pool_done(struct slots_pool *p)
{
	free(p->target);
	free(p->marked);
	free(p->settled);
	free(p->seen);
	free(p->shares);
	*p = (struct slots_pool){ .n_slots = 0 };
}

int slots_pool_init(struct slots_pool *p, uint32_t first_line,
		    uint32_t slots_log2)
{
	uint32_t n_slots = 1U << slots_log2;
	uint32_t i;

	p->target = malloc(n_slots * sizeof(*p->target));
	p->marked = calloc(bit_words(n_slots), sizeof(*p->marked));
	p->settled = calloc(bit_words(n_slots), sizeof(*p->settled));
	p->seen = calloc(bit_words(n_slots), sizeof(*p->seen));
	if (!p->target || !p->marked || !p->settled || !p->seen) {
		slots_pool_done(p);
		return -ENOMEM;
	}
	for (i = 0; i < n_slots; i++)
		p->target[i] = SLOTS_NO_TARGET;
	p->first = first_line * SLOTS_PER_LINE;
	p->n_slots = n_slots;
	return 0;
}

/* Read a range that is in force. */
static int pool_adopt(struct slots *s, struct slots_pool *p)
{
	struct slot_clock *clock;
	uint32_t word;
	uint32_t i;

	for (i = 0; i < p->n_slots; i++) {
		word = slot_get(s, p, i);
		if (slot_current(word) > s->t.n_backends ||
		    slot_base(word) > s->t.n_backends)
			return -EUCLEAN;
		slots_name_add(s, word, SLOTS_NO_TARGET, 1);
		if (!(word & SLOT_TRACKED))
			continue;
		bit_set(p->marked, i);
		p->n_marked++;
		clock = slot_clock_of(s, p, i);
		if (!clock->since_tick ||
		    !tick_reached(s->now_tick, clock->since_tick))
			slot_clock_start(s, p, i);
		/* Sealed and still moving: killed between the two stores. The
		 * path sends who is refused to current since then. */
		if (clock->refused_tick == SLOT_SEALED &&
		    slot_state(word) == SLOT_IS_MOVING)
			slot_settle(s, p, i, slot_current(word));
		else if (clock->refused_tick > SLOT_SEALED &&
			 !tick_reached(s->now_tick, clock->refused_tick))
			WRITE_ONCE(clock->refused_tick,
				   tick_known(s->now_tick));
	}
	p->has_next = p->n_marked != 0;
	p->next_tick = s->now_tick;
	return 0;
}

/* Until the first plan, a backend's share is what it has. */
static int pool_guess_shares(struct slots *s, struct slots_pool *p)
{
	struct slots_share *shares;
	uint32_t n_shares = 0;
	uint16_t backend;
	uint32_t i;
	int err;

	shares = calloc(s->t.n_backends + 1ULL, sizeof(*shares));
	if (!shares)
		return -ENOMEM;
	for (i = 0; i < p->n_slots; i++) {
		backend = slot_current(slot_get(s, p, i));
		if (backend == BACKEND_NONE || s->names[backend].listed)
			continue;
		s->names[backend].listed = true;
		shares[n_shares].id = backend;
		shares[n_shares].weight = s->names[backend].n_owned;
		shares[n_shares].backend = backend;
		n_shares++;
	}
	for (i = 0; i < n_shares; i++)
		s->names[shares[i].backend].listed = false;
	err = slots_keep_shares(p, shares, n_shares);
	free(shares);
	return err;
}

static int slots_adopt(struct slots *s)
{
	struct slots_pool *p;
	uint32_t slots_log2;
	uint32_t range;
	uint32_t i;
	int err;

	for (i = 0; i < s->t.n_pools; i++) {
		range = s->t.pools[i].range;
		slots_log2 = POOL_SLOTS_LOG2(range);
		if (!range)
			continue;
		if (slots_log2 < 4 || slots_log2 > 20 ||
		    (uint64_t)POOL_FIRST_LINE(range) +
				    (1U << slots_log2) / SLOTS_PER_LINE >
			    s->t.n_lines)
			return -EUCLEAN;
		p = &s->pools[i];
		err = slots_pool_init(p, POOL_FIRST_LINE(range), slots_log2);
		if (!err)
			err = pool_adopt(s, p);
		if (!err)
			err = pool_guess_shares(s, p);
		if (err)
			return err;
	}
	return 0;
}

int slots_open(const struct slots_tables *tables, uint32_t now_tick,
	       struct slots **ret_slots)
{
	struct slots *s;
	int err = -ENOMEM;
	uint32_t i;

	assert(tables->n_backends <= BACKEND_MAX);
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->t = *tables;
	s->now_tick = now_tick;
	s->busy_tick = now_tick;
	s->pools = calloc(s->t.n_pools + 1ULL, sizeof(*s->pools));
	s->names = calloc(s->t.n_backends + 1ULL, sizeof(*s->names));
	s->retired = calloc(s->t.n_pools + 1ULL, sizeof(*s->retired));
	s->busy = calloc(bit_words(s->t.n_flow_lines * FLOWS_PER_LINE) + 1ULL,
			 sizeof(*s->busy));
	for (i = 0; s->names && i <= s->t.n_backends; i++)
		s->names[i].left_tick = now_tick - SLOTS_GRACE_TICKS;
	if (s->pools && s->names && s->retired && s->busy)
		err = slots_adopt(s);
	if (err) {
		slots_free(s);
		return err;
	}
	slots_sweep(s, UINT32_MAX, now_tick);
	*ret_slots = s;
	return 0;
}

void slots_free(struct slots *s)
{
	uint32_t i;

	if (!s)
		return;
	for (i = 0; s->pools && i < s->t.n_pools; i++)
		slots_pool_done(&s->pools[i]);
	free(s->pools);
	free(s->names);
	free(s->retired);
	free(s->busy);
	free(s);
}
