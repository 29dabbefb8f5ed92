/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One UUID on two hypervisors: the order of a live migration between two
 * libvirtds as recorded, its variations, and what is no migration.
 */
#include "inv_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void arrive(struct world *world, struct inv_hv *hv)
{
	struct hv_vm *vm = world_vm(1, "vm-1", HV_STATE_RUNNING, 3);

	vm->migrated_in = true;
	world_read(world, hv, vm);
}

/* VM 1 runs on a and waits for its memory on b. */
static struct world *moving(void)
{
	struct world *world = world_new();

	world_tap(world, 1);
	world_state(world, world->a, 1, HV_STATE_RUNNING, 7);
	world_forget(world);
	world_state(world, world->b, 1, HV_STATE_INCOMING, 3);
	assert_true(world_get(world, 1)->migrating);
	assert_ptr_equal(world_get(world, 1)->hv, world->a);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	return world;
}

/* At no time was it dead, and it moved when the target ran, not before. */
static void assert_moved(struct world *world)
{
	const struct inv_vm *vm = world_get(world, 1);

	assert_int_equal(inv_count(world->inv), 1);
	assert_int_equal(vm->run, INV_RUN_UP);
	assert_ptr_equal(vm->hv, world->b);
	assert_false(vm->migrating);
	assert_false(vm->duplicate);
	assert_int_equal(world_count(world, INV_ENDED), 0);
	assert_int_equal(world_count(world, INV_MOVED), 1);
	assert_int_equal(world_count(world, INV_DUPLICATE), 0);
	assert_int_equal(vm->nics[0].port, INV_PORT_ELSEWHERE);
}

/*
 * As recorded: B STARTED, A SUSPENDED (migrated) +126 ms, B RESUMED +377,
 * A STOPPED (migrated) +622. A transient domain is gone then.
 */
static void test_recorded_order(void **state)
{
	struct world *world = moving();

	(void)state;
	world_state(world, world->a, 1, HV_STATE_OUTGOING, 7);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_HELD);
	assert_true(world_get(world, 1)->migrating);
	assert_ptr_equal(world_get(world, 1)->hv, world->a);
	arrive(world, world->b);
	assert_moved(world);
	world_tap_gone(world, 1);
	world_event(world, world->a, HV_EVENT_ENDED, 1, HV_END_MIGRATED);
	world_event(world, world->a, HV_EVENT_GONE, 1, 0);
	assert_moved(world);
	world_free(world);
}

/* Two connections: the source's STOPPED may overtake the target's RESUMED. */
static void test_source_first(void **state)
{
	struct world *world = moving();

	(void)state;
	world_state(world, world->a, 1, HV_STATE_OUTGOING, 7);
	world_tap_gone(world, 1);
	world_event(world, world->a, HV_EVENT_ENDED, 1, HV_END_MIGRATED);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_HELD);
	assert_true(world_get(world, 1)->migrating);
	arrive(world, world->b);
	world_state(world, world->a, 1, HV_STATE_OFF, 0);
	assert_moved(world);
	world_free(world);
}

/* The kernel is faster than both of them. */
static void test_port_first(void **state)
{
	struct world *world = moving();

	(void)state;
	world_tap_gone(world, 1);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_MISSING);
	arrive(world, world->b);
	world_state(world, world->a, 1, HV_STATE_OFF, 0);
	assert_moved(world);
	world_free(world);
}

/* The target may run before the source was seen to stop. */
static void test_target_first(void **state)
{
	struct world *world = moving();

	(void)state;
	arrive(world, world->b);
	assert_moved(world);
	world_state(world, world->a, 1, HV_STATE_RUNNING, 7); /* an old read */
	assert_ptr_equal(world_get(world, 1)->hv, world->b);
	world_state(world, world->a, 1, HV_STATE_OUTGOING, 7);
	world_state(world, world->a, 1, HV_STATE_OFF, 0);
	assert_moved(world);
	world_free(world);
}

static void test_back_again(void **state)
{
	struct world *world = moving();
	struct hv_vm *vm;

	(void)state;
	arrive(world, world->b);
	world_state(world, world->a, 1, HV_STATE_OFF, 0);
	world_state(world, world->a, 1, HV_STATE_INCOMING, 9);
	assert_true(world_get(world, 1)->migrating);
	assert_ptr_equal(world_get(world, 1)->hv, world->b);
	world_tap(world, 1);
	vm = world_vm(1, "vm-1", HV_STATE_RUNNING, 9);
	vm->migrated_in = true;
	world_read(world, world->a, vm);
	assert_ptr_equal(world_get(world, 1)->hv, world->a);
	assert_int_equal(world_get(world, 1)->nics[0].ifindex, WORLD_TAP + 1);
	world_event(world, world->b, HV_EVENT_ENDED, 1, HV_END_MIGRATED);
	assert_ptr_equal(world_get(world, 1)->hv, world->a);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	assert_int_equal(world_count(world, INV_ENDED), 0);
	world_free(world);
}

static void test_cancelled(void **state)
{
	struct world *world = moving();

	(void)state;
	world_event(world, world->b, HV_EVENT_ENDED, 1, HV_END_FAILED);
	world_event(world, world->b, HV_EVENT_GONE, 1, 0);
	assert_false(world_get(world, 1)->migrating);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	assert_ptr_equal(world_get(world, 1)->hv, world->a);
	assert_int_equal(world_count(world, INV_ENDED), 0);
	world_free(world);
}

/* The source dies for good: then the target gets no memory either. */
static void test_source_dies(void **state)
{
	struct world *world = moving();

	(void)state;
	world_event(world, world->a, HV_EVENT_ENDED, 1, HV_END_FAILED);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_ENDED);
	assert_int_equal(world_count(world, INV_ENDED), 1);
	world_free(world);
}

/* To where nobody watches: for us that is an end, with its cause. */
static void test_out_of_sight(void **state)
{
	struct world *world = world_new();

	(void)state;
	world_tap(world, 1);
	world_state(world, world->a, 1, HV_STATE_RUNNING, 7);
	world_event(world, world->a, HV_EVENT_ENDED, 1, HV_END_MIGRATED);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_ENDED);
	assert_int_equal(world_get(world, 1)->end.cause, HV_END_MIGRATED);
	world_free(world);
}

/* Two that run, none by migration: somebody copied a UUID. */
static void test_duplicate(void **state)
{
	struct world *world = world_new();

	(void)state;
	world_tap(world, 1);
	world_state(world, world->a, 1, HV_STATE_RUNNING, 7);
	world_state(world, world->b, 1, HV_STATE_RUNNING, 3);
	assert_true(world_get(world, 1)->duplicate);
	assert_ptr_equal(world_get(world, 1)->hv, world->a);
	assert_int_equal(world_get(world, 1)->nics[0].port, INV_PORT_OK);
	world_event(world, world->b, HV_EVENT_ENDED, 1, HV_END_DESTROYED);
	assert_false(world_get(world, 1)->duplicate);
	assert_int_equal(world_count(world, INV_ENDED), 0);
	world_free(world);
}

/* Defined on both, runs on one: the one where it runs is in charge. */
static void test_defined_twice(void **state)
{
	struct world *world = world_new();

	(void)state;
	world_state(world, world->a, 1, HV_STATE_OFF, 0);
	world_state(world, world->b, 1, HV_STATE_RUNNING, 3);
	assert_ptr_equal(world_get(world, 1)->hv, world->b);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	/* It dies there, and is started here. */
	world_event(world, world->b, HV_EVENT_ENDED, 1, HV_END_FAILED);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_ENDED);
	world_tap(world, 1);
	world_state(world, world->a, 1, HV_STATE_RUNNING, 8);
	assert_ptr_equal(world_get(world, 1)->hv, world->a);
	assert_int_equal(world_get(world, 1)->run, INV_RUN_UP);
	world_free(world);
}

/* The hypervisor in charge goes from the config: the other one takes over. */
static void test_hv_removed(void **state)
{
	struct world *world = moving();

	(void)state;
	arrive(world, world->b);
	inv_hv_remove(world->inv, world->b, world->now_ns);
	assert_int_equal(inv_count(world->inv), 1);
	assert_ptr_equal(world_get(world, 1)->hv, world->a);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_order),
		cmocka_unit_test(test_source_first),
		cmocka_unit_test(test_port_first),
		cmocka_unit_test(test_target_first),
		cmocka_unit_test(test_back_again),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_source_dies),
		cmocka_unit_test(test_out_of_sight),
		cmocka_unit_test(test_duplicate),
		cmocka_unit_test(test_defined_twice),
		cmocka_unit_test(test_hv_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
