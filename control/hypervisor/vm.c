/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What drivers report: its names, its making and releasing. No I/O but the
 * clock.
 */
#include "control/hypervisor/driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const state_names[] = {
	[HV_STATE_UNKNOWN] = "unknown",	    [HV_STATE_STARTING] = "starting",
	[HV_STATE_RUNNING] = "running",	    [HV_STATE_PAUSED] = "paused",
	[HV_STATE_PAUSED_IO] = "paused_io", [HV_STATE_SUSPENDED] = "suspended",
	[HV_STATE_INCOMING] = "incoming",   [HV_STATE_OUTGOING] = "outgoing",
	[HV_STATE_SHUTDOWN] = "shutdown",   [HV_STATE_OFF] = "off",
	[HV_STATE_CRASHED] = "crashed",
};
_Static_assert(ARRAY_SIZE(state_names) == HV_N_STATES, "a name for each state");

static const char *const end_names[] = {
	[HV_END_UNKNOWN] = "unknown",	  [HV_END_SHUTDOWN] = "shutdown",
	[HV_END_DESTROYED] = "destroyed", [HV_END_CRASHED] = "crashed",
	[HV_END_FAILED] = "failed",	  [HV_END_SAVED] = "saved",
	[HV_END_MIGRATED] = "migrated",	  [HV_END_PORT] = "port",
};
_Static_assert(ARRAY_SIZE(end_names) == HV_N_ENDS, "a name for each end");

static const char *const nic_kind_names[] = {
	[HV_NIC_OTHER] = "other",
	[HV_NIC_BRIDGE] = "bridge",
	[HV_NIC_OVS] = "ovs",
	[HV_NIC_ROUTED] = "routed",
	[HV_NIC_MACVTAP] = "macvtap",
	[HV_NIC_SRIOV] = "sriov",
	[HV_NIC_VHOSTUSER] = "vhostuser",
	[HV_NIC_USER] = "user",
};
_Static_assert(ARRAY_SIZE(nic_kind_names) == HV_N_NIC_KINDS,
	       "a name for each kind");

static const char *const addr_source_names[] = {
	[HV_ADDR_METADATA] = "metadata",
	[HV_ADDR_LEASE] = "lease",
	[HV_ADDR_AGENT] = "agent",
	[HV_ADDR_NEIGHBOUR] = "neighbour",
};
_Static_assert(ARRAY_SIZE(addr_source_names) == HV_N_ADDR_SOURCES,
	       "a name for each source");

static const char *const event_type_names[] = {
	[HV_EVENT_VM] = "vm",	      [HV_EVENT_ENDED] = "ended",
	[HV_EVENT_GONE] = "gone",     [HV_EVENT_REBOOT] = "reboot",
	[HV_EVENT_ADDRS] = "addrs",   [HV_EVENT_CONNECTED] = "connected",
	[HV_EVENT_LISTED] = "listed", [HV_EVENT_LOST] = "lost",
	[HV_EVENT_TAGGED] = "tagged",
};
_Static_assert(ARRAY_SIZE(event_type_names) == HV_N_EVENT_TYPES,
	       "a name for each type");

const char *hv_state_name(enum hv_state state)
{
	return state_names[state];
}

const char *hv_end_name(enum hv_end end)
{
	return end_names[end];
}

const char *hv_nic_kind_name(enum hv_nic_kind kind)
{
	return nic_kind_names[kind];
}

const char *hv_addr_source_name(enum hv_addr_source source)
{
	return addr_source_names[source];
}

const char *hv_event_type_name(enum hv_event_type type)
{
	return event_type_names[type];
}

void hv_tags_print(const struct hv_vm *vm, char *buf, size_t size)
{
	const struct hv_tag *tag;
	size_t i, at;
	int n;

	buf[0] = '\0';
	for (i = 0, at = 0; i < vm->n_tags && at < size; i++, at += n) {
		tag = &vm->tags[i];
		n = snprintf(buf + at, size - at, "%s%s%s%s", i ? " " : "",
			     tag->name, *tag->value ? "=" : "", tag->value);
	}
}

void hv_uuid_print(const uint8_t uuid[HV_UUID_SIZE], char buf[HV_UUID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	size_t i, at;

	at = 0;
	for (i = 0; i < HV_UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			buf[at++] = '-';
		buf[at++] = digits[uuid[i] >> 4];
		buf[at++] = digits[uuid[i] & 15];
	}
	buf[at] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hv_uuid_parse(const char *text, uint8_t ret_uuid[HV_UUID_SIZE])
{
	uint8_t uuid[HV_UUID_SIZE] = { 0 };
	size_t n_digits;
	int digit;

	n_digits = 0;
	for (; *text; text++) {
		if (*text == '-' && n_digits > 0 && n_digits % 4 == 0)
			continue;
		digit = hex_digit(*text);
		if (digit < 0 || n_digits == sizeof(uuid) * 2)
			return -EINVAL;
		uuid[n_digits / 2] = (uint8_t)(uuid[n_digits / 2] << 4 | digit);
		n_digits++;
	}
	if (n_digits != sizeof(uuid) * 2)
		return -EINVAL;
	memcpy(ret_uuid, uuid, sizeof(uuid));
	return 0;
}

int hv_ip_parse(const char *text, struct ip_addr *ret_ip)
{
	struct ip_addr ip = { { 0 } };

	if (inet_pton(AF_INET, text, &ip.word[3]) == 1)
		ip.word[2] = BE32(0xffff);
	else if (inet_pton(AF_INET6, text, &ip) != 1)
		return -EINVAL;
	*ret_ip = ip;
	return 0;
}

bool hv_ip_usable(const struct ip_addr *ip)
{
	struct in6_addr addr;
	uint32_t v4;

	if (IP_IS_V4(*ip)) {
		v4 = HOST32(ip->word[3]);
		return v4 >> 24 != 0 && v4 >> 24 != 127 && v4 >> 16 != 0xa9fe &&
		       v4 >> 28 < 14;
	}
	memcpy(&addr, ip, sizeof(addr));
	return !IN6_IS_ADDR_LOOPBACK(&addr) && !IN6_IS_ADDR_LINKLOCAL(&addr) &&
	       !IN6_IS_ADDR_MULTICAST(&addr) && !IN6_IS_ADDR_UNSPECIFIED(&addr);
}

uint64_t hv_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct hv_vm *hv_vm_new(void)
{
	return calloc(1, sizeof(struct hv_vm));
}

void hv_vm_free(struct hv_vm *vm)
{
	size_t i;

	if (!vm)
		return;
	for (i = 0; i < vm->n_tags; i++) {
		free(vm->tags[i].name);
		free(vm->tags[i].value);
	}
	for (i = 0; i < vm->n_nics; i++) {
		free(vm->nics[i].port);
		free(vm->nics[i].network);
		free(vm->nics[i].bridge);
	}
	free(vm->tags);
	free(vm->nics);
	free(vm->metadata);
	free(vm->name);
	free(vm);
}

struct hv_event *hv_event_new(enum hv_event_type type, uint64_t at_ns)
{
	struct hv_event *event;

	event = calloc(1, sizeof(*event));
	if (!event)
		return NULL;
	event->type = type;
	event->at_ns = at_ns;
	return event;
}

void hv_event_free(struct hv_event *event)
{
	if (!event)
		return;
	hv_vm_free(event->vm);
	free(event->found);
	free(event);
}
