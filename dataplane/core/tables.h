/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the packet path reaches its tables: the whole interface of an engine.
 *
 * An engine passes one constant struct tables to always-inline stages, so the
 * calls fold into its own lookups (in BPF: no call through a register is left).
 */
#ifndef DATAPLANE_CORE_TABLES_H
#define DATAPLANE_CORE_TABLES_H

#include "dataplane/core/state.h"

struct pkt;	 /* pkt.h */
struct key_ask;	 /* key.h */
struct tracked;	 /* pick.h */
struct direct;	 /* direct.h */
struct asked;	 /* direct.h */
struct frag_ask; /* frag.h */
struct mss;	 /* mss.h */
struct walk;	 /* walk.h */
struct whose;	 /* icmp.h */

/**
 * struct tables - lookups and counters of an engine.
 *
 * Each takes the engine's own @e (BPF: NULL). A lookup returns NULL for what is
 * not there; indexes out of range are not there. Records are read only but for
 * flow lines, slot clocks and limiters.
 *
 * @node: the node's record.
 * @service: by VIP, port and protocol.
 * @pool: by pool number.
 * @slot_line: by index in the flat slot array.
 * @slot_clock: by slot index (line * 16 + place).
 * @backend: by backend number.
 * @flow_line: of balanced flows, by line index below @node's mask + 1.
 * @direct_line: of direct flows, the same.
 * @frag_line: of fragmented packets, by line index below FRAG_LINES.
 * @port: the reverse mapping.
 * @limiter: this CPU's token buckets for packets that the path makes.
 * @service_traffic, @backend_traffic, @reason_count: this CPU's counters.
 * @probe_node: where probes come from; never NULL. This and the next two may be
 *         missing where no VM's port is.
 * @probe_target: by number.
 * @probe_number: by VM and port.
 * @client: is it a client inside? By address and port. This and the next two may
 *         be missing where no VM's port is.
 * @inside_way: of answers, by client and VIP; written to.
 * @inside_note: keep one, in the place of what was there; 0, or no room.
 * @now_ns: CLOCK_MONOTONIC; asked only where a table with times is.
 * @l4_csum: changes the checksum of TCP or UDP: by @pseudo for the addresses and
 *         by @rest; NULL = it is plain memory.
 * @out_mtu: finds the way out of an answer from @src to @dst of @p that is @size
 *         bytes big there, and leaves it in @p (@out_ifindex, @out_next).
 *         Returns 0, or the MTU that it does not fit. NULL = all fit.
 * @key, @tracked, @rank, @direct, @asked, @frag, @mss, @walk, @whose: parts out
 *         of line: key_of(), pick_tracked(), flow_rank(), direct_note(), asked(),
 *         frag_table(), mss_find(), walk(), whose(); NULL = in line. BPF's
 *         verifier walks every path through what is in line, and the product
 *         of these with the rest would be over a million instructions.
 */
struct tables {
	const struct node *(*node)(void *e);
	const struct service *(*service)(void *e, const struct service_key *k);
	const struct pool *(*pool)(void *e, uint32_t number);
	const struct slot_line *(*slot_line)(void *e, uint32_t line);
	struct slot_clock *(*slot_clock)(void *e, uint32_t slot);
	const struct backend *(*backend)(void *e, uint32_t number);
	struct flow_line *(*flow_line)(void *e, uint32_t line);
	struct flow_line *(*direct_line)(void *e, uint32_t line);
	struct frag_line *(*frag_line)(void *e, uint32_t line);
	const struct port *(*port)(void *e, const struct port_key *k);
	struct limiter *(*limiter)(void *e);
	struct traffic *(*service_traffic)(void *e, uint32_t number);
	struct traffic *(*backend_traffic)(void *e, uint32_t number);
	struct reason_count *(*reason_count)(void *e, uint32_t reason);
	const struct probe_node *(*probe_node)(void *e);
	const struct probe_target *(*probe_target)(void *e, uint32_t number);
	const uint32_t *(*probe_number)(void *e, const struct probe_key *k);
	bool (*client)(void *e, const struct client_key *k);
	struct inside_way *(*inside_way)(void *e, const struct inside_key *k);
	int (*inside_note)(void *e, const struct inside_key *k,
			   const struct inside_way *way);
	uint64_t (*now_ns)(void *e);
	void (*l4_csum)(void *e, const struct pkt *p, uint32_t pseudo,
			uint32_t rest);
	uint32_t (*out_mtu)(void *e, struct pkt *p, uint32_t size);
	uint64_t (*key)(void *e, struct key_ask *q);
	uint32_t (*direct)(void *e, struct direct *q);
	uint32_t (*asked)(void *e, struct asked *q);
	uint32_t (*frag)(void *e, struct frag_ask *q);
	uint32_t (*mss)(void *e, struct mss *m);
	uint32_t (*walk)(void *e, struct walk *w);
	uint32_t (*whose)(void *e, struct whose *q);
	uint16_t (*tracked)(void *e, struct tracked *q);
	uint32_t (*rank)(void *e, uint64_t key, uint64_t meta,
			 uint32_t now_tick);
};

/* The record in force of a backend, NULL if the number has no VM. */
static ALWAYS_INLINE const struct backend_record *
backend_record(const struct backend *b)
{
	uint32_t word = READ_ONCE(b->word);

	if (!(word & BACKEND_LIVE))
		return NULL;
	return word & BACKEND_COPY ? &b->copy[1] : &b->copy[0];
}

#endif
