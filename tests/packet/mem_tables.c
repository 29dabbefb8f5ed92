// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables of the packet core in plain memory.
 */
#include "tests/packet/mem_tables.h"

#include <string.h>

#include "dataplane/core/pkt.h"

static const struct node *mem_node(void *e)
{
	const struct mem_tables *m = e;

	return m->has_node ? &m->node : NULL;
}

static const struct service *mem_service(void *e, const struct service_key *k)
{
	const struct mem_tables *m = e;
	uint32_t i;

	for (i = 0; i < m->n_services; i++)
		if (!memcmp(&m->services[i].key, k, sizeof(*k)))
			return &m->services[i].value;
	return NULL;
}

static const struct pool *mem_pool(void *e, uint32_t number)
{
	const struct mem_tables *m = e;

	return number < MEM_POOLS ? &m->pools[number] : NULL;
}

static const struct slot_line *mem_slot_line(void *e, uint32_t line)
{
	const struct mem_tables *m = e;

	return line < MEM_SLOT_LINES ? &m->slot_lines[line] : NULL;
}

static struct slot_clock *mem_slot_clock(void *e, uint32_t slot)
{
	struct mem_tables *m = e;

	return slot < MEM_SLOTS ? &m->slot_clocks[slot] : NULL;
}

static const struct backend *mem_backend(void *e, uint32_t number)
{
	const struct mem_tables *m = e;

	return number < MEM_BACKENDS ? &m->backends[number] : NULL;
}

static struct flow_line *mem_flow_line(void *e, uint32_t line)
{
	struct mem_tables *m = e;

	return line < MEM_FLOW_LINES ? &m->flow_lines[line] : NULL;
}

static struct flow_line *mem_direct_line(void *e, uint32_t line)
{
	struct mem_tables *m = e;

	return line < MEM_FLOW_LINES ? &m->direct_lines[line] : NULL;
}

static struct frag_line *mem_frag_line(void *e, uint32_t line)
{
	struct mem_tables *m = e;

	return line < FRAG_LINES ? &m->frag_lines[line % MEM_FRAG_LINES] : NULL;
}

static const struct port *mem_port(void *e, const struct port_key *k)
{
	const struct mem_tables *m = e;
	uint32_t i;

	for (i = 0; i < m->n_ports; i++)
		if (!memcmp(&m->ports[i].key, k, sizeof(*k)))
			return &m->ports[i].value;
	return NULL;
}

static bool mem_client(void *e, const struct client_key *k)
{
	const struct mem_tables *m = e;
	uint32_t i;

	for (i = 0; i < m->n_clients; i++)
		if (!memcmp(&m->clients[i], k, sizeof(*k)))
			return true;
	return false;
}

static struct inside_way *mem_inside_way(void *e, const struct inside_key *k)
{
	struct mem_tables *m = e;
	uint32_t i;

	for (i = 0; i < m->n_ways; i++)
		if (!memcmp(&m->ways[i].key, k, sizeof(*k)))
			return &m->ways[i].value;
	return NULL;
}

static int mem_inside_note(void *e, const struct inside_key *k,
			   const struct inside_way *way)
{
	struct inside_way *has = mem_inside_way(e, k);
	struct mem_tables *m = e;

	if (!has && m->n_ways == MEM_WAYS)
		return -1;
	if (!has) {
		m->ways[m->n_ways].key = *k;
		has = &m->ways[m->n_ways++].value;
	}
	*has = *way;
	return 0;
}

static struct limiter *mem_limiter(void *e)
{
	struct mem_tables *m = e;

	return &m->limiter;
}

static struct traffic *mem_service_traffic(void *e, uint32_t number)
{
	struct mem_tables *m = e;

	return number < MEM_SERVICES ? &m->service_traffic[number] : NULL;
}

static struct traffic *mem_backend_traffic(void *e, uint32_t number)
{
	struct mem_tables *m = e;

	return number < MEM_BACKENDS ? &m->backend_traffic[number] : NULL;
}

static struct reason_count *mem_reason_count(void *e, uint32_t reason)
{
	struct mem_tables *m = e;

	return reason < N_REASON_COUNTS ? &m->reasons[reason] : NULL;
}

static const struct probe_node *mem_probe_node(void *e)
{
	const struct mem_tables *m = e;

	return &m->probe_node;
}

static const struct probe_target *mem_probe_target(void *e, uint32_t number)
{
	const struct mem_tables *m = e;

	return number < MEM_TARGETS ? &m->targets[number].value : NULL;
}

static const uint32_t *mem_probe_number(void *e, const struct probe_key *k)
{
	static const uint32_t numbers[MEM_TARGETS] = { 0, 1, 2, 3 };
	const struct ip_addr any = { .word = { 0 } };
	const struct mem_tables *m = e;
	uint32_t i;

	for (i = 1; i < MEM_TARGETS; i++)
		if (m->targets[i].key.ifindex == k->ifindex &&
		    (!memcmp(&k->addr, &any, sizeof(any)) ||
		     !memcmp(&m->targets[i].key.addr, &k->addr, sizeof(any))))
			return &numbers[i];
	return NULL;
}

/* Everything fits, but to who is far away. */
static uint32_t mem_out_mtu(void *e, struct pkt *p, uint32_t size)
{
	const struct mem_tables *m = e;

	if (size > m->far_mtu && !memcmp(&m->far, &p->dst, sizeof(p->dst)))
		return m->far_mtu;
	return 0;
}

static uint64_t mem_now_ns(void *e)
{
	const struct mem_tables *m = e;

	return m->now_ns;
}

const struct tables *mem_tables(void)
{
	static const struct tables tables = {
		.node = mem_node,
		.service = mem_service,
		.pool = mem_pool,
		.slot_line = mem_slot_line,
		.slot_clock = mem_slot_clock,
		.backend = mem_backend,
		.flow_line = mem_flow_line,
		.direct_line = mem_direct_line,
		.frag_line = mem_frag_line,
		.port = mem_port,
		.limiter = mem_limiter,
		.service_traffic = mem_service_traffic,
		.backend_traffic = mem_backend_traffic,
		.reason_count = mem_reason_count,
		.probe_node = mem_probe_node,
		.probe_target = mem_probe_target,
		.probe_number = mem_probe_number,
		.client = mem_client,
		.inside_way = mem_inside_way,
		.inside_note = mem_inside_note,
		.now_ns = mem_now_ns,
		.out_mtu = mem_out_mtu,
	};

	return &tables;
}
