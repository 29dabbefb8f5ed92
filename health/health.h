/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Active probes: targets in, "up" and "down" out.
 *
 * A target is one address and port that is probed again and again; what a VM
 * in two pools needs is two targets. The caller numbers them. Nothing here
 * knows what a VM, a pool or a hypervisor is: verdict.h joins what probes say
 * with what others know.
 *
 * SIGPIPE has to be ignored: OpenSSL writes to servers that may have gone. SIGCHLD
 * must not be: how a command has ended would be lost.
 *
 * One thread: that of the event base, where the hooks are called too. A hook
 * may add, change, kick, reset and remove targets, also the one it is called
 * for; it must not close the struct health.
 *
 * What is promised:
 *   - one probe of a target at a time, and none outlives its timeout;
 *   - at most max_sockets sockets and max_commands commands; what is due beyond
 *     that waits its turn;
 *   - what goes wrong on this machine (no descriptor, no memory, no free port,
 *     no such device) is never counted against a target: its state stays as it
 *     is, and on_trouble says why;
 *   - up after `rise` successes in a row, never before; down after `fall`
 *     failures in a row, never before (fsm.h).
 *
 * When probes go out is told in sched.h: a new target at once, many new ones
 * paced; from start to start `interval_ms`, changed at random by
 * `jitter_percent`; every 250 ms for the first 30 s after a target was added,
 * kicked, reset or has gone down, as long as it isn't up, so that a VM that
 * boots joins quickly.
 */
#ifndef HEALTH_HEALTH_H
#define HEALTH_HEALTH_H

#include "dataplane/core/base.h"

#define HEALTH_DEVICE_SIZE 16  /* IFNAMSIZ */
#define HEALTH_REASON_SIZE 256 /* suffices for every reason */
#define HEALTH_STREAK_MAX  1000

struct event_base;
struct health;

/* To add a kind: a row here and one in probe.c, and a file probe_<kind>.c. */
enum health_kind {
	HEALTH_TCP,	   /* a TCP handshake; probe_tcp.c */
	HEALTH_TCP_ANSWER, /* and bytes both ways; probe_talk.c */
	HEALTH_HTTP,	   /* a request; probe_talk.c */
	HEALTH_HTTPS,	   /* a request through TLS; probe_talk.c */
	HEALTH_UDP,	   /* a datagram and its answer; probe_udp.c */
	HEALTH_EXEC,	   /* what a command says of it; probe_exec.c */
	HEALTH_N_KINDS,
};

enum health_state {
	HEALTH_UNKNOWN, /* too few results yet */
	HEALTH_UP,
	HEALTH_DOWN,
	HEALTH_N_STATES,
};

/**
 * struct health_params - what may change while a target keeps its state.
 * @interval_ms: from the start of a probe to the start of the next; >= 10.
 * @timeout_ms: a probe without an answer has failed after this; >= 1. If it
 *              is longer than the interval, the next probe follows at its end.
 * @rise: successes in a row that make a target up; 1 .. HEALTH_STREAK_MAX.
 * @fall: failures in a row that make it down; the same.
 * @jitter_percent: each interval is changed at random by up to this share, in
 *                  both directions; 0 .. 100.
 */
struct health_params {
	uint32_t interval_ms;
	uint32_t timeout_ms;
	uint32_t rise;
	uint32_t fall;
	uint32_t jitter_percent;
};

/**
 * struct health_list - texts.
 */
struct health_list {
	const char **text;
	size_t n;
};

/**
 * struct health_bytes - any, also zeroes.
 */
struct health_bytes {
	const char *data;
	size_t len;
};

/**
 * struct health_how - what a target is asked; NULL and 0 where a kind has no
 *                     use for it.
 * @send: TCP: said once connected. UDP: the datagram.
 * @expect: the first 4 KiB of the answer have it in them; none = TCP: saying
 *          @send is enough, UDP: any answer is.
 * @path: HTTP: of the request; NULL = "/".
 * @host: HTTP: of its Host; NULL = the target's address and port.
 * @status: HTTP: codes that are a success, @n_status; none = 200 to 299.
 * @sni: HTTPS: name of the server; NULL = none.
 * @ca_file: HTTPS: PEM file of who signs; NULL = the system's.
 * @verify: HTTPS: the certificate has to be valid for @sni, which must be there.
 * @argv: exec: program by its path and its arguments.
 * @env: exec: of its environment, "NAME=value".
 */
struct health_how {
	struct health_bytes send;
	struct health_bytes expect;
	const char *path;
	const char *host;
	const uint32_t *status;
	size_t n_status;
	const char *sni;
	const char *ca_file;
	bool verify;
	struct health_list argv;
	struct health_list env;
};

/**
 * struct health_target - what to probe, and how.
 * @id: the caller's number, unique.
 * @kind: how.
 * @addr: where, IPv4 or IPv6.
 * @shown: address that reasons name; all zero = @addr. The target's own, where
 *         @addr is only a way to it.
 * @port: where, host byte order; not 0, but for a command.
 * @device: interface that probes leave by, "" = as the routes say. An IPv6
 *          link-local address needs it.
 * @source: address they come from; all zero (or ::ffff:0.0.0.0) = the
 *          kernel's choice.
 * @fwmark: mark of their packets, 0 = none. Needs CAP_NET_ADMIN.
 * @how: what to ask; copied with all it points to.
 * @params: when, and how often.
 * @initial: state to start from, for callers that remember it.
 */
struct health_target {
	uint64_t id;
	enum health_kind kind;
	struct ip_addr addr;
	struct ip_addr shown;
	uint16_t port;
	char device[HEALTH_DEVICE_SIZE];
	struct ip_addr source;
	uint32_t fwmark;
	struct health_how how;
	struct health_params params;
	enum health_state initial;
};

/**
 * struct health_status - what is known of a target.
 * @state: up, down or unknown.
 * @settled: it has been up since it was added or reset, or its first minute
 *           is over: what probes say is no longer a boot. panic.h asks.
 * @flapping: it goes down so often that it takes more successes to get up.
 * @since_ms: when it entered @state; CLOCK_MONOTONIC.
 * @latency_us: of the last success; 0 = none yet.
 * @smoothed_us: the same, smoothed (each success counts an eighth).
 * @n_probes: results so far.
 * @n_failures: of these, failures.
 * @reason: the last result, for people: "tcp 10.77.0.11:80: connection
 *          refused, 3 of 3 failures".
 */
struct health_status {
	enum health_state state;
	bool settled;
	bool flapping;
	uint64_t since_ms;
	uint32_t latency_us;
	uint32_t smoothed_us;
	uint64_t n_probes;
	uint64_t n_failures;
	char reason[HEALTH_REASON_SIZE];
};

/**
 * struct health_counters - of all targets, since health_open().
 * @n_targets: there are.
 * @n_in_flight: probes under way.
 * @n_queued: due, but waiting for their turn.
 * @n_probes: results.
 * @n_failures: of these, failures.
 * @n_blind: probes that this machine could not make.
 * @n_late: probes that began more than 100 ms after they were due: the loop was
 *          held up, or too many were under way.
 */
struct health_counters {
	size_t n_targets;
	size_t n_in_flight;
	size_t n_queued;
	uint64_t n_probes;
	uint64_t n_failures;
	uint64_t n_blind;
	uint64_t n_late;
};

/**
 * struct health_limits - what probes may take of this machine.
 * @max_sockets: at once; 0 = 512.
 * @max_commands: that run at once; 0 = 16.
 * @command_user: name of whom commands run as, NULL = as this process; see
 *                spawn.h.
 */
struct health_limits {
	uint32_t max_sockets;
	uint32_t max_commands;
	const char *command_user;
};

/**
 * struct health_hooks - what a caller is told.
 * @on_state: a target has another state, or is still unknown and the last
 *            result has another cause than the one before ("still unknown").
 *            @old tells them apart: then it equals status->state. @status is
 *            the caller's only during the call.
 * @on_trouble: this machine cannot make probes. @text says what is wrong and
 *              what becomes of it; @err is a positive errno. At most once in
 *              10 s for each cause.
 * @arg: theirs.
 */
struct health_hooks {
	void (*on_state)(uint64_t id, enum health_state old,
			 const struct health_status *status, void *arg);
	void (*on_trouble)(int err, const char *text, void *arg);
	void *arg;
};

/**
 * health_open() - no targets yet.
 * @base: whose loop probes live in; outlives the struct health.
 * @limits: copied.
 * @hooks: both must be set; copied.
 * @ret_health: to be released by health_close().
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
MUST_CHECK int health_open(struct event_base *base,
			   const struct health_limits *limits,
			   const struct health_hooks *hooks,
			   struct health **ret_health);

/**
 * health_close() - stop all probes; no hook is called any more. NULL is fine.
 */
void health_close(struct health *h);

/**
 * health_add() - start to probe.
 * @h: where.
 * @target: copied.
 *
 * No hook is called before it returns.
 *
 * Return: 0; -EINVAL if a value is out of its range; -EEXIST if there is a
 * target of that id; -ENOMEM.
 */
MUST_CHECK int health_add(struct health *h, const struct health_target *target);

/**
 * health_change() - other parameters; state and history stay.
 * @h: where.
 * @id: of the target. One that moved to another address or port is another
 *      target: remove it and add it anew.
 * @params: from now on. The next probe is within the new interval.
 *
 * Return: 0; -EINVAL if a value is out of its range; -ENOENT.
 */
MUST_CHECK int health_change(struct health *h, uint64_t id,
			     const struct health_params *params);

/**
 * health_asks() - is that what the target is asked, in that way?
 *
 * Return: false also if there is no such target.
 */
bool health_asks(const struct health *h, uint64_t id, enum health_kind kind,
		 const struct health_how *how);

/**
 * health_remove() - probe it no longer; no hook is called for it any more.
 *
 * Return: 0 or -ENOENT.
 */
int health_remove(struct health *h, uint64_t id);

/**
 * health_kick() - look now: something has happened to the target.
 *
 * Its state stays. A probe under way is given up and made anew, since what it
 * sent before the event may be lost; so a target that is kicked without end,
 * faster than it answers, has no results.
 *
 * Return: 0 or -ENOENT.
 */
int health_kick(struct health *h, uint64_t id);

/**
 * health_reset() - forget the results and look now: the target was started
 * anew, so what probes said of its former life no longer counts.
 *
 * Its state is HEALTH_UNKNOWN from now on; the hook is not called for that.
 * That it flaps is not forgotten.
 *
 * Return: 0 or -ENOENT.
 */
int health_reset(struct health *h, uint64_t id);

/**
 * health_get() - what is known of a target.
 * @h: where.
 * @id: of the target.
 * @ret_status: filled in.
 *
 * Return: 0 or -ENOENT.
 */
MUST_CHECK int health_get(const struct health *h, uint64_t id,
			  struct health_status *ret_status);

/**
 * health_counters() - of all targets.
 */
void health_counters(const struct health *h,
		     struct health_counters *ret_counters);

/* The names that users read; "?" for a value that is none. */
const char *health_kind_name(enum health_kind kind);
const char *health_state_name(enum health_state state);

#endif
