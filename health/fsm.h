/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From results of probes to up and down. Pure; time is an argument.
 *
 * DOC: states and moves
 *
 *	unknown -> up      `rise` successes in a row
 *	unknown -> down    `fall` failures in a row
 *	down    -> up      `rise` successes in a row, more if it flaps
 *	up      -> down    `fall` failures in a row
 *	any     -> unknown fsm_reset() only
 *
 * A streak is a number of equal results in a row; the first result that
 * differs starts the next one. It does not end when the state changes, but
 * after a change only the other kind of result can change it again.
 *
 * Flapping: each up -> down is a flap, and for every FSM_FLAP_MS that pass one
 * is forgotten. With more than FSM_FLAP_FREE of them remembered, up takes
 * twice, four, at most eight times `rise`: what has kept failing must show
 * more before it gets clients again. Down is never delayed.
 *
 * Invariants: up never before `rise`, down never before `fall` equal results
 * since the last change or reset; never a change by a result that agrees with
 * the state; fsm_reset() forgets all but the flaps.
 */
#ifndef HEALTH_FSM_H
#define HEALTH_FSM_H

#include "health/health.h"

#define FSM_FLAP_MS    60000 /* a flap is forgotten in this time */
#define FSM_FLAP_FREE  3     /* so many cost nothing */
#define FSM_FLAP_SHIFT 3     /* up takes at most 2^3 times `rise` */
#define FSM_FLAP_MAX   (FSM_FLAP_FREE + FSM_FLAP_SHIFT) /* remembered */

/**
 * struct fsm - of one target.
 * @state: what it is now.
 * @streak_ok: the last result was a success.
 * @been_up: it has been up since fsm_init() or fsm_reset().
 * @streak: results in a row that were like the last; 0 = none yet.
 * @flaps: remembered.
 * @flap_ms: since when the oldest of them waits to be forgotten.
 * @since_ms: when it entered @state.
 */
struct fsm {
	enum health_state state;
	bool streak_ok;
	bool been_up;
	uint32_t streak;
	uint32_t flaps;
	uint64_t flap_ms;
	uint64_t since_ms;
};

/**
 * fsm_init() - a machine without history.
 */
void fsm_init(struct fsm *f, enum health_state initial, uint64_t now_ms);

/**
 * fsm_reset() - unknown again, without a streak; flaps are kept.
 */
void fsm_reset(struct fsm *f, uint64_t now_ms);

/**
 * fsm_result() - a probe has ended.
 * @f: changed.
 * @rise: successes in a row that make it up; >= 1.
 * @fall: failures in a row that make it down; >= 1.
 * @ok: it was a success.
 * @now_ms: when; does not go back.
 *
 * Return: true if the state has changed.
 */
bool fsm_result(struct fsm *f, uint32_t rise, uint32_t fall, bool ok,
		uint64_t now_ms);

/**
 * fsm_needed() - how long the present streak has to be to mean something.
 *
 * Return: @fall or, raised by flapping, @rise: the "3" of "1 of 3 failures".
 */
uint32_t fsm_needed(const struct fsm *f, uint32_t rise, uint32_t fall,
		    uint64_t now_ms);

/**
 * fsm_flapping() - does up take more successes than `rise`?
 */
bool fsm_flapping(const struct fsm *f, uint64_t now_ms);

#endif
