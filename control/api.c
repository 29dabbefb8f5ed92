/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HTTP/JSON API: socket, routes, answers. What an answer says is made in
 * api_views.c and api_actions.c.
 */
#include "control/api.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/api_request.h"
#include "control/daemon.h"
#include "control/log.h"

#define BODY_MAX_SIZE	 65536
#define HEADERS_MAX_SIZE 16384
#define BACKLOG		 64
#define TIMEOUT_S	 30

struct api {
	struct daemon *daemon;
	struct evhttp *http;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

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
	{ "GET", "/v1/explain", api_get_explain },
	{ "GET", "/v1/events", api_get_events },
	{ "GET", "/v1/counters", api_get_counters },
	{ "POST", "/v1/reload", api_post_reload },
	{ "POST", "/v1/detach", api_post_detach },
};

static const char *method_name(struct evhttp_request *request)
{
	switch (evhttp_request_get_command(request)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	default:
		return "?";
	}
}

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
	struct evbuffer *buffer = evbuffer_new();
	char *text = json_dumps(answer, JSON_COMPACT | JSON_PRESERVE_ORDER);

	json_decref(answer);
	if (!buffer || !text) {
		evhttp_send_error(r->http, 500, "out of memory");
	} else {
		evbuffer_add(buffer, text, strlen(text));
		evbuffer_add(buffer, "\n", 1);
		evhttp_add_header(evhttp_request_get_output_headers(r->http),
				  "Content-Type", "application/json");
		evhttp_send_reply(r->http, status, NULL, buffer);
	}
	free(text);
	if (buffer)
		evbuffer_free(buffer);
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
	};
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (!details)
		details = json_array();
	send_json(r, codes[code].status,
		  json_pack("{s:i,s:{s:s,s:s,s:o}}", "schema", 1, "error",
			    "code", codes[code].name, "message", message,
			    "details", details));
}

const char *api_query(const struct api_request *r, const char *key)
{
	return evhttp_find_header(&r->query, key);
}

/* The body as a JSON object; an empty one counts as {}. NULL: answered. */
static json_t *read_body(struct api_request *r)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(r->http);
	size_t size = evbuffer_get_length(in);
	json_error_t error;
	json_t *body;

	if (!size)
		return json_object();
	body = json_loadb((const char *)evbuffer_pullup(in, -1), size,
			  JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(body)) {
		json_decref(body);
		api_error(r, API_USAGE, NULL,
			  "the body is no JSON object: line %d: %s", error.line,
			  error.text);
		return NULL;
	}
	return body;
}

static void route(struct api_request *r, const char *path)
{
	const char *method = method_name(r->http);
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

static void handle(struct evhttp_request *http, void *arg)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(http);
	struct api *api = arg;
	struct api_request r = { .daemon = api->daemon, .http = http };
	const char *query = evhttp_uri_get_query(uri);
	char *path = evhttp_uridecode(evhttp_uri_get_path(uri), 0, NULL);

	if (!path || evhttp_parse_query_str(query ? query : "", &r.query)) {
		evhttp_send_error(http, 400, "bad request");
		free(path);
		return;
	}
	r.body = read_body(&r);
	if (r.body)
		route(&r, path);
	json_decref(r.body);
	evhttp_clear_headers(&r.query);
	free(path);
}

/* A socket that nobody answers on is a dead daemon's and may go. */
static int take_place(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -errno;
	rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	close(fd);
	if (!rc)
		return -EADDRINUSE;
	if (unlink(addr->sun_path) && errno != ENOENT)
		return -errno;
	return 0;
}

/* /run/drover/drover.sock: its directory may be missing after a boot. */
static void make_directory(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	if (mkdir(dir, 0755) && errno != EEXIST)
		log_warn("api: %s can't be made: %s", dir, strerror(errno));
}

static int listen_at(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd;
	int rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	make_directory(path);
	rc = take_place(&addr);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Root and its group; the file is never open to others, not even
	 * between bind() and a chmod(). */
	mask = umask(0117);
	rc = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (rc || listen(fd, BACKLOG)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int api_start(struct daemon *daemon, const char *path, struct api **ret_api)
{
	struct evconnlistener *listener;
	struct api *api = calloc(1, sizeof(*api));
	int fd;

	if (!api)
		return -ENOMEM;
	fd = listen_at(path);
	if (fd < 0) {
		free(api);
		return fd;
	}
	api->daemon = daemon;
	snprintf(api->path, sizeof(api->path), "%s", path);
	api->http = evhttp_new(daemon->base);
	listener = evconnlistener_new(daemon->base, NULL, NULL,
				      LEV_OPT_CLOSE_ON_FREE, 0, fd);
	if (!api->http || !listener ||
	    !evhttp_bind_listener(api->http, listener)) {
		api_stop(api);
		return -ENOMEM;
	}
	evhttp_set_max_body_size(api->http, BODY_MAX_SIZE);
	evhttp_set_max_headers_size(api->http, HEADERS_MAX_SIZE);
	evhttp_set_timeout(api->http, TIMEOUT_S);
	evhttp_set_allowed_methods(api->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST |
						      EVHTTP_REQ_DELETE);
	evhttp_set_gencb(api->http, handle, api);
	*ret_api = api;
	return 0;
}

void api_stop(struct api *api)
{
	if (!api)
		return;
	if (api->http)
		evhttp_free(api->http);
	unlink(api->path);
	free(api);
}
