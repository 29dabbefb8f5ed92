/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the programs are attached. Every link is pinned in one directory, under
 * the number of its interface, so that programs stay when the daemon goes.
 */
#ifndef DATAPLANE_XDP_LINKS_H
#define DATAPLANE_XDP_LINKS_H

#include "dataplane/core/base.h"

/* Attach, or put the program into the link that is there: upgrades drop no
 * packet. @ret_generic: the driver has no XDP of its own. */
MUST_CHECK int link_uplink(const char *dir, uint32_t ifindex, int prog_fd,
			   bool *ret_generic);

/**
 * link_port() - both directions at a VM's port, an uplink (beside XDP) or a
 * bridge: tcx links (Linux 6.6), before that filters at a clsact qdisc.
 * @out_fd: -1: nothing at egress.
 * @clsact: take filters even where there is tcx.
 *
 * Return: 0, -ENODEV, -errno (another qdisc is in the way).
 */
MUST_CHECK int link_port(const char *dir, uint32_t ifindex, int in_fd,
			 int out_fd, bool clsact);

/**
 * link_port_restore() - put back filters that somebody took off.
 * @in_fd, @out_fd: as link_port() got them.
 *
 * Return: 1: put back; 0: all are there, or link_port() made no filters of
 * these programs there; -errno: they can't be, and what was left is taken off.
 */
MUST_CHECK int link_port_restore(const char *dir, uint32_t ifindex, int in_fd,
				 int out_fd);

/* A raw tracepoint. */
MUST_CHECK int link_tracepoint(const char *dir, const char *name, int prog_fd);

void unlink_uplink(const char *dir, uint32_t ifindex);
void unlink_port(const char *dir, uint32_t ifindex);

/**
 * links_prune() - detach from interfaces that nobody wants any more.
 * @keep_uplink, @keep_port: asked for each interface.
 */
void links_prune(const char *dir, bool (*keep_uplink)(void *, uint32_t),
		 bool (*keep_port)(void *, uint32_t), void *arg);

/* Detach everything. */
void links_remove(const char *dir);

#endif
