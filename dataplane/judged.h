/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers of a packet that was judged -> names; not for others than the engines.
 */
#ifndef DATAPLANE_JUDGED_H
#define DATAPLANE_JUDGED_H

#include "dataplane/publish.h"

/* The service, its pool and target port; 0 is nobody. */
void judged_service(const struct publish *p, uint32_t number,
		    struct dp_judged *ret);

/* The VM; BACKEND_NONE is nobody. */
void judged_backend(const struct publish *p, uint16_t number,
		    struct dp_judged *ret);

#endif
