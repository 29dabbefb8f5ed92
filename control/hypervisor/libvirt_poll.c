/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of all VMs, by the reader: the first one of a connection, from which
 * each VM is read (libvirt_list.c), and later ones, which repair what events
 * missed.
 *
 * A later one reads a VM when it is new, when its state or its run differ from
 * what was last read, and, some at each poll in turn, for what has no state to
 * show it (an edit of the metadata whose event was missed).
 */
#include "control/hypervisor/libvirt_hv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/virterror.h>

/* Full reads in turn at each poll: about 0.1 ms each. */
#define REFRESH_PER_POLL 64

int libvirt_carry_on(struct hv *hv, int err)
{
	return err == -EIO && virConnectIsAlive(hv->conn) == 1 ? 0 : err;
}

static int read_for_poll(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE],
			 const struct libvirt_listed *listed)
{
	bool sent;
	int err;

	err = libvirt_read(hv, uuid, listed ? listed->dom : NULL, listed,
			   READ_POLL, &sent);
	if (!err && sent && hv->listed)
		libvirt_count(hv, &hv->counters.repairs);
	return libvirt_carry_on(hv, err);
}

/* One VM of a later list: is it as it was? */
static int look(struct hv *hv, const struct libvirt_listed *listed)
{
	uint8_t uuid[HV_UUID_SIZE];
	struct hv_known *known;
	int run;

	if (virDomainGetUUID(listed->dom, uuid) < 0)
		return -EIO;
	run = (int)virDomainGetID(listed->dom);
	known = hv_known_find(hv, uuid);
	if (known && known->state == listed->state &&
	    known->reason == listed->reason &&
	    (run <= 0 || known->run == run)) {
		known->poll = hv->n_polls;
		return 0;
	}
	return read_for_poll(hv, uuid, listed);
}

static int look_at_all(struct hv *hv, const struct libvirt_listed *vms,
		       size_t n, void (*between)(struct hv *hv))
{
	size_t i;
	int err;

	err = 0;
	for (i = 0; i < n && !err; i++) {
		err = look(hv, &vms[i]);
		between(hv);
	}
	return err;
}

static int take_list(struct hv *hv, struct libvirt_listed *vms, size_t n,
		     void (*between)(struct hv *hv))
{
	return hv->listed ? look_at_all(hv, vms, n, between) :
			    libvirt_list(hv, vms, n, between);
}

/* State and reason, where the record has them. */
static void take_state(const virDomainStatsRecord *record,
		       struct libvirt_listed *listed)
{
	const virTypedParameter *param;
	int i;

	for (i = 0; i < record->nparams; i++) {
		param = &record->params[i];
		if (param->type != VIR_TYPED_PARAM_INT)
			continue;
		if (!strcmp(param->field, "state.state"))
			listed->state = param->value.i;
		else if (!strcmp(param->field, "state.reason"))
			listed->reason = param->value.i;
	}
}

/* All VMs and their states in one call. */
static int list_states(struct hv *hv, void (*between)(struct hv *hv))
{
	const uint64_t at_ns = hv_clock_ns();
	virDomainStatsRecordPtr *records;
	struct libvirt_listed *vms;
	int n, i, err;

	libvirt_forget_list(hv);
	n = virConnectGetAllDomainStats(hv->conn, VIR_DOMAIN_STATS_STATE,
					&records, 0);
	if (n < 0)
		return -EIO;
	hv->list = records;
	vms = calloc((size_t)n + 1, sizeof(*vms));
	if (!vms)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		vms[i] = (struct libvirt_listed){ records[i]->dom, -1, -1,
						  at_ns };
		take_state(records[i], &vms[i]);
	}
	err = take_list(hv, vms, (size_t)n, between);
	free(vms);
	return err;
}

/* The same for kinds of hypervisor without bulk stats (LXC): read them all. */
static int list_names(struct hv *hv, void (*between)(struct hv *hv))
{
	struct libvirt_listed *vms;
	virDomainPtr *doms;
	int n, i, err;

	n = virConnectListAllDomains(hv->conn, &doms, 0);
	if (n < 0)
		return -EIO;
	vms = calloc((size_t)n + 1, sizeof(*vms));
	for (i = 0; vms && i < n; i++)
		vms[i] = (struct libvirt_listed){ doms[i], -1, -1, 0 };
	err = vms ? take_list(hv, vms, (size_t)n, between) : -ENOMEM;
	for (i = 0; i < n; i++)
		virDomainFree(doms[i]);
	free(doms);
	free(vms);
	return err;
}

void libvirt_forget_list(struct hv *hv)
{
	if (hv->list)
		virDomainStatsRecordListFree(hv->list);
	hv->list = NULL;
}

/* Those that the list did not name; a read each, it may be newer than that. */
static int sweep(struct hv *hv)
{
	uint8_t uuid[HV_UUID_SIZE];
	size_t i;
	int err;

	err = 0;
	for (i = hv->n_known; i > 0 && !err; i--) {
		if (hv->known[i - 1]->poll == hv->n_polls)
			continue;
		memcpy(uuid, hv->known[i - 1]->uuid, sizeof(uuid));
		err = read_for_poll(hv, uuid, NULL);
	}
	return err;
}

static int refresh_some(struct hv *hv, void (*between)(struct hv *hv))
{
	uint8_t uuid[HV_UUID_SIZE];
	size_t left;
	int err;

	err = 0;
	left = hv->n_known < REFRESH_PER_POLL ? hv->n_known : REFRESH_PER_POLL;
	for (; left > 0 && hv->n_known > 0 && !err; left--) {
		if (hv->refresh >= hv->n_known)
			hv->refresh = 0;
		memcpy(uuid, hv->known[hv->refresh++]->uuid, sizeof(uuid));
		err = read_for_poll(hv, uuid, NULL);
		between(hv);
	}
	return err;
}

int libvirt_poll(struct hv *hv, void (*between)(struct hv *hv))
{
	virErrorPtr error;
	int err;

	hv->n_polls++;
	libvirt_count(hv, &hv->counters.polls);
	err = list_states(hv, between);
	error = virGetLastError();
	if (err == -EIO && error && error->code == VIR_ERR_NO_SUPPORT)
		err = list_names(hv, between);
	if (!err)
		err = sweep(hv);
	/* The first list of a connection has just read what there is. */
	if (!err && hv->listed)
		err = refresh_some(hv, between);
	return err;
}
