/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Largest remainder (Hamilton's method): each share gets the whole part of its
 * exact quota, and the slots that are left go to the largest remainders. No
 * share is a whole slot away from its exact quota.
 */
#include "dataplane/slots_quota.h"

#include <errno.h>
#include <stdlib.h>

/* A share's claim to one of the slots that are left over. */
struct quota_rest {
	uint64_t remainder;
	uint64_t id;
	uint32_t index;
	uint16_t backend;
	bool has_it; /* owns more than the whole part already */
};

static int rest_compare(const void *left, const void *right)
{
	const struct quota_rest *a = left;
	const struct quota_rest *b = right;

	if (a->remainder != b->remainder)
		return a->remainder > b->remainder ? -1 : 1;
	if (a->has_it != b->has_it)
		return a->has_it ? -1 : 1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->backend - b->backend;
}

int slots_quotas(const struct slots_share *shares, uint32_t n_shares,
		 uint32_t n_slots, const uint32_t *owned, uint32_t *ret_quotas)
{
	struct quota_rest *rest;
	uint64_t total = 0;
	uint64_t exact;
	uint32_t left = n_slots;
	uint32_t i;

	for (i = 0; i < n_shares; i++)
		total += shares[i].weight;
	rest = calloc(n_shares + 1ULL, sizeof(*rest));
	if (!rest)
		return -ENOMEM;
	for (i = 0; i < n_shares; i++) {
		exact = (uint64_t)shares[i].weight * n_slots;
		ret_quotas[i] = total ? (uint32_t)(exact / total) : 0;
		left -= ret_quotas[i];
		rest[i].remainder = total ? exact % total : 0;
		rest[i].id = shares[i].id;
		rest[i].index = i;
		rest[i].backend = shares[i].backend;
		rest[i].has_it = owned && owned[i] > ret_quotas[i];
	}
	qsort(rest, n_shares, sizeof(*rest), rest_compare);
	/* Fewer are left than there are remainders above 0. */
	for (i = 0; total && i < left; i++)
		ret_quotas[rest[i].index]++;
	free(rest);
	return 0;
}
