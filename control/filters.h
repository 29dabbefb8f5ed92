/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interfaces whose traffic control somebody changed.
 *
 * A watcher on control's loop (rtnetlink, RTNLGRP_TC). Before Linux 6.6 our
 * programs at VMs' ports are filters, which anybody's `tc qdisc del` takes off;
 * the kernel says so, and the engine puts them back. Told are all interfaces
 * that have a qdisc at the start and whenever messages were lost, then each
 * where a qdisc or a filter went or a qdisc came.
 */
#ifndef CONTROL_FILTERS_H
#define CONTROL_FILTERS_H

#include "dataplane/core/base.h"

struct event_base;
struct filters;

/**
 * filters_start() - begin to watch, on the owner's loop.
 * @changed: called with the number of an interface, and @arg.
 * @ret_filters: for filters_stop().
 *
 * Return: 0 or a negative errno.
 */
MUST_CHECK int filters_start(struct event_base *base,
			     void (*changed)(void *arg, uint32_t ifindex,
					     uint64_t at_ns),
			     void *arg, struct filters **ret_filters);
void filters_stop(struct filters *filters);

#endif
