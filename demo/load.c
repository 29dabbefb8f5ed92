/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The demo's clients: opens connections to a service for as long as it runs,
 * without caring how the answers come (open loop), and writes down each.
 *
 * A line of JSON for each connection goes to the log when it is over:
 *
 *	{"start_ns":…,"end_ns":…,"port":…,"outcome":"answered","vm":"web-1",
 *	 "uuid":"…","placed":"UUID or empty","bytes":…,"gap_ns":…}
 *
 * and for a download another when its answer begins, with "began_ns" in place
 * of "end_ns" and without an outcome. Times are CLOCK_MONOTONIC; the first line
 * says what to add for the time of day. SIGTERM: start nothing more, wait for
 * what is under way, print the totals as JSON. sent = answered + failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "demo/conn.h"
#include "demo/place.h"

#define MAX_CONNS  1024
#define NS_PER_SEC 1000000000ULL
#define REFILL_NS  (3 * NS_PER_SEC) /* between two starts without a rate */
#define LOOK_MS	   20		    /* how often timeouts are looked for */
#define SIGNAL	   MAX_CONNS	    /* epoll tag of the signalfd */

/**
 * struct load - a run.
 * @plan: what its connections have in common.
 * @rate: new connections a second, however the others fare.
 * @n_floor: keep at least so many open.
 * @first_port, @last_port: source ports, taken in turn.
 * @next_port: next of them.
 * @place: where Drover would put a connection; NULL = not asked.
 * @log: gets the lines.
 * @start_ns: when the run began.
 * @next_ns: when the next connection is due.
 * @n_sent, @n_by: connections started, and over, by outcome.
 * @n_open: connections under way.
 * @n_open_max: the most there were at once.
 * @open_sum, @open_looks: for the mean.
 * @n_open_min: the fewest at the moment of a start, once @n_floor was reached.
 * @stopping: start no more.
 * @epoll_fd, @signal_fd: what it waits for.
 * @conns: all connections.
 */
struct load {
	struct conn_plan plan;
	uint32_t rate;
	uint32_t n_floor;
	uint16_t first_port;
	uint16_t last_port;
	uint16_t next_port;
	struct place *place;
	FILE *log;
	uint64_t start_ns;
	uint64_t next_ns;
	uint64_t n_sent;
	uint64_t n_by[CONN_OUTCOMES];
	uint32_t n_open;
	uint32_t n_open_max;
	uint32_t n_open_min;
	uint64_t open_sum;
	uint64_t open_looks;
	bool stopping;
	int epoll_fd;
	int signal_fd;
	struct conn conns[MAX_CONNS];
};

static struct load load = { .first_port = 20000, .last_port = 59999 };

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

/* What CLOCK_REALTIME is ahead of CLOCK_MONOTONIC. */
static uint64_t clock_offset_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec - now_ns();
}

static void log_began(const struct load *l, const struct conn *c)
{
	fprintf(l->log,
		"{\"start_ns\":%" PRIu64 ",\"began_ns\":%" PRIu64
		",\"port\":%u,\"vm\":\"%s\",\"uuid\":\"%s\"}\n",
		c->start_ns, now_ns(), c->port, c->vm, c->uuid);
	fflush(l->log);
}

static void log_over(const struct load *l, const struct conn *c)
{
	fprintf(l->log,
		"{\"start_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64
		",\"port\":%u,\"outcome\":\"%s\",\"vm\":\"%s\","
		"\"uuid\":\"%s\",\"placed\":\"%s\",\"bytes\":%" PRIu64
		",\"gap_ns\":%" PRIu64 "}\n",
		c->start_ns, c->end_ns, c->port, conn_outcome_name(c->outcome),
		c->vm, c->uuid, c->placed, c->got, c->gap_ns);
}

static void retire(struct load *l, struct conn *c)
{
	l->n_by[c->outcome]++;
	l->n_open--;
	log_over(l, c);
	c->state = CONN_FREE;
}

/* Bind the next free source port; those in use (TIME_WAIT) are passed over. */
static int bind_next(struct load *l, struct conn *c)
{
	uint32_t n_ports = (uint32_t)l->last_port - l->first_port + 1;
	int r = -EADDRINUSE;

	while (r == -EADDRINUSE && n_ports--) {
		r = conn_bind(c, l->next_port);
		if (l->next_port++ == l->last_port)
			l->next_port = l->first_port;
	}
	return r;
}

static int start_one(struct load *l)
{
	struct epoll_event event;
	struct conn *c = l->conns;
	int r;

	while (c < l->conns + MAX_CONNS && c->state != CONN_FREE)
		c++;
	if (c == l->conns + MAX_CONNS)
		return -ENOBUFS;
	memset(c, 0, sizeof(*c));
	c->plan = &l->plan;
	r = bind_next(l, c);
	if (r < 0)
		return r;
	event.data.u32 = (uint32_t)(c - l->conns);
	event.events = EPOLLOUT;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, c->fd, &event)) {
		r = -errno;
		close(c->fd);
		return r;
	}
	if (l->place)
		place_flow(l->place, &l->plan.source, c->port, &l->plan.target,
			   c->placed);
	l->n_sent++;
	l->n_open++;
	if (l->n_open > l->n_open_max)
		l->n_open_max = l->n_open;
	conn_start(c, now_ns());
	if (c->state == CONN_DONE)
		retire(l, c);
	return 0;
}

/* Start what is due. A run that cannot keep up is no measurement: it ends. */
static int start_due(struct load *l, uint64_t now)
{
	uint64_t step = l->rate ? NS_PER_SEC / l->rate : REFILL_NS;
	uint32_t n;
	int r = 0;

	while (!l->stopping && r == 0 && now >= l->next_ns) {
		l->next_ns += step;
		if (l->n_open_max >= l->n_floor && l->n_open < l->n_open_min)
			l->n_open_min = l->n_open;
		l->open_sum += l->n_open;
		l->open_looks++;
		n = (l->rate ? 1 : 0) + (l->n_open < l->n_floor ? 1 : 0);
		while (n-- && r == 0)
			r = start_one(l);
	}
	return r;
}

static void handle(struct load *l, struct conn *c, uint64_t now)
{
	struct epoll_event event = { .data.u32 = (uint32_t)(c - l->conns) };
	enum conn_state before = c->state;

	if (c->state == CONN_FREE)
		return;
	conn_ready(c, now);
	if (c->state == CONN_DONE) {
		retire(l, c);
		return;
	}
	if (c->state == CONN_BODY && before == CONN_HEAD &&
	    l->plan.download_bytes)
		log_began(l, c);
	event.events = conn_events(c);
	epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void check_all(struct load *l, uint64_t now)
{
	for (size_t i = 0; i < MAX_CONNS; i++) {
		conn_check(&l->conns[i], now);
		if (l->conns[i].state == CONN_DONE)
			retire(l, &l->conns[i]);
	}
}

/* ms that the loop may sleep. */
static int sleep_ms(const struct load *l, uint64_t now)
{
	uint64_t until = now + LOOK_MS * (NS_PER_SEC / 1000);

	if (!l->stopping && l->next_ns < until)
		until = l->next_ns;
	return until <= now ? 0 :
			      (int)((until - now) / (NS_PER_SEC / 1000) + 1);
}

static int run(struct load *l)
{
	struct epoll_event ready[64];
	struct signalfd_siginfo info;
	uint64_t flushed_ns = 0;
	uint64_t now;
	int r = 0;
	int n;

	l->start_ns = l->next_ns = now_ns();
	fprintf(l->log, "{\"realtime_offset_ns\":%" PRIu64 "}\n",
		clock_offset_ns());
	while (r == 0 && (!l->stopping || l->n_open)) {
		now = now_ns();
		r = start_due(l, now);
		check_all(l, now);
		if (now - flushed_ns > NS_PER_SEC / 10) {
			fflush(l->log);
			flushed_ns = now;
		}
		n = epoll_wait(l->epoll_fd, ready, ARRAY_SIZE(ready),
			       sleep_ms(l, now));
		for (int i = 0; i < n; i++) {
			if (ready[i].data.u32 != SIGNAL) {
				handle(l, &l->conns[ready[i].data.u32],
				       now_ns());
				continue;
			}
			if (read(l->signal_fd, &info, sizeof(info)) > 0)
				l->stopping = true;
		}
	}
	if (fflush(l->log) || ferror(l->log))
		r = r ? r : -EIO;
	return r;
}

static void print_totals(const struct load *l, uint64_t end_ns)
{
	double seconds = (double)(end_ns - l->start_ns) / 1e9;

	printf("{\"sent\":%" PRIu64 ",\"failed\":%" PRIu64, l->n_sent,
	       l->n_sent - l->n_by[CONN_ANSWERED]);
	for (int i = 0; i < CONN_OUTCOMES; i++)
		printf(",\"%s\":%" PRIu64,
		       conn_outcome_name((enum conn_outcome)i), l->n_by[i]);
	printf(",\"seconds\":%.3f,\"rate\":%.1f,\"open_min\":%u,"
	       "\"open_mean\":%.1f,\"open_max\":%u}\n",
	       seconds, (double)l->n_sent / seconds,
	       l->n_open_min == UINT32_MAX ? 0 : l->n_open_min,
	       (double)l->open_sum / (double)(l->open_looks + !l->open_looks),
	       l->n_open_max);
}

/* A number that ends at @end, at most @max. */
static int parse_number(const char *text, char end, uint64_t max, uint64_t *ret)
{
	char *stop;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &stop, 10);
	if (errno || stop == text || *stop != end || value > max)
		return -EINVAL;
	*ret = value;
	return 0;
}

/* Two numbers with a character between them. */
static int parse_pair(const char *text, char between, uint64_t max,
		      uint64_t *ret_first, uint64_t *ret_second)
{
	const char *second = strchr(text, between);
	int r;

	if (!second)
		return -EINVAL;
	r = parse_number(text, between, max, ret_first);
	return r ? r : parse_number(second + 1, '\0', max, ret_second);
}

/* ADDRESS[:PORT] */
static int parse_address(const char *text, struct sockaddr_in *ret)
{
	char ip[INET_ADDRSTRLEN] = "";
	size_t length = strcspn(text, ":");
	uint64_t port = 0;

	if (length >= sizeof(ip))
		return -EINVAL;
	memcpy(ip, text, length);
	if (text[length] &&
	    parse_number(text + length + 1, '\0', UINT16_MAX, &port))
		return -EINVAL;
	ret->sin_family = AF_INET;
	ret->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, ip, &ret->sin_addr) == 1 ? 0 : -EINVAL;
}

static void usage(FILE *out)
{
	fputs("usage: load --source IP --target IP:PORT [OPTION]...\n"
	      "  --rate N              new connections a second (default 0)\n"
	      "  --open N              keep at least N open; without a rate\n"
	      "                        one is started every 3 s, so that they\n"
	      "                        don't end together (default 0)\n"
	      "  --hold MS             let the VM hold its answer back\n"
	      "  --download BYTES:RATE download instead of small requests\n"
	      "  --timeout MS          default 3000\n"
	      "  --ports FIRST-LAST    source ports (default 20000-59999)\n"
	      "  --pins DIR            ask the pinned tables where each goes\n"
	      "  --log FILE            a line for each (default: none)\n"
	      "SIGTERM ends it; totals are printed.\n",
	      out);
}

static const struct option options[] = {
	{ "source", required_argument, NULL, 's' },
	{ "target", required_argument, NULL, 't' },
	{ "rate", required_argument, NULL, 'r' },
	{ "open", required_argument, NULL, 'o' },
	{ "hold", required_argument, NULL, 'h' },
	{ "download", required_argument, NULL, 'd' },
	{ "timeout", required_argument, NULL, 'm' },
	{ "ports", required_argument, NULL, 'p' },
	{ "pins", required_argument, NULL, 'i' },
	{ "log", required_argument, NULL, 'l' },
	{ 0 },
};

/* One option; 0 or negative errno, said on stderr. */
static int take_option(struct load *l, int c, const char *arg)
{
	uint64_t a = 0;
	uint64_t b = 0;
	int r = 0;

	switch (c) {
	case 's':
		r = parse_address(arg, &l->plan.source);
		break;
	case 't':
		r = parse_address(arg, &l->plan.target);
		break;
	case 'r':
		r = parse_number(arg, '\0', UINT32_MAX, &a);
		l->rate = (uint32_t)a;
		break;
	case 'o':
		r = parse_number(arg, '\0', UINT32_MAX, &a);
		l->n_floor = (uint32_t)a;
		break;
	case 'h':
		r = parse_number(arg, '\0', UINT32_MAX, &a);
		l->plan.hold_ms = (uint32_t)a;
		break;
	case 'd':
		r = parse_pair(arg, ':', UINT64_MAX, &l->plan.download_bytes,
			       &l->plan.download_rate);
		break;
	case 'm':
		r = parse_number(arg, '\0', UINT32_MAX, &a);
		l->plan.timeout_ms = (uint32_t)a;
		break;
	case 'p':
		r = parse_pair(arg, '-', UINT16_MAX, &a, &b);
		if (a > b)
			r = -EINVAL;
		l->first_port = (uint16_t)a;
		l->last_port = (uint16_t)b;
		break;
	case 'i':
		r = place_open(arg, &l->place);
		break;
	case 'l':
		l->log = fopen(arg, "we");
		r = l->log ? 0 : -errno;
		break;
	default:
		usage(stderr);
		return -EINVAL;
	}
	if (r < 0)
		fprintf(stderr, "load: %s: %s\n", arg, strerror(-r));
	return r;
}

static int open_loop(struct load *l)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = SIGNAL };
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL))
		return -errno;
	l->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->signal_fd < 0 || l->epoll_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->signal_fd, &event))
		return -errno;
	return 0;
}

int main(int argc, char **argv)
{
	struct load *l = &load;
	int c;
	int r;

	l->plan.timeout_ms = 3000;
	l->n_open_min = UINT32_MAX;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (take_option(l, c, optarg) < 0)
			return 2;
	}
	if (optind != argc || !l->plan.target.sin_port ||
	    !l->plan.source.sin_family || (!l->rate && !l->n_floor)) {
		usage(stderr);
		return 2;
	}
	if (!l->log)
		l->log = fopen("/dev/null", "we");
	l->next_port = l->first_port;
	r = l->log ? open_loop(l) : -errno;
	if (r == 0)
		r = run(l);
	if (r < 0)
		fprintf(stderr, "load: %s\n", strerror(-r));
	print_totals(l, now_ns());
	place_close(l->place);
	return r < 0 ? 1 : 0;
}
