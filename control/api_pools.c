/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /v1/pools, /v1/services: what is configured and how it stands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"
#include "config/value.h"
#include "control/api_request.h"
#include "control/daemon.h"
#include "control/render.h"
#include "control/text.h"

/* --- settings: every key of the schema, as a config has it --------------- */

static void put_settings(json_t *settings, const struct conf_group *group,
			 const void *base, const char *prefix)
{
	const struct conf_field *field;
	char key[96];
	char *text;
	size_t i;

	for (i = 0; i < group->n_fields; i++) {
		field = &group->fields[i];
		snprintf(key, sizeof(key), "%s%s%s", prefix,
			 prefix[0] ? "." : "", field->key);
		if (field->later || field->kind == KIND_LIST)
			continue;
		if (field->kind == KIND_GROUP) {
			put_settings(settings, field->group,
				     (const char *)base + field->offset, key);
			continue;
		}
		text = conf_value_print(field, base);
		json_object_set_new(settings, key,
				    json_string(text ? text_clean(text) : ""));
		free(text);
	}
}

static json_t *settings(enum conf_section_number section, const void *object)
{
	json_t *object_settings = json_object();

	put_settings(object_settings, conf_section(section)->group, object, "");
	return object_settings;
}

/* --- pools --------------------------------------------------------------- */

/* Members of a pool, counted. */
struct tally {
	uint32_t n;
	uint32_t n_weighted; /* that serve with a weight */
	uint32_t n_conflicts;
	uint32_t by_verdict[VERDICT_N];
};

static struct tally count_members(const struct daemon *d, const char *pool)
{
	struct tally t = { 0 };
	const struct rec_member *m;
	size_t i;

	for (i = 0; i < rec_count(d->rec); i++) {
		m = rec_at(d->rec, i);
		if (strcmp(m->pool_name, pool) != 0)
			continue;
		t.n++;
		t.n_conflicts += m->facts.conflict;
		t.n_weighted += m->answer.verdict == VERDICT_SERVING &&
				m->wanted_weight > 0;
		if (api_is_learning(m))
			t.by_verdict[VERDICT_WAITING]++;
		else if (m->answer.verdict < VERDICT_N)
			t.by_verdict[m->answer.verdict]++;
	}
	return t;
}

/* Why a pool deserves a look. */
static const char *pool_note(const struct rec_pool *kept, const struct tally *t)
{
	if (kept && kept->panic.state != PANIC_CALM)
		return "PANIC: probes are distrusted";
	if (kept && kept->on_backup)
		return "BACKUP: none of its own VMs serves";
	if (!t->n)
		return "no VM matches";
	if (!t->by_verdict[VERDICT_SERVING])
		return "nobody serves";
	return t->n_weighted ? "" : "all that serve have weight 0";
}

static const struct dp_pool_status *pool_status(const struct dp_status *s,
						const char *name)
{
	static const struct dp_pool_status none;
	uint32_t i;

	for (i = 0; i < s->n_pools; i++)
		if (!strcmp(s->pools[i].name, name))
			return &s->pools[i];
	return &none;
}

static void full_name(char buf[DP_NAME_SIZE], const struct conf_tenant *tenant,
		      const char *name)
{
	snprintf(buf, DP_NAME_SIZE, "%s/%s", tenant->name, name);
}

static json_t *one_pool(const struct daemon *d, const struct conf_pool *conf)
{
	const struct dp_pool_status *s;
	const struct rec_pool *kept;
	char name[DP_NAME_SIZE];
	struct tally t;

	full_name(name, conf->tenant, conf->name);
	t = count_members(d, name);
	s = pool_status(&d->status, name);
	kept = rec_pool(d->rec, name);
	return json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:I,s:b,s:s}",
			 "pool", name, "vms", (int)t.n, "serving",
			 (int)t.by_verdict[VERDICT_SERVING], "leaving",
			 (int)(t.by_verdict[VERDICT_LEAVING] +
			       t.by_verdict[VERDICT_GONE]),
			 "waiting", (int)t.by_verdict[VERDICT_WAITING], "slots",
			 (int)s->n_slots, "claiming", (int)s->n_claiming,
			 "moving", (int)s->n_moving, "settling",
			 (int)s->n_settling, "refused",
			 (json_int_t)s->n_refused, "panic",
			 (int)(kept && kept->panic.state != PANIC_CALM), "note",
			 pool_note(kept, &t));
}

json_t *api_pools(struct daemon *d)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < d->conf->n_pools; i++)
		json_array_append_new(list, one_pool(d, &d->conf->pools[i]));
	return list;
}

static json_t *services_of(const struct conf *conf,
			   const struct conf_pool *pool)
{
	json_t *names = json_array();
	char name[DP_NAME_SIZE];
	size_t i;

	for (i = 0; i < conf->n_services; i++) {
		if (conf->services[i].pool != pool)
			continue;
		full_name(name, pool->tenant, conf->services[i].name);
		json_array_append_new(names, json_string(name));
	}
	return names;
}

static json_t *members_of(const struct daemon *d, const char *pool)
{
	json_t *members = json_array();
	const struct rec_member *m;
	size_t i;

	for (i = 0; i < rec_count(d->rec); i++) {
		m = rec_at(d->rec, i);
		if (!strcmp(m->pool_name, pool))
			json_array_append_new(members, api_render_row(d, m));
	}
	return members;
}

/* --- services ------------------------------------------------------------ */

static const struct conf_service *find_conf(const struct conf *conf,
					    const char *wanted)
{
	char name[DP_NAME_SIZE];
	size_t i;

	for (i = 0; i < conf->n_services; i++) {
		full_name(name, conf->services[i].tenant,
			  conf->services[i].name);
		if (!strcmp(name, wanted))
			return &conf->services[i];
	}
	return NULL;
}

/* Why a service deserves a look. */
static void service_note(json_t *service, const struct daemon *d)
{
	const char *pool = json_string_value(json_object_get(service, "pool"));
	struct tally t = count_members(d, pool ? pool : "");
	bool served = t.by_verdict[VERDICT_SERVING] > 0;
	char note[64] = "";

	if (t.n_conflicts)
		snprintf(note, sizeof(note), "%s%u of %u VMs in conflict",
			 served ? "" : "nobody serves: ", t.n_conflicts, t.n);
	else if (!served)
		snprintf(note, sizeof(note), "nobody serves");
	else if (json_is_true(json_object_get(service, "observed")))
		snprintf(note, sizeof(note), "only observed");
	json_object_set_new(service, "note", json_string(note));
}

json_t *api_services(struct daemon *d)
{
	json_t *list = render_services(&d->status);
	json_t *service;
	size_t i;

	json_array_foreach(list, i, service)
		service_note(service, d);
	return list;
}

/* --- answers ------------------------------------------------------------- */

typedef json_t *list_fn(struct daemon *d);

/* The whole list; NULL: the error was answered. */
static json_t *fresh_list(struct api_request *r, list_fn *fn)
{
	if (!daemon_look(r->daemon))
		return fn(r->daemon);
	api_error(r, API_FAILED, NULL, "the tables can't be read");
	return NULL;
}

/* The one of a list that the path names; NULL: the error was answered. */
static json_t *named_one(struct api_request *r, list_fn *fn, const char *what)
{
	char error[RENDER_ERROR_SIZE];
	json_t *list = fresh_list(r, fn);
	json_t *names;
	json_t *one;
	size_t i = 0;
	int rc;

	if (!list)
		return NULL;
	names = json_array();
	rc = render_pick(list, what, r->argument, &i, names, error);
	one = rc ? NULL : json_incref(json_array_get(list, i));
	json_decref(list);
	if (rc)
		api_render_error(r, rc, names, error);
	else
		json_decref(names);
	return one;
}

void api_get_pools(struct api_request *r)
{
	json_t *list = fresh_list(r, api_pools);

	if (list)
		api_answer(r, list);
}

void api_get_pool(struct api_request *r)
{
	json_t *pool = named_one(r, api_pools, "pool");
	const struct conf *conf = r->daemon->conf;
	const char *wanted;
	char name[DP_NAME_SIZE];
	size_t i;

	if (!pool)
		return;
	wanted = json_string_value(json_object_get(pool, "pool"));
	for (i = 0; i < conf->n_pools; i++) {
		full_name(name, conf->pools[i].tenant, conf->pools[i].name);
		if (strcmp(name, wanted) != 0)
			continue;
		json_object_set_new(pool, "services",
				    services_of(conf, &conf->pools[i]));
		json_object_set_new(pool, "settings",
				    settings(SECTION_POOLS, &conf->pools[i]));
		json_object_set_new(pool, "members",
				    members_of(r->daemon, name));
	}
	api_answer(r, pool);
}

void api_get_services(struct api_request *r)
{
	json_t *list = fresh_list(r, api_services);

	if (list)
		api_answer(r, list);
}

void api_get_service(struct api_request *r)
{
	json_t *service = named_one(r, api_services, "service");
	const struct conf_service *conf;

	if (!service)
		return;
	conf = find_conf(r->daemon->conf, json_string_value(json_object_get(
						  service, "service")));
	/* One that has left the config may be in force a moment longer. */
	json_object_set_new(service, "settings",
			    conf ? settings(SECTION_SERVICES, conf) :
				   json_object());
	api_answer(r, service);
}
