// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes that speak, against real servers that answer by a script: what is
 * asked, what is believed, what is said of what went wrong. HTTPS with
 * certificates of all kinds.
 */
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "health_server.h"

#define SOON	10000
#define PATIENT 3000
#define OK	"HTTP/1.1 200 OK\r\n\r\n"

/* Who signs, and their certificates in a file. */
static struct {
	struct identity signer;
	char dir[64];
	char ca_file[80];
} pki;

/**
 * struct asked - one target, one server, one probe after the other.
 */
struct asked {
	struct rig *rig;
	struct server *server;
	struct health_target target;
};

static void contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static struct asked ask(enum health_kind kind, struct health_how how,
			uint32_t timeout_ms, struct server *server)
{
	struct asked asked = { rig_new(0), server, { 0 } };

	server_start(server);
	asked.target = rig_target(1, server->port);
	asked.target.kind = kind;
	asked.target.how = how;
	asked.target.params.timeout_ms = timeout_ms;
	asked.target.params.rise = 1;
	asked.target.params.fall = 1;
	rig_add(asked.rig, &asked.target);
	return asked;
}

static void becomes(struct asked *asked, enum health_state state,
		    const char *reason)
{
	const struct seen *s = rig_wait_event(asked->rig, 1, state, SOON);

	contains(s->status.reason, reason);
}

static void asked_end(struct asked *asked)
{
	rig_free(asked->rig);
	server_stop(asked->server);
}

/* Asks until the state is known. */
static void ask_once(enum health_kind kind, struct health_how how,
		     uint32_t timeout_ms, struct server *server,
		     enum health_state state, const char *reason)
{
	struct asked asked = ask(kind, how, timeout_ms, server);

	becomes(&asked, state, reason);
	asked_end(&asked);
}

static void host_and_path_are_asked_for(void **state)
{
	const struct health_how named = { .path = "/ready?full=1",
					  .host = "shop.example:81" };
	struct server server = { .says = OK };
	char request[128];

	(void)state;
	ask_once(HEALTH_HTTP, named, PATIENT, &server, HEALTH_UP, ": HTTP 200");
	assert_int_equal(
		strncmp(server.heard, "GET /ready?full=1 HTTP/1.1\r\n", 28), 0);
	contains(server.heard, "\r\nHost: shop.example:81\r\n");
	contains(server.heard, "\r\nConnection: close\r\n");
	contains(server.heard, "\r\n\r\n");

	/* Without a name it is the address; the port, if it is another's. */
	server = (struct server){ .says = OK };
	ask_once(HEALTH_HTTP, (struct health_how){ 0 }, PATIENT, &server,
		 HEALTH_UP, ": HTTP 200");
	(void)snprintf(request, sizeof(request),
		       "GET / HTTP/1.1\r\nHost: 10.77.0.11:%u\r\n",
		       server.port);
	contains(server.heard, request);
}

static void the_status_decides(void **state)
{
	static const struct {
		const char *says;
		enum health_state state;
		const char *reason;
	} answers[] = {
		{ "HTTP/1.1 200\r\n\r\n", HEALTH_UP, "HTTP 200" },
		{ "HTTP/1.0 299 x\r\n\r\n", HEALTH_UP, "HTTP 299" },
		{ "HTTP/1.1 300 x\r\n\r\n", HEALTH_DOWN,
		  "HTTP 300, wanted 200 to 299" },
		{ "HTTP/1.1 500 x\r\n\r\n", HEALTH_DOWN, "HTTP 500" },
		{ "HTTP/1.1 599 x\r\n\r\n", HEALTH_DOWN, "HTTP 599" },
		{ "HTTP/1.1 600 x\r\n\r\n", HEALTH_DOWN, "is no HTTP" },
		{ "HTTP/2.0 200\r\n", HEALTH_DOWN, "is no HTTP" },
		{ "ICY 200 OK\r\n", HEALTH_DOWN, "\"ICY 200 OK\" is no HTTP" },
		{ "\r\n", HEALTH_DOWN, "\"\" is no HTTP" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		struct server server = { .says = answers[i].says };

		ask_once(HEALTH_HTTP, (struct health_how){ 0 }, PATIENT,
			 &server, answers[i].state, answers[i].reason);
	}
}

static bool has_heard(struct rig *rig, void *arg)
{
	const struct server *server = arg;

	(void)rig;
	return server->n_heard >= 5;
}

static void redirects_are_not_followed(void **state)
{
	struct server server = {
		.says = "HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n",
	};
	const struct health_how how = { .path = "/ready" };
	struct asked asked = ask(HEALTH_HTTP, how, PATIENT, &server);

	(void)state;
	becomes(&asked, HEALTH_DOWN, "HTTP 302, wanted 200 to 299");
	rig_wait(asked.rig, has_heard, &server, SOON);
	assert_int_equal(rig_status(asked.rig, 1).state, HEALTH_DOWN);
	asked_end(&asked);
	contains(server.heard, "GET /ready ");
}

static void an_answer_may_come_in_pieces(void **state)
{
	struct server status = {
		.says = "HT" PAUSE "TP/1.1" PAUSE " 20" PAUSE "4" PAUSE " no",
	};
	struct server words = { .says = "+P" PAUSE "O" PAUSE "NG\r\n" };
	struct server cut = { .manner = MANNER_CLOSES, .says = "HTTP/1.1 20" };
	struct server chunks = {
		.says = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			"3\r\nnot" PAUSE "\r\n5\r\n read\r\n0\r\n\r\n",
	};
	const struct health_how ping = { .send = BYTES("PING\r\n"),
					 .expect = BYTES("+PONG") };

	(void)state;
	ask_once(HEALTH_HTTP, (struct health_how){ 0 }, PATIENT, &status,
		 HEALTH_UP, "HTTP 204");
	ask_once(HEALTH_TCP_ANSWER, ping, PATIENT, &words, HEALTH_UP,
		 "answered as expected");
	ask_once(HEALTH_HTTP, (struct health_how){ 0 }, PATIENT, &cut,
		 HEALTH_DOWN, "connected, closed before an answer");
	ask_once(HEALTH_HTTP, (struct health_how){ 0 }, PATIENT, &chunks,
		 HEALTH_UP, "HTTP 200");
}

/* The first 4 KiB count, to the byte. */
static void what_is_expected_may_come_late(void **state)
{
	const struct health_how how = { .send = BYTES("x"),
					.expect = BYTES("needle") };
	static char text[5000];
	struct server server;
	size_t at;

	(void)state;
	for (at = 4089; at <= 4091; at++) {
		memset(text, '-', sizeof(text) - 1);
		/* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
		memcpy(text + at, "needle", 6);
		server = (struct server){ .says = text };
		ask_once(HEALTH_TCP_ANSWER, how, PATIENT, &server,
			 at + 6 <= 4096 ? HEALTH_UP : HEALTH_DOWN,
			 at + 6 <= 4096 ? "answered as expected" :
					  "does not have \"needle\"");
	}
}

/* Who sends forever gets no more of our time than who is silent. */
static void slow_and_endless_answers_are_cut(void **state)
{
	struct server drip = {
		.says = "H" PAUSE "T" PAUSE "T" PAUSE "P" PAUSE "/" PAUSE "1"
			"." PAUSE "1" PAUSE " " PAUSE "2" PAUSE "0" PAUSE "0",
	};
	struct server silent = { .manner = MANNER_IS_SILENT };
	static char header[200000];
	struct server huge = { .says = header };
	struct asked asked;

	(void)state;
	ask_once(HEALTH_HTTP, (struct health_how){ 0 }, 150, &drip, HEALTH_DOWN,
		 "connected, no answer in 150 ms");
	ask_once(HEALTH_HTTP, (struct health_how){ 0 }, 150, &silent,
		 HEALTH_DOWN, "connected, no answer in 150 ms");

	memset(header, 'x', sizeof(header) - 1);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(header, "HTTP/1.1 200 OK\r\nX: ", 20);
	asked = ask(HEALTH_HTTP, (struct health_how){ 0 }, PATIENT, &huge);
	becomes(&asked, HEALTH_UP, "HTTP 200");
	/* What was not read of one answer is not the beginning of the next. */
	rig_wait(asked.rig, has_heard, &huge, SOON);
	assert_int_equal(rig_status(asked.rig, 1).n_failures, 0);
	asked_end(&asked);
}

static void it_hangs_up(void **state)
{
	struct server server = { .manner = MANNER_HANGS_UP };

	(void)state;
	ask_once(HEALTH_HTTP, (struct health_how){ 0 }, PATIENT, &server,
		 HEALTH_DOWN, "connection reset");
}

static struct health_how verified(const char *sni)
{
	return (struct health_how){
		.path = "/ready",
		.host = "www.shop.example",
		.sni = sni,
		.ca_file = pki.ca_file,
		.verify = true,
	};
}

/* One HTTPS server with that certificate, one question. */
static void ask_tls(struct health_how how, struct identity identity,
		    enum health_state state, const char *reason)
{
	struct server server = { .says = OK, .tls = identity_serve(&identity) };

	identity_free(&identity);
	ask_once(HEALTH_HTTPS, how, PATIENT, &server, state, reason);
	if (state == HEALTH_UP) {
		contains(server.heard, "GET /ready HTTP/1.1\r\n"
				       "Host: www.shop.example\r\n");
		assert_string_equal(server.sni, how.sni ? how.sni : "");
	} else {
		/* Nothing was said to a server that is not believed. */
		assert_int_equal(server.n_heard, 0);
	}
}

static void certificates_are_looked_at(void **state)
{
	const char *name = "shop.example";
	struct identity *by = &pki.signer;
	struct identity stranger = identity_new("other.ca", NULL, -9, 999);

	(void)state;
	ask_tls(verified(name), identity_new(name, by, -9, 999), HEALTH_UP,
		": HTTP 200 in ");
	ask_tls(verified("a.shop.example"),
		identity_new("*.shop.example", by, -9, 999), HEALTH_UP,
		": HTTP 200 in ");
	ask_tls(verified(name), identity_new(name, by, -999, -9), HEALTH_DOWN,
		": TLS: certificate has expired, 1 of 1 failures");
	ask_tls(verified(name), identity_new(name, by, 99, 999), HEALTH_DOWN,
		": TLS: certificate is not yet valid");
	ask_tls(verified("bank.example"), identity_new(name, by, -9, 999),
		HEALTH_DOWN, ": TLS: certificate is for another name");
	ask_tls(verified(name), identity_new(name, NULL, -9, 999), HEALTH_DOWN,
		": TLS: self-signed certificate");
	ask_tls(verified(name), identity_new(name, &stranger, -9, 999),
		HEALTH_DOWN, ": TLS: certificate is by an unknown signer");
	identity_free(&stranger);
}

static void without_verify_any_certificate_will_do(void **state)
{
	struct health_how how = verified("bank.example");

	(void)state;
	how.verify = false;
	ask_tls(how, identity_new("shop.example", NULL, -999, -9), HEALTH_UP,
		": HTTP 200 in ");
	how.sni = NULL;
	ask_tls(how, identity_new("shop.example", NULL, -999, -9), HEALTH_UP,
		": HTTP 200 in ");
}

/* Without a name nothing can be verified: refused, not believed. */
static void verify_needs_a_name(void **state)
{
	struct rig *rig = rig_new(0);
	struct health_target t = rig_target(1, 443);

	(void)state;
	t.kind = HEALTH_HTTPS;
	t.how.verify = true;
	assert_int_equal(health_add(rig->h, &t), -EINVAL);
	t.how.sni = "shop.example";
	assert_int_equal(health_add(rig->h, &t), 0);
	rig_free(rig);
}

static void a_handshake_has_to_come_to_an_end(void **state)
{
	struct health_how how = verified("shop.example");
	struct server silent = { .manner = MANNER_IS_SILENT };
	struct server hangs_up = { .manner = MANNER_HANGS_UP };
	struct server plain = { .says = "HTTP/1.1 400 Bad Request\r\n\r\n" };

	(void)state;
	ask_once(HEALTH_HTTPS, how, 150, &silent, HEALTH_DOWN,
		 ": TLS handshake: no answer in 150 ms");
	ask_once(HEALTH_HTTPS, how, PATIENT, &hangs_up, HEALTH_DOWN,
		 "connection reset");
	ask_once(HEALTH_HTTPS, how, PATIENT, &plain, HEALTH_DOWN,
		 ": TLS: the answer is no TLS");
}

/* An alert, or the end of the stream, in words. */
static void a_server_may_refuse(void **state)
{
	struct health_how how = verified("shop.example");
	struct identity identity =
		identity_new("shop.example", &pki.signer, -9, 999);
	struct server server = { .says = OK };

	(void)state;
	server.tls = identity_serve(&identity);
	(void)SSL_CTX_set_cipher_list(server.tls, "PSK-AES128-GCM-SHA256");
	(void)SSL_CTX_set_max_proto_version(server.tls, TLS1_2_VERSION);
	ask_once(HEALTH_HTTPS, how, PATIENT, &server, HEALTH_DOWN,
		 ": TLS: the server refuses: handshake failure");

	server = (struct server){ .says = OK };
	server.tls = identity_serve(&identity);
	SSL_CTX_set_verify(server.tls,
			   SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   NULL);
	ask_once(HEALTH_HTTPS, how, PATIENT, &server, HEALTH_DOWN,
		 ": TLS: the server refuses: certificate required");
	identity_free(&identity);
}

static void a_server_may_close_without_goodbye(void **state)
{
	struct identity identity =
		identity_new("shop.example", &pki.signer, -9, 999);
	struct server server = { .manner = MANNER_CLOSES, .says = "HTTP/1.1" };

	(void)state;
	server.tls = identity_serve(&identity);
	ask_once(HEALTH_HTTPS, verified("shop.example"), PATIENT, &server,
		 HEALTH_DOWN, ": connected, closed before an answer");
	identity_free(&identity);
}

/* ca_file is read again when it changes, and a bad one is nobody's failure. */
static void signers_may_change(void **state)
{
	struct health_how how = verified("shop.example");
	struct identity next = identity_new("next.ca", NULL, -9, 999);
	struct identity identity = identity_new("shop.example", &next, -9, 999);
	struct server server = { .says = OK };
	char path[96];
	struct asked asked;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/next.pem", pki.dir);
	identity_save(&pki.signer, path);
	how.ca_file = path;
	server.tls = identity_serve(&identity);
	asked = ask(HEALTH_HTTPS, how, PATIENT, &server);
	becomes(&asked, HEALTH_DOWN, "by an unknown signer");
	identity_save(&next, path);
	becomes(&asked, HEALTH_UP, "HTTP 200");
	assert_int_equal(unlink(path), 0);
	while (asked.rig->n_troubles == 0)
		rig_run(asked.rig, 50);
	contains(asked.rig->trouble, "TLS: can't read ca_file");
	contains(asked.rig->trouble, "it stays up");
	asked_end(&asked);
	identity_free(&identity);
	identity_free(&next);
}

/* Time runs out at any point, again and again: nothing is left. */
static void probes_are_given_up_at_any_point(void **state)
{
	struct identity identity =
		identity_new("shop.example", &pki.signer, -9, 999);
	struct server server = { .says = OK };
	struct asked asked;
	unsigned int i;

	(void)state;
	server.tls = identity_serve(&identity);
	asked = ask(HEALTH_HTTPS, verified("shop.example"), PATIENT, &server);
	for (i = 0; i < 60; i++) {
		(void)usleep(i * 50);
		(void)event_base_loop(asked.rig->base, EVLOOP_NONBLOCK);
		(void)health_kick(asked.rig->h, 1);
	}
	becomes(&asked, HEALTH_UP, "HTTP 200");
	asked_end(&asked);
	identity_free(&identity);
}

static int make_pki(void **state)
{
	(void)state;
	(void)snprintf(pki.dir, sizeof(pki.dir), "/tmp/health_talk.XXXXXX");
	if (!mkdtemp(pki.dir))
		return -1;
	(void)snprintf(pki.ca_file, sizeof(pki.ca_file), "%s/ca.pem", pki.dir);
	pki.signer = identity_new("test.ca", NULL, -9, 999);
	identity_save(&pki.signer, pki.ca_file);
	return 0;
}

static int drop_pki(void **state)
{
	(void)state;
	identity_free(&pki.signer);
	return unlink(pki.ca_file) | rmdir(pki.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_and_path_are_asked_for),
		cmocka_unit_test(the_status_decides),
		cmocka_unit_test(redirects_are_not_followed),
		cmocka_unit_test(an_answer_may_come_in_pieces),
		cmocka_unit_test(what_is_expected_may_come_late),
		cmocka_unit_test(slow_and_endless_answers_are_cut),
		cmocka_unit_test(it_hangs_up),
		cmocka_unit_test(certificates_are_looked_at),
		cmocka_unit_test(without_verify_any_certificate_will_do),
		cmocka_unit_test(verify_needs_a_name),
		cmocka_unit_test(a_handshake_has_to_come_to_an_end),
		cmocka_unit_test(a_server_may_refuse),
		cmocka_unit_test(a_server_may_close_without_goodbye),
		cmocka_unit_test(signers_may_change),
		cmocka_unit_test(probes_are_given_up_at_any_point),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	net_open();
	return cmocka_run_group_tests(tests, make_pki, drop_pki);
}
