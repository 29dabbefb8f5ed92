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
#include "health/probe.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(HEALTH_DEVICE_SIZE == IFNAMSIZ, "an interface's name fits");

/**
 * struct tcp - a pending probe.
 * @fd: its socket; only valid while it is pending.
 * @writable: waits for the end of the handshake.
 */
struct tcp {
	int fd;
	struct event writable;
};

static bool is_zero(const struct ip_addr *addr)
{
	return addr->word[0] == 0 && addr->word[1] == 0 &&
	       (addr->word[2] == 0 || IP_IS_V4(*addr)) && addr->word[3] == 0;
}

/* Returns the length of the address. */
static socklen_t to_sockaddr(const struct ip_addr *addr, uint16_t port,
			     struct sockaddr_storage *ret_to)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret_to;
	struct sockaddr_in *in = (struct sockaddr_in *)ret_to;

	*ret_to = (struct sockaddr_storage){ 0 };
	if (IP_IS_V4(*addr)) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		in->sin_addr.s_addr = addr->word[3];
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, addr->word, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

/* From which interface, with which mark, from which address. */
static int apply_route(int fd, const struct health_target *t)
{
	struct sockaddr_storage from;
	socklen_t size;

	if (t->device[0] != '\0' &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, t->device,
		       (socklen_t)strnlen(t->device, sizeof(t->device))) < 0)
		return -errno;
	if (t->fwmark && setsockopt(fd, SOL_SOCKET, SO_MARK, &t->fwmark,
				    sizeof(t->fwmark)) < 0)
		return -errno;
	if (is_zero(&t->source))
		return 0;

	size = to_sockaddr(&t->source, 0, &from);
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 },
		       sizeof(int)) < 0)
		return -errno;
	return bind(fd, (struct sockaddr *)&from, size) < 0 ? -errno : 0;
}

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

static enum probe_result fail(struct probe *p, int err)
{
	probe_set_error(p, err);
	return judge(err);
}

/* The socket of a pending or a beginning probe has an answer. */
static enum probe_result conclude(struct probe *p, int fd)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	int err = 0;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return fail(p, errno);
	if (info.tcpi_state == TCP_ESTABLISHED ||
	    info.tcpi_state == TCP_CLOSE_WAIT) {
		/* Without it, a FIN closes: a TIME_WAIT, but no failure. */
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset,
				 sizeof(reset));
		p->err = 0;
		p->latency_us = info.tcpi_rtt;
		(void)snprintf(p->detail, sizeof(p->detail), "connected");
		return PROBE_OK;
	}

	size = sizeof(err);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
		return fail(p, errno);
	/* Accepted and closed at once: SO_ERROR may be gone already. */
	return fail(p, err ? err : ECONNRESET);
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

/* Returns 0 if it is connected, -EINPROGRESS if it will be, or why not. */
static int begin(int fd, const struct health_target *t)
{
	struct sockaddr_storage to;
	socklen_t size;
	int r;

	r = apply_route(fd, t);
	if (r < 0)
		return r;
	/* Without it the server sees a connection that is reset: no failure. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &(int){ 0 },
			 sizeof(int));
	size = to_sockaddr(&t->addr, t->port, &to);
	return connect(fd, (struct sockaddr *)&to, size) < 0 ? -errno : 0;
}

static enum probe_result tcp_start(struct probe *p)
{
	struct tcp *tcp = p->state;
	enum probe_result result;
	int fd, r;

	p->latency_us = 0;
	fd = socket(IP_IS_V4(p->target->addr) ? AF_INET : AF_INET6,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(p, errno);

	r = begin(fd, p->target);
	if (r == -EINPROGRESS) {
		if (event_assign(&tcp->writable, p->base, fd, EV_WRITE,
				 on_writable, p) == 0 &&
		    event_add(&tcp->writable, NULL) == 0) {
			tcp->fd = fd;
			return PROBE_PENDING;
		}
		r = -ENOMEM;
	}
	result = r < 0 ? fail(p, -r) : conclude(p, fd);
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
