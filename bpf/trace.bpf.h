/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of packets, told to who asks for it (core/trace.h). An object that
 * includes this says before what its context is:
 *
 *	TRACE_CONTEXT		struct xdp_md or struct __sk_buff
 *	TRACE_IFINDEX(ctx)	the interface that a packet is at
 *	TRACE_LENGTH(ctx)	bytes of its frame
 *	TRACE_LOAD		the helper that reads them
 */
#ifndef BPF_TRACE_BPF_H
#define BPF_TRACE_BPF_H

#include "bpf/maps.bpf.h"

#include "dataplane/core/trace.h"

/* One record for all objects: the loader puts the node's map in its place. */
struct trace_control trace_control SEC(".data.trace") = { 0 };

COUNTER_ARRAY(trace_count, struct trace_count);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} trace_ring SEC(".maps");

/* All that a packet pays while nobody looks. */
static ALWAYS_INLINE bool trace_is_on(void)
{
	return __builtin_expect(READ_ONCE(trace_control.on) != 0, 0);
}

/*
 * The slot of the packet under way, which is marked, and what said where it goes.
 * It waits here for trace_tell(): on the stack it would be one word too many.
 */
static ALWAYS_INLINE void trace_note(uint32_t slot, uint8_t how)
{
	const uint32_t only = 0;
	struct trace_count *c = bpf_map_lookup_elem(&trace_count, &only);

	if (!c)
		return;
	c->slot = slot;
	c->how = how;
}

/* May it be said? Counts those that may not. */
static ALWAYS_INLINE bool trace_allowed(struct trace_count *c, uint64_t now_ns)
{
	c->matched++;
	if (bucket_take(&c->bucket, trace_control.rate_pps, now_ns))
		return true;
	c->limited++;
	return false;
}

/* Likewise: what an observed packet would have been. */
static ALWAYS_INLINE void trace_note_as_if(const struct pkt *p)
{
	const uint32_t only = 0;
	struct trace_count *c;

	if (!p->as_if || !trace_is_on())
		return;
	c = bpf_map_lookup_elem(&trace_count, &only);
	if (c)
		c->as_if = p->as_if;
}

/*
 * struct trace_say in four registers: the stack of the programs that call has no
 * room for it on 6.1. What makes an opener is known at the uplink; at the ports it
 * would be one word too many, and whoever reads looks at the frame.
 */
#define SAY_WHO(p) ((uint64_t)(p)->service << 32 | (p)->backend)
#define SAY_PORTS(p)                                                 \
	((uint64_t)(p)->l4_kind << 40 | (uint64_t)(p)->proto << 32 | \
	 (uint32_t)(p)->sport << 16 | (p)->dport)
#define SAY_WHAT(p, verdict, hook)                                  \
	((uint32_t)((hook) == TRACE_UPLINK ? (p)->kind : 0) << 24 | \
	 (uint32_t)(p)->reason << 16 | (uint32_t)(verdict) << 8 | (hook))

static ALWAYS_INLINE void say_take(struct trace_say *say, uint64_t who,
				   uint32_t length, uint32_t what,
				   uint64_t ports)
{
	say->service = (uint32_t)(who >> 32);
	say->length = length;
	say->backend = (uint16_t)who;
	say->kind = (uint8_t)(what >> 24);
	say->reason = (uint8_t)(what >> 16);
	say->verdict = (uint8_t)(what >> 8);
	say->hook = (uint8_t)what;
	say->l4 = (uint8_t)(ports >> 40);
	say->proto = (uint8_t)(ports >> 32);
	say->sport = (be16)(ports >> 16);
	say->dport = (be16)ports;
}

/* What was noted on the way; the next packet has its own. */
static ALWAYS_INLINE void say_take_note(struct trace_say *say,
					struct trace_count *c)
{
	if (c->how)
		say->slot = c->slot;
	say->how = (uint8_t)c->how;
	say->as_if = (uint8_t)c->as_if;
	c->how = HOW_NONE;
	c->as_if = REASON_NONE;
}

/* The frame's first bytes, as they are now. */
static ALWAYS_INLINE void trace_take(struct TRACE_CONTEXT *ctx,
				     struct trace_event *ev)
{
	uint32_t n = TRACE_LENGTH(ctx);

	ev->length = n;
	if (n < sizeof(struct eth_hdr))
		return;
	/* Or both become one comparison, which the verifier does not see through. */
	__asm__ volatile("" : "+r"(n));
	if (n > TRACE_FRAME)
		n = TRACE_FRAME;
	if (!TRACE_LOAD(ctx, 0, ev->frame, n))
		ev->taken = n;
}

/*
 * Judged by the verifier by itself. The event is made in a map: below what calls
 * this there are 64 bytes of stack left on 6.1.
 */
uint32_t trace_tell(struct TRACE_CONTEXT *ctx, uint64_t who, uint32_t length,
		    uint32_t what, uint64_t ports);

__noinline uint32_t trace_tell(struct TRACE_CONTEXT *ctx, uint64_t who,
			       uint32_t length, uint32_t what, uint64_t ports)
{
	const uint32_t only = 0;
	struct trace_count *c = bpf_map_lookup_elem(&trace_count, &only);
	struct trace_event *ev;

	if (!c)
		return 0;
	ev = &c->event;
	__builtin_memset(ev, 0, sizeof(*ev));
	say_take(&ev->say, who, length, what, ports);
	say_take_note(&ev->say, c);
	ev->at_ns = bpf_ktime_get_ns();
	if (ev->at_ns > READ_ONCE(trace_control.until_ns)) {
		WRITE_ONCE(trace_control.on, 0);
		return 0;
	}
	if (!trace_may_match(&trace_control, &ev->say))
		return 0;
	trace_take(ctx, ev);
	if (!trace_may_show(&trace_control, ev) || !trace_allowed(c, ev->at_ns))
		return 0;
	ev->ifindex = TRACE_IFINDEX(ctx);
	ev->cpu = bpf_get_smp_processor_id();
	if (bpf_ringbuf_output(&trace_ring, ev, sizeof(*ev), 0))
		c->lost++;
	return 0;
}

/* What has become of a packet, once that is so. */
static ALWAYS_INLINE void trace(struct TRACE_CONTEXT *ctx, const struct pkt *p,
				enum verdict verdict, enum trace_hook hook)
{
	if (!trace_is_on())
		return;
	trace_tell(ctx, SAY_WHO(p), p->length, SAY_WHAT(p, verdict, hook), 0);
}

/* The same of one that is refused: its frame may be an ICMP error by now. */
static ALWAYS_INLINE void trace_refused(struct TRACE_CONTEXT *ctx,
					const struct pkt *p,
					enum verdict verdict)
{
	if (!trace_is_on())
		return;
	trace_tell(ctx, SAY_WHO(p), p->length,
		   SAY_WHAT(p, verdict, TRACE_UPLINK), SAY_PORTS(p));
}

#endif
