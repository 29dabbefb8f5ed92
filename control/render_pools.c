/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pools as far as the tables alone tell of them: one that serves both families
 * has two, and is one object.
 */
#include "control/render.h"

#include <string.h>

#include "control/family.h"

/* A VM in a table, or in both of a pool. */
struct tally {
	uint32_t n;
	uint32_t n_serving;
	uint32_t n_leaving;
};

/* The same VM in the pool's other table; NULL if it isn't there. */
static const struct dp_backend_status *
twin_of(const struct dp_status *status, const struct dp_backend_status *b)
{
	const struct dp_backend_status *c = status->backends;
	char pool[DP_NAME_SIZE];
	uint32_t i;

	(void)family_split(b->pool, pool);
	for (i = 0; i < status->n_backends; i++)
		if (&c[i] != b &&
		    !memcmp(c[i].uuid, b->uuid, sizeof(b->uuid)) &&
		    family_is_of(c[i].pool, pool))
			return &c[i];
	return NULL;
}

/* @only: this table alone; NULL: each VM of the pool once. */
static struct tally count(const struct dp_status *status, const char *pool,
			  const char *only)
{
	const struct dp_backend_status *twin;
	const struct dp_backend_status *b;
	struct tally t = { 0 };
	bool serving;
	uint32_t i;

	for (i = 0; i < status->n_backends; i++) {
		b = &status->backends[i];
		if (only ? strcmp(b->pool, only) != 0 :
			   !family_is_of(b->pool, pool))
			continue;
		twin = only ? NULL : twin_of(status, b);
		if (twin && twin < b)
			continue; /* counted with it */
		serving = b->slots_current || (twin && twin->slots_current);
		t.n++;
		t.n_serving += serving;
		t.n_leaving += !serving &&
			       (!b->drained || (twin && !twin->drained));
	}
	return t;
}

static json_t *render_tally(const struct tally *t)
{
	return json_pack("{s:i,s:i,s:i,s:i}", "vms", (int)t->n, "serving",
			 (int)t->n_serving, "leaving", (int)t->n_leaving,
			 "waiting", (int)(t->n - t->n_serving - t->n_leaving));
}

static json_t *one_table(const struct dp_status *status,
			 const struct dp_pool_status *p, enum family family)
{
	struct tally t = count(status, NULL, p->name);
	json_t *object = json_pack("{s:s}", "family", family_name(family));

	json_object_update_new(object, render_tally(&t));
	render_slots(object, p);
	return object;
}

static json_t *one_pool(const struct dp_status *status, const char *pool)
{
	struct dp_pool_status sum = { .n_slots = 0 };
	struct tally t = count(status, pool, NULL);
	json_t *object = json_pack("{s:s}", "pool", pool);
	json_t *families = json_array();
	char name[DP_NAME_SIZE];
	enum family family;
	uint32_t i;

	for (i = 0; i < status->n_pools; i++) {
		family = family_split(status->pools[i].name, name);
		if (strcmp(name, pool) != 0)
			continue;
		render_add_slots(&sum, &status->pools[i]);
		json_array_append_new(
			families, one_table(status, &status->pools[i], family));
	}
	json_object_update_new(object, render_tally(&t));
	render_slots(object, &sum);
	json_object_set_new(object, "note", json_string(""));
	json_object_set_new(object, "families", families);
	return object;
}

/* Has the pool of this table been told with an earlier one? */
static bool was_told(const struct dp_status *status, uint32_t table,
		     const char *pool)
{
	uint32_t i;

	for (i = 0; i < table; i++)
		if (family_is_of(status->pools[i].name, pool))
			return true;
	return false;
}

json_t *render_pools(const struct dp_status *status)
{
	json_t *pools = json_array();
	char name[DP_NAME_SIZE];
	uint32_t i;

	for (i = 0; i < status->n_pools; i++) {
		(void)family_split(status->pools[i].name, name);
		if (!was_told(status, i, name))
			json_array_append_new(pools, one_pool(status, name));
	}
	return pools;
}
