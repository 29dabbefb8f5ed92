/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One member of a pool, judged.
 */
#include "control/member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/text.h"

#define WEIGHT_UNIT	 100 /* of a weight of 1, so that it can grow in steps */
#define SLOW_START_STEPS 10
#define WEIGHT_TAG	 "weight"
#define NS_PER_MS	 1000000ULL

void member_locate(struct rec_member *m, const struct inv_vm *vm, size_t nic)
{
	const struct hv_addr *addr = NULL;
	const struct hv_nic *hw;

	snprintf(m->vm_name, sizeof(m->vm_name), "%s/%s", vm->hv->name,
		 vm->vm->name);
	text_clean(m->vm_name);
	if (nic >= vm->vm->n_nics) {
		m->has_addr = false;
		m->ifindex = 0;
		return;
	}
	hw = &vm->vm->nics[nic];
	addr = inv_vm_addr(vm, nic, m->family == FAMILY_V4);
	m->has_addr = addr != NULL;
	if (addr)
		m->addr = addr->ip;
	memcpy(m->mac, hw->mac, sizeof(m->mac));
	m->ifindex = vm->nics[nic].ifindex;
	snprintf(m->ifname, sizeof(m->ifname), "%s", hw->port);
}

static enum verdict_hv hv_fact(const struct inv_vm *vm)
{
	if (vm->stale)
		return VERDICT_HV_STALE;
	switch (vm->run) {
	case INV_RUN_UP:
		return VERDICT_HV_RUNNING;
	case INV_RUN_HELD:
		return VERDICT_HV_PAUSED;
	case INV_RUN_ENDED:
		return vm->vm->state == HV_STATE_OFF ? VERDICT_HV_GONE :
						       VERDICT_HV_DYING;
	case INV_RUN_STARTING:
	case INV_N_RUNS:
		break;
	}
	return VERDICT_HV_GONE;
}

/* The host's own rules at a port, in words; "" = none. */
static const char *port_rules(const struct hv_nic *hw)
{
	if (hw->has_filter && hw->has_bandwidth)
		return "an nwfilter and <bandwidth>";
	if (hw->has_filter)
		return "an nwfilter";
	return hw->has_bandwidth ? "<bandwidth>" : "";
}

/*
 * What the host's own rules at the port mean for it. In the kernel packets find
 * the port by its bridge.
 */
static enum verdict_port rules_fact(struct rec_member *m,
				    const struct hv_nic *hw,
				    enum conf_port_policy policy)
{
	const char *rules = port_rules(hw);
	bool bridged = hw->kind == HV_NIC_BRIDGE;

	m->stack = *rules && policy == CONF_POLICY_STACK && bridged;
	m->rules[0] = '\0';
	if (!*rules || policy == CONF_POLICY_BYPASS || m->stack)
		return VERDICT_PORT_OK;
	snprintf(m->rules, sizeof(m->rules),
		 policy == CONF_POLICY_REFUSE ?
			 "%s; on_port_policy is \"refuse\"" :
			 "%s; on_port_policy \"stack\" needs a port of a "
			 "Linux bridge",
		 rules);
	return VERDICT_PORT_POLICY;
}

static enum verdict_port port_fact(struct rec_member *m,
				   const struct inv_vm *vm, size_t nic,
				   enum conf_port_policy policy)
{
	enum verdict_port rules;
	const struct hv_nic *hw;

	if (nic >= vm->vm->n_nics)
		return VERDICT_PORT_GONE;
	hw = &vm->vm->nics[nic];
	switch (vm->nics[nic].port) {
	case INV_PORT_OK:
		break;
	case INV_PORT_ELSEWHERE:
		return VERDICT_PORT_ELSEWHERE;
	case INV_PORT_KIND:
		return VERDICT_PORT_NO_RETURN;
	case INV_PORT_NONE:
	case INV_PORT_MISSING:
	case INV_PORT_DOWN:
	case INV_PORT_OTHERS:
	case INV_N_PORTS:
		return VERDICT_PORT_GONE;
	}
	rules = rules_fact(m, hw, policy);
	if (rules != VERDICT_PORT_OK)
		return rules;
	if (m->in_tables && !m->status.attached && m->status.attach_error)
		return VERDICT_PORT_NO_RETURN;
	return VERDICT_PORT_OK;
}

/*
 * Nobody can say anything of the VM, because its hypervisor is out of reach. One
 * that was given another name while we were away may be any of those.
 */
static bool unheard_of(const struct rec_member *m, const struct inv *inv)
{
	const struct inv_hv *hv;
	bool any_lost = false;
	size_t length;

	for (hv = inv_hvs(inv); hv; hv = hv->next) {
		length = strlen(hv->name);
		if (!strncmp(m->vm_name, hv->name, length) &&
		    m->vm_name[length] == '/')
			return !hv->connected;
		any_lost = any_lost || !hv->connected;
	}
	return any_lost;
}

static void member_relocate(struct rec_member *m)
{
	m->has_addr = true;
	m->addr = m->status.addr;
	m->ifindex = m->status.ifindex;
	m->stack = m->status.stack;
	memcpy(m->mac, m->status.mac, sizeof(m->mac));
	snprintf(m->ifname, sizeof(m->ifname), "%s", m->status.ifname);
}

bool member_is_used(const struct dp_backend_status *status)
{
	return status->slots_current || status->slots_base || status->entries;
}

void member_facts(struct rec_member *m, const struct inv_vm *vm,
		  const struct inv_owner *owner, const struct rec_input *in,
		  enum conf_port_policy policy)
{
	struct verdict_facts f = { .claimed_once = true };

	f.in_tables = m->in_tables && member_is_used(&m->status);
	f.probe = m->has_target ? m->probe.state : HEALTH_UNKNOWN;
	f.settled = m->has_target && m->probe.settled;
	f.hv = VERDICT_HV_GONE;
	f.port = VERDICT_PORT_GONE;
	if (vm) {
		f.hv = hv_fact(vm);
		f.port = port_fact(m, vm, owner->nic, policy);
		f.claimed_once = owner->owned == INV_OWNED;
		if (owner->owned == INV_OWNED_TWICE)
			snprintf(m->claim, sizeof(m->claim),
				 "tenants %s and %s",
				 in->conf->tenants[owner->claim].name,
				 in->conf->tenants[owner->other].name);
	} else if (m->in_tables && unheard_of(m, in->inv)) {
		/* It stays as it is in force until somebody knows better. */
		member_relocate(m);
		f.hv = VERDICT_HV_STALE;
		f.port = VERDICT_PORT_OK;
		m->belongs = true;
	}
	f.address_known = m->has_addr;
	if (!m->belongs)
		f.wish = VERDICT_WISH_OUT;
	else if (wishes_drain(in->wishes, m->uuid, m->pool_name))
		f.wish = VERDICT_WISH_DRAIN;
	m->facts = f;
}

/* Is the drain over, and how? */
static void judge_drain(struct rec_member *m, const struct rec_input *in)
{
	const struct wish_drain *wish =
		wishes_drain(in->wishes, m->uuid, m->pool_name);

	m->drain_left_ms = 0;
	if (!wish) {
		m->drain = REC_DRAIN_NONE;
		return;
	}
	if (wish->deadline_ms > in->now_ms)
		m->drain_left_ms = wish->deadline_ms - in->now_ms;
	/* What was reset at its deadline was not drained. */
	if (m->drain == REC_DRAIN_DEADLINE &&
	    wish->at_deadline == CONF_DEADLINE_RESET)
		/* NOLINTNEXTLINE(bugprone-branch-clone): order is the rule */
		m->drain = REC_DRAIN_DEADLINE;
	else if (!m->facts.in_tables)
		m->drain = REC_DRAINED;
	else if (m->drain == REC_DRAIN_QUIET ||
		 (wish->quiet_after_ms && m->status.slots_current == 0 &&
		  m->status.quiet_ns / NS_PER_MS >= wish->quiet_after_ms))
		m->drain = REC_DRAIN_QUIET;
	else if (wish->deadline_ms && wish->deadline_ms <= in->now_ms)
		m->drain = REC_DRAIN_DEADLINE;
	else
		m->drain = REC_DRAINING;
	if (m->drain == REC_DRAIN_DEADLINE && m->facts.in_tables &&
	    wish->at_deadline == CONF_DEADLINE_RESET)
		m->role = DP_GONE;
}

static void judge_role(struct rec_member *m)
{
	bool reachable = m->facts.port == VERDICT_PORT_OK && m->ifindex &&
			 m->has_addr &&
			 (m->facts.hv == VERDICT_HV_RUNNING ||
			  m->facts.hv == VERDICT_HV_STALE ||
			  m->facts.hv == VERDICT_HV_PAUSED);

	m->publish = true;
	switch (m->answer.verdict) {
	case VERDICT_SERVING:
		m->role = DP_SERVING;
		break;
	case VERDICT_LEAVING:
		if (m->facts.hv == VERDICT_HV_PAUSED) {
			m->role = DP_HELD;
			break;
		}
		m->role = m->pool && m->pool->reset_unhealthy &&
					  m->answer.reason ==
						  VERDICT_BY_PROBE_DOWN ?
				  DP_GONE :
				  DP_LEAVING;
		break;
	case VERDICT_GONE:
		m->role = DP_GONE;
		break;
	case VERDICT_WAITING:
	case VERDICT_N:
		/* Its port learns meanwhile which connections are direct. */
		m->role = DP_WARM;
		/* One that has the port would have to give it up. */
		m->publish = reachable && m->belongs && !m->facts.conflict;
		break;
	}
}

/*
 * What its hypervisor says of it. A verdict on a VM that runs and whose address
 * is known is about something else.
 */
static const char *hv_words(const struct rec_member *m, const struct inv_vm *vm,
			    char *buf, size_t size)
{
	if (!vm || (vm->run == INV_RUN_UP && !vm->stale && m->has_addr))
		return NULL;
	if (!vm->stale && vm->run == INV_RUN_ENDED && vm->end.text[0])
		return vm->end.text;
	if (vm->stale)
		snprintf(buf, size, "hypervisor %s: %s", vm->hv->name,
			 vm->hv->text[0] ? vm->hv->text : "not heard of yet");
	else
		snprintf(buf, size, "%s (%s)", hv_state_name(vm->vm->state),
			 vm->vm->reason);
	return buf;
}

void member_judge(struct rec_member *m, const struct inv_vm *vm,
		  const struct rec_input *in, const char *panic_text)
{
	const struct wish_drain *wish =
		wishes_drain(in->wishes, m->uuid, m->pool_name);
	char hv[HV_TEXT_MAX + INV_NAME_MAX + 32];
	struct verdict_texts texts = {
		.hv = hv_words(m, vm, hv, sizeof(hv)),
		.wish = wish ? wish->reason : NULL,
		.panic = panic_text,
	};

	texts.probe = m->has_target && m->probe.reason[0] ? m->probe.reason :
							    m->way.trouble;
	texts.claim = m->facts.claimed_once ? NULL : m->claim;
	texts.conflict = m->facts.conflict ? m->conflict : NULL;
	if (m->facts.port == VERDICT_PORT_NO_RETURN && m->status.attach_error)
		texts.port = strerror(m->status.attach_error);
	if (m->facts.port == VERDICT_PORT_POLICY)
		texts.port = m->rules;
	m->answer = verdict_find(&m->facts);
	verdict_print(&m->answer, &texts, m->why, sizeof(m->why));
	text_clean(m->why);
	judge_role(m);
	judge_drain(m, in);
}

/* The weight by the VM's tag; false: it has none that is one. */
static bool tag_weight(const struct inv_vm *vm, uint32_t *ret_weight)
{
	const char *text;
	char *end = NULL;
	long weight;
	size_t i;

	for (i = 0; i < vm->vm->n_tags; i++) {
		if (strcmp(vm->vm->tags[i].name, WEIGHT_TAG) != 0)
			continue;
		text = vm->vm->tags[i].value;
		weight = strtol(text, &end, 10);
		if (end == text || *end || weight < 0 ||
		    weight > WISH_WEIGHT_MAX)
			continue;
		*ret_weight = (uint32_t)weight;
		return true;
	}
	return false;
}

/* The weight there is to be in the end: an operator's word, a tag, or 1. */
static void find_wanted_weight(struct rec_member *m, const struct inv_vm *vm,
			       const struct wishes *wishes)
{
	const struct wish_weight *wish =
		wishes_weight(wishes, m->uuid, m->pool_name);

	m->wanted_weight = 1;
	m->weight_from = REC_WEIGHT_POOL;
	if (wish) {
		m->wanted_weight = wish->weight;
		m->weight_from = REC_WEIGHT_OPERATOR;
	} else if (m->pool && m->pool->weights == CONF_WEIGHTS_FIXED && vm &&
		   tag_weight(vm, &m->wanted_weight)) {
		m->weight_from = REC_WEIGHT_TAG;
	}
}

void member_weight(struct rec_member *m, const struct inv_vm *vm,
		   const struct rec_input *in, bool alone,
		   uint64_t *ret_wake_ns)
{
	uint32_t slow_start_ms = m->pool ? m->pool->slow_start_ms : 0;
	uint64_t step_ns = slow_start_ms * NS_PER_MS / SLOW_START_STEPS;
	uint64_t now_ns = in->now_ns;
	uint64_t steps;

	find_wanted_weight(m, vm, in->wishes);
	m->weight = m->wanted_weight * WEIGHT_UNIT;
	if (m->role != DP_SERVING || !m->publish) {
		m->serving_since_ns = 0;
		m->full_weight = false;
		return;
	}
	if (!m->serving_since_ns) {
		m->serving_since_ns = now_ns;
		/* What served before a restart, or serves alone, goes on. */
		m->full_weight = alone || m->facts.in_tables;
	}
	if (m->full_weight || !step_ns)
		return;
	steps = (now_ns - m->serving_since_ns) / step_ns + 1;
	if (steps >= SLOW_START_STEPS) {
		m->full_weight = true;
		return;
	}
	m->weight = (uint32_t)(m->weight * steps / SLOW_START_STEPS);
	if (m->serving_since_ns + steps * step_ns < *ret_wake_ns)
		*ret_wake_ns = m->serving_since_ns + steps * step_ns;
}

const char *rec_weight_from_name(enum rec_weight_from from)
{
	static const char *const names[] = { "pool", "tag", "operator" };

	_Static_assert(ARRAY_SIZE(names) == REC_N_WEIGHTS_FROM,
		       "a name for each");
	return from < REC_N_WEIGHTS_FROM ? names[from] : "?";
}
