/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is wrong with the syntax of a file, in better words than the parser's.
 */
#ifndef CONFIG_SYNTAX_H
#define CONFIG_SYNTAX_H

#include "dataplane/core/base.h"

/**
 * conf_syntax_why() - look at a text that the parser has refused.
 * @text: all of it.
 * @line: where the parser stopped; becomes the line of what was found.
 * @why: gets what is wrong, without a word of any value: it may be secret.
 * @size: of @why.
 *
 * Return: was anything found? Else the parser's own message is all there is.
 */
bool conf_syntax_why(const char *text, uint32_t *line, char *why, size_t size);

#endif
