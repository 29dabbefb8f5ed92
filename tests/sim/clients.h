/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clients, and the plain model: for every flow, the VM that it is with.
 *
 * A flow is with the VM whose SYN-ACK its client took. From then on each of its
 * packets must reach that VM, as long as the VM runs and the flow speaks once
 * per idle timeout; else it is broken. A VM that the tables call drained must
 * have no flow left.
 *
 * DOC: what clients do
 *
 *	open	 SYN; again after 1, 3 and 7 s without an answer
 *	speak	 at any interval up to the idle timeout; VMs answer, push, or
 *		 stay silent
 *	close	 FIN by either side first, half-close with a long tail, RST by
 *		 either side, or gone without a word
 *	reopen	 from the same port, at once or within the closing time
 *	suffer	 blind RSTs; who gets one sends data within 10 s: an RST shortens
 *		 an entry's life to that, data (a FIN is none) takes it back
 *	attack	 floods of openers and of other packets, from nowhere
 *
 * Answers to openers come within 1.9 s (a claim of 1 s catches every handshake
 * that is answered before its second repetition); within 0.9 s, before the
 * first one, if the opener was refused an entry: pick.h says why.
 */
#ifndef TESTS_SIM_CLIENTS_H
#define TESTS_SIM_CLIENTS_H

#include "tests/sim/world.h"

#define CLIENTS_MAX 8192

struct clients;

/**
 * struct clients_stats - what became of flows; added up.
 * @flows: that were established (or, UDP, began).
 * @died: with their VM.
 * @unanswered: never established.
 * @reopened: from a port that had just been used.
 * @blind_rsts, @flood: packets from nowhere.
 */
struct clients_stats {
	uint64_t flows;
	uint64_t broken;
	uint64_t died;
	uint64_t unanswered;
	uint64_t reopened;
	uint64_t blind_rsts;
	uint64_t flood;
};

/* NULL: out of memory. */
struct clients *clients_new(void);
void clients_free(struct clients *c);

/**
 * clients_run() - one history.
 * @n_flows: flows to be established; stops early at @max_broken.
 * @n_live: flows at a time.
 * @verbose: print each broken flow.
 */
void clients_run(struct clients *c, struct world *w, uint32_t n_flows,
		 uint32_t n_live, bool verbose, struct clients_stats *stats);

#endif
