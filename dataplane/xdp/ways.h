/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ways for probes over the data path: the probe interface and its targets.
 */
#ifndef DATAPLANE_XDP_WAYS_H
#define DATAPLANE_XDP_WAYS_H

#include "dataplane/xdp/engine.h"

/* What there is of them; the interface is made when the first way is wanted. */
struct ways;

MUST_CHECK int ways_open(const struct dp *dp, const struct dp_options *options,
			 struct ways **ret_ways);

/* They go with the process that probes: the interface, too. */
void ways_close(struct dp *dp);

/* As in struct dp_ops. */
MUST_CHECK int ways_set(struct dp *dp, struct dp_way *ways, uint32_t n,
			char ret_device[DP_IFNAME_SIZE]);

/* An interface is gone: if it was the probe interface, it is made anew when ways
 * are asked for next. */
void ways_lost(struct dp *dp, uint32_t ifindex);

/* Take off what a process that was killed has left. */
void ways_remove(const char *pin_dir);

#endif
