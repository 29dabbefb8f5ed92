/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Slot and entry -> backend: the rules that keep a flow on its VM while its
 * slot changes hands, with state only for flows whose slot is marked.
 *
 * DOC: rules (TCP and QUIC; plain UDP in brackets where it differs)
 *
 *	steady    current; no table is asked.
 *	claiming  its entry, else base (= current) and an entry for it.
 *	moving    its entry; else an opener goes to current and any other
 *		  packet to base, and an entry is made for it
 *		  [while SLOT_MOVING to base, afterwards to current].
 *		  A refused insert never changes where the next packet of the
 *		  flow goes: an opener without entry goes to base, as its later
 *		  packets will.
 *	settling  its entry, else current; no entry is made.
 *
 * An opener that meets the entry of a connection that is over replaces it (or,
 * settling, just ends it). Background: JET (CoNEXT'21) and Beamer (NSDI'18)
 * keep per-flow state for moves; entry classes and eviction are our own.
 *
 * DOC: who may take whose place in a full line
 *
 *	1 free, expired, or of a VM that is gone
 *	2 redundant: its slot is settling and it names current
 *	3 embryonic for 4 s without a packet     (not for an opener)
 *	4 unconfirmed, oldest first, of a slot that has SLOT_MOVING and names it
 *	  as base                                (not for an opener)
 *
 * A confirmed entry that its slot still needs is never taken: that would break
 * an established flow, where refusing only keeps a slot marked for longer. Nor
 * is an unconfirmed one whose flow would go elsewhere without it: it names
 * another than base (its slot has settled or moved on since), or may be plain
 * UDP. An opener takes nobody's place but 1 and 2, because it loses nothing by
 * a refusal, so a flood of openers pushes nothing out. At most half of a line
 * is unconfirmed. Where a live entry that its slot needs is taken (4), the slot
 * counts as refused and waits one more clock.
 *
 * What a full line can cost: a handshake whose client is silent for over 4 s
 * (3), and one whose opener was refused and is repeated before its answer comes.
 */
#ifndef DATAPLANE_CORE_PICK_H
#define DATAPLANE_CORE_PICK_H

#include "dataplane/core/flow.h"
#include "dataplane/core/pkt.h"

#define FLOW_EMBRYONIC_SAFE_TICKS TICKS_OF_MS(4000)
#define UNCONFIRMED_PER_LINE	  (FLOWS_PER_LINE / 2)

enum pick_action {
	PICK_PLAIN,	 /* go; no entry is made or noted */
	PICK_ENTRY,	 /* go where the entry says; note the packet on it */
	PICK_INSERT,	 /* make an entry for where it goes */
	PICK_END_PLAIN,	 /* end the entry, then PICK_PLAIN */
	PICK_END_INSERT, /* end the entry, then PICK_INSERT */
};

/**
 * struct pick - what the rules say of one packet.
 * @action: what to do to the table.
 * @backend: where it goes.
 * @refused_backend: where it goes if the insert is refused.
 */
struct pick {
	enum pick_action action;
	uint16_t backend;
	uint16_t refused_backend;
};

/**
 * pick_decide() - the rules, as a pure function.
 * @slot: the slot's word.
 * @entry: meta word of the flow's live entry, 0 = none.
 * @kind: what the packet is.
 */
static ALWAYS_INLINE struct pick pick_decide(uint32_t slot, uint64_t entry,
					     enum flow_kind kind)
{
	uint16_t current = slot_current(slot);
	uint16_t base = slot_base(slot);
	struct pick pick = { PICK_PLAIN, current, current };
	bool over = entry && kind == FLOW_OPENER && flow_closing(entry);

	if (!(slot & SLOT_TRACKED))
		return pick;
	if (entry && !over) {
		pick.action = PICK_ENTRY;
		pick.backend = flow_backend(entry);
		return pick;
	}
	if (current == base && !(slot & SLOT_MOVING)) {
		pick.action = over ? PICK_END_PLAIN : PICK_PLAIN;
		return pick;
	}
	pick.action = over ? PICK_END_INSERT : PICK_INSERT;
	pick.refused_backend = base;
	if (kind == FLOW_OTHER || (kind == FLOW_UDP && slot & SLOT_MOVING))
		pick.backend = base;
	else if (kind == FLOW_UDP)
		pick.refused_backend = current;
	if (base == BACKEND_NONE)
		pick.refused_backend = current;
	if (pick.backend == BACKEND_NONE)
		pick.action = over ? PICK_END_PLAIN : PICK_PLAIN;
	return pick;
}

/**
 * struct flow_owner - what the slot of another flow's entry says about it.
 * @live: the entry's backend number still has the VM it was made for.
 * @slot: index of its slot in the flat array.
 * @word: that slot.
 * @idle_ticks: of its pool.
 */
struct flow_owner {
	bool live;
	uint32_t slot;
	uint32_t word;
	uint32_t idle_ticks;
};

/* Find the slot of an entry: the key has the slot bits, the backend the pool. */
static ALWAYS_INLINE struct flow_owner
flow_owner_of(const struct tables *t, void *e, uint64_t key, uint64_t meta)
{
	struct flow_owner owner = { .live = false };
	const struct backend_record *record;
	const struct slot_line *line;
	const struct backend *backend;
	const struct pool *pool;
	uint32_t range;

	backend = t->backend(e, flow_backend(meta));
	if (!backend || !flow_current(backend, meta))
		return owner;
	record = backend_record(backend);
	pool = record ? t->pool(e, record->pool) : NULL;
	range = pool ? READ_ONCE(pool->range) : 0;
	if (!range)
		return owner;
	owner.slot = POOL_FIRST_LINE(range) * SLOTS_PER_LINE +
		     slot_of_key(key, range);
	line = t->slot_line(e, owner.slot / SLOTS_PER_LINE);
	if (!line)
		return owner;
	owner.word = READ_ONCE(line->slot[owner.slot % SLOTS_PER_LINE]);
	owner.idle_ticks = pool->idle_ticks;
	owner.live = true;
	return owner;
}

/*
 * Note that a slot's flow went without an entry: its clock starts over.
 * Return: false if that is too late, the slot's clock is over.
 */
static ALWAYS_INLINE bool slot_refuse(const struct tables *t, void *e,
				      uint32_t slot, uint32_t now_tick)
{
	struct slot_clock *clock = t->slot_clock(e, slot);
	uint32_t refused_tick;

	if (!clock)
		return true;
	refused_tick = READ_ONCE(clock->refused_tick);
	/* The lowest mean something else; a tick too early does no harm. */
	if (now_tick <= SLOT_SEALED)
		now_tick = ~0U;
	/* A lost swap is another's refusal, or the seal. */
	if (refused_tick != SLOT_SEALED && refused_tick != now_tick)
		refused_tick = __sync_val_compare_and_swap(
			&clock->refused_tick, refused_tick, now_tick);
	return refused_tick != SLOT_SEALED;
}

/* RANK_COUNTED is in those of which half a line may be at most. */
#define RANK_FREE	 0
#define RANK_REDUNDANT	 1
#define RANK_EMBRYONIC	 2
#define RANK_COUNTED	 4
#define RANK_UNCONFIRMED (RANK_COUNTED | 0)
#define RANK_KEPT	 (RANK_COUNTED | 1) /* its slot can't do without it */
#define RANK_NEVER	 8

/* How readily an entry gives its place; see above. */
static ALWAYS_INLINE uint32_t flow_rank(const struct tables *t, void *e,
					uint64_t key, uint64_t meta,
					uint32_t now_tick)
{
	struct flow_owner owner;
	uint32_t seen_tick;

	if (meta & FLOW_BUSY)
		return RANK_NEVER;
	if (!flow_live(meta, now_tick))
		return RANK_FREE;
	owner = flow_owner_of(t, e, key, meta);
	if (!owner.live)
		return RANK_FREE;
	if (slot_current(owner.word) == slot_base(owner.word) &&
	    !(owner.word & SLOT_MOVING) &&
	    slot_current(owner.word) == flow_backend(meta))
		return RANK_REDUNDANT;
	if (flow_class_of(meta) == FLOW_UNCONFIRMED)
		return owner.word & SLOT_MOVING &&
				       flow_backend(meta) ==
					       slot_base(owner.word) ?
			       RANK_UNCONFIRMED :
			       RANK_KEPT;
	seen_tick = flow_expiry(meta) - flow_limit(meta, owner.idle_ticks);
	if (flow_class_of(meta) == FLOW_EMBRYONIC &&
	    tick_reached(now_tick, seen_tick + FLOW_EMBRYONIC_SAFE_TICKS))
		return RANK_EMBRYONIC;
	return RANK_NEVER;
}

/* Rank above, end below: of two, the lower one gives its place first. */
static ALWAYS_INLINE uint64_t flow_score(uint32_t rank, uint64_t meta,
					 uint32_t now_tick)
{
	/* Behind now by 2^31 ticks is 0. */
	uint32_t end = flow_expiry(meta) - now_tick + (1U << 31);

	return (uint64_t)rank << 32 | end;
}

/**
 * struct flow_place - the place that a new entry may have.
 * @index: in the line; < 0 = none.
 * @meta: its meta word as it was judged.
 * @rank: RANK_* of what is there.
 */
struct flow_place {
	int index;
	uint64_t meta;
	uint32_t rank;
};

/*
 * Two passes, the second over numbers only: verifiers walk the branches of one
 * loop times those of the next, and 6.1's has no patience for ranks as such.
 */
static ALWAYS_INLINE struct flow_place
flow_find_place(const struct tables *t, void *e, struct flow_line *line,
		enum flow_class class, uint32_t now_tick)
{
	struct flow_place place = { -1, 0, RANK_NEVER };
	uint64_t meta[FLOWS_PER_LINE];
	uint32_t ranks = 0; /* a byte each */
	uint32_t lowest = RANK_FREE;
	uint32_t highest = RANK_UNCONFIRMED;
	uint32_t n_counted = 0;
	uint64_t score;
	uint64_t best;
	uint64_t key;
	uint32_t rank;
	int i;

	for (i = 0; i < FLOWS_PER_LINE; i++) {
		meta[i] = READ_ONCE(line->entry[i].meta);
		key = READ_ONCE(line->entry[i].key);
		rank = t->rank ? t->rank(e, key, meta[i], now_tick) :
				 flow_rank(t, e, key, meta[i], now_tick);
		n_counted += (rank & RANK_COUNTED) / RANK_COUNTED;
		ranks |= (rank & 0xff) << i * 8;
	}
	if (class == FLOW_UNCONFIRMED && n_counted >= UNCONFIRMED_PER_LINE)
		lowest = RANK_UNCONFIRMED;
	else if (class == FLOW_EMBRYONIC)
		highest = RANK_REDUNDANT;
	/* What is below the lowest wraps, and is above all. */
	best = (uint64_t)(highest + 1 - lowest) << 32;
	for (i = 0; i < FLOWS_PER_LINE; i++) {
		score = flow_score(ranks >> i * 8 & 0xff, meta[i], now_tick) -
			((uint64_t)lowest << 32);
		if (score < best) {
			best = score;
			place.index = i;
			place.meta = meta[i];
		}
	}
	place.rank = (uint32_t)(best >> 32) + lowest;
	return place;
}

/**
 * struct tracked - a packet whose slot is marked, as the flow table sees it.
 * @key: of its flow.
 * @pool: number of its pool.
 * @index: of its slot in the flat array; @slot: the slot's word.
 * @kind, @tcp_flags: as in struct pkt.
 * @refused, @evicted: set as in struct pkt.
 * @too_late: it was refused when the slot's clock was over.
 * @how: set as in struct pkt.
 */
struct tracked {
	uint64_t key;
	uint32_t pool;
	uint32_t index;
	uint32_t slot;
	enum flow_kind kind;
	uint8_t tcp_flags;
	bool refused;
	bool evicted;
	bool too_late;
	uint8_t how;
	uint8_t spare[3];
};
_Static_assert(sizeof(struct tracked) == 32, "no padding in an argument");

/**
 * flow_insert() - make an entry for a packet.
 *
 * Return: the meta word in force for the flow, or 0: refused, and noted at the
 * slot. @q says whether it was refused or took a live entry's place.
 */
static ALWAYS_INLINE uint64_t flow_insert(const struct tables *t, void *e,
					  struct tracked *q,
					  struct flow_line *line, uint64_t meta,
					  uint32_t now_tick)
{
	struct flow_place place;
	struct flow_owner owner;
	struct flow_entry *entry;
	uint64_t now_meta = 0;
	uint64_t victim = 0;

	place = flow_find_place(t, e, line, flow_class_of(meta), now_tick);
	if (place.index >= 0) {
		entry = &line->entry[place.index & (FLOWS_PER_LINE - 1)];
		victim = READ_ONCE(entry->key);
		now_meta = flow_claim(line, entry, place.meta, q->key, meta,
				      now_tick);
	}
	if (!now_meta) {
		q->refused = true;
		q->too_late = !slot_refuse(t, e, q->index, now_tick);
		return 0;
	}
	if (place.rank >= RANK_EMBRYONIC) {
		q->evicted = true;
		owner = flow_owner_of(t, e, victim, place.meta);
		if (owner.live)
			slot_refuse(t, e, owner.slot, now_tick);
	}
	return now_meta;
}

/* A packet of a marked slot: the flow table is asked. */
static ALWAYS_INLINE uint16_t pick_tracked(const struct tables *t, void *e,
					   struct tracked *q)
{
	uint32_t now_tick = TICKS_OF_NS(t->now_ns(e));
	const struct pool *pool = t->pool(e, q->pool);
	const struct node *node = t->node(e);
	struct flow_entry *entry = NULL;
	const struct backend *backend;
	struct flow_line *line;
	uint32_t idle_ticks;
	uint64_t meta = 0;
	struct pick pick;

	line = node ? t->flow_line(e, (uint32_t)q->key & node->flow_line_mask) :
		      NULL;
	if (!line || !pool)
		return slot_base(q->slot);
	idle_ticks = q->kind == FLOW_UDP ? pool->udp_idle_ticks :
					   pool->idle_ticks;
	entry = flow_find(line, q->key, now_tick, &meta);
	if (entry) {
		backend = t->backend(e, flow_backend(meta));
		if (!backend || !flow_current(backend, meta)) {
			flow_end(entry, meta);
			entry = NULL;
			meta = 0;
		}
	}
	pick = pick_decide(q->slot, meta, q->kind);
	q->how = HOW_SLOT;
	if (pick.action == PICK_PLAIN)
		return pick.backend;
	if (entry && pick.action == PICK_ENTRY) {
		q->how = HOW_ENTRY;
		flow_touch(entry, meta, q->tcp_flags, FLOW_FIN_CLIENT,
			   idle_ticks, now_tick);
		return pick.backend;
	}
	if (entry)
		flow_end(entry, meta);
	/* An RST ends its flow: nothing is left to keep together. */
	if (pick.action == PICK_END_PLAIN || q->tcp_flags & TCP_RST)
		return pick.backend;
	backend = t->backend(e, pick.backend);
	if (!backend)
		return BACKEND_NONE;
	meta = flow_meta(
		pick.backend, BACKEND_GENERATION(READ_ONCE(backend->word)),
		q->kind == FLOW_OPENER ? FLOW_EMBRYONIC : FLOW_UNCONFIRMED, 0);
	meta = flow_seen(meta, q->tcp_flags, FLOW_FIN_CLIENT, idle_ticks,
			 now_tick);
	meta = flow_insert(t, e, q, line, meta, now_tick);
	q->how = meta ? HOW_MADE : HOW_REFUSED;
	if (meta)
		return flow_backend(meta);
	return q->too_late ? slot_current(q->slot) : pick.refused_backend;
}

static ALWAYS_INLINE uint16_t pick_marked(const struct tables *t, void *e,
					  struct pkt *p, uint32_t index,
					  uint32_t slot)
{
	struct tracked q = {
		.key = p->key,
		.pool = p->pool,
		.index = index,
		.slot = slot,
		.kind = p->kind,
		.tcp_flags = p->tcp_flags,
	};
	uint16_t backend;

	backend = t->tracked ? t->tracked(e, &q) : pick_tracked(t, e, &q);
	p->refused = q.refused;
	p->evicted = q.evicted;
	p->how = q.how;
	return backend;
}

/**
 * pick_slot() - find the slot of a flow's key.
 * @ret_index: its place in the flat array.
 *
 * Return: its word; 0 = there is none, or nobody has it.
 */
static ALWAYS_INLINE uint32_t pick_slot(const struct tables *t, void *e,
					const struct pool *pool, uint64_t key,
					uint32_t *ret_index)
{
	uint32_t range = READ_ONCE(pool->range);
	const struct slot_line *line;
	uint32_t index;

	if (!range)
		return 0;
	index = POOL_FIRST_LINE(range) * SLOTS_PER_LINE +
		slot_of_key(key, range);
	line = t->slot_line(e, index / SLOTS_PER_LINE);
	*ret_index = index;
	return line ? READ_ONCE(line->slot[index % SLOTS_PER_LINE]) : 0;
}

/**
 * pick_peek() - the backend of a packet whose key is known, noting nothing.
 *
 * For what is about a flow and not of it: neither an error that quotes one of
 * its packets nor a question about it keeps it alive.
 */
static ALWAYS_INLINE uint16_t pick_peek(const struct tables *t, void *e,
					const struct pool *pool, uint64_t key,
					enum flow_kind kind)
{
	uint32_t index = 0;
	uint32_t slot = pick_slot(t, e, pool, key, &index);
	const struct node *node = t->node(e);
	const struct backend *backend;
	struct flow_line *line = NULL;
	uint64_t meta = 0;

	if (slot & SLOT_TRACKED && node)
		line = t->flow_line(e, (uint32_t)key & node->flow_line_mask);
	if (line && flow_find(line, key, TICKS_OF_NS(t->now_ns(e)), &meta)) {
		backend = t->backend(e, flow_backend(meta));
		if (!backend || !flow_current(backend, meta))
			meta = 0;
	}
	return pick_decide(slot, meta, kind).backend;
}

/**
 * pick_backend() - the backend of a packet whose pool and key are known.
 *
 * One load for a flow whose slot is steady, whatever the number of flows.
 * Return: its number; BACKEND_NONE = nobody.
 */
static ALWAYS_INLINE uint16_t pick_backend(const struct tables *t, void *e,
					   struct pkt *p,
					   const struct pool *pool)
{
	uint32_t index = 0;
	uint32_t slot = pick_slot(t, e, pool, p->key, &index);

	p->slot = slot;
	p->how = HOW_SLOT;
	if (!(slot & SLOT_TRACKED))
		return slot_current(slot);
	if (p->observed)
		return pick_decide(slot, 0, p->kind).backend;
	return pick_marked(t, e, p, index, slot);
}

#endif
