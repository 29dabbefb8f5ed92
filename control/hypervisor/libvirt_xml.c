/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domain XML to struct hv_vm, with libxml2.
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

#include "control/hypervisor/xml_node.h"

static xmlNode *child(const xmlNode *node, const char *name)
{
	xmlNode *at;

	if (!node)
		return NULL;
	for (at = node->children; at; at = at->next)
		if (xml_is(at, name))
			return at;
	return NULL;
}

/* How many there are, but no more than we keep. */
static size_t children(const xmlNode *node, const char *name, size_t max)
{
	const xmlNode *at;
	size_t n;

	n = 0;
	for (at = node ? node->children : NULL; at && n < max; at = at->next)
		n += xml_is(at, name);
	return n;
}

static bool attr_is(const xmlNode *node, const char *name, const char *value)
{
	CLEANUP(xml_text_freep) xmlChar *text = xml_attr(node, name);

	return text && !strcmp((const char *)text, value);
}

/* A copy of an attribute, "" without it. NULL only without memory. */
static char *attr_copy(const xmlNode *node, const char *name)
{
	CLEANUP(xml_text_freep) xmlChar *text = xml_attr(node, name);

	return strdup(text ? (const char *)text : "");
}

static bool parse_mac(const xmlNode *node, uint8_t ret_mac[HV_MAC_SIZE])
{
	CLEANUP(xml_text_freep) xmlChar *text = xml_attr(node, "address");
	struct ether_addr mac;

	if (!text || !ether_aton_r((const char *)text, &mac))
		return false;
	memcpy(ret_mac, mac.ether_addr_octet, HV_MAC_SIZE);
	return true;
}

static enum hv_nic_kind nic_kind(const xmlNode *node)
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
	CLEANUP(xml_text_freep) xmlChar *type = xml_attr(node, "type");
	CLEANUP(xml_text_freep)
	xmlChar *dev = xml_attr(child(node, "source"), "dev");
	enum hv_nic_kind kind;
	size_t i;

	kind = HV_NIC_OTHER;
	for (i = 0; type && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp((const char *)type, kinds[i].type))
			kind = kinds[i].kind;
	if (kind != HV_NIC_BRIDGE)
		return kind;
	/* A libvirt network may stand on a device instead of a bridge. */
	if (dev)
		return HV_NIC_MACVTAP;
	if (attr_is(child(node, "virtualport"), "type", "openvswitch"))
		return HV_NIC_OVS;
	return HV_NIC_BRIDGE;
}

static int parse_nic(const xmlNode *node, struct hv_nic *nic)
{
	const xmlNode *source, *target;

	source = child(node, "source");
	target = child(node, "target");
	nic->kind = nic_kind(node);
	nic->port = attr_copy(target, "dev");
	nic->network = attr_copy(source, "network");
	nic->bridge = attr_copy(source, "bridge");
	if (!nic->port || !nic->network || !nic->bridge)
		return -ENOMEM;
	nic->port_managed = !attr_is(target, "managed", "no");
	nic->has_filter = child(node, "filterref");
	nic->has_bandwidth = child(node, "bandwidth");
	nic->link_down = attr_is(child(node, "link"), "state", "down");
	return 0;
}

static int parse_nics(const xmlNode *devices, struct hv_vm *vm)
{
	uint8_t mac[HV_MAC_SIZE];
	const xmlNode *node;
	size_t max;
	int err;

	max = children(devices, "interface", HV_MAX_NICS);
	vm->nics = calloc(max + 1, sizeof(*vm->nics));
	if (!vm->nics)
		return -ENOMEM;
	for (node = devices ? devices->children : NULL; node;
	     node = node->next) {
		if (!xml_is(node, "interface"))
			continue;
		if (vm->n_nics == max || !parse_mac(child(node, "mac"), mac)) {
			vm->truncated = true;
			continue;
		}
		/* Counted first, so that hv_vm_free() finds half of one. */
		memcpy(vm->nics[vm->n_nics].mac, mac, sizeof(mac));
		err = parse_nic(node, &vm->nics[vm->n_nics++]);
		if (err)
			return err;
	}
	return 0;
}

static void parse_agent(const xmlNode *devices, struct hv_vm *vm)
{
	const xmlNode *node, *target;

	for (node = devices ? devices->children : NULL; node;
	     node = node->next) {
		target = xml_is(node, "channel") ? child(node, "target") : NULL;
		if (attr_is(target, "name", "org.qemu.guest_agent.0") &&
		    attr_is(target, "state", "connected"))
			vm->agent = true;
	}
}

static int parse_tag(const xmlNode *node, struct hv_vm *vm)
{
	CLEANUP(xml_text_freep) xmlChar *name = xml_attr(node, "name");
	CLEANUP(xml_text_freep) xmlChar *value = xml_attr(node, "value");
	struct hv_tag *tag;

	if (!name || !*name)
		return 0;
	if (vm->n_tags == HV_MAX_TAGS ||
	    strlen((const char *)name) > HV_TAG_NAME_MAX ||
	    (value && strlen((const char *)value) > HV_TAG_VALUE_MAX)) {
		vm->truncated = true;
		return 0;
	}
	tag = &vm->tags[vm->n_tags++];
	tag->name = strdup((const char *)name);
	tag->value = strdup(value ? (const char *)value : "");
	return tag->name && tag->value ? 0 : -ENOMEM;
}

static void parse_address(const xmlNode *node, struct hv_vm *vm)
{
	CLEANUP(xml_text_freep) xmlChar *text = xml_attr(node, "ip");
	CLEANUP(xml_text_freep) xmlChar *mac_text = xml_attr(node, "mac");
	struct ether_addr mac;
	struct hv_nic *nic;
	struct ip_addr ip;
	size_t i;

	if (!text || hv_ip_parse((const char *)text, &ip) || !hv_ip_usable(&ip))
		return;
	if (mac_text && !ether_aton_r((const char *)mac_text, &mac))
		return;
	for (i = 0; i < vm->n_nics; i++) {
		nic = &vm->nics[i];
		if (mac_text && memcmp(nic->mac, &mac, HV_MAC_SIZE) != 0)
			continue;
		if (nic->n_addrs == HV_MAX_ADDRS) {
			vm->truncated = true;
			return;
		}
		nic->addrs[nic->n_addrs++] = (struct hv_addr){
			.ip = ip,
			.source = HV_ADDR_METADATA,
		};
		return;
	}
}

/* libvirt keeps one element a namespace, so the first is the only one. */
static const xmlNode *find_ours(const xmlNode *metadata)
{
	const xmlNode *at;

	for (at = metadata ? metadata->children : NULL; at; at = at->next)
		if (xml_is(at, "vm") && at->ns && at->ns->href &&
		    !strcmp((const char *)at->ns->href, HV_METADATA_URN))
			return at;
	return NULL;
}

/* Kept for the operator's conditions: whose a VM is. */
static int keep_metadata(xmlDoc *doc, xmlNode *metadata, struct hv_vm *vm)
{
	CLEANUP(xml_buffer_freep) xmlBuffer *buf = xmlBufferCreate();
	int size = buf ? xmlNodeDump(buf, doc, metadata, 0, 0) : -1;

	if (size < 0)
		return -ENOMEM;
	if (size > HV_MAX_METADATA) {
		vm->truncated = true;
		return 0;
	}
	vm->metadata =
		strndup((const char *)xmlBufferContent(buf), (size_t)size);
	return vm->metadata ? 0 : -ENOMEM;
}

static int parse_metadata(const xmlNode *metadata, struct hv_vm *vm)
{
	const xmlNode *ours, *at;
	int err;

	ours = find_ours(metadata);
	if (!ours)
		return 0;
	vm->tags = calloc(children(ours, "tag", HV_MAX_TAGS) + 1,
			  sizeof(*vm->tags));
	if (!vm->tags)
		return -ENOMEM;
	for (at = ours->children; at; at = at->next) {
		err = xml_is(at, "tag") ? parse_tag(at, vm) : 0;
		if (err)
			return err;
		if (xml_is(at, "address"))
			parse_address(at, vm);
	}
	return 0;
}

/* Only what runs has a number, and another in each run. */
static int parse_run(const xmlNode *root)
{
	CLEANUP(xml_text_freep) xmlChar *text = xml_attr(root, "id");
	char *end;
	long run;

	if (!text)
		return 0;
	errno = 0;
	run = strtol((const char *)text, &end, 10);
	return errno || *end || run < 0 || run > INT_MAX ? 0 : (int)run;
}

static int parse_domain(const xmlNode *root, struct hv_vm *vm)
{
	CLEANUP(xml_text_freep) xmlChar *name = NULL;
	CLEANUP(xml_text_freep) xmlChar *uuid = NULL;
	const xmlNode *devices;
	xmlNode *metadata;
	int err;

	/* Without the element, libxml2 gives NULL here. */
	name = xmlNodeGetContent(child(root, "name"));
	uuid = xmlNodeGetContent(child(root, "uuid"));
	if (!name || !*name || !uuid ||
	    hv_uuid_parse((const char *)uuid, vm->uuid))
		return -EINVAL;
	vm->name = strdup((const char *)name);
	if (!vm->name)
		return -ENOMEM;
	vm->run = parse_run(root);
	devices = child(root, "devices");
	err = parse_nics(devices, vm);
	if (err)
		return err;
	parse_agent(devices, vm);
	metadata = child(root, "metadata");
	err = metadata ? keep_metadata(root->doc, metadata, vm) : 0;
	return err ? err : parse_metadata(metadata, vm);
}

int libvirt_xml_parse(const char *xml, struct hv_vm *vm)
{
	static const char *const in_root[] = { "name", "uuid", "metadata",
					       "devices", NULL };
	static const char *const in_devices[] = { "interface", "channel",
						  NULL };
	static const struct xml_pick pick = { in_root, "devices", in_devices };
	CLEANUP(xml_doc_freep) xmlDoc *doc = xml_read_picked(xml, &pick);
	const xmlNode *root;

	if (!doc)
		return -EINVAL;
	root = xmlDocGetRootElement(doc);
	if (!root || !xml_is(root, "domain"))
		return -EINVAL;
	return parse_domain(root, vm);
}
