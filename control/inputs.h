/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What reaches droverd from outside: hypervisors, interfaces, neighbours and
 * probes. Starts them, and turns what they say into changes. Part of daemon.
 */
#ifndef CONTROL_INPUTS_H
#define CONTROL_INPUTS_H

#include "control/daemon.h"

MUST_CHECK int inputs_start(struct daemon *d);

/* Also after a start that failed half-way. */
void inputs_stop(struct daemon *d);

#endif
