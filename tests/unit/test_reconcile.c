/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control/reconcile: config, inventory, probes and wishes in, snapshot out.
 *
 * The real config parser, inventory, wishes and store; only the clock is ours.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rec_world.h"

static void test_join(void **state)
{
	struct rec_world *f = *state;

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	vm_is(f, 2, "other", HV_STATE_RUNNING);
	run(f);
	assert_int_equal(rec_count(f->rec), 1);
	assert_int_equal(backend(f, 1)->role, DP_WARM);
	assert_int_equal(backend(f, 1)->ifindex, 11);
	assert_null(find_backend(f, 2));
	probe_says(f, 1, HEALTH_UP);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_SERVING);
	assert_string_equal(f->last_change, "hv1/web-1 serving");
	assert_true(backend(f, 1)->weight > 0);
}

/*
 * The host has rules of its own at VM 1's port, not at VM 2's; of a pool's
 * services the strictest policy counts.
 */
static void test_host_rules(void **state)
{
	struct rec_world *f = *state;
	struct conf_service *http = &f->conf->services[0];

	f->filtered = true;
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	f->filtered = false;
	vm_is(f, 2, "web", HV_STATE_RUNNING);
	run(f);
	assert_null(find_backend(f, 1));
	assert_string_equal(member(f, 1)->why,
			    "the host has rules of its own at its port: an "
			    "nwfilter; on_port_policy is \"refuse\"");
	assert_int_equal(backend(f, 2)->role, DP_WARM);
	http->on_port_policy = CONF_POLICY_BYPASS;
	reloaded(f);
	assert_int_equal(backend(f, 1)->role, DP_WARM);
	assert_false(backend(f, 1)->stack);
	http->on_port_policy = CONF_POLICY_STACK;
	reloaded(f);
	assert_int_equal(backend(f, 1)->role, DP_WARM);
	assert_true(backend(f, 1)->stack);
	assert_false(backend(f, 2)->stack);
	/* Another service of the pool is stricter. */
	f->conf->services[1].pool = http->pool;
	reloaded(f);
	assert_null(find_backend(f, 1));
	f->conf->services[1].on_port_policy = CONF_POLICY_BYPASS;
	reloaded(f);
	assert_true(backend(f, 1)->stack);
}

/* A filter that comes while the VM serves: it loses no flow. */
static void test_host_rules_come(void **state)
{
	struct rec_world *f = *state;

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	probe_says(f, 1, HEALTH_UP);
	run(f);
	tables_name(f, 1, 1);
	f->filtered = true;
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_LEAVING);
	f->conf->services[0].on_port_policy = CONF_POLICY_STACK;
	reloaded(f);
	assert_int_equal(backend(f, 1)->role, DP_SERVING);
	assert_true(backend(f, 1)->stack);
}

/* In the kernel there is no way to a port that is in no bridge of its own. */
static void test_host_rules_elsewhere(void **state)
{
	struct rec_world *f = *state;

	f->conf->services[0].on_port_policy = CONF_POLICY_STACK;
	f->filtered = true;
	f->ovs = true;
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	assert_null(find_backend(f, 1));
	assert_non_null(strstr(member(f, 1)->why, "needs a port of a Linux"));
}

/* A VIP is ours with the first of its services that is not only observed. */
static void test_observe(void **state)
{
	struct rec_world *f = *state;

	f->conf->services[0].observe = true;
	run(f);
	assert_true(f->snapshot->services[0].observe);
	assert_false(f->snapshot->services[1].observe);
	assert_int_equal(f->snapshot->n_vips, 1);
	assert_false(f->snapshot->vips[0].observe);
	assert_true(f->snapshot->vips[0].answer_l2);
	f->conf->services[1].observe = true;
	run(f);
	assert_true(f->snapshot->vips[0].observe);
	assert_false(f->snapshot->vips[0].answer_l2);
	f->conf->services[0].observe = f->conf->services[1].observe = false;
	run(f);
	assert_false(f->snapshot->vips[0].observe);
	f->conf->node.observe = true;
	run(f);
	assert_true(f->snapshot->services[0].observe);
	assert_true(f->snapshot->services[1].observe);
	assert_true(f->snapshot->vips[0].observe);
	assert_false(f->snapshot->vips[0].answer_l2);
}

/* Suspended, it keeps its flows and gets no new ones, from now on. */
static void test_suspended(void **state)
{
	struct rec_world *f = *state;

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	probe_says(f, 1, HEALTH_UP);
	run(f);
	tables_name(f, 1, 1);
	vm_is(f, 1, "web", HV_STATE_PAUSED);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_HELD);
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_SERVING);
}

/* While it changes hosts it is judged as before, whatever is seen of it. */
static void test_migrating(void **state)
{
	struct rec_world *f = *state;
	int n;

	/* Enough of them for no panic when one is down. */
	for (n = 1; n <= 3; n++)
		vm_is(f, n, "web", HV_STATE_RUNNING);
	run(f);
	for (n = 1; n <= 3; n++)
		probe_says(f, n, HEALTH_UP);
	run(f);
	tables_name(f, 1, 3);
	vm_is(f, 1, "web", HV_STATE_OUTGOING);
	probe_says(f, 1, HEALTH_DOWN);
	run(f);
	assert_int_equal(member(f, 1)->answer.verdict, VERDICT_SERVING);
	assert_int_equal(backend(f, 1)->role, DP_SERVING);
	/* It stayed after all. */
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_LEAVING);
}

static void test_says_nothing_twice(void **state)
{
	struct rec_world *f = *state;
	int n_changes;

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	n_changes = f->n_changes;
	assert_true(n_changes > 0);
	run(f);
	run(f);
	assert_int_equal(f->n_changes, n_changes);
}

static void test_slow_start(void **state)
{
	struct rec_world *f = *state;
	uint32_t whole;
	uint32_t last;
	int i;

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	probe_says(f, 1, HEALTH_UP);
	run(f);
	/* Alone it has all at once. */
	whole = backend(f, 1)->weight;
	vm_is(f, 2, "web", HV_STATE_RUNNING);
	run(f);
	probe_says(f, 2, HEALTH_UP);
	run(f);
	last = backend(f, 2)->weight;
	assert_true(last > 0 && last < whole / 5);
	for (i = 0; i < 9; i++) {
		assert_true(f->wake_ns > f->now_ns);
		f->now_ns = f->wake_ns;
		run(f);
		assert_true(backend(f, 2)->weight > last);
		last = backend(f, 2)->weight;
	}
	assert_int_equal(last, whole);
	assert_true(f->wake_ns == UINT64_MAX);
}

static void wish_weight(struct rec_world *f, int vm, const char *pool,
			uint32_t weight)
{
	struct wish_weight wish = { .weight = weight };

	memcpy(wish.uuid, uuid_of(vm), sizeof(wish.uuid));
	(void)snprintf(wish.pool, sizeof(wish.pool), "%s", pool);
	assert_int_equal(wishes_set_weight(f->wishes, &wish), 0);
	run(f);
}

/* The operator's word goes before the config's, one for the pool before all. */
static void test_operator_weight(void **state)
{
	struct rec_world *f = *state;
	const struct rec_member *m;
	uint32_t one;

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	probe_says(f, 1, HEALTH_UP);
	run(f);
	m = rec_at(f->rec, 0);
	one = backend(f, 1)->weight;
	assert_int_equal(m->wanted_weight, 1);
	assert_int_equal(m->weight_from, REC_WEIGHT_POOL);
	wish_weight(f, 1, "", 7);
	assert_int_equal(backend(f, 1)->weight, 7 * one);
	assert_int_equal(m->weight_from, REC_WEIGHT_OPERATOR);
	wish_weight(f, 1, "shop/web", 3);
	assert_int_equal(backend(f, 1)->weight, 3 * one);
	wish_weight(f, 1, "shop/api", 5);
	assert_int_equal(backend(f, 1)->weight, 3 * one);
	/* Weight 0 takes no slot, but it serves: its flows go on. */
	wish_weight(f, 1, "shop/web", 0);
	assert_int_equal(backend(f, 1)->weight, 0);
	assert_int_equal(backend(f, 1)->role, DP_SERVING);
	assert_int_equal(wishes_clear_weight(f->wishes, m->uuid, ""), 0);
	run(f);
	assert_int_equal(backend(f, 1)->weight, one);
	assert_int_equal(m->weight_from, REC_WEIGHT_POOL);
}

static void test_death(void **state)
{
	struct rec_world *f = *state;

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	probe_says(f, 1, HEALTH_UP);
	run(f);
	tables_name(f, 1, 1);
	f->now_ns += SECOND_NS;
	inv_link_gone(f->inv, 11, f->now_ns);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_GONE);
	assert_string_equal(f->last_change, "hv1/web-1 gone");
}

static void test_drain(void **state)
{
	struct rec_world *f = *state;
	struct wish_drain wish = { .at_deadline = CONF_DEADLINE_RESET };

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	vm_is(f, 2, "web", HV_STATE_RUNNING);
	run(f);
	probe_says(f, 1, HEALTH_UP);
	probe_says(f, 2, HEALTH_UP);
	run(f);
	tables_name(f, 1, 2);
	memcpy(wish.uuid, uuid_of(1), HV_UUID_SIZE);
	wish.since_ms = f->now_ms;
	wish.deadline_ms = f->now_ms + 60000;
	assert_int_equal(wishes_set_drain(f->wishes, &wish), 0);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_LEAVING);
	assert_int_equal(member(f, 1)->drain, REC_DRAINING);
	assert_int_equal(member(f, 1)->drain_left_ms, 60000);
	assert_int_equal(backend(f, 2)->role, DP_SERVING);
	f->now_ms += 60001;
	run(f);
	assert_int_equal(member(f, 1)->drain, REC_DRAIN_DEADLINE);
	assert_int_equal(backend(f, 1)->role, DP_GONE);
	tables_name(f, 2, 2);
	run(f);
	/* It was cut, not drained, and that is what it is called. */
	assert_int_equal(member(f, 1)->drain, REC_DRAIN_DEADLINE);
	assert_int_equal(backend(f, 1)->role, DP_WARM);
	assert_int_equal(wishes_clear_drain(f->wishes, uuid_of(1), ""), 0);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_SERVING);
}

/* VM 1 has so many slots, a flow, and was silent for a minute. */
static void silent_with(struct rec_world *f, uint32_t n_slots)
{
	struct dp_backend_status backend = { .slots_current = n_slots,
					     .entries = 1,
					     .attached = true,
					     .quiet_ns = 60 * SECOND_NS };
	const struct dp_status status = { .backends = &backend,
					  .n_backends = 1 };

	memcpy(backend.uuid, uuid_of(1), HV_UUID_SIZE);
	strcpy(backend.pool, "shop/web");
	(void)rec_take_status(f->rec, &status);
	run(f);
}

/* Silence ends a drain early, but not while new connections may still come. */
static void test_quiet(void **state)
{
	struct rec_world *f = *state;
	struct wish_drain wish = { .quiet_after_ms = 30000 };

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	memcpy(wish.uuid, uuid_of(1), HV_UUID_SIZE);
	wish.since_ms = f->now_ms;
	wish.deadline_ms = f->now_ms + 900000;
	assert_int_equal(wishes_set_drain(f->wishes, &wish), 0);
	silent_with(f, 1);
	assert_int_equal(member(f, 1)->drain, REC_DRAINING);
	silent_with(f, 0);
	assert_int_equal(member(f, 1)->drain, REC_DRAIN_QUIET);
}

static void test_tag_taken_away(void **state)
{
	struct rec_world *f = *state;

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	probe_says(f, 1, HEALTH_UP);
	run(f);
	tables_name(f, 1, 1);
	f->now_ns += SECOND_NS;
	vm_is(f, 1, "retired", HV_STATE_RUNNING);
	run(f);
	/* Its flows stay until they are over; then it is forgotten. */
	assert_int_equal(backend(f, 1)->role, DP_LEAVING);
	tables_name(f, 2, 1);
	run(f);
	assert_int_equal(rec_count(f->rec), 0);
}

static void test_limit(void **state)
{
	struct rec_world *f = *state;
	int n_waiting = 0;
	int n;

	for (n = 1; n <= 4; n++)
		vm_is(f, n, "web", HV_STATE_RUNNING);
	run(f);
	for (n = 1; n <= 4; n++)
		probe_says(f, n, HEALTH_UP);
	run(f);
	for (n = 1; n <= 4; n++)
		n_waiting += member(f, n)->answer.reason == VERDICT_BY_LIMIT;
	assert_int_equal(n_waiting, 1);
	assert_int_equal(member(f, 4)->answer.reason, VERDICT_BY_LIMIT);
}

/* A VM that is first by name and that its hypervisor forgets is nobody's loss. */
static void test_forgotten_vm(void **state)
{
	struct rec_world *f = *state;
	struct hv_event *event;
	int n;

	for (n = 1; n <= 3; n++)
		vm_is(f, n, "web", HV_STATE_RUNNING);
	run(f);
	for (n = 1; n <= 3; n++)
		probe_says(f, n, HEALTH_UP);
	run(f);
	tables_name(f, 1, 3);
	run(f);
	f->now_ns += SECOND_NS;
	event = hv_event_new(HV_EVENT_GONE, f->now_ns);
	assert_non_null(event);
	memcpy(event->uuid, uuid_of(1), HV_UUID_SIZE);
	tell(f, event);
	run(f);
	assert_int_equal(backend(f, 2)->role, DP_SERVING);
	assert_int_equal(backend(f, 3)->role, DP_SERVING);
	/* Nor when only its remains are in the tables. */
	run(f);
	assert_int_equal(backend(f, 2)->role, DP_SERVING);
	/* And one that was never in the tables takes nobody's place. */
	tables_name(f, 2, 3);
	vm_is(f, 4, "web", HV_STATE_RUNNING);
	run(f);
	probe_says(f, 4, HEALTH_UP);
	run(f);
	assert_int_equal(backend(f, 4)->role, DP_SERVING);
}

static void test_panic(void **state)
{
	struct rec_world *f = *state;
	int n;

	for (n = 1; n <= 3; n++)
		vm_is(f, n, "web", HV_STATE_RUNNING);
	run(f);
	for (n = 1; n <= 3; n++)
		probe_says(f, n, HEALTH_UP);
	run(f);
	tables_name(f, 1, 3);
	probe_says(f, 1, HEALTH_DOWN);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_LEAVING);
	assert_int_equal(f->n_pool_changes, 0);
	probe_says(f, 2, HEALTH_DOWN);
	run(f);
	assert_int_equal(f->n_pool_changes, 1);
	for (n = 1; n <= 3; n++)
		assert_int_equal(backend(f, n)->role, DP_SERVING);
}

/* After a restart the tables name VMs that nobody has reported yet. */
static void test_restart_while_hypervisor_is_away(void **state)
{
	struct rec_world *f = *state;

	tables_name(f, 1, 2);
	tell(f, hv_event_new(HV_EVENT_LOST, f->now_ns));
	run(f);
	assert_non_null(find_backend(f, 1));
	assert_int_equal(backend(f, 1)->role, DP_SERVING);
	assert_int_equal(backend(f, 1)->ifindex, 11);
	/* It comes back and knows only one of them. */
	tell(f, hv_event_new(HV_EVENT_CONNECTED, f->now_ns));
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	tell(f, hv_event_new(HV_EVENT_LISTED, f->now_ns));
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_SERVING);
	assert_true(!backend(f, 2) || backend(f, 2)->role == DP_GONE);
}

static void test_conflict(void **state)
{
	struct rec_world *f = *state;
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	char *text = strdup(rec_config);
	char *api = strstr(text, "role=api");
	int rc;

	/* Now both pools take the VM, and both use its port 80. */
	assert_non_null(api);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): inside a text */
	memcpy(api, "!missing", 8);
	rec_forget_conf(f->rec);
	conf_free(f->conf);
	f->conf = NULL;
	rc = conf_load_text("test.cfg", text, &f->conf, errs);
	conf_errors_print(errs, stderr);
	free(text);
	free(errs);
	assert_int_equal(rc, 0);
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	assert_int_equal(rec_count(f->rec), 2);
	probe_says(f, 1, HEALTH_UP);
	rec_at(f->rec, 1)->has_target = true;
	rec_at(f->rec, 1)->probe.state = HEALTH_UP;
	run(f);
	/* New in both: the first pool by name has it. */
	assert_string_equal(rec_at(f->rec, 0)->pool_name, "shop/api");
	assert_int_equal(rec_at(f->rec, 0)->answer.verdict, VERDICT_SERVING);
	assert_int_equal(rec_at(f->rec, 1)->answer.reason, VERDICT_BY_CONFLICT);
	assert_non_null(strstr(rec_at(f->rec, 1)->why,
			       "service shop/api has port 80 of it"));
	/* And it alone is handed over: a port answers for one service. */
	assert_int_equal(f->snapshot->pools[0].n_backends +
				 f->snapshot->pools[1].n_backends,
			 1);
	/* The one that is in the tables keeps it. */
	tables_name(f, 1, 1);
	run(f);
	assert_int_equal(rec_at(f->rec, 0)->answer.reason, VERDICT_BY_CONFLICT);
	assert_int_equal(rec_at(f->rec, 1)->answer.verdict, VERDICT_SERVING);
	/* Also when it has neither slot nor flow at the moment. */
	tables_name_idle(f, 1);
	run(f);
	assert_int_equal(rec_at(f->rec, 0)->answer.reason, VERDICT_BY_CONFLICT);
	assert_int_equal(rec_at(f->rec, 1)->answer.verdict, VERDICT_SERVING);
}

/* By name of the services, whatever their pools are called. */
static void test_conflict_by_service(void **state)
{
	struct rec_world *f = *state;
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	char *text = strdup(rec_config);
	char *at;

	assert_non_null(errs);
	/* NOLINTBEGIN(bugprone-not-null-terminated-result): inside a text */
	at = strstr(text, "role=api");
	memcpy(at, "!missing", 8);
	at = strstr(strstr(text, "services ="), "name = \"http\"");
	assert_non_null(at);
	memcpy(at, "name = \"aaaa\"", 13);
	/* NOLINTEND(bugprone-not-null-terminated-result) */
	rec_forget_conf(f->rec);
	conf_free(f->conf);
	f->conf = NULL;
	assert_int_equal(conf_load_text("test.cfg", text, &f->conf, errs), 0);
	free(text);
	free(errs);
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	assert_string_equal(rec_at(f->rec, 0)->pool_name, "shop/api");
	assert_int_equal(rec_at(f->rec, 0)->answer.reason, VERDICT_BY_CONFLICT);
	assert_int_not_equal(rec_at(f->rec, 1)->answer.reason,
			     VERDICT_BY_CONFLICT);
}

/* A port is a port of a protocol: TCP 80 and UDP 80 are two. */
static void test_no_conflict_by_protocol(void **state)
{
	struct rec_world *f = *state;
	char *text = strdup(rec_config);
	char *at;

	/* NOLINTBEGIN(bugprone-not-null-terminated-result): inside a text */
	memcpy(strstr(text, "role=api"), "!missing", 8);
	at = strstr(strstr(text, "port = 81"), "\"tcp\"");
	memcpy(at, "\"udp\"", 5);
	/* NOLINTEND(bugprone-not-null-terminated-result) */
	load(f, text);
	free(text);
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	assert_int_equal(rec_count(f->rec), 2);
	assert_int_not_equal(rec_at(f->rec, 0)->answer.reason,
			     VERDICT_BY_CONFLICT);
	assert_int_not_equal(rec_at(f->rec, 1)->answer.reason,
			     VERDICT_BY_CONFLICT);
}

/* Its port is on another machine: listed with the reason, and no traffic. */
static void test_not_on_this_node(void **state)
{
	struct rec_world *f = *state;

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	probe_says(f, 1, HEALTH_UP);
	inv_hv_local(f->inv, f->hv, false, f->now_ns);
	run(f);
	assert_int_equal(member(f, 1)->answer.verdict, VERDICT_WAITING);
	assert_int_equal(member(f, 1)->answer.reason, VERDICT_BY_NODE);
	assert_null(find_backend(f, 1));
}

/* Nobody can ask its hypervisor: it stays as it was, and probes decide. */
static void test_stale(void **state)
{
	struct rec_world *f = *state;

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	vm_is(f, 2, "web", HV_STATE_RUNNING);
	vm_is(f, 3, "web", HV_STATE_RUNNING);
	run(f);
	probe_says(f, 1, HEALTH_UP);
	probe_says(f, 2, HEALTH_UP);
	probe_says(f, 3, HEALTH_UP);
	run(f);
	tables_name(f, 1, 3);
	tell(f, hv_event_new(HV_EVENT_LOST, f->now_ns));
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_SERVING);
	assert_int_equal(member(f, 1)->answer.reason, VERDICT_BY_PROBE_ALONE);
	probe_says(f, 1, HEALTH_DOWN);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_LEAVING);
	assert_int_equal(backend(f, 2)->role, DP_SERVING);
	/* The kernel is asked, too: its port is gone. */
	inv_link_gone(f->inv, 12, ++f->now_ns);
	run(f);
	assert_int_equal(backend(f, 2)->role, DP_GONE);
	assert_int_equal(backend(f, 3)->role, DP_SERVING);
	/* Back: what it says now counts. */
	tell(f, hv_event_new(HV_EVENT_CONNECTED, ++f->now_ns));
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	vm_is(f, 3, "web", HV_STATE_PAUSED);
	tell(f, hv_event_new(HV_EVENT_LISTED, ++f->now_ns));
	probe_says(f, 1, HEALTH_UP);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_SERVING);
	assert_int_equal(member(f, 1)->answer.reason, VERDICT_BY_PROBE_UP);
	assert_int_equal(backend(f, 3)->role, DP_HELD);
}

static void test_address(void **state)
{
	struct rec_world *f = *state;

	f->without_address = true;
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	assert_int_equal(member(f, 1)->answer.reason, VERDICT_BY_ADDRESS);
	assert_null(find_backend(f, 1));
	f->without_address = false;
	f->now_ns += SECOND_NS;
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_WARM);
	probe_says(f, 1, HEALTH_UP);
	run(f);
	tables_name(f, 1, 1);
	/* Another one: its packets go there from now on. */
	f->addr_shift = 70;
	f->now_ns += SECOND_NS;
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_SERVING);
	assert_int_equal(backend(f, 1)->addr.word[3], BE32(0x0a000000 + 71));
	/* None: that nobody knows it is no reason to take it out. */
	f->without_address = true;
	f->now_ns += SECOND_NS;
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	assert_int_equal(backend(f, 1)->role, DP_SERVING);
	assert_int_equal(backend(f, 1)->addr.word[3], BE32(0x0a000000 + 71));
}

/* What calls for a run, and what doesn't. */
static void test_status_is_news(void **state)
{
	struct rec_world *f = *state;
	struct dp_backend_status backend = { .attached = true };
	struct dp_status status = { .backends = &backend, .n_backends = 1 };

	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	memcpy(backend.uuid, uuid_of(1), HV_UUID_SIZE);
	strcpy(backend.pool, "shop/web");
	assert_true(rec_take_status(f->rec, &status));
	assert_false(rec_take_status(f->rec, &status));
	backend.traffic.in_packets = 7;
	assert_false(rec_take_status(f->rec, &status));
	backend.entries = 1;
	assert_true(rec_take_status(f->rec, &status));
	backend.entries = 9;
	backend.slots_current = 3;
	assert_false(rec_take_status(f->rec, &status));
	assert_int_equal(member(f, 1)->status.entries, 9);
	backend.attach_error = 16;
	assert_true(rec_take_status(f->rec, &status));
	backend.learned = true;
	assert_true(rec_take_status(f->rec, &status));
	assert_false(rec_take_status(f->rec, &status));
	status.n_backends = 0;
	assert_true(rec_take_status(f->rec, &status));
	assert_false(rec_take_status(f->rec, &status));
}

static void test_snapshot(void **state)
{
	struct rec_world *f = *state;

	run(f);
	assert_int_equal(f->snapshot->n_vips, 1);
	assert_int_equal(f->snapshot->n_services, 2);
	assert_int_equal(f->snapshot->n_pools, 2);
	assert_string_equal(f->snapshot->services[0].name, "shop/http");
	assert_int_equal(f->snapshot->services[0].port, 80);
	assert_string_equal(
		f->snapshot->pools[f->snapshot->services[0].pool].name,
		"shop/web");
	assert_memory_not_equal(&f->snapshot->pools[0].seed,
				&f->snapshot->pools[1].seed,
				sizeof(struct hash_seed));
}

/* The config with pool api as web's backup, without a service of its own. */
static void with_backup(struct rec_world *f)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	const char *slow = strstr(rec_config, "slow_start = \"10s\";");
	const char *api = strstr(rec_config, ",\n             { tenant");
	char text[2048];

	assert_non_null(errs);
	assert_non_null(slow);
	assert_non_null(api);
	snprintf(text, sizeof(text), "%.*sbackup = \"api\"; %.*s );\n",
		 (int)(slow - rec_config), rec_config, (int)(api - slow), slow);
	rec_forget_conf(f->rec);
	conf_free(f->conf);
	f->conf = NULL;
	if (conf_load_text("test.cfg", text, &f->conf, errs)) {
		conf_errors_print(errs, stderr);
		fail();
	}
	free(errs);
}

static struct rec_member *member_in(struct rec_world *f, int n,
				    const char *pool)
{
	size_t i;

	for (i = 0; i < rec_count(f->rec); i++)
		if (!memcmp(rec_at(f->rec, i)->uuid, uuid_of(n),
			    HV_UUID_SIZE) &&
		    !strcmp(rec_at(f->rec, i)->pool_name, pool))
			return rec_at(f->rec, i);
	return NULL;
}

static void probe_in(struct rec_world *f, int n, const char *pool,
		     enum health_state state)
{
	struct rec_member *m = member_in(f, n, pool);

	assert_non_null(m);
	m->has_target = true;
	m->probe.state = state;
	m->probe.settled = true;
}

/* VMs of shop/web in the tables, as they stand. */
static void stand(struct rec_world *f, int n_slots_own, bool own_learned,
		  int n_slots_backup)
{
	struct dp_backend_status b[2] = { { .attached = true },
					  { .attached = true } };
	const struct dp_status status = { .backends = b, .n_backends = 2 };

	memcpy(b[0].uuid, uuid_of(1), HV_UUID_SIZE);
	memcpy(b[1].uuid, uuid_of(2), HV_UUID_SIZE);
	strcpy(b[0].pool, "shop/web");
	strcpy(b[1].pool, "shop/web");
	b[0].slots_current = (uint32_t)n_slots_own;
	b[0].learned = own_learned;
	b[1].slots_current = (uint32_t)n_slots_backup;
	b[1].learned = true;
	b[0].ifindex = 11;
	b[1].ifindex = 12;
	rec_take_status(f->rec, &status);
}

/* The sorry server comes in when nobody else is left, and goes again. */
static void test_backup(void **state)
{
	struct rec_world *f = *state;
	const struct rec_member *own;
	const struct rec_member *sorry;

	with_backup(f);
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	vm_is(f, 2, "api", HV_STATE_RUNNING);
	run(f);
	own = member_in(f, 1, "shop/web");
	sorry = member_in(f, 2, "shop/web");
	assert_non_null(own);
	assert_non_null(sorry);
	assert_null(member_in(f, 1, "shop/api"));
	assert_true(sorry->as_backup);
	probe_in(f, 1, "shop/web", HEALTH_UP);
	probe_in(f, 2, "shop/web", HEALTH_UP);
	run(f);
	assert_int_equal(own->role, DP_SERVING);
	assert_int_equal(sorry->answer.reason, VERDICT_BY_STANDBY);
	assert_int_equal(sorry->role, DP_WARM);
	assert_true(sorry->publish); /* its port learns: ready at once */
	stand(f, 100, true, 0);
	run(f);
	assert_int_equal(sorry->role, DP_WARM);

	/* Its only VM fails. */
	f->n_pool_changes = 0;
	probe_in(f, 1, "shop/web", HEALTH_DOWN);
	run(f);
	/* One of one is a panic, which is for its own VMs only. */
	if (own->role == DP_SERVING)
		assert_int_equal(sorry->role, DP_WARM);
	vm_is(f, 1, "web", HV_STATE_OFF);
	run(f);
	assert_int_equal(own->role, DP_GONE);
	assert_int_equal(sorry->role, DP_SERVING);
	assert_true(rec_pool(f->rec, "shop/web")->on_backup);
	assert_true(f->n_pool_changes > 0);

	/* It comes back: the backup serves until its port has learned. */
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	probe_in(f, 1, "shop/web", HEALTH_UP);
	stand(f, 0, false, 100);
	run(f);
	assert_int_equal(own->role, DP_SERVING);
	assert_int_equal(sorry->role, DP_SERVING);
	stand(f, 0, true, 100);
	run(f);
	assert_int_equal(sorry->role, DP_LEAVING);
	assert_false(rec_pool(f->rec, "shop/web")->on_backup);
	stand(f, 100, true, 0);
	run(f);
	assert_int_equal(sorry->role, DP_WARM);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_join),
		TEST(test_host_rules),
		TEST(test_host_rules_come),
		TEST(test_host_rules_elsewhere),
		TEST(test_observe),
		TEST(test_backup),
		TEST(test_suspended),
		TEST(test_migrating),
		TEST(test_says_nothing_twice),
		TEST(test_slow_start),
		TEST(test_operator_weight),
		TEST(test_death),
		TEST(test_drain),
		TEST(test_quiet),
		TEST(test_tag_taken_away),
		TEST(test_limit),
		TEST(test_forgotten_vm),
		TEST(test_panic),
		TEST(test_restart_while_hypervisor_is_away),
		TEST(test_conflict),
		TEST(test_conflict_by_service),
		TEST(test_no_conflict_by_protocol),
		TEST(test_not_on_this_node),
		TEST(test_stale),
		TEST(test_address),
		TEST(test_status_is_news),
		TEST(test_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
