/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flow entries: find, touch, claim, end. Expiry is lazy: an entry past its
 * time, or of a generation that is over, is a miss wherever it is met, so
 * nothing waits for the control plane.
 *
 * DOC: concurrency
 *
 * Any number of CPUs work on a line at once, with no lock. The meta word is
 * the truth of an entry; it changes by compare-and-swap only.
 *
 *	claim	swap meta from what was judged free to BUSY, write the key,
 *		then store meta. A lost swap is a refused insert.
 *	turn	each flow that gets a place counts on its turn, so that a
 *		place that was given away meanwhile never has the word that
 *		somebody read before: two flows may well have the same
 *		backend, class and tick, and whoever ends or drops an entry
 *		by that word would end another's.
 *	read	load meta, then the key, then meta again: a key that belongs to
 *		another meta word is seen as a miss. (Loads and stores keep
 *		their order on x86-64; other machines need acquire/release.)
 *	twins	two CPUs may insert one flow at once. Whoever finds an earlier
 *		place with the same key after its store gives its own up.
 *
 * What is left: somebody who is held up between a load and its swap for so long
 * that the place is given away eight times within a tick.
 */
#ifndef DATAPLANE_CORE_FLOW_H
#define DATAPLANE_CORE_FLOW_H

#include "dataplane/core/tables.h"
#include "dataplane/core/wire.h"

#define FLOW_GENERATION_SHIFT 15
#define FLOW_CLASS_SHIFT      23
#define FLOW_EXPIRY_SHIFT     32
#define FLOW_CLASS_MASK	      (3ULL << FLOW_CLASS_SHIFT)
#define FLOW_FINS	      (FLOW_FIN_CLIENT | FLOW_FIN_SERVER)

static ALWAYS_INLINE uint64_t flow_meta(uint16_t backend, uint32_t generation,
					enum flow_class class, uint32_t expiry)
{
	return (uint64_t)(backend & SLOT_BACKEND) |
	       (uint64_t)(generation & 0xff) << FLOW_GENERATION_SHIFT |
	       (uint64_t) class << FLOW_CLASS_SHIFT |
	       (uint64_t)expiry << FLOW_EXPIRY_SHIFT;
}

static ALWAYS_INLINE uint16_t flow_backend(uint64_t meta)
{
	return meta & SLOT_BACKEND;
}

static ALWAYS_INLINE uint32_t flow_generation(uint64_t meta)
{
	return meta >> FLOW_GENERATION_SHIFT & 0xff;
}

static ALWAYS_INLINE enum flow_class flow_class_of(uint64_t meta)
{
	return (enum flow_class)(meta >> FLOW_CLASS_SHIFT & 3);
}

static ALWAYS_INLINE uint32_t flow_expiry(uint64_t meta)
{
	return (uint32_t)(meta >> FLOW_EXPIRY_SHIFT);
}

/* The flow is over unless one side shows otherwise. */
static ALWAYS_INLINE bool flow_closing(uint64_t meta)
{
	return meta & FLOW_RST || (meta & FLOW_FINS) == FLOW_FINS;
}

/* Live by its clock alone; whether its backend lives is flow_current(). */
static ALWAYS_INLINE bool flow_live(uint64_t meta, uint32_t now_tick)
{
	return flow_backend(meta) != BACKEND_NONE && !(meta & FLOW_BUSY) &&
	       !tick_reached(now_tick, flow_expiry(meta));
}

/* The entry's backend number still has the VM that it was made for. */
static ALWAYS_INLINE bool flow_current(const struct backend *b, uint64_t meta)
{
	uint32_t word = READ_ONCE(b->word);

	return word & BACKEND_LIVE &&
	       BACKEND_GENERATION(word) == flow_generation(meta);
}

/* One entry's meta word if it is live and has this key, else 0. */
static ALWAYS_INLINE uint64_t flow_match(const struct flow_entry *e,
					 uint64_t key, uint32_t now_tick)
{
	uint64_t meta = READ_ONCE(e->meta);

	if (!flow_live(meta, now_tick) || READ_ONCE(e->key) != key)
		return 0;
	/* Between the two loads another flow may have moved in. */
	return READ_ONCE(e->meta) == meta ? meta : 0;
}

/*
 * May a line have a flow's entry? One that is not there needs no clock to say so,
 * which is a call into the kernel.
 */
static ALWAYS_INLINE bool flow_may_have(const struct flow_line *line,
					uint64_t key)
{
	bool has = false;
	int i;

	for (i = 0; i < FLOWS_PER_LINE; i++)
		has |= READ_ONCE(line->entry[i].key) == key;
	return has;
}

/**
 * flow_find() - the live entry of a flow in its line.
 * @ret_meta: its meta word as it was read.
 *
 * Return: the entry, or NULL. Dead generations are found, too: the caller has
 * the backend's record at hand and flow_current() to ask.
 */
static ALWAYS_INLINE struct flow_entry *flow_find(struct flow_line *line,
						  uint64_t key,
						  uint32_t now_tick,
						  uint64_t *ret_meta)
{
	struct flow_entry *e;
	uint64_t meta;
	int i;

	for (i = 0; i < FLOWS_PER_LINE; i++) {
		e = &line->entry[i];
		meta = flow_match(e, key, now_tick);
		if (meta) {
			*ret_meta = meta;
			return e;
		}
	}
	return NULL;
}

/* The meta word of a place that is free again. */
static ALWAYS_INLINE uint64_t flow_freed(uint64_t meta)
{
	return meta & FLOW_TURN;
}

/**
 * flow_end() - end an entry, unless somebody changed it meanwhile.
 * @meta: its meta word as it was read.
 *
 * Return: true if it ended here and now.
 */
static ALWAYS_INLINE bool flow_end(struct flow_entry *e, uint64_t meta)
{
	return __sync_val_compare_and_swap(&e->meta, meta, flow_freed(meta)) ==
	       meta;
}

/* Life that a meta word is due from now on. */
static ALWAYS_INLINE uint32_t flow_limit(uint64_t meta, uint32_t idle_ticks)
{
	uint32_t limit = idle_ticks;

	if (flow_closing(meta))
		limit = FLOW_CLOSING_TICKS;
	else if (flow_class_of(meta) == FLOW_EMBRYONIC)
		limit = FLOW_EMBRYONIC_TICKS;
	return limit < idle_ticks ? limit : idle_ticks;
}

static ALWAYS_INLINE uint64_t flow_set_expiry(uint64_t meta, uint32_t expiry)
{
	return (meta & 0xffffffffULL) | (uint64_t)expiry << FLOW_EXPIRY_SHIFT;
}

static ALWAYS_INLINE uint64_t flow_set_class(uint64_t meta,
					     enum flow_class class)
{
	return (meta & ~FLOW_CLASS_MASK) | (uint64_t) class << FLOW_CLASS_SHIFT;
}

/*
 * The class of an entry after a packet. A packet of the client that is no SYN
 * ends the embryonic class; an answer confirms what an unasked packet made. An
 * opener on an unconfirmed entry, made perhaps by a late packet of the connection
 * before it, has the entry from then on: so it is still there when the opener is
 * repeated.
 */
static ALWAYS_INLINE enum flow_class
flow_class_seen(enum flow_class class, bool from_client, uint8_t tcp_flags)
{
	if (!from_client)
		return class == FLOW_UNCONFIRMED ? FLOW_CONFIRMED : class;
	if (class == FLOW_UNCONFIRMED && tcp_opens(tcp_flags))
		return FLOW_EMBRYONIC;
	if (class == FLOW_EMBRYONIC && !(tcp_flags & TCP_SYN))
		return FLOW_CONFIRMED;
	return class;
}

/**
 * flow_seen() - the meta word after a packet of its flow.
 * @meta: before.
 * @tcp_flags: the packet's.
 * @fin: FLOW_FIN_CLIENT or FLOW_FIN_SERVER, whose packet it is.
 * @idle_ticks: of the pool.
 *
 * RST and both FINs only shorten the life; what is neither FIN nor RST takes
 * an RST back, since the ends may have ignored it (RFC 5961). A SYN on an entry
 * with one FIN (the other came while nobody took notes) is a new connection
 * from the same port: the FIN is not its.
 * Return: the new word; without a backend if the entry ends here (an RST to an
 * unconfirmed one).
 */
static ALWAYS_INLINE uint64_t flow_seen(uint64_t meta, uint8_t tcp_flags,
					uint64_t fin, uint32_t idle_ticks,
					uint32_t now_tick)
{
	bool from_client = fin == FLOW_FIN_CLIENT;
	enum flow_class class = flow_class_of(meta);

	if (tcp_flags & TCP_RST) {
		if (!from_client && class == FLOW_UNCONFIRMED)
			return flow_freed(meta);
		meta |= FLOW_RST;
	} else if (tcp_flags & TCP_FIN) {
		meta |= fin;
	} else if (tcp_flags & TCP_SYN) {
		meta &= ~FLOW_FINS;
	} else {
		meta &= ~FLOW_RST;
	}
	meta = flow_set_class(meta,
			      flow_class_seen(class, from_client, tcp_flags));
	return flow_set_expiry(meta, now_tick + flow_limit(meta, idle_ticks));
}

/**
 * flow_touch() - note a packet on an entry.
 *
 * A lost race is no loss: the winner noted a packet of the same tick or ended
 * the entry, and the next packet tries again.
 */
static ALWAYS_INLINE void flow_touch(struct flow_entry *e, uint64_t meta,
				     uint8_t tcp_flags, uint64_t fin,
				     uint32_t idle_ticks, uint32_t now_tick)
{
	uint64_t seen = flow_seen(meta, tcp_flags, fin, idle_ticks, now_tick);

	if (seen != meta)
		__sync_val_compare_and_swap(&e->meta, meta, seen);
}

/**
 * flow_claim() - write a flow into a place.
 * @e: the place; @old: its meta word, judged to be free or to give way.
 * @line: its line, to look for a twin.
 * @meta: the new word.
 *
 * Return: the meta word that holds for the flow now (a twin's, if another CPU
 * was first), or 0 if the place was lost: the insert is refused.
 */
static ALWAYS_INLINE uint64_t flow_claim(struct flow_line *line,
					 struct flow_entry *e, uint64_t old,
					 uint64_t key, uint64_t meta,
					 uint32_t now_tick)
{
	uint64_t turn = (old + FLOW_TURN_ONE) & FLOW_TURN;
	struct flow_entry *first;
	uint64_t twin = 0;

	if (__sync_val_compare_and_swap(&e->meta, old, FLOW_BUSY | turn) != old)
		return 0;
	meta |= turn;
	WRITE_ONCE(e->key, key);
	WRITE_ONCE(e->meta, meta);
	first = flow_find(line, key, now_tick, &twin);
	if (first && first != e) {
		flow_end(e, meta);
		return twin;
	}
	return meta;
}

/* a ends before b; among equals of a class that is the older one. */
static ALWAYS_INLINE bool flow_older(uint64_t a, uint64_t b)
{
	return (int32_t)(flow_expiry(a) - flow_expiry(b)) < 0;
}

/**
 * flow_insert_plain() - enter a flow where no slot has a say (direct flows).
 *
 * It takes a free place, else that of the oldest flow that is only an opener yet,
 * is over, or is but a note (direct.h): a flood of SYNs shortens the time that a
 * handshake has, it keeps nobody out. What is established never gives way.
 * Return: the meta word, or 0 if every place is taken.
 */
static ALWAYS_INLINE uint64_t flow_insert_plain(struct flow_line *line,
						uint64_t key, uint64_t meta,
						uint32_t now_tick)
{
	struct flow_entry *e = NULL;
	bool is_free = false;
	uint64_t old = 0;
	uint64_t seen;
	int i;

	for (i = FLOWS_PER_LINE - 1; i >= 0; i--) {
		seen = READ_ONCE(line->entry[i].meta);
		if (seen & FLOW_BUSY)
			continue;
		if (flow_live(seen, now_tick)) {
			if (is_free || (flow_class_of(seen) == FLOW_CONFIRMED &&
					!flow_closing(seen)))
				continue;
			if (e && !flow_older(seen, old))
				continue;
		} else {
			is_free = true;
		}
		e = &line->entry[i];
		old = seen;
	}
	return e ? flow_claim(line, e, old, key, meta, now_tick) : 0;
}

#endif
