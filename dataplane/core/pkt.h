/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the stages of the packet path hand to each other.
 *
 * A stage reads what earlier ones filled in and adds its own; nothing else
 * passes between them, so an engine may run them in a row (XDP) or each over
 * a burst (DPDK).
 */
#ifndef DATAPLANE_CORE_PKT_H
#define DATAPLANE_CORE_PKT_H

#include "dataplane/core/base.h"
#include "dataplane/core/state.h"
#include "dataplane/core/wire.h"

enum verdict {
	VERDICT_PASS, /* to the kernel, untouched */
	VERDICT_DROP,
	VERDICT_REPLY,	 /* rewritten into an answer: out where it came in */
	VERDICT_FORWARD, /* rewritten: out at the backend's port */
	VERDICT_STACK,	 /* ours, but it goes on through the kernel */
	VERDICT_PROBE,	 /* of a probe: probe.h says what becomes of it */
};

/* How a packet stands to its flow; DESIGN's table of slots has a column each. */
enum flow_kind {
	FLOW_OPENER, /* TCP SYN without ACK (later: QUIC Initial, 0-RTT) */
	FLOW_OTHER,  /* any other TCP (later: QUIC) packet */
	FLOW_UDP,    /* plain UDP */
};

/**
 * struct pkt - one packet on its way.
 * @data: first byte; @end: behind the last one.
 * @eth, @ip, @tcp: headers inside, NULL until parsed. Valid until an engine's
 *                  call moves or resizes the packet.
 * @src, @dst, @sport, @dport, @proto: the flow as it came.
 * @tcp_flags: TCP_*.
 * @kind: enum flow_kind.
 * @ifindex: the interface it came in by (at a VM's port: the port).
 * @length: bytes of the frame as it came.
 * @head_cut: bytes that the engine must take off the front (a VLAN tag that
 *            does not go on to the VM).
 * @reply_length: of an answer that the path wrote: the length to cut it to.
 * @key: the flow's key: slot bits above, the rest of the hash below.
 * @service: number of the service.
 * @observed: it is only observed: nothing may be kept or changed.
 * @pool: number of the pool.
 * @target_port: port in the VM.
 * @backend: number of the chosen backend.
 * @stack_ifindex: for VERDICT_STACK of forward(): the bridge that it enters.
 * @stack_bridged: it came in by a port of that bridge, and goes on as it is.
 * @reason: why it isn't forwarded.
 * @as_if: with PASS_OBSERVED: what it would have been.
 * @refused, @evicted: an entry was not made, or took the place of a live one.
 */
struct pkt {
	uint8_t *data;
	uint8_t *end;
	struct eth_hdr *eth;
	struct ipv4_hdr *ip;
	struct tcp_hdr *tcp;
	struct ip_addr src;
	struct ip_addr dst;
	uint64_t key;
	be16 sport;
	be16 dport;
	be16 target_port;
	be16 l3_type; /* Ethernet type behind a tag, network order */
	uint8_t proto;
	uint8_t tcp_flags;
	bool refused;
	bool evicted;
	bool stack_bridged;
	bool observed;
	uint32_t ifindex;
	uint32_t length;
	uint32_t head_cut;
	uint32_t reply_length;
	uint32_t service;
	uint32_t pool;
	uint32_t stack_ifindex;
	uint16_t backend;
	enum flow_kind kind;
	enum reason reason;
	enum reason as_if;
};

#endif
