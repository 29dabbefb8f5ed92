// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes by datagrams, against a real socket that answers as the test says, over
 * IPv4 and IPv6.
 */
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "health_net.h"

#define SOON	10000
#define PATIENT 3000
#define PORT	53

/**
 * struct server - it, on the loop of the probes.
 * @fd: its socket.
 * @on_packet: that.
 * @says: its answer; len 0 and data set = an empty one, data NULL = none.
 * @is_late: who asked before is answered instead.
 * @n_heard: datagrams so far.
 * @heard: the last of them, @n_bytes.
 * @last: who sent it.
 */
struct server {
	int fd;
	struct event *on_packet;
	struct health_bytes says;
	bool is_late;
	unsigned int n_heard;
	char heard[2048];
	size_t n_bytes;
	struct sockaddr_in6 last;
};

/**
 * struct asked - one target, one server.
 */
struct asked {
	struct rig *rig;
	struct server server;
	struct health_target target;
};

static void contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void answer(const struct server *s, const struct sockaddr_in6 *to)
{
	assert_int_equal(sendto(s->fd, s->says.data, s->says.len, 0,
				(const struct sockaddr *)to, sizeof(*to)),
			 s->says.len);
}

static void on_packet(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	struct sockaddr_in6 before = s->last;
	socklen_t size = sizeof(s->last);
	ssize_t n = recvfrom(fd, s->heard, sizeof(s->heard), 0,
			     (struct sockaddr *)&s->last, &size);

	(void)what;
	if (n < 0)
		return;
	s->n_bytes = (size_t)n;
	s->n_heard++;
	if (s->says.data && !s->is_late)
		answer(s, &s->last);
	else if (s->says.data && s->n_heard > 1)
		answer(s, &before);
}

static struct asked *ask(const char *addr, struct health_how how,
			 struct health_bytes says)
{
	struct asked *asked = calloc(1, sizeof(*asked));

	assert_non_null(asked);
	asked->rig = rig_new(0);
	asked->server.says = says;
	asked->server.fd = net_datagrams(PORT);
	asked->server.on_packet = event_new(asked->rig->base, asked->server.fd,
					    EV_READ | EV_PERSIST, on_packet,
					    &asked->server);
	assert_non_null(asked->server.on_packet);
	assert_int_equal(event_add(asked->server.on_packet, NULL), 0);
	asked->target = rig_target(1, PORT);
	asked->target.kind = HEALTH_UDP;
	asked->target.how = how;
	if (addr)
		asked->target.addr = net_v6(addr);
	asked->target.params.rise = 1;
	asked->target.params.fall = 1;
	rig_add(asked->rig, &asked->target);
	return asked;
}

static void becomes(struct asked *asked, enum health_state state,
		    const char *reason)
{
	contains(rig_wait_event(asked->rig, 1, state, SOON)->status.reason,
		 reason);
}

static void asked_end(struct asked *asked)
{
	event_free(asked->server.on_packet);
	(void)close(asked->server.fd);
	rig_free(asked->rig);
	free(asked);
}

/* A question of DNS and its answer, with all their zeroes. */
#define QUESTION                                                       \
	"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04shop\x00" \
	"\x00\x01\x00\x01"
#define ANSWER "\x12\x34\x81\x80\x00\x01\x00\x01rest"

static const struct health_how dns = { .send = BYTES(QUESTION),
				       .expect = BYTES("\x81\x80\x00\x01") };

static void the_answer_decides(void **state)
{
	static const struct {
		struct health_bytes expect;
		struct health_bytes says;
		enum health_state state;
		const char *reason;
	} cases[] = {
		{ BYTES("\x81\x80\x00\x01"), BYTES(ANSWER), HEALTH_UP,
		  "udp 10.77.0.11:53: answered as expected in " },
		{ BYTES(""), BYTES("x"), HEALTH_UP, ": answered in " },
		{ BYTES(""), BYTES(""), HEALTH_UP, ": answered in " },
		{ BYTES("ready"), BYTES("not\x1b yet"), HEALTH_DOWN,
		  ": answer \"not. yet\" does not have \"ready\", 1 of 1" },
		{ BYTES("ready"), BYTES(""), HEALTH_DOWN,
		  ": answer \"\" does not have \"ready\"" },
		{ BYTES("a\0b"), BYTES("a\0c"), HEALTH_DOWN,
		  ": answer \"a.c\" does not have \"a.b\"" },
		{ BYTES("ready"),
		  { NULL, 0 },
		  HEALTH_DOWN,
		  ": no answer in 100 ms, 1 of 1 failures" },
	};
	struct asked *asked;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct health_how how = dns;

		how.expect = cases[i].expect;
		asked = ask(NULL, how, cases[i].says);
		becomes(asked, cases[i].state, cases[i].reason);
		assert_int_equal(asked->server.n_bytes, sizeof(QUESTION) - 1);
		assert_memory_equal(asked->server.heard, QUESTION,
				    sizeof(QUESTION) - 1);
		asked_end(asked);
	}
}

static void ipv6_is_no_exception(void **state)
{
	struct asked *asked =
		ask("fd77::11", dns, (struct health_bytes)BYTES(ANSWER));

	(void)state;
	becomes(asked, HEALTH_UP,
		"udp [fd77::11]:53: answered as expected in ");
	event_free(asked->server.on_packet);
	(void)close(asked->server.fd);
	becomes(asked, HEALTH_DOWN, "udp [fd77::11]:53: port unreachable, ");
	rig_free(asked->rig);
	free(asked);
}

/* What a machine without a server says counts at once, the timeout is not
 * waited for. */
static void a_refusal_is_known_at_once(void **state)
{
	struct rig *rig = rig_new(0);
	struct health_target t = rig_target(1, PORT + 1);
	uint64_t start_ms = net_now_ms();
	const struct seen *s;

	(void)state;
	t.kind = HEALTH_UDP;
	t.how = dns;
	t.params.timeout_ms = PATIENT;
	t.params.fall = 1;
	rig_add(rig, &t);
	s = rig_wait_event(rig, 1, HEALTH_DOWN, SOON);
	assert_string_equal(s->status.reason, "udp 10.77.0.11:54: port "
					      "unreachable, 1 of 1 failures");
	assert_in_range(s->at_ms - start_ms, 0, PATIENT / 2);
	rig_free(rig);
}

/* The answer to one question is none to the next. */
static void a_late_answer_is_none(void **state)
{
	struct asked *asked =
		ask(NULL, dns, (struct health_bytes)BYTES(ANSWER));

	(void)state;
	asked->server.is_late = true;
	becomes(asked, HEALTH_DOWN, ": no answer in 100 ms");
	while (asked->server.n_heard < 5)
		rig_run(asked->rig, 50);
	assert_int_equal(rig_status(asked->rig, 1).state, HEALTH_DOWN);
	asked->server.is_late = false;
	becomes(asked, HEALTH_UP, ": answered as expected in ");
	asked_end(asked);
}

/* Nobody else's datagram is an answer, whatever it says. */
static void only_the_target_answers(void **state)
{
	struct asked *asked = ask(NULL, dns, (struct health_bytes){ NULL, 0 });
	struct server liar = { .fd = net_datagrams(PORT + 2),
			       .says = BYTES(ANSWER) };

	(void)state;
	while (asked->server.n_heard < 3) {
		rig_run(asked->rig, 20);
		if (asked->server.n_heard)
			answer(&liar, &asked->server.last);
	}
	assert_int_equal(rig_status(asked->rig, 1).state, HEALTH_DOWN);
	(void)close(liar.fd);
	asked_end(asked);
}

static void no_route_is_told(void **state)
{
	struct rig *rig = rig_new(0);
	struct health_target t = rig_target(1, PORT);

	(void)state;
	t.kind = HEALTH_UDP;
	t.how = dns;
	t.addr = net_v4(0xc0000201);
	t.params.fall = 1;
	rig_add(rig, &t);
	contains(rig_wait_event(rig, 1, HEALTH_DOWN, SOON)->status.reason,
		 "udp 192.0.2.1:53: no route to its network");
	rig_free(rig);
}

/* Its sockets go: thousands of probes leave nothing open. */
static void nothing_is_left_open(void **state)
{
	struct asked *asked =
		ask(NULL, dns, (struct health_bytes)BYTES(ANSWER));
	int before, after, i;

	(void)state;
	becomes(asked, HEALTH_UP, "answered");
	before = dup(STDIN_FILENO);
	(void)close(before);
	for (i = 0; i < 50; i++) {
		(void)health_kick(asked->rig->h, 1);
		rig_run(asked->rig, 5);
	}
	after = dup(STDIN_FILENO);
	(void)close(after);
	assert_in_range(after, 0, before + 1);
	asked_end(asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_decides),
		cmocka_unit_test(ipv6_is_no_exception),
		cmocka_unit_test(a_refusal_is_known_at_once),
		cmocka_unit_test(a_late_answer_is_none),
		cmocka_unit_test(only_the_target_answers),
		cmocka_unit_test(no_route_is_told),
		cmocka_unit_test(nothing_is_left_open),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	net_open();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
