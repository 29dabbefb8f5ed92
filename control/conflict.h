/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two services on one port of a VM. Part of reconcile.
 */
#ifndef CONTROL_CONFLICT_H
#define CONTROL_CONFLICT_H

#include "control/members.h"

/**
 * conflict_find() - settle who has which VM's ports; reconcile.h has the rule.
 * @set: their facts are known; facts.conflict and conflict are set.
 */
void conflict_find(const struct rec *rec, const struct members *set,
		   const struct conf *conf);

#endif
