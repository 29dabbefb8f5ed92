// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verdict on a VM in a pool: the table of rules, and its words.
 */
#include "health/verdict.h"

#include <stdio.h>

/* A set of values of an enum or a bool; 0 = whatever it is. */
#define ANY	  0
#define IS(x)	  (1U << (x))
#define IS_NOT_SO IS(false)
#define IS_SO	  IS(true)

/**
 * struct rule - if all sets have the facts' values, it decides.
 * @inside: verdict on a VM that the tables name.
 * @outside: and on one that they don't.
 * @reason: for both.
 */
struct rule {
	uint8_t in_tables, hv, port, wish, probe, settled;
	uint8_t address_known, claimed_once, conflict, over_limit, panic;
	uint8_t standby;
	enum vm_verdict inside, outside;
	enum verdict_reason reason;
};

static const struct rule rules[] = {
	/* Its flows are lost, or cannot go on from here. */
	{ .hv = IS(VERDICT_HV_GONE),
	  .inside = VERDICT_GONE,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_NOT_RUNNING },
	{ .hv = IS(VERDICT_HV_DYING),
	  .inside = VERDICT_GONE,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_SHUTDOWN },
	{ .port = IS(VERDICT_PORT_GONE),
	  .inside = VERDICT_GONE,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_PORT_GONE },
	{ .port = IS(VERDICT_PORT_ELSEWHERE),
	  .inside = VERDICT_GONE,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_NODE },
	{ .port = IS(VERDICT_PORT_NO_RETURN),
	  .inside = VERDICT_GONE,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_RETURN_PATH },

	/* It works, but must not have new flows. */
	{ .claimed_once = IS_NOT_SO,
	  .inside = VERDICT_LEAVING,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_CLAIM },
	{ .conflict = IS_SO,
	  .inside = VERDICT_LEAVING,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_CONFLICT },
	{ .over_limit = IS_SO,
	  .inside = VERDICT_LEAVING,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_LIMIT },
	{ .port = IS(VERDICT_PORT_POLICY),
	  .inside = VERDICT_LEAVING,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_POLICY },
	{ .wish = IS(VERDICT_WISH_OUT),
	  .inside = VERDICT_LEAVING,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_SELECTOR },
	{ .wish = IS(VERDICT_WISH_DRAIN),
	  .inside = VERDICT_LEAVING,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_DRAIN },
	{ .hv = IS(VERDICT_HV_PAUSED),
	  .inside = VERDICT_LEAVING,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_PAUSE },
	{ .standby = IS_SO,
	  .inside = VERDICT_LEAVING,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_STANDBY },

	/* A VM inside has had an address; that it can't be read is no harm. */
	{ .in_tables = IS_NOT_SO,
	  .address_known = IS_NOT_SO,
	  .inside = VERDICT_WAITING,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_ADDRESS },

	/* Probes are distrusted. Without a hypervisor nobody says "running"
	 * instead of them, so then only those stay that are in; a VM that
	 * boots waits for its probes even now. */
	{ .panic = IS_SO,
	  .in_tables = IS_SO,
	  .inside = VERDICT_SERVING,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_PANIC },
	{ .panic = IS_SO,
	  .hv = IS(VERDICT_HV_RUNNING),
	  .settled = IS_SO,
	  .inside = VERDICT_SERVING,
	  .outside = VERDICT_SERVING,
	  .reason = VERDICT_BY_PANIC },

	/* Probes decide. */
	{ .probe = IS(HEALTH_DOWN),
	  .inside = VERDICT_LEAVING,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_PROBE_DOWN },
	{ .probe = IS(HEALTH_UNKNOWN),
	  .inside = VERDICT_SERVING,
	  .outside = VERDICT_WAITING,
	  .reason = VERDICT_BY_PROBE_UNKNOWN },
	{ .hv = IS(VERDICT_HV_STALE),
	  .inside = VERDICT_SERVING,
	  .outside = VERDICT_SERVING,
	  .reason = VERDICT_BY_PROBE_ALONE },
	{ .inside = VERDICT_SERVING,
	  .outside = VERDICT_SERVING,
	  .reason = VERDICT_BY_PROBE_UP },
};

static bool has(uint8_t set, unsigned int value)
{
	return set == ANY || (set & IS(value));
}

static bool matches(const struct rule *r, const struct verdict_facts *f)
{
	return has(r->in_tables, f->in_tables) && has(r->hv, f->hv) &&
	       has(r->port, f->port) && has(r->wish, f->wish) &&
	       has(r->probe, f->probe) && has(r->settled, f->settled) &&
	       has(r->address_known, f->address_known) &&
	       has(r->claimed_once, f->claimed_once) &&
	       has(r->conflict, f->conflict) &&
	       has(r->over_limit, f->over_limit) && has(r->panic, f->panic) &&
	       has(r->standby, f->standby);
}

struct verdict_answer verdict_find(const struct verdict_facts *facts)
{
	const struct rule *r = rules;

	/* The last one matches always. */
	while (!matches(r, facts))
		r++;
	return (struct verdict_answer){
		.verdict = facts->in_tables ? r->inside : r->outside,
		.reason = r->reason,
	};
}

/**
 * struct words - of a reason.
 * @name: for the API.
 * @text: for people.
 * @detail: which of the texts says more; offset in struct verdict_texts.
 */
struct words {
	const char *name;
	const char *text;
	size_t detail;
};

#define DETAIL(x) offsetof(struct verdict_texts, x)

static const struct words words[] = {
	[VERDICT_BY_PROBE_UP] = { "healthy", "healthy", DETAIL(probe) },
	[VERDICT_BY_PROBE_DOWN] = { "probe_down", "probes fail",
				    DETAIL(probe) },
	[VERDICT_BY_PROBE_UNKNOWN] = { "probe_unknown",
				       "probes have not decided yet",
				       DETAIL(probe) },
	[VERDICT_BY_PROBE_ALONE] = { "hypervisor_stale",
				     "hypervisor not reachable, probes decide "
				     "alone",
				     DETAIL(probe) },
	[VERDICT_BY_PANIC] = { "panic", "probes are distrusted",
			       DETAIL(panic) },
	[VERDICT_BY_ADDRESS] = { "no_address", "its address is not known yet",
				 DETAIL(hv) },
	[VERDICT_BY_PAUSE] = { "paused", "paused", DETAIL(hv) },
	[VERDICT_BY_DRAIN] = { "drain", "drained by the operator",
			       DETAIL(wish) },
	[VERDICT_BY_SELECTOR] = { "not_selected", "no longer in the pool",
				  DETAIL(wish) },
	[VERDICT_BY_POLICY] = { "port_policy",
				"the host has rules of its own at its port",
				DETAIL(port) },
	[VERDICT_BY_STANDBY] = { "standby",
				 "backup, while the pool's own VMs serve",
				 DETAIL(probe) },
	[VERDICT_BY_LIMIT] = { "limit", "no room for it", DETAIL(limit) },
	[VERDICT_BY_CONFLICT] = { "conflict",
				  "another service has this port of it",
				  DETAIL(conflict) },
	[VERDICT_BY_CLAIM] = { "claim",
			       "claimed by two tenants, so it is nobody's",
			       DETAIL(claim) },
	[VERDICT_BY_RETURN_PATH] = { "return_path",
				     "its port refuses the return path",
				     DETAIL(port) },
	[VERDICT_BY_NODE] = { "not_on_this_node", "not on this node",
			      DETAIL(port) },
	[VERDICT_BY_PORT_GONE] = { "port_gone", "its port is gone",
				   DETAIL(port) },
	[VERDICT_BY_SHUTDOWN] = { "shutting_down", "it is shutting down",
				  DETAIL(hv) },
	[VERDICT_BY_NOT_RUNNING] = { "not_running", "not running", DETAIL(hv) },
};

_Static_assert(ARRAY_SIZE(words) == VERDICT_N_REASONS, "words for a reason");

void verdict_print(const struct verdict_answer *answer,
		   const struct verdict_texts *texts, char *buf, size_t size)
{
	const struct words none = { .text = "not judged yet" };
	const struct words *w = &none;
	const char *detail = NULL;

	if ((size_t)answer->reason < ARRAY_SIZE(words))
		w = &words[answer->reason];
	if (texts && w != &none)
		detail =
			*(const char *const *)((const char *)texts + w->detail);
	(void)snprintf(buf, size, "%s%s%s", w->text,
		       detail && detail[0] ? ": " : "", detail ? detail : "");
}

const char *vm_verdict_name(enum vm_verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_SERVING] = "serving",
		[VERDICT_LEAVING] = "leaving",
		[VERDICT_GONE] = "gone",
		[VERDICT_WAITING] = "waiting",
	};

	_Static_assert(ARRAY_SIZE(names) == VERDICT_N, "a name a verdict");
	return (size_t)verdict < ARRAY_SIZE(names) ? names[verdict] : "?";
}

const char *verdict_reason_name(enum verdict_reason reason)
{
	return (size_t)reason < ARRAY_SIZE(words) ? words[reason].name : "?";
}
