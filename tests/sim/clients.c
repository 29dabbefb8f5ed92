/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clients of a simulated node. Time is a wheel of milliseconds; each flow has
 * one next thing to do.
 */
#include "tests/sim/clients.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHEEL	  (1U << 19) /* ms: longer than any interval */
#define NOBODY	  UINT32_MAX
#define MAX_OPENS 4

enum flow_state {
	FLOW_OPENING, /* SYN sent, no answer taken */
	FLOW_OPEN,
	FLOW_HALF, /* the client has sent its FIN and goes on acknowledging */
	FLOW_LAST_ACK, /* both have; the client's last packet */
	FLOW_IS_OVER,  /* its port may be used again */
};

enum ending {
	END_CLIENT_FIN,
	END_SERVER_FIN,
	END_HALF_CLOSE,
	END_CLIENT_RST,
	END_SERVER_RST,
	END_VANISH,
	N_ENDINGS,
};

/**
 * struct flow - a client's flow, and who it is with.
 * @home: id of that VM; 0 = not known yet.
 * @next: in its place of the wheel.
 * @answer_ms: when the first answer to an opener comes; @answer_id: whose;
 *	@asked_ms: to an opener of when.
 * @packets: to go until @ending.
 * @tail: packets to go while half closed.
 */
struct flow {
	uint64_t key;
	uint64_t answer_ms;
	uint64_t asked_ms;
	uint64_t open_ms;
	uint32_t home;
	uint32_t answer_id;
	uint32_t next;
	uint16_t packets;
	uint16_t tail;
	uint8_t state;
	uint8_t ending;
	uint8_t opens;
	bool udp;
};

struct clients {
	struct world *w;
	struct clients_stats *stats;
	bool verbose;
	struct flow flow[CLIENTS_MAX];
	uint32_t wheel[WHEEL];
};

struct clients *clients_new(void)
{
	return calloc(1, sizeof(struct clients));
}

void clients_free(struct clients *c)
{
	free(c);
}

static void flow_at(struct clients *c, struct flow *f, uint64_t at_ms)
{
	uint32_t *place = &c->wheel[at_ms % WHEEL];

	f->next = *place;
	*place = (uint32_t)(f - c->flow);
}

static void flow_in(struct clients *c, struct flow *f, uint32_t ms)
{
	flow_at(c, f, c->w->now_ms + (ms ? ms : 1));
}

/* How long a flow is silent: mostly short, now and then all that it may. */
static uint32_t flow_gap(struct clients *c, const struct flow *f)
{
	uint32_t most = f->udp ? c->w->profile.udp_idle_ms :
				 c->w->profile.idle_ms;
	uint32_t dice = random_below(&c->w->random, 100);

	if (dice < 45)
		return random_between(&c->w->random, 1, 1000);
	if (dice < 70)
		return random_between(&c->w->random, 1, most / 4);
	if (dice < 95)
		return random_between(&c->w->random, 1, most);
	return most;
}

/* A new flow in place of one that is over. */
static void flow_renew(struct clients *c, struct flow *f)
{
	struct random *r = &c->w->random;
	uint64_t old_key = f->key;
	bool reopen = f->state == FLOW_IS_OVER && !f->udp &&
		      random_permille(r, 300);

	*f = (struct flow){ .key = random_u64(r) };
	f->udp = c->w->profile.udp && random_permille(r, 200);
	if (reopen && !f->udp) {
		f->key = old_key;
		c->stats->reopened++;
	}
	f->packets = (uint16_t)random_between(r, 1, 12);
	f->tail = (uint16_t)random_between(r, 1, 6);
	f->ending = (uint8_t)random_below(r, N_ENDINGS);
	f->state = f->udp ? FLOW_OPEN : FLOW_OPENING;
	flow_in(c, f, random_between(r, 1, reopen ? 12000 : 2000));
}

static void flow_over(struct clients *c, struct flow *f)
{
	f->state = FLOW_IS_OVER;
	flow_renew(c, f);
}

static void flow_broken(struct clients *c, struct flow *f, uint32_t id,
			const char *how)
{
	const struct world *w = c->w;
	uint32_t i = POOL_FIRST_LINE(w->pool.range) * SLOTS_PER_LINE +
		     slot_of_key(f->key, w->pool.range);

	c->stats->broken++;
	if (c->verbose)
		printf("%" PRIu64 " ms: %s flow %016" PRIx64
		       " of VM %u reached VM %u (%s, slot %u: %08x)\n",
		       w->now_ms, f->udp ? "UDP" : "TCP", f->key, f->home, id,
		       how, i,
		       w->lines[i / SLOTS_PER_LINE].slot[i % SLOTS_PER_LINE]);
}

/*
 * A packet of a flow that has a VM: it must get there.
 * Return: false if the flow is over with that.
 */
static bool flow_send(struct clients *c, struct flow *f, uint8_t tcp_flags)
{
	enum flow_kind kind = f->udp ? FLOW_UDP : FLOW_OTHER;
	struct world_sent sent = world_send(c->w, f->key, kind, tcp_flags);

	/* Plain UDP without an entry has no promise. */
	if (f->udp && sent.refused) {
		flow_renew(c, f);
		return false;
	}
	switch (world_vm_fate(c->w, f->home)) {
	case VM_RUNS:
		if (sent.id == f->home)
			return true;
		flow_broken(c, f, sent.id, "runs");
		break;
	case VM_DIED:
		c->stats->died++;
		break;
	case VM_DRAINED:
		flow_broken(c, f, sent.id, "was called drained");
		break;
	}
	flow_renew(c, f);
	return false;
}

static void flow_answer(struct clients *c, const struct flow *f,
			uint8_t tcp_flags)
{
	if (!f->udp)
		world_answer(c->w, f->key, f->home, tcp_flags);
}

/* The last words, as the flow's ending has it. */
static void flow_end_begin(struct clients *c, struct flow *f)
{
	switch ((enum ending)f->ending) {
	case END_CLIENT_FIN:
		if (!flow_send(c, f, TCP_FIN | TCP_ACK))
			return;
		flow_answer(c, f, TCP_FIN | TCP_ACK);
		f->state = FLOW_LAST_ACK;
		flow_in(c, f, random_between(&c->w->random, 1, 900));
		return;
	case END_SERVER_FIN:
		flow_answer(c, f, TCP_FIN | TCP_ACK);
		if (!flow_send(c, f, TCP_FIN | TCP_ACK))
			return;
		flow_answer(c, f, TCP_ACK);
		break;
	case END_HALF_CLOSE:
		if (!flow_send(c, f, TCP_FIN | TCP_ACK))
			return;
		f->state = FLOW_HALF;
		flow_in(c, f, flow_gap(c, f));
		return;
	case END_CLIENT_RST:
		if (!flow_send(c, f, TCP_RST | TCP_ACK))
			return;
		break;
	case END_SERVER_RST:
		if (!flow_send(c, f, TCP_ACK))
			return;
		flow_answer(c, f, TCP_RST);
		break;
	case END_VANISH:
	case N_ENDINGS:
		/* Its port is not used again. */
		flow_renew(c, f);
		return;
	}
	flow_over(c, f);
}

/* Somebody's RST, that neither end takes. */
static void flow_blind_rst(struct clients *c, struct flow *f)
{
	c->stats->blind_rsts++;
	world_send(c->w, f->key, FLOW_OTHER, TCP_RST);
	if (random_permille(&c->w->random, 500)) {
		/* In the window: the VM asks (RFC 5961), the client answers. */
		flow_answer(c, f, TCP_ACK);
		if (flow_send(c, f, TCP_ACK))
			flow_in(c, f, flow_gap(c, f));
	} else {
		if (!f->packets)
			f->packets = 1;
		flow_in(c, f, random_between(&c->w->random, 1, 9000));
	}
}

static void flow_speak(struct clients *c, struct flow *f)
{
	uint32_t dice = random_below(&c->w->random, 100);

	if (!f->udp && !f->packets--) {
		flow_end_begin(c, f);
		return;
	}
	/* A push of the VM that the client acknowledges. */
	if (dice < 20)
		flow_answer(c, f, TCP_ACK);
	if (!flow_send(c, f, TCP_ACK))
		return;
	if (dice >= 20 && dice < 90)
		flow_answer(c, f, TCP_ACK);
	if (f->udp && !f->packets--)
		flow_renew(c, f);
	else if (!f->udp && dice == 99)
		flow_blind_rst(c, f);
	else
		flow_in(c, f, flow_gap(c, f));
}

/* Plain UDP has no handshake: its first packet decides. */
static void flow_udp_begin(struct clients *c, struct flow *f)
{
	struct world_sent sent = world_send(c->w, f->key, FLOW_UDP, 0);

	f->home = sent.id;
	if (!f->home || sent.refused) {
		flow_renew(c, f);
		return;
	}
	c->stats->flows++;
	flow_in(c, f, flow_gap(c, f));
}

/* An opener, the first one or again. */
static void flow_opener(struct clients *c, struct flow *f)
{
	struct world_sent sent = world_send(c->w, f->key, FLOW_OPENER, TCP_SYN);
	uint32_t most = sent.refused ? 900 : 1900;
	uint64_t answer_ms =
		c->w->now_ms + random_between(&c->w->random, 1, most);

	if (sent.id && (!f->answer_ms || answer_ms < f->answer_ms)) {
		f->answer_ms = answer_ms;
		f->asked_ms = c->w->now_ms;
		f->answer_id = sent.id;
	}
	f->open_ms = c->w->now_ms + (1000ULL << f->opens);
	f->opens++;
	if (f->answer_ms && f->answer_ms < f->open_ms)
		flow_at(c, f, f->answer_ms);
	else
		flow_at(c, f, f->open_ms);
}

static void flow_opening(struct clients *c, struct flow *f)
{
	/* Who is suspended in a handshake does not finish it. */
	if (f->answer_ms && !world_vm_answers(c->w, f->answer_id, f->asked_ms))
		f->answer_ms = 0;
	if (f->answer_ms && f->answer_ms <= c->w->now_ms) {
		/* A dead VM's answer is no flow. */
		f->home = f->answer_id;
		f->state = FLOW_OPEN;
		c->stats->flows++;
		if (flow_send(c, f, TCP_ACK))
			flow_in(c, f, flow_gap(c, f));
	} else if (f->opens < MAX_OPENS) {
		flow_opener(c, f);
	} else {
		c->stats->unanswered++;
		flow_renew(c, f);
	}
}

static void flow_do(struct clients *c, struct flow *f)
{
	switch ((enum flow_state)f->state) {
	case FLOW_OPENING:
		flow_opening(c, f);
		break;
	case FLOW_OPEN:
		if (f->udp && !f->home)
			flow_udp_begin(c, f);
		else
			flow_speak(c, f);
		break;
	case FLOW_HALF:
		flow_answer(c, f, TCP_ACK);
		if (!flow_send(c, f, TCP_ACK))
			return;
		if (f->tail--) {
			flow_in(c, f, flow_gap(c, f));
			return;
		}
		flow_answer(c, f, TCP_FIN | TCP_ACK);
		f->state = FLOW_LAST_ACK;
		flow_in(c, f, random_between(&c->w->random, 1, 900));
		break;
	case FLOW_LAST_ACK:
		if (flow_send(c, f, TCP_ACK))
			flow_over(c, f);
		break;
	case FLOW_IS_OVER:
		break;
	}
}

/* Packets from nowhere. */
static void flood(struct clients *c)
{
	uint64_t key = random_u64(&c->w->random);
	uint32_t n = random_between(&c->w->random, 1, 3);
	struct world_sent sent;

	c->stats->flood += n;
	if (random_permille(&c->w->random, 300)) {
		sent = world_send(c->w, key, FLOW_OTHER, TCP_ACK);
		/* A VM may answer what it does not know, or be silent. */
		if (sent.id && random_permille(&c->w->random, 500))
			world_answer(c->w, key, sent.id, TCP_RST);
		world_flood(c->w, key, n - 1);
		return;
	}
	while (n--)
		world_send(c->w, key, FLOW_OPENER, TCP_SYN);
}

static void wheel_turn(struct clients *c)
{
	uint32_t *place = &c->wheel[c->w->now_ms % WHEEL];
	uint32_t i = *place;
	uint32_t next;

	*place = NOBODY;
	for (; i != NOBODY; i = next) {
		next = c->flow[i].next;
		flow_do(c, &c->flow[i]);
	}
}

void clients_run(struct clients *c, struct world *w, uint32_t n_flows,
		 uint32_t n_live, bool verbose, struct clients_stats *stats)
{
	uint64_t until = stats->flows + n_flows;
	uint64_t control_ms = 0;
	uint32_t i;

	c->w = w;
	c->stats = stats;
	c->verbose = verbose;
	memset(c->flow, 0, sizeof(c->flow));
	memset(c->wheel, 0xff, sizeof(c->wheel));
	for (i = 0; i < n_live && i < CLIENTS_MAX; i++)
		flow_renew(c, &c->flow[i]);
	while (stats->flows < until && !w->wrong) {
		w->now_ms++;
		wheel_turn(c);
		if (random_permille(&w->random, w->profile.flood_permille))
			flood(c);
		if (w->now_ms < control_ms)
			continue;
		world_control(w);
		control_ms = world_next_ms(w);
	}
}
