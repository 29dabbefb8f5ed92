/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kill a QEMU process and see for how long packets are still steered to its VM.
 *
 *	killwatch [--no-kill] PIN-DIR UUID PID [SECONDS]
 *
 * The clock starts when the process's pidfd says that it is dead, and stops
 * when the pinned tables would steer no packet to the VM any more (no slot
 * names it, and flow entries for it don't count) and its counter of packets
 * stands still. It is watched for SECONDS (default 2) after the death. So the
 * result is an upper bound for any packet, failed redirects included, and does
 * not depend on how dense the traffic is. With --no-kill somebody else ends the
 * process, within 60 s after a line that says that it is watched. Prints JSON,
 * times being CLOCK_MONOTONIC:
 *
 *	from_ns			since when connections to it may fail: it was
 *				killed, or was the first time out of the tables
 *	death_ns		the process was dead
 *	kill_to_last_packet_ms	from then to the last packet, 0 = before
 *	out_ms			the same, negative = so long before
 *	end_to_out_ms		from kill or line to then
 *	samples			how often we looked after the death
 *
 * Whatever the scheduler does to us, the error is to the worse: from the last
 * look that saw the process alive, to the end of the first that saw the tables
 * without it.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
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
 * @alive_ns: the last time that it was seen alive.
 * @death_ns: the first time that it was seen dead; 0 = it lives.
 * @from_ns: when nothing could be steered to it for the first time.
 * @out_ns: since when nothing could; 0 = something still could.
 * @packets: steered to it so far.
 * @n_samples: how often we looked after its death.
 */
struct watch {
	int pidfd;
	uint64_t start_ns;
	uint64_t alive_ns;
	uint64_t death_ns;
	uint64_t from_ns;
	uint64_t out_ns;
	uint64_t packets;
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
	const uint64_t before_ns = now_ns();
	struct place_look look;

	if (!w->death_ns && poll(&dead, 1, 0) == 1)
		w->death_ns = now_ns();
	else if (!w->death_ns)
		w->alive_ns = before_ns;
	w->n_samples += w->death_ns != 0;
	place_look(place, vm, &look);
	if (look.reachable || look.packets != w->packets)
		w->out_ns = 0;
	else if (!w->out_ns)
		w->out_ns = now_ns();
	if (!w->from_ns)
		w->from_ns = w->out_ns;
	w->packets = look.packets;
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
	return w->death_ns && w->out_ns ? 0 : -ETIMEDOUT;
}

static void print(const struct watch *w, bool killed)
{
	double out_ms = ((double)w->out_ns - (double)w->alive_ns) / 1e6;

	printf("{\"from_ns\":%" PRIu64 ",\"death_ns\":%" PRIu64
	       ",\"kill_to_last_packet_ms\":%.2f,\"out_ms\":%.2f"
	       ",\"end_to_out_ms\":%.2f,\"samples\":%" PRIu64 "}\n",
	       killed ? w->start_ns : w->from_ns, w->death_ns,
	       out_ms > 0 ? out_ms : 0, out_ms,
	       (double)(w->out_ns - w->start_ns) / 1e6, w->n_samples);
}

/* Our own turn must not be late when QEMU's end takes all CPUs. */
static void be_punctual(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &first))
		fprintf(stderr, "killwatch: times may be too long: %s\n",
			strerror(errno));
}

int main(int argc, char **argv)
{
	bool no_kill = argc > 1 && strcmp(argv[1], "--no-kill") == 0;
	struct place *place = NULL;
	struct place_vm vm = { 0 };
	struct place_look look = { 0 };
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
	if (r == 0)
		place_look(place, &vm, &look);
	/* What gets nothing while it lives would prove nothing. */
	if (r == 0 && !look.reachable)
		r = -EHOSTUNREACH;
	be_punctual();
	if (r == 0 && no_kill) {
		puts("watching");
		fflush(stdout);
	}
	w.start_ns = w.alive_ns = now_ns();
	if (r == 0 && !no_kill &&
	    syscall(SYS_pidfd_send_signal, w.pidfd, SIGKILL, NULL, 0))
		r = -errno;
	if (r == 0)
		r = watch(&w, place, &vm, seconds * NS_PER_SEC);
	if (r < 0)
		fprintf(stderr, "killwatch: %s\n", strerror(-r));
	else
		print(&w, !no_kill);
	place_close(place);
	close(w.pidfd);
	return r < 0 ? 1 : 0;
}
