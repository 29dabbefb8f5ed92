/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What outside systems have told, in memory as it is in the store: of each
 * hypervisor with driver "fed" the last list that it was fed.
 *
 * DOC: time across a restart
 *
 * The store has the wall clock, since nothing else goes on while a machine is
 * off; within one life of droverd leases run by CLOCK_MONOTONIC. If the clock
 * was put back meanwhile, a lease begins anew, and none is ever longer than it
 * was; if it was put forward, one may end too soon, see feed.h.
 */
#ifndef CONTROL_FEEDS_H
#define CONTROL_FEEDS_H

#include "control/feed.h"

struct feeds;
struct store;

/**
 * feeds_load() - read them from the store.
 * @now_ms: wall clock.
 * @now_ns: CLOCK_MONOTONIC.
 */
MUST_CHECK int feeds_load(struct store *store, uint64_t now_ms, uint64_t now_ns,
			  struct feeds **ret_feeds);
void feeds_free(struct feeds *feeds);

/**
 * feeds_find() - what a source has told last; NULL = nothing yet.
 */
const struct feed *feeds_find(const struct feeds *feeds, const char *source);

/**
 * feeds_set() - keep what a source tells now, on disk before it returns 0.
 * @feed: becomes theirs, or is freed on failure; its @fed_ns gets set.
 */
MUST_CHECK int feeds_set(struct feeds *feeds, struct feed *feed,
			 uint64_t now_ms, uint64_t now_ns);

/**
 * feeds_keep() - forget those of what is no fed hypervisor any more.
 *
 * Return: 0, or the first failure; what is on disk yet is tried again next time.
 */
MUST_CHECK int feeds_keep(struct feeds *feeds, const struct conf *conf);

#endif
