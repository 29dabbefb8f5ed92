/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kill a QEMU process and see for how long packets are still steered to its VM.
 *
 *	killwatch [--no-kill] PIN-DIR UUID PID [SECONDS]
 *
 * The clock starts when the process's pidfd says that it is dead, and stops at
 * the last time that the pinned tables would have steered a packet to the VM
 * (a slot named it, or flow entries for it counted), watched for SECONDS
 * (default 2) after the death. So it is an upper bound for any packet, failed
 * redirects included, and does not depend on how dense the traffic is. Prints
 * JSON. With --no-kill somebody else ends the process, within 60 s.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "demo/place.h"

#define NS_PER_SEC	1000000000ULL
#define DEATH_LIMIT_NS	(60 * NS_PER_SEC)
#define SAMPLE_PAUSE_NS 200000 /* the resolution, but for the sample itself */

/**
 * struct watch - what is seen. Times are CLOCK_MONOTONIC nanoseconds.
 * @pidfd: of the QEMU process.
 * @start_ns: when it was killed.
 * @death_ns: when it was dead; 0 = it lives.
 * @last_ns: when a packet could have been steered to it last.
 * @n_samples: how often we looked after its death.
 */
struct watch {
	int pidfd;
	uint64_t start_ns;
	uint64_t death_ns;
	uint64_t last_ns;
	uint64_t n_samples;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

/* One look at the process and the tables. */
static void sample(struct watch *w, struct place *place,
		   const struct place_vm *vm)
{
	struct pollfd dead = { .fd = w->pidfd, .events = POLLIN };

	if (!w->death_ns && poll(&dead, 1, 0) == 1)
		w->death_ns = now_ns();
	w->n_samples += w->death_ns != 0;
	/* The time after the look: it was still so then, at the latest. */
	if (place_reachable(place, vm))
		w->last_ns = now_ns();
}

static int watch(struct watch *w, struct place *place,
		 const struct place_vm *vm, uint64_t watch_ns)
{
	const struct timespec pause = { .tv_nsec = SAMPLE_PAUSE_NS };
	uint64_t now = now_ns();

	while (w->death_ns ? now < w->death_ns + watch_ns :
			     now < w->start_ns + DEATH_LIMIT_NS) {
		sample(w, place, vm);
		nanosleep(&pause, NULL);
		now = now_ns();
	}
	return w->death_ns ? 0 : -ETIMEDOUT;
}

/* ms from the death to @until, 0 if that was before. */
static double after_death_ms(const struct watch *w, uint64_t until)
{
	return until > w->death_ns ? (double)(until - w->death_ns) / 1e6 : 0;
}

static void print(const struct watch *w)
{
	printf("{\"death_ns\":%" PRIu64 ",\"kill_to_last_packet_ms\":%.2f,"
	       "\"samples\":%" PRIu64 "}\n",
	       w->death_ns, after_death_ms(w, w->last_ns), w->n_samples);
}

int main(int argc, char **argv)
{
	bool no_kill = argc > 1 && strcmp(argv[1], "--no-kill") == 0;
	struct place *place = NULL;
	struct place_vm vm = { 0 };
	struct watch w = { 0 };
	uint64_t seconds = 2;
	int r;

	argv += no_kill;
	argc -= no_kill;
	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: killwatch [--no-kill] PIN-DIR UUID PID "
				"[SECONDS]\n");
		return 2;
	}
	if (argc == 5)
		seconds = strtoull(argv[4], NULL, 10);
	w.pidfd = (int)syscall(SYS_pidfd_open, strtol(argv[3], NULL, 10), 0);
	if (w.pidfd < 0) {
		fprintf(stderr, "killwatch: %s: %s\n", argv[3],
			strerror(errno));
		return 1;
	}
	r = place_open(argv[1], &place);
	if (r == 0)
		r = place_find(place, argv[2], &vm);
	/* What gets nothing while it lives would prove nothing. */
	if (r == 0 && !place_reachable(place, &vm))
		r = -EHOSTUNREACH;
	w.start_ns = now_ns();
	if (r == 0 && !no_kill &&
	    syscall(SYS_pidfd_send_signal, w.pidfd, SIGKILL, NULL, 0))
		r = -errno;
	if (r == 0)
		r = watch(&w, place, &vm, seconds * NS_PER_SEC);
	if (r < 0)
		fprintf(stderr, "killwatch: %s\n", strerror(-r));
	else
		print(&w);
	place_close(place);
	close(w.pidfd);
	return r < 0 ? 1 : 0;
}
