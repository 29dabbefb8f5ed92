/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets that probes use one after the other. Inside of health/ only.
 *
 * A probe that is over dissolves its connection, by RST, and leaves the socket,
 * which the loop goes on to watch, for the next one: at thousands of probes a
 * second to make, watch and destroy a socket for each is a third of their cost.
 */
#ifndef HEALTH_SOCKETS_H
#define HEALTH_SOCKETS_H

#include <event2/event_struct.h>
#include <sys/queue.h>

#include "health/probe.h"

struct sockets;

/**
 * struct sock - a socket in use, or to be used again.
 * @fd: non-blocking.
 * @owner: where it goes back to.
 * @ready: watches it, as long as it lives.
 * @user: whose it is, NULL = nobody's.
 * @on_ready: of @user; called when the socket may have got ready for anything.
 *            It may be called for nothing, too.
 * @may_read: something to read may have been there when @on_ready was called.
 * @is_v4: IPv4 or IPv6.
 * @is_special: has options that can't be taken back; used once.
 * @device: interface that it is bound to, "" = none.
 * @unused: place among the unused.
 */
struct sock {
	int fd;
	struct sockets *owner;
	struct event ready;
	struct probe *user;
	void (*on_ready)(struct probe *p);
	bool may_read;
	bool is_v4;
	bool is_special;
	char device[HEALTH_DEVICE_SIZE];
	TAILQ_ENTRY(sock) unused;
};

/**
 * sockets_new() - none yet.
 * @base: loop that watches them.
 *
 * Return: to be released by sockets_free(), when all were given back; or NULL.
 */
struct sockets *sockets_new(struct event_base *base);
void sockets_free(struct sockets *all);

/**
 * sockets_take() - a socket to connect to that target, by its interface, with
 * its mark and source.
 * @all: where from.
 * @p: whose it will be.
 * @on_ready: called when it is ready to connect, send or receive: once each
 *            time it gets so, so read and write until there is -EAGAIN.
 * @ret_sock: for sockets_give().
 *
 * Return: 0 or a negative errno.
 */
MUST_CHECK int sockets_take(struct sockets *all, struct probe *p,
			    void (*on_ready)(struct probe *p),
			    struct sock **ret_sock);

/**
 * sockets_give() - it is done with; its connection is reset, if there is one.
 */
void sockets_give(struct sock *sock);

/**
 * sockets_address() - as the kernel wants it.
 *
 * Return: its length.
 */
socklen_t sockets_address(const struct ip_addr *addr, uint16_t port,
			  struct sockaddr_storage *ret_address);

#endif
