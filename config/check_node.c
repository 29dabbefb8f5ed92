/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of the node.
 */
#include <string.h>
#include <sys/un.h>

#include "config/checker.h"

#define IFNAME_MAX 15 /* IFNAMSIZ without the zero byte */

static void check_power(struct checker *c, const uint32_t *n)
{
	if (*n & (*n - 1))
		check_wrong(c, n,
			    "%u is no power of two, like 65536 (\"64k\") is",
			    *n);
}

/*
 * The slots that a pool may need: its range is the least of 2^14, 2^16 and 2^20
 * that gives each VM 100 of them, and while it grows it has the shorter one,
 * too.
 */
static uint64_t pool_slots(const struct conf_pool *pool)
{
	uint64_t wanted = (uint64_t)pool->max_backends * 100;

	if (wanted <= 1U << 14)
		return 1U << 14;
	return wanted <= 1U << 16 ? (1U << 16) + (1U << 14) :
				    (1U << 20) + (1U << 16);
}

static void check_limits(struct checker *c)
{
	const struct conf_limits *limits = &c->conf->node.limits;
	const struct conf *conf = c->conf;
	uint64_t n_slots = 0;
	size_t n_tables = 0;
	size_t i;

	check_power(c, &limits->slots);
	check_power(c, &limits->flows);
	check_power(c, &limits->direct_flows);
	if (conf->n_services > limits->services)
		check_wrong(c, &limits->services, "%u is too few for %zu",
			    limits->services, conf->n_services);
	for (i = 0; i < conf->n_pools; i++) {
		n_tables += check_tables(&conf->pools[i]);
		n_slots += pool_slots(&conf->pools[i]) *
			   check_tables(&conf->pools[i]);
		if (conf->pools[i].max_backends > limits->backends)
			check_wrong(c, &conf->pools[i].max_backends,
				    "%u is more than node.limits.backends, %u",
				    conf->pools[i].max_backends,
				    limits->backends);
	}
	if (n_tables > limits->pools)
		check_wrong(c, &limits->pools, "%u is too few for %zu%s",
			    limits->pools, n_tables,
			    n_tables > conf->n_pools ?
				    "; a pool that serves IPv4 and IPv6 "
				    "counts twice" :
				    "");
	if (n_slots > limits->slots)
		check_wrong(c, &limits->slots,
			    "%u is too few, the pools need %llu with their "
			    "max_backends",
			    limits->slots, (unsigned long long)n_slots);
}

void check_interface(struct checker *c, const void *value, const char *name)
{
	if (strlen(name) > IFNAME_MAX || strpbrk(name, "/ :"))
		check_wrong(c, value, "\"%.40s\" is no name of an interface",
			    name);
}

static void check_source(struct checker *c, const struct ip_addr *source,
			 bool wants_v4)
{
	char text[CONF_ADDR_SIZE];

	if (IP_IS_V4(*source) == wants_v4)
		return;
	conf_addr_print(source, text, sizeof(text));
	check_wrong(c, source, "%s is %s", text,
		    wants_v4 ? "IPv6, which probe_source6 is for" :
			       "IPv4, which probe_source is for");
}

void check_node(struct checker *c)
{
	const struct conf_node *node = &c->conf->node;
	size_t i;

	if (node->socket &&
	    strlen(node->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		check_wrong(c, &node->socket,
			    "is longer than the %zu characters that a unix "
			    "socket's path may have",
			    sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	for (i = 0; i < node->uplinks.n; i++)
		check_interface(c, &node->uplinks, node->uplinks.text[i]);
	check_source(c, &node->probe_source, true);
	check_source(c, &node->probe_source6, false);
	check_limits(c);
}
