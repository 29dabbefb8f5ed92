/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inventory's rules, one by one: ends, ports, addresses, lost hypervisors.
 * What goes over several hypervisors is in test_inventory_migration.c, random
 * histories are in test_inventory_history.c.
 */
#include "inv_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* VM 1 runs on the local hypervisor with its tap. */
static struct world *up(void)
{
	struct world *world = world_new();

	world_tap(world, 1);
	world_state(world, world->a, 1, HV_STATE_RUNNING, 7);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	return world;
}

static void test_added(void **state)
{
	struct world *world = up();
	const struct world_change *told = world_told(world, INV_ADDED);
	const struct inv_vm *vm = world_get(world, 1);

	(void)state;
	assert_int_equal(world->n_changes, 1);
	assert_string_equal(told->after, "running (test)");
	assert_string_equal(told->reason, "hv-a: vm");
	assert_int_equal(vm->nics[0].port, INV_PORT_OK);
	assert_int_equal(vm->nics[0].ifindex, WORLD_TAP + 1);
	assert_ptr_equal(vm->hv, world->a);
	assert_int_equal(inv_count(world->inv), 1);
	assert_int_equal(vm->up_ns, told->at_ns);
	/* The same again is no change. */
	world_state(world, world->a, 1, HV_STATE_RUNNING, 7);
	assert_int_equal(world->n_changes, 1);
	world_free(world);
}

/* Each of the ways to hear of an end; the first one counts. */
static void test_ended_by_event(void **state)
{
	struct world *world = up();
	const struct world_change *told;

	(void)state;
	world_event(world, world->a, HV_EVENT_ENDED, 1, HV_END_FAILED);
	told = world_told(world, INV_ENDED);
	assert_string_equal(told->before, "running (test)");
	assert_string_equal(told->after, "ended (failed)");
	assert_int_equal(world_get(world, 1)->run, INV_RUN_ENDED);
	assert_int_equal(world_get(world, 1)->end.cause, HV_END_FAILED);
	assert_int_equal(world_get(world, 1)->end.at_ns, told->at_ns);
	assert_int_equal(world_get(world, 1)->up_ns, 0);
	world_tap_gone(world, 1);
	world_state(world, world->a, 1, HV_STATE_OFF, 0);
	assert_int_equal(world_count(world, INV_ENDED), 1);
	assert_int_equal(world_get(world, 1)->end.at_ns, told->at_ns);
	world_free(world);
}

static void test_ended_by_port(void **state)
{
	struct world *world = up();
	const struct world_change *told;
	uint64_t at_ns;

	(void)state;
	world_tap_gone(world, 1);
	told = world_told(world, INV_ENDED);
	assert_string_equal(told->after, "ended (port)");
	assert_string_equal(told->reason, "interface vnet1 is gone");
	assert_int_equal(told->at_ns, world->now_ns);
	at_ns = told->at_ns;
	/* The hypervisor has not noticed: that does not bring it back. */
	world_state(world, world->a, 1, HV_STATE_RUNNING, 7);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_ENDED);
	/* Then it says why. That is no other end. */
	world_event(world, world->a, HV_EVENT_ENDED, 1, HV_END_FAILED);
	assert_int_equal(world_count(world, INV_ENDED), 1);
	assert_int_equal(world_get(world, 1)->end.cause, HV_END_FAILED);
	assert_int_equal(world_get(world, 1)->end.at_ns, at_ns);
	told = world_told(world, INV_RUN);
	assert_string_equal(told->before, "ended (port)");
	assert_string_equal(told->after, "ended (failed)");
	/* A new run, with a new tap of the same name. */
	world_state(world, world->a, 1, HV_STATE_RUNNING, 8);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_MISSING);
	world_tap(world, 1);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_OK);
	world_free(world);
}

static void test_ended_by_poll(void **state)
{
	struct world *world = up();
	struct hv_vm *vm;

	(void)state;
	vm = world_vm(1, "vm-1", HV_STATE_OFF, 0);
	vm->end = HV_END_DESTROYED;
	world_read(world, world->a, vm);
	assert_string_equal(world_told(world, INV_ENDED)->after,
			    "ended (destroyed)");
	world_free(world);
}

/* A read that began before the end, and found it running, came too late. */
static void test_late_read(void **state)
{
	struct world *world = up();
	struct hv_vm *vm;

	(void)state;
	vm = world_vm(1, "vm-1", HV_STATE_RUNNING, 7);
	vm->read_ns = world->now_ns + 1;
	world_event(world, world->a, HV_EVENT_ENDED, 1, HV_END_SHUTDOWN);
	world_read(world, world->a, vm);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_ENDED);
	/* One that began after it knows better (on_reboot that fakes an end). */
	world_state(world, world->a, 1, HV_STATE_RUNNING, 7);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	world_free(world);
}

/* Two threads of a driver: what was known earlier may be told later. */
static void test_overtaken(void **state)
{
	struct world *world = up();
	struct hv_event *event;
	struct hv_vm *vm;

	(void)state;
	event = hv_event_new(HV_EVENT_ENDED, world->now_ns - 1);
	assert_non_null(event);
	event->uuid[0] = 1;
	event->arg = world->a;
	assert_int_equal(inv_event(world->inv, event), 0);
	hv_event_free(event);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	vm = world_vm(1, "vm-1", HV_STATE_PAUSED, 7);
	vm->read_ns = world->now_ns - 1;
	world_read(world, world->a, vm);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	world_free(world);
}

static void test_states(void **state)
{
	static const struct {
		enum hv_state state;
		enum inv_run run;
	} cases[] = {
		{ HV_STATE_STARTING, INV_RUN_STARTING },
		{ HV_STATE_RUNNING, INV_RUN_UP },
		{ HV_STATE_PAUSED, INV_RUN_HELD },
		{ HV_STATE_PAUSED_IO, INV_RUN_HELD },
		{ HV_STATE_SUSPENDED, INV_RUN_HELD },
		{ HV_STATE_UNKNOWN, INV_RUN_HELD },
		{ HV_STATE_OUTGOING, INV_RUN_HELD },
		{ HV_STATE_INCOMING, INV_RUN_HELD },
		{ HV_STATE_SHUTDOWN, INV_RUN_ENDED },
		{ HV_STATE_CRASHED, INV_RUN_ENDED },
		{ HV_STATE_OFF, INV_RUN_ENDED },
	};
	struct world *world = up();
	size_t i;

	_Static_assert(ARRAY_SIZE(cases) == HV_N_STATES, "all of them");
	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		world_state(world, world->a, 1, HV_STATE_RUNNING, 7);
		world_state(world, world->a, 1, cases[i].state, 7);
		assert_int_equal(world_get(world, 1)->run, cases[i].run);
	}
	world_free(world);
}

/* Crash of the whole run: RESUMED comes before STARTED, and both are reads. */
static void test_start_order(void **state)
{
	struct world *world = world_new();

	(void)state;
	world_state(world, world->a, 1, HV_STATE_OFF, 0);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_ENDED);
	assert_int_equal(world_count(world, INV_ENDED), 0); /* it never ran */
	world_forget(world);
	world_tap(world, 1);
	world_state(world, world->a, 1, HV_STATE_RUNNING, 1); /* RESUMED */
	world_state(world, world->a, 1, HV_STATE_RUNNING, 1); /* STARTED */
	assert_int_equal(world_count(world, INV_RUN), 1);
	assert_int_equal(world_count(world, INV_PORTS), 1);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	world_free(world);
}

static void test_gone(void **state)
{
	struct world *world = up();

	(void)state;
	world_event(world, world->a, HV_EVENT_GONE, 1, 0);
	/* A transient VM whose end nobody announced ends first. */
	assert_int_equal(world_count(world, INV_ENDED), 1);
	assert_int_equal(world_count(world, INV_REMOVED), 1);
	assert_true(world_told(world, INV_ENDED) <
		    world_told(world, INV_REMOVED));
	assert_int_equal(inv_count(world->inv), 0);
	/* What is not known can't end, go, reboot or have addresses. */
	world_forget(world);
	world_event(world, world->a, HV_EVENT_GONE, 1, 0);
	world_event(world, world->a, HV_EVENT_ENDED, 1, HV_END_FAILED);
	world_event(world, world->a, HV_EVENT_REBOOT, 1, 0);
	world_found(world, world->a, 1, "10.0.0.1", HV_ADDR_LEASE);
	assert_int_equal(world->n_changes, 0);
	world_free(world);
}

static void test_reboot(void **state)
{
	struct world *world = up();
	uint64_t generation = world_get(world, 1)->generation;

	(void)state;
	world_event(world, world->a, HV_EVENT_REBOOT, 1, 0);
	assert_int_equal(world_count(world, INV_REBOOTED), 1);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	assert_true(world_get(world, 1)->generation > generation);
	world_free(world);
}

/* A name that is used again must not lead to another VM's tap. */
static void test_port_of_another(void **state)
{
	struct link_info link = {
		.ifindex = 200,
		.master = WORLD_BRIDGE,
		.mac = { 0xfe, 0x54, 0, 0, 0, 99 },
		.up = true,
		.name = "vnet1",
	};
	struct world *world = up();

	(void)state;
	world_tap_gone(world, 1);
	assert_int_equal(inv_link(world->inv, &link, world->now_ns), 0);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_OTHERS);
	assert_int_equal(world_get(world, 1)->nics[0].ifindex, 0);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_ENDED);
	world_free(world);
}

static void test_port_down(void **state)
{
	struct link_info link = {
		.ifindex = WORLD_TAP + 1,
		.master = WORLD_BRIDGE,
		.mac = { 0xfe, 0x54, 0, 0, 0, 1 },
		.name = "vnet1",
	};
	struct world *world = up();

	(void)state;
	assert_int_equal(inv_link(world->inv, &link, world->now_ns), 0);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_DOWN);
	assert_string_equal(world_told(world, INV_PORTS)->before,
			    "vnet1 (101)");
	assert_string_equal(world_told(world, INV_PORTS)->after, "down");
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	world_tap(world, 1);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_OK);
	/* As the kernel tells of a tap whose process died: down, then gone. */
	assert_int_equal(inv_link(world->inv, &link, world->now_ns), 0);
	world_tap_gone(world, 1);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_ENDED);
	assert_int_equal(world_get(world, 1)->end.cause, HV_END_PORT);
	world_free(world);
}

/* Pulling out the only NIC is no death once the hypervisor says so. */
static void test_nic_unplugged(void **state)
{
	struct world *world = up();
	struct hv_vm *vm;

	(void)state;
	world_tap_gone(world, 1);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_ENDED);
	vm = world_vm(1, "vm-1", HV_STATE_RUNNING, 7);
	vm->n_nics = 0;
	free(vm->nics[0].port);
	free(vm->nics[0].network);
	free(vm->nics[0].bridge);
	world_read(world, world->a, vm);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	assert_int_equal(world_count(world, INV_NICS), 1);
	world_free(world);
}

/* vnet1 of another host is not ours. */
static void test_elsewhere(void **state)
{
	struct world *world = world_new();

	(void)state;
	world_tap(world, 1);
	world_state(world, world->b, 1, HV_STATE_RUNNING, 7);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_ELSEWHERE);
	world_tap_gone(world, 1);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	world_free(world);
}

/* After a list, interfaces that it did not name are gone. */
static void test_link_list(void **state)
{
	struct world *world = up();

	(void)state;
	inv_links_begin(world->inv);
	world_tap(world, 1);
	inv_links_end(world->inv, world->now_ns);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	inv_links_begin(world->inv);
	inv_links_end(world->inv, world->now_ns);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_ENDED);
	world_free(world);
}

static struct hv_vm *with_address(const char *ip)
{
	struct hv_vm *vm = world_vm(1, "vm-1", HV_STATE_RUNNING, 7);

	vm->nics[0].addrs[0].source = HV_ADDR_METADATA;
	assert_int_equal(hv_ip_parse(ip, &vm->nics[0].addrs[0].ip), 0);
	vm->nics[0].n_addrs = 1;
	return vm;
}

/* Metadata, lease, agent, neighbours, in whatever order they come. */
static void test_address_sources(void **state)
{
	struct world *world = up();

	(void)state;
	assert_string_equal(world_addr(world, 1), "");
	world_neigh(world, 1, "10.0.0.4");
	assert_string_equal(world_addr(world, 1), "10.0.0.4");
	world_found(world, world->a, 1, "10.0.0.3", HV_ADDR_AGENT);
	assert_string_equal(world_addr(world, 1), "10.0.0.3");
	world_found(world, world->a, 1, "10.0.0.2", HV_ADDR_LEASE);
	assert_string_equal(world_addr(world, 1), "10.0.0.2");
	world_read(world, world->a, with_address("10.0.0.1"));
	assert_string_equal(world_addr(world, 1), "10.0.0.1");
	assert_int_equal(world_count(world, INV_ADDRS), 4);
	assert_int_equal(world_get(world, 1)->nics[0].n_addrs, 3);
	world_read(world, world->a, world_vm(1, "vm-1", HV_STATE_RUNNING, 7));
	assert_string_equal(world_addr(world, 1), "10.0.0.2");
	/* One address from two sources is one, of the better source. */
	world_neigh(world, 1, "10.0.0.2");
	assert_int_equal(world_get(world, 1)->nics[0].addrs[0].source,
			 HV_ADDR_LEASE);
	assert_int_equal(world_get(world, 1)->nics[0].n_addrs, 2);
	world_free(world);
}

static void test_address_families(void **state)
{
	struct world *world = up();

	(void)state;
	world_found(world, world->a, 1, "2001:db8::7", HV_ADDR_AGENT);
	world_neigh(world, 1, "10.0.0.4");
	assert_non_null(inv_vm_addr(world_get(world, 1), 0, true));
	assert_non_null(inv_vm_addr(world_get(world, 1), 0, false));
	assert_null(inv_vm_addr(world_get(world, 1), 1, true));
	world_free(world);
}

static const char *addr_v6(const struct world *world)
{
	static char text[INET6_ADDRSTRLEN];
	const struct hv_addr *addr = inv_vm_addr(world_get(world, 1), 0, false);

	if (!addr || !inet_ntop(AF_INET6, &addr->ip, text, sizeof(text)))
		return "";
	return text;
}

/* Temporary addresses of IPv6 come and go; others are better to be known by. */
static void test_address_stays(void **state)
{
	/* An agent tells all at once, in whatever order. */
	static const char *const told[] = {
		"fe80::5054:ff:fe00:1", "2001:db8:1::a1b2:c3d4:e5f6:1234",
		"fd00::5054:ff:fe00:1",	      /* of its MAC */
		"2001:db8:2::5054:ff:fe00:2", /* of another's */
	};
	struct world *world = up();
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(told); i++)
		world_neigh(world, 1, told[i]);
	/* The first that serves goes on, as long as it is there; */
	assert_string_equal(addr_v6(world), "2001:db8:1:0:a1b2:c3d4:e5f6:1234");
	assert_int_equal(world_get(world, 1)->nics[0].n_addrs, 3);
	world_neigh_gone(world, told[1]);
	/* the next is one that stays. */
	assert_string_equal(addr_v6(world), "fd00::5054:ff:fe00:1");
	world_neigh(world, 1, "2001:db8::7");
	assert_string_equal(addr_v6(world), "fd00::5054:ff:fe00:1");
	world_neigh_gone(world, told[2]);
	assert_string_equal(addr_v6(world), "2001:db8::7");
	world_neigh(world, 1, "10.0.0.4");
	assert_string_equal(addr_v6(world), "2001:db8::7");
	assert_non_null(inv_vm_addr(world_get(world, 1), 0, true));
	world_free(world);
}

/* The one in use stays; the kernel's forgetting changes nothing. */
static void test_neighbours_stay(void **state)
{
	struct world *world = up();

	(void)state;
	world_neigh(world, 1, "10.0.0.9");
	world_neigh(world, 1, "10.0.0.5");
	assert_string_equal(world_addr(world, 1), "10.0.0.9");
	world_neigh_gone(world, "10.0.0.5");
	world_neigh_gone(world, "10.0.0.9");
	assert_string_equal(world_addr(world, 1), "10.0.0.9");
	/* Until there is another one, */
	world_neigh(world, 1, "10.0.0.6");
	assert_string_equal(world_addr(world, 1), "10.0.0.6");
	world_neigh_gone(world, "10.0.0.6");
	assert_string_equal(world_addr(world, 1), "10.0.0.6");
	/* or another MAC has it now. */
	world_neigh(world, 2, "10.0.0.6");
	world_state(world, world->a, 1, HV_STATE_RUNNING, 7);
	assert_string_equal(world_addr(world, 1), "");
	world_free(world);
}

static void test_neighbour_moves(void **state)
{
	struct world *world = up();

	(void)state;
	world_tap(world, 2);
	world_state(world, world->a, 2, HV_STATE_RUNNING, 8);
	world_neigh(world, 1, "10.0.0.9");
	world_neigh(world, 2, "10.0.0.9");
	assert_string_equal(world_addr(world, 1), "");
	assert_string_equal(world_addr(world, 2), "10.0.0.9");
	world_free(world);
}

/* A MAC that shows up behind another bridge is somebody else's. */
static void test_neighbour_elsewhere(void **state)
{
	struct neigh_info neigh = {
		.ifindex = 11,
		.mac = { 0x52, 0x54, 0, 0, 0, 1 },
	};
	struct link_info other = { .ifindex = 11, .up = true, .name = "br1" };
	struct world *world = up();

	(void)state;
	assert_int_equal(hv_ip_parse("10.0.0.9", &neigh.ip), 0);
	assert_int_equal(inv_link(world->inv, &other, world->now_ns), 0);
	assert_int_equal(inv_neigh(world->inv, &neigh, world->now_ns), 0);
	assert_string_equal(world_addr(world, 1), "");
	/* Unless it is a VLAN on the bridge that the tap is in. */
	other.lower = WORLD_BRIDGE;
	assert_int_equal(inv_link(world->inv, &other, world->now_ns), 0);
	assert_string_equal(world_addr(world, 1), "10.0.0.9");
	world_free(world);
}

/* A new run starts with what is known of it, not of the last one. */
static void test_addresses_of_new_run(void **state)
{
	struct world *world = up();

	(void)state;
	world_found(world, world->a, 1, "10.0.0.2", HV_ADDR_LEASE);
	world_neigh(world, 1, "10.0.0.3");
	world_neigh_gone(world, "10.0.0.3");
	world_state(world, world->a, 1, HV_STATE_OFF, 0);
	world_state(world, world->a, 1, HV_STATE_RUNNING, 8);
	assert_string_equal(world_addr(world, 1), "");
	world_free(world);
}

static void test_lost_hypervisor(void **state)
{
	struct world *world = up();

	(void)state;
	world_event(world, world->a, HV_EVENT_LOST, 0, 0);
	assert_int_equal(world_count(world, INV_HYPERVISOR), 1);
	assert_int_equal(world_count(world, INV_STALE), 1);
	assert_true(world_get(world, 1)->stale);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	/* Its port still says the truth. */
	world_tap_gone(world, 1);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_ENDED);
	/* Said once, whatever else fails; then it is back. */
	world_event(world, world->a, HV_EVENT_LOST, 0, 0);
	assert_int_equal(world_count(world, INV_HYPERVISOR), 1);
	world_event(world, world->a, HV_EVENT_CONNECTED, 0, 0);
	assert_true(world_get(world, 1)->stale);
	world_event(world, world->a, HV_EVENT_LISTED, 0, 0);
	assert_false(world_get(world, 1)->stale);
	assert_int_equal(world_count(world, INV_HYPERVISOR), 2);
	world_free(world);
}

/* Interfaces are found by the names they have now. */
static void test_renamed_port(void **state)
{
	struct world *world = up();
	struct link_info link = { .ifindex = WORLD_TAP + 1,
				  .name = "aside",
				  .mac = { 0xfe, 0x54, 0, 0, 0, 1 },
				  .up = true };
	size_t i;

	(void)state;
	/* Others before and behind it in every order. */
	for (i = 2; i < 40; i++)
		world_tap(world, (uint8_t)(i * 5 % 41 + 1));
	assert_int_equal(world_get(world, 1)->nics[0].ifindex, WORLD_TAP + 1);
	assert_int_equal(inv_link(world->inv, &link, ++world->now_ns), 0);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_MISSING);
	for (i = 2; i < 40; i += 3)
		world_tap_gone(world, (uint8_t)(i * 5 % 41 + 1));
	strcpy(link.name, "vnet1");
	assert_int_equal(inv_link(world->inv, &link, ++world->now_ns), 0);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_OK);
	world_tap_gone(world, 1);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_MISSING);
	world_free(world);
}

/* Ports are there or not as the config says whose node it is. */
static void test_local_or_not(void **state)
{
	struct world *world = up();

	(void)state;
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_OK);
	inv_hv_local(world->inv, world->a, false, ++world->now_ns);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_ELSEWHERE);
	assert_string_equal(world_told(world, INV_PORTS)->after,
			    "not on this node");
	/* It runs on, elsewhere: that its port left us is no death. */
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	inv_hv_local(world->inv, world->a, true, ++world->now_ns);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_OK);
	world_free(world);
}

static void count_one(void *arg, const uint8_t uuid[HV_UUID_SIZE])
{
	(void)uuid;
	++*(size_t *)arg;
}

static void test_unread(void **state)
{
	struct world *world = up();
	uint64_t since_ns;
	size_t n = 0;

	(void)state;
	world_state(world, world->a, 2, HV_STATE_OFF, 0);
	since_ns = ++world->now_ns;
	world_state(world, world->a, 1, HV_STATE_RUNNING, 7);
	inv_hv_unread(world->inv, world->a, since_ns, count_one, &n);
	assert_int_equal(n, 1);
	inv_hv_unread(world->inv, world->b, since_ns, count_one, &n);
	assert_int_equal(n, 1);
	world_free(world);
}

static void test_definition_changes(void **state)
{
	struct world *world = up();
	struct hv_vm *vm;

	(void)state;
	vm = world_vm(1, "renamed", HV_STATE_RUNNING, 7);
	free(vm->tags[0].value);
	vm->tags[0].value = strdup("db");
	vm->nics[0].has_filter = true;
	world_read(world, world->a, vm);
	assert_string_equal(world_told(world, INV_RENAMED)->before, "vm-1");
	assert_string_equal(world_told(world, INV_RENAMED)->after, "renamed");
	assert_string_equal(world_told(world, INV_TAGS)->before, "role=web");
	assert_string_equal(world_told(world, INV_TAGS)->after, "role=db");
	assert_string_equal(world_told(world, INV_NICS)->after,
			    "bridge on br0 filtered");
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_OK);
	world_free(world);
}

static void test_hv_remove(void **state)
{
	struct world *world = up();
	struct inv_hv *again;

	(void)state;
	assert_int_equal(inv_hv_add(world->inv, "hv-a", true, &again), -EEXIST);
	world_state(world, world->b, 2, HV_STATE_RUNNING, 1);
	inv_hv_remove(world->inv, world->a, world->now_ns);
	assert_int_equal(inv_count(world->inv), 1);
	assert_int_equal(world_count(world, INV_REMOVED), 1);
	assert_ptr_equal(inv_hvs(world->inv), world->b);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_added),
		cmocka_unit_test(test_ended_by_event),
		cmocka_unit_test(test_ended_by_port),
		cmocka_unit_test(test_ended_by_poll),
		cmocka_unit_test(test_late_read),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_start_order),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_reboot),
		cmocka_unit_test(test_port_of_another),
		cmocka_unit_test(test_port_down),
		cmocka_unit_test(test_nic_unplugged),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_link_list),
		cmocka_unit_test(test_address_sources),
		cmocka_unit_test(test_address_families),
		cmocka_unit_test(test_address_stays),
		cmocka_unit_test(test_neighbours_stay),
		cmocka_unit_test(test_neighbour_moves),
		cmocka_unit_test(test_neighbour_elsewhere),
		cmocka_unit_test(test_addresses_of_new_run),
		cmocka_unit_test(test_lost_hypervisor),
		cmocka_unit_test(test_renamed_port),
		cmocka_unit_test(test_local_or_not),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_definition_changes),
		cmocka_unit_test(test_hv_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
