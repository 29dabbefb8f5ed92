/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface that probes over the data path leave by: one end of a veth pair,
 * whose other end is only there so that it has a carrier. For ways.c.
 */
#ifndef DATAPLANE_XDP_VETH_H
#define DATAPLANE_XDP_VETH_H

#include "dataplane/core/base.h"

#define VETH_NAME_SIZE 16

/**
 * struct veth - the interface.
 * @name: of a pin directory always the same, so that any process finds it.
 * @ifindex, @mac: its own.
 * @local: its address; the /16 around it leads there, too. In 240.0.0.0/4, which
 *         nobody uses on a wire; told apart by the interface's number, so that
 *         nodes on one machine don't meet.
 */
struct veth {
	char name[VETH_NAME_SIZE];
	uint32_t ifindex;
	uint8_t mac[6];
	be32 local;
};

/* The name that belongs to a pin directory. */
void veth_name(const char *pin_dir, char ret_name[VETH_NAME_SIZE]);

/**
 * veth_make() - make the interface, anew if it is there.
 * @pin_dir: whose; said in the interface's alias.
 *
 * It is up, without ARP and IPv6. Return: 0 or a negative errno.
 */
MUST_CHECK int veth_make(const char *pin_dir, struct veth *ret_veth);

/* Take it away, if it is there. */
void veth_remove(const char *name);

#endif
