/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a hypervisor with many VMs costs the daemon: its list and runs of
 * reconcile; and the same list fed over the API.
 *
 *	bench_inventory [VMS [ROUNDS]]
 *
 * The VMs are those of libvirt's test driver, which is in this process: so this
 * is what we and libvirt's library do, without a libvirtd and its sockets. Each
 * has a NIC, tags and an address; there are ten pools, each takes a tenth.
 * Prints median and smallest time of all rounds.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/feeds.h"
#include "control/hypervisors.h"
#include "control/reconcile.h"
#include "control/store.h"

#define N_POOLS	   10
#define MAX_ROUNDS 101

enum figure {
	LISTED,	   /* the first list, until it is in the inventory */
	FIRST_RUN, /* all VMs are new */
	BOTH,
	IDLE_RUN, /* nothing changed */
	ONE_RUN,  /* one VM changed */
	STATUS,	  /* the tables are as they were */
	FED,	  /* from the body's bytes until it is in the inventory */
	FED_AGAIN,
	N_FIGURES,
};

static const char *const names[] = {
	[LISTED] = "list, into the inventory",
	[FIRST_RUN] = "reconcile, all VMs new",
	[BOTH] = "both",
	[IDLE_RUN] = "reconcile, nothing changed",
	[ONE_RUN] = "reconcile, one VM changed",
	[STATUS] = "status of the tables taken in",
	[FED] = "fed, into the inventory",
	[FED_AGAIN] = "fed again, the same",
};
_Static_assert(ARRAY_SIZE(names) == N_FIGURES, "a name for each");

struct bench {
	size_t n_vms;
	char dir[32];
	struct event_base *base;
	struct conf *conf;
	struct store *store;
	struct wishes *wishes;
	struct feeds *feeds;
	char *body;
	struct inv *inv;
	struct hypervisors *hypervisors;
	struct rec *rec;
	uint64_t took_ns[N_FIGURES][MAX_ROUNDS];
};

static void die(const char *what)
{
	fprintf(stderr, "bench_inventory: %s\n", what);
	exit(EXIT_FAILURE);
}

static void told(void *arg, const struct inv_change *change)
{
	(void)arg;
	(void)change;
}

static void member_changed(void *arg, const struct rec_member *member,
			   const char *what)
{
	(void)arg;
	(void)member;
	(void)what;
}

static void pool_changed(void *arg, const char *pool, const char *what,
			 const char *why)
{
	(void)arg;
	(void)pool;
	(void)what;
	(void)why;
}

static int seed(void *arg, const char *pool, struct hash_seed *ret_seed)
{
	(void)arg;
	(void)pool;
	memset(ret_seed, 7, sizeof(*ret_seed));
	return 0;
}

static void leaving(void *arg, struct rec_member *member)
{
	(void)arg;
	(void)member;
}

static void write_domains(const struct bench *b, const char *path)
{
	FILE *file = fopen(path, "w");
	size_t i;

	if (!file)
		die("no file for the domains");
	fputs("<node>\n", file);
	for (i = 0; i < b->n_vms; i++)
		fprintf(file,
			"<domain type='test'><name>web-%zu</name>"
			"<uuid>%08zx-0000-4000-8000-000000000000</uuid>"
			"<metadata><vm xmlns='urn:drover:vm:1'>"
			"<tag name='role' value='web%zu'/>"
			"<tag name='stage' value='live'/>"
			"<address ip='10.0.%zu.%zu'/></vm></metadata>"
			"<memory>65536</memory><os><type>hvm</type></os>"
			"<devices><interface type='bridge'>"
			"<mac address='52:54:00:00:%02zx:%02zx'/>"
			"<source bridge='br0'/><target dev='p%zu'/>"
			"</interface></devices></domain>\n",
			i, i * 2654435761U % 0xffffffffU, i % N_POOLS, i / 250,
			i % 250 + 1, i / 256, i % 256, i);
	fputs("</node>\n", file);
	if (fclose(file))
		die("the domains can't be written");
}

static void load_conf(struct bench *b)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	size_t i;

	if (!errs || !out)
		die("out of memory");
	fprintf(out,
		"node = { name = \"n1\"; uplinks = [ \"up0\" ]; };\n"
		"hypervisors = ( { name = \"hv1\"; poll = \"1s\";\n"
		"                  uri = \"test://%s/domains.xml\"; } );\n"
		"tenants = ( { name = \"shop\"; vips = [ \"203.0.113.1/32\" ];\n"
		"              networks = [ \"br0\" ]; } );\npools = (\n",
		b->dir);
	for (i = 0; i < N_POOLS; i++)
		fprintf(out,
			"%s{ tenant = \"shop\"; name = \"web%zu\";\n"
			"  select = [ \"role=web%zu\", \"stage!=test\" ];\n"
			"  max_backends = 512; health = { port = 80; }; }",
			i ? ",\n" : "", i, i);
	fputs(" );\nservices = (\n", out);
	for (i = 0; i < N_POOLS; i++)
		fprintf(out,
			"%s{ tenant = \"shop\"; name = \"http%zu\";\n"
			"  vip = \"203.0.113.1\"; port = %zu; target_port = 80;\n"
			"  pool = \"web%zu\"; }",
			i ? ",\n" : "", i, 80 + i, i);
	fputs(" );\n", out);
	fclose(out);
	if (conf_load_text("bench", text, &b->conf, errs)) {
		conf_errors_print(errs, stderr);
		die("the config is wrong");
	}
	free(text);
	free(errs);
}

/*
 * From when the first VM's read begins: before that the test driver parses its
 * file, which no real one does.
 */
static uint64_t list(const struct bench *b)
{
	uint64_t began_ns = UINT64_MAX;
	uint64_t done_ns;
	size_t i;

	while (!inv_hvs(b->inv)->connected)
		if (event_base_loop(b->base, EVLOOP_ONCE))
			die("the loop has ended");
	done_ns = hv_clock_ns();
	for (i = 0; i < inv_count(b->inv); i++)
		if (inv_at(b->inv, i)->vm->read_ns < began_ns)
			began_ns = inv_at(b->inv, i)->vm->read_ns;
	return done_ns - began_ns;
}

static uint64_t run(struct bench *b)
{
	const struct rec_input in = { b->conf, b->inv, b->wishes, hv_clock_ns(),
				      1700000000000ULL };
	const struct dp_snapshot *snapshot = NULL;
	const uint64_t began_ns = hv_clock_ns();
	uint64_t wake_ns;

	if (rec_run(b->rec, &in, &snapshot, &wake_ns))
		die("out of memory");
	return hv_clock_ns() - began_ns;
}

/* A VM is read anew and has another name. */
static void change_one(struct bench *b)
{
	const struct inv_vm *vm = inv_at(b->inv, b->n_vms / 2);
	struct hv_event *event = hv_event_new(HV_EVENT_VM, hv_clock_ns());
	struct hv_vm *copy = hv_vm_new();

	if (!event || !copy)
		die("out of memory");
	memcpy(event->uuid, vm->uuid, sizeof(event->uuid));
	memcpy(copy->uuid, vm->uuid, sizeof(copy->uuid));
	copy->name = strdup("another");
	copy->state = vm->vm->state;
	copy->reason = vm->vm->reason;
	copy->run = vm->vm->run;
	copy->read_ns = hv_clock_ns();
	copy->tags = calloc(1, sizeof(*copy->tags));
	copy->n_tags = 1;
	copy->tags[0].name = strdup("role");
	copy->tags[0].value = strdup("web3");
	copy->nics = calloc(1, sizeof(*copy->nics));
	copy->n_nics = 1;
	copy->nics[0].port = strdup("");
	copy->nics[0].network = strdup("");
	copy->nics[0].bridge = strdup("br0");
	event->vm = copy;
	memcpy(&event->arg, &vm->hv, sizeof(event->arg));
	if (inv_event(b->inv, event))
		die("out of memory");
	hv_event_free(event);
}

static uint64_t take_status(struct bench *b)
{
	const size_t n = rec_count(b->rec);
	struct dp_backend_status *backends = calloc(n, sizeof(*backends));
	const struct dp_status status = { .backends = backends,
					  .n_backends = (uint32_t)n };
	const struct rec_member *m;
	uint64_t began_ns;
	size_t i;

	if (!backends)
		die("out of memory");
	for (i = 0; i < n; i++) {
		m = rec_at(b->rec, i);
		memcpy(backends[i].uuid, m->uuid, sizeof(backends[i].uuid));
		snprintf(backends[i].pool, DP_NAME_SIZE, "%s", m->table);
		backends[i].slots_current = 16;
		backends[i].attached = true;
	}
	(void)rec_take_status(b->rec, &status);
	began_ns = hv_clock_ns();
	if (rec_take_status(b->rec, &status))
		die("the same status is news");
	began_ns = hv_clock_ns() - began_ns;
	free(backends);
	return began_ns;
}

/* The machines as somebody would feed them. */
static void write_body(struct bench *b)
{
	size_t size, i;
	FILE *out = open_memstream(&b->body, &size);

	if (!out)
		die("out of memory");
	for (i = 0; i < b->n_vms; i++)
		fprintf(out,
			"%c{\"name\":\"web-%zu\",\"uuid\":"
			"\"%08zx-0000-4000-8000-000000000000\","
			"\"addresses\":[\"10.0.%zu.%zu\"],"
			"\"network\":\"br0\",\"interface\":\"p%zu\","
			"\"mac\":\"52:54:00:00:%02zx:%02zx\","
			"\"tags\":[\"role=web%zu\",\"stage=live\"]}",
			i ? ',' : '[', i, i + 1, i / 250, i % 250 + 1, i,
			i >> 8 & 255, i & 255, i % N_POOLS);
	fputs("]", out);
	if (fclose(out))
		die("out of memory");
}

static uint64_t feed(struct bench *b)
{
	const uint64_t began_ns = hv_clock_ns();
	struct conf_errors errs;
	struct hv_listing listing;
	struct feed *feed = NULL;
	json_error_t error;
	json_t *machines = json_loads(b->body, JSON_REJECT_DUPLICATES, &error);

	if (!machines || feed_new("cloud", machines, &feed, &errs))
		die("what is fed is wrong");
	json_decref(machines);
	feed->lease_ms = FEED_LEASE_MAX_MS;
	if (feeds_set(b->feeds, feed, 0, began_ns) ||
	    hypervisors_fed(b->hypervisors, "cloud", &listing))
		die("what is fed is not taken");
	return hv_clock_ns() - began_ns;
}

/* Instead of the other hypervisor. */
static void feed_round(struct bench *b, size_t round)
{
	struct conf_hypervisor hypervisor = { .name = "cloud",
					      .driver = CONF_DRIVER_FED,
					      .uri = "" };
	struct conf conf = { .node = { .name = "n1" },
			     .hypervisors = &hypervisor,
			     .n_hypervisors = 1 };

	if (hypervisors_apply(b->hypervisors, &conf))
		die("nobody can be fed");
	b->took_ns[FED][round] = feed(b);
	b->took_ns[FED_AGAIN][round] = feed(b);
	if (inv_count(b->inv) != b->n_vms)
		die("not all that was fed is there");
	conf.n_hypervisors = 0;
	if (feeds_keep(b->feeds, &conf))
		die("what was fed is not forgotten");
}

static void round_of(struct bench *b, size_t round)
{
	const struct rec_hooks hooks = { member_changed, pool_changed, seed,
					 leaving, b };

	if (inv_new(told, b, &b->inv) || rec_new(&hooks, &b->rec) ||
	    hypervisors_new(b->base, b->inv, b->feeds, &b->hypervisors) ||
	    hypervisors_apply(b->hypervisors, b->conf))
		die("the hypervisor can't be watched");
	b->took_ns[LISTED][round] = list(b);
	if (inv_count(b->inv) != b->n_vms)
		die("not all VMs are there");
	b->took_ns[FIRST_RUN][round] = run(b);
	b->took_ns[BOTH][round] =
		b->took_ns[LISTED][round] + b->took_ns[FIRST_RUN][round];
	if (rec_count(b->rec) != b->n_vms)
		die("not all VMs are members");
	b->took_ns[IDLE_RUN][round] = run(b);
	b->took_ns[STATUS][round] = take_status(b);
	(void)run(b);
	change_one(b);
	b->took_ns[ONE_RUN][round] = run(b);
	feed_round(b, round);
	hypervisors_free(b->hypervisors);
	rec_free(b->rec);
	inv_free(b->inv);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	char error[STORE_ERROR_SIZE];
	char path[64];
	size_t middle;
	size_t rounds;
	size_t i;

	if (!b)
		die("out of memory");
	b->n_vms = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
	rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 11;
	middle = rounds / 2;
	if (!b->n_vms || !rounds || rounds > MAX_ROUNDS)
		die("usage: bench_inventory [VMS [ROUNDS]]");
	strcpy(b->dir, "/tmp/drover-bench-XXXXXX");
	if (!mkdtemp(b->dir) || store_open(b->dir, 100, &b->store, error) ||
	    wishes_load(b->store, &b->wishes) ||
	    feeds_load(b->store, 0, 0, &b->feeds))
		die("no store");
	write_body(b);
	snprintf(path, sizeof(path), "%s/domains.xml", b->dir);
	write_domains(b, path);
	load_conf(b);
	b->base = event_base_new();
	for (i = 0; i < rounds; i++)
		round_of(b, i);
	printf("%zu VMs, %zu rounds: median and smallest, ms\n", b->n_vms,
	       rounds);
	for (i = 0; i < N_FIGURES; i++) {
		qsort(b->took_ns[i], rounds, sizeof(b->took_ns[i][0]), by_size);
		printf("%-30s %8.2f %8.2f\n", names[i],
		       (double)b->took_ns[i][middle] / 1e6,
		       (double)b->took_ns[i][0] / 1e6);
	}
	free(b->body);
	feeds_free(b->feeds);
	wishes_free(b->wishes);
	store_close(b->store);
	conf_free(b->conf);
	event_base_free(b->base);
	snprintf(path, sizeof(path), "rm -rf %s", b->dir);
	free(b);
	/* NOLINTNEXTLINE(cert-env33-c): a scratch directory of its own */
	return system(path) ? EXIT_FAILURE : EXIT_SUCCESS;
}
