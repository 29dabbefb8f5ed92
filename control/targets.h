/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Members of pools -> targets of probes. Part of daemon.
 */
#ifndef CONTROL_TARGETS_H
#define CONTROL_TARGETS_H

#include "control/reconcile.h"

/**
 * targets_update() - probe each member that runs and has an address, by the way
 * that way.h found, and nobody else.
 */
void targets_update(struct health *health, struct rec *rec,
		    const struct inv *inv);

/* Is it to be probed? */
bool targets_wanted(const struct rec_member *m, const struct inv *inv);

/* A member goes: its target, if it has one, goes too. */
void targets_drop(struct health *health, struct rec_member *m);

#endif
