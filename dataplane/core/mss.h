/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MSS option of a SYN (RFC 9293, 3.7.1), lowered to what a service allows.
 */
#ifndef DATAPLANE_CORE_MSS_H
#define DATAPLANE_CORE_MSS_H

#include "dataplane/core/rewrite.h"

#define MSS_OPTION_SIZE 4
#define MSS_AT_MAX	1023 /* where an option may begin in a frame */

/**
 * struct mss - the options of a SYN.
 * @at: where the next one begins, counted from the frame's first byte.
 * @left: bytes of options from there on.
 * @limit: what may be announced.
 * @change: what the checksum changes by.
 */
struct mss {
	uint32_t at;
	uint32_t left;
	uint32_t limit;
	uint32_t change;
};
_Static_assert(sizeof(struct mss) == 16, "no padding in an argument");

/* Lower a value in place; its bytes may straddle two words of the checksum. */
static ALWAYS_INLINE void mss_lower(struct mss *m, uint8_t *value)
{
	uint16_t old = (uint16_t)(value[0] << 8 | value[1]);
	uint16_t limit = (uint16_t)m->limit;

	if (old <= limit)
		return;
	value[0] = (uint8_t)(limit >> 8);
	value[1] = (uint8_t)limit;
	m->change = csum_change(BE16(old), BE16(limit));
	/* RFC 1071, 2(B): sums of swapped bytes are swapped sums. Headers begin
	 * at even places. */
	if (m->at & 1)
		m->change = __builtin_bswap16(csum_fold(m->change));
}

/* Look at one option; false: that was it, or there are no more. */
static ALWAYS_INLINE bool mss_on(struct mss *m, uint8_t *data,
				 const uint8_t *end)
{
	uint8_t *option = data + m->at;
	uint32_t size;

	if (m->left < MSS_OPTION_SIZE || m->at > MSS_AT_MAX ||
	    option + MSS_OPTION_SIZE > end || *option == TCP_OPT_END)
		return false;
	size = *option == TCP_OPT_NOP ? 1 : option[1];
	if (*option == TCP_OPT_MSS && size == MSS_OPTION_SIZE) {
		mss_lower(m, option + 2);
		return false;
	}
	if (!size || size > m->left)
		return false;
	m->at += size;
	m->left -= size;
	return true;
}

/**
 * mss_find() - find the option, and lower it.
 * @data, @end: the frame.
 *
 * Every system puts it first; six are looked at. No loop: see walk().
 */
static ALWAYS_INLINE void mss_find(struct mss *m, uint8_t *data,
				   const uint8_t *end)
{
	/* Each goes on where the one before has ended. */
	/* NOLINTBEGIN(misc-redundant-expression) */
	(void)(mss_on(m, data, end) && mss_on(m, data, end) &&
	       mss_on(m, data, end) && mss_on(m, data, end) &&
	       mss_on(m, data, end) && mss_on(m, data, end));
	/* NOLINTEND(misc-redundant-expression) */
}

/**
 * mss_clamp() - let a SYN announce no more than a service allows.
 * @p: parsed; @l4_change gets what the checksum changes by.
 * @limit: 0 = there is none.
 */
static ALWAYS_INLINE void mss_clamp(const struct tables *t, void *e,
				    struct pkt *p, uint16_t limit)
{
	struct mss m;

	if (!limit || p->l4_kind != L4_TCP || !(p->tcp_flags & TCP_SYN))
		return;
	m.limit = limit;
	m.change = 0;
	m.at = pkt_l4_at(p) + (uint32_t)sizeof(struct tcp_hdr);
	m.left = (uint32_t)(pkt_tcp(p)->data_offset >> 4) * 4 -
		 (uint32_t)sizeof(struct tcp_hdr);
	if (t->mss)
		(void)t->mss(e, &m);
	else
		mss_find(&m, p->data, p->end);
	p->l4_change += m.change;
}

#endif
