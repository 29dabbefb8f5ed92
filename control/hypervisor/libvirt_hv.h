/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the libvirt driver share: one watched hypervisor.
 *
 * DOC: threads
 *
 * loop	   One for the process (libvirt_loop.c): libvirt's own event loop.
 *	   Callbacks (libvirt_watch.c) run here. They never call libvirt back:
 *	   an end goes into the queue as it is, all else becomes a hint.
 * reader  One a hypervisor (libvirt.c): connects, lists, reads the VMs that
 *	   hints name, polls. It never uses a QEMU's monitor, so a hung QEMU
 *	   holds up nothing; but libvirtd may keep it waiting while it starts
 *	   or stops the VM that is being read, which is why ends don't pass here.
 * lister  A few while the reader takes a connection's first list
 *	   (libvirt_list.c); they ask for definitions, the reader tells them.
 * asker   At most one at work a hypervisor (libvirt_addr.c), with a connection
 *	   of its own, started when needed: calls that may block.
 * tagger  The same, for one change of a VM's tags (libvirt_tag.c).
 *
 * The owner's thread opens and closes. A struct hv is freed by whoever lets go
 * of it last, since a blocked thread may outlive hv_driver.close().
 */
#ifndef CONTROL_HYPERVISOR_LIBVIRT_HV_H
#define CONTROL_HYPERVISOR_LIBVIRT_HV_H

#include <pthread.h>

#include <libvirt/libvirt.h>

#include "control/hypervisor/driver.h"

#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

/* Lifecycle, and those that not every kind of hypervisor has. */
#define WATCH_MAX 8

/**
 * struct hv_known - what the driver remembers of a VM.
 * @uuid: which.
 * @digest: of all that was last sent about it.
 * @run: number of the run, 0 = does not run.
 * @state: libvirt's, as last read.
 * @reason: libvirt's, as last read.
 * @read_ns: when that was, as hv_vm.read_ns.
 * @poll: number of the poll in which it was last seen.
 * @was_up: has been seen running in this run.
 * @ask_lease: its addresses may be found in leases.
 * @ask_agent: its agent may tell addresses.
 * @found: the last answer had addresses.
 * @ask_since_ns: since when it is worth asking.
 * @ask_due_ns: when to ask next.
 */
struct hv_known {
	uint8_t uuid[HV_UUID_SIZE];
	uint64_t digest;
	int run;
	int state;
	int reason;
	uint64_t read_ns;
	uint64_t poll;
	bool was_up;
	bool ask_lease;
	bool ask_agent;
	bool found;
	uint64_t ask_since_ns;
	uint64_t ask_due_ns;
};

/**
 * struct hv_hint - a VM to be read again.
 * @uuid: which.
 * @dom: it as the event named it, which saves the reader from looking it up;
 *	ours, NULL = to be looked up.
 * @at_ns: when the first of the hints came.
 */
struct hv_hint {
	uint8_t uuid[HV_UUID_SIZE];
	virDomainPtr dom;
	uint64_t at_ns;
};

/* One question to the asker. */
struct hv_question {
	uint8_t uuid[HV_UUID_SIZE];
	bool lease;
	bool agent;
};

/**
 * struct hv - one watched hypervisor.
 * @settings: its own copy.
 * @lock: for all that follows up to @wake; never held during a call.
 * @refs: owner, threads, callbacks.
 * @closed: the owner is done with it: no more events, threads end.
 * @lost: there is no connection, or it has been closed under us.
 * @hint_failed: a hint was lost for want of memory: poll at once.
 * @hints: to be read, in order.
 * @n_hints: their number.
 * @max_hints: room.
 * @known: all VMs; changed by the reader only.
 * @n_known: their number.
 * @max_known: room.
 * @questions: for the asker.
 * @n_questions: their number.
 * @max_questions: room.
 * @asker: the one at work, or NULL.
 * @tagger: the one at work, or NULL.
 * @n_lost_taggers: those that were given up and are still blocked.
 * @n_threads: threads that run and are not given up.
 * @counters: as in driver.h.
 * @wake: something for the reader, or a thread has ended.
 * @ask: something for the asker.
 * @conn: the reader's.
 * @watches: the callbacks' numbers, -1 = none.
 * @listed: the reader's: this connection's first list is complete.
 * @list: the reader's: of the last poll, until libvirt_forget_list().
 * @n_polls: the reader's.
 * @n_sent: the reader's: VMs sent for first lists.
 * @refresh: the reader's: where the next full reads go on.
 */
struct hv {
	struct hv_settings settings;
	pthread_mutex_t lock;
	unsigned int refs;
	bool closed;
	bool lost;
	bool hint_failed;
	struct hv_hint *hints;
	size_t n_hints;
	size_t max_hints;
	struct hv_known **known;
	size_t n_known;
	size_t max_known;
	struct hv_question *questions;
	size_t n_questions;
	size_t max_questions;
	struct hv_asker *asker;
	struct hv_tagger *tagger;
	unsigned int n_lost_taggers;
	unsigned int n_threads;
	struct hv_counters counters;
	pthread_cond_t wake;
	pthread_cond_t ask;
	virConnectPtr conn;
	int watches[WATCH_MAX];
	bool listed;
	virDomainStatsRecordPtr *list;
	uint64_t n_polls;
	uint64_t n_sent;
	size_t refresh;
};

/* libvirt_loop.c: keep the loop running while somebody needs it. */
MUST_CHECK int libvirt_loop_get(void);
void libvirt_loop_put(void);

/* A thread that gets no signals, which are the control thread's. */
MUST_CHECK int libvirt_thread_start(pthread_t *thread, void *(*fn)(void *arg),
				    void *arg);

/* The same, detached. */
MUST_CHECK int libvirt_thread(void *(*fn)(void *arg), void *arg);

/* libvirt.c */
struct hv *hv_ref(struct hv *hv);
void hv_unref(struct hv *hv);

/**
 * hv_thread_start() - a thread of this hypervisor's, which keeps it and the
 * loop; under the lock.
 * @fn: gets @arg; takes the lock before it ends, by hv_thread_end().
 */
MUST_CHECK int hv_thread_start(struct hv *hv, void *(*fn)(void *arg),
			       void *arg);

/**
 * hv_thread_end() - the last call of such a thread.
 * @given_up: hv.n_threads does not count it any more.
 */
void hv_thread_end(struct hv *hv, bool given_up);

/* What libvirt said of the call that failed last in this thread. */
const char *libvirt_error(void);

/* For CLEANUP(). */
void libvirt_domain_freep(virDomainPtr *dom);

/**
 * hv_send() - put an event into the queue, if the owner still listens.
 */
void hv_send(struct hv *hv, struct hv_event *event);

/**
 * hv_hint() - have a VM read again. Any thread.
 */
void hv_hint(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE]);

/**
 * hv_hint_domain() - the same, by an event. No call of libvirt's server.
 * @dom: stays the caller's.
 */
void hv_hint_domain(struct hv *hv, virDomainPtr dom);

/**
 * libvirt_watch() - register for events. All kinds but lifecycle may fail.
 *
 * Return: 0, or -EIO when there would be no events.
 */
MUST_CHECK int libvirt_watch(struct hv *hv);
void libvirt_unwatch(struct hv *hv);

/* libvirt_known.c: hv->known, sorted by UUID. */
struct hv_known *hv_known_find(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE]);
struct hv_known *hv_known_add(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE]);
void hv_known_remove(struct hv *hv, struct hv_known *known);
void hv_known_free(struct hv *hv);

/**
 * enum read_why - why a VM is read.
 * @READ_LIST: it is in the first list of a connection.
 * @READ_HINT: an event named it.
 * @READ_POLL: the poll wants to see.
 *
 * At a poll it is sent only if something changed; else always, because what it
 * is compared with may have been overtaken by an end.
 */
enum read_why {
	READ_LIST,
	READ_HINT,
	READ_POLL,
};

/**
 * struct libvirt_listed - a VM in a list.
 * @dom: who lists keeps it.
 * @state, @reason: libvirt's; -1: the list does not tell.
 * @at_ns: when the list was asked for.
 */
struct libvirt_listed {
	virDomainPtr dom;
	int state;
	int reason;
	uint64_t at_ns;
};

/**
 * struct libvirt_answer - what libvirt said of a VM.
 * @vm: all but its state; released by libvirt_answer_done().
 * @state, @reason: libvirt's.
 * @digest: of all that was said.
 */
struct libvirt_answer {
	struct hv_vm *vm;
	int state;
	int reason;
	uint64_t digest;
};

/* libvirt_read.c, by the reader only, but for libvirt_fetch(). */

/**
 * libvirt_fetch() - ask libvirt about a VM. Any thread.
 * @dom: which.
 * @listed: it in a list that has just been asked for, else NULL. A state that
 *	it tells is not asked for again, unless the definition shows that the VM
 *	started or ended since.
 * @answer: gets what it says.
 *
 * Return: 0; -ENOMEM; -EIO when libvirt did not answer sensibly: try later.
 */
MUST_CHECK int libvirt_fetch(struct hv *hv, virDomainPtr dom,
			     const struct libvirt_listed *listed,
			     struct libvirt_answer *answer);
void libvirt_answer_done(struct libvirt_answer *answer);

/**
 * libvirt_tell() - send what libvirt said, unless the reader knows something
 * later.
 * @answer: is empty afterwards or still to be released.
 * @why: said in the event.
 * @ret_sent: whether an event was sent.
 *
 * Return: 0 or -ENOMEM.
 */
MUST_CHECK int libvirt_tell(struct hv *hv, struct libvirt_answer *answer,
			    enum read_why why, bool *ret_sent);

/**
 * libvirt_read() - both, and say so if there is no such VM.
 * @uuid: which VM.
 * @dom: the same if it is at hand, else NULL.
 * @listed: as for libvirt_fetch().
 * @ret_sent: whether an event was sent, what it is or that it is gone.
 *
 * Return: as of libvirt_fetch().
 */
MUST_CHECK int libvirt_read(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE],
			    virDomainPtr dom,
			    const struct libvirt_listed *listed,
			    enum read_why why, bool *ret_sent);

/* One of hv->counters. */
void libvirt_count(struct hv *hv, uint64_t *counter);

/**
 * libvirt_list() - read all VMs of a list (libvirt_list.c).
 * @between: called after each of them, to serve what is urgent.
 *
 * Return: 0; -EIO when the connection is no good; -ENOMEM.
 */
MUST_CHECK int libvirt_list(struct hv *hv, const struct libvirt_listed *vms,
			    size_t n, void (*between)(struct hv *hv));

/* libvirt_poll.c, by the reader only. */

/**
 * libvirt_poll() - list all VMs: read them, if it is the first list of the
 * connection, else repair what events missed.
 * @between: called after each VM that was looked at, to serve what is urgent.
 *
 * Return: 0; -EIO when the connection is no good; -ENOMEM.
 */
MUST_CHECK int libvirt_poll(struct hv *hv, void (*between)(struct hv *hv));

/* Trouble with one VM is no trouble with the others: is it with all? */
int libvirt_carry_on(struct hv *hv, int err);

/**
 * libvirt_forget_list() - release what the last poll got. Not done by it: with
 * thousands of VMs that takes milliseconds, and somebody waits for the list.
 */
void libvirt_forget_list(struct hv *hv);

/* libvirt_state.c: libvirt's words. */
void libvirt_state(const struct hv_known *known, int state, int reason,
		   struct hv_vm *vm);
enum hv_end libvirt_stopped(int detail);
const char *libvirt_stopped_text(int detail);

/* libvirt_addr.c, by the reader only. */

/**
 * libvirt_ask() - have the addresses found of all VMs that are due.
 *
 * Gives up calls that are past their deadline and starts the asker if needed.
 *
 * Return: when to call again.
 */
uint64_t libvirt_ask(struct hv *hv, uint64_t now_ns);

/**
 * libvirt_ask_set() - what there is to ask about a VM, after it was read.
 */
void libvirt_ask_set(struct hv_known *known, const struct hv_vm *vm);

/* libvirt_tag.c: as hv_driver.tag. */
MUST_CHECK int libvirt_tag(struct hv *hv, const struct hv_tag_request *request);

#endif
