/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is meant by a word, and whose a VM is.
 */
#include "config/config.h"
#include "inv_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX 4

static struct world *herd(void)
{
	struct world *world = world_new();

	world_read(world, world->a, world_vm(1, "web-1", HV_STATE_OFF, 0));
	world_read(world, world->a, world_vm(2, "web-12", HV_STATE_OFF, 0));
	world_read(world, world->a, world_vm(3, "db", HV_STATE_OFF, 0));
	world_read(world, world->b, world_vm(4, "db", HV_STATE_OFF, 0));
	world_read(world, world->b, world_vm(5, "0300", HV_STATE_OFF, 0));
	return world;
}

static void test_find(void **state)
{
	static const struct {
		const char *word;
		size_t n;
		uint8_t vm;
	} cases[] = {
		{ "web-1", 1, 1 }, /* not web-12 */
		{ "web", 0, 0 },   /* the beginning of a name means nothing */
		{ "web-", 0, 0 },
		{ "", 0, 0 },
		{ "hv-a/web-1", 1, 1 },
		{ "hv-b/web-1", 0, 0 },
		{ "hv-a/", 0, 0 },
		{ "hv-a.web-1", 0, 0 },
		{ "db", 2, 3 },
		{ "hv-a/db", 1, 3 },
		{ "hv-b/db", 1, 4 },
		{ "04000000-0000-0000-0000-000000000000", 1, 4 },
		{ "0400", 1, 4 },
		{ "040", 0, 0 },  /* too short to be meant */
		{ "0300", 1, 5 }, /* a name goes before a UUID */
		{ "03000", 1, 3 },
		{ "hv-b/0300", 1, 5 },
	};
	const struct inv_vm *vms[MAX];
	struct world *world = herd();
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(inv_find(world->inv, cases[i].word, MAX, vms),
				 cases[i].n);
		if (cases[i].n)
			assert_int_equal(vms[0]->uuid[0], cases[i].vm);
	}
	world_free(world);
}

/* Candidates beyond the room are counted, not written. */
static void test_many(void **state)
{
	struct world *world = world_new();
	const struct inv_vm *vms[2] = { NULL, NULL };
	uint8_t i;

	(void)state;
	for (i = 1; i <= 5; i++)
		world_read(world, world->a,
			   world_vm(i, "same", HV_STATE_OFF, 0));
	assert_int_equal(inv_find(world->inv, "same", 1, vms), 5);
	assert_non_null(vms[0]);
	assert_null(vms[1]);
	assert_int_equal(inv_find(world->inv, "same", 0, NULL), 5);
	world_free(world);
}

static const char *const br0[] = { "br0" };
static const char *const other[] = { "br1", "lan" };
static const char *const shop_star[] = { "shop-*" };
static const char *const bank_star[] = { "bank-*" };
static const char *const any_name[] = { "*" };
static const char *const shop_one[] = { "bank-*", "shop-?" };
static const char *const hv_b[] = { "hv-b" };

static struct inv_owner own(const struct inv_claim *claims, size_t n)
{
	struct hv_vm *vm = world_vm(1, "shop-1", HV_STATE_RUNNING, 1);
	struct inv_owner owner;

	owner = inv_own("hv-a", vm, claims, n);
	hv_vm_free(vm);
	return owner;
}

static void test_own_by_one(void **state)
{
	const struct {
		struct inv_claim claim;
		enum inv_owned owned;
	} cases[] = {
		{ { .tenant = "t" }, INV_OWNED_NOT }, /* claims nothing */
		{ { .tenant = "t", .networks = br0, .n_networks = 1 },
		  INV_OWNED },
		{ { .tenant = "t", .networks = other, .n_networks = 2 },
		  INV_OWNED_NOT },
		{ { .tenant = "t", .names = shop_star, .n_names = 1 },
		  INV_OWNED },
		{ { .tenant = "t", .names = bank_star, .n_names = 1 },
		  INV_OWNED_NOT },
		{ { .tenant = "t", .hypervisors = hv_b, .n_hypervisors = 1 },
		  INV_OWNED_NOT },
		/* all that is given must hold */
		{ { .tenant = "t",
		    .networks = br0,
		    .n_networks = 1,
		    .names = bank_star,
		    .n_names = 1 },
		  INV_OWNED_NOT },
		{ { .tenant = "t",
		    .networks = br0,
		    .n_networks = 1,
		    .names = shop_one,
		    .n_names = 2 },
		  INV_OWNED },
	};
	size_t i;

	(void)state;
	assert_int_equal(own(NULL, 0).owned, INV_OWNED_NOT);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(own(&cases[i].claim, 1).owned, cases[i].owned);
}

static void test_own_by_two(void **state)
{
	const struct inv_claim claims[] = {
		{ .tenant = "bank", .networks = other, .n_networks = 2 },
		{ .tenant = "shop", .networks = br0, .n_networks = 1 },
		{ .tenant = "shop", .names = shop_star, .n_names = 1 },
		{ .tenant = "spy", .names = any_name, .n_names = 1 },
	};
	struct inv_owner owner;

	(void)state;
	owner = own(claims, 3); /* twice the same tenant is one claim */
	assert_int_equal(owner.owned, INV_OWNED);
	assert_int_equal(owner.claim, 1);
	owner = own(claims, 4);
	assert_int_equal(owner.owned, INV_OWNED_TWICE);
	assert_int_equal(owner.claim, 1);
	assert_int_equal(owner.other, 3);
}

/* An element of the operator's in the metadata decides, with the rest. */
static void test_own_by_metadata(void **state)
{
	static struct conf_xpath shop[] = {
		{ .xpath = "*[@tenant='shop']" },
	};
	static const struct conf_xpaths by_shop = { shop, 1 };
	const struct inv_claim claims[] = {
		{ .tenant = "shop", .metadata = &by_shop },
		{ .tenant = "shop",
		  .metadata = &by_shop,
		  .networks = other,
		  .n_networks = 2 },
	};
	struct hv_vm *vm = world_vm(1, "x", HV_STATE_RUNNING, 1);

	(void)state;
	assert_int_equal(inv_own("hv-a", vm, claims, 1).owned, INV_OWNED_NOT);
	vm->metadata = strdup("<metadata><o tenant='bank'/></metadata>");
	assert_int_equal(inv_own("hv-a", vm, claims, 1).owned, INV_OWNED_NOT);
	free(vm->metadata);
	vm->metadata = strdup("<metadata><o tenant='shop'/></metadata>");
	assert_int_equal(inv_own("hv-a", vm, claims, 1).owned, INV_OWNED);
	assert_int_equal(inv_own("hv-a", vm, &claims[1], 1).owned,
			 INV_OWNED_NOT);
	hv_vm_free(vm);
}

/* The NIC that serves is the one in the tenant's network. */
static void test_own_nic(void **state)
{
	static const char *const lan[] = { "lan" };
	const struct inv_claim by_network = { .tenant = "t",
					      .networks = lan,
					      .n_networks = 1 };
	struct hv_vm *vm = world_vm(1, "x", HV_STATE_RUNNING, 1);
	struct inv_owner owner;
	struct hv_nic *nics;

	(void)state;
	nics = realloc(vm->nics, 2 * sizeof(*nics));
	assert_non_null(nics);
	vm->nics = nics;
	nics[1] = nics[0];
	nics[1].port = strdup("vnet2");
	nics[1].network = strdup("lan");
	nics[1].bridge = strdup("virbr0");
	vm->n_nics = 2;
	owner = inv_own("hv-a", vm, &by_network, 1);
	assert_int_equal(owner.owned, INV_OWNED);
	assert_int_equal(owner.nic, 1);
	hv_vm_free(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_own_by_one),
		cmocka_unit_test(test_own_by_two),
		cmocka_unit_test(test_own_by_metadata),
		cmocka_unit_test(test_own_nic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
