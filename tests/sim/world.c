/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node: lookups for the packet path, and the control plane's part.
 */
#include "tests/sim/world.h"

#include "tests/sim/kill.h"

#include <stdlib.h>
#include <string.h>

#define POOL	  0
#define FIRST_VMS 4

static const struct node *world_node(void *e)
{
	return &((struct world *)e)->node;
}

static const struct pool *world_pool(void *e, uint32_t number)
{
	return number == POOL ? &((struct world *)e)->pool : NULL;
}

static const struct slot_line *world_slot_line(void *e, uint32_t line)
{
	return line < WORLD_LINES ? &((struct world *)e)->lines[line] : NULL;
}

static struct slot_clock *world_slot_clock(void *e, uint32_t slot)
{
	return slot < WORLD_LINES * SLOTS_PER_LINE ?
		       &((struct world *)e)->clocks[slot] :
		       NULL;
}

static const struct backend *world_backend(void *e, uint32_t number)
{
	return number <= WORLD_BACKENDS ?
		       &((struct world *)e)->backends[number] :
		       NULL;
}

static struct flow_line *world_flow_line(void *e, uint32_t line)
{
	struct world *w = e;

	w->stats.asked++;
	return line < w->profile.flow_lines ? &w->flows[line] : NULL;
}

static uint64_t world_now_ns(void *e)
{
	const struct world *w = e;

	return w->start_ns + w->now_ms * 1000000;
}

static const struct tables world_tables = {
	.node = world_node,
	.pool = world_pool,
	.slot_line = world_slot_line,
	.slot_clock = world_slot_clock,
	.backend = world_backend,
	.flow_line = world_flow_line,
	.now_ns = world_now_ns,
};

static uint32_t world_tick(struct world *w)
{
	return TICKS_OF_NS(world_now_ns(w));
}

/* The number that a VM has, 0 = none. */
static uint16_t vm_number(const struct world *w, uint32_t id)
{
	uint16_t n;

	for (n = 1; n <= WORLD_BACKENDS; n++)
		if (w->vm[n].id == id && w->vm[n].state != VM_NONE)
			return n;
	return 0;
}

bool world_vm_answers(const struct world *w, uint32_t id, uint64_t asked_ms)
{
	uint16_t n = vm_number(w, id);

	return !n || (w->vm[n].state != VM_HELD &&
		      (!w->vm[n].held_ms || w->vm[n].held_ms < asked_ms));
}

enum vm_fate world_vm_fate(const struct world *w, uint32_t id)
{
	return (enum vm_fate)w->fate[id % WORLD_VMS];
}

/*
 * Who has to get an opener: the owner of a slot that is moving, unless the flow
 * has an entry that is in use. 0 = anybody.
 */
static uint16_t opener_owner(struct world *w, uint64_t key)
{
	uint32_t slot = POOL_FIRST_LINE(w->pool.range) * SLOTS_PER_LINE +
			slot_of_key(key, w->pool.range);
	uint32_t word =
		w->lines[slot / SLOTS_PER_LINE].slot[slot % SLOTS_PER_LINE];
	uint64_t meta = 0;

	if (slot_current(word) == slot_base(word))
		return 0;
	if (flow_find(&w->flows[key & w->node.flow_line_mask], key,
		      world_tick(w), &meta) &&
	    flow_current(&w->backends[flow_backend(meta)], meta) &&
	    !flow_closing(meta))
		return 0;
	return slot_current(word);
}

struct world_sent world_send(struct world *w, uint64_t key, enum flow_kind kind,
			     uint8_t tcp_flags)
{
	struct pkt p = {
		.key = key, .kind = kind, .tcp_flags = tcp_flags, .pool = POOL
	};
	struct world_sent sent = { .id = 0 };
	uint16_t owner = kind == FLOW_OPENER ? opener_owner(w, key) : 0;
	uint16_t n = pick_backend(&world_tables, w, &p, &w->pool);

	if (owner && n != owner && !p.refused)
		w->wrong = "an opener did not go to the slot's new owner";
	w->stats.packets++;
	w->stats.refused += p.refused;
	w->stats.evicted += p.evicted;
	sent.refused = p.refused;
	if (n && n <= WORLD_BACKENDS && backend_record(&w->backends[n]) &&
	    w->vm[n].state != VM_DEAD)
		sent.id = w->vm[n].id;
	return sent;
}

/* Unconfirmed entries in the line of a key. */
static uint32_t count_unconfirmed(struct world *w, uint64_t key)
{
	const struct flow_line *line = &w->flows[key & w->node.flow_line_mask];
	uint32_t count = 0;
	uint32_t rank;
	uint32_t i;

	for (i = 0; i < FLOWS_PER_LINE; i++) {
		rank = flow_rank(&world_tables, w, line->entry[i].key,
				 line->entry[i].meta, world_tick(w));
		count += (rank & RANK_COUNTED) != 0;
	}
	return count;
}

void world_flood(struct world *w, uint64_t key, uint32_t n)
{
	uint64_t meta = 0;
	uint32_t before;
	uint32_t after;

	for (; n; n--) {
		before = count_unconfirmed(w, key);
		world_send(w, key, FLOW_OTHER, TCP_ACK);
		after = count_unconfirmed(w, key);
		if (after > before && after > UNCONFIRMED_PER_LINE)
			w->wrong = "more than half of a line is unconfirmed";
		if (flow_find(&w->flows[key & w->node.flow_line_mask], key,
			      world_tick(w), &meta) &&
		    flow_class_of(meta) != FLOW_UNCONFIRMED)
			w->wrong = "nobody answered, but it is confirmed";
	}
}

void world_answer(struct world *w, uint64_t key, uint32_t id, uint8_t tcp_flags)
{
	struct pkt p = { .key = key, .tcp_flags = tcp_flags, .pool = POOL };

	p.backend = vm_number(w, id);
	if (p.backend && w->vm[p.backend].state != VM_DEAD &&
	    w->vm[p.backend].state != VM_HELD)
		answer_seen(&world_tables, w, &p, &w->pool);
}

/* Something is due in about @mean_ms. */
static uint64_t world_in(struct world *w, uint32_t mean_ms)
{
	return w->now_ms + random_between(&w->random, 1, 2 * mean_ms);
}

static void vm_add(struct world *w, uint16_t n)
{
	struct backend *b = &w->backends[n];
	uint32_t generation = BACKEND_GENERATION(b->word) + 1;

	if (b->word)
		w->stats.reused++;
	w->vm[n].state = VM_SERVING;
	w->vm[n].held_ms = 0;
	w->vm[n].id = ++w->last_id;
	w->vm[n].weight = random_between(&w->random, 1, 4);
	b->copy[0].pool = POOL;
	WRITE_ONCE(b->word, BACKEND_WORD(generation, BACKEND_LIVE));
	w->shares_changed = true;
}

/* A VM's number is taken from it: no slot names it any more. */
static void vm_forget(struct world *w, uint16_t n)
{
	w->vm[n].state = VM_NONE;
	WRITE_ONCE(w->backends[n].word,
		   w->backends[n].word & ~(uint32_t)BACKEND_LIVE);
}

static void vm_die(struct world *w, uint16_t n)
{
	w->vm[n].state = VM_DEAD;
	w->fate[w->vm[n].id % WORLD_VMS] = VM_DIED;
	w->shares_changed = true;
}

/* Any VM in a state, 0 = none. */
static uint16_t vm_some(struct world *w, enum vm_state state)
{
	uint16_t found = 0;
	uint32_t n_found = 0;
	uint16_t n;

	for (n = 1; n <= WORLD_BACKENDS; n++)
		if (w->vm[n].state == state &&
		    !random_below(&w->random, ++n_found))
			found = n;
	return found;
}

/* Suspended, or it goes on: as a serving VM, or as one that is to leave. */
static void vm_hold(struct world *w)
{
	uint16_t n = vm_some(w, VM_HELD);

	if (n && random_permille(&w->random, 500)) {
		w->vm[n].state = random_permille(&w->random, 700) ? VM_SERVING :
								    VM_LEAVING;
		return;
	}
	n = vm_some(w,
		    random_permille(&w->random, 800) ? VM_SERVING : VM_LEAVING);
	if (!n)
		return;
	w->vm[n].state = VM_HELD;
	w->vm[n].held_ms = w->now_ms;
	w->stats.holds++;
}

static uint32_t vm_count(const struct world *w, enum vm_state state)
{
	uint32_t count = 0;
	uint16_t n;

	for (n = 1; n <= WORLD_BACKENDS; n++)
		count += w->vm[n].state == state;
	return count;
}

/* No slot may name a number without a VM, or nobody when there is somebody. */
static void check_slots(struct world *w)
{
	uint32_t first = POOL_FIRST_LINE(w->pool.range) * SLOTS_PER_LINE;
	uint32_t n_slots = 1U << POOL_SLOTS_LOG2(w->pool.range);
	bool any = vm_count(w, VM_SERVING) != 0;
	uint32_t word;
	uint32_t i;

	for (i = first; i < first + n_slots; i++) {
		word = w->lines[i / SLOTS_PER_LINE].slot[i % SLOTS_PER_LINE];
		if ((slot_current(word) &&
		     w->vm[slot_current(word)].state == VM_NONE) ||
		    (slot_base(word) &&
		     w->vm[slot_base(word)].state == VM_NONE))
			w->wrong = "a slot names a number without a VM";
		if (w->vm[slot_current(word)].state == VM_HELD)
			w->wrong = "new flows go to a VM that stands still";
		if (any && !(word & SLOT_TRACKED) && !slot_current(word))
			w->wrong = "a slot has nobody";
	}
}

/* Publish what control wants: the dead at once, the rest by plan. */
static void publish(struct world *w)
{
	struct slots_share shares[WORLD_BACKENDS];
	uint16_t gone[WORLD_BACKENDS];
	uint16_t held[WORLD_BACKENDS];
	struct slots_plan plan = { .shares = shares,
				   .gone = gone,
				   .held = held };
	struct slots_moved moved = { 0, 0 };
	uint16_t n;

	for (n = 1; n <= WORLD_BACKENDS; n++) {
		if (w->vm[n].state == VM_DEAD)
			gone[plan.n_gone++] = n;
		if (w->vm[n].state == VM_HELD)
			held[plan.n_held++] = n;
		if (w->vm[n].state != VM_SERVING)
			continue;
		shares[plan.n_shares].id = w->vm[n].id;
		shares[plan.n_shares].backend = n;
		shares[plan.n_shares++].weight = w->vm[n].weight;
	}
	if (random_permille(&w->random, 200))
		plan.max_marked = random_between(&w->random, 1, 64);
	if (plan.n_gone && random_permille(&w->random, 500)) {
		/* The quick way: first who is gone, then the plan. */
		if (slots_gone(w->slots, POOL, gone[0], world_tick(w)) < 0)
			w->wrong = "slots_gone() failed";
	}
	if (slots_apply(w->slots, POOL, &plan, world_tick(w), &moved))
		w->wrong = "slots_apply() failed";
	w->stats.slots_moved += moved.n_moved;
	w->shares_changed = moved.n_left != 0;
	for (n = 1; n <= WORLD_BACKENDS; n++)
		if (w->vm[n].state == VM_DEAD)
			vm_forget(w, n);
	check_slots(w);
	w->step_at_ms = w->now_ms;
}

static void add_vm(struct world *w)
{
	uint16_t n = slots_number_lowest(w->slots);

	if (n)
		vm_add(w, n);
}

static void crash_vm(struct world *w, enum vm_state state)
{
	uint16_t n = vm_some(w, state);

	if (!n)
		return;
	vm_die(w, n);
	w->stats.crashes++;
}

static void grow(struct world *w)
{
	uint32_t log2 = POOL_SLOTS_LOG2(w->pool.range) + 2;

	if (log2 > w->profile.slots_log2 + 4)
		return;
	w->stats.growths++;
	if (slots_grow(w->slots, POOL, log2, world_tick(w)))
		w->wrong = "slots_grow() failed";
}

/* Something changes: control's mind, or the world. */
static void change(struct world *w)
{
	uint32_t dice = random_below(&w->random, 1000);
	uint16_t n;

	w->change_at_ms = world_in(w, w->profile.change_ms);
	w->stats.changes++;
	if (dice < w->profile.crash_permille) {
		/* Most likely the newest load kills, or the one that leaves. */
		crash_vm(w, dice % 3 ? VM_SERVING : VM_LEAVING);
		return;
	}
	dice = random_below(&w->random, 1000);
	if (vm_count(w, VM_SERVING) < 2 || dice < 300) {
		add_vm(w);
	} else if (dice < 550 || (dice < 560 && vm_count(w, VM_SERVING) < 4)) {
		n = vm_some(w, VM_SERVING);
		w->vm[n].state = VM_LEAVING;
	} else if (dice < 750) {
		n = vm_some(w, VM_LEAVING);
		if (n)
			w->vm[n].state = VM_SERVING;
	} else if (dice < 850) {
		vm_hold(w);
	} else if (dice < 960) {
		n = vm_some(w, VM_SERVING);
		w->vm[n].weight = random_between(&w->random, 1, 6);
	} else if (dice < 975) {
		grow(w);
	} else if (dice < 985) {
		/* The pool is empty for a while. */
		for (n = 1; n <= WORLD_BACKENDS; n++)
			if (w->vm[n].state == VM_SERVING)
				w->vm[n].state = VM_LEAVING;
	} else {
		/* A drain's deadline: what it has left is cut, and counted. */
		n = vm_some(w, VM_LEAVING);
		if (n) {
			vm_die(w, n);
			w->stats.deadlines++;
		}
	}
	w->shares_changed = true;
}

/* VMs whose drain is over are switched off. */
static void finish_drains(struct world *w)
{
	struct slots_use use;
	uint16_t n;

	for (n = 1; n <= WORLD_BACKENDS; n++) {
		if (w->vm[n].state != VM_LEAVING)
			continue;
		slots_use(w->slots, POOL, n, world_tick(w), &use);
		if (!use.drained)
			continue;
		w->stats.drained++;
		w->fate[w->vm[n].id % WORLD_VMS] = VM_DRAINED;
		vm_forget(w, n);
	}
}

/* Take free places from everybody: a line that is full refuses. */
static void stuff_flows(struct world *w)
{
	struct flow_entry *entry;
	uint32_t i;

	for (i = 0; i < w->profile.flow_lines * FLOWS_PER_LINE; i++) {
		entry = &w->flows[i / FLOWS_PER_LINE].entry[i % FLOWS_PER_LINE];
		if (entry->meta == flow_freed(entry->meta) &&
		    random_permille(&w->random, w->profile.stuff_permille))
			entry->meta = FLOW_BUSY;
	}
}

static void sweep(struct world *w)
{
	uint32_t n_lines = random_permille(&w->random, 500) ?
				   UINT32_MAX :
				   w->profile.flow_lines / 3 + 1;

	if (!slots_sweep_wanted(w->slots)) {
		w->sweep_at_ms = world_in(w, 1000);
		return;
	}
	if (slots_sweep(w->slots, n_lines, world_tick(w))) {
		if (w->profile.stuff_permille)
			stuff_flows(w);
		finish_drains(w);
		w->sweep_at_ms = world_in(w, 1000);
	} else {
		w->sweep_at_ms = world_in(w, 50);
	}
}

static void step(struct world *w)
{
	uint32_t next_tick = 0;
	uint64_t next_ms;

	w->step_at_ms = WORLD_NEVER;
	if (!slots_step(w->slots, world_tick(w), &next_tick))
		return;
	next_ms = (((uint64_t)(next_tick - world_tick(w))) << TICK_SHIFT) /
		  1000000;
	/* Control may be late. */
	w->step_at_ms = w->now_ms + next_ms + 1 + random_below(&w->random, 200);
}

static void reopen(struct world *w)
{
	struct slots_tables tables = {
		.lines = w->lines,
		.n_lines = WORLD_LINES,
		.clocks = w->clocks,
		.flows = w->flows,
		.n_flow_lines = w->profile.flow_lines,
		.backends = w->backends,
		.n_backends = WORLD_BACKENDS,
		.pools = &w->pool,
		.n_pools = 1,
	};
	uint32_t i;

	/*
	 * Sometimes nobody knows the clocks any more; but a seal is half of a
	 * change whose other half is in the slots, and an engine that finds one
	 * of the two tables has the other, too.
	 */
	if (w->last_id && random_permille(&w->random, 200))
		for (i = 0; i < ARRAY_SIZE(w->clocks); i++)
			if (w->clocks[i].refused_tick != SLOT_SEALED)
				w->clocks[i] = (struct slot_clock){ 0, 0 };
	w->stats.reopens++;
	if (slots_open(&tables, world_tick(w), &w->slots))
		w->wrong = "slots_open() failed";
	w->shares_changed = true;
	w->sweep_at_ms = world_in(w, 500);
	w->step_at_ms = w->now_ms;
}

/* Everything that is due. */
static void control(struct world *w)
{
	if (!w->slots)
		reopen(w);
	if (w->now_ms >= w->change_at_ms)
		change(w);
	if (w->shares_changed)
		publish(w);
	if (w->now_ms >= w->step_at_ms)
		step(w);
	if (w->now_ms >= w->sweep_at_ms)
		sweep(w);
}

static void die(struct world *w)
{
	kill_memory();
	w->slots = NULL;
	w->stats.kills++;
	w->up_at_ms =
		world_in(w, random_permille(&w->random, 800) ? 200 : 20000);
}

/* The same, killed at one of its stores, or while it waits for the next time. */
static void control_killed(struct world *w, uint32_t n_stores)
{
	static jmp_buf killed;

	if (!setjmp(killed)) {
		kill_arm(n_stores, &killed);
		control(w);
	}
	kill_arm(0, NULL);
	die(w);
}

void world_control(struct world *w)
{
	if (!w->slots && w->now_ms < w->up_at_ms) {
		/* VMs die without being asked. */
		if (w->now_ms >= w->change_at_ms) {
			w->change_at_ms = world_in(w, w->profile.change_ms);
			if (random_permille(&w->random,
					    w->profile.crash_permille))
				crash_vm(w, VM_SERVING);
		}
		return;
	}
	if (random_permille(&w->random, w->profile.kill_permille))
		control_killed(w, random_between(&w->random, 1, 200));
	else
		control(w);
}

uint64_t world_next_ms(const struct world *w)
{
	uint64_t next_ms = w->change_at_ms;

	if (!w->slots)
		return w->up_at_ms < next_ms ? w->up_at_ms : next_ms;
	if (w->step_at_ms < next_ms)
		next_ms = w->step_at_ms;
	return w->sweep_at_ms < next_ms ? w->sweep_at_ms : next_ms;
}

void world_init(struct world *w, const struct world_profile *profile,
		uint64_t seed)
{
	struct slots_share shares[FIRST_VMS];
	uint16_t n;

	memset(w, 0, sizeof(*w));
	w->profile = *profile;
	w->random.state = seed;
	/* Some histories begin just before the tick counter wraps. */
	w->start_ns =
		random_permille(&w->random, 200) ?
			(((1ULL << 32) - random_between(&w->random, 1, 20000))
			 << TICK_SHIFT) :
			random_between(&w->random, 1, 1000000) * 1000000ULL;
	w->node.flow_line_mask = profile->flow_lines - 1;
	w->pool.seed.k0 = random_u64(&w->random);
	w->pool.seed.k1 = random_u64(&w->random);
	w->pool.idle_ticks = TICKS_OF_MS(profile->idle_ms);
	w->pool.udp_idle_ticks = TICKS_OF_MS(profile->udp_idle_ms);
	reopen(w);
	for (n = 1; n <= FIRST_VMS; n++) {
		vm_add(w, n);
		shares[n - 1] = (struct slots_share){
			.id = w->vm[n].id,
			.weight = w->vm[n].weight,
			.backend = n,
		};
	}
	if (slots_create(w->slots, POOL, profile->slots_log2, shares, FIRST_VMS,
			 world_tick(w)))
		w->wrong = "slots_create() failed";
	w->change_at_ms = world_in(w, profile->change_ms);
}

void world_done(struct world *w)
{
	slots_free(w->slots);
	w->slots = NULL;
}
