// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is known of one target, and how it is told.
 */
#include "health/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *health_state_name(enum health_state state)
{
	static const char *const names[] = {
		[HEALTH_UNKNOWN] = "unknown",
		[HEALTH_UP] = "up",
		[HEALTH_DOWN] = "down",
	};

	_Static_assert(ARRAY_SIZE(names) == HEALTH_N_STATES, "a name a state");
	return (size_t)state < ARRAY_SIZE(names) ? names[state] : "?";
}

void record_init(struct record *r, enum health_state initial, uint64_t now_ms)
{
	*r = (struct record){ .born_ms = now_ms };
	fsm_init(&r->fsm, initial, now_ms);
}

void record_reset(struct record *r, uint64_t now_ms)
{
	r->born_ms = now_ms;
	r->last = PROBE_PENDING;
	r->latency_us = 0;
	r->smoothed_us = 0;
	r->detail[0] = '\0';
	fsm_reset(&r->fsm, now_ms);
}

static void note_latency(struct record *r, uint32_t latency_us)
{
	int64_t error = (int64_t)latency_us - r->smoothed_us;

	/* 0 means that there is none. */
	r->latency_us = latency_us ? latency_us : 1;
	if (r->smoothed_us == 0)
		r->smoothed_us = r->latency_us;
	else
		r->smoothed_us = (uint32_t)(r->smoothed_us + error / 8);
}

struct record_change record_result(struct record *r,
				   const struct health_params *params,
				   enum probe_result result, const char *detail,
				   uint32_t latency_us, uint64_t now_ms)
{
	struct record_change change = {
		.old = r->fsm.state,
		.cause_changed = r->last != result ||
				 strcmp(r->detail, detail) != 0,
	};

	r->last = result;
	(void)snprintf(r->detail, sizeof(r->detail), "%s", detail);
	if (result == PROBE_BLIND)
		return change;

	r->n_probes++;
	if (result == PROBE_OK)
		note_latency(r, latency_us);
	else
		r->n_failures++;
	change.state_changed = fsm_result(&r->fsm, params->rise, params->fall,
					  result == PROBE_OK, now_ms);
	return change;
}

#define STREAK_SIZE 40

/* "1 of 3 failures", "57 failures in a row"; "" before the first result. */
static void print_streak(const struct record *r,
			 const struct health_params *params, uint64_t now_ms,
			 char *buf, size_t size)
{
	const char *what = r->fsm.streak_ok ? "successes" : "failures";
	uint32_t needed;

	needed = fsm_needed(&r->fsm, params->rise, params->fall, now_ms);
	if (r->fsm.streak > needed)
		(void)snprintf(buf, size, "%u %s in a row", r->fsm.streak,
			       what);
	else
		(void)snprintf(buf, size, "%u of %u %s", r->fsm.streak, needed,
			       what);
}

static void print_reason(const struct record *r,
			 const struct health_target *target, uint64_t now_ms,
			 char *buf, size_t size)
{
	const char *flaps = fsm_flapping(&r->fsm, now_ms) ? " (it flaps)" : "";
	char name[TARGET_NAME_SIZE];
	char streak[STREAK_SIZE];

	target_name(target, name, sizeof(name));
	print_streak(r, &target->params, now_ms, streak, sizeof(streak));
	switch (r->last) {
	case PROBE_PENDING:
	case PROBE_STARVED:
		(void)snprintf(buf, size, "%s: not probed yet", name);
		break;
	case PROBE_OK:
		(void)snprintf(buf, size, "%s: %s in %u.%u ms, %s%s", name,
			       r->detail, r->latency_us / 1000,
			       r->latency_us / 100 % 10, streak, flaps);
		break;
	case PROBE_FAILED:
		(void)snprintf(buf, size, "%s: %s, %s", name, r->detail,
			       streak);
		break;
	case PROBE_BLIND:
		(void)snprintf(buf, size, "%s: cannot be probed from here: %s",
			       name, r->detail);
		break;
	}
}

void record_status(const struct record *r, const struct health_target *target,
		   uint64_t now_ms, struct health_status *ret_status)
{
	*ret_status = (struct health_status){
		.state = r->fsm.state,
		.settled = r->fsm.been_up ||
			   now_ms - r->born_ms >= TARGET_SETTLE_MS,
		.flapping = fsm_flapping(&r->fsm, now_ms),
		.since_ms = r->fsm.since_ms,
		.latency_us = r->latency_us,
		.smoothed_us = r->smoothed_us,
		.n_probes = r->n_probes,
		.n_failures = r->n_failures,
	};
	print_reason(r, target, now_ms, ret_status->reason,
		     sizeof(ret_status->reason));
}

void target_name(const struct health_target *target, char *buf, size_t size)
{
	const char *kind = health_kind_name(target->kind);
	const struct ip_addr *ip = &target->addr;
	char addr[INET6_ADDRSTRLEN] = "?", port[8] = "";
	const char *device = target->device;

	/* Then the interface leads to the way, not to what is shown. */
	if (target->shown.word[3] &&
	    memcmp(&target->shown, ip, sizeof(*ip)) != 0) {
		ip = &target->shown;
		device = "";
	}
	/* A command may need none. */
	if (target->port)
		(void)snprintf(port, sizeof(port), ":%u", target->port);
	if (IP_IS_V4(*ip)) {
		(void)inet_ntop(AF_INET, &ip->word[3], addr, sizeof(addr));
		(void)snprintf(buf, size, "%s %s%s", kind, addr, port);
		return;
	}
	(void)inet_ntop(AF_INET6, ip->word, addr, sizeof(addr));
	(void)snprintf(buf, size, "%s [%s%s%s]%s", kind, addr,
		       device[0] ? "%" : "", device, port);
}

int params_check(const struct health_params *params)
{
	if (params->interval_ms < 10 || params->timeout_ms < 1)
		return -EINVAL;
	if (params->rise < 1 || params->rise > HEALTH_STREAK_MAX)
		return -EINVAL;
	if (params->fall < 1 || params->fall > HEALTH_STREAK_MAX)
		return -EINVAL;
	return params->jitter_percent > 100 ? -EINVAL : 0;
}

int target_check(const struct health_target *target)
{
	if (!probe_kind_find(target->kind))
		return -EINVAL;
	if (target->kind == HEALTH_EXEC ? target->how.argv.n == 0 :
					  target->port == 0)
		return -EINVAL;
	if ((size_t)target->initial >= HEALTH_N_STATES)
		return -EINVAL;
	if (strnlen(target->device, HEALTH_DEVICE_SIZE) == HEALTH_DEVICE_SIZE)
		return -EINVAL;
	/* Against which name? It must not pass for verified. */
	if (target->kind == HEALTH_HTTPS && target->how.verify &&
	    !target->how.sni)
		return -EINVAL;
	return params_check(&target->params);
}
