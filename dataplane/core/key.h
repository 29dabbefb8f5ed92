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

#define KEY_SLOT_MASK (0xfffffULL << 44)

static ALWAYS_INLINE uint64_t ip_addr_half(const struct ip_addr *a, int i)
{
	return (uint64_t)a->word[i] << 32 | a->word[i + 1];
}

/* Two addresses as words; returns how many: one for IPv4, else four. */
static ALWAYS_INLINE uint32_t key_words(const struct ip_addr *a,
					const struct ip_addr *b,
					uint64_t *ret_word)
{
	if (IP_IS_V4(*a) && IP_IS_V4(*b)) {
		ret_word[0] = (uint64_t)a->word[3] << 32 | b->word[3];
		return 1;
	}
	ret_word[0] = ip_addr_half(a, 0);
	ret_word[1] = ip_addr_half(a, 2);
	ret_word[2] = ip_addr_half(b, 0);
	ret_word[3] = ip_addr_half(b, 2);
	return 4;
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
	uint64_t word[4];

	/* Constants, so that the loops unroll. */
	if (key_words(a, b, word) == 1)
		return hash_message(seed, word, 1, tail, KEY_TAIL_SIZE);
	return hash_message(seed, word, 4, tail, KEY_TAIL_SIZE);
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
	uint64_t tail = key_tail(client_port, vm_port, proto);
	uint64_t word[5];
	uint32_t n_words = key_words(client, vm, word);

	word[n_words] = ifindex;
	if (n_words == 1)
		return hash_message(seed, word, 2, tail, KEY_TAIL_SIZE);
	return hash_message(seed, word, 5, tail, KEY_TAIL_SIZE);
}

#endif
