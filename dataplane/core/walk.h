/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IPv6's extension headers (RFC 8200, 4): the way through a bounded number.
 */
#ifndef DATAPLANE_CORE_WALK_H
#define DATAPLANE_CORE_WALK_H

#include "dataplane/core/parse.h"
#include "dataplane/core/tables.h"

#define WALK_AT_MAX 1023 /* where a header may begin in a frame */

/**
 * struct walk - on the way through extension headers.
 * @at: where the next header begins, counted from the frame's first byte.
 * @left: bytes from there on, as the lengths have it.
 * @next: what that header is.
 * @frag, @frag_id, @frag_offset: of a fragment header that was passed.
 */
struct walk {
	uint32_t at;
	uint32_t left;
	uint32_t frag_id;
	uint8_t next;
	uint8_t frag;
	uint16_t frag_offset;
};
_Static_assert(sizeof(struct walk) == 16, "no padding in an argument");

/* One header further; all four kinds begin alike, and take 8 bytes at least. */
static ALWAYS_INLINE enum reason walk_step(struct walk *w, const uint8_t *data,
					   const uint8_t *end)
{
	const struct ipv6_ext_hdr *ext =
		(const struct ipv6_ext_hdr *)(data + w->at);
	const struct ipv6_frag_hdr *frag = (const struct ipv6_frag_hdr *)ext;
	uint32_t size = sizeof(*ext);
	uint8_t kind = w->next;

	if ((const uint8_t *)(ext + 1) > end)
		return DROP_TRUNCATED;
	if (kind == IP_PROTO_FRAGMENT) {
		if (frag->offset & BE16(IPV6_FRAG_OFFSET))
			w->frag = FRAG_LATER;
		else if (frag->offset & BE16(IPV6_MORE_FRAGS))
			w->frag = FRAG_FIRST;
		w->frag_offset = HOST16(frag->offset) & IPV6_FRAG_OFFSET;
		w->frag_id = frag->id;
	} else {
		/* It is not where it was sent to yet (RFC 5095). */
		if (kind == IP_PROTO_ROUTING && ext->left)
			return DROP_EXTENSION;
		size += (uint32_t)ext->length * 8;
	}
	if (size > w->left)
		return DROP_BAD_HEADER;
	w->next = ext->next;
	w->left -= size;
	w->at += size;
	return REASON_NONE;
}

/* Is there a header to step over? Else the way ends here. */
static ALWAYS_INLINE bool walk_ends(const struct walk *w)
{
	return !is_extension(w->next) || w->frag == FRAG_LATER;
}

/* One step, if it is not the end; false: it is, or *ret_reason says what is. */
static ALWAYS_INLINE bool walk_on(struct walk *w, const uint8_t *data,
				  const uint8_t *end, enum reason *ret_reason)
{
	if (walk_ends(w))
		return false;
	*ret_reason = w->at > WALK_AT_MAX ? DROP_EXTENSION :
					    walk_step(w, data, end);
	return !*ret_reason;
}

/**
 * walk() - to the first header that is no extension, or behind the fragment
 * header of a later fragment.
 *
 * No loop: kernel 6.1 takes some and refuses others, by where the compiler puts
 * their ends.
 * Return: REASON_NONE, or the reason to drop what can't be followed.
 */
static ALWAYS_INLINE uint32_t walk(struct walk *w, const uint8_t *data,
				   const uint8_t *end)
{
	enum reason reason = REASON_NONE;

	/* As many as are followed; each goes on where the one before ended. */
	/* NOLINTBEGIN(misc-redundant-expression) */
	if (walk_on(w, data, end, &reason) && walk_on(w, data, end, &reason) &&
	    walk_on(w, data, end, &reason) && walk_on(w, data, end, &reason) &&
	    !walk_ends(w))
		reason = DROP_EXTENSION;
	/* NOLINTEND(misc-redundant-expression) */
	return reason;
}

/* The same, out of line where the engine has it so. */
static ALWAYS_INLINE enum reason walk_through(const struct tables *t, void *e,
					      const struct pkt *p,
					      struct walk *w)
{
	uint32_t reason = t->walk ? t->walk(e, w) : walk(w, p->data, p->end);

	if (!reason && w->at > WALK_AT_MAX)
		reason = DROP_EXTENSION;
	return (enum reason)reason;
}

/**
 * parse_rare() - parse_frame() and parse_flow() anew, and what is behind
 * extension headers.
 *
 * Return: REASON_NONE, or why it can't be.
 */
static ALWAYS_INLINE enum reason parse_rare(const struct tables *t, void *e,
					    struct pkt *p)
{
	enum reason reason;
	uint8_t *l3 = NULL;
	struct walk w;

	reason = parse_frame(p, &l3);
	if (!reason && (!is_ip(p) || is_other_family(p)))
		reason = PASS_NOT_IP;
	if (!reason)
		reason = parse_flow(p);
	if (reason || !p->extended)
		return reason;
	w = (struct walk){
		.at = p->l3_at + (uint32_t)sizeof(struct ipv6_hdr),
		.left = p->l4_size,
		.next = p->proto,
	};
	reason = walk_through(t, e, p, &w);
	if (reason)
		return reason;
	p->l4 = p->data + w.at;
	p->l4_size = w.left;
	p->proto = w.next;
	p->frag = w.frag;
	p->frag_id = w.frag_id;
	p->frag_offset = w.frag_offset;
	return parse_l4(p);
}

#endif
