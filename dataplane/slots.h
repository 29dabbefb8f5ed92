/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Table building: which VM has which slot, and how a slot changes hands
 * without a flow noticing.
 *
 * Pure code over tables that somebody else keeps (an engine's maps, a test's
 * arrays): no I/O, time is an argument. What the packet path does with a slot
 * in each state is in dataplane/core/pick.h; this is who changes the state.
 *
 * DOC: states of a slot, and who moves it on
 *
 *	steady	  -> claiming	slots_apply(): the plan gives it to W
 *	settling  -> claiming	the same
 *	claiming  -> moving	slots_step(): the claim is over; current := W and
 *				the clock starts
 *	any	  -> moving	slots_apply(): its owner stands still (held): current
 *				:= W without a claim
 *	claiming  -> settling	the plan changed its mind, or nobody knows W any
 *				more (see restart)
 *	moving	  -> moving	slots_apply(): only current is replaced; and
 *				slots_step() clears SLOT_MOVING after the UDP clock
 *	moving	  -> settling	slots_apply(): current goes back to base;
 *				slots_step(): the clock is over and no insert was
 *				refused for as long: sealed (struct slot_clock),
 *				then base := current;
 *				slots_gone(): base's VM is gone
 *	settling  -> steady	slots_sweep(): a pass over the flow table, begun
 *				after it settled, found no entry that it needs
 *
 * A slot whose base is NONE has no flows: it gets a new owner at once, both
 * fields. A VM that is gone is replaced field by field; the other field, marks
 * and clock stay. The clock is the pool's idle time + 10 %, the UDP clock its
 * UDP idle time + 10 %. Whatever leaves base = current starts a new clock.
 *
 * DOC: restart
 *
 * Every change of a slot is one 32-bit store, and a clock is stored before the
 * slot that it belongs to. So kill -9 between any two stores leaves slots,
 * clocks and entries from which slots_open() goes on; all else here is memory
 * that is worked out again. Only the W of a claim is lost: it is in no table.
 * The next slots_apply() plans from what it finds, takes marked slots first and
 * so hands the same slots on; the claim's own time goes on counting. A claim
 * that no plan wants by its end settles, which moves nothing. A clock that is
 * not known (0, or of the future) starts at slots_open().
 *
 * DOC: threads
 *
 * One control thread calls; any number of CPUs forward meanwhile. The path
 * writes flow entries (by compare-and-swap, as we do) and refused_tick; slots,
 * since_tick and pool ranges have one writer: this code.
 */
#ifndef DATAPLANE_SLOTS_H
#define DATAPLANE_SLOTS_H

#include "dataplane/core/base.h"
#include "dataplane/core/state.h"
#include "dataplane/slots_quota.h"

/* How long a planned change claims its slots: until a handshake that was under way
 * is over; and so long where it is QUIC's, which takes more packets. */
#define SLOTS_CLAIM_TICKS      TICKS_OF_MS(1000)
#define SLOTS_CLAIM_QUIC_TICKS TICKS_OF_MS(3000)

/* Idle time + 10 %, rounded up. */
#define SLOTS_CLOCK_TICKS(idle_ticks) ((idle_ticks) + (idle_ticks) / 10 + 1)

/**
 * struct slots_tables - the tables in force; borrowed until slots_free().
 * @lines: the flat slot array, @n_lines of them.
 * @clocks: one a slot: n_lines * SLOTS_PER_LINE.
 * @flows: the flow table, @n_flow_lines (a power of two).
 * @backends: indexed by number, 0 .. @n_backends (so one more than that; at most
 *            BACKEND_MAX).
 * @pools: @n_pools records; only their @range is written here.
 */
struct slots_tables {
	struct slot_line *lines;
	uint32_t n_lines;
	struct slot_clock *clocks;
	struct flow_line *flows;
	uint32_t n_flow_lines;
	const struct backend *backends;
	uint32_t n_backends;
	struct pool *pools;
	uint32_t n_pools;
};

struct slots; /* opaque: the tables and what is remembered about them */

/**
 * slots_open() - take tables over as they are (all zero: nothing in force).
 * @now_tick: for clocks that are not known.
 *
 * One scan of the slots of pools with a range, and one pass over the flow
 * table. Until the first slots_apply() a pool's shares are what its backends
 * have.
 * Return: 0 or -ENOMEM, -EUCLEAN (a range or slot that can't be).
 */
MUST_CHECK int slots_open(const struct slots_tables *tables, uint32_t now_tick,
			  struct slots **ret_slots);

/* Forget what is remembered; the tables stay in force. NULL is fine. */
void slots_free(struct slots *s);

/**
 * slots_log2_for() - size of the range of a pool.
 * @n_backends: that it may have.
 *
 * Return: 14, 16 or 20: at least 100 slots a backend, as far as that goes.
 */
uint32_t slots_log2_for(uint32_t n_backends);

/**
 * slots_create() - first table of a pool: weighted Maglev, all slots steady.
 * @pool: number of a pool whose record is filled in but for @range (0).
 * @slots_log2: size of its range (any of 4 .. 20).
 *
 * Fills a free range, then stores the pool's @range: its last store. No shares,
 * or none with a weight: all slots NONE.
 * Return: 0, or -ENOSPC (no free range as long), -EINVAL (the pool is in force,
 * or a number stands twice or can't be), -ENOMEM.
 */
MUST_CHECK int slots_create(struct slots *s, uint32_t pool, uint32_t slots_log2,
			    const struct slots_share *shares, uint32_t n_shares,
			    uint32_t now_tick);

/**
 * slots_grow() - give a pool a longer range, copying each slot to its children.
 *
 * No flow moves. Slots that are moving wait one more clock (a refusal noted
 * during the copy must not be lost).
 * Return: 0 (also if it is as long already), -EINVAL (not in force), -ENOSPC,
 * -ENOMEM.
 */
MUST_CHECK int slots_grow(struct slots *s, uint32_t pool, uint32_t slots_log2,
			  uint32_t now_tick);

/* Take a pool out of force: range := 0. Its lines are free after a second. */
void slots_remove(struct slots *s, uint32_t pool, uint32_t now_tick);

/**
 * struct slots_plan - what a pool is to look like.
 * @shares: who takes new flows; a number that is absent or has weight 0 leaves
 *          (planned: keeps its flows).
 * @gone: numbers that are gone: nothing names them when slots_apply() returns.
 * @held: numbers of VMs that stand still (suspended): they leave, too, but
 *        without a claim, since who doesn't answer has no handshake to finish:
 *        current for nobody when slots_apply() returns. They have no share.
 * @max_marked: begin no move of a steady slot while this many of the pool's
 *              slots are marked; 0 = no limit. Apply again when some have
 *              settled. This is where admission and the limit for rebalancing
 *              go in: the entries of n_flows live flows fit if no more than
 *              n_slots * entries / n_flows slots are marked. Who is gone is
 *              replaced whatever the limit.
 */
struct slots_plan {
	const struct slots_share *shares;
	uint32_t n_shares;
	const uint16_t *gone;
	uint32_t n_gone;
	const uint16_t *held;
	uint32_t n_held;
	uint32_t max_marked;
};

/**
 * struct slots_moved - what slots_apply() did.
 * @n_moved: slots that began to move, or changed hands at once.
 * @n_left: moves that @max_marked put off.
 */
struct slots_moved {
	uint32_t n_moved;
	uint32_t n_left;
};

/**
 * slots_apply() - make a plan so, with the fewest moves.
 * @ret_moved: may be NULL.
 *
 * Quotas by largest remainder; only slots above their owner's quota change
 * hands: moving ones that can turn round first, then marked ones, then steady
 * ones, in a keyed pseudo-random order. Applying the same plan again moves
 * nothing.
 * Return: 0, -ENOENT (no such pool in force), -EINVAL (a number stands twice or
 * can't be), -ENOMEM; then nothing was changed.
 */
MUST_CHECK int slots_apply(struct slots *s, uint32_t pool,
			   const struct slots_plan *plan, uint32_t now_tick,
			   struct slots_moved *ret_moved);

/**
 * slots_gone() - a VM is gone, right now: nothing of the pool names it any more
 * when this returns. Nobody else's slot moves.
 *
 * Its slots go to the shares that are left, by their quotas.
 * Return: number of slots changed, -ENOENT, -ENOMEM.
 */
MUST_CHECK int slots_gone(struct slots *s, uint32_t pool, uint16_t backend,
			  uint32_t now_tick);

/**
 * slots_step() - do what clocks are due.
 * @ret_next_tick: when something is due next (may come later: refusals).
 *
 * Costs by the number of marked slots.
 * Return: true if there is a next time.
 */
bool slots_step(struct slots *s, uint32_t now_tick, uint32_t *ret_next_tick);

/**
 * slots_sweep() - go on with a pass over the flow table.
 * @max_lines: of the table to do now (UINT32_MAX: finish the pass).
 *
 * Drops what is expired, of a dead generation, or redundant; frees places whose
 * writer died; counts what is left; at the end of the pass makes slots steady.
 * The first call after a finished pass begins a new one. Passes should begin a
 * second or so apart.
 * Return: true if a pass was finished.
 */
bool slots_sweep(struct slots *s, uint32_t max_lines, uint32_t now_tick);

/* True if a pass has something to find: marked slots, entries, lost numbers. */
bool slots_sweep_wanted(const struct slots *s);

/**
 * struct slots_count - a pool's slots by state; the rest are steady.
 */
struct slots_count {
	uint32_t n_slots;
	uint32_t n_claiming;
	uint32_t n_moving;
	uint32_t n_settling;
};

/* Count a pool's slots; all 0 for a pool that is not in force. */
void slots_count(const struct slots *s, uint32_t pool,
		 struct slots_count *ret_count);

/**
 * struct slots_use - where a backend number stands.
 * @n_current, @n_base: slots that name it so.
 * @n_marked: slots that name it and are marked.
 * @n_claims: claiming slots that will be its.
 * @n_entries: live entries, as of the last pass.
 * @drained: no slot and no live entry names it.
 * @drained_tick: @drained can be true at this tick at the earliest, as things
 *                stand; only if @drained_known.
 * @exact: @n_entries is all its flows (no slot names it).
 */
struct slots_use {
	uint32_t n_current;
	uint32_t n_base;
	uint32_t n_marked;
	uint32_t n_claims;
	uint32_t n_entries;
	bool drained;
	bool drained_known;
	bool exact;
	uint32_t drained_tick;
};

/**
 * slots_use() - how a backend stands in its pool's slots and in the entries.
 * @pool: that it is a backend of.
 *
 * All 0 for a number that can't be.
 */
void slots_use(const struct slots *s, uint32_t pool, uint16_t backend,
	       uint32_t now_tick, struct slots_use *ret_use);

/**
 * slots_number_free() - may a number be given to a new VM?
 *
 * True if its record is not live, no slot names it, and a whole pass begun
 * since found no entry that does.
 */
bool slots_number_free(const struct slots *s, uint16_t backend);

/* The lowest free number, or BACKEND_NONE: there is none now. */
uint16_t slots_number_lowest(const struct slots *s);

#endif
