// SPDX-License-Identifier: GPL-2.0-only
/*
 * publish.c over an engine of plain memory: random snapshots, processes that
 * end at a random write, restarts. Two things must hold:
 *
 *	at every write	what a slot names can take packets: its record is live,
 *			its device is set, its answers are mapped
 *	in the end	the tables are what the last snapshot says and nothing
 *			else, whatever came between
 */
#include "dataplane/publish.h"

#include "dataplane/core/tables.h"
#include "dataplane/slots.h"
#include "dataplane/status.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define N_BACKENDS 64
#define N_SERVICES 16
#define N_POOLS	   6
#define SLOTS	   (6U << 14)
#define N_FLOWS	   64
#define N_PORTS	   512
#define N_IFINDEX  64
#define BRIDGES	   50 /* of ports with even and with odd numbers */

/* What random snapshots are made of. */
#define POOLS	     3
#define VMS	     6
#define KEYS	     4
#define CLIENTS_ONLY 30 /* ports that far behind those of VMs in pools */

#define MS 1000000ULL

struct fake_service {
	bool used;
	struct service_key key;
	struct service value;
};

struct fake_port {
	bool used;
	uint64_t learning_ns; /* since when */
	struct port_key key;
	struct port value;
};

/* All that outlives a process; shared with the child that is to end. */
static struct fake {
	struct memory_meta meta;
	struct node node;
	struct pool pools[N_POOLS];
	struct slot_line slots[SLOTS / SLOTS_PER_LINE];
	struct slot_clock clocks[SLOTS];
	struct backend backends[N_BACKENDS + 1];
	struct flow_line flows[N_FLOWS / FLOWS_PER_LINE];
	struct flow_line direct[N_FLOWS / FLOWS_PER_LINE];
	struct pool_info pool_info[N_POOLS];
	struct service_info service_info[2 * N_SERVICES + 1];
	struct backend_info backend_info[N_BACKENDS + 1];
	struct fake_service services[2 * N_SERVICES];
	struct fake_port ports[N_PORTS];
	uint32_t devices[N_BACKENDS + 1];
	struct client_key clients[N_IFINDEX];
	bool attached[N_IFINDEX];
	bool refuses[N_IFINDEX];
	bool uplinks;
} * fake;

static uint64_t n_seeds = 4;
static uint64_t openers; /* of each VM and service so far */
static uint64_t now_ns;
static uint64_t n_writes;
static uint64_t end_at; /* the write at which the process ends; 0 = never */
static uint64_t random_state;
static bool cutting; /* processes end in this history */
static bool moving;  /* VMs change ports: record and device are two writes */

static uint32_t rnd(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 33) % n;
}

static struct fake_service *find_service(const struct service_key *key)
{
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(fake->services); i++)
		if (fake->services[i].used &&
		    !memcmp(&fake->services[i].key, key, sizeof(*key)))
			return &fake->services[i];
	return NULL;
}

static int fake_set_service(void *e, const struct service_key *key,
			    const struct service *value)
{
	struct fake_service *s = find_service(key);
	uint32_t i;

	(void)e;
	for (i = 0; !s && value && i < ARRAY_SIZE(fake->services); i++)
		if (!fake->services[i].used)
			s = &fake->services[i];
	if (!s)
		return value ? -ENOSPC : 0;
	s->used = value != NULL;
	s->key = *key;
	if (value)
		s->value = *value;
	return 0;
}

static int fake_next_service(void *e, const struct service_key *key,
			     struct service_key *ret_key)
{
	uint32_t i = key ? (uint32_t)(find_service(key) - fake->services) + 1 :
			   0;

	(void)e;
	for (; i < ARRAY_SIZE(fake->services); i++)
		if (fake->services[i].used) {
			*ret_key = fake->services[i].key;
			return 0;
		}
	return -ENOENT;
}

static struct fake_port *find_port(const struct port_key *key)
{
	uint32_t i;

	for (i = 0; i < N_PORTS; i++)
		if (fake->ports[i].used &&
		    !memcmp(&fake->ports[i].key, key, sizeof(*key)))
			return &fake->ports[i];
	return NULL;
}

/* No answer is rewritten at a port that has not learned for 5 s. */
static void check_learned(struct fake_port *port, const struct port *value)
{
	bool learned = port->used && !(port->value.flags & PORT_LEARNING);

	if (value->flags & PORT_LEARNING) {
		/* While it is observed it learns what is new. */
		if (!port->used || (learned && !(value->flags & PORT_OBSERVE)))
			port->learning_ns = now_ns;
		return;
	}
	/* A VM that moves has learned where it was; a kill may cut in between
	 * mapping and books. */
	if (!moving && !cutting)
		assert_true(learned ||
			    now_ns - port->learning_ns >= PUBLISH_LEARN_NS);
}

static int fake_set_port(void *e, const struct port_key *key,
			 const struct port *value)
{
	struct fake_port *s = find_port(key);
	uint32_t i;

	(void)e;
	for (i = 0; !s && value && i < N_PORTS; i++)
		if (!fake->ports[i].used)
			s = &fake->ports[i];
	if (!s)
		return value ? -ENOSPC : 0;
	/* What comes back to a bridge has been judged at its port. */
	if (value && key->ifindex < BRIDGES)
		check_learned(s, value);
	s->used = value != NULL;
	s->key = *key;
	if (value)
		s->value = *value;
	return 0;
}

static int fake_get_port(void *e, const struct port_key *key,
			 struct port *ret_value)
{
	const struct fake_port *s = find_port(key);

	(void)e;
	if (s)
		*ret_value = s->value;
	return s ? 0 : -ENOENT;
}

static int fake_next_port(void *e, const struct port_key *key,
			  struct port_key *ret_key)
{
	uint32_t i = key ? (uint32_t)(find_port(key) - fake->ports) + 1 : 0;

	(void)e;
	for (; i < N_PORTS; i++)
		if (fake->ports[i].used) {
			*ret_key = fake->ports[i].key;
			return 0;
		}
	return -ENOENT;
}

static int fake_set_client(void *e, const struct client_key *key, bool wanted)
{
	struct client_key *has = &fake->clients[key->ifindex];

	(void)e;
	if (wanted)
		*has = *key;
	else if (!memcmp(has, key, sizeof(*key)))
		has->ifindex = 0;
	return 0;
}

static int fake_next_client(void *e, const struct client_key *key,
			    struct client_key *ret_key)
{
	uint32_t i = key ? key->ifindex + 1 : 1;

	(void)e;
	for (; i < ARRAY_SIZE(fake->clients); i++) {
		if (!fake->clients[i].ifindex)
			continue;
		*ret_key = fake->clients[i];
		return 0;
	}
	return -ENOENT;
}

static int fake_set_device(void *e, uint16_t number, uint32_t ifindex)
{
	(void)e;
	fake->devices[number] = ifindex;
	return 0;
}

static int fake_port_mac(void *e, uint32_t ifindex, uint8_t ret_mac[6])
{
	(void)e;
	ret_mac[5] = (uint8_t)ifindex;
	return 0;
}

static int fake_attach(void *e, uint32_t ifindex)
{
	(void)e;
	if (fake->refuses[ifindex])
		return -EBUSY;
	fake->attached[ifindex] = true;
	return 0;
}

static uint32_t fake_bridge(void *e, uint32_t ifindex)
{
	(void)e;
	return BRIDGES + ifindex % 2;
}

static int fake_attach_uplinks(void *e, bool wanted)
{
	(void)e;
	fake->uplinks = wanted;
	return 0;
}

static void fake_detach(void *e, uint32_t ifindex)
{
	(void)e;
	fake->attached[ifindex] = false;
}

static int fake_read_traffic(void *e, uint32_t number, struct traffic *ret)
{
	(void)e;
	*ret = (struct traffic){ .in_packets = number, .openers = openers };
	return 0;
}

static int fake_read_reason(void *e, uint32_t reason, struct reason_count *ret)
{
	(void)e;
	*ret = (struct reason_count){ .packets = reason };
	return 0;
}

static void fake_grace(void *e)
{
	(void)e;
}

/* Answers that only get a mark at the port are taken back at the bridge. */
static void check_back(struct port_key key, const struct port *port)
{
	const struct fake_port *back;

	if (!(port->flags & PORT_STACK))
		return;
	key.ifindex = fake_bridge(NULL, key.ifindex);
	back = find_port(&key);
	if (!back || !fake->attached[key.ifindex] || !fake->uplinks) {
		fail_msg("answers of number %u do not come back",
			 port->backend);
		return;
	}
	assert_int_equal(back->value.backend, port->backend);
	assert_int_equal(back->value.service, port->service);
}

/* A service that packets find: do a VM's answers get through? */
static void check_answers(uint16_t number, const struct backend_record *record)
{
	const struct fake_service *s;
	struct port_key key = { .addr = record->addr,
				.ifindex = record->ifindex };
	const struct fake_port *port;
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(fake->services); i++) {
		s = &fake->services[i];
		if (!s->used || s->value.flags & SERVICE_VIP ||
		    s->value.pool != record->pool)
			continue;
		key.port = s->value.target_port;
		key.proto = s->key.proto;
		port = find_port(&key);
		if (!port) {
			fail_msg("answers of number %u are not mapped", number);
			return;
		}
		assert_int_equal(port->value.backend, number);
		if (!(s->value.flags & SERVICE_OBSERVE))
			assert_int_equal(port->value.flags & ~PORT_STACK, 0);
		check_back(key, &port->value);
		assert_memory_equal(&port->value.vip, &s->key.vip,
				    sizeof(s->key.vip));
		assert_int_equal(port->value.vip_port, s->key.port);
	}
}

static void check_number(uint16_t number, uint32_t pool)
{
	const struct backend *b = &fake->backends[number];
	const struct backend_record *record = backend_record(b);

	if (!record) {
		fail_msg("a slot names number %u, which nobody has", number);
		return;
	}
	assert_int_equal(record->pool, pool);
	assert_int_equal(fake->devices[number], record->ifindex);
	if (record->stack_ifindex)
		assert_true(fake->uplinks &&
			    fake->attached[record->stack_ifindex]);
	check_answers(number, record);
}

/* What holds at every write: nobody is sent to a VM that can't take it. */
static void check_slots(void)
{
	uint32_t first;
	uint32_t range;
	uint32_t pool;
	uint32_t word;
	uint32_t i;
	bool seen[N_BACKENDS + 1];

	for (pool = 0; pool < N_POOLS; pool++) {
		range = fake->pools[pool].range;
		if (!range)
			continue;
		memset(seen, 0, sizeof(seen));
		first = POOL_FIRST_LINE(range) * SLOTS_PER_LINE;
		for (i = first; i < first + (1U << POOL_SLOTS_LOG2(range));
		     i++) {
			word = fake->slots[i / SLOTS_PER_LINE]
				       .slot[i % SLOTS_PER_LINE];
			seen[slot_current(word)] = true;
			seen[slot_base(word)] = true;
		}
		for (i = 1; i <= N_BACKENDS; i++)
			if (seen[i])
				check_number((uint16_t)i, pool);
	}
}

static void fake_wrote(void *e)
{
	(void)e;
	if (!moving)
		check_slots();
	if (++n_writes == end_at)
		_exit(0);
}

static const struct engine_ops fake_ops = {
	.set_service = fake_set_service,
	.next_service = fake_next_service,
	.set_port = fake_set_port,
	.get_port = fake_get_port,
	.next_port = fake_next_port,
	.set_client = fake_set_client,
	.next_client = fake_next_client,
	.set_device = fake_set_device,
	.port_mac = fake_port_mac,
	.port_bridge = fake_bridge,
	.attach_port = fake_attach,
	.attach_bridge = fake_attach,
	.attach_uplinks = fake_attach_uplinks,
	.detach_port = fake_detach,
	.read_service = fake_read_traffic,
	.read_backend = fake_read_traffic,
	.read_reason = fake_read_reason,
	.grace = fake_grace,
	.wrote = fake_wrote,
};

static struct publish *fake_open(void)
{
	const struct memory memory = {
		.meta = &fake->meta,
		.node = &fake->node,
		.pools = fake->pools,
		.slots = fake->slots,
		.clocks = fake->clocks,
		.backends = fake->backends,
		.flows = fake->flows,
		.direct = fake->direct,
		.pool_info = fake->pool_info,
		.service_info = fake->service_info,
		.backend_info = fake->backend_info,
	};
	struct publish *p;
	uint32_t i;

	assert_int_equal(publish_open(&memory, &fake_ops, NULL, PUBLISH_OWNS,
				      now_ns, &p),
			 0);
	/* As engines do. */
	assert_int_equal(publish_hook_uplinks(p), 0);
	for (i = 0; i < N_IFINDEX; i++)
		if (fake->attached[i] && !publish_keeps_port(p, i) &&
		    !publish_keeps_bridge(p, i))
			fake->attached[i] = false;
	if (!publish_keeps_uplinks(p))
		fake->uplinks = false;
	return p;
}

static void fake_reset(void)
{
	memset(fake, 0, sizeof(*fake));
	fake->meta.limits = (struct dp_limits){
		.n_backends = N_BACKENDS,
		.n_services = N_SERVICES,
		.n_pools = N_POOLS,
		.n_slots = SLOTS,
		.n_flows = N_FLOWS,
		.n_direct = N_FLOWS,
	};
	fake->refuses[5] = true;
	now_ns = 1000000 * MS;
}

/**
 * struct world - a snapshot and the arrays it points to.
 */
struct world {
	struct dp_snapshot snapshot;
	struct dp_vip vips[KEYS];
	struct dp_service services[KEYS];
	struct dp_pool pools[POOLS];
	struct dp_backend backends[POOLS][VMS];
	struct dp_client clients[VMS];
};

static const char *const pool_names[] = { "t/a", "t/b", "t/c" };
static const char *const key_names[] = { "t/s0", "t/s1", "t/s2", "t/s3" };

static struct ip_addr v4(uint32_t last)
{
	return (struct ip_addr){
		.word = { 0, 0, BE32(0xffff), BE32(0x0a000000 + last) },
	};
}

static struct dp_backend random_vm(uint32_t vm, bool may_move)
{
	struct dp_backend b = {
		.uuid = { (uint8_t)(vm + 1) },
		.name = "hv/vm",
		.role = (enum dp_role)rnd(DP_GONE + 1),
		.weight = rnd(4) * 50,
		.addr = v4(vm + 1),
		.mac = { 2, 0, 0, 0, 0, (uint8_t)vm },
		.ifname = "p",
		.ifindex = vm + 1,
	};

	/* Serving is what most VMs do. */
	if (rnd(2))
		b.role = DP_SERVING;
	if (may_move && !rnd(8))
		b.ifindex += 20;
	b.stack = !rnd(3);
	return b;
}

static void random_pool(struct world *w, uint32_t i, bool may_move)
{
	struct dp_pool *pool = &w->pools[w->snapshot.n_pools];
	struct dp_backend *backends = w->backends[w->snapshot.n_pools++];
	uint32_t vm;

	*pool = (struct dp_pool){
		.name = pool_names[i],
		.seed = { 1, i },
		.idle_timeout_ms = 2000,
		.udp_idle_ms = 1000,
		.max_backends = VMS,
		.backends = backends,
	};
	for (vm = 0; vm < VMS; vm++)
		if (rnd(3))
			backends[pool->n_backends++] = random_vm(vm, may_move);
}

/* Clients inside: at the ports of VMs in pools, and at some that no pool has. */
static void random_clients(struct world *w)
{
	uint32_t vm;

	w->snapshot.clients = w->clients;
	for (vm = 0; vm < VMS; vm++) {
		if (rnd(2))
			continue;
		w->clients[w->snapshot.n_clients++] = (struct dp_client){
			.addr = v4(2000 + rnd(2)),
			.ifindex = vm + 1 + (rnd(2) ? CLIENTS_ONLY : 0),
		};
	}
}

static void random_world(struct world *w, bool may_move)
{
	struct dp_service *service;
	uint32_t i;

	memset(w, 0, sizeof(*w));
	w->snapshot.vips = w->vips;
	w->snapshot.services = w->services;
	w->snapshot.pools = w->pools;
	random_clients(w);
	for (i = 0; i < POOLS; i++)
		if (rnd(5))
			random_pool(w, i, may_move);
	for (i = 0; i < KEYS && w->snapshot.n_pools; i++) {
		if (!rnd(4))
			continue;
		w->vips[w->snapshot.n_vips++] = (struct dp_vip){
			.addr = v4(1000 + i),
			.answer_l2 = rnd(2),
		};
		service = &w->services[w->snapshot.n_services++];
		*service = (struct dp_service){
			.name = key_names[i],
			.vip = v4(1000 + i),
			.port = 80,
			.proto = 6,
			.pool = rnd(w->snapshot.n_pools),
			.observe = !rnd(3),
		};
		/* No two pools or services share a port of a VM. */
		service->target_port =
			(uint16_t)(1000 * (1 + (uint32_t)w->pools[service->pool]
						       .seed.k1) +
				   10 * i + rnd(2));
	}
}

static void apply(struct publish *p, const struct world *w)
{
	struct dp_result result;
	int err = publish_apply(p, &w->snapshot, now_ns, &result);

	if (err)
		print_error("%s\n", result.error);
	assert_int_equal(err, 0);
}

static void run(struct publish *p, uint32_t ms)
{
	uint64_t until_ns = now_ns + ms * MS;
	uint64_t next_ns;

	while (now_ns < until_ns) {
		next_ns = publish_tick(p, now_ns);
		assert_true(next_ns > now_ns);
		now_ns = next_ns < until_ns ? next_ns : until_ns;
	}
}

/* Numbers of the tables that a wanted VM accounts for. */
struct account {
	uint32_t n_ports;
	uint32_t n_backends;
	bool attached[N_IFINDEX];
	bool devices[N_BACKENDS + 1];
	bool uplinks;
};

static uint32_t number_of(const char *pool)
{
	uint32_t i;

	for (i = 0; i < N_POOLS; i++)
		if (fake->pool_info[i].state == NUMBER_IN_FORCE &&
		    !strcmp(fake->pool_info[i].name, pool))
			return i;
	fail_msg("pool %s is not in force", pool);
	return 0;
}

static void check_vm(const struct world *w, uint32_t pool,
		     const struct dp_backend *vm, struct account *account)
{
	uint32_t pool_number = number_of(w->pools[pool].name);
	const struct backend_record *record;
	const struct backend_info *info;
	const struct fake_port *port;
	struct port_key key = { .proto = 6 };
	uint32_t n = 0;
	uint32_t i;

	for (i = 1; i <= N_BACKENDS && !n; i++) {
		info = &fake->backend_info[i];
		if (info->state == NUMBER_IN_FORCE &&
		    info->pool == pool_number &&
		    !memcmp(info->uuid, vm->uuid, sizeof(vm->uuid)))
			n = i;
	}
	assert_true(n != 0);
	info = &fake->backend_info[n];
	record = backend_record(&fake->backends[n]);
	if (!record) {
		fail_msg("number %u is not live", n);
		return;
	}
	assert_int_equal(record->ifindex, vm->ifindex);
	assert_memory_equal(&record->addr, &vm->addr, sizeof(vm->addr));
	assert_memory_equal(record->dst_mac, vm->mac, sizeof(vm->mac));
	assert_int_equal(fake->devices[n], vm->ifindex);
	assert_int_equal(info->attached, !fake->refuses[vm->ifindex]);
	account->n_backends++;
	account->devices[n] = true;
	account->attached[vm->ifindex] = !fake->refuses[vm->ifindex];
	assert_int_equal(record->stack_ifindex,
			 vm->stack ? fake_bridge(NULL, vm->ifindex) : 0);
	if (vm->stack)
		account->attached[record->stack_ifindex] = true;
	account->uplinks = account->uplinks || vm->stack;
	key.addr = vm->addr;
	key.ifindex = vm->ifindex;
	for (i = 0; i < w->snapshot.n_services; i++) {
		if (w->services[i].pool != pool)
			continue;
		key.port = BE16(w->services[i].target_port);
		port = find_port(&key);
		if (!port) {
			fail_msg("answers of number %u are not mapped", n);
			return;
		}
		assert_int_equal(port->value.backend, n);
		assert_int_equal(!!(port->value.flags & PORT_STACK), vm->stack);
		assert_int_equal(!!(port->value.flags & PORT_OBSERVE),
				 w->services[i].observe);
		check_back(key, &port->value);
		account->n_ports += vm->stack ? 2 : 1;
	}
}

/* Slots of a pool belong to those that serve, by weight; or to nobody. */
static void check_shares(const struct world *w, uint32_t pool)
{
	uint32_t range = fake->pools[number_of(w->pools[pool].name)].range;
	uint32_t n_slots = range ? 1U << POOL_SLOTS_LOG2(range) : 0;
	const struct dp_backend *vm;
	uint32_t n_owned[VMS + 1] = { 0 };
	uint32_t total = 0;
	uint32_t word;
	uint16_t n;
	uint32_t i;

	for (i = 0; i < w->pools[pool].n_backends; i++) {
		vm = &w->backends[pool][i];
		if (vm->role == DP_SERVING && !fake->refuses[vm->ifindex])
			total += vm->weight;
	}
	for (i = 0; i < n_slots; i++) {
		word = fake->slots[POOL_FIRST_LINE(range) + i / SLOTS_PER_LINE]
			       .slot[i % SLOTS_PER_LINE];
		n = slot_current(word);
		assert_int_equal(slot_base(word), n);
		n_owned[n ? fake->backend_info[n].uuid[0] : 0]++;
	}
	for (i = 0; i < w->pools[pool].n_backends; i++) {
		vm = &w->backends[pool][i];
		if (vm->role != DP_SERVING || fake->refuses[vm->ifindex] ||
		    !vm->weight) {
			assert_int_equal(n_owned[vm->uuid[0]], 0);
			continue;
		}
		assert_true(labs((long)n_owned[vm->uuid[0]] -
				 (long)n_slots * vm->weight / total) <= 1);
	}
	assert_int_equal(n_owned[0], total ? 0 : n_slots);
	assert_true(!total || n_slots);
}

static void check_services(const struct world *w)
{
	struct service_key key = { .port = 0 };
	const struct fake_service *s;
	uint32_t n = 0;
	uint32_t i;

	for (i = 0; i < w->snapshot.n_services; i++) {
		key = (struct service_key){
			.vip = w->services[i].vip,
			.port = BE16(80),
			.proto = 6,
		};
		s = find_service(&key);
		if (!s) {
			fail_msg("service %u is not published", i);
			return;
		}
		assert_int_equal(s->value.target_port,
				 BE16(w->services[i].target_port));
		assert_int_equal(s->value.flags,
				 w->services[i].observe ? SERVICE_OBSERVE : 0);
		assert_int_equal(s->value.pool,
				 number_of(w->pools[w->services[i].pool].name));
		key = (struct service_key){ .vip = w->services[i].vip };
		assert_non_null(find_service(&key));
	}
	for (i = 0; i < ARRAY_SIZE(fake->services); i++)
		n += fake->services[i].used;
	assert_int_equal(n, w->snapshot.n_services + w->snapshot.n_vips);
}

static void check_nothing_else(const struct world *w,
			       const struct account *account)
{
	uint32_t n_pools = 0;
	uint32_t n_ports = 0;
	uint32_t n_up = 0;
	uint32_t i;

	for (i = 0; i < N_PORTS; i++)
		n_ports += fake->ports[i].used;
	assert_int_equal(n_ports, account->n_ports);
	for (i = 1; i <= N_BACKENDS; i++) {
		if (!account->devices[i])
			assert_int_equal(fake->devices[i], 0);
		n_up += fake->backend_info[i].state != NUMBER_FREE;
	}
	assert_int_equal(n_up, account->n_backends);
	for (i = 0; i < N_IFINDEX; i++)
		assert_int_equal(fake->attached[i], account->attached[i]);
	for (i = 0; i < N_POOLS; i++)
		n_pools += fake->pool_info[i].state != NUMBER_FREE;
	assert_int_equal(n_pools, w->snapshot.n_pools);
	assert_int_equal(fake->uplinks, account->uplinks);
}

/* Each client may call, at a port with our programs, and nobody else. */
static void check_clients(const struct world *w, struct account *account)
{
	const struct dp_client *client;
	uint32_t n = 0;
	uint32_t i;

	for (i = 0; i < w->snapshot.n_clients; i++) {
		client = &w->clients[i];
		if (fake->refuses[client->ifindex])
			continue;
		n++;
		account->attached[client->ifindex] = true;
		assert_int_equal(fake->clients[client->ifindex].ifindex,
				 client->ifindex);
		assert_memory_equal(&fake->clients[client->ifindex].addr,
				    &client->addr, sizeof(client->addr));
	}
	for (i = 0; i < N_IFINDEX; i++)
		n -= fake->clients[i].ifindex != 0;
	assert_int_equal(n, 0);
}

/* What holds in the end. */
static void check_world(const struct world *w)
{
	struct account account = { .n_ports = 0 };
	uint32_t pool;
	uint32_t i;

	for (pool = 0; pool < w->snapshot.n_pools; pool++) {
		for (i = 0; i < w->pools[pool].n_backends; i++)
			if (w->backends[pool][i].role != DP_GONE)
				check_vm(w, pool, &w->backends[pool][i],
					 &account);
		check_shares(w, pool);
	}
	check_services(w);
	check_clients(w, &account);
	for (i = 0; i < w->snapshot.n_services; i++)
		account.uplinks = account.uplinks || w->services[i].observe;
	check_nothing_else(w, &account);
}

/* An apply in a process of its own that ends at a random write. */
static void apply_cut_short(const struct world *w)
{
	pid_t pid = fork();
	int status = 0;
	struct publish *p;

	if (!pid) {
		n_writes = 0;
		end_at = 1 + rnd(60);
		p = fake_open();
		apply(p, w);
		run(p, rnd(8000));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	now_ns += rnd(9000) * MS;
}

static void history(uint64_t seed, bool may_move, bool may_end)
{
	struct publish *p;
	struct world w;
	uint32_t i;

	random_state = seed * 0x9e3779b97f4a7c15ULL + 1;
	moving = may_move;
	cutting = may_end;
	fake_reset();
	p = fake_open();
	for (i = 0; i < 8; i++) {
		random_world(&w, may_move);
		if (may_end && rnd(2)) {
			publish_free(p);
			apply_cut_short(&w);
			if (rnd(2))
				random_world(&w, may_move);
			p = fake_open();
		}
		if (!rnd(4))
			publish_port_lost(p, 1 + rnd(VMS), now_ns);
		apply(p, &w);
		run(p, rnd(3) ? 30000 : rnd(7000));
	}
	apply(p, &w);
	run(p, 40000);
	check_world(&w);
	publish_free(p);
}

static void test_histories(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 1 + n_seeds; seed++)
		history(seed, false, false);
}

static void test_cut_short(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1000; seed < 1000 + n_seeds; seed++)
		history(seed, false, true);
}

static void test_moves(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 2000; seed < 2000 + n_seeds; seed++)
		history(seed, true, true);
}

static struct dp_pool_status pool_now(struct publish *p)
{
	struct dp_pool_status pool;
	struct dp_status status;

	assert_int_equal(publish_status(p, now_ns, &status), 0);
	assert_int_equal(status.n_pools, 1);
	pool = status.pools[0];
	dp_status_free(&status);
	return pool;
}

/*
 * Two VMs with more flows than the flow table takes, and a third one comes: its
 * slots move in parts, each when the one before has settled, and it gets them
 * all.
 */
static void test_admission(void **state)
{
	struct dp_pool_status pool;
	struct publish *p;
	struct world w;
	uint32_t most;
	uint32_t vm;
	uint32_t s;

	(void)state;
	random_state = 1;
	moving = cutting = false;
	fake_reset();
	memset(&w, 0, sizeof(w));
	w.snapshot.pools = w.pools;
	random_pool(&w, 0, false);
	for (vm = 0; vm < 3; vm++) {
		w.backends[0][vm] = random_vm(vm, false);
		w.backends[0][vm].role = DP_SERVING;
		w.backends[0][vm].weight = 100;
	}
	w.pools[0].n_backends = 2;
	w.pools[0].idle_timeout_ms = 60000;
	p = fake_open();
	apply(p, &w);
	run(p, 10000);
	/* 16 flows an entry, so a 32nd of the slots. */
	openers = N_FLOWS * 8ULL;
	run(p, 2000);
	w.pools[0].n_backends = 3;
	apply(p, &w);
	most = 0;
	for (s = 0; s < 20; s++) {
		run(p, 1000);
		openers += N_FLOWS * 8 / 60;
		pool = pool_now(p);
		if (pool.n_claiming + pool.n_moving > most)
			most = pool.n_claiming + pool.n_moving;
	}
	assert_in_range(most, (1U << 14) / 64, (1U << 14) / 24);
	assert_true(pool.n_put_off > 0);
	/* The flows are over: what is left moves at once. */
	run(p, 400000);
	pool = pool_now(p);
	assert_int_equal(pool.n_put_off, 0);
	assert_int_equal(pool.n_claiming + pool.n_moving, 0);
	check_shares(&w, 0);
	publish_free(p);
	openers = 0;
}

/*
 * A VM that is drained has no flow left to answer for: what its port then sends
 * may be of connections that go straight to it, and is learned again.
 */
static void test_drained_learns(void **state)
{
	const struct backend_info *info;
	struct publish *p;
	struct world w;
	uint32_t vm;

	(void)state;
	random_state = 1;
	moving = cutting = false;
	fake_reset();
	memset(&w, 0, sizeof(w));
	w.snapshot.pools = w.pools;
	random_pool(&w, 0, false);
	for (vm = 0; vm < 2; vm++) {
		w.backends[0][vm] = random_vm(vm, false);
		w.backends[0][vm].role = DP_SERVING;
		w.backends[0][vm].weight = 100;
	}
	w.pools[0].n_backends = 2;
	w.pools[0].idle_timeout_ms = 10000;
	p = fake_open();
	apply(p, &w);
	run(p, 20000);
	info = &fake->backend_info[1];
	assert_int_equal(info->learning_ns, 0);
	w.backends[0][0].role = DP_LEAVING;
	apply(p, &w);
	run(p, 5000);
	assert_int_equal(info->learning_ns, 0);
	run(p, 55000);
	assert_int_equal(info->state, NUMBER_IN_FORCE);
	assert_int_not_equal(info->learning_ns, 0);
	assert_int_equal(fake->backend_info[2].learning_ns, 0);
	publish_free(p);
}

/* test_publish [SEEDS] */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_admission),
		cmocka_unit_test(test_drained_learns),
	};

	if (argc == 2)
		n_seeds = strtoull(argv[1], NULL, 10);
	fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fake == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
