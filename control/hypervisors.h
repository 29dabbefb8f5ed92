/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisors of the config: their drivers run, their events reach the
 * inventory.
 */
#ifndef CONTROL_HYPERVISORS_H
#define CONTROL_HYPERVISORS_H

#include "control/inventory.h"

struct conf;
struct conf_hypervisor;
struct event_base;
struct feeds;
struct hypervisors;

/**
 * hypervisors_new() - none yet.
 * @inv: what their events go to.
 * @feeds: what those with driver "fed" have been fed; NULL = nothing, ever.
 */
MUST_CHECK int hypervisors_new(struct event_base *base, struct inv *inv,
			       const struct feeds *feeds,
			       struct hypervisors **ret_hypervisors);

/* Stop all of them. NULL is fine. */
void hypervisors_free(struct hypervisors *hypervisors);

/**
 * hypervisors_apply() - watch those that the config names, and no others.
 *
 * Return: 0, or the first failure; the others are watched all the same.
 */
MUST_CHECK int hypervisors_apply(struct hypervisors *hypervisors,
				 const struct conf *conf);

/**
 * hypervisors_fed() - a hypervisor has been fed anew: take it over.
 * @name: of one with driver "fed".
 * @ret_listing: what that changes. The inventory knows of it already.
 *
 * Return: 0; -ENOENT if it is not watched; -ENOMEM: not all is taken over, and
 * the next feed repairs that.
 */
MUST_CHECK int hypervisors_fed(struct hypervisors *hypervisors,
			       const char *name,
			       struct hv_listing *ret_listing);

/**
 * hypervisors_local() - are the ports of its VMs on this node?
 *
 * They are if its URI names no host, or the loopback; or if it or its host is
 * called as the node is, for one config can serve all nodes.
 */
bool hypervisors_local(const struct conf *conf,
		       const struct conf_hypervisor *hypervisor);

/* Told an event of a driver, after the inventory has taken it in. */
typedef void hypervisors_told_fn(void *arg, const struct hv_event *event);

/**
 * hypervisors_tell() - who waits for what becomes of operations.
 * @told: one for all; NULL: nobody any more.
 */
void hypervisors_tell(struct hypervisors *hypervisors,
		      hypervisors_told_fn *told, void *arg);

/**
 * hypervisors_tag() - change a VM's tags, as hv_driver.tag.
 * @name: of the hypervisor.
 *
 * Return: also -ENOENT: it is not watched; -EOPNOTSUPP: its driver can't.
 */
MUST_CHECK int hypervisors_tag(struct hypervisors *hypervisors,
			       const char *name,
			       const struct hv_tag_request *request);

/* Counters of a driver; all zero if there is none of that name. */
void hypervisors_counters(const struct hypervisors *hypervisors,
			  const char *name, struct hv_counters *ret_counters);

#endif
