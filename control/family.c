/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names of a pool's tables.
 */
#include "control/family.h"

#include <stdio.h>
#include <string.h>

#define SUFFIX_V6 "/ipv6"

const char *family_name(enum family family)
{
	static const char *const names[] = { "ipv4", "ipv6" };

	_Static_assert(ARRAY_SIZE(names) == N_FAMILIES, "a name for each");
	return names[family];
}

const char *family_title(enum family family)
{
	static const char *const titles[] = { "IPv4", "IPv6" };

	_Static_assert(ARRAY_SIZE(titles) == N_FAMILIES, "a title for each");
	return titles[family];
}

void family_table(const char *pool, enum family family,
		  char ret_table[DP_NAME_SIZE])
{
	snprintf(ret_table, DP_NAME_SIZE, "%s%s", pool,
		 family == FAMILY_V6 ? SUFFIX_V6 : "");
}

/* Length of the pool's name in the table's. */
static size_t pool_length(const char *table)
{
	const size_t length = strlen(table);
	const size_t suffix = strlen(SUFFIX_V6);

	return length > suffix && !strcmp(table + length - suffix, SUFFIX_V6) &&
			       memchr(table, '/', length - suffix) ?
		       length - suffix :
		       length;
}

enum family family_split(const char *table, char ret_pool[DP_NAME_SIZE])
{
	const size_t length = pool_length(table);

	snprintf(ret_pool, DP_NAME_SIZE, "%.*s", (int)length, table);
	return table[length] ? FAMILY_V6 : FAMILY_V4;
}

bool family_is_of(const char *table, const char *pool)
{
	const size_t length = pool_length(table);

	return strlen(pool) == length && !memcmp(table, pool, length);
}
