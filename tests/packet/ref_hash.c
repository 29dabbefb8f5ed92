// SPDX-License-Identifier: GPL-2.0-only
/*
 * SipHash-1-3, straightforward: bytes in, one 64-bit number out.
 */
#include "tests/packet/ref_hash.h"

#include <string.h>

static uint64_t rotl(uint64_t x, unsigned int n)
{
	return (x << n) | (x >> (64 - n));
}

/* Figure 2.1 of the paper. */
static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13);
	v[3] = rotl(v[3], 16);
	v[1] ^= v[0];
	v[3] ^= v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17);
	v[3] = rotl(v[3], 21);
	v[1] ^= v[2];
	v[3] ^= v[0];
	v[2] = rotl(v[2], 32);
}

static uint64_t little64(const uint8_t *byte, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | byte[n];
	return v;
}

uint64_t ref_siphash13(struct ref_seed seed, const uint8_t *byte, size_t size)
{
	static const uint8_t text[] = "somepseudorandomlygeneratedbytes";
	uint64_t v[4];
	uint64_t word;
	size_t at;
	int i;

	/* The constants are this text, big-endian. */
	for (i = 0; i < 4; i++) {
		v[i] = 0;
		for (at = 0; at < 8; at++)
			v[i] = v[i] << 8 | text[i * 8 + (int)at];
		v[i] ^= i % 2 ? seed.k1 : seed.k0;
	}
	for (at = 0; at + 8 <= size; at += 8) {
		word = little64(byte + at, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = little64(byte + at, size - at) | (uint64_t)(size & 0xff) << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void wire32(uint8_t *byte, uint32_t v)
{
	byte[0] = (uint8_t)(v >> 24);
	byte[1] = (uint8_t)(v >> 16);
	byte[2] = (uint8_t)(v >> 8);
	byte[3] = (uint8_t)v;
}

static void wire16(uint8_t *byte, uint16_t v)
{
	byte[0] = (uint8_t)(v >> 8);
	byte[1] = (uint8_t)v;
}

uint64_t ref_key_balanced(struct ref_seed seed, int by_source, uint32_t client,
			  uint16_t client_port, uint32_t vip, uint16_t vip_port,
			  uint8_t proto)
{
	const uint64_t slot_bits = ~(~0ULL >> 20);
	uint8_t byte[13] = { 0 };
	uint64_t key;
	uint64_t slot;

	wire32(byte, vip);
	wire32(byte + 4, client);
	wire16(byte + 8, vip_port);
	wire16(byte + 10, client_port);
	byte[12] = proto;
	key = ref_siphash13(seed, byte, sizeof(byte));
	if (!by_source)
		return key;
	memset(byte, 0, sizeof(byte));
	wire32(byte, client);
	wire32(byte + 4, client);
	slot = ref_siphash13(seed, byte, sizeof(byte));
	return (slot & slot_bits) | (key & ~slot_bits);
}

/* IPv6: each address by 32-bit words, of each 64 bits the second one first. */
static size_t wire_addr6(uint8_t *byte, const uint8_t addr[16])
{
	memcpy(byte, addr + 4, 4);
	memcpy(byte + 4, addr, 4);
	memcpy(byte + 8, addr + 12, 4);
	memcpy(byte + 12, addr + 8, 4);
	return 16;
}

uint64_t ref_key_balanced6(struct ref_seed seed, int by_source,
			   const uint8_t client[16], uint16_t client_port,
			   const uint8_t vip[16], uint16_t vip_port,
			   uint8_t proto)
{
	const uint64_t slot_bits = ~(~0ULL >> 20);
	uint8_t byte[37] = { 0 };
	size_t at = wire_addr6(byte, client);
	uint64_t key;
	uint64_t slot;

	at += wire_addr6(byte + at, vip);
	wire16(byte + at, vip_port);
	wire16(byte + at + 2, client_port);
	byte[at + 4] = proto;
	key = ref_siphash13(seed, byte, sizeof(byte));
	if (!by_source)
		return key;
	memset(byte, 0, sizeof(byte));
	wire_addr6(byte, client);
	wire_addr6(byte + 16, client);
	slot = ref_siphash13(seed, byte, sizeof(byte));
	return (slot & slot_bits) | (key & ~slot_bits);
}

uint64_t ref_key_direct6(struct ref_seed seed, uint32_t ifindex,
			 const uint8_t client[16], uint16_t client_port,
			 const uint8_t vm[16], uint16_t vm_port, uint8_t proto)
{
	uint8_t byte[45] = { 0 };
	size_t at = wire_addr6(byte, client);

	at += wire_addr6(byte + at, vm);
	byte[at] = (uint8_t)ifindex;
	byte[at + 1] = (uint8_t)(ifindex >> 8);
	wire16(byte + at + 8, vm_port);
	wire16(byte + at + 10, client_port);
	byte[at + 12] = proto;
	return ref_siphash13(seed, byte, sizeof(byte));
}

uint64_t ref_key_direct(struct ref_seed seed, uint32_t ifindex, uint32_t client,
			uint16_t client_port, uint32_t vm, uint16_t vm_port,
			uint8_t proto)
{
	uint8_t byte[21] = { 0 };

	wire32(byte, vm);
	wire32(byte + 4, client);
	byte[8] = (uint8_t)ifindex;
	byte[9] = (uint8_t)(ifindex >> 8);
	byte[10] = (uint8_t)(ifindex >> 16);
	byte[11] = (uint8_t)(ifindex >> 24);
	wire16(byte + 16, vm_port);
	wire16(byte + 18, client_port);
	byte[20] = proto;
	return ref_siphash13(seed, byte, sizeof(byte));
}
