/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world of reconcile's tests.
 */
#include "rec_world.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char rec_config[] =
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

static void inv_changed(void *arg, const struct inv_change *change)
{
	(void)arg;
	(void)change;
}

static void changed(void *arg, const struct rec_member *m, const char *what)
{
	struct rec_world *f = arg;

	f->n_changes++;
	f->n_drained += !strcmp(what, "drained");
	snprintf(f->last_change, sizeof(f->last_change), "%.40s %s", m->vm_name,
		 what);
}

static void pool_changed(void *arg, const char *pool, const char *what,
			 const char *why)
{
	struct rec_world *f = arg;

	f->n_pool_changes++;
	snprintf(f->last_pool, sizeof(f->last_pool), "%.40s %.20s %.90s", pool,
		 what, why);
}

static int seed(void *arg, const char *pool, struct hash_seed *ret_seed)
{
	return store_seed(((struct rec_world *)arg)->store, pool, ret_seed);
}

static void leaving(void *arg, struct rec_member *m)
{
	(void)arg;
	(void)m;
}

void tell(struct rec_world *f, struct hv_event *event)
{
	event->arg = f->hv;
	assert_int_equal(inv_event(f->inv, event), 0);
	hv_event_free(event);
}

int setup(void **state)
{
	char error[STORE_ERROR_SIZE];
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct rec_world *f = calloc(1, sizeof(*f));
	struct rec_hooks hooks = { changed, pool_changed, seed, leaving, f };

	assert_non_null(f);
	assert_non_null(errs);
	strcpy(f->dir, "/tmp/drover-rec-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	if (conf_load_text("test.cfg", rec_config, &f->conf, errs)) {
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

int teardown(void **state)
{
	struct rec_world *f = *state;
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

uint8_t *uuid_of(int n)
{
	static uint8_t uuid[HV_UUID_SIZE];

	memset(uuid, 0, sizeof(uuid));
	uuid[0] = 0xab;
	uuid[15] = (uint8_t)n;
	return uuid;
}

void vm_is(struct rec_world *f, int n, const char *role, enum hv_state vm_state)
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
	if (f->with_v6)
		vm->nics[0].addrs[vm->nics[0].n_addrs++].ip = (struct ip_addr){
			{ BE32(0x20010db8), BE32(0x10000), 0, BE32(n) }
		};
	event->vm = vm;
	if (vm_state != HV_STATE_OFF) {
		snprintf(link.name, sizeof(link.name), "vnet%d", n);
		memcpy(link.mac, vm->nics[0].mac, sizeof(link.mac));
		link.mac[0] = 0xfe;
		assert_int_equal(inv_link(f->inv, &link, f->now_ns), 0);
	}
	tell(f, event);
}

struct rec_member *member(struct rec_world *f, int n)
{
	size_t i;

	for (i = 0; i < rec_count(f->rec); i++)
		if (!memcmp(rec_at(f->rec, i)->uuid, uuid_of(n), HV_UUID_SIZE))
			return rec_at(f->rec, i);
	fail_msg("VM %d is no member", n);
	abort(); /* not reached */
}

void probe_says(struct rec_world *f, int n, enum health_state state)
{
	struct health_status status = { .state = state, .settled = true };
	struct rec_member *m = member(f, n);

	m->has_target = true;
	snprintf(status.reason, sizeof(status.reason), "test says %s",
		 health_state_name(state));
	rec_take_probe(f->rec, m->id, &status);
}

void run(struct rec_world *f)
{
	const struct rec_input in = { f->conf, f->inv, f->wishes, f->now_ns,
				      f->now_ms };

	assert_int_equal(rec_run(f->rec, &in, &f->snapshot, &f->wake_ns), 0);
}

const struct dp_backend *find_backend(const struct rec_world *f, int n)
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

const struct dp_backend *backend(const struct rec_world *f, int n)
{
	const struct dp_backend *found = find_backend(f, n);

	if (found)
		return found;
	fail_msg("VM %d is no backend", n);
	abort(); /* not reached */
}

void tables_name(struct rec_world *f, int first, int last)
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

void tables_name_idle(struct rec_world *f, int n)
{
	struct dp_backend_status backend = { .attached = true };
	const struct dp_status status = { .backends = &backend,
					  .n_backends = 1 };

	memcpy(backend.uuid, uuid_of(n), HV_UUID_SIZE);
	strcpy(backend.pool, "shop/web");
	rec_take_status(f->rec, &status);
}

void load(struct rec_world *f, const char *text)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct conf *conf = NULL;

	assert_non_null(errs);
	if (conf_load_text("test.cfg", text, &conf, errs)) {
		conf_errors_print(errs, stderr);
		fail();
	}
	free(errs);
	rec_forget_conf(f->rec);
	conf_free(f->conf);
	f->conf = conf;
	run(f);
}

void reloaded(struct rec_world *f)
{
	rec_forget_conf(f->rec);
	run(f);
}
