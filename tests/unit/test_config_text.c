/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Durations, counts, addresses, ranges and near words.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/errors.h"
#include "config/text.h"

static void time_is(const char *text, uint32_t wanted_ms)
{
	uint32_t ms = 12345;

	assert_int_equal(conf_time_parse(text, &ms), 0);
	assert_int_equal(ms, wanted_ms);
}

static void time_is_not(const char *text, int err)
{
	uint32_t ms = 12345;

	assert_int_equal(conf_time_parse(text, &ms), err);
	assert_int_equal(ms, 12345);
}

static void test_times(void **state)
{
	(void)state;
	time_is("0", 0);
	time_is("0s", 0);
	time_is("500ms", 500);
	time_is("350s", 350000);
	time_is("1.5h", 5400000);
	time_is("0.001s", 1);
	time_is("15m", 900000);
	time_is("007s", 7000);
	time_is("49d", 4233600000);
	time_is("4294967295ms", UINT32_MAX);

	time_is_not("4294967296ms", -ERANGE);
	time_is_not("50d", -ERANGE);
	time_is_not("999999999999d", -ERANGE);
	time_is_not("9999999999999s", -ERANGE);
	time_is_not("", -EINVAL);
	time_is_not("5", -EINVAL);
	time_is_not("00", -EINVAL);
	time_is_not("s", -EINVAL);
	time_is_not("5 s", -EINVAL);
	time_is_not(" 5s", -EINVAL);
	time_is_not("5s ", -EINVAL);
	time_is_not("-5s", -EINVAL);
	time_is_not("+5s", -EINVAL);
	time_is_not("5sec", -EINVAL);
	time_is_not("5S", -EINVAL);
	time_is_not("1h30m", -EINVAL);
	time_is_not("1..5s", -EINVAL);
	time_is_not("1.s", -EINVAL);
	time_is_not(".5s", -EINVAL);
	time_is_not("0.5ms", -EINVAL);
	time_is_not("1e3s", -EINVAL);
	time_is_not("0x5s", -EINVAL);
}

/* Printing and reading give the same, and nothing shorter would. */
static void test_times_round(void **state)
{
	static const uint32_t some[] = { 0,	   1,	   999,	      1000,
					 60000,	   90000,  3600000,   5400000,
					 86400000, 350000, UINT32_MAX };
	char buf[CONF_TIME_SIZE];
	uint32_t ms, back;
	size_t i;

	(void)state;
	srandom(2);
	for (i = 0; i < 20000; i++) {
		ms = i < ARRAY_SIZE(some) ?
			     some[i] :
			     (uint32_t)random() % 100000 *
				     (uint32_t)(i % 2 ? 1 : 1000);
		conf_time_print(ms, buf, sizeof(buf));
		assert_int_equal(conf_time_parse(buf, &back), 0);
		assert_int_equal(back, ms);
	}
	conf_time_print(5400000, buf, sizeof(buf));
	assert_string_equal(buf, "90m");
	conf_time_print(350000, buf, sizeof(buf));
	assert_string_equal(buf, "350s");
	conf_time_print(86400000, buf, sizeof(buf));
	assert_string_equal(buf, "1d");
	conf_time_print(0, buf, sizeof(buf));
	assert_string_equal(buf, "0");
}

static void count_is(const char *text, uint32_t wanted, const char *printed)
{
	char buf[CONF_TIME_SIZE];
	uint32_t n = 0;

	assert_int_equal(conf_count_parse(text, &n), 0);
	assert_int_equal(n, wanted);
	conf_count_print(n, buf, sizeof(buf));
	assert_string_equal(buf, printed);
}

static void test_counts(void **state)
{
	uint32_t n = 7;

	(void)state;
	count_is("0", 0, "0");
	count_is("1000", 1000, "1000");
	count_is("1024", 1024, "\"1k\"");
	count_is("64k", 65536, "\"64k\"");
	count_is("1.5m", 1572864, "\"1536k\"");
	count_is("4m", 4194304, "\"4m\"");
	assert_int_equal(conf_count_parse("4096m", &n), -ERANGE);
	assert_int_equal(conf_count_parse("64K", &n), -EINVAL);
	assert_int_equal(conf_count_parse("64ks", &n), -EINVAL);
	assert_int_equal(conf_count_parse("k", &n), -EINVAL);
	assert_int_equal(conf_count_parse("-1", &n), -EINVAL);
	assert_int_equal(n, 7);
}

static void test_addresses(void **state)
{
	const struct ip_addr v4 = { .word = { 0, 0, BE32(0xffff),
					      BE32(0xcb00710a) } };
	struct ip_addr addr;
	char buf[CONF_ADDR_SIZE];

	(void)state;
	assert_int_equal(conf_addr_parse("203.0.113.10", &addr), 0);
	assert_memory_equal(&addr, &v4, sizeof(v4));
	conf_addr_print(&addr, buf, sizeof(buf));
	assert_string_equal(buf, "203.0.113.10");
	assert_int_equal(conf_addr_parse("::ffff:203.0.113.10", &addr), 0);
	assert_memory_equal(&addr, &v4, sizeof(v4));
	assert_int_equal(conf_addr_parse("2001:DB8::10", &addr), 0);
	conf_addr_print(&addr, buf, sizeof(buf));
	assert_string_equal(buf, "2001:db8::10");
	assert_int_equal(conf_addr_parse("203.0.113", &addr), -EINVAL);
	assert_int_equal(conf_addr_parse("203.0.113.010", &addr), -EINVAL);
	assert_int_equal(conf_addr_parse("203.0.113.10 ", &addr), -EINVAL);
	assert_int_equal(conf_addr_parse("", &addr), -EINVAL);
}

static void prefix_is(const char *text, const char *printed)
{
	struct conf_prefix prefix;
	char buf[CONF_PREFIX_SIZE];

	assert_int_equal(conf_prefix_parse(text, &prefix), 0);
	conf_prefix_print(&prefix, buf, sizeof(buf));
	assert_string_equal(buf, printed);
}

static void test_prefixes(void **state)
{
	struct conf_prefix prefix = { .bits = 3 };

	(void)state;
	prefix_is("203.0.113.10", "203.0.113.10/32");
	prefix_is("203.0.113.0/24", "203.0.113.0/24");
	prefix_is("0.0.0.0/0", "0.0.0.0/0");
	prefix_is("2001:db8::/32", "2001:db8::/32");
	prefix_is("::/0", "::/0");
	prefix_is("::ffff:203.0.113.0/120", "203.0.113.0/24");
	assert_int_equal(conf_prefix_parse("203.0.113.1/24", &prefix), -ERANGE);
	assert_int_equal(conf_prefix_parse("203.0.113.0/33", &prefix), -EINVAL);
	assert_int_equal(conf_prefix_parse("203.0.113.0/", &prefix), -EINVAL);
	assert_int_equal(conf_prefix_parse("203.0.113.0/-1", &prefix), -EINVAL);
	assert_int_equal(conf_prefix_parse("203.0.113.0/ 8", &prefix), -EINVAL);
	assert_int_equal(conf_prefix_parse("203.0.113.0/24/24", &prefix),
			 -EINVAL);
	assert_int_equal(conf_prefix_parse("/24", &prefix), -EINVAL);
	assert_int_equal(prefix.bits, 3);
}

/* Against a model that walks the bits. */
static void test_prefix_model(void **state)
{
	struct conf_prefix a, b;
	char text[2][CONF_PREFIX_SIZE];
	uint32_t bits[2], net[2], shorter, addr;
	bool wanted;
	struct ip_addr ip;
	int i, k, n_hits = 0;

	(void)state;
	srandom(3);
	for (i = 0; i < 20000; i++) {
		for (k = 0; k < 2; k++) {
			bits[k] = (uint32_t)random() % 33;
			net[k] = (uint32_t)random() & 0x03030303;
			net[k] &= bits[k] ? ~0U << (32 - bits[k]) : 0;
			snprintf(text[k], sizeof(text[k]), "%u.%u.%u.%u/%u",
				 net[k] >> 24, net[k] >> 16 & 255,
				 net[k] >> 8 & 255, net[k] & 255, bits[k]);
		}
		assert_int_equal(conf_prefix_parse(text[0], &a), 0);
		assert_int_equal(conf_prefix_parse(text[1], &b), 0);
		shorter = bits[0] < bits[1] ? bits[0] : bits[1];
		wanted = shorter == 0 ||
			 (net[0] ^ net[1]) >> (32 - shorter) == 0;
		assert_int_equal(conf_prefix_overlaps(&a, &b), wanted);
		assert_int_equal(conf_prefix_overlaps(&b, &a), wanted);
		addr = (uint32_t)random() & 0x03030303;
		ip = (struct ip_addr){ { 0, 0, BE32(0xffff), BE32(addr) } };
		wanted = bits[0] == 0 || (net[0] ^ addr) >> (32 - bits[0]) == 0;
		assert_int_equal(conf_prefix_has(&a, &ip), wanted);
		n_hits += wanted;
	}
	assert_in_range(n_hits, 500, 19500);
}

static void test_near_words(void **state)
{
	static const char *const keys[] = { "idle_timeout", "udp_idle",
					    "interval",	    "announce",
					    "vip",	    "port" };

	(void)state;
	assert_string_equal(conf_nearest("idle_timout", keys, 6),
			    "idle_timeout");
	assert_string_equal(conf_nearest("idletimeout", keys, 6),
			    "idle_timeout");
	assert_string_equal(conf_nearest("intreval", keys, 6), "interval");
	assert_string_equal(conf_nearest("vips", keys, 6), "vip");
	assert_string_equal(conf_nearest("prot", keys, 6), "port");
	assert_null(conf_nearest("colour", keys, 6));
	assert_null(conf_nearest("", keys, 6));
	assert_null(conf_nearest("x", keys, 6));
	assert_null(conf_nearest("interval", keys, 0));
	assert_null(conf_nearest("a very very very very very very long word",
				 keys, 6));
}

static void test_names(void **state)
{
	(void)state;
	assert_true(conf_name_valid("a"));
	assert_true(conf_name_valid("web-1.shop_x"));
	assert_true(conf_name_valid("0"));
	assert_false(conf_name_valid(""));
	assert_false(conf_name_valid("-a"));
	assert_false(conf_name_valid(".a"));
	assert_false(conf_name_valid("a/b"));
	assert_false(conf_name_valid("a b"));
	assert_false(conf_name_valid("\xc3\xa4"));
}

static void test_uuids(void **state)
{
	static const char *const bad[] = {
		"",
		"1b4e28ba2fa111d2883f0016d3cca427",
		"1b4e28ba-2fa1-11d2-883f-0016d3cca42",
		"1b4e28ba-2fa1-11d2-883f-0016d3cca4277",
		"1b4e28ba-2fa1-11d2-883f-0016d3cca42g",
		"1b4e28ba-2fa1-11d2-883f00016d3cca427",
		"{1b4e28ba-2fa1-11d2-883f-0016d3cca42",
	};
	char uuid[CONF_UUID_SIZE] = "kept";
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(conf_uuid_parse(bad[i], uuid), -EINVAL);
	assert_string_equal(uuid, "kept");
	assert_int_equal(conf_uuid_parse("1B4E28BA-2fa1-11D2-883f-0016d3ccA427",
					 uuid),
			 0);
	assert_string_equal(uuid, "1b4e28ba-2fa1-11d2-883f-0016d3cca427");
}

static void test_macs(void **state)
{
	static const char *const bad[] = {
		"",
		"52:54:00:12:34",
		"52:54:00:12:34:5",
		"52:54:00:12:34:567",
		"52-54-00-12-34-56",
		"52:54:00:12:34:5g",
		"52:54:00:12:34 56",
		"00:00:00:00:00:00",
		"ff:ff:ff:ff:ff:ff",
		"01:00:5e:00:00:01", /* a group's */
		"+2:54:00:12:34:56",
	};
	const struct conf_mac none = { 0 };
	struct conf_mac mac = { 0 };
	char text[CONF_MAC_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(conf_mac_parse(bad[i], &mac), -EINVAL);
	assert_memory_equal(&mac, &none, sizeof(mac));
	conf_mac_print(&mac, text, sizeof(text));
	assert_string_equal(text, "");
	assert_int_equal(conf_mac_parse("0A:54:00:fF:34:56", &mac), 0);
	conf_mac_print(&mac, text, sizeof(text));
	assert_string_equal(text, "0a:54:00:ff:34:56");
}

static void test_endpoints(void **state)
{
	static const char *const good[] = { "127.0.0.1:1", "0.0.0.0:65535",
					    "[::]:80", "[2001:db8::1]:9655" };
	static const char *const bad[] = {
		"",	      ":80",	     "80",	     "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:0", "host:80",	     "127.0.0.1:65536",
		"::1:80",     "[::1]",	     "[::1]:",	     "[127.0.0.1]:80",
		"[::1:80",    "[]:80",	     "127.0.0.1:8k", "127.0.0.1:-1",
		"[::1]80",    "1.2.3.4]:80",
	};
	struct ip_addr addr = { { 0, 0, 0, BE32(7) } };
	uint16_t port = 7;
	char text[CONF_ADDR_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(conf_endpoint_parse(bad[i], &addr, &port),
				 -EINVAL);
	assert_true(addr.word[3] == BE32(7) && port == 7);
	for (i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(conf_endpoint_parse(good[i], &addr, &port), 0);
	conf_addr_print(&addr, text, sizeof(text));
	assert_string_equal(text, "2001:db8::1");
	assert_int_equal(port, 9655);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_times_round),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_prefix_model),
		cmocka_unit_test(test_near_words),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_uuids),
		cmocka_unit_test(test_macs),
		cmocka_unit_test(test_endpoints),
	};

	return cmocka_run_group_tests_name("config_text", tests, NULL, NULL);
}
