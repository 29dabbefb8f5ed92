/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 64-bit keys of flows.
 *
 * A balanced flow's key has its slot in the upper 20 bits and tells flows apart
 * by the lower 44, so an entry of the flow table leads back to its slot. With
 * affinity "flow" both parts are of one hash over VIP, port, protocol and
 * 5-tuple; with "source" the upper part is of the client's address alone, the
 * lower part still of the whole tuple: entries are never shared by flows.
 */
#ifndef DATAPLANE_CORE_KEY_H
#define DATAPLANE_CORE_KEY_H

#include "dataplane/core/hash.h"
#include "dataplane/core/pkt.h"
#include "dataplane/core/tables.h"

#define KEY_SLOT_MASK (0xfffffULL << 44)

static ALWAYS_INLINE uint64_t ip_addr_half(const struct ip_addr *a, int i)
{
	return (uint64_t)a->word[i] << 32 | a->word[i + 1];
}

/* Add two addresses; returns their bytes: 8 of IPv4, else 32. */
static ALWAYS_INLINE uint32_t key_add(struct hash_state *s,
				      const struct ip_addr *a,
				      const struct ip_addr *b)
{
	if (IP_IS_V4(*a) && IP_IS_V4(*b)) {
		hash_add(s, (uint64_t)a->word[3] << 32 | b->word[3]);
		return 8;
	}
	hash_add(s, ip_addr_half(a, 0));
	hash_add(s, ip_addr_half(a, 2));
	hash_add(s, ip_addr_half(b, 0));
	hash_add(s, ip_addr_half(b, 2));
	return 32;
}

/* What is hashed behind the addresses. */
#define KEY_TAIL_SIZE 5

static ALWAYS_INLINE uint64_t key_tail(be16 client_port, be16 server_port,
				       uint8_t proto)
{
	return (uint64_t)proto << 32 | (uint64_t)client_port << 16 |
	       server_port;
}

static ALWAYS_INLINE uint64_t key_hash(const struct hash_seed *seed,
				       const struct ip_addr *a,
				       const struct ip_addr *b, uint64_t tail)
{
	struct hash_state s = hash_begin(seed);
	uint32_t size = key_add(&s, a, b);

	return hash_end(&s, tail, size + KEY_TAIL_SIZE);
}

/**
 * key_balanced() - key of a flow from a client to a VIP.
 * @affinity: of the pool.
 */
static ALWAYS_INLINE uint64_t key_balanced(const struct hash_seed *seed,
					   enum affinity affinity,
					   const struct ip_addr *client,
					   be16 client_port,
					   const struct ip_addr *vip,
					   be16 vip_port, uint8_t proto)
{
	uint64_t key = key_hash(seed, client, vip,
				key_tail(client_port, vip_port, proto));
	uint64_t slot;

	if (affinity == AFFINITY_FLOW)
		return key;
	slot = key_hash(seed, client, client, 0);
	return (slot & KEY_SLOT_MASK) | (key & ~KEY_SLOT_MASK);
}

/**
 * key_direct() - key of a connection straight to or from a VM's port.
 * @client: the other end; @vm: the VM's address; @ifindex: its port.
 */
static ALWAYS_INLINE uint64_t key_direct(const struct hash_seed *seed,
					 uint32_t ifindex,
					 const struct ip_addr *client,
					 be16 client_port,
					 const struct ip_addr *vm, be16 vm_port,
					 uint8_t proto)
{
	struct hash_state s = hash_begin(seed);
	uint32_t size = key_add(&s, client, vm);

	hash_add(&s, ifindex);
	return hash_end(&s, key_tail(client_port, vm_port, proto),
			size + 8 + KEY_TAIL_SIZE);
}

/**
 * struct key_ask - a flow whose key is wanted.
 * @client, @client_port, @server, @server_port, @proto: the flow.
 * @ifindex: of a direct one: the VM's port.
 * @pool: of a balanced one: its pool's number.
 * @is_direct: key_direct(), else key_balanced().
 */
struct key_ask {
	struct ip_addr client;
	struct ip_addr server;
	be16 client_port;
	be16 server_port;
	uint32_t ifindex;
	uint32_t pool;
	uint8_t proto;
	bool is_direct;
	uint16_t spare;
};
_Static_assert(sizeof(struct key_ask) == 48, "no padding in an argument");

/**
 * key_of() - the key, with the seed that it wants; 0 = that isn't there.
 */
static ALWAYS_INLINE uint64_t key_of(const struct tables *t, void *e,
				     const struct key_ask *q)
{
	const struct pool *pool = q->is_direct ? NULL : t->pool(e, q->pool);
	const struct node *node = q->is_direct ? t->node(e) : NULL;

	if (node)
		return key_direct(&node->direct_seed, q->ifindex, &q->client,
				  q->client_port, &q->server, q->server_port,
				  q->proto);
	return pool ? key_balanced(&pool->seed, (enum affinity)pool->affinity,
				   &q->client, q->client_port, &q->server,
				   q->server_port, q->proto) :
		      0;
}

/* The same, out of line where the engine has it so. */
static ALWAYS_INLINE uint64_t key_for(const struct tables *t, void *e,
				      struct key_ask *q)
{
	return t->key ? t->key(e, q) : key_of(t, e, q);
}

#endif
