/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting a command, with nothing of this process but what it shall have.
 * Inside of health/ only.
 *
 * DOC: what a command gets
 *
 * Its arguments and its environment as they are given; no shell. Standard input
 * is empty, what it writes to the other two comes to one pipe. No other
 * descriptor, no blocked or ignored signal, directory "/", umask 022, 1024
 * descriptors, no core dump. A session and a process group of its own, so that
 * what it leaves behind can be ended with it; it is ended when this process is.
 *
 * Run as another user it has that user's main group and no other, and can gain
 * no rights any more (PR_SET_NO_NEW_PRIVS: set-user-id programs are programs
 * like others to it). Otherwise it has all that this process may, but for ambient
 * capabilities.
 *
 * It is fork() and not posix_spawn(): that one waits until the program has been
 * loaded, perhaps from a file server that hangs, and the loop with it.
 */
#ifndef HEALTH_SPAWN_H
#define HEALTH_SPAWN_H

#include <sys/types.h>

#include "dataplane/core/base.h"

/* Where it may fail. */
enum spawn_step {
	SPAWN_PREPARE, /* descriptors, limits */
	SPAWN_BECOME,  /* its user */
	SPAWN_EXEC,    /* the program itself */
};

/**
 * struct spawn_failure - written by the child, if it gets no further.
 * @step: where.
 * @err: positive errno.
 */
struct spawn_failure {
	int32_t step;
	int32_t err;
};

/**
 * struct spawn_user - whom a command is run as.
 */
struct spawn_user {
	uid_t uid;
	gid_t gid;
};

/**
 * struct spawned - a command that was started. All descriptors are non-blocking
 * and the caller's.
 * @pid: of it, also of its process group; not to be waited for but by @pidfd.
 * @pidfd: readable when it has ended.
 * @output: what it says.
 * @failure: a struct spawn_failure, if it could not be run; ends when it runs.
 */
struct spawned {
	pid_t pid;
	int pidfd;
	int output;
	int failure;
};

/**
 * spawn() - start a command.
 * @argv: program by its path and its arguments, then NULL.
 * @env: "NAME=value", then NULL.
 * @user: whom it runs as, NULL = as this process.
 * @ret_spawned: filled in.
 *
 * Return: 0 or a negative errno: this machine has no room for it.
 */
MUST_CHECK int spawn(const char *const *argv, const char *const *env,
		     const struct spawn_user *user,
		     struct spawned *ret_spawned);

/**
 * spawn_end() - kill it and all that is left of its process group. It is to be
 * waited for all the same.
 */
void spawn_end(const struct spawned *spawned);

#endif
