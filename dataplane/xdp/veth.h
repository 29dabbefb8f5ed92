/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Veth pairs of our own. Probes over the data path leave by one end of one, whose
 * other end is only there so that it has a carrier (ways.c); packets of clients
 * inside come in again by another (inside.c).
 */
#ifndef DATAPLANE_XDP_VETH_H
#define DATAPLANE_XDP_VETH_H

#include "dataplane/core/base.h"

#define VETH_NAME_SIZE 16

/**
 * struct veth - the interface.
 * @name: of a pin directory always the same, so that any process finds it.
 * @ifindex, @mac: its own.
 * @local: its IPv4 address; the /16 around it leads there, too. In 240.0.0.0/4,
 *         which nobody uses on a wire; told apart by the interface's number, so
 *         that nodes on one machine don't meet.
 * @local6: the same of IPv6, a /112 in 100::/64, where packets end that shall go
 *         nowhere (RFC 6666); all zero = this machine has no IPv6.
 */
struct veth {
	char name[VETH_NAME_SIZE];
	uint32_t ifindex;
	uint8_t mac[6];
	struct ip_addr local;
	struct ip_addr local6;
};

/* What a pair is for. */
enum veth_kind {
	VETH_PROBES,
	VETH_INSIDE,
};

/* The name of a pair that belongs to a pin directory, and of its other end. */
void veth_name(enum veth_kind kind, const char *pin_dir,
	       char ret_name[VETH_NAME_SIZE]);
void veth_peer(const char *name, char ret_name[VETH_NAME_SIZE]);

/**
 * veth_pair() - make a pair; it is up, without ARP, IPv6 and addresses.
 * @what, @pin_dir: what for, and whose; said in the interface's alias.
 *
 * Return: 0 or a negative errno; -EEXIST.
 */
MUST_CHECK int veth_pair(const char *name, const char *what,
			 const char *pin_dir);

/**
 * veth_make() - make the interface of probes, anew if it is there.
 * @pin_dir: whose; said in the interface's alias.
 *
 * It is up, without ARP and neighbour discovery. Return: 0 or a negative errno.
 */
MUST_CHECK int veth_make(const char *pin_dir, struct veth *ret_veth);

/* Take it away, if it is there. */
void veth_remove(const char *name);

#endif
