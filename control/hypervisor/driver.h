/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a hypervisor driver reports, and how control talks to one.
 *
 * A driver watches one kind of hypervisor from threads of its own and puts
 * events into a queue; control reads the queue on its loop (its fd becomes
 * readable) and feeds the inventory (control/inventory.h), which decides what
 * the events mean. A driver knows nothing of pools, tenants or ports.
 *
 * DOC: order and time
 *
 * Events of one hypervisor come in the order in which the driver saw their
 * causes, with one exception made for speed: HV_EVENT_ENDED overtakes reads of
 * the same VM that are under way. Such a read, which still found the VM
 * running, may be queued after the end. Each event says when its knowledge was
 * taken (@at_ns; of a read: when it began), so that the inventory can tell.
 *
 * After a connection is made: HV_EVENT_CONNECTED, one HV_EVENT_VM for each VM,
 * HV_EVENT_GONE for each VM that was known before and isn't there any more,
 * then HV_EVENT_LISTED. When it is lost: HV_EVENT_LOST, and nothing about VMs
 * until the next HV_EVENT_CONNECTED: nobody knows what became of them.
 *
 * All times are CLOCK_MONOTONIC in nanoseconds.
 *
 * DOC: operations
 *
 * An operation is a function of struct hv_driver that takes a request and
 * returns at once, and an event that brings its outcome with the request's
 * number. What waits for it has a time limit of its own: a hypervisor that hangs
 * may answer late, or never. There is one, tag; clone, start, shut down,
 * destroy, suspend, resume, migrate and stats will be others of this form.
 */
#ifndef CONTROL_HYPERVISOR_DRIVER_H
#define CONTROL_HYPERVISOR_DRIVER_H

#include "dataplane/core/base.h"

/* Namespace of <vm> in a domain's metadata: tags and addresses. */
#define HV_METADATA_URN "urn:drover:vm:1"

#define HV_UUID_SIZE 16
#define HV_UUID_TEXT 37 /* with its NUL */
#define HV_MAC_SIZE  6

/* What of a VM is kept; the rest is left out and hv_vm.truncated is set. */
#define HV_MAX_TAGS	64
#define HV_MAX_METADATA 65536
#define HV_MAX_NICS	32
#define HV_MAX_ADDRS	16 /* a NIC */

/* Longest tag we take, as a selector does; longer ones are left out. */
#define HV_TAG_NAME_MAX	 63
#define HV_TAG_VALUE_MAX 255

/**
 * enum hv_state - what a hypervisor says about a VM.
 * @HV_STATE_UNKNOWN: nothing that we understand.
 * @HV_STATE_STARTING: exists, its CPUs have not run yet.
 * @HV_STATE_RUNNING: its CPUs run.
 * @HV_STATE_PAUSED: stopped by somebody, resumable.
 * @HV_STATE_PAUSED_IO: stopped by an I/O error, resumable.
 * @HV_STATE_SUSPENDED: the guest put itself to sleep (ACPI S3).
 * @HV_STATE_INCOMING: waits for its memory: target of a live migration.
 * @HV_STATE_OUTGOING: its memory has left: source of a live migration.
 * @HV_STATE_SHUTDOWN: the guest is down, its process still there.
 * @HV_STATE_OFF: not running.
 * @HV_STATE_CRASHED: the guest panicked; the process may still be there.
 */
enum hv_state {
	HV_STATE_UNKNOWN,
	HV_STATE_STARTING,
	HV_STATE_RUNNING,
	HV_STATE_PAUSED,
	HV_STATE_PAUSED_IO,
	HV_STATE_SUSPENDED,
	HV_STATE_INCOMING,
	HV_STATE_OUTGOING,
	HV_STATE_SHUTDOWN,
	HV_STATE_OFF,
	HV_STATE_CRASHED,
	HV_N_STATES,
};

/**
 * enum hv_end - why a VM ended.
 * @HV_END_UNKNOWN: the hypervisor did not say.
 * @HV_END_SHUTDOWN: the guest shut itself down.
 * @HV_END_DESTROYED: somebody ended it.
 * @HV_END_CRASHED: the guest panicked.
 * @HV_END_FAILED: its process died.
 * @HV_END_SAVED: its memory went to disk.
 * @HV_END_MIGRATED: it went on living on another hypervisor: no death.
 * @HV_END_PORT: its port on this node went, before anything else was heard.
 */
enum hv_end {
	HV_END_UNKNOWN,
	HV_END_SHUTDOWN,
	HV_END_DESTROYED,
	HV_END_CRASHED,
	HV_END_FAILED,
	HV_END_SAVED,
	HV_END_MIGRATED,
	HV_END_PORT,
	HV_N_ENDS,
};

/* How a NIC is joined to the host; only taps have a port we can stand at. */
enum hv_nic_kind {
	HV_NIC_OTHER,
	HV_NIC_BRIDGE, /* tap in a Linux bridge */
	HV_NIC_OVS,    /* tap in an Open vSwitch bridge */
	HV_NIC_ROUTED, /* tap in no bridge */
	HV_NIC_MACVTAP,
	HV_NIC_SRIOV, /* a PCI function, passed through */
	HV_NIC_VHOSTUSER,
	HV_NIC_USER, /* slirp, passt */
	HV_N_NIC_KINDS,
};

/* Where an address was learnt, best first. */
enum hv_addr_source {
	HV_ADDR_METADATA,
	HV_ADDR_LEASE,
	HV_ADDR_AGENT,
	HV_ADDR_NEIGHBOUR,
	HV_N_ADDR_SOURCES,
};

struct hv_addr {
	struct ip_addr ip;
	enum hv_addr_source source;
};

/**
 * struct hv_tag - a tag from the metadata.
 * @name: never NULL.
 * @value: never NULL; "" where it has none.
 */
struct hv_tag {
	char *name;
	char *value;
};

/**
 * struct hv_nic - a VM's network interface.
 * @mac: of the guest.
 * @kind: how it is joined to the host.
 * @port: name of the host's interface ("vnet3"), "" when it has none or the
 *        VM does not run.
 * @port_managed: the hypervisor made the port, so it has the guest's MAC but
 *                for the first byte.
 * @network: name of the hypervisor's network, or "".
 * @bridge: name of the bridge, or "".
 * @has_filter: the host filters it (nwfilter).
 * @has_bandwidth: the host shapes it.
 * @link_down: its cable is pulled.
 * @addrs: known addresses, of sources that the driver can see.
 * @n_addrs: their number.
 */
struct hv_nic {
	uint8_t mac[HV_MAC_SIZE];
	enum hv_nic_kind kind;
	char *port;
	bool port_managed;
	char *network;
	char *bridge;
	bool has_filter;
	bool has_bandwidth;
	bool link_down;
	struct hv_addr addrs[HV_MAX_ADDRS];
	size_t n_addrs;
};

/**
 * struct hv_vm - a VM as one hypervisor sees it. Constant once sent.
 * @uuid: its identity, over all hypervisors.
 * @name: unique on its hypervisor at any one time.
 * @state: what it does.
 * @end: if @state is OFF, SHUTDOWN or CRASHED: why.
 * @reason: the hypervisor's own word for why it is in this state, static text.
 * @run: number of this run, another after each start; 0 = does not run.
 * @migrated_in: this run came by live migration.
 * @agent: the guest's agent is connected.
 * @truncated: had more tags, NICs or addresses than we keep.
 * @read_ns: when the read began that this is the result of.
 * @tags: from the metadata.
 * @n_tags: their number.
 * @nics: in the hypervisor's order.
 * @n_nics: their number.
 * @metadata: the `<metadata>` of its definition, XML of at most HV_MAX_METADATA
 *	bytes; NULL = none, or longer (then @truncated).
 */
struct hv_vm {
	uint8_t uuid[HV_UUID_SIZE];
	char *name;
	enum hv_state state;
	enum hv_end end;
	const char *reason;
	int run;
	bool migrated_in;
	bool agent;
	bool truncated;
	uint64_t read_ns;
	struct hv_tag *tags;
	size_t n_tags;
	struct hv_nic *nics;
	size_t n_nics;
	char *metadata;
};

/**
 * struct hv_found - an address that was found by asking.
 * @mac: of the NIC.
 * @addr: the address and who knew it.
 */
struct hv_found {
	uint8_t mac[HV_MAC_SIZE];
	struct hv_addr addr;
};

/**
 * enum hv_event_type - what an event says.
 * @HV_EVENT_VM: all about one VM, new or changed; perhaps the same as before.
 * @HV_EVENT_ENDED: a VM stopped serving; said at once, nothing was read.
 * @HV_EVENT_GONE: the hypervisor knows this VM no longer.
 * @HV_EVENT_REBOOT: the guest rebooted, the run goes on.
 * @HV_EVENT_ADDRS: all addresses that leases and the agent give for a VM now.
 * @HV_EVENT_CONNECTED: the connection is made, a list follows.
 * @HV_EVENT_LISTED: the list is complete.
 * @HV_EVENT_LOST: the connection is lost, or could not be made; said once.
 * @HV_EVENT_TAGGED: what came of a struct hv_tag_request.
 */
enum hv_event_type {
	HV_EVENT_VM,
	HV_EVENT_ENDED,
	HV_EVENT_GONE,
	HV_EVENT_REBOOT,
	HV_EVENT_ADDRS,
	HV_EVENT_CONNECTED,
	HV_EVENT_LISTED,
	HV_EVENT_LOST,
	HV_EVENT_TAGGED,
	HV_N_EVENT_TYPES,
};

#define HV_TEXT_MAX 160

/**
 * struct hv_tagged - what came of a change of tags.
 * @id: the request's.
 * @err: 0: the VM has the tags that were asked for. -ENOENT: there is no such
 *	VM. -E2BIG: it would have more than HV_MAX_TAGS. -ETIMEDOUT: the deadline
 *	had passed before anything was written. -EIO: else; the event's text says
 *	what, and if only the running VM or only its definition was written.
 * @changed: it had others before.
 * @transient: its definition goes when it stops, and the tags with it.
 */
struct hv_tagged {
	uint64_t id;
	int err;
	bool changed;
	bool transient;
};

/**
 * struct hv_event - one message of a driver.
 * @next: the queue's.
 * @arg: of struct hv_settings: which hypervisor.
 * @type: what it says.
 * @more: others of this driver follow at once: the queue's owner need not be
 *        woken for this one.
 * @at_ns: when its knowledge was taken.
 * @queued_ns: when it was put into the queue.
 * @uuid: which VM, of VM, ENDED, GONE, REBOOT, ADDRS and TAGGED.
 * @vm: of VM: the event's; steal it by setting it to NULL.
 * @end: of ENDED.
 * @found: of ADDRS.
 * @n_found: their number; 0 = none any more.
 * @tagged: of TAGGED.
 * @text: the hypervisor's words, for people: the event's name and detail
 *        ("STOPPED: failed"), or why the connection is lost.
 */
struct hv_event {
	struct hv_event *next;
	void *arg;
	enum hv_event_type type;
	bool more;
	uint64_t at_ns;
	uint64_t queued_ns;
	uint8_t uuid[HV_UUID_SIZE];
	struct hv_vm *vm;
	enum hv_end end;
	struct hv_found *found;
	size_t n_found;
	struct hv_tagged tagged;
	char text[HV_TEXT_MAX];
};

/**
 * struct hv_queue - from the drivers' threads to control's loop.
 *
 * Any thread may push; one thread, the owner, pops. It outlives its drivers.
 */
struct hv_queue;

MUST_CHECK int hv_queue_new(struct hv_queue **ret_queue);
void hv_queue_free(struct hv_queue *queue);

/**
 * hv_queue_fd() - readable while there are events; for the owner's loop.
 */
int hv_queue_fd(const struct hv_queue *queue);

/**
 * hv_queue_pop() - the oldest event.
 *
 * Return: the event, for hv_event_free(); NULL when there is none.
 */
struct hv_event *hv_queue_pop(struct hv_queue *queue);

/**
 * hv_queue_push() - append an event, from any thread.
 * @event: becomes the queue's.
 */
void hv_queue_push(struct hv_queue *queue, struct hv_event *event);

/**
 * struct hv_settings - one hypervisor to watch.
 * @name: for messages.
 * @uri: where it is.
 * @poll_ms: time between two lists, which repair what events missed.
 * @queue: where events go.
 * @arg: comes with each event.
 */
struct hv_settings {
	const char *name;
	const char *uri;
	uint32_t poll_ms;
	struct hv_queue *queue;
	void *arg;
};

/**
 * struct hv_counters - what a watched hypervisor has cost. Monotonic.
 * @connects: connections made.
 * @losses: connections lost.
 * @hints: events that asked for a VM to be read again.
 * @ends: events that said that a VM ended.
 * @reads: VMs read.
 * @polls: lists taken.
 * @repairs: changes that a poll found and no event had announced.
 * @abandoned: calls that were given up at their deadline.
 * @abandoned_now: of these, still blocked.
 * @end_push_max_ns: longest time from the library's callback to the queue.
 * @hint_push_last_ns: from the last hint to its VM's event in the queue.
 * @hint_push_max_ns: the longest such time.
 * @hint_push_sum_ns: all together; the number is @hinted_reads.
 * @hinted_reads: reads that a hint asked for.
 */
struct hv_counters {
	uint64_t connects;
	uint64_t losses;
	uint64_t hints;
	uint64_t ends;
	uint64_t reads;
	uint64_t polls;
	uint64_t repairs;
	uint64_t abandoned;
	uint64_t abandoned_now;
	uint64_t end_push_max_ns;
	uint64_t hint_push_last_ns;
	uint64_t hint_push_max_ns;
	uint64_t hint_push_sum_ns;
	uint64_t hinted_reads;
};

/**
 * struct hv_listing - what a new list changes.
 * @added: machines that were not in the old one.
 * @changed: in both, and not the same.
 * @gone: in the old one only.
 */
struct hv_listing {
	size_t added;
	size_t changed;
	size_t gone;
};

/**
 * enum hv_tag_op - what to do with a tag.
 * @HV_TAG_REMOVE: the VM shall not have it.
 * @HV_TAG_SET: the VM shall have it, and no other tag of this name.
 * @HV_TAG_ADD: the VM shall have it, beside others of this name.
 */
enum hv_tag_op {
	HV_TAG_REMOVE,
	HV_TAG_SET,
	HV_TAG_ADD,
};

/**
 * struct hv_tag_step - one step of a change of tags.
 * @op: what to do.
 * @name: the tag's.
 * @value: the tag's, "" = none; NULL: any, only to be removed.
 */
struct hv_tag_step {
	enum hv_tag_op op;
	const char *name;
	const char *value;
};

/**
 * struct hv_tag_request - change a VM's tags where its hypervisor keeps them.
 * @id: comes back with the outcome.
 * @uuid: which VM.
 * @deadline_ns: nothing is begun to be written after it.
 * @steps: taken in order.
 * @n_steps: their number.
 */
struct hv_tag_request {
	uint64_t id;
	uint8_t uuid[HV_UUID_SIZE];
	uint64_t deadline_ns;
	const struct hv_tag_step *steps;
	size_t n_steps;
};

/* A watched hypervisor; each driver has its own. */
struct hv;

/**
 * struct hv_driver - a kind of hypervisor.
 * @name: for messages.
 * @accepts: is this URI one of its?
 * @open: begin to watch; connects in the background and for ever again.
 *        @settings is copied but for the queue.
 * @close: stop watching; no event comes after it. May take up to 2 s.
 * @list: NULL, unless it is told what there is: all VMs, by UUID, which become
 *        the driver's whatever it returns. From the queue's owner only. On
 *        -ENOMEM not all of it is reported, and the next list repairs that.
 * @lose: NULL, or: nobody tells what there is any more, and why; until the
 *        next @list.
 * @hint: read this VM again soon, something may have changed.
 * @counters: read the counters, from any thread.
 * @tag: change a VM's tags; copies the request. HV_EVENT_TAGGED brings the
 *	outcome, after a hint to read the VM again. -EBUSY: another change is
 *	under way; -EAGAIN: too many that were given up are still blocked; or
 *	another negative errno. NULL: this kind has no place for them.
 */
struct hv_driver {
	const char *name;
	bool (*accepts)(const char *uri);
	int (*open)(const struct hv_settings *settings, struct hv **ret_hv);
	void (*close)(struct hv *hv);
	int (*list)(struct hv *hv, struct hv_vm **vms, size_t n,
		    struct hv_listing *ret_listing);
	int (*lose)(struct hv *hv, const char *why);
	void (*hint)(struct hv *hv, const uint8_t uuid[HV_UUID_SIZE]);
	void (*counters)(struct hv *hv, struct hv_counters *ret_counters);
	int (*tag)(struct hv *hv, const struct hv_tag_request *request);
};

/**
 * hv_driver_find() - the driver for a URI.
 *
 * Return: the driver, or NULL.
 */
const struct hv_driver *hv_driver_find(const char *uri);

struct hv_vm *hv_vm_new(void);
void hv_vm_free(struct hv_vm *vm);

/**
 * hv_vm_copy() - a copy of all of it.
 *
 * Return: the copy, or NULL without memory.
 */
struct hv_vm *hv_vm_copy(const struct hv_vm *vm);

/**
 * hv_vm_same() - are they the same, but for the time of reading?
 */
bool hv_vm_same(const struct hv_vm *a, const struct hv_vm *b);

/* Only their tags; only a NIC without its port and its addresses. */
bool hv_vm_same_tags(const struct hv_vm *a, const struct hv_vm *b);
bool hv_nic_same(const struct hv_nic *a, const struct hv_nic *b);

/* Their metadata, which neither need have. */
bool hv_vm_same_metadata(const struct hv_vm *a, const struct hv_vm *b);

void hv_event_free(struct hv_event *event);

static inline void hv_vm_freep(struct hv_vm **vm)
{
	hv_vm_free(*vm);
}

/**
 * hv_event_new() - an empty event.
 * @type: what it will say.
 * @at_ns: when its knowledge was taken.
 *
 * Return: the event, or NULL without memory.
 */
struct hv_event *hv_event_new(enum hv_event_type type, uint64_t at_ns);

/* Names as the API and the command print them. */
const char *hv_state_name(enum hv_state state);
const char *hv_end_name(enum hv_end end);
const char *hv_nic_kind_name(enum hv_nic_kind kind);
const char *hv_addr_source_name(enum hv_addr_source source);
const char *hv_event_type_name(enum hv_event_type type);

/**
 * hv_tags_print() - a VM's tags for people, "role=web canary"; "" = none.
 * @size: of @buf; what does not fit is cut.
 */
void hv_tags_print(const struct hv_vm *vm, char *buf, size_t size);

/**
 * hv_uuid_print() - 8-4-4-4-12 hex digits, lower case.
 */
void hv_uuid_print(const uint8_t uuid[HV_UUID_SIZE], char buf[HV_UUID_TEXT]);

/**
 * hv_uuid_parse() - the reverse.
 *
 * Return: 0 or -EINVAL.
 */
MUST_CHECK int hv_uuid_parse(const char *text, uint8_t ret_uuid[HV_UUID_SIZE]);

/**
 * hv_ip_parse() - an IPv4 or IPv6 address from its text.
 *
 * Return: 0 or -EINVAL.
 */
MUST_CHECK int hv_ip_parse(const char *text, struct ip_addr *ret_ip);

/**
 * hv_ip_usable() - can one host of a network serve others at this address?
 *
 * Return: false for loopback, link-local, multicast and unspecified ones.
 */
bool hv_ip_usable(const struct ip_addr *ip);

/**
 * hv_clock_ns() - now, in the times of this header.
 */
uint64_t hv_clock_ns(void);

#endif
