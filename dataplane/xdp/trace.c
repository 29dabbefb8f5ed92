// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reader of a trace: takes the lease, asks, and reads the ring.
 *
 * There is one ring and one filter, so there is one reader at a time. Its lease is
 * its lock: who finds it over swaps it for one of his own.
 */
#include "dataplane/xdp/trace.h"

#include "dataplane/core/trace.h"
#include "dataplane/judged.h"
#include "dataplane/publish_state.h"
#include "dataplane/xdp/engine.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LEASE_NS 2000000000ULL

/**
 * struct trace - a trace of this process.
 * @control: shared with the programs.
 * @ring: what they say.
 * @lease_ns: ours, as it stands in @control.
 * @began_ns: what is older in the ring was somebody else's.
 * @before: what had been counted then.
 * @fn, @arg: of the read under way.
 */
struct trace {
	struct dp *dp;
	struct trace_control *control;
	struct ring_buffer *ring;
	uint64_t lease_ns;
	uint64_t began_ns;
	struct dp_trace_sum before;
	dp_traced_fn *fn;
	void *arg;
};

/* --- what is asked for ----------------------------------------------------- */

static int ask_service(const struct publish *p, const char *name,
		       struct trace_control *c)
{
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_services; i++) {
		if (p->m.service_info[i].state == NUMBER_FREE ||
		    strcmp(p->m.service_info[i].name, name) != 0 ||
		    c->n_services == TRACE_SERVICES)
			continue;
		c->service[c->n_services++] = i;
	}
	return c->n_services ? 0 : -ENOENT;
}

/* A VM has a number in each of its pools, and may have an old one besides. */
static int ask_vm(const struct publish *p, const uint8_t *uuid,
		  struct trace_control *c)
{
	uint32_t i;

	for (i = 1; i <= p->m.meta->limits.n_backends; i++) {
		if (p->m.backend_info[i].state == NUMBER_FREE ||
		    memcmp(p->m.backend_info[i].uuid, uuid, DP_UUID_SIZE) != 0)
			continue;
		if (c->n_backends == TRACE_BACKENDS)
			return -E2BIG;
		c->backend[c->n_backends++] = i;
	}
	return c->n_backends ? 0 : -ENOENT;
}

static void ask_client(const struct dp_trace_ask *ask, struct trace_control *c)
{
	uint32_t bits = ask->client_bits;
	int i;

	for (i = 0; i < 4; i++) {
		if (bits >= 32)
			c->client_mask.word[i] = ~0U;
		else if (bits)
			c->client_mask.word[i] = BE32(~0U << (32 - bits));
		bits -= bits < 32 ? bits : 32;
		c->client.word[i] = ask->client.word[i] &
				    c->client_mask.word[i];
	}
}

/* The path looks at all places of a list. */
static void fill_up(uint32_t *list, uint32_t n, uint32_t max)
{
	for (; n && n < max; n++)
		list[n] = list[0];
}

/* --- the lease -------------------------------------------------------------- */

static int lease_take(struct trace *t, uint64_t now_ns, char *error)
{
	uint64_t *until = &t->control->until_ns;
	uint64_t had_ns = READ_ONCE(*until);
	uint64_t lease_ns;

	t->began_ns = now_ns;
	lease_ns = t->began_ns + LEASE_NS;
	if (had_ns > t->began_ns ||
	    !__atomic_compare_exchange_n(until, &had_ns, lease_ns, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		(void)snprintf(error, DP_ERROR_SIZE,
			       "somebody else has a trace on (process %u); one "
			       "that was killed ends within 2 seconds",
			       READ_ONCE(t->control->reader_pid));
		return -EBUSY;
	}
	t->lease_ns = lease_ns;
	t->control->reader_pid = (uint32_t)getpid();
	return 0;
}

/* Two seconds more; false: it was over, and is somebody else's. */
static bool lease_renew(struct trace *t, uint64_t until_ns)
{
	uint64_t had_ns = t->lease_ns;

	if (!__atomic_compare_exchange_n(&t->control->until_ns, &had_ns,
					 until_ns, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return false;
	t->lease_ns = until_ns;
	return true;
}

/* --- what is said ----------------------------------------------------------- */

/* What came is what the VM sent, or what was for the VIP; the frame has been
 * rewritten since. */
static void restore(const struct publish *p, const struct trace_say *say,
		    struct dp_judged *ret)
{
	const struct service_info *info;
	bool has_ports = ret->l4 == L4_TCP || ret->l4 == L4_UDP;

	if (say->verdict < VERDICT_FORWARD || say->verdict > VERDICT_STACK)
		return;
	if (say->hook == TRACE_UPLINK && say->service &&
	    say->service <= p->m.meta->limits.n_services) {
		info = &p->m.service_info[say->service];
		ret->dst = info->key.vip;
		if (has_ports)
			ret->dport = HOST16(info->key.port);
	} else if (say->verdict == VERDICT_FORWARD && ret->vm[0]) {
		ret->src = ret->target;
		if (has_ports)
			ret->sport = ret->target_port;
	}
}

/* Of a slot that is not marked nothing is said: it alone decides. */
static enum pick_how how_of(const struct trace_say *say,
			    const struct dp_judged *packet)
{
	if (say->how || say->hook != TRACE_UPLINK || !say->backend ||
	    packet->frag == FRAG_LATER || packet->l4 == L4_ICMP)
		return (enum pick_how)say->how;
	return say->verdict == VERDICT_FORWARD ||
			       say->verdict == VERDICT_STACK ?
		       HOW_SLOT :
		       HOW_NONE;
}

/* The frame is an answer of ours: the other way round is how the packet came. */
static void turn(const struct trace_say *say, struct dp_judged *ret)
{
	struct ip_addr src = ret->src;
	uint16_t sport = ret->sport;

	ret->src = ret->dst;
	ret->dst = src;
	ret->sport = ret->dport;
	ret->dport = sport;
	/* An ICMP error about it. */
	if (say->l4) {
		ret->l4 = say->l4;
		ret->proto = say->proto;
		ret->sport = HOST16(say->sport);
		ret->dport = HOST16(say->dport);
		ret->tcp_flags = 0;
		ret->frag = FRAG_NONE;
	}
}

/* What the frame itself says. */
static void read_frame(const struct trace_event *ev, struct dp_judged *ret)
{
	uint8_t frame[TRACE_FRAME];
	uint32_t taken = ev->taken < TRACE_FRAME ? ev->taken : TRACE_FRAME;
	struct pkt p = {
		.data = frame,
		.end = frame + taken,
		.length = ev->length,
	};
	enum reason reason;
	uint8_t *l3 = NULL;

	memcpy(frame, ev->frame, sizeof(frame));
	reason = parse_frame(&p, &l3);
	if (!reason && is_ip(&p))
		reason = parse_flow(&p);
	judged_packet(&p, reason, ret);
	if (ev->say.verdict == VERDICT_REPLY)
		turn(&ev->say, ret);
}

static void told(const struct trace *t, const struct trace_event *ev,
		 struct dp_traced *ret)
{
	const struct publish *p = t->dp->publish;
	const struct trace_say *say = &ev->say;
	struct dp_judged *packet = &ret->packet;

	*ret = (struct dp_traced){
		.at_ns = ev->at_ns,
		.ifindex = ev->ifindex,
		.cpu = ev->cpu,
		.packet = {
			.hook = (enum dp_hook)say->hook,
			.length = say->length,
			.verdict = (enum verdict)say->verdict,
			.reason = (enum reason)say->reason,
			.as_if = (enum reason)say->as_if,
			.slot = say->slot,
		},
	};
	read_frame(ev, packet);
	if (say->hook == TRACE_UPLINK)
		packet->kind = (enum flow_kind)say->kind;
	packet->how = how_of(say, packet);
	judged_service(p, say->service, packet);
	judged_backend(p, say->backend, packet);
	if (packet->frag == FRAG_LATER)
		packet->target_port = 0;
	restore(p, say, packet);
}

static int ring_event(void *arg, void *data, size_t size)
{
	const struct trace *t = arg;
	const struct trace_event *ev = data;
	struct dp_traced traced;

	if (size < sizeof(*ev) || ev->at_ns < t->began_ns || !t->fn)
		return 0;
	told(t, ev, &traced);
	t->fn(t->arg, &traced);
	return 0;
}

static int counts_read(const struct dp *dp, struct dp_trace_sum *ret_sum)
{
	struct trace_count *each = calloc((size_t)dp->n_cpus, sizeof(*each));
	struct dp_trace_sum sum = { .matched = 0 };
	const uint32_t only = 0;
	int err;
	int i;

	if (!each)
		return -ENOMEM;
	err = bpf_map_lookup_elem(dp->maps.fd[MAP_TRACE_COUNT], &only, each);
	for (i = 0; i < dp->n_cpus && !err; i++) {
		sum.matched += each[i].matched;
		sum.limited += each[i].limited;
		sum.lost += each[i].lost;
	}
	free(each);
	if (!err)
		*ret_sum = sum;
	return err;
}

/* --- start, read, stop -------------------------------------------------------- */

static int trace_ask(struct trace *t, const struct dp_trace_ask *ask,
		     uint64_t now_ns, char *error)
{
	struct trace_control *c = t->control;
	struct trace_control wanted = {
		.reasons = ask->reasons,
		.rate_pps = ask->rate_pps,
	};
	int err = 0;

	if (ask->service)
		err = ask_service(t->dp->publish, ask->service, &wanted);
	if (!err && ask->uuid)
		err = ask_vm(t->dp->publish, ask->uuid, &wanted);
	if (err) {
		(void)snprintf(
			error, DP_ERROR_SIZE, "%s",
			err == -ENOENT ?
				"no such service or VM is in the tables" :
				"the VM is in too many pools");
		return err;
	}
	ask_client(ask, &wanted);
	fill_up(wanted.service, wanted.n_services, TRACE_SERVICES);
	fill_up(wanted.backend, wanted.n_backends, TRACE_BACKENDS);
	err = lease_take(t, now_ns, error);
	if (err)
		return err;
	/* Off, in case a reader was killed a moment ago. */
	__atomic_store_n(&c->on, 0, __ATOMIC_RELEASE);
	c->reasons = wanted.reasons;
	c->rate_pps = wanted.rate_pps;
	c->n_services = wanted.n_services;
	c->n_backends = wanted.n_backends;
	c->client = wanted.client;
	c->client_mask = wanted.client_mask;
	memcpy(c->service, wanted.service, sizeof(c->service));
	memcpy(c->backend, wanted.backend, sizeof(c->backend));
	return 0;
}

static int trace_open(struct trace *t, const struct dp_trace_ask *ask,
		      uint64_t now_ns, char *error)
{
	const struct dp *dp = t->dp;
	int err;

	t->control = mmap(NULL, sizeof(*t->control), PROT_READ | PROT_WRITE,
			  MAP_SHARED, dp->maps.fd[MAP_TRACE], 0);
	if (t->control == MAP_FAILED) {
		err = -errno;
		t->control = NULL;
		return dp_fail(error, err, "cannot map", "the trace's tables");
	}
	err = trace_ask(t, ask, now_ns, error);
	if (err)
		return err;
	t->ring = ring_buffer__new(dp->maps.fd[MAP_TRACE_RING], ring_event, t,
				   NULL);
	if (!t->ring)
		return dp_fail(error, -errno, "cannot open",
			       "the trace's ring");
	/* What a reader before us has left there. */
	(void)ring_buffer__consume(t->ring);
	err = counts_read(dp, &t->before);
	if (err)
		return dp_fail(error, err, "cannot read", "the trace's counts");
	__atomic_store_n(&t->control->on, 1, __ATOMIC_RELEASE);
	return 0;
}

int trace_start(struct dp *dp, const struct dp_trace_ask *ask, uint64_t now_ns,
		char *error)
{
	int err;

	if (dp->maps.fd[MAP_TRACE] < 0 || dp->maps.fd[MAP_TRACE_RING] < 0 ||
	    dp->maps.fd[MAP_TRACE_COUNT] < 0) {
		(void)snprintf(error, DP_ERROR_SIZE,
			       "the programs in force are of an older version, "
			       "which shows nothing; start this one's droverd");
		return -EOPNOTSUPP;
	}
	if (dp->trace)
		return -EALREADY;
	dp->trace = calloc(1, sizeof(*dp->trace));
	if (!dp->trace)
		return dp_fail(error, -ENOMEM, "no trace", "here");
	dp->trace->dp = dp;
	err = trace_open(dp->trace, ask, now_ns, error);
	if (err)
		trace_stop(dp);
	return err;
}

int trace_read(struct dp *dp, uint64_t now_ns, int timeout_ms, dp_traced_fn *fn,
	       void *arg, struct dp_trace_sum *ret_sum)
{
	struct trace *t = dp->trace;
	int err;
	int n;

	if (!lease_renew(t, now_ns + LEASE_NS))
		return -ESTALE;
	/* A program may have seen the lease before this one's end. */
	__atomic_store_n(&t->control->on, 1, __ATOMIC_RELEASE);
	t->fn = fn;
	t->arg = arg;
	n = ring_buffer__poll(t->ring, timeout_ms);
	/* Also those whose wake-up is still on its way. */
	err = ring_buffer__consume(t->ring);
	t->fn = NULL;
	if (err >= 0)
		n = (n < 0 ? 0 : n) + err;
	err = counts_read(dp, ret_sum);
	if (err)
		return err;
	ret_sum->matched -= t->before.matched;
	ret_sum->limited -= t->before.limited;
	ret_sum->lost -= t->before.lost;
	return n;
}

void trace_stop(struct dp *dp)
{
	struct trace *t = dp->trace;

	if (!t)
		return;
	/* Whoever has taken the lease meanwhile has it on. */
	if (t->lease_ns && READ_ONCE(t->control->until_ns) == t->lease_ns) {
		__atomic_store_n(&t->control->on, 0, __ATOMIC_RELEASE);
		(void)lease_renew(t, 0);
	}
	ring_buffer__free(t->ring);
	if (t->control)
		munmap(t->control, sizeof(*t->control));
	free(t);
	dp->trace = NULL;
}
