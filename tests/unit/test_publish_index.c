/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dataplane/publish_index: the number of each of many VMs, against a plain look
 * through all of them. A VM that is not found would get a second number.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/publish_state.h"

#define N_BACKENDS 2000U
#define N_POOLS	   7U

struct fixture {
	struct publish publish;
	struct memory_meta meta;
	struct backend_info info[N_BACKENDS + 1];
};

/* What UUIDs have in common: nothing, the one end, the other. */
enum likeness { RANDOM, SAME_BEGINNING, SAME_END, N_LIKENESSES };

static void uuid_make(uint32_t i, enum likeness likeness, uint8_t *ret_uuid)
{
	int k;

	memset(ret_uuid, 0xab, DP_UUID_SIZE);
	switch (likeness) {
	case RANDOM:
		for (k = 0; k < DP_UUID_SIZE; k++)
			ret_uuid[k] = (uint8_t)random();
		break;
	case SAME_BEGINNING:
		memcpy(ret_uuid + DP_UUID_SIZE - sizeof(i), &i, sizeof(i));
		break;
	case SAME_END:
		memcpy(ret_uuid, &i, sizeof(i));
		break;
	case N_LIKENESSES:
		break;
	}
}

/* All numbers are given, a third of them to VMs that retire. */
static void fill(struct fixture *f, enum likeness likeness)
{
	uint32_t i;

	for (i = 1; i <= N_BACKENDS; i++) {
		f->info[i] = (struct backend_info){
			.pool = i % N_POOLS,
			.state = i % 3 ? NUMBER_IN_FORCE : NUMBER_RETIRING,
		};
		uuid_make(i, likeness, f->info[i].uuid);
	}
	index_make(&f->publish);
}

static uint16_t look_through(const struct fixture *f, uint32_t pool,
			     const uint8_t *uuid)
{
	uint16_t i;

	for (i = 1; i <= N_BACKENDS; i++)
		if (f->info[i].state == NUMBER_IN_FORCE &&
		    f->info[i].pool == pool &&
		    !memcmp(f->info[i].uuid, uuid, DP_UUID_SIZE))
			return i;
	return BACKEND_NONE;
}

static void check_all(const struct fixture *f)
{
	uint32_t pool;
	uint32_t i;

	for (i = 1; i <= N_BACKENDS; i++)
		for (pool = 0; pool < N_POOLS; pool++)
			assert_int_equal(backend_number(&f->publish, pool,
							f->info[i].uuid),
					 look_through(f, pool,
						      f->info[i].uuid));
}

static void test_index(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int likeness;
	uint32_t i;

	(void)state;
	assert_non_null(f);
	f->meta.limits.n_backends = N_BACKENDS;
	f->publish.m.meta = &f->meta;
	f->publish.m.backend_info = f->info;
	assert_int_equal(index_new(&f->publish), 0);
	srandom(1);
	for (likeness = 0; likeness < N_LIKENESSES; likeness++) {
		fill(f, (enum likeness)likeness);
		check_all(f);
		/* Some go and others come before it is made anew. */
		for (i = 2; i <= N_BACKENDS; i += 5)
			f->info[i].state = NUMBER_RETIRING;
		for (i = 3; i <= N_BACKENDS; i += 3) {
			f->info[i].state = NUMBER_IN_FORCE;
			index_add(&f->publish, (uint16_t)i);
		}
		check_all(f);
	}
	free(f->publish.index);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
