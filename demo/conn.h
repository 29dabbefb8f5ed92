/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One connection of the load generator: one HTTP request, one answer, one
 * verdict. No retry, and nothing but a whole and right answer counts as one.
 *
 * load.c starts connections and waits for their sockets; this is what happens
 * inside one.
 */
#ifndef DEMO_CONN_H
#define DEMO_CONN_H

#include <netinet/in.h>

#include "dataplane/core/base.h"

#define CONN_VM_SIZE   64 /* name of a VM and its 0 */
#define CONN_UUID_SIZE 37
#define CONN_HEAD_SIZE 1024

/* How a connection went; all but the first are failures. */
enum conn_outcome {
	CONN_ANSWERED,	   /* 200, the right body, FIN */
	CONN_WRONG_ANSWER, /* not what that VM had to send to us */
	CONN_CUT,	   /* FIN before the end of the answer */
	CONN_RESET,	   /* RST once it was established */
	CONN_REFUSED,	   /* RST for the SYN */
	CONN_TIMEOUT,
	CONN_ERROR, /* any other error of the socket */
	CONN_OUTCOMES,
};

/**
 * struct conn_plan - what all connections of a run have in common.
 * @source: address that they come from.
 * @target: where they go.
 * @download_bytes: ask for so many bytes of pattern.h; 0 = a small request.
 * @download_rate: and so many a second.
 * @hold_ms: ask the VM to hold a small answer's body back for so long.
 * @timeout_ms: a small request must be over by then; a download must not be
 *              silent for so long.
 */
struct conn_plan {
	struct sockaddr_in source;
	struct sockaddr_in target;
	uint64_t download_bytes;
	uint64_t download_rate;
	uint32_t hold_ms;
	uint32_t timeout_ms;
};

/* FREE -> CONNECTING -> HEAD -> BODY -> DONE; each may go to DONE. */
enum conn_state { CONN_FREE, CONN_CONNECTING, CONN_HEAD, CONN_BODY, CONN_DONE };

/**
 * struct conn - one connection. Times are CLOCK_MONOTONIC nanoseconds.
 * @plan: borrowed.
 * @fd: its socket, closed when it is DONE.
 * @port: its source port, host byte order.
 * @start_ns: just before connect().
 * @end_ns: when its outcome was known.
 * @deadline_ns: when it times out.
 * @moved_ns: when something came last.
 * @gap_ns: longest time between two arrivals.
 * @placed: UUID of the VM that it was placed on, "" = unknown.
 * @vm, @uuid: who answered, "" = nobody.
 * @outcome: once it is DONE.
 * @got: body bytes that came and were right.
 * @head: the answer's head, @n_head bytes of it.
 * @expected: body of a small answer.
 * @size: bytes that the body must have.
 */
struct conn {
	enum conn_state state;
	const struct conn_plan *plan;
	int fd;
	uint16_t port;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t deadline_ns;
	uint64_t moved_ns;
	uint64_t gap_ns;
	char placed[CONN_UUID_SIZE];
	char vm[CONN_VM_SIZE];
	char uuid[CONN_UUID_SIZE];
	enum conn_outcome outcome;
	uint64_t got;
	char head[CONN_HEAD_SIZE];
	size_t n_head;
	char expected[256];
	uint64_t size;
};

/**
 * conn_bind() - a socket for a new connection.
 * @c: a FREE conn, its @plan set.
 * @port: source port, host byte order.
 *
 * Return: 0, or negative errno (-EADDRINUSE: take another port).
 */
MUST_CHECK int conn_bind(struct conn *c, uint16_t port);

/**
 * conn_start() - connect. From here on the connection counts as sent, and is
 * DONE at the latest after its timeout.
 */
void conn_start(struct conn *c, uint64_t now_ns);

/* The socket may have something for us. */
void conn_ready(struct conn *c, uint64_t now_ns);

/* End it if its time is over. */
void conn_check(struct conn *c, uint64_t now_ns);

/* epoll's events that it waits for. */
uint32_t conn_events(const struct conn *c);

const char *conn_outcome_name(enum conn_outcome outcome);

#endif
