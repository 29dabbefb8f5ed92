/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inventory's tables of interfaces and neighbours, and which VMs a change
 * in them is about.
 */
#include "control/inventory_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int inv_grow(void **rows, size_t n, size_t *max, size_t row_size)
{
	size_t room;
	void *more;

	if (n < *max)
		return 0;
	room = *max ? *max * 2 : 16;
	more = reallocarray(*rows, room, row_size);
	if (!more)
		return -ENOMEM;
	*rows = more;
	*max = room;
	return 0;
}

/* Index of the first link whose number is not less. */
static size_t link_place(const struct inv *inv, uint32_t ifindex)
{
	size_t low, high, middle;

	low = 0;
	high = inv->n_links;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (inv->links[middle].link.ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct link_info *inv_link_find(const struct inv *inv, uint32_t ifindex)
{
	size_t at;

	at = link_place(inv, ifindex);
	return at < inv->n_links && inv->links[at].link.ifindex == ifindex ?
		       &inv->links[at].link :
		       NULL;
}

/* Index of the first name that is not less. */
static size_t name_place(const struct inv *inv, size_t n, const char *name,
			 uint32_t ifindex)
{
	size_t low, high, middle;
	int order;

	low = 0;
	high = n;
	while (low < high) {
		middle = low + (high - low) / 2;
		order = strcmp(inv->names[middle].name, name);
		if (order < 0 ||
		    (order == 0 && inv->names[middle].ifindex < ifindex))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* There is room, and @n names are in it so far. */
static void name_add(struct inv *inv, size_t n, const struct link_info *link)
{
	size_t at;

	at = name_place(inv, n, link->name, link->ifindex);
	memmove(&inv->names[at + 1], &inv->names[at],
		(n - at) * sizeof(*inv->names));
	inv->names[at].ifindex = link->ifindex;
	snprintf(inv->names[at].name, sizeof(inv->names[at].name), "%s",
		 link->name);
}

static void name_remove(struct inv *inv, size_t n, const struct link_info *link)
{
	size_t at;

	at = name_place(inv, n, link->name, link->ifindex);
	memmove(&inv->names[at], &inv->names[at + 1],
		(n - at - 1) * sizeof(*inv->names));
}

const struct link_info *inv_link_named(const struct inv *inv, const char *name)
{
	size_t at;

	at = name_place(inv, inv->n_links, name, 0);
	return at < inv->n_links && !strcmp(inv->names[at].name, name) ?
		       inv_link_find(inv, inv->names[at].ifindex) :
		       NULL;
}

/* Is it a VM's port, or what that port's neighbours are behind? */
static bool link_concerns(const struct inv *inv, const struct inv_vm *vm,
			  const struct link_info *link)
{
	const struct link_info *port;
	size_t i;

	if (!vm->hv->local)
		return false;
	for (i = 0; i < vm->vm->n_nics; i++) {
		if (vm->nics[i].ifindex == link->ifindex ||
		    !strcmp(vm->vm->nics[i].port, link->name))
			return true;
		port = inv_link_find(inv, vm->nics[i].ifindex);
		if (port && port->master &&
		    (port->master == link->ifindex ||
		     port->master == link->lower))
			return true;
	}
	return false;
}

static void settle_concerned(struct inv *inv, const struct link_info *link,
			     const struct inv_cause *cause)
{
	size_t i;

	for (i = 0; i < inv->n_vms; i++)
		if (link_concerns(inv, inv->vms[i], link))
			inv_settle(inv, inv->vms[i], NULL, cause);
}

static bool same_link(const struct link_info *a, const struct link_info *b)
{
	return a->master == b->master && a->lower == b->lower &&
	       a->mtu == b->mtu && a->up == b->up &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac)) &&
	       !strcmp(a->name, b->name);
}

int inv_link(struct inv *inv, const struct link_info *link, uint64_t at_ns)
{
	char reason[64];
	const struct inv_cause cause = { at_ns, reason };
	struct inv_link_row *row;
	size_t at;

	at = link_place(inv, link->ifindex);
	if (at == inv->n_links ||
	    inv->links[at].link.ifindex != link->ifindex) {
		if (inv_grow((void **)&inv->links, inv->n_links,
			     &inv->max_links, sizeof(*inv->links)) ||
		    inv_grow((void **)&inv->names, inv->n_links,
			     &inv->max_names, sizeof(*inv->names)))
			return -ENOMEM;
		memmove(&inv->links[at + 1], &inv->links[at],
			(inv->n_links - at) * sizeof(*inv->links));
		name_add(inv, inv->n_links++, link);
	} else if (same_link(&inv->links[at].link, link)) {
		inv->links[at].seen = true;
		return 0;
	} else {
		name_remove(inv, inv->n_links, &inv->links[at].link);
		name_add(inv, inv->n_links - 1, link);
	}
	row = &inv->links[at];
	row->link = *link;
	row->seen = true;
	snprintf(reason, sizeof(reason), "interface %s is %s", link->name,
		 link->up ? "up" : "down");
	settle_concerned(inv, link, &cause);
	return 0;
}

void inv_link_gone(struct inv *inv, uint32_t ifindex, uint64_t at_ns)
{
	char reason[64];
	const struct inv_cause cause = { at_ns, reason };
	struct link_info link;
	size_t at;

	at = link_place(inv, ifindex);
	if (at == inv->n_links || inv->links[at].link.ifindex != ifindex)
		return;
	link = inv->links[at].link;
	name_remove(inv, inv->n_links, &link);
	inv->n_links--;
	memmove(&inv->links[at], &inv->links[at + 1],
		(inv->n_links - at) * sizeof(*inv->links));
	snprintf(reason, sizeof(reason), "interface %s is gone", link.name);
	settle_concerned(inv, &link, &cause);
}

void inv_links_begin(struct inv *inv)
{
	size_t i;

	for (i = 0; i < inv->n_links; i++)
		inv->links[i].seen = false;
}

void inv_links_end(struct inv *inv, uint64_t at_ns)
{
	size_t i;

	for (i = inv->n_links; i > 0; i--)
		if (!inv->links[i - 1].seen)
			inv_link_gone(inv, inv->links[i - 1].link.ifindex,
				      at_ns);
}

size_t inv_neigh_first(const struct inv *inv, const uint8_t mac[HV_MAC_SIZE])
{
	size_t low, high, middle;

	low = 0;
	high = inv->n_neighs;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (memcmp(inv->neighs[middle].neigh.mac, mac, HV_MAC_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct inv_neigh_row *neigh_row(const struct inv *inv, uint32_t ifindex,
				       const struct ip_addr *ip)
{
	size_t i;

	for (i = 0; i < inv->n_neighs; i++)
		if (inv->neighs[i].neigh.ifindex == ifindex &&
		    !memcmp(&inv->neighs[i].neigh.ip, ip, sizeof(*ip)))
			return &inv->neighs[i];
	return NULL;
}

const struct neigh_info *inv_neigh_at(const struct inv *inv, uint32_t ifindex,
				      const struct ip_addr *ip)
{
	const struct inv_neigh_row *row;

	row = neigh_row(inv, ifindex, ip);
	return row ? &row->neigh : NULL;
}

static void settle_mac(struct inv *inv, const uint8_t mac[HV_MAC_SIZE],
		       uint64_t at_ns)
{
	const struct inv_cause cause = { at_ns, "neighbour table" };
	struct inv_vm *vm;
	size_t i, j;

	for (i = 0; i < inv->n_vms; i++) {
		vm = inv->vms[i];
		for (j = 0; j < vm->vm->n_nics; j++) {
			if (memcmp(vm->vm->nics[j].mac, mac, HV_MAC_SIZE) != 0)
				continue;
			inv_settle(inv, vm, NULL, &cause);
			break;
		}
	}
}

static void neigh_remove(struct inv *inv, struct inv_neigh_row *row)
{
	size_t at;

	at = (size_t)(row - inv->neighs);
	inv->n_neighs--;
	memmove(row, row + 1, (inv->n_neighs - at) * sizeof(*row));
}

int inv_neigh(struct inv *inv, const struct neigh_info *neigh, uint64_t at_ns)
{
	struct inv_neigh_row *row;
	uint8_t mac_before[HV_MAC_SIZE];
	bool moved;
	size_t at;

	row = neigh_row(inv, neigh->ifindex, &neigh->ip);
	if (row && !memcmp(row->neigh.mac, neigh->mac, HV_MAC_SIZE)) {
		row->seen = true;
		return 0;
	}
	moved = row;
	if (row) {
		memcpy(mac_before, row->neigh.mac, HV_MAC_SIZE);
		neigh_remove(inv, row);
	} else if (inv_grow((void **)&inv->neighs, inv->n_neighs,
			    &inv->max_neighs, sizeof(*inv->neighs))) {
		return -ENOMEM;
	}
	at = inv_neigh_first(inv, neigh->mac);
	memmove(&inv->neighs[at + 1], &inv->neighs[at],
		(inv->n_neighs - at) * sizeof(*inv->neighs));
	inv->n_neighs++;
	inv->neighs[at].neigh = *neigh;
	inv->neighs[at].seen = true;
	if (moved)
		settle_mac(inv, mac_before, at_ns);
	settle_mac(inv, neigh->mac, at_ns);
	return 0;
}

void inv_neigh_gone(struct inv *inv, const struct neigh_info *neigh,
		    uint64_t at_ns)
{
	struct inv_neigh_row *row;
	uint8_t mac[HV_MAC_SIZE];

	row = neigh_row(inv, neigh->ifindex, &neigh->ip);
	if (!row)
		return;
	memcpy(mac, row->neigh.mac, HV_MAC_SIZE);
	neigh_remove(inv, row);
	settle_mac(inv, mac, at_ns);
}

void inv_neighs_begin(struct inv *inv)
{
	size_t i;

	for (i = 0; i < inv->n_neighs; i++)
		inv->neighs[i].seen = false;
}

void inv_neighs_end(struct inv *inv, uint64_t at_ns)
{
	struct neigh_info neigh;
	size_t i;

	for (i = inv->n_neighs; i > 0; i--) {
		if (inv->neighs[i - 1].seen)
			continue;
		neigh = inv->neighs[i - 1].neigh;
		inv_neigh_gone(inv, &neigh, at_ns);
	}
}
