/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interfaces that clients come in by: attached, recorded, given back.
 */
#ifndef DATAPLANE_XDP_UPLINKS_H
#define DATAPLANE_XDP_UPLINKS_H

#include "dataplane/xdp/engine.h"

/*
 * Attach all, in order; others are no uplinks any more. One that is not there is
 * attached when it is seen. 0 or -errno, @error.
 */
MUST_CHECK int uplinks_attach(struct dp *dp, const struct dp_options *options,
			      char *error);

/* There is an interface of that name: true if it is an uplink, attached now. */
bool uplinks_seen(struct dp *dp, const char *ifname, uint32_t ifindex);

/* An interface is gone. */
void uplinks_lost(struct dp *dp, uint32_t ifindex);

/* Is an interface an uplink, as last attached? */
bool uplinks_have(const struct dp *dp, uint32_t ifindex);

/* For detach: undo what was changed at interfaces besides the programs. */
void uplinks_give_back(const char *maps_dir);

#endif
