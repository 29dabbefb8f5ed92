/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Texts of others on the operator's terminal.
 */
#include "control/cli/clean.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of UTF-8: U+0080 to U+009F are C2 80 to C2 9F. */
static bool is_high_control(const unsigned char *at)
{
	return at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
}

static bool clean_text(char *text)
{
	unsigned char *out = (unsigned char *)text;
	const unsigned char *in = out;
	bool changed = false;

	while (*in) {
		if (is_high_control(in)) {
			*out++ = '?';
			in += 2;
			changed = true;
		} else if (*in < ' ' || *in == 0x7f) {
			*out++ = strchr("\t\n\r", *in) ? ' ' : '?';
			in++;
			changed = true;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
	return changed;
}

static void clean_string(json_t *string)
{
	char *text = strdup(json_string_value(string));

	if (!text || (clean_text(text) && json_string_set(string, text))) {
		fprintf(stderr, "drover: out of memory\n");
		exit(1);
	}
	free(text);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allows an answer */
void cli_clean(json_t *answer)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_string(answer))
		clean_string(answer);
	json_array_foreach(answer, i, value)
		cli_clean(value);
	json_object_foreach(answer, key, value)
		cli_clean(value);
}
