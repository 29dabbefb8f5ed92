/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random histories of VMs, taps, neighbours and hypervisors, and what must
 * hold at any time, whatever the order:
 *
 *  - a port in use is an interface that is there, up, with the VM's MAC;
 *  - a VM that is up runs on the hypervisor in charge, by the last it said;
 *  - what is told fits together: each change starts from what the one before
 *    ended with, and the last one is what the inventory says now;
 *  - after everybody has said everything once more, the inventory is the same
 *    as one that never heard anything else.
 */
#include "inv_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_VMS	    6
#define N_HISTORIES 300
#define N_STEPS	    250

/* What is really so. */
struct truth {
	bool known[2][N_VMS + 1];
	enum hv_state state[2][N_VMS + 1];
	int run[2][N_VMS + 1];
	bool tap[N_VMS + 1];
	int next_run;
	uint32_t seed;
};

static uint32_t dice(struct truth *truth, uint32_t sides)
{
	/* xorshift32 (Marsaglia, 2003) */
	truth->seed ^= truth->seed << 13;
	truth->seed ^= truth->seed >> 17;
	truth->seed ^= truth->seed << 5;
	return truth->seed % sides;
}

static void say(struct world *world, const struct truth *truth, int host,
		uint8_t n)
{
	struct inv_hv *hv = host ? world->b : world->a;

	if (truth->known[host][n])
		world_state(world, hv, n, truth->state[host][n],
			    truth->run[host][n]);
	else
		world_event(world, hv, HV_EVENT_GONE, n, 0);
}

static void change_vm(struct world *world, struct truth *truth, int host,
		      uint8_t n)
{
	static const enum hv_state alive[] = {
		HV_STATE_RUNNING, HV_STATE_RUNNING,  HV_STATE_RUNNING,
		HV_STATE_PAUSED,  HV_STATE_INCOMING, HV_STATE_STARTING,
	};
	struct inv_hv *hv = host ? world->b : world->a;

	if (!truth->known[host][n]) {
		truth->known[host][n] = true;
		truth->state[host][n] = HV_STATE_OFF;
		truth->run[host][n] = 0;
	} else if (!truth->run[host][n] && dice(truth, 4) == 0) {
		truth->known[host][n] = false;
	} else if (!truth->run[host][n]) {
		truth->run[host][n] = ++truth->next_run;
		truth->state[host][n] = alive[dice(truth, ARRAY_SIZE(alive))];
	} else if (dice(truth, 3) == 0) {
		truth->run[host][n] = 0;
		truth->state[host][n] = HV_STATE_OFF;
		if (dice(truth, 2))
			world_event(world, hv, HV_EVENT_ENDED, n,
				    dice(truth, HV_END_PORT));
	} else {
		truth->state[host][n] = alive[dice(truth, ARRAY_SIZE(alive))];
	}
	if (dice(truth, 3)) /* else the event was missed */
		say(world, truth, host, n);
}

static void change_net(struct world *world, struct truth *truth, uint8_t n)
{
	char ip[16];

	snprintf(ip, sizeof(ip), "10.0.0.%u", 1 + dice(truth, N_VMS));
	switch (dice(truth, 4)) {
	case 0:
		world_neigh(world, n, ip);
		break;
	case 1:
		world_neigh_gone(world, ip);
		break;
	case 2:
		world_found(world, world->a, n, ip, HV_ADDR_LEASE);
		break;
	default:
		truth->tap[n] = !truth->tap[n];
		if (truth->tap[n])
			world_tap(world, n);
		else
			world_tap_gone(world, n);
		break;
	}
}

static void step(struct world *world, struct truth *truth)
{
	const uint8_t n = (uint8_t)(1 + dice(truth, N_VMS));
	const int host = (int)dice(truth, 2);

	if (dice(truth, 30) == 0)
		world_event(world, host ? world->b : world->a,
			    dice(truth, 2) ? HV_EVENT_LOST : HV_EVENT_LISTED, 0,
			    0);
	else if (dice(truth, 2))
		change_vm(world, truth, host, n);
	else
		change_net(world, truth, n);
}

static void check_now(const struct world *world, const struct truth *truth)
{
	const struct inv_vm *vm;
	const struct inv_nic *nic;
	size_t i, j;
	uint8_t n;

	for (i = 0; i < inv_count(world->inv); i++) {
		vm = inv_at(world->inv, i);
		n = vm->uuid[0];
		if (i > 0)
			assert_true(inv_at(world->inv, i - 1)->uuid[0] < n);
		nic = &vm->nics[0];
		assert_int_equal(nic->ifindex != 0, nic->port == INV_PORT_OK);
		if (nic->port == INV_PORT_OK) {
			assert_int_equal(nic->ifindex, WORLD_TAP + n);
			assert_true(truth->tap[n]);
			assert_ptr_equal(vm->hv, world->a);
		}
		if (vm->run == INV_RUN_UP)
			assert_int_equal(vm->vm->state, HV_STATE_RUNNING);
		assert_int_equal(vm->stale, !vm->hv->connected);
		for (j = 1; j < nic->n_addrs; j++)
			assert_true(nic->addrs[j - 1].source <=
				    nic->addrs[j].source);
	}
}

/* What was told about each VM's run, put together. */
static void check_told(const struct world *world, bool known[],
		       char run[][WORLD_TEXT])
{
	const struct world_change *change;
	size_t i;

	for (i = 0; i < world->n_changes; i++) {
		change = &world->changes[i];
		assert_string_not_equal(change->before, change->after);
		switch (change->what) {
		case INV_ADDED:
			assert_false(known[change->vm]);
			known[change->vm] = true;
			break;
		case INV_REMOVED:
			assert_true(known[change->vm]);
			known[change->vm] = false;
			assert_string_equal(change->before, run[change->vm]);
			break;
		case INV_RUN:
		case INV_ENDED:
			assert_string_equal(change->before, run[change->vm]);
			break;
		default:
			continue;
		}
		memcpy(run[change->vm], change->after, WORLD_TEXT);
	}
}

/* Everybody says everything once more: no trace of the past is left. */
static void check_same_as_new(struct world *world, const struct truth *truth)
{
	struct world *fresh = world_new();
	const struct inv_vm *a, *b;
	int host;
	size_t i;
	uint8_t n;

	for (n = 1; n <= N_VMS; n++) {
		/* Who was in charge may stay so: take one that runs once. */
		for (host = 0; host <= 1; host++) {
			say(world, truth, host, n);
			say(fresh, truth, host, n);
		}
		if (truth->tap[n])
			world_tap(fresh, n);
	}
	assert_int_equal(inv_count(world->inv), inv_count(fresh->inv));
	for (i = 0; i < inv_count(fresh->inv); i++) {
		a = inv_at(world->inv, i);
		b = inv_at(fresh->inv, i);
		n = a->uuid[0];
		assert_int_equal(n, b->uuid[0]);
		if (truth->known[0][n] && truth->known[1][n])
			continue;
		assert_string_equal(a->hv->name, b->hv->name);
		assert_int_equal(a->nics[0].port, b->nics[0].port);
		assert_int_equal(a->nics[0].ifindex, b->nics[0].ifindex);
		assert_int_equal(a->migrating, b->migrating);
		/* A missing port is a death only to who saw it there. */
		if (a->nics[0].port != INV_PORT_MISSING)
			assert_int_equal(a->run, b->run);
	}
	world_free(fresh);
}

static void test_histories(void **state)
{
	char run[N_VMS + 1][WORLD_TEXT];
	bool known[N_VMS + 1];
	struct truth truth;
	struct world *world;
	size_t i, n_ended;
	uint32_t history;

	(void)state;
	n_ended = 0;
	for (history = 1; history <= N_HISTORIES; history++) {
		memset(run, 0, sizeof(run));
		memset(known, 0, sizeof(known));
		truth = (struct truth){ .seed = history * 2654435761U };
		world = world_new();
		for (i = 0; i < N_STEPS; i++) {
			step(world, &truth);
			check_now(world, &truth);
		}
		n_ended += world_count(world, INV_ENDED);
		world_event(world, world->a, HV_EVENT_LISTED, 0, 0);
		world_event(world, world->b, HV_EVENT_LISTED, 0, 0);
		check_same_as_new(world, &truth);
		check_told(world, known, run);
		world_free(world);
	}
	/* The histories are worth something: */
	assert_in_range(n_ended, 1000, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
