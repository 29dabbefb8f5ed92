/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses that have to be asked for: DHCP leases of libvirt's networks, and
 * the guest's agent.
 *
 * Such a call may block for as long as a hung QEMU hangs, and nothing cancels
 * it. So the asker has a thread and a connection of its own; a call that is
 * past its deadline is given up with both, and another asker goes on. At most
 * two are given up at a time: then nothing is asked until one of them returns.
 *
 * What an agent says is the guest's word. It decides nothing but the address
 * that packets for this guest's own port are sent to.
 */
#include "control/hypervisor/libvirt_hv.h"

#include <errno.h>
#include <netinet/ether.h>
#include <stdlib.h>
#include <string.h>

#define CALL_DEADLINE_NS (3 * NS_PER_S)
#define ABANDONED_MAX	 2

/* Eagerly while the guest boots, then just to see changes. */
#define ASK_SOON_NS    NS_PER_S
#define ASK_SOON_UNTIL (60 * NS_PER_S)
#define ASK_AGAIN_NS   (30 * NS_PER_S)
#define ASK_PENALTY_NS (60 * NS_PER_S)

/**
 * struct hv_asker - a thread that makes calls which may block.
 * @hv: whose; the rest is under its lock.
 * @abandoned: given up: what it still finds is not wanted.
 * @busy_ns: since when it is in a call, 0 = it isn't.
 * @uuid: the VM it asks about.
 */
struct hv_asker {
	struct hv *hv;
	bool abandoned;
	uint64_t busy_ns;
	uint8_t uuid[HV_UUID_SIZE];
};

static void add_found(struct hv_event *event, const virDomainInterface *nic,
		      const virDomainIPAddress *addr,
		      enum hv_addr_source source)
{
	struct hv_found found = { .addr.source = source };
	struct ether_addr mac;

	if (!nic->hwaddr || !ether_aton_r(nic->hwaddr, &mac) ||
	    event->n_found == HV_MAX_ADDRS ||
	    hv_ip_parse(addr->addr, &found.addr.ip) ||
	    !hv_ip_usable(&found.addr.ip))
		return;
	memcpy(found.mac, mac.ether_addr_octet, HV_MAC_SIZE);
	event->found[event->n_found++] = found;
}

static void ask_source(virDomainPtr dom, unsigned int libvirt_source,
		       enum hv_addr_source source, struct hv_event *event)
{
	virDomainInterfacePtr *nics;
	unsigned int j;
	int i, n;

	n = virDomainInterfaceAddresses(dom, &nics, libvirt_source, 0);
	for (i = 0; i < n; i++) {
		for (j = 0; j < nics[i]->naddrs; j++)
			add_found(event, nics[i], &nics[i]->addrs[j], source);
		virDomainInterfaceFree(nics[i]);
	}
	if (n >= 0)
		free(nics);
}

/* A lease is mostly of IPv4, while the guest makes its IPv6 address itself. */
static bool is_complete(const struct hv_event *event)
{
	bool v4 = false;
	bool v6 = false;
	size_t i;

	for (i = 0; i < event->n_found; i++) {
		v4 |= IP_IS_V4(event->found[i].addr.ip);
		v6 |= !IP_IS_V4(event->found[i].addr.ip);
	}
	return v4 && v6;
}

/* The blocking part: without the lock. NULL: could not be asked at all. */
static struct hv_event *ask(struct hv *hv, virConnectPtr *conn,
			    const struct hv_question *question)
{
	struct hv_event *event;
	virDomainPtr dom;

	/* The agent is not for read-only connections. */
	if (!*conn)
		*conn = virConnectOpen(hv->settings.uri);
	dom = *conn ? virDomainLookupByUUID(*conn, question->uuid) : NULL;
	event = dom ? hv_event_new(HV_EVENT_ADDRS, hv_clock_ns()) : NULL;
	if (event)
		event->found = calloc(HV_MAX_ADDRS, sizeof(*event->found));
	if (event && event->found) {
		memcpy(event->uuid, question->uuid, HV_UUID_SIZE);
		if (question->lease)
			ask_source(dom,
				   VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
				   HV_ADDR_LEASE, event);
		if (question->agent && !is_complete(event))
			ask_source(dom,
				   VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
				   HV_ADDR_AGENT, event);
	}
	if (dom)
		virDomainFree(dom);
	if (*conn && virConnectIsAlive(*conn) != 1) {
		virConnectClose(*conn);
		*conn = NULL;
	}
	return event;
}

/* One question, from and to under the lock. */
static void serve(struct hv *hv, struct hv_asker *asker, virConnectPtr *conn)
{
	struct hv_question question;
	struct hv_known *known;
	struct hv_event *event;

	question = hv->questions[0];
	hv->n_questions--;
	memmove(hv->questions, hv->questions + 1,
		hv->n_questions * sizeof(question));
	memcpy(asker->uuid, question.uuid, HV_UUID_SIZE);
	asker->busy_ns = hv_clock_ns();
	pthread_mutex_unlock(&hv->lock);

	event = ask(hv, conn, &question);

	pthread_mutex_lock(&hv->lock);
	asker->busy_ns = 0;
	known = hv_known_find(hv, question.uuid);
	if (known && event && !asker->abandoned)
		known->found = event->n_found > 0;
	/* Nobody answered is no news: what was found before may still hold. */
	if (event && event->n_found > 0 && !asker->abandoned && !hv->closed) {
		event->arg = hv->settings.arg;
		hv_queue_push(hv->settings.queue, event);
		event = NULL;
	}
	hv_event_free(event);
}

static void *run(void *arg)
{
	struct hv_asker *asker = arg;
	struct hv *hv = asker->hv;
	virConnectPtr conn = NULL;

	pthread_mutex_lock(&hv->lock);
	while (!hv->closed && !asker->abandoned) {
		if (hv->n_questions > 0)
			serve(hv, asker, &conn);
		else
			pthread_cond_wait(&hv->ask, &hv->lock);
	}
	pthread_mutex_unlock(&hv->lock);
	if (conn)
		virConnectClose(conn);
	pthread_mutex_lock(&hv->lock);
	if (asker->abandoned)
		hv->counters.abandoned_now--;
	if (hv->asker == asker)
		hv->asker = NULL;
	pthread_mutex_unlock(&hv->lock);
	hv_thread_end(hv, asker->abandoned);
	free(asker);
	return NULL;
}

static int start_asker(struct hv *hv)
{
	struct hv_asker *asker;
	int err;

	asker = calloc(1, sizeof(*asker));
	if (!asker)
		return -ENOMEM;
	asker->hv = hv;
	pthread_mutex_lock(&hv->lock);
	err = hv_thread_start(hv, run, asker);
	if (!err)
		hv->asker = asker;
	pthread_mutex_unlock(&hv->lock);
	if (err)
		free(asker);
	return err;
}

/* Under the lock. */
static void give_up_late(struct hv *hv, uint64_t now_ns)
{
	struct hv_asker *asker = hv->asker;
	struct hv_known *known;

	if (!asker || !asker->busy_ns ||
	    now_ns - asker->busy_ns < CALL_DEADLINE_NS)
		return;
	known = hv_known_find(hv, asker->uuid);
	if (known)
		known->ask_due_ns = now_ns + ASK_PENALTY_NS;
	asker->abandoned = true;
	hv->asker = NULL;
	hv->n_threads--;
	hv->counters.abandoned++;
	hv->counters.abandoned_now++;
}

/* Under the lock. */
static int add_question(struct hv *hv, const struct hv_known *known)
{
	struct hv_question *more;
	size_t i, max;

	for (i = 0; i < hv->n_questions; i++)
		if (!memcmp(hv->questions[i].uuid, known->uuid, HV_UUID_SIZE))
			return 0;
	if (hv->n_questions == hv->max_questions) {
		max = hv->max_questions ? hv->max_questions * 2 : 16;
		more = reallocarray(hv->questions, max, sizeof(*more));
		if (!more)
			return -ENOMEM;
		hv->questions = more;
		hv->max_questions = max;
	}
	more = &hv->questions[hv->n_questions++];
	memcpy(more->uuid, known->uuid, HV_UUID_SIZE);
	more->lease = known->ask_lease;
	more->agent = known->ask_agent;
	return 0;
}

static uint64_t next_due(const struct hv_known *known, uint64_t now_ns)
{
	if (!known->found && now_ns - known->ask_since_ns < ASK_SOON_UNTIL)
		return now_ns + ASK_SOON_NS;
	return now_ns + ASK_AGAIN_NS;
}

/* Under the lock. Returns when somebody is due next. */
static uint64_t add_questions(struct hv *hv, uint64_t now_ns)
{
	uint64_t first_ns;
	size_t i;

	first_ns = UINT64_MAX;
	for (i = 0; i < hv->n_known; i++) {
		struct hv_known *known = hv->known[i];

		if (!known->ask_lease && !known->ask_agent)
			continue;
		if (known->ask_due_ns <= now_ns) {
			(void)add_question(hv, known); /* else next time */
			known->ask_due_ns = next_due(known, now_ns);
		}
		if (known->ask_due_ns < first_ns)
			first_ns = known->ask_due_ns;
	}
	return first_ns;
}

uint64_t libvirt_ask(struct hv *hv, uint64_t now_ns)
{
	uint64_t next_ns, late_ns;
	bool start;

	pthread_mutex_lock(&hv->lock);
	give_up_late(hv, now_ns);
	next_ns = add_questions(hv, now_ns);
	if (hv->asker && hv->asker->busy_ns) {
		late_ns = hv->asker->busy_ns + CALL_DEADLINE_NS;
		next_ns = late_ns < next_ns ? late_ns : next_ns;
	}
	start = hv->n_questions > 0 && !hv->asker &&
		hv->counters.abandoned_now < ABANDONED_MAX;
	if (hv->n_questions > 0)
		pthread_cond_signal(&hv->ask);
	pthread_mutex_unlock(&hv->lock);
	/* Without an asker it is tried again when somebody is due. */
	if (start && start_asker(hv) == 0 &&
	    now_ns + CALL_DEADLINE_NS < next_ns)
		next_ns = now_ns + CALL_DEADLINE_NS;
	return next_ns;
}

void libvirt_ask_set(struct hv_known *known, const struct hv_vm *vm)
{
	bool lease, agent;
	size_t i;

	lease = false;
	agent = vm->agent;
	for (i = 0; i < vm->n_nics; i++)
		lease = lease || *vm->nics[i].network;
	for (i = 0; i < vm->n_nics; i++)
		if (vm->nics[i].n_addrs > 0)
			lease = agent = false; /* the metadata has said */
	if (vm->state != HV_STATE_RUNNING)
		lease = agent = false;
	if ((lease && !known->ask_lease) || (agent && !known->ask_agent)) {
		known->found = false;
		known->ask_since_ns = vm->read_ns;
		known->ask_due_ns = vm->read_ns;
	}
	known->ask_lease = lease;
	known->ask_agent = agent;
}
