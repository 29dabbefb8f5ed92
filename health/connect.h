/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a probe gets to its target: a socket that leaves by the right interface,
 * whose fault it is if it doesn't get there. Inside of health/ only.
 */
#ifndef HEALTH_CONNECT_H
#define HEALTH_CONNECT_H

#include "health/probe.h"

/**
 * connect_open() - begin to connect; never waits.
 * @t: where to, by which interface, with which mark and source.
 * @ret_fd: the socket, to be closed by the caller.
 *
 * Return: 0 if it is connected, -EINPROGRESS if it will be (writable then), or
 * why not; no socket is left then.
 */
MUST_CHECK int connect_open(const struct health_target *t, int *ret_fd);

/**
 * connect_finish() - has the socket of connect_open() got there?
 * @p: its latency_us is set, to the kernel's measure of the handshake, or err
 *     and detail are.
 * @fd: the socket. Closed by RST from now on, so that no TIME_WAIT is left.
 *
 * Return: PROBE_OK, or as connect_fail() does.
 */
enum probe_result connect_finish(struct probe *p, int fd);

/**
 * connect_fail() - note an errno of a socket, in words.
 *
 * Return: whose fault it is, PROBE_FAILED, PROBE_BLIND or PROBE_STARVED.
 */
enum probe_result connect_fail(struct probe *p, int err);

#endif
