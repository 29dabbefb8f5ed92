/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happened and why: into the store, the log, and to whoever follows.
 *
 * Events are collected and written at once at the end of the loop's turn: a
 * host that comes back with a hundred VMs costs one transaction.
 */
#ifndef CONTROL_JOURNAL_H
#define CONTROL_JOURNAL_H

#include <jansson.h>

#include "dataplane/core/base.h"

struct event_base;
struct store;
struct store_event;
struct journal;

/**
 * journal_new() - events go to this store.
 * @base: the loop, for writing at the end of its turn.
 */
MUST_CHECK int journal_new(struct event_base *base, struct store *store,
			   struct journal **ret_journal);

/* Writes what is left, then releases it. NULL is fine. */
void journal_free(struct journal *journal);

/**
 * journal_add() - something happened now.
 * @kind: "vm", "pool", "service", "hypervisor", "node".
 * @name: whom it happened to.
 * @uuid: of a VM, else "".
 * @what: a word.
 * @reason: why, for people.
 */
void journal_add(struct journal *journal, const char *kind, const char *name,
		 const char *uuid, const char *what, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* Write what was collected, now. */
void journal_flush(struct journal *journal);

typedef void journal_fn(void *arg, const struct store_event *event);

/**
 * journal_follow() - be told each event once it is written.
 * Return: an id for journal_unfollow(), or NULL without memory.
 */
void *journal_follow(struct journal *journal, journal_fn *fn, void *arg);
void journal_unfollow(struct journal *journal, void *id);

/* An event in the API's field names. */
json_t *journal_render(const struct store_event *event);

#endif
