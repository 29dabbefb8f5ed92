// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vectors through the core in user space.
 */
#include "tests/packet/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "dataplane/core/count.h"
#include "dataplane/core/forward.h"
#include "dataplane/core/host.h"
#include "dataplane/core/port.h"
#include "dataplane/core/probe.h"

#define N_TABLES 17

const struct vector_table *vector_tables(size_t *ret_n)
{
	static struct vector_table all[N_TABLES];
	struct vector_table (*const tables[N_TABLES])(void) = {
		vectors_pass,	  vectors_header,      vectors_cut,
		vectors_rst,	  vectors_arp,	       vectors_steady,
		vectors_claiming, vectors_moving,      vectors_settling,
		vectors_line,	  vectors_from_vm,     vectors_answer,
		vectors_to_vm,	  vectors_observe,     vectors_stack,
		vectors_probe,	  vectors_probe_abuse,
	};
	size_t i;

	for (i = 0; i < N_TABLES; i++)
		all[i] = tables[i]();
	*ret_n = N_TABLES;
	return all;
}

void vector_frame(const struct vector *v, struct frame *ret_frame)
{
	frame_encode(&v->in, ret_frame);
}

uint32_t vector_ifindex(const struct vector *v)
{
	if (v->hook == HOOK_UPLINK || v->hook == HOOK_LEAVES)
		return IFINDEX_UPLINK;
	if (v->hook == HOOK_BACK)
		return IFINDEX_BRIDGE;
	if (v->hook == HOOK_PROBE)
		return IFINDEX_PROBE;
	return IFINDEX_VM(v->vm_port ? v->vm_port : 1);
}

struct scene_flow vector_flow(const struct vector *v)
{
	struct scene_flow flow = {
		.client = v->in.src,
		.client_port = v->in.sport,
		.vip = v->in.dst,
		.vip_port = v->in.dport,
		.vm = 1,
	};

	if (v->hook == HOOK_PROBE) {
		flow.client = IP_PROBES;
		flow.vm = v->vm ? v->vm : 1;
	} else if (v->hook == HOOK_FROM_VM || v->hook >= HOOK_BACK) {
		flow.client = v->in.dst;
		flow.client_port = v->in.dport;
	}
	if (v->hook != HOOK_UPLINK) {
		flow.vip = IP_VIP_WEB;
		flow.vip_port = PORT_WEB;
	}
	return flow;
}

void vector_scene(const struct vector *v, uint64_t now_ns,
		  struct mem_tables *ret_tables)
{
	struct scene_flow flow = vector_flow(v);

	scene_build(&v->scene, &flow, now_ns, ret_tables);
}

/*
 * What TC does with a nat_edit. Sums are made anew, in full: the helpers of
 * the kernel that keep them are tried by the kernel's half.
 */
static void apply_edit(struct pkt *p, const struct nat_edit *edit)
{
	uint8_t *ip = (uint8_t *)p->ip;
	size_t size = HOST16(p->ip->total_length);
	uint16_t csum;

	assert_int_equal(p->ip->src, edit->old_addr);
	assert_int_equal(p->tcp->sport, edit->old_port);
	p->ip->src = edit->new_addr;
	p->tcp->sport = edit->new_port;
	p->ip->ttl--;
	p->ip->csum = 0;
	p->ip->csum = BE16(~frame_sum(ip, 20, 0));
	p->tcp->csum = 0;
	csum = (uint16_t)~frame_sum(ip + 12, size - 12,
				    (uint32_t)(p->proto + size - 20));
	p->tcp->csum = BE16(csum);
}

/* What the host's own rules have let pass. */
static enum verdict run_back(struct mem_tables *tables, struct pkt *p)
{
	const struct tables *t = mem_tables();
	struct nat_edit edit = { 0 };
	enum verdict verdict;

	verdict = answer_back(t, tables, p, IFINDEX_BRIDGE, &edit);
	if (verdict == VERDICT_FORWARD)
		apply_edit(p, &edit);
	if (verdict != VERDICT_PASS)
		count_answer(t, tables, p, verdict);
	return verdict;
}

/* What TC does with a probe_edit; sums anew, as above. */
static void apply_probe(struct pkt *p, const struct probe_edit *edit)
{
	uint8_t *ip = (uint8_t *)p->ip;
	size_t size = HOST16(p->ip->total_length);

	assert_int_equal(p->ip->src, edit->old_src);
	assert_int_equal(p->ip->dst, edit->old_dst);
	p->ip->src = edit->new_src;
	p->ip->dst = edit->new_dst;
	memcpy(p->eth->dst, edit->dst_mac, 6);
	memcpy(p->eth->src, edit->src_mac, 6);
	p->ip->csum = 0;
	p->ip->csum = BE16(~frame_sum(ip, 20, 0));
	p->tcp->csum = 0;
	p->tcp->csum = BE16(~frame_sum(ip + 12, size - 12,
				       (uint32_t)(p->proto + size - 20)));
}

static enum verdict run_from_vm(struct mem_tables *tables, struct pkt *p)
{
	const struct tables *t = mem_tables();
	struct probe_edit probe = { 0 };
	struct nat_edit edit = { 0 };
	enum verdict verdict = port_from_vm(t, tables, p, &edit);

	if (verdict == VERDICT_PROBE)
		verdict = probe_from_vm(t, tables, p, &probe);
	if (verdict == VERDICT_FORWARD)
		apply_edit(p, &edit);
	if (verdict == VERDICT_PROBE) {
		apply_probe(p, &probe);
		assert_int_equal(probe.ifindex, IFINDEX_PROBE);
	}
	count_answer(t, tables, p, verdict);
	return verdict;
}

static enum verdict run_probe(const struct vector *v, struct mem_tables *tables,
			      struct pkt *p)
{
	const struct tables *t = mem_tables();
	struct probe_edit edit = { 0 };
	enum verdict verdict = probe_to_vm(t, tables, p, &edit);

	if (verdict != VERDICT_PROBE) {
		count_reason(t, tables, p->reason, p->length);
		return verdict;
	}
	apply_probe(p, &edit);
	assert_int_equal(edit.ifindex, IFINDEX_VM(v->vm));
	return verdict;
}

static enum verdict run_hook(const struct vector *v, struct mem_tables *tables,
			     struct pkt *p)
{
	const struct tables *t = mem_tables();
	enum verdict verdict = VERDICT_PASS;

	switch (v->hook) {
	case HOOK_UPLINK:
		verdict = forward(t, tables, p);
		count_forward(t, tables, p, verdict);
		break;
	case HOOK_FROM_VM:
		verdict = run_from_vm(tables, p);
		break;
	case HOOK_PROBE:
		verdict = run_probe(v, tables, p);
		break;
	case HOOK_TO_VM:
		verdict = port_to_vm(t, tables, p);
		count_reason(t, tables, p->reason, p->length);
		break;
	case HOOK_BACK:
		verdict = run_back(tables, p);
		break;
	case HOOK_LEAVES:
		if (v->marked)
			verdict = run_back(tables, p);
		else
			observe_answer(t, tables, p);
		break;
	}
	return verdict;
}

/*
 * Room for a frame that ends where memory ends: a byte too far is a fault, with
 * sanitizers or without. Even, as frames are in drivers' buffers.
 */
static uint8_t *before_guard(size_t size)
{
	static uint8_t *guard;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	const size_t room = 4096;
	uint8_t *map;

	if (!guard) {
		/* cppcheck-suppress invalidFunctionArg; -1 is no file */
		map = mmap(NULL, 2 * room, PROT_NONE, flags, -1, 0);
		assert_true(map != MAP_FAILED);
		guard = map + room;
		assert_int_equal(mprotect(map, room, PROT_READ | PROT_WRITE),
				 0);
	}
	assert_true(size < room);
	return guard - (size + 1) / 2 * 2;
}

void vector_run_core(const struct vector *v, struct mem_tables *tables,
		     struct outcome *ret_outcome)
{
	struct frame in;
	struct pkt p = { 0 };
	uint8_t *exact;
	size_t size;

	vector_frame(v, &in);
	exact = before_guard(in.size);
	memcpy(exact, in.byte, in.size);
	p.data = exact;
	p.end = exact + in.size;
	p.length = (uint32_t)in.size;
	p.ifindex = vector_ifindex(v);
	ret_outcome->verdict = run_hook(v, tables, &p);
	assert_int_equal(p.reason, v->reason);
	assert_int_equal(p.as_if, v->as_if);
	size = in.size - p.head_cut;
	if (ret_outcome->verdict == VERDICT_REPLY)
		size = p.reply_length;
	assert_true(size <= in.size - p.head_cut);
	memset(&ret_outcome->out, 0, sizeof(ret_outcome->out));
	memcpy(ret_outcome->out.byte, exact + p.head_cut, size);
	ret_outcome->out.size = size;
}

static size_t count_vectors(const struct vector_table *tables, size_t n_tables)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < n_tables; i++)
		n += tables[i].n;
	return n;
}

int vector_group(const char *name, void (*test)(void **state))
{
	/* cmocka hands the state on as void *, though nobody writes to it. */
	union {
		const struct vector *vector;
		void *state;
	} u;
	struct CMUnitTest *tests;
	size_t n_tables = 0;
	const struct vector_table *tables = vector_tables(&n_tables);
	size_t n = count_vectors(tables, n_tables);
	size_t i;
	size_t j;
	int failed;

	tests = calloc(n + 1, sizeof(*tests));
	if (!tests)
		return 1;
	n = 0;
	for (i = 0; i < n_tables; i++) {
		for (j = 0; j < tables[i].n; j++) {
			u.vector = &tables[i].vector[j];
			tests[n].name = u.vector->name;
			tests[n].test_func = test;
			tests[n].initial_state = u.state;
			n++;
		}
	}
	failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
	free(tests);
	return failed;
}
