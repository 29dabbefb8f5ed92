// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that run.
 */
#include "health/children.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_SIZE  4096
#define USER_TEXTS 4096

/**
 * struct child - one of them.
 * @all: where it counts.
 * @process: it.
 * @on_exit: its pidfd.
 * @on_output: its pipe.
 * @n_said: bytes of its output so far.
 * @line: the last of them.
 * @on_end: NULL = dropped.
 * @arg: its.
 * @place: among all.
 */
struct child {
	struct children *all;
	struct spawned process;
	struct event on_exit;
	struct event on_output;
	size_t n_said;
	struct last_line line;
	void (*on_end)(void *arg, const struct child_end *end);
	void *arg;
	LIST_ENTRY(child) place;
};

/**
 * struct children - all of them.
 * @base: the loop.
 * @max: at once.
 * @n: there are.
 * @list: they.
 * @user_name: whom they run as, NULL = as this process.
 * @user: the same, once it was looked up.
 * @user_is_known: it was.
 * @on_room: see children_new().
 * @arg: its.
 */
struct children {
	struct event_base *base;
	uint32_t max;
	uint32_t n;
	LIST_HEAD(, child) list;
	char *user_name;
	struct spawn_user user;
	bool user_is_known;
	void (*on_room)(void *arg);
	void *arg;
};

struct children *children_new(struct event_base *base, uint32_t max,
			      const char *user, void (*on_room)(void *arg),
			      void *arg)
{
	struct children *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->base = base;
	all->max = max;
	all->on_room = on_room;
	all->arg = arg;
	LIST_INIT(&all->list);
	if (user) {
		all->user_name = strdup(user);
		if (!all->user_name) {
			free(all);
			return NULL;
		}
	}
	return all;
}

/* Its process is the caller's to care for. */
static void child_free(struct child *child)
{
	LIST_REMOVE(child, place);
	child->all->n--;
	if (event_initialized(&child->on_exit))
		(void)event_del(&child->on_exit);
	if (event_initialized(&child->on_output))
		(void)event_del(&child->on_output);
	(void)close(child->process.pidfd);
	(void)close(child->process.output);
	(void)close(child->process.failure);
	free(child);
}

void children_free(struct children *all)
{
	struct child *child, *next;

	if (!all)
		return;
	for (child = LIST_FIRST(&all->list); child; child = next) {
		siginfo_t info;

		next = LIST_NEXT(child, place);
		spawn_end(&child->process);
		/* Who doesn't end at once is left to whoever reaps orphans. */
		(void)waitid(P_PIDFD, (id_t)child->process.pidfd, &info,
			     WEXITED | WNOHANG);
		child_free(child);
	}
	free(all->user_name);
	free(all);
}

bool children_have_room(const struct children *all)
{
	return all->n < all->max;
}

/* Takes in what there is, a little at a time: others want the loop, too. */
static void take_in(struct child *child)
{
	char data[READ_SIZE];
	ssize_t n = read(child->process.output, data, sizeof(data));

	if (n > 0) {
		last_line_feed(&child->line, data, (size_t)n);
		child->n_said += (size_t)n;
	} else if (n == 0) {
		/* Closed, but not ended yet. */
		(void)event_del(&child->on_output);
	}
	if (child->n_said > CHILD_OUTPUT_MAX) {
		(void)event_del(&child->on_output);
		spawn_end(&child->process);
	}
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	take_in(arg);
}

/* What it said before its end is still in the pipe, 64 KiB at most; what lives on
 * of it and holds the other end is dead by now, or not ours. */
static void take_the_rest(struct child *child)
{
	size_t before;

	do {
		before = child->n_said;
		if (child->n_said <= CHILD_OUTPUT_MAX)
			take_in(child);
	} while (child->n_said > before);
}

/* Return: it has ended, and is no longer. */
static bool reap(struct child *child, struct child_end *ret_end)
{
	siginfo_t info = { 0 };
	ssize_t n;

	if (waitid(P_PIDFD, (id_t)child->process.pidfd, &info,
		   WEXITED | WNOHANG) < 0) {
		/* Reaped by somebody else: how it ended is not known. */
		ret_end->failure.err = errno;
		return true;
	}
	if (info.si_pid == 0)
		return false;
	if (info.si_code == CLD_EXITED)
		ret_end->code = info.si_status;
	else
		ret_end->signal = info.si_status;
	n = read(child->process.failure, &ret_end->failure,
		 sizeof(ret_end->failure));
	if (n != sizeof(ret_end->failure))
		ret_end->failure = (struct spawn_failure){ 0 };
	ret_end->said_too_much = child->n_said > CHILD_OUTPUT_MAX;
	last_line_get(&child->line, ret_end->last_line);
	return true;
}

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;
	struct children *all = child->all;
	void (*on_end)(void *, const struct child_end *) = child->on_end;
	void *on_end_arg = child->arg;
	bool was_full = !children_have_room(all);
	struct child_end end = { 0 };

	(void)fd;
	(void)what;
	/* Before it is reaped: so long its group's number is nobody else's. */
	spawn_end(&child->process);
	if (on_end)
		take_the_rest(child);
	if (!reap(child, &end))
		return;
	child_free(child);
	if (was_full)
		all->on_room(all->arg);
	/* Last, since it may release all. */
	if (on_end)
		on_end(on_end_arg, &end);
}

static int find_user(struct children *all)
{
	struct passwd entry, *found = NULL;
	char texts[USER_TEXTS];
	int err;

	if (!all->user_name || all->user_is_known)
		return 0;
	err = getpwnam_r(all->user_name, &entry, texts, sizeof(texts), &found);
	if (err)
		return -err;
	if (!found)
		return -ENOENT;
	all->user = (struct spawn_user){ entry.pw_uid, entry.pw_gid };
	all->user_is_known = true;
	return 0;
}

static const struct spawn_user *become(const struct children *all)
{
	return all->user_name && all->user.uid != geteuid() ? &all->user : NULL;
}

int child_start(struct children *all, const char *const *argv,
		const char *const *env,
		void (*on_end)(void *arg, const struct child_end *end),
		void *arg, struct child **ret_child)
{
	struct child *child;
	int r = find_user(all);

	if (r < 0)
		return r;
	child = calloc(1, sizeof(*child));
	if (!child)
		return -ENOMEM;
	child->all = all;
	child->on_end = on_end;
	child->arg = arg;
	r = spawn(argv, env, become(all), &child->process);
	if (r < 0) {
		free(child);
		return r;
	}
	LIST_INSERT_HEAD(&all->list, child, place);
	all->n++;
	if (event_assign(&child->on_exit, all->base, child->process.pidfd,
			 EV_READ | EV_PERSIST, on_ended, child) < 0 ||
	    event_assign(&child->on_output, all->base, child->process.output,
			 EV_READ | EV_PERSIST, on_output, child) < 0 ||
	    event_add(&child->on_exit, NULL) < 0 ||
	    event_add(&child->on_output, NULL) < 0) {
		spawn_end(&child->process);
		child_free(child);
		return -ENOMEM;
	}
	*ret_child = child;
	return 0;
}

void child_drop(struct child *child)
{
	child->on_end = NULL;
	(void)event_del(&child->on_output);
	spawn_end(&child->process);
}
