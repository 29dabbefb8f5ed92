/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of one target: state, latency, counts, the last result in
 * words. Pure; time is an argument. When it is probed is health.c's business.
 */
#ifndef HEALTH_TARGET_H
#define HEALTH_TARGET_H

#include "health/fsm.h"
#include "health/probe.h"

#define TARGET_SETTLE_MS 60000 /* a boot is over after this */

/**
 * struct record - of one target.
 * @fsm: its state.
 * @born_ms: when it was added or reset.
 * @last: result that @detail is about; PROBE_PENDING = none yet.
 * @latency_us: of the last success.
 * @smoothed_us: smoothed.
 * @n_probes: results.
 * @n_failures: of these, failures.
 * @detail: of the last result.
 */
struct record {
	struct fsm fsm;
	uint64_t born_ms;
	enum probe_result last;
	uint32_t latency_us;
	uint32_t smoothed_us;
	uint64_t n_probes;
	uint64_t n_failures;
	char detail[PROBE_DETAIL_SIZE];
};

/**
 * struct record_change - what a result has done.
 * @old: state before.
 * @state_changed: there is another state now.
 * @cause_changed: the result or its cause is another than that before.
 */
struct record_change {
	enum health_state old;
	bool state_changed;
	bool cause_changed;
};

/**
 * record_init() - nothing is known yet but the state.
 */
void record_init(struct record *r, enum health_state initial, uint64_t now_ms);

/**
 * record_reset() - forget what the target's former life has shown.
 */
void record_reset(struct record *r, uint64_t now_ms);

/**
 * record_result() - a probe has ended.
 * @r: changed.
 * @params: of the target.
 * @result: PROBE_OK, PROBE_FAILED or PROBE_BLIND (which changes no state).
 * @detail: in words.
 * @latency_us: of a success.
 * @now_ms: when.
 */
struct record_change record_result(struct record *r,
				   const struct health_params *params,
				   enum probe_result result, const char *detail,
				   uint32_t latency_us, uint64_t now_ms);

/**
 * record_status() - all of it for callers, with the reason in words.
 */
void record_status(const struct record *r, const struct health_target *target,
		   uint64_t now_ms, struct health_status *ret_status);

#define TARGET_NAME_SIZE 80

/**
 * target_name() - "tcp 10.77.0.11:80", "tcp [fd00::1%vnet3]:80".
 */
void target_name(const struct health_target *target, char *buf, size_t size);

/**
 * target_check() - are all values in their ranges?
 *
 * Return: 0 or -EINVAL.
 */
MUST_CHECK int target_check(const struct health_target *target);

/**
 * params_check() - the same for the parameters.
 */
MUST_CHECK int params_check(const struct health_params *params);

#endif
