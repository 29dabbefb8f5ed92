/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rtnetlink on control's loop, with libmnl.
 *
 * Changes and lists come through one socket, so they come in order: a change
 * that is told during a list is later than what the list says. When the kernel
 * had to drop changes (ENOBUFS), or says that the list was disturbed
 * (NLM_F_DUMP_INTR), the list is asked for again.
 */
#include "control/rtnl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/event.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#define FIRST_LIST_MS 2000
#define RECEIVE_SIZE  (1 << 20)

struct rtnl {
	struct rtnl_ops ops;
	struct mnl_socket *socket;
	struct event *event;
	bool listing;
	bool disturbed; /* the list that is under way is worth nothing */
	_Alignas(struct nlmsghdr) char buf[32768];
};

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int ask_for_list(struct rtnl *rtnl)
{
	_Alignas(struct nlmsghdr) char buf[256];
	struct nlmsghdr *nlh;
	struct rtgenmsg *family;

	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = rtnl->ops.list;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	family = mnl_nlmsg_put_extra_header(nlh, rtnl->ops.list_size ?
							 rtnl->ops.list_size :
							 sizeof(*family));
	family->rtgen_family = AF_UNSPEC;
	rtnl->disturbed = false;
	rtnl->listing = true;
	if (rtnl->ops.begin)
		rtnl->ops.begin(rtnl->ops.arg);
	if (mnl_socket_sendto(rtnl->socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return 0;
}

static int end_of_list(struct rtnl *rtnl, uint64_t at_ns)
{
	rtnl->listing = false;
	if (rtnl->disturbed)
		return ask_for_list(rtnl);
	if (rtnl->ops.end)
		rtnl->ops.end(rtnl->ops.arg, at_ns);
	return 0;
}

static int take(struct rtnl *rtnl, const struct nlmsghdr *nlh, int size)
{
	const uint64_t at_ns = clock_ns();
	const struct nlmsgerr *error;
	int err;

	for (; mnl_nlmsg_ok(nlh, size); nlh = mnl_nlmsg_next(nlh, &size)) {
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			rtnl->disturbed = true;
		if (nlh->nlmsg_type == NLMSG_DONE) {
			err = end_of_list(rtnl, at_ns);
			if (err)
				return err;
		} else if (nlh->nlmsg_type == NLMSG_ERROR) {
			error = mnl_nlmsg_get_payload(nlh);
			if (error->error)
				return error->error;
		} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
			rtnl->ops.message(rtnl->ops.arg, nlh, at_ns);
		}
	}
	return 0;
}

/* Whatever there is. -EAGAIN when there is nothing more. */
static int receive(struct rtnl *rtnl)
{
	ssize_t n;

	n = recv(mnl_socket_get_fd(rtnl->socket), rtnl->buf, sizeof(rtnl->buf),
		 MSG_DONTWAIT);
	if (n > 0)
		return take(rtnl, (struct nlmsghdr *)rtnl->buf, (int)n);
	if (n < 0 && errno != ENOBUFS)
		return -errno;
	if (!rtnl->listing)
		return ask_for_list(rtnl);
	rtnl->disturbed = true;
	return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct rtnl *rtnl = arg;
	int err;

	(void)fd;
	(void)what;
	do
		err = receive(rtnl);
	while (err == 0 || err == -EINTR);
	/* A list that could not be had: what is missed then comes again. */
	if (err != -EAGAIN && !rtnl->listing && ask_for_list(rtnl))
		rtnl->listing = false;
}

static int first_list(struct rtnl *rtnl)
{
	struct pollfd ready = {
		.fd = mnl_socket_get_fd(rtnl->socket),
		.events = POLLIN,
	};
	int err;

	err = ask_for_list(rtnl);
	while (!err && rtnl->listing) {
		err = receive(rtnl);
		if (err == -EAGAIN)
			err = poll(&ready, 1, FIRST_LIST_MS) == 1 ? 0 :
								    -ETIMEDOUT;
		else if (err == -EINTR)
			err = 0;
	}
	return err;
}

static int join(int fd, unsigned int group)
{
	if (group && setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
				sizeof(group)))
		return -errno;
	return 0;
}

static int open_socket(struct rtnl *rtnl)
{
	const int size = RECEIVE_SIZE;
	int err;
	int fd;

	rtnl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!rtnl->socket ||
	    mnl_socket_bind(rtnl->socket, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	fd = mnl_socket_get_fd(rtnl->socket);
	/* Without the right to it, a burst ends in a list more. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
				 sizeof(size));
	err = join(fd, rtnl->ops.group);
	return err ? err : join(fd, rtnl->ops.also);
}

int rtnl_start(struct event_base *base, const struct rtnl_ops *ops,
	       struct rtnl **ret_rtnl)
{
	struct rtnl *rtnl;
	int err;

	rtnl = calloc(1, sizeof(*rtnl));
	if (!rtnl)
		return -ENOMEM;
	rtnl->ops = *ops;
	err = open_socket(rtnl);
	if (!err)
		err = first_list(rtnl);
	if (!err) {
		rtnl->event = event_new(base, mnl_socket_get_fd(rtnl->socket),
					EV_READ | EV_PERSIST, on_readable,
					rtnl);
		if (!rtnl->event || event_add(rtnl->event, NULL))
			err = -ENOMEM;
	}
	if (err) {
		rtnl_stop(rtnl);
		return err;
	}
	*ret_rtnl = rtnl;
	return 0;
}

void rtnl_stop(struct rtnl *rtnl)
{
	if (!rtnl)
		return;
	if (rtnl->event)
		event_free(rtnl->event);
	if (rtnl->socket)
		mnl_socket_close(rtnl->socket);
	free(rtnl);
}
