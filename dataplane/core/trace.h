/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets on their way that somebody wants to see: what is asked for, what is
 * said, and which match.
 *
 * DOC: trace
 *
 * The path knows nothing of it. An engine that has carried a verdict out looks at
 * @on, one load of a line that nobody writes meanwhile; only if it is set the frame's
 * first bytes are taken, as they are then, and whoever reads parses them. So a
 * packet that was rewritten shows the VM's end and not the VIP; the reader knows the
 * VIP by the number of the service.
 *
 * A reader has a lease. The engine takes @on back when it sees that the lease is
 * over, so a reader that was killed leaves nothing on but for one packet.
 */
#ifndef DATAPLANE_CORE_TRACE_H
#define DATAPLANE_CORE_TRACE_H

#include "dataplane/core/parse.h"

#define TRACE_SERVICES 8
#define TRACE_BACKENDS 16
#define TRACE_FRAME    128 /* headers, and of an error those that it quotes */

/* Where a packet met the path, as enum dp_hook has it. */
enum trace_hook {
	TRACE_UPLINK,
	TRACE_FROM_VM,
	TRACE_TO_VM,
	TRACE_BACK,
	TRACE_PROBES,
	TRACE_INSIDE,
};

/**
 * struct trace_control - what is asked for; one record.
 * @on: 0 = nothing; all else is not read.
 * @reader_pid: whose trace it is.
 * @until_ns: CLOCK_MONOTONIC: end of the lease. Who takes it swaps it for a later
 *            one; it is the lock, too.
 * @reasons: a bit for each enum reason, that of REASON_NONE for what is forwarded.
 * @rate_pps: packets a second and CPU.
 * @n_services, @n_backends: how many there are in @service and @backend, whose
 *            other places repeat the first; 0 = any will do.
 * @client, @client_mask: the client's address.
 */
struct trace_control {
	uint32_t on;
	uint32_t reader_pid;
	uint64_t until_ns;
	uint64_t reasons;
	uint32_t rate_pps;
	uint32_t n_services;
	uint32_t n_backends;
	uint32_t spare;
	struct ip_addr client;
	struct ip_addr client_mask;
	uint32_t service[TRACE_SERVICES];
	uint32_t backend[TRACE_BACKENDS];
};
_Static_assert(sizeof(struct trace_control) == 168, "no padding in a value");
_Static_assert(N_REASONS <= 64, "a bit for each reason");

/**
 * struct trace_say - what the path knows of a packet, and its frame does not show.
 * @slot, @service, @length, @backend, @how, @as_if, @reason: of struct pkt, and
 *        @kind at the uplink.
 * @verdict: as it was carried out.
 * @hook: enum trace_hook.
 * @l4: if not L4_NONE, @proto, @sport and @dport are of the packet that came; the
 *      frame is an answer to it.
 */
struct trace_say {
	uint32_t slot;
	uint32_t service;
	uint32_t length;
	uint16_t backend;
	be16 sport;
	be16 dport;
	uint8_t kind;
	uint8_t how;
	uint8_t reason;
	uint8_t as_if;
	uint8_t verdict;
	uint8_t hook;
	uint8_t l4;
	uint8_t proto;
	uint8_t spare[2];
};
_Static_assert(sizeof(struct trace_say) == 28, "no padding in an argument");
_Static_assert(N_REASONS <= 256, "a reason is a byte there");

/**
 * struct trace_event - a packet that matched.
 * @at_ns: CLOCK_MONOTONIC.
 * @say: what the path knows of it.
 * @ifindex: where; @cpu: and on which.
 * @length: bytes of the frame as it is now: an answer of ours is another's.
 * @taken: of them, how many are in @frame.
 * @frame: from the Ethernet header on.
 */
struct trace_event {
	uint64_t at_ns;
	struct trace_say say;
	uint32_t ifindex;
	uint32_t cpu;
	uint32_t length;
	uint32_t taken;
	uint8_t spare[4];
	uint8_t frame[TRACE_FRAME];
};
_Static_assert(sizeof(struct trace_event) == 184, "no padding in an event");

/**
 * struct trace_count - of one CPU.
 * @bucket: how much more may be said.
 * @matched: packets that the filter lets pass; of them @limited were over the
 *           rate, and @lost found no room: the reader was too slow.
 * @slot, @how, @as_if: of the packet under way: if its slot is marked, if it is
 *                      observed.
 * @event: being made.
 */
struct trace_count {
	struct bucket bucket;
	uint64_t matched;
	uint64_t limited;
	uint64_t lost;
	uint32_t slot;
	uint16_t how;
	uint16_t as_if;
	struct trace_event event;
};

/* Is a number in a list? Without a branch for each, which the verifier would walk
 * in all their combinations: only 0 - 1 has the upper bit. */
static ALWAYS_INLINE bool trace_in(const uint32_t *list, uint32_t n,
				   uint32_t wanted)
{
	uint64_t found = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		found |= (uint64_t)(list[i] ^ wanted) - 1;
	return found >> 63;
}

/* Is it the client's, as far as the mask goes? */
static ALWAYS_INLINE bool trace_is_addr(const struct trace_control *c,
					const struct ip_addr *addr)
{
	uint32_t differs = 0;
	int i;

	for (i = 0; i < 4; i++)
		differs |= (addr->word[i] ^ c->client.word[i]) &
			   c->client_mask.word[i];
	return !differs;
}

/* Which end of the frame is the client's: the VM's packets go to it, and so do our
 * own answers. */
static ALWAYS_INLINE enum end trace_client_end(const struct trace_say *say)
{
	bool from_vm = say->hook == TRACE_FROM_VM || say->hook == TRACE_BACK;

	return from_vm != (say->verdict == VERDICT_REPLY) ? END_DST : END_SRC;
}

/**
 * trace_is_client() - is a frame to or from the client that is asked for?
 * @l3: behind the Ethernet header and its tags: at least an IPv6 header's bytes.
 * @type: what is there.
 */
static ALWAYS_INLINE bool trace_is_client(const struct trace_control *c,
					  const struct trace_say *say,
					  const uint8_t *l3, be16 type)
{
	enum end end = trace_client_end(say);
	struct ip_addr addr = { .word = { 0 } };

	if (type == BE16(ETH_TYPE_IPV4))
		addr = ip_from_v4(((const struct ipv4_hdr *)l3)->addr[end]);
	else if (type == BE16(ETH_TYPE_IPV6))
		addr = ip_from_v6(&((const struct ipv6_hdr *)l3)->addr[end]);
	return trace_is_addr(c, &addr);
}

/* The same of what is in an event; tags are stepped over. */
static ALWAYS_INLINE bool trace_may_show(const struct trace_control *c,
					 const struct trace_event *ev)
{
	const uint8_t *l3 = ev->frame + sizeof(struct eth_hdr);
	be16 type = ((const struct eth_hdr *)ev->frame)->type;
	int i;

	for (i = 0; i < 2 && is_tag(type); i++) {
		type = ((const struct vlan_hdr *)l3)->type;
		l3 += sizeof(struct vlan_hdr);
	}
	return trace_is_client(c, &ev->say, l3, type);
}

/* Numbers and reason alone: asked before the frame is read. */
static ALWAYS_INLINE bool trace_may_match(const struct trace_control *c,
					  const struct trace_say *say)
{
	if (!(c->reasons >> (say->reason & 63) & 1))
		return false;
	if (c->n_services &&
	    !trace_in(c->service, TRACE_SERVICES, say->service))
		return false;
	return !c->n_backends ||
	       trace_in(c->backend, TRACE_BACKENDS, say->backend);
}

#endif
