/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Config, inventory, probes and wishes -> the desired forwarding state.
 *
 * The one place where what config/, health/ and hypervisors say meets what the
 * data plane is told. Pure: it reads its inputs, keeps its members, and hands
 * out a snapshot; who does I/O with it is daemon.c's business.
 *
 * DOC: members
 *
 * A member is a VM in a pool. It exists while the config and the VM's tags say
 * so, and after that until its flows are over. rec_run() looks whose the VMs
 * are that changed since the last run, decides about each member
 * (health/verdict.h) and remembers what it said, so that changes can be told
 * with their reasons.
 *
 * DOC: families
 *
 * A pool whose services are of IPv4 and IPv6 is two tables in the data plane
 * (family.h), and here two of all that follows from a table: a struct rec_pool
 * each, and of each VM a member each, with an address, probes, a verdict and
 * slots of its own. So a VM that has no IPv6 address, or none that answers, is
 * missing there and nowhere else. Settings, wishes and names are the pool's; who
 * shows something to people joins the two (rec_sibling()).
 *
 * DOC: conflicts
 *
 * From one port of an address of a VM one service can answer. When tags put a VM into two
 * pools whose services use the same port, the pool that has it keeps it; if
 * neither has, the one whose service is first by name gets it. In the other
 * the VM waits, with the reason `conflict`, until the port is free.
 */
#ifndef CONTROL_RECONCILE_H
#define CONTROL_RECONCILE_H

#include "config/config.h"
#include "control/family.h"
#include "control/inventory.h"
#include "control/wishes.h"
#include "dataplane/dataplane.h"
#include "health/panic.h"
#include "health/verdict.h"

#define REC_WHY_SIZE	  320
#define REC_CONFLICT_SIZE (DP_NAME_SIZE + 32)
#define REC_RULES_SIZE	  96

/* How an operator's drain of a member stands. */
enum rec_drain {
	REC_DRAIN_NONE,
	REC_DRAINING,
	REC_DRAINED, /* no packet of a balanced flow can reach it any more */
	REC_DRAIN_QUIET,    /* nothing seen for quiet_after: taken as drained */
	REC_DRAIN_DEADLINE, /* flows were left */
	REC_N_DRAINS,
};

/* Who says what weight a member has. */
enum rec_weight_from {
	REC_WEIGHT_POOL, /* the pool's config */
	REC_WEIGHT_TAG,
	REC_WEIGHT_OPERATOR,
	REC_N_WEIGHTS_FROM,
};

/**
 * struct rec_way - how its probes get to a VM; way.h decides.
 * @is_there: they do; else @trouble may say why not.
 * @by_path: over the data path.
 * @at: where a probe connects to; @device: the interface, "" = as routes say.
 */
struct rec_way {
	bool is_there;
	const char *trouble;
	bool by_path;
	struct ip_addr at;
	char device[DP_IFNAME_SIZE];
};

/**
 * struct rec_member - a VM in a pool, by the addresses of one family.
 * @pool: of the config in force; NULL: the pool is no longer configured, or has
 *        no service of this family.
 * @pool_name: "tenant/pool".
 * @family: of its address; @table: what the table is called where it stands.
 * @is_dual: its pool has tables of both.
 * @uuid: the VM; @vm: it in the inventory, NULL if it isn't there; while
 *        rec_run() runs.
 * @id: number of its health target; never used again.
 * @belongs: config and tags still put it in the pool.
 * @as_backup: as a VM of the pool's backup, not as one of its own.
 * @located: @vm_name and where it is are as the inventory has them.
 * @is_named: by the status that is being taken. @leaves: members.c's.
 * @asks_ports, @has_ports: conflict.c's.
 * @conflict: who has its port, in words, if @facts say that somebody has.
 * @claim: which tenants claim it, in words, if @facts say that two do.
 * @vm_name: "hypervisor/name".
 * @stack: its port has rules of the host's own, and it is served through them.
 * @rules: those rules, in words, if they are what keeps it out.
 * @addr, @mac, @ifname, @ifindex: where it is; @has_addr and @ifindex say
 *                                 whether.
 * @way: how probes get to it.
 * @probe: what probes say; @has_target: it is probed, at @target_addr, by
 *         @target_way.
 * @status: how it stands in the tables, as of the last look; @in_tables: it
 *          has a backend number there.
 * @facts, @answer, @why: what was judged, the answer, its reason in words.
 * @publish: it is in the snapshot, in @role, with @weight.
 * @wanted_weight: when slow start is over, in the units of the config;
 * @weight_from: who says so.
 * @serving_since_ns: for slow start; 0 = not serving. @full_weight: it is over.
 * @drain: how its drain stands; @drain_left_ms: to the deadline.
 */
struct rec_member {
	const struct conf_pool *pool;
	char pool_name[DP_NAME_SIZE];
	enum family family;
	char table[DP_NAME_SIZE];
	bool is_dual;
	uint8_t uuid[HV_UUID_SIZE];
	const struct inv_vm *vm;
	uint64_t id;
	bool belongs;
	bool as_backup;
	bool located;
	bool is_named;
	bool leaves;
	bool asks_ports;
	bool has_ports;
	char conflict[REC_CONFLICT_SIZE];
	char claim[REC_CONFLICT_SIZE];
	char vm_name[DP_NAME_SIZE];
	bool has_addr;
	struct ip_addr addr;
	uint8_t mac[6];
	char ifname[DP_IFNAME_SIZE];
	uint32_t ifindex;
	bool stack;
	char rules[REC_RULES_SIZE];
	struct rec_way way;
	struct rec_way target_way;
	bool has_target;
	struct ip_addr target_addr;
	uint16_t target_port;
	struct health_status probe;
	bool in_tables;
	struct dp_backend_status status;
	struct verdict_facts facts;
	struct verdict_answer answer;
	char why[REC_WHY_SIZE];
	bool publish;
	enum dp_role role;
	uint32_t weight;
	uint32_t wanted_weight;
	enum rec_weight_from weight_from;
	uint64_t serving_since_ns;
	bool full_weight;
	enum rec_drain drain;
	uint64_t drain_left_ms;
};

/**
 * struct rec_pool - what is kept of a pool's table between runs.
 * @name: "tenant/pool".
 * @family: whose addresses are in it; @table: what it is called.
 * @seed: of its hash, from the store.
 * @conf: in the config in force; NULL = it is no longer configured.
 * @index: in the last snapshot, if @conf.
 * @service: name of the first of its services by name; "" = none.
 * @port_policy: for ports with rules of the host's own: the strictest of theirs.
 * @panic: its state.
 * @on_backup: none of its own VMs serves, those of its backup do.
 */
struct rec_pool {
	char name[DP_NAME_SIZE];
	enum family family;
	char table[DP_NAME_SIZE];
	struct hash_seed seed;
	const struct conf_pool *conf;
	uint32_t index;
	const char *service;
	enum conf_port_policy port_policy;
	struct panic panic;
	bool on_backup;
};

struct rec;

/**
 * struct rec_hooks - what the run tells; called from within rec_run().
 * @changed: a member's verdict, role or drain is another now. @what is a word
 *           ("serving", "drained", ...). A drain is over when it is so in each
 *           family, and is told once.
 * @pool_changed: a pool went into panic or out of it.
 * @seed: the seed of a table that is new here.
 * @leaving: a member is about to be forgotten.
 */
struct rec_hooks {
	void (*changed)(void *arg, const struct rec_member *member,
			const char *what);
	void (*pool_changed)(void *arg, const char *pool, const char *what,
			     const char *why);
	int (*seed)(void *arg, const char *table, struct hash_seed *ret_seed);
	void (*leaving)(void *arg, struct rec_member *member);
	void *arg;
};

/**
 * struct rec_input - everything a run looks at.
 * @conf: the config in force.
 * @inv: the inventory.
 * @wishes: the operator's.
 * @now_ns: CLOCK_MONOTONIC; @now_ms: wall clock.
 */
struct rec_input {
	const struct conf *conf;
	const struct inv *inv;
	const struct wishes *wishes;
	uint64_t now_ns;
	uint64_t now_ms;
};

MUST_CHECK int rec_new(const struct rec_hooks *hooks, struct rec **ret_rec);
void rec_free(struct rec *rec);

/**
 * rec_run() - decide about every member and make the snapshot.
 * @ret_snapshot: the rec's; valid until the next run.
 * @ret_wake_ns: run again then even if nothing changes; UINT64_MAX = never.
 *
 * Return: 0 or -ENOMEM: nothing was decided, the old state stays.
 */
MUST_CHECK int rec_run(struct rec *rec, const struct rec_input *in,
		       const struct dp_snapshot **ret_snapshot,
		       uint64_t *ret_wake_ns);

/**
 * rec_take_status() - how the tables stand now; decides what "in the tables"
 * means for a member.
 *
 * Return: whether a run may decide differently now.
 */
bool rec_take_status(struct rec *rec, const struct dp_status *status);

/* What probes say of a member; ignored when it is gone. */
void rec_take_probe(struct rec *rec, uint64_t id,
		    const struct health_status *status);

/* The config in force goes: forget all that follows from it. */
void rec_forget_conf(struct rec *rec);

/* Members, for views and for health targets; index < rec_count(). */
size_t rec_count(const struct rec *rec);
struct rec_member *rec_at(struct rec *rec, size_t i);

/* The members that are one VM; the first of @ret_n. */
struct rec_member *const *rec_of_vm(const struct rec *rec,
				    const uint8_t uuid[HV_UUID_SIZE],
				    size_t *ret_n);

/* The members in one table; the first of @ret_n. */
struct rec_member *const *rec_in_table(struct rec *rec, const char *table,
				       size_t *ret_n);

/* The same VM in the same pool by its other family; NULL if it isn't. */
const struct rec_member *rec_sibling(const struct rec *rec,
				     const struct rec_member *member);

/* What is kept of a table, NULL if there is no such one. */
const struct rec_pool *rec_pool(const struct rec *rec, const char *table);

/* How a drain stands as a whole, if a VM has it in two tables. */
enum rec_drain rec_drain_join(enum rec_drain a, enum rec_drain b);

const char *rec_drain_name(enum rec_drain drain);
const char *rec_weight_from_name(enum rec_weight_from from);

#endif
