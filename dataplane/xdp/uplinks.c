// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uplinks: native XDP where the driver has it, else generic.
 *
 * Generic XDP is given what GRO has merged; that is too long for any VM's port,
 * and the redirect of it fails. So GRO is switched off there, which is recorded
 * with the uplink, and on again by detach.
 */
#include "dataplane/xdp/uplinks.h"

#include "dataplane/xdp/links.h"
#include "dataplane/xdp/netdev.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

bool uplinks_have(const struct dp *dp, uint32_t ifindex)
{
	const struct node *node = dp->maps.area[MAP_NODE];
	int i;

	for (i = 0; i < NODE_UPLINKS; i++)
		if (node->uplinks[i].ifindex == ifindex)
			return true;
	return false;
}

/* Returns true if GRO was on. */
static bool generic_prepare(const struct dp *dp, const char *ifname,
			    uint32_t ifindex)
{
	int was = netdev_set_gro(ifindex, false);

	dp_say(dp, LOG_WARN,
	       "uplink %s: its driver has no XDP for it, so packets take the "
	       "slower generic mode%s",
	       ifname, was == 1 ? "; GRO is switched off there" : "");
	if (was < 0)
		dp_say(dp, LOG_WARN,
		       "uplink %s: GRO can't be switched off (%s): merged "
		       "packets will be dropped",
		       ifname, strerror(-was));
	return was == 1;
}

/* The path knows an uplink by its number: 0 while the rest is written. */
static void node_set(struct dp *dp, uint32_t i, const struct uplink *uplink)
{
	struct node *node = dp->maps.area[MAP_NODE];
	uint32_t out = uplink->ifindex ? netdev_master(uplink->ifindex) : 0;

	/* After a restart it is as it was: answers must not miss it. */
	if (!memcmp(&node->uplinks[i], uplink, sizeof(*uplink)) &&
	    node->out_ifindex[i] == out)
		return;
	__atomic_store_n(&node->uplinks[i].ifindex, 0, __ATOMIC_RELEASE);
	memcpy(node->uplinks[i].mac, uplink->mac, sizeof(uplink->mac));
	node->out_ifindex[i] = out;
	__atomic_store_n(&node->uplinks[i].ifindex, uplink->ifindex,
			 __ATOMIC_RELEASE);
}

static void uplink_none(struct dp *dp, uint32_t i,
			struct dp_uplink_status *status)
{
	const struct uplink none = { .ifindex = 0 };

	node_set(dp, i, &none);
	(void)snprintf(status->mode, sizeof(status->mode), "none");
}

static int uplink_attach(struct dp *dp, const char *ifname, uint32_t i,
			 struct dp_uplink_status *status, char *error)
{
	struct uplink uplink = { .ifindex = if_nametoindex(ifname) };
	bool generic = false;
	int err;

	(void)snprintf(status->ifname, sizeof(status->ifname), "%s", ifname);
	err = uplink.ifindex ? netdev_mac(uplink.ifindex, uplink.mac) : -ENODEV;
	if (err) {
		uplink_none(dp, i, status);
		return dp_fail(error, err, "uplink", ifname);
	}
	node_set(dp, i, &uplink);
	err = link_uplink(dp->pin.links, uplink.ifindex,
			  programs_lb(&dp->programs), &generic);
	dp_wrote(dp);
	if (err)
		uplink_none(dp, i, status);
	if (err == -EBUSY)
		return dp_fail(error, err, "another XDP program has the uplink",
			       ifname);
	if (err)
		return dp_fail(error, err, "cannot attach to uplink", ifname);
	(void)snprintf(status->mode, sizeof(status->mode), "%s",
		       generic ? "generic" : "native");
	if (!generic)
		dp_say(dp, LOG_INFO, "uplink %s: native XDP", ifname);
	else if (generic_prepare(dp, ifname, uplink.ifindex))
		status->gro_off = true;
	return 0;
}

/* What an earlier process changed there. */
static bool gro_was_off(const struct memory_meta *meta, const char *ifname)
{
	uint32_t i;

	for (i = 0; i < NODE_UPLINKS; i++)
		if (meta->uplinks[i].gro_off &&
		    !strcmp(meta->uplinks[i].ifname, ifname))
			return true;
	return false;
}

int uplinks_attach(struct dp *dp, const struct dp_options *options, char *error)
{
	struct dp_uplink_status status[NODE_UPLINKS] = { { .ifname = "" } };
	struct memory_meta *meta = dp->maps.area[MAP_META];
	const struct uplink none = { .ifindex = 0 };
	uint32_t i;
	int err = 0;

	if (options->n_uplinks > NODE_UPLINKS) {
		(void)snprintf(error, DP_ERROR_SIZE, "more than %d uplinks",
			       NODE_UPLINKS);
		return -EINVAL;
	}
	for (i = 0; i < options->n_uplinks && !err; i++) {
		status[i].gro_off = gro_was_off(meta, options->uplinks[i]);
		err = uplink_attach(dp, options->uplinks[i], i, &status[i],
				    error);
		if (err != -ENODEV)
			continue;
		dp_say(dp, LOG_WARN,
		       "uplink %s: there is no such interface; it is attached "
		       "when it comes",
		       options->uplinks[i]);
		err = 0;
	}
	if (err)
		return err;
	for (; i < NODE_UPLINKS; i++)
		node_set(dp, i, &none);
	memcpy(meta->uplinks, status, sizeof(status));
	meta->n_uplinks = options->n_uplinks;
	return 0;
}

bool uplinks_seen(struct dp *dp, const char *ifname, uint32_t ifindex)
{
	struct memory_meta *meta = dp->maps.area[MAP_META];
	const struct node *node = dp->maps.area[MAP_NODE];
	char error[DP_ERROR_SIZE] = "";
	uint8_t mac[6];
	uint32_t i;

	for (i = 0; i < meta->n_uplinks; i++)
		if (!strcmp(meta->uplinks[i].ifname, ifname))
			break;
	if (i == meta->n_uplinks || netdev_mac(ifindex, mac) ||
	    (node->uplinks[i].ifindex == ifindex &&
	     !memcmp(node->uplinks[i].mac, mac, sizeof(mac))))
		return false;
	if (uplink_attach(dp, ifname, i, &meta->uplinks[i], error)) {
		dp_say(dp, LOG_WARN, "%s", error);
		return false;
	}
	return true;
}

void uplinks_lost(struct dp *dp, uint32_t ifindex)
{
	struct memory_meta *meta = dp->maps.area[MAP_META];
	const struct node *node = dp->maps.area[MAP_NODE];
	uint32_t i;

	for (i = 0; i < meta->n_uplinks; i++) {
		if (node->uplinks[i].ifindex != ifindex)
			continue;
		uplink_none(dp, i, &meta->uplinks[i]);
		unlink_uplink(dp->pin.links, ifindex);
		dp_say(dp, LOG_WARN,
		       "uplink %s is gone; it is attached when it comes back",
		       meta->uplinks[i].ifname);
	}
}

void uplinks_give_back(const char *maps_dir)
{
	const struct memory_meta *meta;
	uint32_t version = 0;
	struct maps maps;
	uint32_t i;

	if (maps_open(maps_dir, MAPS_COPY, &maps, &version))
		return;
	meta = maps.area[MAP_META];
	for (i = 0; i < NODE_UPLINKS; i++)
		if (meta->uplinks[i].gro_off)
			(void)netdev_set_gro(
				if_nametoindex(meta->uplinks[i].ifname), true);
	maps_done(&maps);
}
