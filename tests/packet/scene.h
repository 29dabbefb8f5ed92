/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The small world that every packet vector happens in, and what can be special
 * about it.
 *
 *	client one, client two ── router ── uplink [Drover] ─┬─ VM 1  10.0.0.1
 *	                                                     ├─ VM 2  10.0.0.2
 *	VIP web: port 80 -> the VMs' port 8080               └─ VM 3  10.0.0.3
 *	VIP api: port 443; not announced, drops what has no service
 *
 * VM 1 and VM 2 are also probed over the data path, VM 3 isn't. VM 2 is so at an
 * address of the other family, too.
 *
 * One pool of 16 slots; all of them stand alike unless a vector says otherwise.
 * The flow table has one line, so that entries meet.
 */
#ifndef TESTS_PACKET_SCENE_H
#define TESTS_PACKET_SCENE_H

#include "tests/packet/frame.h"
#include "tests/packet/mem_tables.h"

#define IP(a, b, c, d)                                                    \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | \
	 (uint32_t)(d))

#define MAC_ROUTER 0x0200000000feULL
#define MAC_UPLINK 0x020000000001ULL
#define MAC_ALL	   0xffffffffffffULL
#define MAC_VM(n)  (0x020000001000ULL + (n))
#define MAC_PROBE  0x020000003000ULL
#define MAC_TO(n)  (0x020000002000ULL + (n)) /* source of frames to VM n */

#define IP_CLIENT_ONE IP(198, 51, 100, 7)
#define IP_CLIENT_TWO IP(198, 51, 100, 8)
#define IP_CLIENT_FAR IP(198, 51, 100, 9) /* behind a link of MTU_FAR */
#define IP_VIP_WEB    IP(203, 0, 113, 10)
#define IP_VIP_API    IP(203, 0, 113, 11)
#define IP_NOT_VIP    IP(203, 0, 113, 99)
#define IP_VM(n)      IP(10, 0, 0, n)
#define IP_PROBES     IP(169, 254, 255, 1) /* what VMs see */
#define IP_LOCAL      IP(240, 5, 0, 1)
#define NUMBER_VM(n)  ((n) + 1)
#define NUMBER_OTHER  1 /* VM 2's address of the other family */
#define IP_TARGET(n)  IP(240, 5, 0, NUMBER_VM(n))

#define PORT_CLIENT 40000
#define PORT_WEB    80
#define PORT_API    443
#define PORT_VM	    8080

/* The loopback: BPF_PROG_TEST_RUN lets XDP frames come in there. */
#define IFINDEX_UPLINK 1
/* Two more uplinks: one has been unplugged, one has the route to clients. */
#define IFINDEX_NOT_THERE 999
#define IFINDEX_WAY_OUT	  900
#define IFINDEX_VM(n)	  (1000U + (n))
#define IFINDEX_BRIDGE	  800 /* of the VMs' ports */
#define IFINDEX_PROBE	  700

#define POOL_WEB    1
#define SERVICE_WEB 1
#define SERVICE_API 2
#define N_VMS	    3

/* Parts of frame descriptions: { CLIENT_ONE, VIP_WEB, SYN }. */
#define FROM_ROUTER .dst_mac = MAC_UPLINK, .src_mac = MAC_ROUTER
#define CLIENT_ONE  FROM_ROUTER, .src = IP_CLIENT_ONE, .sport = PORT_CLIENT
#define CLIENT_TWO  FROM_ROUTER, .src = IP_CLIENT_TWO, .sport = PORT_CLIENT
#define VIP_WEB	    .dst = IP_VIP_WEB, .dport = PORT_WEB
#define VIP_API	    .dst = IP_VIP_API, .dport = PORT_API
#define NOT_VIP	    .dst = IP_NOT_VIP, .dport = PORT_WEB
#define SYN	    .flags = F_SYN, .seq = 1000, .window = 64240, .tcp_options = 5
#define ACK	    .flags = F_ACK, .seq = 5000, .ack = 9000, .window = 501
#define DATA                                                             \
	.flags = F_ACK | F_PSH, .seq = 5000, .ack = 9000, .window = 501, \
	.payload = 100
#define FIN    .flags = F_FIN | F_ACK, .seq = 5100, .ack = 9000, .window = 501
#define RST    .flags = F_RST, .seq = 5100
#define SYNACK .flags = F_SYN | F_ACK, .seq = 8999, .ack = 5000, .window = 65160

/* At a VM's port: what VM 1 answers client one, and what comes to it directly. */
#define VM_ONE_TO_CLIENT                                             \
	.dst_mac = MAC_TO(1), .src_mac = MAC_VM(1), .src = IP_VM(1), \
	.sport = PORT_VM, .dst = IP_CLIENT_ONE, .dport = PORT_CLIENT
#define VM_ONE_TO_FAR                                                \
	.dst_mac = MAC_TO(1), .src_mac = MAC_VM(1), .src = IP_VM(1), \
	.sport = PORT_VM, .dst = IP_CLIENT_FAR, .dport = PORT_CLIENT
#define CLIENT_TO_VM_ONE                                                  \
	.dst_mac = MAC_VM(1), .src_mac = MAC_TO(1), .src = IP_CLIENT_ONE, \
	.sport = PORT_CLIENT, .dst = IP_VM(1), .dport = PORT_VM

enum scene_slot {
	STEADY,	      /* on VM 1 */
	CLAIMING,     /* VM 1 announced to leave */
	MOVING,	      /* VM 1 -> VM 2 */
	MOVING_TCP,   /* the same, udp_idle over */
	SETTLING,     /* on VM 2 */
	BASE_GONE,    /* moving, nobody has the old flows */
	CURRENT_GONE, /* moving, nobody takes new ones */
	EMPTY,	      /* no VM at all */
};

/* The entry of the vector's own flow. */
enum scene_entry {
	ENTRY_NONE,
	ENTRY_LIVE,
	ENTRY_EXPIRED,
	ENTRY_DEAD,	  /* of a VM that had the number before */
	ENTRY_RST,	  /* closing: RST seen */
	ENTRY_FINS,	  /* closing: both FINs seen */
	ENTRY_FIN_CLIENT, /* half closed */
	ENTRY_BUSY,	  /* its key is being written */
};

enum scene_class {
	CONFIRMED,
	EMBRYONIC,
	UNCONFIRMED,
};

/* Entries of other flows in the same line: of VM 2, unconfirmed ones of VM 1. */
enum scene_fill {
	FILL_NONE,
	FILL_CONFIRMED,
	FILL_EMBRYONIC,	      /* just seen */
	FILL_EMBRYONIC_OLD,   /* seen 5 s ago */
	FILL_ONE_UNCONFIRMED, /* three confirmed, one not */
	FILL_TWO_UNCONFIRMED, /* the last place's is the older */
	FILL_ONE_FREE_TWO_UNCONFIRMED,
	FILL_TWO_KEPT, /* unconfirmed, but of VM 2, which isn't base */
	FILL_EXPIRED,
	FILL_DEAD,
	FILL_BUSY,
	FILL_REDUNDANT, /* their slot is settling on VM 2 */
};

/* The entry of the vector's flow as a direct one, and its line. */
enum scene_direct {
	SCENE_DIRECT_NONE,
	SCENE_DIRECT_LIVE,
	SCENE_DIRECT_EXPIRED,
	SCENE_DIRECT_RST,
	SCENE_DIRECT_BEGUN, /* only an opener has been seen */
	SCENE_DIRECT_FULL,  /* four others, live */
	SCENE_DIRECT_FULL_EXPIRED,
	SCENE_DIRECT_FULL_OPENERS,  /* the first place's is the oldest */
	SCENE_DIRECT_FULL_ONE_OVER, /* the first one has seen RST */
	/* Notes of clients of plain UDP: of others, the first place's is the
	 * oldest; two live direct flows beside two notes, two free places
	 * beside two notes, three direct flows beside one note. */
	SCENE_DIRECT_NOTES,
	SCENE_DIRECT_NOTES_FREE,
	SCENE_DIRECT_ONE_NOTE,
	SCENE_DIRECT_NOTED, /* the flow's own */
	SCENE_DIRECT_NOTE_EXPIRED,
};
#define SCENE_DIRECT_LAST SCENE_DIRECT_NOTE_EXPIRED

#define SCENE_NO_NODE	 0x001
#define SCENE_NO_RANGE	 0x002	/* the pool has no slots */
#define SCENE_NO_POOL	 0x004	/* the service's pool number is out of range */
#define SCENE_EMPTY_DROP 0x008	/* pool: drop, don't RST */
#define SCENE_COPY_1	 0x010	/* records in force are the second copies */
#define SCENE_NO_RECORD	 0x020	/* VM 1's number has no VM */
#define SCENE_RATE_0	 0x040	/* no replies at all */
#define SCENE_LEARNING	 0x080	/* VM 1's port is PORT_LEARNING */
#define SCENE_BY_SOURCE	 0x100	/* pool: affinity by source */
#define SCENE_OWN_SLOT_3 0x200	/* the slot that the flow should have: VM 3's */
#define SCENE_SHORT_IDLE 0x400	/* idle_timeout of 20 s */
#define SCENE_OBSERVE	 0x800	/* both services and their VIPs are observed */
#define SCENE_STACK	 0x1000 /* the host has rules at the VMs' ports */
#define SCENE_BRIDGED	 0x2000 /* the uplink is a port of their bridge */
#define SCENE_NO_PROBES	 0x4000 /* nothing is probed over the data path */
#define SCENE_UDP	 0x8000 /* both services are plain UDP */
#define SCENE_QUIC	 0x10000 /* both services are QUIC */
#define SCENE_MSS	 0x20000 /* SYNs may announce MSS_MAX */
#define SCENE_MTU	 0x40000 /* the VMs' ports take packets of MTU_PORT */
#define SCENE_FRAG_FULL	 0x80000 /* of fragmented packets of others */

#define MSS_MAX	 1200
#define MTU_PORT 600
#define MTU_FAR	 1280

/**
 * struct scene_spec - what is special; zero means nothing.
 * @slot: state of the slots.
 * @entry, @entry_vm, @entry_class: the flow's entry.
 * @fill: other entries.
 * @direct: the direct entry and its line.
 * @flags: SCENE_*.
 */
struct scene_spec {
	enum scene_slot slot;
	enum scene_entry entry;
	uint16_t entry_vm;
	enum scene_class entry_class;
	enum scene_fill fill;
	enum scene_direct direct;
	uint32_t flags;
};

/**
 * struct scene_flow - the flow that a scene is about, in host byte order.
 * @client, @client_port, @vip, @vip_port: as a balanced one.
 * @v6: all addresses of the scene are IPv6's, of the same numbers.
 * @proto: TCP or UDP.
 * @vm: as a direct one: which VM; its port is PORT_VM.
 */
struct scene_flow {
	uint32_t client;
	uint16_t client_port;
	uint32_t vip;
	uint16_t vip_port;
	uint32_t vm;
	bool v6;
	uint8_t proto;
};

/**
 * scene_build() - make the tables.
 * @spec: what is special.
 * @flow: whose entries.
 * @now_ns: the time it is.
 * @ret_tables: the tables.
 */
void scene_build(const struct scene_spec *spec, const struct scene_flow *flow,
		 uint64_t now_ns, struct mem_tables *ret_tables);

/**
 * scene_key() - the flow's key, by the reference hash.
 * @by_source: the pool has affinity by source.
 */
uint64_t scene_key(const struct scene_flow *flow, bool by_source);

/* The flow's key as a direct one at the VM's port. */
uint64_t scene_direct_key(const struct scene_flow *flow);

#endif
