/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's read-only view, in the words of those who measure; see place.h.
 */
#include "demo/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/dataplane.h"

/* The engine's state is all there is. */
struct place {
	struct dp *dp;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void uuid_text(const uint8_t *uuid, char *ret)
{
	size_t n = 0;

	for (int i = 0; i < DP_UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret[n++] = '-';
		snprintf(ret + n, PLACE_UUID_SIZE - n, "%02x", uuid[i]);
		n += 2;
	}
}

static struct ip_addr mapped(be32 address)
{
	return (struct ip_addr){ { 0, 0, BE32(0xffff), address } };
}

int place_open(const char *pin_dir, struct place **ret_place)
{
	char error[DP_ERROR_SIZE] = "";
	struct place *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	r = dp_xdp_ops.open_readonly(pin_dir, &p->dp, error);
	if (r < 0) {
		fprintf(stderr, "%s\n", error);
		free(p);
		return r;
	}
	*ret_place = p;
	return 0;
}

void place_close(struct place *p)
{
	if (!p)
		return;
	dp_xdp_ops.close(p->dp);
	free(p);
}

void place_flow(struct place *p, const struct sockaddr_in *client,
		uint16_t client_port, const struct sockaddr_in *service,
		char *ret_uuid)
{
	struct dp_explanation why = { .backend = BACKEND_NONE };
	struct dp_flow flow = {
		.client = mapped(client->sin_addr.s_addr),
		.client_port = client_port,
		.vip = mapped(service->sin_addr.s_addr),
		.port = ntohs(service->sin_port),
		.proto = IPPROTO_TCP,
		.kind = FLOW_OPENER,
	};

	ret_uuid[0] = '\0';
	if (dp_xdp_ops.explain(p->dp, &flow, now_ns(), &why) == 0 &&
	    why.verdict == VERDICT_FORWARD)
		uuid_text(why.uuid, ret_uuid);
}

int place_find(struct place *p, const char *uuid, struct place_vm *ret_vm)
{
	struct dp_status status = { 0 };
	char text[PLACE_UUID_SIZE];
	int r = dp_xdp_ops.status(p->dp, now_ns(), &status);

	if (r < 0)
		return r;
	r = -ENOENT;
	for (uint32_t i = 0; i < status.n_backends && r < 0; i++) {
		uuid_text(status.backends[i].uuid, text);
		if (strcmp(text, uuid) != 0)
			continue;
		ret_vm->number = status.backends[i].number;
		r = 0;
	}
	dp_status_free(&status);
	return r;
}

void place_look(struct place *p, const struct place_vm *vm,
		struct place_look *ret_look)
{
	struct dp_glance glance = { .live = false };
	int r = dp_xdp_ops.glance(p->dp, vm->number, &glance);

	ret_look->reachable = r == 0 && (glance.live || glance.n_slots > 0);
	ret_look->packets = glance.traffic.in_packets;
}
