/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM in a pool, as /v1/vms and /v1/pools tell it. In a pool that serves both
 * families a VM stands in two tables, and is one object here: sums and what is
 * true of both, with each of the two below it.
 */
#include <stdio.h>
#include <string.h>

#include "control/api_request.h"
#include "control/daemon.h"
#include "control/render.h"
#include "control/text.h"

bool api_is_first(const struct daemon *d, const struct rec_member *m)
{
	return m->family == FAMILY_V4 || !rec_sibling(d->rec, m);
}

void api_address(const struct daemon *d, const struct rec_member *m,
		 char ret_text[CONF_ADDR_SIZE])
{
	const struct rec_member *other = rec_sibling(d->rec, m);

	ret_text[0] = '\0';
	if (m->has_addr)
		conf_addr_print(&m->addr, ret_text, CONF_ADDR_SIZE);
	else if (other && other->has_addr)
		conf_addr_print(&other->addr, ret_text, CONF_ADDR_SIZE);
}

/**
 * struct view - a member as it is shown.
 * @health: what probes say now: members only hear of it when the state changes.
 * @role, @reason, @why: what it is, a word for why, and a sentence.
 */
struct view {
	const struct rec_member *m;
	struct health_status health;
	enum vm_verdict role;
	const char *reason;
	char why[REC_WHY_SIZE];
};

/* Serves as far as control can say, but gets its first slots a moment later. */
static bool is_learning(const struct rec_member *m)
{
	return m->answer.verdict == VERDICT_SERVING && m->in_tables &&
	       !m->status.learned && !m->status.slots_current;
}

static enum vm_verdict role_of(const struct rec_member *m)
{
	return is_learning(m) ? VERDICT_WAITING : m->answer.verdict;
}

/* Why, with the latest result where that is what counts. */
static void print_why(struct view *view)
{
	const struct verdict_texts texts = {
		.probe = view->m->has_target ? view->health.reason :
					       view->m->way.trouble
	};

	switch (view->m->answer.reason) {
	case VERDICT_BY_PROBE_UP:
	case VERDICT_BY_PROBE_DOWN:
	case VERDICT_BY_PROBE_UNKNOWN:
		verdict_print(&view->m->answer, &texts, view->why,
			      sizeof(view->why));
		text_clean(view->why);
		break;
	default:
		snprintf(view->why, sizeof(view->why), "%s", view->m->why);
		break;
	}
}

static void look_at(const struct daemon *d, const struct rec_member *m,
		    struct view *view)
{
	*view = (struct view){ .m = m, .health = m->probe, .role = role_of(m) };
	if (m->has_target && health_get(d->health, m->id, &view->health))
		view->health = m->probe;
	if (is_learning(m)) {
		view->reason = "learning";
		snprintf(view->why, sizeof(view->why),
			 "healthy; its port learns for 5 s which connections "
			 "are direct");
		return;
	}
	view->reason = verdict_reason_name(m->answer.reason);
	print_why(view);
}

static json_t *render_health(const struct view *view)
{
	const struct health_status *h = &view->health;
	const struct rec_member *m = view->m;

	if (!m->has_target)
		return json_pack("{s:s,s:s}", "state", "unknown", "reason",
				 m->way.trouble ? m->way.trouble :
						  "not probed");
	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:b}", "state",
			 health_state_name(h->state), "reason", h->reason,
			 "via",
			 conf_via_name(m->target_way.by_path ? CONF_VIA_PATH :
							       CONF_VIA_HOST),
			 "latency_us", (json_int_t)h->latency_us, "smoothed_us",
			 (json_int_t)h->smoothed_us, "probes",
			 (json_int_t)h->n_probes, "failures",
			 (json_int_t)h->n_failures, "flapping",
			 (int)h->flapping);
}

/* In all tables that it is in; it may be in one only (@other is NULL). */
static json_t *render_drain(const struct daemon *d, const struct rec_member *m,
			    const struct rec_member *other)
{
	const struct wish_drain *wish =
		wishes_drain(d->wishes, m->uuid, m->pool_name);
	uint64_t earliest_ns = m->status.drained_at_ns;
	enum rec_drain state = m->drain;
	uint64_t now_ns = hv_clock_ns();
	uint64_t earliest_ms = 0;

	if (!wish)
		return json_null();
	if (other) {
		state = rec_drain_join(state, other->drain);
		if (other->status.drained_at_ns > earliest_ns)
			earliest_ns = other->status.drained_at_ns;
	}
	if (earliest_ns > now_ns)
		earliest_ms = (earliest_ns - now_ns) / 1000000;
	return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:s}", "state",
			 rec_drain_name(state), "reason", wish->reason,
			 "since_ms", (json_int_t)wish->since_ms, "deadline_ms",
			 (json_int_t)wish->deadline_ms, "left_ms",
			 (json_int_t)m->drain_left_ms, "earliest_left_ms",
			 (json_int_t)earliest_ms, "quiet_after_ms",
			 (json_int_t)wish->quiet_after_ms, "at_deadline",
			 conf_at_deadline_name(wish->at_deadline));
}

/* How much of its traffic a VM takes in a role, most first. */
static int rank(enum vm_verdict role)
{
	static const enum vm_verdict roles[] = { VERDICT_SERVING,
						 VERDICT_LEAVING, VERDICT_GONE,
						 VERDICT_WAITING };
	size_t i = 0;

	while (i < ARRAY_SIZE(roles) && roles[i] != role)
		i++;
	return (int)i;
}

enum vm_verdict api_role(const struct daemon *d, const struct rec_member *m,
			 bool whole)
{
	const struct rec_member *other = whole ? rec_sibling(d->rec, m) : NULL;
	enum vm_verdict role = role_of(m);

	return other && rank(role_of(other)) < rank(role) ? role_of(other) :
							    role;
}

static uint32_t table_slots(const struct daemon *d, const char *table)
{
	uint32_t i;

	for (i = 0; i < d->status.n_pools; i++)
		if (!strcmp(d->status.pools[i].name, table))
			return d->status.pools[i].n_slots;
	return 0;
}

/* How it stands in a table; nothing if it does not. */
static void render_status(json_t *object, const struct rec_member *m,
			  uint32_t n_slots)
{
	const struct dp_backend_status *s = &m->status;

	if (!m->in_tables)
		return;
	json_object_update_new(
		object,
		json_pack("{s:i,s:i,s:i,s:f,s:i,s:I,s:b,s:b,s:b,s:b,s:I}",
			  "slots", (int)s->slots_current, "slots_base",
			  (int)s->slots_base, "slots_marked",
			  (int)s->slots_marked, "slots_percent",
			  n_slots ? 100.0 * s->slots_current / n_slots : 0.0,
			  "entries", (int)s->entries, "flows",
			  (json_int_t)s->flows, "flows_exact", (int)s->exact,
			  "attached", (int)s->attached, "learned",
			  (int)s->learned, "stack", (int)s->stack, "quiet_ms",
			  (json_int_t)(s->quiet_ns / 1000000)));
	render_traffic(object, &s->traffic);
}

/* One of the two tables that it is in. */
static json_t *render_family(const struct daemon *d, const struct view *view)
{
	const struct rec_member *m = view->m;
	char address[CONF_ADDR_SIZE] = "";
	json_t *object;

	if (m->has_addr)
		conf_addr_print(&m->addr, address, sizeof(address));
	object = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:o,s:s}", "family",
			   family_name(m->family), "address", address, "role",
			   vm_verdict_name(view->role), "reason", view->reason,
			   "why", view->why, "weight", (int)m->weight,
			   "backend", m->in_tables ? (int)m->status.number : 0,
			   "health", render_health(view), "drain_state",
			   rec_drain_name(m->drain));
	render_status(object, m, table_slots(d, m->table));
	return object;
}

static void add_traffic(struct traffic *sum, const struct traffic *more)
{
	sum->in_packets += more->in_packets;
	sum->in_bytes += more->in_bytes;
	sum->out_packets += more->out_packets;
	sum->out_bytes += more->out_bytes;
	sum->openers += more->openers;
	sum->ends += more->ends;
	sum->refused += more->refused;
	sum->evicted += more->evicted;
}

/* As if its two tables were one. */
static void join_status(struct dp_backend_status *sum,
			const struct dp_backend_status *more)
{
	sum->slots_current += more->slots_current;
	sum->slots_base += more->slots_base;
	sum->slots_marked += more->slots_marked;
	sum->entries += more->entries;
	sum->flows += more->flows;
	sum->exact = sum->exact && more->exact;
	sum->attached = sum->attached && more->attached;
	sum->learned = sum->learned && more->learned;
	sum->stack = sum->stack || more->stack;
	if (more->quiet_ns < sum->quiet_ns)
		sum->quiet_ns = more->quiet_ns;
	add_traffic(&sum->traffic, &more->traffic);
}

/* What is not well comes first: a listing may have no room for more. */
static json_t *join_why(const struct view *a, const struct view *b)
{
	const struct view *worse = rank(b->role) >= rank(a->role) ? b : a;
	const struct view *better = worse == a ? b : a;

	if (!strcmp(a->reason, b->reason))
		return json_string(a->why);
	return json_sprintf("%s: %s; %s: %s", family_title(worse->m->family),
			    worse->why, family_title(better->m->family),
			    better->why);
}

/* Of two that are probed, the one that fails. */
static const struct view *worse_health(const struct view *a,
				       const struct view *b)
{
	if (!b->m->has_target)
		return a;
	if (!a->m->has_target)
		return b;
	return a->health.state != HEALTH_UP ? a : b;
}

static void join_families(const struct daemon *d, json_t *object,
			  const struct view *a, const struct view *b)
{
	struct rec_member whole = a->m->in_tables ? *a->m : *b->m;

	if (a->m->in_tables && b->m->in_tables)
		join_status(&whole.status, &b->m->status);
	render_status(object, &whole,
		      (a->m->in_tables ? table_slots(d, a->m->table) : 0) +
			      (b->m->in_tables ? table_slots(d, b->m->table) :
						 0));
	json_object_set_new(object, "backend",
			    json_integer(whole.in_tables ? whole.status.number :
							   0));
	json_object_set_new(object, "why", join_why(a, b));
	json_object_set_new(object, "health",
			    render_health(worse_health(a, b)));
	json_object_set_new(object, "families",
			    json_pack("[o,o]", render_family(d, a),
				      render_family(d, b)));
}

json_t *api_render_member(const struct daemon *d, const struct rec_member *m)
{
	const struct rec_member *other = rec_sibling(d->rec, m);
	struct view view;
	struct view sibling;
	const struct view *best = &view;
	json_t *object;

	look_at(d, m, &view);
	if (other)
		look_at(d, other, &sibling);
	if (other && rank(sibling.role) < rank(view.role))
		best = &sibling;
	object = json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:s,s:i,s:o,s:o,s:s,s:[]}",
			   "pool", m->pool_name, "role",
			   vm_verdict_name(best->role), "reason", best->reason,
			   "why", view.why, "weight", (int)best->m->weight,
			   "wanted_weight", (int)m->wanted_weight,
			   "weight_from", rec_weight_from_name(m->weight_from),
			   "backend", m->in_tables ? (int)m->status.number : 0,
			   "health", render_health(&view), "drain",
			   render_drain(d, m, other), "family",
			   other ? "both" : family_name(m->family), "families");
	if (other)
		join_families(d, object, &view, &sibling);
	else
		render_status(object, m, table_slots(d, m->table));
	return object;
}
