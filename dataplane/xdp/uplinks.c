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

static int uplink_attach(struct dp *dp, const char *ifname, uint32_t i,
			 struct dp_uplink_status *status, char *error)
{
	struct node *node = dp->maps.area[MAP_NODE];
	struct uplink uplink = { .ifindex = if_nametoindex(ifname) };
	bool generic = false;
	int err;

	if (!uplink.ifindex)
		return dp_fail(error, -ENODEV, "uplink", ifname);
	err = netdev_mac(uplink.ifindex, uplink.mac);
	if (err)
		return dp_fail(error, err, "uplink", ifname);
	node->uplinks[i] = uplink;
	node->out_ifindex[i] = netdev_master(uplink.ifindex);
	err = link_uplink(dp->pin.links, uplink.ifindex,
			  programs_lb(&dp->programs), &generic);
	dp_wrote(dp);
	if (err == -EBUSY)
		return dp_fail(error, err, "another XDP program has the uplink",
			       ifname);
	if (err)
		return dp_fail(error, err, "cannot attach to uplink", ifname);
	(void)snprintf(status->ifname, sizeof(status->ifname), "%s", ifname);
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
	struct node *node = dp->maps.area[MAP_NODE];
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
	}
	if (err)
		return err;
	for (; i < NODE_UPLINKS; i++) {
		node->uplinks[i] = (struct uplink){ .ifindex = 0 };
		node->out_ifindex[i] = 0;
	}
	memcpy(meta->uplinks, status, sizeof(status));
	meta->n_uplinks = options->n_uplinks;
	return 0;
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
