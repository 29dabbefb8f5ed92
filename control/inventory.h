/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inventory: what is known of all VMs, from all who know something.
 *
 * Hypervisor drivers, the kernel's interfaces and its neighbour table go in
 * (the owner of the loop passes their events on); VMs come out, each with one
 * answer to: does it run, where, at which port, with which address, and why do
 * we think so. Each change is told once, with its reason. No I/O, no clock:
 * time is an argument, CLOCK_MONOTONIC in nanoseconds.
 *
 * DOC: rules
 *
 * Identity. A VM is its UUID. Names, addresses and hypervisors may change.
 *
 * Places. A VM may be known to several hypervisors. One of them is in charge:
 * the only one; else the one it runs on. While it waits for its memory on a
 * second one it is migrating, and the first stays in charge until the second
 * says RUNNING. An end with HV_END_MIGRATED is then no end. If two say RUNNING
 * and none of them got it by migration, two machines share a UUID: the first
 * keeps it and the VM is marked.
 *
 * Ends. The first to say so counts: an event, a read that finds it not
 * running, or its port on this node going. A read that began before the end
 * does not bring a VM back; after the loss of its port only a port does.
 *
 * Ports. On a local hypervisor a NIC's port is found by name among the
 * interfaces, and belongs to the VM only if its MAC is that of the NIC but for
 * the first byte: names are used again, and a tap must never get another VM's
 * packets.
 *
 * Addresses. Metadata, then leases, then the agent, then neighbours. Of one
 * source the address in use stays as long as the source names it, then one of
 * IPv6 that is surely not temporary, then the lowest. Link-local ones are none. A neighbour entry that goes away takes no address away (the kernel
 * forgets silent neighbours), unless another MAC has the address now.
 *
 * Lost hypervisor. Its VMs keep what was last known, marked stale.
 */
#ifndef CONTROL_INVENTORY_H
#define CONTROL_INVENTORY_H

#include "control/hypervisor/driver.h"
#include "control/links.h"
#include "control/neigh.h"

/**
 * enum inv_run - what the hypervisors' words come to, for forwarding.
 * @INV_RUN_STARTING: not yet; wait for it.
 * @INV_RUN_UP: runs.
 * @INV_RUN_HELD: stands still, may go on: takes no new flows, keeps its own.
 * @INV_RUN_ENDED: will answer nobody; replace it at once.
 */
enum inv_run {
	INV_RUN_STARTING,
	INV_RUN_UP,
	INV_RUN_HELD,
	INV_RUN_ENDED,
	INV_N_RUNS,
};

/**
 * enum inv_port - why a NIC has, or hasn't, a port that we can forward to.
 * @INV_PORT_OK: it has.
 * @INV_PORT_NONE: no port: the VM does not run.
 * @INV_PORT_ELSEWHERE: its hypervisor is not on this node.
 * @INV_PORT_KIND: not a tap.
 * @INV_PORT_MISSING: no interface of that name is here.
 * @INV_PORT_DOWN: the interface is down, or nobody holds the tap.
 * @INV_PORT_OTHERS: the interface has the MAC of another VM.
 */
enum inv_port {
	INV_PORT_OK,
	INV_PORT_NONE,
	INV_PORT_ELSEWHERE,
	INV_PORT_KIND,
	INV_PORT_MISSING,
	INV_PORT_DOWN,
	INV_PORT_OTHERS,
	INV_N_PORTS,
};

#define INV_NAME_MAX 63

/**
 * struct inv_hv - a hypervisor. Read only for others.
 * @name: from the config.
 * @local: its VMs' ports are in this network namespace.
 * @connected: its list is complete and its events arrive.
 * @since_ns: since when it is, or is not, connected.
 * @text: why it isn't, "" = not tried yet.
 * @next: the inventory's.
 */
struct inv_hv {
	char name[INV_NAME_MAX + 1];
	bool local;
	bool connected;
	uint64_t since_ns;
	char text[HV_TEXT_MAX];
	struct inv_hv *next;
};

/**
 * struct inv_nic - what is known of a NIC besides the hypervisor's words.
 * @port: has it a port.
 * @ifindex: of the port if @port is INV_PORT_OK, else 0.
 * @addrs: all known addresses, best first.
 * @n_addrs: their number.
 */
struct inv_nic {
	enum inv_port port;
	uint32_t ifindex;
	struct hv_addr addrs[HV_MAX_ADDRS];
	size_t n_addrs;
};

/**
 * struct inv_end - a VM's last end; all zero if none was seen.
 * @cause: why.
 * @at_ns: when it was first known.
 * @text: who said so.
 */
struct inv_end {
	enum hv_end cause;
	uint64_t at_ns;
	char text[HV_TEXT_MAX];
};

struct inv_place;

/**
 * struct inv_vm - a VM. Read only for others, valid until told as removed.
 * @uuid: its identity.
 * @hv: the hypervisor in charge.
 * @vm: what that one says; constant, replaced as a whole.
 * @run: what all that is known comes to.
 * @stale: the hypervisor is out of reach; this is the last that was known.
 * @migrating: freeze verdict and weight, its place is about to change.
 * @duplicate: two hypervisors run a machine of this UUID.
 * @nics: @vm->n_nics of them, in the same order.
 * @end: the last end.
 * @up_ns: since when @run is INV_RUN_UP, else 0.
 * @generation: grows with each change.
 * @places: the inventory's, as the rest.
 */
struct inv_vm {
	uint8_t uuid[HV_UUID_SIZE];
	const struct inv_hv *hv;
	const struct hv_vm *vm;
	enum inv_run run;
	bool stale;
	bool migrating;
	bool duplicate;
	struct inv_nic *nics;
	struct inv_end end;
	uint64_t up_ns;
	uint64_t generation;
	struct inv_place *places;
	size_t n_places;
	struct inv_nic *nics_before;
	size_t max_nics;
};

/**
 * enum inv_what - what changed.
 * @INV_ADDED: a VM is known now; its run, ports and addresses are set.
 * @INV_REMOVED: it is known no longer; gone when the callback returns.
 * @INV_RUN: inv_vm.run, or the state behind it.
 * @INV_ENDED: inv_vm.run became INV_RUN_ENDED: be quick.
 * @INV_REBOOTED: the guest rebooted; its flows are lost, the run goes on.
 * @INV_PORTS: a NIC's port.
 * @INV_ADDRS: a NIC's best address of a family.
 * @INV_TAGS: its tags.
 * @INV_NICS: its NICs.
 * @INV_RENAMED: its name.
 * @INV_MOVED: another hypervisor is in charge.
 * @INV_MIGRATING: inv_vm.migrating.
 * @INV_STALE: inv_vm.stale.
 * @INV_DUPLICATE: inv_vm.duplicate.
 * @INV_HYPERVISOR: a hypervisor is connected or lost; no VM.
 */
enum inv_what {
	INV_ADDED,
	INV_REMOVED,
	INV_RUN,
	INV_ENDED,
	INV_REBOOTED,
	INV_PORTS,
	INV_ADDRS,
	INV_TAGS,
	INV_NICS,
	INV_RENAMED,
	INV_MOVED,
	INV_MIGRATING,
	INV_STALE,
	INV_DUPLICATE,
	INV_HYPERVISOR,
	INV_N_WHATS,
};

/**
 * struct inv_change - one change, for the events page and for reconciling.
 * @what: what changed.
 * @at_ns: when its cause was known.
 * @vm: which VM, already changed; NULL for INV_HYPERVISOR.
 * @hv: which hypervisor.
 * @before: what it was, for people; "" if there is nothing to say.
 * @after: what it is.
 * @reason: why we think so.
 */
struct inv_change {
	enum inv_what what;
	uint64_t at_ns;
	const struct inv_vm *vm;
	const struct inv_hv *hv;
	const char *before;
	const char *after;
	const char *reason;
};

/* Told from within the inv_…() call that caused it; must not call back. */
typedef void (*inv_changed_fn)(void *arg, const struct inv_change *change);

struct inv;

/**
 * inv_new() - an empty inventory.
 * @changed: told each change.
 * @arg: given to @changed.
 * @ret_inv: the inventory, for inv_free().
 *
 * Return: 0 or -ENOMEM.
 */
MUST_CHECK int inv_new(inv_changed_fn changed, void *arg, struct inv **ret_inv);
void inv_free(struct inv *inv);

/**
 * inv_hv_add() - a hypervisor that will be heard of.
 * @name: unique, at most INV_NAME_MAX bytes.
 * @local: its VMs' ports are in this network namespace.
 * @ret_hv: it; hv_settings.arg of its driver.
 *
 * Return: 0, -EEXIST, -ENAMETOOLONG or -ENOMEM.
 */
MUST_CHECK int inv_hv_add(struct inv *inv, const char *name, bool local,
			  struct inv_hv **ret_hv);

/**
 * inv_hv_local() - its VMs' ports are in this network namespace, or not.
 */
void inv_hv_local(struct inv *inv, struct inv_hv *hv, bool local,
		  uint64_t now_ns);

/**
 * inv_hv_unread() - the VMs that a hypervisor is said to know, but of which it
 * has said nothing for some time.
 * @before_ns: not since then.
 * @tell: called for each; must not call back.
 */
void inv_hv_unread(const struct inv *inv, const struct inv_hv *hv,
		   uint64_t before_ns,
		   void (*tell)(void *arg, const uint8_t uuid[HV_UUID_SIZE]),
		   void *arg);

/**
 * inv_hv_remove() - forget a hypervisor and the VMs that only it knew.
 */
void inv_hv_remove(struct inv *inv, struct inv_hv *hv, uint64_t now_ns);

/**
 * inv_event() - take in an event of a driver.
 * @event: from the queue; its arg is the struct inv_hv. Stays the caller's,
 *         but its VM is taken out of it.
 *
 * Return: 0, or -ENOMEM: the event is lost, the next poll brings it again.
 */
MUST_CHECK int inv_event(struct inv *inv, struct hv_event *event);

/* What links.h tells, to be passed on. */
MUST_CHECK int inv_link(struct inv *inv, const struct link_info *link,
			uint64_t at_ns);
void inv_link_gone(struct inv *inv, uint32_t ifindex, uint64_t at_ns);
void inv_links_begin(struct inv *inv);
void inv_links_end(struct inv *inv, uint64_t at_ns);

/* An interface by its number; NULL if there is none. */
const struct link_info *inv_link_find(const struct inv *inv, uint32_t ifindex);

/* What neigh.h tells, to be passed on. */
MUST_CHECK int inv_neigh(struct inv *inv, const struct neigh_info *neigh,
			 uint64_t at_ns);
void inv_neigh_gone(struct inv *inv, const struct neigh_info *neigh,
		    uint64_t at_ns);
void inv_neighs_begin(struct inv *inv);
void inv_neighs_end(struct inv *inv, uint64_t at_ns);

/**
 * inv_count() - how many VMs are known.
 */
size_t inv_count(const struct inv *inv);

/**
 * inv_at() - the i-th VM, by UUID.
 */
const struct inv_vm *inv_at(const struct inv *inv, size_t i);

/**
 * inv_get() - the VM of a UUID, or NULL.
 */
const struct inv_vm *inv_get(const struct inv *inv,
			     const uint8_t uuid[HV_UUID_SIZE]);

/**
 * inv_hvs() - the hypervisors, linked by inv_hv.next.
 */
const struct inv_hv *inv_hvs(const struct inv *inv);

/* A word that is no name is taken for the beginning of a UUID from here on. */
#define INV_PREFIX_MIN 4

/**
 * inv_find() - the VMs that a word on the command line may mean.
 * @word: a name, hypervisor/name, a UUID, or the first digits of one. A name
 *        goes before a UUID; the first letters of a name mean nothing: web-1
 *        must not become web-12 when web-1 is gone.
 * @max: room in @ret_vms.
 * @ret_vms: the first @max candidates.
 *
 * Return: number of candidates, may be more than @max: 0 = unknown, 1 = found,
 * more = ambiguous.
 */
size_t inv_find(const struct inv *inv, const char *word, size_t max,
		const struct inv_vm **ret_vms);

/**
 * inv_vm_addr() - the address that a VM serves at.
 * @vm: the VM.
 * @nic: which of its NICs.
 * @v4: of IPv4, else of IPv6.
 *
 * Return: the best address, or NULL.
 */
const struct hv_addr *inv_vm_addr(const struct inv_vm *vm, size_t nic, bool v4);

/**
 * struct inv_claim - by what VMs are a tenant's, from the operator's config.
 * @tenant: whose.
 * @networks: a NIC is in one of them (network or bridge); empty = any.
 * @n_networks: their number.
 * @names: shell patterns, one of which its name matches; empty = any.
 * @n_names: their number.
 * @hypervisors: on one of them; empty = any.
 * @n_hypervisors: their number.
 * @metadata: one of these conditions holds; NULL = any.
 *
 * All that is given must hold. A claim that gives nothing claims nothing.
 */
struct inv_claim {
	const char *tenant;
	const char *const *networks;
	size_t n_networks;
	const char *const *names;
	size_t n_names;
	const char *const *hypervisors;
	size_t n_hypervisors;
	const struct conf_xpaths *metadata;
};

enum inv_owned {
	INV_OWNED_NOT,
	INV_OWNED,
	INV_OWNED_TWICE, /* claimed by two: belongs to none */
};

/**
 * struct inv_owner - whose a VM is.
 * @owned: whether.
 * @claim: index of the first claim that holds, if any.
 * @other: index of another tenant's that holds too, if INV_OWNED_TWICE.
 * @nic: the NIC that @claim's network is at, else the first one.
 */
struct inv_owner {
	enum inv_owned owned;
	size_t claim;
	size_t other;
	size_t nic;
};

/**
 * inv_own() - whose is a VM? Tags have no say in it.
 * @hypervisor: name of the one in charge.
 * @vm: the VM.
 * @list: claims of all tenants.
 * @n_claims: their number.
 */
struct inv_owner inv_own(const char *hypervisor, const struct hv_vm *vm,
			 const struct inv_claim *list, size_t n_claims);

const char *inv_run_name(enum inv_run run);
const char *inv_port_name(enum inv_port port);
const char *inv_what_name(enum inv_what what);

#endif
