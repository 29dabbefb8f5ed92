/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the table in force to the one that the shares ask for, with the fewest
 * moves: Hamilton quotas say who has slots to spare and who lacks some, and
 * only spare slots change hands. That is the minimum for these quotas, where a
 * new Maglev table would move 1.6 to 10 times as many.
 *
 * DOC: which slots
 *
 *	ROUND_BACK	moving slots whose base lacks slots: turned round, they
 *			settle at once
 *	ROUND_MARKED	other marked slots: no further flow needs an entry
 *	ROUND_STEADY	the rest
 *
 * each in a pseudo-random order of slot lines, keyed by the pool's seed. It is
 * the same order every time: a plan that was cut short and is made again picks
 * the same slots, and the slots that come late stay steady for good.
 */
#include "dataplane/slots_state.h"

#include <errno.h>
#include <stdlib.h>

/* The order jumps: lines are asked for so many turns ahead. */
#define PREFETCH 8

enum round {
	ROUND_BACK,
	ROUND_MARKED,
	ROUND_STEADY,
	N_ROUNDS,
};

/**
 * struct planner - a plan in the making.
 * @lacking: numbers below their quota, @n_lacking of them.
 * @turn: who of them is next.
 * @n_left: slots that have to change hands still.
 * @max_marked: begin no move of a steady slot with so many marked.
 * @n_moved: slots that did.
 * @balance: by number: slots above (+) or below (-) its quota.
 */
struct planner {
	struct slots *s;
	struct slots_pool *p;
	uint64_t key;
	int32_t *balance;
	uint16_t *lacking;
	uint32_t n_lacking;
	uint32_t turn;
	uint32_t n_left;
	uint32_t max_marked;
	uint32_t n_moved;
};

/* A bijection on the numbers below @n (a power of two), decided by a key. */
static uint32_t permute(uint64_t key, uint32_t n, uint32_t i)
{
	uint32_t half = ((uint32_t)__builtin_ctz(n) + 1) / 2;

	i = (i * ((uint32_t)key | 1) + (uint32_t)(key >> 32)) & (n - 1);
	i ^= i >> half;
	i = (i * 0x9e3779b1U) & (n - 1);
	return i ^ i >> half;
}

/* Who gets a slot: @wish if it lacks one, else whoever's turn it is. */
static uint16_t planner_take(struct planner *plan, uint16_t wish)
{
	uint16_t backend = BACKEND_NONE;

	if (wish != BACKEND_NONE && plan->balance[wish] < 0) {
		backend = wish;
	} else {
		/* Whoever was served by a wish meanwhile drops out here. */
		while (plan->n_lacking && backend == BACKEND_NONE) {
			plan->turn %= plan->n_lacking;
			backend = plan->lacking[plan->turn];
			if (plan->balance[backend] >= 0) {
				plan->lacking[plan->turn] =
					plan->lacking[--plan->n_lacking];
				backend = BACKEND_NONE;
			}
		}
		plan->turn++;
	}
	if (backend != BACKEND_NONE)
		plan->balance[backend]++;
	return backend;
}

/*
 * Give a slot to @owner, the planned way: in whatever state it is, the states
 * and stores of slots.h.
 */
static void slot_hand_on(struct slots *s, struct slots_pool *p, uint32_t i,
			 uint16_t owner)
{
	uint32_t word = slot_get(s, p, i);
	uint16_t base = slot_base(word);

	if (slot_state(word) == SLOT_IS_MOVING) {
		if (owner == base)
			slot_settle(s, p, i, base);
		else
			slot_set(s, p, i,
				 slot_make(owner, base, word & SLOT_MARKS),
				 SLOTS_NO_TARGET);
	} else if (base == BACKEND_NONE) {
		slot_set(s, p, i, slot_make(owner, owner, word & SLOT_TRACKED),
			 SLOTS_NO_TARGET);
	} else if (slot_state(word) == SLOT_CLAIMING) {
		if (owner == base)
			slot_settle(s, p, i, base);
		else
			slot_set(s, p, i, word, owner);
	} else {
		slot_clock_start(s, p, i);
		slot_set(s, p, i, word | SLOT_TRACKED | SLOT_MOVING, owner);
	}
}

/* One slot in one round. */
static void planner_slot(struct planner *plan, enum round round, uint32_t i)
{
	uint32_t word = slot_get(plan->s, plan->p, i);
	bool marked = word & SLOT_TRACKED;
	uint16_t base = slot_base(word);
	uint16_t owner = marked ? slot_owner(plan->p, i, word) : base;

	if (marked != (round != ROUND_STEADY) || plan->balance[owner] <= 0)
		return;
	if (round == ROUND_BACK &&
	    (owner == base || plan->balance[base] >= 0 || base == BACKEND_NONE))
		return;
	if (!marked && base != BACKEND_NONE && plan->max_marked &&
	    plan->p->n_marked >= plan->max_marked)
		return;
	plan->balance[owner]--;
	plan->n_left--;
	plan->n_moved++;
	slot_hand_on(plan->s, plan->p, i, planner_take(plan, base));
}

/* The slots of one line. */
static void planner_line(struct planner *plan, enum round round, uint32_t line)
{
	uint32_t first = line * SLOTS_PER_LINE;
	uint32_t i;

	for (i = first; i < first + SLOTS_PER_LINE && plan->n_left; i++)
		/* Mostly it is somebody's who has none to spare. */
		if (round != ROUND_STEADY ||
		    plan->balance[slot_base(slot_get(plan->s, plan->p, i))] > 0)
			planner_slot(plan, round, i);
}

static void planner_round(struct planner *plan, enum round round)
{
	const struct slot_line *lines =
		plan->s->t.lines + plan->p->first / SLOTS_PER_LINE;
	uint32_t n_lines = plan->p->n_slots / SLOTS_PER_LINE;
	uint64_t marked;
	uint32_t line;
	uint32_t n;

	if (round != ROUND_STEADY && !plan->p->n_marked)
		return;
	for (n = 0; n < n_lines && plan->n_left; n++) {
		line = permute(plan->key, n_lines, n);
		if (round == ROUND_STEADY) {
			__builtin_prefetch(&lines[permute(plan->key, n_lines,
							  n + PREFETCH)]);
			planner_line(plan, round, line);
			continue;
		}
		marked = plan->p->marked[line / 4] >> (line % 4 * 16) & 0xffff;
		if (marked)
			planner_line(plan, round, line);
	}
}

/* How many slots have an owner. */
static uint32_t slots_not_none(const struct planner *plan)
{
	uint32_t n = 0;
	uint32_t i;

	for (i = 0; i < plan->p->n_slots; i++)
		n += slot_owner(plan->p, i, slot_get(plan->s, plan->p, i)) !=
		     BACKEND_NONE;
	return n;
}

/**
 * planner_balance() - work out who has how many slots too many or too few.
 *
 * Numbers of other pools get a balance, too, but own no slot here.
 */
static int planner_balance(struct planner *plan,
			   const struct slots_share *shares, uint32_t n_shares)
{
	struct slots_name *names = plan->s->names;
	uint32_t *owned = calloc(n_shares + 1ULL, sizeof(*owned));
	uint32_t *quotas = calloc(n_shares + 1ULL, sizeof(*quotas));
	uint64_t total = 0;
	uint32_t i;
	int err = -ENOMEM;

	for (i = 0; owned && i < n_shares; i++)
		owned[i] = names[shares[i].backend].n_owned;
	if (owned && quotas)
		err = slots_quotas(shares, n_shares, plan->p->n_slots, owned,
				   quotas);
	for (i = 1; !err && i <= plan->s->t.n_backends; i++)
		plan->balance[i] = (int32_t)names[i].n_owned;
	plan->n_left = 0;
	for (i = 0; !err && i < n_shares; i++) {
		total += quotas[i];
		plan->balance[shares[i].backend] -= (int32_t)quotas[i];
		if (owned[i] >= quotas[i])
			continue;
		plan->lacking[plan->n_lacking++] = shares[i].backend;
		plan->n_left += quotas[i] - owned[i];
	}
	/* Slots of NONE are for anybody; with no shares all go to NONE. */
	plan->balance[BACKEND_NONE] = total ? INT32_MAX : 0;
	if (!err && !total)
		plan->n_left = slots_not_none(plan);
	free(owned);
	free(quotas);
	return err;
}

static void planner_done(struct planner *plan)
{
	free(plan->lacking);
	free(plan->balance);
}

static int planner_init(struct planner *plan, struct slots *s, uint32_t pool,
			const struct slots_share *shares, uint32_t n_shares)
{
	const uint64_t purpose = 0x706c616e; /* "plan" */
	int err;

	*plan = (struct planner){ .s = s, .p = &s->pools[pool] };
	plan->key = hash_words(&s->t.pools[pool].seed, &purpose, 1);
	plan->lacking = calloc(n_shares + 1ULL, sizeof(*plan->lacking));
	plan->balance = calloc(s->t.n_backends + 1ULL, sizeof(*plan->balance));
	err = plan->lacking && plan->balance ?
		      planner_balance(plan, shares, n_shares) :
		      -ENOMEM;
	if (err)
		planner_done(plan);
	return err;
}

/* Replace one that is gone in a slot that names it, field by field. */
static void slot_replace(struct planner *plan, uint32_t i, uint16_t gone)
{
	struct slots_pool *p = plan->p;
	struct slots *s = plan->s;
	uint32_t word = slot_get(s, p, i);
	uint16_t base = slot_base(word);
	uint16_t owner = slot_owner(p, i, word);

	if (owner == gone) {
		plan->balance[gone]--;
		plan->n_left--;
		owner = planner_take(plan, base);
	}
	if (base != gone)
		slot_hand_on(s, p, i, owner);
	else if (word & SLOT_TRACKED)
		/* Its own flows died with it, others have entries. */
		slot_settle(s, p, i, owner);
	else
		slot_set(s, p, i, slot_make(owner, owner, 0), SLOTS_NO_TARGET);
}

static bool slot_names(const struct planner *plan, uint32_t i, uint16_t backend)
{
	uint32_t word = slot_get(plan->s, plan->p, i);

	return slot_current(word) == backend || slot_base(word) == backend ||
	       plan->p->target[i] == backend;
}

/* Return: how many slots named it. */
static uint32_t planner_gone(struct planner *plan, uint16_t gone)
{
	const struct slots_name *name = &plan->s->names[gone];
	const struct slots_pool *p = plan->p;
	uint32_t n_replaced = 0;
	uint16_t base;
	uint32_t i;

	/* First what needs no new owner or can turn round, then the rest. */
	for (i = bit_next(p->marked, p->n_slots, 0); i < p->n_slots;
	     i = bit_next(p->marked, p->n_slots, i + 1)) {
		base = slot_base(slot_get(plan->s, p, i));
		if (!slot_names(plan, i, gone) ||
		    (slot_owner(p, i, slot_get(plan->s, p, i)) == gone &&
		     (base == gone || plan->balance[base] >= 0)))
			continue;
		slot_replace(plan, i, gone);
		n_replaced++;
	}
	for (i = 0; i < p->n_slots && (name->n_named || name->n_claims); i++) {
		if (!slot_names(plan, i, gone))
			continue;
		slot_replace(plan, i, gone);
		n_replaced++;
	}
	return n_replaced;
}

/* Let nobody new come to a VM that stands still; what it has, it keeps. */
static void planner_held(struct planner *plan, uint16_t held)
{
	const struct slots_name *name = &plan->s->names[held];
	struct slots_pool *p = plan->p;
	struct slots *s = plan->s;
	uint16_t owner;
	uint32_t word;
	uint32_t i;

	for (i = 0; i < p->n_slots && name->n_current; i++) {
		word = slot_get(s, p, i);
		if (slot_current(word) != held)
			continue;
		owner = slot_owner(p, i, word);
		if (owner == held) {
			plan->balance[held]--;
			plan->n_left--;
			owner = planner_take(plan, slot_base(word));
		}
		if (slot_state(word) == SLOT_IS_MOVING)
			slot_hand_on(s, p, i, owner);
		else
			slot_leave(s, p, i, owner);
		plan->n_moved++;
	}
}

/* The plan's shares without those of numbers that are gone. */
static struct slots_share *shares_left(const struct slots_plan *plan,
				       uint32_t *ret_n_shares)
{
	struct slots_share *left = calloc(plan->n_shares + 1ULL, sizeof(*left));
	uint32_t n_left = 0;
	bool is_gone;
	uint32_t i;
	uint32_t g;

	if (!left)
		return NULL;
	for (i = 0; i < plan->n_shares; i++) {
		is_gone = false;
		for (g = 0; g < plan->n_gone; g++)
			is_gone |= plan->shares[i].backend == plan->gone[g];
		if (!is_gone)
			left[n_left++] = plan->shares[i];
	}
	*ret_n_shares = n_left;
	return left;
}

int slots_apply(struct slots *s, uint32_t pool, const struct slots_plan *plan,
		uint32_t now_tick, struct slots_moved *ret_moved)
{
	struct slots_pool *p = slots_pool_of(s, pool);
	struct slots_share *shares;
	struct planner planner;
	uint32_t n_shares = 0;
	uint32_t g;
	int round;
	int err;

	s->now_tick = now_tick;
	if (!p)
		return -ENOENT;
	if (!slots_shares_valid(s, plan->shares, plan->n_shares))
		return -EINVAL;
	shares = shares_left(plan, &n_shares);
	if (!shares)
		return -ENOMEM;
	err = planner_init(&planner, s, pool, shares, n_shares);
	if (!err)
		err = slots_keep_shares(p, shares, n_shares);
	if (err)
		goto out;
	for (g = 0; g < plan->n_gone; g++)
		if (plan->gone[g] && plan->gone[g] <= s->t.n_backends)
			planner.n_moved +=
				planner_gone(&planner, plan->gone[g]);
	for (g = 0; g < plan->n_held; g++)
		if (plan->held[g] && plan->held[g] <= s->t.n_backends)
			planner_held(&planner, plan->held[g]);
	planner.max_marked = plan->max_marked;
	for (round = 0; round < N_ROUNDS; round++)
		planner_round(&planner, (enum round)round);
	if (ret_moved) {
		ret_moved->n_moved = planner.n_moved;
		ret_moved->n_left = planner.n_left;
	}
	planner_done(&planner);
out:
	free(shares);
	return err;
}

int slots_gone(struct slots *s, uint32_t pool, uint16_t backend,
	       uint32_t now_tick)
{
	struct slots_pool *p = slots_pool_of(s, pool);
	struct slots_plan plan = { .gone = &backend, .n_gone = 1 };
	struct slots_share *shares;
	struct planner planner;
	uint32_t n_shares = 0;
	int err;

	s->now_tick = now_tick;
	if (!p || backend == BACKEND_NONE || backend > s->t.n_backends)
		return -ENOENT;
	plan.shares = p->shares;
	plan.n_shares = p->n_shares;
	shares = shares_left(&plan, &n_shares);
	if (!shares)
		return -ENOMEM;
	err = planner_init(&planner, s, pool, shares, n_shares);
	if (!err) {
		err = slots_keep_shares(p, shares, n_shares);
		if (!err)
			err = (int)planner_gone(&planner, backend);
		planner_done(&planner);
	}
	free(shares);
	return err;
}
