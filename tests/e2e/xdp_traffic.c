// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traffic for e2e tests, and its judge.
 *
 *	xdp_traffic serve PORT NAME
 *	xdp_traffic load ADDR PORT SHORT LONG DOWNLOAD-BYTES UPLOAD-BYTES MS
 *	xdp_traffic echo ADDR PORT FLOWS MS [BYTES]
 *	xdp_traffic transfer ADDR PORT down|up BYTES
 *
 * Of IPv4 and IPv6. A server answers each line: "who" with its name and the
 * client's address, "down N" with N bytes, "up N" reads N bytes and says "ok",
 * "sum" with the checksum of all bytes that these two were about.
 * The bytes are a pattern that tells every offset from its neighbours. Each
 * datagram of UDP is answered with name, client's address and what it said.
 *
 * The load: SHORT workers, each a new connection every 20 ms; LONG workers that
 * ask "who" ten times a second on one connection; one worker each that
 * downloads and uploads again and again. No retry; 3 s for an answer; a reset,
 * a timeout, another server on the same connection, a wrong byte or another
 * client address is a failure. The echo: FLOWS of UDP that each ask ten times a
 * second from a port of their own, judged the same way; BYTES makes its datagrams
 * so long. The transfer: once, the checksums of both ends compared; exit 0 if they
 * are the same. Ends after MS, or at SIGTERM, and prints one
 * line; exit 0 if nothing failed and everything asked for was seen. TRAFFIC_FROM
 * in the environment is the client's address, if it has several; with
 * TRAFFIC_PROXY the server may see another one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_S    3
#define MAX_WORKERS 256
#define NAME_SIZE   64
#define CHUNK	    65536
#define DATAGRAM    60000

/* Counters of all workers, in shared memory. */
static struct tally {
	_Atomic uint64_t short_ok;
	_Atomic uint64_t short_failed;
	_Atomic uint64_t long_ok;
	_Atomic uint64_t long_broken;
	_Atomic uint64_t down_ok;
	_Atomic uint64_t down_broken;
	_Atomic uint64_t up_ok;
	_Atomic uint64_t up_broken;
} * tally;

/* IPv4 in its mapped form: one kind of socket for both. */
static struct sockaddr_in6 target;
static struct sockaddr_in6 source = { .sin6_family = AF_INET6 };
static bool behind_proxy;
static volatile sig_atomic_t stopping;

static void on_term(int signo)
{
	(void)signo;
	stopping = 1;
}

static void sleep_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

static uint8_t pattern(uint64_t offset)
{
	return (uint8_t)(offset * 2654435761U >> 13 ^ offset >> 16);
}

static void complain(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static void complain(const char *format, ...)
{
	struct timespec now;
	char text[256];
	va_list args;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)fprintf(stderr, "%lld.%03ld %s\n", (long long)now.tv_sec,
		      now.tv_nsec / 1000000, text);
}

static bool parse_addr(const char *text, struct in6_addr *ret)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) != 1)
		return inet_pton(AF_INET6, text, ret) == 1;
	memset(ret, 0, sizeof(*ret));
	ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
	memcpy(&ret->s6_addr[12], &v4, sizeof(v4));
	return true;
}

/* "10.0.0.1:4711", "[2001:db8::1]:4711" */
static void print_addr(const struct sockaddr_in6 *addr, char *ret, size_t size)
{
	bool v4 = IN6_IS_ADDR_V4MAPPED(&addr->sin6_addr);
	char text[INET6_ADDRSTRLEN];

	(void)inet_ntop(v4 ? AF_INET : AF_INET6,
			v4 ? &addr->sin6_addr.s6_addr[12] :
			     addr->sin6_addr.s6_addr,
			text, sizeof(text));
	(void)snprintf(ret, size, v4 ? "%s:%u" : "[%s]:%u", text,
		       ntohs(addr->sin6_port));
}

/* A line from a socket, byte by byte: lines are short. */
static bool read_line(int fd, char *ret, size_t size)
{
	size_t n = 0;
	char c = 0;

	while (n + 1 < size) {
		if (recv(fd, &c, 1, 0) != 1)
			return false;
		if (c == '\n') {
			ret[n] = 0;
			return true;
		}
		ret[n++] = c;
	}
	return false;
}

static bool send_all(int fd, const void *data, size_t size)
{
	const uint8_t *at = data;
	ssize_t n;

	while (size) {
		n = send(fd, at, size, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

/* FNV-1a. */
static uint64_t add_up(uint64_t sum, const uint8_t *byte, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		sum = (sum ^ byte[i]) * 0x100000001b3ULL;
	return sum;
}

/* Of all bytes that this process has sent or read as a pattern. */
static uint64_t pattern_sum;

static bool send_pattern(int fd, uint64_t size)
{
	uint8_t data[CHUNK];
	uint64_t done = 0;
	uint64_t n;
	uint64_t i;

	while (done < size) {
		n = size - done < CHUNK ? size - done : CHUNK;
		for (i = 0; i < n; i++)
			data[i] = pattern(done + i);
		if (!send_all(fd, data, n))
			return false;
		pattern_sum = add_up(pattern_sum, data, n);
		done += n;
	}
	return true;
}

static bool read_pattern(int fd, uint64_t size)
{
	uint8_t data[CHUNK];
	uint64_t done = 0;
	ssize_t n;
	ssize_t i;

	while (done < size) {
		n = recv(fd, data, size - done < CHUNK ? size - done : CHUNK,
			 0);
		if (n <= 0)
			return false;
		pattern_sum = add_up(pattern_sum, data, (size_t)n);
		for (i = 0; i < n; i++)
			if (data[i] != pattern(done + (uint64_t)i))
				return false;
		done += (uint64_t)n;
	}
	return true;
}

static bool send_sum(int fd)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "%016llx\n",
		       (unsigned long long)pattern_sum);
	return send_all(fd, line, strlen(line));
}

static void serve_one(int fd, const char *name)
{
	struct sockaddr_in6 peer = { 0 };
	socklen_t size = sizeof(peer);
	char line[128];
	char text[64];
	char answer[256];

	if (getpeername(fd, (struct sockaddr *)&peer, &size))
		return;
	print_addr(&peer, text, sizeof(text));
	(void)snprintf(answer, sizeof(answer), "%s %s\n", name, text);
	while (read_line(fd, line, sizeof(line))) {
		bool ok = false;

		if (!strcmp(line, "who"))
			ok = send_all(fd, answer, strlen(answer));
		else if (!strncmp(line, "down ", 5))
			ok = send_pattern(fd, strtoull(line + 5, NULL, 10));
		else if (!strncmp(line, "up ", 3))
			ok = read_pattern(fd, strtoull(line + 3, NULL, 10)) &&
			     send_all(fd, "ok\n", 3);
		else if (!strcmp(line, "sum"))
			ok = send_sum(fd);
		if (!ok)
			return;
	}
}

/* Datagrams, until it ends with its parent. */
static void serve_udp(const struct sockaddr_in6 *any, const char *name)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 peer = { 0 };
	static char answer[DATAGRAM + 512];
	static char text[DATAGRAM + 256];
	char from[64];
	socklen_t size;
	ssize_t n;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (bind(fd, (const struct sockaddr *)any, sizeof(*any))) {
		perror("serve UDP");
		(void)close(fd);
		return;
	}
	for (;;) {
		size = sizeof(peer);
		n = recvfrom(fd, text, sizeof(text) - 1, 0,
			     (struct sockaddr *)&peer, &size);
		if (n < 0)
			continue;
		text[n] = 0;
		print_addr(&peer, from, sizeof(from));
		(void)snprintf(answer, sizeof(answer), "%s %s %s", name, from,
			       text);
		(void)sendto(fd, answer, strlen(answer), 0,
			     (struct sockaddr *)&peer, size);
	}
}

static int serve(const char *port, const char *name)
{
	struct sockaddr_in6 any = {
		.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)strtoul(port, NULL, 10)),
	};
	int listener = socket(AF_INET6, SOCK_STREAM, 0);
	int on = 1;
	int fd;

	(void)signal(SIGCHLD, SIG_IGN);
	if (!fork()) {
		close(listener);
		serve_udp(&any, name);
		_exit(1);
	}
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) ||
	    listen(listener, 1024)) {
		perror("serve");
		close(listener);
		return 1;
	}
	while ((fd = accept(listener, NULL, NULL)) >= 0 || errno == EINTR) {
		if (fd < 0)
			continue;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (!fork()) {
			close(listener);
			serve_one(fd, name);
			_exit(0);
		}
		close(fd);
	}
	close(listener);
	return 1;
}

static int connect_target(void)
{
	struct timeval limit = { .tv_sec = ANSWER_S };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	int on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
			 sizeof(on));
	if (!IN6_IS_ADDR_UNSPECIFIED(&source.sin6_addr) &&
	    bind(fd, (struct sockaddr *)&source, sizeof(source)))
		complain("bind: %s", strerror(errno));
	if (!connect(fd, (struct sockaddr *)&target, sizeof(target)))
		return fd;
	close(fd);
	return -1;
}

/* Ask who serves; the answer must name our own address as the client's. */
static bool ask(int fd, char *ret_name)
{
	char line[128];
	char own[64];
	struct sockaddr_in6 addr = { 0 };
	socklen_t size = sizeof(addr);
	char *space;

	if (!send_all(fd, "who\n", 4) || !read_line(fd, line, sizeof(line)) ||
	    getsockname(fd, (struct sockaddr *)&addr, &size))
		return false;
	print_addr(&addr, own, sizeof(own));
	space = strchr(line, ' ');
	if (!space || (strcmp(space + 1, own) != 0 && !behind_proxy)) {
		errno = EBADMSG;
		return false;
	}
	*space = 0;
	(void)snprintf(ret_name, NAME_SIZE, "%.*s", NAME_SIZE - 1, line);
	return true;
}

static void work_short(void)
{
	char name[NAME_SIZE];
	int fd;

	while (!stopping) {
		errno = 0;
		fd = connect_target();
		if (fd >= 0 && ask(fd, name)) {
			tally->short_ok++;
		} else if (!stopping) {
			complain("short: %s: %s", fd < 0 ? "connect" : "ask",
				 strerror(errno));
			tally->short_failed++;
		}
		if (fd >= 0)
			close(fd);
		sleep_ms(20);
	}
}

static void work_long(void)
{
	char first[NAME_SIZE] = "";
	char name[NAME_SIZE];
	int fd = -1;

	while (!stopping) {
		errno = 0;
		if (fd < 0) {
			fd = connect_target();
			first[0] = 0;
		}
		if (fd >= 0 && ask(fd, name) &&
		    (!first[0] || !strcmp(first, name))) {
			tally->long_ok++;
			memcpy(first, name, sizeof(first));
		} else if (!stopping) {
			complain("long: on %s: %s", first, strerror(errno));
			tally->long_broken++;
			if (fd >= 0)
				close(fd);
			fd = -1;
		}
		sleep_ms(100);
	}
}

static bool transfer(uint64_t size, bool down)
{
	char line[64];
	int fd = connect_target();
	bool ok;

	(void)snprintf(line, sizeof(line), "%s %llu\n", down ? "down" : "up",
		       (unsigned long long)size);
	ok = fd >= 0 && send_all(fd, line, strlen(line));
	if (ok && down)
		ok = read_pattern(fd, size);
	else if (ok)
		ok = send_pattern(fd, size) &&
		     read_line(fd, line, sizeof(line)) && !strcmp(line, "ok");
	if (fd >= 0)
		close(fd);
	return ok;
}

static void work_transfer(uint64_t size, bool down)
{
	while (!stopping) {
		errno = 0;
		if (transfer(size, down)) {
			(*(down ? &tally->down_ok : &tally->up_ok))++;
		} else if (!stopping) {
			complain("%s: %s", down ? "down" : "up",
				 strerror(errno));
			(*(down ? &tally->down_broken : &tally->up_broken))++;
		}
	}
}

/* What a worker does; its number says which. */
static void work(int i, int n_short, int n_long, uint64_t down, uint64_t up)
{
	if (i < n_short)
		work_short();
	else if (i < n_short + n_long)
		work_long();
	else if (i == n_short + n_long && down)
		work_transfer(down, true);
	else
		work_transfer(up, false);
}

static int load(char **args)
{
	int n_short = (int)strtol(args[2], NULL, 10);
	int n_long = (int)strtol(args[3], NULL, 10);
	uint64_t down = strtoull(args[4], NULL, 10);
	uint64_t up = strtoull(args[5], NULL, 10);
	int n = n_short + n_long + (down != 0) + (up != 0);
	int left_ms = (int)strtol(args[6], NULL, 10);
	pid_t pids[MAX_WORKERS];
	uint64_t failed;
	bool seen;
	int i;

	for (i = 0; i < n && i < MAX_WORKERS; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			work(i, n_short, n_long, down, up);
			_exit(0);
		}
	}
	for (; left_ms > 0 && !stopping; left_ms -= 100)
		sleep_ms(100);
	for (i = 0; i < n && i < MAX_WORKERS; i++)
		(void)kill(pids[i], SIGTERM);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	failed = tally->short_failed + tally->long_broken + tally->down_broken +
		 tally->up_broken;
	seen = (!n_short || tally->short_ok) && (!n_long || tally->long_ok) &&
	       (!down || tally->down_ok) && (!up || tally->up_ok);
	printf("short_ok=%llu short_failed=%llu long_ok=%llu long_broken=%llu "
	       "down_ok=%llu down_broken=%llu up_ok=%llu up_broken=%llu\n",
	       (unsigned long long)tally->short_ok,
	       (unsigned long long)tally->short_failed,
	       (unsigned long long)tally->long_ok,
	       (unsigned long long)tally->long_broken,
	       (unsigned long long)tally->down_ok,
	       (unsigned long long)tally->down_broken,
	       (unsigned long long)tally->up_ok,
	       (unsigned long long)tally->up_broken);
	return failed || !seen;
}

static int connect_udp(char *ret_own, size_t own_size)
{
	struct timeval limit = { .tv_sec = ANSWER_S };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 addr = { 0 };
	socklen_t size = sizeof(addr);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if ((!IN6_IS_ADDR_UNSPECIFIED(&source.sin6_addr) &&
	     bind(fd, (struct sockaddr *)&source, sizeof(source))) ||
	    connect(fd, (struct sockaddr *)&target, sizeof(target)) ||
	    getsockname(fd, (struct sockaddr *)&addr, &size)) {
		close(fd);
		return -1;
	}
	print_addr(&addr, ret_own, own_size);
	return fd;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text);
	size_t n_end = strlen(end);

	return n > n_end && text[n - n_end - 1] == ' ' &&
	       !strcmp(text + n - n_end, end);
}

/* A flow of UDP: one server answers all of it. */
static void work_echo(size_t size)
{
	static char answer[DATAGRAM + 512];
	static char wanted[DATAGRAM + 512];
	static char said[DATAGRAM + 1];
	char first[NAME_SIZE] = "";
	char name[NAME_SIZE];
	char own[64];
	int fd = connect_udp(own, sizeof(own));
	unsigned int i = 0;
	ssize_t n;

	for (; !stopping; sleep_ms(100)) {
		memset(said, 'a' + (int)(i % 26), size);
		(void)snprintf(said, sizeof(said), "hello %u", i++);
		if (strlen(said) < size)
			said[strlen(said)] = ' ';
		errno = 0;
		n = -1;
		if (send(fd, said, strlen(said), 0) > 0)
			n = recv(fd, answer, sizeof(answer) - 1, 0);
		answer[n > 0 ? n : 0] = 0;
		(void)snprintf(name, sizeof(name), "%.*s",
			       (int)strcspn(answer, " "), answer);
		(void)snprintf(wanted, sizeof(wanted), "%s %s %s", name, own,
			       said);
		if ((behind_proxy ? ends_with(answer, said) :
				    !strcmp(answer, wanted)) &&
		    (!first[0] || !strcmp(first, name))) {
			tally->long_ok++;
			memcpy(first, name, sizeof(first));
		} else if (!stopping) {
			complain("echo: on %s: \"%.100s\": %s", first, answer,
				 strerror(errno));
			tally->long_broken++;
			first[0] = 0;
		}
	}
}

static int echo(char **args)
{
	int n = (int)strtol(args[2], NULL, 10);
	int left_ms = (int)strtol(args[3], NULL, 10);
	size_t size = args[4] ? strtoull(args[4], NULL, 10) : 0;
	pid_t pids[MAX_WORKERS];
	int i;

	if (size > DATAGRAM)
		return 2;

	for (i = 0; i < n && i < MAX_WORKERS; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			work_echo(size);
			_exit(0);
		}
	}
	for (; left_ms > 0 && !stopping; left_ms -= 100)
		sleep_ms(100);
	for (i = 0; i < n && i < MAX_WORKERS; i++)
		(void)kill(pids[i], SIGTERM);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	printf("echo_ok=%llu echo_broken=%llu\n",
	       (unsigned long long)tally->long_ok,
	       (unsigned long long)tally->long_broken);
	return tally->long_broken || !tally->long_ok;
}

/* One transfer; what each end has is compared by its checksum. */
static int transfer_once(char **args)
{
	uint64_t size = strtoull(args[3], NULL, 10);
	bool down = !strcmp(args[2], "down");
	struct timespec began;
	struct timespec ended;
	char theirs[64] = "";
	char ours[64];
	char line[64];
	int fd = connect_target();
	bool ok;

	(void)clock_gettime(CLOCK_MONOTONIC, &began);
	(void)snprintf(line, sizeof(line), "%s %llu\n", args[2],
		       (unsigned long long)size);
	ok = fd >= 0 && send_all(fd, line, strlen(line)) &&
	     (down ? read_pattern(fd, size) :
		     send_pattern(fd, size) &&
			      read_line(fd, line, sizeof(line)));
	ok = ok && send_all(fd, "sum\n", 4) &&
	     read_line(fd, theirs, sizeof(theirs));
	(void)clock_gettime(CLOCK_MONOTONIC, &ended);
	(void)snprintf(ours, sizeof(ours), "%016llx",
		       (unsigned long long)pattern_sum);
	printf("%s %llu ms=%lld sum=%s/%s%s%s\n", args[2],
	       (unsigned long long)size,
	       (long long)(ended.tv_sec - began.tv_sec) * 1000 +
		       (ended.tv_nsec - began.tv_nsec) / 1000000,
	       ours, theirs, ok ? "" : " failed: ", ok ? "" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return !ok || strcmp(ours, theirs) != 0;
}

int main(int argc, char **argv)
{
	struct sigaction term = { .sa_handler = on_term };
	const char *from = getenv("TRAFFIC_FROM");

	behind_proxy = getenv("TRAFFIC_PROXY") != NULL;
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		return 1;
	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(argv[2], argv[3]);
	if ((argc != 9 || strcmp(argv[1], "load") != 0) &&
	    (argc != 6 || strcmp(argv[1], "transfer") != 0) &&
	    ((argc != 6 && argc != 7) || strcmp(argv[1], "echo") != 0)) {
		(void)fprintf(stderr, "usage: see the head of the source\n");
		return 2;
	}
	/* Without SA_RESTART: a worker that waits is woken. */
	(void)sigaction(SIGTERM, &term, NULL);
	target = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)strtoul(argv[3], NULL, 10)),
	};
	if (!parse_addr(argv[2], &target.sin6_addr) ||
	    (from && !parse_addr(from, &source.sin6_addr)))
		return 2;
	if (!strcmp(argv[1], "transfer"))
		return transfer_once(argv + 2);
	return !strcmp(argv[1], "echo") ? echo(argv + 2) : load(argv + 2);
}
