/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world of inv_world.h.
 */
#include "inv_world.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS 1000000

static void uuid_of(uint8_t n, uint8_t uuid[HV_UUID_SIZE])
{
	memset(uuid, 0, HV_UUID_SIZE);
	uuid[0] = n;
}

static void mac_of(uint8_t n, uint8_t first, uint8_t mac[HV_MAC_SIZE])
{
	const uint8_t bytes[] = { first, 0x54, 0, 0, 0, n };

	memcpy(mac, bytes, sizeof(bytes));
}

static void record(void *arg, const struct inv_change *change)
{
	struct world *world = arg;
	struct world_change *to;

	assert_true(world->n_changes < WORLD_CHANGES);
	assert_string_not_equal(change->reason, "");
	to = &world->changes[world->n_changes++];
	to->what = change->what;
	to->vm = change->vm ? change->vm->uuid[0] : 0;
	to->at_ns = change->at_ns;
	snprintf(to->before, sizeof(to->before), "%s", change->before);
	snprintf(to->after, sizeof(to->after), "%s", change->after);
	snprintf(to->reason, sizeof(to->reason), "%s", change->reason);
}

static void deliver(struct world *world, struct inv_hv *hv,
		    struct hv_event *event)
{
	event->arg = hv;
	assert_int_equal(inv_event(world->inv, event), 0);
	hv_event_free(event);
}

static uint64_t tick(struct world *world)
{
	return world->now_ns += MS;
}

static struct hv_event *event_new(struct world *world, enum hv_event_type type)
{
	struct hv_event *event;

	event = hv_event_new(type, tick(world));
	assert_non_null(event);
	snprintf(event->text, sizeof(event->text), "%s",
		 hv_event_type_name(type));
	return event;
}

struct world *world_new(void)
{
	const struct link_info bridge = {
		.ifindex = WORLD_BRIDGE,
		.up = true,
		.name = "br0",
	};
	struct world *world;

	world = calloc(1, sizeof(*world));
	assert_non_null(world);
	assert_int_equal(inv_new(record, world, &world->inv), 0);
	assert_int_equal(inv_hv_add(world->inv, "hv-a", true, &world->a), 0);
	assert_int_equal(inv_hv_add(world->inv, "hv-b", false, &world->b), 0);
	assert_int_equal(inv_link(world->inv, &bridge, tick(world)), 0);
	world_event(world, world->a, HV_EVENT_LISTED, 0, 0);
	world_event(world, world->b, HV_EVENT_LISTED, 0, 0);
	world_forget(world);
	return world;
}

void world_free(struct world *world)
{
	inv_free(world->inv);
	free(world);
}

void world_forget(struct world *world)
{
	world->n_changes = 0;
}

const struct world_change *world_told(const struct world *world,
				      enum inv_what what)
{
	size_t i;

	for (i = 0; i < world->n_changes; i++)
		if (world->changes[i].what == what)
			return &world->changes[i];
	return NULL;
}

size_t world_count(const struct world *world, enum inv_what what)
{
	size_t i, n;

	n = 0;
	for (i = 0; i < world->n_changes; i++)
		n += world->changes[i].what == what;
	return n;
}

struct hv_vm *world_vm(uint8_t n, const char *name, enum hv_state state,
		       int run)
{
	struct hv_vm *vm;
	char port[16];

	vm = hv_vm_new();
	assert_non_null(vm);
	uuid_of(n, vm->uuid);
	vm->name = strdup(name);
	vm->state = state;
	vm->reason = "test";
	vm->run = run;
	vm->tags = calloc(1, sizeof(*vm->tags));
	vm->tags[0].name = strdup("role");
	vm->tags[0].value = strdup("web");
	vm->n_tags = 1;
	vm->nics = calloc(1, sizeof(*vm->nics));
	mac_of(n, 0x52, vm->nics[0].mac);
	vm->nics[0].kind = HV_NIC_BRIDGE;
	snprintf(port, sizeof(port), "vnet%u", n);
	vm->nics[0].port = strdup(run ? port : "");
	vm->nics[0].port_managed = true;
	vm->nics[0].network = strdup("");
	vm->nics[0].bridge = strdup("br0");
	vm->n_nics = 1;
	return vm;
}

void world_read(struct world *world, struct inv_hv *hv, struct hv_vm *vm)
{
	struct hv_event *event;

	event = event_new(world, HV_EVENT_VM);
	memcpy(event->uuid, vm->uuid, HV_UUID_SIZE);
	if (vm->read_ns) /* read earlier, told now */
		event->at_ns = vm->read_ns;
	vm->read_ns = event->at_ns;
	event->vm = vm;
	deliver(world, hv, event);
}

void world_event(struct world *world, struct inv_hv *hv,
		 enum hv_event_type type, uint8_t n, enum hv_end end)
{
	struct hv_event *event;

	event = event_new(world, type);
	uuid_of(n, event->uuid);
	event->end = end;
	deliver(world, hv, event);
}

void world_found(struct world *world, struct inv_hv *hv, uint8_t n,
		 const char *ip, enum hv_addr_source source)
{
	struct hv_event *event;

	event = event_new(world, HV_EVENT_ADDRS);
	uuid_of(n, event->uuid);
	event->found = calloc(1, sizeof(*event->found));
	assert_non_null(event->found);
	mac_of(n, 0x52, event->found[0].mac);
	event->found[0].addr.source = source;
	assert_int_equal(hv_ip_parse(ip, &event->found[0].addr.ip), 0);
	event->n_found = 1;
	deliver(world, hv, event);
}

void world_state(struct world *world, struct inv_hv *hv, uint8_t n,
		 enum hv_state state, int run)
{
	char name[16];

	snprintf(name, sizeof(name), "vm-%u", n);
	world_read(world, hv, world_vm(n, name, state, run));
}

void world_tap(struct world *world, uint8_t n)
{
	struct link_info link = {
		.ifindex = WORLD_TAP + n,
		.master = WORLD_BRIDGE,
		.up = true,
	};

	mac_of(n, 0xfe, link.mac);
	snprintf(link.name, sizeof(link.name), "vnet%u", n);
	assert_int_equal(inv_link(world->inv, &link, tick(world)), 0);
}

void world_tap_gone(struct world *world, uint8_t n)
{
	inv_link_gone(world->inv, WORLD_TAP + n, tick(world));
}

static struct neigh_info neigh_of(const char *ip)
{
	struct neigh_info neigh = { .ifindex = WORLD_BRIDGE };

	assert_int_equal(hv_ip_parse(ip, &neigh.ip), 0);
	return neigh;
}

void world_neigh(struct world *world, uint8_t n, const char *ip)
{
	struct neigh_info neigh = neigh_of(ip);

	mac_of(n, 0x52, neigh.mac);
	assert_int_equal(inv_neigh(world->inv, &neigh, tick(world)), 0);
}

void world_neigh_gone(struct world *world, const char *ip)
{
	const struct neigh_info neigh = neigh_of(ip);

	inv_neigh_gone(world->inv, &neigh, tick(world));
}

const struct inv_vm *world_get(const struct world *world, uint8_t n)
{
	uint8_t uuid[HV_UUID_SIZE];
	const struct inv_vm *vm;

	uuid_of(n, uuid);
	vm = inv_get(world->inv, uuid);
	assert_non_null(vm);
	return vm;
}

const char *world_addr(const struct world *world, uint8_t n)
{
	static char text[INET6_ADDRSTRLEN];
	const struct inv_vm *vm = world_get(world, n);

	text[0] = '\0';
	if (vm->nics[0].n_addrs == 0)
		return text;
	if (IP_IS_V4(vm->nics[0].addrs[0].ip))
		inet_ntop(AF_INET, &vm->nics[0].addrs[0].ip.word[3], text,
			  sizeof(text));
	else
		inet_ntop(AF_INET6, &vm->nics[0].addrs[0].ip, text,
			  sizeof(text));
	return text;
}
