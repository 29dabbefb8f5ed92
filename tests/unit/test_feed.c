/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control/feed: what is read of a fed list, and each message about a wrong one;
 * control/feeds: that it is kept, and what clocks do to its lease.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/feeds.h"
#include "tests/unit/store_fixture.h"

#define SECOND_NS 1000000000ULL
#define BOOT_NS	  (100 * SECOND_NS) /* "now", 100 s after boot */
#define WALL_MS	  1700000000000ULL

/* @text has ' for ", so that C can be read. */
static int read_text(const char *text, struct feed **ret_feed,
		     struct conf_errors *errs)
{
	char *json_text = strdup(text), *c;
	json_error_t error;
	json_t *machines;
	int err;

	assert_non_null(json_text);
	for (c = json_text; *c; c++)
		if (*c == '\'')
			*c = '"';
	machines = json_loads(json_text, 0, &error);
	assert_non_null(machines);
	err = feed_new("cloud", machines, ret_feed, errs);
	json_decref(machines);
	free(json_text);
	return err;
}

static struct feed *feed_of(const char *text)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct feed *feed = NULL;

	assert_non_null(errs);
	if (read_text(text, &feed, errs))
		fail_msg("%s: %s", text, errs->error[0].msg);
	free(errs);
	return feed;
}

static void test_all_keys(void **state)
{
	static const uint8_t mac[] = { 0x52, 0x54, 0, 0, 0, 7 };
	const struct conf_hypervisor *c;
	const struct conf_vm *vm;
	struct feed *feed;

	(void)state;
	feed = feed_of("[ { 'name': 'web-1',"
		       "    'uuid': '1B4E28BA-2FA1-11D2-883F-0016D3CCA427',"
		       "    'addresses': [ '10.0.0.7', '2001:db8::7' ],"
		       "    'network': 'br0', 'interface': 'p1',"
		       "    'mac': '52:54:00:00:00:07',"
		       "    'tags': [ 'role=web', 'canary' ],"
		       "    'state': 'paused' },"
		       "  { 'name': 'web-2', 'addresses': [ '10.0.0.8' ] } ]");
	c = feed_hypervisor(feed);
	assert_string_equal(c->name, "cloud");
	assert_int_equal(c->driver, CONF_DRIVER_FED);
	assert_int_equal(c->vms.n, 2);
	vm = &c->vms.vm[0];
	assert_string_equal(vm->name, "web-1");
	assert_string_equal(vm->uuid, "1b4e28ba-2fa1-11d2-883f-0016d3cca427");
	assert_int_equal(vm->addresses.n, 2);
	assert_int_equal(vm->addresses.addr[0].word[3], BE32(0x0a000007));
	assert_string_equal(vm->network, "br0");
	assert_string_equal(vm->interface, "p1");
	assert_memory_equal(vm->mac.byte, mac, sizeof(mac));
	assert_int_equal(vm->tags.n, 2);
	assert_string_equal(vm->tags.pair[0].value, "web");
	assert_string_equal(vm->tags.pair[1].name, "canary");
	assert_int_equal(vm->state, CONF_VM_PAUSED);
	vm = &c->vms.vm[1];
	assert_string_equal(vm->uuid, "");
	assert_string_equal(vm->interface, "");
	assert_int_equal(vm->state, CONF_VM_RUNNING);
	feed_free(feed);
	/* None is a list, too. */
	feed = feed_of("[]");
	assert_int_equal(feed_hypervisor(feed)->vms.n, 0);
	assert_string_equal(feed->text, "[]");
	feed_free(feed);
}

/* --- what is wrong ------------------------------------------------------- */

#define A  "'addresses': [ '10.0.0.7' ]"
#define OK "{ 'name': 'ok', 'addresses': [ '10.0.0.9' ] }"
#define U  "1b4e28ba-2fa1-11d2-883f-0016d3cca427"

static const struct {
	const char *text;
	const char *wanted; /* a line each */
} wrong[] = {
	{ "[ 7 ]", "machines[0]: must be an object\n" },
	{ "[ " OK ", null, [], " OK " ]", "machines[1]: must be an object\n"
					  "machines[2]: must be an object\n" },
	{ "[ {} ]",
	  "machines[0].name: is missing, it must be a string in quotes\n"
	  "machines[0].addresses: is missing, it must be a list of addresses, "
	  "like [ \"192.0.2.7\" ]\n" },
	{ "[ { 'name': 'a', " A ", 'addreses': [] } ]",
	  "machines[0].addreses: unknown key; did you mean \"addresses\"?\n" },
	{ "[ { 'name': 7, " A " } ]",
	  "machines[0].name: must be a string in quotes\n" },
	{ "[ { 'name': '', " A " } ]", "machines[0].name: is empty\n" },
	{ "[ { 'name': 'a\\nb', " A " } ]",
	  "machines[0].name: has a control character in it\n" },
	{ "[ { 'name': 'a', 'addresses': '10.0.0.7' } ]",
	  "machines[0].addresses: must be a list of addresses, like [ "
	  "\"192.0.2.7\" ]\n" },
	{ "[ { 'name': 'a', 'addresses': [] } ]",
	  "machines[0].addresses: is empty, it must be a list of addresses, "
	  "like [ \"192.0.2.7\" ]\n" },
	{ "[ { 'name': 'a', 'addresses': [ [ 'x' ] ] } ]",
	  "machines[0].addresses: must be a list of addresses, like [ "
	  "\"192.0.2.7\" ]\n" },
	{ "[ { 'name': 'a', 'addresses': [ '10.0.0.300' ] } ]",
	  "machines[0].addresses: \"10.0.0.300\" is no address, one like "
	  "\"192.0.2.7\" is\n" },
	{ "[ { 'name': 'a', 'addresses': [ '2001:db8::7', 'fe80::7' ] } ]",
	  "machines[0].addresses: fe80::7 is one of fe80::/10, where no VM can "
	  "be reached\n" },
	{ "[ { 'name': 'a', 'addresses': [ '1.2.3.4', '1.2.3.4' ] } ]",
	  "machines[0].addresses: \"1.2.3.4\" is there twice\n" },
	{ "[ { 'name': 'a', " A ", 'uuid': '1b4e28ba' } ]",
	  "machines[0].uuid: \"1b4e28ba\" is no UUID, one like "
	  "\"1b4e28ba-2fa1-11d2-883f-0016d3cca427\" is\n" },
	{ "[ { 'name': 'a', " A ", 'mac': '53:54:00:00:00:01' } ]",
	  "machines[0].mac: \"53:54:00:00:00:01\" is no MAC address of a "
	  "machine, one like \"52:54:00:12:34:56\" is\n" },
	{ "[ { 'name': 'a', " A ", 'interface': 'eth0' } ]",
	  "machines[0].mac: is missing; packets for the VM go to it by that\n" },
	{ "[ { 'name': 'a', " A ", 'state': 'dead' } ]",
	  "machines[0].state: \"dead\" is unknown, \"running\", \"paused\" or "
	  "\"stopped\" is allowed\n" },
	{ "[ { 'name': 'a', " A ", 'state': null, 'tags': 1.5 } ]",
	  "machines[0].tags: must be a list of strings, like [ "
	  "\"name=value\", \"name\" ]\n"
	  "machines[0].state: must be a string in quotes\n" },
	{ "[ { 'name': 'a', " A ", 'tags': [ '=web' ] } ]",
	  "machines[0].tags: \"=web\" is none of \"name=value\" and "
	  "\"name\"\n" },
	{ "[ " OK ", { 'name': 'ok', " A " } ]",
	  "machines[1].name: there is a VM \"ok\" already (machines[0])\n" },
	{ "[ { 'name': 'a', 'uuid': '" U "', " A " }, " OK ","
	  "  { 'name': 'b', 'uuid': '" U "', " A " } ]",
	  "machines[2].uuid: is VM \"a\"'s already (machines[0])\n" },
};

static void check_wrong(const char *text, const char *wanted)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct feed *feed = NULL;
	char *printed = NULL;
	size_t size, i;
	FILE *out;

	assert_non_null(errs);
	assert_int_equal(read_text(text, &feed, errs), -EINVAL);
	assert_null(feed);
	out = open_memstream(&printed, &size);
	assert_non_null(out);
	for (i = 0; i < errs->n_errors && i < CONF_ERRORS_MAX; i++)
		fprintf(out, "%s\n", errs->error[i].msg);
	assert_int_equal(fclose(out), 0);
	if (strcmp(printed, wanted) != 0)
		fail_msg("%s:\n%sinstead of:\n%s", text, printed, wanted);
	free(printed);
	free(errs);
}

static void test_wrong(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		check_wrong(wrong[i].text, wrong[i].wanted);
}

/* @pattern with @length letters in place of its '#'. */
static char *filled(const char *pattern, size_t length)
{
	const char *at = strchr(pattern, '#');
	char *text = calloc(1, length + 1), *printed = NULL;

	assert_non_null(text);
	assert_non_null(at);
	memset(text, 'x', length);
	assert_true(asprintf(&printed, "%.*s%s%s", (int)(at - pattern), pattern,
			     text, at + 1) > 0);
	free(text);
	return printed;
}

/* Each limit: at it all is well, one more is refused. */
static void test_limits(void **state)
{
	static const struct {
		const char *pattern;
		size_t max;
		const char *wanted;
	} limits[] = {
		{ "[ { 'name': '#', " A " } ]", 255,
		  "machines[0].name: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "...\" is too long, at most 255 bytes are allowed\n" },
		{ "[ { 'name': 'a', " A ", 'network': '#' } ]", 255,
		  "machines[0].network: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxx...\" is too long, at most 255 bytes are allowed\n" },
		{ "[ { 'name': 'a', " A ", 'tags': [ '#=b' ] } ]", 63,
		  "machines[0].tags: name \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxx...\" is too long, at most 63 bytes are allowed\n" },
		{ "[ { 'name': 'a', " A ", 'tags': [ 'b=#' ] } ]", 255,
		  "machines[0].tags: value \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxx...\" is too long, at most 255 bytes are allowed\n" },
	};
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		text = filled(limits[i].pattern, limits[i].max);
		feed_free(feed_of(text));
		free(text);
		text = filled(limits[i].pattern, limits[i].max + 1);
		check_wrong(text, limits[i].wanted);
		free(text);
	}
}

/* An array of @n machines; @addresses of each. */
static json_t *many(size_t n, const char *address)
{
	json_t *machines = json_array();
	char name[32];
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "vm-%zu", i);
		json_array_append_new(machines,
				      json_pack("{s:s,s:[s]}", "name", name,
						"addresses", address));
	}
	return machines;
}

static void test_many(void **state)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct feed *feed = NULL;
	json_t *machines = many(10000, "10.0.0.1");

	(void)state;
	assert_non_null(errs);
	assert_int_equal(feed_new("cloud", machines, &feed, errs), 0);
	assert_int_equal(feed_hypervisor(feed)->vms.n, 10000);
	feed_free(feed);
	json_decref(machines);

	machines = many(10001, "10.0.0.1");
	assert_int_equal(feed_new("cloud", machines, &feed, errs), -EINVAL);
	assert_int_equal(errs->n_errors, 1);
	assert_string_equal(errs->error[0].msg,
			    "machines: has 10001 elements, at most 10000 are "
			    "allowed");
	json_decref(machines);

	/* All are counted, the first ones told, in their order. */
	machines = many(20, "nowhere");
	assert_int_equal(feed_new("cloud", machines, &feed, errs), -EINVAL);
	assert_int_equal(errs->n_errors, 20);
	assert_string_equal(
		errs->error[CONF_ERRORS_MAX - 1].msg,
		"machines[15].addresses: \"nowhere\" is no address, "
		"one like \"192.0.2.7\" is");
	json_decref(machines);
	free(errs);
}

/* --- keeping it ---------------------------------------------------------- */

static struct feeds *load(struct store *store, uint64_t now_ms, uint64_t now_ns)
{
	struct feeds *feeds = NULL;

	assert_int_equal(feeds_load(store, now_ms, now_ns, &feeds), 0);
	return feeds;
}

static void set(struct feeds *feeds, const char *text, uint64_t lease_ms,
		uint64_t now_ms)
{
	struct feed *feed = feed_of(text);

	feed->lease_ms = lease_ms;
	assert_int_equal(feeds_set(feeds, feed, now_ms, BOOT_NS), 0);
}

/* Load as after a restart, at another time; what is left of the lease? */
static uint64_t left_at(struct store *store, uint64_t now_ms, uint64_t now_ns)
{
	struct feeds *feeds = load(store, now_ms, now_ns);
	uint64_t left_ms;

	assert_non_null(feeds_find(feeds, "cloud"));
	assert_string_equal(feeds_find(feeds, "cloud")->text,
			    "[{\"name\":\"ok\",\"addresses\":[\"10.0.0.9\"]}]");
	left_ms = feed_left_ms(feeds_find(feeds, "cloud"), now_ns);
	feeds_free(feeds);
	return left_ms;
}

static void test_clocks(void **state)
{
	struct store *store = store_open_or_fail(store_path("s"), 10);
	struct feeds *feeds = load(store, WALL_MS, BOOT_NS);
	const struct feed *feed;

	(void)state;
	assert_null(feeds_find(feeds, "cloud"));
	set(feeds, "[ " OK " ]", 60000, WALL_MS);
	feed = feeds_find(feeds, "cloud");
	assert_int_equal(feed_left_ms(feed, BOOT_NS), 60000);
	assert_int_equal(feed_left_ms(feed, BOOT_NS + 59 * SECOND_NS), 1000);
	assert_int_equal(feed_left_ms(feed, BOOT_NS + 60 * SECOND_NS), 0);
	assert_int_equal(feed_age_ms(feed, BOOT_NS + 90 * SECOND_NS), 90000);
	feeds_free(feeds);
	store_close(store);

	store = store_open_or_fail(store_path("s"), 10);
	/* Ten seconds on; and after a boot of the machine. */
	assert_int_equal(left_at(store, WALL_MS + 10000,
				 BOOT_NS + 10 * SECOND_NS),
			 50000);
	assert_int_equal(left_at(store, WALL_MS + 10000, SECOND_NS), 50000);
	/* The clock was put back: a new lease, not a longer one. */
	assert_int_equal(left_at(store, WALL_MS - 86400000, SECOND_NS), 60000);
	assert_int_equal(left_at(store, 0, SECOND_NS), 60000);
	/* And far ahead: it is over. */
	assert_int_equal(left_at(store, WALL_MS + 60000, SECOND_NS), 0);
	assert_int_equal(left_at(store, WALL_MS * 2, SECOND_NS), 0);
	store_close(store);
}

/* The same list again is only a new lease, on disk as well. */
static void test_renewed(void **state)
{
	struct store *store = store_open_or_fail(store_path("s"), 10);
	struct feeds *feeds = load(store, WALL_MS, BOOT_NS);

	(void)state;
	set(feeds, "[ " OK " ]", 60000, WALL_MS);
	set(feeds, "[ " OK " ]", 30000, WALL_MS + 5000);
	assert_int_equal(feeds_find(feeds, "cloud")->lease_ms, 30000);
	feeds_free(feeds);
	assert_int_equal(left_at(store, WALL_MS + 10000, SECOND_NS), 25000);
	store_close(store);
}

static struct conf *conf_of(const char *hypervisors)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	struct conf *conf = NULL;
	char text[1024];

	assert_non_null(errs);
	snprintf(text, sizeof(text),
		 "node = { name = \"n\"; uplinks = [ \"u\" ]; };\n"
		 "hypervisors = ( %s );\n"
		 "tenants = ( { name = \"shop\"; vips = [ \"203.0.113.1\" ];\n"
		 "              networks = [ \"br0\" ]; } );\n",
		 hypervisors);
	if (conf_load_text("test.cfg", text, &conf, errs)) {
		conf_errors_print(errs, stderr);
		fail();
	}
	free(errs);
	return conf;
}

/* What the config feeds no more is forgotten, on disk as well. */
static void test_keep(void **state)
{
	struct store *store = store_open_or_fail(store_path("s"), 10);
	struct feeds *feeds = load(store, WALL_MS, BOOT_NS);
	struct conf *conf = conf_of("{ name = \"cloud\"; driver = \"fed\"; }");

	(void)state;
	set(feeds, "[ " OK " ]", 60000, WALL_MS);
	assert_int_equal(feeds_keep(feeds, conf), 0);
	assert_non_null(feeds_find(feeds, "cloud"));
	conf_free(conf);
	conf = conf_of("{ name = \"cloud\"; uri = \"test:///default\"; }");
	assert_int_equal(feeds_keep(feeds, conf), 0);
	assert_null(feeds_find(feeds, "cloud"));
	conf_free(conf);
	feeds_free(feeds);
	feeds = load(store, WALL_MS, BOOT_NS);
	assert_null(feeds_find(feeds, "cloud"));
	feeds_free(feeds);
	store_close(store);
}

/* What cannot be read any more hinders nobody, and can be fed again. */
static void test_unreadable(void **state)
{
	static const char *const rows[] = { "[{\"name\":7}]", "{}", "[", "" };
	struct store *store = store_open_or_fail(store_path("s"), 10);
	struct store_feed row = { "cloud", WALL_MS, 60000, NULL };
	struct feeds *feeds;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		row.machines = rows[i];
		assert_int_equal(store_feed_set(store, &row), 0);
		feeds = load(store, WALL_MS, BOOT_NS);
		assert_null(feeds_find(feeds, "cloud"));
		set(feeds, "[ " OK " ]", 60000, WALL_MS);
		feeds_free(feeds);
		assert_int_equal(left_at(store, WALL_MS, SECOND_NS), 60000);
	}
	store_close(store);
}

int main(void)
{
#define KEPT(name)                                                \
	cmocka_unit_test_setup_teardown(name, store_make_scratch, \
					store_remove_scratch)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_many),
		KEPT(test_clocks),
		KEPT(test_renewed),
		KEPT(test_keep),
		KEPT(test_unreadable),
	};

	return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
