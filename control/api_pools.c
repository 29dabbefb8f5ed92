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
#include "control/pools.h"
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

/* VMs of a pool, counted. */
struct tally {
	uint32_t n;
	uint32_t n_weighted; /* that serve with a weight */
	uint32_t n_conflicts;
	uint32_t by_role[VERDICT_N];
};

static void count_one(struct tally *t, const struct daemon *d,
		      const struct rec_member *m, bool whole)
{
	enum vm_verdict role = api_role(d, m, whole);

	t->n++;
	t->n_conflicts += m->facts.conflict;
	t->n_weighted += m->answer.verdict == VERDICT_SERVING &&
			 m->wanted_weight > 0;
	if (role < VERDICT_N)
		t->by_role[role]++;
}

/* Those in one of its tables. */
static struct tally count_table(const struct daemon *d, const char *table)
{
	struct rec_member *const *members;
	struct tally t = { 0 };
	size_t n;
	size_t i;

	members = rec_in_table(d->rec, table, &n);
	for (i = 0; i < n; i++)
		count_one(&t, d, members[i], false);
	return t;
}

/* Those in all of its tables, each once. */
static struct tally count_pool(const struct daemon *d, const char *pool)
{
	struct rec_member *const *members;
	char table[DP_NAME_SIZE];
	struct tally t = { 0 };
	int family;
	size_t n;
	size_t i;

	for (family = 0; family < N_FAMILIES; family++) {
		family_table(pool, (enum family)family, table);
		members = rec_in_table(d->rec, table, &n);
		for (i = 0; i < n; i++)
			if (api_is_first(d, members[i]))
				count_one(&t, d, members[i], true);
	}
	return t;
}

/* Why a table deserves a look. */
static const char *table_note(const struct rec_pool *kept,
			      const struct tally *t)
{
	if (kept && kept->panic.state != PANIC_CALM)
		return "PANIC: probes are distrusted";
	if (kept && kept->on_backup)
		return "BACKUP: none of its own VMs serves";
	if (!t->n)
		return "no VM matches";
	if (!t->by_role[VERDICT_SERVING])
		return "nobody serves";
	return t->n_weighted ? "" : "all that serve have weight 0";
}

/* The same of a pool, with the family if it is not true of both. */
static json_t *pool_note(const json_t *families)
{
	const char *notes[N_FAMILIES] = { "", "" };
	char text[160] = "";
	const json_t *family;
	size_t used = 0;
	size_t i;

	json_array_foreach(families, i, family)
		notes[i] = json_string_value(json_object_get(family, "note"));
	if (json_array_size(families) < N_FAMILIES ||
	    !strcmp(notes[0], notes[1]))
		return json_string(notes[0]);
	for (i = 0; i < N_FAMILIES; i++)
		if (notes[i][0])
			used += (size_t)snprintf(text + used,
						 sizeof(text) - used,
						 "%s%s: %s", used ? "; " : "",
						 family_title((enum family)i),
						 notes[i]);
	return json_string(text);
}

static const struct dp_pool_status *table_status(const struct dp_status *s,
						 const char *table)
{
	static const struct dp_pool_status none;
	uint32_t i;

	for (i = 0; i < s->n_pools; i++)
		if (!strcmp(s->pools[i].name, table))
			return &s->pools[i];
	return &none;
}

static void put_tally(json_t *object, const struct tally *t)
{
	const struct {
		const char *key;
		uint32_t n;
	} counts[] = {
		{ "vms", t->n },
		{ "serving", t->by_role[VERDICT_SERVING] },
		{ "leaving",
		  t->by_role[VERDICT_LEAVING] + t->by_role[VERDICT_GONE] },
		{ "waiting", t->by_role[VERDICT_WAITING] },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		json_object_set_new(object, counts[i].key,
				    json_integer(counts[i].n));
}

static void full_name(char buf[DP_NAME_SIZE], const struct conf_tenant *tenant,
		      const char *name)
{
	snprintf(buf, DP_NAME_SIZE, "%s/%s", tenant->name, name);
}

static json_t *one_table(const struct daemon *d, const char *pool,
			 enum family family)
{
	json_t *object = json_pack("{s:s}", "family", family_name(family));
	const struct rec_pool *kept;
	char table[DP_NAME_SIZE];
	struct tally t;

	family_table(pool, family, table);
	t = count_table(d, table);
	kept = rec_pool(d->rec, table);
	put_tally(object, &t);
	render_slots(object, table_status(&d->status, table));
	json_object_set_new(object, "panic",
			    json_boolean(kept &&
					 kept->panic.state != PANIC_CALM));
	json_object_set_new(object, "note", json_string(table_note(kept, &t)));
	return object;
}

static bool any_panics(const json_t *families)
{
	const json_t *family;
	size_t i;

	json_array_foreach(families, i, family)
		if (json_is_true(json_object_get(family, "panic")))
			return true;
	return false;
}

static json_t *one_pool(const struct daemon *d, const struct conf_pool *conf)
{
	struct dp_pool_status sum = { .n_slots = 0 };
	json_t *families = json_array();
	char name[DP_NAME_SIZE];
	char table[DP_NAME_SIZE];
	struct tally t;
	json_t *object;
	int family;

	full_name(name, conf->tenant, conf->name);
	for (family = 0; family < N_FAMILIES; family++) {
		if (!pools_has(conf, (enum family)family))
			continue;
		family_table(name, (enum family)family, table);
		render_add_slots(&sum, table_status(&d->status, table));
		json_array_append_new(families,
				      one_table(d, name, (enum family)family));
	}
	t = count_pool(d, name);
	object = json_pack("{s:s}", "pool", name);
	put_tally(object, &t);
	render_slots(object, &sum);
	json_object_set_new(object, "panic",
			    json_boolean(any_panics(families)));
	json_object_set_new(object, "note", pool_note(families));
	json_object_set_new(object, "families", families);
	return object;
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
		if (!strcmp(m->pool_name, pool) && api_is_first(d, m))
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
	const char *family =
		json_string_value(json_object_get(service, "family"));
	char table[DP_NAME_SIZE];
	char note[64] = "";
	struct tally t;
	bool served;

	family_table(pool ? pool : "",
		     family && !strcmp(family, family_name(FAMILY_V6)) ?
			     FAMILY_V6 :
			     FAMILY_V4,
		     table);
	t = count_table(d, table);
	served = t.by_role[VERDICT_SERVING] > 0;

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
