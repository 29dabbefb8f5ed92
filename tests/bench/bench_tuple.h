/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the wrapper (bench.bpf.c) writes into a packet, and where.
 */
#ifndef TESTS_BENCH_BENCH_TUPLE_H
#define TESTS_BENCH_BENCH_TUPLE_H

#include "dataplane/core/base.h"

#define BENCH_TUPLES   (1U << 20)
#define BENCH_FRAME    60 /* Ethernet, IPv4, TCP and 6 bytes */
#define BENCH_AT_TTL   22 /* TTL, protocol, checksum */
#define BENCH_AT_SRC   26
#define BENCH_AT_DST   30
#define BENCH_AT_PORTS 34
#define BENCH_AT_CSUM  50

/**
 * struct bench_tuple - a flow's headers; words as they are in the packet.
 * @ttl_word: TTL, protocol and checksum of the IPv4 header.
 * @peer: the client's address.
 * @ports: source and destination port.
 * @csum: TCP's checksum.
 */
struct bench_tuple {
	uint32_t ttl_word;
	be32 peer;
	uint32_t ports;
	uint32_t csum;
};
_Static_assert(sizeof(struct bench_tuple) == 16, "four to a cache line");

#endif
