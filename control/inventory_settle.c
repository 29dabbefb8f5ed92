/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM's places, ports and addresses to one answer; what changed is told.
 *
 * inventory.h has the rules. Everything is worked out anew each time from what
 * is known, and compared with what was told before: so the order in which
 * things become known does not matter for the result, only for who is the
 * first to say that a VM ended.
 */
#include "control/inventory_priv.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MAX 320

/* What was told last. */
struct told {
	const struct inv_hv *hv;
	const struct hv_vm *vm;
	enum inv_run run;
	enum hv_end end;
	bool stale;
	bool migrating;
	bool duplicate;
};

/* One telling: to whom, and why. */
struct teller {
	struct inv *inv;
	struct inv_vm *vm;
	const struct inv_cause *cause;
};

static void tell(const struct teller *teller, enum inv_what what,
		 const char *before, const char *after)
{
	const struct inv_change change = {
		.what = what,
		.at_ns = teller->cause->at_ns,
		.vm = teller->vm,
		.hv = teller->vm->hv,
		.before = before,
		.after = after,
		.reason = teller->cause->reason,
	};

	teller->vm->generation++;
	teller->inv->changed(teller->inv->arg, &change);
}

static bool is_down(enum hv_state state)
{
	return state == HV_STATE_OFF || state == HV_STATE_SHUTDOWN ||
	       state == HV_STATE_CRASHED;
}

static bool has_ended(const struct inv_place *place)
{
	return place->ended || is_down(place->vm->state);
}

static enum hv_end end_of(const struct inv_place *place)
{
	return place->ended ? place->end : place->vm->end;
}

static bool runs(const struct inv_place *place)
{
	return !has_ended(place) && place->vm->state == HV_STATE_RUNNING;
}

static bool is_incoming(const struct inv_place *place)
{
	return !has_ended(place) && place->vm->state == HV_STATE_INCOMING;
}

/*
 * How good a claim has a place to be in charge? One that waits for its memory
 * has none, unless the one that it comes from has let go.
 */
static int claim(const struct inv_place *place, const struct inv_place *now)
{
	if (runs(place))
		return 4;
	if (is_incoming(place))
		return now && has_ended(now) && end_of(now) == HV_END_MIGRATED ?
			       2 :
			       0;
	return has_ended(place) ? 1 : 3;
}

/* Runs here because it came from there? Then it counts and the other doesn't. */
static bool came_later(const struct inv_place *one,
		       const struct inv_place *other)
{
	return one->vm->migrated_in && one->up_ns > other->up_ns;
}

struct inv_place *inv_place(const struct inv_vm *vm)
{
	size_t i;

	for (i = 0; i < vm->n_places; i++)
		if (vm->places[i].hv == vm->hv)
			return &vm->places[i];
	return NULL;
}

static struct inv_place *choose(const struct inv_vm *vm, bool *ret_duplicate)
{
	struct inv_place *now, *best, *place;
	size_t i;

	now = inv_place(vm);
	best = now ? now : &vm->places[0];
	*ret_duplicate = false;
	for (i = 0; i < vm->n_places; i++) {
		place = &vm->places[i];
		if (place == best)
			continue;
		if (claim(place, now) > claim(best, now) ||
		    (runs(place) && runs(best) && came_later(place, best)))
			best = place;
	}
	for (i = 0; i < vm->n_places; i++) {
		place = &vm->places[i];
		if (place != best && runs(place) && runs(best) &&
		    !came_later(best, place))
			*ret_duplicate = true;
	}
	return best;
}

static bool is_migrating(const struct inv_vm *vm, const struct inv_place *place)
{
	size_t i;

	if (is_incoming(place) ||
	    (!has_ended(place) && place->vm->state == HV_STATE_OUTGOING))
		return true;
	for (i = 0; i < vm->n_places; i++)
		if (is_incoming(&vm->places[i]))
			return !has_ended(place) ||
			       end_of(place) == HV_END_MIGRATED;
	return false;
}

static enum inv_run run_of(const struct inv_vm *vm,
			   const struct inv_place *place)
{
	if (has_ended(place))
		return vm->migrating && end_of(place) == HV_END_MIGRATED ?
			       INV_RUN_HELD :
			       INV_RUN_ENDED;
	switch (place->vm->state) {
	case HV_STATE_STARTING:
		return INV_RUN_STARTING;
	case HV_STATE_RUNNING:
		return *place->lost_port ? INV_RUN_ENDED : INV_RUN_UP;
	case HV_STATE_OFF:
	case HV_STATE_SHUTDOWN:
	case HV_STATE_CRASHED:
		return INV_RUN_ENDED;
	case HV_STATE_UNKNOWN:
	case HV_STATE_PAUSED:
	case HV_STATE_PAUSED_IO:
	case HV_STATE_SUSPENDED:
	case HV_STATE_INCOMING:
	case HV_STATE_OUTGOING:
	case HV_N_STATES:
		break;
	}
	return INV_RUN_HELD;
}

/* vm->nics_before: what is known of the NICs that vm->vm has now. */
static void keep_before(struct inv_vm *vm, const struct hv_vm *old)
{
	const struct hv_vm *now = vm->vm;
	size_t i, j;

	for (i = 0; i < now->n_nics; i++) {
		vm->nics_before[i] = (struct inv_nic){ .port = INV_PORT_NONE };
		for (j = 0; old && j < old->n_nics; j++)
			if (!memcmp(old->nics[j].mac, now->nics[i].mac,
				    HV_MAC_SIZE))
				vm->nics_before[i] = vm->nics[j];
	}
}

static bool has_port(const struct inv_vm *vm)
{
	size_t i;

	for (i = 0; i < vm->vm->n_nics; i++)
		if (vm->nics[i].port == INV_PORT_OK)
			return true;
	return false;
}

/* The kernel first says that it is down, then that it is gone. */
static bool was_there(const struct inv_nic *nic)
{
	return nic->port == INV_PORT_OK || nic->port == INV_PORT_DOWN;
}

/*
 * A running VM whose last port went is dead, though its hypervisor has not
 * noticed. It lives again when a port is there, or when the hypervisor says
 * that it has no such port (somebody pulled out the NIC).
 */
static void watch_ports(const struct inv_vm *vm, struct inv_place *place)
{
	bool missed;
	size_t i;

	missed = false;
	for (i = 0; i < vm->vm->n_nics; i++)
		missed = missed ||
			 !strcmp(vm->vm->nics[i].port, place->lost_port);
	if (has_port(vm) || !missed)
		place->lost_port[0] = '\0';
	if (has_port(vm) || vm->migrating || !runs(place))
		return;
	for (i = 0; i < vm->vm->n_nics; i++)
		if (was_there(&vm->nics_before[i]) &&
		    vm->nics[i].port == INV_PORT_MISSING)
			snprintf(place->lost_port, sizeof(place->lost_port),
				 "%s", vm->vm->nics[i].port);
}

static void note_end(struct inv_vm *vm, const struct inv_place *place,
		     const struct told *told, const struct inv_cause *cause)
{
	if (vm->run != INV_RUN_ENDED)
		return;
	if (told->run != INV_RUN_ENDED || !told->vm)
		vm->end = (struct inv_end){ .cause = HV_END_PORT,
					    .at_ns = cause->at_ns };
	else if (vm->end.cause != HV_END_PORT || !has_ended(place))
		return; /* has been told */
	if (has_ended(place))
		vm->end.cause = end_of(place);
	snprintf(vm->end.text, sizeof(vm->end.text), "%s", cause->reason);
}

static void run_words(enum inv_run run, const struct hv_vm *vm, enum hv_end end,
		      char words[WORDS_MAX])
{
	if (run == INV_RUN_ENDED)
		snprintf(words, WORDS_MAX, "ended (%s)", hv_end_name(end));
	else
		snprintf(words, WORDS_MAX, "%s (%s)", hv_state_name(vm->state),
			 vm->reason ? vm->reason : "no reason given");
}

static void tell_run(const struct teller *teller, const struct told *told)
{
	const struct inv_vm *vm = teller->vm;
	char before[WORDS_MAX], after[WORDS_MAX];

	/* Nearly always; a list settles thousands. */
	if (told->run == vm->run && told->end == vm->end.cause &&
	    told->vm->state == vm->vm->state &&
	    told->vm->reason == vm->vm->reason)
		return;
	run_words(told->run, told->vm, told->end, before);
	run_words(vm->run, vm->vm, vm->end.cause, after);
	if (vm->run == INV_RUN_ENDED && told->run != INV_RUN_ENDED)
		tell(teller, INV_ENDED, before, after);
	else if (strcmp(before, after) != 0)
		tell(teller, INV_RUN, before, after);
}

static void port_words(const struct hv_nic *hv_nic, const struct inv_nic *nic,
		       char words[WORDS_MAX])
{
	if (nic->port == INV_PORT_OK)
		snprintf(words, WORDS_MAX, "%s (%u)", hv_nic->port,
			 nic->ifindex);
	else
		snprintf(words, WORDS_MAX, "%s", inv_port_name(nic->port));
}

static void tell_ports(const struct teller *teller)
{
	const struct inv_vm *vm = teller->vm;
	char before[WORDS_MAX], after[WORDS_MAX];
	size_t i;

	for (i = 0; i < vm->vm->n_nics; i++) {
		if (vm->nics[i].port == vm->nics_before[i].port &&
		    vm->nics[i].ifindex == vm->nics_before[i].ifindex)
			continue;
		port_words(&vm->vm->nics[i], &vm->nics_before[i], before);
		port_words(&vm->vm->nics[i], &vm->nics[i], after);
		tell(teller, INV_PORTS, before, after);
	}
}

static void addr_words(const struct hv_addr *addr, char words[WORDS_MAX])
{
	char text[INET6_ADDRSTRLEN] = "";

	words[0] = '\0';
	if (!addr)
		return;
	if (IP_IS_V4(addr->ip))
		inet_ntop(AF_INET, &addr->ip.word[3], text, sizeof(text));
	else
		inet_ntop(AF_INET6, &addr->ip, text, sizeof(text));
	snprintf(words, WORDS_MAX, "%s (%s)", text,
		 hv_addr_source_name(addr->source));
}

static const struct hv_addr *best(const struct inv_nic *nic, bool v4)
{
	size_t i;

	for (i = 0; i < nic->n_addrs; i++)
		if (IP_IS_V4(nic->addrs[i].ip) == v4)
			return &nic->addrs[i];
	return NULL;
}

static bool same_addr(const struct hv_addr *a, const struct hv_addr *b)
{
	if (!a || !b)
		return a == b;
	return a->source == b->source && !memcmp(&a->ip, &b->ip, sizeof(a->ip));
}

static void tell_addr(const struct teller *teller, const struct hv_addr *before,
		      const struct hv_addr *after)
{
	char before_words[WORDS_MAX], after_words[WORDS_MAX];

	if (same_addr(before, after))
		return;
	addr_words(before, before_words);
	addr_words(after, after_words);
	tell(teller, INV_ADDRS, before_words, after_words);
}

static void tell_addrs(const struct teller *teller)
{
	const struct inv_vm *vm = teller->vm;
	const struct inv_nic *before, *after;
	size_t i;

	for (i = 0; i < vm->vm->n_nics; i++) {
		before = &vm->nics_before[i];
		after = &vm->nics[i];
		tell_addr(teller, best(before, true), best(after, true));
		tell_addr(teller, best(before, false), best(after, false));
	}
}

static bool same_nics(const struct hv_vm *a, const struct hv_vm *b)
{
	size_t i;

	if (a->n_nics != b->n_nics)
		return false;
	for (i = 0; i < a->n_nics; i++)
		if (!hv_nic_same(&a->nics[i], &b->nics[i]))
			return false;
	return true;
}

static void nic_words(const struct hv_vm *vm, char words[WORDS_MAX])
{
	const struct hv_nic *nic;
	size_t i, at;
	int n;

	words[0] = '\0';
	for (i = 0, at = 0; i < vm->n_nics && at < WORDS_MAX; i++, at += n) {
		nic = &vm->nics[i];
		n = snprintf(words + at, WORDS_MAX - at, "%s%s on %s%s%s",
			     i ? ", " : "", hv_nic_kind_name(nic->kind),
			     *nic->network ? nic->network : nic->bridge,
			     nic->has_filter ? " filtered" : "",
			     nic->has_bandwidth ? " shaped" : "");
	}
}

static void tell_definition(const struct teller *teller,
			    const struct hv_vm *old)
{
	const struct hv_vm *now = teller->vm->vm;
	char before[WORDS_MAX], after[WORDS_MAX];

	if (old == now)
		return;
	if (strcmp(old->name, now->name) != 0)
		tell(teller, INV_RENAMED, old->name, now->name);
	if (!same_nics(old, now)) {
		nic_words(old, before);
		nic_words(now, after);
		tell(teller, INV_NICS, before, after);
	}
	if (!hv_vm_same_tags(old, now)) {
		hv_tags_print(old, before, sizeof(before));
		hv_tags_print(now, after, sizeof(after));
		tell(teller, INV_TAGS, before, after);
	} else if (!hv_vm_same_metadata(old, now)) {
		/* Whose it is may hang on it. */
		tell(teller, INV_TAGS, "", "other metadata");
	}
}

static void tell_flag(const struct teller *teller, enum inv_what what,
		      bool before, bool after)
{
	if (before != after)
		tell(teller, what, before ? "yes" : "no", after ? "yes" : "no");
}

void inv_settle(struct inv *inv, struct inv_vm *vm, const struct hv_vm *old,
		const struct inv_cause *cause)
{
	const struct teller teller = { inv, vm, cause };
	const struct told told = {
		.hv = vm->hv,
		.vm = old ? old : vm->vm,
		.run = vm->run,
		.end = vm->end.cause,
		.stale = vm->stale,
		.migrating = vm->migrating,
		.duplicate = vm->duplicate,
	};
	struct inv_place *place;
	bool same_run;

	place = choose(vm, &vm->duplicate);
	vm->hv = place->hv;
	vm->vm = place->vm;
	vm->stale = !place->hv->connected;
	vm->migrating = is_migrating(vm, place);
	keep_before(vm, told.vm);
	same_run = told.vm &&
		   (told.hv != vm->hv || told.vm->run == vm->vm->run);
	inv_nics_settle(inv, vm, place, vm->nics_before, same_run);
	watch_ports(vm, place);
	vm->run = run_of(vm, place);
	note_end(vm, place, &told, cause);
	if (vm->run != INV_RUN_UP)
		vm->up_ns = 0;
	else if (!vm->up_ns)
		vm->up_ns = cause->at_ns;
	if (!told.vm)
		return; /* new: told as a whole */
	if (told.hv != vm->hv)
		tell(&teller, INV_MOVED, told.hv->name, vm->hv->name);
	tell_run(&teller, &told);
	tell_ports(&teller);
	tell_addrs(&teller);
	tell_flag(&teller, INV_MIGRATING, told.migrating, vm->migrating);
	tell_flag(&teller, INV_STALE, told.stale, vm->stale);
	tell_flag(&teller, INV_DUPLICATE, told.duplicate, vm->duplicate);
	tell_definition(&teller, told.vm);
}

void inv_tell_added(struct inv *inv, struct inv_vm *vm,
		    const struct inv_cause *cause)
{
	const struct teller teller = { inv, vm, cause };
	char after[WORDS_MAX];

	run_words(vm->run, vm->vm, vm->end.cause, after);
	tell(&teller, INV_ADDED, "", after);
}

void inv_tell_removed(struct inv *inv, struct inv_vm *vm,
		      const struct inv_cause *cause)
{
	const struct teller teller = { inv, vm, cause };
	char before[WORDS_MAX];

	run_words(vm->run, vm->vm, vm->end.cause, before);
	tell(&teller, INV_REMOVED, before, "");
}
