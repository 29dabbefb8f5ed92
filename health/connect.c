// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connecting.
 *
 * With TCP_DEFER_ACCEPT, which sockets.c sets, the kernel holds back the ACK
 * that would complete the handshake (for 200 ms, include/net/tcp.h,
 * TCP_DELACK_MAX). Whoever says something sends it along with that; for a probe
 * that says nothing probe_tcp.c tells what it is good for.
 */
#include "health/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Whose fault is it? */
static enum probe_result judge(int err)
{
	switch (err) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return PROBE_STARVED;
	case EADDRNOTAVAIL: /* no such source, or all of its ports are taken */
	case ENODEV:
	case EPERM:
	case EACCES:
	case EAFNOSUPPORT:
	case EINVAL:
		return PROBE_BLIND;
	default:
		return PROBE_FAILED;
	}
}

enum probe_result connect_fail(struct probe *p, int err)
{
	probe_set_error(p, err);
	return judge(err);
}

enum probe_result connect_finish(struct probe *p, const struct sock *sock)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	int err = 0;

	if (getsockopt(sock->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return connect_fail(p, errno);
	switch (info.tcpi_state) {
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
		p->err = 0;
		p->latency_us = info.tcpi_rtt;
		return PROBE_OK;
	case TCP_SYN_SENT:
		return PROBE_PENDING;
	default:
		break;
	}

	size = sizeof(err);
	if (getsockopt(sock->fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
		return connect_fail(p, errno);
	/* Accepted and closed at once: SO_ERROR may be gone already. */
	return connect_fail(p, err ? err : ECONNRESET);
}

enum probe_result connect_open(struct probe *p,
			       void (*on_ready)(struct probe *p),
			       struct sock **ret_sock)
{
	const struct health_target *t = p->target;
	struct sockaddr_storage to;
	struct sock *sock;
	socklen_t size;
	int r;

	r = sockets_take(p->sockets, p, on_ready, &sock);
	if (r < 0)
		return connect_fail(p, -r);
	size = sockets_address(&t->addr, t->port, &to);
	r = connect(sock->fd, (struct sockaddr *)&to, size) < 0 ? errno : 0;
	if (r && r != EINPROGRESS) {
		sockets_give(sock);
		return connect_fail(p, r);
	}
	*ret_sock = sock;
	return r ? PROBE_PENDING : PROBE_OK;
}
