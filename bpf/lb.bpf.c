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
#include "dataplane/core/rare.h"

#define TRACE_CONTEXT	   xdp_md
#define TRACE_IFINDEX(ctx) ((ctx)->ingress_ifindex)
#define TRACE_LENGTH(ctx)  ((ctx)->data_end - (ctx)->data)
#define TRACE_LOAD	   bpf_xdp_load_bytes
#include "bpf/trace.bpf.h"

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
 * entry one of the past. Packets to others can't push services out: that an address
 * is nobody's is kept apart.
 */
#define SERVICE_CACHE 64

/* What an entry is found by, as three words to compare. */
union cache_key {
	struct {
		struct service_key service;
		uint32_t generation; /* generation_map's + 1; 0 = nothing */
	};
	uint64_t word[3];
};
_Static_assert(sizeof(union cache_key) == 24, "no padding in a key");

struct cached_service {
	union cache_key key;
	struct service value;
};

struct service_cache {
	struct cached_service entry[SERVICE_CACHE];
	union cache_key nobody[SERVICE_CACHE];
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

static ALWAYS_INLINE bool cache_same(const union cache_key *a,
				     const union cache_key *b)
{
	return a->word[2] == b->word[2] && a->word[1] == b->word[1] &&
	       a->word[0] == b->word[0];
}

/* Not in the cache. The key is copied: what is only compared needs no memory. */
static ALWAYS_INLINE const struct service *
missed_service(void *e, struct service_cache *cache, const union cache_key *k)
{
	union cache_key vip = { .service.vip = k->service.vip,
				.generation = k->generation };
	union cache_key *nobody = &cache->nobody[cache_place(&vip.service)];
	struct service_key key = k->service;
	const struct service *service;
	struct cached_service *c;

	if (cache_same(nobody, &vip))
		return NULL;
	service = bpf_service(e, &key);
	if (service) {
		c = &cache->entry[cache_place(&key)];
		c->key.generation = 0;
		c->key.service = key;
		c->value = *service;
		c->key.generation = k->generation;
	} else if (!key.port && !key.proto) {
		*nobody = vip;
	}
	return service;
}

static ALWAYS_INLINE const struct service *
cached_service(void *e, const struct service_key *k)
{
	const uint32_t only = 0;
	const uint32_t *now = bpf_map_lookup_elem(&generation_map, &only);
	union cache_key key = { .service = *k };
	struct service_cache *cache;
	struct cached_service *c;

	cache = bpf_map_lookup_elem(&service_cache, &only);
	if (!now || !cache)
		return NULL;
	key.generation = READ_ONCE(*now) + 1;
	c = &cache->entry[cache_place(k)];
	return cache_same(&c->key, &key) ? &c->value :
					   missed_service(e, cache, &key);
}

/*
 * The slow path, of packets whose slot is marked, and the notes of UDP's clients,
 * in functions that the verifier judges by themselves (not static: that is what
 * makes it do so).
 */
uint32_t slow_rank(uint64_t key, uint64_t meta, uint32_t now_tick);
uint32_t slow_tracked(struct tracked *q);
uint32_t slow_asked(struct asked *q);

static ALWAYS_INLINE uint32_t bpf_asked(void *e, struct asked *q)
{
	(void)e;
	return slow_asked(q);
}

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

uint32_t slow_walk(struct xdp_md *ctx, struct walk *w);
uint32_t slow_direct(struct direct *q);
uint32_t slow_frag(struct frag_ask *q);

static ALWAYS_INLINE uint32_t bpf_direct(void *e, struct direct *q)
{
	(void)e;
	return slow_direct(q);
}

static ALWAYS_INLINE uint32_t bpf_frag(void *e, struct frag_ask *q)
{
	(void)e;
	return slow_frag(q);
}
uint32_t slow_whose(struct whose *q);

uint32_t slow_mss(struct xdp_md *ctx, struct mss *m);

static ALWAYS_INLINE uint32_t xdp_mss(void *e, struct mss *m)
{
	return slow_mss(e, m);
}

static ALWAYS_INLINE uint32_t xdp_walk(void *e, struct walk *w)
{
	return slow_walk(e, w);
}

static ALWAYS_INLINE uint32_t bpf_whose(void *e, struct whose *q)
{
	(void)e;
	return slow_whose(q);
}

uint64_t slow_key(struct key_ask *q);

static ALWAYS_INLINE uint64_t bpf_key(void *e, struct key_ask *q)
{
	(void)e;
	return slow_key(q);
}

/* What all packets need. */
#define LB_TABLES                                             \
	BPF_TABLES, .tracked = bpf_tracked, .rank = bpf_rank, \
		    .direct = bpf_direct, .asked = bpf_asked, .mss = xdp_mss

static const struct tables tables = {
	LB_TABLES,
	.service = cached_service,
};

/* Of what is seldom. */
static const struct tables rare_tables = {
	LB_TABLES,	  .service = bpf_service, .key = bpf_key,
	.frag = bpf_frag, .walk = xdp_walk,	  .whose = bpf_whose,
};

__noinline uint32_t slow_rank(uint64_t key, uint64_t meta, uint32_t now_tick)
{
	return flow_rank(&tables, NULL, key, meta, now_tick);
}

__noinline uint32_t slow_tracked(struct tracked *q)
{
	uint32_t backend = q ? pick_tracked(&tables, NULL, q) : BACKEND_NONE;

	if (q && trace_is_on())
		trace_note(q->slot, q->how);
	return backend;
}

__noinline uint32_t slow_asked(struct asked *q)
{
	return q ? asked(&tables, NULL, q) : ASKED_NO;
}

__noinline uint32_t slow_mss(struct xdp_md *ctx, struct mss *m)
{
	if (m)
		mss_find(m, (uint8_t *)(long)ctx->data,
			 (const uint8_t *)(long)ctx->data_end);
	return 0;
}

__noinline uint32_t slow_walk(struct xdp_md *ctx, struct walk *w)
{
	const uint8_t *data = (const uint8_t *)(long)ctx->data;

	return w ? walk(w, data, (const uint8_t *)(long)ctx->data_end) :
		   DROP_EXTENSION;
}

__noinline uint32_t slow_direct(struct direct *q)
{
	return q ? direct_note(&tables, NULL, q) : DIRECT_UNKNOWN;
}

__noinline uint32_t slow_frag(struct frag_ask *q)
{
	return q ? frag_table(&tables, NULL, q) : DROP_FRAGMENT_UNKNOWN;
}

__noinline uint64_t slow_key(struct key_ask *q)
{
	return q ? key_of(&tables, NULL, q) : 0;
}

__noinline uint32_t slow_whose(struct whose *q)
{
	return q ? whose(&tables, NULL, q) : DROP_ICMP;
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

/*
 * Make room behind the Ethernet header and its tags, and write the headers of an
 * ICMP error there.
 */
static ALWAYS_INLINE bool answer_error_fill(struct xdp_md *ctx, struct pkt *p)
{
	bool is_v6 = is_ipv6(p);
	uint32_t head = is_v6 ? sizeof(struct ipv6_hdr) :
				sizeof(struct ipv4_hdr);
	struct vlan_hdr *tag;
	int i;

	head += sizeof(struct icmp_hdr);
	if (bpf_xdp_adjust_head(ctx, -(int)head))
		return false;
	p->data = (uint8_t *)(long)ctx->data;
	p->end = (uint8_t *)(long)ctx->data_end;
	if (p->data + head + sizeof(*p->eth) + 2 * sizeof(*tag) > p->end)
		return false;
	p->eth = (struct eth_hdr *)p->data;
	*p->eth = *(struct eth_hdr *)(p->data + head);
	tag = (struct vlan_hdr *)(p->eth + 1);
	for (i = 0; i < 2; i++) {
		if (p->l3_at < sizeof(*p->eth) + (i + 1) * sizeof(*tag))
			break;
		tag[i] = *(struct vlan_hdr *)((uint8_t *)&tag[i] + head);
	}
	if (i == 0)
		return error_fill(p, p->data + sizeof(*p->eth), is_v6, NULL);
	if (i == 1)
		return error_fill(p, (uint8_t *)(tag + 1), is_v6, NULL);
	return error_fill(p, (uint8_t *)(tag + 2), is_v6, NULL);
}

/* Cut the answer that the core wrote to its length, and send it back. */
static ALWAYS_INLINE int answer(struct xdp_md *ctx, struct pkt *p,
				enum verdict *verdict)
{
	uint32_t length = p->length + p->reply_head;

	if (bpf_xdp_adjust_tail(ctx, (int)(p->reply_length - length)))
		return fail(p, DROP_TRUNCATED, verdict);
	return XDP_TX;
}

static ALWAYS_INLINE struct pkt pkt_of_xdp(struct xdp_md *ctx,
					   enum l3_kind only)
{
	struct pkt p = {
		.data = (uint8_t *)(long)ctx->data,
		.end = (uint8_t *)(long)ctx->data_end,
		.ifindex = ctx->ingress_ifindex,
		.length = ctx->data_end - ctx->data,
		.only = only,
	};

	return p;
}

/* Carry a verdict out, and count. */
static ALWAYS_INLINE int act(struct xdp_md *ctx, struct pkt *p,
			     enum verdict verdict)
{
	int action = XDP_DROP;

	switch (verdict) {
	case VERDICT_PASS:
		trace_note_as_if(p);
		action = XDP_PASS;
		break;
	case VERDICT_DROP:
		break;
	case VERDICT_REPLY:
		action = answer(ctx, p, &verdict);
		break;
	case VERDICT_FORWARD:
		action = send(ctx, p, &verdict);
		break;
	case VERDICT_STACK:
		action = stack_refuses(&tables, NULL, p) ?
				 fail(p, p->reason, &verdict) :
				 hand_up(ctx, p, &verdict);
		break;
	case VERDICT_PROBE: /* never here */
	case VERDICT_INSIDE:
	case VERDICT_RARE:
		break;
	}
	count_forward(&tables, NULL, p, verdict);
	trace(ctx, p, verdict, TRACE_UPLINK);
	return action;
}

/*
 * Each family has programs of its own, and so has each kind of what is seldom:
 * nobody pays for another's, and the verifier judges each by itself. The map is
 * pinned with the others, or it would be emptied with the last process that has
 * it open.
 */
#define N_PROGRAMS	(2 * N_RARE_KINDS)
#define PROGRAM_4(kind) (kind)
#define PROGRAM_6(kind) (N_RARE_KINDS + (kind))

int lb(struct xdp_md *ctx);
int lb_flow(struct xdp_md *ctx);
int lb_later(struct xdp_md *ctx);
int lb_icmp(struct xdp_md *ctx);
int lb_refused(struct xdp_md *ctx);
int lb6(struct xdp_md *ctx);
int lb6_flow(struct xdp_md *ctx);
int lb6_later(struct xdp_md *ctx);
int lb6_icmp(struct xdp_md *ctx);
int lb6_refused(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, N_PROGRAMS);
	__uint(key_size, sizeof(uint32_t));
	__array(values, int(void *));
} rare_map SEC(".maps") = {
	.values = {
		[PROGRAM_4(RARE_FLOW)] = (void *)&lb_flow,
		[PROGRAM_4(RARE_LATER)] = (void *)&lb_later,
		[PROGRAM_4(RARE_ICMP)] = (void *)&lb_icmp,
		[PROGRAM_4(RARE_REFUSED)] = (void *)&lb_refused,
		[PROGRAM_4(RARE_USUAL)] = (void *)&lb,
		[PROGRAM_6(RARE_FLOW)] = (void *)&lb6_flow,
		[PROGRAM_6(RARE_LATER)] = (void *)&lb6_later,
		[PROGRAM_6(RARE_ICMP)] = (void *)&lb6_icmp,
		[PROGRAM_6(RARE_REFUSED)] = (void *)&lb6_refused,
		[PROGRAM_6(RARE_USUAL)] = (void *)&lb6,
	},
};

/* Somebody else goes on with a packet, from its beginning. */
static ALWAYS_INLINE void hand_on(struct xdp_md *ctx, const struct pkt *p)
{
	uint32_t kind = rare_kind(p);

	bpf_tail_call(ctx, &rare_map,
		      is_ipv6(p) ? PROGRAM_6(kind) : PROGRAM_4(kind));
}

/*
 * Carry out the end of a packet that no service has taken. Apart from act(), for
 * those that one takes: where both meet all that is known of a packet would have
 * to be written down for the other.
 */
static ALWAYS_INLINE int act_unserved(struct xdp_md *ctx, struct pkt *p,
				      enum verdict verdict)
{
	int action = verdict == VERDICT_PASS ? XDP_PASS : XDP_DROP;

	if (verdict == VERDICT_RARE) {
		/* By a constant, which the kernel makes a plain jump. */
		if (is_other_family(p))
			bpf_tail_call_static(ctx, &rare_map,
					     PROGRAM_6(RARE_USUAL));
		hand_on(ctx, p);
		return XDP_DROP;
	}
	if (verdict == VERDICT_REPLY)
		action = answer(ctx, p, &verdict);
	count_unserved(&tables, NULL, p);
	return action;
}

/* The whole of forward(). */
static ALWAYS_INLINE int usual(struct xdp_md *ctx, enum l3_kind only)
{
	struct pkt p = pkt_of_xdp(ctx, only);
	enum verdict verdict = stage_service(&tables, ctx, &p);

	if (verdict != VERDICT_FORWARD)
		return act_unserved(ctx, &p, verdict);
	verdict = stage_backend(&tables, ctx, &p);
	if (verdict == VERDICT_RARE)
		hand_on(ctx, &p);
	return act(ctx, &p, verdict);
}

static ALWAYS_INLINE int flow(struct xdp_md *ctx, enum l3_kind only)
{
	struct pkt p = pkt_of_xdp(ctx, only);
	enum verdict verdict = rare_of_flow(&rare_tables, ctx, &p);

	if (verdict == VERDICT_RARE)
		hand_on(ctx, &p);
	return act(ctx, &p, verdict);
}

static ALWAYS_INLINE int later(struct xdp_md *ctx, enum l3_kind only)
{
	struct pkt p = pkt_of_xdp(ctx, only);

	return act(ctx, &p, rare_of_later(&rare_tables, ctx, &p));
}

static ALWAYS_INLINE int icmp(struct xdp_md *ctx, enum l3_kind only)
{
	struct pkt p = pkt_of_xdp(ctx, only);

	return act(ctx, &p, rare_of_icmp(&rare_tables, ctx, &p));
}

static ALWAYS_INLINE int refused(struct xdp_md *ctx, enum l3_kind only)
{
	struct pkt p = pkt_of_xdp(ctx, only);
	enum verdict verdict = rare_of_refused(&rare_tables, ctx, &p);
	int action = verdict == VERDICT_PASS ? XDP_PASS : XDP_DROP;

	if (verdict == VERDICT_REPLY)
		action = !p.reply_head || answer_error_fill(ctx, &p) ?
				 answer(ctx, &p, &verdict) :
				 fail(&p, DROP_TRUNCATED, &verdict);
	count_forward(&tables, NULL, &p, verdict);
	trace_refused(ctx, &p, verdict);
	return action;
}

#define PROGRAM(name, what, only)       \
	SEC("xdp")                      \
	int name(struct xdp_md *ctx)    \
	{                               \
		return what(ctx, only); \
	}

PROGRAM(lb, usual, L3_IPV4)
PROGRAM(lb_flow, flow, L3_IPV4)
PROGRAM(lb_later, later, L3_IPV4)
PROGRAM(lb_icmp, icmp, L3_IPV4)
PROGRAM(lb_refused, refused, L3_IPV4)
PROGRAM(lb6, usual, L3_IPV6)
PROGRAM(lb6_flow, flow, L3_IPV6)
PROGRAM(lb6_later, later, L3_IPV6)
PROGRAM(lb6_icmp, icmp, L3_IPV6)
PROGRAM(lb6_refused, refused, L3_IPV6)

/*
 * At the other end of the interface that clients inside come in by: the driver
 * sends answers there only if somebody like us listens.
 */
SEC("xdp")
int inside_pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
