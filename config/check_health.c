/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of a pool's probes.
 */
#include <string.h>

#include "config/checker.h"

#define ON(type) (1U << (type))
#define ON_HTTP	 (ON(CONF_HEALTH_HTTP) | ON(CONF_HEALTH_HTTPS))

/* A key that probes of this type have no use for. */
static void check_use(struct checker *c, const struct conf_health *health,
		      const void *value, unsigned int types, const char *names)
{
	if (ON(health->type) & types || !check_is_written(c, value))
		return;
	check_wrong(c, value,
		    "is for type %s, this one is \"%s\"; leave it out", names,
		    conf_health_type_name(health->type));
}

static void check_uses(struct checker *c, const struct conf_health *health)
{
	const unsigned int plain = ON(CONF_HEALTH_TCP) | ON(CONF_HEALTH_UDP);
	const char *tcp = "\"tcp\" or \"udp\"", *http = "\"http\" or \"https\"",
		   *https = "\"https\"";

	check_use(c, health, &health->via, plain | ON_HTTP,
		  "\"tcp\", \"udp\", \"http\" or \"https\"");
	check_use(c, health, &health->send, plain, tcp);
	check_use(c, health, &health->send_hex, plain, tcp);
	check_use(c, health, &health->expect, plain, tcp);
	check_use(c, health, &health->expect_hex, plain, tcp);
	check_use(c, health, &health->path, ON_HTTP, http);
	check_use(c, health, &health->host, ON_HTTP, http);
	check_use(c, health, &health->status, ON_HTTP, http);
	check_use(c, health, &health->sni, ON(CONF_HEALTH_HTTPS), https);
	check_use(c, health, &health->verify, ON(CONF_HEALTH_HTTPS), https);
	check_use(c, health, &health->ca_file, ON(CONF_HEALTH_HTTPS), https);
	check_use(c, health, &health->command, ON(CONF_HEALTH_EXEC),
		  "\"exec\"");
}

/* Letters, digits, dots and dashes: what a request and a certificate have. */
static bool is_host(const char *name, const char *besides)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') ||
		      (name[i] >= 'A' && name[i] <= 'Z') ||
		      (name[i] >= '0' && name[i] <= '9') ||
		      strchr(besides, name[i])))
			return false;
	return i > 0 && i <= 253;
}

static void check_http(struct checker *c, const struct conf_health *health)
{
	if (health->path && (*health->path != '/' || strchr(health->path, ' ')))
		check_wrong(c, &health->path,
			    "\"%.80s\" is no path of a request, one like "
			    "\"/ready\" is, without blanks",
			    health->path);
	if (health->host && *health->host && !is_host(health->host, ".-_:[]"))
		check_wrong(c, &health->host, "\"%.80s\" is no name of a host",
			    health->host);
}

static void check_https(struct checker *c, const struct conf_health *health)
{
	struct ip_addr addr;

	if (!health->sni || check_is_wrong(c, &health->host))
		return;
	if (*health->sni && conf_addr_parse(health->sni, &addr) == 0)
		check_wrong(c, &health->sni,
			    "\"%s\" is an address, a certificate is for a "
			    "name",
			    health->sni);
	else if (*health->sni && !is_host(health->sni, ".-_"))
		check_wrong(c, &health->sni, "\"%.80s\" is no name of a host",
			    health->sni);
	else if (!*health->sni && health->verify)
		check_wrong(c, &health->sni,
			    "is missing, and host has no name either: say "
			    "which one the certificate is for, or verify = "
			    "false");
	if (!health->verify && check_is_written(c, &health->ca_file))
		check_doubt(c, &health->ca_file,
			    "is not looked at, with verify = false");
}

/* Bytes are said in one way. */
static void check_plain(struct checker *c, const struct conf_health *health)
{
	if (*health->send && health->send_hex.n)
		check_wrong(c, &health->send_hex,
			    "says the same as send in another way; leave one "
			    "of them out");
	if (*health->expect && health->expect_hex.n)
		check_wrong(c, &health->expect_hex,
			    "says the same as expect in another way; leave one "
			    "of them out");
}

static void check_udp(struct checker *c, const struct conf_health *health)
{
	if (!*health->send && !health->send_hex.n &&
	    !check_is_wrong(c, &health->send) &&
	    !check_is_wrong(c, &health->send_hex))
		check_wrong(c, &health->send,
			    "is missing; with type \"udp\" it, or send_hex, is "
			    "the datagram that a VM answers");
}

static void check_exec(struct checker *c, const struct conf_health *health)
{
	if (health->command.n == 0 && !check_is_wrong(c, &health->command))
		check_wrong(
			c, &health->command,
			"is missing; with type \"exec\" it says what to "
			"run, like [ \"/usr/lib/drover/check\", \"--quick\" "
			"]");
	else if (health->command.n > 0 && *health->command.text[0] != '/')
		check_wrong(c, &health->command,
			    "\"%.80s\" is no absolute path, as that of the "
			    "program has to be",
			    health->command.text[0]);
}

static bool has_services(const struct conf *conf, const struct conf_pool *pool,
			 bool of_its_kind)
{
	const struct conf_service *service = conf->services;
	size_t i;

	for (i = 0; i < conf->n_services; i++)
		if (check_serves(pool, &service[i]) &&
		    (!of_its_kind || check_speaks(&pool->health, &service[i])))
			return true;
	return false;
}

static void check_port(struct checker *c, const struct conf_pool *pool)
{
	bool is_udp = pool->health.type == CONF_HEALTH_UDP;

	if (pool->health.port || pool->health.type == CONF_HEALTH_EXEC ||
	    !check_services_known(c) || check_is_told(c, &pool->name))
		return;
	if (has_services(c->conf, pool, true))
		check_wrong(c, &pool->health.port,
			    "is missing, and the pool's services use more "
			    "than one port");
	else if (has_services(c->conf, pool, false))
		check_wrong(c, &pool->health.port,
			    "is missing, and the pool's services are %s; these "
			    "probes speak %s and need a port for it",
			    is_udp ? "TCP" : "UDP", is_udp ? "UDP" : "TCP");
	else
		check_wrong(c, &pool->health.port,
			    "is missing, and no service says which port it "
			    "is");
}

void check_health(struct checker *c, const struct conf_pool *pool)
{
	const struct conf_health *health = &pool->health;
	char interval[CONF_TIME_SIZE], timeout[CONF_TIME_SIZE];

	if (health->timeout_ms > health->interval_ms) {
		conf_time_print(health->timeout_ms, timeout, sizeof(timeout));
		conf_time_print(health->interval_ms, interval,
				sizeof(interval));
		check_wrong(c, &health->timeout_ms,
			    "%s is longer than interval, %s", timeout,
			    interval);
	}
	check_port(c, pool);
	if (check_is_wrong(c, &health->type))
		return;
	check_uses(c, health);
	if (ON(health->type) & ON_HTTP)
		check_http(c, health);
	if (health->type == CONF_HEALTH_HTTPS)
		check_https(c, health);
	if (health->type == CONF_HEALTH_TCP || health->type == CONF_HEALTH_UDP)
		check_plain(c, health);
	if (health->type == CONF_HEALTH_UDP)
		check_udp(c, health);
	if (health->type == CONF_HEALTH_EXEC)
		check_exec(c, health);
}
