/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the wrappers (bench.bpf.c) write into a packet, and where.
 */
#ifndef TESTS_BENCH_BENCH_TUPLE_H
#define TESTS_BENCH_BENCH_TUPLE_H

#include "dataplane/core/wire.h"

#define BENCH_TUPLES (1U << 20)

/*
 * A frame: Ethernet, IPv4 or IPv6, and 26 bytes of TCP or UDP. Places in it: TTL,
 * protocol and checksum, of IPv6 the payload's length, protocol and hop limit; an
 * address; the ports; the checksum behind them.
 */
#define BENCH_FRAME_MAX	       80
#define BENCH_FRAME(v6)	       ((v6) ? 80 : 60)
#define BENCH_AT_TTL(v6)       ((v6) ? 18 : 22)
#define BENCH_AT_ADDR(v6, end) ((v6) ? 22 + 16 * (end) : 26 + 4 * (end))
#define BENCH_AT_PORTS(v6)     ((v6) ? 54 : 34)
#define BENCH_AT_CSUM(v6, proto) \
	(BENCH_AT_PORTS(v6) + ((proto) == IP_PROTO_UDP ? 6 : 16))

/**
 * struct bench_tuple - a flow's headers; words as they are in the packet.
 * @ttl_word: what is at BENCH_AT_TTL().
 * @peer: the client's address, of IPv6 its end; the rest never changes.
 * @ports: source and destination port.
 * @csum: of TCP or UDP.
 */
struct bench_tuple {
	uint32_t ttl_word;
	be32 peer;
	uint32_t ports;
	uint32_t csum;
};
_Static_assert(sizeof(struct bench_tuple) == 16, "four to a cache line");

#endif
