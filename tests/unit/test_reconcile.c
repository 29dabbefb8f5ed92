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

#include "control/reconcile.h"
#include "control/store.h"

#define SECOND_NS 1000000000ULL

static const char config[] =
	"node = { name = \"n1\"; uplinks = [ \"up0\" ]; };\n"
	"hypervisors = ( { name = \"hv1\"; uri = \"qemu:///system\"; } );\n"
	"tenants = ( { name = \"shop\"; vips = [ \"203.0.113.10/32\" ];\n"
	"              networks = [ \"br0\" ]; } );\n"
	"pools = ( { tenant = \"shop\"; name = \"web\"; select = [ \"role=web\" ];\n"
	"            health = { type = \"tcp\"; port = 80; };\n"
	"            max_backends = 3; panic_threshold = 50;\n"
	"            slow_start = \"10s\"; },\n"
	"          { tenant = \"shop\"; name = \"api\"; select = [ \"role=api\" ];\n"
	"            health = { type = \"tcp\"; port = 80; }; } );\n"
	"services = ( { tenant = \"shop\"; name = \"http\";\n"
	"               vip = \"203.0.113.10\"; port = 80; protocol = \"tcp\";\n"
	"               pool = \"web\"; target_port = 80; mode = \"nat\"; },\n"
	"             { tenant = \"shop\"; name = \"api\";\n"
	"               vip = \"203.0.113.10\"; port = 81; protocol = \"tcp\";\n"
	"               pool = \"api\"; target_port = 80; mode = \"nat\"; } );\n";

struct fixture {
	char dir[32];
	struct conf *conf;
	struct store *store;
	struct wishes *wishes;
	struct inv *inv;
	struct inv_hv *hv;
	struct rec *rec;
	const struct dp_snapshot *snapshot;
	uint64_t wake_ns;
	uint64_t now_ns;
	uint64_t now_ms;
	bool without_address; /* VMs from now on, as the next one */
	int addr_shift;
	int n_changes;
	char last_change[64];
	int n_pool_changes;
	bool filtered; /* of VMs told from now on */
	bool ovs;
};

static void inv_changed(void *arg, const struct inv_change *change)
{
	(void)arg;
	(void)change;
}

static void changed(void *arg, const struct rec_member *m, const char *what)
{
	struct fixture *f = arg;

	f->n_changes++;
	snprintf(f->last_change, sizeof(f->last_change), "%.40s %s", m->vm_name,
		 what);
}

static void pool_changed(void *arg, const char *pool, const char *what,
			 const char *why)
{
	(void)pool;
	(void)what;
	(void)why;
	((struct fixture *)arg)->n_pool_changes++;
}

static int seed(void *arg, const char *pool, struct hash_seed *ret_seed)
{
	return store_seed(((struct fixture *)arg)->store, pool, ret_seed);
}

static void leaving(void *arg, struct rec_member *m)
{
	(void)arg;
	(void)m;
}

static void tell(struct fixture *f, struct hv_event *event)
{
	event->arg = f->hv;
	assert_int_equal(inv_event(f->inv, event), 0);
	hv_event_free(event);
}

static int setup(void **state)
{
	char error[STORE_ERROR_SIZE];
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct fixture *f = calloc(1, sizeof(*f));
	struct rec_hooks hooks = { changed, pool_changed, seed, leaving, f };

	assert_non_null(f);
	assert_non_null(errs);
	strcpy(f->dir, "/tmp/drover-rec-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	if (conf_load_text("test.cfg", config, &f->conf, errs)) {
		conf_errors_print(errs, stderr);
		fail();
	}
	free(errs);
	assert_int_equal(store_open(f->dir, 100, &f->store, error), 0);
	assert_int_equal(wishes_load(f->store, &f->wishes), 0);
	assert_int_equal(inv_new(inv_changed, f, &f->inv), 0);
	assert_int_equal(inv_hv_add(f->inv, "hv1", true, &f->hv), 0);
	assert_int_equal(rec_new(&hooks, &f->rec), 0);
	f->now_ns = 1000 * SECOND_NS;
	f->now_ms = 1700000000000ULL;
	tell(f, hv_event_new(HV_EVENT_CONNECTED, f->now_ns));
	tell(f, hv_event_new(HV_EVENT_LISTED, f->now_ns));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[64];

	rec_free(f->rec);
	inv_free(f->inv);
	wishes_free(f->wishes);
	store_close(f->store);
	conf_free(f->conf);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	/* NOLINTNEXTLINE(cert-env33-c): a scratch directory of its own */
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static uint8_t *uuid_of(int n)
{
	static uint8_t uuid[HV_UUID_SIZE];

	memset(uuid, 0, sizeof(uuid));
	uuid[0] = 0xab;
	uuid[15] = (uint8_t)n;
	return uuid;
}

/* VM n: named web-n, on tap vnetN with number 10 + n, address 10.0.0.n. */
static void vm_is(struct fixture *f, int n, const char *role,
		  enum hv_state vm_state)
{
	struct hv_event *event = hv_event_new(HV_EVENT_VM, f->now_ns);
	struct link_info link = { .ifindex = (uint32_t)(10 + n), .up = true };
	struct hv_vm *vm = hv_vm_new();
	char text[32];

	assert_non_null(event);
	assert_non_null(vm);
	memcpy(event->uuid, uuid_of(n), HV_UUID_SIZE);
	memcpy(vm->uuid, uuid_of(n), HV_UUID_SIZE);
	snprintf(text, sizeof(text), "web-%d", n);
	vm->name = strdup(text);
	vm->state = vm_state;
	vm->reason = "test";
	vm->run = vm_state == HV_STATE_OFF ? 0 : 1;
	vm->read_ns = f->now_ns;
	vm->tags = calloc(1, sizeof(*vm->tags));
	vm->n_tags = 1;
	vm->tags[0].name = strdup("role");
	vm->tags[0].value = strdup(role);
	vm->nics = calloc(1, sizeof(*vm->nics));
	vm->n_nics = 1;
	snprintf(text, sizeof(text), "vnet%d", n);
	vm->nics[0].port = strdup(text);
	vm->nics[0].port_managed = true;
	vm->nics[0].network = strdup("");
	vm->nics[0].bridge = strdup("br0");
	vm->nics[0].kind = f->ovs ? HV_NIC_OVS : HV_NIC_BRIDGE;
	vm->nics[0].has_filter = f->filtered;
	memcpy(vm->nics[0].mac, "\x52\x54\x00\x00\x00", 5);
	vm->nics[0].mac[5] = (uint8_t)n;
	vm->nics[0].addrs[0].ip.word[2] = BE32(0xffff);
	vm->nics[0].addrs[0].ip.word[3] = BE32(0x0a000000 + n + f->addr_shift);
	vm->nics[0].n_addrs = f->without_address ? 0 : 1;
	event->vm = vm;
	if (vm_state != HV_STATE_OFF) {
		snprintf(link.name, sizeof(link.name), "vnet%d", n);
		memcpy(link.mac, vm->nics[0].mac, sizeof(link.mac));
		link.mac[0] = 0xfe;
		assert_int_equal(inv_link(f->inv, &link, f->now_ns), 0);
	}
	tell(f, event);
}

static struct rec_member *member(struct fixture *f, int n)
{
	size_t i;

	for (i = 0; i < rec_count(f->rec); i++)
		if (!memcmp(rec_at(f->rec, i)->uuid, uuid_of(n), HV_UUID_SIZE))
			return rec_at(f->rec, i);
	fail_msg("VM %d is no member", n);
	abort(); /* not reached */
}

static void probe_says(struct fixture *f, int n, enum health_state state)
{
	struct health_status status = { .state = state, .settled = true };
	struct rec_member *m = member(f, n);

	m->has_target = true;
	snprintf(status.reason, sizeof(status.reason), "test says %s",
		 health_state_name(state));
	rec_take_probe(f->rec, m->id, &status);
}

static void run(struct fixture *f)
{
	const struct rec_input in = { f->conf, f->inv, f->wishes, f->now_ns,
				      f->now_ms };

	assert_int_equal(rec_run(f->rec, &in, &f->snapshot, &f->wake_ns), 0);
}

static const struct dp_backend *find_backend(const struct fixture *f, int n)
{
	const struct dp_pool *p;
	uint32_t i;
	uint32_t k;

	for (i = 0; i < f->snapshot->n_pools; i++) {
		p = &f->snapshot->pools[i];
		for (k = 0; k < p->n_backends; k++)
			if (!memcmp(p->backends[k].uuid, uuid_of(n),
				    HV_UUID_SIZE))
				return &p->backends[k];
	}
	return NULL;
}

static const struct dp_backend *backend(const struct fixture *f, int n)
{
	const struct dp_backend *found = find_backend(f, n);

	if (found)
		return found;
	fail_msg("VM %d is no backend", n);
	abort(); /* not reached */
}

/* The tables name these VMs now, with slots. */
static void tables_name(struct fixture *f, int first, int last)
{
	struct dp_backend_status backends[8] = { 0 };
	struct dp_status status = { .backends = backends };
	int n;

	for (n = first; n <= last; n++) {
		memcpy(backends[n - first].uuid, uuid_of(n), HV_UUID_SIZE);
		strcpy(backends[n - first].pool, "shop/web");
		snprintf(backends[n - first].name, DP_NAME_SIZE, "hv1/web-%d",
			 n);
		backends[n - first].slots_current = 100;
		backends[n - first].attached = true;
		backends[n - first].ifindex = (uint32_t)(10 + n);
		status.n_backends++;
	}
	rec_take_status(f->rec, &status);
}

/* It has a number in shop/web, but neither slot nor flow. */
static void tables_name_idle(struct fixture *f, int n)
{
	struct dp_backend_status backend = { .attached = true };
	const struct dp_status status = { .backends = &backend,
					  .n_backends = 1 };

	memcpy(backend.uuid, uuid_of(n), HV_UUID_SIZE);
	strcpy(backend.pool, "shop/web");
	rec_take_status(f->rec, &status);
}

static void test_join(void **state)
{
	struct fixture *f = *state;

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

/* What the config says is something else now. */
static void reloaded(struct fixture *f)
{
	rec_forget_conf(f->rec);
	run(f);
}

/*
 * The host has rules of its own at VM 1's port, not at VM 2's; of a pool's
 * services the strictest policy counts.
 */
static void test_host_rules(void **state)
{
	struct fixture *f = *state;
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
	struct fixture *f = *state;

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
	struct fixture *f = *state;

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
	struct fixture *f = *state;

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
	struct fixture *f = *state;

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

static void test_says_nothing_twice(void **state)
{
	struct fixture *f = *state;
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
	struct fixture *f = *state;
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

static void wish_weight(struct fixture *f, int vm, const char *pool,
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
	struct fixture *f = *state;
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
	struct fixture *f = *state;

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
	struct fixture *f = *state;
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

static void test_tag_taken_away(void **state)
{
	struct fixture *f = *state;

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
	struct fixture *f = *state;
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
	struct fixture *f = *state;
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
	struct fixture *f = *state;
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
	struct fixture *f = *state;

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
	struct fixture *f = *state;
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	char *text = strdup(config);
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
	struct fixture *f = *state;
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	char *text = strdup(config);
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

/* Its port is on another machine: listed with the reason, and no traffic. */
static void test_not_on_this_node(void **state)
{
	struct fixture *f = *state;

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
	struct fixture *f = *state;

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
	struct fixture *f = *state;

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
	struct fixture *f = *state;
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
	status.n_backends = 0;
	assert_true(rec_take_status(f->rec, &status));
	assert_false(rec_take_status(f->rec, &status));
}

static void test_snapshot(void **state)
{
	struct fixture *f = *state;

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
static void with_backup(struct fixture *f)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	const char *slow = strstr(config, "slow_start = \"10s\";");
	const char *api = strstr(config, ",\n             { tenant");
	char text[2048];

	assert_non_null(errs);
	assert_non_null(slow);
	assert_non_null(api);
	snprintf(text, sizeof(text), "%.*sbackup = \"api\"; %.*s );\n",
		 (int)(slow - config), config, (int)(api - slow), slow);
	rec_forget_conf(f->rec);
	conf_free(f->conf);
	f->conf = NULL;
	if (conf_load_text("test.cfg", text, &f->conf, errs)) {
		conf_errors_print(errs, stderr);
		fail();
	}
	free(errs);
}

static struct rec_member *member_in(struct fixture *f, int n, const char *pool)
{
	size_t i;

	for (i = 0; i < rec_count(f->rec); i++)
		if (!memcmp(rec_at(f->rec, i)->uuid, uuid_of(n),
			    HV_UUID_SIZE) &&
		    !strcmp(rec_at(f->rec, i)->pool_name, pool))
			return rec_at(f->rec, i);
	return NULL;
}

static void probe_in(struct fixture *f, int n, const char *pool,
		     enum health_state state)
{
	struct rec_member *m = member_in(f, n, pool);

	assert_non_null(m);
	m->has_target = true;
	m->probe.state = state;
	m->probe.settled = true;
}

/* VMs of shop/web in the tables, as they stand. */
static void stand(struct fixture *f, int n_slots_own, bool own_learned,
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
	struct fixture *f = *state;
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
		TEST(test_says_nothing_twice),
		TEST(test_slow_start),
		TEST(test_operator_weight),
		TEST(test_death),
		TEST(test_drain),
		TEST(test_tag_taken_away),
		TEST(test_limit),
		TEST(test_forgotten_vm),
		TEST(test_panic),
		TEST(test_restart_while_hypervisor_is_away),
		TEST(test_conflict),
		TEST(test_conflict_by_service),
		TEST(test_not_on_this_node),
		TEST(test_stale),
		TEST(test_address),
		TEST(test_status_is_news),
		TEST(test_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
