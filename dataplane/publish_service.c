// SPDX-License-Identifier: GPL-2.0-only
/*
 * Services and VIPs: numbers, and the table that packets are looked up in.
 *
 * A service is its VIP, port, protocol (QUIC or plain UDP, too), pool and target
 * port: if one of them changes it is another service. One that takes over the VIP and port of
 * another waits until its VMs' ports have learned, and then replaces it in one
 * store.
 */
#include "dataplane/publish_state.h"

#include <errno.h>
#include <string.h>

static bool same_key(const struct service_key *a, const struct service_key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static struct service_key key_of(const struct dp_service *service)
{
	struct service_key key = {
		.vip = service->vip,
		.port = BE16(service->port),
		.proto = service->proto,
	};

	return key;
}

static bool is_service(const struct service_info *info,
		       const struct dp_service *service, uint32_t pool)
{
	struct service_key key = key_of(service);

	return same_key(&info->key, &key) && info->value.pool == pool &&
	       info->value.target_port == BE16(service->target_port) &&
	       !(info->value.flags & SERVICE_QUIC) == !service->quic;
}

static bool is_up(const struct service_info *info)
{
	return info->state == NUMBER_PREPARING ||
	       info->state == NUMBER_IN_FORCE;
}

/* Number of a service that is up, 0 = none. */
static uint32_t service_number(const struct publish *p,
			       const struct dp_service *service, uint32_t pool)
{
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_services; i++)
		if (is_up(&p->m.service_info[i]) &&
		    is_service(&p->m.service_info[i], service, pool))
			return i;
	return 0;
}

static uint32_t free_info(const struct publish *p, uint32_t first)
{
	uint32_t i;

	for (i = first; i < first + p->m.meta->limits.n_services; i++)
		if (p->m.service_info[i].state == NUMBER_FREE)
			return i;
	return 0;
}

/* Does another number in force answer for this VIP and port? */
static bool replaced(const struct publish *p, uint32_t number)
{
	const struct service_info *info;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_services; i++) {
		info = &p->m.service_info[i];
		if (i != number && info->state == NUMBER_IN_FORCE &&
		    same_key(&info->key, &p->m.service_info[number].key))
			return true;
	}
	return false;
}

static void service_retire(struct publish *p, uint32_t number, uint64_t now_ns)
{
	struct service_info *info = &p->m.service_info[number];

	info->since_ns = now_ns;
	state_set(p, &info->state, NUMBER_RETIRING);
	if (!replaced(p, number)) {
		(void)p->ops.set_service(p->e, &info->key, NULL);
		wrote(p);
	}
}

static void vip_retire(struct publish *p, uint32_t number)
{
	struct service_info *info = &p->m.service_info[number];

	(void)p->ops.set_service(p->e, &info->key, NULL);
	wrote(p);
	state_set(p, &info->state, NUMBER_FREE);
}

/* Is a service to stay: wanted as it is, or until its successor is ready? */
static bool service_wanted(const struct service_info *info,
			   const struct dp_snapshot *snapshot,
			   const uint32_t *pool_numbers)
{
	const struct dp_service *service;
	struct service_key key;
	uint32_t i;

	for (i = 0; i < snapshot->n_services; i++) {
		service = &snapshot->services[i];
		key = key_of(service);
		if (is_service(info, service, pool_numbers[service->pool]) ||
		    (info->state == NUMBER_IN_FORCE &&
		     same_key(&info->key, &key)))
			return true;
	}
	return false;
}

static bool vip_wanted(const struct service_info *info,
		       const struct dp_snapshot *snapshot)
{
	uint32_t i;

	for (i = 0; i < snapshot->n_vips; i++)
		if (!memcmp(&info->key.vip, &snapshot->vips[i].addr,
			    sizeof(info->key.vip)))
			return true;
	return false;
}

void services_drop_unwanted(struct publish *p,
			    const struct dp_snapshot *snapshot,
			    const uint32_t *pool_numbers, uint64_t now_ns)
{
	uint32_t n_services = p->m.meta->limits.n_services;
	const struct service_info *info;
	uint32_t i;

	for (i = 1; i <= 2 * n_services; i++) {
		info = &p->m.service_info[i];
		if (!is_up(info))
			continue;
		if (i > n_services && !vip_wanted(info, snapshot))
			vip_retire(p, i);
		if (i <= n_services &&
		    !service_wanted(info, snapshot, pool_numbers))
			service_retire(p, i, now_ns);
	}
}

/* When a service may be published: VMs with slots must learn its port first. */
static uint64_t service_ready_ns(const struct publish *p, uint32_t number)
{
	const struct service_info *service = &p->m.service_info[number];
	const struct backend_info *info;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++) {
		info = &p->m.backend_info[i];
		if (info->state == NUMBER_IN_FORCE && info->attached &&
		    info->pool == service->value.pool && !info->learning_ns)
			return service->since_ns + PUBLISH_LEARN_NS;
	}
	return service->since_ns;
}

/* Map a service at the ports of its pool's VMs. */
static void service_map_ports(struct publish *p, uint32_t number)
{
	uint32_t pool = p->m.service_info[number].value.pool;
	struct backend_info *info;
	uint32_t i;
	int err;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++) {
		info = &p->m.backend_info[i];
		if (info->state != NUMBER_IN_FORCE || info->pool != pool ||
		    !info->attached)
			continue;
		err = ports_put(p, (uint16_t)i, record_of(p, (uint16_t)i),
				info->learning_ns != 0);
		if (!err)
			continue;
		info->attached = false;
		info->attach_error = err;
	}
}

static int service_publish(struct publish *p, uint32_t number, uint64_t now_ns)
{
	struct service_info *info = &p->m.service_info[number];
	uint32_t i;
	int err;

	state_set(p, &info->state, NUMBER_IN_FORCE);
	service_map_ports(p, number);
	err = p->ops.set_service(p->e, &info->key, &info->value);
	wrote(p);
	if (err)
		return err;
	for (i = 1; i <= p->m.meta->limits.n_services; i++)
		if (i != number &&
		    p->m.service_info[i].state == NUMBER_IN_FORCE &&
		    same_key(&info->key, &p->m.service_info[i].key))
			service_retire(p, i, now_ns);
	return 0;
}

static uint16_t service_flags(const struct dp_service *service)
{
	return (uint16_t)((service->observe ? SERVICE_OBSERVE : 0) |
			  (service->quic ? SERVICE_QUIC : 0) |
			  (service->answers == DP_ANSWERS_FIB ? SERVICE_FIB :
								0) |
			  (service->answers == DP_ANSWERS_L2 ? SERVICE_L2 : 0));
}

/*
 * What may change in a service that stays the same one: whether it is observed,
 * and its MSS. Whatever is looked at first, a packet of a flow never meets a path
 * that forwards it and a port that does not answer for the VIP.
 */
static int service_update(struct publish *p, uint32_t number,
			  const struct dp_service *service)
{
	struct service_info *info = &p->m.service_info[number];
	uint16_t flags = service_flags(service);
	bool observe = service->observe;
	int err = 0;

	if (info->value.flags == flags && info->value.mss == service->mss)
		return 0;
	info->value.flags = flags;
	info->value.mss = service->mss;
	wrote(p);
	if (!observe)
		service_map_ports(p, number);
	if (info->state == NUMBER_IN_FORCE) {
		err = p->ops.set_service(p->e, &info->key, &info->value);
		wrote(p);
	}
	if (observe)
		service_map_ports(p, number);
	return err;
}

static int service_put(struct publish *p, const struct dp_service *service,
		       uint32_t pool, uint64_t now_ns)
{
	uint32_t number = service_number(p, service, pool);
	struct service_info *info;

	if (number) {
		name_copy(p->m.service_info[number].name, service->name);
		return service_update(p, number, service);
	}
	number = free_info(p, 1);
	if (!number)
		return -ENOSPC;
	info = &p->m.service_info[number];
	*info = (struct service_info){
		.key = key_of(service),
		.value = {
			.number = number,
			.pool = pool,
			.target_port = BE16(service->target_port),
			.flags = service_flags(service),
			.mss = service->mss,
		},
		.since_ns = now_ns,
	};
	name_copy(info->name, service->name);
	(void)p->ops.read_service(p->e, number, &info->before);
	state_set(p, &info->state, NUMBER_PREPARING);
	service_map_ports(p, number);
	return now_ns >= service_ready_ns(p, number) ?
		       service_publish(p, number, now_ns) :
		       0;
}

static int vip_put(struct publish *p, const struct dp_vip *vip)
{
	uint32_t n_services = p->m.meta->limits.n_services;
	struct service value = { .flags = SERVICE_VIP };
	struct service_info *info;
	uint32_t number = 0;
	uint32_t i;
	int err;

	if (vip->answer_l2)
		value.flags |= SERVICE_ANSWER_L2;
	if (vip->drop_no_service)
		value.flags |= SERVICE_DROP;
	if (vip->observe)
		value.flags |= SERVICE_OBSERVE;
	for (i = n_services + 1; i <= 2 * n_services; i++)
		if (is_up(&p->m.service_info[i]) &&
		    !memcmp(&p->m.service_info[i].key.vip, &vip->addr,
			    sizeof(vip->addr)))
			number = i;
	if (!number)
		number = free_info(p, n_services + 1);
	if (!number)
		return -ENOSPC;
	info = &p->m.service_info[number];
	if (info->state == NUMBER_IN_FORCE && info->value.flags == value.flags)
		return 0;
	info->key = (struct service_key){ .vip = vip->addr };
	info->value = value;
	state_set(p, &info->state, NUMBER_IN_FORCE);
	err = p->ops.set_service(p->e, &info->key, &info->value);
	wrote(p);
	return err;
}

int services_put(struct publish *p, const struct dp_snapshot *snapshot,
		 const uint32_t *pool_numbers, uint64_t now_ns)
{
	const struct dp_service *service;
	int first_err = 0;
	uint32_t i;
	int err;

	for (i = 0; i < snapshot->n_services; i++) {
		service = &snapshot->services[i];
		err = service_put(p, service, pool_numbers[service->pool],
				  now_ns);
		if (err)
			result_fail(p, err, "service", service->name);
		if (err && !first_err)
			first_err = err;
	}
	for (i = 0; i < snapshot->n_vips; i++) {
		err = vip_put(p, &snapshot->vips[i]);
		if (err)
			result_fail(p, err, "VIP", NULL);
		if (err && !first_err)
			first_err = err;
	}
	return first_err;
}

uint64_t services_tick(struct publish *p, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;
	struct service_info *info;
	uint64_t due_ns;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_services; i++) {
		info = &p->m.service_info[i];
		if (info->state == NUMBER_PREPARING)
			due_ns = service_ready_ns(p, i);
		else if (info->state == NUMBER_RETIRING)
			due_ns = info->since_ns + PUBLISH_GRACE_NS;
		else
			continue;
		if (now_ns < due_ns) {
			next_ns = due_ns < next_ns ? due_ns : next_ns;
			continue;
		}
		if (info->state == NUMBER_RETIRING) {
			ports_drop_service(p, i);
			state_set(p, &info->state, NUMBER_FREE);
		} else if (service_publish(p, i, now_ns)) {
			next_ns = now_ns + PUBLISH_ROUND_NS;
		}
	}
	return next_ns;
}

/* Was a service cut short while another took its VIP and port over? */
static bool has_successor(const struct publish *p, uint32_t number)
{
	const struct service_info *own = &p->m.service_info[number];
	const struct service_info *info;
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_services; i++) {
		info = &p->m.service_info[i];
		if (info->state == NUMBER_IN_FORCE &&
		    same_key(&info->key, &own->key) &&
		    info->since_ns > own->since_ns)
			return true;
	}
	return false;
}

/* Is an entry of the engine's table what the books say? */
static bool service_stands(const struct publish *p,
			   const struct service_key *key)
{
	uint32_t i;

	for (i = 1; i <= 2 * p->m.meta->limits.n_services; i++)
		if (p->m.service_info[i].state == NUMBER_IN_FORCE &&
		    same_key(&p->m.service_info[i].key, key))
			return true;
	return false;
}

void services_restore(struct publish *p, uint64_t now_ns)
{
	uint32_t n_services = p->m.meta->limits.n_services;
	struct service_key key;
	struct service_key next;
	struct service_info *info;
	bool has_key = false;
	uint32_t i;

	while (!p->ops.next_service(p->e, has_key ? &key : NULL, &next)) {
		if (service_stands(p, &next)) {
			key = next;
			has_key = true;
			continue;
		}
		if (p->ops.set_service(p->e, &next, NULL))
			break;
		wrote(p);
	}
	for (i = 1; i <= 2 * n_services; i++) {
		info = &p->m.service_info[i];
		if (info->state != NUMBER_IN_FORCE)
			continue;
		if (i <= n_services && has_successor(p, i))
			service_retire(p, i, now_ns);
		else
			(void)p->ops.set_service(p->e, &info->key,
						 &info->value);
		wrote(p);
	}
}
