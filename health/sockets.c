// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets: made, steered, used again.
 */
#include "health/sockets.h"

#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* More than are under way at a time where targets answer. */
#define UNUSED_MAX 256

_Static_assert(HEALTH_DEVICE_SIZE == IFNAMSIZ, "an interface's name fits");

/**
 * struct sockets - all of them.
 * @base: the loop.
 * @unused: those without a user, the last used first.
 * @n_unused: their number.
 */
struct sockets {
	struct event_base *base;
	TAILQ_HEAD(, sock) unused;
	size_t n_unused;
};

struct sockets *sockets_new(struct event_base *base)
{
	struct sockets *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->base = base;
	TAILQ_INIT(&all->unused);
	return all;
}

static void sock_free(struct sock *sock)
{
	if (event_initialized(&sock->ready))
		(void)event_del(&sock->ready);
	(void)close(sock->fd);
	free(sock);
}

static void forget(struct sockets *all, struct sock *sock)
{
	TAILQ_REMOVE(&all->unused, sock, unused);
	all->n_unused--;
}

/* Returns how many there were. */
static size_t free_unused(struct sockets *all)
{
	struct sock *sock, *next;
	size_t n = all->n_unused;

	for (sock = TAILQ_FIRST(&all->unused); sock; sock = next) {
		next = TAILQ_NEXT(sock, unused);
		sock_free(sock);
	}
	TAILQ_INIT(&all->unused);
	all->n_unused = 0;
	return n;
}

void sockets_free(struct sockets *all)
{
	if (!all)
		return;
	(void)free_unused(all);
	free(all);
}

static bool is_zero(const struct ip_addr *addr)
{
	return addr->word[0] == 0 && addr->word[1] == 0 &&
	       (addr->word[2] == 0 || IP_IS_V4(*addr)) && addr->word[3] == 0;
}

/* What belongs to one exchange must not be taken for an answer in the next. */
static bool is_special(const struct health_target *t)
{
	return t->kind == HEALTH_UDP || t->fwmark || !is_zero(&t->source);
}

socklen_t sockets_address(const struct ip_addr *addr, uint16_t port,
			  struct sockaddr_storage *ret_address)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret_address;
	struct sockaddr_in *in = (struct sockaddr_in *)ret_address;

	*ret_address = (struct sockaddr_storage){ 0 };
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

/* With which mark, from which address. */
static int mark(int fd, const struct health_target *t)
{
	struct sockaddr_storage from;
	socklen_t size;

	if (t->fwmark && setsockopt(fd, SOL_SOCKET, SO_MARK, &t->fwmark,
				    sizeof(t->fwmark)) < 0)
		return -errno;
	if (is_zero(&t->source))
		return 0;

	size = sockets_address(&t->source, 0, &from);
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 },
		       sizeof(int)) < 0)
		return -errno;
	return bind(fd, (struct sockaddr *)&from, size) < 0 ? -errno : 0;
}

/* By which interface. Anew for each use: it may be another one of that name. */
static int steer(const struct sock *sock)
{
	if (sock->device[0] == '\0')
		return 0;
	return setsockopt(sock->fd, SOL_SOCKET, SO_BINDTODEVICE, sock->device,
			  (socklen_t)strnlen(sock->device,
					     sizeof(sock->device))) < 0 ?
		       -errno :
		       0;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct sock *sock = arg;

	(void)fd;
	sock->may_read = what & EV_READ;
	/* That its connection was dissolved is told, too. */
	if (sock->user)
		sock->on_ready(sock->user);
}

static int watch(struct sockets *all, struct sock *sock)
{
	if (event_assign(&sock->ready, all->base, sock->fd,
			 EV_READ | EV_WRITE | EV_ET | EV_PERSIST, on_event,
			 sock) < 0 ||
	    event_add(&sock->ready, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static int make(struct sockets *all, const struct health_target *t,
		struct sock **ret_sock)
{
	struct sock *sock = calloc(1, sizeof(*sock));
	bool is_udp = t->kind == HEALTH_UDP;
	int r;

	if (!sock)
		return -ENOMEM;
	sock->owner = all;
	sock->is_v4 = IP_IS_V4(t->addr);
	sock->is_special = is_special(t);
	memcpy(sock->device, t->device, sizeof(sock->device));
	sock->fd = socket(sock->is_v4 ? AF_INET : AF_INET6,
			  (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK |
				  SOCK_CLOEXEC,
			  0);
	if (sock->fd < 0) {
		r = -errno;
		free(sock);
		return r;
	}
	/* connect.c says why; without it no probe fails. */
	if (!is_udp)
		(void)setsockopt(sock->fd, IPPROTO_TCP, TCP_DEFER_ACCEPT,
				 &(int){ 1 }, sizeof(int));
	r = mark(sock->fd, t);
	if (r == 0)
		r = watch(all, sock);
	if (r < 0) {
		sock_free(sock);
		return r;
	}
	*ret_sock = sock;
	return 0;
}

static struct sock *find_unused(const struct sockets *all,
				const struct health_target *t)
{
	struct sock *sock;

	if (is_special(t))
		return NULL;
	TAILQ_FOREACH(sock, &all->unused, unused) {
		if (sock->is_v4 == IP_IS_V4(t->addr) &&
		    strcmp(sock->device, t->device) == 0)
			return sock;
	}
	return NULL;
}

int sockets_take(struct sockets *all, struct probe *p,
		 void (*on_ready)(struct probe *p), struct sock **ret_sock)
{
	struct sock *sock = find_unused(all, p->target);
	int r = 0;

	if (sock) {
		forget(all, sock);
	} else {
		r = make(all, p->target, &sock);
		/* No descriptor: some may be kept for other families. */
		if ((r == -EMFILE || r == -ENFILE) && free_unused(all))
			r = make(all, p->target, &sock);
	}
	if (r < 0)
		return r;
	r = steer(sock);
	if (r < 0) {
		sock_free(sock);
		return r;
	}
	sock->user = p;
	sock->may_read = true;
	sock->on_ready = on_ready;
	*ret_sock = sock;
	return 0;
}

void sockets_give(struct sock *sock)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockets *all = sock->owner;

	sock->user = NULL;
	/* By RST, so no TIME_WAIT is left; what was not read is thrown away. */
	if (connect(sock->fd, &none, sizeof(none)) < 0 || sock->is_special ||
	    all->n_unused >= UNUSED_MAX) {
		sock_free(sock);
		return;
	}
	TAILQ_INSERT_HEAD(&all->unused, sock, unused);
	all->n_unused++;
}
