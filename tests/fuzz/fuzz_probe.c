/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is probed may answer anything: the first byte chooses the kind of probe,
 * the second how many bytes come at a time, what follows up to a line's end is
 * what is expected (of TCP and UDP), the rest is the answer.
 *
 * HTTP, TCP and UDP are the real probes with real sockets on the loopback
 * interface; what they find must be what a look at the whole answer finds, however
 * it was cut. A command's output goes to the reader of its last line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "health/health.h"
#include "health/http_answer.h"
#include "health/last_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LOOKED_AT 4096 /* of an answer */
#define SENT_MAX  8192
#define TURNS	  100000

static struct {
	struct event_base *base;
	struct health *health;
	int tcp, udp;
	uint16_t tcp_port, udp_port;
	enum health_state state;
	char reason[HEALTH_REASON_SIZE];
} rig;

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void on_state(uint64_t id, enum health_state old,
		     const struct health_status *status, void *arg)
{
	(void)id;
	(void)old;
	(void)arg;
	rig.state = status->state;
	memcpy(rig.reason, status->reason, sizeof(rig.reason));
}

static void on_trouble(int err, const char *text, void *arg)
{
	(void)err;
	(void)text;
	(void)arg;
	abort();
}

static int serve(int type, uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	must(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	must(type == SOCK_DGRAM || listen(fd, 16) == 0);
	must(getsockname(fd, (struct sockaddr *)&at, &size) == 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static void start(void)
{
	const struct health_hooks hooks = { on_state, on_trouble, NULL };
	const struct health_limits limits = { 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	rig.base = event_base_new();
	must(rig.base != NULL);
	must(health_open(rig.base, &limits, &hooks, &rig.health) == 0);
	rig.tcp = serve(SOCK_STREAM, &rig.tcp_port);
	rig.udp = serve(SOCK_DGRAM, &rig.udp_port);
}

static void turn(void)
{
	must(event_base_loop(rig.base, EVLOOP_NONBLOCK) >= 0);
}

/* It is shown to people: nothing in it disturbs a terminal. */
static void check_reason(void)
{
	const char *c;

	must(strnlen(rig.reason, sizeof(rig.reason)) < sizeof(rig.reason));
	for (c = rig.reason; *c; c++)
		must(*c >= ' ' && *c <= '~');
}

/* One that is not up is asked anew soon: what the last input left of that. */
static void forget(void)
{
	char asked[16];
	int fd;

	while ((fd = accept4(rig.tcp, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		(void)close(fd);
	while (recv(rig.udp, asked, sizeof(asked), 0) >= 0)
		;
}

static void ask(enum health_kind kind, struct health_bytes expect)
{
	struct health_target t = {
		.id = 1,
		.kind = kind,
		.addr = { { 0, 0, htonl(0xffff), htonl(INADDR_LOOPBACK) } },
		.port = kind == HEALTH_UDP ? rig.udp_port : rig.tcp_port,
		.how = { .send = { "?", 1 }, .expect = expect },
		.params = { .interval_ms = 3600000,
			    .timeout_ms = 60000,
			    .rise = 1,
			    .fall = 1 },
	};

	forget();
	rig.state = HEALTH_UNKNOWN;
	must(health_add(rig.health, &t) == 0);
	/* At once, and not when the wheel has turned. */
	must(health_kick(rig.health, 1) == 0);
}

static void answer_tcp(const char *data, size_t size, size_t piece)
{
	int turns, fd = -1;
	size_t done = 0;

	for (turns = 0; fd < 0 && turns < TURNS; turns++) {
		turn();
		fd = accept4(rig.tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	must(fd >= 0);
	for (turns = 0; done < size && rig.state == HEALTH_UNKNOWN; turns++) {
		size_t some = size - done < piece ? size - done : piece;
		ssize_t n = send(fd, data + done, some, MSG_NOSIGNAL);

		must(turns < TURNS);
		if (n > 0)
			done += (size_t)n;
		turn();
	}
	(void)shutdown(fd, SHUT_WR);
	for (turns = 0; rig.state == HEALTH_UNKNOWN; turns++) {
		must(turns < TURNS);
		turn();
	}
	(void)close(fd);
}

static void answer_udp(const char *data, size_t size)
{
	struct sockaddr_in from;
	socklen_t from_size = sizeof(from);
	char asked[16];
	int turns;

	for (turns = 0; recvfrom(rig.udp, asked, sizeof(asked), 0,
				 (struct sockaddr *)&from, &from_size) != 1;
	     turns++) {
		must(turns < TURNS);
		turn();
	}
	must(sendto(rig.udp, data, size, 0, (struct sockaddr *)&from,
		    from_size) == (ssize_t)size);
	for (turns = 0; rig.state == HEALTH_UNKNOWN; turns++) {
		must(turns < TURNS);
		turn();
	}
}

static bool has(const char *data, size_t size, struct health_bytes expect)
{
	size_t i;

	for (i = 0; i + expect.len <= size; i++)
		if (memcmp(data + i, expect.data, expect.len) == 0)
			return true;
	return false;
}

/* Once it is decided more bytes decide nothing else. */
static bool is_healthy_http(const char *data, size_t size)
{
	int status, first = -1;
	size_t n;

	for (n = 0; n <= size && n < 64; n++) {
		status = http_answer_status(data, n);
		must(status == -EAGAIN || status == -EPROTO ||
		     (status >= 100 && status <= 599));
		if (first == -1 && status != -EAGAIN)
			first = status;
		must(first == -1 || status == first);
	}
	return first >= 200 && first <= 299;
}

static void probe(enum health_kind kind, struct health_bytes expect,
		  const char *data, size_t size, size_t piece)
{
	size_t seen = size < LOOKED_AT ? size : LOOKED_AT;
	bool up;

	if (!rig.base)
		start();
	if (kind == HEALTH_UDP)
		size = seen;
	ask(kind, expect);
	if (kind == HEALTH_UDP)
		answer_udp(data, size);
	else
		answer_tcp(data, size, piece);
	up = kind == HEALTH_HTTP ? is_healthy_http(data, seen) :
				   expect.len == 0 || has(data, seen, expect);
	must(rig.state == (up ? HEALTH_UP : HEALTH_DOWN));
	check_reason();
	must(health_remove(rig.health, 1) == 0);
}

static bool is_end(char c)
{
	return c == '\n' || c == '\r';
}

static char shown(char c)
{
	if (c == '\t')
		return ' ';
	if (c < ' ' || c > '~')
		return '.';
	return c;
}

/* A line, without blanks at its ends, cleaned and cut. Return: its length. */
static size_t show_line(const char *data, size_t size, char *ret_line)
{
	size_t n;

	while (size > 0 && shown(*data) == ' ') {
		data++;
		size--;
	}
	for (n = 0; n < size && n < LAST_LINE_SIZE - 1; n++)
		ret_line[n] = shown(data[n]);
	while (n > 0 && ret_line[n - 1] == ' ')
		n--;
	ret_line[n] = '\0';
	return n;
}

/* The last line that has more than blanks, looked for from the end. */
static void model_last_line(const char *data, size_t size, char *ret_line)
{
	size_t begin, end = size;

	ret_line[0] = '\0';
	while (end > 0) {
		begin = end;
		while (begin > 0 && !is_end(data[begin - 1]))
			begin--;
		if (show_line(data + begin, end - begin, ret_line) || !begin)
			return;
		end = begin - 1;
	}
}

static void read_output(const char *data, size_t size, size_t piece)
{
	char line[LAST_LINE_SIZE], model[LAST_LINE_SIZE];
	struct last_line l = { 0 };
	size_t done, some;

	for (done = 0; done < size; done += some) {
		some = size - done < piece ? size - done : piece;
		last_line_feed(&l, data + done, some);
	}
	last_line_get(&l, line);
	model_last_line(data, size, model);
	must(strcmp(line, model) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum health_kind kinds[] = { HEALTH_HTTP,
						  HEALTH_TCP_ANSWER, HEALTH_UDP,
						  HEALTH_EXEC };
	struct health_bytes expect = { 0 };
	enum health_kind kind;
	const char *text;
	const char *end;
	size_t piece;

	if (size < 2)
		return 0;
	kind = kinds[data[0] % ARRAY_SIZE(kinds)];
	piece = (size_t)data[1] + 1;
	text = (const char *)data + 2;
	size -= 2;
	end = memchr(text, '\n', size);
	if ((kind == HEALTH_TCP_ANSWER || kind == HEALTH_UDP) && end) {
		expect = (struct health_bytes){ text, (size_t)(end - text) };
		size -= expect.len + 1;
		text = end + 1;
	}
	if (size > SENT_MAX)
		size = SENT_MAX;
	if (kind == HEALTH_EXEC)
		read_output(text, size, piece);
	else
		probe(kind, expect, text, size, piece);
	return 0;
}
