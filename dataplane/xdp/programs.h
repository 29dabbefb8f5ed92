/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF programs, loaded over a node's maps.
 */
#ifndef DATAPLANE_XDP_PROGRAMS_H
#define DATAPLANE_XDP_PROGRAMS_H

#include "dataplane/xdp/maps.h"

struct lb_bpf;
struct port_bpf;
struct host_bpf;
struct drops_bpf;

/**
 * struct programs - what is loaded.
 * @lb: XDP; @port: TC, both directions.
 * @host: TC beside the host's own rules.
 * @drops: tracepoints; NULL where the kernel has no type information (BTF).
 */
struct programs {
	struct lb_bpf *lb;
	struct port_bpf *port;
	struct host_bpf *host;
	struct drops_bpf *drops;
};

/* Program file descriptors; owned by @p. */
int programs_lb(const struct programs *p);
int programs_port_in(const struct programs *p);
int programs_port_out(const struct programs *p);
int programs_probe_out(const struct programs *p);
int programs_uplink_in(const struct programs *p);
int programs_uplink_out(const struct programs *p);
int programs_bridge_in(const struct programs *p);
int programs_redirect_err(const struct programs *p);
int programs_devmap_xmit(const struct programs *p);
int programs_inside_pass(const struct programs *p);
int programs_inside_reply(const struct programs *p);

/* Tables of probes over the data path: maps, and the record of the node. */
int programs_probe_targets(const struct programs *p);
int programs_probe_numbers(const struct programs *p);
void programs_set_probes(const struct programs *p,
			 const struct probe_node *node);

/* Load all programs; 0 or -errno. */
MUST_CHECK int programs_load(const struct maps *maps,
			     struct programs *ret_programs);

/* Unload what no link holds. */
void programs_done(struct programs *p);

#endif
