// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nanoseconds a packet of the real BPF programs, by BPF_PROG_TEST_RUN.
 *
 *	bench_xdp [--json FILE] [--rounds N] [--case PART-OF-NAME]
 *
 * Wants the network that scripts/bench makes for it.
 *
 * DOC: method
 *
 * A wrapper (bench.bpf.c) restores the packet with the next flow of a shuffled
 * list before each run of a program. Time is the thread's CPU time around a
 * system call of 2^20 iterations, after a quarter as many that warm the caches.
 * Rounds are interleaved: each runs every case once. What is printed and written
 * is the program without its wrapper: measured, less what the wrapper with the
 * same list takes over a bare `return XDP_TX`. The wrapper has rows of its own.
 *
 * A run counts only if it was what it says: each packet the verdict it should
 * have, each VM the packets that its flows make, and at least half as many
 * slots hit as there can be.
 *
 * One file above 600 lines, since cases, runs and report are of one table.
 */
#include "tests/bench/bench_frame.h"
#include "tests/bench/bench_world.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "dataplane/core/trace.h" /* a variable of theirs */
#include "bench.skel.h"

#define REPEAT	   (1U << 20)
#define MAX_ROUNDS 101
#define MAX_CASES  96

/* What is run. */
enum target {
	TARGET_TX, /* return XDP_TX, nothing around it */
	TARGET_ENCAP,
	TARGET_WRAPPER, /* the same in the wrapper */
	TARGET_LB,
	TARGET_WRAPPER_TC,
	TARGET_PORT_IN,
};

/**
 * struct bench_case - a row.
 * @name: as it is reported.
 * @mode: forwarding mode, or "none".
 * @proto: of its packets; @flags: of TCP: TCP_*.
 * @size: the pool, and so the family; @to_vip: packets are for its VIP or its
 *        clients, else for nobody's.
 * @n_flows: length of the list.
 * @moving: a tenth of the slots is.
 * @opener: flows begin: of UDP nobody has asked yet.
 * @ns: one a round.
 */
struct bench_case {
	const char *name;
	const char *mode;
	enum target target;
	uint8_t proto;
	uint8_t flags;
	enum bench_size size;
	bool to_vip;
	bool moving;
	bool opener;
	uint32_t n_flows;
	double ns[MAX_ROUNDS];
};

static struct {
	struct bench_world world;
	struct bench_bpf *skel;
	struct bench_tuple *tuple;
	struct bench_case cases[MAX_CASES];
	uint32_t n_cases;
	int n_cpus;
	int rounds;
	const char *only;
	uint8_t frame[BENCH_FRAME_MAX];
} bench = { .rounds = 7 };

static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_xdp: %s: %s\n", what, why);
	exit(1);
}

static void must(int err, const char *what)
{
	if (err < 0)
		die(what, strerror(-err));
}

/* --- cases --------------------------------------------------------------- */

static void add(struct bench_case c)
{
	if (bench.only && !strstr(c.name, bench.only) &&
	    c.target != TARGET_TX && c.target != TARGET_WRAPPER &&
	    c.target != TARGET_WRAPPER_TC)
		return;
	if (bench.n_cases == MAX_CASES)
		die(c.name, "too many cases");
	bench.cases[bench.n_cases++] = c;
}

static const uint32_t n_of[] = { 1, 1 << 17, 1 << 20 };

static void add_lb(const char *name, uint8_t proto, enum bench_size size,
		   uint32_t n_flows, bool moving)
{
	add((struct bench_case){ .name = name,
				 .mode = "nat",
				 .target = TARGET_LB,
				 .proto = proto,
				 .flags = TCP_ACK,
				 .size = size,
				 .to_vip = true,
				 .moving = moving,
				 .n_flows = n_flows });
}

/* Of UDP each flow only once: the second time it has asked already. */
static void add_opener(uint8_t proto, enum bench_size size)
{
	bool udp = proto == IP_PROTO_UDP;

	add((struct bench_case){ .name = "opener",
				 .mode = "nat",
				 .target = TARGET_LB,
				 .proto = proto,
				 .flags = TCP_SYN,
				 .size = size,
				 .to_vip = true,
				 .opener = true,
				 .n_flows = n_of[udp ? 2 : 1] });
}

static void add_return(uint8_t proto, enum bench_size size, uint32_t n_flows)
{
	add((struct bench_case){ .name = "return",
				 .mode = "nat",
				 .target = TARGET_PORT_IN,
				 .proto = proto,
				 .flags = TCP_ACK,
				 .size = size,
				 .to_vip = true,
				 .n_flows = n_flows });
}

/* What all that follows is measured against. */
static void add_floors(void)
{
	static const enum bench_size families[] = { BENCH_100, BENCH_100_V6 };
	size_t i;
	size_t k;

	add((struct bench_case){ .name = "xdp_tx", .mode = "none" });
	add((struct bench_case){ .name = "encap_constant",
				 .mode = "none",
				 .target = TARGET_ENCAP });
	for (k = 0; k < ARRAY_SIZE(families); k++)
		for (i = 0; i < ARRAY_SIZE(n_of); i++) {
			add((struct bench_case){ .name = "wrapper",
						 .mode = "none",
						 .target = TARGET_WRAPPER,
						 .proto = IP_PROTO_TCP,
						 .size = families[k],
						 .n_flows = n_of[i] });
			add((struct bench_case){ .name = "wrapper_tc",
						 .mode = "none",
						 .target = TARGET_WRAPPER_TC,
						 .proto = IP_PROTO_TCP,
						 .size = families[k],
						 .n_flows = n_of[i] });
		}
}

/* A pool by a protocol: flows of every number, and new ones. */
static void add_pool(enum bench_size size, uint8_t proto)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(n_of); i++)
		add_lb("established", proto, size, n_of[i], false);
	add_opener(proto, size);
}

static void add_cases(void)
{
	static const struct {
		enum bench_size size;
		uint8_t proto;
	} pools[] = {
		{ BENCH_100, IP_PROTO_TCP },	{ BENCH_1000, IP_PROTO_TCP },
		{ BENCH_100, IP_PROTO_UDP },	{ BENCH_100_V6, IP_PROTO_TCP },
		{ BENCH_100_V6, IP_PROTO_UDP },
	};
	size_t i;
	size_t k;

	add_floors();
	for (k = 0; k < ARRAY_SIZE(pools); k++)
		add_pool(pools[k].size, pools[k].proto);
	for (k = 0; k < 2; k++)
		for (i = 0; i < ARRAY_SIZE(n_of); i++)
			add_lb("established_10_percent_moving", IP_PROTO_TCP,
			       pools[k].size, n_of[i], true);
	for (k = 0; k < 2; k++)
		add((struct bench_case){ .name = "non_vip",
					 .mode = "none",
					 .target = TARGET_LB,
					 .proto = IP_PROTO_TCP,
					 .flags = TCP_ACK,
					 .size = k ? BENCH_100_V6 : BENCH_100,
					 .n_flows = n_of[1] });
	for (k = 0; k < ARRAY_SIZE(pools); k++)
		for (i = 0; i < ARRAY_SIZE(n_of); i++)
			if (pools[k].size != BENCH_1000)
				add_return(pools[k].proto, pools[k].size,
					   n_of[i]);
}

/* --- packets ------------------------------------------------------------- */

static uint32_t word_at(const uint8_t *frame, uint32_t at)
{
	uint32_t word;

	memcpy(&word, frame + at, sizeof(word));
	return word;
}

static const struct bench_pool *pool_of(const struct bench_case *c)
{
	return &bench.world.pool[c->size];
}

/* Where in the list a case begins: one flow alone must move if it is to. */
static const struct bench_flow *first_flow(const struct bench_case *c)
{
	const struct bench_flow *flow = bench.world.flow;

	while (c->moving && c->n_flows == 1 &&
	       !bench_moves(bench_slot(&bench.world, c->size, c->proto, flow)))
		flow++;
	return flow;
}

static bool is_tc(const struct bench_case *c)
{
	return c->target == TARGET_PORT_IN || c->target == TARGET_WRAPPER_TC;
}

static uint32_t frame_size(const struct bench_case *c)
{
	return BENCH_FRAME(pool_of(c)->v6);
}

/* The end that a case's packets share, in the place of @fixed. */
static struct frame_ends fixed_end(const struct bench_case *c, enum end fixed)
{
	const struct bench_pool *pool = pool_of(c);
	struct frame_ends ends = { .port = { 0 } };

	ends.addr[fixed] = c->to_vip ? pool->vip : bench_no_vip(pool);
	ends.port[fixed] = BE16(BENCH_PORT_VIP);
	if (is_tc(c)) {
		ends.addr[fixed] = bench_vm_addr(pool, pool->first_vm);
		ends.port[fixed] = BE16(BENCH_PORT_VM);
	}
	return ends;
}

static void make_packets(const struct bench_case *c)
{
	const struct bench_flow *flow = first_flow(c);
	bool v6 = pool_of(c)->v6;
	enum end peer = is_tc(c) ? END_DST : END_SRC;
	enum end fixed = is_tc(c) ? END_SRC : END_DST;
	struct frame_ends ends = fixed_end(c, fixed);
	uint32_t i = 0;

	/* The floors have one, too, that nobody changes. */
	do {
		ends.addr[peer] = bench_client(pool_of(c), flow);
		ends.port[peer] = flow->port;
		frame_make(bench.frame, &ends, c->proto, c->flags);
		bench.tuple[i] = (struct bench_tuple){
			.ttl_word = word_at(bench.frame, BENCH_AT_TTL(v6)),
			.peer = flow->addr,
			.ports = word_at(bench.frame, BENCH_AT_PORTS(v6)),
			.csum = word_at(bench.frame,
					BENCH_AT_CSUM(v6, c->proto)) &
				0xffff,
		};
	} while (flow++, ++i < c->n_flows);
	bench.skel->bss->fixed_addr = ends.addr[fixed];
	bench.skel->data->n_tuples = c->n_flows;
	bench.skel->bss->cursor = 0;
}

/* --- runs ---------------------------------------------------------------- */

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int jump_to(int map_fd, int prog_fd)
{
	const uint32_t only = 0;

	return bpf_map_update_elem(map_fd, &only, &prog_fd, BPF_ANY);
}

/* The wrapper for a case's packets. */
static int wrapper_of(const struct bench_case *c)
{
	const struct bench_bpf *s = bench.skel;
	const struct bpf_program *all[2][2][2] = {
		{ { s->progs.wrap_xdp, s->progs.wrap_xdp_udp },
		  { s->progs.wrap_xdp6, s->progs.wrap_xdp6_udp } },
		{ { s->progs.wrap_tc, s->progs.wrap_tc_udp },
		  { s->progs.wrap_tc6, s->progs.wrap_tc6_udp } },
	};

	return bpf_program__fd(
		all[is_tc(c)][pool_of(c)->v6][c->proto == IP_PROTO_UDP]);
}

/* What a case's wrapper jumps to. */
static int jump_of(const struct bench_case *c)
{
	switch (c->target) {
	case TARGET_WRAPPER_TC:
		return bpf_program__fd(bench.skel->progs.tc_ok);
	case TARGET_LB:
		return programs_lb(&bench.world.programs);
	case TARGET_PORT_IN:
		return programs_port_in(&bench.world.programs);
	default:
		return bpf_program__fd(bench.skel->progs.xdp_tx);
	}
}

/* The program that a case runs, its wrapper's jump set. */
static int program_of(const struct bench_case *c)
{
	const struct bench_bpf *s = bench.skel;

	if (c->target == TARGET_TX)
		return bpf_program__fd(s->progs.xdp_tx);
	if (c->target == TARGET_ENCAP)
		return bpf_program__fd(s->progs.encap_constant);
	must(jump_to(bpf_map__fd(is_tc(c) ? s->maps.tc_jump : s->maps.xdp_jump),
		     jump_of(c)),
	     "jump");
	return wrapper_of(c);
}

static uint32_t verdict_of(const struct bench_case *c)
{
	switch (c->target) {
	case TARGET_TX:
	case TARGET_ENCAP:
	case TARGET_WRAPPER:
		return XDP_TX;
	case TARGET_LB:
		return c->to_vip ? XDP_REDIRECT : XDP_PASS;
	case TARGET_WRAPPER_TC:
		return TC_ACT_OK;
	case TARGET_PORT_IN:
		return TC_ACT_REDIRECT;
	}
	return 0;
}

/* Packets that a backend got (or, at its port, sent), all CPUs. */
static uint64_t packets_of(uint32_t number, bool out)
{
	struct traffic *t = calloc((size_t)bench.n_cpus, sizeof(*t));
	uint64_t sum = 0;
	int i;

	if (!t)
		die("counters", "no memory");
	must(bpf_map_lookup_elem(bench.world.maps.fd[MAP_BACKEND_COUNT],
				 &number, t),
	     "counters");
	for (i = 0; i < bench.n_cpus; i++)
		sum += out ? t[i].out_packets : t[i].in_packets;
	free(t);
	return sum;
}

/* What the counters of a pool's VMs grew by is what its flows make. */
static void count_vms(const struct bench_case *c, uint64_t *ret_count)
{
	const struct bench_pool *pool = pool_of(c);
	uint32_t i;

	for (i = 0; i < pool->n_vms; i++)
		ret_count[i] = packets_of(pool->first_vm + i, is_tc(c));
}

/* @n_left: flows whose answers pass, since no note says that they are any. */
static void check_vms(const struct bench_case *c, const uint64_t *before,
		      const uint64_t *after, uint32_t laps, uint32_t n_left)
{
	const struct bench_pool *pool = pool_of(c);
	const struct bench_flow *flow = first_flow(c);
	uint64_t *want = calloc(pool->n_vms, sizeof(*want));
	uint32_t i;

	if (!want)
		die(c->name, "no memory");
	for (i = 0; i < c->n_flows; i++, flow++)
		want[is_tc(c) ? 0 :
				bench_backend(&bench.world, c->size, c->proto,
					      flow) -
					pool->first_vm] += laps;
	if (is_tc(c))
		want[0] -= (uint64_t)laps * n_left;
	for (i = 0; i < pool->n_vms; i++)
		if (after[i] - before[i] != want[i])
			die(c->name, "VMs got other packets than their flows'");
	free(want);
}

static void test_run(const struct bench_case *c, int fd, uint32_t repeat)
{
	struct __sk_buff skb = { .ifindex = BENCH_IFINDEX_VM };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bench.frame,
		    .data_size_in = frame_size(c), .repeat = (int)repeat);

	if (is_tc(c)) {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	}
	must(bpf_prog_test_run_opts(fd, &opts), c->name);
	if (opts.retval != verdict_of(c))
		die(c->name, "another verdict than it should be");
}

/* What the table of direct flows knows of a case's flows; as bench_ask(). */
static uint32_t ask(const struct bench_case *c)
{
	uint32_t n_flows = c->proto == IP_PROTO_UDP ? c->n_flows : 0;

	return bench_ask(&bench.world, c->size, first_flow(c), n_flows,
			 !c->opener);
}

static double run(const struct bench_case *c)
{
	static uint64_t before[1000];
	static uint64_t after[1000];
	int fd = program_of(c);
	double began_ns;
	double took_ns;
	uint32_t n_left;

	make_packets(c);
	bench_move(&bench.world, c->size, c->proto, c->moving, first_flow(c),
		   c->n_flows);
	n_left = ask(c);
	test_run(c, fd, REPEAT / 4);
	if (c->opener)
		(void)ask(c);
	bench.skel->bss->cursor = 0;
	count_vms(c, before);
	began_ns = cpu_ns();
	test_run(c, fd, REPEAT);
	took_ns = cpu_ns() - began_ns;
	count_vms(c, after);
	if (c->to_vip)
		check_vms(c, before, after, REPEAT / c->n_flows, n_left);
	return took_ns / REPEAT;
}

/* As many slots as N flows must hit at the least: half of what they could. */
static void check_spread(const struct bench_case *c)
{
	uint32_t n_slots = 1U << bench.world.pool[c->size].slots_log2;
	uint32_t most = c->n_flows < n_slots ? c->n_flows : n_slots;
	bool *hit = calloc(n_slots, sizeof(*hit));
	const struct bench_flow *flow = first_flow(c);
	uint32_t n_hit = 0;
	uint32_t slot;
	uint32_t i;

	if (!hit)
		die(c->name, "no memory");
	for (i = 0; i < c->n_flows; i++) {
		slot = bench_slot(&bench.world, c->size, c->proto, &flow[i]);
		n_hit += !hit[slot];
		hit[slot] = true;
	}
	free(hit);
	if (n_hit < most / 2)
		die(c->name, "too few slots are hit");
}

/* --- report -------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const double *x = a;
	const double *y = b;

	return (*x > *y) - (*x < *y);
}

static double minimum(const struct bench_case *c)
{
	return c->ns[0];
}

static double median(const struct bench_case *c)
{
	return c->ns[bench.rounds / 2];
}

/* What the wrapper with a list as long adds to the floor, undisturbed. */
static double wrapping(const struct bench_case *c)
{
	enum target wrapper = is_tc(c) ? TARGET_WRAPPER_TC : TARGET_WRAPPER;
	uint32_t i;

	if (c->target != TARGET_LB && c->target != TARGET_PORT_IN)
		return 0;
	for (i = 0; i < bench.n_cases; i++)
		if (bench.cases[i].target == wrapper &&
		    pool_of(&bench.cases[i])->v6 == pool_of(c)->v6 &&
		    bench.cases[i].n_flows == c->n_flows)
			return minimum(&bench.cases[i]) -
			       minimum(&bench.cases[0]);
	die(c->name, "nothing is known of its wrapper");
	return 0;
}

/* The same is taken off both, so that no median is below its minimum. */
static double net(const struct bench_case *c,
		  double (*figure)(const struct bench_case *c))
{
	return figure(c) - wrapping(c);
}

static const char *family_of(const struct bench_case *c)
{
	return pool_of(c)->v6 ? "ipv6" : "ipv4";
}

static const char *proto_of(const struct bench_case *c)
{
	return c->proto == IP_PROTO_UDP ? "udp" : "tcp";
}

static void print_case(const struct bench_case *c)
{
	char vms[16] = "";

	if (c->to_vip)
		(void)snprintf(vms, sizeof(vms), "%u", pool_of(c)->n_vms);
	printf("%-29s %s %s %8u %5s %8.1f %8.1f %8.1f %8.1f\n", c->name,
	       family_of(c), proto_of(c), c->n_flows, vms, net(c, minimum),
	       net(c, median), net(c, minimum) - minimum(&bench.cases[0]),
	       wrapping(c));
}

static json_t *json_of(const struct bench_case *c)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:f, s:f, s:f}",
			 "case", c->name, "mode", c->mode, "family",
			 family_of(c), "proto", proto_of(c), "flows",
			 (int)c->n_flows, "backends",
			 c->to_vip ? (int)pool_of(c)->n_vms : 0, "ns_median",
			 net(c, median), "ns_min", net(c, minimum),
			 "wrapper_ns_min", wrapping(c));
}

static void report(const char *json_path)
{
	json_t *all = json_array();
	uint32_t i;

	printf("%-38s %8s %5s %8s %8s %8s %8s\n", "ns a packet", "flows", "VMs",
	       "minimum", "median", "- xdp_tx", "wrapper");
	for (i = 0; i < bench.n_cases; i++) {
		print_case(&bench.cases[i]);
		must(json_array_append_new(all, json_of(&bench.cases[i])),
		     "json");
	}
	if (json_path &&
	    json_dump_file(all, json_path,
			   JSON_INDENT(1) | JSON_REAL_PRECISION(4)))
		die(json_path, "cannot be written");
	json_decref(all);
}

static void open_all(void)
{
	void *area;

	must(bench_world_open(&bench.world), "tables");
	bench.skel = bench_bpf__open_and_load();
	if (!bench.skel)
		die("wrapper", strerror(errno));
	area = mmap(NULL, BENCH_TUPLES * sizeof(struct bench_tuple),
		    PROT_READ | PROT_WRITE, MAP_SHARED,
		    bpf_map__fd(bench.skel->maps.tuple_map), 0);
	if (area == MAP_FAILED)
		die("list of flows", strerror(errno));
	bench.tuple = area;
	bench.n_cpus = libbpf_num_possible_cpus();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", required_argument, NULL, 'j' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "case", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	const char *json_path = NULL;
	int round;
	uint32_t i;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'j')
			json_path = optarg;
		else if (c == 'c')
			bench.only = optarg;
		else if (c == 'r')
			bench.rounds = (int)strtol(optarg, NULL, 10);
		else
			return 2;
	}
	if (bench.rounds < 1 || bench.rounds > MAX_ROUNDS)
		die("--rounds", "1 to 101");
	open_all();
	add_cases();
	for (i = 0; i < bench.n_cases; i++)
		if (bench.cases[i].to_vip)
			check_spread(&bench.cases[i]);
	for (round = 0; round < bench.rounds; round++)
		for (i = 0; i < bench.n_cases; i++)
			bench.cases[i].ns[round] = run(&bench.cases[i]);
	for (i = 0; i < bench.n_cases; i++)
		qsort(bench.cases[i].ns, (size_t)bench.rounds, sizeof(double),
		      compare);
	report(json_path);
	return 0;
}
