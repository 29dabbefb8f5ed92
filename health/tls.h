/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLS over a probe's non-blocking socket. Inside of health/ only.
 */
#ifndef HEALTH_TLS_H
#define HEALTH_TLS_H

#include <sys/types.h>

#include "dataplane/core/base.h"

struct tls;

/**
 * tls_new() - a client over a connected socket.
 * @fd: stays the caller's.
 * @verify: name the certificate has to be valid for, NULL = any will do.
 * @sni: name that is asked for, NULL = none.
 * @ca_file: PEM file of who may have signed it, NULL = the system's. Read anew
 *           when it has changed.
 * @why: what is wrong, if NULL is returned.
 * @why_size: its bytes.
 *
 * Return: to be released by tls_free(), or NULL.
 */
struct tls *tls_new(int fd, const char *verify, const char *sni,
		    const char *ca_file, char *why, size_t why_size);
void tls_free(struct tls *tls);

/**
 * tls_handshake() - go on with it.
 *
 * Return: 0 when it is done; -EAGAIN: call again when the socket is ready; a
 * socket's error; -EPROTO: tls_reason() says why.
 */
MUST_CHECK int tls_handshake(struct tls *tls);

/**
 * tls_io() - send or receive.
 *
 * Return: bytes, 0 at the end of the connection, or as tls_handshake().
 */
ssize_t tls_io(struct tls *tls, bool is_send, char *data, size_t size);

/**
 * tls_reason() - why there was -EPROTO: "TLS: certificate has expired".
 */
void tls_reason(const struct tls *tls, char *buf, size_t size);

#endif
