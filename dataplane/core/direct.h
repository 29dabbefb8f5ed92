/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of direct flows: what is known of connections at VMs' ports that the
 * balancer has no part in, and of the clients of plain UDP services.
 *
 * DOC: two kinds of entries
 *
 * TCP and QUIC: a direct flow has an entry, a balanced one has none. All that
 * comes from a service's port without one is an answer.
 *
 * Plain UDP: a server also asks others from its service's port (NTP, DNS, SIP),
 * and no packet says which it is. So here the balanced ones have the entry, a
 * note that the client has asked, and what comes from the port without one is
 * the VM's own. A note lives udp_idle; it is FLOW_UNCONFIRMED, which no entry of
 * a direct flow is. Notes have at most half of a line, the oldest gives way, and
 * direct flows may take their places: a flood of UDP keeps out no connection, and
 * costs a client its note only if it is not heard of for as long as that takes.
 */
#ifndef DATAPLANE_CORE_DIRECT_H
#define DATAPLANE_CORE_DIRECT_H

#include "dataplane/core/flow.h"
#include "dataplane/core/key.h"
#include "dataplane/core/parse.h"

/* What direct_note() does with a flow's entry. */
enum direct_what {
	DIRECT_LOOK, /* note the packet on it, if it is there */
	DIRECT_MAKE, /* and make it, if it isn't */
	DIRECT_END,
};

/**
 * struct direct - a packet as the table of direct flows sees it.
 * @key: of its flow.
 * @kind, @tcp_flags: as in struct pkt.
 * @from_vm: whose packet it is.
 * @what: enum direct_what.
 */
struct direct {
	uint64_t key;
	enum flow_kind kind;
	uint8_t tcp_flags;
	bool from_vm;
	uint8_t what;
	uint8_t spare;
};
_Static_assert(sizeof(struct direct) == 16, "no padding in an argument");

#define DIRECT_UNKNOWN 0 /* no entry: balanced, or nothing known of it */
#define DIRECT_KNOWN   1
#define DIRECT_FULL    2 /* an entry was to be made and its line is full */

static ALWAYS_INLINE struct flow_line *direct_line(const struct tables *t,
						   void *e,
						   const struct node *node,
						   uint64_t key)
{
	return node ? t->direct_line(e,
				     (uint32_t)key & node->direct_line_mask) :
		      NULL;
}

/**
 * direct_note() - look a direct flow up, and note the packet.
 *
 * Return: DIRECT_*.
 */
static ALWAYS_INLINE uint32_t direct_note(const struct tables *t, void *e,
					  const struct direct *q)
{
	uint64_t fin = q->from_vm ? FLOW_FIN_SERVER : FLOW_FIN_CLIENT;
	const struct node *node = t->node(e);
	struct flow_line *line = direct_line(t, e, node, q->key);
	struct flow_entry *entry;
	uint64_t meta = 0;
	uint32_t now_tick;

	if (!line)
		return DIRECT_UNKNOWN;
	if (q->what != DIRECT_MAKE && !flow_may_have(line, q->key))
		return DIRECT_UNKNOWN;
	now_tick = TICKS_OF_NS(t->now_ns(e));
	entry = flow_find(line, q->key, now_tick, &meta);
	if (entry && (q->what == DIRECT_END ||
		      (q->kind == FLOW_OPENER && flow_closing(meta)))) {
		flow_end(entry, meta);
		entry = NULL;
	}
	if (entry) {
		flow_touch(entry, meta, q->tcp_flags, fin,
			   node->direct_idle_ticks, now_tick);
		return DIRECT_KNOWN;
	}
	if (q->what != DIRECT_MAKE)
		return DIRECT_UNKNOWN;
	meta = flow_meta(
		1, 0, q->kind == FLOW_OPENER ? FLOW_EMBRYONIC : FLOW_CONFIRMED,
		0);
	meta = flow_seen(meta, q->tcp_flags, fin, node->direct_idle_ticks,
			 now_tick);
	return flow_insert_plain(line, q->key, meta, now_tick) ? DIRECT_KNOWN :
								 DIRECT_FULL;
}

/* The same, out of line where the engine has it so. */
static ALWAYS_INLINE uint32_t direct_ask(const struct tables *t, void *e,
					 struct direct *q)
{
	return t->direct ? t->direct(e, q) : direct_note(t, e, q);
}

/* A connection that began at the balancer is no longer a direct one. */
static ALWAYS_INLINE void direct_forget(const struct tables *t, void *e,
					const struct pkt *p,
					const struct backend_record *record)
{
	struct direct q = { .kind = FLOW_OPENER, .what = DIRECT_END };
	struct key_ask ask = {
		.client = pkt_addr(p, END_SRC),
		.client_port = p->sport,
		.server = record->addr,
		.server_port = p->target_port,
		.ifindex = record->ifindex,
		.proto = p->proto,
		.is_direct = true,
	};
	q.key = key_for(t, e, &ask);
	(void)direct_ask(t, e, &q);
}

/* What asked() does with a note. */
enum asked_what {
	ASKED_NOTE, /* make it, or make it last */
	ASKED_LOOK, /* is it there? then make it last */
	ASKED_END,
};

/**
 * struct asked - a client's packet of plain UDP, or the answer to one.
 * @key: asked_key().
 * @idle_ticks: how long the note lives.
 * @what: enum asked_what.
 */
struct asked {
	uint64_t key;
	uint32_t idle_ticks;
	uint32_t what;
};
_Static_assert(sizeof(struct asked) == 16, "no padding in an argument");

#define ASKED_NO   0 /* there is no note, or no room for one */
#define ASKED_YES  1
#define ASKED_MADE 2 /* there was none before */

/* A note is of the flow and of the VM's port: another VM has one of its own. */
static ALWAYS_INLINE uint64_t asked_key(uint64_t flow_key, uint32_t ifindex)
{
	return flow_key ^ (uint64_t)ifindex * 0x9e3779b97f4a7c15ULL;
}

/* Place for a note: a free one while notes have less than half, else the oldest
 * note's. Negative: the line is full of direct flows. */
static ALWAYS_INLINE int asked_place(const struct flow_line *line,
				     uint32_t now_tick, uint64_t *ret_meta)
{
	uint64_t oldest = 0;
	uint64_t spare = 0;
	int oldest_at = -1;
	int free_at = -1;
	int n_notes = 0;
	uint64_t seen;
	int i;

	for (i = 0; i < FLOWS_PER_LINE; i++) {
		seen = READ_ONCE(line->entry[i].meta);
		if (seen & FLOW_BUSY)
			continue;
		if (!flow_live(seen, now_tick)) {
			free_at = i;
			spare = seen;
			continue;
		}
		if (flow_class_of(seen) != FLOW_UNCONFIRMED)
			continue;
		n_notes++;
		if (oldest_at < 0 || flow_older(seen, oldest)) {
			oldest_at = i;
			oldest = seen;
		}
	}
	if (free_at >= 0 && n_notes < FLOWS_PER_LINE / 2) {
		*ret_meta = spare;
		return free_at;
	}
	*ret_meta = oldest;
	return oldest_at;
}

/**
 * asked() - make, look up or end the note of a client of plain UDP.
 *
 * Return: ASKED_*.
 */
static ALWAYS_INLINE uint32_t asked(const struct tables *t, void *e,
				    const struct asked *q)
{
	uint32_t now_tick = TICKS_OF_NS(t->now_ns(e));
	uint32_t expiry = now_tick + q->idle_ticks;
	struct flow_line *line = direct_line(t, e, t->node(e), q->key);
	struct flow_entry *entry;
	uint64_t meta = 0;
	int at;

	if (!line)
		return ASKED_NO;
	entry = flow_find(line, q->key, now_tick, &meta);
	if (entry && q->what == ASKED_END) {
		flow_end(entry, meta);
		return ASKED_YES;
	}
	if (entry) {
		if (flow_expiry(meta) != expiry)
			__sync_val_compare_and_swap(&entry->meta, meta,
						    flow_set_expiry(meta,
								    expiry));
		return ASKED_YES;
	}
	if (q->what != ASKED_NOTE)
		return ASKED_NO;
	at = asked_place(line, now_tick, &meta);
	if (at < 0)
		return ASKED_NO;
	return flow_claim(line, &line->entry[at & (FLOWS_PER_LINE - 1)], meta,
			  q->key, flow_meta(1, 0, FLOW_UNCONFIRMED, expiry),
			  now_tick) ?
		       ASKED_MADE :
		       ASKED_NO;
}

/* The same for a packet whose key is known. */
static ALWAYS_INLINE uint32_t asked_seen(const struct tables *t, void *e,
					 uint64_t flow_key, uint32_t ifindex,
					 const struct pool *pool,
					 enum asked_what what)
{
	struct asked q = {
		.key = asked_key(flow_key, ifindex),
		.idle_ticks = pool->udp_idle_ticks,
		.what = what,
	};

	return t->asked ? t->asked(e, &q) : asked(t, e, &q);
}

#endif
