/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The set of all members of all pools, in the orders that they are asked for.
 * Part of reconcile.
 */
#ifndef CONTROL_MEMBERS_H
#define CONTROL_MEMBERS_H

#include "control/reconcile.h"

/**
 * struct members - the set; a zeroed one is empty.
 * @by_name: by table and name, as of the last members_sort().
 * @by_vm: by UUID, then table: always.
 * @by_id: by number: always, since numbers only grow.
 * @n: how many there are.
 * @size: room in each of the three.
 * @last_id: the last number that was given.
 * @sorted: @by_name is in order.
 */
struct members {
	struct rec_member **by_name;
	struct rec_member **by_vm;
	struct rec_member **by_id;
	size_t n;
	size_t size;
	uint64_t last_id;
	bool sorted;
};

/* Release all of them. */
void members_done(struct members *set);

/**
 * members_add() - a member that is not there yet.
 * @table: where.
 * @ret_member: it; not judged yet; else zero but for its number and who it is.
 *
 * Return: 0 or -ENOMEM.
 */
MUST_CHECK int members_add(struct members *set, const char *table,
			   const uint8_t uuid[HV_UUID_SIZE],
			   struct rec_member **ret_member);

/* NULL if there is none. */
struct rec_member *members_find(const struct members *set, const char *table,
				const uint8_t uuid[HV_UUID_SIZE]);
struct rec_member *members_numbered(const struct members *set, uint64_t id);

/**
 * members_of() - the members that are one VM, one a table.
 * @ret_n: their number.
 *
 * Return: the first in members.by_vm.
 */
struct rec_member *const *members_of(const struct members *set,
				     const uint8_t uuid[HV_UUID_SIZE],
				     size_t *ret_n);

/**
 * members_in() - the members of one table.
 * @set: sorted.
 * @ret_n: their number.
 *
 * Return: the first in members.by_name.
 */
struct rec_member *const *members_in(const struct members *set,
				     const char *table, size_t *ret_n);

/* Bring members.by_name in order, if it isn't. */
void members_sort(struct members *set);

/**
 * members_keep() - forget all others; orders stay.
 * @keep: says which to keep; those it refuses are freed after the call.
 */
void members_keep(struct members *set,
		  bool (*keep)(void *arg, struct rec_member *m), void *arg);

#endif
