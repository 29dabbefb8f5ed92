// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TCP probe: does somebody listen there?
 *
 * A success leaves nothing behind. On our side: the connection ends by RST, so
 * no TIME_WAIT. On the other: the kernel holds back the ACK that would complete
 * the handshake (connect.c), and we reset before it is sent, so the server's
 * program sees no connection, logs none, and a probe takes no place in its
 * accept queue. A queue that is full is still noticed: the other kernel drops
 * the SYN.
 *
 * The kernel's own measure of the handshake (TCP_INFO) is the latency, so a
 * loop that was busy does not make a VM look slow.
 */
#include "health/connect.h"

#include <stdio.h>

/**
 * struct tcp - a pending probe.
 * @sock: its socket; only valid while it is pending.
 */
struct tcp {
	struct sock *sock;
};

static void tcp_stop(struct probe *p)
{
	struct tcp *tcp = p->state;

	sockets_give(tcp->sock);
	tcp->sock = NULL;
}

/* Over, unless it is pending. */
static enum probe_result conclude(struct probe *p)
{
	const struct tcp *tcp = p->state;
	enum probe_result result = connect_finish(p, tcp->sock);

	if (result == PROBE_PENDING)
		return result;
	if (result == PROBE_OK)
		(void)snprintf(p->detail, sizeof(p->detail), "connected");
	tcp_stop(p);
	return result;
}

static void on_ready(struct probe *p)
{
	enum probe_result result = conclude(p);

	if (result != PROBE_PENDING)
		p->done(p, result);
}

static enum probe_result tcp_start(struct probe *p)
{
	struct tcp *tcp = p->state;
	enum probe_result result;

	p->latency_us = 0;
	result = connect_open(p, on_ready, &tcp->sock);
	return result == PROBE_OK ? conclude(p) : result;
}

const struct probe_kind *probe_tcp(void)
{
	static const struct probe_kind kind = {
		.name = "tcp",
		.state_size = sizeof(struct tcp),
		.start = tcp_start,
		.stop = tcp_stop,
	};

	return &kind;
}
