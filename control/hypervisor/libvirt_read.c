/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading VMs, by the reader's thread: one by one where a hint names it, all
 * of them at a poll.
 *
 * A poll takes one list with everybody's state. A VM is read in full when it
 * is new, when its state or its run differ from what was last read, and, some
 * at each poll in turn, for what has no state to show it (an edit of the
 * metadata whose event was missed).
 */
#include "control/hypervisor/libvirt_hv.h"
#include "control/hypervisor/libvirt_xml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/virterror.h>

/* Full reads in turn at each poll: about 0.1 ms each. */
#define REFRESH_PER_POLL 64

/* VMs of a first list for which the owner of the queue is woken once. */
#define LIST_BATCH 64

void libvirt_domain_freep(virDomainPtr *dom)
{
	if (*dom)
		virDomainFree(*dom);
}

static void count(struct hv *hv, uint64_t *counter)
{
	pthread_mutex_lock(&hv->lock);
	(*counter)++;
	pthread_mutex_unlock(&hv->lock);
}

static bool no_such_domain(void)
{
	virErrorPtr error;

	error = virGetLastError();
	return error && error->code == VIR_ERR_NO_DOMAIN;
}

/*
 * Has it changed, not more: a multiplication and a shift for each word, so no
 * change of one word is lost.
 */
static uint64_t digest(uint64_t sum, const void *data, size_t size)
{
	const char *at = data;
	size_t n;

	for (; size > 0; at += n, size -= n) {
		uint64_t word = 0;

		n = size < sizeof(word) ? size : sizeof(word);
		memcpy(&word, at, n);
		sum = (sum ^ word) * 0x9e3779b97f4a7c15;
		sum ^= sum >> 32;
	}
	return sum;
}

/* It is not there: say so if it was, or if somebody asks. */
static int send_gone(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE],
		     uint64_t began_ns, enum read_why why, bool *ret_sent)
{
	struct hv_known *known;
	struct hv_event *event;

	known = hv_known_find(hv, uuid);
	if (!known && why != READ_HINT)
		return 0;
	event = hv_event_new(HV_EVENT_GONE, began_ns);
	if (!event)
		return -ENOMEM;
	memcpy(event->uuid, uuid, HV_UUID_SIZE);
	snprintf(event->text, sizeof(event->text),
		 "the hypervisor does not know it any more");
	if (known)
		hv_known_remove(hv, known);
	hv_send(hv, event);
	*ret_sent = true;
	return 0;
}

/* What libvirt said of a VM, and when the first of it was asked for. */
struct said {
	int state;
	int reason;
	char *xml;
	uint64_t at_ns;
};

static void said_done(struct said *said)
{
	free(said->xml);
}

static void remember(struct hv *hv, struct hv_known *known,
		     const struct said *said, struct hv_vm *vm)
{
	pthread_mutex_lock(&hv->lock);
	known->was_up = known->was_up && vm->run && known->run == vm->run;
	known->run = vm->run;
	known->state = said->state;
	known->reason = said->reason;
	libvirt_state(known, said->state, said->reason, vm);
	known->was_up |= vm->state == HV_STATE_RUNNING;
	known->poll = hv->n_polls;
	libvirt_ask_set(known, vm);
	pthread_mutex_unlock(&hv->lock);
}

/* Take over what was read and send it, if it differs from what was sent. */
static int note(struct hv *hv, struct hv_vm **vm, const struct said *said,
		enum read_why why, bool *ret_sent)
{
	static const char *const whys[] = {
		[READ_LIST] = "listed",
		[READ_HINT] = "read after an event",
		[READ_POLL] = "found by the poll",
	};
	struct hv_known *known;
	struct hv_event *event;
	uint64_t sum;

	(*vm)->read_ns = said->at_ns;
	known = hv_known_add(hv, (*vm)->uuid);
	if (!known)
		return -ENOMEM;
	remember(hv, known, said, *vm);
	sum = digest(0xcbf29ce484222325, said->xml, strlen(said->xml));
	sum = digest(sum, &said->state, sizeof(said->state));
	sum = digest(sum, &said->reason, sizeof(said->reason));
	sum = digest(sum, &(*vm)->run, sizeof((*vm)->run));
	if (sum == known->digest && why == READ_POLL)
		return 0;
	event = hv_event_new(HV_EVENT_VM, (*vm)->read_ns);
	if (!event)
		return -ENOMEM;
	known->digest = sum;
	memcpy(event->uuid, (*vm)->uuid, HV_UUID_SIZE);
	event->vm = STEAL(*vm);
	event->more = why == READ_LIST && ++hv->n_sent % LIST_BATCH != 0;
	snprintf(event->text, sizeof(event->text), "%s", whys[why]);
	hv_send(hv, event);
	*ret_sent = true;
	return 0;
}

static int ask_state(virDomainPtr dom, struct said *said)
{
	said->at_ns = hv_clock_ns();
	return virDomainGetState(dom, &said->state, &said->reason, 0);
}

/*
 * State and definition. A state that is known from a list is not asked for
 * again, unless the definition shows that the VM started or ended since.
 */
static int ask(virDomainPtr dom, const struct hv_listed *listed,
	       struct said *said, struct hv_vm *vm)
{
	int err;

	if (listed)
		*said = (struct said){ .state = listed->state,
				       .reason = listed->reason,
				       .at_ns = listed->at_ns };
	else if (ask_state(dom, said))
		return -EIO;
	said->xml = virDomainGetXMLDesc(dom, 0);
	if (!said->xml)
		return -EIO;
	err = libvirt_xml_parse(said->xml, vm);
	if (err)
		return err == -ENOMEM ? err : -EIO;
	if (listed && (vm->run == 0) != (said->state == VIR_DOMAIN_SHUTOFF) &&
	    ask_state(dom, said))
		return -EIO;
	if (said->state == VIR_DOMAIN_SHUTOFF)
		vm->run = 0; /* it ended between the two answers */
	return 0;
}

int libvirt_read(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE],
		 virDomainPtr dom, const struct hv_listed *listed,
		 enum read_why why, bool *ret_sent)
{
	CLEANUP(libvirt_domain_freep) virDomainPtr found = NULL;
	CLEANUP(hv_vm_freep) struct hv_vm *vm = NULL;
	CLEANUP(said_done) struct said said = { 0 };
	uint64_t began_ns;
	int err;

	*ret_sent = false;
	began_ns = hv_clock_ns();
	count(hv, &hv->counters.reads);
	vm = hv_vm_new();
	if (!vm)
		return -ENOMEM;
	if (!dom) {
		found = virDomainLookupByUUID(hv->conn, uuid);
		dom = found;
	}
	err = dom ? ask(dom, listed, &said, vm) : -EIO;
	if (!err)
		return note(hv, &vm, &said, why, ret_sent);
	return uuid && !said.xml && no_such_domain() ?
		       send_gone(hv, uuid, began_ns, why, ret_sent) :
		       err;
}

/* Trouble with one VM is no trouble with the others. */
static int carry_on(struct hv *hv, int err)
{
	return err == -EIO && virConnectIsAlive(hv->conn) == 1 ? 0 : err;
}

/* One VM of the list. */
static int look(struct hv *hv, virDomainPtr dom, const struct hv_listed *listed)
{
	uint8_t uuid[HV_UUID_SIZE];
	struct hv_known *known;
	bool sent;
	int run, err;

	/* It is read whatever is known of it; the answer says who it is. */
	if (!hv->listed)
		return carry_on(hv, libvirt_read(hv, NULL, dom, listed,
						 READ_LIST, &sent));
	if (virDomainGetUUID(dom, uuid) < 0)
		return -EIO;
	run = (int)virDomainGetID(dom);
	known = hv_known_find(hv, uuid);
	if (known && listed && known->state == listed->state &&
	    known->reason == listed->reason &&
	    (run <= 0 || known->run == run)) {
		known->poll = hv->n_polls;
		return 0;
	}
	err = carry_on(hv,
		       libvirt_read(hv, uuid, dom, listed, READ_POLL, &sent));
	if (!err && sent)
		count(hv, &hv->counters.repairs);
	return err;
}

/* State and reason; false where the record has none. */
static bool stats_state(const virDomainStatsRecord *record,
			struct hv_listed *listed)
{
	const virTypedParameter *param;
	int i;

	listed->state = listed->reason = -1;
	for (i = 0; i < record->nparams; i++) {
		param = &record->params[i];
		if (param->type != VIR_TYPED_PARAM_INT)
			continue;
		if (!strcmp(param->field, "state.state"))
			listed->state = param->value.i;
		else if (!strcmp(param->field, "state.reason"))
			listed->reason = param->value.i;
	}
	return listed->state >= 0 && listed->reason >= 0;
}

static int look_at_all(struct hv *hv, void (*between)(struct hv *hv))
{
	struct hv_listed listed = { .at_ns = hv_clock_ns() };
	virDomainStatsRecordPtr *records;
	int n, i, err;

	libvirt_forget_list(hv);
	n = virConnectGetAllDomainStats(hv->conn, VIR_DOMAIN_STATS_STATE,
					&records, 0);
	if (n < 0)
		return -EIO;
	hv->list = records;
	err = 0;
	for (i = 0; i < n && !err; i++) {
		err = look(hv, records[i]->dom,
			   stats_state(records[i], &listed) ? &listed : NULL);
		between(hv);
	}
	return err;
}

void libvirt_forget_list(struct hv *hv)
{
	if (hv->list)
		virDomainStatsRecordListFree(hv->list);
	hv->list = NULL;
}

/* The same for kinds of hypervisor without bulk stats (LXC): read them all. */
static int read_all(struct hv *hv, void (*between)(struct hv *hv))
{
	virDomainPtr *doms;
	int n, i, err;

	n = virConnectListAllDomains(hv->conn, &doms, 0);
	if (n < 0)
		return -EIO;
	err = 0;
	for (i = 0; i < n; i++) {
		if (!err)
			err = look(hv, doms[i], NULL);
		virDomainFree(doms[i]);
		between(hv);
	}
	free(doms);
	return err;
}

/* Those that the list did not name; a read each, it may be newer than that. */
static int sweep(struct hv *hv)
{
	uint8_t uuid[HV_UUID_SIZE];
	bool sent;
	size_t i;
	int err;

	for (i = hv->n_known; i > 0; i--) {
		if (hv->known[i - 1]->poll == hv->n_polls)
			continue;
		memcpy(uuid, hv->known[i - 1]->uuid, sizeof(uuid));
		err = carry_on(hv, libvirt_read(hv, uuid, NULL, NULL, READ_POLL,
						&sent));
		if (err)
			return err;
		if (sent && hv->listed)
			count(hv, &hv->counters.repairs);
	}
	return 0;
}

static int refresh_some(struct hv *hv, void (*between)(struct hv *hv))
{
	uint8_t uuid[HV_UUID_SIZE];
	size_t left;
	bool sent;
	int err;

	left = hv->n_known < REFRESH_PER_POLL ? hv->n_known : REFRESH_PER_POLL;
	for (; left > 0 && hv->n_known > 0; left--) {
		if (hv->refresh >= hv->n_known)
			hv->refresh = 0;
		memcpy(uuid, hv->known[hv->refresh++]->uuid, sizeof(uuid));
		err = carry_on(hv, libvirt_read(hv, uuid, NULL, NULL, READ_POLL,
						&sent));
		if (err)
			return err;
		if (sent)
			count(hv, &hv->counters.repairs);
		between(hv);
	}
	return 0;
}

int libvirt_poll(struct hv *hv, void (*between)(struct hv *hv))
{
	virErrorPtr error;
	int err;

	hv->n_polls++;
	count(hv, &hv->counters.polls);
	err = look_at_all(hv, between);
	error = virGetLastError();
	if (err == -EIO && error && error->code == VIR_ERR_NO_SUPPORT)
		err = read_all(hv, between);
	if (!err)
		err = sweep(hv);
	/* The first list of a connection has just read what there is. */
	if (!err && hv->listed)
		err = refresh_some(hv, between);
	return err;
}
