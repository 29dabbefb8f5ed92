// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a vector says must come out, against what came out.
 */
#include "tests/packet/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The description of the frame that must come out. */
static struct frame_spec expected_to_vm(const struct vector *v)
{
	static struct frame_spec quoted;
	struct frame_spec s = v->in;

	s.vlan[0] = 0;
	s.vlan[1] = 0;
	s.dst_mac = MAC_VM(v->vm);
	s.src_mac = MAC_TO(v->vm);
	/* In its own bridge a frame stays the router's. */
	if (v->verdict == VERDICT_STACK && v->scene.flags & SCENE_BRIDGED)
		s.src_mac = v->in.src_mac;
	s.dst = IP_VM(v->vm);
	s.dport = PORT_VM;
	s.ttl = (uint16_t)((s.ttl ? s.ttl : 64) - 1);
	if (v->mss_out)
		s.mss = v->mss_out;
	if (s.quote) {
		quoted = *s.quote;
		quoted.src = IP_VM(v->vm);
		quoted.sport = PORT_VM;
		s.quote = &quoted;
	}
	return s;
}

static struct frame_spec expected_answer(const struct vector *v)
{
	static struct frame_spec quoted;
	struct frame_spec s = v->in;

	s.src = IP_VIP_WEB;
	s.sport = PORT_WEB;
	s.ttl = (uint16_t)((s.ttl ? s.ttl : 64) - 1);
	if (v->mss_out)
		s.mss = v->mss_out;
	if (s.quote) {
		quoted = *s.quote;
		quoted.dst = IP_VIP_WEB;
		quoted.dport = PORT_WEB;
		s.quote = &quoted;
	}
	return s;
}

static struct frame_spec expected_rst(const struct vector *v)
{
	struct frame_spec s = {
		.kind = FRAME_TCP,
		.dst_mac = v->in.src_mac,
		.src_mac = v->in.dst_mac,
		.vlan = { v->in.vlan[0], v->in.vlan[1] },
		.qinq = v->in.qinq,
		.src = v->in.dst,
		.dst = v->in.src,
		.sport = v->in.dport,
		.dport = v->in.sport,
		.seq = v->rst_seq,
		.ack = v->rst_ack,
		.flags = v->rst_flags,
		.frag = v->in.v6 ? 0 : 0x4000,
		.v6 = v->in.v6,
		.ttl = 64,
	};

	return s;
}

static struct frame_spec expected_arp(const struct vector *v)
{
	struct frame_spec s = {
		.kind = FRAME_ARP,
		.dst_mac = v->in.src_mac,
		.src_mac = v->hook == HOOK_FROM_VM ? MAC_PROBE : MAC_UPLINK,
		.vlan = { v->in.vlan[0], v->in.vlan[1] },
		.src = v->in.dst,
		.dst = v->in.src,
		.arp_op = 2,
		.arp_target_mac = v->in.src_mac,
	};

	return s;
}

/* A probe on its way, or its answer: only addresses change. */
static struct frame_spec expected_probe(const struct vector *v)
{
	struct frame_spec s = v->in;

	if (v->hook == HOOK_PROBE) {
		s.dst_mac = MAC_VM(v->vm);
		s.src_mac = MAC_PROBE;
		s.src = IP_PROBES;
		s.dst = IP_VM(v->vm);
	} else {
		s.dst_mac = MAC_PROBE;
		s.src = IP_TARGET(v->vm);
		s.dst = IP_LOCAL;
	}
	return s;
}

/* An ICMP error of the path's own quotes 64 bytes, in whole words. */
static struct frame_spec expected_error(const struct vector *v)
{
	struct frame_spec s = {
		.kind = FRAME_ICMP,
		.v6 = v->in.v6,
		.dst_mac = v->in.src_mac,
		.src_mac = v->in.dst_mac,
		.vlan = { v->in.vlan[0], v->in.vlan[1] },
		.qinq = v->in.qinq,
		.src = v->hook == HOOK_UPLINK ? v->in.dst : IP_VIP_WEB,
		.dst = v->in.src,
		.frag = v->in.v6 ? 0 : 0x4000,
		.icmp_type = v->icmp_type,
		.icmp_code = v->icmp_code,
		.icmp_rest = v->icmp_rest,
		.quote = &v->in,
	};
	struct frame quoted;

	s.quote_size = 64;
	frame_encode(&v->in, &quoted);
	quoted.size -= 14 + 4 * ((v->in.vlan[0] != 0) + (v->in.vlan[1] != 0));
	quoted.size -= v->in.pad;
	if (quoted.size < 64)
		s.quote_size = (uint16_t)(quoted.size & ~1U);
	return s;
}

static struct frame_spec expected_echo(const struct vector *v)
{
	struct frame_spec s = v->in;

	s.dst_mac = v->in.src_mac;
	s.src_mac = v->in.dst_mac;
	s.src = v->in.dst;
	s.dst = v->in.src;
	s.ttl = 64;
	s.icmp_type = v->in.v6 ? 129 : TTL_ZERO;
	return s;
}

/* RFC 4861, 7.2.4: to who asked, or to all where it has no address yet. */
static struct frame_spec expected_nd(const struct vector *v)
{
	struct frame_spec s = v->in;

	s.pad = 0;
	s.dst_mac = v->in.src ? v->in.src_mac : 0x333300000001ULL;
	s.src_mac = v->hook == HOOK_FROM_VM ? MAC_PROBE : MAC_UPLINK;
	s.src = v->in.nd_target;
	s.dst = v->in.src;
	s.to_group = false;
	s.to_all = !v->in.src;
	s.nd_advert = v->in.src ? 0x60000000 : 0x20000000;
	return s;
}

static struct frame_spec expected_reply(const struct vector *v)
{
	if (v->in.kind == FRAME_ARP)
		return expected_arp(v);
	if (v->reason == REPLY_ND || v->reason == REPLY_PROBE_ND)
		return expected_nd(v);
	if (v->reason == REPLY_ECHO)
		return expected_echo(v);
	return v->icmp_type ? expected_error(v) : expected_rst(v);
}

static struct frame_spec expected_frame(const struct vector *v)
{
	switch (v->verdict) {
	case VERDICT_PASS:
	case VERDICT_DROP:
		break;
	case VERDICT_REPLY:
		return expected_reply(v);
	case VERDICT_FORWARD:
		return v->hook == HOOK_UPLINK ? expected_to_vm(v) :
						expected_answer(v);
	case VERDICT_STACK:
		/* At a VM's port the answer only gets its mark. */
		return v->hook == HOOK_UPLINK ? expected_to_vm(v) : v->in;
	case VERDICT_PROBE:
		return expected_probe(v);
	case VERDICT_INSIDE:
	case VERDICT_RARE: /* never the last word */
		break;
	}
	return v->in;
}

static void check_frame(const struct vector *v, const struct outcome *outcome)
{
	struct frame_spec spec = expected_frame(v);
	struct frame expected;

	frame_encode(&spec, &expected);
	assert_int_equal(outcome->out.size, expected.size);
	assert_memory_equal(outcome->out.byte, expected.byte, expected.size);
}

static void check_reasons(const struct vector *v,
			  const struct mem_tables *after, size_t size)
{
	bool counts;
	uint32_t i;

	for (i = 0; i < N_REASON_COUNTS; i++) {
		/* 0 of each half is "forwarded", which is no reason. */
		counts = (v->verdict < VERDICT_FORWARD ||
			  v->verdict == VERDICT_PROBE) &&
			 i % N_REASONS &&
			 (i == v->reason || i == REASON_AS_IF(v->as_if));
		assert_int_equal(after->reasons[i].packets, counts);
		assert_int_equal(after->reasons[i].bytes, counts ? size : 0);
	}
}

/* What one forwarded packet adds to its service and its VM. */
static struct traffic expected_traffic(const struct vector *v, size_t size)
{
	struct traffic t = { 0 };

	if (v->hook == HOOK_UPLINK) {
		t.in_packets = 1;
		t.in_bytes = size;
		t.openers = v->begins ||
			    (v->in.flags & (F_SYN | F_ACK)) == F_SYN;
		t.ends = (v->in.flags & F_RST) != 0;
		t.refused = v->refused;
		t.evicted = v->evicted;
	} else {
		t.out_packets = 1;
		t.out_bytes = size;
		t.ends = (v->in.flags & (F_RST | F_FIN)) != 0;
	}
	return t;
}

/* Does it count as traffic? An answer that goes on to the host's rules does
 * not yet, an observed packet does as if. */
static bool is_traffic(const struct vector *v)
{
	return v->verdict == VERDICT_FORWARD || v->observed_answer ||
	       (v->verdict == VERDICT_STACK && v->hook == HOOK_UPLINK) ||
	       (v->reason == PASS_OBSERVED && !v->as_if);
}

/* Each packet counts once: as traffic of its service and VM, or as a reason. */
static void check_counts(const struct vector *v, const struct mem_tables *after,
			 size_t size)
{
	const struct traffic none = { 0 };
	const struct traffic one = expected_traffic(v, size);
	bool api = v->in.dst == IP_VIP_API || v->in.src == IP_VIP_API;
	uint32_t service = api ? SERVICE_API : SERVICE_WEB;
	bool forwarded = is_traffic(v);
	uint32_t i;

	check_reasons(v, after, size);
	for (i = 0; i < MEM_SERVICES; i++)
		assert_memory_equal(&after->service_traffic[i],
				    forwarded && i == service ? &one : &none,
				    sizeof(one));
	for (i = 0; i < MEM_BACKENDS; i++)
		assert_memory_equal(&after->backend_traffic[i],
				    forwarded && i && i == v->vm ? &one : &none,
				    sizeof(one));
}

/* Bits 23 and 24 of a meta word. */
static const uint64_t class_bits[] = {
	[EMBRYONIC] = 0ULL << 23,
	[UNCONFIRMED] = 1ULL << 23,
	[CONFIRMED] = 2ULL << 23,
};

static bool in_time(const struct flow_entry *e, uint32_t now_tick)
{
	return (int32_t)(now_tick - (uint32_t)(e->meta >> 32)) < 0;
}

/* A flow's entry that is in time, NULL if it has none; never two. */
static const struct flow_entry *find_key(const struct flow_line *line,
					 uint64_t key, uint32_t now_tick)
{
	const struct flow_entry *found = NULL;
	int i;

	for (i = 0; i < FLOWS_PER_LINE; i++) {
		/* A place that is being written does not count. */
		if (line->entry[i].key != key || !line->entry[i].meta ||
		    line->entry[i].meta >> 28 & 1 ||
		    !in_time(&line->entry[i], now_tick))
			continue;
		if (found)
			fail_msg("the flow has two entries");
		found = &line->entry[i];
	}
	return found;
}

/* Alive: in time, written, and of the VM that has the number now. */
static bool alive(const struct mem_tables *m, const struct flow_entry *e,
		  uint32_t now_tick)
{
	uint32_t vm = e->meta & 0x7fff;
	uint32_t word = m->backends[vm % MEM_BACKENDS].word;

	return vm && !(e->meta >> 28 & 1) && in_time(e, now_tick) && word & 2 &&
	       (word >> 8 & 0xff) == (e->meta >> 15 & 0xff);
}

/* Life that a word is due: RST or both FINs 10 s, embryonic 75 s. */
static uint32_t full_life(uint64_t meta, uint32_t idle_ticks)
{
	uint64_t marks = meta >> 25 & 7;
	uint32_t life = idle_ticks;

	if (marks & 4 || (marks & 3) == 3)
		life = TICKS_OF_MS(10000);
	else if ((meta >> 23 & 3) == 0)
		life = TICKS_OF_MS(75000);
	return life < idle_ticks ? life : idle_ticks;
}

/* Who comes to a place counts its turn on; who is there leaves it. */
static void check_turn(const struct flow_line *before,
		       const struct flow_line *after,
		       const struct flow_entry *e)
{
	const struct flow_entry *old = &before->entry[e - after->entry];
	uint64_t turns = ((e->meta >> 29) - (old->meta >> 29)) & 7;

	/* One that is over may make room for its own successor. */
	assert_in_range(turns, old->key == e->key ? 0 : 1, 1);
}

/* An entry as the vector describes it, with its full life ahead. */
static void check_seen(const struct flow_entry *e, uint64_t low_word,
		       uint32_t idle_ticks, uint32_t now_tick,
		       uint32_t slack_ticks)
{
	uint32_t due = now_tick + full_life(e->meta, idle_ticks);
	uint32_t expiry = (uint32_t)(e->meta >> 32);

	assert_int_equal((uint32_t)(e->meta & ~(7ULL << 29)), low_word);
	assert_in_range(expiry - due, 0, slack_ticks);
}

static void check_entry(const struct vector *v, const struct mem_tables *before,
			const struct mem_tables *after, uint64_t key,
			uint32_t slack_ticks)
{
	uint32_t now_tick = TICKS_OF_NS(before->now_ns);
	const struct flow_entry *old =
		find_key(&before->flow_lines[0], key, now_tick);
	const struct flow_entry *e =
		find_key(&after->flow_lines[0], key, now_tick);
	uint64_t vm = v->after_vm ? v->after_vm : 2;

	switch (v->after) {
	case AFTER_NONE:
		assert_false(e && alive(after, e, now_tick));
		break;
	case AFTER_SAME:
		assert_non_null(e);
		assert_int_equal(e->meta, old->meta);
		break;
	case AFTER_SEEN:
		assert_non_null(e);
		check_turn(&before->flow_lines[0], &after->flow_lines[0], e);
		check_seen(e,
			   vm | vm << 15 | class_bits[v->after_class] |
				   v->after_marks,
			   v->scene.flags & SCENE_UDP ?
				   after->pools[POOL_WEB].udp_idle_ticks :
				   after->pools[POOL_WEB].idle_ticks,
			   now_tick, slack_ticks);
		break;
	}
}

static void check_direct(const struct vector *v,
			 const struct mem_tables *before,
			 const struct mem_tables *after, uint64_t key,
			 uint32_t slack_ticks)
{
	uint32_t now_tick = TICKS_OF_NS(before->now_ns);
	const struct flow_entry *old =
		find_key(&before->direct_lines[0], key, now_tick);
	const struct flow_entry *e =
		find_key(&after->direct_lines[0], key, now_tick);

	switch (v->direct_after) {
	case AFTER_NONE:
		assert_null(e);
		break;
	case AFTER_SAME:
		assert_non_null(e);
		assert_int_equal(e->meta, old->meta);
		break;
	case AFTER_SEEN:
		assert_non_null(e);
		check_turn(&before->direct_lines[0], &after->direct_lines[0],
			   e);
		check_seen(e, 1 | class_bits[v->direct_class] | v->direct_marks,
			   after->node.direct_idle_ticks, now_tick,
			   slack_ticks);
		break;
	}
}

/* A note that a client of plain UDP has asked: unconfirmed, which no direct
 * flow is. */
static bool is_note(uint64_t meta)
{
	return (meta >> 23 & 3) == 1;
}

static void check_notes(const struct vector *v, const struct mem_tables *before,
			const struct mem_tables *after, uint32_t slack_ticks)
{
	uint32_t now_tick = TICKS_OF_NS(after->now_ns);
	uint32_t due = now_tick + TICKS_OF_MS(30000);
	bool others = v->scene.direct >= SCENE_DIRECT_NOTES &&
		      v->scene.direct < SCENE_DIRECT_NOTED;
	const struct flow_entry *old;
	const struct flow_entry *e;
	uint32_t n = 0;
	int i;

	for (i = 0; i < FLOWS_PER_LINE; i++) {
		old = &before->direct_lines[0].entry[i];
		e = &after->direct_lines[0].entry[i];
		/* Of others' the oldest gives way, which is the first. */
		if (others && i && is_note(old->meta))
			assert_int_equal(e->meta, old->meta);
		if (!is_note(e->meta) || !in_time(e, now_tick))
			continue;
		n++;
		if (!others &&
		    (e->meta != old->meta || v->verdict == VERDICT_FORWARD))
			assert_in_range((uint32_t)(e->meta >> 32) - due, 0,
					slack_ticks);
	}
	assert_int_equal(n, v->notes);
}

/* Other direct flows stand as they stood, but for the first that may go. */
static void check_other_direct(const struct vector *v,
			       const struct mem_tables *before,
			       const struct mem_tables *after, uint64_t key)
{
	bool may_go = v->scene.direct > SCENE_DIRECT_FULL &&
		      v->direct_after == AFTER_SEEN;
	const struct flow_entry *old;
	const struct flow_entry *e;
	int i;

	for (i = may_go ? 1 : 0; i < FLOWS_PER_LINE; i++) {
		old = &before->direct_lines[0].entry[i];
		e = &after->direct_lines[0].entry[i];
		if (old->key == key || !old->meta || is_note(old->meta))
			continue;
		assert_int_equal(e->key, old->key);
		assert_int_equal(e->meta, old->meta);
	}
}

/*
 * Live entries of other flows stand as they stood, but for one that gave way.
 */
static void check_others(const struct vector *v,
			 const struct mem_tables *before,
			 const struct mem_tables *after, uint64_t key)
{
	const struct flow_entry *old;
	const struct flow_entry *e;
	uint32_t now_tick = TICKS_OF_NS(before->now_ns);
	uint32_t gone = 0;
	int i;

	for (i = 0; i < FLOWS_PER_LINE; i++) {
		old = &before->flow_lines[0].entry[i];
		e = &after->flow_lines[0].entry[i];
		if (old->key == key || !alive(before, old, now_tick))
			continue;
		if (e->key == old->key && e->meta == old->meta)
			continue;
		/* Of those that may give way, the one that ends first does. */
		gone++;
		if (v->scene.fill != FILL_REDUNDANT)
			assert_int_equal(i, 3);
	}
	assert_int_equal(gone, v->evicted || (v->scene.fill == FILL_REDUNDANT));
}

/* Refusals are noted at the slot of the flow that went without an entry. */
static void check_clocks(const struct vector *v, const struct mem_tables *after,
			 uint64_t key, uint32_t slack_ticks)
{
	uint32_t own = SLOTS_PER_LINE + (uint32_t)(key >> 60);
	uint32_t refused = own ^ (v->evicted ? 1 : 0);
	uint32_t now_tick = TICKS_OF_NS(after->now_ns);
	uint32_t tick;
	uint32_t i;

	for (i = 0; i < MEM_SLOTS; i++) {
		tick = after->slot_clocks[i].refused_tick;
		if ((v->refused || v->evicted) && i == refused)
			assert_in_range(tick - now_tick, 0, slack_ticks);
		else
			assert_int_equal(tick, 0);
		assert_int_equal(after->slot_clocks[i].since_tick, 0);
	}
}

void vector_check(const struct vector *v, const struct mem_tables *before,
		  const struct mem_tables *after, const struct outcome *outcome,
		  uint32_t slack_ticks)
{
	struct scene_flow flow = vector_flow(v);
	uint64_t key = scene_key(&flow, v->scene.flags & SCENE_BY_SOURCE);
	struct frame in;

	vector_frame(v, &in);
	assert_int_equal(outcome->verdict, v->verdict);
	check_counts(v, after, in.size);
	check_frame(v, outcome);
	check_entry(v, before, after, key, slack_ticks);
	check_direct(v, before, after, scene_direct_key(&flow), slack_ticks);
	check_others(v, before, after, key);
	check_other_direct(v, before, after, scene_direct_key(&flow));
	check_notes(v, before, after, slack_ticks);
	check_clocks(v, after, key, slack_ticks);
}

void vector_forget_counts(struct mem_tables *tables)
{
	memset(&tables->limiter, 0, sizeof(tables->limiter));
	memset(tables->service_traffic, 0, sizeof(tables->service_traffic));
	memset(tables->backend_traffic, 0, sizeof(tables->backend_traffic));
	memset(tables->reasons, 0, sizeof(tables->reasons));
}
