/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet that was judged, in words and numbers for others than the path; not for
 * others than the engines.
 */
#ifndef DATAPLANE_JUDGED_H
#define DATAPLANE_JUDGED_H

#include "dataplane/core/pkt.h"
#include "dataplane/publish.h"

/**
 * judged_packet() - what kind of packet it is.
 * @p: as it was parsed, which ended with @reason.
 */
void judged_packet(const struct pkt *p, enum reason reason,
		   struct dp_judged *ret);

/* The service, its pool and target port; 0 is nobody. */
void judged_service(const struct publish *p, uint32_t number,
		    struct dp_judged *ret);

/* The VM; BACKEND_NONE is nobody. */
void judged_backend(const struct publish *p, uint16_t number,
		    struct dp_judged *ret);

#endif
