/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Members of pools -> targets of probes.
 */
#include "control/targets.h"

#include <stdio.h>
#include <string.h>

#include "control/log.h"
#include "control/member.h"

static struct health_params params_of(const struct conf_health *c)
{
	return (struct health_params){
		.interval_ms = c->interval_ms,
		.timeout_ms = c->timeout_ms,
		.rise = c->rise,
		.fall = c->fall,
		.jitter_percent = c->jitter_percent,
	};
}

static const char *or_none(const char *text)
{
	return text && *text ? text : NULL;
}

/* As text, or by its digits. */
static struct health_bytes bytes_of(const char *text,
				    const struct conf_bytes *hex)
{
	return *text ? (struct health_bytes){ text, strlen(text) } :
		       (struct health_bytes){ hex->byte, hex->n };
}

static enum health_kind kind_of(const struct conf_health *c)
{
	bool talks = *c->send || *c->expect || c->send_hex.n || c->expect_hex.n;

	switch (c->type) {
	case CONF_HEALTH_HTTP:
		return HEALTH_HTTP;
	case CONF_HEALTH_HTTPS:
		return HEALTH_HTTPS;
	case CONF_HEALTH_UDP:
		return HEALTH_UDP;
	case CONF_HEALTH_EXEC:
		return HEALTH_EXEC;
	case CONF_HEALTH_TCP:
		break;
	}
	return talks ? HEALTH_TCP_ANSWER : HEALTH_TCP;
}

/**
 * struct named - what a command is told of its VM, besides where it is.
 * @text: of its environment.
 * @list: the same.
 */
struct named {
	char text[3][DP_NAME_SIZE + 16];
	const char *list[3];
};

static void name(const struct rec_member *m, struct named *ret)
{
	char uuid[HV_UUID_TEXT];
	size_t i;

	hv_uuid_print(m->uuid, uuid);
	snprintf(ret->text[0], sizeof(ret->text[0]), "DROVER_VM=%s",
		 m->vm_name);
	snprintf(ret->text[1], sizeof(ret->text[1]), "DROVER_UUID=%s", uuid);
	snprintf(ret->text[2], sizeof(ret->text[2]), "DROVER_POOL=%s",
		 m->pool_name);
	for (i = 0; i < ARRAY_SIZE(ret->list); i++)
		ret->list[i] = ret->text[i];
}

/* @named is filled in, and has to live as long as the answer. */
static struct health_how how_of(const struct rec_member *m, struct named *named)
{
	const struct conf_health *c = member_health(m);

	name(m, named);
	return (struct health_how){
		.send = bytes_of(c->send, &c->send_hex),
		.expect = bytes_of(c->expect, &c->expect_hex),
		.path = or_none(c->path),
		.host = or_none(c->host),
		.status = c->status.number,
		.n_status = c->status.n,
		.sni = or_none(c->sni),
		.ca_file = or_none(c->ca_file),
		.verify = c->verify,
		.argv = { c->command.text, c->command.n },
		.env = { named->list, c->command.n ? 3 : 0 },
	};
}

void targets_drop(struct health *health, struct rec_member *m)
{
	if (!m->has_target)
		return;
	(void)health_remove(health, m->id);
	m->has_target = false;
	memset(&m->probe, 0, sizeof(m->probe));
}

static void add_target(struct health *health, struct rec_member *m)
{
	const struct conf_health *c = member_health(m);
	struct named named;
	struct health_target target = {
		.id = m->id,
		.kind = kind_of(c),
		.addr = m->way.at,
		.shown = m->addr,
		.port = c->port,
		.how = how_of(m, &named),
		.params = params_of(c),
		.initial = m->probe.state,
	};
	int rc;

	memcpy(target.device, m->way.device, sizeof(target.device));
	rc = health_add(health, &target);
	if (rc) {
		log_err("vm %s: can't be probed: %s", m->vm_name,
			strerror(-rc));
		return;
	}
	m->has_target = true;
	m->target_addr = m->addr;
	m->target_port = c->port;
	m->target_way = m->way;
}

static bool same_way(const struct rec_way *a, const struct rec_way *b)
{
	return !memcmp(&a->at, &b->at, sizeof(a->at)) &&
	       !strcmp(a->device, b->device);
}

/* By another way, or asked another thing, it is still the same VM: what is known of it stays. */
static void change_way(struct health *health, struct rec_member *m)
{
	(void)health_remove(health, m->id);
	m->has_target = false;
}

bool targets_wanted(const struct rec_member *m, const struct inv *inv)
{
	const struct inv_vm *vm = inv_get(inv, m->uuid);

	return m->pool && m->has_addr &&
	       (vm ? vm->run == INV_RUN_UP : m->in_tables);
}

static void update_one(struct health *health, struct rec_member *m,
		       const struct inv *inv)
{
	struct health_params params;
	struct named named;
	struct health_how how;

	if (!targets_wanted(m, inv) || !m->way.is_there) {
		targets_drop(health, m);
		return;
	}
	params = params_of(member_health(m));
	how = how_of(m, &named);
	if (m->has_target &&
	    (memcmp(&m->target_addr, &m->addr, sizeof(m->addr)) != 0 ||
	     m->target_port != member_health(m)->port))
		targets_drop(health, m);
	else if (m->has_target &&
		 (!same_way(&m->target_way, &m->way) ||
		  !health_asks(health, m->id, kind_of(member_health(m)), &how)))
		change_way(health, m);
	if (!m->has_target)
		add_target(health, m);
	else if (health_change(health, m->id, &params))
		log_err("vm %s: its probe can't be changed", m->vm_name);
}

void targets_update(struct health *health, struct rec *rec,
		    const struct inv *inv)
{
	size_t i;

	for (i = 0; i < rec_count(rec); i++)
		update_one(health, rec_at(rec, i), inv);
}
