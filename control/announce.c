/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gratuitous ARP and neighbour advertisements for VIPs that are new here.
 */
#include "control/announce.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/announcement.h"
#include "control/links.h"
#include "control/log.h"

#define ROUNDS 3

struct vip {
	struct ip_addr addr;
	int rounds_left;
};

struct announce {
	struct event *timer;
	char (*uplinks)[IF_NAMESIZE];
	size_t n_uplinks;
	struct vip *vips;
	size_t n_vips;
};

/* To whom the frame itself says. */
static void send_one(int fd, const struct link_info *link,
		     const struct ip_addr *vip)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)link->ifindex,
				  .sll_halen = 6 };
	uint8_t frame[ANNOUNCEMENT_MAX];
	size_t size = announcement_make(vip, link->mac, frame);

	memcpy(to.sll_addr, frame, 6);
	if (sendto(fd, frame, size, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		log_warn("uplink %s: a VIP could not be announced: %s",
			 link->name, strerror(errno));
}

static void announce_on(struct announce *a, const char *uplink)
{
	struct link_info link;
	size_t i;
	int fd;

	if (links_get(uplink, &link))
		return;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		log_warn("uplink %s: VIPs are not announced: %s", uplink,
			 strerror(errno));
		return;
	}
	for (i = 0; i < a->n_vips; i++)
		if (a->vips[i].rounds_left > 0)
			send_one(fd, &link, &a->vips[i].addr);
	close(fd);
}

static void next_round(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval second = { 1, 0 };
	struct announce *a = arg;
	bool more = false;
	size_t i;

	(void)fd;
	(void)what;
	for (i = 0; i < a->n_uplinks; i++)
		announce_on(a, a->uplinks[i]);
	for (i = 0; i < a->n_vips; i++) {
		if (a->vips[i].rounds_left > 0)
			a->vips[i].rounds_left--;
		more = more || a->vips[i].rounds_left > 0;
	}
	if (more)
		evtimer_add(a->timer, &second);
}

int announce_new(struct event_base *base, const struct conf_strings *uplinks,
		 struct announce **ret_announce)
{
	struct announce *a = calloc(1, sizeof(*a));
	size_t i;

	if (!a)
		return -ENOMEM;
	a->timer = evtimer_new(base, next_round, a);
	a->uplinks = calloc(uplinks->n + 1, sizeof(*a->uplinks));
	if (!a->timer || !a->uplinks) {
		announce_free(a);
		return -ENOMEM;
	}
	a->n_uplinks = uplinks->n;
	for (i = 0; i < uplinks->n; i++)
		snprintf(a->uplinks[i], sizeof(a->uplinks[i]), "%s",
			 uplinks->text[i]);
	*ret_announce = a;
	return 0;
}

void announce_free(struct announce *a)
{
	if (!a)
		return;
	if (a->timer)
		event_free(a->timer);
	free(a->uplinks);
	free(a->vips);
	free(a);
}

static struct vip *find(struct announce *a, const struct ip_addr *addr)
{
	size_t i;

	for (i = 0; i < a->n_vips; i++)
		if (!memcmp(&a->vips[i].addr, addr, sizeof(*addr)))
			return &a->vips[i];
	return NULL;
}

void announce_apply(struct announce *a, const struct dp_vip *vips,
		    uint32_t n_vips)
{
	struct vip *kept = calloc(n_vips + 1, sizeof(*kept));
	const struct timeval now = { 0, 0 };
	const struct vip *old;
	bool any = false;
	size_t n = 0;
	uint32_t i;

	if (!kept)
		return;
	for (i = 0; i < n_vips; i++) {
		if (!vips[i].answer_l2)
			continue;
		old = find(a, &vips[i].addr);
		kept[n].addr = vips[i].addr;
		kept[n].rounds_left = old ? old->rounds_left : ROUNDS;
		any = any || !old;
		n++;
	}
	free(a->vips);
	a->vips = kept;
	a->n_vips = n;
	if (any)
		evtimer_add(a->timer, &now);
}

void announce_again(struct announce *a)
{
	const struct timeval now = { 0, 0 };
	size_t i;

	if (!a)
		return;
	for (i = 0; i < a->n_vips; i++)
		a->vips[i].rounds_left = ROUNDS;
	if (a->n_vips)
		evtimer_add(a->timer, &now);
}
