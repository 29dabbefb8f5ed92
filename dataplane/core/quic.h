/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What QUIC shows of itself: whether a packet begins a connection.
 */
#ifndef DATAPLANE_CORE_QUIC_H
#define DATAPLANE_CORE_QUIC_H

#include "dataplane/core/pkt.h"

#define QUIC_LONG	 0x80 /* RFC 8999, 5.1: a long header */
#define QUIC_TYPE(first) ((first) >> 4 & 3)
#define QUIC_VERSION_2	 0x6b3343cfU
#define QUIC_V1_INITIAL	 0 /* RFC 9000, 17.2 */
#define QUIC_V1_ZERO_RTT 1
#define QUIC_V2_INITIAL	 1 /* RFC 9369, 3.2 */
#define QUIC_V2_ZERO_RTT 2

/**
 * quic_opens() - is a client's packet an Initial or 0-RTT?
 * @p: UDP, parsed.
 *
 * Of a version that we don't know, any long header opens: its types may be
 * others, and only beginnings of connections have versions to negotiate.
 */
static ALWAYS_INLINE bool quic_opens(const struct pkt *p)
{
	const uint8_t *quic = p->l4 + sizeof(struct udp_hdr);
	uint32_t version;
	uint8_t type;

	if (quic + 5 > p->end || p->l4_size < sizeof(struct udp_hdr) + 5 ||
	    !(quic[0] & QUIC_LONG))
		return false;
	type = QUIC_TYPE(quic[0]);
	version = (uint32_t)quic[1] << 24 | (uint32_t)quic[2] << 16 |
		  (uint32_t)quic[3] << 8 | quic[4];
	if (version == 1)
		return type == QUIC_V1_INITIAL || type == QUIC_V1_ZERO_RTT;
	if (version == QUIC_VERSION_2)
		return type == QUIC_V2_INITIAL || type == QUIC_V2_ZERO_RTT;
	return true;
}

/* Judge a client's packet of a QUIC service; flags are TCP's for the same. */
static ALWAYS_INLINE void quic_judge(struct pkt *p)
{
	bool opens = quic_opens(p);

	p->kind = opens ? FLOW_OPENER : FLOW_OTHER;
	p->tcp_flags = opens ? TCP_SYN : 0;
}

#endif
