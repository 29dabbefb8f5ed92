/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of the services, and of two that cannot live on one VM port.
 */
#include <stdio.h>
#include <string.h>

#include "config/checker.h"
#include "config/text.h"

static bool has_name(const void *object)
{
	const struct conf_service *service = object;

	return service->name && service->tenant;
}

static int by_name(const void *a, const void *b)
{
	const struct conf_service *x = a, *y = b;
	int order = strcmp(x->tenant->name, y->tenant->name);

	return order ? order : strcmp(x->name, y->name);
}

static void same_name(struct checker *c, const void *first, const void *again)
{
	const struct conf_service *x = first, *y = again;
	char where[CHECK_WHERE_SIZE];

	check_wrong(c, &y->name,
		    "tenant \"%s\" has a service \"%s\" already (%s)",
		    y->tenant->name, y->name,
		    check_where(&y->place, &x->place, where));
}

static bool has_address(const void *object)
{
	const struct conf_service *service = object;

	return has_name(service) && service->port;
}

static int by_address(const void *a, const void *b)
{
	const struct conf_service *x = a, *y = b;
	int order = memcmp(&x->vip, &y->vip, sizeof(x->vip));

	if (order)
		return order;
	order = (int)x->port - (int)y->port;
	return order ? order :
		       conf_protocol_number(x->protocol) -
			       conf_protocol_number(y->protocol);
}

static void same_address(struct checker *c, const void *first,
			 const void *again)
{
	const struct conf_service *x = first, *y = again;
	char where[CHECK_WHERE_SIZE], vip[CONF_ADDR_SIZE];

	if (check_is_told(c, &y->name))
		return;
	conf_addr_print(&y->vip, vip, sizeof(vip));
	check_wrong(c, &y->vip,
		    "%s port %u/%s is that of service \"%s/%s\" already (%s)%s",
		    vip, y->port, conf_protocol_name(y->protocol),
		    x->tenant->name, x->name,
		    check_where(&y->place, &x->place, where),
		    x->protocol != y->protocol ? "; QUIC is UDP" : "");
}

static void check_vip(struct checker *c, const struct conf_service *service)
{
	const struct conf_tenant *tenant = service->tenant;
	char vip[CONF_ADDR_SIZE], ranges[4 * CONF_PREFIX_SIZE] = "";
	char range[CONF_PREFIX_SIZE];
	size_t i, n = 0;

	if (!tenant || tenant->vips.n == 0)
		return;
	for (i = 0; i < tenant->vips.n; i++) {
		if (conf_prefix_has(&tenant->vips.prefix[i], &service->vip))
			return;
		conf_prefix_print(&tenant->vips.prefix[i], range,
				  sizeof(range));
		if (n < sizeof(ranges))
			n += (size_t)snprintf(ranges + n, sizeof(ranges) - n,
					      "%s%s", i ? ", " : "", range);
	}
	conf_addr_print(&service->vip, vip, sizeof(vip));
	check_wrong(c, &service->vip,
		    "%s is none of tenant \"%s\"'s vips, which are %s", vip,
		    tenant->name, ranges);
}

/* IPv6 has to go through with the least MTU that it allows, 1280 bytes. */
#define MSS_MIN_V6 1220

static void check_mss(struct checker *c, const struct conf_service *service)
{
	if (!service->mss || check_is_wrong(c, &service->protocol))
		return;
	if (service->protocol != CONF_PROTOCOL_TCP)
		check_wrong(c, &service->mss,
			    "is TCP's, this service is \"%s\"; leave it out",
			    conf_protocol_name(service->protocol));
	else if (service->mss < MSS_MIN_V6 && !IP_IS_V4(service->vip) &&
		 !check_is_wrong(c, &service->vip))
		check_wrong(c, &service->mss,
			    "%u is too small for IPv6, which always has room "
			    "for %u",
			    service->mss, MSS_MIN_V6);
}

/* --- two services on one VM port ---------------------------------------- */

static bool same_select(const struct conf_pool *a, const struct conf_pool *b)
{
	size_t i;

	if (a->n_select == 0 || a->n_select != b->n_select)
		return false;
	for (i = 0; i < a->n_select; i++)
		if (a->select[i].subject != b->select[i].subject ||
		    a->select[i].op != b->select[i].op ||
		    strcmp(a->select[i].name, b->select[i].name) != 0 ||
		    strcmp(a->select[i].value, b->select[i].value) != 0)
			return false;
	return true;
}

/* A VM that two pools certainly share; "" if they have one selector. */
static const char *shared_vm(const struct conf_pool *a,
			     const struct conf_pool *b)
{
	size_t i, j;

	if (a == b || same_select(a, b))
		return "";
	for (i = 0; i < a->members.n; i++)
		for (j = 0; j < b->members.n; j++)
			if (strcmp(a->members.text[i], b->members.text[j]) == 0)
				return a->members.text[i];
	return NULL;
}

/* Two services and the pools of theirs that may share VMs. */
struct pair {
	const struct conf_service *first, *again;
	const struct conf_pool *pool, *pool_again;
};

static void tell_conflict(struct checker *c, const struct pair *pair,
			  const char *vm)
{
	const struct conf_service *first = pair->first, *again = pair->again;
	char where[CHECK_WHERE_SIZE];

	check_where(&again->place, &first->place, where);
	if (pair->pool == pair->pool_again)
		check_wrong(c, &again->target_port,
			    "%u in the VMs of pool \"%s\" is service \"%s\"'s "
			    "already (%s), their answers could not be told "
			    "apart; each needs a port of its own",
			    again->target_port, pair->pool->name, first->name,
			    where);
	else
		check_wrong(c, &again->target_port,
			    "%u %s%.60s is service \"%s\"'s already (%s), its "
			    "pool \"%s\" has the same %s as \"%s\"; each "
			    "needs a port of its own",
			    again->target_port, *vm ? "in " : "in these VMs",
			    vm, first->name, where, pair->pool->name,
			    *vm ? "VM" : "select", pair->pool_again->name);
}

/*
 * NAT knows an answer's VIP by the VM's address and port alone, so what comes
 * from one can belong to one service only; the addresses of the two families are
 * two. VMs of backup pools serve as well.
 */
static bool check_conflict(struct checker *c, const struct conf_service *first,
			   const struct conf_service *again)
{
	const struct conf_pool *pools[] = { first->pool, first->pool->backup };
	const struct conf_pool *others[] = { again->pool, again->pool->backup };
	const char *vm;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(pools); i++) {
		for (j = 0; j < ARRAY_SIZE(others); j++) {
			if (!pools[i] || !others[j])
				continue;
			vm = shared_vm(pools[i], others[j]);
			if (!vm)
				continue;
			tell_conflict(c,
				      &(struct pair){ first, again, pools[i],
						      others[j] },
				      vm);
			return true;
		}
	}
	return false;
}

static bool comparable(const struct checker *c, const struct conf_service *a,
		       const struct conf_service *b)
{
	return a->pool && b->pool && !check_is_told(c, &a->name) &&
	       !check_is_told(c, &b->name) &&
	       a->pool->tenant == b->pool->tenant && a->target_port &&
	       a->target_port == b->target_port &&
	       conf_protocol_number(a->protocol) ==
		       conf_protocol_number(b->protocol) &&
	       IP_IS_V4(a->vip) == IP_IS_V4(b->vip) &&
	       !check_is_wrong(c, &a->vip) && !check_is_wrong(c, &b->vip);
}

void check_services(struct checker *c)
{
	static const struct check_twins names = { has_name, by_name,
						  same_name };
	static const struct check_twins addresses = { has_address, by_address,
						      same_address };
	const struct conf *conf = c->conf;
	size_t i, j;

	check_twins(c, &names, conf->services, conf->n_services,
		    sizeof(*conf->services));
	check_twins(c, &addresses, conf->services, conf->n_services,
		    sizeof(*conf->services));
	for (i = 0; i < conf->n_services; i++) {
		check_vip(c, &conf->services[i]);
		check_mss(c, &conf->services[i]);
		for (j = 0; j < i; j++) {
			if (!comparable(c, &conf->services[j],
					&conf->services[i]))
				continue;
			if (check_conflict(c, &conf->services[j],
					   &conf->services[i]))
				break; /* one is enough to say */
		}
	}
}
