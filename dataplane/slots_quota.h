/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shares -> whole slots.
 */
#ifndef DATAPLANE_SLOTS_QUOTA_H
#define DATAPLANE_SLOTS_QUOTA_H

#include "dataplane/core/base.h"

/**
 * struct slots_share - a backend's share of new flows.
 * @id: what the first table orders by, so that it does not depend on numbers:
 *      a hash of the VM's UUID.
 * @weight: in proportion to the others'; 0 = no slot.
 * @backend: its number, not NONE.
 */
struct slots_share {
	uint64_t id;
	uint32_t weight;
	uint16_t backend;
};

/**
 * slots_quotas() - how many of @n_slots each share gets, by largest remainder.
 * @owned: slots that each has now, or NULL: of equal remainders the one that
 *         has the slot keeps it, so the same shares never move a slot.
 * @ret_quotas: one a share; they add up to @n_slots, or to 0 if no share has a
 *              weight.
 *
 * Return: 0 or -ENOMEM.
 */
MUST_CHECK int slots_quotas(const struct slots_share *shares, uint32_t n_shares,
			    uint32_t n_slots, const uint32_t *owned,
			    uint32_t *ret_quotas);

#endif
