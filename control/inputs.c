/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What reaches droverd from outside.
 */
#include "control/inputs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "control/announce.h"
#include "control/log.h"
#include "control/filters.h"
#include "control/reach.h"
#include "control/targets.h"

#define FILES_WANTED 16384
#define PROBES_MAX   4096

/* Of a VM that is gone no packet may be steered to any more: now, not later. */
static void take_out(struct daemon *d, const struct inv_vm *vm)
{
	struct rec_member *const *of_vm;
	const struct rec_member *m;
	size_t n;
	size_t i;

	of_vm = rec_of_vm(d->rec, vm->uuid, &n);
	for (i = 0; i < n; i++) {
		m = of_vm[i];
		if (!m->in_tables || !m->status.ifindex)
			continue;
		d->engine->port_lost(d->dp, m->status.ifindex, hv_clock_ns());
		d->look_first = true;
	}
}

static void forget_probes(struct daemon *d, const struct inv_vm *vm)
{
	struct rec_member *const *of_vm;
	struct rec_member *m;
	size_t n;
	size_t i;

	of_vm = rec_of_vm(d->rec, vm->uuid, &n);
	for (i = 0; i < n; i++) {
		m = of_vm[i];
		if (!m->has_target)
			continue;
		(void)health_reset(d->health, m->id);
		m->probe.state = HEALTH_UNKNOWN;
		m->probe.settled = false;
	}
}

static void record(struct daemon *d, const struct inv_change *c)
{
	char name[DP_NAME_SIZE];
	char uuid[HV_UUID_TEXT] = "";
	const char *kind = "hypervisor";

	snprintf(name, sizeof(name), "%s", c->hv ? c->hv->name : "");
	if (c->vm) {
		kind = "vm";
		hv_uuid_print(c->vm->uuid, uuid);
		snprintf(name, sizeof(name), "%s/%s", c->vm->hv->name,
			 c->vm->vm->name);
	}
	journal_add(d->journal, kind, name, uuid, inv_what_name(c->what),
		    "%s%s%s%s%s", c->before, c->before[0] ? " -> " : "",
		    c->after, c->after[0] && c->reason[0] ? ": " : "",
		    c->reason);
}

static void inventory_changed(void *arg, const struct inv_change *c)
{
	struct daemon *d = arg;

	if (d->leaving)
		return;
	if (c->what == INV_ENDED || c->what == INV_REBOOTED)
		take_out(d, c->vm);
	if (c->what == INV_REBOOTED)
		forget_probes(d, c->vm);
	record(d, c);
	daemon_changed(d, c->at_ns);
}

static void no_memory(int rc)
{
	if (rc)
		log_err("inventory: %s; the next list repairs it",
			strerror(-rc));
}

static void links_begun(void *arg)
{
	inv_links_begin(((struct daemon *)arg)->inv);
}

static void links_ended(void *arg, uint64_t at_ns)
{
	inv_links_end(((struct daemon *)arg)->inv, at_ns);
}

static void link_changed(void *arg, const struct link_info *link,
			 uint64_t at_ns)
{
	struct daemon *d = arg;

	if (!d->leaving &&
	    d->engine->link_seen(d->dp, link->name, link->ifindex)) {
		journal_add(d->journal, "node", d->conf->node.name, "",
			    "uplink_attached", "%s", link->name);
		announce_again(d->announce);
	}
	no_memory(inv_link(d->inv, link, at_ns));
}

/* The kernel is the first to know of a VM's death: its tap went with it. */
static void link_gone(void *arg, uint32_t ifindex, uint64_t at_ns)
{
	struct daemon *d = arg;

	if (!d->leaving)
		d->engine->port_lost(d->dp, ifindex, at_ns);
	inv_link_gone(d->inv, ifindex, at_ns);
	/* It may be one of ours, which the engine makes anew. */
	daemon_changed(d, at_ns);
}

/* Somebody took a filter off: ours are put back, or the VM is taken out. */
static void filters_changed(void *arg, uint32_t ifindex, uint64_t at_ns)
{
	struct daemon *d = arg;
	int rc = d->leaving ? 0 : d->engine->hooks_changed(d->dp, ifindex);

	if (rc > 0) {
		log_warn(
			"interface %u: programs that somebody took off are put "
			"back",
			ifindex);
		journal_add(d->journal, "node", d->conf->node.name, "",
			    "filters_restored", "interface %u", ifindex);
	} else if (rc < 0) {
		log_err("interface %u: programs that somebody took off can't be "
			"put back: %s",
			ifindex, strerror(-rc));
		d->engine->port_lost(d->dp, ifindex, at_ns);
		daemon_changed(d, at_ns);
	}
}

static void neighs_begun(void *arg)
{
	inv_neighs_begin(((struct daemon *)arg)->inv);
}

static void neighs_ended(void *arg, uint64_t at_ns)
{
	inv_neighs_end(((struct daemon *)arg)->inv, at_ns);
}

static void neigh_changed(void *arg, const struct neigh_info *neigh,
			  uint64_t at_ns)
{
	no_memory(inv_neigh(((struct daemon *)arg)->inv, neigh, at_ns));
}

static void neigh_gone(void *arg, const struct neigh_info *neigh,
		       uint64_t at_ns)
{
	inv_neigh_gone(((struct daemon *)arg)->inv, neigh, at_ns);
}

/* The host itself is in other networks now: probes may go another way. */
static void addresses_changed(void *arg, uint64_t at_ns)
{
	daemon_changed(arg, at_ns);
}

static void probe_changed(uint64_t id, enum health_state old,
			  const struct health_status *status, void *arg)
{
	struct daemon *d = arg;

	rec_take_probe(d->rec, id, status);
	if (old != status->state)
		daemon_changed(d, hv_clock_ns());
}

static void probe_trouble(int err, const char *text, void *arg)
{
	struct daemon *d = arg;

	journal_add(d->journal, "node", d->conf->node.name, "", "probe_trouble",
		    "%s (%s)", text, strerror(err));
}

static void member_changed(void *arg, const struct rec_member *m,
			   const char *what)
{
	struct daemon *d = arg;
	char uuid[HV_UUID_TEXT];

	hv_uuid_print(m->uuid, uuid);
	journal_add(d->journal, "vm", m->vm_name, uuid, what, "%s%s%s%s: %s",
		    m->pool_name, m->is_dual ? " (" : "",
		    m->is_dual ? family_title(m->family) : "",
		    m->is_dual ? ")" : "", m->why);
}

static void pool_changed(void *arg, const char *pool, const char *what,
			 const char *why)
{
	struct daemon *d = arg;

	journal_add(d->journal, "pool", pool, "", what, "%s", why);
}

static int seed(void *arg, const char *table, struct hash_seed *ret_seed)
{
	struct daemon *d = arg;
	int rc = store_seed(d->store, table, ret_seed);

	if (rc)
		log_err("pool %s: no seed: %s", table, store_error(d->store));
	return rc;
}

static void member_leaves(void *arg, struct rec_member *m)
{
	targets_drop(((struct daemon *)arg)->health, m);
}

static int start_watchers(struct daemon *d)
{
	const struct links_ops link_ops = {
		.begin = links_begun,
		.end = links_ended,
		.changed = link_changed,
		.gone = link_gone,
		.arg = d,
	};
	const struct neigh_ops neigh_ops = {
		.begin = neighs_begun,
		.end = neighs_ended,
		.changed = neigh_changed,
		.gone = neigh_gone,
		.arg = d,
	};
	int rc = links_start(d->base, &link_ops, &d->links);

	if (!rc)
		rc = neigh_start(d->base, &neigh_ops, &d->neigh);
	if (!rc)
		rc = reach_start(d->base, addresses_changed, d, &d->reach);
	if (!rc)
		rc = filters_start(d->base, filters_changed, d, &d->filters);
	return rc;
}

/* Descriptors are cheap, and systemd's limit for those that select() is 1024. A
 * VM that swallows its probes holds one until the timeout: with hundreds of
 * those the others must not wait for them. */
static uint32_t sockets_for_probes(void)
{
	struct rlimit files;
	rlim_t half;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return 0;
	if (files.rlim_cur < FILES_WANTED) {
		files.rlim_cur = files.rlim_max < FILES_WANTED ?
					 files.rlim_max :
					 FILES_WANTED;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	half = files.rlim_cur / 2;
	return half < PROBES_MAX ? (uint32_t)half : PROBES_MAX;
}

int inputs_start(struct daemon *d)
{
	const struct rec_hooks rec_hooks = { .changed = member_changed,
					     .pool_changed = pool_changed,
					     .seed = seed,
					     .leaving = member_leaves,
					     .arg = d };
	const struct health_hooks health_hooks = { .on_state = probe_changed,
						   .on_trouble = probe_trouble,
						   .arg = d };
	const struct health_limits limits = {
		.max_sockets = sockets_for_probes(),
		.max_commands = d->conf->node.commands.at_once,
		.command_user = d->conf->node.commands.user,
	};
	int rc = rec_new(&rec_hooks, &d->rec);

	if (!rc)
		rc = daemon_look(d);
	if (!rc)
		rc = inv_new(inventory_changed, d, &d->inv);
	if (!rc)
		rc = announce_new(d->base, &d->conf->node.uplinks,
				  &d->announce);
	if (!rc)
		rc = health_open(d->base, &limits, &health_hooks, &d->health);
	if (!rc)
		rc = start_watchers(d);
	if (!rc)
		rc = hypervisors_new(d->base, d->inv, d->feeds,
				     &d->hypervisors);
	/* One that can't be watched is said in the log and stops nobody. */
	if (!rc && hypervisors_apply(d->hypervisors, d->conf))
		log_warn("not every hypervisor is watched, see above");
	return rc;
}

void inputs_stop(struct daemon *d)
{
	hypervisors_free(d->hypervisors);
	if (d->neigh)
		neigh_stop(d->neigh);
	if (d->links)
		links_stop(d->links);
	filters_stop(d->filters);
	reach_stop(d->reach);
	health_close(d->health);
	announce_free(d->announce);
	inv_free(d->inv);
	rec_free(d->rec);
}
