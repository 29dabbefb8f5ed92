/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the inventory's files share. For others: inventory.h.
 *
 *	inventory.c		hypervisors, places, events in
 *	inventory_settle.c	a VM's places and tables to one answer, changes out
 *	inventory_nic.c		ports and addresses of its NICs
 *	inventory_net.c		the tables of interfaces and neighbours
 *	inventory_find.c	who is meant, whose is it
 */
#ifndef CONTROL_INVENTORY_PRIV_H
#define CONTROL_INVENTORY_PRIV_H

#include "control/inventory.h"

/**
 * struct inv_place - a VM as one hypervisor knows it.
 * @hv: which hypervisor.
 * @vm: the last that was read; owned.
 * @ended: an event ended it, and no later read says otherwise.
 * @end: why.
 * @ended_ns: when.
 * @end_text: in the hypervisor's words.
 * @up_ns: since when it runs, 0 = does not.
 * @lost_port: name of its last port, which is gone; "" = none is missed.
 * @found: addresses that leases and agent gave in this run; owned.
 * @n_found: their number.
 */
struct inv_place {
	const struct inv_hv *hv;
	struct hv_vm *vm;
	bool ended;
	enum hv_end end;
	uint64_t ended_ns;
	char end_text[HV_TEXT_MAX];
	uint64_t up_ns;
	char lost_port[IF_NAMESIZE];
	struct hv_found *found;
	size_t n_found;
};

/* An interface, and whether the list that is under way has told it. */
struct inv_link_row {
	struct link_info link;
	bool seen;
};

/* An interface by its name; two may have one for as long as a list takes. */
struct inv_link_name {
	char name[IF_NAMESIZE];
	uint32_t ifindex;
};

struct inv_neigh_row {
	struct neigh_info neigh;
	bool seen;
};

/**
 * struct inv - the inventory.
 * @changed: told each change.
 * @arg: given to @changed.
 * @hvs: hypervisors.
 * @vms: sorted by UUID.
 * @n_vms: their number.
 * @max_vms: room.
 * @links: sorted by number.
 * @names: the same by name, then number.
 * @n_links: their number.
 * @max_links, @max_names: room.
 * @neighs: sorted by MAC.
 * @n_neighs: their number.
 * @max_neighs: room.
 */
struct inv {
	inv_changed_fn changed;
	void *arg;
	struct inv_hv *hvs;
	struct inv_vm **vms;
	size_t n_vms;
	size_t max_vms;
	struct inv_link_row *links;
	struct inv_link_name *names;
	size_t n_links;
	size_t max_links;
	size_t max_names;
	struct inv_neigh_row *neighs;
	size_t n_neighs;
	size_t max_neighs;
};

/* Why a VM is looked at again. */
struct inv_cause {
	uint64_t at_ns;
	const char *reason;
};

/* Room for one more, doubling. -ENOMEM leaves everything as it was. */
MUST_CHECK int inv_grow(void **rows, size_t n, size_t *max, size_t row_size);

const struct link_info *inv_link_named(const struct inv *inv, const char *name);

/* Index of the first entry of a MAC, or of where it would be. */
size_t inv_neigh_first(const struct inv *inv, const uint8_t mac[HV_MAC_SIZE]);

/* Which MAC has this address behind this interface? NULL if none is known. */
const struct neigh_info *inv_neigh_at(const struct inv *inv, uint32_t ifindex,
				      const struct ip_addr *ip);

/**
 * inv_nics_settle() - ports and addresses of the place in charge.
 * @before: what they were, as many; all zero for what was not there.
 * @keep: addresses that neighbours gave before may be kept.
 */
void inv_nics_settle(const struct inv *inv, struct inv_vm *vm,
		     const struct inv_place *place,
		     const struct inv_nic *before, bool keep);

/* The place in charge. */
struct inv_place *inv_place(const struct inv_vm *vm);

/**
 * inv_settle() - work out a VM anew and tell what changed.
 * @vm: with at least one place and room in nics for all places' NICs.
 * @old: what vm->vm was, if that is not the same any more; still readable.
 */
void inv_settle(struct inv *inv, struct inv_vm *vm, const struct hv_vm *old,
		const struct inv_cause *cause);

/* Tell that a VM came or goes. */
void inv_tell_added(struct inv *inv, struct inv_vm *vm,
		    const struct inv_cause *cause);
void inv_tell_removed(struct inv *inv, struct inv_vm *vm,
		      const struct inv_cause *cause);

#endif
