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
 * The last services that this CPU looked up. A lookup in a kernel's hash costs
 * four calls, a quarter of a packet's time; here it is three comparisons. What
 * was looked up holds until a service changes anywhere (generation_map); the
 * generation is read before the service is, so a change in between makes the
 * entry one of the past. Only what is found is kept: packets to others can't
 * push services out.
 */
#define SERVICE_CACHE 64

struct cached_service {
	struct service_key key;
	uint32_t generation; /* generation_map's + 1; 0 = nothing */
	struct service value;
};

struct service_cache {
	struct cached_service entry[SERVICE_CACHE];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct service_cache);
} service_cache SEC(".maps");

static ALWAYS_INLINE uint32_t cache_place(const struct service_key *k)
{
	uint32_t ends = k->vip.word[3] ^ k->vip.word[2] ^
			(uint32_t)k->port << 16;

	return (ends * 0x9e3779b1U >> 26) & (SERVICE_CACHE - 1);
}

static ALWAYS_INLINE bool cache_holds(const struct cached_service *c,
				      const struct service_key *k,
				      uint32_t generation)
{
	const uint32_t *a = (const uint32_t *)&c->key;
	const uint32_t *b = (const uint32_t *)k;

	return c->generation == generation && a[3] == b[3] && a[4] == b[4] &&
	       a[2] == b[2] && a[1] == b[1] && a[0] == b[0];
}

static ALWAYS_INLINE const struct service *
cached_service(void *e, const struct service_key *k)
{
	const uint32_t only = 0;
	const uint32_t *now = bpf_map_lookup_elem(&generation_map, &only);
	struct service_cache *cache;
	struct cached_service *c;
	const struct service *service;
	uint32_t generation;

	cache = bpf_map_lookup_elem(&service_cache, &only);
	if (!now || !cache)
		return NULL;
	generation = READ_ONCE(*now) + 1;
	c = &cache->entry[cache_place(k)];
	if (cache_holds(c, k, generation))
		return &c->value;
	service = bpf_service(e, k);
	if (service) {
		c->generation = 0;
		c->key = *k;
		c->value = *service;
		c->generation = generation;
	}
	return service;
}

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
	.service = cached_service,
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
