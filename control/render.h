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

/* /v1/status as far as the tables alone tell it; `control` is "not running". */
json_t *render_offline(struct dp *dp, const struct dp_ops *ops);

/* /v1/counters. */
json_t *render_counters(struct dp *dp, const struct dp_ops *ops);

/* Add the fields of counters to an object. */
void render_traffic(json_t *object, const struct traffic *traffic);

/**
 * render_explain() - /v1/explain.
 * @flow: the flow, its VIP known.
 */
json_t *render_explain(struct dp *dp, const struct dp_ops *ops,
		       const struct dp_flow *flow);

/* A 128-bit UUID as text. */
#define RENDER_UUID_SIZE 37
void render_uuid(const uint8_t uuid[DP_UUID_SIZE], char buf[RENDER_UUID_SIZE]);

/* Is this the whole name, or the part behind its slash? */
bool render_name_is(const char *full, const char *wanted);

/* "192.0.2.1:80" or "[2001:db8::1]:80"; false if it is neither, or NULL. */
bool render_endpoint_parse(const char *text, struct ip_addr *ret_addr,
			   uint16_t *ret_port);

/* CLOCK_MONOTONIC. */
uint64_t render_now_ns(void);

#endif
