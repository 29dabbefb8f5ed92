// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verdict: every combination of facts against the rules written a second
 * time as plain sentences, and against what must never happen. Then panic.
 */
#include "health/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "health/panic.h"

#define BOOLS 8
#define COMBINATIONS                                                        \
	(VERDICT_HV_N * VERDICT_PORT_N * VERDICT_WISH_N * HEALTH_N_STATES * \
	 (1 << BOOLS))

/* The facts of combination @n. */
static struct verdict_facts facts_of(unsigned int n)
{
	struct verdict_facts f = { 0 };

	f.in_tables = n & 1;
	f.settled = n >> 1 & 1;
	f.address_known = n >> 2 & 1;
	f.claimed_once = n >> 3 & 1;
	f.conflict = n >> 4 & 1;
	f.over_limit = n >> 5 & 1;
	f.panic = n >> 6 & 1;
	f.standby = n >> 7 & 1;
	n >>= BOOLS;
	f.hv = n % VERDICT_HV_N;
	n /= VERDICT_HV_N;
	f.port = n % VERDICT_PORT_N;
	n /= VERDICT_PORT_N;
	f.wish = n % VERDICT_WISH_N;
	n /= VERDICT_WISH_N;
	f.probe = n;
	return f;
}

/* The specification, by verdict instead of by rule. */

static bool is_lost(const struct verdict_facts *f)
{
	return f->hv == VERDICT_HV_GONE || f->hv == VERDICT_HV_DYING ||
	       f->port == VERDICT_PORT_GONE ||
	       f->port == VERDICT_PORT_ELSEWHERE ||
	       f->port == VERDICT_PORT_NO_RETURN;
}

static bool is_unwanted(const struct verdict_facts *f)
{
	return !f->claimed_once || f->conflict || f->over_limit || f->standby ||
	       f->port == VERDICT_PORT_POLICY || f->wish != VERDICT_WISH_NONE ||
	       f->hv == VERDICT_HV_PAUSED;
}

/* A VM in the tables stays unless probes, if they are trusted, say down. */
static bool may_stay(const struct verdict_facts *f)
{
	return f->panic || f->probe != HEALTH_DOWN;
}

/* A VM comes in by probes alone, or in panic if it runs and isn't booting. */
static bool may_join(const struct verdict_facts *f)
{
	if (!f->address_known)
		return false;
	if (f->probe == HEALTH_UP)
		return true;
	return f->panic && f->hv == VERDICT_HV_RUNNING && f->settled;
}

static enum vm_verdict specified(const struct verdict_facts *f)
{
	if (!f->in_tables) {
		if (is_lost(f) || is_unwanted(f) || !may_join(f))
			return VERDICT_WAITING;
		return VERDICT_SERVING;
	}
	if (is_lost(f))
		return VERDICT_GONE;
	if (is_unwanted(f) || !may_stay(f))
		return VERDICT_LEAVING;
	return VERDICT_SERVING;
}

/* Is what the reason names so? */
static bool is_true(enum verdict_reason reason, const struct verdict_facts *f)
{
	switch (reason) {
	case VERDICT_BY_PROBE_UP:
		return f->probe == HEALTH_UP && f->hv == VERDICT_HV_RUNNING;
	case VERDICT_BY_PROBE_DOWN:
		return f->probe == HEALTH_DOWN;
	case VERDICT_BY_PROBE_UNKNOWN:
		return f->probe == HEALTH_UNKNOWN;
	case VERDICT_BY_PROBE_ALONE:
		return f->probe == HEALTH_UP && f->hv == VERDICT_HV_STALE;
	case VERDICT_BY_PANIC:
		return f->panic;
	case VERDICT_BY_ADDRESS:
		return !f->address_known && !f->in_tables;
	case VERDICT_BY_PAUSE:
		return f->hv == VERDICT_HV_PAUSED;
	case VERDICT_BY_DRAIN:
		return f->wish == VERDICT_WISH_DRAIN;
	case VERDICT_BY_SELECTOR:
		return f->wish == VERDICT_WISH_OUT;
	case VERDICT_BY_POLICY:
		return f->port == VERDICT_PORT_POLICY;
	case VERDICT_BY_LIMIT:
		return f->over_limit;
	case VERDICT_BY_STANDBY:
		return f->standby;
	case VERDICT_BY_CONFLICT:
		return f->conflict;
	case VERDICT_BY_CLAIM:
		return !f->claimed_once;
	case VERDICT_BY_RETURN_PATH:
		return f->port == VERDICT_PORT_NO_RETURN;
	case VERDICT_BY_NODE:
		return f->port == VERDICT_PORT_ELSEWHERE;
	case VERDICT_BY_PORT_GONE:
		return f->port == VERDICT_PORT_GONE;
	case VERDICT_BY_SHUTDOWN:
		return f->hv == VERDICT_HV_DYING;
	case VERDICT_BY_NOT_RUNNING:
		return f->hv == VERDICT_HV_GONE;
	case VERDICT_N_REASONS:
		break;
	}
	return false;
}

static void every_combination_is_as_specified(void **state)
{
	bool seen[VERDICT_N][VERDICT_N_REASONS] = { 0 };
	unsigned int n, r, v;

	(void)state;
	for (n = 0; n < COMBINATIONS; n++) {
		struct verdict_facts f = facts_of(n);
		struct verdict_answer a = verdict_find(&f);

		if (a.verdict != specified(&f))
			fail_msg("combination %u: %s by %s, not %s", n,
				 vm_verdict_name(a.verdict),
				 verdict_reason_name(a.reason),
				 vm_verdict_name(specified(&f)));
		if (!is_true(a.reason, &f))
			fail_msg("combination %u: %s is no reason", n,
				 verdict_reason_name(a.reason));
		seen[a.verdict][a.reason] = true;
	}
	/* No verdict and no reason is dead. */
	for (r = 0; r < VERDICT_N_REASONS; r++) {
		bool any = false;

		for (v = 0; v < VERDICT_N; v++)
			any |= seen[v][r];
		assert_true(any);
	}
}

/* Said without the specification: what would cost clients their flows. */
static void never(void **state)
{
	unsigned int n;

	(void)state;
	for (n = 0; n < COMBINATIONS; n++) {
		struct verdict_facts f = facts_of(n);
		enum vm_verdict v = verdict_find(&f).verdict;
		struct verdict_facts g;

		/* Only what is in the tables leaves them. */
		assert_true(f.in_tables ?
				    v != VERDICT_WAITING :
				    v != VERDICT_LEAVING && v != VERDICT_GONE);
		/* Probes, panic and wishes alone never cut a flow. */
		g = f;
		g.probe = HEALTH_UP;
		g.panic = false;
		g.wish = VERDICT_WISH_NONE;
		if (v == VERDICT_GONE)
			assert_int_equal(verdict_find(&g).verdict,
					 VERDICT_GONE);
		/* Better news from the probes never make it worse. */
		g = f;
		g.probe = HEALTH_UP;
		if (v == VERDICT_SERVING)
			assert_int_equal(verdict_find(&g).verdict,
					 VERDICT_SERVING);
		/* Nor does panic. */
		g = f;
		g.panic = true;
		if (v == VERDICT_SERVING)
			assert_int_equal(verdict_find(&g).verdict,
					 VERDICT_SERVING);
		/* A drained VM has no new flows, come what may. */
		if (f.wish != VERDICT_WISH_NONE)
			assert_int_not_equal(v, VERDICT_SERVING);
		/* A lost hypervisor takes nobody out that serves. */
		g = f;
		g.hv = VERDICT_HV_STALE;
		if (f.in_tables && v == VERDICT_SERVING)
			assert_int_equal(verdict_find(&g).verdict,
					 VERDICT_SERVING);
	}
}

/* A VM in good order, in the tables. */
static const struct verdict_facts good = {
	.in_tables = true,
	.hv = VERDICT_HV_RUNNING,
	.port = VERDICT_PORT_OK,
	.probe = HEALTH_UP,
	.settled = true,
	.address_known = true,
	.claimed_once = true,
};

static void restart_of_the_daemon_moves_nobody(void **state)
{
	struct verdict_facts f = good;
	struct verdict_answer a;

	(void)state;
	f.hv = VERDICT_HV_STALE;
	f.probe = HEALTH_UNKNOWN;
	f.settled = false;
	f.address_known = false;
	a = verdict_find(&f);
	assert_int_equal(a.verdict, VERDICT_SERVING);
	assert_int_equal(a.reason, VERDICT_BY_PROBE_UNKNOWN);
}

/* Each single fault of a good VM gives its own reason. */
static void one_fault_one_reason(void **state)
{
	struct verdict_facts f;

	(void)state;
#define EXPECT(change, why)                                       \
	do {                                                      \
		f = good;                                         \
		change;                                           \
		assert_int_equal(verdict_find(&f).reason, (why)); \
	} while (0)
	EXPECT(f.in_tables = true, VERDICT_BY_PROBE_UP);
	EXPECT(f.probe = HEALTH_DOWN, VERDICT_BY_PROBE_DOWN);
	EXPECT(f.probe = HEALTH_UNKNOWN, VERDICT_BY_PROBE_UNKNOWN);
	EXPECT(f.hv = VERDICT_HV_STALE, VERDICT_BY_PROBE_ALONE);
	EXPECT(f.panic = true, VERDICT_BY_PANIC);
	EXPECT((f.in_tables = false, f.address_known = false),
	       VERDICT_BY_ADDRESS);
	EXPECT(f.hv = VERDICT_HV_PAUSED, VERDICT_BY_PAUSE);
	EXPECT(f.wish = VERDICT_WISH_DRAIN, VERDICT_BY_DRAIN);
	EXPECT(f.wish = VERDICT_WISH_OUT, VERDICT_BY_SELECTOR);
	EXPECT(f.port = VERDICT_PORT_POLICY, VERDICT_BY_POLICY);
	EXPECT(f.over_limit = true, VERDICT_BY_LIMIT);
	EXPECT(f.standby = true, VERDICT_BY_STANDBY);
	EXPECT(f.conflict = true, VERDICT_BY_CONFLICT);
	EXPECT(f.claimed_once = false, VERDICT_BY_CLAIM);
	EXPECT(f.port = VERDICT_PORT_NO_RETURN, VERDICT_BY_RETURN_PATH);
	EXPECT(f.port = VERDICT_PORT_ELSEWHERE, VERDICT_BY_NODE);
	EXPECT(f.port = VERDICT_PORT_GONE, VERDICT_BY_PORT_GONE);
	EXPECT(f.hv = VERDICT_HV_DYING, VERDICT_BY_SHUTDOWN);
	EXPECT(f.hv = VERDICT_HV_GONE, VERDICT_BY_NOT_RUNNING);
#undef EXPECT
}

static void reasons_are_sentences(void **state)
{
	const struct verdict_texts texts = {
		.probe = "tcp 10.77.0.11:80: connection refused, "
			 "3 of 3 failures",
		.wish = "kernel upgrade",
		.port = "vnet3: qdisc of somebody else",
	};
	struct verdict_answer a = { VERDICT_LEAVING, VERDICT_BY_PROBE_DOWN };
	char buf[320], small[12];
	unsigned int r;

	(void)state;
	verdict_print(&a, &texts, buf, sizeof(buf));
	assert_string_equal(buf, "probes fail: tcp 10.77.0.11:80: connection "
				 "refused, 3 of 3 failures");
	a.reason = VERDICT_BY_DRAIN;
	verdict_print(&a, &texts, buf, sizeof(buf));
	assert_string_equal(buf, "drained by the operator: kernel upgrade");
	verdict_print(&a, NULL, buf, sizeof(buf));
	assert_string_equal(buf, "drained by the operator");
	a.reason = VERDICT_BY_RETURN_PATH;
	verdict_print(&a, &texts, buf, sizeof(buf));
	assert_string_equal(buf, "its port refuses the return path: "
				 "vnet3: qdisc of somebody else");
	verdict_print(&a, &texts, small, sizeof(small));
	assert_string_equal(small, "its port re");
	for (r = 0; r < VERDICT_N_REASONS; r++) {
		a.reason = r;
		verdict_print(&a, NULL, buf, sizeof(buf));
		assert_true(strlen(buf) > 3);
		assert_true(strlen(verdict_reason_name(r)) > 3);
	}
	assert_string_equal(verdict_reason_name(VERDICT_BY_NODE),
			    "not_on_this_node");
	a.reason = VERDICT_N_REASONS;
	verdict_print(&a, &texts, buf, sizeof(buf));
	assert_string_equal(buf, "not judged yet");
	assert_string_equal(vm_verdict_name(VERDICT_N), "?");
	assert_string_equal(verdict_reason_name(VERDICT_N_REASONS), "?");
}

/* Panic */

static void those_count_who_only_probes_keep_out(void **state)
{
	unsigned int n;

	(void)state;
	for (n = 0; n < COMBINATIONS; n++) {
		struct panic_tally tally = { 0 };
		struct verdict_facts f = facts_of(n);
		bool counts, healthy;

		counts = !is_lost(&f) && !is_unwanted(&f) &&
			 (f.in_tables || (f.address_known && f.settled));
		healthy = f.probe == HEALTH_UP ||
			  (f.in_tables && f.probe == HEALTH_UNKNOWN);
		panic_count(&tally, &f);
		assert_int_equal(tally.n_counted, counts);
		assert_int_equal(tally.n_healthy, counts && healthy);
	}
}

static bool step(struct panic *p, uint32_t healthy, uint32_t counted,
		 uint64_t now_ms)
{
	const struct panic_tally tally = { healthy, counted };
	uint64_t wake_ms;
	bool distrusted;

	distrusted = panic_step(p, &tally, 50, now_ms, &wake_ms);
	if (p->state == PANIC_ENDING)
		assert_in_range(wake_ms, now_ms + 1, now_ms + PANIC_HOLD_MS);
	else
		assert_int_equal(wake_ms, 0);
	return distrusted;
}

static void panic_begins_at_once_and_ends_slowly(void **state)
{
	struct panic p = { 0 };
	char buf[200];

	(void)state;
	assert_false(step(&p, 4, 4, 1));
	assert_false(step(&p, 2, 4, 2));
	panic_print(&p, 2, buf, sizeof(buf));
	assert_string_equal(buf, "");
	assert_true(step(&p, 1, 4, 3));
	panic_print(&p, 3, buf, sizeof(buf));
	assert_string_equal(buf, "panic: 1 of 4 VMs healthy by probes, fewer "
				 "than 50 %; all running VMs serve");
	/* Just enough: it has to stay so for ten seconds. */
	assert_true(step(&p, 2, 4, 4));
	assert_true(step(&p, 2, 4, 4 + PANIC_HOLD_MS - 3000));
	panic_print(&p, 4 + PANIC_HOLD_MS - 3000, buf, sizeof(buf));
	assert_string_equal(buf, "panic: 2 of 4 VMs healthy by probes, enough "
				 "again (50 %); over in 3 s if it stays so");
	/* A relapse starts it anew. */
	assert_true(step(&p, 1, 4, 9000));
	assert_true(step(&p, 2, 4, 10000));
	assert_true(step(&p, 2, 4, 10000 + PANIC_HOLD_MS - 1));
	assert_false(step(&p, 2, 4, 10000 + PANIC_HOLD_MS));
	assert_false(step(&p, 2, 4, 30000));
	/* Clearly enough: at once. */
	assert_true(step(&p, 0, 4, 30001));
	assert_false(step(&p, 3, 4, 30002));
	/* A pool of one, and of nobody. */
	assert_true(step(&p, 0, 1, 30003));
	assert_false(step(&p, 0, 0, 30004));
	assert_true(step(&p, 0, 2, 30005));
	assert_true(step(&p, 1, 2, 30006));
	assert_false(step(&p, 2, 2, 30007));
}

static void thresholds_have_ends(void **state)
{
	const struct panic_tally none = { 0, 3 }, most = { 2, 3 },
				 all = { 3, 3 };
	struct panic p = { 0 };
	uint64_t wake_ms;

	(void)state;
	assert_false(panic_step(&p, &none, 0, 1, &wake_ms));
	assert_true(panic_step(&p, &most, 100, 2, &wake_ms));
	assert_false(panic_step(&p, &all, 100, 3, &wake_ms));
	/* Switched off by a reload: over at once. */
	assert_true(panic_step(&p, &none, 50, 4, &wake_ms));
	assert_false(panic_step(&p, &none, 0, 5, &wake_ms));
	assert_int_equal(wake_ms, 0);
}

/* 0 .. @n - 1, the same in each run. */
static uint32_t chance(uint32_t n)
{
	static uint16_t chance_state[3] = { 7 };

	return (uint32_t)nrand48(chance_state) % n;
}

/* Random tallies: what hysteresis may never do. */
static void random_panics_keep_the_rules(void **state)
{
	struct panic p = { 0 };
	uint64_t now_ms = 1, enough_since = 0;
	bool was = false;
	int i;

	(void)state;
	for (i = 0; i < 200000; i++) {
		uint32_t counted = chance(8);
		uint32_t healthy = counted ? chance(counted + 1) : 0;
		bool is, few = healthy * 2 < counted;

		now_ms += chance(20) ? chance(50) : chance(12000);
		is = step(&p, healthy, counted, now_ms);
		if (few) {
			assert_true(is);
			enough_since = 0;
		} else if (enough_since == 0) {
			enough_since = now_ms;
		}
		/* It begins only with too few, and is over after the hold. */
		if (is && !was)
			assert_true(few);
		if (is && !few)
			assert_true(now_ms - enough_since < PANIC_HOLD_MS);
		was = is;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination_is_as_specified),
		cmocka_unit_test(never),
		cmocka_unit_test(restart_of_the_daemon_moves_nobody),
		cmocka_unit_test(one_fault_one_reason),
		cmocka_unit_test(reasons_are_sentences),
		cmocka_unit_test(those_count_who_only_probes_keep_out),
		cmocka_unit_test(panic_begins_at_once_and_ends_slowly),
		cmocka_unit_test(thresholds_have_ends),
		cmocka_unit_test(random_panics_keep_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
