/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the commands of `drover` share: options, the way to the daemon, output.
 *
 * A command is one function in one file and one row of the table in main.c.
 */
#ifndef CONTROL_CLI_CLI_H
#define CONTROL_CLI_CLI_H

#include <jansson.h>
#include <stdio.h>

#include "dataplane/dataplane.h"

/* Exit codes: the contract that scripts rely on. */
enum cli_exit {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_UNKNOWN = 3, /* no such thing, or more than one */
	EXIT_REFUSED = 4,
	EXIT_DEADLINE = 5,
	EXIT_NO_DAEMON = 6,
};

struct conf;

#define CLI_SOCKET  "/run/drover/drover.sock"
#define CLI_PIN_DIR "/sys/fs/bpf/drover"

/**
 * struct cli - one run of the command.
 * @socket: of the daemon's API.
 * @pin_dir: of the forwarding state, for when no daemon runs.
 * @conf: where the two come from, with --config; else NULL.
 * @engine: reads that state.
 * @json: print `{"schema":1,"data":...}` for machines.
 */
struct cli {
	const char *socket;
	const char *pin_dir;
	struct conf *conf;
	const struct dp_ops *engine;
	bool json;
};

/**
 * cli_request() - one request to the daemon.
 * @method: "GET", "POST", "DELETE".
 * @path: from /v1/ on, quoted where needed (cli_quote()).
 * @body: object to send, or NULL; stays the caller's.
 * @ret_answer: the whole answer, `{"schema":1,"data":...}`; json_decref() it.
 *
 * Return: EXIT_DONE, or another exit code after the error was printed. Only
 * EXIT_NO_DAEMON prints nothing: some commands can do without.
 */
int cli_request(const struct cli *cli, const char *method, const char *path,
		const json_t *body, json_t **ret_answer);

/**
 * cli_stream() - GET a stream of JSON objects, one a line, until it ends.
 * @fn: called with each line without its end.
 */
int cli_stream(const struct cli *cli, const char *path,
	       void (*fn)(void *arg, const char *line), void *arg);

/**
 * cli_offline_fn - make the `data` of an answer from the tables in force.
 * @ret_data: a new reference.
 *
 * Return: EXIT_DONE; EXIT_FAILED: they can't be read; or another exit code
 * after the error was printed.
 */
typedef int cli_offline_fn(struct dp *dp, const struct dp_ops *ops,
			   const void *arg, json_t **ret_data);

/**
 * cli_get_or_read() - GET @path, or without a daemon the pinned state.
 * @ret_answer: as of cli_request(); "control" in data says who answered.
 *
 * Says on stderr when it was the pinned state.
 */
int cli_get_or_read(const struct cli *cli, const char *path,
		    cli_offline_fn *offline, const void *arg,
		    json_t **ret_answer);

/**
 * cli_path() - a path of the API; free() it.
 * @format: has a %s for each of the @n words.
 * @words: names, quoted here as a path or query needs it.
 */
char *cli_path(const char *format, const char *const *words, size_t n);

/* Say that the daemon can't be reached, and what to do. Returns the code. */
int cli_no_daemon(const struct cli *cli);

/* Print an answer as it came, for --json. Returns EXIT_DONE or EXIT_FAILED. */
int cli_print_json(const json_t *answer);

/* getopt_long() did not like argv[optind - 1]. Returns EXIT_USAGE. */
int cli_wrong_option(const char *command, char **argv);

/* Wrong usage: print the message and where help is. Returns EXIT_USAGE. */
int cli_usage(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The commands; argv[0] is the command's name. */
int cmd_status(struct cli *cli, int argc, char **argv);
int cmd_vms(struct cli *cli, int argc, char **argv);
int cmd_drain(struct cli *cli, int argc, char **argv);
int cmd_undrain(struct cli *cli, int argc, char **argv);
int cmd_explain(struct cli *cli, int argc, char **argv);
int cmd_events(struct cli *cli, int argc, char **argv);
int cmd_counters(struct cli *cli, int argc, char **argv);
int cmd_reload(struct cli *cli, int argc, char **argv);
int cmd_detach(struct cli *cli, int argc, char **argv);
int cmd_version(struct cli *cli, int argc, char **argv);

/* JSON fields with a default instead of a crash on a missing one. */
const char *cli_text(const json_t *object, const char *key);
uint64_t cli_number(const json_t *object, const char *key);
bool cli_bool(const json_t *object, const char *key);

#endif
