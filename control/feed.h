/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machines that an outside system tells, from their JSON. Pure: time is an
 * argument.
 *
 * DOC: lease
 *
 * A list holds for as long as its lease says. When that has run out and no new
 * list has come, nobody knows what became of the machines: they stay as they
 * were, marked stale, as those of a hypervisor that is out of reach. So an end
 * of a lease never takes a machine out, and being wrong about it by a clock's
 * jump costs nothing but that mark.
 */
#ifndef CONTROL_FEED_H
#define CONTROL_FEED_H

#include <jansson.h>

#include "config/config.h"

#define FEED_LEASE_MIN_MS 1000
#define FEED_LEASE_MAX_MS 604800000 /* 7 days */

/**
 * struct feed - what a source has told.
 * @source: the hypervisor that the machines belong to.
 * @text: the machines as an array of JSON, as they came; to be kept.
 * @conf: the same, checked: VMs of its only hypervisor.
 * @lease_ms: for how long they hold.
 * @fed_ns: when they were told, CLOCK_MONOTONIC; below zero if that was before
 *          this machine booted.
 */
struct feed {
	char *source;
	char *text;
	struct conf *conf;
	uint64_t lease_ms;
	int64_t fed_ns;
};

/**
 * feed_new() - read a list.
 * @machines: an array.
 * @ret_feed: for feed_free(); its lease and time are the caller's to set.
 * @errs: what is wrong, as "machines[3].mac: ...", and what is doubtful.
 *
 * Return: 0; -EINVAL if something is wrong; -ENOMEM.
 */
MUST_CHECK int feed_new(const char *source, json_t *machines,
			struct feed **ret_feed, struct conf_errors *errs);

/* NULL is fine. */
void feed_free(struct feed *feed);

/* The hypervisor whose VMs the machines are, for given_vms(). */
const struct conf_hypervisor *feed_hypervisor(const struct feed *feed);

/* Time since it was told; and what is left of its lease, 0 = it has run out. */
uint64_t feed_age_ms(const struct feed *feed, uint64_t now_ns);
uint64_t feed_left_ms(const struct feed *feed, uint64_t now_ns);

#endif
