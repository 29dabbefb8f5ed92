/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of the pools.
 */
#include <fnmatch.h>
#include <string.h>

#include "config/checker.h"

static bool has_name(const void *object)
{
	const struct conf_pool *pool = object;

	return pool->name && pool->tenant;
}

static int by_name(const void *a, const void *b)
{
	const struct conf_pool *x = a, *y = b;
	int order = strcmp(x->tenant->name, y->tenant->name);

	return order ? order : strcmp(x->name, y->name);
}

static void same_name(struct checker *c, const void *first, const void *again)
{
	const struct conf_pool *x = first, *y = again;
	char where[CHECK_WHERE_SIZE];

	check_wrong(c, &y->name, "tenant \"%s\" has a pool \"%s\" already (%s)",
		    y->tenant->name, y->name,
		    check_where(&y->place, &x->place, where));
}

/* --- who is in it ------------------------------------------------------- */

/* Two terms of which never both hold. */
static bool exclude(const struct select_term *a, const struct select_term *b)
{
	if (a->subject != b->subject || strcmp(a->name, b->name) != 0)
		return false;
	if (a->op == SELECT_EQUAL && b->op == SELECT_NOT_EQUAL)
		return strcmp(a->value, b->value) == 0;
	return b->op == SELECT_HAS_NOT &&
	       (a->op == SELECT_EQUAL || a->op == SELECT_HAS);
}

static void check_select(struct checker *c, const struct conf_pool *pool)
{
	char one[SELECT_TERM_SIZE], other[SELECT_TERM_SIZE];
	size_t i, j;

	for (i = 0; i < pool->n_select; i++) {
		for (j = 0; j < pool->n_select; j++) {
			if (!exclude(&pool->select[i], &pool->select[j]))
				continue;
			select_print(&pool->select[i], one, sizeof(one));
			select_print(&pool->select[j], other, sizeof(other));
			check_wrong(c, &pool->select,
				    "no VM can match \"%.80s\" and \"%.80s\"",
				    one, other);
		}
	}
}

/* A term about hypervisors that no hypervisor of the config can meet. */
static void check_places(struct checker *c, const struct conf_pool *pool)
{
	const struct select_term *term;
	const struct conf *conf = c->conf;
	size_t i, j;

	for (i = 0; i < pool->n_select; i++) {
		term = &pool->select[i];
		if (term->subject != SELECT_HYPERVISOR ||
		    term->op != SELECT_EQUAL || !check_hypervisors_known(c))
			continue;
		for (j = 0; j < conf->n_hypervisors; j++)
			if (fnmatch(term->value, conf->hypervisors[j].name,
				    0) == 0)
				break;
		if (j == conf->n_hypervisors)
			check_wrong(c, &pool->select,
				    "no VM can match \"hypervisor=%.80s\", "
				    "there is no such hypervisor",
				    term->value);
	}
}

static const struct conf_hypervisor *
find_hypervisor(const struct conf *conf, const char *name, size_t length)
{
	const char *other;
	size_t i;

	for (i = 0; i < conf->n_hypervisors; i++) {
		other = conf->hypervisors[i].name;
		if (other && strlen(other) == length &&
		    strncmp(other, name, length) == 0)
			return &conf->hypervisors[i];
	}
	return NULL;
}

static bool allowed_on(const struct conf_tenant *tenant,
		       const struct conf_hypervisor *hypervisor)
{
	size_t i;

	if (!tenant || tenant->hypervisors.n == 0)
		return true;
	for (i = 0; i < tenant->hypervisors.n; i++)
		if (strcmp(tenant->hypervisors.text[i], hypervisor->name) == 0)
			return true;
	return false;
}

static void check_member(struct checker *c, const struct conf_pool *pool,
			 const char *member)
{
	const struct conf_hypervisor *hypervisor;
	size_t length = strcspn(member, "/");

	if (!length || !member[length] || !member[length + 1]) {
		check_wrong(c, &pool->members,
			    "\"%.80s\" is no member, \"hypervisor/vm\" is",
			    member);
		return;
	}
	if (!check_hypervisors_known(c))
		return;
	hypervisor = find_hypervisor(c->conf, member, length);
	if (!hypervisor)
		check_wrong(c, &pool->members,
			    "there is no hypervisor \"%.*s\" for \"%.80s\"",
			    length > CONF_NAME_MAX ? CONF_NAME_MAX :
						     (int)length,
			    member, member);
	else if (!allowed_on(pool->tenant, hypervisor))
		check_wrong(c, &pool->members,
			    "tenant \"%s\" has no VMs on hypervisor \"%s\", "
			    "says its hypervisors",
			    pool->tenant->name, hypervisor->name);
}

static void check_who(struct checker *c, const struct conf_pool *pool)
{
	size_t i;

	if (pool->n_select > 0 && pool->members.n > 0)
		check_wrong(c, &pool->members,
			    "there is a select too, a pool has one of them");
	else if (pool->n_select == 0 && pool->members.n == 0 &&
		 !check_is_wrong(c, &pool->members))
		check_wrong(c, &pool->select,
			    "is missing, and so is members; one of them has "
			    "to say which VMs are in the pool");
	check_select(c, pool);
	check_places(c, pool);
	for (i = 0; i < pool->members.n; i++)
		check_member(c, pool, pool->members.text[i]);
	if (pool->members.n > pool->max_backends)
		check_wrong(c, &pool->members,
			    "has %zu VMs, max_backends allows %u",
			    pool->members.n, pool->max_backends);
}

/* --- how it behaves ----------------------------------------------------- */

static bool has_user(const struct conf *conf, const struct conf_pool *pool)
{
	size_t i;

	for (i = 0; i < conf->n_services; i++)
		if (conf->services[i].pool == pool)
			return true;
	for (i = 0; i < conf->n_pools; i++)
		if (conf->pools[i].backup == pool)
			return true;
	return false;
}

/*
 * "tenant/pool/ipv6" is what the table of a pool's IPv6 side is called, in fields
 * of 128 bytes.
 */
static void check_length(struct checker *c, const struct conf_pool *pool)
{
	const size_t max = 127 - strlen("/"
					"/ipv6");

	if (pool->has_v6 && pool->name && pool->tenant && pool->tenant->name &&
	    strlen(pool->name) + strlen(pool->tenant->name) > max)
		check_wrong(c, &pool->name,
			    "is too long for a pool that serves IPv6: at most "
			    "%zu bytes with the tenant's name",
			    max);
}

static void check_backup(struct checker *c, const struct conf_pool *pool)
{
	const struct conf_pool *backup = pool->backup;

	if (!backup || !pool->name || !backup->name)
		return;
	if (backup == pool)
		check_wrong(c, &pool->backup,
			    "\"%s\" is the pool itself, another one has to be "
			    "named",
			    pool->name);
	else if (backup->backup)
		check_wrong(c, &pool->backup,
			    "\"%s\" has a backup itself, \"%s\"; only one of "
			    "the two can have one",
			    backup->name, backup->backup->name);
}

static void check_times(struct checker *c, const struct conf_pool *pool)
{
	/* A slot's clock: in 64 bits, since it is a tenth longer. */
	uint64_t clock_ms = (uint64_t)pool->idle_timeout_ms * 11 / 10;
	char idle[CONF_TIME_SIZE], text[CONF_TIME_SIZE];

	conf_time_print(pool->idle_timeout_ms, idle, sizeof(idle));
	if (pool->udp_idle_ms > pool->idle_timeout_ms) {
		conf_time_print(pool->udp_idle_ms, text, sizeof(text));
		check_wrong(c, &pool->udp_idle_ms,
			    "%s is longer than idle_timeout, %s", text, idle);
	}
	conf_time_print(pool->drain.deadline_ms, text, sizeof(text));
	if (pool->drain.deadline_ms < clock_ms)
		check_doubt(c, &pool->drain.deadline_ms,
			    "%s is shorter than idle_timeout (%s) and a tenth; "
			    "drains will end with flows left",
			    text, idle);
	if (pool->drain.quiet_after_ms >= pool->drain.deadline_ms) {
		conf_time_print(pool->drain.quiet_after_ms, idle, sizeof(idle));
		check_doubt(c, &pool->drain.quiet_after_ms,
			    "%s never comes, deadline is %s", idle, text);
	}
}

void check_pools(struct checker *c)
{
	static const struct check_twins names = { has_name, by_name,
						  same_name };
	const struct conf *conf = c->conf;
	const struct conf_pool *pool;
	size_t i;

	check_twins(c, &names, conf->pools, conf->n_pools,
		    sizeof(*conf->pools));
	for (i = 0; i < conf->n_pools; i++) {
		pool = &conf->pools[i];
		check_length(c, pool);
		check_who(c, pool);
		check_health(c, pool);
		check_times(c, pool);
		check_backup(c, pool);
		if (!check_is_told(c, &pool->name) && check_services_known(c) &&
		    !has_user(conf, pool))
			check_doubt(c, &pool->name, "no service uses it");
	}
}
