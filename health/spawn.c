// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting a command.
 *
 * Other threads of this process may hold any lock at the moment of fork(), so
 * the child does system calls only, until it is the command.
 */
#include "health/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES	  1024
#define FIRST_FD  10 /* above the standard ones */
#define EXIT_LOST 127

/**
 * struct errand - what the child is to do.
 * @output, @failure: ends of pipes that are written to.
 * @parent: who started it.
 */
struct errand {
	const char *const *argv;
	const char *const *env;
	const struct spawn_user *user;
	int output;
	int failure;
	pid_t parent;
};

static void __attribute__((noreturn))
give_up(const struct errand *e, enum spawn_step step)
{
	const struct spawn_failure why = { .step = step, .err = errno };

	if (write(e->failure, &why, sizeof(why)) < 0)
		_exit(EXIT_LOST + 1);
	_exit(EXIT_LOST);
}

/* Standard input, output and error; all others are closed by exec. */
static int place_files(struct errand *e)
{
	int null;

	e->failure = fcntl(e->failure, F_DUPFD_CLOEXEC, FIRST_FD);
	e->output = fcntl(e->output, F_DUPFD_CLOEXEC, FIRST_FD);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (e->failure < 0 || e->output < 0 || null < 0)
		return -1;
	/* dup2() to itself would leave it to be closed. */
	if (null != STDIN_FILENO && dup2(null, STDIN_FILENO) < 0)
		return -1;
	if (null == STDIN_FILENO && fcntl(null, F_SETFD, 0) < 0)
		return -1;
	if (dup2(e->output, STDOUT_FILENO) < 0 ||
	    dup2(e->output, STDERR_FILENO) < 0)
		return -1;
	return close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

/* As they are in a process that nobody has changed. Those that can't be, don't
 * have to be. */
static void reset_signals(void)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;
	int i;

	for (i = 1; i < NSIG; i++)
		(void)sigaction(i, &action, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int set_limits(void)
{
	const struct rlimit no_core = { 0, 0 };
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -1;
	if (files.rlim_cur > FILES)
		files.rlim_cur = FILES;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) < 0)
		return -1;
	return 0;
}

/* By the system calls: the library's functions would look for threads. */
static int become(const struct spawn_user *user)
{
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (!user)
		return 0;
	if (syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0 ||
	    syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void __attribute__((noreturn)) run(struct errand *e)
{
	if (setsid() < 0 || place_files(e) < 0 || set_limits() < 0 ||
	    chdir("/") < 0)
		give_up(e, SPAWN_PREPARE);
	(void)umask(S_IWGRP | S_IWOTH);
	if (become(e->user) < 0)
		give_up(e, SPAWN_BECOME);
	/* After that, since a change of user takes it back. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		give_up(e, SPAWN_PREPARE);
	if (getppid() != e->parent)
		_exit(EXIT_LOST);
	reset_signals();
	(void)execve(e->argv[0], (char *const *)(uintptr_t)e->argv,
		     (char *const *)(uintptr_t)e->env);
	give_up(e, SPAWN_EXEC);
}

static int pipe_for(int *ret_read, int *ret_write)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	/* Only ours: a command expects that its writes wait. */
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
		int err = errno;

		(void)close(ends[0]);
		(void)close(ends[1]);
		return -err;
	}
	*ret_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

/* With all signals held back: none of ours may run in the child. */
static int fork_off(struct errand *e, struct spawned *s)
{
	sigset_t all, before;
	int err = 0;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	s->pid = fork();
	if (s->pid == 0)
		run(e);
	if (s->pid < 0)
		err = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	s->pidfd = pidfd_open(s->pid, 0);
	if (s->pidfd >= 0)
		return 0;
	err = errno;
	/* It has hardly begun, so that doesn't take long. */
	(void)kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
	return -err;
}

int spawn(const char *const *argv, const char *const *env,
	  const struct spawn_user *user, struct spawned *ret_spawned)
{
	struct errand e = { argv, env, user, -1, -1, getpid() };
	struct spawned s = { 0 };
	int r;

	r = pipe_for(&s.output, &e.output);
	if (r < 0)
		return r;
	r = pipe_for(&s.failure, &e.failure);
	if (r < 0) {
		(void)close(s.output);
		(void)close(e.output);
		return r;
	}
	r = fork_off(&e, &s);
	(void)close(e.output);
	(void)close(e.failure);
	if (r < 0) {
		(void)close(s.output);
		(void)close(s.failure);
		return r;
	}
	*ret_spawned = s;
	return 0;
}

void spawn_end(const struct spawned *spawned)
{
	/* In this order: one that has no group yet makes none any more. */
	(void)pidfd_send_signal(spawned->pidfd, SIGKILL, NULL, 0);
	(void)kill(-spawned->pid, SIGKILL);
}
