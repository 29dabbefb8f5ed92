/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which VM is in which pool, by tenants' rules, selectors and lists.
 */
#include "control/match.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct seen - a VM as of the last run, so that only what changed is matched
 * with tenants and selectors again.
 * @uuid: which.
 * @generation, @read_ns: of inv_vm and its hv_vm, as they were.
 * @owner: whose it is.
 */
struct seen {
	uint8_t uuid[HV_UUID_SIZE];
	uint64_t generation;
	uint64_t read_ns;
	struct inv_owner owner;
};

void match_done(struct match *match)
{
	free(match->claims);
	free(match->seen);
}

static int take_claims(struct match *match, const struct conf *conf)
{
	struct inv_claim *claims = calloc(conf->n_tenants + 1, sizeof(*claims));
	const struct conf_tenant *t;
	size_t i;

	if (!claims)
		return -ENOMEM;
	for (i = 0; i < conf->n_tenants; i++) {
		t = &conf->tenants[i];
		claims[i] = (struct inv_claim){
			.tenant = t->name,
			.networks = t->networks.text,
			.n_networks = t->networks.n,
			.names = t->names.text,
			.n_names = t->names.n,
			.hypervisors = t->hypervisors.text,
			.n_hypervisors = t->hypervisors.n,
			.metadata = t->metadata.n ? &t->metadata : NULL,
		};
	}
	free(match->claims);
	match->claims = claims;
	return 0;
}

int match_take_conf(struct match *match, struct members *members,
		    const struct conf *conf)
{
	int rc = take_claims(match, conf);
	size_t i;

	if (rc)
		return rc;
	for (i = 0; i < members->n; i++)
		members->by_id[i]->belongs = false;
	match->n_seen = 0;
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
	const char *networks[2 * HV_MAX_NICS];
	struct select_tag tags[HV_MAX_TAGS];
	const struct select_vm view = {
		.name = vm->vm->name,
		.hypervisor = vm->hv->name,
		.networks = networks,
		.n_networks = 2 * vm->vm->n_nics,
		.tags = tags,
		.n_tags = vm->vm->n_tags,
	};
	size_t i;

	if (!pool->n_select)
		return named_member(pool, vm);
	for (i = 0; i < vm->vm->n_tags; i++) {
		tags[i].name = vm->vm->tags[i].name;
		tags[i].value = vm->vm->tags[i].value;
	}
	for (i = 0; i < vm->vm->n_nics; i++) {
		networks[2 * i] = vm->vm->nics[i].network;
		networks[2 * i + 1] = vm->vm->nics[i].bridge;
	}
	return selector_match(pool->select, pool->n_select, &view);
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

/* Into each table of the pool. */
static int join_pool(struct members *members, const struct pools *pools,
		     const struct conf_pool *pool, const struct inv_vm *vm,
		     bool as_backup)
{
	const struct rec_pool *kept;
	struct rec_member *m;
	int family;
	int rc;

	for (family = 0; family < N_FAMILIES; family++) {
		if (!pools_has(pool, (enum family)family))
			continue;
		kept = pools_of_conf(pools, pool, (enum family)family);
		if (!kept)
			return -EINVAL;
		m = members_find(members, kept->table, vm->uuid);
		rc = m ? 0 : members_add(members, kept->table, vm->uuid, &m);
		if (rc)
			return rc;
		m->belongs = true;
		m->as_backup = as_backup;
	}
	return 0;
}

/* It is in no pool, unless it turns out to be. */
static void forget_vm(struct members *members, const uint8_t uuid[HV_UUID_SIZE])
{
	struct rec_member *const *of_vm;
	size_t n;
	size_t i;

	of_vm = members_of(members, uuid, &n);
	for (i = 0; i < n; i++) {
		of_vm[i]->belongs = false;
		of_vm[i]->located = false;
	}
}

/* Put a VM that is new or has changed into the pools that take it. */
static int match_vm(struct members *members, const struct pools *pools,
		    const struct conf *conf, const struct inv_vm *vm,
		    const struct inv_owner *owner)
{
	const struct conf_pool *pool;
	bool own;
	size_t i;
	int rc;

	forget_vm(members, vm->uuid);
	for (i = 0; i < conf->n_pools; i++) {
		pool = &conf->pools[i];
		own = belongs(conf, pool, vm, owner);
		if (!own &&
		    (!pool->backup || !belongs(conf, pool->backup, vm, owner)))
			continue;
		rc = join_pool(members, pools, pool, vm, !own);
		if (rc)
			return rc;
	}
	return 0;
}

/* As it was seen: then all that follows from it stands. */
static bool is_as_seen(const struct seen *seen, const struct inv_vm *vm)
{
	return seen->generation == vm->generation &&
	       seen->read_ns == vm->vm->read_ns;
}

/*
 * Match what changed in the inventory. Both lists are sorted by UUID: one walk
 * finds who is new, who changed and who is gone.
 */
int match_vms(struct match *match, struct members *members,
	      const struct pools *pools, const struct conf *conf,
	      const struct inv *inv)
{
	const size_t n = inv_count(inv);
	struct seen *now = calloc(n + 1, sizeof(*now));
	const struct seen *before;
	const struct inv_vm *vm;
	size_t k = 0;
	size_t i;
	int rc = 0;

	if (!now)
		return -ENOMEM;
	for (i = 0; !rc && i < n; i++) {
		vm = inv_at(inv, i);
		while (k < match->n_seen &&
		       memcmp(match->seen[k].uuid, vm->uuid, HV_UUID_SIZE) < 0)
			forget_vm(members, match->seen[k++].uuid);
		before = k < match->n_seen && !memcmp(match->seen[k].uuid,
						      vm->uuid, HV_UUID_SIZE) ?
				 &match->seen[k++] :
				 NULL;
		memcpy(now[i].uuid, vm->uuid, HV_UUID_SIZE);
		now[i].generation = vm->generation;
		now[i].read_ns = vm->vm->read_ns;
		if (before && is_as_seen(before, vm)) {
			now[i].owner = before->owner;
			continue;
		}
		now[i].owner = inv_own(vm->hv->name, vm->vm, match->claims,
				       conf->n_tenants);
		rc = match_vm(members, pools, conf, vm, &now[i].owner);
	}
	if (rc) {
		match->n_seen = 0; /* then all of them are matched again */
		free(now);
		return rc;
	}
	while (k < match->n_seen)
		forget_vm(members, match->seen[k++].uuid);
	free(match->seen);
	match->seen = now;
	match->n_seen = n;
	return 0;
}

const struct inv_owner *match_owner(const struct match *match, size_t i)
{
	return &match->seen[i].owner;
}
