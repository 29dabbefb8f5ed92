/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading one VM: what libvirt says of it, and sending that to the owner.
 */
#include "control/hypervisor/libvirt_hv.h"
#include "control/hypervisor/libvirt_xml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/virterror.h>

/* VMs of a first list for which the owner of the queue is woken once. */
#define LIST_BATCH 64

void libvirt_domain_freep(virDomainPtr *dom)
{
	if (*dom)
		virDomainFree(*dom);
}

void libvirt_count(struct hv *hv, uint64_t *counter)
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

static void remember(struct hv *hv, struct hv_known *known,
		     const struct libvirt_answer *answer)
{
	struct hv_vm *vm = answer->vm;

	pthread_mutex_lock(&hv->lock);
	known->was_up = known->was_up && vm->run && known->run == vm->run;
	known->run = vm->run;
	known->state = answer->state;
	known->reason = answer->reason;
	known->read_ns = vm->read_ns;
	libvirt_state(known, answer->state, answer->reason, vm);
	known->was_up |= vm->state == HV_STATE_RUNNING;
	known->poll = hv->n_polls;
	libvirt_ask_set(known, vm);
	pthread_mutex_unlock(&hv->lock);
}

void libvirt_answer_done(struct libvirt_answer *answer)
{
	hv_vm_free(STEAL(answer->vm));
}

int libvirt_tell(struct hv *hv, struct libvirt_answer *answer,
		 enum read_why why, bool *ret_sent)
{
	static const char *const whys[] = {
		[READ_LIST] = "listed",
		[READ_HINT] = "read after an event",
		[READ_POLL] = "found by the poll",
	};
	const struct hv_vm *vm = answer->vm;
	struct hv_known *known;
	struct hv_event *event;

	*ret_sent = false;
	known = hv_known_add(hv, vm->uuid);
	if (!known)
		return -ENOMEM;
	/* A hint had it read after this was asked for. */
	if (vm->read_ns < known->read_ns)
		return 0;
	remember(hv, known, answer);
	if (answer->digest == known->digest && why == READ_POLL)
		return 0;
	event = hv_event_new(HV_EVENT_VM, vm->read_ns);
	if (!event)
		return -ENOMEM;
	known->digest = answer->digest;
	memcpy(event->uuid, vm->uuid, HV_UUID_SIZE);
	event->vm = STEAL(answer->vm);
	event->more = why == READ_LIST && ++hv->n_sent % LIST_BATCH != 0;
	snprintf(event->text, sizeof(event->text), "%s", whys[why]);
	hv_send(hv, event);
	*ret_sent = true;
	return 0;
}

static int ask_state(virDomainPtr dom, struct libvirt_answer *answer)
{
	answer->vm->read_ns = hv_clock_ns();
	return virDomainGetState(dom, &answer->state, &answer->reason, 0);
}

/* Of all that was said. */
static uint64_t digest_of(const struct libvirt_answer *answer, const char *xml)
{
	const int words[] = { answer->state, answer->reason, answer->vm->run };
	uint64_t sum = digest(0xcbf29ce484222325, xml, strlen(xml));

	return digest(sum, words, sizeof(words));
}

static void text_freep(char **text)
{
	free(*text);
}

static int ask(virDomainPtr dom, const struct libvirt_listed *listed,
	       struct libvirt_answer *answer)
{
	CLEANUP(text_freep) char *xml = NULL;
	struct hv_vm *vm = answer->vm;
	const bool has_state = listed && listed->state >= 0 &&
			       listed->reason >= 0;
	int err;

	if (has_state) {
		answer->state = listed->state;
		answer->reason = listed->reason;
		vm->read_ns = listed->at_ns;
	} else if (ask_state(dom, answer)) {
		return -EIO;
	}
	xml = virDomainGetXMLDesc(dom, 0);
	if (!xml)
		return -EIO;
	err = libvirt_xml_parse(xml, vm);
	if (err)
		return err == -ENOMEM ? err : -EIO;
	if (has_state &&
	    (vm->run == 0) != (answer->state == VIR_DOMAIN_SHUTOFF) &&
	    ask_state(dom, answer))
		return -EIO;
	if (answer->state == VIR_DOMAIN_SHUTOFF)
		vm->run = 0; /* it ended between the two answers */
	answer->digest = digest_of(answer, xml);
	return 0;
}

int libvirt_fetch(struct hv *hv, virDomainPtr dom,
		  const struct libvirt_listed *listed,
		  struct libvirt_answer *answer)
{
	int err;

	libvirt_count(hv, &hv->counters.reads);
	answer->vm = hv_vm_new();
	if (!answer->vm)
		return -ENOMEM;
	err = ask(dom, listed, answer);
	if (err)
		libvirt_answer_done(answer);
	return err;
}

int libvirt_read(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE],
		 virDomainPtr dom, const struct libvirt_listed *listed,
		 enum read_why why, bool *ret_sent)
{
	CLEANUP(libvirt_answer_done) struct libvirt_answer answer = { 0 };
	CLEANUP(libvirt_domain_freep) virDomainPtr found = NULL;
	const uint64_t began_ns = hv_clock_ns();
	int err = -EIO;

	*ret_sent = false;
	if (!dom) {
		found = virDomainLookupByUUID(hv->conn, uuid);
		dom = found;
	}
	if (dom)
		err = libvirt_fetch(hv, dom, listed, &answer);
	if (!err)
		return libvirt_tell(hv, &answer, why, ret_sent);
	return err == -EIO && no_such_domain() ?
		       send_gone(hv, uuid, began_ns, why, ret_sent) :
		       err;
}
