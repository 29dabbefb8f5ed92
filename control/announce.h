/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * announce = "l2": tell the uplinks' neighbours where the VIPs are, by gratuitous
 * ARP and unsolicited neighbour advertisements (announcement.h), three times a
 * second apart for each VIP that is new. Requests are answered by the packet path.
 */
#ifndef CONTROL_ANNOUNCE_H
#define CONTROL_ANNOUNCE_H

#include "config/config.h"
#include "dataplane/dataplane.h"

struct event_base;
struct announce;

/**
 * announce_new() - nothing yet.
 * @uplinks: by name; copied. Those that the data plane is attached to.
 */
MUST_CHECK int announce_new(struct event_base *base,
			    const struct conf_strings *uplinks,
			    struct announce **ret_announce);
void announce_free(struct announce *announce);

/**
 * announce_apply() - announce what is new among these.
 * @vips: those with answer_l2 are announced.
 */
void announce_apply(struct announce *announce, const struct dp_vip *vips,
		    uint32_t n_vips);

/**
 * announce_again() - announce all of them: an uplink is new. NULL is fine.
 */
void announce_again(struct announce *announce);

#endif
