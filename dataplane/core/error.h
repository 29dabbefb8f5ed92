/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors that the path makes by itself: time exceeded, too big, port
 * unreachable. They come from the VIP, the only address that we have for sure,
 * whether it is the client that is told or the VM.
 *
 * DOC: how an error comes to be
 *
 * error_ask() says what it will be, and how much longer the frame gets. The
 * engine makes that room behind the Ethernet header, and error_fill() writes the
 * two headers in front of what is quoted: as much as is told below, of the packet
 * as it came (RFC 1812, 4.3.2.3, would have 576 bytes, RFC 4443 more; hosts find
 * the socket by the first eight behind the headers, and this is without a loop
 * over a whole packet).
 */
#ifndef DATAPLANE_CORE_ERROR_H
#define DATAPLANE_CORE_ERROR_H

#include "dataplane/core/reply.h"

#define ERROR_QUOTE_WORDS 32 /* of 16 bits */

enum error_kind {
	ERROR_TTL,
	ERROR_TOO_BIG,
	ERROR_PORT,
};

static ALWAYS_INLINE uint32_t error_head(const struct pkt *p)
{
	return (is_ipv6(p) ? sizeof(struct ipv6_hdr) :
			     sizeof(struct ipv4_hdr)) +
	       sizeof(struct icmp_hdr);
}

/* Whole words of the packet that are quoted. */
static ALWAYS_INLINE uint32_t error_quote_words(const struct pkt *p)
{
	uint32_t words = p->l3_size / 2;

	return words < ERROR_QUOTE_WORDS ? words : ERROR_QUOTE_WORDS;
}

/**
 * error_ask() - a packet shall be answered with an error.
 * @p: parsed, not rewritten.
 * @mtu: for ERROR_TOO_BIG: what would have fitted.
 *
 * Return: true, and @p says which; false: it must not be answered so.
 */
static ALWAYS_INLINE bool error_ask(struct pkt *p, enum error_kind kind,
				    uint32_t mtu)
{
	if (!reply_fits(p) || p->frag == FRAG_LATER)
		return false;
	p->error_code = 0;
	p->error_mtu = 0;
	switch (kind) {
	case ERROR_TTL:
		p->error_type = is_ipv6(p) ? ICMPV6_TIME_EXCEEDED :
					     ICMP_TIME_EXCEEDED;
		break;
	case ERROR_TOO_BIG:
		p->error_type = is_ipv6(p) ? ICMPV6_TOO_BIG : ICMP_UNREACHABLE;
		p->error_code = is_ipv6(p) ? 0 : ICMP_CODE_FRAG_NEEDED;
		p->error_mtu = mtu;
		break;
	case ERROR_PORT:
		p->error_type = is_ipv6(p) ? ICMPV6_UNREACHABLE :
					     ICMP_UNREACHABLE;
		p->error_code = is_ipv6(p) ? ICMPV6_CODE_PORT : ICMP_CODE_PORT;
		break;
	}
	p->reply_head = error_head(p);
	p->reply_length = p->l3_at + p->reply_head + error_quote_words(p) * 2;
	return true;
}

static ALWAYS_INLINE enum verdict dropped(struct pkt *p, enum reason reason)
{
	p->reason = reason;
	return VERDICT_DROP;
}

/* Answer with an ICMP error, if that may be; else it is dropped for @drop. */
static ALWAYS_INLINE enum verdict answer_error(const struct tables *t, void *e,
					       struct pkt *p,
					       enum error_kind kind,
					       uint32_t mtu, enum reason reply,
					       enum reason drop)
{
	if (!error_ask(p, kind, mtu))
		return dropped(p, drop);
	if (!reply_allowed(t, e, REPLY_KIND_ERROR))
		return dropped(p, DROP_REPLY_RATE);
	p->reason = reply;
	return VERDICT_REPLY;
}

/* Sum of what is quoted; words behind the end of the frame are not there. */
static ALWAYS_INLINE uint32_t error_quote_sum(const uint8_t *quote,
					      const uint8_t *end,
					      uint32_t n_words)
{
	const csum_word *word = (const csum_word *)quote;
	uint32_t sum = 0;
	uint32_t i;

	for (i = 0; i < ERROR_QUOTE_WORDS; i++) {
		if (i >= n_words || (const uint8_t *)(word + i + 1) > end)
			break;
		sum += word[i];
	}
	return sum;
}

/**
 * error_fill() - write the headers of an error.
 * @p: as error_ask() has left it, but for @data, @end and @eth, which are anew:
 *     the Ethernet header is first again, and @reply_head bytes of room are
 *     behind it (and its tags).
 * @l3: where that room begins.
 * @is_v6: the family of it all (the old headers can't be asked any more).
 * @vip: whom it comes from; NULL = whom the packet was for.
 *
 * Return: false if that is not so.
 */
static ALWAYS_INLINE bool error_fill(struct pkt *p, uint8_t *l3, bool is_v6,
				     const struct ip_addr *vip)
{
	uint32_t n_words = error_quote_words(p);
	uint16_t size =
		(uint16_t)((uint32_t)sizeof(struct icmp_hdr) + n_words * 2);
	uint32_t header = is_v6 ? sizeof(struct ipv6_hdr) :
				  sizeof(struct ipv4_hdr);
	struct icmp_hdr *icmp = (struct icmp_hdr *)(l3 + header);
	struct ip_addr from;
	struct ip_addr to;
	uint32_t sum;

	if ((uint8_t *)(icmp + 1) > p->end ||
	    p->data + sizeof(*p->eth) > p->end)
		return false;
	p->ip6 = (struct ipv6_hdr *)l3;
	p->ip = (struct ipv4_hdr *)l3;
	swap_macs(p);
	if ((uint8_t *)(icmp + 1) + header > p->end)
		return false;
	if (vip)
		from = *vip;
	else
		from = is_v6 ? ip_from_v6(&((struct ipv6_hdr *)(icmp + 1))
						   ->addr[END_DST]) :
			       ip_from_v4(((struct ipv4_hdr *)(icmp + 1))->dst);
	to = is_v6 ? ip_from_v6(
			     &((struct ipv6_hdr *)(icmp + 1))->addr[END_SRC]) :
		     ip_from_v4(((struct ipv4_hdr *)(icmp + 1))->src);
	sum = reply_l3(p, &from, &to, is_v6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP,
		       size);
	icmp->type = p->error_type;
	icmp->code = p->error_code;
	icmp->csum = 0;
	icmp->rest = BE32(p->error_mtu);
	if (!is_v6)
		sum = 0;
	sum += csum_words(icmp, sizeof(*icmp) / 2);
	sum += error_quote_sum((uint8_t *)(icmp + 1), p->end, n_words);
	icmp->csum = (be16)~csum_fold(sum);
	return true;
}

#endif
