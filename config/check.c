/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a configuration make sense? The order of the checks, what they share,
 * and the defaults that depend on other values.
 */
#include "config/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "config/checker.h"
#include "config/errors.h"

#define UDP_IDLE_MS 30000

static void __attribute__((format(printf, 4, 0)))
tell(struct checker *c, const void *value, bool wrong, const char *format,
     va_list args)
{
	struct conf_mark *mark = conf_marks_find(c->marks, value);
	struct conf_place whole = { .file = c->conf->node.place.file };
	char msg[320];

	if (mark && mark->wrong)
		return;
	vsnprintf(msg, sizeof(msg), format, args);
	if (mark)
		mark->told |= wrong;
	if (!mark)
		conf_complain(c->errs, &whole, "%s", msg);
	else if (wrong)
		conf_complain(c->errs, &mark->place, "%s: %s", mark->path, msg);
	else
		conf_warn(c->errs, &mark->place, "%s: %s", mark->path, msg);
}

void check_wrong(struct checker *c, const void *value, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(c, value, true, format, args);
	va_end(args);
}

void check_doubt(struct checker *c, const void *value, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(c, value, false, format, args);
	va_end(args);
}

bool check_is_wrong(const struct checker *c, const void *value)
{
	const struct conf_mark *mark = conf_marks_find(c->marks, value);

	return mark && mark->wrong;
}

bool check_is_told(const struct checker *c, const void *value)
{
	const struct conf_mark *mark = conf_marks_find(c->marks, value);

	return mark && (mark->wrong || mark->told);
}

bool check_is_written(const struct checker *c, const void *value)
{
	const struct conf_mark *mark = conf_marks_find(c->marks, value);

	return mark && mark->written;
}

const char *check_where(const struct conf_place *from,
			const struct conf_place *other, char *buf)
{
	if (!other->line)
		snprintf(buf, CHECK_WHERE_SIZE, "%s", other->file);
	else if (strcmp(from->file, other->file) == 0)
		snprintf(buf, CHECK_WHERE_SIZE, "line %u", other->line);
	else
		snprintf(buf, CHECK_WHERE_SIZE, "%s:%u", other->file,
			 other->line);
	return buf;
}

bool check_hypervisors_known(const struct checker *c)
{
	size_t i;

	for (i = 0; i < c->conf->n_hypervisors; i++)
		if (!c->conf->hypervisors[i].name)
			return false;
	return c->conf->n_hypervisors > 0;
}

bool check_services_known(const struct checker *c)
{
	const struct conf *conf = c->conf;
	size_t i;

	for (i = 0; i < conf->n_services; i++)
		if (!conf->services[i].pool || !conf->services[i].target_port)
			return false;
	return true;
}

bool check_serves(const struct conf_pool *pool,
		  const struct conf_service *service)
{
	return service->pool == pool ||
	       (service->pool && service->pool->backup == pool);
}

/* Equals stay in the order of the files, which is that of the array. */
static int compare_pointers(const void *a, const void *b, void *arg)
{
	const struct check_twins *twins = arg;
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	int order = twins->compare(x, y);

	return order ? order : (x > y) - (x < y);
}

void check_twins(struct checker *c, const struct check_twins *twins,
		 const void *objects, size_t n, size_t size)
{
	const char *object = objects, *first;
	const char **sorted;
	size_t n_sorted = 0, i;
	struct check_twins arg = *twins;

	sorted = calloc(n + 1, sizeof(*sorted));
	if (!sorted) {
		c->err = -ENOMEM;
		return;
	}
	for (i = 0; i < n; i++, object += size)
		if (twins->usable(object))
			sorted[n_sorted++] = object;
	qsort_r(sorted, n_sorted, sizeof(*sorted), compare_pointers, &arg);
	first = sorted[0];
	for (i = 1; i < n_sorted; i++) {
		if (twins->compare(first, sorted[i]) == 0)
			twins->found(c, first, sorted[i]);
		else
			first = sorted[i];
	}
	free(sorted);
}

/**
 * struct ports - ports that services have in a pool's VMs.
 * @port: the first of them; 0 = there is none.
 * @several: there is another one.
 */
struct ports {
	uint16_t port;
	bool several;
};

/*
 * Those of services that have it as their pool, or as their pool's backup, and
 * speak what its probes do.
 */
static struct ports ports_of(const struct conf *conf,
			     const struct conf_pool *pool, bool as_backup)
{
	const struct conf_service *service;
	const struct conf_pool *served;
	struct ports ports = { 0 };
	size_t i;

	for (i = 0; i < conf->n_services; i++) {
		service = &conf->services[i];
		served = service->pool;
		if (served && as_backup)
			served = served->backup;
		if (served != pool || !check_speaks(&pool->health, service))
			continue;
		if (ports.port && ports.port != service->target_port)
			ports.several = true;
		ports.port = service->target_port;
	}
	return ports;
}

/* The one port that a pool's services have in its VMs; 0 if not just one. */
static uint16_t pool_port(const struct conf *conf, const struct conf_pool *pool)
{
	struct ports ports = ports_of(conf, pool, false);

	if (!ports.port)
		ports = ports_of(conf, pool, true);
	return ports.several ? 0 : ports.port;
}

/* The name in a Host: without its port, and no address. */
static const char *name_of(const char *host, struct conf_arena *arena)
{
	size_t length = strcspn(host, ":");
	struct ip_addr addr;
	char *name;

	name = conf_arena_alloc(arena, length + 1, 1);
	if (!name)
		return NULL;
	memcpy(name, host, length);
	return *host == '[' || conf_addr_parse(name, &addr) == 0 ? "" : name;
}

static void complete_families(const struct conf *conf, struct conf_pool *pool)
{
	static const struct ip_addr unknown;
	const struct conf_service *service;
	size_t i;

	for (i = 0; i < conf->n_services; i++) {
		service = &conf->services[i];
		if (!check_serves(pool, service) ||
		    memcmp(&service->vip, &unknown, sizeof(unknown)) == 0)
			continue;
		pool->has_v4 |= IP_IS_V4(service->vip);
		pool->has_v6 |= !IP_IS_V4(service->vip);
	}
	pool->has_v4 |= !pool->has_v6;
}

static int complete_pool(const struct conf *conf, struct conf_pool *pool)
{
	struct conf_health *health = &pool->health;

	if (!health->port)
		health->port = pool_port(conf, pool);
	if (!*health->sni)
		health->sni = name_of(health->host, conf->arena);
	if (!pool->udp_idle_ms)
		pool->udp_idle_ms = pool->idle_timeout_ms < UDP_IDLE_MS ?
					    pool->idle_timeout_ms :
					    UDP_IDLE_MS;
	complete_families(conf, pool);
	return health->sni ? 0 : -ENOMEM;
}

static void complete_hypervisor(struct conf_hypervisor *hypervisor)
{
	if (!hypervisor->domain)
		hypervisor->domain = hypervisor->name;
	if (hypervisor->driver == CONF_DRIVER_LIBVIRT && hypervisor->uri &&
	    !*hypervisor->uri)
		hypervisor->uri = "qemu:///system";
}

int conf_complete(struct conf *conf, const char *hostname)
{
	size_t i;
	int err = 0;

	if (!conf->node.name)
		conf->node.name = hostname;
	for (i = 0; i < conf->n_hypervisors; i++)
		complete_hypervisor(&conf->hypervisors[i]);
	for (i = 0; i < conf->n_services; i++)
		if (!conf->services[i].target_port)
			conf->services[i].target_port = conf->services[i].port;
	for (i = 0; i < conf->n_pools && !err; i++)
		err = complete_pool(conf, &conf->pools[i]);
	return err;
}

int conf_check_meaning(const struct conf *conf, const struct conf_marks *marks,
		       struct conf_errors *errs)
{
	struct checker c = { .conf = conf, .marks = marks, .errs = errs };

	check_node(&c);
	check_hypervisors(&c);
	check_tenants(&c);
	check_pools(&c);
	check_services(&c);
	return c.err;
}
