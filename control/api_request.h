/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One request to the API, and the functions that answer each kind. Part of api.
 */
#ifndef CONTROL_API_REQUEST_H
#define CONTROL_API_REQUEST_H

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>

#include "config/config.h"
#include "health/verdict.h"

struct daemon;
struct hv_vm;
struct inv_vm;
struct rec_member;

#define API_ARGUMENT_SIZE 256
#define API_BODY_MAX	  4194304 /* the HTTP layer refuses more */

/* What went wrong; the command makes its exit code of it. */
enum api_code {
	API_USAGE, /* the request is malformed */
	API_UNKNOWN,
	API_AMBIGUOUS,
	API_REFUSED, /* understood, but not done; the message says why */
	API_FAILED,
	API_DEADLINE, /* begun, but nobody knows how it ended */
};

/**
 * struct api_request - a request.
 * @http: its connection, for an answer that does not end; NULL: none.
 * @send: takes the answer, a JSON text; called once, unless @http is used.
 * @argument: what stood for '*' in the path.
 * @query: behind the '?'.
 * @body: an object, may be empty.
 */
struct api_request {
	struct daemon *daemon;
	struct evhttp_request *http;
	void (*send)(void *arg, int status, const char *text);
	void *send_arg;
	char argument[API_ARGUMENT_SIZE];
	struct evkeyvalq query;
	json_t *body;
};

/**
 * api_dispatch() - answer a request.
 * @r: daemon, http, send and send_arg are set; the rest is zero.
 * @path, @query: as they came, percent-encoded; may be NULL.
 * @body: @body_size bytes.
 */
void api_dispatch(struct api_request *r, const char *method, const char *path,
		  const char *query, const char *body, size_t body_size);

/* Answer with `{"schema":1,"data":...}`; takes the reference. */
void api_answer(struct api_request *r, json_t *data);

/* Answer with an error; @details is an array of strings, or NULL; taken. */
void api_error(struct api_request *r, enum api_code code, json_t *details,
	       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Answer with what render.h's functions failed with; @names is taken. */
void api_render_error(struct api_request *r, int rc, json_t *names,
		      const char *text);

/* A value of the query, or NULL. */
const char *api_query(const struct api_request *r, const char *key);

/**
 * api_only_fields() - has the body no others? A misspelt field must not be a
 * wish that quietly is another.
 * Return: false: the error was answered.
 */
bool api_only_fields(struct api_request *r, const char *const *known,
		     size_t n_known);

/**
 * api_find_vm() - the VM that a word names, by the rules of the command line.
 * Return: the VM; NULL: the error was answered.
 */
const struct inv_vm *api_find_vm(struct api_request *r, const char *word);

/* The `pools` and `services` of /v1/status; d->status is fresh. */
json_t *api_pools(struct daemon *d);
json_t *api_services(struct daemon *d);

/* The `tags` of /v1/vms. */
json_t *api_render_tags(const struct hv_vm *vm);

/* Changes of tags that end later, while the API is up. */
void api_tags_start(struct daemon *d);
void api_tags_stop(struct daemon *d);

/* What is told of a VM in a pool in /v1/vms, in all of the pool's tables. */
json_t *api_render_member(const struct daemon *d, const struct rec_member *m);

/* The same and whose it is: a row of /v1/pools/POOL. */
json_t *api_render_row(const struct daemon *d, const struct rec_member *m);

/* Of the members that are one VM in one pool, is it the one to be shown? */
bool api_is_first(const struct daemon *d, const struct rec_member *m);

/* What the VM is shown to be in its table; @whole: the best in the pool's. */
enum vm_verdict api_role(const struct daemon *d, const struct rec_member *m,
			 bool whole);

/* An address of the VM in the pool, IPv4 first; "" = none is known. */
void api_address(const struct daemon *d, const struct rec_member *m,
		 char ret_text[CONF_ADDR_SIZE]);

void api_get_version(struct api_request *r);
void api_get_status(struct api_request *r);
void api_get_vms(struct api_request *r);
void api_get_vm(struct api_request *r);
void api_post_drain(struct api_request *r);
void api_delete_drain(struct api_request *r);
void api_post_weight(struct api_request *r);
void api_delete_weight(struct api_request *r);
void api_post_tags(struct api_request *r);
void api_get_pools(struct api_request *r);
void api_get_pool(struct api_request *r);
void api_get_services(struct api_request *r);
void api_get_service(struct api_request *r);
void api_get_inventory(struct api_request *r);
void api_put_inventory(struct api_request *r);
void api_get_explain(struct api_request *r);
void api_get_events(struct api_request *r);
void api_get_counters(struct api_request *r);
void api_get_reload(struct api_request *r);
void api_post_reload(struct api_request *r);
void api_post_detach(struct api_request *r);

#endif
