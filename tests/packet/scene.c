// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables for a vector: the usual world, then what is special.
 */
#include "tests/packet/scene.h"

#include <assert.h>
#include <string.h>

#include "tests/packet/ref_hash.h"

#define POOL_SLOTS_LOG 4
#define LIVE_TICKS     50
#define IDLE_MS	       350000
#define SHORT_IDLE_MS  20000
#define TICKS_5S       75

static const struct ref_seed pool_seed = { 0x0706050403020100ULL,
					   0x0f0e0d0c0b0a0908ULL };
static const struct ref_seed direct_seed = { 0x1111111122222222ULL,
					     0x3333333344444444ULL };

static void mac_bytes(uint64_t mac, uint8_t ret_byte[6])
{
	int i;

	for (i = 0; i < 6; i++)
		ret_byte[i] = (uint8_t)(mac >> (40 - 8 * i));
}

static struct ip_addr mapped(uint32_t addr)
{
	struct ip_addr ip = { .word = { 0, 0, BE32(0xffff), BE32(addr) } };

	return ip;
}

/* The address of a number in the world's family. */
static struct ip_addr addr_of(bool v6, uint32_t number)
{
	uint8_t byte[16];
	struct ip_addr ip;

	if (!v6)
		return mapped(number);
	frame_addr6(number, byte);
	memcpy(&ip, byte, sizeof(ip));
	return ip;
}

uint64_t scene_key(const struct scene_flow *flow, bool by_source)
{
	uint8_t client[16];
	uint8_t vip[16];

	frame_addr6(flow->client, client);
	frame_addr6(flow->vip, vip);
	if (flow->v6)
		return ref_key_balanced6(pool_seed, by_source, client,
					 flow->client_port, vip, flow->vip_port,
					 flow->proto);
	return ref_key_balanced(pool_seed, by_source, flow->client,
				flow->client_port, flow->vip, flow->vip_port,
				flow->proto);
}

uint64_t scene_direct_key(const struct scene_flow *flow)
{
	uint8_t client[16];
	uint8_t vm[16];

	frame_addr6(flow->client, client);
	frame_addr6(IP_VM(flow->vm), vm);
	if (flow->v6)
		return ref_key_direct6(direct_seed, IFINDEX_VM(flow->vm),
				       client, flow->client_port, vm, PORT_VM,
				       flow->proto);
	return ref_key_direct(direct_seed, IFINDEX_VM(flow->vm), flow->client,
			      flow->client_port, IP_VM(flow->vm), PORT_VM,
			      flow->proto);
}

static void add_service(struct mem_tables *m, struct ip_addr vip, uint16_t port,
			uint8_t proto, struct service value)
{
	struct mem_service *s = &m->services[m->n_services++];

	s->key.vip = vip;
	s->key.port = BE16(port);
	s->key.proto = proto;
	s->value = value;
}

/* By UDP or TCP, whatever the vector's own packet is. */
static uint8_t scene_proto(uint32_t flags)
{
	return flags & (SCENE_UDP | SCENE_QUIC) ? 17 : 6;
}

static void add_services(struct mem_tables *m, uint32_t pool, bool v6,
			 uint32_t flags)
{
	struct ip_addr web_addr = addr_of(v6, IP_VIP_WEB);
	struct ip_addr api_addr = addr_of(v6, IP_VIP_API);
	uint16_t observe = flags & SCENE_OBSERVE ? SERVICE_OBSERVE : 0;
	uint8_t proto = scene_proto(flags);
	struct service web = { .number = SERVICE_WEB,
			       .pool = pool,
			       .flags = observe,
			       .target_port = BE16(PORT_VM),
			       .mss = flags & SCENE_MSS ? MSS_MAX : 0 };
	struct service api = { .number = SERVICE_API,
			       .pool = pool,
			       .flags = observe,
			       .target_port = BE16(PORT_VM) };
	struct service web_vip = { .flags = SERVICE_VIP | SERVICE_ANSWER_L2 };
	struct service api_vip = { .flags = SERVICE_VIP | SERVICE_DROP };

	if (flags & SCENE_QUIC)
		web.flags |= SERVICE_QUIC;
	if (observe)
		web_vip.flags = SERVICE_VIP;
	web_vip.flags |= observe;
	api_vip.flags |= observe;
	add_service(m, web_addr, 0, 0, web_vip);
	add_service(m, web_addr, PORT_WEB, proto, web);
	add_service(m, api_addr, 0, 0, api_vip);
	add_service(m, api_addr, PORT_API, proto, api);
}

/* The generation of VM n is n, so that none of them is 0. */
static void add_backend(struct mem_tables *m, uint32_t n, bool v6,
			uint32_t flags)
{
	struct backend_record *record;
	uint32_t word = BACKEND_LIVE;

	if (flags & SCENE_COPY_1)
		word |= BACKEND_COPY;
	/* The spare copy is what the path must not look at. */
	memset(m->backends[n].copy, 0xdd, sizeof(m->backends[n].copy));
	record = &m->backends[n].copy[flags & SCENE_COPY_1 ? 1 : 0];
	memset(record, 0, sizeof(*record));
	record->addr = addr_of(v6, IP_VM(n));
	record->mtu = flags & SCENE_MTU ? MTU_PORT : 0;
	record->ifindex = IFINDEX_VM(n);
	record->pool = POOL_WEB;
	if (flags & SCENE_STACK)
		record->stack_ifindex = IFINDEX_BRIDGE;
	mac_bytes(MAC_VM(n), record->dst_mac);
	mac_bytes(MAC_TO(n), record->src_mac);
	if (n == 1 && flags & SCENE_NO_RECORD)
		word &= ~BACKEND_LIVE;
	m->backends[n].word = BACKEND_WORD(n, word);
}

static void add_port(struct mem_tables *m, uint32_t n, uint32_t ifindex,
		     bool v6, uint32_t flags)
{
	struct mem_port *p = &m->ports[m->n_ports++];

	p->key.addr = addr_of(v6, IP_VM(n));
	p->key.ifindex = ifindex;
	p->key.port = BE16(PORT_VM);
	p->key.proto = scene_proto(flags);
	p->value.vip = addr_of(v6, IP_VIP_WEB);
	p->value.mss = flags & SCENE_MSS ? MSS_MAX : 0;
	p->value.vip_port = BE16(PORT_WEB);
	p->value.backend = (uint16_t)n;
	p->value.service = SERVICE_WEB;
	p->value.pool = POOL_WEB;
	p->value.flags = n == 1 && flags & SCENE_LEARNING ? PORT_LEARNING : 0;
	if (flags & SCENE_OBSERVE)
		p->value.flags |= PORT_LEARNING | PORT_OBSERVE;
	if (flags & SCENE_STACK)
		p->value.flags |= PORT_STACK;
	if (flags & SCENE_QUIC)
		p->value.flags |= PORT_QUIC;
}

static uint32_t slot_word(enum scene_slot slot)
{
	static const uint32_t words[] = {
		[STEADY] = 0x00010001,	     [CLAIMING] = 0x80018001,
		[MOVING] = 0x80018002,	     [MOVING_TCP] = 0x80010002,
		[SETTLING] = 0x80020002,     [BASE_GONE] = 0x80008002,
		[CURRENT_GONE] = 0x80018000, [EMPTY] = 0,
	};

	return words[slot];
}

static void add_pool(struct mem_tables *m, const struct scene_spec *spec,
		     uint64_t key)
{
	struct pool *pool = &m->pools[POOL_WEB];
	uint32_t own = (uint32_t)(key >> (64 - POOL_SLOTS_LOG));
	uint32_t i;

	pool->seed.k0 = pool_seed.k0;
	pool->seed.k1 = pool_seed.k1;
	/* Not the first line: an offset that is forgotten is seen. */
	if (!(spec->flags & SCENE_NO_RANGE))
		pool->range = POOL_RANGE(1, POOL_SLOTS_LOG);
	pool->idle_ticks = TICKS_OF_MS(
		spec->flags & SCENE_SHORT_IDLE ? SHORT_IDLE_MS : IDLE_MS);
	pool->udp_idle_ticks = TICKS_OF_MS(30000);
	if (spec->flags & SCENE_BY_SOURCE)
		pool->affinity = AFFINITY_SOURCE;
	if (spec->flags & SCENE_EMPTY_DROP)
		pool->when_empty = EMPTY_DROP;
	for (i = 0; i < SLOTS_PER_LINE; i++)
		m->slot_lines[1].slot[i] = slot_word(spec->slot);
	if (spec->flags & SCENE_OWN_SLOT_3)
		m->slot_lines[1].slot[own] = 0x00030003;
	/* The neighbour slot is where other flows' entries belong. */
	if (spec->fill == FILL_REDUNDANT)
		m->slot_lines[1].slot[own ^ 1] = slot_word(SETTLING);
}

static uint64_t meta_of(uint32_t vm, uint32_t generation,
			enum scene_class class, uint64_t marks, uint32_t expiry)
{
	/* state.h's picture of the meta word, drawn a second time. */
	static const uint64_t class_bits[] = {
		[EMBRYONIC] = 0ULL << 23,
		[UNCONFIRMED] = 1ULL << 23,
		[CONFIRMED] = 2ULL << 23,
	};

	return vm | (uint64_t)generation << 15 | class_bits[class] | marks |
	       (uint64_t)expiry << 32;
}

static void add_entry(struct mem_tables *m, const struct scene_spec *spec,
		      uint64_t key, uint32_t now_tick)
{
	struct flow_entry *e = &m->flow_lines[0].entry[3];
	static const uint64_t marks[] = {
		[ENTRY_RST] = 1ULL << 27,
		[ENTRY_FINS] = 3ULL << 25,
		[ENTRY_FIN_CLIENT] = 1ULL << 25,
		[ENTRY_BUSY] = 1ULL << 28,
	};
	uint32_t vm = spec->entry_vm ? spec->entry_vm : 2;
	uint32_t generation = vm;
	uint32_t expiry = now_tick + LIVE_TICKS;

	if (spec->entry == ENTRY_NONE)
		return;
	if (spec->entry == ENTRY_DEAD)
		generation = 200;
	if (spec->entry == ENTRY_EXPIRED)
		expiry = now_tick - 1;
	e->key = key;
	e->meta = meta_of(vm, generation, spec->entry_class, marks[spec->entry],
			  expiry);
}

/* The meta word of the other flow in place @i, 0 for a free place. */
static uint64_t fill_meta(enum scene_fill fill, uint32_t i, uint32_t now_tick)
{
	uint32_t expiry = now_tick + LIVE_TICKS;

	switch (fill) {
	case FILL_NONE:
		return 0;
	case FILL_CONFIRMED:
	case FILL_REDUNDANT:
		return meta_of(2, 2, CONFIRMED, 0, expiry);
	case FILL_EMBRYONIC:
		expiry = now_tick + FLOW_EMBRYONIC_TICKS;
		return meta_of(2, 2, EMBRYONIC, 0, expiry);
	case FILL_EMBRYONIC_OLD:
		expiry = now_tick + FLOW_EMBRYONIC_TICKS - TICKS_5S - i;
		return meta_of(2, 2, EMBRYONIC, 0, expiry);
	case FILL_ONE_UNCONFIRMED:
		return i == 3 ? meta_of(1, 1, UNCONFIRMED, 0, expiry) :
				meta_of(2, 2, CONFIRMED, 0, expiry);
	case FILL_ONE_FREE_TWO_UNCONFIRMED:
		if (i == 0)
			return 0;
		return fill_meta(FILL_TWO_UNCONFIRMED, i, now_tick);
	case FILL_TWO_UNCONFIRMED:
		return i >= 2 ? meta_of(1, 1, UNCONFIRMED, 0, expiry - i) :
				meta_of(2, 2, CONFIRMED, 0, expiry);
	case FILL_TWO_KEPT:
		return meta_of(2, 2, i >= 2 ? UNCONFIRMED : CONFIRMED, 0,
			       expiry - i);
	case FILL_EXPIRED:
		return meta_of(2, 2, CONFIRMED, 0, now_tick - i);
	case FILL_DEAD:
		return meta_of(2, 201, CONFIRMED, 0, expiry);
	case FILL_BUSY:
		return 1ULL << 28;
	}
	return 0;
}

static void add_fill(struct mem_tables *m, enum scene_fill fill, uint64_t key,
		     uint32_t now_tick)
{
	/* Same line and pool, the slot beside the flow's own. */
	uint64_t other = key ^ 1ULL << (64 - POOL_SLOTS_LOG);
	uint32_t i;

	for (i = 0; i < FLOWS_PER_LINE; i++) {
		m->flow_lines[0].entry[i].key = other ^ (uint64_t)(i + 1) << 20;
		m->flow_lines[0].entry[i].meta = fill_meta(fill, i, now_tick);
	}
}

/* The meta word of another direct flow in place @i. */
static uint64_t direct_meta(enum scene_direct direct, uint32_t i,
			    uint32_t now_tick)
{
	uint32_t expiry = now_tick + LIVE_TICKS + i;

	if (direct == SCENE_DIRECT_FULL_EXPIRED)
		return meta_of(1, 0, CONFIRMED, 0, now_tick);
	if (direct == SCENE_DIRECT_FULL_OPENERS)
		return meta_of(1, 0, EMBRYONIC, 0, expiry);
	if (direct == SCENE_DIRECT_FULL_ONE_OVER && i == 0)
		return meta_of(1, 0, CONFIRMED, 1ULL << 27, expiry);
	if (direct == SCENE_DIRECT_NOTES_FREE && i >= 2)
		return 0;
	if (direct >= SCENE_DIRECT_NOTES &&
	    i < (direct == SCENE_DIRECT_ONE_NOTE ? 1 : 2))
		return meta_of(1, 0, UNCONFIRMED, 0, expiry);
	return meta_of(1, 0, CONFIRMED, 0, expiry);
}

/* The note of a flow's client, as state.h has its key. */
static void add_note(struct mem_tables *m, const struct scene_flow *flow,
		     uint64_t flow_key, uint32_t expiry)
{
	struct flow_entry *e = &m->direct_lines[0].entry[1];

	e->key = flow_key ^ IFINDEX_VM(flow->vm) * 0x9e3779b97f4a7c15ULL;
	e->meta = meta_of(1, 0, UNCONFIRMED, 0, expiry);
}

static void add_direct(struct mem_tables *m, enum scene_direct direct,
		       uint64_t key, uint32_t now_tick)
{
	struct flow_entry *e = m->direct_lines[0].entry;
	uint32_t expiry = now_tick + LIVE_TICKS;
	uint64_t rst = direct == SCENE_DIRECT_RST ? 1ULL << 27 : 0;
	uint32_t i;

	if (direct == SCENE_DIRECT_EXPIRED)
		expiry = now_tick;
	if (direct >= SCENE_DIRECT_FULL) {
		for (i = 0; i < FLOWS_PER_LINE; i++) {
			e[i].key = ~key + i;
			e[i].meta = direct_meta(direct, i, now_tick);
		}
	} else if (direct != SCENE_DIRECT_NONE) {
		e[2].key = key;
		e[2].meta = meta_of(1, 0,
				    direct == SCENE_DIRECT_BEGUN ? EMBRYONIC :
								   CONFIRMED,
				    rst, expiry);
	}
}

static void add_target(struct mem_tables *m, uint32_t number, uint32_t vm,
		       bool v6)
{
	struct mem_target *target = &m->targets[number];

	target->key.addr = addr_of(v6, IP_VM(vm));
	target->key.ifindex = IFINDEX_VM(vm);
	target->value.addr = target->key.addr;
	target->value.ifindex = IFINDEX_VM(vm);
	mac_bytes(MAC_VM(vm), target->value.mac);
}

static void add_probes(struct mem_tables *m, bool v6)
{
	m->probe_node.v4.source = addr_of(false, IP_PROBES);
	m->probe_node.v4.local = addr_of(false, IP_LOCAL);
	m->probe_node.v6.source = addr_of(true, IP_PROBES);
	m->probe_node.v6.local = addr_of(true, IP_LOCAL);
	m->probe_node.ifindex = IFINDEX_PROBE;
	mac_bytes(MAC_PROBE, m->probe_node.mac);
	add_target(m, NUMBER_OTHER, 2, !v6);
	add_target(m, NUMBER_VM(1), 1, v6);
	add_target(m, NUMBER_VM(2), 2, v6);
}

/* Others' packets in every place. */
static void add_frags(struct mem_tables *m, uint32_t now_tick)
{
	uint32_t i;
	uint32_t j;

	for (i = 0; i < MEM_FRAG_LINES; i++)
		for (j = 0; j < FRAGS_PER_LINE; j++) {
			m->frag_lines[i].entry[j].flow.key = i * 4 + j + 1;
			m->frag_lines[i].entry[j].flow.meta = meta_of(
				1, 1, CONFIRMED, 0, now_tick + LIVE_TICKS);
		}
}

/* The packets' own uplink is not the first one, and no uplink is the last. */
static void add_uplinks(struct mem_tables *m, uint32_t flags)
{
	if (flags & SCENE_BRIDGED)
		m->node.out_ifindex[1] = IFINDEX_BRIDGE;
	m->node.uplinks[0].ifindex = IFINDEX_NOT_THERE;
	mac_bytes(MAC_ALL, m->node.uplinks[0].mac);
	m->node.uplinks[1].ifindex = IFINDEX_UPLINK;
	mac_bytes(MAC_UPLINK, m->node.uplinks[1].mac);
	m->node.uplinks[2].ifindex = IFINDEX_WAY_OUT;
	mac_bytes(MAC_ALL, m->node.uplinks[2].mac);
}

void scene_build(const struct scene_spec *spec, const struct scene_flow *flow,
		 uint64_t now_ns, struct mem_tables *ret_tables)
{
	uint64_t key = scene_key(flow, spec->flags & SCENE_BY_SOURCE);
	struct mem_tables *m = ret_tables;
	uint32_t now_tick = TICKS_OF_NS(now_ns);
	uint32_t n;

	memset(m, 0, sizeof(*m));
	m->now_ns = now_ns;
	m->has_node = !(spec->flags & SCENE_NO_NODE);
	m->node.direct_seed.k0 = direct_seed.k0;
	m->node.direct_seed.k1 = direct_seed.k1;
	m->node.direct_idle_ticks = TICKS_OF_MS(IDLE_MS);
	m->node.reply_rate_pps = spec->flags & SCENE_RATE_0 ? 0 : 1000;
	m->far = addr_of(flow->v6, IP_CLIENT_FAR);
	m->far_mtu = MTU_FAR;
	add_uplinks(m, spec->flags);
	add_services(m, spec->flags & SCENE_NO_POOL ? 1U << 20 : POOL_WEB,
		     flow->v6, spec->flags);
	for (n = 1; n <= N_VMS; n++) {
		add_backend(m, n, flow->v6, spec->flags);
		add_port(m, n, IFINDEX_VM(n), flow->v6, spec->flags);
		if (spec->flags & SCENE_STACK)
			add_port(m, n, IFINDEX_BRIDGE, flow->v6, spec->flags);
	}
	if (!(spec->flags & SCENE_NO_PROBES))
		add_probes(m, flow->v6);
	if (spec->flags & SCENE_FRAG_FULL)
		add_frags(m, now_tick);
	add_pool(m, spec, key);
	add_fill(m, spec->fill, key, now_tick);
	add_entry(m, spec, key, now_tick);
	if (spec->direct >= SCENE_DIRECT_NOTED)
		add_note(m, flow, key,
			 spec->direct == SCENE_DIRECT_NOTED ?
				 now_tick + LIVE_TICKS :
				 now_tick);
	else
		add_direct(m, spec->direct, scene_direct_key(flow), now_tick);
}
