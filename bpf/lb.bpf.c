// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP at an uplink: client -> VIP becomes client -> VM, out at the VM's port.
 *
 * The path itself is forward() of the core; here is what it takes to carry its
 * verdict out.
 */
#include "bpf/maps.bpf.h"
#include "bpf/stack.bpf.h"
#include "dataplane/core/count.h"
#include "dataplane/core/forward.h"

/*
 * The VMs' ports, by backend number: a new port never gets the packets of an
 * old one, since an entry goes with its interface.
 */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, uint32_t);
} device_map SEC(".maps");

/*
 * The slow path, of packets whose slot is marked, in two functions that the
 * verifier judges by themselves (not static: that is what makes it do so).
 */
uint32_t slow_rank(uint64_t key, uint64_t meta, uint32_t now_tick);
uint32_t slow_tracked(struct tracked *q);

static ALWAYS_INLINE uint32_t bpf_rank(void *e, uint64_t key, uint64_t meta,
				       uint32_t now_tick)
{
	(void)e;
	return slow_rank(key, meta, now_tick);
}

static ALWAYS_INLINE uint16_t bpf_tracked(void *e, struct tracked *q)
{
	(void)e;
	return (uint16_t)slow_tracked(q);
}

static const struct tables tables = {
	BPF_TABLES,
	.tracked = bpf_tracked,
	.rank = bpf_rank,
};

__noinline uint32_t slow_rank(uint64_t key, uint64_t meta, uint32_t now_tick)
{
	return flow_rank(&tables, NULL, key, meta, now_tick);
}

__noinline uint32_t slow_tracked(struct tracked *q)
{
	return q ? pick_tracked(&tables, NULL, q) : BACKEND_NONE;
}

/* It can't go out: the verdict becomes a drop. */
static ALWAYS_INLINE int fail(struct pkt *p, enum reason reason,
			      enum verdict *verdict)
{
	p->reason = reason;
	*verdict = VERDICT_DROP;
	return XDP_DROP;
}

/* Hand what forward() rewrote to the kernel, noted as ours. */
static ALWAYS_INLINE int hand_up(struct xdp_md *ctx, struct pkt *p,
				 enum verdict *verdict)
{
	struct stack_note *note;

	if (p->head_cut && bpf_xdp_adjust_head(ctx, (int)p->head_cut))
		return fail(p, DROP_TRUNCATED, verdict);
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*note)))
		return fail(p, DROP_STACK, verdict);
	note = (struct stack_note *)(long)ctx->data_meta;
	if ((void *)(note + 1) > (void *)(long)ctx->data)
		return fail(p, DROP_STACK, verdict);
	note->magic = STACK_MAGIC;
	note->bridge = p->stack_bridged ? 0 : p->stack_ifindex;
	return XDP_PASS;
}

/* Send what forward() rewrote; a miss turns the verdict into a drop. */
static ALWAYS_INLINE int send(struct xdp_md *ctx, struct pkt *p,
			      enum verdict *verdict)
{
	if (p->head_cut && bpf_xdp_adjust_head(ctx, (int)p->head_cut))
		return fail(p, DROP_TRUNCATED, verdict);
	if (bpf_redirect_map(&device_map, p->backend, XDP_DROP) != XDP_REDIRECT)
		return fail(p, DROP_REDIRECT, verdict);
	return XDP_REDIRECT;
}

/* Cut the answer that the core wrote to its length, and send it back. */
static ALWAYS_INLINE int answer(struct xdp_md *ctx, struct pkt *p,
				enum verdict *verdict)
{
	if (bpf_xdp_adjust_tail(ctx, (int)(p->reply_length - p->length)))
		return fail(p, DROP_TRUNCATED, verdict);
	return XDP_TX;
}

SEC("xdp")
int lb(struct xdp_md *ctx)
{
	struct pkt p = {
		.data = (uint8_t *)(long)ctx->data,
		.end = (uint8_t *)(long)ctx->data_end,
		.ifindex = ctx->ingress_ifindex,
		.length = ctx->data_end - ctx->data,
	};
	enum verdict verdict = forward(&tables, NULL, &p);
	int action = XDP_DROP;

	switch (verdict) {
	case VERDICT_PASS:
		action = XDP_PASS;
		break;
	case VERDICT_DROP:
		break;
	case VERDICT_REPLY:
		action = answer(ctx, &p, &verdict);
		break;
	case VERDICT_FORWARD:
		action = send(ctx, &p, &verdict);
		break;
	case VERDICT_STACK:
		action = hand_up(ctx, &p, &verdict);
		break;
	case VERDICT_PROBE: /* never here */
		break;
	}
	count_forward(&tables, NULL, &p, verdict);
	return action;
}

char LICENSE[] SEC("license") = "GPL";
