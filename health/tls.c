// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLS by OpenSSL. Contexts, which hold the signers, are shared by all probes
 * that trust the same file, and made anew when that file has changed.
 */
#include "health/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <openssl/tls1.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/**
 * struct tls - a connection.
 * @ssl: OpenSSL's.
 * @reason: of the last -EPROTO.
 */
struct tls {
	SSL *ssl;
	char reason[80];
};

/**
 * struct trust - whom to believe. They are few, as files of signers are, and
 *                stay until the process ends.
 * @ca_file: "" = the system's.
 * @changed: of the file, when it was read.
 * @ctx: OpenSSL's; connections hold a reference to it.
 */
struct trust {
	struct trust *next;
	struct timespec changed;
	SSL_CTX *ctx;
	char ca_file[];
};

static SSL_CTX *read_trust(const char *ca_file)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int ok;

	if (!ctx)
		return NULL;
	/* Many servers close without goodbye; who waits holds no buffers. */
	(void)SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	ok = *ca_file ? SSL_CTX_load_verify_locations(ctx, ca_file, NULL) :
			SSL_CTX_set_default_verify_paths(ctx);
	if (ok == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static struct trust *find_trust(const char *ca_file)
{
	static struct trust *all;
	struct trust *trust;
	size_t size = strlen(ca_file) + 1;

	for (trust = all; trust; trust = trust->next)
		if (strcmp(trust->ca_file, ca_file) == 0)
			return trust;
	trust = calloc(1, sizeof(*trust) + size);
	if (!trust)
		return NULL;
	memcpy(trust->ca_file, ca_file, size);
	trust->next = all;
	all = trust;
	return trust;
}

static SSL_CTX *get_trust(const char *ca_file)
{
	struct trust *trust = find_trust(ca_file);
	struct stat st = { 0 };

	if (!trust || (*ca_file && stat(ca_file, &st) < 0))
		return NULL;
	if (!trust->ctx || trust->changed.tv_sec != st.st_mtim.tv_sec ||
	    trust->changed.tv_nsec != st.st_mtim.tv_nsec) {
		SSL_CTX_free(trust->ctx);
		trust->ctx = read_trust(ca_file);
		trust->changed = st.st_mtim;
	}
	return trust->ctx;
}

/* SSL_set_tlsext_host_name() takes the const away, which clang won't have. */
static bool name_server(SSL *ssl, const char *sni)
{
	char name[256];

	if (snprintf(name, sizeof(name), "%s", sni) >= (int)sizeof(name))
		return false;
	return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
			TLSEXT_NAMETYPE_host_name, name) == 1;
}

struct tls *tls_new(int fd, const char *verify, const char *sni,
		    const char *ca_file, char *why, size_t why_size)
{
	SSL_CTX *ctx;
	struct tls *tls;

	ERR_clear_error();
	ctx = get_trust(verify && ca_file ? ca_file : "");
	if (!ctx) {
		(void)snprintf(why, why_size, "TLS: can't read ca_file");
		return NULL;
	}
	tls = calloc(1, sizeof(*tls));
	if (!tls)
		return NULL;
	tls->ssl = SSL_new(ctx);
	if (!tls->ssl || !SSL_set_fd(tls->ssl, fd) ||
	    (sni && !name_server(tls->ssl, sni)) ||
	    (verify && !SSL_set1_host(tls->ssl, verify))) {
		(void)snprintf(why, why_size, "TLS: out of memory");
		tls_free(tls);
		return NULL;
	}
	SSL_set_verify(tls->ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
		       NULL);
	SSL_set_connect_state(tls->ssl);
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	free(tls);
}

/* What is wrong with its certificate; OpenSSL's words, but where they say less
 * than they could. */
static const char *certificate_reason(long verified)
{
	switch (verified) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return "certificate is for another name";
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "certificate is by an unknown signer";
	default:
		return X509_verify_cert_error_string(verified);
	}
}

/* What the server refuses us for: an alert, by its number in RFC 8446, 6. */
static const char *alert_reason(int alert)
{
	return alert == SSL_AD_CERTIFICATE_REQUIRED ?
		       "certificate required" :
		       SSL_alert_desc_string_long(alert);
}

static void note_reason(struct tls *tls)
{
	long verified = SSL_get_verify_result(tls->ssl);
	unsigned long err = ERR_peek_error();
	int reason = ERR_GET_REASON(err);
	const char *text = err ? ERR_reason_error_string(err) : NULL;
	const char *by = "";

	if (SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE &&
	    verified != X509_V_OK) {
		text = certificate_reason(verified);
	} else if (ERR_GET_LIB(err) == ERR_LIB_SSL &&
		   reason > SSL_AD_REASON_OFFSET) {
		by = "the server refuses: ";
		text = alert_reason(reason - SSL_AD_REASON_OFFSET);
	} else if (ERR_GET_LIB(err) == ERR_LIB_SSL &&
		   reason == SSL_R_WRONG_VERSION_NUMBER) {
		text = "the answer is no TLS";
	}
	(void)snprintf(tls->reason, sizeof(tls->reason), "TLS: %s%s", by,
		       text ? text : "closed within the handshake");
}

/* Why a call did not succeed. */
static int reason_of(struct tls *tls, int result, int err)
{
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		if (err)
			return -err;
		break;
	default:
		break;
	}
	note_reason(tls);
	return -EPROTO;
}

int tls_handshake(struct tls *tls)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(tls->ssl);
	if (r == 1)
		return 0;
	r = reason_of(tls, r, errno);
	if (r)
		return r;
	note_reason(tls);
	return -EPROTO;
}

ssize_t tls_io(struct tls *tls, bool is_send, char *data, size_t size)
{
	int r, n = size > INT32_MAX ? INT32_MAX : (int)size;

	ERR_clear_error();
	errno = 0;
	r = is_send ? SSL_write(tls->ssl, data, n) :
		      SSL_read(tls->ssl, data, n);
	return r > 0 ? r : reason_of(tls, r, errno);
}

void tls_reason(const struct tls *tls, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", tls->reason);
}
