/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshot -> tables: the part of an engine that is the same for all of them.
 *
 * Works out what a snapshot changes, gives out numbers, and writes tables and
 * books (memory.h) in an order that is right at every moment:
 *
 *	a VM comes	books, record, (bridge's programs,) device, reverse
 *			mapping (learning), port's programs; 5 s later: mapping (answering), slots
 *	a VM changes	port's programs, mapping, spare copy of the record,
 *			device, the record's word; later: old mapping
 *	a VM goes	slots, the record's word, device; later: mapping, port's
 *			programs; the number when no entry names it
 *	a service comes	books, mapping (learning); at once, or 5 s later if VMs of
 *			its pool have slots: mapping (answering), service
 *	a service goes	service; later: mapping
 *
 * Called by the one control thread.
 */
#ifndef DATAPLANE_PUBLISH_H
#define DATAPLANE_PUBLISH_H

#include "dataplane/memory.h"

/* A port learns so long before its VM gets the first slot. */
#define PUBLISH_LEARN_NS 5000000000ULL

struct publish;

enum publish_use {
	PUBLISH_OWNS,  /* everything */
	PUBLISH_LOOKS, /* status, once: @memory is a private copy */
	PUBLISH_READS, /* explain and traffic: @memory changes meanwhile */
};

/**
 * publish_open() - take over what is in force, completing or undoing what was
 * cut short.
 * @memory, @ops: copied; what they point to is borrowed until publish_free().
 * @use: what for.
 *
 * Return: 0, -ENOMEM, -EUCLEAN (tables that can't be).
 */
MUST_CHECK int publish_open(const struct memory *memory,
			    const struct engine_ops *ops, void *e,
			    enum publish_use use, uint64_t now_ns,
			    struct publish **ret_publish);

/* Forget what is remembered; what is in force stays. NULL is fine. */
void publish_free(struct publish *p);

/* As in struct dp_ops. */
MUST_CHECK int publish_apply(struct publish *p,
			     const struct dp_snapshot *snapshot,
			     uint64_t now_ns, struct dp_result *ret);
uint64_t publish_tick(struct publish *p, uint64_t now_ns);
void publish_port_lost(struct publish *p, uint32_t ifindex, uint64_t now_ns);

MUST_CHECK int publish_glance(const struct publish *p, uint16_t number,
			      struct dp_glance *ret);

/**
 * publish_keeps_port() - does any number or client still use this port?
 *
 * For an engine that finds programs attached when it opens.
 */
bool publish_keeps_port(const struct publish *p, uint32_t ifindex);

/* The same for a bridge, and for programs beside XDP at the uplinks. */
bool publish_keeps_bridge(const struct publish *p, uint32_t ifindex);
bool publish_keeps_uplinks(const struct publish *p);

/**
 * publish_hook_uplinks() - attach what the uplinks need beside XDP.
 *
 * For an engine that has just opened: it knows its uplinks later than the
 * tables. Return: 0, or the engine's error.
 */
MUST_CHECK int publish_hook_uplinks(struct publish *p);

#endif
