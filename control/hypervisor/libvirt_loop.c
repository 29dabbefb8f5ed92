/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libvirt's event loop, in a thread of its own, one for the process.
 *
 * libvirt knows one event implementation a process and calls it from any
 * thread that happens to make a call. Its own implementation has the locks for
 * that; ours, on libevent, would need them on everything, so it isn't ours.
 */
#include "control/hypervisor/libvirt_hv.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <libvirt/virterror.h>

/* Global because libvirt's is: the loop can be registered once a process. */
static struct {
	pthread_mutex_t lock;
	pthread_t thread;
	unsigned int users;
	bool registered;
	atomic_bool stop;
} loop = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Without it libvirt prints each error; we have it from the call that failed. */
static void ignore_error(void *arg, virErrorPtr error)
{
	(void)arg;
	(void)error;
}

static void stop_now(int timer, void *arg)
{
	(void)arg;
	virEventRemoveTimeout(timer);
	atomic_store(&loop.stop, true);
}

int libvirt_thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(thread, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

int libvirt_thread(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;
	int err;

	err = libvirt_thread_start(&thread, fn, arg);
	if (!err)
		pthread_detach(thread);
	return err;
}

static void *run(void *arg)
{
	(void)arg;
	while (!atomic_load(&loop.stop))
		if (virEventRunDefaultImpl() < 0)
			break;
	return NULL;
}

static int start(void)
{
	if (!loop.registered) {
		virSetErrorFunc(NULL, ignore_error);
		if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
			return -EIO;
		loop.registered = true;
	}
	atomic_store(&loop.stop, false);
	return libvirt_thread_start(&loop.thread, run, NULL);
}

int libvirt_loop_get(void)
{
	int err;

	pthread_mutex_lock(&loop.lock);
	err = loop.users ? 0 : start();
	if (!err)
		loop.users++;
	pthread_mutex_unlock(&loop.lock);
	return err;
}

void libvirt_loop_put(void)
{
	pthread_mutex_lock(&loop.lock);
	if (--loop.users == 0) {
		/* A timer wakes the loop, and lets it clean up first. */
		if (virEventAddTimeout(0, stop_now, NULL, NULL) < 0)
			abort(); /* without memory for one timer */
		pthread_join(loop.thread, NULL);
	}
	pthread_mutex_unlock(&loop.lock);
}
