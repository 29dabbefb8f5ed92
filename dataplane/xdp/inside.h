/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface that packets of clients inside come in again by. For xdp.c.
 */
#ifndef DATAPLANE_XDP_INSIDE_H
#define DATAPLANE_XDP_INSIDE_H

#include "dataplane/xdp/engine.h"

/**
 * inside_open() - find the interface or make it, and attach what belongs there;
 * or take it away.
 * @wanted: options.inside.
 *
 * It outlives the process, as all that forwards does. Return: 0 or -errno.
 */
MUST_CHECK int inside_open(struct dp *dp, bool wanted, char *error);

/* Is this interface one of its ends? */
bool inside_has(const struct dp *dp, uint32_t ifindex);

/* An interface is gone: if it was ours, it is made anew. */
void inside_lost(struct dp *dp, uint32_t ifindex);

/* Take it away: for detach. */
void inside_remove(const char *pin_dir);

#endif
