/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of the tenants: whose addresses, whose VMs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/checker.h"
#include "config/errors.h"
#include "config/text.h"
#include "config/xpath.h"

static bool has_name(const void *object)
{
	return ((const struct conf_tenant *)object)->name;
}

static int by_name(const void *a, const void *b)
{
	const struct conf_tenant *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void same_name(struct checker *c, const void *first, const void *again)
{
	const struct conf_tenant *x = first, *y = again;
	char where[CHECK_WHERE_SIZE];

	check_wrong(c, &y->name, "there is a tenant \"%s\" already (%s)",
		    y->name, check_where(&y->place, &x->place, where));
}

/* --- VIPs --------------------------------------------------------------- */

/* A range and whose it is. */
struct owned {
	const struct conf_prefix *prefix;
	const struct conf_tenant *tenant;
};

/* By address, the wider range first. */
static int by_prefix(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;
	int order = memcmp(&x->prefix->addr, &y->prefix->addr,
			   sizeof(x->prefix->addr));

	if (order)
		return order;
	order = x->prefix->bits - y->prefix->bits;
	if (order)
		return order;
	return (x->tenant > y->tenant) - (x->tenant < y->tenant);
}

static void overlap(struct checker *c, const struct owned *a,
		    const struct owned *b)
{
	/* The one further down in the files is told. */
	const struct owned *first = a->tenant <= b->tenant ? a : b;
	const struct owned *later = first == a ? b : a;
	char one[CONF_PREFIX_SIZE], other[CONF_PREFIX_SIZE];
	char where[CHECK_WHERE_SIZE];

	if (first->tenant != later->tenant &&
	    check_is_told(c, &later->tenant->name))
		return;
	conf_prefix_print(later->prefix, one, sizeof(one));
	conf_prefix_print(first->prefix, other, sizeof(other));
	if (first->tenant == later->tenant)
		check_wrong(c, &later->tenant->vips,
			    "\"%s\" and \"%s\" overlap", other, one);
	else
		check_wrong(c, &later->tenant->vips,
			    "\"%s\" overlaps with \"%s\" of tenant \"%s\" (%s)",
			    one, other,
			    first->tenant->name ? first->tenant->name : "?",
			    check_where(&later->tenant->place,
					&first->tenant->place, where));
}

/* Ranges nest or are disjoint, so each need only be held to the last widest. */
static void check_overlaps(struct checker *c)
{
	const struct conf *conf = c->conf;
	struct owned *all;
	size_t n = 0, widest = 0, i, j;

	for (i = 0; i < conf->n_tenants; i++)
		n += conf->tenants[i].vips.n;
	all = calloc(n + 1, sizeof(*all));
	if (!all) {
		c->err = -ENOMEM;
		return;
	}
	n = 0;
	for (i = 0; i < conf->n_tenants; i++)
		for (j = 0; j < conf->tenants[i].vips.n; j++)
			all[n++] = (struct owned){
				.prefix = &conf->tenants[i].vips.prefix[j],
				.tenant = &conf->tenants[i],
			};
	qsort(all, n, sizeof(*all), by_prefix);
	for (i = 1; i < n; i++) {
		if (conf_prefix_overlaps(all[widest].prefix, all[i].prefix))
			overlap(c, &all[widest], &all[i]);
		else
			widest = i;
	}
	free(all);
}

/* Ranges that nobody can have a VIP in. */
static void check_usable(struct checker *c, const struct conf_tenant *tenant)
{
	char text[CONF_PREFIX_SIZE];
	const char *bad;
	size_t i;

	for (i = 0; i < tenant->vips.n; i++) {
		bad = conf_prefix_reserved(&tenant->vips.prefix[i]);
		if (!bad)
			continue;
		conf_prefix_print(&tenant->vips.prefix[i], text, sizeof(text));
		check_wrong(c, &tenant->vips,
			    "\"%s\" has addresses of %s, which no VIP can have",
			    text, bad);
	}
}

/* --- VMs ---------------------------------------------------------------- */

static bool in(const struct conf_strings *strings, const char *text)
{
	size_t i;

	for (i = 0; i < strings->n; i++)
		if (strcmp(strings->text[i], text) == 0)
			return true;
	return false;
}

static void check_places(struct checker *c, const struct conf_tenant *tenant)
{
	const struct conf *conf = c->conf;
	const char **names, *near;
	size_t i, j, n = 0;

	if (!check_hypervisors_known(c))
		return;
	names = calloc(conf->n_hypervisors, sizeof(*names));
	if (!names) {
		c->err = -ENOMEM;
		return;
	}
	for (j = 0; j < conf->n_hypervisors; j++)
		names[n++] = conf->hypervisors[j].name;
	for (i = 0; i < tenant->hypervisors.n; i++) {
		for (j = 0; j < n; j++)
			if (strcmp(names[j], tenant->hypervisors.text[i]) == 0)
				break;
		if (j < n)
			continue;
		near = conf_nearest(tenant->hypervisors.text[i], names, n);
		check_wrong(c, &tenant->hypervisors,
			    "there is no hypervisor \"%.60s\"%s%s%s",
			    tenant->hypervisors.text[i],
			    near ? "; did you mean \"" : "", near ? near : "",
			    near ? "\"?" : "");
	}
	free(names);
}

static bool share_hypervisor(const struct conf_tenant *a,
			     const struct conf_tenant *b)
{
	size_t i;

	if (a->hypervisors.n == 0 || b->hypervisors.n == 0)
		return true;
	for (i = 0; i < a->hypervisors.n; i++)
		if (in(&b->hypervisors, a->hypervisors.text[i]))
			return true;
	return false;
}

/* VMs in a network that two tenants have without more ado are nobody's. */
static void check_shared(struct checker *c, const struct conf_tenant *a,
			 const struct conf_tenant *b)
{
	char where[CHECK_WHERE_SIZE];
	size_t i;

	if (!a->name || !b->name || a->names.n || b->names.n || a->metadata.n ||
	    b->metadata.n || !share_hypervisor(a, b))
		return;
	for (i = 0; i < b->networks.n; i++)
		if (in(&a->networks, b->networks.text[i]))
			check_doubt(
				c, &b->networks,
				"\"%s\" is a network of tenant \"%s\" too "
				"(%s): a VM that two tenants claim is "
				"nobody's; names or metadata can tell them apart",
				b->networks.text[i], a->name,
				check_where(&b->place, &a->place, where));
}

static void check_metadata(struct checker *c, const struct conf_tenant *tenant)
{
	const struct conf_xpath *xpath;
	char why[320];
	size_t i;
	int err;

	for (i = 0; i < tenant->metadata.n; i++) {
		xpath = &tenant->metadata.xpath[i];
		if (!xpath->xpath)
			continue;
		err = conf_xpath_check(xpath, why, sizeof(why));
		if (err == -ENOMEM)
			c->err = err;
		else if (err)
			check_wrong(c, &xpath->xpath, "%s", why);
	}
}

static void check_claims(struct checker *c, const struct conf_tenant *tenant)
{
	if (tenant->networks.n == 0 && tenant->names.n == 0 &&
	    tenant->hypervisors.n == 0 && tenant->metadata.n == 0 &&
	    !check_is_wrong(c, &tenant->names) &&
	    !check_is_wrong(c, &tenant->hypervisors) &&
	    !check_is_wrong(c, &tenant->metadata))
		check_wrong(c, &tenant->networks,
			    "is missing, and so are names, hypervisors and "
			    "metadata; one of them has to say which VMs are "
			    "the tenant's");
}

void check_tenants(struct checker *c)
{
	static const struct check_twins names = { has_name, by_name,
						  same_name };
	const struct conf *conf = c->conf;
	const struct conf_tenant *tenant;
	size_t i, j;

	check_twins(c, &names, conf->tenants, conf->n_tenants,
		    sizeof(*conf->tenants));
	check_overlaps(c);
	for (i = 0; i < conf->n_tenants; i++) {
		tenant = &conf->tenants[i];
		check_usable(c, tenant);
		check_places(c, tenant);
		check_claims(c, tenant);
		check_metadata(c, tenant);
		for (j = 0; j < i; j++)
			check_shared(c, &conf->tenants[j], tenant);
	}
}
