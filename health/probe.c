// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of kinds of probes; errors and answers in words.
 */
#include "health/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct probe_kind *probe_kind_find(enum health_kind kind)
{
	static const struct probe_kind *(*const kinds[])(void) = {
		[HEALTH_TCP] = probe_tcp,
		[HEALTH_TCP_ANSWER] = probe_tcp_answer,
		[HEALTH_HTTP] = probe_http,
		[HEALTH_HTTPS] = probe_https,
		[HEALTH_UDP] = probe_udp,
		[HEALTH_EXEC] = probe_exec,
	};

	_Static_assert(ARRAY_SIZE(kinds) == HEALTH_N_KINDS, "a row a kind");
	return (size_t)kind < ARRAY_SIZE(kinds) ? kinds[kind]() : NULL;
}

const char *health_kind_name(enum health_kind kind)
{
	const struct probe_kind *found = probe_kind_find(kind);

	return found ? found->name : "?";
}

void probe_set_error(struct probe *p, int err)
{
	static const struct {
		int err;
		const char *text;
	} texts[] = {
		{ ECONNREFUSED, "connection refused" },
		{ ECONNRESET, "connection reset" },
		{ EHOSTUNREACH, "no route to host (no answer to ARP or ND?)" },
		{ ENETUNREACH, "no route to its network" },
		{ ETIMEDOUT, "no answer" },
		{ EMFILE, "too many open files in this process" },
		{ ENFILE, "too many open files on this machine" },
		{ ENOBUFS, "no buffer space" },
		{ ENOMEM, "out of memory" },
		{ EADDRNOTAVAIL, "no local address or port to probe from" },
		{ ENODEV, "no such interface" },
		{ EPERM, "not permitted (capability or firewall)" },
		{ EACCES, "not permitted (firewall or broadcast address)" },
		{ EAFNOSUPPORT, "address family not supported" },
	};
	const char *text = strerrordesc_np(err);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		if (texts[i].err == err)
			text = texts[i].text;
	}
	p->err = err;
	(void)snprintf(p->detail, sizeof(p->detail), "%s",
		       text ? text : "unknown error");
}

void probe_quote(const struct health_bytes *bytes, char buf[PROBE_QUOTE_SIZE])
{
	size_t i;

	for (i = 0; i < PROBE_QUOTE_SIZE - 1 && i < bytes->len; i++) {
		buf[i] = bytes->data[i];
		if (buf[i] == '\r' || buf[i] == '\n')
			break;
		if (buf[i] < ' ' || buf[i] > '~')
			buf[i] = '.';
	}
	buf[i] = '\0';
}

bool probe_expects(const struct health_how *how,
		   const struct health_bytes *answer)
{
	return how->expect.len == 0 ||
	       (answer->len > 0 && memmem(answer->data, answer->len,
					  how->expect.data, how->expect.len));
}

enum probe_result probe_unexpected(struct probe *p,
				   const struct health_bytes *answer)
{
	char said[PROBE_QUOTE_SIZE], wanted[PROBE_QUOTE_SIZE];

	probe_quote(answer, said);
	probe_quote(&p->target->how.expect, wanted);
	p->err = EPROTO;
	(void)snprintf(p->detail, sizeof(p->detail),
		       "answer \"%s\" does not have \"%.24s\"", said, wanted);
	return PROBE_FAILED;
}
