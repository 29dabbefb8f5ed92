// SPDX-License-Identifier: GPL-2.0-only
/*
 * What bench_xdp.c puts around the real programs under BPF_PROG_TEST_RUN.
 *
 * The kernel does not restore a packet between the iterations of a test run, so
 * a wrapper does, one for each family and protocol: it writes all that the path
 * changes, with the tuple of the next flow of a shuffled list, and ends in a tail
 * call of the program that is measured. The wrapper's own cost is measured with a
 * program that only returns in its place.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "tests/bench/bench_tuple.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BENCH_TUPLES);
	__type(key, uint32_t);
	__type(value, struct bench_tuple);
} tuple_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, uint32_t);
} xdp_jump SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, uint32_t);
} tc_jump SEC(".maps");

/* Of the run: the list's length, where it is, and the end that stays. */
uint32_t n_tuples = 1;
uint32_t cursor = 0;
struct ip_addr fixed_addr = { { 0 } };

/* x86 takes words at any address, which is what keeps the wrapper cheap. */
#define PUT(type, at, value) (*(volatile type *)(data + (at)) = (value))

/* The next flow's headers; false: the list has none, which can't be. */
static ALWAYS_INLINE bool put_next(uint8_t *data, bool v6, uint8_t proto,
				   enum end peer)
{
	enum end fixed = peer == END_SRC ? END_DST : END_SRC;
	const struct bench_tuple *t;
	uint32_t index = cursor;

	cursor = index + 1 < n_tuples ? index + 1 : 0;
	t = bpf_map_lookup_elem(&tuple_map, &index);
	if (!t)
		return false;
	PUT(uint64_t, 0, 0x0200000000020000ULL);
	PUT(uint32_t, 8, 0x01000000U);
	PUT(uint32_t, BENCH_AT_TTL(v6), t->ttl_word);
	PUT(uint32_t, BENCH_AT_ADDR(v6, peer) + (v6 ? 12 : 0), t->peer);
	if (v6) {
		PUT(uint32_t, BENCH_AT_ADDR(v6, fixed), fixed_addr.word[0]);
		PUT(uint32_t, BENCH_AT_ADDR(v6, fixed) + 4, fixed_addr.word[1]);
		PUT(uint32_t, BENCH_AT_ADDR(v6, fixed) + 8, fixed_addr.word[2]);
	}
	PUT(uint32_t, BENCH_AT_ADDR(v6, fixed) + (v6 ? 12 : 0),
	    fixed_addr.word[3]);
	PUT(uint32_t, BENCH_AT_PORTS(v6), t->ports);
	PUT(uint16_t, BENCH_AT_CSUM(v6, proto), (uint16_t)t->csum);
	return true;
}

#define WRAPPER(name, section, context, jump, miss, v6, proto, peer)           \
	SEC(section)                                                           \
	int name(struct context *ctx)                                          \
	{                                                                      \
		uint8_t *data = (uint8_t *)(long)ctx->data;                    \
                                                                               \
		if (data + BENCH_FRAME(v6) > (uint8_t *)(long)ctx->data_end || \
		    !put_next(data, v6, proto, peer))                          \
			return miss;                                           \
		bpf_tail_call(ctx, &(jump), 0);                                \
		return miss;                                                   \
	}

#define WRAPPER_XDP(name, v6, proto) \
	WRAPPER(name, "xdp", xdp_md, xdp_jump, XDP_ABORTED, v6, proto, END_SRC)
#define WRAPPER_TC(name, v6, proto) \
	WRAPPER(name, "tc", __sk_buff, tc_jump, TC_ACT_SHOT, v6, proto, END_DST)

WRAPPER_XDP(wrap_xdp, false, IP_PROTO_TCP)
WRAPPER_XDP(wrap_xdp_udp, false, IP_PROTO_UDP)
WRAPPER_XDP(wrap_xdp6, true, IP_PROTO_TCP)
WRAPPER_XDP(wrap_xdp6_udp, true, IP_PROTO_UDP)
WRAPPER_TC(wrap_tc, false, IP_PROTO_TCP)
WRAPPER_TC(wrap_tc_udp, false, IP_PROTO_UDP)
WRAPPER_TC(wrap_tc6, true, IP_PROTO_TCP)
WRAPPER_TC(wrap_tc6_udp, true, IP_PROTO_UDP)

/* The floors. */
SEC("xdp")
int xdp_tx(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_TX;
}

SEC("tc")
int tc_ok(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_OK;
}

/* An IPv4 header that is always the same in front, and off again. */
SEC("xdp")
int encap_constant(struct xdp_md *ctx)
{
	const uint32_t outer[5] = { 0x00450000, 0, 0x00000440, 0x0100000a,
				    0x0200000a };
	uint8_t *data;
	int i;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(outer)))
		return XDP_ABORTED;
	data = (uint8_t *)(long)ctx->data;
	if (data + 14 + sizeof(outer) > (uint8_t *)(long)ctx->data_end)
		return XDP_ABORTED;
	PUT(uint64_t, 0, 0x0200000000020000ULL);
	PUT(uint32_t, 8, 0x01000000U);
	PUT(uint16_t, 12, 8);
	for (i = 0; i < 5; i++)
		PUT(uint32_t, 14 + 4 * i, outer[i]);
	if (bpf_xdp_adjust_head(ctx, (int)sizeof(outer)))
		return XDP_ABORTED;
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
