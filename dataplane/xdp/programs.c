// SPDX-License-Identifier: GPL-2.0-only
/*
 * Skeletons -> programs in the kernel, their maps replaced by the node's.
 */
#include "dataplane/xdp/programs.h"

/* The skeletons have it as a variable. */
#include "dataplane/core/trace.h"

#include "drops.skel.h"
#include "host.skel.h"
#include "lb.skel.h"
#include "port.skel.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Give an object the node's maps, by name; its own .rodata stays. */
static int use_maps(struct bpf_object *object, const struct maps *maps)
{
	struct bpf_map *map;
	int err = 0;
	int i;

	bpf_object__for_each_map(map, object) {
		for (i = 0; i < N_MAPS && !err; i++)
			if (!strcmp(bpf_map__name(map),
				    map_symbol((enum map_id)i)))
				err = bpf_map__reuse_fd(map, maps->fd[i]);
	}
	return err;
}

static int lb_load(const struct maps *maps, struct lb_bpf **ret_lb)
{
	struct lb_bpf *lb = lb_bpf__open();
	int err;

	if (!lb)
		return -errno;
	err = use_maps(lb->obj, maps);
	if (!err)
		err = lb_bpf__load(lb);
	if (err) {
		lb_bpf__destroy(lb);
		return err;
	}
	*ret_lb = lb;
	return 0;
}

static int port_load(const struct maps *maps, struct port_bpf **ret_port)
{
	const struct memory_meta *meta = maps->area[MAP_META];
	/* Every VM in a pool may be probed; two numbers are no VM's. A number is
	 * found by the VM's address, and a port counts those at it. */
	uint32_t n_targets = meta->limits.n_backends + 2;
	struct port_bpf *port = port_bpf__open();
	int err;

	if (!port)
		return -errno;
	err = use_maps(port->obj, maps);
	if (!err)
		err = bpf_map__set_max_entries(port->maps.probe_target_map,
					       n_targets);
	if (!err)
		err = bpf_map__set_max_entries(port->maps.probe_number_map,
					       2 * n_targets);
	if (!err)
		err = port_bpf__load(port);
	if (err) {
		port_bpf__destroy(port);
		return err;
	}
	*ret_port = port;
	return 0;
}

static int host_load(const struct maps *maps, struct host_bpf **ret_host)
{
	struct host_bpf *host = host_bpf__open();
	int err;

	if (!host)
		return -errno;
	err = use_maps(host->obj, maps);
	if (!err)
		err = host_bpf__load(host);
	if (err) {
		host_bpf__destroy(host);
		return err;
	}
	*ret_host = host;
	return 0;
}

/* Optional: without it redirects that fail late are not counted. */
static struct drops_bpf *drops_load(const struct maps *maps)
{
	struct drops_bpf *drops = drops_bpf__open();
	struct stat netns;

	if (!drops)
		return NULL;
	if (!stat("/proc/self/ns/net", &netns))
		drops->rodata->netns_inum = (uint32_t)netns.st_ino;
	if (use_maps(drops->obj, maps) || drops_bpf__load(drops)) {
		drops_bpf__destroy(drops);
		return NULL;
	}
	return drops;
}

int programs_load(const struct maps *maps, struct programs *ret_programs)
{
	struct programs p = { .lb = NULL };
	int err;

	err = lb_load(maps, &p.lb);
	if (!err)
		err = port_load(maps, &p.port);
	if (!err)
		err = host_load(maps, &p.host);
	if (err) {
		programs_done(&p);
		return err;
	}
	p.drops = drops_load(maps);
	*ret_programs = p;
	return 0;
}

void programs_done(struct programs *p)
{
	lb_bpf__destroy(p->lb);
	port_bpf__destroy(p->port);
	host_bpf__destroy(p->host);
	drops_bpf__destroy(p->drops);
	*p = (struct programs){ .lb = NULL };
}

int programs_lb(const struct programs *p)
{
	return bpf_program__fd(p->lb->progs.lb);
}

int programs_port_in(const struct programs *p)
{
	return bpf_program__fd(p->port->progs.port_in);
}

int programs_port_out(const struct programs *p)
{
	return bpf_program__fd(p->port->progs.port_out);
}

int programs_probe_out(const struct programs *p)
{
	return bpf_program__fd(p->port->progs.probe_out);
}

int programs_probe_targets(const struct programs *p)
{
	return bpf_map__fd(p->port->maps.probe_target_map);
}

int programs_probe_numbers(const struct programs *p)
{
	return bpf_map__fd(p->port->maps.probe_number_map);
}

void programs_set_probes(const struct programs *p,
			 const struct probe_node *node)
{
	struct probe_node *ours = &p->port->bss->probe_node;
	const struct ip_addr none = { .word = { 0 } };

	/* The sources say that the rest is there. */
	ours->v4.source = ours->v6.source = none;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	ours->v4.local = node->v4.local;
	ours->v6.local = node->v6.local;
	ours->ifindex = node->ifindex;
	ours->uid = node->uid;
	memcpy(ours->mac, node->mac, sizeof(ours->mac));
	__atomic_thread_fence(__ATOMIC_RELEASE);
	ours->v4.source = node->v4.source;
	ours->v6.source = node->v6.source;
}

int programs_uplink_in(const struct programs *p)
{
	return bpf_program__fd(p->host->progs.uplink_in);
}

int programs_uplink_out(const struct programs *p)
{
	return bpf_program__fd(p->host->progs.uplink_out);
}

int programs_bridge_in(const struct programs *p)
{
	return bpf_program__fd(p->host->progs.bridge_in);
}

int programs_redirect_err(const struct programs *p)
{
	return bpf_program__fd(p->drops->progs.redirect_err);
}

int programs_devmap_xmit(const struct programs *p)
{
	return bpf_program__fd(p->drops->progs.devmap_xmit);
}

int programs_inside_pass(const struct programs *p)
{
	return bpf_program__fd(p->lb->progs.inside_pass);
}

int programs_inside_reply(const struct programs *p)
{
	return bpf_program__fd(p->host->progs.inside_reply);
}
