/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Texts that go into JSON must be UTF-8, whatever they were cut from.
 */
#ifndef CONTROL_TEXT_H
#define CONTROL_TEXT_H

/**
 * text_clean() - make a text valid UTF-8 (RFC 3629), in place.
 *
 * A byte that is no part of a character becomes '?': what snprintf() cut in
 * the middle, what a client sent percent-encoded, what a file had in another
 * encoding.
 *
 * Return: @text.
 */
char *text_clean(char *text);

#endif
