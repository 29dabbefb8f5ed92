/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The forwarding state: every record that the packet path looks up.
 *
 * One definition for the BPF programs, the DPDK workers and the control plane.
 * The control plane writes, the path reads; only flow entries, counters and
 * limiters are written by the path. A change of any layout here is a new
 * STATE_VERSION.
 */
#ifndef DATAPLANE_CORE_STATE_H
#define DATAPLANE_CORE_STATE_H

#include "dataplane/core/base.h"
#include "dataplane/core/hash.h"

#define STATE_VERSION 8

/*
 * DOC: time
 *
 * The path counts in ticks of 2^26 ns (67.1 ms) of CLOCK_MONOTONIC, 32 bits of
 * them: 9.1 years of uptime, and a shift instead of a division. A limit is
 * rounded up, and one tick longer because the tick that it begins in is partly
 * over: nothing ends early.
 */
#define TICK_SHIFT	26
#define TICKS_OF_NS(ns) ((uint32_t)((uint64_t)(ns) >> TICK_SHIFT))
#define TICKS_OF_MS(ms) \
	((uint32_t)((((uint64_t)(ms)*1000000) >> TICK_SHIFT) + 2))

/* now_tick is at or after tick; right across a wrap. */
static ALWAYS_INLINE bool tick_reached(uint32_t now_tick, uint32_t tick)
{
	return (int32_t)(now_tick - tick) >= 0;
}

/*
 * DOC: slots
 *
 * A pool owns a power-of-two range of one flat slot array; slot = the upper
 * bits of the flow's hash. A slot is one 32-bit word, changed by one store:
 *
 *	bits 0-14  current   backend that takes openers
 *	bit 15     moving
 *	bits 16-30 base      backend that has the flows without an entry
 *	bit 31     tracked
 *
 *	state     tracked moving           the path (see pick.h)
 *	steady    0       0   current=base no table is asked
 *	claiming  1       1   current=base every packet gets an entry for it
 *	moving    1       1/0 current!=base openers to current, others to base
 *	settling  1       0   current=base entries are obeyed, none are made
 *
 * `moving` is cleared while current != base once plain UDP flows of base have
 * an entry or are over. Moves between states: dataplane/slots.h.
 */
#define BACKEND_NONE   0
#define BACKEND_MAX    32767
#define SLOT_BACKEND   0x7fffU
#define SLOT_MOVING    0x8000U
#define SLOT_TRACKED   0x80000000U
#define SLOTS_PER_LINE 16

static ALWAYS_INLINE uint32_t slot_make(uint32_t current, uint32_t base,
					uint32_t marks)
{
	return (current & SLOT_BACKEND) | (base & SLOT_BACKEND) << 16 | marks;
}

static ALWAYS_INLINE uint16_t slot_current(uint32_t slot)
{
	return slot & SLOT_BACKEND;
}

static ALWAYS_INLINE uint16_t slot_base(uint32_t slot)
{
	return slot >> 16 & SLOT_BACKEND;
}

/**
 * struct slot_line - 16 slots, one cache line.
 *
 * A BPF array pads values to 8 bytes, so its value is a whole line.
 */
struct slot_line {
	uint32_t slot[SLOTS_PER_LINE];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct slot_line) == 64, "a slot line is a cache line");

/**
 * struct slot_clock - when a marked slot may take its next step.
 * @since_tick: when claiming began, or when current left base.
 * @refused_tick: the last time an insert for this slot was refused; the path
 *                writes it, 0 = never. SLOT_SEALED: the clock is over and nobody
 *                was refused; who is from now on goes where the slot is going.
 *
 * Both valid only while the slot is marked. The seal is what puts the end of the
 * clock and a refusal at the same moment into one order: whoever swaps first.
 */
#define SLOT_SEALED 1U

struct slot_clock {
	uint32_t since_tick;
	uint32_t refused_tick;
};

enum affinity {
	AFFINITY_FLOW,	 /* slot by the whole 5-tuple */
	AFFINITY_SOURCE, /* slot by the client's address alone */
};

/* What a packet gets when there is nobody to take it. */
enum when_empty {
	EMPTY_RESET, /* TCP RST */
	EMPTY_DROP,
};

/**
 * struct pool - the VMs that services share; indexed by pool number.
 * @seed: secret seed of the flow hash.
 * @range: first slot line << 8 | log2 of the number of slots; one store, so a
 *         pool grows by writing a new range and then this word. 0 = no pool.
 * @idle_ticks: life of an entry without a packet.
 * @udp_idle_ticks: the same for plain UDP.
 * @affinity: enum affinity.
 * @when_empty: enum when_empty.
 * @claim_ticks: how long a planned change claims its slots; for control.
 */
struct pool {
	struct hash_seed seed;
	uint32_t range;
	uint32_t idle_ticks;
	uint32_t udp_idle_ticks;
	uint8_t affinity;
	uint8_t when_empty;
	uint8_t spare[2];
	uint32_t claim_ticks;
	uint32_t spare2[7];
};
_Static_assert(sizeof(struct pool) == 64, "a pool is a cache line");

#define POOL_RANGE(first_line, slots_log2) \
	((uint32_t)(first_line) << 8 | (uint32_t)(slots_log2))
#define POOL_FIRST_LINE(range) ((range) >> 8)
#define POOL_SLOTS_LOG2(range) ((range)&0xff)

/* The slot, inside its pool, that a flow key belongs to (1 <= log2 <= 20). */
static ALWAYS_INLINE uint32_t slot_of_key(uint64_t key, uint32_t range)
{
	return (uint32_t)(key >> 44) >> ((20 - POOL_SLOTS_LOG2(range)) & 31);
}

/**
 * struct service_key - what a packet is looked up by.
 * @vip: destination address.
 * @port: destination port; 0 with @proto 0 is the VIP itself.
 * @proto: IP protocol.
 *
 * Every VIP has a record with port 0 and protocol 0: a packet that finds no
 * service but its VIP is ours to refuse, any other passes.
 */
struct service_key {
	struct ip_addr vip;
	be16 port;
	uint8_t proto;
	uint8_t zero;
};
_Static_assert(sizeof(struct service_key) == 20, "no padding in a key");

#define SERVICE_VIP	  1 /* the record of a VIP, not of a service */
#define SERVICE_ANSWER_L2 2 /* of a VIP: answer ARP or ND for it */
#define SERVICE_DROP	  4 /* of a VIP: drop, don't RST, what has no service */
#define SERVICE_OBSERVE	  8 /* decide and count, then pass as it came */
#define SERVICE_QUIC	  16 /* of UDP: its packets are QUIC's */
#define SERVICE_FIB	  32 /* answers only by the host's routes */
#define SERVICE_L2	  64 /* answers only by the VM's bridge */

/**
 * struct service - a VIP, port and protocol that we balance.
 * @number: index of its counters; of a VIP 0.
 * @pool: number of its pool.
 * @target_port: port in the VM.
 * @flags: SERVICE_*.
 * @mss: the most that a SYN may announce; 0 = whatever it likes.
 */
struct service {
	uint32_t number;
	uint32_t pool;
	be16 target_port;
	uint16_t flags;
	uint16_t mss;
	uint16_t spare;
};
_Static_assert(sizeof(struct service) == 16, "no padding in a map value");

/**
 * struct backend_record - where a VM is. Immutable while it is in force.
 * @addr: the VM's address.
 * @ifindex: its port on this node.
 * @pool: the pool that it is a backend of.
 * @dst_mac: the VM's MAC address.
 * @src_mac: the MAC address that frames to it come from.
 * @stack_ifindex: the bridge of its port: packets go through the kernel there,
 *                 under the host's own rules; 0 = straight to the port.
 * @mtu: of its port; 0 = unknown, anything goes.
 */
struct backend_record {
	struct ip_addr addr;
	uint32_t ifindex;
	uint32_t pool;
	uint8_t dst_mac[6];
	uint8_t src_mac[6];
	uint32_t stack_ifindex;
	uint32_t mtu;
	uint32_t spare;
};
_Static_assert(sizeof(struct backend_record) == 48, "no padding in a record");

#define BACKEND_COPY		 1U /* which copy is in force */
#define BACKEND_LIVE		 2U /* the number has a VM */
#define BACKEND_GENERATION(word) ((word) >> 8 & 0xff)
#define BACKEND_WORD(generation, bits) \
	(((uint32_t)(generation)&0xff) << 8 | (bits))

/**
 * struct backend - one backend number; its record changes by flipping @word.
 * @word: BACKEND_COPY, BACKEND_LIVE, generation in bits 8-15. A generation ends
 *        with the VM that had the number: entries of an older one are dead.
 * @copy: the record in force and the spare one.
 */
struct backend {
	uint32_t word;
	uint32_t spare[7];
	struct backend_record copy[2];
};
_Static_assert(sizeof(struct backend) == 128, "two cache lines");

/*
 * DOC: flow entries
 *
 * Entries stand in lines of four, found by the low bits of the flow key. The
 * meta word holds everything that changes, so one compare-and-swap claims,
 * refreshes or ends an entry:
 *
 *	bits 0-14   backend (NONE: the place is free)
 *	bits 15-22  generation of that backend
 *	bits 23-24  enum flow_class
 *	bit 25      FIN of the client seen
 *	bit 26      FIN of the server seen
 *	bit 27      RST seen, and nothing but FIN and RST since
 *	bit 28      busy: the key is being written
 *	bits 29-31  turn of the place: counts who had it, also while it is free
 *	bits 32-63  tick at which it ends
 */
enum flow_class {
	FLOW_EMBRYONIC,	  /* made by an opener, nothing else seen */
	FLOW_UNCONFIRMED, /* made by another packet, no answer seen */
	FLOW_CONFIRMED,
};

#define FLOW_FIN_CLIENT	     (1ULL << 25)
#define FLOW_FIN_SERVER	     (1ULL << 26)
#define FLOW_RST	     (1ULL << 27)
#define FLOW_BUSY	     (1ULL << 28)
#define FLOW_TURN_ONE	     (1ULL << 29)
#define FLOW_TURN	     (7ULL << 29)
#define FLOWS_PER_LINE	     4
#define FLOW_EMBRYONIC_TICKS TICKS_OF_MS(75000)
#define FLOW_CLOSING_TICKS   TICKS_OF_MS(10000)

struct flow_entry {
	uint64_t key;
	uint64_t meta;
};

struct flow_line {
	struct flow_entry entry[FLOWS_PER_LINE];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct flow_line) == 64, "a flow line is a cache line");

/*
 * DOC: fragments
 *
 * Only the first fragment of a packet has its ports. It leaves an entry for
 * those that follow, found by source, destination, identification and protocol,
 * which lives FRAG_TICKS and not longer: an identification comes again. The meta
 * word is a flow entry's, written and read by the same rules.
 */
#define FRAGS_PER_LINE 4
#define FRAG_LINES     1024
#define FRAG_TICKS     TICKS_OF_MS(2000)

/**
 * struct frag_entry - where the rest of a packet goes.
 * @flow: its key and meta word; the backend, on its way to a VM or from it.
 * @addr: of a packet from a VM: the VIP that is its source.
 * @service: number of the service.
 * @flags: of a packet from a VM: PORT_*.
 */
struct frag_entry {
	struct flow_entry flow;
	struct ip_addr addr;
	uint32_t service;
	uint32_t flags;
	uint32_t spare[6];
};

struct frag_line {
	struct frag_entry entry[FRAGS_PER_LINE];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct frag_line) == 256, "an entry a cache line");

/**
 * struct port_key - the reverse mapping's key: who may speak as a service.
 * @ifindex: the VM's port, so no tenant can speak as another's VIP; for answers
 *           that come back from the kernel the bridge (PORT_STACK).
 * @addr: the VM's address.
 * @port: the service's port in the VM.
 * @proto: IP protocol.
 */
struct port_key {
	struct ip_addr addr;
	uint32_t ifindex;
	be16 port;
	uint8_t proto;
	uint8_t zero;
};
_Static_assert(sizeof(struct port_key) == 24, "no padding in a key");

#define PORT_LEARNING 1	 /* nothing is rewritten, everything is direct */
#define PORT_OBSERVE  2	 /* nothing is dropped either */
#define PORT_STACK    4	 /* answers go on through the kernel and come back */
#define PORT_QUIC     8	 /* of UDP: its packets are QUIC's */
#define PORT_L2	      16 /* an uplink is on the VM's bridge: its own way out */
#define PORT_L2_ONLY  32 /* and no other is looked for */

/**
 * struct port - one service's port in one VM.
 * @vip: what answers from it are made to come from.
 * @vip_port: and the port.
 * @backend: number of the backend.
 * @service: number of the service (counters).
 * @pool: number of the pool.
 * @flags: PORT_*.
 * @mss: the most that a SYN may announce; 0 = whatever it likes.
 */
struct port {
	struct ip_addr vip;
	be16 vip_port;
	uint16_t backend;
	uint32_t service;
	uint32_t pool;
	uint16_t flags;
	uint16_t mss;
};
_Static_assert(sizeof(struct port) == 32, "no padding in a map value");

/*
 * DOC: probes over the data path
 *
 * A VM that the host has no route to is probed at an address of our own, its
 * target's: PROBE_NUMBER of it leads to the VM. probe.h says how packets go.
 * The records live as long as the process that probes, and are none of the
 * state that outlives it.
 */
#define PROBE_NUMBER(addr) (HOST32((addr).word[3]) & 0xffffU)

/* The address of a target, beside @local: that of our sockets. */
static ALWAYS_INLINE struct ip_addr probe_addr(const struct ip_addr *local,
					       uint32_t number)
{
	struct ip_addr addr = *local;

	addr.word[3] = (addr.word[3] & ~BE32(0xffffU)) | BE32(number);
	return addr;
}

/**
 * struct probe_ends - the ends of probes of a family.
 * @source: the address that VMs see; all zero = there are no such probes.
 * @local: the address that our sockets have; but for its last 16 bits all
 *         targets' are the same.
 */
struct probe_ends {
	struct ip_addr source;
	struct ip_addr local;
};

/**
 * struct probe_node - where probes come from.
 * @v4, @v6: of each family.
 * @ifindex: the interface that probes leave by, and answers come back by.
 * @mac: its MAC address; what VMs see, too.
 * @uid: whose sockets may send there, besides the kernel's own.
 */
struct probe_node {
	struct probe_ends v4;
	struct probe_ends v6;
	uint32_t ifindex;
	uint8_t mac[6];
	uint16_t spare;
	uint32_t uid;
};

/**
 * struct probe_target - a VM's port that is probed; by number. Immutable while
 * packets may be on their way to it.
 * @addr: the VM's address.
 * @ifindex: its port on this node; 0 = the number is free.
 * @mac: its MAC address.
 */
struct probe_target {
	struct ip_addr addr;
	uint32_t ifindex;
	uint8_t mac[6];
	uint16_t spare;
	uint32_t spare2;
};
_Static_assert(sizeof(struct probe_target) == 32, "no padding in a map value");

/**
 * struct probe_key - how an answer finds its target's number. With an @addr that
 * is all zero: how many are probed at this port; who asks for a neighbour may do
 * so by an address that nobody knows of.
 */
struct probe_key {
	struct ip_addr addr;
	uint32_t ifindex;
};
_Static_assert(sizeof(struct probe_key) == 20, "no padding in a key");

/*
 * DOC: clients inside
 *
 * VMs of this host that call a VIP; inside.h has the rules. The control plane
 * says who they are, the path which way their answers go.
 */

/**
 * struct client_key - who may call a VIP from where; the value is a mere 1.
 * @addr: an address of a VM.
 * @ifindex: its port on this node.
 */
struct client_key {
	struct ip_addr addr;
	uint32_t ifindex;
};
_Static_assert(sizeof(struct client_key) == 20, "no padding in a key");

/**
 * struct inside_key - who gets an answer.
 */
struct inside_key {
	struct ip_addr client;
	struct ip_addr vip;
};

#define INSIDE_WAYS 4096 /* the one that was used least gives way */
#define INSIDE_HOST 1	 /* to the host, in by the interface */

/**
 * struct inside_way - how it gets there.
 * @ifindex: out by this port; with INSIDE_HOST: in by this uplink.
 * @seen_tick: when it was asked for last.
 * @mac: whose frame it was.
 * @vlan: its tag, that of the answer; 0 = none.
 * @flags: INSIDE_*.
 */
struct inside_way {
	uint32_t ifindex;
	uint32_t seen_tick;
	uint8_t mac[6];
	uint16_t vlan;
	uint16_t flags;
	uint16_t spare;
};
_Static_assert(sizeof(struct inside_way) == 20, "no padding in a map value");

#define NODE_UPLINKS 8

/**
 * struct uplink - an interface that clients' packets come in by.
 * @ifindex: 0 = none.
 * @mac: its own address; ARP answers name it.
 */
struct uplink {
	uint32_t ifindex;
	uint8_t mac[6];
	uint16_t spare;
};

/**
 * struct node - what the whole node shares; one record.
 * @direct_seed: seed of the keys of direct flows.
 * @direct_idle_ticks: life of a direct flow's entry.
 * @flow_line_mask: number of flow lines - 1.
 * @direct_line_mask: the same for direct flows.
 * @reply_rate_pps: packets of each kind that the path may make itself, a second
 *                  and CPU.
 * @uplinks: ends at the first without an ifindex.
 * @out_ifindex: for each uplink, the interface that has its routes: the bridge
 *               that it is a port of; 0 = itself.
 * @inside: where packets of clients inside come in; ifindex 0 = nowhere, they
 *          pass as they are.
 * @inside_ifindex: what they are sent to for that: its other end.
 */
struct node {
	struct hash_seed direct_seed;
	uint32_t direct_idle_ticks;
	uint32_t flow_line_mask;
	uint32_t direct_line_mask;
	uint32_t reply_rate_pps;
	struct uplink uplinks[NODE_UPLINKS];
	uint32_t out_ifindex[NODE_UPLINKS];
	struct uplink inside;
	uint32_t inside_ifindex;
};

/* What the path makes by itself; each kind has its own rate. */
enum reply_kind {
	REPLY_KIND_L2, /* ARP, ND: floods of others must not silence it */
	REPLY_KIND_RST,
	REPLY_KIND_ECHO,
	REPLY_KIND_ERROR, /* of ICMP */
	N_REPLY_KINDS,
};

/**
 * struct bucket - a token bucket.
 * @last_ns: when it was filled last.
 * @tokens: packets that may go, in 1/NS_PER_S.
 */
struct bucket {
	uint64_t last_ns;
	uint64_t tokens;
};

/**
 * struct limiter - how much of each kind the path may still send, per CPU.
 */
struct limiter {
	struct bucket bucket[N_REPLY_KINDS];
};
_Static_assert(sizeof(struct limiter) == 64, "no padding in a map value");

/**
 * struct traffic - counters of a service or a backend, one per CPU.
 *
 * Bytes are those of whole frames. `in` is client to VM. @openers and @ends
 * (first FIN or RST from the VM, or RST from the client) make the estimate of
 * a VM's flows; @refused and @evicted are entries not made and entries taken.
 */
struct traffic {
	uint64_t in_packets;
	uint64_t in_bytes;
	uint64_t out_packets;
	uint64_t out_bytes;
	uint64_t openers;
	uint64_t ends;
	uint64_t refused;
	uint64_t evicted;
};
_Static_assert(sizeof(struct traffic) == 64, "counters fill a cache line");

struct reason_count {
	uint64_t packets;
	uint64_t bytes;
};

/*
 * Why a packet was not forwarded; each such packet counts exactly once. The
 * names that users see are in dataplane/names.c.
 */
enum reason {
	REASON_NONE, /* it was forwarded */

	/* Uplink: passed to the kernel untouched. */
	PASS_TRUNCATED, /* no whole Ethernet or IP header */
	PASS_NOT_IP,	/* neither IP nor ARP */
	PASS_NOT_VIP,	/* destination isn't one of our VIPs */
	PASS_ARP,	/* ARP, but not a request for a VIP of ours */
	PASS_OBSERVED,	/* decided and counted as if, by SERVICE_OBSERVE */

	/* Answered by the path itself. */
	REPLY_ARP,
	REPLY_ND,	       /* neighbour solicitation for a VIP */
	REPLY_ECHO,	       /* ping to a VIP */
	REPLY_RST_NO_SERVICE,  /* a VIP of ours without that service */
	REPLY_RST_NO_BACKEND,  /* no VM takes it */
	REPLY_ICMP_NO_SERVICE, /* the same of UDP: port unreachable */
	REPLY_ICMP_NO_BACKEND,
	REPLY_ICMP_TTL,	    /* it would expire here: time exceeded */
	REPLY_ICMP_TOO_BIG, /* it doesn't fit the VM's port */

	/* Uplink: dropped. All are for a VIP of ours. */
	DROP_TRUNCATED,	 /* a header incomplete */
	DROP_BAD_HEADER, /* lengths that contradict each other */
	DROP_EXTENSION,	 /* IPv6 extension headers: too many, or a route */
	DROP_FRAGMENT_UNKNOWN, /* its first fragment has not been seen */
	DROP_FRAGMENT_OVERLAP, /* it would write over the first one's ports */
	DROP_FRAGMENT_FULL,    /* no room to note a first fragment */
	DROP_PROTOCOL,	       /* neither TCP, UDP nor ICMP */
	DROP_ICMP,	       /* neither an echo nor about a flow of ours */
	DROP_TTL,	       /* would expire here */
	DROP_TOO_BIG,	       /* for the VM's port, and nobody can be told */
	DROP_NO_SERVICE,
	DROP_NO_BACKEND,
	DROP_NO_RECORD,	 /* a slot or entry names a number without a VM */
	DROP_REPLY_RATE, /* an answer by the path, over its rate */
	DROP_REDIRECT,	 /* the VM's port is gone or did not take it */
	DROP_STACK,	 /* the kernel can't be handed it with its note */

	/* VM's port. */
	PASS_PORT_NOT_SERVICE, /* not from or to a service's port */
	PASS_PORT_DIRECT,      /* a connection that is not balanced */
	PASS_INSIDE_STRANGER,  /* to a VIP, but not from an address of the VM */
	REPLY_PORT_TOO_BIG,    /* an answer that doesn't fit the way out */
	DROP_PORT_DIRECT_FULL, /* no entry left for a new direct flow */
	DROP_PORT_NO_ROUTE,    /* no route or neighbour for an answer */
	DROP_PORT_TTL,
	DROP_PORT_TOO_BIG, /* for an answer's way out, and the VM can't be told */
	DROP_INSIDE_TAKEN,    /* another VM calls the VIP by the same address */
	DROP_INSIDE_FULL,     /* no room to note the way of its answers */
	DROP_INSIDE_STACK,    /* its VM is served through the kernel */
	REPLY_INSIDE_TOO_BIG, /* for the interface of clients inside */
	DROP_INSIDE_TOO_BIG,  /* the same, and its sender can't be told */

	/* Probes over the data path. */
	PASS_PROBE_ANSWER, /* a VM's answer: to whoever probes */
	REPLY_PROBE_ARP,   /* a VM asks for the address that probes come from */
	REPLY_PROBE_ND,	   /* the same by IPv6 */
	DROP_PROBE_ANSWER, /* to that address, but answers no probe */
	DROP_PROBE,	   /* on the probe interface, but no probe to a VM */

	N_REASONS,
};

/* Counters of reasons: what became of packets, then what would have become of
 * observed ones (PASS_OBSERVED). */
#define N_REASON_COUNTS	     (2 * N_REASONS)
#define REASON_AS_IF(reason) (N_REASONS + (reason))

#endif
