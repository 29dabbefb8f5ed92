// SPDX-License-Identifier: GPL-2.0-only
/*
 * The UDP probe: a datagram, and what comes back.
 *
 * A socket of its own for each, and with it a port of its own: what comes late is
 * no answer to the next probe. The first datagram decides; a refusal by ICMP is
 * known at once.
 */
#include "health/connect.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#define ANSWER_MAX 4096

/**
 * struct udp - a probe under way.
 * @sock: its socket; only valid while it is pending.
 */
struct udp {
	struct sock *sock;
};

static void udp_stop(struct probe *p)
{
	struct udp *udp = p->state;

	sockets_give(udp->sock);
	udp->sock = NULL;
}

static enum probe_result fail(struct probe *p, int err)
{
	if (err == EAGAIN)
		err = ENOBUFS;
	if (err != ECONNREFUSED)
		return connect_fail(p, err);
	p->err = err;
	(void)snprintf(p->detail, sizeof(p->detail), "port unreachable");
	return PROBE_FAILED;
}

static enum probe_result hear(struct probe *p)
{
	const struct udp *udp = p->state;
	char data[ANSWER_MAX];
	ssize_t n = recv(udp->sock->fd, data, sizeof(data), 0);
	const struct health_bytes answer = { data, n < 0 ? 0 : (size_t)n };

	if (n < 0 && errno == EAGAIN)
		return PROBE_PENDING;
	if (n < 0)
		return fail(p, errno);
	if (!probe_expects(&p->target->how, &answer))
		return probe_unexpected(p, &answer);
	p->err = 0;
	(void)snprintf(p->detail, sizeof(p->detail),
		       p->target->how.expect.len ? "answered as expected" :
						   "answered");
	return PROBE_OK;
}

static void on_ready(struct probe *p)
{
	enum probe_result result = hear(p);

	if (result == PROBE_PENDING)
		return;
	udp_stop(p);
	p->done(p, result);
}

static enum probe_result udp_start(struct probe *p)
{
	const struct health_bytes *send_this = &p->target->how.send;
	struct udp *udp = p->state;
	enum probe_result result;

	p->latency_us = 0;
	result = connect_open(p, on_ready, &udp->sock);
	if (result != PROBE_OK)
		return result;
	if (send(udp->sock->fd, send_this->data, send_this->len, MSG_NOSIGNAL) <
	    0) {
		result = fail(p, errno);
		udp_stop(p);
		return result;
	}
	return PROBE_PENDING;
}

const struct probe_kind *probe_udp(void)
{
	static const struct probe_kind kind = {
		.name = "udp",
		.lane = LANE_SOCKETS,
		.state_size = sizeof(struct udp),
		.start = udp_start,
		.stop = udp_stop,
	};

	return &kind;
}
