/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the checks of meaning share: complaining about a value of the model,
 * and finding objects that must differ and do not.
 */
#ifndef CONFIG_CHECKER_H
#define CONFIG_CHECKER_H

#include "config/config.h"
#include "config/marks.h"

/**
 * struct checker - a model being checked.
 */
struct checker {
	const struct conf *conf;
	const struct conf_marks *marks;
	struct conf_errors *errs;
	int err;
};

/**
 * check_wrong() - an error at a value.
 * @value: its address in the model; NULL = the config as a whole. One that is
 *         wrong anyway stays at that.
 * @format: what is wrong and what is allowed; its path goes before it.
 */
void check_wrong(struct checker *c, const void *value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * check_doubt() - a warning at a value.
 */
void check_doubt(struct checker *c, const void *value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * check_is_wrong() - has a value been complained about already?
 */
bool check_is_wrong(const struct checker *c, const void *value);

/**
 * check_is_told() - the same, also by a check: of a name, that there is another
 * object of that name already. What follows from it is not told then.
 */
bool check_is_told(const struct checker *c, const void *value);

/**
 * check_is_written() - is a value in a file, or a default?
 */
bool check_is_written(const struct checker *c, const void *value);

/**
 * check_hypervisors_known() - have all a name? Else one that is not found may
 * be there all the same.
 */
bool check_hypervisors_known(const struct checker *c);

/**
 * check_services_known() - has each its pool and port? Else those of a pool
 * cannot be counted.
 */
bool check_services_known(const struct checker *c);

/**
 * check_serves() - do a service's packets go to this pool, at least when its
 * own has no VM?
 */
bool check_serves(const struct conf_pool *pool,
		  const struct conf_service *service);

/* So many tables a pool has: one for each family that it serves. */
static inline unsigned int check_tables(const struct conf_pool *pool)
{
	return (unsigned int)pool->has_v4 + (unsigned int)pool->has_v6;
}

/**
 * check_interface() - an error if this is no name of an interface.
 * @value: where it is in the model.
 */
void check_interface(struct checker *c, const void *value, const char *name);

#define CHECK_WHERE_SIZE 300

/**
 * check_where() - where another value is, seen from one: "line 12", or with
 * its file if that is another. Without a line its file is all there is.
 * @buf: CHECK_WHERE_SIZE bytes.
 */
const char *check_where(const struct conf_place *from,
			const struct conf_place *other, char *buf);

/**
 * struct check_twins - how to find equals in an array of objects.
 * @usable: has it got what is compared?
 * @compare: as for qsort().
 * @found: called for each object that equals an earlier one, @first.
 */
struct check_twins {
	bool (*usable)(const void *object);
	int (*compare)(const void *a, const void *b);
	void (*found)(struct checker *c, const void *first, const void *again);
};

/**
 * check_twins() - find them.
 * @objects: an array of @n objects of @size bytes.
 */
void check_twins(struct checker *c, const struct check_twins *twins,
		 const void *objects, size_t n, size_t size);

/* The parts, each in a file of its own. */
void check_node(struct checker *c);
void check_hypervisors(struct checker *c);
void check_vms(struct checker *c, const struct conf_vms *vms);
void check_tenants(struct checker *c);
void check_pools(struct checker *c);
void check_health(struct checker *c, const struct conf_pool *pool);
void check_services(struct checker *c);

/**
 * check_speaks() - do probes speak what clients of the service do?
 */
static inline bool check_speaks(const struct conf_health *health,
				const struct conf_service *service)
{
	return (health->type == CONF_HEALTH_UDP) ==
	       (service->protocol != CONF_PROTOCOL_TCP);
}

#endif
