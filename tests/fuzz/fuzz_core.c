// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole packet core on arbitrary frames and arbitrary tables.
 *
 * An input is a world of tests/packet (so that packets get somewhere), bytes
 * that are patched over its tables (so that nothing in them can be relied on),
 * and a few frames that pass one after the other. fuzz_core_input.h says how it
 * is laid out. The table of fragments has few lines here, so that a patch hits
 * what is read, and there is little to copy. After each frame:
 *
 *	what isn't for us passes, and what passes or is dropped is unchanged
 *	every packet has one end, one reason that fits it, and is counted once
 *	checksums that were right stay right; those of answers always are
 *	the path writes only where it may: entries, clocks, buckets, counters
 *	no entry stays busy, and no byte outside the frame is touched (ASan)
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/count.h"
#include "dataplane/core/host.h"
#include "dataplane/core/port.h"
#include "dataplane/core/probe.h"
#include "dataplane/core/rare.h"
#include "dataplane/names.h"
#include "tests/fuzz/fuzz_core_input.h"
#include "tests/packet/mem_tables.h"

#define NOW_NS	     12345678901234ULL
#define N_FRAMES_MAX 8
#define ROOM	     64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(what) must_hold(what, #what)

static void must_hold(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "broken: %s\n", what);
	abort();
}

/* One frame on its way, as it was and as it is. */
struct passage {
	enum hook hook;
	struct pkt p;
	enum verdict verdict;
	uint32_t ifindex;
	uint8_t *byte; /* behind ROOM, up to the block's end: a byte too far is
			* seen */
	uint8_t *before;
	size_t size;
};

/*
 * What follows judges and is not to be explored: without marks of coverage it
 * takes half the time.
 */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), \
			     apply_to = function)

/* Is the address one of the services' VIPs, whatever the port? */
static bool is_vip(const struct mem_tables *m, const uint8_t *addr)
{
	uint32_t i;

	for (i = 0; i < m->n_services; i++)
		if (!memcmp(&m->services[i].key.vip, addr, 16))
			return true;
	return false;
}

static bool is_vip4(const struct mem_tables *m, const uint8_t *addr)
{
	uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };

	memcpy(mapped + 12, addr, 4);
	return is_vip(m, mapped);
}

static unsigned int type_at(const uint8_t *byte, size_t at)
{
	return (unsigned int)byte[at] << 8 | byte[at + 1];
}

/* May the path do anything with it? Read by offsets, not by the core's parser. */
static bool is_ours(const struct mem_tables *m, const uint8_t *byte,
		    size_t size)
{
	unsigned int type;
	size_t l3 = 14;
	int tags;

	if (size < 14)
		return false;
	for (tags = 0; tags < 2 && size >= l3 + 4; tags++, l3 += 4)
		if (type_at(byte, l3 - 2) != 0x8100 &&
		    type_at(byte, l3 - 2) != 0x88a8)
			break;
	type = type_at(byte, l3 - 2);
	byte += l3;
	size -= l3;
	switch (type) {
	case 0x0800:
		return size >= 20 && is_vip4(m, byte + 16);
	case 0x0806:
		return size >= 28 && is_vip4(m, byte + 24);
	case 0x86dd:
		if (size < 40)
			return false;
		/* A neighbour solicitation names it behind eight bytes. */
		return is_vip(m, byte + 24) ||
		       (size >= 64 && byte[6] == 58 && byte[40] == 135 &&
			is_vip(m, byte + 48));
	default:
		return false;
	}
}

static const char *first_word(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_PASS:
		return "pass_";
	case VERDICT_DROP:
		return "drop_";
	case VERDICT_REPLY:
		return "reply_";
	case VERDICT_FORWARD:
	case VERDICT_STACK:
	case VERDICT_PROBE:
	case VERDICT_INSIDE:
		return "none";
	case VERDICT_RARE: /* never the last word */
		break;
	}
	return "";
}

/* What reaches a VM or whoever probes is of a flow, with nothing before it. */
static void check_probe(const struct passage *a)
{
	must(a->hook == HOOK_FROM_VM || a->hook == HOOK_PROBE);
	must(a->p.l4_kind == L4_TCP || a->p.l4_kind == L4_UDP);
	must(a->p.l3_at == 14);
	if (a->hook == HOOK_FROM_VM)
		must((a->p.tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN);
}

static void check_end(const struct passage *a, const struct mem_tables *before,
		      const struct mem_tables *after)
{
	/* An answer to a probe passes to whoever probes. */
	enum verdict verdict = a->hook == HOOK_FROM_VM &&
					       a->verdict == VERDICT_PROBE ?
				       VERDICT_PASS :
				       a->verdict;
	/* Behind the host's rules what isn't an answer is nobody's business. */
	bool is_counted = verdict < VERDICT_FORWARD &&
			  (a->hook < HOOK_BACK || verdict != VERDICT_PASS);
	const char *word = first_word(is_counted ? verdict : VERDICT_FORWARD);
	const char *name = name_of_reason(a->p.reason);
	uint64_t counted = 0;
	uint32_t i;

	must(a->p.reason < N_REASONS);
	if (is_counted || verdict != VERDICT_PASS)
		must(strncmp(name, word, strlen(word)) == 0);
	for (i = 0; i < N_REASONS; i++)
		counted +=
			after->reasons[i].packets - before->reasons[i].packets;
	must(counted == is_counted);
	if (a->hook == HOOK_UPLINK && !is_ours(before, a->before, a->size))
		must(a->verdict == VERDICT_PASS);
	/* A VM is told who has an address, and what doesn't fit its way out. */
	if (a->hook != HOOK_UPLINK && a->verdict == VERDICT_REPLY)
		must(a->hook == HOOK_FROM_VM &&
		     (!is_ip(&a->p) || a->p.reason == REPLY_PROBE_ND ||
		      a->p.reason == REPLY_INSIDE_TOO_BIG ||
		      a->p.reason == REPLY_PORT_TOO_BIG));
	if (a->verdict == VERDICT_PROBE)
		check_probe(a);
	if (a->hook == HOOK_TO_VM)
		must(a->verdict < VERDICT_FORWARD);
}

/*
 * What is behind a TCP header's fixed part is as it came, but for what a SYN
 * announces: that may have become less.
 */
static void check_options(const struct passage *a, size_t options)
{
	const uint8_t *was = a->before;
	const uint8_t *is = a->byte;
	size_t at = options;
	size_t value;

	while (at < a->size && is[at] == was[at])
		at++;
	if (at == a->size)
		return;
	must(a->p.tcp_flags & TCP_SYN && a->p.mss);
	/* The first byte that differs is the value's first or its second. */
	value = was[at - 2] == TCP_OPT_MSS && was[at - 1] == 4 ? at : at - 1;
	must(value >= options + 2 && value + 2 <= a->size);
	must(was[value - 2] == TCP_OPT_MSS && was[value - 1] == 4);
	must(type_at(is, value) == a->p.mss);
	must(type_at(is, value) < type_at(was, value));
	must(!memcmp(is + value + 2, was + value + 2, a->size - value - 2));
}

/* The payload is the sender's, the sums are no worse. */
static void check_rewritten(const struct passage *a)
{
	const struct pkt *p = &a->p;
	size_t tail = pkt_l4_at(p);

	if (p->l4_kind == L4_TCP)
		check_options(a, tail + 20);
	if (p->l4_kind == L4_UDP)
		tail += 8;
	if (p->l4_kind == L4_UDP || p->l4_kind == L4_NONE)
		must(memcmp(a->byte + tail, a->before + tail, a->size - tail) ==
		     0);
	if (p->l4_kind == L4_TCP && p->l3_at <= 18)
		must((frame_csums_right(a->before, a->size) &
		      ~frame_csums_right(a->byte + p->head_cut,
					 a->size - p->head_cut)) == 0);
}

static void check_bytes(const struct passage *a)
{
	const struct pkt *p = &a->p;

	switch (a->verdict) {
	case VERDICT_STACK:
	case VERDICT_FORWARD:
		if (a->hook == HOOK_UPLINK) {
			must(p->head_cut == p->l3_at - 14 && p->head_cut <= 8);
			must(p->backend != BACKEND_NONE &&
			     p->backend < MEM_BACKENDS);
			check_rewritten(a);
			break;
		}
		/* At a VM's port it only gets a mark. */
		if (a->verdict == VERDICT_STACK)
			must(memcmp(a->byte, a->before, a->size) == 0);
		else
			check_rewritten(a);
		break;
	case VERDICT_PASS:
	case VERDICT_DROP:
		must(memcmp(a->byte, a->before, a->size) == 0);
		break;
	case VERDICT_REPLY:
		must(p->reply_length >= 42 &&
		     p->reply_length <= a->size + p->reply_head);
		if (p->l4_kind == L4_TCP && !p->reply_head && !is_ipv6(p) &&
		    p->l3_at <= 18)
			must(frame_csums_right(a->byte, p->reply_length) == 3);
		break;
	case VERDICT_PROBE:
		must(a->hook != HOOK_UPLINK);
		check_rewritten(a);
		break;
	case VERDICT_INSIDE: /* it says where it came from */
		must(a->hook == HOOK_FROM_VM && p->l3_at == 14);
		must(memcmp(a->byte, a->before, 6) == 0);
		must(memcmp(a->byte + 12, a->before + 12, a->size - 12) == 0);
		break;
	case VERDICT_RARE:
		must(false);
		break;
	}
}

#define SAME(field) \
	must(memcmp(&before->field, &after->field, sizeof(before->field)) == 0)

/* The path writes entries, clocks, buckets and counters; nothing else. */
static void check_tables(const struct mem_tables *before,
			 const struct mem_tables *after)
{
	uint32_t i;

	SAME(node);
	SAME(services);
	SAME(pools);
	SAME(slot_lines);
	SAME(backends);
	SAME(ports);
	SAME(clients);
	SAME(probe_node);
	SAME(targets);
	for (i = 0; i < MEM_SLOTS; i++)
		SAME(slot_clocks[i].since_tick);
}

static bool is_busy(const struct flow_line *lines, uint32_t i)
{
	return lines[i / FLOWS_PER_LINE].entry[i % FLOWS_PER_LINE].meta &
	       FLOW_BUSY;
}

/* A place that was written is done with. */
static void check_entries(const struct mem_tables *before,
			  const struct mem_tables *after)
{
	uint32_t i;

	for (i = 0; i < MEM_FLOW_LINES * FLOWS_PER_LINE; i++) {
		must(is_busy(before->flow_lines, i) ||
		     !is_busy(after->flow_lines, i));
		must(is_busy(before->direct_lines, i) ||
		     !is_busy(after->direct_lines, i));
	}
}

#pragma clang attribute pop

/* The packet as it came, for who begins anew with it. */
static struct pkt anew(const struct passage *a)
{
	struct pkt p = {
		.data = a->byte,
		.end = a->byte + a->size,
		.length = (uint32_t)a->size,
		.ifindex = a->ifindex,
	};

	return p;
}

/* Room behind the Ethernet header, and an error in it, as an engine does. */
static void fill_error(struct passage *a, const struct ip_addr *vip)
{
	struct pkt *p = &a->p;
	uint8_t *data = p->data - p->reply_head;

	must(p->reply_head <= ROOM);
	memmove(data, p->data, p->l3_at);
	p->data = data;
	p->eth = (struct eth_hdr *)data;
	must(error_fill(p, data + p->l3_at, is_ipv6(p), vip));
}

static enum verdict go_on(struct passage *a, struct mem_tables *m)
{
	const struct tables *t = mem_tables();
	enum rare_kind kind = rare_kind(&a->p);

	a->p = anew(a);
	switch (kind) {
	case RARE_FLOW:
		return rare_of_flow(t, m, &a->p);
	case RARE_LATER:
		return rare_of_later(t, m, &a->p);
	case RARE_ICMP:
		return rare_of_icmp(t, m, &a->p);
	case RARE_REFUSED:
		return rare_of_refused(t, m, &a->p);
	case RARE_USUAL:
	case N_RARE_KINDS:
		break;
	}
	must(false);
	return VERDICT_DROP;
}

static enum verdict go_on_at_port(struct passage *a, struct mem_tables *m,
				  bool is_back)
{
	const struct tables *t = mem_tables();
	enum verdict verdict = VERDICT_RARE;
	bool is_icmp = a->p.l4_kind == L4_ICMP;
	bool is_refused = a->p.reason == REPLY_PORT_TOO_BIG;

	a->p = anew(a);
	if (!is_icmp && !is_refused)
		verdict = port_rare_flow(t, m, &a->p, is_back);
	if (verdict != VERDICT_RARE)
		return verdict;
	is_refused = is_refused || a->p.reason == REPLY_PORT_TOO_BIG;
	a->p = anew(a);
	return is_refused ? port_rare_refused(t, m, &a->p) :
			    port_rare_icmp(t, m, &a->p, is_back);
}

static void pass_uplink(struct passage *a, struct mem_tables *m)
{
	const struct tables *t = mem_tables();
	int n = 0;

	a->verdict = forward(t, m, &a->p);
	while (a->verdict == VERDICT_RARE) {
		must(++n < 4);
		a->verdict = go_on(a, m);
	}
	count_forward(t, m, &a->p, a->verdict);
	if (a->verdict == VERDICT_REPLY && a->p.reply_head)
		fill_error(a, NULL);
}

static void pass_from_vm(struct passage *a, struct mem_tables *m)
{
	const struct tables *t = mem_tables();
	struct ip_addr vip;

	a->verdict = port_from_vm(t, m, &a->p);
	if (a->verdict == VERDICT_PROBE) {
		a->p = anew(a);
		a->verdict = probe_from_vm(t, m, &a->p);
	}
	if (a->verdict == VERDICT_RARE)
		a->verdict = go_on_at_port(a, m, false);
	if (a->verdict == VERDICT_PASS && inside_asks(t, m, &a->p)) {
		a->p = anew(a);
		a->verdict =
			inside_of(t, m, &a->p, 0, a->size <= FUZZ_INSIDE_FITS);
	}
	if (a->verdict == VERDICT_RARE) {
		a->p = anew(a);
		a->verdict = inside_refused(t, m, &a->p, FUZZ_INSIDE_FITS);
	}
	count_answer(t, m, &a->p, a->verdict);
	vip = a->p.src;
	if (a->verdict == VERDICT_REPLY && a->p.reply_head)
		fill_error(a, &vip);
}

static void pass_back(struct passage *a, struct mem_tables *m)
{
	const struct tables *t = mem_tables();

	a->verdict = answer_back(t, m, &a->p, IFINDEX_BRIDGE);
	a->ifindex = IFINDEX_BRIDGE;
	if (a->verdict == VERDICT_RARE)
		a->verdict = go_on_at_port(a, m, true);
	if (a->verdict != VERDICT_PASS)
		count_answer(t, m, &a->p, a->verdict);
}

static void pass(struct passage *a, struct mem_tables *m)
{
	const struct tables *t = mem_tables();

	switch (a->hook) {
	case HOOK_UPLINK:
		pass_uplink(a, m);
		break;
	case HOOK_FROM_VM:
		pass_from_vm(a, m);
		break;
	case HOOK_TO_VM:
		a->verdict = port_to_vm(t, m, &a->p);
		count_reason(t, m, a->p.reason, a->p.length);
		break;
	case HOOK_BACK:
		pass_back(a, m);
		break;
	case HOOK_LEAVES:
		observe_answer(t, m, &a->p);
		break;
	case HOOK_PROBE:
		a->verdict = probe_to_vm(t, m, &a->p);
		if (a->verdict != VERDICT_PROBE)
			count_reason(t, m, a->p.reason, a->p.length);
		break;
	}
}

static void one_frame(struct mem_tables *m, const struct fuzz_frame *f)
{
	static struct mem_tables before;
	struct passage a = {
		.hook = f->hook,
		.size = f->size,
		.ifindex = f->ifindex,
	};
	uint8_t *block;

	/* The frame ends where the block does, and has room before it. */
	block = malloc(ROOM + f->size);
	a.before = malloc(f->size + 1);
	must(block && a.before);
	a.byte = block + ROOM;
	memcpy(a.byte, f->byte, f->size);
	memcpy(a.before, f->byte, f->size);
	a.p = anew(&a);
	m->now_ns += f->wait_ns;
	before = *m;
	pass(&a, m);
	check_end(&a, &before, m);
	check_bytes(&a);
	check_tables(&before, m);
	check_entries(&before, m);
	free(block);
	free(a.before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size, 0 };
	static struct mem_tables m;
	struct fuzz_frame f;
	int n;

	fuzz_world(&in, NOW_NS, &m);
	for (n = 0; n < N_FRAMES_MAX && fuzz_next(&in, &f); n++)
		one_frame(&m, &f);
	return 0;
}
