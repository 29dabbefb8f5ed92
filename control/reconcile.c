/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Config, inventory, probes and wishes -> the desired forwarding state: which
 * VM is in which pool, and what becomes of it. The snapshot is snapshot.c's.
 */
#include "control/reconcile.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/member.h"
#include "control/snapshot.h"

#define NS_PER_MS 1000000ULL

struct rec {
	struct rec_hooks hooks;
	struct rec_member **members; /* by pool and name */
	size_t n_members;
	size_t size;
	struct rec_pool *pools;
	size_t n_pools;
	uint64_t next_id;
	struct snapshot snapshot;
};

/* One run's view of the VMs: whose each is. */
struct owners {
	struct inv_claim *claims;
	size_t n_claims;
	struct inv_owner *owner; /* by index in the inventory */
};

int rec_new(const struct rec_hooks *hooks, struct rec **ret_rec)
{
	struct rec *rec = calloc(1, sizeof(*rec));

	if (!rec)
		return -ENOMEM;
	rec->hooks = *hooks;
	rec->next_id = 1;
	*ret_rec = rec;
	return 0;
}

void rec_free(struct rec *rec)
{
	size_t i;

	if (!rec)
		return;
	for (i = 0; i < rec->n_members; i++)
		free(rec->members[i]);
	free(rec->members);
	free(rec->pools);
	snapshot_done(&rec->snapshot);
	free(rec);
}

void rec_forget_conf(struct rec *rec)
{
	size_t i;

	for (i = 0; i < rec->n_members; i++)
		rec->members[i]->pool = NULL;
}

size_t rec_count(const struct rec *rec)
{
	return rec->n_members;
}

struct rec_member *rec_at(struct rec *rec, size_t i)
{
	return rec->members[i];
}

const struct rec_pool *rec_pool(const struct rec *rec, const char *name)
{
	size_t i;

	for (i = 0; i < rec->n_pools; i++)
		if (!strcmp(rec->pools[i].name, name))
			return &rec->pools[i];
	return NULL;
}

static struct rec_member *find_member(const struct rec *rec, const char *pool,
				      const uint8_t uuid[HV_UUID_SIZE])
{
	struct rec_member *m;
	size_t i;

	for (i = 0; i < rec->n_members; i++) {
		m = rec->members[i];
		if (!memcmp(m->uuid, uuid, HV_UUID_SIZE) &&
		    !strcmp(m->pool_name, pool))
			return m;
	}
	return NULL;
}

static int add_member(struct rec *rec, const char *pool,
		      const uint8_t uuid[HV_UUID_SIZE],
		      struct rec_member **ret_member)
{
	struct rec_member **members = rec->members;
	struct rec_member *m;
	size_t size;

	if (rec->n_members == rec->size) {
		size = rec->size ? rec->size * 2 : 32;
		members = realloc(members, size * sizeof(struct rec_member *));
		if (!members)
			return -ENOMEM;
		rec->members = members;
		rec->size = size;
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->id = rec->next_id++;
	memcpy(m->uuid, uuid, HV_UUID_SIZE);
	snprintf(m->pool_name, sizeof(m->pool_name), "%s", pool);
	m->answer.verdict = VERDICT_WAITING;
	m->answer.reason = VERDICT_N_REASONS;
	rec->members[rec->n_members++] = m;
	*ret_member = m;
	return 0;
}

static void pool_name(const struct conf_pool *pool, char buf[DP_NAME_SIZE])
{
	snprintf(buf, DP_NAME_SIZE, "%s/%s", pool->tenant->name, pool->name);
}

static int keep_pool(struct rec *rec, const char *name)
{
	struct rec_pool pool = { 0 };
	struct rec_pool *pools;
	int rc;

	if (rec_pool(rec, name))
		return 0;
	snprintf(pool.name, sizeof(pool.name), "%s", name);
	rc = rec->hooks.seed(rec->hooks.arg, name, &pool.seed);
	if (rc)
		return rc;
	pools = realloc(rec->pools, (rec->n_pools + 1) * sizeof(*pools));
	if (!pools)
		return -ENOMEM;
	rec->pools = pools;
	rec->pools[rec->n_pools++] = pool;
	return 0;
}

static void owners_done(struct owners *o)
{
	free(o->claims);
	free(o->owner);
}

/* Whose each VM is; tags have no say in it. */
static int owners_find(struct owners *o, const struct rec_input *in)
{
	const struct conf_tenant *t;
	const struct inv_vm *vm;
	size_t n = inv_count(in->inv);
	size_t i;

	o->n_claims = in->conf->n_tenants;
	o->claims = calloc(o->n_claims + 1, sizeof(*o->claims));
	o->owner = calloc(n + 1, sizeof(*o->owner));
	if (!o->claims || !o->owner)
		return -ENOMEM;
	for (i = 0; i < o->n_claims; i++) {
		t = &in->conf->tenants[i];
		o->claims[i] = (struct inv_claim){
			.tenant = t->name,
			.networks = t->networks.text,
			.n_networks = t->networks.n,
			.vm_names = t->vm_names,
			.hypervisors = t->hypervisors.text,
			.n_hypervisors = t->hypervisors.n,
		};
	}
	for (i = 0; i < n; i++) {
		vm = inv_at(in->inv, i);
		o->owner[i] =
			inv_own(vm->hv->name, vm->vm, o->claims, o->n_claims);
	}
	return 0;
}

static bool named_member(const struct conf_pool *pool, const struct inv_vm *vm)
{
	char full[DP_NAME_SIZE];
	size_t i;

	snprintf(full, sizeof(full), "%s/%s", vm->hv->name, vm->vm->name);
	for (i = 0; i < pool->members.n; i++)
		if (!strcmp(pool->members.text[i], full) ||
		    !strcmp(pool->members.text[i], vm->vm->name))
			return true;
	return false;
}

static bool selected(const struct conf_pool *pool, const struct inv_vm *vm)
{
	struct select_tag tags[HV_MAX_TAGS];
	size_t i;

	if (!pool->n_select)
		return named_member(pool, vm);
	for (i = 0; i < vm->vm->n_tags; i++) {
		tags[i].name = vm->vm->tags[i].name;
		tags[i].value = vm->vm->tags[i].value;
	}
	return selector_match(pool->select, pool->n_select, tags,
			      vm->vm->n_tags);
}

/* Is the VM in this pool? Two tenants' VM stays a member, to say why not. */
static bool belongs(const struct conf *conf, const struct conf_pool *pool,
		    const struct inv_vm *vm, const struct inv_owner *owner)
{
	const struct conf_tenant *first = NULL;
	const struct conf_tenant *second = NULL;

	if (owner->owned == INV_OWNED_NOT)
		return false;
	first = &conf->tenants[owner->claim];
	if (owner->owned == INV_OWNED_TWICE)
		second = &conf->tenants[owner->other];
	if (pool->tenant != first && pool->tenant != second)
		return false;
	return selected(pool, vm);
}

/* Find the members of one pool, new ones included. */
static int walk_pool(struct rec *rec, const struct rec_input *in,
		     const struct conf_pool *pool, const struct owners *owners)
{
	char name[DP_NAME_SIZE];
	const struct inv_vm *vm;
	struct rec_member *m;
	size_t i;
	int rc;

	pool_name(pool, name);
	rc = keep_pool(rec, name);
	/* Also of those whose VM nobody knows any more. */
	for (i = 0; i < rec->n_members; i++)
		if (!strcmp(rec->members[i]->pool_name, name))
			rec->members[i]->pool = pool;
	for (i = 0; !rc && i < inv_count(in->inv); i++) {
		vm = inv_at(in->inv, i);
		m = find_member(rec, name, vm->uuid);
		if (!belongs(in->conf, pool, vm, &owners->owner[i]))
			continue;
		if (!m)
			rc = add_member(rec, name, vm->uuid, &m);
		if (rc)
			break;
		m->pool = pool;
		m->belongs = true;
	}
	return rc;
}

static int by_pool_and_name(const void *a, const void *b)
{
	const struct rec_member *ma = *(struct rec_member *const *)a;
	const struct rec_member *mb = *(struct rec_member *const *)b;
	int order = strcmp(ma->pool_name, mb->pool_name);

	return order ? order : strcmp(ma->vm_name, mb->vm_name);
}

/* Does any service of the member's pool refuse ports that the host filters? */
static bool refuses_port(const struct rec_member *m, const struct conf *conf)
{
	size_t i;

	for (i = 0; i < conf->n_services; i++)
		if (conf->services[i].pool == m->pool &&
		    conf->services[i].on_port_policy == CONF_POLICY_REFUSE)
			return true;
	return false;
}

/* Do services of the two pools use one port of a VM? */
static bool share_port(const struct conf *conf, const struct conf_pool *a,
		       const struct conf_pool *b)
{
	const struct conf_service *s = conf->services;
	size_t i;
	size_t k;

	for (i = 0; i < conf->n_services; i++)
		for (k = 0; s[i].pool == a && k < conf->n_services; k++)
			if (s[k].pool == b &&
			    s[i].target_port == s[k].target_port &&
			    s[i].protocol == s[k].protocol)
				return true;
	return false;
}

/* Who was there first keeps the port; among new ones the first by name. */
static void find_conflicts(struct rec *rec, const struct conf *conf)
{
	struct rec_member *a;
	struct rec_member *b;
	size_t i;
	size_t k;

	for (i = 0; i < rec->n_members; i++) {
		a = rec->members[i];
		for (k = i + 1; a->pool && k < rec->n_members; k++) {
			b = rec->members[k];
			if (!b->pool || b->pool == a->pool ||
			    memcmp(a->uuid, b->uuid, HV_UUID_SIZE) != 0 ||
			    !share_port(conf, a->pool, b->pool))
				continue;
			if (b->facts.in_tables && !a->facts.in_tables)
				a->facts.conflict = true;
			else
				b->facts.conflict = true;
		}
	}
}

/* A pool takes so many VMs: those it has, then the first by name. */
static void find_over_limit(struct rec *rec, size_t first, size_t n)
{
	uint32_t room = rec->members[first]->pool ?
				rec->members[first]->pool->max_backends :
				0;
	struct rec_member *m;
	int round;
	size_t i;

	for (round = 0; round < 2; round++)
		for (i = first; i < first + n; i++) {
			m = rec->members[i];
			if (!m->pool || m->facts.in_tables != (round == 0) ||
			    (!m->belongs && !m->facts.in_tables))
				continue;
			m->facts.over_limit = room == 0;
			if (room)
				room--;
		}
}

/* Facts of all members, each for itself. */
static void take_facts(struct rec *rec, const struct rec_input *in,
		       const struct owners *owners)
{
	static const struct inv_owner nobody = { .owned = INV_OWNED_NOT };
	const struct inv_owner *owner;
	const struct inv_vm *vm;
	struct rec_member *m;
	size_t i;
	size_t k;

	for (i = 0; i < rec->n_members; i++) {
		m = rec->members[i];
		vm = inv_get(in->inv, m->uuid);
		owner = &nobody;
		for (k = 0; vm && k < inv_count(in->inv); k++)
			if (inv_at(in->inv, k) == vm)
				owner = &owners->owner[k];
		if (vm)
			member_locate(m, vm, owner->nic);
		else
			m->ifindex = 0;
		member_facts(m, vm, owner, in, refuses_port(m, in->conf));
		if (vm && owner->owned == INV_OWNED_NOT)
			m->facts.claimed_once = true;
	}
	if (rec->n_members > 0)
		qsort(rec->members, rec->n_members, sizeof(struct rec_member *),
		      by_pool_and_name);
}

static void judge_panic(struct rec *rec, struct rec_pool *pool, size_t first,
			size_t n, const struct rec_input *in, char *ret_text,
			size_t text_size, uint64_t *ret_wake_ns)
{
	const struct conf_pool *conf = rec->members[first]->pool;
	uint64_t now_ms = in->now_ns / NS_PER_MS;
	enum panic_state before = pool->panic.state;
	struct panic_tally tally = { 0 };
	uint64_t wake_ms = 0;
	bool panic;
	size_t i;

	for (i = first; i < first + n; i++)
		panic_count(&tally, &rec->members[i]->facts);
	panic = panic_step(&pool->panic, &tally,
			   conf ? conf->panic_threshold : 0, now_ms, &wake_ms);
	if (wake_ms && wake_ms * NS_PER_MS < *ret_wake_ns)
		*ret_wake_ns = wake_ms * NS_PER_MS;
	panic_print(&pool->panic, now_ms, ret_text, text_size);
	for (i = first; i < first + n; i++)
		rec->members[i]->facts.panic = panic;
	if ((before == PANIC_CALM) != (pool->panic.state == PANIC_CALM))
		rec->hooks.pool_changed(rec->hooks.arg, pool->name,
					panic ? "panic" : "panic_over",
					panic ? ret_text :
						"enough VMs are healthy again");
}

/* A word for what a member has become. */
static const char *member_word(const struct rec_member *m)
{
	if (m->drain == REC_DRAINED || m->drain == REC_DRAIN_QUIET ||
	    m->drain == REC_DRAIN_DEADLINE)
		return rec_drain_name(m->drain);
	return vm_verdict_name(m->answer.verdict);
}

static void judge_member(struct rec *rec, struct rec_member *m,
			 const struct rec_input *in, const char *panic_text,
			 bool alone, uint64_t *ret_wake_ns)
{
	const struct inv_vm *vm = inv_get(in->inv, m->uuid);
	struct verdict_answer before = m->answer;
	enum rec_drain drain = m->drain;

	/* While it moves between hosts nothing about it is news. */
	if (vm && vm->migrating && before.reason != VERDICT_N_REASONS)
		return;
	member_judge(m, vm, in, panic_text);
	member_weight(m, vm, alone, in->now_ns, ret_wake_ns);
	if (before.verdict != m->answer.verdict ||
	    before.reason != m->answer.reason || drain != m->drain)
		rec->hooks.changed(rec->hooks.arg, m, member_word(m));
}

static void judge_pool(struct rec *rec, size_t first, size_t n,
		       const struct rec_input *in, uint64_t *ret_wake_ns)
{
	char panic_text[160] = "";
	struct rec_pool *pool = NULL;
	size_t n_serving = 0;
	size_t i;

	find_over_limit(rec, first, n);
	for (i = 0; i < rec->n_pools; i++)
		if (!strcmp(rec->pools[i].name, rec->members[first]->pool_name))
			pool = &rec->pools[i];
	if (pool)
		judge_panic(rec, pool, first, n, in, panic_text,
			    sizeof(panic_text), ret_wake_ns);
	for (i = first; i < first + n; i++)
		n_serving += rec->members[i]->serving_since_ns != 0;
	for (i = first; i < first + n; i++)
		judge_member(rec, rec->members[i], in, panic_text,
			     n_serving == 0, ret_wake_ns);
}

/* Forget who neither belongs to its pool nor has a flow left. */
static void sweep_members(struct rec *rec)
{
	struct rec_member *m;
	size_t kept = 0;
	size_t i;

	for (i = 0; i < rec->n_members; i++) {
		m = rec->members[i];
		if (!m->belongs && !m->facts.in_tables) {
			rec->hooks.leaving(rec->hooks.arg, m);
			free(m);
			continue;
		}
		rec->members[kept++] = m;
	}
	rec->n_members = kept;
}

static int run(struct rec *rec, const struct rec_input *in,
	       const struct owners *owners, uint64_t *ret_wake_ns)
{
	size_t first;
	size_t i;
	int rc = 0;

	for (i = 0; i < rec->n_members; i++) {
		rec->members[i]->belongs = false;
		rec->members[i]->pool = NULL;
	}
	for (i = 0; !rc && i < in->conf->n_pools; i++)
		rc = walk_pool(rec, in, &in->conf->pools[i], owners);
	if (rc)
		return rc;
	take_facts(rec, in, owners);
	find_conflicts(rec, in->conf);
	for (first = 0; first < rec->n_members; first = i) {
		for (i = first; i < rec->n_members &&
				!strcmp(rec->members[i]->pool_name,
					rec->members[first]->pool_name);)
			i++;
		judge_pool(rec, first, i - first, in, ret_wake_ns);
	}
	sweep_members(rec);
	return snapshot_build(&rec->snapshot, in->conf, rec->pools,
			      rec->n_pools, rec->members, rec->n_members);
}

int rec_run(struct rec *rec, const struct rec_input *in,
	    const struct dp_snapshot **ret_snapshot, uint64_t *ret_wake_ns)
{
	struct owners owners = { 0 };
	uint64_t wake_ns = UINT64_MAX;
	int rc;

	rc = owners_find(&owners, in);
	if (!rc)
		rc = run(rec, in, &owners, &wake_ns);
	owners_done(&owners);
	if (rc)
		return rc;
	*ret_snapshot = &rec->snapshot.dp;
	*ret_wake_ns = wake_ns;
	return 0;
}

void rec_take_status(struct rec *rec, const struct dp_status *status)
{
	const struct dp_backend_status *b;
	struct rec_member *m;
	size_t i;

	for (i = 0; i < rec->n_members; i++)
		rec->members[i]->in_tables = false;
	for (i = 0; i < status->n_backends; i++) {
		b = &status->backends[i];
		m = find_member(rec, b->pool, b->uuid);
		if (!m && add_member(rec, b->pool, b->uuid, &m))
			return;
		if (!m->vm_name[0])
			snprintf(m->vm_name, sizeof(m->vm_name), "%s", b->name);
		m->status = *b;
		m->in_tables = true;
	}
}

void rec_take_probe(struct rec *rec, uint64_t id,
		    const struct health_status *status)
{
	size_t i;

	for (i = 0; i < rec->n_members; i++)
		if (rec->members[i]->id == id)
			rec->members[i]->probe = *status;
}

const char *rec_drain_name(enum rec_drain drain)
{
	static const char *const names[] = { "none", "draining", "drained",
					     "quiet", "deadline" };

	_Static_assert(ARRAY_SIZE(names) == REC_N_DRAINS, "a name for each");
	return drain < REC_N_DRAINS ? names[drain] : "?";
}
