// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server by script, and its certificates.
 */
#include "health_server.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static bool readable(int fd, int wait_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, wait_ms) > 0;
}

/* The client has gone, or the test is over. */
static void await_end(const struct server *server, int fd)
{
	char bytes[256];

	while (!server->is_over) {
		if (readable(fd, 20) && recv(fd, bytes, sizeof(bytes), 0) <= 0)
			return;
	}
}

static int put(SSL *ssl, int fd, const char *text, size_t size)
{
	if (ssl)
		return SSL_write(ssl, text, (int)size) > 0 ? 0 : -1;
	return send(fd, text, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

/* In pieces, as PAUSEs divide it. */
static void say(const struct server *server, SSL *ssl, int fd)
{
	const char *text = server->says ? server->says : "";
	size_t size;

	while (*text && !server->is_over) {
		size = strcspn(text, PAUSE);
		if (size && put(ssl, fd, text, size) < 0)
			return;
		text += size;
		if (*text) {
			text++;
			(void)usleep(30000);
		}
	}
}

static void hear(struct server *server, SSL *ssl, int fd)
{
	size_t max = sizeof(server->heard) - 1;
	ssize_t n;

	if (ssl)
		n = SSL_read(ssl, server->heard, (int)max);
	else
		n = recv(fd, server->heard, max, 0);
	if (n <= 0)
		return;
	server->heard[n] = '\0';
	server->n_heard++;
}

static bool shakes_hands(SSL *ssl, int fd)
{
	return !ssl || (SSL_set_fd(ssl, fd) && SSL_accept(ssl) == 1);
}

static void attend(struct server *server, int fd)
{
	SSL *ssl = server->tls ? SSL_new(server->tls) : NULL;
	char bytes[16];

	if (server->manner == MANNER_HANGS_UP) {
		(void)recv(fd, bytes, sizeof(bytes), 0);
	} else if (server->manner == MANNER_IS_SILENT ||
		   !shakes_hands(ssl, fd)) {
		/* Closed at once, the reset would overtake an alert. */
		await_end(server, fd);
	} else {
		hear(server, ssl, fd);
		say(server, ssl, fd);
		if (server->manner == MANNER_ANSWERS)
			await_end(server, fd);
	}
	SSL_free(ssl);
}

static void *serve(void *arg)
{
	struct server *server = arg;
	int fd;

	while (!server->is_over) {
		if (!readable(server->fd, 20))
			continue;
		fd = accept(server->fd, NULL, NULL);
		if (fd < 0)
			continue;
		attend(server, fd);
		(void)close(fd);
	}
	return NULL;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type */
static int on_sni(SSL *ssl, int *ret_alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct server *server = arg;

	(void)ret_alert;
	(void)snprintf(server->sni, sizeof(server->sni), "%s",
		       name ? name : "");
	return SSL_TLSEXT_ERR_OK;
}

void server_start(struct server *server)
{
	static uint16_t port = 9000;

	server->port = ++port;
	server->fd = net_listen(server->port, 16);
	if (server->tls) {
		(void)SSL_CTX_set_tlsext_servername_callback(server->tls,
							     on_sni);
		(void)SSL_CTX_set_tlsext_servername_arg(server->tls, server);
	}
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server),
			 0);
}

void server_stop(struct server *server)
{
	server->is_over = true;
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	(void)close(server->fd);
	SSL_CTX_free(server->tls);
	server->tls = NULL;
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

struct identity identity_new(const char *name, const struct identity *signer,
			     long from_s, long to_s)
{
	struct identity made = { EVP_EC_gen("P-256"), X509_new() };
	static long serial;
	char alternative[80];
	X509_NAME *subject;

	assert_non_null(made.key);
	assert_non_null(made.certificate);
	(void)X509_set_version(made.certificate, X509_VERSION_3);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(made.certificate),
			       ++serial);
	(void)X509_gmtime_adj(X509_getm_notBefore(made.certificate), from_s);
	(void)X509_gmtime_adj(X509_getm_notAfter(made.certificate), to_s);
	(void)X509_set_pubkey(made.certificate, made.key);
	subject = X509_get_subject_name(made.certificate);
	(void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
					 (const unsigned char *)name, -1, -1,
					 0);
	(void)X509_set_issuer_name(
		made.certificate,
		signer ? X509_get_subject_name(signer->certificate) : subject);
	(void)snprintf(alternative, sizeof(alternative), "DNS:%s", name);
	add_extension(made.certificate, NID_subject_alt_name, alternative);
	if (!signer)
		add_extension(made.certificate, NID_basic_constraints,
			      "critical,CA:TRUE");
	assert_true(X509_sign(made.certificate, signer ? signer->key : made.key,
			      EVP_sha256()) > 0);
	return made;
}

void identity_free(struct identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
	*identity = (struct identity){ 0 };
}

void identity_save(const struct identity *identity, const char *path)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, identity->certificate), 1);
	assert_int_equal(fclose(f), 0);
}

SSL_CTX *identity_serve(const struct identity *identity)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	assert_non_null(tls);
	assert_int_equal(SSL_CTX_use_certificate(tls, identity->certificate),
			 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(tls, identity->key), 1);
	return tls;
}
