// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XDP engine behind struct dp_ops: open what is pinned or begin anew,
 * attach the uplinks, take everything off.
 */
#include "dataplane/dataplane.h"
#include "dataplane/judge.h"
#include "dataplane/status.h"
#include "dataplane/xdp/engine.h"
#include "dataplane/xdp/inside.h"
#include "dataplane/xdp/links.h"
#include "dataplane/xdp/trace.h"
#include "dataplane/xdp/uplinks.h"
#include "dataplane/xdp/ways.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/random.h>
#include <time.h>

/* libbpf has one printer for all; the last engine that opened gets it. */
static struct dp *printing;

void dp_say(const struct dp *dp, int level, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (!dp->log)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text[strcspn(text, "\n")] = 0;
	dp->log(dp->log_arg, level, text);
}

/* What libbpf says is detail: we report the failure itself. */
__attribute__((format(printf, 2, 0))) static int
libbpf_say(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[1024];

	if (!printing || level == LIBBPF_DEBUG)
		return 0;
	(void)vsnprintf(text, sizeof(text), format, args);
	dp_say(printing, LOG_DEBUG, "%s", text);
	return 0;
}

int dp_fail(char *ret_error, int err, const char *what, const char *subject)
{
	(void)snprintf(ret_error, DP_ERROR_SIZE, "%s %s: %s", what, subject,
		       strerror(-err));
	return err;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct dp *dp_new(void)
{
	struct dp *dp = calloc(1, sizeof(*dp));
	int i;

	if (!dp)
		return NULL;
	for (i = 0; i < N_MAPS; i++)
		dp->maps.fd[i] = -1;
	dp->pin.lock_fd = -1;
	dp->netdev_fd = -1;
	dp->n_cpus = libbpf_num_possible_cpus();
	return dp;
}

static void xdp_close(struct dp *dp)
{
	if (!dp)
		return;
	ways_close(dp);
	trace_stop(dp);
	judge_free(dp->judge);
	publish_free(dp->publish);
	programs_done(&dp->programs);
	maps_done(&dp->maps);
	pin_close(&dp->pin);
	if (dp->netdev_fd >= 0)
		close(dp->netdev_fd);
	if (printing == dp)
		printing = NULL;
	free(dp);
}

/* Sizes that the maps and the core's masks can have. */
static int limits_check(const struct dp_limits *limits, char *error)
{
	if (limits->n_backends && limits->n_backends <= BACKEND_MAX &&
	    limits->n_services && limits->n_pools &&
	    limits->n_slots >= SLOTS_PER_LINE &&
	    limits->n_flows >= FLOWS_PER_LINE &&
	    limits->n_direct >= FLOWS_PER_LINE &&
	    !(limits->n_slots & (limits->n_slots - 1)) &&
	    !(limits->n_flows & (limits->n_flows - 1)) &&
	    !(limits->n_direct & (limits->n_direct - 1)))
		return 0;
	(void)snprintf(
		error, DP_ERROR_SIZE,
		"sizes of tables: slots, flows and direct must be powers "
		"of two, backends at most %d, none 0",
		BACKEND_MAX);
	return -EINVAL;
}

static int limits_match(const struct memory_meta *meta,
			const struct dp_limits *limits, char *error)
{
	const struct dp_limits *had = &meta->limits;

	if (!memcmp(had, limits, sizeof(*limits)))
		return 0;
	(void)snprintf(
		error, DP_ERROR_SIZE,
		"tables in force have other sizes than configured: "
		"backends %u/%u, services %u/%u, pools %u/%u, slots "
		"%u/%u, flows %u/%u, direct %u/%u; restore the sizes, or "
		"`drover detach` (breaks connections)",
		had->n_backends, limits->n_backends, had->n_services,
		limits->n_services, had->n_pools, limits->n_pools, had->n_slots,
		limits->n_slots, had->n_flows, limits->n_flows, had->n_direct,
		limits->n_direct);
	return -EUCLEAN;
}

/* New maps: what the path needs to know before anything is attached. */
static int maps_begin(struct dp *dp, const struct dp_options *options)
{
	struct memory_meta *meta;
	struct node *node;
	int err;

	/* A start that was cut short has left pins, but no links. */
	links_remove(dp->pin.links);
	pin_remove_maps(&dp->pin);
	err = maps_create(&options->limits, &dp->maps);
	if (err)
		return err;
	node = dp->maps.area[MAP_NODE];
	if (getrandom(&node->direct_seed, sizeof(node->direct_seed), 0) < 0)
		return -errno;
	node->flow_line_mask = options->limits.n_flows / FLOWS_PER_LINE - 1;
	node->direct_line_mask = options->limits.n_direct / FLOWS_PER_LINE - 1;
	meta = dp->maps.area[MAP_META];
	meta->version = STATE_VERSION;
	meta->limits = options->limits;
	dp_wrote(dp);
	err = maps_pin(&dp->maps, dp->pin.maps);
	dp_wrote(dp);
	if (!err)
		__atomic_store_n(&meta->magic, MEMORY_MAGIC, __ATOMIC_RELEASE);
	dp_wrote(dp);
	return err;
}

/* Find the pinned maps, or make them. */
static int maps_find(struct dp *dp, const struct dp_options *options,
		     char *error)
{
	uint32_t version = 0;
	int err;

	err = maps_open(dp->pin.maps, MAPS_WRITE, &dp->maps, &version);
	if (err == -ENOENT) {
		err = maps_begin(dp, options);
		return err ? dp_fail(error, err, "cannot make tables in",
				     options->pin_dir) :
			     0;
	}
	if (err == -EUCLEAN) {
		(void)snprintf(error, DP_ERROR_SIZE,
			       "%s: tables in force are of version %u, this is "
			       "version %d; `drover detach` and start again",
			       options->pin_dir, version, STATE_VERSION);
		return err;
	}
	if (err)
		return dp_fail(error, err, "cannot open", options->pin_dir);
	return limits_match(dp->maps.area[MAP_META], &options->limits, error);
}

static bool keep_uplink(void *arg, uint32_t ifindex)
{
	return uplinks_have(arg, ifindex) || inside_has(arg, ifindex);
}

static bool keep_port(void *arg, uint32_t ifindex)
{
	const struct dp *dp = arg;

	return publish_keeps_port(dp->publish, ifindex) ||
	       publish_keeps_bridge(dp->publish, ifindex) ||
	       inside_has(dp, ifindex) ||
	       (uplinks_have(dp, ifindex) &&
		publish_keeps_uplinks(dp->publish));
}

/* Count redirects that fail late, where the kernel lets us. */
static void drops_attach(const struct dp *dp)
{
	int err = -ENOTSUP;

	if (dp->programs.drops)
		err = link_tracepoint(dp->pin.links, "xdp_redirect_err",
				      programs_redirect_err(&dp->programs));
	if (!err)
		err = link_tracepoint(dp->pin.links, "xdp_devmap_xmit",
				      programs_devmap_xmit(&dp->programs));
	if (err)
		dp_say(dp, LOG_WARN,
		       "packets that a VM's port does not take go uncounted: %s",
		       strerror(-err));
}

static int state_open(struct dp *dp, const struct dp_options *options,
		      char *error)
{
	struct memory memory;
	struct node *node;
	int err;

	err = maps_find(dp, options, error);
	if (err)
		return err;
	err = programs_load(&dp->maps, &dp->programs);
	if (err)
		return dp_fail(error, err, "cannot load programs into",
			       "the kernel");
	memory = maps_memory(&dp->maps);
	node = memory.node;
	node->reply_rate_pps = options->reply_rate_pps;
	node->direct_idle_ticks = TICKS_OF_MS(options->direct_idle_ms);
	err = publish_open(&memory, &xdp_engine_ops, dp, PUBLISH_OWNS, now_ns(),
			   &dp->publish);
	if (err)
		return dp_fail(error, err, "tables in force can't be used:",
			       options->pin_dir);
	err = uplinks_attach(dp, options, error);
	if (!err)
		err = inside_open(dp, options->inside, error);
	if (err)
		return err;
	err = publish_hook_uplinks(dp->publish);
	if (err)
		return dp_fail(error, err, "cannot attach TC programs to the",
			       "uplinks");
	links_prune(dp->pin.links, keep_uplink, keep_port, dp);
	drops_attach(dp);
	dp_wrote(dp);
	err = ways_open(dp, options, &dp->ways);
	return err ? dp_fail(error, err, "cannot use", options->pin_dir) : 0;
}

static int xdp_open(const struct dp_options *options, struct dp **ret_dp,
		    char *error)
{
	struct dp *dp;
	int err;

	err = limits_check(&options->limits, error);
	if (err)
		return err;
	dp = dp_new();
	if (!dp)
		return dp_fail(error, -ENOMEM, "XDP", "engine");
	dp->clsact = options->clsact;
	dp->log = options->log;
	dp->log_arg = options->log_arg;
	dp->after_write = options->after_write;
	dp->after_write_arg = options->after_write_arg;
	printing = dp;
	(void)libbpf_set_print(libbpf_say);
	err = pin_open(options->pin_dir, &dp->pin);
	if (err == -EMEDIUMTYPE)
		(void)snprintf(error, DP_ERROR_SIZE,
			       "%s is not in a BPF file system: "
			       "mount -t bpf bpf /sys/fs/bpf",
			       options->pin_dir);
	else if (err == -EBUSY)
		(void)snprintf(error, DP_ERROR_SIZE,
			       "%s belongs to another daemon that runs",
			       options->pin_dir);
	else if (err)
		(void)dp_fail(error, err, "cannot use", options->pin_dir);
	else
		err = state_open(dp, options, error);
	if (err) {
		xdp_close(dp);
		return err;
	}
	*ret_dp = dp;
	return 0;
}

/* A reader: of the maps as they change (MAPS_READ), or of one moment. */
static int reader_open(const char *pin_dir, enum maps_use use,
		       struct dp **ret_dp, char *error)
{
	struct dp *dp = dp_new();
	uint32_t version = 0;
	struct memory memory;
	int err;

	if (!dp)
		return dp_fail(error, -ENOMEM, "XDP", "engine");
	(void)libbpf_set_print(libbpf_say);
	dp->reads = use == MAPS_READ;
	err = pin_paths(pin_dir, &dp->pin);
	if (!err)
		err = maps_open(dp->pin.maps, use, &dp->maps, &version);
	if (!err) {
		memory = maps_memory(&dp->maps);
		err = publish_open(&memory, &xdp_engine_ops, dp,
				   use == MAPS_READ ? PUBLISH_READS :
						      PUBLISH_LOOKS,
				   now_ns(), &dp->publish);
	}
	if (err) {
		(void)dp_fail(error, err, "no forwarding state in", pin_dir);
		xdp_close(dp);
		return err;
	}
	*ret_dp = dp;
	return 0;
}

static int xdp_open_readonly(const char *pin_dir, struct dp **ret_dp,
			     char *error)
{
	return reader_open(pin_dir, MAPS_READ, ret_dp, error);
}

static int xdp_open_copy(const char *pin_dir, struct dp **ret_dp, char *error)
{
	return reader_open(pin_dir, MAPS_COPY, ret_dp, error);
}

static int xdp_judge(struct dp *dp, const struct dp_packet *packet,
		     struct dp_judged *ret)
{
	if (!dp->judge)
		dp->judge = judge_new(dp->publish);
	if (!dp->judge)
		return -ENOMEM;
	judge_packet(dp->judge, packet, ret);
	return 0;
}

static int xdp_apply(struct dp *dp, const struct dp_snapshot *snapshot,
		     uint64_t at_ns, struct dp_result *ret)
{
	uint64_t began_ns = now_ns();
	int err;

	err = publish_apply(dp->publish, snapshot, at_ns, ret);
	ret->took_ns = now_ns() - began_ns;
	return err;
}

static uint64_t xdp_tick(struct dp *dp, uint64_t at_ns)
{
	return publish_tick(dp->publish, at_ns);
}

static void xdp_port_lost(struct dp *dp, uint32_t ifindex, uint64_t at_ns)
{
	publish_port_lost(dp->publish, ifindex, at_ns);
	uplinks_lost(dp, ifindex);
	inside_lost(dp, ifindex);
	ways_lost(dp, ifindex);
}

static int xdp_hooks_changed(struct dp *dp, uint32_t ifindex)
{
	/* What a pinned program stands for, and what belongs beside it. */
	const int pairs[][2] = {
		{ programs_port_in(&dp->programs),
		  programs_port_out(&dp->programs) },
		{ programs_bridge_in(&dp->programs), -1 },
		{ programs_uplink_in(&dp->programs),
		  programs_uplink_out(&dp->programs) },
		{ -1, programs_probe_out(&dp->programs) },
		{ programs_inside_reply(&dp->programs), -1 },
	};
	int ret = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pairs) && !ret; i++)
		ret = link_port_restore(dp->pin.links, ifindex, pairs[i][0],
					pairs[i][1]);
	return ret;
}

static bool xdp_link_seen(struct dp *dp, const char *ifname, uint32_t ifindex)
{
	if (!uplinks_seen(dp, ifname, ifindex))
		return false;
	if (publish_hook_uplinks(dp->publish))
		dp_say(dp, LOG_WARN,
		       "uplink %s: TC programs can't be attached: what goes "
		       "through the kernel, or is observed, misses them",
		       ifname);
	return true;
}

static int xdp_status(struct dp *dp, uint64_t at_ns, struct dp_status *ret)
{
	char error[DP_ERROR_SIZE];
	struct dp *moment = NULL;
	int err = 0;

	/* What is to be counted must stand still meanwhile. */
	if (dp->reads)
		err = reader_open(dp->pin.dir, MAPS_COPY, &moment, error);
	if (!err)
		err = publish_status(moment ? moment->publish : dp->publish,
				     at_ns, ret);
	xdp_close(moment);
	if (err)
		return err;
	(void)snprintf(ret->engine, sizeof(ret->engine), "xdp");
	ret->memory_bytes = maps_bytes(&ret->limits);
	return 0;
}

static int xdp_explain(struct dp *dp, const struct dp_flow *flow,
		       uint64_t at_ns, struct dp_explanation *ret)
{
	return publish_explain(dp->publish, flow, at_ns, ret);
}

static int xdp_glance(struct dp *dp, uint16_t number, struct dp_glance *ret)
{
	return publish_glance(dp->publish, number, ret);
}

/* Programs first: without them the tables are memory that nobody reads. */
static int xdp_detach(const char *pin_dir, char *error)
{
	struct pin pin;
	int err;

	err = pin_paths(pin_dir, &pin);
	if (err)
		return dp_fail(error, err, "cannot use", pin_dir);
	links_remove(pin.links);
	ways_remove(pin_dir);
	inside_remove(pin_dir);
	uplinks_give_back(pin.maps);
	pin_remove_maps(&pin);
	pin_remove_dirs(&pin);
	return 0;
}

const struct dp_ops dp_xdp_ops = {
	.name = "xdp",
	.open = xdp_open,
	.open_readonly = xdp_open_readonly,
	.open_copy = xdp_open_copy,
	.judge = xdp_judge,
	.trace_start = trace_start,
	.trace_read = trace_read,
	.trace_stop = trace_stop,
	.apply = xdp_apply,
	.tick = xdp_tick,
	.port_lost = xdp_port_lost,
	.link_seen = xdp_link_seen,
	.hooks_changed = xdp_hooks_changed,
	.status = xdp_status,
	.explain = xdp_explain,
	.glance = xdp_glance,
	.ways = ways_set,
	.close = xdp_close,
	.detach = xdp_detach,
};
