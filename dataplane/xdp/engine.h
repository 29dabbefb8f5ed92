/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open XDP engine, and what it does for publish.c. For xdp.c and tests.
 */
#ifndef DATAPLANE_XDP_ENGINE_H
#define DATAPLANE_XDP_ENGINE_H

#include "dataplane/publish.h"
#include "dataplane/xdp/maps.h"
#include "dataplane/xdp/pin.h"
#include "dataplane/xdp/programs.h"

/**
 * struct dp - see dataplane.h.
 * @pin: of the node.
 * @maps, @programs: as loaded; a reader has no programs.
 * @publish: what is in force.
 * @n_cpus: that counters are kept for.
 * @reads: a reader of the maps as they change.
 * @log, @log_arg: of the options.
 * @after_write, @after_write_arg: of the options.
 */
struct dp {
	struct pin pin;
	struct maps maps;
	struct programs programs;
	struct publish *publish;
	int n_cpus;
	bool reads;
	void (*log)(void *arg, int level, const char *text);
	void *log_arg;
	void (*after_write)(void *arg);
	void *after_write_arg;
};

/* What publish.c asks of this engine; its e is a struct dp. */
extern const struct engine_ops xdp_engine_ops;

#endif
