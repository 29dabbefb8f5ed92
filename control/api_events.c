/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /v1/events: the journal as a list, or as a stream of lines that goes on.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "control/api_request.h"
#include "control/daemon.h"
#include "control/log.h"

#define EVENTS_MAX     10000
#define EVENTS_DEFAULT 50
#define FOLLOW_MAX     1000 /* so many of the past at the head of a stream */
#define STREAMS_MAX    64
#define UNREAD_MAX     4096
#define BEHIND_MAX     (1024UL * 1024) /* bytes that a stream may hold back */

/* Somebody who follows; ends with the connection, or when too far behind. */
struct stream {
	struct daemon *daemon;
	struct evhttp_request *http;
	void *follow_id;
};

static int collect(const struct store_event *event, void *arg)
{
	return json_array_append_new(arg, journal_render(event)) ? -ENOMEM : 0;
}

static void send_event(struct evhttp_request *http, const json_t *event)
{
	struct evbuffer *buffer = evbuffer_new();
	char *text = json_dumps(event, JSON_COMPACT | JSON_PRESERVE_ORDER);

	if (buffer && text) {
		evbuffer_add_printf(buffer, "%s\n", text);
		evhttp_send_reply_chunk(http, buffer);
	}
	free(text);
	if (buffer)
		evbuffer_free(buffer);
}

/* Bytes that are written but not read by the other end. */
static size_t behind(struct evhttp_request *http)
{
	struct evhttp_connection *connection =
		evhttp_request_get_connection(http);

	return evbuffer_get_length(bufferevent_get_output(
		evhttp_connection_get_bufferevent(connection)));
}

static void stream_event(void *arg, const struct store_event *event)
{
	struct stream *s = arg;
	json_t *rendered;

	/* Who does not read must not fill our memory. It can come back and ask
	 * for what is after the last event it has seen. */
	if (behind(s->http) > BEHIND_MAX) {
		log_warn("api: a reader of events is too far behind: dropped");
		evhttp_connection_free(evhttp_request_get_connection(s->http));
		return;
	}
	rendered = journal_render(event);
	send_event(s->http, rendered);
	json_decref(rendered);
}

static void stream_closed(struct evhttp_connection *connection, void *arg)
{
	struct stream *s = arg;

	(void)connection;
	journal_unfollow(s->daemon->journal, s->follow_id);
	/* Where the client hung up, libevent has taken the request off the
	 * connection and leaves it to us; the end of the answer frees it. */
	if (!evhttp_request_get_connection(s->http))
		evhttp_send_reply_end(s->http);
	s->daemon->n_streams--;
	free(s);
}

static void stream(struct api_request *r, const json_t *past)
{
	struct evhttp_connection *connection;
	struct bufferevent *bufferevent;
	struct stream *s;
	json_t *event;
	size_t i;

	if (!r->http || r->daemon->n_streams >= STREAMS_MAX) {
		api_error(r, API_REFUSED, NULL,
			  "%d readers follow already, which is the most",
			  STREAMS_MAX);
		return;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		api_error(r, API_FAILED, NULL, "out of memory");
		return;
	}
	s->daemon = r->daemon;
	s->http = r->http;
	s->follow_id = journal_follow(r->daemon->journal, stream_event, s);
	if (!s->follow_id) {
		free(s);
		api_error(r, API_FAILED, NULL, "out of memory");
		return;
	}
	s->daemon->n_streams++;
	connection = evhttp_request_get_connection(r->http);
	evhttp_connection_set_closecb(connection, stream_closed, s);
	/* A quiet night must not end it, but its client may hang up in it: that
	 * shows in reading, of which nothing else is expected. */
	evhttp_connection_set_timeout(connection, -1);
	bufferevent = evhttp_connection_get_bufferevent(connection);
	bufferevent_setwatermark(bufferevent, EV_READ, 0, UNREAD_MAX);
	bufferevent_enable(bufferevent, EV_READ);
	evhttp_add_header(evhttp_request_get_output_headers(r->http),
			  "Content-Type", "application/x-ndjson");
	evhttp_send_reply_start(r->http, 200, "OK");
	json_array_foreach(past, i, event)
		send_event(r->http, event);
}

/* Numbers of the query; 0 to @max. */
static bool take_number(struct api_request *r, const char *key,
			unsigned long max, unsigned long *ret_number)
{
	const char *text = api_query(r, key);
	char *end = NULL;
	unsigned long number;

	if (!text)
		return true;
	number = strtoul(text, &end, 10);
	if (end == text || *end || number > max) {
		api_error(r, API_USAGE, NULL, "%s: 0 to %lu", key, max);
		return false;
	}
	*ret_number = number;
	return true;
}

void api_get_events(struct api_request *r)
{
	const char *word = api_query(r, "follow");
	bool follow = word && strcmp(word, "0") != 0;
	unsigned long last = EVENTS_DEFAULT;
	unsigned long after = 0;
	json_t *events;
	int rc = 0;

	if (!take_number(r, "last", follow ? FOLLOW_MAX : EVENTS_MAX, &last) ||
	    !take_number(r, "after", ~0UL >> 1, &after))
		return;
	journal_flush(r->daemon->journal);
	events = json_array();
	if (last)
		rc = store_events_list(r->daemon->store, after, (uint32_t)last,
				       collect, events);
	if (rc) {
		json_decref(events);
		api_error(r, API_FAILED, NULL, "the journal can't be read: %s",
			  store_error(r->daemon->store));
	} else if (follow) {
		stream(r, events);
		json_decref(events);
	} else {
		api_answer(r, events);
	}
}
