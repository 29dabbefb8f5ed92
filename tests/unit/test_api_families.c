/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The API's objects of a pool that serves IPv4 and IPv6: one a VM and a pool,
 * with what is true of both. Behind it are the real routes and reconcile; the data
 * plane is one that has what a test says.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/api_request.h"
#include "control/daemon.h"
#include "rec_world.h"

static const char config[] =
	"node = { name = \"n\"; uplinks = [ \"u\" ]; };"
	"hypervisors = ( { name = \"hv1\"; } );"
	"tenants = ( { name = \"shop\"; networks = [ \"br0\" ];"
	"  vips = [ \"203.0.113.10\", \"2001:db8::10\" ]; } );"
	"pools = ( { tenant = \"shop\"; name = \"web\"; select = [ \"role\" ]; } );"
	"services = ( { tenant = \"shop\"; name = \"http\"; port = 80;"
	"    vip = \"203.0.113.10\"; pool = \"web\"; },"
	"  { tenant = \"shop\"; name = \"http6\"; port = 80;"
	"    vip = \"2001:db8::10\"; pool = \"web\"; },"
	"  { tenant = \"shop\"; name = \"h3\"; port = 443; protocol = \"quic\";"
	"    vip = \"2001:db8::10\"; pool = \"web\"; } );";

/* What the data plane has. */
static struct dp_backend_status has[4];
static uint32_t n_has;

static const struct dp_service_status services[] = {
	{ .name = "shop/http",
	  .pool = "shop/web",
	  .vip = { { 0, 0, BE32(0xffff), BE32(0xcb00710a) } },
	  .port = 80,
	  .proto = 6 },
	{ .name = "shop/http6",
	  .pool = "shop/web/ipv6",
	  .vip = { { BE32(0x20010db8), 0, 0, BE32(0x10) } },
	  .port = 80,
	  .proto = 6 },
	{ .name = "shop/h3",
	  .pool = "shop/web/ipv6",
	  .vip = { { BE32(0x20010db8), 0, 0, BE32(0x10) } },
	  .port = 443,
	  .proto = 17,
	  .quic = true },
	{ .name = "shop/dns",
	  .pool = "shop/web",
	  .vip = { { 0, 0, BE32(0xffff), BE32(0xcb00710a) } },
	  .port = 53,
	  .proto = 17 },
};

static const struct dp_pool_status pools[] = {
	{ .name = "shop/web", .n_slots = 1000, .n_moving = 1, .n_refused = 5 },
	{ .name = "shop/web/ipv6", .n_slots = 1000, .n_refused = 6 },
};

static void *copy(const void *from, size_t size)
{
	void *to = malloc(size + 1);

	assert_non_null(to);
	memcpy(to, from, size);
	return to;
}

static int status(struct dp *dp, uint64_t now_ns, struct dp_status *ret)
{
	(void)dp;
	(void)now_ns;
	*ret = (struct dp_status){
		.pools = copy(pools, sizeof(pools)),
		.n_pools = ARRAY_SIZE(pools),
		.backends = copy(has, sizeof(has)),
		.n_backends = n_has,
		.services = copy(services, sizeof(services)),
		.n_services = ARRAY_SIZE(services),
	};
	return 0;
}

static struct dp_flow asked;

static int explain(struct dp *dp, const struct dp_flow *flow, uint64_t now_ns,
		   struct dp_explanation *ret)
{
	(void)dp;
	(void)now_ns;
	asked = *flow;
	*ret = (struct dp_explanation){ .pool = "shop/web/ipv6",
					.service = "shop/http6",
					.backend = 2,
					.target_port = 80,
					.addr = flow->client };
	return 0;
}

static const struct dp_ops engine = { .name = "told",
				      .status = status,
				      .explain = explain };

struct api_world {
	struct rec_world *rec;
	struct daemon d;
	json_t *answer;
	int http_status;
};

static void no_state(uint64_t id, enum health_state old,
		     const struct health_status *s, void *arg)
{
	(void)id;
	(void)old;
	(void)s;
	(void)arg;
}

static void no_trouble(int err, const char *text, void *arg)
{
	(void)err;
	(void)text;
	(void)arg;
}

static int api_setup(void **state)
{
	const struct health_hooks hooks = { .on_state = no_state,
					    .on_trouble = no_trouble };
	const struct health_limits limits = { .max_sockets = 1 };
	struct api_world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	n_has = 0;
	assert_int_equal(setup((void **)&w->rec), 0);
	load(w->rec, config);
	w->d.engine = &engine;
	w->d.conf = w->rec->conf;
	w->d.inv = w->rec->inv;
	w->d.rec = w->rec->rec;
	w->d.wishes = w->rec->wishes;
	w->d.store = w->rec->store;
	w->d.base = event_base_new();
	assert_int_equal(health_open(w->d.base, &limits, &hooks, &w->d.health),
			 0);
	*state = w;
	return 0;
}

static int api_teardown(void **state)
{
	struct api_world *w = *state;

	json_decref(w->answer);
	health_close(w->d.health);
	event_base_free(w->d.base);
	dp_status_free(&w->d.status);
	assert_int_equal(teardown((void **)&w->rec), 0);
	free(w);
	return 0;
}

static void take(void *arg, int http_status, const char *text)
{
	struct api_world *w = arg;
	json_error_t error;

	w->http_status = http_status;
	json_decref(w->answer);
	w->answer = json_loads(text, 0, &error);
	assert_non_null(w->answer);
}

/* The `data` of the answer; the world's. */
static json_t *get(struct api_world *w, const char *path, const char *query)
{
	struct api_request r = { .daemon = &w->d, .send = take, .send_arg = w };

	api_dispatch(&r, "GET", path, query, "", 0);
	return json_object_get(w->answer, "data");
}

static json_int_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		fail_msg("no number: %s", key);
	return json_integer_value(value);
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	if (!value)
		fail_msg("no text: %s", key);
	return value ? value : "";
}

/* VM @n has that many slots and flows there. */
static void stands(int n, const char *table, uint32_t slots, uint64_t flows)
{
	struct dp_backend_status *b = &has[n_has++];

	*b = (struct dp_backend_status){ .number = (uint16_t)n_has,
					 .attached = true,
					 .learned = true,
					 .exact = flows == 0,
					 .slots_current = slots,
					 .flows = flows,
					 .ifindex = (uint32_t)(10 + n),
					 .traffic.in_packets = 10 * flows };
	memcpy(b->uuid, uuid_of(n), HV_UUID_SIZE);
	snprintf(b->pool, sizeof(b->pool), "%s", table);
	snprintf(b->name, sizeof(b->name), "hv1/web-%d", n);
}

/* VM 1 serves by both, VM 2 has no IPv6 address. */
static void two_vms(struct api_world *w)
{
	struct health_status up = { .state = HEALTH_UP, .settled = true };
	size_t i;

	w->rec->with_v6 = true;
	vm_is(w->rec, 1, "web", HV_STATE_RUNNING);
	w->rec->with_v6 = false;
	vm_is(w->rec, 2, "web", HV_STATE_RUNNING);
	run(w->rec);
	for (i = 0; i < rec_count(w->d.rec); i++) {
		if (!rec_at(w->d.rec, i)->has_addr)
			continue;
		rec_at(w->d.rec, i)->has_target = true;
		snprintf(up.reason, sizeof(up.reason), "answer %zu", i);
		rec_take_probe(w->d.rec, rec_at(w->d.rec, i)->id, &up);
	}
	stands(1, "shop/web", 600, 7);
	stands(2, "shop/web", 400, 0);
	stands(1, "shop/web/ipv6", 1000, 3);
	assert_int_equal(daemon_look(&w->d), 0);
	run(w->rec);
}

static void test_vm(void **state)
{
	struct api_world *w = *state;
	json_t *vms;
	json_t *pool;
	json_t *v6;

	two_vms(w);
	vms = get(w, "/v1/vms", NULL);
	assert_int_equal(json_array_size(vms), 2);
	assert_string_equal(text(json_array_get(vms, 0), "address"),
			    "10.0.0.1");
	pool = json_object_get(json_array_get(vms, 0), "pools");
	assert_int_equal(json_array_size(pool), 1);
	pool = json_array_get(pool, 0);
	assert_string_equal(text(pool, "pool"), "shop/web");
	assert_string_equal(text(pool, "family"), "both");
	assert_string_equal(text(pool, "role"), "serving");
	/* The same reason in both is told once. */
	assert_string_equal(text(pool, "why"), "healthy: answer 0");
	assert_int_equal(number(pool, "slots"), 1600);
	assert_int_equal(number(pool, "flows"), 10);
	assert_int_equal(number(pool, "in_packets"), 100);
	assert_true(json_real_value(json_object_get(pool, "slots_percent")) ==
		    80.0);
	v6 = json_array_get(json_object_get(pool, "families"), 1);
	assert_string_equal(text(v6, "family"), "ipv6");
	assert_string_equal(text(v6, "address"), "2001:db8:1::1");
	assert_int_equal(number(v6, "slots"), 1000);
	assert_int_equal(number(v6, "flows"), 3);
	assert_int_equal(number(v6, "backend"), 3);

	pool = json_array_get(json_object_get(json_array_get(vms, 1), "pools"),
			      0);
	assert_string_equal(text(pool, "role"), "serving");
	assert_memory_equal(text(pool, "why"),
			    "IPv6: its address is not known yet", 34);
	assert_non_null(strstr(text(pool, "why"), "; IPv4: healthy"));
	assert_int_equal(number(pool, "slots"), 400);
	assert_int_equal(number(pool, "backend"), 2);
	assert_string_equal(text(json_object_get(pool, "health"), "state"),
			    "up");
	v6 = json_array_get(json_object_get(pool, "families"), 1);
	assert_string_equal(text(v6, "role"), "waiting");
	assert_string_equal(text(v6, "reason"), "no_address");
	assert_string_equal(text(v6, "address"), "");
	assert_null(json_object_get(v6, "slots"));
}

static void test_pool(void **state)
{
	struct api_world *w = *state;
	json_t *pool;
	json_t *v6;

	two_vms(w);
	assert_int_equal(json_array_size(get(w, "/v1/pools", NULL)), 1);
	pool = get(w, "/v1/pools/web", NULL);
	assert_int_equal(number(pool, "vms"), 2);
	assert_int_equal(number(pool, "serving"), 2);
	assert_int_equal(number(pool, "waiting"), 0);
	assert_int_equal(number(pool, "slots"), 2000);
	assert_int_equal(number(pool, "moving"), 1);
	assert_int_equal(number(pool, "refused"), 11);
	assert_string_equal(text(pool, "note"), "");
	assert_int_equal(json_array_size(json_object_get(pool, "members")), 2);
	v6 = json_array_get(json_object_get(pool, "families"), 1);
	assert_string_equal(text(v6, "family"), "ipv6");
	assert_int_equal(number(v6, "serving"), 1);
	assert_int_equal(number(v6, "waiting"), 1);
	assert_int_equal(number(v6, "slots"), 1000);
	assert_int_equal(number(v6, "refused"), 6);
}

/* Nobody serves by IPv6: the pool says which, and only its services do. */
static void test_notes(void **state)
{
	struct api_world *w = *state;
	json_t *list;

	w->rec->with_v6 = false;
	two_vms(w);
	w->rec->without_address = false;
	vm_is(w->rec, 1, "web", HV_STATE_RUNNING);
	n_has = 2;
	assert_int_equal(daemon_look(&w->d), 0);
	run(w->rec);
	list = get(w, "/v1/pools", NULL);
	assert_string_equal(text(json_array_get(list, 0), "note"),
			    "IPv6: nobody serves");
	assert_int_equal(number(json_array_get(list, 0), "serving"), 2);
	list = get(w, "/v1/services", NULL);
	assert_string_equal(text(json_array_get(list, 0), "note"), "");
	assert_string_equal(text(json_array_get(list, 1), "note"),
			    "nobody serves");
}

static void test_services(void **state)
{
	struct api_world *w = *state;
	json_t *list = get(w, "/v1/services", NULL);

	assert_string_equal(text(json_array_get(list, 0), "protocol"), "tcp");
	assert_string_equal(text(json_array_get(list, 0), "family"), "ipv4");
	assert_string_equal(text(json_array_get(list, 1), "pool"), "shop/web");
	assert_string_equal(text(json_array_get(list, 1), "vip"),
			    "2001:db8::10");
	assert_string_equal(text(json_array_get(list, 1), "family"), "ipv6");
	assert_string_equal(text(json_array_get(list, 2), "protocol"), "quic");
	assert_string_equal(text(json_array_get(list, 3), "protocol"), "udp");
}

static void test_drain(void **state)
{
	struct api_world *w = *state;
	struct wish_drain wish = { .deadline_ms = UINT64_MAX };
	json_t *pool;

	two_vms(w);
	memcpy(wish.uuid, uuid_of(1), HV_UUID_SIZE);
	assert_int_equal(wishes_set_drain(w->rec->wishes, &wish), 0);
	has[0].slots_current = 0;
	has[0].flows = 0;
	assert_int_equal(daemon_look(&w->d), 0);
	run(w->rec);
	pool = json_array_get(
		json_object_get(get(w, "/v1/vms/web-1", NULL), "pools"), 0);
	assert_string_equal(text(json_object_get(pool, "drain"), "state"),
			    "draining");
	assert_string_equal(
		text(json_array_get(json_object_get(pool, "families"), 0),
		     "drain_state"),
		"drained");
	has[2].slots_current = 0;
	assert_int_equal(daemon_look(&w->d), 0);
	run(w->rec);
	pool = json_array_get(
		json_object_get(get(w, "/v1/vms/web-1", NULL), "pools"), 0);
	assert_string_equal(text(json_object_get(pool, "drain"), "state"),
			    "drained");
}

static void test_explain(void **state)
{
	struct api_world *w = *state;
	json_t *data;

	data = get(w, "/v1/explain",
		   "client=%5B2001:db8::7%5D:40000&service=http6");
	assert_string_equal(text(data, "client"), "[2001:db8::7]:40000");
	assert_string_equal(text(data, "vip"), "[2001:db8::10]:80");
	assert_string_equal(text(data, "pool"), "shop/web");
	assert_string_equal(text(data, "target"), "[2001:db8::7]:80");
	assert_int_equal(asked.proto, 6);
	assert_int_equal(asked.kind, FLOW_OTHER);
}

/* By the protocol's own rules: only TCP and QUIC have openers. */
static void test_explain_kinds(void **state)
{
	static const struct {
		const char *query;
		int status;
		uint8_t proto;
		enum flow_kind kind;
	} rows[] = {
		{ "client=%5B::7%5D:1&service=h3", 200, 17, FLOW_OTHER },
		{ "client=%5B::7%5D:1&service=h3&kind=opener", 200, 17,
		  FLOW_OPENER },
		{ "client=192.0.2.7:1&service=http&kind=opener", 200, 6,
		  FLOW_OPENER },
		{ "client=192.0.2.7:1&service=dns", 200, 17, FLOW_UDP },
		{ "client=192.0.2.7:1&service=dns&kind=opener", 400, 0, 0 },
		{ "client=192.0.2.7:1&service=h3", 400, 0, 0 },
		{ "client=%5B::7%5D:1&service=http", 400, 0, 0 },
		{ "client=%5B::7%5D&service=h3", 400, 0, 0 },
		{ "client=::7:1&service=h3", 400, 0, 0 },
	};
	struct api_world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)get(w, "/v1/explain", rows[i].query);
		if (w->http_status != rows[i].status)
			fail_msg("%s: %d", rows[i].query, w->http_status);
		if (w->http_status != 200)
			continue;
		assert_int_equal(asked.proto, rows[i].proto);
		assert_int_equal(asked.kind, rows[i].kind);
	}
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, api_setup, api_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_vm),
		TEST(test_pool),
		TEST(test_notes),
		TEST(test_services),
		TEST(test_drain),
		TEST(test_explain),
		TEST(test_explain_kinds),
	};

	return cmocka_run_group_tests_name("api_families", tests, NULL, NULL);
}
