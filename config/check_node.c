/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of the node and of the hypervisors.
 */
#include <string.h>
#include <sys/un.h>

#include "config/checker.h"

#define IFNAME_MAX 15 /* IFNAMSIZ without the zero byte */

static void check_path(struct checker *c, const char *const *path)
{
	if (*path && **path != '/')
		check_wrong(c, path, "\"%.80s\" is no absolute path", *path);
}

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
	size_t i;

	check_power(c, &limits->slots);
	check_power(c, &limits->flows);
	check_power(c, &limits->direct_flows);
	if (conf->n_services > limits->services)
		check_wrong(c, &limits->services, "%u is too few for %zu",
			    limits->services, conf->n_services);
	if (conf->n_pools > limits->pools)
		check_wrong(c, &limits->pools, "%u is too few for %zu",
			    limits->pools, conf->n_pools);
	for (i = 0; i < conf->n_pools; i++) {
		n_slots += pool_slots(&conf->pools[i]);
		if (conf->pools[i].max_backends > limits->backends)
			check_wrong(c, &conf->pools[i].max_backends,
				    "%u is more than node.limits.backends, %u",
				    conf->pools[i].max_backends,
				    limits->backends);
	}
	if (n_slots > limits->slots)
		check_wrong(c, &limits->slots,
			    "%u is too few, the pools need %llu with their "
			    "max_backends",
			    limits->slots, (unsigned long long)n_slots);
}

void check_node(struct checker *c)
{
	const struct conf_node *node = &c->conf->node;
	const char *uplink;
	size_t i;

	check_path(c, &node->state_dir);
	check_path(c, &node->pin_dir);
	check_path(c, &node->socket);
	if (node->socket &&
	    strlen(node->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		check_wrong(c, &node->socket,
			    "is longer than the %zu characters that a unix "
			    "socket's path may have",
			    sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	for (i = 0; i < node->uplinks.n; i++) {
		uplink = node->uplinks.text[i];
		if (strlen(uplink) > IFNAME_MAX || strpbrk(uplink, "/ :"))
			check_wrong(c, &node->uplinks,
				    "\"%.40s\" is no name of an interface",
				    uplink);
	}
	check_limits(c);
}

/* --- hypervisors -------------------------------------------------------- */

static bool has_name(const void *object)
{
	return ((const struct conf_hypervisor *)object)->name;
}

static int by_name(const void *a, const void *b)
{
	const struct conf_hypervisor *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void same_name(struct checker *c, const void *first, const void *again)
{
	const struct conf_hypervisor *x = first, *y = again;
	char where[CHECK_WHERE_SIZE];

	check_wrong(c, &y->name, "there is a hypervisor \"%s\" already (%s)",
		    y->name, check_where(&y->place, &x->place, where));
}

static bool has_uri(const void *object)
{
	const struct conf_hypervisor *hypervisor = object;

	return has_name(object) && hypervisor->uri && *hypervisor->uri;
}

static int by_uri(const void *a, const void *b)
{
	const struct conf_hypervisor *x = a, *y = b;

	return strcmp(x->uri, y->uri);
}

static void same_uri(struct checker *c, const void *first, const void *again)
{
	const struct conf_hypervisor *x = first, *y = again;
	char where[CHECK_WHERE_SIZE];

	check_wrong(c, &y->uri, "\"%.80s\" is hypervisor \"%s\"'s already (%s)",
		    y->uri, x->name, check_where(&y->place, &x->place, where));
}

/* driver[+transport]://[host]/path, as libvirt has it */
static void check_uri(struct checker *c, const char *const *uri)
{
	const char *rest = strstr(*uri, "://");
	size_t n_driver = strcspn(*uri, "+:");

	if (!rest || rest == *uri)
		check_wrong(
			c, uri,
			"\"%.80s\" is no URI of libvirt, \"qemu:///system\" "
			"is",
			*uri);
	else if (n_driver != 4 || (strncmp(*uri, "qemu", 4) != 0 &&
				   strncmp(*uri, "test", 4) != 0))
		check_wrong(c, uri,
			    "driver \"%.*s\" is not supported yet by this "
			    "version, \"qemu\" is",
			    (int)n_driver, *uri);
}

void check_hypervisors(struct checker *c)
{
	static const struct check_twins names = { has_name, by_name,
						  same_name };
	static const struct check_twins uris = { has_uri, by_uri, same_uri };
	const struct conf *conf = c->conf;
	size_t i;

	check_twins(c, &names, conf->hypervisors, conf->n_hypervisors,
		    sizeof(*conf->hypervisors));
	check_twins(c, &uris, conf->hypervisors, conf->n_hypervisors,
		    sizeof(*conf->hypervisors));
	for (i = 0; i < conf->n_hypervisors; i++)
		if (has_uri(&conf->hypervisors[i]))
			check_uri(c, &conf->hypervisors[i].uri);
	/* Unless the list itself is wrong, which has been said then. */
	if (conf->n_hypervisors == 0 && c->errs->n_errors == 0)
		check_wrong(c, NULL,
			    "hypervisors: there is none, at least one has to "
			    "be");
}
