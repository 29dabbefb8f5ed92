// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was told lately of this machine's own troubles.
 */
#include "health/trouble.h"

bool trouble_may_tell(struct troubles *troubles, int err, uint64_t now_us)
{
	size_t i, at = 0;

	for (i = 0; i < TROUBLES; i++) {
		if (troubles->told[i].err == err) {
			at = i;
			break;
		}
		if (troubles->told[i].told_us < troubles->told[at].told_us)
			at = i;
	}
	if (troubles->told[at].err == err &&
	    now_us - troubles->told[at].told_us < TROUBLE_EVERY_US)
		return false;
	troubles->told[at].err = err;
	troubles->told[at].told_us = now_us;
	return true;
}
