/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control/reconcile: pools that serve IPv4 and IPv6. What one family lacks must
 * never take traffic of the other away.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rec_world.h"

#define V4 "shop/web"
#define V6 "shop/web/ipv6"

/*
 * rec_config with other @services behind "http" and "api", of the VIPs
 * 2001:db8::10 and 203.0.113.10.
 */
static void load_with(struct rec_world *f, const char *services)
{
	const char *const vips = "\"203.0.113.10/32\"";
	const char *at = strstr(rec_config, vips);
	const char *end = strrchr(rec_config, ')');
	char text[4096];

	assert_non_null(at);
	assert_non_null(end);
	at += strlen(vips);
	snprintf(text, sizeof(text), "%.*s, \"2001:db8::10\"%.*s%s);\n",
		 (int)(at - rec_config), rec_config, (int)(end - at), at,
		 services);
	load(f, text);
}

/* Pools web and api want the same VMs, at the same port, by these VIPs. */
static void load_two(struct rec_world *f, const char *web, const char *api)
{
	char text[2048];

	snprintf(
		text, sizeof(text),
		"node = { name = \"n1\"; uplinks = [ \"up0\" ]; };\n"
		"hypervisors = ( { name = \"hv1\"; } );\n"
		"tenants = ( { name = \"shop\"; networks = [ \"br0\" ];\n"
		"  vips = [ \"203.0.113.10\", \"2001:db8::10\" ]; } );\n"
		"pools = (\n"
		"  { tenant = \"shop\"; name = \"web\"; select = [ \"role\" ]; },\n"
		"  { tenant = \"shop\"; name = \"api\"; select = [ \"!no\" ]; } );\n"
		"services = ( { tenant = \"shop\"; name = \"http\";\n"
		"    vip = \"%s\"; port = 80; pool = \"web\"; },\n"
		"  { tenant = \"shop\"; name = \"api\"; vip = \"%s\"; port = 81;\n"
		"    target_port = 80; pool = \"api\"; } );\n",
		web, api);
	load(f, text);
}

static const char http6[] =
	", { tenant = \"shop\"; name = \"http6\"; vip = \"2001:db8::10\";\n"
	"    port = 80; pool = \"web\"; }";

static const struct dp_pool *find_table(const struct rec_world *f,
					const char *name)
{
	uint32_t i;

	for (i = 0; i < f->snapshot->n_pools; i++)
		if (!strcmp(f->snapshot->pools[i].name, name))
			return &f->snapshot->pools[i];
	return NULL;
}

static const struct dp_pool *table(const struct rec_world *f, const char *name)
{
	const struct dp_pool *found = find_table(f, name);

	if (found)
		return found;
	fail_msg("there is no table %s", name);
	abort(); /* not reached */
}

/* VM @n in that table of the snapshot; NULL: it isn't. */
static const struct dp_backend *there(const struct rec_world *f,
				      const char *name, int n)
{
	const struct dp_pool *p = table(f, name);
	uint32_t i;

	for (i = 0; i < p->n_backends; i++)
		if (!memcmp(p->backends[i].uuid, uuid_of(n), HV_UUID_SIZE))
			return &p->backends[i];
	return NULL;
}

static struct rec_member *member_in(const struct rec_world *f, const char *name,
				    int n)
{
	size_t i;

	for (i = 0; i < rec_count(f->rec); i++)
		if (!memcmp(rec_at(f->rec, i)->uuid, uuid_of(n),
			    HV_UUID_SIZE) &&
		    !strcmp(rec_at(f->rec, i)->table, name))
			return rec_at(f->rec, i);
	fail_msg("VM %d is not in %s", n, name);
	abort(); /* not reached */
}

static void probes_say(struct rec_world *f, const char *name, int n,
		       enum health_state state)
{
	struct health_status status = { .state = state, .settled = true };
	struct rec_member *m = member_in(f, name, n);

	m->has_target = true;
	rec_take_probe(f->rec, m->id, &status);
}

/* Each of the VMs 1 to @n is well in both families. */
static void all_well(struct rec_world *f, int n)
{
	int i;

	f->with_v6 = true;
	for (i = 1; i <= n; i++)
		vm_is(f, i, "web", HV_STATE_RUNNING);
	run(f);
	for (i = 1; i <= n; i++) {
		probes_say(f, V4, i, HEALTH_UP);
		probes_say(f, V6, i, HEALTH_UP);
	}
	run(f);
}

/* @in_v4, @in_v6: slots of VM 1 there, -1 = the table has no number for it. */
static void vm_1_has(struct rec_world *f, int in_v4, int in_v6)
{
	const struct {
		const char *table;
		int slots;
	} rows[] = { { V4, in_v4 }, { V6, in_v6 } };
	struct dp_backend_status backends[2] = { 0 };
	struct dp_status status = { .backends = backends };
	struct dp_backend_status *b;
	size_t i;

	for (i = 0; i < 2; i++) {
		if (rows[i].slots < 0)
			continue;
		b = &backends[status.n_backends++];
		memcpy(b->uuid, uuid_of(1), HV_UUID_SIZE);
		snprintf(b->pool, sizeof(b->pool), "%s", rows[i].table);
		snprintf(b->name, sizeof(b->name), "hv1/web-1");
		b->slots_current = (uint32_t)rows[i].slots;
		b->attached = true;
		b->learned = true;
		b->ifindex = 11;
		b->number = (uint16_t)(1 + i);
	}
	rec_take_status(f->rec, &status);
}

static const struct dp_service *service(const struct rec_world *f,
					const char *name)
{
	uint32_t i;

	for (i = 0; i < f->snapshot->n_services; i++)
		if (!strcmp(f->snapshot->services[i].name, name))
			return &f->snapshot->services[i];
	fail_msg("no service %s", name);
	abort(); /* not reached */
}

/* Two tables of one family each, and every service in its own. */
static void test_tables(void **state)
{
	struct rec_world *f = *state;
	const struct dp_pool *v4;
	const struct dp_pool *v6;

	load_with(f, http6);
	all_well(f, 1);
	assert_int_equal(f->snapshot->n_pools, 3);
	v4 = table(f, V4);
	v6 = table(f, V6);
	assert_null(find_table(f, "shop/api/ipv6"));
	assert_memory_not_equal(&v4->seed, &v6->seed, sizeof(v4->seed));
	assert_ptr_equal(&f->snapshot->pools[service(f, "shop/http")->pool],
			 v4);
	assert_ptr_equal(&f->snapshot->pools[service(f, "shop/http6")->pool],
			 v6);
	assert_true(IP_IS_V4(there(f, V4, 1)->addr));
	assert_int_equal(there(f, V6, 1)->addr.word[0], BE32(0x20010db8));
	assert_int_equal(there(f, V6, 1)->addr.word[3], BE32(1));
	assert_int_equal(there(f, V4, 1)->role, DP_SERVING);
	assert_int_equal(there(f, V6, 1)->role, DP_SERVING);
	assert_int_equal(there(f, V6, 1)->ifindex, 11);
}

/* What the data plane is told of each service. */
static void test_services(void **state)
{
	struct rec_world *f = *state;

	load_with(f, ", { tenant = \"shop\"; name = \"dns\"; pool = \"web\";\n"
		     "    vip = \"2001:db8::10\"; port = 53;\n"
		     "    protocol = \"udp\"; },\n"
		     "  { tenant = \"shop\"; name = \"h3\"; pool = \"web\";\n"
		     "    vip = \"203.0.113.10\"; port = 443;\n"
		     "    protocol = \"quic\"; target_port = 8443; },\n"
		     "  { tenant = \"shop\"; name = \"tls\"; pool = \"web\";\n"
		     "    vip = \"203.0.113.10\"; port = 443; mss = 1380;\n"
		     "    target_port = 8443; }");
	assert_int_equal(service(f, "shop/http")->proto, 6);
	assert_int_equal(service(f, "shop/http")->mss, 0);
	assert_int_equal(service(f, "shop/dns")->proto, 17);
	assert_false(service(f, "shop/dns")->quic);
	assert_int_equal(service(f, "shop/h3")->proto, 17);
	assert_true(service(f, "shop/h3")->quic);
	assert_false(service(f, "shop/tls")->quic);
	assert_int_equal(service(f, "shop/tls")->mss, 1380);
}

/* A VM without an address of a family is only not in that table. */
static void test_no_address(void **state)
{
	struct rec_world *f = *state;

	load_with(f, http6);
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	f->with_v6 = true;
	f->without_address = true;
	vm_is(f, 2, "web", HV_STATE_RUNNING);
	run(f);
	probes_say(f, V4, 1, HEALTH_UP);
	probes_say(f, V6, 2, HEALTH_UP);
	run(f);
	assert_int_equal(there(f, V4, 1)->role, DP_SERVING);
	assert_null(there(f, V6, 1));
	assert_int_equal(member_in(f, V6, 1)->answer.reason,
			 VERDICT_BY_ADDRESS);
	assert_null(there(f, V4, 2));
	assert_int_equal(there(f, V6, 2)->role, DP_SERVING);
}

/* Services of IPv6 come, and go again: IPv4 is as it was all the while. */
static void test_come_and_go(void **state)
{
	struct rec_world *f = *state;
	struct hash_seed seed;
	uint64_t id;

	f->with_v6 = true;
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	probe_says(f, 1, HEALTH_UP);
	run(f);
	id = member_in(f, V4, 1)->id;
	seed = table(f, V4)->seed;
	assert_null(find_table(f, V6));
	vm_1_has(f, 100, -1);

	load_with(f, http6);
	assert_int_equal(member_in(f, V4, 1)->id, id);
	assert_int_equal(there(f, V4, 1)->role, DP_SERVING);
	assert_memory_equal(&table(f, V4)->seed, &seed, sizeof(seed));
	/* Its port learns, until probes find it at its IPv6 address. */
	assert_int_equal(there(f, V6, 1)->role, DP_WARM);
	probes_say(f, V6, 1, HEALTH_UP);
	run(f);
	assert_int_equal(there(f, V6, 1)->role, DP_SERVING);
	vm_1_has(f, 100, 100);

	load(f, rec_config);
	assert_null(find_table(f, V6));
	assert_int_equal(there(f, V4, 1)->role, DP_SERVING);
	assert_int_equal(there(f, V4, 1)->weight, 100);
	vm_1_has(f, 100, -1);
	run(f);
	assert_int_equal(rec_count(f->rec), 1);
}

/* The table of IPv6 keeps its name and seed when services of IPv4 come. */
static void test_stable_name(void **state)
{
	struct rec_world *f = *state;
	struct hash_seed seed;

	load_two(f, "2001:db8::10", "203.0.113.10");
	assert_null(find_table(f, V4));
	seed = table(f, V6)->seed;
	load_with(f, http6);
	(void)table(f, V4);
	assert_memory_equal(&table(f, V6)->seed, &seed, sizeof(seed));
}

/* Probes of one family say nothing of the other. */
static void test_probes(void **state)
{
	struct rec_world *f = *state;
	int n;

	load_with(f, http6);
	all_well(f, 3);
	vm_1_has(f, 100, 100);
	probes_say(f, V6, 1, HEALTH_DOWN);
	run(f);
	assert_int_equal(there(f, V4, 1)->role, DP_SERVING);
	assert_int_equal(there(f, V6, 1)->role, DP_LEAVING);
	assert_string_equal(f->last_change, "hv1/web-1 leaving");

	/* All of IPv6 is down: that is a panic of IPv6, and of nothing else. */
	for (n = 1; n <= 3; n++)
		probes_say(f, V6, n, HEALTH_DOWN);
	run(f);
	assert_int_equal(rec_pool(f->rec, V4)->panic.state, PANIC_CALM);
	assert_int_equal(rec_pool(f->rec, V6)->panic.state, PANIC_ON);
	assert_int_equal(there(f, V6, 2)->role, DP_SERVING);
	assert_memory_equal(f->last_pool, "shop/web panic IPv6: panic: 0 of 3",
			    34);
}

/* A drain is of the VM: over when it is over in both, and told once. */
static void test_drain(void **state)
{
	struct rec_world *f = *state;
	struct wish_drain wish = { .deadline_ms = f->now_ms + 60000 };
	int told;

	load_with(f, http6);
	all_well(f, 2);
	vm_1_has(f, 100, 100);
	run(f);
	memcpy(wish.uuid, uuid_of(1), HV_UUID_SIZE);
	assert_int_equal(wishes_set_drain(f->wishes, &wish), 0);
	run(f);
	assert_int_equal(there(f, V4, 1)->role, DP_LEAVING);
	assert_int_equal(there(f, V6, 1)->role, DP_LEAVING);
	assert_int_equal(there(f, V4, 2)->role, DP_SERVING);

	vm_1_has(f, 0, 100);
	run(f);
	assert_int_equal(member_in(f, V4, 1)->drain, REC_DRAINED);
	assert_int_equal(member_in(f, V6, 1)->drain, REC_DRAINING);
	assert_int_equal(f->n_drained, 0);
	vm_1_has(f, 0, 0);
	run(f);
	assert_int_equal(member_in(f, V6, 1)->drain, REC_DRAINED);
	assert_string_equal(f->last_change, "hv1/web-1 drained");
	told = f->n_changes;
	run(f);
	assert_int_equal(f->n_changes, told);
	assert_int_equal(f->n_drained, 1);

	assert_int_equal(wishes_clear_drain(f->wishes, uuid_of(1), ""), 0);
	run(f);
	assert_int_equal(there(f, V4, 1)->role, DP_SERVING);
	assert_int_equal(there(f, V6, 1)->role, DP_SERVING);
	assert_int_equal(f->n_drained, 1);
}

/* With no address of IPv6 there is nothing to drain there. */
static void test_drain_one(void **state)
{
	struct rec_world *f = *state;
	struct wish_drain wish = { .deadline_ms = f->now_ms + 60000 };

	load_with(f, http6);
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	probes_say(f, V4, 1, HEALTH_UP);
	vm_1_has(f, 100, -1);
	run(f);
	memcpy(wish.uuid, uuid_of(1), HV_UUID_SIZE);
	snprintf(wish.pool, sizeof(wish.pool), "shop/web");
	assert_int_equal(wishes_set_drain(f->wishes, &wish), 0);
	run(f);
	assert_string_equal(f->last_change, "hv1/web-1 waiting");
	assert_int_equal(member_in(f, V4, 1)->drain, REC_DRAINING);
	vm_1_has(f, 0, -1);
	run(f);
	assert_string_equal(f->last_change, "hv1/web-1 drained");
}

static void test_drain_join(void **state)
{
	static const struct {
		enum rec_drain a, b, whole;
	} rows[] = {
		{ REC_DRAIN_NONE, REC_DRAIN_NONE, REC_DRAIN_NONE },
		{ REC_DRAINED, REC_DRAINED, REC_DRAINED },
		{ REC_DRAINED, REC_DRAINING, REC_DRAINING },
		{ REC_DRAIN_DEADLINE, REC_DRAINING, REC_DRAINING },
		{ REC_DRAIN_DEADLINE, REC_DRAINED, REC_DRAIN_DEADLINE },
		{ REC_DRAIN_DEADLINE, REC_DRAIN_QUIET, REC_DRAIN_DEADLINE },
		{ REC_DRAINED, REC_DRAIN_QUIET, REC_DRAIN_QUIET },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(rec_drain_join(rows[i].a, rows[i].b),
				 rows[i].whole);
		assert_int_equal(rec_drain_join(rows[i].b, rows[i].a),
				 rows[i].whole);
	}
}

/* An operator's weight, and one for the pool, count in both. */
static void test_weight(void **state)
{
	struct rec_world *f = *state;
	struct wish_weight wish = { .weight = 3 };

	load_with(f, http6);
	all_well(f, 1);
	memcpy(wish.uuid, uuid_of(1), HV_UUID_SIZE);
	snprintf(wish.pool, sizeof(wish.pool), "shop/web");
	assert_int_equal(wishes_set_weight(f->wishes, &wish), 0);
	run(f);
	assert_int_equal(there(f, V4, 1)->weight, 300);
	assert_int_equal(there(f, V6, 1)->weight, 300);
}

/* Port 80 of a VM for two pools: of one family that is one too many. */
static void test_conflict(void **state)
{
	struct rec_world *f = *state;

	f->with_v6 = true;
	load_two(f, "2001:db8::10", "203.0.113.10");
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	assert_int_equal(rec_count(f->rec), 2);
	assert_false(member_in(f, V6, 1)->facts.conflict);
	assert_false(member_in(f, "shop/api", 1)->facts.conflict);

	load_two(f, "2001:db8::10", "2001:db8::10");
	assert_true(member_in(f, V6, 1)->facts.conflict);
	assert_non_null(strstr(member_in(f, V6, 1)->why,
			       "service shop/api has port 80 of it"));
	assert_false(member_in(f, "shop/api/ipv6", 1)->facts.conflict);
}

/* Who is found in the tables after a restart is known by the table's name. */
static void test_restart(void **state)
{
	struct rec_world *f = *state;

	load_with(f, http6);
	vm_1_has(f, 100, 100);
	assert_int_equal(rec_count(f->rec), 2);
	assert_string_equal(member_in(f, V6, 1)->pool_name, "shop/web");
	assert_int_equal(member_in(f, V6, 1)->family, FAMILY_V6);
	assert_ptr_equal(rec_sibling(f->rec, member_in(f, V6, 1)),
			 member_in(f, V4, 1));
	f->with_v6 = true;
	vm_is(f, 1, "web", HV_STATE_RUNNING);
	run(f);
	/* Nobody has probed it yet: it goes on. */
	assert_int_equal(there(f, V4, 1)->role, DP_SERVING);
	assert_int_equal(there(f, V6, 1)->role, DP_SERVING);
	assert_true(there(f, V6, 1)->weight == 100);
}

/* Names of tables, also of pools that look like one. */
static void test_names(void **state)
{
	char name[DP_NAME_SIZE];

	(void)state;
	family_table("shop/web", FAMILY_V4, name);
	assert_string_equal(name, "shop/web");
	family_table("shop/web", FAMILY_V6, name);
	assert_string_equal(name, "shop/web/ipv6");
	assert_int_equal(family_split("shop/web/ipv6", name), FAMILY_V6);
	assert_string_equal(name, "shop/web");
	assert_int_equal(family_split("shop/ipv6", name), FAMILY_V4);
	assert_string_equal(name, "shop/ipv6");
	assert_int_equal(family_split("shop/ipv6/ipv6", name), FAMILY_V6);
	assert_string_equal(name, "shop/ipv6");
	assert_int_equal(family_split("", name), FAMILY_V4);
	assert_true(family_is_of("shop/web", "shop/web"));
	assert_true(family_is_of("shop/web/ipv6", "shop/web"));
	assert_false(family_is_of("shop/web-2", "shop/web"));
	assert_false(family_is_of("shop/web", "shop/web-2"));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tables),
		TEST(test_services),
		TEST(test_no_address),
		TEST(test_come_and_go),
		TEST(test_stable_name),
		TEST(test_probes),
		TEST(test_drain),
		TEST(test_drain_one),
		TEST(test_weight),
		TEST(test_conflict),
		TEST(test_restart),
		cmocka_unit_test(test_drain_join),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("dual_stack", tests, NULL, NULL);
}
