/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the path would do with packets, one after the other: the core itself, on a
 * private copy of the tables.
 *
 * A packet may change what becomes of the next: an opener gets an entry, a first
 * fragment a note. So the core writes, too, but to the copy, whose end is that of
 * the capture. Times are the packets' own. What is not among the tables is not
 * known here: how much of its rates the path has left (all of them, at first),
 * fragments under way, and probes over the data path.
 */
#ifndef DATAPLANE_JUDGE_H
#define DATAPLANE_JUDGE_H

#include "dataplane/publish.h"

struct judge;

/**
 * judge_new() - begin with what @publish has.
 * @publish: over private memory (PUBLISH_LOOKS); borrowed until judge_free().
 *
 * Return: NULL: out of memory.
 */
struct judge *judge_new(const struct publish *publish);

/* Judge the next packet. */
void judge_packet(struct judge *j, const struct dp_packet *packet,
		  struct dp_judged *ret);

/* NULL is fine. */
void judge_free(struct judge *j);

#endif
