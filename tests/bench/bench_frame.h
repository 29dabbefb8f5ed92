/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whole packets for bench_xdp.c, of BENCH_FRAME() bytes.
 */
#ifndef TESTS_BENCH_BENCH_FRAME_H
#define TESTS_BENCH_BENCH_FRAME_H

#include "tests/bench/bench_tuple.h"

/**
 * struct frame_ends - whose packet it is; as on the wire.
 */
struct frame_ends {
	struct ip_addr addr[2];
	be16 port[2];
};

/**
 * frame_make() - a packet with right checksums.
 * @frame: BENCH_FRAME_MAX bytes.
 * @ends: addresses of one family.
 * @proto: IP_PROTO_TCP or IP_PROTO_UDP.
 * @flags: of TCP.
 */
void frame_make(uint8_t *frame, const struct frame_ends *ends, uint8_t proto,
		uint8_t flags);

#endif
