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

struct judge; /* judge.h */
struct trace; /* trace.h */
struct ways;  /* ways.h */

/**
 * struct dp - see dataplane.h.
 * @pin: of the node.
 * @maps, @programs: as loaded; a reader has no programs.
 * @publish: what is in force.
 * @judge: of a copy that packets are judged by; made with the first.
 * @trace: what this process sees of packets; NULL = nothing.
 * @n_cpus: that counters are kept for.
 * @netdev_fd: to ask for MAC addresses; -1 = not yet.
 * @reads: a reader of the maps as they change.
 * @ways: for probes over the data path; NULL = a reader.
 * @clsact: of the options.
 * @log, @log_arg: of the options.
 * @after_write, @after_write_arg: of the options.
 */
struct dp {
	struct pin pin;
	struct maps maps;
	struct programs programs;
	struct publish *publish;
	struct judge *judge;
	struct trace *trace;
	int n_cpus;
	int netdev_fd;
	bool reads;
	struct ways *ways;
	bool clsact;
	void (*log)(void *arg, int level, const char *text);
	void *log_arg;
	void (*after_write)(void *arg);
	void *after_write_arg;
};

/* Levels of struct dp_options.log. */
#define LOG_WARN  1
#define LOG_INFO  2
#define LOG_DEBUG 3

/* A message to whoever opened the engine; one line. */
void dp_say(const struct dp *dp, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Fill in an error, "what subject: text of @err"; returns @err. */
int dp_fail(char *ret_error, int err, const char *what, const char *subject);

/* Something that outlives the process is done; tests end it here. */
void dp_wrote(const struct dp *dp);

/* What publish.c asks of this engine; its e is a struct dp. */
extern const struct engine_ops xdp_engine_ops;

#endif
