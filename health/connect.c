// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets of probes: route, connect, whose fault it is.
 */
#include "health/connect.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(HEALTH_DEVICE_SIZE == IFNAMSIZ, "an interface's name fits");

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

enum probe_result connect_fail(struct probe *p, int err)
{
	probe_set_error(p, err);
	return judge(err);
}

enum probe_result connect_finish(struct probe *p, int fd)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	int err = 0;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return connect_fail(p, errno);
	if (info.tcpi_state == TCP_ESTABLISHED ||
	    info.tcpi_state == TCP_CLOSE_WAIT) {
		/* Without it, a FIN closes: a TIME_WAIT, but no failure. */
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset,
				 sizeof(reset));
		p->err = 0;
		p->latency_us = info.tcpi_rtt;
		return PROBE_OK;
	}

	size = sizeof(err);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
		return connect_fail(p, errno);
	/* Accepted and closed at once: SO_ERROR may be gone already. */
	return connect_fail(p, err ? err : ECONNRESET);
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
	/* probe_tcp.c says why; without it no probe fails. */
	if (t->kind == HEALTH_TCP)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &(int){ 0 },
				 sizeof(int));
	size = to_sockaddr(&t->addr, t->port, &to);
	return connect(fd, (struct sockaddr *)&to, size) < 0 ? -errno : 0;
}

int connect_open(const struct health_target *t, int *ret_fd)
{
	int fd, r;

	fd = socket(IP_IS_V4(t->addr) ? AF_INET : AF_INET6,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = begin(fd, t);
	if (r < 0 && r != -EINPROGRESS) {
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return r;
}
