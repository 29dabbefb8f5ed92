// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: made, pinned, found again, taken off.
 *
 * A pinned link whose interface is gone stays in its directory, attached to
 * nothing; whoever meets it (a new interface may have the same number) throws
 * it away.
 */
#include "dataplane/xdp/links.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Linux 6.6; libbpf and the headers of Debian 12 are older. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS  47

/* Our filters at a clsact qdisc; "DR". */
#define FILTER_HANDLE	0x4452
#define FILTER_PRIORITY 0x4452

#define PATH_SIZE 4096

static void link_path(char *ret, const char *dir, const char *kind,
		      uint32_t ifindex)
{
	(void)snprintf(ret, PATH_SIZE, "%s/%s-%u", dir, kind, ifindex);
}

/* Take a link off and forget it; what holds it elsewhere holds nothing. */
static void link_remove(const char *path)
{
	int fd = bpf_obj_get(path);

	if (fd >= 0) {
		(void)bpf_link_detach(fd);
		close(fd);
	}
	(void)unlink(path);
}

/*
 * Put a program into the pinned link of an interface.
 * Return: 0; -ENOENT: there is none that is attached there.
 */
static int link_reuse(const char *path, uint32_t ifindex, int prog_fd)
{
	struct bpf_link_info info = { .type = 0 };
	uint32_t size = sizeof(info);
	int fd = bpf_obj_get(path);
	int err;

	if (fd < 0)
		return -ENOENT;
	/* Of an XDP and of a tcx link the interface stands at the same place;
	 * 0 once it is gone. */
	err = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (!err && info.xdp.ifindex != ifindex)
		err = -ENOENT;
	if (!err)
		err = bpf_link_update(fd, prog_fd, NULL);
	close(fd);
	if (err)
		link_remove(path);
	return err ? -ENOENT : 0;
}

static int link_pin(int fd, const char *path)
{
	int err = bpf_obj_pin(fd, path);

	if (err)
		(void)bpf_link_detach(fd);
	close(fd);
	return err;
}

static bool is_generic(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);

	return !bpf_xdp_query((int)ifindex, 0, &opts) &&
	       opts.attach_mode == XDP_ATTACHED_SKB;
}

int link_uplink(const char *dir, uint32_t ifindex, int prog_fd,
		bool *ret_generic)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	char path[PATH_SIZE];
	int err = 0;
	int fd;

	link_path(path, dir, "uplink", ifindex);
	if (link_reuse(path, ifindex, prog_fd)) {
		fd = bpf_link_create(prog_fd, (int)ifindex, BPF_XDP, &opts);
		if (fd < 0 && fd != -EBUSY) {
			opts.flags = XDP_FLAGS_SKB_MODE;
			fd = bpf_link_create(prog_fd, (int)ifindex, BPF_XDP,
					     &opts);
		}
		err = fd < 0 ? fd : link_pin(fd, path);
	}
	if (!err)
		*ret_generic = is_generic(ifindex);
	return err;
}

/* A program that is none (-1) is attached already. */
static int link_tcx(const char *dir, const char *kind, uint32_t ifindex,
		    int prog_fd, enum bpf_attach_type type)
{
	char path[PATH_SIZE];
	int fd;

	link_path(path, dir, kind, ifindex);
	if (prog_fd < 0 || !link_reuse(path, ifindex, prog_fd))
		return 0;
	fd = bpf_link_create(prog_fd, (int)ifindex, type, NULL);
	/* What an older kernel says to an attach type that it does not know. */
	if (fd == -EINVAL)
		return -EOPNOTSUPP;
	return fd < 0 ? fd : link_pin(fd, path);
}

static int link_port_tcx(const char *dir, uint32_t ifindex, int in_fd,
			 int out_fd)
{
	int err;

	/* Egress first: once answers are judged, direct flows are known. */
	err = link_tcx(dir, "port-out", ifindex, out_fd,
		       (enum bpf_attach_type)ATTACH_TCX_EGRESS);
	if (!err)
		err = link_tcx(dir, "port-in", ifindex, in_fd,
			       (enum bpf_attach_type)ATTACH_TCX_INGRESS);
	return err;
}

static int filter_set(uint32_t ifindex, enum bpf_tc_attach_point point,
		      int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd,
		    .flags = BPF_TC_F_REPLACE, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY);

	return bpf_tc_attach(&hook, &opts);
}

static void filter_remove(uint32_t ifindex, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY);

	(void)bpf_tc_detach(&hook, &opts);
}

static uint32_t program_id(int prog_fd)
{
	struct bpf_prog_info info = { .type = 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(prog_fd, &info, &size) ? 0 : info.id;
}

/* Is this program our filter there? */
static bool filter_is(uint32_t ifindex, enum bpf_tc_attach_point point,
		      int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY);

	return !bpf_tc_query(&hook, &opts) &&
	       opts.prog_id == program_id(prog_fd);
}

/* The interface of "clsact-7"; 0 = another kind of pin. */
static uint32_t clsact_ifindex(const char *name)
{
	return strncmp(name, "clsact-", 7) != 0 ?
		       0 :
		       (uint32_t)strtoul(name + 7, NULL, 10);
}

static void clsact_remove(const char *path, uint32_t ifindex)
{
	if (unlink(path))
		return;
	filter_remove(ifindex, BPF_TC_INGRESS);
	filter_remove(ifindex, BPF_TC_EGRESS);
}

/*
 * Filters have no links; they stay with the interface. A pinned program says
 * where they are.
 */
static int link_port_clsact(const char *dir, uint32_t ifindex, int in_fd,
			    int out_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	char path[PATH_SIZE];
	int err;

	/* A qdisc that is there is shared. */
	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		return err;
	link_path(path, dir, "clsact", ifindex);
	(void)unlink(path);
	err = bpf_obj_pin(in_fd < 0 ? out_fd : in_fd, path);
	if (!err && out_fd >= 0)
		err = filter_set(ifindex, BPF_TC_EGRESS, out_fd);
	/*
	 * The ingress qdisc, which libvirt makes for <bandwidth>, has one hook
	 * and takes a filter for either.
	 */
	if (!err && out_fd >= 0 && filter_is(ifindex, BPF_TC_INGRESS, out_fd))
		err = -EBUSY;
	if (!err && in_fd >= 0)
		err = filter_set(ifindex, BPF_TC_INGRESS, in_fd);
	return err;
}

int link_port(const char *dir, uint32_t ifindex, int in_fd, int out_fd,
	      bool clsact)
{
	int err = -EOPNOTSUPP;

	if (!clsact)
		err = link_port_tcx(dir, ifindex, in_fd, out_fd);
	if (err == -EOPNOTSUPP)
		err = link_port_clsact(dir, ifindex, in_fd, out_fd);
	if (err)
		unlink_port(dir, ifindex);
	return err;
}

int link_port_restore(const char *dir, uint32_t ifindex, int in_fd, int out_fd)
{
	uint32_t pinned_id;
	char path[PATH_SIZE];
	int pinned;
	int err;

	link_path(path, dir, "clsact", ifindex);
	pinned = bpf_obj_get(path);
	if (pinned < 0)
		return 0;
	pinned_id = program_id(pinned);
	close(pinned);
	if (pinned_id != program_id(in_fd < 0 ? out_fd : in_fd))
		return 0;
	if ((in_fd < 0 || filter_is(ifindex, BPF_TC_INGRESS, in_fd)) &&
	    (out_fd < 0 || filter_is(ifindex, BPF_TC_EGRESS, out_fd)))
		return 0;
	err = link_port_clsact(dir, ifindex, in_fd, out_fd);
	if (err)
		unlink_port(dir, ifindex);
	return err ? err : 1;
}

int link_tracepoint(const char *dir, const char *name, int prog_fd)
{
	char path[PATH_SIZE];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	/* Between two programs some redirects go uncounted; no packet is lost.
	 */
	(void)unlink(path);
	fd = bpf_raw_tracepoint_open(name, prog_fd);
	return fd < 0 ? fd : link_pin(fd, path);
}

void unlink_uplink(const char *dir, uint32_t ifindex)
{
	char path[PATH_SIZE];

	link_path(path, dir, "uplink", ifindex);
	link_remove(path);
}

void unlink_port(const char *dir, uint32_t ifindex)
{
	char path[PATH_SIZE];

	link_path(path, dir, "port-in", ifindex);
	link_remove(path);
	link_path(path, dir, "port-out", ifindex);
	link_remove(path);
	link_path(path, dir, "clsact", ifindex);
	clsact_remove(path, ifindex);
}

/* Is "uplink-7" or "port-in-7" to stay? What is neither is. */
static bool link_wanted(const char *name, bool (*keep_uplink)(void *, uint32_t),
			bool (*keep_port)(void *, uint32_t), void *arg)
{
	const char *dash = strrchr(name, '-');
	uint32_t ifindex = dash ? (uint32_t)strtoul(dash + 1, NULL, 10) : 0;

	if (!strncmp(name, "uplink-", 7))
		return keep_uplink(arg, ifindex);
	if (!strncmp(name, "port-", 5) || clsact_ifindex(name))
		return keep_port(arg, ifindex);
	return true;
}

/* Whatever it is, take it off. */
static void pin_remove(const char *dir, const char *name)
{
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (clsact_ifindex(name))
		clsact_remove(path, clsact_ifindex(name));
	else
		link_remove(path);
}

void links_prune(const char *dir, bool (*keep_uplink)(void *, uint32_t),
		 bool (*keep_port)(void *, uint32_t), void *arg)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	while (d && (entry = readdir(d))) {
		if (link_wanted(entry->d_name, keep_uplink, keep_port, arg))
			continue;
		pin_remove(dir, entry->d_name);
	}
	if (d)
		closedir(d);
}

void links_remove(const char *dir)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		pin_remove(dir, entry->d_name);
	}
	if (d)
		closedir(d);
}
