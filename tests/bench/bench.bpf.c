// SPDX-License-Identifier: GPL-2.0-only
/*
 * What bench_xdp.c puts around the real programs under BPF_PROG_TEST_RUN.
 *
 * The kernel does not restore a packet between the iterations of a test run, so
 * a wrapper does: it writes all that the path changes, with the tuple of the
 * next flow of a shuffled list, and ends in a tail call of the program that is
 * measured. The wrapper's own cost is measured with a program that only returns
 * in its place.
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
uint32_t fixed_addr = 0;

/* x86 takes words at any address, which is what keeps the wrapper cheap. */
#define PUT(type, at, value) (*(volatile type *)(data + (at)) = (value))

/* The next flow's headers; false: the list has none, which can't be. */
static ALWAYS_INLINE bool put_next(uint8_t *data, bool to_vip)
{
	const struct bench_tuple *t;
	uint32_t index = cursor;

	cursor = index + 1 < n_tuples ? index + 1 : 0;
	t = bpf_map_lookup_elem(&tuple_map, &index);
	if (!t)
		return false;
	PUT(uint64_t, 0, 0x0200000000020000ULL);
	PUT(uint32_t, 8, 0x01000000U);
	PUT(uint32_t, BENCH_AT_TTL, t->ttl_word);
	PUT(uint32_t, BENCH_AT_SRC, to_vip ? t->peer : fixed_addr);
	PUT(uint32_t, BENCH_AT_DST, to_vip ? fixed_addr : t->peer);
	PUT(uint32_t, BENCH_AT_PORTS, t->ports);
	PUT(uint16_t, BENCH_AT_CSUM, (uint16_t)t->csum);
	return true;
}

SEC("xdp")
int wrap_xdp(struct xdp_md *ctx)
{
	uint8_t *data = (uint8_t *)(long)ctx->data;

	if (data + BENCH_FRAME > (uint8_t *)(long)ctx->data_end ||
	    !put_next(data, true))
		return XDP_ABORTED;
	bpf_tail_call(ctx, &xdp_jump, 0);
	return XDP_ABORTED;
}

SEC("tc")
int wrap_tc(struct __sk_buff *skb)
{
	uint8_t *data = (uint8_t *)(long)skb->data;

	if (data + BENCH_FRAME > (uint8_t *)(long)skb->data_end ||
	    !put_next(data, false))
		return TC_ACT_SHOT;
	bpf_tail_call(skb, &tc_jump, 0);
	return TC_ACT_SHOT;
}

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
