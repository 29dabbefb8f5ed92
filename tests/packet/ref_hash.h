/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SipHash-1-3 over bytes, and flow keys by it: the reference for
 * dataplane/core/hash.h and key.h.
 *
 * Written from the paper's text (Aumasson, Bernstein, 2012), byte by byte and
 * with the tail handled, not from the core. Its own reference is CPython's
 * siphash13 (tests/unit/test_core_hash.c).
 */
#ifndef TESTS_PACKET_REF_HASH_H
#define TESTS_PACKET_REF_HASH_H

#include <stddef.h>
#include <stdint.h>

struct ref_seed {
	uint64_t k0;
	uint64_t k1;
};

uint64_t ref_siphash13(struct ref_seed seed, const uint8_t *byte, size_t size);

/**
 * ref_key_balanced() - the key of an IPv4 flow, as the bytes that are hashed:
 * VIP, client, VIP's port, client's port, protocol; addresses and ports as they
 * are on the wire (on a little-endian machine).
 * @by_source: the slot bits (upper 20) are those of client, client, five zeros.
 *
 * Addresses and ports in host byte order.
 */
uint64_t ref_key_balanced(struct ref_seed seed, int by_source, uint32_t client,
			  uint16_t client_port, uint32_t vip, uint16_t vip_port,
			  uint8_t proto);

/**
 * ref_key_direct() - the key of a direct flow: VM, client, the interface as a
 * 64-bit little-endian number, VM's port, client's port, protocol.
 */
uint64_t ref_key_direct(struct ref_seed seed, uint32_t ifindex, uint32_t client,
			uint16_t client_port, uint32_t vm, uint16_t vm_port,
			uint8_t proto);

/* The same of IPv6. */
uint64_t ref_key_balanced6(struct ref_seed seed, int by_source,
			   const uint8_t client[16], uint16_t client_port,
			   const uint8_t vip[16], uint16_t vip_port,
			   uint8_t proto);
uint64_t ref_key_direct6(struct ref_seed seed, uint32_t ifindex,
			 const uint8_t client[16], uint16_t client_port,
			 const uint8_t vm[16], uint16_t vm_port, uint8_t proto);

#endif
