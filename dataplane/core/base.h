/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Macros and types that every part may use; no functions, no state.
 *
 * The only project header that config/ and health/ share with the packet path.
 */
#ifndef DATAPLANE_CORE_BASE_H
#define DATAPLANE_CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define MUST_CHECK    __attribute__((warn_unused_result))
#define CLEANUP(fn)   __attribute__((cleanup(fn)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Hand a CLEANUP() pointer to a new owner: the local forgets it. */
#define STEAL(p)                      \
	({                            \
		__auto_type _p = (p); \
		(p) = NULL;           \
		_p;                   \
	})

/* One access, of the whole object, where another CPU may be writing. */
#define READ_ONCE(x)	 (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

/* Values in network byte order; BE16(80) is port 80 as it is on the wire. */
typedef uint16_t be16;
typedef uint32_t be32;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BE16(x) ((uint16_t)__builtin_bswap16((uint16_t)(x)))
#define BE32(x) ((uint32_t)__builtin_bswap32((uint32_t)(x)))
#else
#define BE16(x) ((uint16_t)(x))
#define BE32(x) ((uint32_t)(x))
#endif
/* The way back is the same exchange of bytes. */
#define HOST16(x) BE16(x)
#define HOST32(x) BE32(x)

/**
 * struct ip_addr - an IPv4 or IPv6 address.
 * @word: 128 bits in network byte order; IPv4 as ::ffff:a.b.c.d
 *        (RFC 4291, 2.5.5.2), so one type serves both families.
 *
 * Plain bytes: compare with memcmp(), use as a map key.
 */
struct ip_addr {
	be32 word[4];
};

/* True for an IPv4 address in its mapped form. */
#define IP_IS_V4(a) \
	((a).word[0] == 0 && (a).word[1] == 0 && (a).word[2] == BE32(0xffff))

#endif
