/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A steady drizzle of TCP packets to a service, so that one is always about to
 * be steered to each of its VMs.
 *
 *	spray SOURCE-IP TARGET-IP PORT PACKETS-PER-SECOND
 *
 * RSTs of connections that don't exist, from 1024 source ports in turn: the
 * path steers each by its slot, and the guest throws it away without an answer.
 * Ends by a signal.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define FIRST_PORT 1024
#define N_PORTS	   1024
#define NS_PER_SEC 1000000000L

/* What the TCP checksum covers: the pseudo header, then the segment. */
struct covered {
	uint32_t source;
	uint32_t target;
	uint8_t zero;
	uint8_t protocol;
	uint16_t length;
	struct tcphdr tcp;
};

/* RFC 1071. */
static uint16_t checksum(const struct covered *c)
{
	uint16_t words[sizeof(*c) / 2];
	uint32_t sum = 0;

	memcpy(words, c, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static int spray(int fd, struct covered *c, const struct sockaddr_in *target,
		 long step_ns)
{
	struct timespec due;

	if (clock_gettime(CLOCK_MONOTONIC, &due))
		return -1;
	for (uint32_t n = 0;; n++) {
		c->tcp.source = htons((uint16_t)(FIRST_PORT + n % N_PORTS));
		c->tcp.check = 0;
		c->tcp.check = checksum(c);
		if (sendto(fd, &c->tcp, sizeof(c->tcp), 0,
			   (const struct sockaddr *)target,
			   sizeof(*target)) < 0)
			return -1;
		due.tv_nsec += step_ns;
		if (due.tv_nsec >= NS_PER_SEC) {
			due.tv_nsec -= NS_PER_SEC;
			due.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
	}
}

int main(int argc, char **argv)
{
	struct covered c = { .protocol = IPPROTO_TCP,
			     .length = htons(sizeof(c.tcp)) };
	struct sockaddr_in source = { .sin_family = AF_INET };
	struct sockaddr_in target = { .sin_family = AF_INET };
	long rate = argc == 5 ? strtol(argv[4], NULL, 10) : 0;
	int fd;

	if (rate < 1 || rate > 100000 ||
	    inet_pton(AF_INET, argv[1], &source.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[2], &target.sin_addr) != 1) {
		fprintf(stderr, "usage: spray SOURCE-IP TARGET-IP PORT "
				"PACKETS-PER-SECOND\n");
		return 2;
	}
	c.source = source.sin_addr.s_addr;
	c.target = target.sin_addr.s_addr;
	c.tcp.dest = htons((uint16_t)strtoul(argv[3], NULL, 10));
	c.tcp.doff = sizeof(c.tcp) / 4;
	c.tcp.rst = 1;
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0 || bind(fd, (struct sockaddr *)&source, sizeof(source)) ||
	    spray(fd, &c, &target, NS_PER_SEC / rate)) {
		perror("spray");
		return 1;
	}
	return 0;
}
