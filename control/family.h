/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address families. A pool of the config that serves both has two tables in the
 * data plane, and its VMs stand in each by themselves: who looks at one of them
 * knows by its name whose it is.
 *
 * The IPv4 table bears the pool's name, the IPv6 one "tenant/pool/ipv6", also
 * where it is the only one: that name stays when services of the other family
 * come and go.
 */
#ifndef CONTROL_FAMILY_H
#define CONTROL_FAMILY_H

#include "dataplane/dataplane.h"

enum family {
	FAMILY_V4,
	FAMILY_V6,
	N_FAMILIES,
};

static inline enum family family_of(const struct ip_addr *addr)
{
	return IP_IS_V4(*addr) ? FAMILY_V4 : FAMILY_V6;
}

static inline enum family family_other(enum family family)
{
	return family == FAMILY_V4 ? FAMILY_V6 : FAMILY_V4;
}

/* "ipv4", for the API. */
const char *family_name(enum family family);

/* "IPv4", for people. */
const char *family_title(enum family family);

/**
 * family_table() - the name of a pool's table.
 * @pool: "tenant/pool".
 */
void family_table(const char *pool, enum family family,
		  char ret_table[DP_NAME_SIZE]);

/**
 * family_split() - whose table is it?
 * @ret_pool: "tenant/pool".
 */
enum family family_split(const char *table, char ret_pool[DP_NAME_SIZE]);

/* Is it a table of this pool? */
bool family_is_of(const char *table, const char *pool);

#endif
