/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The forwarding state as JSON, in the API's field names (docs/api.md).
 *
 * Used by the daemon's API and by the command when there is no daemon, so both
 * say the same. Return: a new reference, or NULL if the engine can't be read.
 */
#ifndef CONTROL_RENDER_H
#define CONTROL_RENDER_H

#include <jansson.h>

#include "dataplane/dataplane.h"

/* The `dataplane` part of /v1/status. */
json_t *render_dataplane(const struct dp_status *status, uint64_t now_ns);

/* The `services` part of /v1/status. */
json_t *render_services(const struct dp_status *status);

/* The `pools` part of it, as far as the tables alone tell it. */
json_t *render_pools(const struct dp_status *status);

/* Add the fields about slots to an object. */
void render_slots(json_t *object, const struct dp_pool_status *status);

/* The numbers of a pool are those of its tables. */
void render_add_slots(struct dp_pool_status *sum,
		      const struct dp_pool_status *more);

/* /v1/status as far as the tables alone tell it; `control` is "not running". */
json_t *render_offline(struct dp *dp, const struct dp_ops *ops);

/* /v1/counters. */
json_t *render_counters(struct dp *dp, const struct dp_ops *ops);

/* Add the fields of counters to an object. */
void render_traffic(json_t *object, const struct traffic *traffic);

/**
 * render_pick() - the one object that a word names: by its whole name,
 * "tenant/name", or by the part behind the slash.
 * @list: array of objects.
 * @what: "pool", "service": the field with the name, and what texts call it.
 * @word: NULL counts as "".
 * @candidates: array that gets the names if there are several.
 * @error: RENDER_ERROR_SIZE bytes; filled on failure.
 *
 * Return: 0, -ENOENT or -ENOTUNIQ.
 */
#define RENDER_ERROR_SIZE 400
MUST_CHECK int render_pick(const json_t *list, const char *what,
			   const char *word, size_t *ret_index,
			   json_t *candidates, char *error);

/**
 * struct render_question - what /v1/explain is asked, as it was written.
 * @client: "ADDR:PORT".
 * @service: "tenant/name", or the name where that is unique.
 * @opener: the first packet of a new connection, or one of an open one.
 */
struct render_question {
	const char *client;
	const char *service;
	bool opener;
};

/**
 * render_explain() - the answer to it.
 * @status: a fresh look at @dp.
 * @candidates: services that the name may mean, if there are several.
 * @error: RENDER_ERROR_SIZE bytes; filled on failure.
 *
 * Return: 0; -EINVAL: the client is no address and port; -ENOENT, -ENOTUNIQ:
 * of the service; -EIO: the tables can't be read.
 */
MUST_CHECK int render_explain(struct dp *dp, const struct dp_ops *ops,
			      const struct dp_status *status,
			      const struct render_question *question,
			      json_t **ret_data, json_t *candidates,
			      char *error);

/* A 128-bit UUID as text. */
#define RENDER_UUID_SIZE 37
void render_uuid(const uint8_t uuid[DP_UUID_SIZE], char buf[RENDER_UUID_SIZE]);

/* Is this the whole name, or the part behind its slash? */
bool render_name_is(const char *full, const char *wanted);

/* CLOCK_MONOTONIC. */
uint64_t render_now_ns(void);

#endif
