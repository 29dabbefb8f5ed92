/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands that run: so many at once, each listened to and waited for by the
 * loop. Inside of health/ only.
 *
 * DOC: life of a child
 *
 *	running -> ended    its program has exited: what is left of its process
 *	                    group is killed, it is reaped, and who started it is told
 *	running -> dropped  nobody wants to know any more: its group is killed
 *	dropped -> gone     it has ended, too, and is reaped
 *
 * A process that hangs in the kernel does not end when it is killed. So one that
 * is dropped holds its place until it is gone: a file server that hangs leaves
 * as many processes as there are places, and not one more with every probe.
 */
#ifndef HEALTH_CHILDREN_H
#define HEALTH_CHILDREN_H

#include "health/last_line.h"
#include "health/spawn.h"

#define CHILD_OUTPUT_MAX 65536 /* who says more is ended */

struct child;
struct children;
struct event_base;

/**
 * struct child_end - how it came to its end.
 * @failure: it could not be run at all, if its err isn't 0.
 * @said_too_much: it was ended for that.
 * @signal: that killed it, 0 = none did.
 * @code: with which it exited.
 * @last_line: of what it said.
 */
struct child_end {
	struct spawn_failure failure;
	bool said_too_much;
	int signal;
	int code;
	char last_line[LAST_LINE_SIZE];
};

/**
 * children_new() - none yet.
 * @base: loop that watches them.
 * @max: at once.
 * @user: name of whom they run as, NULL = as this process. Looked up when the
 *        first is started.
 * @on_room: called when there is room again where there was none.
 * @arg: its.
 *
 * Return: to be released by children_free(); NULL if there is no memory.
 */
struct children *children_new(struct event_base *base, uint32_t max,
			      const char *user, void (*on_room)(void *arg),
			      void *arg);

/**
 * children_free() - kills all that are left.
 */
void children_free(struct children *all);

bool children_have_room(const struct children *all);

/**
 * child_start() - run a command.
 * @all: where; must have room.
 * @argv, @env: see spawn().
 * @on_end: called when it has ended, never from here; the child is gone then.
 * @arg: its.
 * @ret_child: for child_drop().
 *
 * Return: 0; -ENOENT: there is no such user; or another negative errno: this
 * machine has no room for it.
 */
MUST_CHECK int child_start(struct children *all, const char *const *argv,
			   const char *const *env,
			   void (*on_end)(void *arg,
					  const struct child_end *end),
			   void *arg, struct child **ret_child);

/**
 * child_drop() - end it; its starter is not called any more.
 */
void child_drop(struct child *child);

#endif
