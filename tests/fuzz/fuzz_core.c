// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole packet core on arbitrary frames and arbitrary tables.
 *
 * An input is a world of tests/packet (so that packets get somewhere), bytes
 * that are patched over its tables (so that nothing in them can be relied on),
 * and a few frames that pass one after the other. fuzz_core_input.h says how it
 * is laid out. After each frame:
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
#include "dataplane/core/forward.h"
#include "dataplane/core/host.h"
#include "dataplane/core/port.h"
#include "dataplane/core/probe.h"
#include "dataplane/names.h"
#include "tests/fuzz/fuzz_core_input.h"
#include "tests/packet/mem_tables.h"

#define NOW_NS	     12345678901234ULL
#define N_FRAMES_MAX 8

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
	struct probe_edit edit;
	enum verdict verdict;
	uint8_t *byte; /* exactly the frame: a byte too far is seen */
	uint8_t *before;
	size_t size;
};

/* Is the address one of the services' VIPs, whatever the port? */
static bool is_vip(const struct mem_tables *m, const uint8_t *addr)
{
	uint32_t i;

	for (i = 0; i < m->n_services; i++)
		if (!memcmp(&m->services[i].key.vip.word[3], addr, 4))
			return true;
	return false;
}

/* May the path do anything with it? Read by offsets, not by the core's parser. */
static bool is_ours(const struct mem_tables *m, const uint8_t *byte,
		    size_t size)
{
	size_t type = 12;
	unsigned int ether_type;

	if (size < 14)
		return false;
	ether_type = (unsigned int)byte[type] << 8 | byte[type + 1];
	if ((ether_type == 0x8100 || ether_type == 0x88a8) && size >= 18) {
		type += 4;
		ether_type = (unsigned int)byte[type] << 8 | byte[type + 1];
	}
	if (ether_type == 0x0800)
		return size >= type + 2 + 20 && is_vip(m, byte + type + 2 + 16);
	if (ether_type == 0x0806)
		return size >= type + 2 + 28 && is_vip(m, byte + type + 2 + 24);
	return false;
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
		return "none";
	}
	return "";
}

/* What reaches a VM or whoever probes is TCP with our addresses. */
static void check_probe(const struct passage *a)
{
	const struct probe_edit *edit = &a->edit;

	must(a->hook == HOOK_FROM_VM || a->hook == HOOK_PROBE);
	must(a->p.tcp && (const uint8_t *)a->p.ip == a->byte + 14);
	must(edit->old_src == a->p.ip->src && edit->old_dst == a->p.ip->dst);
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
	must(strncmp(name, word, strlen(word)) == 0);
	for (i = 0; i < N_REASONS; i++)
		counted +=
			after->reasons[i].packets - before->reasons[i].packets;
	must(counted == is_counted);
	if (a->hook == HOOK_UPLINK && !is_ours(before, a->before, a->size))
		must(a->verdict == VERDICT_PASS);
	if (a->hook != HOOK_UPLINK && a->verdict == VERDICT_REPLY)
		must(a->hook == HOOK_FROM_VM && !a->p.ip);
	if (a->verdict == VERDICT_PROBE)
		check_probe(a);
	if (a->hook == HOOK_TO_VM)
		must(a->verdict < VERDICT_FORWARD);
}

static void check_bytes(const struct passage *a)
{
	const struct pkt *p = &a->p;
	size_t size = a->size - p->head_cut;
	size_t tail;

	switch (a->hook == HOOK_UPLINK || a->verdict == VERDICT_REPLY ?
			a->verdict :
			VERDICT_PASS) {
	case VERDICT_PASS:
	case VERDICT_DROP:
		must(memcmp(a->byte, a->before, a->size) == 0);
		break;
	case VERDICT_REPLY:
		must(p->reply_length >= 42 && p->reply_length <= a->size);
		if (p->tcp)
			must(frame_csums_right(a->byte, p->reply_length) == 3);
		break;
	case VERDICT_FORWARD:
	case VERDICT_STACK:
		/* The payload is the client's, the sums are no worse. */
		must(p->head_cut == 0 || p->head_cut == 4);
		tail = (size_t)((const uint8_t *)(p->tcp + 1) - a->byte);
		must(memcmp(a->byte + tail, a->before + tail, a->size - tail) ==
		     0);
		must((frame_csums_right(a->before, a->size) &
		      ~frame_csums_right(a->byte + p->head_cut, size)) == 0);
		must(p->backend != BACKEND_NONE && p->backend < MEM_BACKENDS);
		break;
	case VERDICT_PROBE: /* at the uplink there are none */
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

static void pass(struct passage *a, struct mem_tables *m)
{
	const struct tables *t = mem_tables();
	struct nat_edit edit = { 0 };

	switch (a->hook) {
	case HOOK_UPLINK:
		a->verdict = forward(t, m, &a->p);
		count_forward(t, m, &a->p, a->verdict);
		break;
	case HOOK_FROM_VM:
		a->verdict = port_from_vm(t, m, &a->p, &edit);
		if (a->verdict == VERDICT_PROBE)
			a->verdict = probe_from_vm(t, m, &a->p, &a->edit);
		count_answer(t, m, &a->p, a->verdict);
		break;
	case HOOK_TO_VM:
		a->verdict = port_to_vm(t, m, &a->p);
		count_reason(t, m, a->p.reason, a->p.length);
		break;
	case HOOK_BACK:
		a->verdict = answer_back(t, m, &a->p, IFINDEX_BRIDGE, &edit);
		if (a->verdict != VERDICT_PASS)
			count_answer(t, m, &a->p, a->verdict);
		break;
	case HOOK_LEAVES:
		observe_answer(t, m, &a->p);
		break;
	case HOOK_PROBE:
		a->verdict = probe_to_vm(t, m, &a->p, &a->edit);
		if (a->verdict != VERDICT_PROBE)
			count_reason(t, m, a->p.reason, a->p.length);
		break;
	}
}

static void one_frame(struct mem_tables *m, const struct fuzz_frame *f)
{
	static struct mem_tables before;
	struct passage a = { .hook = f->hook, .size = f->size };

	a.byte = malloc(f->size + 1);
	a.before = malloc(f->size + 1);
	must(a.byte && a.before);
	/* The frame ends where the block does. */
	a.byte = realloc(a.byte, f->size ? f->size : 1);
	must(a.byte);
	memcpy(a.byte, f->byte, f->size);
	memcpy(a.before, f->byte, f->size);
	a.p.data = a.byte;
	a.p.end = a.byte + f->size;
	a.p.length = (uint32_t)f->size;
	a.p.ifindex = f->ifindex;
	m->now_ns += f->wait_ns;
	before = *m;
	pass(&a, m);
	check_end(&a, &before, m);
	check_bytes(&a);
	check_tables(&before, m);
	check_entries(&before, m);
	free(a.byte);
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
