/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One connection of the load generator; see conn.h.
 */
#include "demo/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "demo/pattern.h"

#define NS_PER_MS 1000000ULL
/* Of a VM: goes into the log as it is. */
#define NAME_CHARACTERS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

static const char *const outcome_names[] = {
	[CONN_ANSWERED] = "answered", [CONN_WRONG_ANSWER] = "wrong_answer",
	[CONN_CUT] = "cut",	      [CONN_RESET] = "reset",
	[CONN_REFUSED] = "refused",   [CONN_TIMEOUT] = "timeout",
	[CONN_ERROR] = "error",
};
_Static_assert(ARRAY_SIZE(outcome_names) == CONN_OUTCOMES, "a name each");

const char *conn_outcome_name(enum conn_outcome outcome)
{
	return outcome_names[outcome];
}

static void finish(struct conn *c, enum conn_outcome outcome, uint64_t now_ns)
{
	close(c->fd);
	c->fd = -1;
	c->outcome = outcome;
	c->end_ns = now_ns;
	c->state = CONN_DONE;
}

static void fail(struct conn *c, int error, uint64_t now_ns)
{
	if (error == ECONNREFUSED)
		finish(c, CONN_REFUSED, now_ns);
	else if (error == ECONNRESET || error == EPIPE)
		finish(c, CONN_RESET, now_ns);
	else if (error == ETIMEDOUT)
		finish(c, CONN_TIMEOUT, now_ns);
	else
		finish(c, CONN_ERROR, now_ns);
}

int conn_bind(struct conn *c, uint16_t port)
{
	struct sockaddr_in source = c->plan->source;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;
	int r;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	source.sin_port = htons(port);
	if (bind(fd, (struct sockaddr *)&source, sizeof(source))) {
		r = -errno;
		close(fd);
		return r;
	}
	c->fd = fd;
	c->port = port;
	return 0;
}

void conn_start(struct conn *c, uint64_t now_ns)
{
	c->state = CONN_CONNECTING;
	c->start_ns = now_ns;
	c->moved_ns = now_ns;
	c->deadline_ns = now_ns + c->plan->timeout_ms * NS_PER_MS;
	if (connect(c->fd, (const struct sockaddr *)&c->plan->target,
		    sizeof(c->plan->target)) &&
	    errno != EINPROGRESS)
		fail(c, errno, now_ns);
}

static void send_request(struct conn *c, uint64_t now_ns)
{
	const struct conn_plan *plan = c->plan;
	char request[256];
	char target[128];
	char ip[INET_ADDRSTRLEN];
	socklen_t size = sizeof(int);
	int error = 0;
	int n;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) || error) {
		fail(c, error ? error : errno, now_ns);
		return;
	}
	if (plan->download_bytes)
		snprintf(target, sizeof(target),
			 "/slow?bytes=%" PRIu64 "&rate=%" PRIu64,
			 plan->download_bytes, plan->download_rate);
	else
		snprintf(target, sizeof(target), "/?hold=%u", plan->hold_ms);
	inet_ntop(AF_INET, &plan->target.sin_addr, ip, sizeof(ip));
	n = snprintf(request, sizeof(request),
		     "GET %s HTTP/1.1\r\nHost: %s\r\n"
		     "Connection: close\r\n\r\n",
		     target, ip);
	/* An empty socket buffer takes it whole. */
	if (send(c->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
		fail(c, errno, now_ns);
	else
		c->state = CONN_HEAD;
}

/* The value of a header line, copied; "" without one. */
static void header(const struct conn *c, const char *name, char *ret,
		   size_t size)
{
	const char *at = strstr(c->head, name);
	size_t n = 0;

	if (at) {
		at += strlen(name);
		n = strcspn(at, "\r\n");
	}
	if (n >= size)
		n = 0;
	if (n)
		memcpy(ret, at, n);
	ret[n] = '\0';
}

/* Understand the answer's head: who answered, and what has to follow. */
static enum conn_outcome read_head(struct conn *c)
{
	char text[CONN_VM_SIZE + CONN_UUID_SIZE];
	char ip[INET_ADDRSTRLEN];
	char *space;
	char *end;

	header(c, "\r\nX-VM: ", text, sizeof(text));
	space = strchr(text, ' ');
	if (!space || space - text >= CONN_VM_SIZE ||
	    strlen(space + 1) != CONN_UUID_SIZE - 1 ||
	    text[strspn(text, NAME_CHARACTERS " ")])
		return CONN_WRONG_ANSWER;
	memcpy(c->vm, text, (size_t)(space - text));
	memcpy(c->uuid, space + 1, CONN_UUID_SIZE);

	c->size = c->plan->download_bytes;
	if (!c->size) {
		inet_ntop(AF_INET, &c->plan->source.sin_addr, ip, sizeof(ip));
		c->size = (uint64_t)snprintf(c->expected, sizeof(c->expected),
					     "%s %s %s:%u\n", c->vm, c->uuid,
					     ip, c->port);
	}
	header(c, "\r\nContent-Length: ", text, sizeof(text));
	if (strncmp(c->head, "HTTP/1.1 200 ", 13) != 0 || !text[0] ||
	    strtoull(text, &end, 10) != c->size || *end)
		return CONN_WRONG_ANSWER;
	return CONN_ANSWERED;
}

/* Compare a piece of the body with what has to be there. */
static enum conn_outcome check_body(struct conn *c, const char *data, size_t n)
{
	uint8_t want;

	if (n > c->size - c->got)
		return CONN_WRONG_ANSWER;
	for (size_t i = 0; i < n; i++, c->got++) {
		if (c->plan->download_bytes)
			want = pattern_byte(c->port, c->got);
		else
			want = (uint8_t)c->expected[c->got];
		if ((uint8_t)data[i] != want)
			return CONN_WRONG_ANSWER;
	}
	return CONN_ANSWERED;
}

/* @n bytes came. What is after the head is the body's. */
static enum conn_outcome take(struct conn *c, const char *data, size_t n)
{
	enum conn_outcome outcome;
	const char *end;
	size_t before = c->n_head;
	size_t used;

	if (c->state == CONN_BODY)
		return check_body(c, data, n);
	used = CONN_HEAD_SIZE - 1 - before;
	if (n < used)
		used = n;
	memcpy(c->head + before, data, used);
	c->n_head += used;
	c->head[c->n_head] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (!end)
		return used < n ? CONN_WRONG_ANSWER : CONN_ANSWERED;
	used = (size_t)(end + 4 - c->head) - before;
	outcome = read_head(c);
	c->state = CONN_BODY;
	if (outcome != CONN_ANSWERED)
		return outcome;
	return check_body(c, data + used, n - used);
}

static void receive(struct conn *c, uint64_t now_ns)
{
	enum conn_outcome outcome;
	char data[16384];
	ssize_t n;

	while (c->state == CONN_HEAD || c->state == CONN_BODY) {
		n = recv(c->fd, data, sizeof(data), 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (now_ns - c->moved_ns > c->gap_ns)
			c->gap_ns = now_ns - c->moved_ns;
		c->moved_ns = now_ns;
		if (n < 0) {
			fail(c, errno, now_ns);
		} else if (n == 0) {
			outcome = c->state == CONN_BODY && c->got == c->size ?
					  CONN_ANSWERED :
					  CONN_CUT;
			finish(c, outcome, now_ns);
		} else {
			outcome = take(c, data, (size_t)n);
			if (outcome != CONN_ANSWERED)
				finish(c, outcome, now_ns);
		}
	}
}

void conn_ready(struct conn *c, uint64_t now_ns)
{
	if (c->state == CONN_CONNECTING)
		send_request(c, now_ns);
	else
		receive(c, now_ns);
	if (c->plan->download_bytes && c->state != CONN_DONE)
		c->deadline_ns = c->moved_ns + c->plan->timeout_ms * NS_PER_MS;
}

void conn_check(struct conn *c, uint64_t now_ns)
{
	if (c->state != CONN_FREE && c->state != CONN_DONE &&
	    now_ns >= c->deadline_ns)
		finish(c, CONN_TIMEOUT, now_ns);
}

uint32_t conn_events(const struct conn *c)
{
	return c->state == CONN_CONNECTING ? EPOLLOUT : EPOLLIN;
}
