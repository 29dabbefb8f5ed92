/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a request's path, query and body to the function that answers it, and
 * the form of answers. Knows no socket, so that tests can reach all of it.
 */
#include <errno.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/api_request.h"
#include "control/daemon.h"
#include "control/text.h"

#define MESSAGE_SIZE 512
#define BODY_MAX     65536 /* but of PUT, which brings the whole of something */

static const struct {
	const char *method;
	const char *path; /* a '*' takes one segment */
	void (*handle)(struct api_request *r);
} routes[] = {
	{ "GET", "/v1/version", api_get_version },
	{ "GET", "/v1/status", api_get_status },
	{ "GET", "/v1/vms", api_get_vms },
	{ "GET", "/v1/vms/*", api_get_vm },
	{ "GET", "/v1/vms/*/*", api_get_vm },
	{ "POST", "/v1/vms/*/drain", api_post_drain },
	{ "POST", "/v1/vms/*/*/drain", api_post_drain },
	{ "DELETE", "/v1/vms/*/drain", api_delete_drain },
	{ "DELETE", "/v1/vms/*/*/drain", api_delete_drain },
	{ "POST", "/v1/vms/*/weight", api_post_weight },
	{ "POST", "/v1/vms/*/*/weight", api_post_weight },
	{ "DELETE", "/v1/vms/*/weight", api_delete_weight },
	{ "DELETE", "/v1/vms/*/*/weight", api_delete_weight },
	{ "POST", "/v1/vms/*/tags", api_post_tags },
	{ "POST", "/v1/vms/*/*/tags", api_post_tags },
	{ "GET", "/v1/pools", api_get_pools },
	{ "GET", "/v1/pools/*", api_get_pool },
	{ "GET", "/v1/pools/*/*", api_get_pool },
	{ "GET", "/v1/services", api_get_services },
	{ "GET", "/v1/services/*", api_get_service },
	{ "GET", "/v1/services/*/*", api_get_service },
	{ "GET", "/v1/inventory/*", api_get_inventory },
	{ "PUT", "/v1/inventory/*", api_put_inventory },
	{ "GET", "/v1/explain", api_get_explain },
	{ "GET", "/v1/events", api_get_events },
	{ "GET", "/v1/counters", api_get_counters },
	{ "GET", "/v1/reload", api_get_reload },
	{ "POST", "/v1/reload", api_post_reload },
	{ "POST", "/v1/detach", api_post_detach },
};

/*
 * Does the path fit the pattern? Segments under '*' become the argument, two of
 * them joined by '/': a VM may be named hypervisor/name, quoted or not.
 */
static bool path_fits(const char *pattern, const char *path, char *argument,
		      size_t size)
{
	size_t used = 0;

	argument[0] = '\0';
	while (*pattern) {
		if (*pattern != '*') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		if (!*path || *path == '/')
			return false;
		if (used)
			argument[used++] = '/';
		while (*path && *path != '/') {
			if (used + 2 >= size)
				return false;
			argument[used++] = *path++;
		}
		argument[used] = '\0';
		pattern++;
	}
	return !*path;
}

static void send_json(struct api_request *r, int status, json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT | JSON_PRESERVE_ORDER);

	json_decref(answer);
	if (text)
		r->send(r->send_arg, status, text);
	else
		r->send(r->send_arg, 500,
			"{\"schema\":1,\"error\":{\"code\":\"failed\","
			"\"message\":\"out of memory\",\"details\":[]}}");
	free(text);
}

void api_answer(struct api_request *r, json_t *data)
{
	if (!data) {
		api_error(r, API_FAILED, NULL, "out of memory");
		return;
	}
	send_json(r, 200, json_pack("{s:i,s:o}", "schema", 1, "data", data));
}

void api_error(struct api_request *r, enum api_code code, json_t *details,
	       const char *format, ...)
{
	static const struct {
		int status;
		const char *name;
	} codes[] = {
		[API_USAGE] = { 400, "usage" },
		[API_UNKNOWN] = { 404, "unknown" },
		[API_AMBIGUOUS] = { 409, "ambiguous" },
		[API_REFUSED] = { 422, "refused" },
		[API_FAILED] = { 500, "failed" },
		[API_DEADLINE] = { 504, "deadline" },
	};
	char message[MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (!details)
		details = json_array();
	send_json(r, codes[code].status,
		  json_pack("{s:i,s:{s:s,s:s,s:o}}", "schema", 1, "error",
			    "code", codes[code].name, "message",
			    text_clean(message), "details", details));
}

void api_render_error(struct api_request *r, int rc, json_t *names,
		      const char *text)
{
	enum api_code code = API_FAILED;

	if (rc == -EINVAL)
		code = API_USAGE;
	else if (rc == -ENOENT)
		code = API_UNKNOWN;
	else if (rc == -ENOTUNIQ)
		code = API_AMBIGUOUS;
	api_error(r, code, names, "%s", text);
}

const char *api_query(const struct api_request *r, const char *key)
{
	return evhttp_find_header(&r->query, key);
}

bool api_only_fields(struct api_request *r, const char *const *known,
		     size_t n_known)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach(r->body, key, value) {
		for (i = 0; i < n_known; i++)
			if (!strcmp(key, known[i]))
				break;
		if (i == n_known) {
			api_error(r, API_USAGE, NULL,
				  "there is no field \"%s\"", key);
			return false;
		}
	}
	return true;
}

/* The body as a JSON object; an empty one counts as {}. NULL: answered. */
static json_t *read_body(struct api_request *r, const char *data, size_t size,
			 size_t max_size)
{
	json_error_t error;
	json_t *body;

	if (size > max_size) {
		api_error(r, API_USAGE, NULL,
			  "the body is too long, at most %zu KiB are allowed",
			  max_size / 1024);
		return NULL;
	}
	if (!size)
		return json_object();
	body = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);
	if (!body)
		api_error(r, API_USAGE, NULL,
			  "the body is no JSON: line %d: %s", error.line,
			  error.text);
	else if (!json_is_object(body))
		api_error(r, API_USAGE, NULL, "the body is no JSON object");
	else
		return body;
	json_decref(body);
	return NULL;
}

static void route(struct api_request *r, const char *method, const char *path)
{
	bool path_known = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(routes); i++) {
		if (!path_fits(routes[i].path, path, r->argument,
			       sizeof(r->argument)))
			continue;
		path_known = true;
		if (!strcmp(routes[i].method, method)) {
			routes[i].handle(r);
			return;
		}
	}
	if (path_known)
		api_error(r, API_USAGE, NULL, "%s is not for %s", method, path);
	else
		api_error(r, API_UNKNOWN, NULL, "there is no %s", path);
}

/* Percent-decoded; NULL if it would hold a zero byte, which ends no name. */
static char *decode_path(const char *path)
{
	size_t size = 0;
	char *text = evhttp_uridecode(path ? path : "/", 0, &size);

	if (text && strlen(text) == size)
		return text;
	free(text);
	return NULL;
}

void api_dispatch(struct api_request *r, const char *method, const char *path,
		  const char *query, const char *body, size_t body_size)
{
	char *decoded;

	if (r->daemon->detached) {
		api_error(r, API_REFUSED, NULL, "Drover is being detached");
		return;
	}
	decoded = decode_path(path);
	if (!decoded || evhttp_parse_query_str(query ? query : "", &r->query)) {
		api_error(r, API_USAGE, NULL, "the path can't be understood");
		free(decoded);
		return;
	}
	r->body = read_body(r, body, body_size,
			    strcmp(method, "PUT") ? BODY_MAX : API_BODY_MAX);
	if (r->body)
		route(r, method, decoded);
	json_decref(r->body);
	evhttp_clear_headers(&r->query);
	free(decoded);
}
