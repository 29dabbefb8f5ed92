/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Config, inventory, probes and wishes -> the desired forwarding state: what
 * becomes of each VM of each pool. Which they are is match.c's, the snapshot
 * snapshot.c's.
 */
#include "control/reconcile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/conflict.h"
#include "control/match.h"
#include "control/member.h"
#include "control/members.h"
#include "control/pools.h"
#include "control/snapshot.h"

#define NS_PER_MS 1000000ULL

/* What is shown of a drain or a panic moves on with time. */
#define SHOWN_AGAIN_NS (1000 * NS_PER_MS)

/**
 * struct rec - what is kept between runs.
 * @conf_known: @pools and @match follow from the config in force.
 */
struct rec {
	struct rec_hooks hooks;
	struct members members;
	struct pools pools;
	struct match match;
	bool conf_known;
	struct snapshot snapshot;
};

int rec_new(const struct rec_hooks *hooks, struct rec **ret_rec)
{
	struct rec *rec = calloc(1, sizeof(*rec));

	if (!rec)
		return -ENOMEM;
	rec->hooks = *hooks;
	*ret_rec = rec;
	return 0;
}

void rec_free(struct rec *rec)
{
	if (!rec)
		return;
	members_done(&rec->members);
	pools_done(&rec->pools);
	match_done(&rec->match);
	snapshot_done(&rec->snapshot);
	free(rec);
}

void rec_forget_conf(struct rec *rec)
{
	size_t i;

	for (i = 0; i < rec->members.n; i++)
		rec->members.by_id[i]->pool = NULL;
	pools_forget_conf(&rec->pools);
	rec->conf_known = false;
}

size_t rec_count(const struct rec *rec)
{
	return rec->members.n;
}

struct rec_member *rec_at(struct rec *rec, size_t i)
{
	members_sort(&rec->members);
	return rec->members.by_name[i];
}

struct rec_member *const *rec_of_vm(const struct rec *rec,
				    const uint8_t uuid[HV_UUID_SIZE],
				    size_t *ret_n)
{
	return members_of(&rec->members, uuid, ret_n);
}

struct rec_member *const *rec_in_table(struct rec *rec, const char *table,
				       size_t *ret_n)
{
	members_sort(&rec->members);
	return members_in(&rec->members, table, ret_n);
}

const struct rec_member *rec_sibling(const struct rec *rec,
				     const struct rec_member *member)
{
	char table[DP_NAME_SIZE];

	family_table(member->pool_name, family_other(member->family), table);
	return members_find(&rec->members, table, member->uuid);
}

const struct rec_pool *rec_pool(const struct rec *rec, const char *table)
{
	return pools_find(&rec->pools, table);
}

/* Another config: all VMs are matched with it anew. */
static int take_conf(struct rec *rec, const struct conf *conf)
{
	int rc;

	if (rec->conf_known)
		return 0;
	rc = pools_take_conf(&rec->pools, conf, &rec->hooks);
	if (!rc)
		rc = match_take_conf(&rec->match, &rec->members, conf);
	if (!rc)
		rec->conf_known = true;
	return rc;
}

static void take_facts(struct rec *rec, struct rec_member *m,
		       const struct inv_owner *owner,
		       const struct rec_input *in)
{
	const struct inv_vm *vm = m->vm;
	const struct rec_pool *pool = pools_find(&rec->pools, m->table);
	char name[DP_NAME_SIZE];

	m->pool = pool ? pool->conf : NULL;
	m->is_dual = m->pool && m->pool->has_v4 && m->pool->has_v6;
	if (!vm) {
		m->ifindex = 0;
	} else if (!m->located) {
		memcpy(name, m->vm_name, sizeof(name));
		member_locate(m, vm, owner->nic);
		m->located = true;
		if (strcmp(name, m->vm_name) != 0)
			rec->members.sorted = false;
	}
	member_facts(m, vm, owner, in,
		     pool && pool->conf ? pool->port_policy :
					  CONF_POLICY_BYPASS);
	if (vm && owner->owned == INV_OWNED_NOT)
		m->facts.claimed_once = true;
}

/* The inventory and members are sorted by UUID, so one walk finds each's VM. */
static void take_all_facts(struct rec *rec, const struct rec_input *in)
{
	static const struct inv_owner nobody = { .owned = INV_OWNED_NOT };
	const size_t n = inv_count(in->inv);
	struct rec_member *m;
	int order;
	size_t k = 0;
	size_t i;

	for (i = 0; i < rec->members.n; i++) {
		m = rec->members.by_vm[i];
		for (order = 1; k < n; k++) {
			order = memcmp(inv_at(in->inv, k)->uuid, m->uuid,
				       HV_UUID_SIZE);
			if (order >= 0)
				break;
		}
		m->vm = order ? NULL : inv_at(in->inv, k);
		take_facts(rec, m,
			   m->vm ? match_owner(&rec->match, k) : &nobody, in);
	}
}

/* A pool takes so many VMs: those it has, then the first by name. */
static void find_over_limit(struct rec *rec, size_t first, size_t n)
{
	uint32_t room =
		rec->members.by_name[first]->pool ?
			rec->members.by_name[first]->pool->max_backends :
			0;
	struct rec_member *m;
	int round;
	size_t i;

	for (round = 0; round < 2; round++)
		for (i = first; i < first + n; i++) {
			m = rec->members.by_name[i];
			if (!m->pool || m->as_backup ||
			    m->facts.in_tables != (round == 0) ||
			    (!m->belongs && !m->facts.in_tables))
				continue;
			m->facts.over_limit = room == 0;
			if (room)
				room--;
		}
}

static void wake_by(uint64_t *wake_ns, uint64_t at_ns)
{
	if (at_ns < *wake_ns)
		*wake_ns = at_ns;
}

/* Of a pool with two tables, which of them is meant. */
static void tell_pool(const struct rec *rec, const struct rec_pool *pool,
		      const char *what, const char *why)
{
	const struct conf_pool *conf = pool->conf;
	char text[256];

	snprintf(text, sizeof(text), "%s: %s", family_title(pool->family), why);
	rec->hooks.pool_changed(rec->hooks.arg, pool->name, what,
				conf && conf->has_v4 && conf->has_v6 ? text :
								       why);
}

static void judge_panic(struct rec *rec, struct rec_pool *pool, size_t first,
			size_t n, const struct rec_input *in, char *ret_text,
			size_t text_size, uint64_t *ret_wake_ns)
{
	const struct conf_pool *conf = rec->members.by_name[first]->pool;
	uint64_t now_ms = in->now_ns / NS_PER_MS;
	enum panic_state before = pool->panic.state;
	struct panic_tally tally = { 0 };
	uint64_t wake_ms = 0;
	bool panic;
	size_t i;

	for (i = first; i < first + n; i++)
		if (!rec->members.by_name[i]->as_backup)
			panic_count(&tally, &rec->members.by_name[i]->facts);
	panic = panic_step(&pool->panic, &tally,
			   conf ? conf->panic_threshold : 0, now_ms, &wake_ms);
	if (wake_ms)
		wake_by(ret_wake_ns, wake_ms * NS_PER_MS);
	if (pool->panic.state != PANIC_CALM)
		wake_by(ret_wake_ns, in->now_ns + SHOWN_AGAIN_NS);
	panic_print(&pool->panic, now_ms, ret_text, text_size);
	for (i = first; i < first + n; i++)
		rec->members.by_name[i]->facts.panic =
			panic && !rec->members.by_name[i]->as_backup;
	if ((before == PANIC_CALM) != (pool->panic.state == PANIC_CALM))
		tell_pool(rec, pool, panic ? "panic" : "panic_over",
			  panic ? ret_text : "enough VMs are healthy again");
}

/* How the drain of the VM stands in all tables of the pool. */
static enum rec_drain whole_drain(const struct rec *rec,
				  const struct rec_member *m)
{
	const struct rec_member *other = NULL;

	/*
	 * Asked twice for each member of each run: not looked for in vain. And one
	 * whose drain was taken back may be judged before its sibling.
	 */
	if (m->is_dual && m->drain != REC_DRAIN_NONE)
		other = rec_sibling(rec, m);
	return other ? rec_drain_join(m->drain, other->drain) : m->drain;
}

/* A word for what a member has become. */
static const char *member_word(const struct rec_member *m, enum rec_drain whole)
{
	if (whole == REC_DRAINED || whole == REC_DRAIN_QUIET ||
	    whole == REC_DRAIN_DEADLINE)
		return rec_drain_name(whole);
	return vm_verdict_name(m->answer.verdict);
}

static void judge_member(struct rec *rec, struct rec_member *m,
			 const struct rec_input *in, const char *panic_text,
			 bool alone, uint64_t *ret_wake_ns)
{
	const struct inv_vm *vm = m->vm;
	struct verdict_answer before = m->answer;
	enum rec_drain drain = whole_drain(rec, m);
	enum rec_drain now;

	/* While it moves between hosts nothing about it is news. */
	if (vm && vm->migrating && before.reason != VERDICT_N_REASONS)
		return;
	member_judge(m, vm, in, panic_text);
	member_weight(m, vm, in, alone, ret_wake_ns);
	if (m->drain == REC_DRAINING)
		wake_by(ret_wake_ns, in->now_ns + SHOWN_AGAIN_NS);
	now = whole_drain(rec, m);
	if (before.verdict != m->answer.verdict ||
	    before.reason != m->answer.reason || drain != now)
		rec->hooks.changed(rec->hooks.arg, m, member_word(m, now));
}

/*
 * Does a pool need its backup? Its own VMs have been judged. While the backup
 * serves it goes on until one of them is ready for slots: a port learns first.
 */
static bool needs_backup(struct rec_member *const *members, size_t n)
{
	bool backup_serves = false;
	bool own_serves = false;
	bool own_ready = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (members[i]->as_backup) {
			backup_serves |= members[i]->in_tables &&
					 members[i]->status.slots_current;
			continue;
		}
		if (members[i]->role != DP_SERVING || !members[i]->publish ||
		    !members[i]->weight)
			continue;
		own_serves = true;
		own_ready |= members[i]->in_tables &&
			     members[i]->status.learned;
	}
	return backup_serves ? !own_ready : !own_serves;
}

static void judge_backup(struct rec *rec, struct rec_pool *pool,
			 struct rec_member *const *members, size_t n,
			 const struct rec_input *in, uint64_t *ret_wake_ns)
{
	bool needed = needs_backup(members, n);
	size_t n_serving = 0;
	char text[80];
	size_t i;

	for (i = 0; i < n; i++) {
		if (!members[i]->as_backup)
			continue;
		members[i]->facts.standby = !needed;
		judge_member(rec, members[i], in, NULL, true, ret_wake_ns);
		n_serving += members[i]->role == DP_SERVING;
	}
	needed = needed && n_serving > 0;
	if (!pool || pool->on_backup == needed)
		return;
	pool->on_backup = needed;
	snprintf(text, sizeof(text), "none of its VMs serves, %zu of %s do",
		 n_serving,
		 pool->conf && pool->conf->backup ? pool->conf->backup->name :
						    "its backup");
	tell_pool(rec, pool, needed ? "backup" : "backup_over",
		  needed ? text : "its own VMs serve again");
}

static void judge_pool(struct rec *rec, size_t first, size_t n,
		       const struct rec_input *in, uint64_t *ret_wake_ns)
{
	struct rec_member *const *members = rec->members.by_name + first;
	struct rec_pool *pool = pools_find(&rec->pools, members[0]->table);
	char panic_text[160] = "";
	size_t n_serving = 0;
	size_t i;

	find_over_limit(rec, first, n);
	if (pool)
		judge_panic(rec, pool, first, n, in, panic_text,
			    sizeof(panic_text), ret_wake_ns);
	for (i = 0; i < n; i++)
		n_serving += !members[i]->as_backup &&
			     members[i]->serving_since_ns != 0;
	for (i = 0; i < n; i++)
		if (!members[i]->as_backup)
			judge_member(rec, members[i], in, panic_text,
				     n_serving == 0, ret_wake_ns);
	judge_backup(rec, pool, members, n, in, ret_wake_ns);
}

/* Forget who neither belongs to its pool nor has a flow left. */
static bool stays(void *arg, struct rec_member *m)
{
	struct rec *rec = arg;

	if (m->belongs || m->facts.in_tables)
		return true;
	rec->hooks.leaving(rec->hooks.arg, m);
	return false;
}

int rec_run(struct rec *rec, const struct rec_input *in,
	    const struct dp_snapshot **ret_snapshot, uint64_t *ret_wake_ns)
{
	struct rec_member **const *members = &rec->members.by_name;
	uint64_t wake_ns = UINT64_MAX;
	size_t first;
	size_t i;
	int rc;

	rc = take_conf(rec, in->conf);
	if (!rc)
		rc = match_vms(&rec->match, &rec->members, &rec->pools,
			       in->conf, in->inv);
	if (rc)
		return rc;
	take_all_facts(rec, in);
	members_sort(&rec->members);
	conflict_find(rec, &rec->members, in->conf);
	for (first = 0; first < rec->members.n; first = i) {
		for (i = first + 1;
		     i < rec->members.n &&
		     !strcmp((*members)[i]->table, (*members)[first]->table);)
			i++;
		judge_pool(rec, first, i - first, in, &wake_ns);
	}
	members_keep(&rec->members, stays, rec);
	rc = snapshot_build(&rec->snapshot, in->conf, in->inv, &rec->pools,
			    &rec->members);
	if (rc)
		return rc;
	*ret_snapshot = &rec->snapshot.dp;
	*ret_wake_ns = wake_ns;
	return 0;
}

/* Is it another answer to what members are judged by? */
static bool says_otherwise(const struct rec_member *m,
			   const struct dp_backend_status *now)
{
	const struct dp_backend_status *before = &m->status;

	return !m->in_tables || member_is_used(before) != member_is_used(now) ||
	       before->attached != now->attached ||
	       before->learned != now->learned ||
	       before->attach_error != now->attach_error ||
	       before->ifindex != now->ifindex ||
	       memcmp(&before->addr, &now->addr, sizeof(now->addr)) != 0;
}

bool rec_take_status(struct rec *rec, const struct dp_status *status)
{
	const struct dp_backend_status *b;
	struct rec_member *m;
	bool changed = false;
	size_t i;

	for (i = 0; i < rec->members.n; i++)
		rec->members.by_id[i]->is_named = false;
	for (i = 0; i < status->n_backends; i++) {
		b = &status->backends[i];
		m = members_find(&rec->members, b->pool, b->uuid);
		if (!m && members_add(&rec->members, b->pool, b->uuid, &m))
			return true;
		if (!m->vm_name[0]) {
			snprintf(m->vm_name, sizeof(m->vm_name), "%s", b->name);
			rec->members.sorted = false;
		}
		changed = changed || says_otherwise(m, b);
		m->status = *b;
		m->is_named = true;
	}
	for (i = 0; i < rec->members.n; i++) {
		m = rec->members.by_id[i];
		changed = changed || m->in_tables != m->is_named;
		m->in_tables = m->is_named;
	}
	return changed;
}

void rec_take_probe(struct rec *rec, uint64_t id,
		    const struct health_status *status)
{
	struct rec_member *m = members_numbered(&rec->members, id);

	if (m)
		m->probe = *status;
}

enum rec_drain rec_drain_join(enum rec_drain a, enum rec_drain b)
{
	/* What is worst of the two is true of the whole. */
	static const enum rec_drain worst_first[] = {
		REC_DRAINING,
		REC_DRAIN_DEADLINE,
		REC_DRAIN_QUIET,
		REC_DRAINED,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(worst_first); i++)
		if (a == worst_first[i] || b == worst_first[i])
			return worst_first[i];
	return REC_DRAIN_NONE;
}

const char *rec_drain_name(enum rec_drain drain)
{
	static const char *const names[] = { "none", "draining", "drained",
					     "quiet", "deadline" };

	_Static_assert(ARRAY_SIZE(names) == REC_N_DRAINS, "a name for each");
	return drain < REC_N_DRAINS ? names[drain] : "?";
}
