/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The set of all members of all pools.
 */
#include "control/members.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void members_done(struct members *set)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		free(set->by_id[i]);
	free(set->by_name);
	free(set->by_vm);
	free(set->by_id);
	memset(set, 0, sizeof(*set));
}

/* Does the member go before this VM in this table? In front: any table. */
static bool goes_before(const struct rec_member *m,
			const uint8_t uuid[HV_UUID_SIZE], const char *table)
{
	const int order = memcmp(m->uuid, uuid, HV_UUID_SIZE);

	return order ? order < 0 : strcmp(m->table, table) < 0;
}

/* Where in by_vm it is, or belongs. */
static size_t place_of(const struct members *set,
		       const uint8_t uuid[HV_UUID_SIZE], const char *table)
{
	size_t low = 0;
	size_t high = set->n;
	size_t middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (goes_before(set->by_vm[middle], uuid, table))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct rec_member *members_find(const struct members *set, const char *table,
				const uint8_t uuid[HV_UUID_SIZE])
{
	const size_t at = place_of(set, uuid, table);
	struct rec_member *m;

	if (at == set->n)
		return NULL;
	m = set->by_vm[at];
	return !memcmp(m->uuid, uuid, HV_UUID_SIZE) &&
			       !strcmp(m->table, table) ?
		       m :
		       NULL;
}

struct rec_member *const *members_of(const struct members *set,
				     const uint8_t uuid[HV_UUID_SIZE],
				     size_t *ret_n)
{
	const size_t first = place_of(set, uuid, "");
	size_t end = first;

	while (end < set->n &&
	       !memcmp(set->by_vm[end]->uuid, uuid, HV_UUID_SIZE))
		end++;
	*ret_n = end - first;
	/* No arithmetic on NULL: an empty set has none. */
	return *ret_n ? set->by_vm + first : NULL;
}

struct rec_member *members_numbered(const struct members *set, uint64_t id)
{
	size_t low = 0;
	size_t high = set->n;
	size_t middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (set->by_id[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->n && set->by_id[low]->id == id ? set->by_id[low] :
							   NULL;
}

static int make_room(struct members *set)
{
	struct rec_member ***const lists[] = { &set->by_name, &set->by_vm,
					       &set->by_id };
	const size_t size = set->size ? set->size * 2 : 32;
	struct rec_member **list;
	size_t i;

	if (set->n < set->size)
		return 0;
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		list = reallocarray(*lists[i], size,
				    sizeof(struct rec_member *));
		if (!list)
			return -ENOMEM;
		*lists[i] = list;
	}
	set->size = size;
	return 0;
}

int members_add(struct members *set, const char *table,
		const uint8_t uuid[HV_UUID_SIZE],
		struct rec_member **ret_member)
{
	struct rec_member *m;
	size_t at;

	if (make_room(set))
		return -ENOMEM;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->id = ++set->last_id;
	m->answer.verdict = VERDICT_WAITING;
	m->answer.reason = VERDICT_N_REASONS;
	memcpy(m->uuid, uuid, HV_UUID_SIZE);
	snprintf(m->table, sizeof(m->table), "%s", table);
	m->family = family_split(m->table, m->pool_name);
	at = place_of(set, uuid, m->table);
	memmove(&set->by_vm[at + 1], &set->by_vm[at],
		(set->n - at) * sizeof(struct rec_member *));
	set->by_vm[at] = m;
	set->by_name[set->n] = m;
	set->by_id[set->n] = m;
	set->n++;
	set->sorted = false;
	*ret_member = m;
	return 0;
}

static int by_table_and_name(const void *a, const void *b)
{
	const struct rec_member *ma = *(struct rec_member *const *)a;
	const struct rec_member *mb = *(struct rec_member *const *)b;
	int order = strcmp(ma->table, mb->table);

	if (!order)
		order = strcmp(ma->vm_name, mb->vm_name);
	return order ? order : memcmp(ma->uuid, mb->uuid, HV_UUID_SIZE);
}

void members_sort(struct members *set)
{
	if (!set->sorted && set->n > 0)
		qsort(set->by_name, set->n, sizeof(struct rec_member *),
		      by_table_and_name);
	set->sorted = true;
}

struct rec_member *const *members_in(const struct members *set,
				     const char *table, size_t *ret_n)
{
	size_t low = 0;
	size_t high = set->n;
	size_t middle;
	size_t end;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(set->by_name[middle]->table, table) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	end = low;
	while (end < set->n && !strcmp(set->by_name[end]->table, table))
		end++;
	*ret_n = end - low;
	return *ret_n ? set->by_name + low : NULL;
}

/* Squeeze out of a list those that are to go. */
static void squeeze(struct rec_member **list, size_t n)
{
	size_t kept = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (!list[i]->leaves)
			list[kept++] = list[i];
}

void members_keep(struct members *set,
		  bool (*keep)(void *arg, struct rec_member *m), void *arg)
{
	struct rec_member *m;
	size_t kept = 0;
	size_t i;

	for (i = 0; i < set->n; i++)
		set->by_id[i]->leaves = !keep(arg, set->by_id[i]);
	squeeze(set->by_name, set->n);
	squeeze(set->by_vm, set->n);
	for (i = 0; i < set->n; i++) {
		m = set->by_id[i];
		if (m->leaves)
			free(m);
		else
			set->by_id[kept++] = m;
	}
	set->n = kept;
}
