/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Texts of others on the operator's terminal: names, tags and reasons come from
 * tenants and outside systems.
 */
#ifndef CONTROL_CLI_CLEAN_H
#define CONTROL_CLI_CLEAN_H

#include <jansson.h>

/**
 * cli_clean() - make all strings of an answer fit to be printed, in place.
 *
 * A control character, also one of those beyond ASCII (U+0080 to U+009F, which
 * terminals may obey), becomes '?'; a tab or the end of a line a space.
 */
void cli_clean(json_t *answer);

#endif
