/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What droverd must not forget: the operator's wishes, the pools' seeds, what
 * outside systems fed and the journal of events, in one SQLite file in the state
 * directory.
 *
 * A function that changes a wish, a seed, a feed or a value of meta returns 0 only
 * when the change is on disk: neither kill -9 nor a loss of power undoes it.
 * Events survive kill -9 at once and a loss of power once SQLite has moved
 * them from its log; nobody is told that an event "succeeded", and syncing the
 * disk for each would let a storm of events hold up the loop.
 *
 * A file that is damaged, not ours or of a newer schema is refused with a
 * text that says what to do, and left as it is.
 *
 * Times are wall clock, milliseconds since 1970. A VM is its UUID, a pool
 * "tenant/name". One thread. A call may wait for the disk: a change costs one
 * write and one sync.
 */
#ifndef CONTROL_STORE_H
#define CONTROL_STORE_H

#include "dataplane/core/base.h"
#include "dataplane/core/hash.h"

#define STORE_SCHEMA	 2     /* version of the tables */
#define STORE_EVENTS_MAX 10000 /* events kept by default */
#define STORE_ERROR_SIZE 512

struct store;

/**
 * struct store_drain - the wish that a VM gets no new flows, or that it does.
 * @uuid: the VM.
 * @pool: in which pool; "" = in all. A wish for one pool goes before that.
 * @drained: false takes a pool out of a drain of the whole VM.
 * @since_ms: when it was wished.
 * @deadline_ms: when it is over at the latest; 0 = never.
 * @quiet_after_ms: over after so long without a packet (a length of time);
 *                  0 = don't ask.
 * @at_deadline: "keep" or "reset".
 * @reason: the operator's words, may be "".
 */
struct store_drain {
	const char *uuid;
	const char *pool;
	bool drained;
	uint64_t since_ms;
	uint64_t deadline_ms;
	uint64_t quiet_after_ms;
	const char *at_deadline;
	const char *reason;
};

/**
 * struct store_weight - the wish that a VM has another weight.
 * @uuid: the VM.
 * @pool: in which pool; "" = in all. A wish for one pool goes before that.
 * @weight: instead of the pool's own.
 * @since_ms: when it was wished.
 */
struct store_weight {
	const char *uuid;
	const char *pool;
	uint32_t weight;
	uint64_t since_ms;
};

/**
 * struct store_feed - the machines that an outside system has told.
 * @source: the hypervisor that they belong to.
 * @fed_ms: when they were told last.
 * @lease_ms: for how long they were told (a length of time).
 * @machines: all of them, as feed.text has them.
 */
struct store_feed {
	const char *source;
	uint64_t fed_ms;
	uint64_t lease_ms;
	const char *machines;
};

/**
 * struct store_event - something that happened.
 * @seq: its number, grows by one; given by the store.
 * @time_ms: when.
 * @kind: of whom it tells: "vm", "pool", "service", "hypervisor", "node".
 * @name: its name, "hv1/web-1", "shop/web".
 * @uuid: of a VM, else "".
 * @what: what happened, a word: "joined", "drained", "lost".
 * @reason: why, for people.
 */
struct store_event {
	uint64_t seq;
	uint64_t time_ms;
	const char *kind;
	const char *name;
	const char *uuid;
	const char *what;
	const char *reason;
};

/* The strings that these get are gone when they return. Nonzero ends the list. */
typedef int store_drain_fn(const struct store_drain *drain, void *arg);
typedef int store_weight_fn(const struct store_weight *weight, void *arg);
typedef int store_feed_fn(const struct store_feed *feed, void *arg);
typedef int store_event_fn(const struct store_event *event, void *arg);

/**
 * store_open() - open the store, or make it.
 * @dir: the state directory; made if only its last part is missing.
 * @n_events: events to keep.
 * @ret_store: the store, for store_close().
 * @error: STORE_ERROR_SIZE bytes; filled on failure.
 *
 * Return: 0; -EUCLEAN if the file is damaged; -EMEDIUMTYPE if it is no store
 * of ours; -EPROTONOSUPPORT if its schema is newer; -EACCES, -EROFS, -ENOSPC,
 * -EBUSY, -EIO, -ENOMEM.
 */
MUST_CHECK int store_open(const char *dir, uint32_t n_events,
			  struct store **ret_store, char *error);

/**
 * store_close() - close it. NULL is fine.
 */
void store_close(struct store *store);

/**
 * store_error() - why the last call that failed did, for a log or an answer.
 *
 * Valid until the next call.
 */
const char *store_error(const struct store *store);

/**
 * store_drain_set() - keep a wish; it replaces one of the same VM and pool.
 *
 * Return: 0 or negative errno, as the functions below.
 */
MUST_CHECK int store_drain_set(struct store *store,
			       const struct store_drain *drain);

/**
 * store_drain_clear() - forget a wish; fine if there is none.
 * @pool: "" for the wish for the whole VM; NULL for all wishes for it.
 */
MUST_CHECK int store_drain_clear(struct store *store, const char *uuid,
				 const char *pool);

/**
 * store_drain_list() - all wishes, by VM and pool.
 *
 * Return: 0, what @fn returned, or negative errno.
 */
MUST_CHECK int store_drain_list(struct store *store, store_drain_fn *fn,
				void *arg);

/* The same for weights. */
MUST_CHECK int store_weight_set(struct store *store,
				const struct store_weight *weight);
MUST_CHECK int store_weight_clear(struct store *store, const char *uuid,
				  const char *pool);
MUST_CHECK int store_weight_list(struct store *store, store_weight_fn *fn,
				 void *arg);

/**
 * store_seed() - the secret seed of a pool (or of something else that hashes).
 * @subject: "tenant/name" of a pool.
 * @ret_seed: made of getrandom() the first time, the same ever after.
 */
MUST_CHECK int store_seed(struct store *store, const char *subject,
			  struct hash_seed *ret_seed);

/**
 * store_feed_set() - keep what a source fed; it replaces what that fed before.
 * @feed: without @machines those that are kept stay, told anew.
 */
MUST_CHECK int store_feed_set(struct store *store,
			      const struct store_feed *feed);

/**
 * store_feed_clear() - forget it; fine if there is none.
 */
MUST_CHECK int store_feed_clear(struct store *store, const char *source);

/**
 * store_feed_list() - all of them, by source.
 *
 * Return: 0, what @fn returned, or negative errno.
 */
MUST_CHECK int store_feed_list(struct store *store, store_feed_fn *fn,
			       void *arg);

/**
 * store_events_add() - append to the journal, all or none of them.
 * @events: their @seq is ignored.
 * @n: how many.
 * @ret_last_seq: number of the last one; may be NULL.
 */
MUST_CHECK int store_events_add(struct store *store,
				const struct store_event *events, size_t n,
				uint64_t *ret_last_seq);

/**
 * store_events_list() - the latest events, the oldest of them first.
 * @after_seq: only those after this one; 0 = any.
 * @max: at most so many, the latest.
 *
 * Return: 0, what @fn returned, or negative errno.
 */
MUST_CHECK int store_events_list(struct store *store, uint64_t after_seq,
				 uint32_t max, store_event_fn *fn, void *arg);

/**
 * store_meta_set() - keep a value under a key.
 */
MUST_CHECK int store_meta_set(struct store *store, const char *key,
			      const char *value);

/**
 * store_meta_get() - read it back.
 * @buf: gets the value, never cut.
 * @size: of @buf.
 *
 * Return: 0; -ENOENT if there is none; -ENOBUFS if it is longer.
 */
MUST_CHECK int store_meta_get(struct store *store, const char *key, char *buf,
			      size_t size);

#endif
