/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is in force, for people and programs that ask: status, and what the
 * path would do with a flow. Both only read.
 */
#ifndef DATAPLANE_STATUS_H
#define DATAPLANE_STATUS_H

#include "dataplane/publish.h"

/* Fill in all but @engine and @memory_bytes. -ENOMEM. */
MUST_CHECK int publish_status(struct publish *p, uint64_t now_ns,
			      struct dp_status *ret);

/* As in struct dp_ops. */
MUST_CHECK int publish_explain(const struct publish *p,
			       const struct dp_flow *flow, uint64_t now_ns,
			       struct dp_explanation *ret);

#endif
