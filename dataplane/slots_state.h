/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What slots*.c share: the memory beside the tables, and the only functions
 * that write a slot. Not for others; slots.h is the interface.
 */
#ifndef DATAPLANE_SLOTS_STATE_H
#define DATAPLANE_SLOTS_STATE_H

#include "dataplane/slots.h"

/* target[] of a slot that is not claiming, or whose W nobody knows. */
#define SLOTS_NO_TARGET 0xffff

/*
 * A CPU may have read a slot just before we changed it; after this long it has
 * done with the packet.
 */
#define SLOTS_GRACE_TICKS 2

/* Until lines that a pool gave up are given away again. */
#define SLOTS_RETIRED_TICKS TICKS_OF_MS(1000)

#define SLOT_MARKS (SLOT_TRACKED | SLOT_MOVING)

enum slots_state {
	SLOT_STEADY,
	SLOT_CLAIMING,
	SLOT_IS_MOVING,
	SLOT_SETTLING,
};

/**
 * struct slots_pool - a pool's range and what is remembered of it.
 * @n_slots: 0 = not in force.
 * @first: its first slot in the flat array.
 * @n_marked: how many of its slots are marked.
 * @target: of a claiming slot: who gets it.
 * @marked: bit map of marked slots.
 * @settled: slots that have been settling since before the pass over the flow
 *           table began.
 * @seen: slots of which the pass found an entry that they need.
 * @shares: of the last plan, less who is gone.
 * @next_tick: when slots_step() has something to do; only if @has_next.
 */
struct slots_pool {
	uint32_t n_slots;
	uint32_t first;
	uint32_t n_marked;
	uint16_t *target;
	uint64_t *marked;
	uint64_t *settled;
	uint64_t *seen;
	struct slots_share *shares;
	uint32_t n_shares;
	bool has_next;
	uint32_t next_tick;
};

/**
 * struct slots_name - who names a backend number.
 * @n_current, @n_base, @n_named, @n_marked: slots, in either field, marked.
 * @n_owned: slots that are, or by the end of their claim will be, its.
 * @n_claims: those of them that are claimed.
 * @n_entries: live entries in the last pass; @n_found: in this one so far.
 * @left_tick: when the last slot stopped naming it.
 * @quiet: the last pass began when no slot named it, and found no entry.
 * @quiet_dead: the same, and its record was not live.
 * @maybe_quiet, @maybe_dead: this pass began so.
 * @listed: while a plan is checked.
 */
struct slots_name {
	uint32_t n_current;
	uint32_t n_base;
	uint32_t n_named;
	uint32_t n_marked;
	uint32_t n_owned;
	uint32_t n_claims;
	uint32_t n_entries;
	uint32_t n_found;
	uint32_t left_tick;
	bool quiet;
	bool quiet_dead;
	bool maybe_quiet;
	bool maybe_dead;
	bool listed;
};

/* Lines that a CPU may still be reading. */
struct slots_retired {
	uint32_t first_line;
	uint32_t n_lines;
	uint32_t tick;
};

/**
 * struct slots - see slots.h.
 * @now_tick: of the call under way.
 * @pools, @names: by number.
 * @retired: @n_retired of them; there is room for one more of every pool.
 * @sweeping: a pass is under way; @sweep_line is its next line.
 * @sweep_tick: when it began.
 * @busy: bit map of places that were being written at @busy_tick.
 * @judge_busy: this pass looks at them again.
 */
struct slots {
	struct slots_tables t;
	uint32_t now_tick;
	struct slots_pool *pools;
	struct slots_name *names;
	struct slots_retired *retired;
	uint32_t n_retired;
	bool sweeping;
	uint32_t sweep_line;
	uint32_t sweep_tick;
	uint64_t *busy;
	uint32_t busy_tick;
	bool judge_busy;
};

static inline bool bit_get(const uint64_t *map, uint32_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static inline void bit_set(uint64_t *map, uint32_t i)
{
	map[i / 64] |= 1ULL << (i % 64);
}

static inline void bit_clear(uint64_t *map, uint32_t i)
{
	map[i / 64] &= ~(1ULL << (i % 64));
}

/* Words of a bit map. */
static inline uint32_t bit_words(uint32_t n_bits)
{
	return (n_bits + 63) / 64;
}

/* The next bit that is set, at or after @i; @n_bits if there is none. */
static inline uint32_t bit_next(const uint64_t *map, uint32_t n_bits,
				uint32_t i)
{
	uint64_t word;

	while (i < n_bits) {
		word = map[i / 64] >> (i % 64);
		if (word)
			return i + (uint32_t)__builtin_ctzll(word);
		i = (i / 64 + 1) * 64;
	}
	return n_bits;
}

static inline enum slots_state slot_state(uint32_t word)
{
	if (!(word & SLOT_TRACKED))
		return SLOT_STEADY;
	if (slot_current(word) != slot_base(word))
		return SLOT_IS_MOVING;
	return word & SLOT_MOVING ? SLOT_CLAIMING : SLOT_SETTLING;
}

static inline uint32_t slot_get(const struct slots *s,
				const struct slots_pool *p, uint32_t i)
{
	uint32_t slot = p->first + i;

	return READ_ONCE(
		s->t.lines[slot / SLOTS_PER_LINE].slot[slot % SLOTS_PER_LINE]);
}

static inline struct slot_clock *
slot_clock_of(const struct slots *s, const struct slots_pool *p, uint32_t i)
{
	return &s->t.clocks[p->first + i];
}

/* How long the slots of a pool are claimed. */
static inline uint32_t pool_claim_ticks(const struct pool *record)
{
	return record->claim_ticks ? record->claim_ticks : SLOTS_CLAIM_TICKS;
}

/* Whose a slot is, or will be when its claim is over. */
static inline uint16_t slot_owner(const struct slots_pool *p, uint32_t i,
				  uint32_t word)
{
	return p->target[i] == SLOTS_NO_TARGET ? slot_current(word) :
						 p->target[i];
}

/* How long a slot of a pool stays moving at least. */
static inline uint32_t pool_clock_ticks(const struct pool *record)
{
	uint32_t idle = record->idle_ticks > record->udp_idle_ticks ?
				record->idle_ticks :
				record->udp_idle_ticks;

	return SLOTS_CLOCK_TICKS(idle);
}

/* 0 means "not known" or "never", 1 is SLOT_SEALED. */
static inline uint32_t tick_known(uint32_t tick)
{
	return tick > SLOT_SEALED ? tick : ~0U;
}

/**
 * slots_pool_of() - a pool in force, or NULL.
 */
struct slots_pool *slots_pool_of(const struct slots *s, uint32_t pool);

/**
 * slots_name_add() - count a slot for the numbers that it names.
 * @n: 1 or more slots alike; -1 or less: no longer.
 */
void slots_name_add(struct slots *s, uint32_t word, uint16_t target, int n);

/* Note that something names the numbers of a slot, or has stopped to. */
void slots_names_note(struct slots *s, uint32_t word, uint16_t target);

/* Memory beside a range; @p is zero. */
MUST_CHECK int slots_pool_init(struct slots_pool *p, uint32_t first_line,
			       uint32_t slots_log2);
void slots_pool_done(struct slots_pool *p);

/**
 * slot_set() - store a slot, once, and keep count.
 * @target: who gets it after its claim, or SLOTS_NO_TARGET.
 */
void slot_set(struct slots *s, struct slots_pool *p, uint32_t i, uint32_t word,
	      uint16_t target);

/* current := @owner, base keeps its flows; the clock starts. */
void slot_leave(struct slots *s, struct slots_pool *p, uint32_t i,
		uint16_t owner);

/* base = current from now on, marked: entries are obeyed, none are made. */
void slot_settle(struct slots *s, struct slots_pool *p, uint32_t i,
		 uint16_t owner);

/* Start a slot's clock; before the store of the slot that it is for. */
void slot_clock_start(struct slots *s, struct slots_pool *p, uint32_t i);

/* True if each number can be a backend's and stands there once. */
bool slots_shares_valid(struct slots *s, const struct slots_share *shares,
			uint32_t n_shares);

/* Keep a copy of the shares that have a weight. */
MUST_CHECK int slots_keep_shares(struct slots_pool *p,
				 const struct slots_share *shares,
				 uint32_t n_shares);

#endif
