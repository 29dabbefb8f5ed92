// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exec probe: a command says whether a target is healthy, by exiting with 0
 * or not, and why, by the last line of what it writes.
 *
 * A command that can't be run is this machine's trouble and no target's failure,
 * as is a user that does not exist.
 */
#include "health/children.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/probe.h"

#define N_OWN	  4 /* of the environment: those below */
#define PATH	  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define TEXT_SIZE 80

/**
 * struct exec - a probe under way.
 * @child: its command.
 */
struct exec {
	struct child *child;
};

static enum probe_result blind(struct probe *p, const char *what, int err)
{
	const char *why = strerrordesc_np(err);

	p->err = err;
	(void)snprintf(p->detail, sizeof(p->detail), "%s: %s", what,
		       why ? why : "unknown error");
	switch (err) {
	case EAGAIN:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return PROBE_STARVED;
	default:
		return PROBE_BLIND;
	}
}

static enum probe_result not_run(struct probe *p,
				 const struct spawn_failure *failure)
{
	switch (failure->step) {
	case SPAWN_BECOME:
		return blind(p, "the command's user", failure->err);
	case SPAWN_EXEC:
		return blind(p, p->target->how.argv.text[0], failure->err);
	default:
		return blind(p, "a process for the command", failure->err);
	}
}

static enum probe_result judge(struct probe *p, const struct child_end *end)
{
	const char *name = sigabbrev_np(end->signal);
	const char *line = end->last_line;
	char how[TEXT_SIZE];

	if (end->failure.err)
		return not_run(p, &end->failure);
	p->err = 0;
	if (end->said_too_much)
		(void)snprintf(how, sizeof(how),
			       "ended, it says more than %d KiB",
			       CHILD_OUTPUT_MAX / 1024);
	else if (end->signal)
		(void)snprintf(how, sizeof(how), "killed by SIG%s",
			       name ? name : "?");
	else
		(void)snprintf(how, sizeof(how), "exit %d", end->code);
	(void)snprintf(p->detail, sizeof(p->detail), *line ? "%s \"%s\"" : "%s",
		       how, line);
	return !end->said_too_much && !end->signal && end->code == 0 ?
		       PROBE_OK :
		       PROBE_FAILED;
}

static void on_end(void *arg, const struct child_end *end)
{
	struct probe *p = arg;
	struct exec *exec = p->state;

	exec->child = NULL;
	p->done(p, judge(p, end));
}

static void exec_stop(struct probe *p)
{
	struct exec *exec = p->state;

	child_drop(exec->child);
	exec->child = NULL;
}

/* What is told of the target. */
static void print_own(const struct health_target *t, char own[N_OWN][TEXT_SIZE])
{
	const struct ip_addr *ip = t->shown.word[3] ? &t->shown : &t->addr;
	bool v4 = IP_IS_V4(*ip);
	char addr[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(v4 ? AF_INET : AF_INET6,
			v4 ? (const void *)&ip->word[3] : ip->word, addr,
			sizeof(addr));
	(void)snprintf(own[0], TEXT_SIZE, PATH);
	(void)snprintf(own[1], TEXT_SIZE, "DROVER_ADDRESS=%s", addr);
	(void)snprintf(own[2], TEXT_SIZE, "DROVER_PORT=%u", t->port);
	(void)snprintf(own[3], TEXT_SIZE, "DROVER_TIMEOUT_MS=%u",
		       t->params.timeout_ms);
}

static enum probe_result exec_start(struct probe *p)
{
	const struct health_how *how = &p->target->how;
	struct exec *exec = p->state;
	char own[N_OWN][TEXT_SIZE];
	const char **texts;
	const char **env;
	size_t i;
	int r;

	p->latency_us = 0;
	p->late = "the command is not done";
	texts = calloc(how->argv.n + 1 + N_OWN + how->env.n + 1,
		       sizeof(*texts));
	if (!texts)
		return blind(p, "the command", ENOMEM);
	env = texts + how->argv.n + 1;
	print_own(p->target, own);
	for (i = 0; i < how->argv.n; i++)
		texts[i] = how->argv.text[i];
	for (i = 0; i < N_OWN; i++)
		env[i] = own[i];
	for (i = 0; i < how->env.n; i++)
		env[N_OWN + i] = how->env.text[i];
	r = child_start(p->children, texts, env, on_end, p, &exec->child);
	free(texts);
	if (r == -ENOENT)
		return blind(p, "the command's user", -r);
	return r < 0 ? blind(p, "a process for the command", -r) :
		       PROBE_PENDING;
}

const struct probe_kind *probe_exec(void)
{
	static const struct probe_kind kind = {
		.name = "exec",
		.lane = LANE_COMMANDS,
		.state_size = sizeof(struct exec),
		.start = exec_start,
		.stop = exec_stop,
	};

	return &kind;
}
