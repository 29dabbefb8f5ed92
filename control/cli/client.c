/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way to the daemon: HTTP over its unix socket, by libcurl.
 */
#include "control/cli/cli.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/clean.h"
#include "control/cli/offline.h"

#define CONNECT_TIMEOUT_MS 3000L
#define REQUEST_TIMEOUT_MS 60000L
#define READ_TIMEOUT_MS	   5000L /* where the tables can be read instead */

/* What arrives: the body as a whole, or line by line. */
struct receiver {
	char *text;
	size_t size;
	void (*line_fn)(void *arg, const char *line);
	void *arg;
};

static void take_lines(struct receiver *r)
{
	char *end;

	while ((end = memchr(r->text, '\n', r->size)) != NULL) {
		*end = '\0';
		if (end != r->text)
			r->line_fn(r->arg, r->text);
		r->size -= (size_t)(end + 1 - r->text);
		memmove(r->text, end + 1, r->size);
	}
}

static size_t receive(char *data, size_t one, size_t n, void *arg)
{
	struct receiver *r = arg;
	char *text = realloc(r->text, r->size + n * one + 1);

	if (!text)
		return 0;
	r->text = text;
	memcpy(r->text + r->size, data, n * one);
	r->size += n * one;
	r->text[r->size] = '\0';
	if (r->line_fn)
		take_lines(r);
	return n * one;
}

static const struct {
	const char *code;
	int exit_code;
} error_codes[] = {
	{ "usage", EXIT_USAGE },       { "unknown", EXIT_UNKNOWN },
	{ "ambiguous", EXIT_UNKNOWN }, { "refused", EXIT_REFUSED },
	{ "deadline", EXIT_DEADLINE },
};

void cli_complain(const char *message, const json_t *candidates)
{
	const json_t *candidate;
	size_t i;

	fprintf(stderr, "drover: %s\n", message);
	json_array_foreach(candidates, i, candidate)
		fprintf(stderr, "  %s\n", json_string_value(candidate));
}

/* An answer that says no: print why, and what there is to choose from. */
static int report_error(const struct cli *cli, json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	const char *code = cli_text(error, "code");
	size_t i;

	if (cli->json)
		(void)cli_print_json(answer);
	cli_clean(answer);
	cli_complain(cli_text(error, "message"),
		     json_object_get(error, "details"));
	for (i = 0; i < ARRAY_SIZE(error_codes); i++)
		if (!strcmp(code, error_codes[i].code))
			return error_codes[i].exit_code;
	return EXIT_FAILED;
}

/*
 * Why there is no answer. A daemon that ended in the middle of one, or hangs, is
 * as good as none for who only asks; who wanted something done is told, since it
 * may be.
 */
static int curl_failed(CURLcode code, long os_errno, bool asks)
{
	if (code == CURLE_COULDNT_CONNECT &&
	    (os_errno == 0 || os_errno == ENOENT || os_errno == ECONNREFUSED))
		return EXIT_NO_DAEMON;
	if (code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING ||
	    code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR) {
		fprintf(stderr, "drover: the daemon ended before its answer "
				"did\n");
		return asks ? EXIT_NO_DAEMON : EXIT_FAILED;
	}
	fprintf(stderr, "drover: the daemon did not answer: %s\n",
		os_errno ? strerror((int)os_errno) : curl_easy_strerror(code));
	return asks && code == CURLE_OPERATION_TIMEDOUT ? EXIT_NO_DAEMON :
							  EXIT_FAILED;
}

static int perform(const struct cli *cli, const char *method, const char *path,
		   const char *body, long timeout_ms, struct receiver *r)
{
	struct curl_slist *headers = NULL;
	char *url = NULL;
	CURL *curl = curl_easy_init();
	long os_errno = 0;
	CURLcode code;

	if (!curl || asprintf(&url, "http://drover%s", path) < 0) {
		fprintf(stderr, "drover: out of memory\n");
		curl_easy_cleanup(curl);
		return EXIT_FAILED;
	}
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, cli->socket);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	if (body) {
		headers = curl_slist_append(headers,
					    "Content-Type: application/json");
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_errno);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	free(url);
	return code == CURLE_OK ?
		       EXIT_DONE :
		       curl_failed(code, os_errno, !strcmp(method, "GET"));
}

static int request(const struct cli *cli, const char *method, const char *path,
		   const json_t *body, long timeout_ms, json_t **ret_answer)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct receiver r = { 0 };
	json_error_t error;
	json_t *answer;
	int rc;

	rc = perform(cli, method, path, text, timeout_ms, &r);
	free(text);
	if (rc) {
		free(r.text);
		return rc;
	}
	answer = r.text ? json_loads(r.text, 0, &error) : NULL;
	free(r.text);
	if (!answer) {
		fprintf(stderr,
			"drover: %s is not the socket of droverd: its "
			"answer is no JSON\n",
			cli->socket);
		return EXIT_FAILED;
	}
	if (json_object_get(answer, "error")) {
		rc = report_error(cli, answer);
		json_decref(answer);
		return rc;
	}
	*ret_answer = answer;
	return EXIT_DONE;
}

int cli_request(const struct cli *cli, const char *method, const char *path,
		const json_t *body, json_t **ret_answer)
{
	return request(cli, method, path, body, REQUEST_TIMEOUT_MS, ret_answer);
}

int cli_stream(const struct cli *cli, const char *path,
	       void (*fn)(void *arg, const char *line), void *arg)
{
	struct receiver r = { .line_fn = fn, .arg = arg };
	int rc = perform(cli, "GET", path, NULL, 0, &r);

	free(r.text);
	return rc;
}

static void *checked(void *memory)
{
	if (!memory) {
		fprintf(stderr, "drover: out of memory\n");
		exit(EXIT_FAILED);
	}
	return memory;
}

char *cli_path(const char *format, const char *const *words, size_t n)
{
	char *path = NULL;
	size_t size = 0;
	FILE *out = checked(open_memstream(&path, &size));
	const char *at;
	char *quoted;
	size_t i = 0;

	for (at = format; *at; at++) {
		if (at[0] != '%' || at[1] != 's' || i == n) {
			fputc(*at, out);
			continue;
		}
		quoted = checked(curl_easy_escape(NULL, words[i++], 0));
		fputs(quoted, out);
		curl_free(quoted);
		at++;
	}
	if (fclose(out))
		checked(NULL);
	return path;
}

int cli_no_daemon(const struct cli *cli)
{
	fprintf(stderr,
		"drover: no daemon answers at %s\n"
		"  start droverd, or name its socket with --socket PATH or "
		"DROVER_SOCKET\n",
		cli->socket);
	return EXIT_NO_DAEMON;
}

int cli_print_json(const json_t *answer)
{
	if (json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) ||
	    putchar('\n') == EOF)
		return EXIT_FAILED;
	return EXIT_DONE;
}

static int print_answer(const struct cli *cli, json_t *answer,
			cli_show_fn *show, const struct cli_args *args)
{
	int rc = EXIT_DONE;

	if (cli->json) {
		rc = cli_print_json(answer);
	} else {
		cli_clean(answer);
		show(cli, json_object_get(answer, "data"), args);
	}
	json_decref(answer);
	return rc;
}

void cli_show_message(const struct cli *cli, const json_t *data,
		      const struct cli_args *args)
{
	(void)cli;
	(void)args;
	puts(cli_text(data, "message"));
}

int cli_answer(const struct cli *cli, const char *method, const char *path,
	       const json_t *body, cli_show_fn *show,
	       const struct cli_args *args)
{
	json_t *answer = NULL;
	int rc = cli_request(cli, method, path, body, &answer);

	if (rc)
		return rc == EXIT_NO_DAEMON ? cli_no_daemon(cli) : rc;
	return print_answer(cli, answer, show, args);
}

int cli_answer_or_read(const struct cli *cli, const char *path,
		       cli_offline_fn *offline, cli_show_fn *show,
		       const struct cli_args *args)
{
	json_t *data = NULL;
	json_t *answer = NULL;
	int rc = request(cli, "GET", path, NULL, READ_TIMEOUT_MS, &answer);

	if (rc == EXIT_NO_DAEMON) {
		rc = cli_read(cli, offline, args, &data);
		if (!rc)
			answer = json_pack("{s:i,s:o}", "schema", 1, "data",
					   data);
	}
	return rc ? rc : print_answer(cli, answer, show, args);
}

const char *cli_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t cli_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? (uint64_t)json_number_value(value) : 0;
}

bool cli_bool(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}
