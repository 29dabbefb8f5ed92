/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /v1/vms/VM/tags: tags of a VM, changed where its hypervisor keeps them.
 *
 * A hypervisor may take its time, so the answer waits, not the loop: until the
 * outcome has come and the VM was read again (who then asks for it sees the new
 * tags), or for WAIT_MS. An outcome that nobody waits for any more goes into the
 * journal.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/select.h"
#include "control/api_request.h"
#include "control/daemon.h"
#include "control/log.h"
#include "control/text.h"

#define WAIT_MS	  5000
#define TAGS_SIZE 1024

/**
 * struct api_tagging - a change that a client waits for.
 * @r: its request; only what an answer needs.
 * @timer: when it has waited long enough.
 * @id: of the change.
 * @uuid, @name: of the VM; @hypervisor: where it is.
 * @done_ns: when the change was made, 0 = no outcome yet.
 * @done: the outcome.
 */
struct api_tagging {
	LIST_ENTRY(api_tagging) next;
	struct api_request r;
	struct event *timer;
	uint64_t id;
	uint8_t uuid[HV_UUID_SIZE];
	char name[DP_NAME_SIZE];
	char hypervisor[INV_NAME_MAX + 1];
	uint64_t done_ns;
	struct hv_tagged done;
};

static void tagging_free(struct api_tagging *t)
{
	LIST_REMOVE(t, next);
	if (t->timer)
		event_free(t->timer);
	free(t);
}

/* @vm: as read after the change; NULL: it is gone or was not read yet. */
static void answer_done(struct api_tagging *t, const struct inv_vm *vm)
{
	const char *said = t->done.changed ? "its tags are changed" :
					     "its tags were so already";
	char tags[TAGS_SIZE] = "not read again yet";
	char uuid[HV_UUID_TEXT];
	json_t *message;

	hv_uuid_print(t->uuid, uuid);
	if (vm)
		hv_tags_print(vm->vm, tags, sizeof(tags));
	text_clean(tags);
	message = json_sprintf("%s: %s: %s%s", t->name, said,
			       *tags ? tags : "none",
			       t->done.transient ? "; it is transient, so they "
						   "go when it stops" :
						   "");
	if (t->done.changed)
		journal_add(t->r.daemon->journal, "vm", t->name, uuid, "tagged",
			    "by the operator; now %s", *tags ? tags : "none");
	api_answer(&t->r,
		   json_pack("{s:s,s:s,s:b,s:b,s:o,s:o}", "vm", t->name, "uuid",
			     uuid, "changed", (int)t->done.changed, "transient",
			     (int)t->done.transient, "tags",
			     vm ? api_render_tags(vm->vm) : json_null(),
			     "message", message));
	tagging_free(t);
}

static void answer_failed(struct api_tagging *t, const char *why)
{
	enum api_code code = API_FAILED;

	if (t->done.err == -ENOENT)
		code = API_UNKNOWN;
	else if (t->done.err == -E2BIG)
		code = API_REFUSED;
	else if (t->done.err == -ETIMEDOUT)
		code = API_DEADLINE;
	api_error(&t->r, code, NULL, "%s: tags can't be changed: %s", t->name,
		  why);
	tagging_free(t);
}

/* Was the VM read since? Then it can be told. */
static void try_answer(struct api_tagging *t)
{
	const struct inv_vm *vm = inv_get(t->r.daemon->inv, t->uuid);

	if (t->done_ns && vm && vm->vm->read_ns >= t->done_ns)
		answer_done(t, vm);
}

static void waited(evutil_socket_t fd, short what, void *arg)
{
	struct api_tagging *t = arg;

	(void)fd;
	(void)what;
	if (t->done_ns) {
		answer_done(t, NULL);
		return;
	}
	api_error(&t->r, API_DEADLINE, NULL,
		  "%s: %s did not answer within %d s: its tags are as they "
		  "were, unless it was writing already; `drover tag %s` shows "
		  "them",
		  t->name, t->hypervisor, WAIT_MS / 1000, t->name);
	tagging_free(t);
}

/* An outcome after its time. */
static void note_late(struct daemon *d, const struct hv_event *event)
{
	const struct inv_vm *vm = inv_get(d->inv, event->uuid);
	const struct inv_hv *hv = event->arg;
	char name[DP_NAME_SIZE];
	char uuid[HV_UUID_TEXT];

	hv_uuid_print(event->uuid, uuid);
	snprintf(name, sizeof(name), "%s/%s", hv->name,
		 vm ? vm->vm->name : uuid);
	text_clean(name);
	if (!event->tagged.err && event->tagged.changed)
		journal_add(d->journal, "vm", name, uuid, "tagged",
			    "by the operator; %s was late to do it", hv->name);
	else if (event->tagged.err)
		log_warn("%s: tags were not changed: %s", name, event->text);
}

static void told(void *arg, const struct hv_event *event)
{
	struct daemon *d = arg;
	struct api_tagging *next;
	struct api_tagging *t;

	if (event->type != HV_EVENT_TAGGED && event->type != HV_EVENT_VM)
		return;
	for (t = LIST_FIRST(&d->taggings); t; t = next) {
		next = LIST_NEXT(t, next);
		if (event->type == HV_EVENT_VM) {
			try_answer(t);
			continue;
		}
		if (t->id != event->tagged.id)
			continue;
		t->done = event->tagged;
		t->done_ns = event->at_ns;
		if (t->done.err)
			answer_failed(t, event->text);
		else
			try_answer(t);
		return;
	}
	if (event->type == HV_EVENT_TAGGED)
		note_late(d, event);
}

void api_tags_start(struct daemon *d)
{
	hypervisors_tell(d->hypervisors, told, d);
}

void api_tags_stop(struct daemon *d)
{
	struct api_tagging *next;
	struct api_tagging *t;

	hypervisors_tell(d->hypervisors, NULL, NULL);
	for (t = LIST_FIRST(&d->taggings); t; t = next) {
		next = LIST_NEXT(t, next);
		api_error(&t->r, API_FAILED, NULL,
			  "%s: droverd ends; its tags may be changed or not",
			  t->name);
		tagging_free(t);
	}
}

/* --- what is asked for ---------------------------------------------------- */

/* Steps, and the names in them. */
struct wanted {
	struct hv_tag_step steps[HV_MAX_TAGS];
	char names[HV_MAX_TAGS][HV_TAG_NAME_MAX + 1];
	size_t n;
};

/* "role=web" as a step more. Is it a tag? */
static bool split(const char *text, enum hv_tag_op op, struct wanted *wanted)
{
	const char *equals = text ? strchrnul(text, '=') : NULL;
	size_t length = equals ? (size_t)(equals - text) : 0;
	struct hv_tag_step *step = &wanted->steps[wanted->n];
	char *name = wanted->names[wanted->n];

	if (!length || length > HV_TAG_NAME_MAX)
		return false;
	memcpy(name, text, length);
	name[length] = '\0';
	*step = (struct hv_tag_step){ .op = op, .name = name };
	if (*equals)
		step->value = equals + 1;
	else if (op != HV_TAG_REMOVE)
		step->value = "";
	wanted->n++;
	/* What is there may be removed, whatever somebody has called it. */
	return op == HV_TAG_REMOVE || select_takes_tag(name, step->value);
}

/* The tags of the list @key. False: answered. */
static bool take_tags(struct api_request *r, const char *key, enum hv_tag_op op,
		      struct wanted *wanted)
{
	const json_t *list = json_object_get(r->body, key);
	const char *text;
	size_t i;

	if (list && (!json_is_array(list) ||
		     json_array_size(list) > HV_MAX_TAGS - wanted->n)) {
		api_error(r, API_USAGE, NULL,
			  "%s: an array of tags; all arrays together have at "
			  "most %d",
			  key, HV_MAX_TAGS);
		return false;
	}
	for (i = 0; i < json_array_size(list); i++) {
		text = json_string_value(json_array_get(list, i));
		if (split(text, op, wanted))
			continue;
		api_error(
			r, API_USAGE, NULL,
			"%s: \"%.400s\" is no tag: \"role=web\" and \"canary\" "
			"are; a name has letters, digits and ._-/ only, at "
			"most %d; a value no blanks, at most %d bytes",
			key, text ? text : "", HV_TAG_NAME_MAX,
			HV_TAG_VALUE_MAX);
		return false;
	}
	return true;
}

/* Two values for what shall have one: which is meant? */
static bool set_once(struct api_request *r, const struct wanted *wanted)
{
	const struct hv_tag_step *steps = wanted->steps;
	size_t i;
	size_t k;

	for (i = 0; i < wanted->n; i++)
		for (k = 0; k < i; k++) {
			if (steps[i].op != HV_TAG_SET ||
			    steps[k].op != HV_TAG_SET ||
			    strcmp(steps[i].name, steps[k].name) != 0)
				continue;
			api_error(r, API_USAGE, NULL,
				  "%s is set twice; to have both, set one and "
				  "add the other",
				  steps[i].name);
			return false;
		}
	return true;
}

static bool take_wanted(struct api_request *r, struct wanted *wanted)
{
	static const char *const known[] = { "remove", "set", "add" };

	wanted->n = 0;
	if (!api_only_fields(r, known, ARRAY_SIZE(known)) ||
	    !take_tags(r, "remove", HV_TAG_REMOVE, wanted) ||
	    !take_tags(r, "set", HV_TAG_SET, wanted) ||
	    !take_tags(r, "add", HV_TAG_ADD, wanted) || !set_once(r, wanted))
		return false;
	if (!wanted->n)
		api_error(r, API_USAGE, NULL,
			  "no tag is named in set, add or remove");
	return wanted->n;
}

/* --- and begun ------------------------------------------------------------ */

/* Can anything be written to it now? False: answered. */
static bool is_writable(struct api_request *r, const struct inv_vm *vm)
{
	const struct conf_hypervisor *c =
		conf_hypervisor_find(r->daemon->conf, vm->hv->name);

	if (c && c->driver == CONF_DRIVER_STATIC)
		api_error(r, API_REFUSED, NULL,
			  "%s/%s has its tags from the config: change them "
			  "there, at hypervisors.vms, then `drover reload`",
			  c->name, vm->vm->name);
	else if (c && c->driver == CONF_DRIVER_FED)
		api_error(r, API_REFUSED, NULL,
			  "%s/%s has its tags from who feeds %s, by PUT "
			  "/v1/inventory/%s: change them there",
			  c->name, vm->vm->name, c->name, c->name);
	else if (vm->stale || !vm->hv->connected)
		api_error(r, API_REFUSED, NULL,
			  "%s is out of reach, and the tags of %s are kept "
			  "there: %s",
			  vm->hv->name, vm->vm->name,
			  vm->hv->text[0] ? vm->hv->text : "not connected yet");
	else if (vm->migrating)
		api_error(r, API_REFUSED, NULL,
			  "%s is changing hosts, its tags might stay behind; "
			  "try again when it has arrived",
			  vm->vm->name);
	else
		return true;
	return false;
}

/* It could not be begun. */
static void refuse(struct api_request *r, const char *hypervisor, int err)
{
	if (err == -EBUSY)
		api_error(r, API_REFUSED, NULL,
			  "%s is busy with another change of tags; try again",
			  hypervisor);
	else if (err == -EAGAIN)
		api_error(r, API_REFUSED, NULL,
			  "%s hangs: earlier changes of tags still wait for it",
			  hypervisor);
	else if (err == -ENOENT || err == -EOPNOTSUPP)
		api_error(r, API_REFUSED, NULL,
			  "%s is not watched by a driver that can change tags, "
			  "see `drover status`",
			  hypervisor);
	else
		api_error(r, API_FAILED, NULL, "%s: %s", hypervisor,
			  strerror(-err));
}

static struct api_tagging *tagging_new(const struct api_request *r,
				       const struct inv_vm *vm)
{
	const struct timeval wait = { WAIT_MS / 1000, WAIT_MS % 1000 * 1000L };
	struct api_tagging *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	LIST_INSERT_HEAD(&r->daemon->taggings, t, next);
	t->r.daemon = r->daemon;
	t->r.http = r->http;
	t->r.send = r->send;
	t->r.send_arg = r->send_arg;
	t->id = ++r->daemon->n_taggings;
	memcpy(t->uuid, vm->uuid, sizeof(t->uuid));
	snprintf(t->name, sizeof(t->name), "%s/%s", vm->hv->name, vm->vm->name);
	text_clean(t->name);
	snprintf(t->hypervisor, sizeof(t->hypervisor), "%s", vm->hv->name);
	t->timer = evtimer_new(r->daemon->base, waited, t);
	if (t->timer && !evtimer_add(t->timer, &wait))
		return t;
	tagging_free(t);
	return NULL;
}

void api_post_tags(struct api_request *r)
{
	const struct inv_vm *vm = api_find_vm(r, r->argument);
	struct hv_tag_request request = { 0 };
	struct wanted wanted;
	struct api_tagging *t;
	int err;

	if (!vm || !take_wanted(r, &wanted) || !is_writable(r, vm))
		return;
	t = tagging_new(r, vm);
	if (!t) {
		api_error(r, API_FAILED, NULL, "out of memory");
		return;
	}
	request.id = t->id;
	request.steps = wanted.steps;
	request.n_steps = wanted.n;
	memcpy(request.uuid, vm->uuid, sizeof(request.uuid));
	request.deadline_ns = hv_clock_ns() + WAIT_MS * 1000000ULL;
	err = hypervisors_tag(r->daemon->hypervisors, vm->hv->name, &request);
	if (!err)
		return;
	refuse(r, vm->hv->name, err);
	tagging_free(t);
}
