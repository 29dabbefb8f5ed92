/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the host itself has addresses: which VMs its own sockets reach.
 *
 * A watcher on control's loop (rtnetlink, RTNLGRP_IPV4_IFADDR and
 * RTNLGRP_IPV6_IFADDR), like neigh.h.
 * What it doesn't find is probed over the data path.
 */
#ifndef CONTROL_REACH_H
#define CONTROL_REACH_H

#include "dataplane/core/base.h"

struct event_base;
struct reach;

/**
 * reach_start() - begin to watch. The first list is known when it returns.
 * @changed: an address came or went; may be NULL.
 * @ret_reach: for reach_stop().
 *
 * Return: 0 or a negative errno.
 */
MUST_CHECK int reach_start(struct event_base *base,
			   void (*changed)(void *arg, uint64_t at_ns),
			   void *arg, struct reach **ret_reach);
void reach_stop(struct reach *reach);

/**
 * reach_by() - by which interface is an address on the host's own link?
 *
 * Return: its number; 0 if it is in none of the host's networks, or in those of
 * several interfaces: then nobody knows whose it is.
 */
uint32_t reach_by(const struct reach *reach, const struct ip_addr *addr);

#endif
