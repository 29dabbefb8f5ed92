/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connecting to a target, and whose fault it is if that fails. Inside of
 * health/ only.
 */
#ifndef HEALTH_CONNECT_H
#define HEALTH_CONNECT_H

#include "health/sockets.h"

/**
 * connect_open() - begin to connect; never waits.
 * @p: its target says where to.
 * @on_ready: see sockets_take().
 * @ret_sock: for sockets_give().
 *
 * Return: PROBE_PENDING, @on_ready will be called; PROBE_OK, it is connected
 * already; or as connect_fail(), no socket is left then.
 */
enum probe_result connect_open(struct probe *p,
			       void (*on_ready)(struct probe *p),
			       struct sock **ret_sock);

/**
 * connect_finish() - has it got there?
 * @p: its latency_us is set, to the kernel's measure of the handshake, or err
 *     and detail are.
 * @sock: of connect_open().
 *
 * Return: PROBE_OK; PROBE_PENDING: not yet; or as connect_fail().
 */
enum probe_result connect_finish(struct probe *p, const struct sock *sock);

/**
 * connect_fail() - note an errno of a socket, in words.
 * @err: positive.
 *
 * Return: whose fault it is, PROBE_FAILED, PROBE_BLIND or PROBE_STARVED.
 */
enum probe_result connect_fail(struct probe *p, int err);

#endif
