/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changing a VM's tags, in the <vm> element of its domain's metadata.
 *
 * The calls block for as long as libvirtd or the VM's job lock makes them wait.
 * So each change has a thread and a connection of its own. One at a time: what
 * is read, changed and written must not mix with another change of ours. One
 * that is past its deadline is given up when the next comes: it writes nothing
 * any more, unless it is in that call already.
 *
 * DOC: what is written
 *
 * A domain that runs has its metadata twice: those of this run (LIVE) and those
 * it will start with (CONFIG). Both get the same change, each from what it says
 * itself; where they say the same, by one call. Else the definition goes first:
 * traffic follows the run, and nothing has happened yet if the first call fails.
 */
#include "control/hypervisor/libvirt_hv.h"
#include "control/hypervisor/libvirt_xml_tags.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/virterror.h>

#define LOST_MAX 2

/* The prefix that libvirt writes before our names. */
#define METADATA_KEY "drover"

/* A libvirtd that falls silent: given up after about 20 s. */
#define KEEPALIVE_S	5
#define KEEPALIVE_COUNT 3

/**
 * struct hv_tagger - a thread that changes one VM's tags.
 * @hv: whose.
 * @request: a copy.
 * @steps: its, and their texts.
 * @given_up: under the lock, until it lets go: it is late, and another may have
 *	begun.
 */
struct hv_tagger {
	struct hv *hv;
	struct hv_tag_request request;
	struct hv_tag_step *steps;
	bool given_up;
};

/* One of the two places: its element before, and as it shall be (NULL: so). */
struct place {
	unsigned int flags;
	char *before;
	char *after;
};

static void place_done(struct place *place)
{
	free(place->before);
	free(place->after);
}

static int say(struct hv_event *event, int err, const char *text)
{
	snprintf(event->text, sizeof(event->text), "%s", text);
	return err;
}

static int say_theirs(struct hv_event *event)
{
	virErrorPtr error = virGetLastError();

	return say(event,
		   error && error->code == VIR_ERR_NO_DOMAIN ? -ENOENT : -EIO,
		   libvirt_error());
}

/* What the place says now, and what it shall say. */
static int prepare(virDomainPtr dom, const struct hv_tag_request *request,
		   unsigned int flags, struct place *place,
		   struct hv_event *event)
{
	virErrorPtr error;
	int err;

	place->flags = flags;
	place->before = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT,
					     HV_METADATA_URN, flags);
	error = place->before ? NULL : virGetLastError();
	if (!place->before &&
	    (!error || error->code != VIR_ERR_NO_DOMAIN_METADATA))
		return say_theirs(event);
	err = libvirt_xml_tags(place->before, request->steps, request->n_steps,
			       &place->after);
	if (err == -E2BIG)
		return say(event, err, "it would have more tags than we read");
	if (err)
		return say(event, -EIO,
			   err == -ENOMEM ? "out of memory" :
					    "its <vm> metadata can't be read");
	return 0;
}

static bool too_late(struct hv_tagger *tagger)
{
	bool late;

	pthread_mutex_lock(&tagger->hv->lock);
	late = tagger->given_up || tagger->hv->closed ||
	       hv_clock_ns() >= tagger->request.deadline_ns;
	pthread_mutex_unlock(&tagger->hv->lock);
	return late;
}

static int write_one(struct hv_tagger *tagger, virDomainPtr dom,
		     const struct place *place, unsigned int flags,
		     struct hv_event *event)
{
	if (too_late(tagger))
		return say(event, -ETIMEDOUT, "it was too late to write");
	if (virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, place->after,
				 METADATA_KEY, HV_METADATA_URN, flags))
		return say_theirs(event);
	event->tagged.changed = true;
	return 0;
}

/* Of two places that say the same, both at once. */
static bool same(const struct place *a, const struct place *b)
{
	return a->after && b->after && !strcmp(a->after, b->after);
}

static int write_all(struct hv_tagger *tagger, virDomainPtr dom,
		     const struct place *config, const struct place *live,
		     struct hv_event *event)
{
	char text[HV_TEXT_MAX];
	int err = 0;

	if (same(config, live))
		return write_one(tagger, dom, live, config->flags | live->flags,
				 event);
	if (config->after)
		err = write_one(tagger, dom, config, config->flags, event);
	if (err || !live->after)
		return err;
	err = write_one(tagger, dom, live, live->flags, event);
	if (err && event->tagged.changed) {
		snprintf(text, sizeof(text), "%s", event->text);
		snprintf(event->text, sizeof(event->text),
			 "only its definition is changed: %.120s", text);
		err = -EIO;
	}
	return err;
}

/* The whole change; blocks. */
static int change(struct hv_tagger *tagger, virConnectPtr conn,
		  struct hv_event *event)
{
	const struct hv_tag_request *request = &tagger->request;
	CLEANUP(libvirt_domain_freep) virDomainPtr dom = NULL;
	CLEANUP(place_done) struct place config = { 0 };
	CLEANUP(place_done) struct place live = { 0 };
	int persistent, active;
	int err = 0;

	dom = virDomainLookupByUUID(conn, request->uuid);
	if (!dom)
		return say_theirs(event);
	persistent = virDomainIsPersistent(dom);
	active = virDomainIsActive(dom);
	if (persistent < 0 || active < 0)
		return say_theirs(event);
	event->tagged.transient = !persistent;
	if (persistent)
		err = prepare(dom, request, VIR_DOMAIN_AFFECT_CONFIG, &config,
			      event);
	if (!err && active)
		err = prepare(dom, request, VIR_DOMAIN_AFFECT_LIVE, &live,
			      event);
	return err ? err : write_all(tagger, dom, &config, &live, event);
}

static void tagger_free(struct hv_tagger *tagger)
{
	char *text;
	size_t i;

	if (!tagger)
		return;
	for (i = 0; tagger->steps && i < tagger->request.n_steps; i++) {
		/* Constant to all others. */
		memcpy(&text, &tagger->steps[i].name, sizeof(text));
		free(text);
		memcpy(&text, &tagger->steps[i].value, sizeof(text));
		free(text);
	}
	free(tagger->steps);
	free(tagger);
}

static struct hv_tagger *tagger_new(struct hv *hv,
				    const struct hv_tag_request *request)
{
	struct hv_tagger *tagger = calloc(1, sizeof(*tagger));
	const struct hv_tag_step *from = request->steps;
	struct hv_tag_step *to;
	size_t i;

	if (!tagger)
		return NULL;
	tagger->hv = hv;
	tagger->request = *request;
	tagger->steps = calloc(request->n_steps + 1, sizeof(*tagger->steps));
	tagger->request.steps = tagger->steps;
	for (i = 0; tagger->steps && i < request->n_steps; i++) {
		to = &tagger->steps[i];
		to->op = from[i].op;
		to->name = strdup(from[i].name);
		to->value = from[i].value ? strdup(from[i].value) : NULL;
		if (!to->name || (from[i].value && !to->value))
			break;
	}
	if (tagger->steps && i == request->n_steps)
		return tagger;
	tagger_free(tagger);
	return NULL;
}

/* No other change may begin before this; who is told may ask for one at once. */
static bool let_go(struct hv_tagger *tagger)
{
	struct hv *hv = tagger->hv;

	pthread_mutex_lock(&hv->lock);
	if (hv->tagger == tagger)
		hv->tagger = NULL;
	pthread_mutex_unlock(&hv->lock);
	return tagger->given_up;
}

static void *run(void *arg)
{
	struct hv_event *event = hv_event_new(HV_EVENT_TAGGED, 0);
	struct hv_tagger *tagger = arg;
	struct hv *hv = tagger->hv;
	virConnectPtr conn;
	bool given_up;

	conn = event ? virConnectOpen(hv->settings.uri) : NULL;
	/* Not all kinds have a connection to keep alive. */
	if (conn)
		(void)virConnectSetKeepAlive(conn, KEEPALIVE_S,
					     KEEPALIVE_COUNT);
	if (event) {
		memcpy(event->uuid, tagger->request.uuid, HV_UUID_SIZE);
		event->tagged.id = tagger->request.id;
		event->tagged.err = conn ? change(tagger, conn, event) :
					   say_theirs(event);
		event->at_ns = hv_clock_ns();
	}
	given_up = let_go(tagger);
	hv_hint(hv, tagger->request.uuid);
	if (event)
		hv_send(hv, event);
	/* Also this may block. */
	if (conn)
		virConnectClose(conn);
	tagger_free(tagger);
	if (given_up) {
		pthread_mutex_lock(&hv->lock);
		hv->n_lost_taggers--;
		pthread_mutex_unlock(&hv->lock);
	}
	hv_thread_end(hv, given_up);
	return NULL;
}

/* Under the lock. Is there room for another one? */
static int make_room(struct hv *hv)
{
	struct hv_tagger *tagger = hv->tagger;

	if (!tagger)
		return 0;
	if (hv_clock_ns() < tagger->request.deadline_ns)
		return -EBUSY;
	if (hv->n_lost_taggers == LOST_MAX)
		return -EAGAIN;
	tagger->given_up = true;
	hv->tagger = NULL;
	hv->n_threads--;
	hv->n_lost_taggers++;
	return 0;
}

int libvirt_tag(struct hv *hv, const struct hv_tag_request *request)
{
	struct hv_tagger *tagger = tagger_new(hv, request);
	int err;

	if (!tagger)
		return -ENOMEM;
	pthread_mutex_lock(&hv->lock);
	err = make_room(hv);
	if (!err)
		err = hv_thread_start(hv, run, tagger);
	if (!err)
		hv->tagger = STEAL(tagger);
	pthread_mutex_unlock(&hv->lock);
	tagger_free(tagger);
	return err;
}
