/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /v1/version, /v1/status, /v1/counters, /v1/explain: what there is to see.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "control/api_request.h"
#include "control/daemon.h"
#include "control/render.h"
#include "control/text.h"

#define NS_PER_MS 1000000ULL
#define NS_PER_US 1000ULL

#define WARNING_SIZE 512

void api_get_version(struct api_request *r)
{
	api_answer(r, json_pack("{s:s,s:i}", "droverd", DROVER_VERSION,
				"state_version", STATE_VERSION));
}

static json_t *hypervisors(struct daemon *d)
{
	uint64_t now_ns = hv_clock_ns();
	const struct inv_hv *hv;
	char error[sizeof(hv->text)];
	struct hv_counters c;
	json_t *list = json_array();
	size_t n_vms;
	size_t i;

	for (hv = inv_hvs(d->inv); hv; hv = hv->next) {
		n_vms = 0;
		for (i = 0; i < inv_count(d->inv); i++)
			n_vms += inv_at(d->inv, i)->hv == hv;
		hypervisors_counters(d->hypervisors, hv->name, &c);
		snprintf(error, sizeof(error), "%s",
			 hv->connected ? "" : hv->text);
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:I,s:I,s:s,s:I,s:I,s:I}",
					"name", hv->name, "state",
					hv->connected ? "connected" : "lost",
					"since_ms",
					(json_int_t)((now_ns - hv->since_ns) /
						     NS_PER_MS),
					"vms", (json_int_t)n_vms, "error",
					text_clean(error), "connects",
					(json_int_t)c.connects, "polls",
					(json_int_t)c.polls, "repairs",
					(json_int_t)c.repairs));
	}
	return list;
}

/* Why a pool deserves a look. */
static const char *pool_note(const struct rec_pool *kept, uint32_t vms,
			     uint32_t serving)
{
	if (kept && kept->panic.state != PANIC_CALM)
		return "PANIC: probes are distrusted";
	if (!vms)
		return "no VM matches";
	return serving ? "" : "nobody serves";
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

static json_t *one_pool(struct daemon *d, const struct conf_pool *conf)
{
	uint32_t count[VERDICT_N] = { 0 };
	const struct dp_pool_status *s;
	const struct rec_member *m;
	char name[DP_NAME_SIZE];
	uint32_t n = 0;
	size_t i;

	snprintf(name, sizeof(name), "%s/%s", conf->tenant->name, conf->name);
	for (i = 0; i < rec_count(d->rec); i++) {
		m = rec_at(d->rec, i);
		if (strcmp(m->pool_name, name) != 0)
			continue;
		n++;
		if (api_is_learning(m))
			count[VERDICT_WAITING]++;
		else if (m->answer.verdict < VERDICT_N)
			count[m->answer.verdict]++;
	}
	s = pool_status(&d->status, name);
	return json_pack(
		"{s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:I,s:b,s:s}", "pool",
		name, "vms", (int)n, "serving", (int)count[VERDICT_SERVING],
		"leaving", (int)(count[VERDICT_LEAVING] + count[VERDICT_GONE]),
		"waiting", (int)count[VERDICT_WAITING], "slots",
		(int)s->n_slots, "claiming", (int)s->n_claiming, "moving",
		(int)s->n_moving, "settling", (int)s->n_settling, "put_off",
		(int)s->n_put_off, "refused", (json_int_t)s->n_refused, "panic",
		(int)(rec_pool(d->rec, name) &&
		      rec_pool(d->rec, name)->panic.state != PANIC_CALM),
		"note",
		pool_note(rec_pool(d->rec, name), n, count[VERDICT_SERVING]));
}

static json_t *pools(struct daemon *d)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < d->conf->n_pools; i++)
		json_array_append_new(list, one_pool(d, &d->conf->pools[i]));
	return list;
}

static void warn(json_t *list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void warn(json_t *list, const char *format, ...)
{
	char text[WARNING_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(list, json_string(text_clean(text)));
}

static json_t *warnings(struct daemon *d)
{
	const struct inv_hv *hv;
	json_t *list = json_array();
	uint32_t i;

	for (hv = inv_hvs(d->inv); hv; hv = hv->next)
		if (!hv->connected)
			warn(list,
			     "hypervisor %s is out of reach (%s): its VMs stay "
			     "as they were, probes decide alone",
			     hv->name,
			     hv->text[0] ? hv->text : "not heard of yet");
	for (i = 0; i < d->status.n_uplinks; i++)
		if (!strcmp(d->status.uplinks[i].mode, "generic"))
			warn(list,
			     "uplink %s runs generic XDP: its driver has no "
			     "native mode, forwarding is slower",
			     d->status.uplinks[i].ifname);
		else if (!strcmp(d->status.uplinks[i].mode, "none"))
			warn(list,
			     "uplink %s: clients' packets there are not looked "
			     "at, see the log",
			     d->status.uplinks[i].ifname);
	if (d->apply_error[0])
		warn(list, "the tables lag behind: %s", d->apply_error);
	return list;
}

void api_get_status(struct api_request *r)
{
	struct daemon *d = r->daemon;
	uint64_t now_ns = hv_clock_ns();

	if (daemon_look(d)) {
		api_error(r, API_FAILED, NULL, "the tables can't be read");
		return;
	}
	api_answer(
		r,
		json_pack(
			"{s:s,s:s,s:s,s:i,s:I,s:s,s:I,s:I,s:o,s:o,s:o,s:o,s:o}",
			"node", d->conf->node.name, "control", "running",
			"droverd", DROVER_VERSION, "pid", (int)getpid(),
			"uptime_ms",
			(json_int_t)((now_ns - d->started_ns) / NS_PER_MS),
			"config", d->conf_path, "publish_us",
			(json_int_t)(d->last.took_ns / NS_PER_US),
			"reaction_us", (json_int_t)(d->reaction_ns / NS_PER_US),
			"dataplane", render_dataplane(&d->status, now_ns),
			"hypervisors", hypervisors(d), "pools", pools(d),
			"services", render_services(&d->status), "warnings",
			warnings(d)));
}

void api_get_counters(struct api_request *r)
{
	api_answer(r, render_counters(r->daemon->dp, r->daemon->engine));
}

static const struct conf_service *find_service(struct api_request *r,
					       const char *wanted)
{
	const struct conf *conf = r->daemon->conf;
	const struct conf_service *found = NULL;
	json_t *names = json_array();
	char name[DP_NAME_SIZE];
	size_t i;

	for (i = 0; wanted && i < conf->n_services; i++) {
		snprintf(name, sizeof(name), "%s/%s",
			 conf->services[i].tenant->name,
			 conf->services[i].name);
		if (!render_name_is(name, wanted))
			continue;
		found = &conf->services[i];
		json_array_append_new(names, json_string(name));
	}
	if (json_array_size(names) > 1) {
		api_error(r, API_AMBIGUOUS, names,
			  "\"%s\" may be one of these services:", wanted);
		return NULL;
	}
	json_decref(names);
	if (!found)
		api_error(r, API_UNKNOWN, NULL,
			  "there is no service \"%s\"; `drover status` lists "
			  "them",
			  wanted ? wanted : "");
	return found;
}

void api_get_explain(struct api_request *r)
{
	const struct conf_service *service;
	const char *kind = api_query(r, "kind");
	struct dp_flow flow = { .kind = FLOW_OTHER };

	if (!render_endpoint_parse(api_query(r, "client"), &flow.client,
				   &flow.client_port)) {
		api_error(r, API_USAGE, NULL,
			  "client: an address and port, like "
			  "198.51.100.7:40000");
		return;
	}
	if (kind && strcmp(kind, "opener") != 0 && strcmp(kind, "other") != 0) {
		api_error(r, API_USAGE, NULL, "kind: opener or other");
		return;
	}
	if (kind && !strcmp(kind, "opener"))
		flow.kind = FLOW_OPENER;
	service = find_service(r, api_query(r, "service"));
	if (!service)
		return;
	flow.vip = service->vip;
	flow.port = service->port;
	flow.proto = (uint8_t)service->protocol;
	api_answer(r, render_explain(r->daemon->dp, r->daemon->engine, &flow));
}
