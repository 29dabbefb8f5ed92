// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs: numbers, records, devices, ports, and what their counters say.
 */
#include "dataplane/publish_state.h"

#include <errno.h>
#include <string.h>

static uint16_t free_number(const struct publish *p)
{
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++)
		if (p->m.backend_info[i].state == NUMBER_FREE &&
		    slots_number_free(p->slots, (uint16_t)i))
			return (uint16_t)i;
	return BACKEND_NONE;
}

static struct backend_record record_make(struct publish *p, uint32_t pool,
					 const struct dp_backend *backend)
{
	struct backend_record record = {
		.addr = backend->addr,
		.ifindex = backend->ifindex,
		.pool = pool,
	};

	memcpy(record.dst_mac, backend->mac, sizeof(record.dst_mac));
	if (backend->stack)
		record.stack_ifindex = p->ops.port_bridge(p->e, record.ifindex);
	if (p->ops.port_mtu)
		record.mtu = p->ops.port_mtu(p->e, record.ifindex);
	/* A port that is gone has none; attaching says so. */
	(void)p->ops.port_mac(p->e,
			      record.stack_ifindex ? record.stack_ifindex :
						     record.ifindex,
			      record.src_mac);
	return record;
}

/* Device, mapping and programs of a number whose record is in force. */
static void port_up(struct publish *p, uint16_t number)
{
	const struct backend_record *record = record_of(p, number);
	struct backend_info *info = &p->m.backend_info[number];
	int err;

	err = host_up(p, record);
	if (!err) {
		err = p->ops.set_device(p->e, number, record->ifindex);
		wrote(p);
	}
	if (!err)
		err = ports_put(p, number, record, info->learning_ns != 0);
	if (!err) {
		err = p->ops.attach_port(p->e, record->ifindex);
		wrote(p);
	}
	info->attach_error = err;
	info->attached = !err;
}

static void info_update(struct backend_info *info,
			const struct dp_backend *backend)
{
	name_copy(info->name, backend->name);
	info->role = backend->role;
	info->weight = backend->weight;
}

static int backend_new(struct publish *p, uint32_t pool,
		       const struct dp_backend *backend, uint64_t now_ns,
		       uint16_t *ret_number)
{
	uint16_t number = free_number(p);
	struct backend_info *info = &p->m.backend_info[number];
	struct backend *entry = &p->m.backends[number];
	uint32_t generation = BACKEND_GENERATION(entry->word);

	if (number == BACKEND_NONE)
		return -ENOSPC;
	*info = (struct backend_info){
		.pool = pool,
		.ifindex = backend->ifindex,
		.since_ns = now_ns,
		.learning_ns = now_ns,
		.estimate = { .looked_ns = now_ns, .active_ns = now_ns },
	};
	memcpy(info->uuid, backend->uuid, sizeof(info->uuid));
	memcpy(info->ifname, backend->ifname,
	       strnlen(backend->ifname, sizeof(info->ifname) - 1));
	info_update(info, backend);
	(void)p->ops.read_backend(p->e, number, &info->before);
	info->estimate.openers = info->before.openers;
	info->estimate.ends = info->before.ends;
	info->estimate.packets =
		info->before.in_packets + info->before.out_packets;
	state_set(p, &info->state, NUMBER_PREPARING);

	entry->copy[0] = record_make(p, pool, backend);
	wrote(p);
	state_set(p, &entry->word, BACKEND_WORD(generation, BACKEND_LIVE));
	port_up(p, number);
	state_set(p, &info->state, NUMBER_IN_FORCE);
	index_add(p, number);
	*ret_number = number;
	return 0;
}

static bool port_used(const struct publish *p, uint32_t ifindex)
{
	const struct backend_info *info;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++) {
		info = &p->m.backend_info[i];
		if (info->state != NUMBER_FREE && info->ifindex == ifindex)
			return true;
	}
	return false;
}

bool publish_keeps_port(const struct publish *p, uint32_t ifindex)
{
	return inside_keeps_port(p, ifindex) || port_used(p, ifindex);
}

void port_let_go(struct publish *p, uint32_t ifindex)
{
	if (!ifindex || publish_keeps_port(p, ifindex))
		return;
	p->ops.detach_port(p->e, ifindex);
	wrote(p);
}

/* A VM of a number in force is somewhere else now. */
static void backend_move(struct publish *p, uint16_t number,
			 const struct backend_record *record,
			 const struct dp_backend *backend)
{
	struct backend_info *info = &p->m.backend_info[number];
	struct backend *entry = &p->m.backends[number];
	struct backend_record old = *record_of(p, number);
	bool moved = old.ifindex != record->ifindex ||
		     old.stack_ifindex != record->stack_ifindex ||
		     memcmp(&old.addr, &record->addr, sizeof(old.addr)) != 0;
	int err;

	/* The spare copy was in force before the last change. */
	p->ops.grace(p->e);
	err = host_up(p, record);
	if (!err && moved)
		err = ports_put(p, number, record, info->learning_ns != 0);
	if (!err && (old.ifindex != record->ifindex || !info->attached)) {
		err = p->ops.attach_port(p->e, record->ifindex);
		wrote(p);
	}
	entry->copy[entry->word & BACKEND_COPY ? 0 : 1] = *record;
	wrote(p);
	if (!err)
		err = p->ops.set_device(p->e, number, record->ifindex);
	wrote(p);
	memset(info->ifname, 0, sizeof(info->ifname));
	memcpy(info->ifname, backend->ifname,
	       strnlen(backend->ifname, sizeof(info->ifname) - 1));
	WRITE_ONCE(info->ifindex, record->ifindex);
	state_set(p, &entry->word, entry->word ^ BACKEND_COPY);
	info->attach_error = err;
	info->attached = !err;
	if (!moved)
		return;
	p->ops.grace(p->e);
	ports_drop(p, number, &old, record);
	port_let_go(p, old.ifindex);
	host_let_go(p, old.stack_ifindex);
}

int backend_put(struct publish *p, uint32_t pool,
		const struct dp_backend *backend, uint64_t now_ns,
		uint16_t *ret_number)
{
	uint16_t number = backend_number(p, pool, backend->uuid);
	struct backend_record record;
	struct backend_info *info;

	if (number == BACKEND_NONE)
		return backend_new(p, pool, backend, now_ns, ret_number);
	*ret_number = number;
	info = &p->m.backend_info[number];
	info_update(info, backend);
	record = record_make(p, pool, backend);
	if (memcmp(&record, record_of(p, number), sizeof(record)) != 0)
		backend_move(p, number, &record, backend);
	else if (!info->attached)
		port_up(p, number);
	return 0;
}

void backend_retire(struct publish *p, uint16_t number, uint64_t now_ns)
{
	struct backend_info *info = &p->m.backend_info[number];
	struct backend *entry = &p->m.backends[number];
	int n_slots;

	info->since_ns = now_ns;
	state_set(p, &info->state, NUMBER_RETIRING);
	n_slots = slots_gone(p->slots, info->pool, number, TICKS_OF_NS(now_ns));
	wrote(p);
	if (n_slots > 0 && p->result)
		p->result->n_slots_moved += (uint32_t)n_slots;
	if (p->plans[info->pool].applied)
		p->plans[info->pool].applied = false;
	/* Entries of this generation are dead with this store. */
	if (entry->word & BACKEND_LIVE)
		state_set(p, &entry->word,
			  BACKEND_WORD(BACKEND_GENERATION(entry->word) + 1,
				       entry->word & BACKEND_COPY));
	(void)p->ops.set_device(p->e, number, 0);
	wrote(p);
}

void publish_port_lost(struct publish *p, uint32_t ifindex, uint64_t now_ns)
{
	const struct backend_info *info;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++) {
		info = &p->m.backend_info[i];
		if (info->state == NUMBER_IN_FORCE && info->ifindex == ifindex)
			backend_retire(p, (uint16_t)i, now_ns);
	}
	inside_port_lost(p, ifindex);
}

/* One step of a number that retires; false: it is free now. */
static bool backend_retiring(struct publish *p, uint16_t number,
			     uint64_t now_ns)
{
	struct backend_info *info = &p->m.backend_info[number];
	uint32_t ifindex = info->ifindex;
	struct slots_use use;

	slots_use(p->slots, info->pool, number, TICKS_OF_NS(now_ns), &use);
	if (use.n_current || use.n_base) /* there was no memory for it */
		backend_retire(p, number, now_ns);
	if (now_ns < info->since_ns + PUBLISH_GRACE_NS)
		return true;
	if (ifindex) {
		ports_drop(p, number, record_of(p, number), NULL);
		WRITE_ONCE(info->ifindex, 0);
		wrote(p);
		port_let_go(p, ifindex);
		host_let_go(p, record_of(p, number)->stack_ifindex);
	}
	if (!slots_number_free(p->slots, number))
		return true;
	state_set(p, &info->state, NUMBER_FREE);
	return false;
}

uint64_t backends_tick(struct publish *p, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++)
		if (p->m.backend_info[i].state == NUMBER_RETIRING &&
		    backend_retiring(p, (uint16_t)i, now_ns))
			next_ns = now_ns + PUBLISH_ROUND_NS;
	return next_ns;
}

void backend_learn(struct publish *p, uint16_t number, uint64_t now_ns)
{
	struct backend_info *info = &p->m.backend_info[number];

	info->learning_ns = now_ns;
	wrote(p);
	info->attach_error = ports_put(p, number, record_of(p, number), true);
	if (info->attach_error)
		info->attached = false;
}

int backend_answer(struct publish *p, uint16_t number)
{
	struct backend_info *info = &p->m.backend_info[number];
	int err;

	if (!info->learning_ns)
		return 0;
	err = ports_put(p, number, record_of(p, number), false);
	if (err) {
		info->attach_error = err;
		info->attached = false;
		return err;
	}
	info->learning_ns = 0;
	wrote(p);
	return 0;
}

uint64_t backend_ready_ns(const struct publish *p, uint16_t number)
{
	const struct backend_info *info = &p->m.backend_info[number];
	uint64_t since_ns = info->learning_ns;
	const struct service_info *service;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_services; i++) {
		service = &p->m.service_info[i];
		if (service->state == NUMBER_IN_FORCE &&
		    service->value.pool == info->pool &&
		    service->since_ns > since_ns)
			since_ns = service->since_ns;
	}
	return since_ns + PUBLISH_LEARN_NS;
}

void backend_restore(struct publish *p, uint16_t number)
{
	port_up(p, number);
}

void backend_look(struct publish *p, uint16_t number, uint64_t now_ns)
{
	struct backend_info *info = &p->m.backend_info[number];
	uint64_t idle_ns = (uint64_t)p->m.pools[info->pool].idle_ticks
			   << TICK_SHIFT;
	struct flow_estimate *e = &info->estimate;
	uint64_t passed_ns = now_ns - e->looked_ns;
	struct traffic t = { .in_packets = 0 };
	uint64_t opened;
	uint64_t ended;

	if (p->ops.read_backend(p->e, number, &t))
		return;
	opened = (t.openers - e->openers) * ESTIMATE_ONE;
	ended = (t.ends - e->ends) * ESTIMATE_ONE;
	/* Whoever ended without a word is forgotten with the idle time. */
	if (passed_ns < idle_ns)
		e->flows -= (uint64_t)((double)e->flows * (double)passed_ns /
				       (double)idle_ns);
	else
		e->flows = 0;
	e->flows += opened;
	e->flows = e->flows > ended ? e->flows - ended : 0;
	if (t.in_packets + t.out_packets != e->packets)
		e->active_ns = now_ns;
	e->openers = t.openers;
	e->ends = t.ends;
	e->packets = t.in_packets + t.out_packets;
	e->looked_ns = now_ns;
}
