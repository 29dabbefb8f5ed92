/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the commands of `drover` share: arguments, the way to the daemon, output.
 *
 * A command is one file cmd_<name>.c with a struct cli_command, and one row of
 * the table in main.c. What it takes is data, so parsing and help are the same
 * everywhere (command.c), and its listings are tables of columns (list.h).
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
 * @wide: cut no cell of a listing.
 */
struct cli {
	const char *socket;
	const char *pin_dir;
	struct conf *conf;
	const struct dp_ops *engine;
	bool json;
	bool wide;
};

/* --- what a command takes ------------------------------------------------ */

#define CLI_WORDS_MAX	32
#define CLI_OPTIONS_MAX 12
#define CLI_GIVEN_MAX	32

/**
 * struct cli_item - an argument or an option: a row of the help.
 * @name: "VM"; of an option without its dashes. NULL ends a table.
 * @value: what the option's value is called, "TIME"; NULL: it takes none.
 * @text: what it is; wrapped where it is printed.
 * @letter: of a short form, "-a"; 0: none.
 */
struct cli_item {
	const char *name;
	const char *value;
	const char *text;
	char letter;
};

/**
 * struct cli_given - an option as it was given.
 * @option: its index in the command's options.
 * @value: its value, "" of one that takes none.
 */
struct cli_given {
	int option;
	const char *value;
};

/**
 * struct cli_args - what was given.
 * @words: arguments that are no options.
 * @option: by index in the command's options: its value, "" of one that takes
 *          none, NULL: not given. If it was given twice, the last.
 * @given: all of them in order, for those that may be given twice.
 */
struct cli_args {
	const char *words[CLI_WORDS_MAX];
	int n_words;
	const char *option[CLI_OPTIONS_MAX];
	struct cli_given given[CLI_GIVEN_MAX];
	int n_given;
};

/**
 * struct cli_command - a command.
 * @name: "drain".
 * @usage: its arguments, "VM [POOL] N|default"; "" = none.
 * @summary: a line of `drover --help`.
 * @n_words_min, @n_words_max: so many arguments.
 * @words: what they are; may be NULL if there are none.
 * @options: NULL if there are none; those for all commands are not among them.
 * @text: what one should know, in paragraphs.
 * @exits: exit codes and what they mean here; NULL: nothing special.
 * @examples: command lines, one a line, each with "drover " in front.
 * @run: do it; returns the exit code.
 */
struct cli_command {
	const char *name;
	const char *usage;
	const char *summary;
	int n_words_min;
	int n_words_max;
	const struct cli_item *words;
	const struct cli_item *options;
	const char *text;
	const char *exits;
	const char *examples;
	int (*run)(struct cli *cli, const struct cli_args *args);
};

/* Parse the arguments, argv[0] being the command's name, and run it. */
int cli_run(struct cli *cli, const struct cli_command *command, int argc,
	    char **argv);

/* Wrong usage: print the message and where help is. Returns EXIT_USAGE. */
int cli_usage(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

extern const struct cli_command cmd_status;
extern const struct cli_command cmd_pools;
extern const struct cli_command cmd_services;
extern const struct cli_command cmd_vms;
extern const struct cli_command cmd_drain;
extern const struct cli_command cmd_undrain;
extern const struct cli_command cmd_weight;
extern const struct cli_command cmd_tag;
extern const struct cli_command cmd_explain;
extern const struct cli_command cmd_trace;
extern const struct cli_command cmd_events;
extern const struct cli_command cmd_counters;
extern const struct cli_command cmd_reload;
extern const struct cli_command cmd_detach;
extern const struct cli_command cmd_version;

/* --- questions and answers ----------------------------------------------- */

/**
 * cli_show_fn - print the `data` of an answer for people.
 * @args: of the command.
 */
typedef void cli_show_fn(const struct cli *cli, const json_t *data,
			 const struct cli_args *args);

/* Print the `message` of an answer: what a command that acts has to say. */
cli_show_fn cli_show_message;

/**
 * cli_answer() - ask the daemon, and print its answer: with --json as it came,
 * else by @show. What most commands end with.
 * @method: "GET", "POST", "PUT", "DELETE".
 * @path: from /v1/ on, quoted where needed (cli_path()).
 * @body: object to send, or NULL; stays the caller's.
 *
 * Return: the exit code; an error was printed.
 */
int cli_answer(const struct cli *cli, const char *method, const char *path,
	       const json_t *body, cli_show_fn *show,
	       const struct cli_args *args);

/**
 * cli_request() - one request to the daemon, for who needs the answer itself.
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
			   const struct cli_args *args, json_t **ret_data);

/**
 * cli_answer_or_read() - as cli_answer() with GET; if no daemon answers, or it
 * ends before its answer does, @offline makes the answer of the pinned state.
 *
 * Says on stderr when it was the pinned state.
 */
int cli_answer_or_read(const struct cli *cli, const char *path,
		       cli_offline_fn *offline, cli_show_fn *show,
		       const struct cli_args *args);

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

/* Print an error and, a line each, what there is to choose from (strings). */
void cli_complain(const char *message, const json_t *candidates);

/* JSON fields with a default instead of a crash on a missing one. */
const char *cli_text(const json_t *object, const char *key);
uint64_t cli_number(const json_t *object, const char *key);
bool cli_bool(const json_t *object, const char *key);

#endif
