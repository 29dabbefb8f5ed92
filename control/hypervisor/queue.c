/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The queue between drivers' threads and control's loop: a list under a lock,
 * and an eventfd that is readable while the list is not empty, or as soon as
 * the last of a driver's many events is in it.
 *
 * The lock is held for a few stores only, so a driver never waits for the loop.
 * Its length is bounded by what drivers know: a VM's events are made from
 * hints that are merged before the VM is read.
 */
#include "control/hypervisor/driver.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct hv_queue {
	pthread_mutex_t lock;
	struct hv_event *first;
	struct hv_event **last; /* where the next one is linked */
	int fd;
	bool woken; /* fd is readable */
};

int hv_queue_new(struct hv_queue **ret_queue)
{
	struct hv_queue *queue;
	int err;

	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	queue->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (queue->fd < 0) {
		err = -errno;
		free(queue);
		return err;
	}
	pthread_mutex_init(&queue->lock, NULL);
	queue->last = &queue->first;
	*ret_queue = queue;
	return 0;
}

void hv_queue_free(struct hv_queue *queue)
{
	struct hv_event *event;

	if (!queue)
		return;
	while ((event = hv_queue_pop(queue)))
		hv_event_free(event);
	close(queue->fd);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

int hv_queue_fd(const struct hv_queue *queue)
{
	return queue->fd;
}

struct hv_event *hv_queue_pop(struct hv_queue *queue)
{
	struct hv_event *event;
	eventfd_t n;

	pthread_mutex_lock(&queue->lock);
	event = queue->first;
	if (event) {
		queue->first = event->next;
		event->next = NULL;
	}
	if (!queue->first) {
		queue->last = &queue->first;
		if (queue->woken)
			(void)eventfd_read(queue->fd, &n);
		queue->woken = false;
	}
	pthread_mutex_unlock(&queue->lock);
	return event;
}

void hv_queue_push(struct hv_queue *queue, struct hv_event *event)
{
	bool wake;

	event->next = NULL;
	event->queued_ns = hv_clock_ns();
	pthread_mutex_lock(&queue->lock);
	wake = !event->more && !queue->woken;
	*queue->last = event;
	queue->last = &event->next;
	queue->woken = queue->woken || wake;
	if (wake)
		(void)eventfd_write(queue->fd, 1);
	pthread_mutex_unlock(&queue->lock);
}
