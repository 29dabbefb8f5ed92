// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes by commands: real ones, most of them lines for a shell that the test
 * names itself. What they are given, how they are judged, that nothing of them is
 * left.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "health_net.h"

#define SOON	10000
#define PATIENT 5000
#define PORT	81
#define SEARCH_LINE \
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"

static char dir[] = "/tmp/health_exec.XXXXXX";

static void contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static const char *path_of(const char *name)
{
	static char path[4][128];
	static unsigned int n;
	char *next = path[n++ % ARRAY_SIZE(path)];

	(void)snprintf(next, sizeof(path[0]), "%s/%s", dir, name);
	return next;
}

static void save(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(path_of(name), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path_of(name), mode), 0);
}

/* What a command has written to a file; "" = nothing yet. */
static const char *saved(const char *name)
{
	static char text[4096];
	FILE *file = fopen(path_of(name), "re");
	size_t n;

	text[0] = '\0';
	if (!file)
		return text;
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	(void)fclose(file);
	return text;
}

static void add(struct rig *rig, uint64_t id, const char *const *argv, size_t n,
		uint32_t timeout_ms)
{
	struct health_target t = rig_target(id, PORT);
	static const char *env[] = { "DROVER_VM=hv1/web-1" };
	const char *words[8];

	memcpy(words, argv, n * sizeof(*argv));
	t.kind = HEALTH_EXEC;
	t.how.argv = (struct health_list){ words, n };
	t.how.env = (struct health_list){ env, 1 };
	t.params.timeout_ms = timeout_ms;
	t.params.rise = 1;
	t.params.fall = 1;
	rig_add(rig, &t);
}

static void add_line(struct rig *rig, uint64_t id, const char *line,
		     uint32_t timeout_ms)
{
	const char *const argv[] = { "/bin/sh", "-c", line, "check", dir };

	add(rig, id, argv, ARRAY_SIZE(argv), timeout_ms);
}

/* Asks a line of the shell until the state is known. */
static struct health_status ask(const char *line, uint32_t timeout_ms,
				enum health_state state)
{
	struct rig *rig = rig_new(0);
	struct health_status status;

	add_line(rig, 1, line, timeout_ms);
	status = rig_wait_event(rig, 1, state, SOON)->status;
	rig_free(rig);
	return status;
}

static bool is_dead(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

/* All those whose numbers are in a file, @n of them at least. */
static bool all_are_dead(const char *name, size_t n)
{
	char *at = (char *)(uintptr_t)saved(name), *end;
	size_t n_dead = 0;
	long pid;

	for (pid = strtol(at, &end, 10); end != at;
	     at = end, pid = strtol(at, &end, 10)) {
		if (!is_dead((pid_t)pid))
			return false;
		n_dead++;
	}
	return n_dead >= n;
}

/* They are init's to reap, so it may take a moment. */
static void must_die(const char *name, size_t n)
{
	uint64_t end_ms = net_now_ms() + SOON;

	while (!all_are_dead(name, n)) {
		if (net_now_ms() > end_ms)
			fail_msg("still there of %s", saved(name));
		(void)usleep(10000);
		/* Those that init does not get because we are it. */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static void the_exit_code_decides(void **state)
{
	static const struct {
		const char *line;
		enum health_state state;
		const char *reason;
	} cases[] = {
		{ "exit 0", HEALTH_UP, "exec 10.77.0.11:81: exit 0 in " },
		{ "echo warm; echo all is well", HEALTH_UP,
		  ": exit 0 \"all is well\" in " },
		{ "exit 1", HEALTH_DOWN, ": exit 1, 1 of 1 failures" },
		{ "echo out; echo 'disk  full' >&2; exit 2", HEALTH_DOWN,
		  ": exit 2 \"disk  full\", 1 of 1 failures" },
		{ "exit 127", HEALTH_DOWN, ": exit 127, " },
		{ "kill -SEGV $$", HEALTH_DOWN, ": killed by SIGSEGV, " },
		{ "echo so far; kill -9 $$", HEALTH_DOWN,
		  ": killed by SIGKILL \"so far\", " },
		{ "printf 'a\\033[31mb\\n\\n  \\n'; exit 3", HEALTH_DOWN,
		  ": exit 3 \"a.[31mb\", " },
		/* Deaf and dumb, but not over. */
		{ "exec <&- >&- 2>&-; sleep 0.1; exit 4", HEALTH_DOWN,
		  ": exit 4, " },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct health_status status =
			ask(cases[i].line, PATIENT, cases[i].state);

		contains(status.reason, cases[i].reason);
	}
}

/* A command without port is about the address alone. */
static void a_port_is_not_needed(void **state)
{
	static const char *argv[] = { "/bin/sh", "-c",
				      "echo port $DROVER_PORT" };
	struct health_target t = rig_target(1, 0);
	struct rig *rig = rig_new(0);

	(void)state;
	t.kind = HEALTH_EXEC;
	t.params.timeout_ms = PATIENT;
	assert_int_equal(health_add(rig->h, &t), -EINVAL);
	t.how.argv = (struct health_list){ argv, 3 };
	rig_add(rig, &t);
	contains(rig_wait_event(rig, 1, HEALTH_UP, SOON)->status.reason,
		 "exec 10.77.0.11: exit 0 \"port 0\" in ");
	rig_free(rig);
}

static void it_gets_nothing_else(void **state)
{
	static const char *const expected[] = {
		SEARCH_LINE,
		"DROVER_ADDRESS=10.77.0.11\n",
		"DROVER_PORT=81\n",
		"DROVER_TIMEOUT_MS=5000\n",
		"DROVER_VM=hv1/web-1\n",
	};
	/* dup() leaves it open over exec, as a library of ours might. */
	int leak = dup(STDOUT_FILENO);
	struct rig *rig = rig_new(0);
	const char *argv[] = { "/usr/bin/env", NULL };
	size_t i, length = 0;
	char line[256];

	(void)state;
	assert_true(leak > STDERR_FILENO);
	assert_int_equal(setenv("SECRET", "hush", 1), 0);
	/* env alone would write into the pipe: a script of its own. */
	(void)snprintf(line, sizeof(line),
		       "#!/bin/sh\nexec /usr/bin/env -u PWD >%s\n",
		       path_of("env"));
	save("script", line, 0700);
	argv[0] = path_of("script");
	add(rig, 1, argv, 1, PATIENT);
	(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
	rig_free(rig);
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		contains(saved("env"), expected[i]);
		length += strlen(expected[i]);
	}
	/* The shell itself adds OLDPWD or _, but nothing of ours. */
	assert_null(strstr(saved("env"), "SECRET"));
	assert_in_range(strlen(saved("env")), length, length + 40);

	contains(ask("cd /proc/self/fd; ls | wc -l", PATIENT, HEALTH_UP).reason,
		 "\"3\"");
	contains(ask("readlink /proc/$$/fd/0; pwd >&2", PATIENT, HEALTH_UP)
			 .reason,
		 "\"/\"");
	contains(ask("readlink /proc/$$/fd/0", PATIENT, HEALTH_UP).reason,
		 "\"/dev/null\"");
	contains(ask("ulimit -n; ulimit -c", PATIENT, HEALTH_UP).reason,
		 "\"0\"");
	(void)close(leak);
	(void)unsetenv("SECRET");
}

/* Ours are: SIGPIPE ignored, and whatever libevent has made of others. */
static void signals_are_as_in_any_process(void **state)
{
	sigset_t set, before;

	(void)state;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &set, &before);
	contains(ask("grep -E 'SigBlk|SigIgn|SigCgt' /proc/self/status | "
		     "tr -d '\\t\\n'",
		     PATIENT, HEALTH_UP)
			 .reason,
		 "SigBlk:0000000000000000SigIgn:0000000000000000"
		 "SigCgt:00000000");
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}

static void too_slow_is_a_failure(void **state)
{
	struct rig *rig = rig_new(0);
	uint64_t start_ms = net_now_ms();
	const struct seen *s;

	(void)state;
	add_line(rig, 1,
		 "echo begun; sleep 1000 & echo $$ $! >>$1/slow; sleep 1000",
		 200);
	s = rig_wait_event(rig, 1, HEALTH_DOWN, SOON);
	contains(s->status.reason,
		 ": the command is not done in 200 ms, 1 of 1 failures");
	assert_in_range(s->at_ms - start_ms, 190, 2000);
	rig_free(rig);
	must_die("slow", 2);
}

/* What a command leaves behind goes with it, be it ever so many. */
static void nothing_is_left_behind(void **state)
{
	(void)state;
	(void)ask("for i in 1 2 3 4 5 6 7 8 9; do "
		  "(trap '' TERM HUP; sleep 1000 & echo $! >>$1/left; wait) & "
		  "done; while [ $(wc -l <$1/left) -lt 9 ]; do :; done",
		  PATIENT, HEALTH_UP);
	must_die("left", 9);
	/* A tree that forks on and on; it is bounded in case we fail. */
	(void)ask("f() { [ $1 = 0 ] && exec sleep 1000; "
		  "f $(($1 - 1)) & f $(($1 - 1)) & "
		  "sh -c 'echo $PPID' >>\"$2\"; wait; }; f 5 \"$1/bomb\"",
		  300, HEALTH_DOWN);
	must_die("bomb", 1);
}

static void a_flood_is_cut(void **state)
{
	uint64_t start_ms = net_now_ms();

	(void)state;
	contains(ask("yes >&2", PATIENT, HEALTH_DOWN).reason,
		 ": ended, it says more than 64 KiB \"y\", 1 of 1 failures");
	contains(ask("head -c 65537 /dev/zero; echo", PATIENT, HEALTH_DOWN)
			 .reason,
		 "more than 64 KiB");
	assert_in_range(net_now_ms() - start_ms, 0, 2 * PATIENT - 1);
	contains(ask("head -c 65533 /dev/zero | tr '\\0' x; echo; echo y",
		     PATIENT, HEALTH_UP)
			 .reason,
		 "exit 0 \"y\"");
}

static void expect_blind(const char *program, const char *why)
{
	struct rig *rig = rig_new(0);
	struct health_target t = rig_target(1, PORT);

	t.kind = HEALTH_EXEC;
	t.how.argv = (struct health_list){ &program, 1 };
	t.params.timeout_ms = PATIENT;
	t.initial = HEALTH_UP;
	rig_add(rig, &t);
	while (rig->n_troubles == 0)
		rig_run(rig, 20);
	contains(rig->trouble, "cannot be probed from here: ");
	contains(rig->trouble, program);
	contains(rig->trouble, why);
	contains(rig->trouble, "it stays up");
	assert_int_equal(rig_status(rig, 1).n_failures, 0);
	rig_free(rig);
}

/* What can't be run is nobody's failure. */
static void what_cannot_be_run_is_told(void **state)
{
	(void)state;
	save("plain", "#!/bin/sh\nexit 0\n", 0600);
	save("garbage", "garbage\n", 0700);
	save("orphan", "#!/nonexistent\n", 0700);
	expect_blind("/nonexistent/check", "No such file or directory");
	expect_blind(path_of("plain"), "Permission denied");
	expect_blind(path_of("garbage"), "Exec format error");
	expect_blind(path_of("orphan"), "No such file or directory");
	expect_blind(dir, "Permission denied");
}

static void it_may_run_as_another(void **state)
{
	struct health_limits limits = { .command_user = "nobody" };
	struct rig *rig = rig_new_limited(limits);

	(void)state;
	add_line(
		rig, 1,
		"set -- $(id -u) $(id -g) $(id -G) $(grep -E "
		"'NoNewPrivs|CapEff|CapPrm|CapAmb' /proc/self/status); echo $*",
		PATIENT);
	contains(rig_wait_event(rig, 1, HEALTH_UP, SOON)->status.reason,
		 "\"65534 65534 65534 CapPrm: 0000000000000000 CapEff: 0000");
	add_line(rig, 2, "grep NoNewPrivs /proc/self/status", PATIENT);
	contains(rig_wait_event(rig, 2, HEALTH_UP, SOON)->status.reason,
		 "\"NoNewPrivs: 1\"");
	rig_free(rig);

	limits.command_user = "drover-nobody-knows";
	rig = rig_new_limited(limits);
	add_line(rig, 1, "exit 0", PATIENT);
	while (rig->n_troubles == 0)
		rig_run(rig, 20);
	contains(rig->trouble, "the command's user: No such file");
	assert_int_equal(rig_status(rig, 1).state, HEALTH_UNKNOWN);
	rig_free(rig);
}

#define MANY 12

static bool many_have_run(struct rig *rig, void *arg)
{
	struct health_counters count;

	(void)arg;
	health_counters(rig->h, &count);
	assert_in_range(count.n_in_flight, 0, 3 + 1);
	return count.n_probes >= MANY;
}

static void only_so_many_run_at_once(void **state)
{
	struct rig *rig =
		rig_new_limited((struct health_limits){ .max_commands = 3 });
	struct health_counters count;
	struct health_target t = rig_target(100, PORT);
	int fd = net_listen(PORT, 16);
	uint64_t id;

	(void)state;
	for (id = 1; id <= MANY; id++)
		add_line(rig, id,
			 "touch $1/run.$$; ls $1/run.* | wc -l >>$1/count; "
			 "sleep 0.2; rm $1/run.$$",
			 PATIENT);
	/* Those that need no command don't wait for them. */
	rig_add(rig, &t);
	(void)rig_wait_event(rig, 100, HEALTH_UP, 1000);
	health_counters(rig->h, &count);
	assert_true(count.n_queued > 0);
	rig_wait(rig, many_have_run, NULL, SOON);
	health_counters(rig->h, &count);
	assert_int_equal(count.n_failures, 0);
	assert_true(count.n_late > 0);
	assert_null(strpbrk(saved("count"), "456789"));
	assert_non_null(strchr(saved("count"), '3'));
	(void)close(fd);
	rig_free(rig);
}

static bool has_begun(struct rig *rig, void *arg)
{
	(void)rig;
	return saved(arg)[0] != '\0';
}

/* Removed, asked anew, or all of it closed: the command ends. */
static void who_is_not_wanted_ends(void **state)
{
	static char removed[] = "removed", closed[] = "closed",
		    kicked[] = "kicked";
	struct rig *rig =
		rig_new_limited((struct health_limits){ .max_commands = 1 });

	(void)state;
	add_line(rig, 1, "echo $$ >>$1/removed; sleep 1000", PATIENT);
	rig_wait(rig, has_begun, removed, SOON);
	assert_int_equal(health_remove(rig->h, 1), 0);
	/* Its place is free again: the next one can begin. */
	add_line(rig, 2, "echo $$ >>$1/kicked; exec sleep 0.2", PATIENT);
	rig_wait(rig, has_begun, kicked, SOON);
	must_die(removed, 1);
	assert_int_equal(health_kick(rig->h, 2), 0);
	(void)rig_wait_event(rig, 2, HEALTH_UP, SOON);
	assert_int_equal(health_remove(rig->h, 2), 0);
	must_die(kicked, 2);
	add_line(rig, 3, "echo $$ >>$1/closed; sleep 1000", PATIENT);
	rig_wait(rig, has_begun, closed, SOON);
	rig_free(rig);
	must_die(closed, 1);
}

static void remove_itself(struct rig *rig, const struct seen *last)
{
	assert_int_equal(health_remove(rig->h, last->id), 0);
}

static void a_hook_may_remove_it(void **state)
{
	struct rig *rig = rig_new(0);
	struct health_counters count;

	(void)state;
	rig->on_state = remove_itself;
	add_line(rig, 1, "exit 0", PATIENT);
	add_line(rig, 2, "sleep 1000", 100);
	(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
	(void)rig_wait_event(rig, 2, HEALTH_DOWN, SOON);
	health_counters(rig->h, &count);
	assert_int_equal(count.n_targets, 0);
	assert_int_equal(count.n_in_flight, 0);
	rig_free(rig);
}

/* No descriptors: it waits, and nobody is down for it. */
static void it_waits_for_room(void **state)
{
	struct rig *rig = rig_new(0);
	struct rlimit old, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){ 0, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	add_line(rig, 1, "exit 0", PATIENT);
	while (rig->n_troubles == 0)
		rig_run(rig, 20);
	assert_int_equal(rig->trouble_err, EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	(void)rig_wait_event(rig, 1, HEALTH_UP, SOON);
	assert_int_equal(rig_status(rig, 1).n_failures, 0);
	rig_free(rig);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	char line[64];

	(void)state;
	(void)snprintf(line, sizeof(line), "rm -r %s", dir);
	/* NOLINTNEXTLINE(cert-env33-c): a line of our own */
	return system(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exit_code_decides),
		cmocka_unit_test(a_port_is_not_needed),
		cmocka_unit_test(it_gets_nothing_else),
		cmocka_unit_test(signals_are_as_in_any_process),
		cmocka_unit_test(too_slow_is_a_failure),
		cmocka_unit_test(nothing_is_left_behind),
		cmocka_unit_test(a_flood_is_cut),
		cmocka_unit_test(what_cannot_be_run_is_told),
		cmocka_unit_test(it_may_run_as_another),
		cmocka_unit_test(only_so_many_run_at_once),
		cmocka_unit_test(who_is_not_wanted_ends),
		cmocka_unit_test(a_hook_may_remove_it),
		cmocka_unit_test(it_waits_for_room),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	net_open();
	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
