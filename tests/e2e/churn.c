// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many connections that are held open and checked, and a flood beside them.
 *
 *	churn serve PORT
 *	churn hold ADDR PORT CONNECTIONS PERIOD-MS LIMIT-MS
 *	churn flood ADDR PORT PACKETS-PER-SECOND
 *
 * Each connection says something once a period: its number, the turn and the sum
 * of all that it has said before. The server, which sums up what it hears, answers
 * with its own sum: a byte that is lost, changed or another connection's shows, and
 * so does another server. Without an answer after LIMIT, reset or with a wrong sum a
 * connection is broken; it is not opened again.
 *
 * "hold" says "open" when all of them have had an answer. For each line on its
 * input it says "round …" as soon as all that live have asked and been answered
 * since. At the end of its input, or at SIGTERM, it says how many were broken;
 * exit 0 if none was. The longest pause of a connection is between two of its
 * own messages.
 *
 * The flood: SYNs from addresses that don't exist (IPv4). Ends by a signal.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define N_EVENTS 512
#define MAX_FD	 131072
#define TICK_MS	 10
#define OPENING	 256 /* at once */

/* What is said, and what is answered. */
struct message {
	uint64_t number;
	uint64_t turn;
	uint64_t sum;
};

/* FNV-1a, over all that was said. */
static uint64_t add_up(uint64_t sum, const struct message *m)
{
	const uint8_t *byte = (const uint8_t *)m;
	size_t i;

	for (i = 0; i < sizeof(*m); i++)
		sum = (sum ^ byte[i]) * 0x100000001b3ULL;
	return sum;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool parse_addr(const char *text, const char *port,
		       struct sockaddr_in6 *ret)
{
	struct in_addr v4;

	*ret = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)strtoul(port, NULL, 10)),
	};
	if (inet_pton(AF_INET, text, &v4) != 1)
		return inet_pton(AF_INET6, text, &ret->sin6_addr) == 1;
	ret->sin6_addr.s6_addr[10] = ret->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&ret->sin6_addr.s6_addr[12], &v4, sizeof(v4));
	return true;
}

static volatile sig_atomic_t stopping;

static void on_term(int signo)
{
	(void)signo;
	stopping = 1;
}

static void allow_files(void)
{
	struct rlimit limit;

	/* As many as one may have. */
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		perror("open files");
}

/* --- the server ------------------------------------------------------------ */

/* By file: sum and what has come of a message. */
static struct heard {
	uint64_t sum;
	struct message m;
	size_t n;
} heard[MAX_FD];

static void let_in(int epoll, int listener)
{
	struct epoll_event event = { .events = EPOLLIN };
	int on = 1;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if (fd >= MAX_FD) {
			close(fd);
			continue;
		}
		heard[fd] = (struct heard){ .sum = 0 };
		event.data.fd = fd;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	}
}

/* Answer what has come; false: it is over. */
static bool answer(int fd)
{
	struct heard *h = &heard[fd];
	ssize_t n;

	for (;;) {
		n = recv(fd, (uint8_t *)&h->m + h->n, sizeof(h->m) - h->n, 0);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		h->n += (size_t)n;
		if (h->n < sizeof(h->m))
			continue;
		h->sum = add_up(h->sum, &h->m);
		h->m.sum = h->sum;
		h->n = 0;
		if (send(fd, &h->m, sizeof(h->m), MSG_NOSIGNAL) != sizeof(h->m))
			return false;
	}
}

static int serve(const char *port)
{
	struct epoll_event events[N_EVENTS];
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(0);
	int listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in6 any;
	int on = 1;
	int n;
	int i;

	allow_files();
	(void)parse_addr("::", port, &any);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) ||
	    listen(listener, 4096)) {
		perror("serve");
		(void)close(listener);
		return 1;
	}
	event.data.fd = listener;
	(void)epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	while (!stopping) {
		n = epoll_wait(epoll, events, N_EVENTS, -1);
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				let_in(epoll, listener);
			else if (!answer(events[i].data.fd))
				close(events[i].data.fd);
		}
	}
	(void)close(listener);
	return 0;
}

/* --- those who hold on ----------------------------------------------------- */

enum stage {
	UNBORN,
	CONNECTING,
	WAITING, /* for an answer */
	QUIET,
	BROKEN,
};

/**
 * struct held - one connection.
 * @due_ms: of an answer, or of the connection itself.
 * @said_ms: when it last said something.
 * @round: the last round that it had an answer in.
 * @asked_round: the round that it asked in.
 */
struct held {
	int fd;
	enum stage stage;
	uint64_t due_ms;
	uint64_t said_ms;
	uint64_t turn;
	uint64_t sum;
	struct message m;
	size_t n;
	uint32_t round;
	uint32_t asked_round;
};

static struct {
	struct sockaddr_in6 target;
	struct held *held;
	uint32_t n;
	uint32_t next; /* whose turn it is to speak */
	uint32_t born;
	uint32_t n_connecting;
	uint32_t n_live;
	uint32_t n_done; /* with this round */
	uint32_t round;
	bool asked; /* somebody waits for the round */
	uint64_t period_ms;
	uint64_t limit_ms;
	uint64_t turns;
	uint64_t longest_ms;
	uint32_t n_reset;
	uint32_t n_silent;
	uint32_t n_wrong;
	int epoll;
} hold;

static void broken(struct held *h, uint32_t *count, const char *why)
{
	if (h->stage == CONNECTING)
		hold.n_connecting--;
	else
		hold.n_live--;
	if (h->round == hold.round)
		hold.n_done--;
	(*count)++;
	h->stage = BROKEN;
	(void)close(h->fd);
	if (hold.n_reset + hold.n_silent + hold.n_wrong <= 20)
		(void)fprintf(stderr, "connection %u, turn %llu: %s\n",
			      (unsigned int)(h - hold.held),
			      (unsigned long long)h->turn, why);
}

static void speak(struct held *h, uint64_t at_ms)
{
	struct message m = {
		.number = (uint64_t)(h - hold.held),
		.turn = ++h->turn,
		.sum = h->sum,
	};

	if (h->said_ms && at_ms - h->said_ms > hold.longest_ms)
		hold.longest_ms = at_ms - h->said_ms;
	h->said_ms = at_ms;
	h->sum = add_up(h->sum, &m);
	h->n = 0;
	h->due_ms = at_ms + hold.limit_ms;
	h->asked_round = hold.round;
	h->stage = WAITING;
	if (send(h->fd, &m, sizeof(m), MSG_NOSIGNAL) != sizeof(m))
		broken(h, &hold.n_reset, strerror(errno));
}

static void bear(struct held *h, uint64_t at_ms)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
				     .data.ptr = h };
	int on = 1;

	h->fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	h->stage = CONNECTING;
	h->due_ms = at_ms + hold.limit_ms;
	hold.n_connecting++;
	(void)setsockopt(h->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (h->fd < 0 || (connect(h->fd, (struct sockaddr *)&hold.target,
				  sizeof(hold.target)) &&
			  errno != EINPROGRESS))
		broken(h, &hold.n_reset, strerror(errno));
	else
		(void)epoll_ctl(hold.epoll, EPOLL_CTL_ADD, h->fd, &event);
}

/* Its answer is whole: is it right? */
static void check(struct held *h)
{
	hold.turns++;
	if (h->m.number != (uint64_t)(h - hold.held) || h->m.turn != h->turn ||
	    h->m.sum != h->sum) {
		broken(h, &hold.n_wrong, "a wrong answer");
		return;
	}
	h->stage = QUIET;
	h->n = 0;
	if (h->round != hold.round && h->asked_round == hold.round) {
		h->round = hold.round;
		hold.n_done++;
	}
}

static void hear(struct held *h, uint32_t events, uint64_t at_ms)
{
	ssize_t n;

	if (h->stage == CONNECTING && events & EPOLLOUT &&
	    !(events & (EPOLLERR | EPOLLHUP))) {
		hold.n_connecting--;
		hold.n_live++;
		speak(h, at_ms);
	}
	while (h->stage == WAITING || h->stage == QUIET) {
		n = recv(h->fd, (uint8_t *)&h->m + h->n, sizeof(h->m) - h->n,
			 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0 || h->stage == QUIET) {
			broken(h, &hold.n_reset,
			       n ? strerror(errno) : "closed");
			return;
		}
		h->n += (size_t)n;
		if (h->n == sizeof(h->m))
			check(h);
	}
	if (h->stage == CONNECTING && events & (EPOLLERR | EPOLLHUP))
		broken(h, &hold.n_reset, "not connected");
}

/* Whoever is due in this tick speaks; who waited too long is broken. */
static void turn(uint64_t at_ms, uint64_t passed_ms)
{
	uint64_t share =
		(hold.n * passed_ms + hold.period_ms - 1) / hold.period_ms;
	struct held *h;
	uint32_t i;

	while (hold.born < hold.n && hold.n_connecting < OPENING)
		bear(&hold.held[hold.born++], at_ms);
	for (; share && hold.n; share--) {
		h = &hold.held[hold.next++ % hold.n];
		if (h->stage == QUIET)
			speak(h, at_ms);
	}
	for (i = 0; i < hold.born; i++) {
		h = &hold.held[i];
		if ((h->stage == WAITING || h->stage == CONNECTING) &&
		    at_ms > h->due_ms)
			broken(h, &hold.n_silent, "no answer");
	}
}

static void report(const char *what)
{
	printf("%s live=%u broken=%u reset=%u silent=%u wrong=%u turns=%llu "
	       "longest_ms=%llu\n",
	       what, hold.n_live, hold.n_reset + hold.n_silent + hold.n_wrong,
	       hold.n_reset, hold.n_silent, hold.n_wrong,
	       (unsigned long long)hold.turns,
	       (unsigned long long)hold.longest_ms);
	(void)fflush(stdout);
}

/* Commands: a line each; false: no more will come. */
static bool obey(void)
{
	char text[64];
	ssize_t n = read(STDIN_FILENO, text, sizeof(text));

	if (n > 0) {
		hold.round++;
		hold.n_done = 0;
		hold.asked = true;
	}
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static void hold_on(void)
{
	struct epoll_event events[N_EVENTS];
	uint64_t last_ms = now_ms();
	uint64_t at_ms;
	int n;
	int i;

	while (!stopping) {
		n = epoll_wait(hold.epoll, events, N_EVENTS, TICK_MS);
		at_ms = now_ms();
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr)
				hear(events[i].data.ptr, events[i].events,
				     at_ms);
			else if (!obey())
				return;
		}
		if (at_ms - last_ms >= TICK_MS) {
			turn(at_ms, at_ms - last_ms);
			last_ms = at_ms;
		}
		if (hold.asked && hold.born == hold.n && !hold.n_connecting &&
		    hold.n_done == hold.n_live) {
			hold.asked = false;
			report(hold.round == 1 ? "open" : "round");
		}
	}
}

static int hold_all(char **args)
{
	struct epoll_event input = { .events = EPOLLIN };

	hold.n = (uint32_t)strtoul(args[2], NULL, 10);
	hold.period_ms = strtoull(args[3], NULL, 10);
	hold.limit_ms = strtoull(args[4], NULL, 10);
	hold.held = calloc(hold.n ? hold.n : 1, sizeof(*hold.held));
	if (!hold.held || !hold.period_ms ||
	    !parse_addr(args[0], args[1], &hold.target))
		return 2;
	allow_files();
	hold.epoll = epoll_create1(0);
	(void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	(void)epoll_ctl(hold.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
	hold.round = 1;
	hold.asked = true;
	hold_on();
	report("end");
	return hold.n_reset + hold.n_silent + hold.n_wrong != 0;
}

/* --- the flood ------------------------------------------------------------- */

struct syn {
	struct iphdr ip;
	struct tcphdr tcp;
};

/* RFC 1071, over the pseudo header and the segment. */
static uint16_t checksum(const struct syn *s)
{
	uint16_t words[sizeof(s->tcp) / 2];
	uint32_t sum = htons(IPPROTO_TCP) + htons(sizeof(s->tcp));
	size_t i;

	memcpy(words, &s->tcp, sizeof(words));
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum += (s->ip.saddr & 0xffff) + (s->ip.saddr >> 16);
	sum += (s->ip.daddr & 0xffff) + (s->ip.daddr >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static int flood(char **args)
{
	struct syn s = { .ip = { .version = 4,
				 .ihl = 5,
				 .ttl = 64,
				 .protocol = IPPROTO_TCP },
			 .tcp = {
				 .doff = 5, .syn = 1, .window = htons(1024) } };
	struct sockaddr_in to = { .sin_family = AF_INET };
	uint64_t rate = strtoull(args[2], NULL, 10);
	uint64_t began_ms = now_ms();
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	uint64_t sent = 0;
	uint64_t x = 0x9e3779b97f4a7c15ULL;

	if (fd < 0 || !rate || inet_pton(AF_INET, args[0], &to.sin_addr) != 1)
		return 2;
	s.ip.daddr = to.sin_addr.s_addr;
	s.tcp.dest = htons((uint16_t)strtoul(args[1], NULL, 10));
	while (!stopping) {
		if (sent > (now_ms() - began_ms) * rate / 1000) {
			(void)usleep(1000);
			continue;
		}
		/* xorshift: who it comes from, 172.16.0.0/12. */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		s.ip.saddr = htonl(0xac100000U | (uint32_t)(x & 0xfffff));
		s.tcp.source = htons((uint16_t)(x >> 20 | 1024));
		s.tcp.seq = (uint32_t)(x >> 32);
		s.tcp.check = 0;
		s.tcp.check = checksum(&s);
		sent += sendto(fd, &s, sizeof(s), 0, (struct sockaddr *)&to,
			       sizeof(to)) > 0;
	}
	printf("flood sent=%llu per_s=%llu\n", (unsigned long long)sent,
	       (unsigned long long)(sent * 1000 / (now_ms() - began_ms + 1)));
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction term = { .sa_handler = on_term };

	(void)sigaction(SIGTERM, &term, NULL);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc == 7 && !strcmp(argv[1], "hold"))
		return hold_all(argv + 2);
	if (argc == 5 && !strcmp(argv[1], "flood"))
		return flood(argv + 2);
	(void)fprintf(stderr, "usage: see the head of the source\n");
	return 2;
}
