/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HTTP/JSON API's socket. What is asked and answered there is the business
 * of api_route.c and of the functions that it calls.
 */
#include "control/api.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
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

#define HEADERS_MAX_SIZE 16384
/* Beyond it a connect() fails at once: on a unix socket nobody waits. */
#define BACKLOG	  1024
#define TIMEOUT_S 30

struct api {
	struct daemon *daemon;
	struct evhttp *http;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

static const char *method_name(struct evhttp_request *request)
{
	switch (evhttp_request_get_command(request)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	default:
		return "?";
	}
}

static void send_answer(void *arg, int status, const char *text)
{
	struct evhttp_request *http = arg;
	struct evbuffer *buffer = evbuffer_new();

	if (!buffer) {
		evhttp_send_error(http, 500, "out of memory");
		return;
	}
	evbuffer_add_printf(buffer, "%s\n", text);
	evhttp_add_header(evhttp_request_get_output_headers(http),
			  "Content-Type", "application/json");
	evhttp_send_reply(http, status, NULL, buffer);
	evbuffer_free(buffer);
}

static void handle(struct evhttp_request *http, void *arg)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(http);
	struct evbuffer *in = evhttp_request_get_input_buffer(http);
	struct api *api = arg;
	struct api_request r = { .daemon = api->daemon,
				 .http = http,
				 .send = send_answer,
				 .send_arg = http };

	api_dispatch(&r, method_name(http), evhttp_uri_get_path(uri),
		     evhttp_uri_get_query(uri),
		     (const char *)evbuffer_pullup(in, -1),
		     evbuffer_get_length(in));
}

/*
 * A socket that nobody answers on is a dead daemon's and may go. What is no
 * socket is somebody's file, named by mistake.
 */
static int take_place(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd;
	int rc = 0;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	/* Without waiting: a daemon that hangs is no dead one. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		rc = errno == EAGAIN ? -EADDRINUSE : -errno;
	else
		rc = -EADDRINUSE;
	close(fd);
	if (rc != -ECONNREFUSED)
		return rc;
	return unlink(addr->sun_path) && errno != ENOENT ? -errno : 0;
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
	listener = evconnlistener_new(
		daemon->base, NULL, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!listener)
		close(fd);
	if (!api->http || !listener ||
	    !evhttp_bind_listener(api->http, listener)) {
		api_stop(api);
		return -ENOMEM;
	}
	evhttp_set_max_body_size(api->http, API_BODY_MAX);
	evhttp_set_max_headers_size(api->http, HEADERS_MAX_SIZE);
	evhttp_set_timeout(api->http, TIMEOUT_S);
	evhttp_set_allowed_methods(api->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST |
						      EVHTTP_REQ_PUT |
						      EVHTTP_REQ_DELETE);
	evhttp_set_gencb(api->http, handle, api);
	api_tags_start(daemon);
	*ret_api = api;
	return 0;
}

void api_stop(struct api *api)
{
	if (!api)
		return;
	api_tags_stop(api->daemon);
	if (api->http)
		evhttp_free(api->http);
	unlink(api->path);
	free(api);
}
