/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happened and why.
 */
#include "control/journal.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "control/log.h"
#include "control/store.h"
#include "control/text.h"

#define NAME_SIZE   160
#define REASON_SIZE 320

struct entry {
	STAILQ_ENTRY(entry) next;
	uint64_t time_ms;
	char kind[16];
	char name[NAME_SIZE];
	char uuid[40];
	char what[24];
	char reason[REASON_SIZE];
};

struct follower {
	LIST_ENTRY(follower) next;
	journal_fn *fn;
	void *arg;
};

struct journal {
	struct store *store;
	struct event *write;
	STAILQ_HEAD(, entry) entries;
	size_t n_entries;
	LIST_HEAD(, follower) followers;
};

static void write_now(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	journal_flush(arg);
}

int journal_new(struct event_base *base, struct store *store,
		struct journal **ret_journal)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return -ENOMEM;
	journal->store = store;
	STAILQ_INIT(&journal->entries);
	LIST_INIT(&journal->followers);
	journal->write = event_new(base, -1, 0, write_now, journal);
	if (!journal->write) {
		free(journal);
		return -ENOMEM;
	}
	*ret_journal = journal;
	return 0;
}

void journal_free(struct journal *journal)
{
	struct follower *f;

	if (!journal)
		return;
	journal_flush(journal);
	while ((f = LIST_FIRST(&journal->followers)) != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): off the list */
		journal_unfollow(journal, f);
	event_free(journal->write);
	free(journal);
}

static uint64_t wall_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void journal_add(struct journal *journal, const char *kind, const char *name,
		 const char *uuid, const char *what, const char *format, ...)
{
	static const struct timeval at_once = { 0, 0 };
	struct entry *e = calloc(1, sizeof(*e));
	va_list args;

	if (!e) {
		log_err("journal: out of memory, \"%s %s %s\" is not kept",
			kind, name, what);
		return;
	}
	e->time_ms = wall_clock_ms();
	snprintf(e->kind, sizeof(e->kind), "%s", kind);
	snprintf(e->name, sizeof(e->name), "%s", name);
	snprintf(e->uuid, sizeof(e->uuid), "%s", uuid);
	snprintf(e->what, sizeof(e->what), "%s", what);
	va_start(args, format);
	vsnprintf(e->reason, sizeof(e->reason), format, args);
	va_end(args);
	text_clean(e->name);
	text_clean(e->reason);
	log_info("%s %s: %s: %s", kind, name, what, e->reason);
	STAILQ_INSERT_TAIL(&journal->entries, e, next);
	journal->n_entries++;
	event_add(journal->write, &at_once);
}

static void tell(struct journal *journal, const struct store_event *event)
{
	struct follower *f;
	struct follower *next;

	for (f = LIST_FIRST(&journal->followers); f; f = next) {
		next = LIST_NEXT(f, next);
		f->fn(f->arg, event);
	}
}

static void release_entries(struct journal *journal)
{
	struct entry *e;

	while ((e = STAILQ_FIRST(&journal->entries)) != NULL) {
		STAILQ_REMOVE_HEAD(&journal->entries, next);
		free(e);
	}
	journal->n_entries = 0;
}

void journal_flush(struct journal *journal)
{
	size_t n = journal->n_entries;
	struct store_event *events;
	uint64_t last_seq = 0;
	struct entry *e;
	size_t i = 0;

	if (!n)
		return;
	events = calloc(n, sizeof(*events));
	if (!events) {
		log_err("journal: out of memory, %zu events wait", n);
		return;
	}
	STAILQ_FOREACH(e, &journal->entries, next)
	{
		events[i++] = (struct store_event){
			.time_ms = e->time_ms,
			.kind = e->kind,
			.name = e->name,
			.uuid = e->uuid,
			.what = e->what,
			.reason = e->reason,
		};
	}
	if (store_events_add(journal->store, events, n, &last_seq))
		log_err("journal: %zu events are in this log only: %s", n,
			store_error(journal->store));
	for (i = 0; i < n; i++) {
		events[i].seq = last_seq ? last_seq - n + 1 + i : 0;
		tell(journal, &events[i]);
	}
	free(events);
	release_entries(journal);
}

void *journal_follow(struct journal *journal, journal_fn *fn, void *arg)
{
	struct follower *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->fn = fn;
	f->arg = arg;
	LIST_INSERT_HEAD(&journal->followers, f, next);
	return f;
}

void journal_unfollow(struct journal *journal, void *id)
{
	struct follower *f = id;

	(void)journal;
	LIST_REMOVE(f, next);
	free(f);
}

json_t *journal_render(const struct store_event *event)
{
	return json_pack("{s:I,s:I,s:s,s:s,s:s,s:s,s:s}", "seq",
			 (json_int_t)event->seq, "time_ms",
			 (json_int_t)event->time_ms, "kind", event->kind,
			 "name", event->name, "uuid", event->uuid, "what",
			 event->what, "reason", event->reason);
}
