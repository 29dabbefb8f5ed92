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
 */
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

#include "bench.skel.h"
#include "dataplane/core/csum.h"

#define REPEAT	   (1U << 20)
#define MAX_ROUNDS 101
#define MAX_CASES  64

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
 * @flags: TCP_* of its packets.
 * @size: the pool; @to_vip: packets are for its VIP, else for nobody's.
 * @n_flows: length of the list.
 * @moving: a tenth of the slots is.
 * @ns: one a round.
 */
struct bench_case {
	const char *name;
	const char *mode;
	enum target target;
	uint8_t flags;
	enum bench_size size;
	bool to_vip;
	bool moving;
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
	uint8_t frame[BENCH_FRAME];
} bench = { .rounds = 11 };

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

static void add_lb(const char *name, uint8_t flags, enum bench_size size,
		   uint32_t n_flows, bool moving)
{
	add((struct bench_case){ .name = name,
				 .mode = "nat",
				 .target = TARGET_LB,
				 .flags = flags,
				 .size = size,
				 .to_vip = true,
				 .moving = moving,
				 .n_flows = n_flows });
}

static void add_cases(void)
{
	static const uint32_t n[] = { 1, 1 << 17, 1 << 20 };
	size_t i;
	int size;

	add((struct bench_case){ .name = "xdp_tx", .mode = "none" });
	add((struct bench_case){ .name = "encap_constant",
				 .mode = "none",
				 .target = TARGET_ENCAP });
	for (i = 0; i < ARRAY_SIZE(n); i++) {
		add((struct bench_case){ .name = "wrapper",
					 .mode = "none",
					 .target = TARGET_WRAPPER,
					 .n_flows = n[i] });
		add((struct bench_case){ .name = "wrapper_tc",
					 .mode = "none",
					 .target = TARGET_WRAPPER_TC,
					 .n_flows = n[i] });
	}
	for (size = 0; size < N_BENCH_SIZES; size++) {
		for (i = 0; i < ARRAY_SIZE(n); i++)
			add_lb("established", TCP_ACK, (enum bench_size)size,
			       n[i], false);
		for (i = 0; i < ARRAY_SIZE(n); i++)
			add_lb("established_10_percent_moving", TCP_ACK,
			       (enum bench_size)size, n[i], true);
		add_lb("opener", TCP_SYN, (enum bench_size)size, n[1], false);
	}
	add((struct bench_case){ .name = "non_vip",
				 .mode = "none",
				 .target = TARGET_LB,
				 .flags = TCP_ACK,
				 .n_flows = n[1] });
	for (i = 0; i < ARRAY_SIZE(n); i++)
		add((struct bench_case){ .name = "return",
					 .mode = "nat",
					 .target = TARGET_PORT_IN,
					 .flags = TCP_ACK,
					 .to_vip = true,
					 .n_flows = n[i] });
}

/* --- packets ------------------------------------------------------------- */

static uint32_t word_at(const uint8_t *frame, uint32_t at)
{
	uint32_t word;

	memcpy(&word, frame + at, sizeof(word));
	return word;
}

/* A whole packet of a flow; the ends as they are on the wire. */
static void make_frame(uint8_t *frame, be32 src, be32 dst, be16 sport,
		       be16 dport, uint8_t flags)
{
	struct eth_hdr *eth = (struct eth_hdr *)frame;
	struct ipv4_hdr *ip = (struct ipv4_hdr *)(eth + 1);
	struct tcp_hdr *tcp = (struct tcp_hdr *)(ip + 1);
	const uint32_t length = BENCH_FRAME - sizeof(*eth) - sizeof(*ip);

	memset(frame, 0, BENCH_FRAME);
	eth->type = BE16(ETH_TYPE_IPV4);
	ip->version_ihl = 0x45;
	ip->total_length = BE16(BENCH_FRAME - sizeof(*eth));
	ip->ttl = 64;
	ip->proto = IP_PROTO_TCP;
	ip->src = src;
	ip->dst = dst;
	ip->csum = (be16)~csum_fold(csum_words(ip, sizeof(*ip) / 2));
	tcp->sport = sport;
	tcp->dport = dport;
	tcp->data_offset = 5 << 4;
	tcp->flags = flags;
	tcp->csum = (be16)~csum_fold(csum_words(tcp, length / 2) +
				     csum_halves(src) + csum_halves(dst) +
				     BE16(IP_PROTO_TCP) + BE16(length));
}

/* Where in the list a case begins: one flow alone must move if it is to. */
static const struct bench_flow *first_flow(const struct bench_case *c)
{
	const struct bench_flow *flow = bench.world.flow;

	while (c->moving && c->n_flows == 1 &&
	       !bench_moves(bench_slot(&bench.world, c->size, flow)))
		flow++;
	return flow;
}

static bool is_tc(const struct bench_case *c)
{
	return c->target == TARGET_PORT_IN || c->target == TARGET_WRAPPER_TC;
}

static void make_packets(const struct bench_case *c)
{
	const struct bench_flow *flow = first_flow(c);
	uint32_t dst = c->to_vip ? bench.world.pool[c->size].vip : BENCH_NO_VIP;
	be16 port = BE16(BENCH_PORT_VIP);
	be32 fixed = BE32(dst);
	uint32_t i;

	if (is_tc(c)) {
		fixed = bench.world.mem.backends[1].copy[0].addr.word[3];
		port = BE16(BENCH_PORT_VM);
	}
	for (i = 0; i < c->n_flows; i++, flow++) {
		if (is_tc(c))
			make_frame(bench.frame, fixed, flow->addr, port,
				   flow->port, c->flags);
		else
			make_frame(bench.frame, flow->addr, fixed, flow->port,
				   port, c->flags);
		bench.tuple[i] = (struct bench_tuple){
			.ttl_word = word_at(bench.frame, BENCH_AT_TTL),
			.peer = flow->addr,
			.ports = word_at(bench.frame, BENCH_AT_PORTS),
			.csum = word_at(bench.frame, BENCH_AT_CSUM) & 0xffff,
		};
	}
	bench.skel->bss->fixed_addr = fixed;
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

/* The program that a case runs, its wrapper's jump set. */
static int program_of(const struct bench_case *c)
{
	const struct bench_bpf *s = bench.skel;
	int xdp = bpf_map__fd(s->maps.xdp_jump);
	int tc = bpf_map__fd(s->maps.tc_jump);

	switch (c->target) {
	case TARGET_TX:
		return bpf_program__fd(s->progs.xdp_tx);
	case TARGET_ENCAP:
		return bpf_program__fd(s->progs.encap_constant);
	case TARGET_WRAPPER:
		must(jump_to(xdp, bpf_program__fd(s->progs.xdp_tx)), "jump");
		return bpf_program__fd(s->progs.wrap_xdp);
	case TARGET_LB:
		must(jump_to(xdp, programs_lb(&bench.world.programs)), "jump");
		return bpf_program__fd(s->progs.wrap_xdp);
	case TARGET_WRAPPER_TC:
		must(jump_to(tc, bpf_program__fd(s->progs.tc_ok)), "jump");
		return bpf_program__fd(s->progs.wrap_tc);
	case TARGET_PORT_IN:
		must(jump_to(tc, programs_port_in(&bench.world.programs)),
		     "jump");
		return bpf_program__fd(s->progs.wrap_tc);
	}
	return -1;
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
	const struct bench_pool *pool = &bench.world.pool[c->size];
	uint32_t i;

	for (i = 0; i < pool->n_vms; i++)
		ret_count[i] = packets_of(pool->first_vm + i, is_tc(c));
}

static void check_vms(const struct bench_case *c, const uint64_t *before,
		      const uint64_t *after, uint32_t laps)
{
	const struct bench_pool *pool = &bench.world.pool[c->size];
	const struct bench_flow *flow = first_flow(c);
	uint64_t *want = calloc(pool->n_vms, sizeof(*want));
	uint32_t i;

	if (!want)
		die(c->name, "no memory");
	for (i = 0; i < c->n_flows; i++, flow++)
		want[is_tc(c) ? 0 :
				bench_backend(&bench.world, c->size, flow) -
					pool->first_vm] += laps;
	for (i = 0; i < pool->n_vms; i++)
		if (after[i] - before[i] != want[i])
			die(c->name, "VMs got other packets than their flows'");
	free(want);
}

static void test_run(const struct bench_case *c, int fd, uint32_t repeat)
{
	struct __sk_buff skb = { .ifindex = BENCH_IFINDEX_VM };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bench.frame,
		    .data_size_in = BENCH_FRAME, .repeat = (int)repeat);

	if (is_tc(c)) {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	}
	must(bpf_prog_test_run_opts(fd, &opts), c->name);
	if (opts.retval != verdict_of(c))
		die(c->name, "another verdict than it should be");
}

static double run(const struct bench_case *c)
{
	static uint64_t before[1000];
	static uint64_t after[1000];
	int fd = program_of(c);
	double began_ns;
	double took_ns;

	if (c->n_flows)
		make_packets(c);
	else
		make_frame(bench.frame, 1, 2, 3, 4, TCP_ACK);
	bench_move(&bench.world, c->size, c->moving, first_flow(c), c->n_flows);
	test_run(c, fd, REPEAT / 4);
	bench.skel->bss->cursor = 0;
	count_vms(c, before);
	began_ns = cpu_ns();
	test_run(c, fd, REPEAT);
	took_ns = cpu_ns() - began_ns;
	count_vms(c, after);
	if (c->to_vip)
		check_vms(c, before, after, REPEAT / c->n_flows);
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
		slot = bench_slot(&bench.world, c->size, &flow[i]);
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

static void print_case(const struct bench_case *c)
{
	char vms[16] = "";

	if (c->to_vip)
		(void)snprintf(vms, sizeof(vms), "%u",
			       bench.world.pool[c->size].n_vms);
	printf("%-30s %8u %5s %8.1f %8.1f %8.1f %8.1f\n", c->name, c->n_flows,
	       vms, net(c, minimum), net(c, median),
	       net(c, minimum) - minimum(&bench.cases[0]), wrapping(c));
}

static json_t *json_of(const struct bench_case *c)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:f, s:f, s:f}", "case",
			 c->name, "mode", c->mode, "family", "ipv4", "flows",
			 (int)c->n_flows, "backends",
			 c->to_vip ? (int)bench.world.pool[c->size].n_vms : 0,
			 "ns_median", net(c, median), "ns_min", net(c, minimum),
			 "wrapper_ns_min", wrapping(c));
}

static void report(const char *json_path)
{
	json_t *all = json_array();
	uint32_t i;

	printf("%-30s %8s %5s %8s %8s %8s %8s\n", "ns a packet", "flows", "VMs",
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
