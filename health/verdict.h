/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verdict on a VM in a pool: what hypervisor, probes, operator and data
 * path say of it, joined into one answer with its reason. Pure.
 *
 * DOC: how it is found
 *
 * verdict.c holds a table of rules. The first that matches decides; the last
 * matches always. A rule has two answers: one for a VM that the forwarding
 * tables name, one for a VM that they don't. So a VM in the tables is
 * SERVING, LEAVING or GONE, and one that is not is SERVING (it joins) or
 * WAITING. The order, worst first:
 *
 *	1  not running, shutting down          GONE       its flows are lost anyway
 *	2  its port is lost, on another node,
 *	   or cannot take the return path      GONE       answers can't come back
 *	3  claimed by two tenants, conflict,
 *	   over a limit, port policy           LEAVING
 *	4  out of the pool, operator's drain   LEAVING
 *	5  paused                              LEAVING
 *	6  address not known                   (only keeps it from joining)
 *	7  panic                               SERVING    whatever probes say, if
 *	                                       it is in, or runs and has settled
 *	8  probes                              up SERVING, down LEAVING, unknown:
 *	                                       stays in if it is in, else waits
 *
 * That unknown keeps a VM in is what makes a restart of the daemon free:
 * pinned tables name VMs that nobody has probed yet. A hypervisor that cannot
 * be reached (stale) counts as "running" and leaves the decision to probes.
 */
#ifndef HEALTH_VERDICT_H
#define HEALTH_VERDICT_H

#include "health/health.h"

/* Not `enum verdict`: that is the packet path's word for a packet. */
enum vm_verdict {
	VERDICT_SERVING, /* takes new flows */
	VERDICT_LEAVING, /* a planned move: new flows elsewhere, its own stay */
	VERDICT_GONE,	 /* replace it at once, its flows are lost */
	VERDICT_WAITING, /* not in the tables */
	VERDICT_N,
};

/* What the hypervisor says. */
enum verdict_hv {
	VERDICT_HV_RUNNING,
	VERDICT_HV_PAUSED, /* suspended, or by an I/O error: may go on */
	VERDICT_HV_DYING,  /* powered off or crashed, not all of it gone yet */
	VERDICT_HV_GONE,  /* shut off, destroyed, undefined, its process dead */
	VERDICT_HV_STALE, /* hypervisor not reachable, or not asked yet */
	VERDICT_HV_N,
};

/* What the data path says of the port (interface) of the VM. */
enum verdict_port {
	VERDICT_PORT_OK,	/* here, and taken or takeable */
	VERDICT_PORT_GONE,	/* it was here, or should be, and isn't */
	VERDICT_PORT_ELSEWHERE, /* not on this node */
	VERDICT_PORT_NO_RETURN, /* refuses our hook: answers would be wrong */
	VERDICT_PORT_POLICY, /* the host filters it, on_port_policy = refuse */
	VERDICT_PORT_N,
};

enum verdict_wish {
	VERDICT_WISH_NONE,
	VERDICT_WISH_DRAIN,
	VERDICT_WISH_OUT, /* config or tags have taken it out of the pool */
	VERDICT_WISH_N,
};

/* Why; names as the API has them are in verdict_reason_name(). */
enum verdict_reason {
	VERDICT_BY_PROBE_UP, /* healthy */
	VERDICT_BY_PROBE_DOWN,
	VERDICT_BY_PROBE_UNKNOWN,
	VERDICT_BY_PROBE_ALONE, /* hypervisor not reachable, probes say up */
	VERDICT_BY_PANIC,
	VERDICT_BY_ADDRESS,
	VERDICT_BY_PAUSE,
	VERDICT_BY_DRAIN,
	VERDICT_BY_POLICY,
	VERDICT_BY_LIMIT,
	VERDICT_BY_STANDBY, /* it is of the backup pool, and is not needed */
	VERDICT_BY_CONFLICT,
	VERDICT_BY_CLAIM,
	VERDICT_BY_RETURN_PATH,
	VERDICT_BY_NODE, /* "not_on_this_node" */
	VERDICT_BY_PORT_GONE,
	VERDICT_BY_SHUTDOWN,
	VERDICT_BY_NOT_RUNNING,
	VERDICT_BY_SELECTOR, /* "not_selected" */
	VERDICT_N_REASONS,
};

/**
 * struct verdict_facts - all that counts of one VM in one pool.
 * @in_tables: a slot or a live flow entry names it.
 * @hv: what the hypervisor says.
 * @port: what the data path says.
 * @wish: what the operator wants, by config or by command.
 * @probe: state of its target; HEALTH_UNKNOWN without one.
 * @settled: as in struct health_status; false without a target.
 * @address_known: there is an address to send to.
 * @claimed_once: it is one tenant's; false: two claim it, it is nobody's.
 * @conflict: another service has its port number.
 * @over_limit: the pool's max_backends or the tenant's max_vms leave no room.
 * @panic: the pool's, from panic_step().
 * @standby: of the pool's backup, and the pool's own VMs serve.
 */
struct verdict_facts {
	bool in_tables;
	enum verdict_hv hv;
	enum verdict_port port;
	enum verdict_wish wish;
	enum health_state probe;
	bool settled;
	bool address_known;
	bool claimed_once;
	bool conflict;
	bool over_limit;
	bool panic;
	bool standby;
};

/**
 * struct verdict_texts - details for the reason; each may be NULL.
 * @hv: "paused (I/O error)", "hypervisor hv1: connection refused".
 * @port: "vnet3: qdisc of somebody else".
 * @wish: the operator's words; "has no tag role=web any more".
 * @claim: "tenants bank and shop".
 * @conflict: "service shop/http has port 8080 of it".
 * @limit: "pool shop/web takes 10 VMs".
 * @probe: reason of struct health_status.
 * @panic: from panic_print().
 */
struct verdict_texts {
	const char *hv;
	const char *port;
	const char *wish;
	const char *claim;
	const char *conflict;
	const char *limit;
	const char *probe;
	const char *panic;
};

/**
 * struct verdict_answer - what becomes of the VM, and why.
 */
struct verdict_answer {
	enum vm_verdict verdict;
	enum verdict_reason reason;
};

/**
 * verdict_find() - the answer for one VM.
 */
struct verdict_answer verdict_find(const struct verdict_facts *facts);

/**
 * verdict_print() - the reason, in a sentence for people.
 * @answer: of verdict_find().
 * @texts: details; NULL = none.
 * @buf: where to; cut if it is too short, always ended.
 * @size: of @buf; 320 is enough for all that this folder says itself.
 */
void verdict_print(const struct verdict_answer *answer,
		   const struct verdict_texts *texts, char *buf, size_t size);

/* The names that users and the API read; "?" for a value that is none. */
const char *vm_verdict_name(enum vm_verdict verdict);	     /* "serving" */
const char *verdict_reason_name(enum verdict_reason reason); /* "probe_down" */

#endif
