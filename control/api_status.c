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
	const struct conf_hypervisor *conf;
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
		conf = conf_hypervisor_find(d->conf, hv->name);
		snprintf(error, sizeof(error), "%s",
			 hv->connected ? "" : hv->text);
		json_array_append_new(
			list,
			json_pack("{s:s,s:s,s:b,s:s,s:I,s:I,s:s,s:I,s:I,s:I}",
				  "name", hv->name, "domain",
				  conf ? conf->domain : "", "local",
				  (int)hv->local, "state",
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

static json_t *probes(const struct daemon *d)
{
	struct health_counters c = { 0 };

	if (d->health)
		health_counters(d->health, &c);
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "targets",
			 (json_int_t)c.n_targets, "under_way",
			 (json_int_t)c.n_in_flight, "waiting",
			 (json_int_t)c.n_queued, "made", (json_int_t)c.n_probes,
			 "failed", (json_int_t)c.n_failures, "not_possible",
			 (json_int_t)c.n_blind, "late", (json_int_t)c.n_late);
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
			"{s:s,s:s,s:s,s:i,s:I,s:s,s:I,s:I,s:o,s:o,s:o,s:o,s:o,"
			"s:o}",
			"node", d->conf->node.name, "control", "running",
			"droverd", DROVER_VERSION, "pid", (int)getpid(),
			"uptime_ms",
			(json_int_t)((now_ns - d->started_ns) / NS_PER_MS),
			"config", d->conf_path, "publish_us",
			(json_int_t)(d->last.took_ns / NS_PER_US),
			"reaction_us", (json_int_t)(d->reaction_ns / NS_PER_US),
			"dataplane", render_dataplane(&d->status, now_ns),
			"hypervisors", hypervisors(d), "probes", probes(d),
			"pools", api_pools(d), "services", api_services(d),
			"warnings", warnings(d)));
}

void api_get_counters(struct api_request *r)
{
	api_answer(r, render_counters(r->daemon->dp, r->daemon->engine));
}

void api_get_explain(struct api_request *r)
{
	const char *kind = api_query(r, "kind");
	struct render_question question = { .client = api_query(r, "client"),
					    .service =
						    api_query(r, "service") };
	char error[RENDER_ERROR_SIZE];
	struct daemon *d = r->daemon;
	json_t *data = NULL;
	json_t *names;
	int rc;

	if (kind && strcmp(kind, "opener") != 0 && strcmp(kind, "other") != 0) {
		api_error(r, API_USAGE, NULL, "kind: opener or other");
		return;
	}
	question.opener = kind && !strcmp(kind, "opener");
	if (daemon_look(d)) {
		api_error(r, API_FAILED, NULL, "the tables can't be read");
		return;
	}
	names = json_array();
	rc = render_explain(d->dp, d->engine, &d->status, &question, &data,
			    names, error);
	if (rc) {
		api_render_error(r, rc, names, error);
		return;
	}
	json_decref(names);
	api_answer(r, data);
}
