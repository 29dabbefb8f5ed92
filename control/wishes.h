/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operator's wishes for VMs, in memory as they are in the store.
 *
 * A wish is kept whether or not its VM is known just now: a VM that was drained
 * and comes back after a reboot of its host is still drained.
 */
#ifndef CONTROL_WISHES_H
#define CONTROL_WISHES_H

#include "config/config.h"
#include "control/hypervisor/driver.h"
#include "dataplane/dataplane.h"

struct store;
struct wishes;

/**
 * struct wish_drain - a VM is to get no new flows.
 * @uuid: which VM.
 * @pool: "tenant/name", or "" for all its pools.
 * @since_ms, @deadline_ms: wall clock.
 * @quiet_after_ms: length of time; 0 = don't end it for being quiet.
 * @at_deadline: what happens to flows that are left.
 * @reason: the operator's words.
 */
struct wish_drain {
	uint8_t uuid[HV_UUID_SIZE];
	char pool[DP_NAME_SIZE];
	uint64_t since_ms;
	uint64_t deadline_ms;
	uint64_t quiet_after_ms;
	enum conf_at_deadline at_deadline;
	char reason[256];
};

/**
 * struct wish_weight - a VM is to have another weight than its pool's config
 * gives it.
 * @uuid: which VM.
 * @pool: "tenant/name", or "" for all its pools.
 * @weight: 0 to WISH_WEIGHT_MAX; 0 = no new flows.
 * @since_ms: wall clock.
 */
#define WISH_WEIGHT_MAX 1000
struct wish_weight {
	uint8_t uuid[HV_UUID_SIZE];
	char pool[DP_NAME_SIZE];
	uint32_t weight;
	uint64_t since_ms;
};

/* Read all wishes from the store. */
MUST_CHECK int wishes_load(struct store *store, struct wishes **ret_wishes);
void wishes_free(struct wishes *wishes);

/**
 * wishes_drain() - is this VM to be drained in this pool?
 * Return: the wish, or NULL. A wish for the pool goes before one for all.
 */
const struct wish_drain *wishes_drain(const struct wishes *wishes,
				      const uint8_t uuid[HV_UUID_SIZE],
				      const char *pool);

/**
 * wishes_set_drain() - keep a wish, on disk before it returns 0.
 */
MUST_CHECK int wishes_set_drain(struct wishes *wishes,
				const struct wish_drain *drain);

/**
 * wishes_clear_drain() - forget it.
 * @pool: "tenant/name"; "" forgets all wishes for this VM.
 *
 * Return: 0; -ENOENT if there was none; -EBUSY if @pool is drained only
 * together with the VM's other pools.
 */
MUST_CHECK int wishes_clear_drain(struct wishes *wishes,
				  const uint8_t uuid[HV_UUID_SIZE],
				  const char *pool);

/* The same for weights. */
const struct wish_weight *wishes_weight(const struct wishes *wishes,
					const uint8_t uuid[HV_UUID_SIZE],
					const char *pool);
MUST_CHECK int wishes_set_weight(struct wishes *wishes,
				 const struct wish_weight *weight);
MUST_CHECK int wishes_clear_weight(struct wishes *wishes,
				   const uint8_t uuid[HV_UUID_SIZE],
				   const char *pool);

#endif
