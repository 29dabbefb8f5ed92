/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kind of probe is: start one, give one up. Inside of health/ only.
 *
 * health.c decides when a probe starts and when it has taken too long; a kind
 * knows neither clock nor rise and fall. To add one: probe_<kind>.c with a
 * function that returns its struct probe_kind, a row in probe.c, a name in
 * enum health_kind, a test.
 */
#ifndef HEALTH_PROBE_H
#define HEALTH_PROBE_H

#include "health/health.h"

#define PROBE_DETAIL_SIZE 96

struct children;
struct sockets;

/* What probes are short of; those of one lane wait for each other. */
enum probe_lane {
	LANE_SOCKETS,
	LANE_COMMANDS,
	N_LANES,
};

enum probe_result {
	PROBE_PENDING, /* under way, done() will be called */
	PROBE_OK,
	PROBE_FAILED, /* the target's failure */
	PROBE_BLIND, /* not possible from here: nothing is known of the target */
	PROBE_STARVED, /* this machine has no room for any probe now */
};

/**
 * struct probe - of one target, used for one probe after the other.
 * @base: loop to wait in.
 * @sockets: of all probes.
 * @children: of all probes.
 * @target: what to probe; lives as long as the probe.
 * @done: to be called once for a pending probe, as the last thing, since the
 *        struct probe may be gone afterwards; never from start() or stop().
 * @state: the kind's own memory, zeroed before the first start().
 * @err: positive errno of a result that has one, else 0.
 * @late: what has been missing when time is up; NULL = "no answer". Set anew
 *        by each start().
 * @latency_us: of a success, if the kind knows better than the clock; else 0.
 * @detail: the result in words, "connection refused".
 */
struct probe {
	struct event_base *base;
	struct sockets *sockets;
	struct children *children;
	const struct health_target *target;
	void (*done)(struct probe *p, enum probe_result result);
	void *state;
	int err;
	const char *late;
	uint32_t latency_us;
	char detail[PROBE_DETAIL_SIZE];
};

/**
 * struct probe_kind - how to probe.
 * @name: as users write it.
 * @lane: what it needs one of.
 * @state_size: bytes of probe->state.
 * @start: begin. Fills in err, latency_us and detail unless it returns
 *         PROBE_PENDING; done() does it later then.
 * @stop: give up a pending probe without a result; nothing of it is left.
 */
struct probe_kind {
	const char *name;
	enum probe_lane lane;
	size_t state_size;
	enum probe_result (*start)(struct probe *p);
	void (*stop)(struct probe *p);
};

/**
 * probe_kind_find() - the kind of that number; NULL if there is none.
 */
const struct probe_kind *probe_kind_find(enum health_kind kind);

/**
 * probe_set_error() - note an errno and what it means to people.
 * @p: its err and detail are set.
 * @err: positive.
 */
void probe_set_error(struct probe *p, int err);

#define PROBE_QUOTE_SIZE 33

/**
 * probe_quote() - what somebody sends, up to the end of its first line, without
 * what would disturb a terminal.
 * @bytes: that.
 * @buf: where to.
 */
void probe_quote(const struct health_bytes *bytes, char buf[PROBE_QUOTE_SIZE]);

/**
 * probe_expects() - does an answer have in it what is expected?
 *
 * Return: true also if nothing is expected.
 */
bool probe_expects(const struct health_how *how,
		   const struct health_bytes *answer);

/**
 * probe_unexpected() - an answer has not what is expected.
 *
 * Return: PROBE_FAILED, err and detail of @p are set.
 */
enum probe_result probe_unexpected(struct probe *p,
				   const struct health_bytes *answer);

/* The kinds. */
const struct probe_kind *probe_tcp(void);
const struct probe_kind *probe_tcp_answer(void);
const struct probe_kind *probe_http(void);
const struct probe_kind *probe_https(void);
const struct probe_kind *probe_udp(void);
const struct probe_kind *probe_exec(void);

#endif
