/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The first list of a connection: every VM is read.
 *
 * DOC: listers
 *
 * Libvirt tells one definition a call, and takes its time over it: the time of
 * a round trip, or of printing it, where it is in this process. So a few
 * listers ask at once, each for the next VM that nobody has asked for. The
 * reader takes over what they bring, in whatever order, and serves hints
 * meanwhile, even while libvirt keeps one of them waiting.
 *
 * They use the reader's connection, and the reader waits for their end before
 * it goes on.
 */
#include "control/hypervisor/libvirt_hv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

/* With the reader one less than libvirtd takes of a client by default (5). */
#define LISTERS 3

/**
 * struct asked - a VM that has been asked for.
 * @answer: what libvirt said, if not @err.
 */
struct asked {
	STAILQ_ENTRY(asked) next;
	struct libvirt_answer answer;
	int err;
};

/**
 * struct listing - a list that is being read; @next and @done under the lock.
 * @hv: the hypervisor.
 * @vms: all VMs.
 * @asked: room for as many.
 * @n: their number.
 * @next: the first that nobody has asked for.
 * @done: for the reader.
 */
struct listing {
	struct hv *hv;
	const struct libvirt_listed *vms;
	struct asked *asked;
	size_t n;
	size_t next;
	STAILQ_HEAD(, asked) done;
};

static void *lister(void *arg)
{
	struct listing *l = arg;
	struct hv *hv = l->hv;
	struct asked *asked;
	size_t i;

	pthread_mutex_lock(&hv->lock);
	while (l->next < l->n) {
		i = l->next++;
		pthread_mutex_unlock(&hv->lock);
		asked = &l->asked[i];
		asked->err = libvirt_fetch(hv, l->vms[i].dom, &l->vms[i],
					   &asked->answer);
		pthread_mutex_lock(&hv->lock);
		if (STAILQ_EMPTY(&l->done))
			pthread_cond_broadcast(&hv->wake);
		STAILQ_INSERT_TAIL(&l->done, asked, next);
	}
	pthread_mutex_unlock(&hv->lock);
	return NULL;
}

/* The next that a lister has brought. NULL: there are hints to be served. */
static struct asked *await(struct listing *l)
{
	struct hv *hv = l->hv;
	struct asked *asked;

	pthread_mutex_lock(&hv->lock);
	while (STAILQ_EMPTY(&l->done) && hv->n_hints == 0)
		pthread_cond_wait(&hv->wake, &hv->lock);
	asked = STAILQ_FIRST(&l->done);
	if (asked)
		STAILQ_REMOVE_HEAD(&l->done, next);
	pthread_mutex_unlock(&hv->lock);
	return asked;
}

static int take(struct hv *hv, struct asked *asked)
{
	bool sent;
	int err = asked->err;

	if (!err)
		err = libvirt_tell(hv, &asked->answer, READ_LIST, &sent);
	libvirt_answer_done(&asked->answer);
	return libvirt_carry_on(hv, err);
}

static int take_all(struct listing *l, void (*between)(struct hv *hv))
{
	size_t left = l->n;
	struct asked *asked;
	int err = 0;

	while (left > 0 && !err) {
		asked = await(l);
		if (asked) {
			err = take(l->hv, asked);
			left--;
		}
		between(l->hv);
	}
	return err;
}

/* Nothing more is asked for, and what is still brought is not wanted. */
static void end(struct listing *l, const pthread_t *threads, size_t n_threads)
{
	struct asked *asked;
	size_t i;

	pthread_mutex_lock(&l->hv->lock);
	l->next = l->n;
	pthread_mutex_unlock(&l->hv->lock);
	for (i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	STAILQ_FOREACH(asked, &l->done, next)
	libvirt_answer_done(&asked->answer);
	free(l->asked);
}

int libvirt_list(struct hv *hv, const struct libvirt_listed *vms, size_t n,
		 void (*between)(struct hv *hv))
{
	struct listing l = { .hv = hv, .vms = vms, .n = n };
	pthread_t threads[LISTERS];
	size_t n_threads = 0;
	int err;

	STAILQ_INIT(&l.done);
	l.asked = calloc(n + 1, sizeof(*l.asked));
	if (!l.asked)
		return -ENOMEM;
	while (n_threads < LISTERS && n_threads < n &&
	       !libvirt_thread_start(&threads[n_threads], lister, &l))
		n_threads++;
	if (!n_threads)
		(void)lister(&l); /* so it takes a little longer */
	err = take_all(&l, between);
	end(&l, threads, n_threads);
	return err;
}
