/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control/hypervisors: the config's hypervisors, on libvirt's own test driver,
 * and those whose machines somebody lists.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "control/feeds.h"
#include "control/hypervisors.h"
#include "control/store.h"

#define WAIT_NS 5000000000ULL

/* libvirt's test driver, from a file: one VM, of this UUID. */
static const char node_xml[] =
	"<node>%s<domain type='test'><name>other</name>"
	"<uuid>%s</uuid><memory>8192</memory><os><type>hvm</type></os>"
	"</domain></node>";

struct world {
	struct event_base *base;
	struct store *store;
	struct feeds *feeds;
	struct inv *inv;
	struct hypervisors *hypervisors;
	char dir[32];
	size_t count[INV_N_WHATS];
};

static void told(void *arg, const struct inv_change *change)
{
	((struct world *)arg)->count[change->what]++;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char error[STORE_ERROR_SIZE];

	assert_non_null(w);
	strcpy(w->dir, "/tmp/drover-hvs-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->base = event_base_new();
	assert_non_null(w->base);
	assert_int_equal(inv_new(told, w, &w->inv), 0);
	assert_int_equal(store_open(w->dir, 10, &w->store, error), 0);
	assert_int_equal(feeds_load(w->store, 0, 0, &w->feeds), 0);
	assert_int_equal(
		hypervisors_new(w->base, w->inv, w->feeds, &w->hypervisors), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = { "node.xml", "auth file",
					     "drover.db", "drover.db-wal",
					     "drover.db-shm" };
	struct world *w = *state;
	char path[64];
	size_t i;

	hypervisors_free(w->hypervisors);
	feeds_free(w->feeds);
	store_close(w->store);
	inv_free(w->inv);
	event_base_free(w->base);
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, files[i]);
		unlink(path);
	}
	rmdir(w->dir);
	free(w);
	return 0;
}

static void write_file(const struct world *w, const char *name,
		       const char *text, char ret_path[64])
{
	FILE *file;

	snprintf(ret_path, 64, "%s/%s", w->dir, name);
	file = fopen(ret_path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* What a config has beside its hypervisors. */
static const char rest[] =
	"node = { name = \"n1\"; uplinks = [ \"up0\" ]; };\n"
	"tenants = ( { name = \"shop\"; vips = [ \"203.0.113.1/32\" ];\n"
	"              networks = [ \"br0\" ]; } );\n"
	"pools = ( { tenant = \"shop\"; name = \"web\";\n"
	"            select = [ \"a=b\" ]; health = { port = 80; }; } );\n"
	"services = ( { tenant = \"shop\"; name = \"http\"; port = 80;\n"
	"               vip = \"203.0.113.1\"; pool = \"web\"; } );\n";

static struct conf *conf_with(const char *uri, const char *poll)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct conf *conf = NULL;
	char text[2048];

	assert_non_null(errs);
	snprintf(text, sizeof(text),
		 "hypervisors = ( { name = \"hv1\"; uri = \"%s\"; "
		 "poll = \"%s\"; } );\n%s",
		 uri, poll, rest);
	if (conf_load_text("test.cfg", text, &conf, errs)) {
		conf_errors_print(errs, stderr);
		fail();
	}
	free(errs);
	return conf;
}

static void apply(struct world *w, const char *uri, const char *poll)
{
	struct conf *conf = conf_with(uri, poll);

	assert_int_equal(hypervisors_apply(w->hypervisors, conf), 0);
	conf_free(conf);
}

static void turn(struct world *w)
{
	const struct timeval pause = { 0, 10000 };

	event_base_loopexit(w->base, &pause);
	event_base_dispatch(w->base);
}

static void await_connected(struct world *w)
{
	const uint64_t end_ns = hv_clock_ns() + WAIT_NS;

	while (!inv_hvs(w->inv)->connected) {
		assert_true(hv_clock_ns() < end_ns);
		turn(w);
	}
}

/* Another pace is no reason to lose a VM; nor is another way to it. */
static void test_change_keeps_vms(void **state)
{
	struct world *w = *state;
	uint8_t uuid[HV_UUID_SIZE];

	apply(w, "test:///default", "5s");
	await_connected(w);
	assert_int_equal(inv_count(w->inv), 1);
	memcpy(uuid, inv_at(w->inv, 0)->uuid, sizeof(uuid));
	apply(w, "test:///default", "6s");
	assert_true(inv_get(w->inv, uuid)->stale);
	await_connected(w);
	turn(w);
	assert_non_null(inv_get(w->inv, uuid));
	assert_false(inv_get(w->inv, uuid)->stale);
	assert_int_equal(w->count[INV_ENDED], 0);
	assert_int_equal(w->count[INV_REMOVED], 0);
	/* The same again: nothing happens at all. */
	apply(w, "test:///default", "6s");
	assert_true(inv_hvs(w->inv)->connected);
}

/* What the new way does not know is gone, once that is certain. */
static void test_other_host(void **state)
{
	static const char other[] = "deadbeef-0000-4000-8000-000000000001";
	const uint64_t end_ns = hv_clock_ns() + WAIT_NS;
	struct world *w = *state;
	char text[512];
	char path[64];
	char uri[96];

	snprintf(text, sizeof(text), node_xml, "", other);
	write_file(w, "node.xml", text, path);
	apply(w, "test:///default", "5s");
	await_connected(w);
	snprintf(uri, sizeof(uri), "test://%s", path);
	apply(w, uri, "5s");
	assert_int_equal(inv_count(w->inv), 1);
	await_connected(w);
	while (w->count[INV_REMOVED] == 0) {
		assert_true(hv_clock_ns() < end_ns);
		turn(w);
	}
	assert_int_equal(inv_count(w->inv), 1);
	assert_string_equal(inv_at(w->inv, 0)->vm->name, "other");
}

/* A hypervisor that asks who we are: the file of credentials says it. */
static void test_auth_file(void **state)
{
	static const char user[] =
		"<auth><user password='secret'>drover</user></auth>";
	const uint64_t end_ns = hv_clock_ns() + WAIT_NS;
	struct world *w = *state;
	struct conf_hypervisor hypervisor = { .name = "hv1",
					      .poll_ms = 5000,
					      .auth_file = "" };
	struct conf conf = { .node = { .name = "n1" },
			     .hypervisors = &hypervisor,
			     .n_hypervisors = 1 };
	char text[512];
	char auth[64];
	char path[64];
	char uri[96];

	snprintf(text, sizeof(text), node_xml, user,
		 "deadbeef-0000-4000-8000-000000000001");
	write_file(w, "node.xml", text, path);
	write_file(w, "auth file",
		   "[credentials-ours]\nusername=drover\npassword=secret\n"
		   "[auth-test-localhost]\ncredentials=ours\n",
		   auth);
	snprintf(uri, sizeof(uri), "test://%s", path);
	hypervisor.uri = uri;
	assert_int_equal(hypervisors_apply(w->hypervisors, &conf), 0);
	while (!inv_hvs(w->inv)->since_ns) {
		assert_true(hv_clock_ns() < end_ns);
		turn(w);
	}
	assert_false(inv_hvs(w->inv)->connected);
	assert_non_null(strstr(inv_hvs(w->inv)->text, "auth"));
	hypervisor.auth_file = auth;
	assert_int_equal(hypervisors_apply(w->hypervisors, &conf), 0);
	await_connected(w);
	assert_int_equal(inv_count(w->inv), 1);
}

/* --- the static driver -------------------------------------------------- */

static struct conf *conf_static(const char *vms)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct conf *conf = NULL;
	char text[2048];

	assert_non_null(errs);
	snprintf(text, sizeof(text),
		 "hypervisors = ( { name = \"racks\"; driver = \"static\";\n"
		 "vms = ( %s ); } );\n%s",
		 vms, rest);
	if (conf_load_text("test.cfg", text, &conf, errs)) {
		conf_errors_print(errs, stderr);
		fail();
	}
	free(errs);
	return conf;
}

static void apply_static(struct world *w, const char *vms)
{
	struct conf *conf = conf_static(vms);

	assert_int_equal(hypervisors_apply(w->hypervisors, conf), 0);
	conf_free(conf);
	turn(w);
}

#define WEB1                                                \
	"{ name = \"web-1\"; addresses = [ \"10.0.0.7\" ];" \
	"  network = \"br0\"; interface = \"veth1\";"       \
	"  mac = \"52:54:00:00:00:07\"; tags = [ \"a=b\", \"c=d\" ]; }"

static void test_static(void **state)
{
	static const uint8_t mac[] = { 0x52, 0x54, 0, 0, 0, 7 };
	struct world *w = *state;
	const struct inv_vm *vm;

	apply_static(w, WEB1);
	assert_true(inv_hvs(w->inv)->connected);
	assert_true(inv_hvs(w->inv)->local);
	assert_int_equal(inv_count(w->inv), 1);
	vm = inv_at(w->inv, 0);
	assert_string_equal(vm->vm->name, "web-1");
	assert_int_equal(vm->run, INV_RUN_UP);
	assert_int_equal(vm->vm->n_tags, 2);
	assert_string_equal(vm->vm->tags[1].name, "c");
	assert_string_equal(vm->vm->tags[1].value, "d");
	assert_int_equal(vm->vm->n_nics, 1);
	assert_string_equal(vm->vm->nics[0].port, "veth1");
	assert_string_equal(vm->vm->nics[0].bridge, "br0");
	assert_memory_equal(vm->vm->nics[0].mac, mac, sizeof(mac));
	assert_non_null(inv_vm_addr(vm, 0, true));
	assert_int_equal(inv_vm_addr(vm, 0, true)->ip.word[3],
			 BE32(0x0a000007));
}

/* A reload: who stays is the same VM, who is not in the list is gone. */
static void test_static_reload(void **state)
{
	struct world *w = *state;
	uint8_t uuid[HV_UUID_SIZE];

	apply_static(w, WEB1);
	memcpy(uuid, inv_at(w->inv, 0)->uuid, sizeof(uuid));
	/* The same list: nothing is told. */
	apply_static(w, WEB1);
	assert_int_equal(w->count[INV_ADDED], 1);
	apply_static(w, WEB1 ", { name = \"web-2\"; uuid = "
			     "\"deadbeef-0000-4000-8000-000000000002\";"
			     " addresses = [ \"10.0.0.8\" ];"
			     " interface = \"veth2\"; "
			     "mac = \"52:54:00:00:00:08\"; }");
	turn(w);
	assert_int_equal(inv_count(w->inv), 2);
	assert_non_null(inv_get(w->inv, uuid));
	assert_false(inv_get(w->inv, uuid)->stale);
	assert_int_equal(w->count[INV_ENDED], 0);
	apply_static(w, "{ name = \"web-1\"; addresses = [ \"10.0.0.7\" ];"
			"  state = \"stopped\"; }");
	turn(w);
	assert_int_equal(inv_count(w->inv), 1);
	assert_int_equal(inv_get(w->inv, uuid)->run, INV_RUN_ENDED);
	assert_int_equal(w->count[INV_REMOVED], 1);
	apply_static(w, WEB1);
	turn(w);
	assert_int_equal(inv_get(w->inv, uuid)->run, INV_RUN_UP);
}

/* Two that have one identity, as one of them is given what the other is made. */
static void test_same_identity(void **state)
{
	struct world *w = *state;
	char uuid[HV_UUID_TEXT];
	char vms[512];
	struct conf *conf;

	apply_static(w, WEB1);
	hv_uuid_print(inv_at(w->inv, 0)->uuid, uuid);
	snprintf(vms, sizeof(vms),
		 "%s, { name = \"thief\"; uuid = \"%s\"; "
		 "addresses = [ \"10.0.0.8\" ]; }",
		 WEB1, uuid);
	conf = conf_static(vms);
	assert_int_equal(hypervisors_apply(w->hypervisors, conf), -EEXIST);
	conf_free(conf);
	turn(w);
	/* What was there stays. */
	assert_int_equal(inv_count(w->inv), 1);
	assert_string_equal(inv_at(w->inv, 0)->vm->name, "web-1");
	assert_int_equal(inv_at(w->inv, 0)->run, INV_RUN_UP);
}

/* --- fed hypervisors ------------------------------------------------------ */

static void apply_fed(struct world *w)
{
	struct conf_hypervisor hypervisor = { .name = "cloud",
					      .driver = CONF_DRIVER_FED,
					      .uri = "" };
	const struct conf conf = { .node = { .name = "n1" },
				   .hypervisors = &hypervisor,
				   .n_hypervisors = 1 };

	assert_int_equal(hypervisors_apply(w->hypervisors, &conf), 0);
	turn(w);
}

static struct hv_listing feed(struct world *w, uint64_t lease_ms,
			      json_t *machines)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct hv_listing listing = { 99, 99, 99 };
	struct feed *feed = NULL;

	assert_non_null(errs);
	assert_int_equal(feed_new("cloud", machines, &feed, errs), 0);
	feed->lease_ms = lease_ms;
	assert_int_equal(feeds_set(w->feeds, feed, 0, hv_clock_ns()), 0);
	assert_int_equal(hypervisors_fed(w->hypervisors, "cloud", &listing), 0);
	json_decref(machines);
	free(errs);
	return listing;
}

static json_t *machine(const char *name, const char *address, const char *state)
{
	return json_pack("{s:s,s:[s],s:s}", "name", name, "addresses", address,
			 "state", state);
}

#define IS(listing, added_, changed_, gone_)               \
	do {                                               \
		const struct hv_listing now = (listing);   \
		assert_int_equal(now.added, (added_));     \
		assert_int_equal(now.changed, (changed_)); \
		assert_int_equal(now.gone, (gone_));       \
	} while (0)

static json_t *two(void)
{
	return json_pack("[o,o]", machine("a", "10.0.0.1", "running"),
			 machine("b", "10.0.0.2", "running"));
}

static json_t *two_backwards(void)
{
	return json_pack("[o,o]", machine("b", "10.0.0.2", "running"),
			 machine("a", "10.0.0.1", "running"));
}

static void test_fed(void **state)
{
	struct world *w = *state;
	struct hv_counters counters;

	apply_fed(w);
	assert_false(inv_hvs(w->inv)->connected);
	assert_string_equal(inv_hvs(w->inv)->text, "nothing has been fed yet");
	IS(feed(w, 60000, two()), 2, 0, 0);
	assert_true(inv_hvs(w->inv)->connected);
	assert_int_equal(inv_count(w->inv), 2);
	/* The same, in any order: nobody hears of it. */
	hypervisors_counters(w->hypervisors, "cloud", &counters);
	assert_int_equal(counters.reads, 2);
	IS(feed(w, 60000, two_backwards()), 0, 0, 0);
	hypervisors_counters(w->hypervisors, "cloud", &counters);
	assert_int_equal(counters.reads, 2);
	/* One changes, one goes, one comes. */
	IS(feed(w, 60000,
		json_pack("[o,o]", machine("a", "10.0.0.1", "stopped"),
			  machine("c", "10.0.0.3", "running"))),
	   1, 1, 1);
	assert_int_equal(inv_count(w->inv), 2);
	assert_int_equal(w->count[INV_ADDED], 3);
	assert_int_equal(w->count[INV_REMOVED], 1);
	assert_int_equal(w->count[INV_ENDED], 2);
	/* A reload that changes nothing of it. */
	apply_fed(w);
	assert_int_equal(inv_count(w->inv), 2);
	assert_int_equal(w->count[INV_HYPERVISOR], 2);
	IS(feed(w, 60000, json_array()), 0, 0, 2);
	assert_int_equal(inv_count(w->inv), 0);
}

static void await_stale(struct world *w)
{
	const uint64_t end_ns = hv_clock_ns() + WAIT_NS;

	while (inv_hvs(w->inv)->connected) {
		assert_true(hv_clock_ns() < end_ns);
		turn(w);
	}
	assert_true(inv_at(w->inv, 0)->stale);
	assert_int_equal(inv_at(w->inv, 0)->run, INV_RUN_UP);
}

/* At its end nobody goes; the next list says who is left. */
static void test_lease(void **state)
{
	struct world *w = *state;

	apply_fed(w);
	IS(feed(w, 40, two()), 2, 0, 0);
	assert_false(inv_at(w->inv, 0)->stale);
	await_stale(w);
	assert_string_equal(inv_hvs(w->inv)->text,
			    "nothing new was fed, and the lease of 40ms has "
			    "run out");
	assert_int_equal(inv_count(w->inv), 2);
	IS(feed(w, 60000,
		json_pack("[o]", machine("a", "10.0.0.1", "running"))),
	   0, 0, 1);
	assert_int_equal(inv_count(w->inv), 1);
	assert_false(inv_at(w->inv, 0)->stale);
	assert_int_equal(w->count[INV_ENDED], 1);
	/* A shorter lease takes the place of the longer one. */
	IS(feed(w, 40, json_pack("[o]", machine("a", "10.0.0.1", "running"))),
	   0, 0, 0);
	await_stale(w);
	/* Of the lease that is over a restart knows, too. */
	hypervisors_free(w->hypervisors);
	assert_int_equal(inv_count(w->inv), 0);
	assert_int_equal(
		hypervisors_new(w->base, w->inv, w->feeds, &w->hypervisors), 0);
	apply_fed(w);
	assert_int_equal(inv_count(w->inv), 1);
	await_stale(w);
}

/* One config may serve all nodes, so names say who is meant. */
static void test_local(void **state)
{
	static const struct {
		const char *name, *uri;
		bool local;
	} cases[] = {
		{ "hv1", "qemu:///system", true },
		{ "hv1", "qemu+unix:///system?socket=/run/x/y", true },
		{ "hv1", "qemu+tcp://127.0.0.1:16510/system", true },
		{ "hv1", "qemu+tls://localhost/system", true },
		{ "hv1", "qemu+tls://[::1]:16514/system", true },
		{ "hv1", "qemu+tls://n1/system", true },
		{ "n1", "qemu+tls://10.0.0.1/system", true },
		{ "hv1", "qemu+ssh://root@n1:22/system", true },
		{ "hv1", "qemu+tls://n10/system", false },
		{ "hv1", "qemu+tls://10.0.0.1/system", false },
		{ "hv1", "qemu+tls://[2001:db8::1]/system", false },
		{ "hv1", "qemu+ssh://n1@hv1/system", false },
		{ "hv1", "qemu+tcp://hv1:16509/system?x=n1", false },
	};
	struct conf conf = { .node = { .name = "n1" } };
	struct conf_hypervisor hypervisor = { .poll_ms = 1 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		hypervisor.name = cases[i].name;
		hypervisor.uri = cases[i].uri;
		if (hypervisors_local(&conf, &hypervisor) != cases[i].local)
			fail_msg("%s: %s", cases[i].name, cases[i].uri);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_change_keeps_vms, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_other_host, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_auth_file, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_static, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_same_identity, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_fed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lease, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_static_reload, set_up,
						tear_down),
		cmocka_unit_test(test_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
