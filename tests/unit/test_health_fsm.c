// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes' results to up and down: rules first, then random histories beside a
 * model that keeps every result and every fall.
 */
#include "health/fsm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "health/target.h"

#define HISTORY 4000

/* A history has a number, so a failure can be had again. */
static uint16_t chance_state[3];

/* 0 .. @n - 1 */
static uint32_t chance(uint32_t n)
{
	return (uint32_t)nrand48(chance_state) % n;
}

/**
 * struct model - the rules, written by looking at the whole past.
 * @ok: every result since the last reset.
 * @n: their number.
 * @fall_ms: when it went down, for ever.
 * @n_falls: their number.
 * @state: now.
 */
struct model {
	bool ok[HISTORY];
	size_t n;
	uint64_t fall_ms[HISTORY];
	size_t n_falls;
	enum health_state state;
};

static uint32_t model_streak(const struct model *m)
{
	uint32_t n = 0;

	while (n < m->n && m->ok[m->n - 1 - n] == m->ok[m->n - 1])
		n++;
	return n;
}

/* Flaps remembered: a bucket that leaks one a minute and holds at most six,
 * filled again from the first fall on. */
static uint32_t model_flaps(const struct model *m, uint64_t now_ms)
{
	uint64_t start = 0;
	uint32_t left = 0;
	size_t i;

	for (i = 0; i <= m->n_falls; i++) {
		uint64_t t = i < m->n_falls ? m->fall_ms[i] : now_ms;

		while (left > 0 && t - start >= FSM_FLAP_MS) {
			left--;
			start += FSM_FLAP_MS;
		}
		if (i == m->n_falls)
			break;
		if (left == 0)
			start = t;
		if (left < FSM_FLAP_MAX)
			left++;
	}
	return left;
}

static uint32_t model_rise(const struct model *m, uint32_t rise, uint64_t now)
{
	uint32_t flaps = model_flaps(m, now);

	while (flaps-- > FSM_FLAP_FREE)
		rise *= 2;
	return rise;
}

static bool model_result(struct model *m, uint32_t rise, uint32_t fall, bool ok,
			 uint64_t now_ms)
{
	m->ok[m->n++] = ok;
	if (ok && m->state != HEALTH_UP &&
	    model_streak(m) >= model_rise(m, rise, now_ms)) {
		m->state = HEALTH_UP;
		return true;
	}
	if (!ok && m->state != HEALTH_DOWN && model_streak(m) >= fall) {
		if (m->state == HEALTH_UP)
			m->fall_ms[m->n_falls++] = now_ms;
		m->state = HEALTH_DOWN;
		return true;
	}
	return false;
}

static void run_history(unsigned int seed)
{
	static struct model m;
	uint32_t rise, fall, stickiness;
	uint64_t now_ms = 1000;
	struct fsm f;
	bool ok = false;
	int i;

	chance_state[0] = (uint16_t)seed;
	chance_state[1] = 0;
	chance_state[2] = 0;
	rise = 1 + chance(4);
	fall = 1 + chance(4);
	stickiness = 1 + chance(12);
	m.n = 0;
	m.n_falls = 0;
	m.state = chance(HEALTH_N_STATES);
	fsm_init(&f, m.state, now_ms);
	for (i = 0; i < HISTORY; i++) {
		bool changed;

		now_ms += chance(seed % 3 ? 3000 : 40000);
		if (chance(500) == 0) {
			fsm_reset(&f, now_ms);
			m.n = 0;
			m.state = HEALTH_UNKNOWN;
			assert_false(f.been_up);
		}
		if (chance(stickiness) == 0)
			ok = !ok;
		changed = model_result(&m, rise, fall, ok, now_ms);
		assert_int_equal(fsm_result(&f, rise, fall, ok, now_ms),
				 changed);
		assert_int_equal(f.state, m.state);
		assert_int_equal(f.streak, model_streak(&m));
		assert_int_equal(fsm_flapping(&f, now_ms),
				 model_flaps(&m, now_ms) > FSM_FLAP_FREE);
		if (changed)
			assert_int_equal(f.since_ms, now_ms);
		/* Said apart from the model: nothing ever comes too early. */
		if (changed && m.state == HEALTH_UP)
			assert_true(model_streak(&m) >= rise);
		if (changed && m.state == HEALTH_DOWN)
			assert_int_equal(model_streak(&m), fall);
	}
}

static void random_histories_are_as_the_model(void **state)
{
	unsigned int seed;

	(void)state;
	for (seed = 1; seed <= 200; seed++)
		run_history(seed);
}

/* One history of seven results (too few to flap), a bit each. */
static void run_short(struct fsm *f, uint32_t rise, uint32_t fall,
		      unsigned int bits)
{
	uint32_t streak = 0, needed;
	unsigned int i;

	for (i = 0; i < 7; i++) {
		bool ok = bits >> i & 1;
		enum health_state old = f->state;
		enum health_state wanted = ok ? HEALTH_UP : HEALTH_DOWN;

		streak = i > 0 && ok == (bits >> (i - 1) & 1) ? streak + 1 : 1;
		needed = ok ? rise : fall;
		assert_int_equal(fsm_result(f, rise, fall, ok, i),
				 old != wanted && streak >= needed);
		assert_int_equal(f->state, streak >= needed ? wanted : old);
	}
}

static void all_short_histories_keep_rise_and_fall(void **state)
{
	unsigned int n;
	struct fsm f;

	(void)state;
	for (n = 0; n < HEALTH_N_STATES * 16 * 128; n++) {
		fsm_init(&f, n >> 11, 0);
		run_short(&f, 1 + (n >> 7 & 3), 1 + (n >> 9 & 3), n & 127);
	}
}

/* Brings it down and up again as fast as may be; how long did up take? */
static uint32_t bounce(struct fsm *f, uint64_t *now_ms)
{
	uint32_t n = 0;

	while (f->state != HEALTH_DOWN)
		(void)fsm_result(f, 2, 3, false, (*now_ms)++);
	while (f->state != HEALTH_UP) {
		(void)fsm_result(f, 2, 3, true, (*now_ms)++);
		n++;
	}
	return n;
}

static void flapping_doubles_rise_and_is_forgotten(void **state)
{
	static const uint32_t rises[] = { 2, 2, 2, 4, 8, 16, 16, 16 };
	uint64_t now_ms = 5;
	struct fsm f;
	size_t i;

	(void)state;
	fsm_init(&f, HEALTH_UP, now_ms);
	for (i = 0; i < ARRAY_SIZE(rises); i++)
		assert_int_equal(bounce(&f, &now_ms), rises[i]);
	assert_true(fsm_flapping(&f, now_ms));
	/* A reset is no way out. */
	fsm_reset(&f, now_ms);
	assert_int_equal(bounce(&f, &now_ms), 16);
	/* Six are remembered; after three minutes three are left. */
	now_ms += 3 * (uint64_t)FSM_FLAP_MS;
	assert_false(fsm_flapping(&f, now_ms));
	assert_int_equal(bounce(&f, &now_ms), 4);
	now_ms += 60 * (uint64_t)FSM_FLAP_MS;
	assert_int_equal(bounce(&f, &now_ms), 2);
}

static const struct health_target web = {
	.id = 7,
	.addr = { { 0, 0, BE32(0xffff), BE32(0x0a4d000b) } },
	.port = 80,
	.params = { 1000, 500, 2, 3, 10 },
};

static void expect_reason(const struct record *r, uint64_t now_ms,
			  const char *reason)
{
	struct health_status status;

	record_status(r, &web, now_ms, &status);
	assert_string_equal(status.reason, reason);
}

static void feed(struct record *r, enum probe_result result, const char *detail,
		 uint32_t latency_us)
{
	(void)record_result(r, &web.params, result, detail, latency_us, 1);
}

static void reasons_say_where_what_and_how_often(void **state)
{
	struct record r;
	int i;

	(void)state;
	record_init(&r, HEALTH_UNKNOWN, 0);
	expect_reason(&r, 1, "tcp 10.77.0.11:80: not probed yet");
	for (i = 0; i < 3; i++)
		feed(&r, PROBE_FAILED, "connection refused", 0);
	expect_reason(&r, 1,
		      "tcp 10.77.0.11:80: connection refused, 3 of 3 failures");
	feed(&r, PROBE_FAILED, "no answer in 500 ms", 0);
	expect_reason(&r, 1,
		      "tcp 10.77.0.11:80: no answer in 500 ms, "
		      "4 failures in a row");
	feed(&r, PROBE_OK, "connected", 1260);
	expect_reason(&r, 1,
		      "tcp 10.77.0.11:80: connected in 1.2 ms, "
		      "1 of 2 successes");
	feed(&r, PROBE_BLIND, "no such interface", 0);
	expect_reason(&r, 1,
		      "tcp 10.77.0.11:80: cannot be probed from here: "
		      "no such interface");
}

static void blindness_changes_nothing(void **state)
{
	struct record r;
	int i;

	(void)state;
	record_init(&r, HEALTH_UP, 0);
	feed(&r, PROBE_FAILED, "connection refused", 0);
	feed(&r, PROBE_FAILED, "connection refused", 0);
	for (i = 0; i < 100; i++)
		feed(&r, PROBE_BLIND, "no such interface", 0);
	assert_int_equal(r.fsm.state, HEALTH_UP);
	assert_int_equal(r.fsm.streak, 2);
	assert_int_equal(r.n_failures, 2);
	assert_int_equal(r.n_probes, 2);
	feed(&r, PROBE_FAILED, "connection refused", 0);
	assert_int_equal(r.fsm.state, HEALTH_DOWN);
}

static void latency_is_smoothed(void **state)
{
	struct record r;
	int i;

	(void)state;
	record_init(&r, HEALTH_UNKNOWN, 0);
	feed(&r, PROBE_OK, "connected", 8000);
	assert_int_equal(r.smoothed_us, 8000);
	feed(&r, PROBE_OK, "connected", 16000);
	assert_int_equal(r.latency_us, 16000);
	assert_int_equal(r.smoothed_us, 9000);
	for (i = 0; i < 200; i++)
		feed(&r, PROBE_OK, "connected", 0);
	assert_in_range(r.smoothed_us, 1, 8);
	record_reset(&r, 5);
	assert_int_equal(r.latency_us, 0);
}

static void a_boot_settles_by_success_or_time(void **state)
{
	struct health_status status;
	struct record r;

	(void)state;
	record_init(&r, HEALTH_UNKNOWN, 1000);
	record_status(&r, &web, 1000 + TARGET_SETTLE_MS - 1, &status);
	assert_false(status.settled);
	record_status(&r, &web, 1000 + TARGET_SETTLE_MS, &status);
	assert_true(status.settled);
	record_reset(&r, 500000);
	record_status(&r, &web, 500000, &status);
	assert_false(status.settled);
	feed(&r, PROBE_OK, "connected", 1);
	feed(&r, PROBE_OK, "connected", 1);
	record_status(&r, &web, 500001, &status);
	assert_true(status.settled);
}

static void targets_have_names(void **state)
{
	struct health_target t = web;
	char name[TARGET_NAME_SIZE];

	(void)state;
	t.addr = (struct ip_addr){ { BE32(0xfe800000), 0, 0, BE32(1) } };
	target_name(&t, name, sizeof(name));
	assert_string_equal(name, "tcp [fe80::1]:80");
	(void)snprintf(t.device, sizeof(t.device), "vnet3");
	target_name(&t, name, sizeof(name));
	assert_string_equal(name, "tcp [fe80::1%vnet3]:80");
	/* A way to it: neither the way's address nor its interface is said. */
	t.shown = (struct ip_addr){ { BE32(0x20010db8), 0, 0, BE32(5) } };
	target_name(&t, name, sizeof(name));
	assert_string_equal(name, "tcp [2001:db8::5]:80");
	assert_string_equal(health_state_name(HEALTH_DOWN), "down");
	assert_string_equal(health_state_name(HEALTH_N_STATES), "?");
	assert_string_equal(health_kind_name(HEALTH_N_KINDS), "?");
}

static void values_out_of_range_are_refused(void **state)
{
	static const struct health_params wrong[] = {
		{ 9, 500, 2, 3, 10 },	    { 1000, 0, 2, 3, 10 },
		{ 1000, 500, 0, 3, 10 },    { 1000, 500, 2, 0, 10 },
		{ 1000, 500, 2, 3, 101 },   { 1000, 500, 1001, 3, 10 },
		{ 1000, 500, 2, 1001, 10 },
	};
	struct health_target t = web;
	size_t i;

	(void)state;
	assert_int_equal(target_check(&web), 0);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_true(params_check(&wrong[i]) < 0);
	t.port = 0;
	assert_true(target_check(&t) < 0);
	t = web;
	t.kind = HEALTH_N_KINDS;
	assert_true(target_check(&t) < 0);
	t = web;
	t.initial = HEALTH_N_STATES;
	assert_true(target_check(&t) < 0);
	t = web;
	memset(t.device, 'x', sizeof(t.device));
	assert_true(target_check(&t) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_histories_are_as_the_model),
		cmocka_unit_test(all_short_histories_keep_rise_and_fall),
		cmocka_unit_test(flapping_doubles_rise_and_is_forgotten),
		cmocka_unit_test(reasons_say_where_what_and_how_often),
		cmocka_unit_test(blindness_changes_nothing),
		cmocka_unit_test(latency_is_smoothed),
		cmocka_unit_test(a_boot_settles_by_success_or_time),
		cmocka_unit_test(targets_have_names),
		cmocka_unit_test(values_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
