// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reverse mapping: which service answers from which port of which VM.
 *
 * It follows from the books: every service of a pool at every VM of the pool.
 */
#include "dataplane/publish_state.h"

#include <errno.h>

/*
 * Where answers of a VM pass: its port, and if they come back from the host's
 * own rules, the bridge. Returns how many of these two.
 */
static int places_of(const struct backend_record *record,
		     uint32_t ret_ifindex[2])
{
	ret_ifindex[0] = record->ifindex;
	ret_ifindex[1] = record->stack_ifindex;
	return record->stack_ifindex ? 2 : 1;
}

static struct port_key port_key_of(const struct service_info *service,
				   const struct backend_record *record,
				   uint32_t ifindex)
{
	struct port_key key = {
		.addr = record->addr,
		.ifindex = ifindex,
		.port = service->value.target_port,
		.proto = service->key.proto,
	};

	return key;
}

/* A service that is published, or on its way. */
static bool service_up(const struct service_info *service)
{
	return service->state == NUMBER_PREPARING ||
	       service->state == NUMBER_IN_FORCE;
}

static bool backend_up(const struct backend_info *backend)
{
	return backend->state == NUMBER_PREPARING ||
	       backend->state == NUMBER_IN_FORCE;
}

/* Does somebody else have this address and port, rightly? */
static bool port_taken(struct publish *p, const struct port_key *key,
		       uint16_t number, uint32_t service)
{
	struct port value = { .backend = 0 };

	if (p->ops.get_port(p->e, key, &value))
		return false;
	if (value.backend != number)
		return value.backend <= p->m.meta->limits.n_backends &&
		       backend_up(&p->m.backend_info[value.backend]);
	return value.service != service &&
	       value.service <= p->m.meta->limits.n_services &&
	       service_up(&p->m.service_info[value.service]);
}

/* Is an uplink on the bridge of the VM's port? Then answers may go by it. */
static bool is_on_uplink(struct publish *p, const struct backend_record *record)
{
	const struct node *node = p->m.node;
	uint32_t bridge = 0;
	int i;

	for (i = 0; i < NODE_UPLINKS; i++) {
		if (!node->uplinks[i].ifindex || !node->out_ifindex[i])
			continue;
		if (!bridge)
			bridge = p->ops.port_bridge(p->e, record->ifindex);
		if (node->out_ifindex[i] == bridge)
			return true;
	}
	return false;
}

static int port_put(struct publish *p, uint16_t number, uint32_t service,
		    const struct backend_record *record, bool learning,
		    uint16_t more_flags)
{
	const struct service_info *info = &p->m.service_info[service];
	struct port value = {
		.vip = info->key.vip,
		.vip_port = info->key.port,
		.backend = number,
		.service = service,
		.pool = info->value.pool,
		.flags = more_flags,
		.mss = info->value.mss,
	};
	struct port_key key;
	uint32_t ifindex[2];
	int err = 0;
	int i;

	if (info->value.flags & SERVICE_QUIC)
		value.flags |= PORT_QUIC;
	if (info->value.flags & SERVICE_FIB)
		value.flags &= (uint16_t)~PORT_L2;
	if (info->value.flags & SERVICE_L2)
		value.flags |= PORT_L2_ONLY;
	if (learning || info->state == NUMBER_PREPARING)
		value.flags |= PORT_LEARNING;
	if (info->value.flags & SERVICE_OBSERVE)
		value.flags |= PORT_LEARNING | PORT_OBSERVE;
	if (record->stack_ifindex)
		value.flags |= PORT_STACK;
	/* The bridge first: what is marked at the port comes back there. */
	for (i = places_of(record, ifindex) - 1; i >= 0 && !err; i--) {
		key = port_key_of(info, record, ifindex[i]);
		err = port_taken(p, &key, number, service) ?
			      -EEXIST :
			      p->ops.set_port(p->e, &key, &value);
		wrote(p);
	}
	return err;
}

int ports_put(struct publish *p, uint16_t number,
	      const struct backend_record *record, bool learning)
{
	uint16_t flags = is_on_uplink(p, record) ? PORT_L2 : 0;
	const struct service_info *info;
	int first_err = 0;
	uint32_t i;
	int err;

	for (i = 1; i <= p->m.meta->limits.n_services; i++) {
		info = &p->m.service_info[i];
		if (!service_up(info) || info->value.pool != record->pool)
			continue;
		err = port_put(p, number, i, record, learning, flags);
		if (err && !first_err)
			first_err = err;
	}
	return first_err;
}

/* Delete a mapping if it is this number's and, unless 0, this service's. */
static void port_drop(struct publish *p, const struct port_key *key,
		      uint16_t number, uint32_t service)
{
	struct port value = { .backend = 0 };

	if (p->ops.get_port(p->e, key, &value) || value.backend != number ||
	    (service && value.service != service))
		return;
	(void)p->ops.set_port(p->e, key, NULL);
	wrote(p);
}

/* Is a place of one record with its address also one of another (or NULL)? */
static bool is_shared(const struct backend_record *record, uint32_t ifindex,
		      const struct backend_record *other)
{
	return other &&
	       !__builtin_memcmp(&record->addr, &other->addr,
				 sizeof(other->addr)) &&
	       (other->ifindex == ifindex || other->stack_ifindex == ifindex);
}

void ports_drop(struct publish *p, uint16_t number,
		const struct backend_record *record,
		const struct backend_record *keep)
{
	const struct service_info *info;
	struct port_key key;
	uint32_t ifindex[2];
	int n_places = places_of(record, ifindex);
	uint32_t i;
	int k;

	for (i = 1; i <= p->m.meta->limits.n_services; i++) {
		info = &p->m.service_info[i];
		if (info->state == NUMBER_FREE ||
		    info->value.pool != record->pool)
			continue;
		for (k = 0; k < n_places; k++) {
			key = port_key_of(info, record, ifindex[k]);
			if (!is_shared(record, ifindex[k], keep))
				port_drop(p, &key, number, 0);
		}
	}
}

void ports_drop_service(struct publish *p, uint32_t service)
{
	const struct service_info *info = &p->m.service_info[service];
	const struct backend_record *record;
	struct port_key key;
	uint32_t ifindex[2];
	uint32_t i;
	int k;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++) {
		if (p->m.backend_info[i].state == NUMBER_FREE ||
		    p->m.backend_info[i].pool != info->value.pool)
			continue;
		record = record_of(p, (uint16_t)i);
		for (k = places_of(record, ifindex) - 1; k >= 0; k--) {
			key = port_key_of(info, record, ifindex[k]);
			port_drop(p, &key, (uint16_t)i, service);
		}
	}
}

/* Is a mapping what the books would make? */
static bool port_stands(const struct publish *p, const struct port_key *key,
			const struct port *value)
{
	const struct backend_record *record;
	const struct service_info *service;

	if (!value->backend || value->backend > p->m.meta->limits.n_backends ||
	    !value->service || value->service > p->m.meta->limits.n_services ||
	    p->m.backend_info[value->backend].state != NUMBER_IN_FORCE)
		return false;
	service = &p->m.service_info[value->service];
	record = record_of(p, value->backend);
	return service_up(service) && service->value.pool == record->pool &&
	       service->value.target_port == key->port &&
	       (record->ifindex == key->ifindex ||
		record->stack_ifindex == key->ifindex) &&
	       !__builtin_memcmp(&record->addr, &key->addr, sizeof(key->addr));
}

void ports_restore(struct publish *p)
{
	struct port value = { .backend = 0 };
	struct port_key key;
	struct port_key next;
	bool has_key = false;

	while (!p->ops.next_port(p->e, has_key ? &key : NULL, &next)) {
		if (p->ops.get_port(p->e, &next, &value) ||
		    port_stands(p, &next, &value)) {
			key = next;
			has_key = true;
			continue;
		}
		/* From the same place on: what was deleted has no next. */
		if (p->ops.set_port(p->e, &next, NULL))
			return;
		wrote(p);
	}
}
