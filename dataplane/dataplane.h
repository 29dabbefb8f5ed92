/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the control plane sees of a data plane: hand over the desired state,
 * read back how things stand.
 *
 * DOC: who does what
 *
 * control computes the whole desired state as a struct dp_snapshot and calls
 * apply(). The engine works out the difference to what is in force and makes it
 * so, in an order that is right at every moment: record, device, port, then
 * slots; removal in reverse. control never says "add" or "delete". What takes
 * time (claims, clocks, learning a port's direct connections) goes on by
 * itself at tick(), which says when it wants to be called next.
 *
 * What is in force outlives the process: open() finds it again, completes or
 * undoes a publish that was cut short, and goes on. close() leaves it in force;
 * detach takes it off the machine.
 *
 * All functions are called by the one control thread. Strings and arrays in a
 * snapshot are borrowed for the call. Times are CLOCK_MONOTONIC nanoseconds.
 */
#ifndef DATAPLANE_DATAPLANE_H
#define DATAPLANE_DATAPLANE_H

#include "dataplane/core/base.h"
#include "dataplane/core/pkt.h"
#include "dataplane/core/state.h"

#define DP_NAME_SIZE   128 /* "tenant/pool", "hypervisor/vm" and their 0 */
#define DP_IFNAME_SIZE 16
#define DP_ERROR_SIZE  256
#define DP_UUID_SIZE   16

/**
 * struct dp_limits - sizes of the tables, fixed while the state is in force.
 *
 * Reopening with other sizes than those in force is refused (-EUCLEAN), with
 * the sizes in the error's text.
 */
struct dp_limits {
	uint32_t n_backends; /* numbers, 1 .. BACKEND_MAX */
	uint32_t n_services;
	uint32_t n_pools;
	uint32_t n_slots;  /* power of two */
	uint32_t n_flows;  /* power of two */
	uint32_t n_direct; /* power of two */
};

/**
 * struct dp_options - what an engine needs to open.
 * @pin_dir: directory in a bpffs (XDP); made if it isn't there, locked: a second
 *           daemon on it is refused with -EBUSY.
 * @uplinks: names of interfaces, @n_uplinks of them.
 * @limits: sizes.
 * @reply_rate_pps: answers a second and CPU that the path may make.
 * @direct_idle_ms: life of a direct connection's entry.
 * @probe_source, @probe_source6: what VMs see probes over the data path come
 *           from, by IPv4 and by IPv6; all zero = there are none.
 * @inside: VMs of this node, and the node itself, may call VIPs.
 * @clsact: attach to VMs' ports as kernels before 6.6 need it, also on others.
 * @log: gets the engine's messages (level: 0 error .. 3 debug); may be NULL.
 * @after_write: called after each store and call of a publish that outlives the
 *               process; for tests that end the process there. May be NULL.
 */
struct dp_options {
	const char *pin_dir;
	const char *const *uplinks;
	uint32_t n_uplinks;
	struct dp_limits limits;
	uint32_t reply_rate_pps;
	uint32_t direct_idle_ms;
	struct ip_addr probe_source;
	struct ip_addr probe_source6;
	bool inside;
	bool clsact;
	void (*log)(void *arg, int level, const char *text);
	void *log_arg;
	void (*after_write)(void *arg);
	void *after_write_arg;
};

/* How a VM is to stand in its pool. */
enum dp_role {
	/* In the tables, no slot: its port is attached and learns which of its
	 * connections are direct. Before serving, and when drained. */
	DP_WARM,
	/* Takes its share of new flows by weight. Gets its first slot when its
	 * port has learned for 5 s. */
	DP_SERVING,
	/* No new flows, keeps what it has: drained, unhealthy. */
	DP_LEAVING,
	/* The same at once, for who can't finish a handshake: suspended. */
	DP_HELD,
	/* It is gone, or must lose its flows at once: replaced field by field. */
	DP_GONE,
};

/**
 * struct dp_backend - a VM in a pool. A VM that a snapshot leaves out is GONE.
 * @uuid: what it is.
 * @name: "hypervisor/vm", for status without a daemon.
 * @role: how it is to stand.
 * @weight: share among the serving ones; 0 = no slot.
 * @addr: its address.
 * @mac: its MAC address.
 * @ifname, @ifindex: its port on this node.
 * @stack: packets go through the kernel, under the host's own rules; the port
 *         must be one of a bridge's.
 */
struct dp_backend {
	uint8_t uuid[DP_UUID_SIZE];
	const char *name;
	enum dp_role role;
	uint32_t weight;
	struct ip_addr addr;
	uint8_t mac[6];
	const char *ifname;
	uint32_t ifindex;
	bool stack;
};

/**
 * struct dp_pool - see DESIGN's words; @name is "tenant/pool", its identity.
 *
 * All its backends and services are of one address family: a pool of the config
 * that serves both is two of these.
 */
struct dp_pool {
	const char *name;
	struct hash_seed seed;
	enum affinity affinity;
	enum when_empty when_empty;
	uint32_t idle_timeout_ms;
	uint32_t udp_idle_ms;
	uint32_t max_backends; /* sizes the slot range */
	const struct dp_backend *backends;
	uint32_t n_backends;
};

enum dp_answers {
	DP_ANSWERS_AUTO, /* by a route of the host, or else by the VM's bridge */
	DP_ANSWERS_FIB,	 /* by a route of the host */
	DP_ANSWERS_L2,	 /* by the VM's bridge */
};

/**
 * struct dp_service - a VIP, port and protocol; @name is "tenant/service".
 * @vip: of the family of its pool's backends.
 * @proto: 6 (TCP) or 17 (UDP).
 * @quic: of UDP: its packets are QUIC's, and keep their VM by QUIC's rules.
 * @pool: index in the snapshot's pools.
 * @mss: the most that either side may announce as its maximum segment size (TCP);
 *       0 = whatever they like.
 * @answers: how answers leave.
 * @observe: decide and count, then pass what came as it came.
 */
struct dp_service {
	const char *name;
	struct ip_addr vip;
	uint16_t port;
	uint8_t proto;
	bool quic;
	uint32_t pool;
	uint16_t target_port;
	uint16_t mss;
	enum dp_answers answers;
	bool observe;
};

/**
 * struct dp_vip - an address that is ours whole.
 * @answer_l2: answer ARP, or neighbour solicitations, for it.
 * @drop_no_service: drop, don't RST, what has no service.
 * @observe: it isn't ours yet: what has no service passes.
 */
struct dp_vip {
	struct ip_addr addr;
	bool answer_l2;
	bool drop_no_service;
	bool observe;
};

/**
 * struct dp_client - a VM's address from which VIPs may be called.
 * @addr: one of a VM's own addresses.
 * @ifindex: its port on this node.
 */
struct dp_client {
	struct ip_addr addr;
	uint32_t ifindex;
};

/**
 * struct dp_snapshot - the whole desired forwarding state.
 */
struct dp_snapshot {
	const struct dp_vip *vips;
	uint32_t n_vips;
	const struct dp_service *services;
	uint32_t n_services;
	const struct dp_pool *pools;
	uint32_t n_pools;
	const struct dp_client *clients;
	uint32_t n_clients;
};

/**
 * struct dp_result - what apply() did.
 * @error: of the first thing that failed as a whole ("" = none). A port that
 *         refuses its program is no such failure: see dp_backend_status.
 * @n_slots_moved: slots that began to move or changed hands.
 * @took_ns: time it took.
 */
struct dp_result {
	char error[DP_ERROR_SIZE];
	uint32_t n_slots_moved;
	uint64_t took_ns;
};

/**
 * struct dp_backend_status - how a VM stands in the tables.
 * @uuid, @pool, @name: who (@name as of the last apply that named it).
 * @number: its backend number.
 * @attached: the port has our programs; else @attach_error (errno) says why.
 * @learned: its port has learned long enough to serve.
 * @role: as last applied.
 * @stack: it gets its packets through the kernel.
 * @slots_current, @slots_base, @slots_marked: slots that name it.
 * @entries: live flow entries for it, as of the last pass.
 * @exact: @flows is exact (no unmarked slot names it); else it is an estimate.
 * @flows: flows it has.
 * @drained: no slot and no live entry names it.
 * @drained_at_ns: when it can be drained at the earliest; 0 = unknown.
 * @quiet_ns: time since the last balanced packet either way.
 * @traffic: summed over CPUs, since the VM got its number.
 */
struct dp_backend_status {
	uint8_t uuid[DP_UUID_SIZE];
	char pool[DP_NAME_SIZE];
	char name[DP_NAME_SIZE];
	uint16_t number;
	bool attached;
	int attach_error;
	bool learned;
	bool stack;
	enum dp_role role;
	uint32_t slots_current;
	uint32_t slots_base;
	uint32_t slots_marked;
	uint32_t entries;
	bool exact;
	uint64_t flows;
	bool drained;
	uint64_t drained_at_ns;
	uint64_t quiet_ns;
	struct ip_addr addr; /* this and the next three as in force */
	uint8_t mac[6];
	uint32_t ifindex;
	char ifname[DP_IFNAME_SIZE];
	struct traffic traffic;
};

/**
 * struct dp_glance - what can reach a backend number this moment.
 * @live: its record is in force, so flow entries that name it count.
 * @n_slots: slots that name it as current or base; read one by one.
 * @traffic: its counters, summed over CPUs.
 */
struct dp_glance {
	bool live;
	uint32_t n_slots;
	struct traffic traffic;
};

/**
 * struct dp_pool_status - how a pool stands.
 * @n_slots: of its range; @n_marked of them are not steady, by state:
 * @n_claiming, @n_moving, @n_settling.
 * @n_put_off: slots whose planned move waits until the entries of their flows
 *	fit into the flow table.
 * @n_refused: inserts refused since the beginning.
 */
struct dp_pool_status {
	char name[DP_NAME_SIZE];
	uint32_t n_slots;
	uint32_t n_claiming;
	uint32_t n_moving;
	uint32_t n_settling;
	uint32_t n_put_off;
	uint64_t n_refused;
};

struct dp_service_status {
	char name[DP_NAME_SIZE];
	char pool[DP_NAME_SIZE];
	struct ip_addr vip;
	uint16_t port;
	uint8_t proto;
	bool quic;
	uint16_t target_port;
	bool observed;
	struct traffic traffic;
};

/**
 * struct dp_uplink_status - an interface where clients come in.
 * @mode: "native", "generic", "none" (not attached).
 * @gro_off: we switched GRO off there; detach switches it on again.
 */
struct dp_uplink_status {
	char ifname[DP_IFNAME_SIZE];
	char mode[15];
	bool gro_off;
};

/**
 * struct dp_status - everything that status, vms, pools and counters show.
 *
 * Arrays belong to it: dp_status_free().
 * @generation: number of publishes since the state was made.
 * @published_ns: CLOCK_MONOTONIC of the last one.
 * @memory_bytes: of the tables.
 * @reasons: what became of packets that were not forwarded.
 * @as_if: what would have become of those that PASS_OBSERVED.
 */
struct dp_status {
	char engine[16];
	uint32_t version;
	uint64_t generation;
	uint64_t published_ns;
	uint64_t memory_bytes;
	struct dp_limits limits;
	uint32_t n_flow_entries; /* live, as of the last pass */
	struct dp_uplink_status uplinks[NODE_UPLINKS];
	uint32_t n_uplinks;
	struct dp_pool_status *pools;
	uint32_t n_pools;
	struct dp_backend_status *backends;
	uint32_t n_backends;
	struct dp_service_status *services;
	uint32_t n_services;
	struct reason_count reasons[N_REASONS];
	struct reason_count as_if[N_REASONS];
};

/**
 * struct dp_flow - a flow to explain.
 */
struct dp_flow {
	struct ip_addr client;
	uint16_t client_port;
	struct ip_addr vip;
	uint16_t port;
	uint8_t proto;
	enum flow_kind kind;
};

/**
 * struct dp_explanation - what the path would do with a packet of a flow now,
 * and why: the path's own rules on the tables in force, changing nothing.
 * @verdict, @reason: as the path's.
 * @service, @pool: names, "" = none.
 * @as_if: of a packet that is only observed: what it would have been.
 * @key, @slot, @slot_word: hash, slot index in the pool, its word.
 * @has_entry, @entry_class, @entry_left_ms, @entry_closing: the flow's entry.
 * @backend: number; @uuid, @backend_name, @addr, @ifname: who that is.
 */
struct dp_explanation {
	enum verdict verdict;
	enum reason reason;
	enum reason as_if;
	char service[DP_NAME_SIZE];
	char pool[DP_NAME_SIZE];
	uint64_t key;
	uint32_t slot;
	uint32_t n_slots;
	uint32_t slot_word;
	char current_name[DP_NAME_SIZE];
	char base_name[DP_NAME_SIZE];
	bool has_entry;
	enum flow_class entry_class;
	bool entry_closing;
	uint32_t entry_left_ms;
	uint16_t backend;
	uint8_t uuid[DP_UUID_SIZE];
	char backend_name[DP_NAME_SIZE];
	struct ip_addr addr;
	uint16_t target_port;
	char ifname[DP_IFNAME_SIZE];
};

/* Where packets meet the path. */
enum dp_hook {
	DP_UPLINK,  /* XDP at an uplink: from clients */
	DP_FROM_VM, /* TC at a VM's port: what the VM sends */
	DP_TO_VM,   /* the same: what goes to the VM past the balancer */
	DP_BACK,    /* behind the host's own rules: answers that come back */
	DP_PROBES,  /* TC at the probe interface: probes on their way to VMs */
	DP_INSIDE, /* where a VM or the host calls a VIP, before it comes in again */
};

/**
 * struct dp_packet - a packet to judge.
 * @data: its frame, from the Ethernet header on; @captured bytes of it are there.
 * @length: as it was on the wire.
 * @at_ns: CLOCK_MONOTONIC time at which it is taken to come; never earlier than
 *         the one before.
 * @hook: DP_UPLINK, DP_FROM_VM or DP_TO_VM.
 * @ifindex: of the VM's port; not asked at the uplink.
 */
struct dp_packet {
	const uint8_t *data;
	uint32_t captured;
	uint32_t length;
	uint64_t at_ns;
	enum dp_hook hook;
	uint32_t ifindex;
};

/**
 * struct dp_judged - a packet, and what the path has decided on it.
 * @hook: where.
 * @family: enum l3_kind; L3_NONE: neither IPv4 nor IPv6, or cut off.
 * @ether_type: what is behind Ethernet and its tags; 0 = cut off.
 * @l4: enum l4_kind, and @proto: what is in it.
 * @src, @dst, @sport, @dport: as it came, ports where it has any.
 * @tcp_flags: of TCP; @icmp_type, @icmp_code: of ICMP.
 * @frag: enum frag.
 * @length: bytes of its frame, as it came.
 * @kind: enum flow_kind, where it was asked for one of TCP or UDP.
 * @verdict, @reason, @as_if: as the path's.
 * @how, @slot: as struct pkt has them.
 * @service, @pool: names; "" = none, as with @vm.
 * @vm, @uuid, @port, @target, @target_port: who it goes to or comes from, if the
 *         path knows: "hypervisor/vm", its port's name, its address.
 */
struct dp_judged {
	enum dp_hook hook;
	uint8_t family;
	uint8_t l4;
	uint8_t proto;
	uint8_t tcp_flags;
	uint8_t icmp_type;
	uint8_t icmp_code;
	uint8_t frag;
	uint16_t ether_type;
	struct ip_addr src;
	struct ip_addr dst;
	uint16_t sport;
	uint16_t dport;
	uint32_t length;
	enum flow_kind kind;
	enum verdict verdict;
	enum reason reason;
	enum reason as_if;
	enum pick_how how;
	uint32_t slot;
	char service[DP_NAME_SIZE];
	char pool[DP_NAME_SIZE];
	char vm[DP_NAME_SIZE];
	uint8_t uuid[DP_UUID_SIZE];
	char port[DP_IFNAME_SIZE];
	struct ip_addr target;
	uint16_t target_port;
};

#define DP_TRACE_REASON(reason) (1ULL << (reason))

/**
 * struct dp_trace_ask - which packets somebody wants to see as they come.
 * @service: "tenant/service", NULL = of any or none.
 * @uuid: of a VM, NULL = of any or none.
 * @client: the client's address, its first @client_bits bits (IPv4's in its
 *          mapped form: 96 and more); 0 = any.
 * @reasons: DP_TRACE_REASON() of each; of REASON_NONE: what is forwarded.
 * @rate_pps: packets a second and CPU, at most.
 */
struct dp_trace_ask {
	const char *service;
	const uint8_t *uuid;
	struct ip_addr client;
	uint8_t client_bits;
	uint64_t reasons;
	uint32_t rate_pps;
};

/**
 * struct dp_traced - a packet that came.
 * @at_ns: CLOCK_MONOTONIC.
 * @ifindex: where; @cpu: and on which.
 * @packet: what it was, and what became of it.
 */
struct dp_traced {
	uint64_t at_ns;
	uint32_t ifindex;
	uint32_t cpu;
	struct dp_judged packet;
};

/**
 * struct dp_trace_sum - of a trace so far.
 * @matched: packets that were asked for; of them @limited were over the rate and
 *           @lost came faster than they were read.
 */
struct dp_trace_sum {
	uint64_t matched;
	uint64_t limited;
	uint64_t lost;
};

typedef void dp_traced_fn(void *arg, const struct dp_traced *traced);

/**
 * struct dp_way - a way for probes to a VM, past the host's own routes: a socket
 * that connects to @at reaches the VM at its port, whatever the host's networks.
 * @addr, @mac, @ifindex: the VM and its port, which a snapshot must name, too:
 *         answers are caught there.
 * @at: filled in: the address to connect to; the VM's ports are as they are.
 * @err: filled in: 0; else there is no such way (a negative errno).
 */
struct dp_way {
	struct ip_addr addr;
	uint8_t mac[6];
	uint32_t ifindex;
	struct ip_addr at;
	int err;
};

struct dp; /* an open data plane; each engine embeds it */

/**
 * struct dp_ops - an engine.
 * @open: attach, or find what is in force. -EBUSY: another daemon has it;
 *        -EUCLEAN: what is pinned can't be used (other version or sizes).
 * @open_readonly: for status, explain and tools without the daemon: reads what
 *        is in force, changes nothing, needs no lock. -ENOENT: nothing is.
 * @open_copy: for judge(): a private copy of what is in force this moment. What is
 *        judged changes the copy, as packets change the tables; nothing else.
 *        Errors as of @open_readonly.
 * @judge: what the path would do with a packet that comes behind those judged
 *        before. -ENOMEM; only on what open_copy() has opened.
 * @trace_start: begin to see packets; on what open_readonly() has opened. -EBUSY:
 *        somebody else does; -ENOENT: there is no such service or VM;
 *        -EOPNOTSUPP: the programs in force are too old. At most one at a time.
 * @trace_read: those that came, waiting for one as long as said, which must be less
 *        than a second: it keeps the trace on for two more. The number, or
 *        -ESTALE: it was called too late, and somebody else has begun.
 * @trace_stop: the end; close() does it, too, and 2 s without trace_read().
 * @apply: make the snapshot so. Returns 0, or -errno with @ret->error; then
 *        what could not be done is tried again by the next apply.
 * @tick: do what is due; returns when it wants to be called next (ns), or
 *        UINT64_MAX. Cheap when nothing is due.
 * @port_lost: the interface is gone: nothing names it any more. Called at once
 *        when the kernel says so; a hint that is right also if it comes late.
 *        An uplink that is gone is attached again when it is seen.
 * @link_seen: there is an interface, or it has changed. Returns true if it is an
 *        uplink and has been attached just now.
 * @hooks_changed: somebody changed what is attached to an interface: what is
 *        missing of ours is put back. Returns 1 if something was, 0 if nothing
 *        had to be, or -errno: it can't be, and the interface is of no use.
 * @status: fill in a struct dp_status.
 * @explain: one flow.
 * @glance: one backend number and nothing else, as it is this moment: cheap
 *          enough to be asked thousands of times a second.
 * @ways: the ways there are to be, all of them; the same VM at the same port keeps
 *        its @at. @ret_device: the interface that sockets leave by, "" while
 *        there is none. They end with close(), or with the process.
 * @close: leave everything in force.
 * @detach: take everything off the machine that this pin directory knows of,
 *        programs first; works with or without a daemon. Idempotent.
 */
struct dp_ops {
	const char *name;
	int (*open)(const struct dp_options *options, struct dp **ret_dp,
		    char *error);
	int (*open_readonly)(const char *pin_dir, struct dp **ret_dp,
			     char *error);
	int (*open_copy)(const char *pin_dir, struct dp **ret_dp, char *error);
	int (*judge)(struct dp *dp, const struct dp_packet *packet,
		     struct dp_judged *ret);
	int (*trace_start)(struct dp *dp, const struct dp_trace_ask *ask,
			   uint64_t now_ns, char *error);
	int (*trace_read)(struct dp *dp, uint64_t now_ns, int timeout_ms,
			  dp_traced_fn *fn, void *arg,
			  struct dp_trace_sum *ret_sum);
	void (*trace_stop)(struct dp *dp);
	int (*apply)(struct dp *dp, const struct dp_snapshot *snapshot,
		     uint64_t now_ns, struct dp_result *ret);
	uint64_t (*tick)(struct dp *dp, uint64_t now_ns);
	void (*port_lost)(struct dp *dp, uint32_t ifindex, uint64_t now_ns);
	bool (*link_seen)(struct dp *dp, const char *ifname, uint32_t ifindex);
	int (*hooks_changed)(struct dp *dp, uint32_t ifindex);
	int (*status)(struct dp *dp, uint64_t now_ns, struct dp_status *ret);
	int (*explain)(struct dp *dp, const struct dp_flow *flow,
		       uint64_t now_ns, struct dp_explanation *ret);
	int (*glance)(struct dp *dp, uint16_t number, struct dp_glance *ret);
	int (*ways)(struct dp *dp, struct dp_way *ways, uint32_t n,
		    char ret_device[DP_IFNAME_SIZE]);
	void (*close)(struct dp *dp);
	int (*detach)(const char *pin_dir, char *error);
};

/* Release what status() filled in. */
void dp_status_free(struct dp_status *status);

/* The engines there are; control/main.c and the CLI name them. */
extern const struct dp_ops dp_xdp_ops;

#endif
