/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A web server by script, for the tests of probes: in b1 of health_net.h, in a
 * thread of its own, one connection after the other, perhaps with TLS and
 * certificates that are made on the spot.
 */
#ifndef TESTS_E2E_HEALTH_SERVER_H
#define TESTS_E2E_HEALTH_SERVER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "health_net.h"

#define PAUSE "\1" /* in what is said: 30 ms */

/**
 * enum manner - what becomes of a connection.
 */
enum manner {
	MANNER_ANSWERS, /* hears a request, says its text, waits for the end */
	MANNER_CLOSES,	/* the same, and closes */
	MANNER_IS_SILENT, /* hears and says nothing, TLS neither */
	MANNER_HANGS_UP,  /* hears the first bytes, TLS or not, and closes */
};

/**
 * struct server - it.
 * @port: where it listens; 0 = not started.
 * @manner, @says: see above.
 * @tls: NULL = without.
 * @n_heard: requests so far.
 * @heard: the last of them.
 * @sni: name that the last client asked for.
 * Further ones are its own.
 */
struct server {
	uint16_t port;
	enum manner manner;
	const char *says;
	SSL_CTX *tls;
	_Atomic unsigned int n_heard;
	char heard[1024];
	char sni[256];
	int fd;
	_Atomic bool is_over;
	pthread_t thread;
};

/**
 * server_start() - with what the caller has filled in.
 */
void server_start(struct server *server);

/**
 * server_stop() - what it has heard may be read now. Frees @tls.
 */
void server_stop(struct server *server);

/**
 * struct identity - a key and a certificate for it.
 */
struct identity {
	EVP_PKEY *key;
	X509 *certificate;
};

/**
 * identity_new() - make one.
 * @name: of the server, or of who signs; in the certificate as both subject and
 *        alternative name.
 * @signer: NULL = itself.
 * @from_s, @to_s: when it is valid, counted from now.
 */
struct identity identity_new(const char *name, const struct identity *signer,
			     long from_s, long to_s);
void identity_free(struct identity *identity);

/**
 * identity_save() - its certificate as a PEM file; what was there is replaced.
 */
void identity_save(const struct identity *identity, const char *path);

/**
 * identity_serve() - for struct server.
 */
SSL_CTX *identity_serve(const struct identity *identity);

#endif
