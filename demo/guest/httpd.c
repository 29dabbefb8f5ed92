/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The web app of the demo's guests: a small static HTTP server.
 *
 *	httpd PORT NAME UUID
 *
 *	GET /[?hold=MS]			"NAME UUID CLIENT-IP:PORT\n", the body
 *					held back for MS milliseconds
 *	GET /slow?bytes=N[&rate=R]	N bytes of pattern.h, R bytes a second,
 *					seeded with the client's port
 *
 * Every answer names the VM in X-VM and closes its connection by FIN, after
 * which the client's FIN is awaited: a reset never comes from here. One thread,
 * epoll; connections stand in a fixed table.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "demo/pattern.h"

#define MAX_CLIENTS  1024
#define REQUEST_SIZE 1024
#define ANSWER_SIZE  512
#define CHUNK_SIZE   8192
#define REQUEST_MS   10000	 /* to send a request */
#define STALLED_MS   60000	 /* without a byte taken */
#define CLOSING_MS   5000	 /* for the client's FIN */
#define PACE_MS	     50		 /* between two pieces of a slow answer */
#define LISTENER     MAX_CLIENTS /* its epoll tag; clients have their index */

/*
 * DOC: states of a connection
 *
 *	FREE -> READING -> SENDING -> CLOSING -> FREE
 *
 * Every state may go to FREE: end of file, an error, or due_ms reached.
 */
enum state { FREE, READING, SENDING, CLOSING };

/**
 * struct client - one connection.
 * @request: what was read, @n_request bytes of it.
 * @answer: head, and the body of a short answer, @answer_size bytes.
 * @body_start: first byte of the body in what is sent.
 * @size: bytes to send in all; past @answer_size they are the pattern.
 * @sent: bytes sent.
 * @start_ms: when the answer began.
 * @hold_ms: body not before this time after @start_ms.
 * @rate: body bytes a second, 0 = as fast as possible.
 * @due_ms: when to look again, or to give up.
 * @moved_ms: last time that a byte was taken.
 */
struct client {
	enum state state;
	int fd;
	struct sockaddr_in addr;
	char request[REQUEST_SIZE];
	size_t n_request;
	char answer[ANSWER_SIZE];
	size_t answer_size;
	size_t body_start;
	uint64_t size;
	uint64_t sent;
	uint64_t start_ms;
	uint64_t hold_ms;
	uint64_t rate;
	uint64_t due_ms;
	uint64_t moved_ms;
};

struct server {
	int epoll_fd;
	int listen_fd;
	const char *name;
	const char *uuid;
	struct client clients[MAX_CLIENTS];
};

static struct server server; /* 1.8 MB: too much for the stack */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void watch(const struct server *s, const struct client *c, int op,
		  uint32_t events)
{
	struct epoll_event event = {
		.events = events,
		.data.u32 = (uint32_t)(c - s->clients),
	};

	epoll_ctl(s->epoll_fd, op, c->fd, &event);
}

static void drop(struct client *c)
{
	close(c->fd);
	c->state = FREE;
}

/* The value of @key in the request's query, @otherwise without one. */
static uint64_t query(const char *target, const char *key, uint64_t otherwise)
{
	const char *at = strchr(target, '?');
	size_t length = strlen(key);

	while (at) {
		at++;
		if (strncmp(at, key, length) == 0 && at[length] == '=')
			return strtoull(at + length + 1, NULL, 10);
		at = strchr(at, '&');
	}
	return otherwise;
}

static void prepare(const struct server *s, struct client *c,
		    const char *target)
{
	char ip[INET_ADDRSTRLEN];
	char body[ANSWER_SIZE / 2];
	uint64_t body_size;
	const char *status = "200 OK";
	bool slow = strncmp(target, "/slow", 5) == 0;
	int n;

	inet_ntop(AF_INET, &c->addr.sin_addr, ip, sizeof(ip));
	n = snprintf(body, sizeof(body), "%s %s %s:%u\n", s->name, s->uuid, ip,
		     ntohs(c->addr.sin_port));
	body_size = (uint64_t)n;
	c->hold_ms = query(target, "hold", 0);
	if (slow) {
		body_size = query(target, "bytes", 0);
		c->rate = query(target, "rate", 0);
		body[0] = '\0';
	} else if (target[0] != '/' || (target[1] && target[1] != '?')) {
		status = "404 Not Found";
	}
	n = snprintf(c->answer, sizeof(c->answer),
		     "HTTP/1.1 %s\r\nContent-Type: %s\r\n"
		     "Content-Length: %llu\r\nConnection: close\r\n"
		     "X-VM: %s %s\r\n\r\n",
		     status, slow ? "application/octet-stream" : "text/plain",
		     (unsigned long long)body_size, s->name, s->uuid);
	c->body_start = (size_t)n;
	c->answer_size =
		c->body_start + (size_t)snprintf(c->answer + n,
						 sizeof(c->answer) - (size_t)n,
						 "%s", body);
	c->size = c->body_start + body_size;
}

/* How much of the answer may have been sent by now. */
static uint64_t allowance(const struct client *c, uint64_t now)
{
	uint64_t passed_ms = now - c->start_ms;
	uint64_t body;

	if (passed_ms < c->hold_ms)
		return c->body_start;
	if (!c->rate)
		return c->size;
	body = (passed_ms + PACE_MS) * c->rate / 1000;
	if (body > c->size - c->body_start)
		return c->size;
	return c->body_start + body;
}

/* Send the next piece up to @until; bytes sent, or negative errno. */
static ssize_t send_piece(struct client *c, uint64_t until)
{
	char chunk[CHUNK_SIZE];
	uint64_t want = until - c->sent;
	ssize_t n;

	if (c->sent < c->answer_size) {
		if (want > c->answer_size - c->sent)
			want = c->answer_size - c->sent;
		n = send(c->fd, c->answer + c->sent, want, MSG_NOSIGNAL);
	} else {
		if (want > sizeof(chunk))
			want = sizeof(chunk);
		pattern_fill(ntohs(c->addr.sin_port), c->sent - c->body_start,
			     chunk, want);
		n = send(c->fd, chunk, want, MSG_NOSIGNAL);
	}
	return n < 0 ? -errno : n;
}

/* Send what may be sent; afterwards due_ms or epoll brings us back. */
static void advance(const struct server *s, struct client *c, uint64_t now)
{
	uint64_t until = allowance(c, now);
	ssize_t n;

	while (c->sent < until) {
		n = send_piece(c, until);
		if (n == -EAGAIN || n == -EINTR)
			break;
		if (n < 0) {
			drop(c);
			return;
		}
		c->sent += (uint64_t)n;
		c->moved_ms = now;
	}
	if (c->sent == c->size) {
		shutdown(c->fd, SHUT_WR);
		c->state = CLOSING;
		c->due_ms = now + CLOSING_MS;
		watch(s, c, EPOLL_CTL_MOD, EPOLLIN);
	} else if (now - c->moved_ms > STALLED_MS + c->hold_ms) {
		drop(c);
	} else if (c->sent < until) {
		c->due_ms = now + 1000;
		watch(s, c, EPOLL_CTL_MOD, EPOLLOUT);
	} else {
		c->due_ms = now + PACE_MS;
		if (now - c->start_ms < c->hold_ms)
			c->due_ms = c->start_ms + c->hold_ms;
		watch(s, c, EPOLL_CTL_MOD, 0);
	}
}

static void read_request(const struct server *s, struct client *c, uint64_t now)
{
	size_t room = sizeof(c->request) - 1 - c->n_request;
	ssize_t n = recv(c->fd, c->request + c->n_request, room, 0);
	char *target = c->request + strlen("GET ");
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	c->n_request += (size_t)n;
	c->request[c->n_request] = '\0';
	if (!strstr(c->request, "\r\n\r\n")) {
		if ((size_t)n == room)
			drop(c);
		return;
	}
	end = strstr(c->request, " HTTP/1.");
	if (strncmp(c->request, "GET ", 4) != 0 || !end || end < target) {
		drop(c);
		return;
	}
	*end = '\0';
	prepare(s, c, target);
	c->state = SENDING;
	c->start_ms = now;
	c->moved_ms = now;
	advance(s, c, now);
}

/* Wait for the client's FIN; what it still says is of no interest. */
static void read_end(struct client *c)
{
	char buf[256];
	ssize_t n;

	do {
		n = recv(c->fd, buf, sizeof(buf), 0);
	} while (n > 0);
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		drop(c);
}

static void accept_all(struct server *s, uint64_t now)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &s->clients[i];
		socklen_t size = sizeof(c->addr);
		int one = 1;

		if (c->state != FREE)
			continue;
		memset(c, 0, sizeof(*c));
		c->fd = accept4(s->listen_fd, (struct sockaddr *)&c->addr,
				&size, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (c->fd < 0)
			return;
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->state = READING;
		c->due_ms = now + REQUEST_MS;
		watch(s, c, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static void handle(struct server *s, struct client *c, uint32_t events,
		   uint64_t now)
{
	switch (c->state) {
	case FREE:
		break;
	case READING:
		read_request(s, c, now);
		break;
	case SENDING:
		if (events & (EPOLLERR | EPOLLHUP))
			drop(c);
		else
			advance(s, c, now);
		break;
	case CLOSING:
		read_end(c);
		break;
	}
}

/* Do what is due; ms until the next, -1 for never. */
static int run_due(struct server *s, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->state != FREE && c->due_ms <= now) {
			if (c->state == SENDING)
				advance(s, c, now);
			else
				drop(c);
		}
		if (c->state != FREE && c->due_ms < next)
			next = c->due_ms;
	}
	return next == UINT64_MAX ? -1 : (int)(next - now);
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
	    listen(fd, 1024)) {
		close(fd);
		return -errno;
	}
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = LISTENER };
	struct epoll_event ready[64];
	struct server *s = &server;
	int n;

	if (argc != 4) {
		fprintf(stderr, "usage: httpd PORT NAME UUID\n");
		return 2;
	}
	s->name = argv[2];
	s->uuid = argv[3];
	s->listen_fd = listen_on((uint16_t)strtoul(argv[1], NULL, 10));
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->listen_fd < 0 || s->epoll_fd < 0 ||
	    epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->listen_fd, &event)) {
		perror("httpd");
		return 1;
	}
	for (;;) {
		n = epoll_wait(s->epoll_fd, ready, 64, run_due(s, now_ms()));
		for (int i = 0; i < n; i++) {
			uint32_t tag = ready[i].data.u32;

			if (tag == LISTENER)
				accept_all(s, now_ms());
			else
				handle(s, &s->clients[tag], ready[i].events,
				       now_ms());
		}
	}
}
