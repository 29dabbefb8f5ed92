/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The promise, tested: no flow breaks that speaks once per idle timeout and
 * whose VM lives; whatever happens to the tables meanwhile.
 *
 *	test_handover [--flows N] [--seed S] [--history H] [--first] [--verbose]
 *
 * Plays random histories with the real packet path and the real table building
 * against a model that remembers every flow. Prints the seed; a broken flow is
 * looked at again with --seed S --history H --verbose. Exits 1 if one broke; with
 * --first as soon as one has, else at 100.
 */
#include "tests/sim/clients.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS_A_HISTORY 20000

/**
 * struct options - of the command line.
 * @history: the only one to play; < 0 = all.
 * @max_broken: enough is enough.
 */
struct options {
	uint64_t flows;
	uint64_t max_broken;
	uint64_t seed;
	int64_t history;
	bool verbose;
};

static uint32_t one_of(struct random *r, const uint32_t *list, uint32_t n)
{
	return list[random_below(r, n)];
}

/*
 * Three kinds of history: room for every entry (with plain UDP), a table that
 * is small, and one that is far too small and half taken by somebody else.
 */
static struct world_profile profile_draw(struct random *r, uint32_t kind)
{
	static const uint32_t idle_ms[] = { 20000, 60000, 120000, 350000 };
	static const uint32_t lines[] = { WORLD_MAX_FLOWS, 512, 64 };
	static const uint32_t change_ms[] = { 1500, 5000, 20000, 60000 };
	struct world_profile p = {
		.slots_log2 = random_between(r, 4, 8),
		.flow_lines = lines[kind],
		.idle_ms = one_of(r, idle_ms, 4),
		.udp_idle_ms = random_between(r, 5000, 15000),
		.change_ms = one_of(r, change_ms, 4),
		.crash_permille = random_between(r, 0, 200),
		.kill_permille = random_between(r, 0, 20),
		.stuff_permille = kind == 2 ? random_between(r, 0, 30) : 0,
		.flood_permille = kind == 0 ? 0 : random_between(r, 0, 40),
		.udp = kind == 0,
	};

	return p;
}

static void print_result(const struct world_stats *w,
			 const struct clients_stats *c, uint64_t histories)
{
	printf("histories %" PRIu64 ", flows %" PRIu64 ", broken %" PRIu64 "\n",
	       histories, c->flows, c->broken);
	printf("clients: %" PRIu64 " died with their VM, %" PRIu64
	       " unanswered, %" PRIu64 " ports used again, %" PRIu64
	       " blind RSTs, %" PRIu64 " flood packets\n",
	       c->died, c->unanswered, c->reopened, c->blind_rsts, c->flood);
	printf("tables: %" PRIu64 " changes, %" PRIu64 " slots moved, %" PRIu64
	       " growths, %" PRIu64 " VMs drained, %" PRIu64
	       " drains cut at a deadline, %" PRIu64 " crashes, %" PRIu64
	       " suspended, %" PRIu64 " numbers used again\n",
	       w->changes, w->slots_moved, w->growths, w->drained, w->deadlines,
	       w->crashes, w->holds, w->reused);
	printf("control: killed %" PRIu64 " times, opened %" PRIu64 " times\n",
	       w->kills, w->reopens);
	printf("packets: %" PRIu64 ", %" PRIu64
	       " asked the flow table, %" PRIu64 " inserts refused, %" PRIu64
	       " entries evicted\n",
	       w->packets, w->asked, w->refused, w->evicted);
}

static void stats_add(struct world_stats *sum, const struct world_stats *add)
{
	const uint64_t *from = (const uint64_t *)add;
	uint64_t *to = (uint64_t *)sum;
	uint32_t i;

	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

static int play(const struct options *options)
{
	struct clients_stats clients_stats = { .flows = 0 };
	struct world_stats world_stats = { .changes = 0 };
	struct clients *c = clients_new();
	/* Lines are aligned; world_init() makes it zero. */
	struct world *w = aligned_alloc(64, sizeof(*w));
	struct world_profile profile;
	struct random random;
	uint64_t broken;
	int64_t h = options->history < 0 ? 0 : options->history;
	uint64_t histories = 0;
	bool wrong = !c || !w;

	while (!wrong && clients_stats.flows < options->flows &&
	       clients_stats.broken < options->max_broken) {
		random.state = options->seed + (uint64_t)h * 0x632be59bd9b4e019;
		profile = profile_draw(&random, (uint32_t)(h % 3));
		broken = clients_stats.broken;
		world_init(w, &profile, random_u64(&random));
		clients_run(c, w, FLOWS_A_HISTORY,
			    random_between(&random, 50, 3000), options->verbose,
			    &clients_stats);
		world_done(w);
		stats_add(&world_stats, &w->stats);
		histories++;
		if (w->wrong)
			printf("history %" PRId64 ": %s\n", h, w->wrong);
		if (clients_stats.broken != broken)
			printf("history %" PRId64 ": %" PRIu64
			       " flows broken\n",
			       h, clients_stats.broken - broken);
		wrong = w->wrong != NULL;
		h++;
		if (options->history >= 0)
			break;
	}
	print_result(&world_stats, &clients_stats, histories);
	clients_free(c);
	free(w);
	return wrong || clients_stats.broken;
}

static bool number(const char *text, uint64_t *ret_number)
{
	char *end;

	*ret_number = strtoull(text, &end, 0);
	return *text && !*end;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "flows", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' },
		{ "history", required_argument, NULL, 'h' },
		{ "first", no_argument, NULL, '1' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct options options = {
		.flows = 1000000, .max_broken = 100, .seed = 1, .history = -1
	};
	uint64_t history = 0;
	bool ok = true;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'f')
			ok &= number(optarg, &options.flows);
		else if (c == 's')
			ok &= number(optarg, &options.seed);
		else if (c == 'v')
			options.verbose = true;
		else if (c == '1')
			options.max_broken = 1;
		else if (c == 'h' && number(optarg, &history))
			options.history = (int64_t)history;
		else
			ok = false;
	}
	if (!ok || optind != argc) {
		fprintf(stderr, "usage: test_handover [--flows N] [--seed S] "
				"[--history H] [--first] [--verbose]\n");
		return 2;
	}
	printf("seed %" PRIu64 "\n", options.seed);
	return play(&options);
}
