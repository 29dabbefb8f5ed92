// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vectors through judge.c, which `drover explain --pcap` asks: what it says of a
 * packet is what the path says, and it changes nothing but its copy.
 *
 * What it can't know is left out: fragments that were under way before, rates that
 * are used up, probes over the data path, and where the packet of another hook is.
 */
#include "dataplane/judge.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/publish_state.h"
#include "tests/packet/run.h"

#define NOW_NS 12345678901234ULL

/* Of all vectors so many can be asked, at least. */
#define JUDGED_MIN 600

static unsigned int n_judged;

/**
 * struct world - the tables of a scene, and books about them as an engine has.
 */
struct world {
	struct mem_tables tables;
	struct memory_meta meta;
	struct pool_info pool_info[MEM_POOLS];
	struct service_info service_info[2 * MEM_SERVICES + 1];
	struct backend_info backend_info[MEM_BACKENDS];
	struct publish publish;
};

static int world_port(void *e, const struct port_key *key, struct port *ret)
{
	const struct mem_tables *tables = e;
	uint32_t i;

	for (i = 0; i < tables->n_ports; i++) {
		if (memcmp(&tables->ports[i].key, key, sizeof(*key)) != 0)
			continue;
		*ret = tables->ports[i].value;
		return 0;
	}
	return -ENOENT;
}

/* Services stand where their numbers are, VIPs behind them. */
static void world_books(struct world *w)
{
	const struct mem_service *s;
	uint32_t vip = MEM_SERVICES;
	uint32_t at;
	uint32_t i;

	for (i = 0; i < w->tables.n_services; i++) {
		s = &w->tables.services[i];
		at = s->value.number;
		if (!at || w->service_info[at].state)
			at = ++vip;
		w->service_info[at].key = s->key;
		w->service_info[at].value = s->value;
		w->service_info[at].state = NUMBER_IN_FORCE;
		(void)strcpy(w->service_info[at].name, "shop/http");
	}
	for (i = 1; i < MEM_BACKENDS; i++) {
		w->backend_info[i].state = NUMBER_IN_FORCE;
		(void)snprintf(w->backend_info[i].name, DP_NAME_SIZE, "vm-%u",
			       i);
	}
}

static struct world *world_new(const struct vector *v)
{
	struct world *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);

	assert_non_null(w);
	memset(w, 0, sizeof(*w));
	vector_scene(v, NOW_NS, &w->tables);
	w->meta.limits = (struct dp_limits){
		.n_backends = MEM_BACKENDS - 1,
		.n_services = MEM_SERVICES,
		.n_pools = MEM_POOLS,
		.n_slots = MEM_SLOTS,
		.n_flows = MEM_FLOW_LINES * FLOWS_PER_LINE,
		.n_direct = MEM_FLOW_LINES * FLOWS_PER_LINE,
	};
	world_books(w);
	w->publish.m = (struct memory){
		.meta = &w->meta,
		.node = &w->tables.node,
		.pools = w->tables.pools,
		.slots = w->tables.slot_lines,
		.clocks = w->tables.slot_clocks,
		.backends = w->tables.backends,
		.flows = w->tables.flow_lines,
		.direct = w->tables.direct_lines,
		.pool_info = w->pool_info,
		.service_info = w->service_info,
		.backend_info = w->backend_info,
	};
	w->publish.ops.get_port = world_port;
	w->publish.e = &w->tables;
	return w;
}

static bool has_frags(const struct mem_tables *tables)
{
	uint32_t i;
	uint32_t k;

	for (i = 0; i < MEM_FRAG_LINES; i++)
		for (k = 0; k < FRAGS_PER_LINE; k++)
			if (tables->frag_lines[i].entry[k].flow.meta)
				return true;
	return false;
}

static bool has_spent(const struct mem_tables *tables)
{
	const struct limiter full = { 0 };

	return memcmp(&tables->limiter, &full, sizeof(full)) != 0;
}

static bool is_known(const struct vector *v, const struct world *w)
{
	if (v->hook != HOOK_UPLINK && v->hook != HOOK_FROM_VM &&
	    v->hook != HOOK_TO_VM)
		return false;
	if (w->tables.probe_node.ifindex && v->hook == HOOK_FROM_VM)
		return false;
	return w->tables.has_node && !has_frags(&w->tables) &&
	       !has_spent(&w->tables);
}

static void judge_vector(struct judge *j, const struct vector *v,
			 struct dp_judged *ret)
{
	struct dp_packet packet = { .at_ns = NOW_NS };
	struct frame frame;

	vector_frame(v, &frame);
	packet.data = frame.byte;
	packet.captured = packet.length = (uint32_t)frame.size;
	packet.ifindex = vector_ifindex(v);
	packet.hook = DP_UPLINK;
	if (v->hook == HOOK_FROM_VM)
		packet.hook = DP_FROM_VM;
	else if (v->hook == HOOK_TO_VM)
		packet.hook = DP_TO_VM;
	judge_packet(j, &packet, ret);
}

static void test_vector(void **state)
{
	const struct vector *v = *state;
	struct world *w = world_new(v);
	struct dp_judged judged;
	struct judge *j;
	char vm[16];

	if (!is_known(v, w)) {
		free(w);
		return;
	}
	n_judged++;
	j = judge_new(&w->publish);
	assert_non_null(j);
	if (v->first) {
		judge_vector(j, v->first, &judged);
		assert_int_equal(judged.verdict, v->first->verdict);
	}
	judge_vector(j, v, &judged);
	assert_int_equal(judged.verdict, v->verdict);
	assert_int_equal(judged.reason, v->reason);
	assert_int_equal(judged.as_if, v->as_if);
	if (v->vm && v->verdict != VERDICT_PASS) {
		(void)snprintf(vm, sizeof(vm), "vm-%u", v->vm);
		assert_string_equal(judged.vm, vm);
		assert_string_equal(judged.service, "shop/http");
	}
	judge_free(j);
	free(w);
}

int main(void)
{
	int failed = vector_group("judge", test_vector);

	if (n_judged < JUDGED_MIN) {
		(void)fprintf(stderr, "only %u vectors were judged\n",
			      n_judged);
		return 1;
	}
	return failed;
}
