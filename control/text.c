/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Valid UTF-8.
 */
#include "control/text.h"

#include "dataplane/core/base.h"

/* Length of the character that begins here, 0 if none does. */
static size_t character(const uint8_t *at)
{
	/* First byte, length, and the range of the second byte: the table of
	 * RFC 3629 section 4, which leaves out overlong forms and surrogates. */
	static const struct {
		uint8_t first, last, length, low, high;
	} forms[] = {
		{ 0x01, 0x7f, 1, 0, 0 },       { 0xc2, 0xdf, 2, 0x80, 0xbf },
		{ 0xe0, 0xe0, 3, 0xa0, 0xbf }, { 0xe1, 0xec, 3, 0x80, 0xbf },
		{ 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
		{ 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf },
		{ 0xf4, 0xf4, 4, 0x80, 0x8f },
	};
	size_t i;
	size_t k;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		if (at[0] < forms[i].first || at[0] > forms[i].last)
			continue;
		if (forms[i].length > 1 &&
		    (at[1] < forms[i].low || at[1] > forms[i].high))
			return 0;
		/* The end of the text is in no range, so none goes past it. */
		for (k = 2; k < forms[i].length; k++)
			if ((at[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

char *text_clean(char *text)
{
	uint8_t *at = (uint8_t *)text;
	size_t length;

	while (*at) {
		length = character(at);
		if (!length)
			*at = '?';
		at += length ? length : 1;
	}
	return text;
}
