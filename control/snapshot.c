/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builds the snapshot that the data plane is handed.
 */
#include "control/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void snapshot_done(struct snapshot *s)
{
	free(s->vips);
	free(s->services);
	free(s->pools);
	free(s->backends);
	free(s->service_names);
	free(s->clients);
	memset(s, 0, sizeof(*s));
}

static bool is_observed(const struct conf *conf, const struct conf_service *s)
{
	return conf->node.observe || s->observe;
}

/* A VIP is not ours yet while all of its services are only observed. */
static bool is_vip_observed(const struct conf *conf, const struct ip_addr *addr)
{
	bool any = false;
	size_t i;

	for (i = 0; i < conf->n_services; i++) {
		if (memcmp(&conf->services[i].vip, addr, sizeof(*addr)) != 0)
			continue;
		if (!is_observed(conf, &conf->services[i]))
			return false;
		any = true;
	}
	return any || conf->node.observe;
}

static void add_vip(struct snapshot *s, const struct conf *conf,
		    const struct ip_addr *addr,
		    const struct conf_tenant *tenant)
{
	bool observe = is_vip_observed(conf, addr);
	uint32_t i;

	for (i = 0; i < s->dp.n_vips; i++)
		if (!memcmp(&s->vips[i].addr, addr, sizeof(*addr)))
			return;
	s->vips[s->dp.n_vips++] = (struct dp_vip){
		.addr = *addr,
		.answer_l2 = conf->node.announce == CONF_ANNOUNCE_L2 &&
			     !observe,
		.drop_no_service = tenant->no_service == CONF_DROP,
		.observe = observe,
	};
}

/* Addresses that are ours: those of services, and whole-address prefixes. */
static int build_vips(struct snapshot *s, const struct conf *conf)
{
	const struct conf_tenant *t;
	size_t n = conf->n_services;
	size_t i;
	size_t k;

	for (i = 0; i < conf->n_tenants; i++)
		n += conf->tenants[i].vips.n;
	s->vips = calloc(n + 1, sizeof(*s->vips));
	if (!s->vips)
		return -ENOMEM;
	for (i = 0; i < conf->n_tenants; i++) {
		t = &conf->tenants[i];
		for (k = 0; k < t->vips.n; k++)
			if (t->vips.prefix[k].bits == 128)
				add_vip(s, conf, &t->vips.prefix[k].addr, t);
	}
	for (i = 0; i < conf->n_services; i++)
		add_vip(s, conf, &conf->services[i].vip,
			conf->services[i].tenant);
	s->dp.vips = s->vips;
	return 0;
}

static void fill_backend(struct dp_backend *b, const struct rec_member *m)
{
	memcpy(b->uuid, m->uuid, sizeof(b->uuid));
	memcpy(b->mac, m->mac, sizeof(b->mac));
	b->name = m->vm_name;
	b->role = m->role;
	b->weight = m->weight;
	b->addr = m->addr;
	b->ifname = m->ifname;
	b->ifindex = m->ifindex;
	b->stack = m->stack;
}

/* The backends of one table, appended to the common array. */
static uint32_t fill_backends(struct dp_backend *backends, const char *table,
			      const struct members *set)
{
	struct rec_member *const *members;
	uint32_t n_filled = 0;
	size_t n;
	size_t i;

	members = members_in(set, table, &n);
	for (i = 0; i < n; i++)
		if (members[i]->publish)
			fill_backend(&backends[n_filled++], members[i]);
	return n_filled;
}

static void fill_pool(struct dp_pool *p, const struct rec_pool *kept)
{
	const struct conf_pool *c = kept->conf;

	p->name = kept->table;
	p->seed = kept->seed;
	p->affinity = c->affinity == CONF_AFFINITY_SOURCE ? AFFINITY_SOURCE :
							    AFFINITY_FLOW;
	p->when_empty = c->when_empty == CONF_DROP ? EMPTY_DROP : EMPTY_RESET;
	p->idle_timeout_ms = c->idle_timeout_ms;
	p->udp_idle_ms = c->udp_idle_ms;
	p->max_backends = c->max_backends;
}

static int build_pools(struct snapshot *s, struct pools *kept,
		       const struct members *set)
{
	struct dp_pool *p;
	uint32_t used = 0;
	uint32_t n = 0;
	size_t i;

	s->pools = calloc(kept->n + 1, sizeof(*s->pools));
	s->backends = calloc(set->n + 1, sizeof(*s->backends));
	if (!s->pools || !s->backends)
		return -ENOMEM;
	for (i = 0; i < kept->n; i++) {
		if (!kept->pool[i].conf)
			continue;
		p = &s->pools[n];
		fill_pool(p, &kept->pool[i]);
		p->backends = s->backends + used;
		p->n_backends = fill_backends(s->backends + used, p->name, set);
		used += p->n_backends;
		kept->pool[i].index = n++;
	}
	s->dp.pools = s->pools;
	s->dp.n_pools = n;
	return 0;
}

static enum dp_answers answers_of(const struct conf_service *service)
{
	switch (service->return_path) {
	case CONF_RETURN_FIB:
		return DP_ANSWERS_FIB;
	case CONF_RETURN_L2:
		return DP_ANSWERS_L2;
	case CONF_RETURN_AUTO:
		break;
	}
	return DP_ANSWERS_AUTO;
}

static int build_services(struct snapshot *s, const struct conf *conf,
			  const struct pools *pools)
{
	const struct conf_service *c;
	const struct rec_pool *pool;
	size_t i;

	s->services = calloc(conf->n_services + 1, sizeof(*s->services));
	s->service_names =
		calloc(conf->n_services + 1, sizeof(*s->service_names));
	if (!s->services || !s->service_names)
		return -ENOMEM;
	for (i = 0; i < conf->n_services; i++) {
		c = &conf->services[i];
		pool = pools_of_conf(pools, c->pool, family_of(&c->vip));
		if (!pool)
			return -EINVAL;
		snprintf(s->service_names[i], DP_NAME_SIZE, "%s/%s",
			 c->tenant->name, c->name);
		s->services[i] = (struct dp_service){
			.name = s->service_names[i],
			.vip = c->vip,
			.port = c->port,
			.proto = conf_protocol_number(c->protocol),
			.quic = c->protocol == CONF_PROTOCOL_QUIC,
			.pool = pool->index,
			.target_port = c->target_port,
			.mss = (uint16_t)c->mss,
			.answers = answers_of(c),
			.observe = is_observed(conf, c),
		};
	}
	s->dp.services = s->services;
	s->dp.n_services = (uint32_t)conf->n_services;
	return 0;
}

/* Every address of every VM that has a port on this node: where it calls VIPs
 * from. */
static int build_clients(struct snapshot *s, const struct inv *inv)
{
	const struct inv_vm *vm;
	const struct inv_nic *nic;
	size_t n = 0;
	size_t i;
	size_t k;
	size_t a;

	for (i = 0; i < inv_count(inv); i++)
		n += inv_at(inv, i)->vm->n_nics * HV_MAX_ADDRS;
	s->clients = calloc(n + 1, sizeof(*s->clients));
	if (!s->clients)
		return -ENOMEM;
	n = 0;
	for (i = 0; i < inv_count(inv); i++) {
		vm = inv_at(inv, i);
		for (k = 0; k < vm->vm->n_nics; k++) {
			nic = &vm->nics[k];
			for (a = 0; nic->ifindex && a < nic->n_addrs; a++)
				s->clients[n++] = (struct dp_client){
					.addr = nic->addrs[a].ip,
					.ifindex = nic->ifindex,
				};
		}
	}
	s->dp.clients = s->clients;
	s->dp.n_clients = (uint32_t)n;
	return 0;
}

int snapshot_build(struct snapshot *s, const struct conf *conf,
		   const struct inv *inv, struct pools *pools,
		   const struct members *members)
{
	int rc;

	snapshot_done(s);
	rc = build_vips(s, conf);
	if (!rc)
		rc = build_pools(s, pools, members);
	if (!rc)
		rc = build_services(s, conf, pools);
	if (!rc && conf->node.inside)
		rc = build_clients(s, inv);
	if (rc)
		snapshot_done(s);
	return rc;
}
