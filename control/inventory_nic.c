/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A NIC's port on this node, and its addresses in order of preference.
 */
#include "control/inventory_priv.h"

#include <string.h>

static bool kind_has_port(enum hv_nic_kind kind)
{
	switch (kind) {
	case HV_NIC_BRIDGE:
	case HV_NIC_OVS:
	case HV_NIC_ROUTED:
		return true;
	case HV_NIC_OTHER:
	case HV_NIC_MACVTAP:
	case HV_NIC_SRIOV:
	case HV_NIC_VHOSTUSER:
	case HV_NIC_USER:
	case HV_N_NIC_KINDS:
		break;
	}
	return false;
}

static enum inv_port find_port(const struct inv *inv, const struct inv_hv *hv,
			       const struct hv_nic *nic, uint32_t *ret_ifindex)
{
	const struct link_info *link;

	if (!kind_has_port(nic->kind))
		return INV_PORT_KIND;
	if (!hv->local)
		return INV_PORT_ELSEWHERE;
	if (!*nic->port)
		return INV_PORT_NONE;
	link = inv_link_named(inv, nic->port);
	if (!link)
		return INV_PORT_MISSING;
	/* A tap's MAC is the guest's, its first byte replaced. */
	if (nic->port_managed &&
	    memcmp(&link->mac[1], &nic->mac[1], HV_MAC_SIZE - 1) != 0)
		return INV_PORT_OTHERS;
	if (!link->up)
		return INV_PORT_DOWN;
	*ret_ifindex = link->ifindex;
	return INV_PORT_OK;
}

/* Can a guest at this port be the neighbour behind that interface? */
static bool reaches(const struct inv *inv, const struct hv_nic *nic,
		    uint32_t port_ifindex, uint32_t ifindex)
{
	const struct link_info *port, *link;

	port = inv_link_find(inv, port_ifindex);
	link = inv_link_find(inv, ifindex);
	if (!port || !link)
		return false;
	if (nic->kind == HV_NIC_OVS)
		return !strcmp(link->name, nic->bridge);
	return port == link || port->master == link->ifindex ||
	       (port->master && port->master == link->lower);
}

static const struct hv_addr *first_of(const struct inv_nic *nic, bool v4)
{
	size_t i;

	for (i = 0; i < nic->n_addrs; i++)
		if (IP_IS_V4(nic->addrs[i].ip) == v4)
			return &nic->addrs[i];
	return NULL;
}

static bool is_in_use(const struct inv_nic *before, const struct hv_addr *addr)
{
	const struct hv_addr *used;

	used = first_of(before, IP_IS_V4(addr->ip));
	return used && !memcmp(&used->ip, &addr->ip, sizeof(addr->ip));
}

/*
 * Is it an IPv6 address that stays? One that is made of the MAC address is (RFC
 * 4291, appendix A), and one whose last half is a small number, which somebody
 * chose. The rest may be temporary (RFC 8981): gone after a day.
 */
static bool stays(const struct ip_addr *ip, const uint8_t mac[HV_MAC_SIZE])
{
	const uint8_t made[8] = { mac[0] ^ 2, mac[1], mac[2], 0xff,
				  0xfe,	      mac[3], mac[4], mac[5] };

	return !IP_IS_V4(*ip) &&
	       (ip->word[2] == 0 || !memcmp(&ip->word[2], made, sizeof(made)));
}

/* Does @a go before @b? */
static bool better(const struct inv_nic *before, const uint8_t mac[HV_MAC_SIZE],
		   const struct hv_addr *a, const struct hv_addr *b)
{
	bool a_used, b_used, a_stays, b_stays;

	if (a->source != b->source)
		return a->source < b->source;
	a_used = is_in_use(before, a);
	b_used = is_in_use(before, b);
	if (a_used != b_used)
		return a_used;
	a_stays = stays(&a->ip, mac);
	b_stays = stays(&b->ip, mac);
	if (a_stays != b_stays && IP_IS_V4(a->ip) == IP_IS_V4(b->ip))
		return a_stays;
	return memcmp(&a->ip, &b->ip, sizeof(a->ip)) < 0;
}

static void add(struct inv_nic *nic, const struct inv_nic *before,
		const uint8_t mac[HV_MAC_SIZE], const struct hv_addr *addr)
{
	size_t i, at;

	for (i = 0; i < nic->n_addrs; i++)
		if (!memcmp(&nic->addrs[i].ip, &addr->ip, sizeof(addr->ip)))
			return; /* a better source has it already */
	at = nic->n_addrs;
	while (at > 0 && better(before, mac, addr, &nic->addrs[at - 1]))
		at--;
	if (at == HV_MAX_ADDRS)
		return;
	if (nic->n_addrs == HV_MAX_ADDRS)
		nic->n_addrs--; /* the last one has to go */
	memmove(&nic->addrs[at + 1], &nic->addrs[at],
		(nic->n_addrs - at) * sizeof(*addr));
	nic->addrs[at] = *addr;
	nic->n_addrs++;
}

static void add_found(struct inv_nic *nic, const struct inv_nic *before,
		      const struct hv_nic *hv_nic,
		      const struct inv_place *place)
{
	size_t i;

	for (i = 0; i < place->n_found; i++)
		if (!memcmp(place->found[i].mac, hv_nic->mac, HV_MAC_SIZE))
			add(nic, before, hv_nic->mac, &place->found[i].addr);
}

static void add_neighbours(const struct inv *inv, struct inv_nic *nic,
			   const struct inv_nic *before,
			   const struct hv_nic *hv_nic)
{
	struct hv_addr addr = { .source = HV_ADDR_NEIGHBOUR };
	const struct neigh_info *neigh;
	size_t i;

	for (i = inv_neigh_first(inv, hv_nic->mac); i < inv->n_neighs; i++) {
		neigh = &inv->neighs[i].neigh;
		if (memcmp(neigh->mac, hv_nic->mac, HV_MAC_SIZE) != 0)
			break;
		addr.ip = neigh->ip;
		if (hv_ip_usable(&addr.ip) &&
		    reaches(inv, hv_nic, nic->ifindex, neigh->ifindex))
			add(nic, before, hv_nic->mac, &addr);
	}
}

static bool is_anothers(const struct inv *inv, const struct inv_nic *nic,
			const struct hv_nic *hv_nic, const struct ip_addr *ip)
{
	const struct neigh_info *neigh;
	size_t i;

	for (i = 0; i < inv->n_neighs; i++) {
		neigh = &inv->neighs[i].neigh;
		if (!memcmp(&neigh->ip, ip, sizeof(*ip)) &&
		    reaches(inv, hv_nic, nic->ifindex, neigh->ifindex) &&
		    memcmp(neigh->mac, hv_nic->mac, HV_MAC_SIZE) != 0)
			return true;
	}
	return false;
}

/* The kernel forgets silent neighbours; that is no reason to. */
static void keep_neighbours(const struct inv *inv, struct inv_nic *nic,
			    const struct inv_nic *before,
			    const struct hv_nic *hv_nic)
{
	const struct hv_addr *addr;
	int v4;

	for (v4 = 0; v4 <= 1; v4++) {
		addr = first_of(before, v4);
		if (addr && addr->source == HV_ADDR_NEIGHBOUR &&
		    !first_of(nic, v4) &&
		    !is_anothers(inv, nic, hv_nic, &addr->ip))
			add(nic, before, hv_nic->mac, addr);
	}
}

void inv_nics_settle(const struct inv *inv, struct inv_vm *vm,
		     const struct inv_place *place,
		     const struct inv_nic *before, bool keep)
{
	const struct hv_nic *hv_nic;
	struct inv_nic *nic;
	size_t i, j;

	for (i = 0; i < vm->vm->n_nics; i++) {
		hv_nic = &vm->vm->nics[i];
		nic = &vm->nics[i];
		nic->ifindex = 0;
		nic->n_addrs = 0;
		nic->port = find_port(inv, vm->hv, hv_nic, &nic->ifindex);
		for (j = 0; j < hv_nic->n_addrs; j++)
			add(nic, &before[i], hv_nic->mac, &hv_nic->addrs[j]);
		add_found(nic, &before[i], hv_nic, place);
		add_neighbours(inv, nic, &before[i], hv_nic);
		if (keep)
			keep_neighbours(inv, nic, &before[i], hv_nic);
	}
}

const struct hv_addr *inv_vm_addr(const struct inv_vm *vm, size_t nic, bool v4)
{
	return nic < vm->vm->n_nics ? first_of(&vm->nics[nic], v4) : NULL;
}
