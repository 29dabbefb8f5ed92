/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names in a config -> the objects that they name.
 *
 * Tenants are all read before others name them. A pool may name another one,
 * so pools are looked for when all are read.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/errors.h"
#include "config/reader.h"
#include "config/value.h"

/**
 * struct reference - a pool that somebody named.
 */
struct reference {
	const struct conf_tree *node;
	const struct conf_tenant *const *tenant;
	const struct conf_pool **at;
	const char *path;
	struct reference *next;
};

int refer_tenant(struct reader *r, const char *name,
		 const struct conf_tenant **at, char *why)
{
	const struct conf *conf = r->conf;
	const char **names;
	size_t i;

	*at = conf_tenant_find(conf, name);
	/* One whose name is wrong may be the one that is meant. */
	if (*at || r->nameless[SECTION_TENANTS])
		return 0;
	names = reader_take(r, conf->n_tenants, sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (i = 0; i < conf->n_tenants; i++)
		names[i] = conf->tenants[i].name;
	snprintf(why, CONF_WHY_SIZE, "there is no tenant \"%.80s\"%s", name,
		 reader_suggest(r, name, names, conf->n_tenants));
	return -EINVAL;
}

void refer_pool(struct reader *r, const struct conf_tree *node,
		const struct conf_pool **at, const char *path)
{
	struct reference *new = reader_take(r, 1, sizeof(*new));

	if (!new)
		return;
	new->node = node;
	new->tenant = (void *)((char *)r->object + r->section->tenant);
	new->at = at;
	new->path = conf_arena_text(r->scratch, path);
	if (!new->path)
		r->failed = true;
	new->next = r->references;
	r->references = new;
}

static int refuse_pool(struct reader *r, const char *name,
		       const struct conf_tenant *tenant, char *why)
{
	const struct conf_pool *pools = r->conf->pools;
	const char *owner = NULL;
	const char **names;
	size_t i, n = 0;

	names = reader_take(r, r->conf->n_pools, sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (i = 0; i < r->conf->n_pools; i++) {
		if (pools[i].tenant == tenant)
			names[n++] = pools[i].name;
		else if (pools[i].tenant && strcmp(pools[i].name, name) == 0)
			owner = pools[i].tenant->name;
	}
	if (owner)
		snprintf(why, CONF_WHY_SIZE,
			 "pool \"%s\" is tenant \"%s\"'s, tenant \"%s\" needs "
			 "one of its own",
			 name, owner, tenant->name);
	else
		snprintf(why, CONF_WHY_SIZE,
			 "tenant \"%s\" has no pool \"%.80s\"%s", tenant->name,
			 name, reader_suggest(r, name, names, n));
	return -EINVAL;
}

void refer_all(struct reader *r)
{
	char why[CONF_WHY_SIZE] = "";
	const struct conf_tenant *tenant;
	const struct reference *ref;

	for (ref = r->references; ref && !r->failed; ref = ref->next) {
		tenant = *ref->tenant;
		if (!tenant)
			continue;
		*ref->at =
			conf_pool_find(r->conf, tenant->name, ref->node->text);
		if (*ref->at || r->nameless[SECTION_POOLS])
			continue;
		if (refuse_pool(r, ref->node->text, tenant, why) != -EINVAL)
			continue;
		conf_complain(r->errs, &ref->node->place, "%s: %s", ref->path,
			      why);
		reader_mark(r, ref->at, &ref->node->place, ref->path, true,
			    true);
	}
}
