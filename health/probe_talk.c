// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes that speak: connect, perhaps TLS, say something, judge the answer.
 *
 * The three kinds differ in what they say and in how they judge. None reads
 * more than it takes to judge, at most ANSWER_MAX bytes, and the connection is
 * reset then: no TIME_WAIT stays behind, nor a server that sends on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "health/connect.h"
#include "health/how.h"
#include "health/http_answer.h"
#include "health/tls.h"

#define ANSWER_MAX 4096

enum stage {
	STAGE_CONNECT,
	STAGE_TLS,
	STAGE_SAY,
	STAGE_HEAR,
};

/**
 * struct talk - a probe under way.
 * @sock: its socket.
 * @stage: what is being done.
 * @tls: of HTTPS, else NULL.
 * @say: what is said, @n_say bytes, @n_said of them so far.
 * @heard: the answer so far, @n_heard bytes.
 */
struct talk {
	struct sock *sock;
	enum stage stage;
	struct tls *tls;
	char *say;
	size_t n_say, n_said;
	char *heard;
	size_t n_heard;
};

static void talk_stop(struct probe *p)
{
	struct talk *talk = p->state;

	tls_free(talk->tls);
	if (talk->sock)
		sockets_give(talk->sock);
	free(talk->say);
	free(talk->heard);
	*talk = (struct talk){ 0 };
}

static enum probe_result failed(struct probe *p, const char *text)
{
	p->err = EPROTO;
	(void)snprintf(p->detail, sizeof(p->detail), "%s", text);
	return PROBE_FAILED;
}

static struct health_bytes heard_of(const struct talk *talk)
{
	return (struct health_bytes){ talk->heard, talk->n_heard };
}

static enum probe_result judge_http(struct probe *p, bool is_over)
{
	const struct talk *talk = p->state;
	const struct health_bytes heard = heard_of(talk);
	char said[PROBE_QUOTE_SIZE];
	int status = http_answer_status(talk->heard, talk->n_heard);

	if (status == -EAGAIN && !is_over)
		return PROBE_PENDING;
	if (status == -EAGAIN)
		return failed(p, "connected, closed before an answer");
	probe_quote(&heard, said);
	if (status < 0) {
		(void)snprintf(p->detail, sizeof(p->detail),
			       "answer \"%s\" is no HTTP", said);
		p->err = EPROTO;
		return PROBE_FAILED;
	}
	p->err = 0;
	if (how_wants(&p->target->how, status)) {
		(void)snprintf(p->detail, sizeof(p->detail), "HTTP %d", status);
		return PROBE_OK;
	}
	if (p->target->how.n_status)
		(void)snprintf(p->detail, sizeof(p->detail),
			       "HTTP %d, wanted %u%s", status,
			       p->target->how.status[0],
			       p->target->how.n_status > 1 ? " or others" : "");
	else
		(void)snprintf(p->detail, sizeof(p->detail),
			       "HTTP %d, wanted 200 to 299", status);
	return PROBE_FAILED;
}

static enum probe_result judge_tcp(struct probe *p, bool is_over)
{
	const struct talk *talk = p->state;
	const struct health_bytes heard = heard_of(talk);

	if (probe_expects(&p->target->how, &heard)) {
		p->err = 0;
		(void)snprintf(p->detail, sizeof(p->detail), "%s",
			       p->target->how.expect.len ?
				       "answered as expected" :
				       "connected and said");
		return PROBE_OK;
	}
	if (!is_over && talk->n_heard < ANSWER_MAX)
		return PROBE_PENDING;
	if (talk->n_heard == 0)
		return failed(p, "connected, closed before an answer");
	return probe_unexpected(p, &heard);
}

static bool is_tcp(const struct probe *p)
{
	return p->target->kind == HEALTH_TCP_ANSWER;
}

static enum probe_result judge(struct probe *p, bool is_over)
{
	return is_tcp(p) ? judge_tcp(p, is_over) : judge_http(p, is_over);
}

static ssize_t io(struct talk *talk, bool is_send, char *data, size_t size)
{
	ssize_t n;

	if (talk->tls)
		return tls_io(talk->tls, is_send, data, size);
	n = is_send ? send(talk->sock->fd, data, size, MSG_NOSIGNAL) :
		      recv(talk->sock->fd, data, size, 0);
	return n < 0 ? -errno : n;
}

static enum probe_result lost(struct probe *p, int err)
{
	const struct talk *talk = p->state;

	if (talk->tls && err == EPROTO) {
		tls_reason(talk->tls, p->detail, sizeof(p->detail));
		p->err = err;
		return PROBE_FAILED;
	}
	return connect_fail(p, err);
}

static enum probe_result hear(struct probe *p)
{
	struct talk *talk = p->state;
	enum probe_result result;
	ssize_t n;

	/* A server may speak first; what is expected may be "" there. */
	do {
		n = io(talk, false, talk->heard + talk->n_heard,
		       ANSWER_MAX - talk->n_heard);
		if (n == -EAGAIN)
			return PROBE_PENDING;
		if (n < 0)
			return lost(p, (int)-n);
		talk->n_heard += (size_t)n;
		result = judge(p, n == 0);
	} while (result == PROBE_PENDING);
	return result;
}

static enum probe_result say(struct probe *p)
{
	struct talk *talk = p->state;
	ssize_t n;

	while (talk->n_said < talk->n_say) {
		n = io(talk, true, talk->say + talk->n_said,
		       talk->n_say - talk->n_said);
		if (n == -EAGAIN)
			return PROBE_PENDING;
		if (n < 0)
			return lost(p, (int)-n);
		talk->n_said += (size_t)n;
	}
	talk->stage = STAGE_HEAR;
	if (is_tcp(p) && !p->target->how.expect.len)
		return judge(p, false);
	/* What comes in later is told. TLS may have read it already. */
	return talk->sock->may_read || talk->tls ? hear(p) : PROBE_PENDING;
}

static enum probe_result shake_hands(struct probe *p)
{
	struct talk *talk = p->state;
	int r = tls_handshake(talk->tls);

	if (r == -EAGAIN)
		return PROBE_PENDING;
	if (r < 0)
		return lost(p, -r);
	p->late = NULL;
	talk->stage = STAGE_SAY;
	return say(p);
}

static enum probe_result connected(struct probe *p)
{
	const struct health_how *how = &p->target->how;
	struct talk *talk = p->state;
	enum probe_result result = connect_finish(p, talk->sock);

	if (result != PROBE_OK)
		return result;
	p->latency_us = 0; /* that of the answer counts */
	talk->stage = STAGE_SAY;
	p->late = "connected, no answer";
	/* Who says nothing sends the ACK that connect.c holds back. */
	if (talk->n_say == 0)
		(void)setsockopt(talk->sock->fd, IPPROTO_TCP, TCP_QUICKACK,
				 &(int){ 1 }, sizeof(int));
	if (p->target->kind != HEALTH_HTTPS)
		return say(p);

	talk->stage = STAGE_TLS;
	p->late = "TLS handshake: no answer";
	talk->tls = tls_new(talk->sock->fd, how->verify ? how->sni : NULL,
			    how->sni, how->ca_file, p->detail,
			    sizeof(p->detail));
	if (!talk->tls) {
		p->err = EIO;
		return PROBE_BLIND;
	}
	return shake_hands(p);
}

static enum probe_result go_on(struct probe *p)
{
	const struct talk *talk = p->state;

	switch (talk->stage) {
	case STAGE_CONNECT:
		return connected(p);
	case STAGE_TLS:
		return shake_hands(p);
	case STAGE_SAY:
		return say(p);
	case STAGE_HEAR:
		return hear(p);
	}
	return PROBE_PENDING;
}

static void on_ready(struct probe *p)
{
	enum probe_result result = go_on(p);

	if (result == PROBE_PENDING)
		return;
	talk_stop(p);
	p->done(p, result);
}

/* "10.77.0.11:8080", "[fd00::1]"; the scheme's own port is left out. */
static void print_host(const struct health_target *t, char *buf, size_t size)
{
	const struct ip_addr *ip = t->shown.word[3] ? &t->shown : &t->addr;
	bool v4 = IP_IS_V4(*ip);
	char addr[INET6_ADDRSTRLEN] = "?", port[8] = "";

	(void)inet_ntop(v4 ? AF_INET : AF_INET6,
			v4 ? (const void *)&ip->word[3] : ip->word, addr,
			sizeof(addr));
	if (t->port != (t->kind == HEALTH_HTTPS ? 443 : 80))
		(void)snprintf(port, sizeof(port), ":%u", t->port);
	(void)snprintf(buf, size, v4 ? "%s%s" : "[%s]%s", addr, port);
}

/* What is said, for free(). */
static char *compose(const struct health_target *t, size_t *ret_len)
{
	const struct health_how *how = &t->how;
	char host[INET6_ADDRSTRLEN + 10], *text = NULL;
	int len;

	if (t->kind == HEALTH_TCP_ANSWER) {
		text = malloc(how->send.len + 1);
		if (text && how->send.len)
			memcpy(text, how->send.data, how->send.len);
		*ret_len = how->send.len;
		return text;
	}
	print_host(t, host, sizeof(host));
	len = asprintf(&text,
		       "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: drover\r\n"
		       "Accept: */*\r\nConnection: close\r\n\r\n",
		       how->path ? how->path : "/",
		       how->host ? how->host : host);
	if (len < 0)
		return NULL;
	*ret_len = (size_t)len;
	return text;
}

static enum probe_result talk_start(struct probe *p)
{
	struct talk *talk = p->state;
	enum probe_result result;

	*talk = (struct talk){ 0 };
	p->latency_us = 0;
	talk->say = compose(p->target, &talk->n_say);
	talk->heard = malloc(ANSWER_MAX);
	if (talk->say && talk->heard)
		result = connect_open(p, on_ready, &talk->sock);
	else
		result = connect_fail(p, ENOMEM);
	if (result == PROBE_OK)
		result = connected(p);
	if (result != PROBE_PENDING)
		talk_stop(p);
	return result;
}

#define TALK(function, shown)                              \
	const struct probe_kind *function(void)            \
	{                                                  \
		static const struct probe_kind kind = {    \
			.name = (shown),                   \
			.state_size = sizeof(struct talk), \
			.start = talk_start,               \
			.stop = talk_stop,                 \
		};                                         \
                                                           \
		return &kind;                              \
	}

TALK(probe_tcp_answer, "tcp")
TALK(probe_http, "http")
TALK(probe_https, "https")
