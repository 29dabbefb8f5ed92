/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an engine lends to publish.c: the tables as memory, the books about
 * them, and the few things that are not memory writes.
 *
 * The packet path reads the tables (core/state.h). The books are ours alone:
 * who has which number, and how far its life has come. Both lie in the
 * engine's shared memory, so a publish that was killed is completed or undone
 * from there, and status needs no daemon.
 *
 * DOC: life of a number (pool, service, backend)
 *
 *	free -> preparing	the books say who; nothing names the number yet
 *	preparing -> in force	its record is complete
 *	in force -> retiring	it is taken out of the tables
 *	retiring -> free	nobody can be reading it any more
 *
 * The state word is stored last when a number is given out and first when it
 * is taken back; found in `preparing` after a kill, it retires.
 */
#ifndef DATAPLANE_MEMORY_H
#define DATAPLANE_MEMORY_H

#include "dataplane/core/state.h"
#include "dataplane/dataplane.h"

enum number_state {
	NUMBER_FREE,
	NUMBER_PREPARING,
	NUMBER_IN_FORCE,
	NUMBER_RETIRING,
};

#define MEMORY_MAGIC 0x52455652444f5244ULL /* stored when all else is there */

/**
 * struct memory_meta - what this state is; one record.
 * @magic: MEMORY_MAGIC.
 * @version: STATE_VERSION.
 * @limits: sizes of the tables.
 * @generation: publishes since the state was made.
 * @published_ns: of the last one.
 * @uplinks: as the engine attached them, @n_uplinks.
 */
struct memory_meta {
	uint64_t magic;
	uint32_t version;
	uint32_t n_uplinks;
	struct dp_limits limits;
	uint64_t generation;
	uint64_t published_ns;
	struct dp_uplink_status uplinks[NODE_UPLINKS];
};

/**
 * struct pool_info - the books of a pool number.
 * @name: "tenant/pool".
 * @state: enum number_state; @since_ns: when it began.
 * @slots_log2: size of its range, once it has one.
 */
struct pool_info {
	char name[DP_NAME_SIZE];
	uint32_t state;
	uint32_t slots_log2;
	uint64_t since_ns;
};

/**
 * struct service_info - the books of a service number or of a VIP.
 * @name: "tenant/service"; of a VIP empty.
 * @key, @value: what the packet path looks up.
 * @state: enum number_state; @since_ns: when it began.
 * @before: counters of the number when the service got it.
 */
struct service_info {
	char name[DP_NAME_SIZE];
	struct service_key key;
	struct service value;
	uint32_t state;
	uint64_t since_ns;
	struct traffic before;
};

/* One flow as estimates count: a slow decay is not rounded off. */
#define ESTIMATE_ONE 256

/**
 * struct flow_estimate - how many flows a VM has, from counters alone.
 * @flows: the estimate, in 1/ESTIMATE_ONE flow.
 * @openers, @ends, @packets: counters at the last look.
 * @looked_ns: when that was.
 * @active_ns: the last look at which packets had passed since the one before.
 */
struct flow_estimate {
	uint64_t flows;
	uint64_t openers;
	uint64_t ends;
	uint64_t packets;
	uint64_t looked_ns;
	uint64_t active_ns;
};

/**
 * struct backend_info - the books of a backend number.
 * @uuid, @pool: who; a VM may be in several pools.
 * @name, @ifname: as of the last apply that named it.
 * @ifindex: of its port; 0 once a retiring number has let go of it.
 * @state: enum number_state; @since_ns: when it began.
 * @role: enum dp_role; @weight: as last applied.
 * @attach_error: -errno of its port; meaningful while not @attached.
 * @learning_ns: since when its port learns; 0 = it answers balanced flows.
 * @before: counters of the number when the VM got it.
 */
struct backend_info {
	uint8_t uuid[DP_UUID_SIZE];
	char name[DP_NAME_SIZE];
	char ifname[DP_IFNAME_SIZE];
	uint32_t pool;
	uint32_t ifindex;
	uint32_t state;
	uint32_t role;
	uint32_t weight;
	uint32_t attached;
	int32_t attach_error;
	uint32_t spare;
	uint64_t since_ns;
	uint64_t learning_ns;
	struct traffic before;
	struct flow_estimate estimate;
};

/* Books of services, then of VIPs; number 0 is nobody. */
#define SERVICE_INFOS(limits) (2 * (limits).n_services + 1)
/* Numbers begin with 1. */
#define BACKEND_INFOS(limits) ((limits).n_backends + 1)

/**
 * struct memory - every mapped array. Sizes follow from @meta's limits.
 */
struct memory {
	struct memory_meta *meta;
	struct node *node;
	struct pool *pools;
	struct slot_line *slots;
	struct slot_clock *clocks;
	struct backend *backends;
	struct flow_line *flows;
	struct flow_line *direct;
	struct pool_info *pool_info;
	struct service_info *service_info;
	struct backend_info *backend_info;
};

/**
 * struct engine_ops - what else an engine does for publish.c.
 *
 * All take the engine's own @e and return 0 or -errno. Setting what is so
 * already and deleting what is not there are no errors.
 *
 * @set_service: @value NULL deletes.
 * @next_service: key behind @key (NULL: the first); -ENOENT: no more.
 * @set_port, @get_port, @next_port: the reverse mapping; @get_port's -ENOENT:
 *           there is none.
 * @set_client, @next_client: clients inside, as @set_port and @next_port.
 * @set_device: the VM's port of a backend number; @ifindex 0 removes it.
 * @port_mac: the own MAC address of a VM's port.
 * @port_mtu: its MTU; 0 = not known. May be NULL.
 * @port_bridge: the bridge of a VM's port; ~0 = it is in none.
 * @attach_port: our programs at a VM's port.
 * @attach_bridge: the one that takes answers back from a bridge.
 * @detach_port: the reverse of both.
 * @attach_uplinks: those beside XDP at all uplinks, or none of them any more.
 * @read_service, @read_backend, @read_reason: counters, summed over CPUs.
 * @grace: returns when no packet is under way that began before the call.
 * @wrote: called after every store and call that another process can see; for
 *         tests that end the process there. May be NULL.
 */
struct engine_ops {
	int (*set_service)(void *e, const struct service_key *key,
			   const struct service *value);
	int (*next_service)(void *e, const struct service_key *key,
			    struct service_key *ret_key);
	int (*set_port)(void *e, const struct port_key *key,
			const struct port *value);
	int (*get_port)(void *e, const struct port_key *key,
			struct port *ret_value);
	int (*next_port)(void *e, const struct port_key *key,
			 struct port_key *ret_key);
	int (*set_client)(void *e, const struct client_key *key, bool wanted);
	int (*next_client)(void *e, const struct client_key *key,
			   struct client_key *ret_key);
	int (*set_device)(void *e, uint16_t number, uint32_t ifindex);
	int (*port_mac)(void *e, uint32_t ifindex, uint8_t ret_mac[6]);
	uint32_t (*port_mtu)(void *e, uint32_t ifindex);
	uint32_t (*port_bridge)(void *e, uint32_t ifindex);
	int (*attach_port)(void *e, uint32_t ifindex);
	int (*attach_bridge)(void *e, uint32_t ifindex);
	int (*attach_uplinks)(void *e, bool wanted);
	void (*detach_port)(void *e, uint32_t ifindex);
	int (*read_service)(void *e, uint32_t number, struct traffic *ret);
	int (*read_backend)(void *e, uint32_t number, struct traffic *ret);
	int (*read_reason)(void *e, uint32_t reason, struct reason_count *ret);
	void (*grace)(void *e);
	void (*wrote)(void *e);
};

#endif
