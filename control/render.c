/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The forwarding state as JSON.
 */
#include "control/render.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "control/family.h"
#include "dataplane/names.h"

uint64_t render_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void render_uuid(const uint8_t uuid[DP_UUID_SIZE], char buf[RENDER_UUID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *out = buf;
	int i;

	for (i = 0; i < DP_UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = digits[uuid[i] >> 4];
		*out++ = digits[uuid[i] & 15];
	}
	*out = '\0';
}

bool render_name_is(const char *full, const char *wanted)
{
	const char *slash = strchr(full, '/');

	return !strcmp(full, wanted) || (slash && !strcmp(slash + 1, wanted));
}

static json_t *render_addr(const struct ip_addr *addr)
{
	char text[CONF_ADDR_SIZE];

	conf_addr_print(addr, text, sizeof(text));
	return json_string(text);
}

void render_traffic(json_t *object, const struct traffic *t)
{
	const struct {
		const char *key;
		uint64_t value;
	} fields[] = {
		{ "in_packets", t->in_packets },
		{ "in_bytes", t->in_bytes },
		{ "out_packets", t->out_packets },
		{ "out_bytes", t->out_bytes },
		{ "openers", t->openers },
		{ "ends", t->ends },
		{ "refused", t->refused },
		{ "evicted", t->evicted },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		json_object_set_new(object, fields[i].key,
				    json_integer((json_int_t)fields[i].value));
}

json_t *render_dataplane(const struct dp_status *status, uint64_t now_ns)
{
	json_t *uplinks = json_array();
	uint32_t i;

	for (i = 0; i < status->n_uplinks; i++)
		json_array_append_new(
			uplinks, json_pack("{s:s,s:s}", "name",
					   status->uplinks[i].ifname, "mode",
					   status->uplinks[i].mode));
	return json_pack(
		"{s:s,s:i,s:I,s:I,s:I,s:I,s:I,s:o}", "engine", status->engine,
		"version", (int)status->version, "generation",
		(json_int_t)status->generation, "published_ago_ms",
		(json_int_t)((now_ns - status->published_ns) / 1000000),
		"memory_bytes", (json_int_t)status->memory_bytes,
		"flow_entries", (json_int_t)status->n_flow_entries,
		"flow_entries_max", (json_int_t)status->limits.n_flows,
		"uplinks", uplinks);
}

static const char *protocol_name(const struct dp_service_status *s)
{
	switch (s->proto) {
	case IP_PROTO_TCP:
		return "tcp";
	case IP_PROTO_UDP:
		return s->quic ? "quic" : "udp";
	default:
		return "?";
	}
}

json_t *render_services(const struct dp_status *status)
{
	const struct dp_service_status *s;
	json_t *services = json_array();
	char pool[DP_NAME_SIZE];
	json_t *service;
	uint32_t i;

	for (i = 0; i < status->n_services; i++) {
		s = &status->services[i];
		(void)family_split(s->pool, pool);
		service = json_pack("{s:s,s:o,s:i,s:s,s:s,s:i,s:s}", "service",
				    s->name, "vip", render_addr(&s->vip),
				    "port", (int)s->port, "protocol",
				    protocol_name(s), "pool", pool,
				    "target_port", (int)s->target_port,
				    "family", family_name(family_of(&s->vip)));
		json_object_set_new(service, "observed",
				    json_boolean(s->observed));
		render_traffic(service, &s->traffic);
		json_array_append_new(services, service);
	}
	return services;
}

void render_slots(json_t *object, const struct dp_pool_status *status)
{
	const struct {
		const char *key;
		uint64_t value;
	} fields[] = {
		{ "slots", status->n_slots },
		{ "claiming", status->n_claiming },
		{ "moving", status->n_moving },
		{ "settling", status->n_settling },
		{ "put_off", status->n_put_off },
		{ "refused", status->n_refused },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		json_object_set_new(object, fields[i].key,
				    json_integer((json_int_t)fields[i].value));
}

void render_add_slots(struct dp_pool_status *sum,
		      const struct dp_pool_status *more)
{
	sum->n_slots += more->n_slots;
	sum->n_claiming += more->n_claiming;
	sum->n_moving += more->n_moving;
	sum->n_settling += more->n_settling;
	sum->n_put_off += more->n_put_off;
	sum->n_refused += more->n_refused;
}

json_t *render_offline(struct dp *dp, const struct dp_ops *ops)
{
	uint64_t now_ns = render_now_ns();
	struct dp_status status;
	json_t *data;

	if (ops->status(dp, now_ns, &status))
		return NULL;
	data = json_pack("{s:s,s:s,s:o,s:[],s:o,s:o,s:[]}", "node", "",
			 "control", "not running", "dataplane",
			 render_dataplane(&status, now_ns), "hypervisors",
			 "pools", render_pools(&status), "services",
			 render_services(&status), "warnings");
	dp_status_free(&status);
	return data;
}

static json_t *counters_backends(const struct dp_status *status)
{
	const struct dp_backend_status *b;
	char uuid[RENDER_UUID_SIZE];
	char pool[DP_NAME_SIZE];
	json_t *backends = json_array();
	enum family family;
	json_t *backend;
	uint32_t i;

	for (i = 0; i < status->n_backends; i++) {
		b = &status->backends[i];
		render_uuid(b->uuid, uuid);
		family = family_split(b->pool, pool);
		backend = json_pack("{s:s,s:s,s:s,s:i,s:s}", "name", b->name,
				    "uuid", uuid, "pool", pool, "backend",
				    (int)b->number, "family",
				    family_name(family));
		render_traffic(backend, &b->traffic);
		json_array_append_new(backends, backend);
	}
	return backends;
}

static json_t *counters_reasons(const struct reason_count *counts)
{
	json_t *reasons = json_array();
	int i;

	for (i = REASON_NONE + 1; i < N_REASONS; i++)
		json_array_append_new(
			reasons,
			json_pack("{s:s,s:I,s:I,s:s}", "reason",
				  name_of_reason((enum reason)i), "packets",
				  (json_int_t)counts[i].packets, "bytes",
				  (json_int_t)counts[i].bytes, "text",
				  explain_reason((enum reason)i)));
	return reasons;
}

json_t *render_counters(struct dp *dp, const struct dp_ops *ops)
{
	struct dp_status status;
	json_t *data;

	if (ops->status(dp, render_now_ns(), &status))
		return NULL;
	data = json_pack("{s:o,s:o,s:o,s:o}", "services",
			 render_services(&status), "backends",
			 counters_backends(&status), "reasons",
			 counters_reasons(status.reasons), "as_if",
			 counters_reasons(status.as_if));
	dp_status_free(&status);
	return data;
}

/* The rule that decided, in a sentence. */
static const char *explain_rule(const struct dp_flow *flow,
				const struct dp_explanation *x)
{
	uint32_t word = x->slot_word;
	bool opener = flow->kind == FLOW_OPENER;

	if (!x->pool[0])
		return "no service has this address, port and protocol";
	if (!(word & SLOT_TRACKED))
		return "steady: every packet goes to current, no entry is asked";
	if (x->has_entry && !(opener && x->entry_closing))
		return "the flow has an entry, and it decides";
	if (slot_current(word) == slot_base(word))
		return word & SLOT_MOVING ?
			       "claiming: a move is announced; base, and an "
			       "entry is made" :
			       "settling: current; no entry is made any more";
	if (flow->kind == FLOW_UDP)
		return word & SLOT_MOVING ?
			       "moving: a flow without an entry may be base's, "
			       "and an entry is made" :
			       "moving, udp_idle is over: a flow without an "
			       "entry is a new one and goes to current, and an "
			       "entry is made";
	if (opener)
		return "moving: a new connection goes to current, and an entry "
		       "is made";
	return "moving: an open connection without an entry is base's, and an "
	       "entry is made";
}

static json_t *explain_slot(const struct dp_explanation *x)
{
	return json_pack("{s:i,s:i,s:s,s:s,s:s}", "index", (int)x->slot, "of",
			 (int)x->n_slots, "state", name_of_slot(x->slot_word),
			 "current", x->current_name, "base", x->base_name);
}

static json_t *explain_entry(const struct dp_explanation *x)
{
	if (!x->has_entry)
		return json_null();
	return json_pack("{s:s,s:b,s:I}", "class",
			 name_of_flow_class(x->entry_class), "closing",
			 (int)x->entry_closing, "left_ms",
			 (json_int_t)x->entry_left_ms);
}

static json_t *endpoint(const struct ip_addr *addr, uint16_t port)
{
	char text[CONF_ADDR_SIZE];

	conf_addr_print(addr, text, sizeof(text));
	return json_sprintf(IP_IS_V4(*addr) ? "%s:%u" : "[%s]:%u", text,
			    (unsigned)port);
}

static json_t *explanation(struct dp *dp, const struct dp_ops *ops,
			   const struct dp_flow *flow)
{
	struct dp_explanation x;
	char uuid[RENDER_UUID_SIZE] = "";
	char pool[DP_NAME_SIZE];
	json_t *data;

	if (ops->explain(dp, flow, render_now_ns(), &x))
		return NULL;
	(void)family_split(x.pool, pool);
	if (x.backend)
		render_uuid(x.uuid, uuid);
	data = json_pack(
		"{s:o,s:s,s:s,s:o,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:o,s:o}",
		"client", endpoint(&flow->client, flow->client_port), "service",
		x.service, "pool", pool, "vip",
		endpoint(&flow->vip, flow->port), "verdict",
		name_of_verdict(x.verdict), "reason",
		x.reason ? explain_reason(x.reason) : "", "as_if",
		x.as_if ? explain_reason(x.as_if) : "", "rule",
		explain_rule(flow, &x), "vm", x.backend_name, "uuid", uuid,
		"target",
		x.backend ? endpoint(&x.addr, x.target_port) : json_string(""),
		"port", x.ifname, "slot",
		x.pool[0] ? explain_slot(&x) : json_null(), "entry",
		explain_entry(&x));
	return data;
}

int render_pick(const json_t *list, const char *what, const char *word,
		size_t *ret_index, json_t *candidates, char *error)
{
	const json_t *object;
	const char *name;
	size_t found = 0;
	size_t n = 0;
	size_t i;

	json_array_foreach(list, i, object) {
		name = json_string_value(json_object_get(object, what));
		if (!word || !name || !render_name_is(name, word))
			continue;
		json_array_append_new(candidates, json_string(name));
		found = i;
		n++;
	}
	if (n == 1) {
		*ret_index = found;
		return 0;
	}
	if (n)
		snprintf(error, RENDER_ERROR_SIZE,
			 "\"%s\" may be one of these %ss:", word, what);
	else
		snprintf(error, RENDER_ERROR_SIZE,
			 "there is no %s \"%s\"; `drover %ss` lists them", what,
			 word ? word : "", what);
	return n ? -ENOTUNIQ : -ENOENT;
}

int render_explain(struct dp *dp, const struct dp_ops *ops,
		   const struct dp_status *status,
		   const struct render_question *question, json_t **ret_data,
		   json_t *candidates, char *error)
{
	struct dp_flow flow = { .port = 0 };
	const struct dp_service_status *s;
	json_t *services;
	size_t i = 0;
	int rc;

	if (!question->client ||
	    conf_endpoint_parse(question->client, &flow.client,
				&flow.client_port) < 0) {
		snprintf(error, RENDER_ERROR_SIZE,
			 "\"%s\" is no address and port of a client, like "
			 "198.51.100.7:40000",
			 question->client ? question->client : "");
		return -EINVAL;
	}
	services = render_services(status);
	rc = render_pick(services, "service", question->service, &i, candidates,
			 error);
	json_decref(services);
	if (rc)
		return rc;
	s = &status->services[i];
	if (IP_IS_V4(flow.client) != IP_IS_V4(s->vip)) {
		snprintf(error, RENDER_ERROR_SIZE,
			 "service %s has an IPv%d address: no packet from %s "
			 "comes there",
			 s->name, IP_IS_V4(s->vip) ? 4 : 6, question->client);
		return -EINVAL;
	}
	flow.vip = s->vip;
	flow.port = s->port;
	flow.proto = s->proto;
	flow.kind = question->opener ? FLOW_OPENER : FLOW_OTHER;
	if (s->proto == IP_PROTO_UDP && !s->quic) {
		/* What begins a flow can't be seen. */
		if (question->opener) {
			snprintf(error, RENDER_ERROR_SIZE,
				 "service %s is UDP, whose packets are all "
				 "alike: there is none that opens a connection",
				 s->name);
			return -EINVAL;
		}
		flow.kind = FLOW_UDP;
	}
	*ret_data = explanation(dp, ops, &flow);
	if (*ret_data)
		return 0;
	snprintf(error, RENDER_ERROR_SIZE, "the tables can't be read");
	return -EIO;
}
