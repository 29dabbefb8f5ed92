/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two network namespaces for the tests of probes, and a recorder of hooks.
 *
 *	lb  eth0 10.77.0.1/24  ──veth──  eth0 10.77.0.11/24  b1
 *	         10.77.0.2/24                 10.78.0.0/16 (all of it, local)
 *	                                      10.80.0.0/16 (swallowed)
 *	         fd77::1/64                   fd77::11/64
 *
 * The test lives in lb and opens its servers' sockets in b1. The namespaces
 * have no names: they vanish with the process, however it ends.
 */
#ifndef TESTS_E2E_HEALTH_NET_H
#define TESTS_E2E_HEALTH_NET_H

#include <sys/types.h>

#include "health/health.h"

struct event_base;

#define NET_B1	   0x0a4d000b /* 10.77.0.11 */
#define NET_MANY   0x0a4e0000 /* 10.78.0.0/16, all in b1 */
#define NET_SILENT 0x0a500000 /* 10.80.0.0/16, swallowed there */

/**
 * net_open() - make the namespaces and enter lb; exits 77 where it may not.
 */
void net_open(void);

/**
 * net_run() - a command that has to succeed.
 * @in_b1: run it in b1.
 * @words: separated by single blanks.
 */
void net_run(bool in_b1, const char *words);

/**
 * net_receive_on() - let b1 receive on that CPU, which is one of the first 32,
 * and not on the sender's: what b1 does is not on the sender's time then.
 */
void net_receive_on(unsigned int cpu);

/**
 * net_listen() - a listening socket in b1, on all addresses of both families.
 * @port: host byte order.
 * @backlog: of listen().
 *
 * Return: a non-blocking descriptor.
 */
int net_listen(uint16_t port, int backlog);

/**
 * net_datagrams() - a socket for datagrams there, on all addresses.
 *
 * Return: a non-blocking descriptor.
 */
int net_datagrams(uint16_t port);

/**
 * net_deaf() - let a listening socket lose every packet, or hear again.
 */
void net_deaf(int fd, bool deaf);

/**
 * net_time_waits() - sockets in TIME_WAIT in one of the namespaces.
 */
size_t net_time_waits(bool in_b1);

/* IPv4 address from host byte order, IPv6 address from text. */
struct ip_addr net_v4(uint32_t addr);
struct ip_addr net_v6(const char *text);

/* For struct health_how: a string's, without its end. */
#define BYTES(text)                      \
	{                                \
		(text), sizeof(text) - 1 \
	}

#define SEEN_MAX 16384

/**
 * struct seen - a call of on_state.
 */
struct seen {
	uint64_t id;
	enum health_state old;
	uint64_t at_ms;
	struct health_status status;
};

/**
 * struct rig - probes under test.
 * @base: their loop.
 * @h: they.
 * @seen: calls of on_state, oldest first.
 * @n_seen: their number.
 * @n_troubles: calls of on_trouble.
 * @trouble_err: of the last.
 * @trouble: of the last.
 * @on_state: called after recording, if set.
 */
struct rig {
	struct event_base *base;
	struct health *h;
	struct seen seen[SEEN_MAX];
	size_t n_seen;
	size_t n_troubles;
	int trouble_err;
	char trouble[512];
	void (*on_state)(struct rig *rig, const struct seen *last);
};

struct rig *rig_new(uint32_t max_sockets);
struct rig *rig_new_limited(struct health_limits limits);
void rig_free(struct rig *rig);

/**
 * rig_add() - a target in b1 with quick parameters: every 50 ms, timeout
 * 100 ms, rise 2, fall 3, no jitter.
 */
struct health_target rig_target(uint64_t id, uint16_t port);
void rig_add(struct rig *rig, const struct health_target *target);

/**
 * rig_wait_event() - run the loop until on_state has been called with that.
 * @rig: whose loop.
 * @id: target.
 * @state: new state.
 * @limit_ms: the test fails after this.
 *
 * Return: the call; each is returned once.
 */
const struct seen *rig_wait_event(struct rig *rig, uint64_t id,
				  enum health_state state, uint32_t limit_ms);

/**
 * rig_wait() - run the loop until @done says so; the test fails after a limit.
 */
void rig_wait(struct rig *rig, bool (*done)(struct rig *rig, void *arg),
	      void *arg, uint32_t limit_ms);

/**
 * rig_run() - run the loop for so long.
 */
void rig_run(struct rig *rig, uint32_t ms);

/**
 * rig_status() - what is known of a target that must exist.
 */
struct health_status rig_status(const struct rig *rig, uint64_t id);

uint64_t net_now_ms(void);

#endif
