/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets on their way, seen: the reader's side of core/trace.h. As in struct dp_ops.
 */
#ifndef DATAPLANE_XDP_TRACE_H
#define DATAPLANE_XDP_TRACE_H

#include "dataplane/dataplane.h"

MUST_CHECK int trace_start(struct dp *dp, const struct dp_trace_ask *ask,
			   uint64_t now_ns, char *error);
MUST_CHECK int trace_read(struct dp *dp, uint64_t now_ns, int timeout_ms,
			  dp_traced_fn *fn, void *arg,
			  struct dp_trace_sum *ret_sum);
void trace_stop(struct dp *dp);

#endif
