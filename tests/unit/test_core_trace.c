// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which packets a trace shows: by numbers, by reason, by the client's address in
 * frames of either family, tagged or not, both ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/trace.h"
#include "tests/packet/frame.h"

#define CLIENT 0xc6336407U /* 198.51.100.7 */
#define VIP    0xcb007150U /* 203.0.113.80 */

/* Ask for one client, by its first @bits bits. */
static struct trace_control asked(bool v6, uint32_t addr, unsigned int bits)
{
	struct trace_control c = { .on = 1 };
	uint8_t byte[16] = { [10] = 0xff, [11] = 0xff };
	uint8_t mask[16] = { 0 };
	unsigned int i;

	frame_addr6(addr, v6 ? byte : mask);
	if (!v6) {
		for (i = 0; i < 4; i++)
			byte[12 + i] = (uint8_t)(addr >> (24 - 8 * i));
		bits += 96;
	}
	memset(mask, 0, sizeof(mask));
	for (i = 0; i < bits; i++)
		mask[i / 8] = (uint8_t)(mask[i / 8] | 0x80 >> i % 8);
	for (i = 0; i < 16; i++)
		byte[i] &= mask[i];
	memcpy(&c.client, byte, sizeof(byte));
	memcpy(&c.client_mask, mask, sizeof(mask));
	return c;
}

static bool is_shown(const struct trace_control *c,
		     const struct frame_spec *spec, enum trace_hook hook,
		     enum verdict verdict)
{
	struct trace_event ev = {
		.say = { .hook = (uint8_t)hook, .verdict = (uint8_t)verdict },
	};
	struct frame frame;

	frame_encode(spec, &frame);
	ev.length = (uint32_t)frame.size;
	ev.taken = ev.length < TRACE_FRAME ? ev.length : TRACE_FRAME;
	memcpy(ev.frame, frame.byte, ev.taken);
	return trace_may_show(c, &ev);
}

static void test_client_is_an_end(void **state)
{
	static const uint16_t tags[][2] = { { 0, 0 }, { 7, 0 }, { 7, 8 } };
	struct frame_spec spec = { .kind = FRAME_TCP };
	struct trace_control one;
	struct trace_control other;
	struct trace_control all = { .on = 1 };
	size_t i;

	(void)state;
	for (i = 0; i < 2 * ARRAY_SIZE(tags); i++) {
		spec.v6 = i % 2;
		memcpy(spec.vlan, tags[i / 2], sizeof(spec.vlan));
		one = asked(spec.v6, CLIENT, spec.v6 ? 128 : 32);
		other = asked(spec.v6, CLIENT + 1, spec.v6 ? 128 : 32);
		spec.src = CLIENT;
		spec.dst = VIP;
		assert_true(
			is_shown(&one, &spec, TRACE_UPLINK, VERDICT_FORWARD));
		assert_true(is_shown(&one, &spec, TRACE_TO_VM, VERDICT_PASS));
		assert_true(is_shown(&all, &spec, TRACE_UPLINK, VERDICT_DROP));
		assert_false(
			is_shown(&other, &spec, TRACE_UPLINK, VERDICT_FORWARD));
		/* Where the VM speaks the client is the other end. */
		assert_false(
			is_shown(&one, &spec, TRACE_FROM_VM, VERDICT_DROP));
		assert_false(
			is_shown(&one, &spec, TRACE_BACK, VERDICT_FORWARD));
		spec.src = VIP;
		spec.dst = CLIENT;
		assert_true(
			is_shown(&one, &spec, TRACE_FROM_VM, VERDICT_FORWARD));
		assert_true(is_shown(&one, &spec, TRACE_BACK, VERDICT_FORWARD));
		/* An answer of ours, in the place of what came. */
		assert_true(is_shown(&one, &spec, TRACE_UPLINK, VERDICT_REPLY));
		assert_false(is_shown(&one, &spec, TRACE_UPLINK, VERDICT_DROP));
		assert_false(
			is_shown(&one, &spec, TRACE_FROM_VM, VERDICT_REPLY));
	}
}

static void test_client_is_a_prefix(void **state)
{
	struct frame_spec spec = { .kind = FRAME_UDP, .dst = VIP };
	struct trace_control net = asked(false, CLIENT, 24);

	(void)state;
	spec.src = CLIENT + 100;
	assert_true(is_shown(&net, &spec, TRACE_UPLINK, VERDICT_FORWARD));
	spec.src = CLIENT + 0x100;
	assert_false(is_shown(&net, &spec, TRACE_UPLINK, VERDICT_FORWARD));
	/* IPv4's prefixes are of IPv4 only. */
	net = asked(false, 0, 0);
	assert_true(is_shown(&net, &spec, TRACE_UPLINK, VERDICT_FORWARD));
	spec.v6 = true;
	assert_false(is_shown(&net, &spec, TRACE_UPLINK, VERDICT_FORWARD));
	net = asked(true, CLIENT, 64);
	assert_true(is_shown(&net, &spec, TRACE_UPLINK, VERDICT_FORWARD));
}

/* What is no IP has no client. */
static void test_arp(void **state)
{
	struct frame_spec spec = { .kind = FRAME_ARP,
				   .src = CLIENT,
				   .dst = VIP };
	struct trace_control one = asked(false, CLIENT, 32);
	struct trace_control all = { .on = 1 };

	(void)state;
	assert_false(is_shown(&one, &spec, TRACE_UPLINK, VERDICT_REPLY));
	assert_true(is_shown(&all, &spec, TRACE_UPLINK, VERDICT_REPLY));
}

static void fill(uint32_t *list, uint32_t max, uint32_t a, uint32_t b)
{
	uint32_t i;

	for (i = 0; i < max; i++)
		list[i] = i == max - 1 ? b : a;
}

static void test_numbers_and_reasons(void **state)
{
	struct trace_control c = { .reasons = ~0ULL };
	struct trace_say say = { .service = 3, .backend = 9 };

	(void)state;
	assert_true(trace_may_match(&c, &say));
	c.n_services = 2;
	fill(c.service, TRACE_SERVICES, 4, 3);
	assert_true(trace_may_match(&c, &say));
	fill(c.service, TRACE_SERVICES, 4, 2);
	assert_false(trace_may_match(&c, &say));
	c.n_services = 0;
	c.n_backends = 2;
	fill(c.backend, TRACE_BACKENDS, 1, 9);
	assert_true(trace_may_match(&c, &say));
	fill(c.backend, TRACE_BACKENDS, 1, 0);
	assert_false(trace_may_match(&c, &say));
	say.backend = 0; /* 0 is a number like another: of no VM */
	assert_true(trace_may_match(&c, &say));
	c.n_backends = 0;
	c.reasons = 1ULL << DROP_TRUNCATED;
	assert_false(trace_may_match(&c, &say));
	say.reason = DROP_TRUNCATED;
	assert_true(trace_may_match(&c, &say));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_is_an_end),
		cmocka_unit_test(test_client_is_a_prefix),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_numbers_and_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
