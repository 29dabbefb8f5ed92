/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The queue between drivers and the loop: order, readability, many threads.
 */
#include "control/hypervisor/driver.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_THREADS    4
#define N_PER_THREAD 5000

static bool is_readable(const struct hv_queue *queue, int timeout_ms)
{
	struct pollfd fd = { .fd = hv_queue_fd(queue), .events = POLLIN };

	return poll(&fd, 1, timeout_ms) == 1;
}

static void push(struct hv_queue *queue, uint64_t at_ns, void *arg)
{
	struct hv_event *event;

	event = hv_event_new(HV_EVENT_GONE, at_ns);
	if (!event)
		abort();
	event->arg = arg;
	hv_queue_push(queue, event);
}

static void test_order(void **state)
{
	struct hv_queue *queue;
	struct hv_event *event;
	uint64_t i;

	(void)state;
	assert_int_equal(hv_queue_new(&queue), 0);
	assert_false(is_readable(queue, 0));
	assert_null(hv_queue_pop(queue));
	for (i = 1; i <= 3; i++)
		push(queue, i, NULL);
	for (i = 1; i <= 3; i++) {
		assert_true(is_readable(queue, 0));
		event = hv_queue_pop(queue);
		assert_int_equal(event->at_ns, i);
		assert_true(event->queued_ns > 0);
		hv_event_free(event);
	}
	assert_false(is_readable(queue, 0));
	push(queue, 4, NULL); /* what nobody pops goes with the queue */
	hv_queue_free(queue);
	hv_queue_free(NULL);
}

struct pusher {
	struct hv_queue *queue;
	uint64_t next_ns;
	pthread_t thread;
};

static void *run(void *arg)
{
	struct pusher *pusher = arg;
	uint64_t i;

	for (i = 1; i <= N_PER_THREAD; i++)
		push(pusher->queue, i, pusher);
	return NULL;
}

/* All come, each thread's in its order, and the fd never misses one. */
static void test_threads(void **state)
{
	struct pusher pushers[N_THREADS] = { 0 };
	struct hv_queue *queue;
	struct hv_event *event;
	struct pusher *from;
	size_t i, n;

	(void)state;
	assert_int_equal(hv_queue_new(&queue), 0);
	for (i = 0; i < N_THREADS; i++) {
		pushers[i].queue = queue;
		assert_int_equal(pthread_create(&pushers[i].thread, NULL, run,
						&pushers[i]),
				 0);
	}
	for (n = 0; n < (size_t)N_THREADS * N_PER_THREAD;) {
		assert_true(is_readable(queue, 5000));
		while ((event = hv_queue_pop(queue))) {
			from = event->arg;
			assert_int_equal(event->at_ns, ++from->next_ns);
			hv_event_free(event);
			n++;
		}
	}
	for (i = 0; i < N_THREADS; i++)
		pthread_join(pushers[i].thread, NULL);
	assert_false(is_readable(queue, 0));
	hv_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
