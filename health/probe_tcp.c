// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TCP probe: does somebody listen there?
 *
 * A success leaves nothing behind. On our side: closed by RST (SO_LINGER of 0),
 * so no TIME_WAIT. On the other: with TCP_QUICKACK off the kernel holds back
 * the ACK that would complete the handshake (at least 40 ms, include/net/tcp.h,
 * TCP_ATO_MIN), and we reset before it is sent, so the server's program sees no
 * connection, logs none, and a probe takes no place in its accept queue. A
 * queue that is full is still noticed: the other kernel drops the SYN.
 *
 * The kernel's own measure of the handshake (TCP_INFO) is the latency, so a
 * loop that was busy does not make a VM look slow.
 */
#include "health/connect.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <unistd.h>

/**
 * struct tcp - a pending probe.
 * @fd: its socket; only valid while it is pending.
 * @writable: waits for the end of the handshake.
 */
struct tcp {
	int fd;
	struct event writable;
};

static enum probe_result conclude(struct probe *p, int fd)
{
	enum probe_result result = connect_finish(p, fd);

	if (result == PROBE_OK)
		(void)snprintf(p->detail, sizeof(p->detail), "connected");
	return result;
}

static void tcp_stop(struct probe *p)
{
	struct tcp *tcp = p->state;

	(void)event_del(&tcp->writable);
	(void)close(tcp->fd);
	tcp->fd = -1;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct probe *p = arg;
	enum probe_result result;

	(void)what;
	result = conclude(p, fd);
	tcp_stop(p);
	p->done(p, result);
}

static enum probe_result tcp_start(struct probe *p)
{
	struct tcp *tcp = p->state;
	enum probe_result result;
	int fd, r;

	p->latency_us = 0;
	r = connect_open(p->target, &fd);
	if (r < 0 && r != -EINPROGRESS)
		return connect_fail(p, -r);

	if (r == -EINPROGRESS &&
	    event_assign(&tcp->writable, p->base, fd, EV_WRITE, on_writable,
			 p) == 0 &&
	    event_add(&tcp->writable, NULL) == 0) {
		tcp->fd = fd;
		return PROBE_PENDING;
	}
	result = r < 0 ? connect_fail(p, ENOMEM) : conclude(p, fd);
	(void)close(fd);
	return result;
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
