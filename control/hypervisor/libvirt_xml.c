/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domain XML to struct hv_vm, in one walk.
 *
 * The text comes from libvirtd, but tenants' tools may have written the
 * metadata in it, so sizes are bounded, entities are refused (libvirt never
 * writes any), and strange things are left out.
 */
#include "control/hypervisor/libvirt_xml.h"

#include <errno.h>
#include <limits.h>
#include <netinet/ether.h>
#include <stdlib.h>
#include <string.h>

#include "control/hypervisor/xml_walk.h"

/* Longer ones are none; an IPv6 address is the longest. */
#define NUMBER_SIZE 48

/* More addresses than the NICs could keep are not looked at. */
#define MAX_ADDRESSES ((size_t)HV_MAX_NICS * HV_MAX_ADDRS)

enum place {
	DOMAIN,
	NAME,
	UUID,
	METADATA,
	VM,
	TAG,
	ADDRESS,
	DEVICES,
	INTERFACE,
	MAC,
	SOURCE,
	TARGET,
	VIRTUALPORT,
	FILTERREF,
	BANDWIDTH,
	LINK,
	CHANNEL,
	CHANNEL_TARGET,
	N_PLACES,
};

static const struct xml_place places[] = {
	[DOMAIN] = { XML_NOWHERE, "domain", NULL },
	[NAME] = { DOMAIN, "name", NULL },
	[UUID] = { DOMAIN, "uuid", NULL },
	[METADATA] = { DOMAIN, "metadata", NULL },
	[VM] = { METADATA, "vm", HV_METADATA_URN },
	[TAG] = { VM, "tag", NULL },
	[ADDRESS] = { VM, "address", NULL },
	[DEVICES] = { DOMAIN, "devices", NULL },
	[INTERFACE] = { DEVICES, "interface", NULL },
	[MAC] = { INTERFACE, "mac", NULL },
	[SOURCE] = { INTERFACE, "source", NULL },
	[TARGET] = { INTERFACE, "target", NULL },
	[VIRTUALPORT] = { INTERFACE, "virtualport", NULL },
	[FILTERREF] = { INTERFACE, "filterref", NULL },
	[BANDWIDTH] = { INTERFACE, "bandwidth", NULL },
	[LINK] = { INTERFACE, "link", NULL },
	[CHANNEL] = { DEVICES, "channel", NULL },
	[CHANNEL_TARGET] = { CHANNEL, "target", NULL },
};
_Static_assert(ARRAY_SIZE(places) == N_PLACES, "each has its row");

/* From the metadata, which come before the NICs. */
struct address {
	struct ip_addr ip;
	bool has_mac;
	uint8_t mac[HV_MAC_SIZE];
};

/**
 * struct reading - a domain that is being read.
 * @vm: what it becomes.
 * @uuid: its text, or NULL.
 * @addresses: what the metadata give.
 * @n_addresses: their number.
 * @nic: of the <interface> that it is in; NULL: it is in none that is kept.
 * @has_mac: it has a valid one.
 * @on_device: its source is a device: a libvirt network may stand on one
 *	instead of a bridge.
 * @is_ovs: its bridge is one of Open vSwitch.
 */
struct reading {
	struct hv_vm *vm;
	char *uuid;
	struct address *addresses;
	size_t n_addresses;
	struct hv_nic *nic;
	bool has_mac;
	bool on_device;
	bool is_ovs;
};

static void reading_done(struct reading *r)
{
	free(r->uuid);
	free(r->addresses);
}

/* False without a valid one. */
static bool get_mac(const struct xml_attrs *attrs, const char *name,
		    uint8_t ret_mac[HV_MAC_SIZE])
{
	char text[NUMBER_SIZE];
	struct ether_addr mac;

	if (xml_attr_get(attrs, name, text, sizeof(text)) < 0 ||
	    !ether_aton_r(text, &mac))
		return false;
	memcpy(ret_mac, mac.ether_addr_octet, HV_MAC_SIZE);
	return true;
}

/* Only what runs has a number, and another in each run. */
static int get_run(const struct xml_attrs *attrs)
{
	char text[NUMBER_SIZE];
	char *end;
	long run;

	if (xml_attr_get(attrs, "id", text, sizeof(text)) < 0)
		return 0;
	errno = 0;
	run = strtol(text, &end, 10);
	return errno || *end || run < 0 || run > INT_MAX ? 0 : (int)run;
}

static int add_tag(struct reading *r, const struct xml_attrs *attrs)
{
	char name[HV_TAG_NAME_MAX + 1], value[HV_TAG_VALUE_MAX + 1] = "";
	const int n = xml_attr_get(attrs, "name", name, sizeof(name));
	const int n_value = xml_attr_get(attrs, "value", value, sizeof(value));
	struct hv_vm *vm = r->vm;
	struct hv_tag *more;

	if (n == -ENOENT || n == 0)
		return 0;
	if (vm->n_tags == HV_MAX_TAGS || n < 0 || n_value == -E2BIG) {
		vm->truncated = true;
		return 0;
	}
	more = reallocarray(vm->tags, vm->n_tags + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	vm->tags = more;
	more = &vm->tags[vm->n_tags++];
	more->name = strdup(name);
	more->value = strdup(value);
	return more->name && more->value ? 0 : -ENOMEM;
}

static int add_address(struct reading *r, const struct xml_attrs *attrs)
{
	struct address address = { 0 };
	struct address *more;
	char text[NUMBER_SIZE];

	if (xml_attr_get(attrs, "ip", text, sizeof(text)) < 0 ||
	    hv_ip_parse(text, &address.ip) || !hv_ip_usable(&address.ip))
		return 0;
	address.has_mac = xml_attr_has(attrs, "mac");
	if (address.has_mac && !get_mac(attrs, "mac", address.mac))
		return 0;
	if (r->n_addresses == MAX_ADDRESSES) {
		r->vm->truncated = true;
		return 0;
	}
	more = reallocarray(r->addresses, r->n_addresses + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->addresses = more;
	more[r->n_addresses++] = address;
	return 0;
}

/* Without a MAC it is the first NIC's. */
static void place_address(const struct address *address, struct hv_vm *vm)
{
	struct hv_nic *nic;
	size_t i;

	for (i = 0; i < vm->n_nics; i++) {
		nic = &vm->nics[i];
		if (address->has_mac &&
		    memcmp(nic->mac, address->mac, HV_MAC_SIZE) != 0)
			continue;
		if (nic->n_addrs == HV_MAX_ADDRS)
			vm->truncated = true;
		else
			nic->addrs[nic->n_addrs++] = (struct hv_addr){
				.ip = address->ip,
				.source = HV_ADDR_METADATA,
			};
		return;
	}
}

static enum hv_nic_kind nic_kind(const struct xml_attrs *attrs)
{
	static const struct {
		const char *type;
		enum hv_nic_kind kind;
	} kinds[] = {
		{ "bridge", HV_NIC_BRIDGE },
		{ "network", HV_NIC_BRIDGE },
		{ "ethernet", HV_NIC_ROUTED },
		{ "direct", HV_NIC_MACVTAP },
		{ "hostdev", HV_NIC_SRIOV },
		{ "vhostuser", HV_NIC_VHOSTUSER },
		{ "user", HV_NIC_USER },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (xml_attr_is(attrs, "type", kinds[i].type))
			return kinds[i].kind;
	return HV_NIC_OTHER;
}

static int begin_nic(struct reading *r, const struct xml_attrs *attrs)
{
	struct hv_vm *vm = r->vm;
	struct hv_nic *more;

	if (vm->n_nics == HV_MAX_NICS) {
		vm->truncated = true;
		return 0;
	}
	more = reallocarray(vm->nics, vm->n_nics + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	vm->nics = more;
	/* Counted at once, so that hv_vm_free() finds half of one. */
	r->nic = &vm->nics[vm->n_nics++];
	*r->nic = (struct hv_nic){ .kind = nic_kind(attrs),
				   .port_managed = true };
	r->has_mac = r->on_device = r->is_ovs = false;
	return 0;
}

/* What is in an <interface>. */
static int in_nic(struct reading *r, enum place place,
		  const struct xml_attrs *attrs)
{
	struct hv_nic *nic = r->nic;
	int err;

	if (place == MAC && !r->has_mac)
		r->has_mac = get_mac(attrs, "address", nic->mac);
	else if (place == VIRTUALPORT)
		r->is_ovs = xml_attr_is(attrs, "type", "openvswitch");
	else if (place == FILTERREF)
		nic->has_filter = true;
	else if (place == BANDWIDTH)
		nic->has_bandwidth = true;
	else if (place == LINK)
		nic->link_down = xml_attr_is(attrs, "state", "down");
	else if (place == TARGET) {
		nic->port_managed = !xml_attr_is(attrs, "managed", "no");
		return xml_attr_copy(attrs, "dev", &nic->port);
	} else if (place == SOURCE) {
		r->on_device = xml_attr_has(attrs, "dev");
		err = xml_attr_copy(attrs, "network", &nic->network);
		if (!err)
			err = xml_attr_copy(attrs, "bridge", &nic->bridge);
		return err;
	}
	return 0;
}

static bool or_empty(char **text)
{
	if (!*text)
		*text = strdup("");
	return *text;
}

static int end_nic(struct reading *r)
{
	struct hv_nic *nic = STEAL(r->nic);

	if (!nic)
		return 0;
	if (!r->has_mac) {
		free(nic->port);
		free(nic->network);
		free(nic->bridge);
		r->vm->n_nics--;
		r->vm->truncated = true;
		return 0;
	}
	if (nic->kind == HV_NIC_BRIDGE && r->on_device)
		nic->kind = HV_NIC_MACVTAP;
	else if (nic->kind == HV_NIC_BRIDGE && r->is_ovs)
		nic->kind = HV_NIC_OVS;
	return or_empty(&nic->port) && or_empty(&nic->network) &&
			       or_empty(&nic->bridge) ?
		       0 :
		       -ENOMEM;
}

static int on_begin(void *arg, int place, const struct xml_attrs *attrs)
{
	struct reading *r = arg;

	switch ((enum place)place) {
	case DOMAIN:
		r->vm->run = get_run(attrs);
		break;
	case NAME: /* once each, or it is no domain */
		return r->vm->name ? -EINVAL : 0;
	case UUID:
		return r->uuid ? -EINVAL : 0;
	case METADATA:
		return r->vm->metadata ? -EINVAL : 0;
	case TAG:
		return add_tag(r, attrs);
	case ADDRESS:
		return add_address(r, attrs);
	case INTERFACE:
		return begin_nic(r, attrs);
	case MAC:
	case SOURCE:
	case TARGET:
	case VIRTUALPORT:
	case FILTERREF:
	case BANDWIDTH:
	case LINK:
		return r->nic ? in_nic(r, (enum place)place, attrs) : 0;
	case CHANNEL_TARGET:
		if (xml_attr_is(attrs, "name", "org.qemu.guest_agent.0") &&
		    xml_attr_is(attrs, "state", "connected"))
			r->vm->agent = true;
		break;
	case VM:
	case DEVICES:
	case CHANNEL:
	case N_PLACES:
		break;
	}
	return 0;
}

static int append(char **text, const char *more, size_t size)
{
	const size_t before = *text ? strlen(*text) : 0;
	char *longer = realloc(*text, before + size + 1);

	if (!longer)
		return -ENOMEM;
	memcpy(longer + before, more, size);
	longer[before + size] = '\0';
	*text = longer;
	return 0;
}

static int on_text(void *arg, int place, const char *text, size_t size)
{
	struct reading *r = arg;

	if (place == NAME)
		return append(&r->vm->name, text, size);
	return place == UUID ? append(&r->uuid, text, size) : 0;
}

/* The metadata are kept for the operator's conditions: whose a VM is. */
static int on_end(void *arg, int place, const char *whole, size_t size)
{
	struct reading *r = arg;

	if (place == INTERFACE)
		return end_nic(r);
	if (place != METADATA)
		return 0;
	if (size > HV_MAX_METADATA) {
		r->vm->truncated = true;
		return 0;
	}
	r->vm->metadata = strndup(whole, size);
	return r->vm->metadata ? 0 : -ENOMEM;
}

int libvirt_xml_parse(const char *xml, struct hv_vm *vm)
{
	static const struct xml_visitor visitor = {
		.places = places,
		.n_places = N_PLACES,
		.whole = METADATA,
		.begin = on_begin,
		.text = on_text,
		.end = on_end,
	};
	CLEANUP(reading_done) struct reading r = { .vm = vm };
	size_t i;
	int err;

	err = xml_walk(xml, &visitor, &r);
	if (err)
		return err;
	if (!vm->name || !r.uuid || hv_uuid_parse(r.uuid, vm->uuid))
		return -EINVAL;
	for (i = 0; i < r.n_addresses; i++)
		place_address(&r.addresses[i], vm);
	return 0;
}
