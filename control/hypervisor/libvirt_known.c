/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver remembers of each VM, sorted by UUID. It outlives a
 * connection, so that after a new one those that went meanwhile are noticed.
 *
 * Only the reader changes it, with the lock held; so it may look without.
 */
#include "control/hypervisor/libvirt_hv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where it is, or belongs. */
static size_t place(const struct hv *hv, const uint8_t uuid[HV_UUID_SIZE],
		    bool *ret_found)
{
	size_t low, high, middle;
	int order;

	low = 0;
	high = hv->n_known;
	*ret_found = false;
	while (low < high) {
		middle = low + (high - low) / 2;
		order = memcmp(hv->known[middle]->uuid, uuid, HV_UUID_SIZE);
		if (order < 0) {
			low = middle + 1;
			continue;
		}
		*ret_found = *ret_found || order == 0;
		high = middle;
	}
	return low;
}

struct hv_known *hv_known_find(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE])
{
	bool found;
	size_t at;

	at = place(hv, uuid, &found);
	return found ? hv->known[at] : NULL;
}

/* Under the lock. */
static int make_room(struct hv *hv)
{
	struct hv_known **more;
	size_t max;

	if (hv->n_known < hv->max_known)
		return 0;
	max = hv->max_known ? hv->max_known * 2 : 16;
	more = reallocarray(hv->known, max, sizeof(struct hv_known *));
	if (!more)
		return -ENOMEM;
	hv->known = more;
	hv->max_known = max;
	return 0;
}

struct hv_known *hv_known_add(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE])
{
	struct hv_known *known;
	bool found;
	size_t at;
	int err;

	at = place(hv, uuid, &found);
	if (found)
		return hv->known[at];
	known = calloc(1, sizeof(*known));
	if (!known)
		return NULL;
	known->state = -1;
	memcpy(known->uuid, uuid, HV_UUID_SIZE);
	pthread_mutex_lock(&hv->lock);
	err = make_room(hv);
	if (!err) {
		memmove(&hv->known[at + 1], &hv->known[at],
			(hv->n_known++ - at) * sizeof(struct hv_known *));
		hv->known[at] = known;
	}
	pthread_mutex_unlock(&hv->lock);
	if (err)
		free(known);
	return err ? NULL : known;
}

void hv_known_remove(struct hv *hv, struct hv_known *known)
{
	bool found;
	size_t at;

	at = place(hv, known->uuid, &found);
	pthread_mutex_lock(&hv->lock);
	hv->n_known--;
	memmove(&hv->known[at], &hv->known[at + 1],
		(hv->n_known - at) * sizeof(struct hv_known *));
	pthread_mutex_unlock(&hv->lock);
	free(known);
}

void hv_known_free(struct hv *hv)
{
	size_t i;

	for (i = 0; i < hv->n_known; i++)
		free(hv->known[i]);
	free(hv->known);
}
