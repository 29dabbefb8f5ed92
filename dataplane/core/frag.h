/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments follow their first one; DOC: fragments in state.h.
 */
#ifndef DATAPLANE_CORE_FRAG_H
#define DATAPLANE_CORE_FRAG_H

#include "dataplane/core/flow.h"
#include "dataplane/core/key.h"
#include "dataplane/core/parse.h"

/*
 * Bytes that the headers take which only the first fragment may have: TCP's
 * without options, UDP's. A later one that begins before that would write over
 * ports or flags that were judged (RFC 1858, RFC 3128).
 */
static ALWAYS_INLINE uint32_t frag_header_size(const struct pkt *p)
{
	return p->proto == IP_PROTO_TCP ? sizeof(struct tcp_hdr) :
					  sizeof(struct udp_hdr);
}

/**
 * frag_key() - what fragments of one packet share.
 * @ifindex: of packets from a VM its port, else 0.
 */
static ALWAYS_INLINE uint64_t frag_key(const struct tables *t, void *e,
				       const struct pkt *p, uint32_t ifindex)
{
	struct key_ask q = {
		.client = pkt_addr(p, END_SRC),
		.client_port = (be16)(p->frag_id >> 16),
		.server = pkt_addr(p, END_DST),
		.server_port = (be16)p->frag_id,
		.ifindex = ifindex,
		.proto = p->proto,
		.is_direct = true,
	};

	return key_for(t, e, &q);
}

/* What frag_table() does. */
enum frag_what {
	FRAG_NOTE,   /* remember where a first fragment goes */
	FRAG_FOLLOW, /* find out where a later one goes */
};

/**
 * struct frag_ask - a fragment as the table sees it.
 * @key: frag_key().
 * @service, @backend, @generation, @flags, @addr: as in struct frag_entry and its
 *	meta word; in of FRAG_NOTE, out of FRAG_FOLLOW.
 * @what: enum frag_what.
 */
struct frag_ask {
	uint64_t key;
	struct ip_addr addr;
	uint32_t service;
	uint32_t flags;
	uint32_t generation;
	uint16_t backend;
	uint16_t what;
};
_Static_assert(sizeof(struct frag_ask) == 40, "no padding in an argument");

static ALWAYS_INLINE struct frag_entry *frag_find(struct frag_line *line,
						  uint64_t key,
						  uint32_t now_tick,
						  uint64_t *ret_meta)
{
	uint64_t meta;
	int i;

	for (i = 0; i < FRAGS_PER_LINE; i++) {
		meta = flow_match(&line->entry[i].flow, key, now_tick);
		if (meta) {
			*ret_meta = meta;
			return &line->entry[i];
		}
	}
	return NULL;
}

/* A place that is free; NULL: none. */
static ALWAYS_INLINE struct frag_entry *
frag_place(struct frag_line *line, uint32_t now_tick, uint64_t *ret_meta)
{
	struct frag_entry *entry;
	uint64_t meta;
	int i;

	for (i = 0; i < FRAGS_PER_LINE; i++) {
		entry = &line->entry[i];
		meta = READ_ONCE(entry->flow.meta);
		if (!(meta & FLOW_BUSY) && !flow_live(meta, now_tick)) {
			*ret_meta = meta;
			return entry;
		}
	}
	return NULL;
}

/*
 * A place that this packet's identification had before is written anew: the
 * first fragment that came last is the one that is followed.
 */
static ALWAYS_INLINE enum reason
frag_note(struct frag_line *line, const struct frag_ask *q, uint32_t now_tick)
{
	struct frag_entry *entry;
	uint64_t old = 0;

	entry = frag_find(line, q->key, now_tick, &old);
	if (!entry)
		entry = frag_place(line, now_tick, &old);
	if (!entry ||
	    __sync_val_compare_and_swap(&entry->flow.meta, old,
					FLOW_BUSY | (old & FLOW_TURN)) != old)
		return DROP_FRAGMENT_FULL;
	WRITE_ONCE(entry->flow.key, q->key);
	entry->service = q->service;
	entry->flags = q->flags;
	entry->addr = q->addr;
	WRITE_ONCE(entry->flow.meta,
		   flow_meta(q->backend, q->generation, FLOW_CONFIRMED,
			     now_tick + FRAG_TICKS) |
			   ((old + FLOW_TURN_ONE) & FLOW_TURN));
	return REASON_NONE;
}

static ALWAYS_INLINE enum reason frag_follow(const struct tables *t, void *e,
					     struct frag_line *line,
					     struct frag_ask *q,
					     uint32_t now_tick)
{
	const struct backend *backend;
	struct frag_entry *entry;
	uint64_t meta = 0;

	entry = frag_find(line, q->key, now_tick, &meta);
	if (!entry)
		return DROP_FRAGMENT_UNKNOWN;
	q->service = entry->service;
	q->flags = entry->flags;
	q->addr = entry->addr;
	/* It may have become another packet's while it was read. */
	if (READ_ONCE(entry->flow.meta) != meta)
		return DROP_FRAGMENT_UNKNOWN;
	q->backend = flow_backend(meta);
	backend = t->backend(e, q->backend);
	return backend && flow_current(backend, meta) ? REASON_NONE :
							DROP_NO_RECORD;
}

/**
 * frag_table() - the table of fragmented packets.
 *
 * Return: REASON_NONE, or why a fragment can't be noted or followed.
 */
static ALWAYS_INLINE uint32_t frag_table(const struct tables *t, void *e,
					 struct frag_ask *q)
{
	uint32_t now_tick = TICKS_OF_NS(t->now_ns(e));
	struct frag_line *line;

	line = t->frag_line(e, (uint32_t)q->key & (FRAG_LINES - 1));
	if (!line)
		return DROP_FRAGMENT_UNKNOWN;
	return q->what == FRAG_NOTE ? frag_note(line, q, now_tick) :
				      frag_follow(t, e, line, q, now_tick);
}

/**
 * frag_first() - a first fragment: those that follow are to find where it went.
 * @p: with @backend and @service.
 * @ifindex: of a packet from a VM where they will pass; else 0.
 * @addr, @flags: of a packet from a VM: its new source, PORT_*.
 */
static ALWAYS_INLINE enum reason
frag_first(const struct tables *t, void *e, const struct pkt *p,
	   uint32_t ifindex, const struct ip_addr *addr, uint32_t flags)
{
	const struct backend *backend = t->backend(e, p->backend);
	struct frag_ask q = {
		.service = p->service,
		.flags = flags,
		.backend = p->backend,
		.what = FRAG_NOTE,
	};

	if (!backend)
		return DROP_FRAGMENT_FULL;
	if (addr)
		q.addr = *addr;
	q.generation = BACKEND_GENERATION(READ_ONCE(backend->word));
	q.key = frag_key(t, e, p, ifindex);
	return (enum reason)(t->frag ? t->frag(e, &q) : frag_table(t, e, &q));
}

/**
 * frag_later() - where a later fragment goes.
 * @p: gets @backend and @service.
 * @ret_addr, @ret_flags: as frag_first() had them.
 */
static ALWAYS_INLINE enum reason frag_later(const struct tables *t, void *e,
					    struct pkt *p, uint32_t ifindex,
					    struct ip_addr *ret_addr,
					    uint32_t *ret_flags)
{
	struct frag_ask q = { .what = FRAG_FOLLOW };
	uint32_t reason;

	if (p->frag_offset < frag_header_size(p))
		return DROP_FRAGMENT_OVERLAP;
	q.key = frag_key(t, e, p, ifindex);
	reason = t->frag ? t->frag(e, &q) : frag_table(t, e, &q);
	p->service = q.service;
	p->backend = q.backend;
	*ret_addr = q.addr;
	*ret_flags = q.flags;
	return (enum reason)reason;
}

#endif
