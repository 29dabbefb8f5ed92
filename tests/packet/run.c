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
#include "dataplane/core/rare.h"
#include "dataplane/core/host.h"
#include "dataplane/core/port.h"
#include "dataplane/core/probe.h"

static struct vector_table (*const matters[])(void) = {
	vectors_pass,	   vectors_header,	vectors_cut,
	vectors_rst,	   vectors_arp,		vectors_steady,
	vectors_claiming,  vectors_moving,	vectors_settling,
	vectors_line,	   vectors_from_vm,	vectors_answer,
	vectors_to_vm,	   vectors_observe,	vectors_stack,
	vectors_probe,	   vectors_probe_abuse, vectors_ipv6,
	vectors_udp,	   vectors_icmp,	vectors_nd,
	vectors_frag,	   vectors_mss,		vectors_big,
	vectors_note,	   vectors_again,	vectors_length,
	vectors_kind,	   vectors_probe6,	vectors_probe6_abuse,
	vectors_probe6_nd,
};

const struct vector_table *vector_tables(size_t *ret_n)
{
	static struct vector_table all[ARRAY_SIZE(matters)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(matters); i++)
		all[i] = matters[i]();
	*ret_n = ARRAY_SIZE(matters);
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
	/* An error is about the flow of what it quotes, the other way. */
	const struct frame_spec *in = v->in.quote ? v->in.quote : &v->in;
	bool back = in == v->in.quote;
	struct scene_flow flow = {
		.client = back ? in->dst : in->src,
		.client_port = back ? in->dport : in->sport,
		.vip = back ? in->src : in->dst,
		.vip_port = back ? in->sport : in->dport,
		.vm = 1,
		.v6 = in->v6,
		.proto = in->kind == FRAME_UDP ? 17 : 6,
	};

	if (v->hook == HOOK_PROBE) {
		flow.client = IP_PROBES;
		flow.vm = v->vm ? v->vm : 1;
	} else if (v->hook == HOOK_FROM_VM || v->hook >= HOOK_BACK) {
		flow.client = back ? in->src : in->dst;
		flow.client_port = back ? in->sport : in->dport;
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

/* A packet as it came, for who begins anew with it. */
static struct pkt anew(const struct pkt *p)
{
	struct pkt again = {
		.data = p->data,
		.end = p->end,
		.length = p->length,
		.ifindex = p->ifindex,
		.segment = p->segment,
	};

	return again;
}

/* What is seldom at a VM's port, or behind it. */
static enum verdict run_port_rare(struct mem_tables *tables, struct pkt *p,
				  const struct pkt *came, bool is_back)
{
	const struct tables *t = mem_tables();
	enum verdict verdict = VERDICT_RARE;
	bool is_icmp = p->l4_kind == L4_ICMP;
	bool is_refused = p->reason == REPLY_PORT_TOO_BIG;

	*p = anew(came);
	if (is_refused)
		return port_rare_refused(t, tables, p);
	if (!is_icmp)
		verdict = port_rare_flow(t, tables, p, is_back);
	if (verdict != VERDICT_RARE)
		return verdict;
	is_refused = p->reason == REPLY_PORT_TOO_BIG;
	*p = anew(came);
	return is_refused ? port_rare_refused(t, tables, p) :
			    port_rare_icmp(t, tables, p, is_back);
}

/* What the host's own rules have let pass. */
static enum verdict run_back(struct mem_tables *tables, struct pkt *p)
{
	const struct tables *t = mem_tables();
	struct pkt came = *p;
	enum verdict verdict;

	verdict = answer_back(t, tables, p, IFINDEX_BRIDGE);
	came.ifindex = IFINDEX_BRIDGE;
	if (verdict == VERDICT_RARE)
		verdict = run_port_rare(tables, p, &came, true);
	if (verdict != VERDICT_PASS)
		count_answer(t, tables, p, verdict);
	return verdict;
}

/* Make room behind the Ethernet header for an error, and have it written. */
static void fill_error(struct pkt *p, const struct ip_addr *vip)
{
	uint32_t l2_size = p->l3_at;
	uint8_t *data = p->data - p->reply_head;

	memmove(data, p->data, l2_size);
	p->data = data;
	p->eth = (struct eth_hdr *)data;
	assert_true(error_fill(p, data + l2_size, is_ipv6(p), vip));
}

static enum verdict run_from_vm(struct mem_tables *tables, struct pkt *p)
{
	const struct tables *t = mem_tables();
	const struct pkt came = *p;
	struct ip_addr vip;
	enum verdict verdict = port_from_vm(t, tables, p);

	if (verdict == VERDICT_PROBE) {
		*p = anew(&came);
		verdict = probe_from_vm(t, tables, p);
	}
	if (verdict == VERDICT_RARE)
		verdict = run_port_rare(tables, p, &came, false);
	if (verdict == VERDICT_PROBE)
		assert_int_equal(p->out_ifindex, IFINDEX_PROBE);
	count_answer(t, tables, p, verdict);
	vip = p->src;
	if (verdict == VERDICT_REPLY && p->reply_head)
		fill_error(p, &vip);
	return verdict;
}

static enum verdict run_probe(const struct vector *v, struct mem_tables *tables,
			      struct pkt *p)
{
	const struct tables *t = mem_tables();
	enum verdict verdict = probe_to_vm(t, tables, p);

	if (verdict != VERDICT_PROBE) {
		count_reason(t, tables, p->reason, p->length);
		return verdict;
	}
	assert_int_equal(p->out_ifindex, IFINDEX_VM(v->vm));
	return verdict;
}

/* Who begins anew with it. */
static enum verdict run_rare(struct mem_tables *tables, struct pkt *p,
			     const struct pkt *came)
{
	const struct tables *t = mem_tables();
	enum rare_kind kind = rare_kind(p);

	*p = anew(came);
	switch (kind) {
	case RARE_FLOW:
		return rare_of_flow(t, tables, p);
	case RARE_LATER:
		return rare_of_later(t, tables, p);
	case RARE_ICMP:
		return rare_of_icmp(t, tables, p);
	case RARE_REFUSED:
		return rare_of_refused(t, tables, p);
	case RARE_USUAL:
	case N_RARE_KINDS:
		break;
	}
	return VERDICT_DROP;
}

static enum verdict run_uplink(struct mem_tables *tables, struct pkt *p)
{
	const struct tables *t = mem_tables();
	const struct pkt came = *p;
	enum verdict verdict = forward(t, tables, p);

	count_forward(t, tables, p, verdict);
	if (verdict != VERDICT_RARE)
		return verdict;
	while (verdict == VERDICT_RARE)
		verdict = run_rare(tables, p, &came);
	count_forward(t, tables, p, verdict);
	if (verdict == VERDICT_REPLY && p->reply_head)
		fill_error(p, NULL);
	return verdict;
}

static enum verdict run_hook(const struct vector *v, struct mem_tables *tables,
			     struct pkt *p)
{
	const struct tables *t = mem_tables();
	enum verdict verdict = VERDICT_PASS;

	switch (v->hook) {
	case HOOK_UPLINK:
		verdict = run_uplink(tables, p);
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
	p.segment = v->segment;
	ret_outcome->verdict = run_hook(v, tables, &p);
	assert_int_equal(p.reason, v->reason);
	assert_int_equal(p.as_if, v->as_if);
	size = in.size - p.head_cut;
	if (ret_outcome->verdict == VERDICT_REPLY)
		size = p.reply_length;
	assert_true(size <= in.size + p.reply_head - p.head_cut);
	memset(&ret_outcome->out, 0, sizeof(ret_outcome->out));
	memcpy(ret_outcome->out.byte, p.data + p.head_cut, size);
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
