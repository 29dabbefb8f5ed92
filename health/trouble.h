/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was told lately of this machine's own troubles, so that each is told once
 * in a while. Inside of health/ only; pure.
 */
#ifndef HEALTH_TROUBLE_H
#define HEALTH_TROUBLE_H

#include "dataplane/core/base.h"

#define TROUBLE_EVERY_US 10000000
#define TROUBLES	 8

/**
 * struct troubles - causes by their errno; zeroed = nothing was told.
 */
struct troubles {
	struct {
		int err;
		uint64_t told_us;
	} told[TROUBLES];
};

/**
 * trouble_may_tell() - has it not been told for so long? It is now, then.
 */
bool trouble_may_tell(struct troubles *troubles, int err, uint64_t now_us);

#endif
