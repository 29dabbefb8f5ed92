// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XDP engine without the daemon: reads commands, a line each, and makes
 * them calls of struct dp_ops. Answers go to stdout, messages to stderr; ends
 * with 1 at the first command that fails.
 *
 *	open PIN-DIR UPLINK...		tables of a size for tests
 *	flows N				size of the flow table; before open
 *	clsact				as on a kernel without tcx; before open
 *	read PIN-DIR			open_readonly
 *	vip ADDR			answers ARP
 *	pool NAME IDLE-MS
 *	service NAME VIP PORT POOL TARGET-PORT
 *	vm POOL NAME ADDR MAC IFNAME WEIGHT	serving; again: changed
 *	role NAME warm|serving|leaving|gone
 *	stack NAME yes|no		through the kernel, or straight to its port
 *	observe yes|no			all services and VIPs, or none
 *	forget vm|service|pool|vip NAME	left out of the snapshot from now on
 *	apply				the snapshot as it stands; prints its figures
 *	kill-at N			SIGKILL to itself after N writes from here
 *	run MS				tick for so long
 *	wait NAME serving|drained MS	tick until it is so
 *	port-lost IFNAME
 *	status				a line each pool, VM, service and reason
 *	explain CLIENT PORT VIP PORT
 *	close, detach PIN-DIR, echo WORD
 */
#include "dataplane/dataplane.h"
#include "dataplane/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_ARGS  16
#define MAX_VMS	  64
#define MAX_OTHER 16

/* Names that records of the snapshot point to. */
struct vm {
	char pool[DP_NAME_SIZE];
	char name[DP_NAME_SIZE];
	char ifname[DP_IFNAME_SIZE];
	struct dp_backend backend;
};

struct named_pool {
	char name[DP_NAME_SIZE];
	struct dp_pool pool;
};

struct named_service {
	char name[DP_NAME_SIZE];
	char pool[DP_NAME_SIZE];
	struct dp_service service;
};

static struct {
	struct dp *dp;
	char error[DP_ERROR_SIZE];
	struct vm vms[MAX_VMS];
	uint32_t n_vms;
	struct named_pool pools[MAX_OTHER];
	uint32_t n_pools;
	struct named_service services[MAX_OTHER];
	uint32_t n_services;
	struct dp_vip vips[MAX_OTHER];
	uint32_t n_vips;
	uint64_t n_writes;
	uint64_t kill_at;
	uint32_t n_flows;
	bool clsact;
} driver = { .n_flows = 1 << 16 };

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

static struct ip_addr address(const char *text)
{
	struct ip_addr addr = { .word = { 0, 0, BE32(0xffff), 0 } };
	struct in_addr v4 = { 0 };

	if (inet_pton(AF_INET, text, &v4) != 1) {
		(void)fprintf(stderr, "%s: no address\n", text);
		exit(1);
	}
	addr.word[3] = v4.s_addr;
	return addr;
}

static const char *address_text(const struct ip_addr *addr)
{
	static char text[INET_ADDRSTRLEN];

	(void)inet_ntop(AF_INET, &addr->word[3], text, sizeof(text));
	return text;
}

static void copy(char *ret, size_t size, const char *text)
{
	(void)snprintf(ret, size, "%s", text);
}

static void print_log(void *arg, int level, const char *text)
{
	(void)arg;
	(void)fprintf(stderr, "%d %s\n", level, text);
}

static void count_write(void *arg)
{
	(void)arg;
	if (++driver.n_writes == driver.kill_at)
		(void)kill(getpid(), SIGKILL);
}

static int cmd_open(char **args, uint32_t n_args)
{
	struct dp_options options = {
		.pin_dir = args[0],
		.uplinks = (const char *const *)(args + 1),
		.n_uplinks = n_args - 1,
		.limits = {
			.n_backends = 256,
			.n_services = 64,
			.n_pools = 16,
			.n_slots = 1 << 17,
			.n_flows = driver.n_flows,
			.n_direct = 1 << 14,
		},
		.reply_rate_pps = 1000,
		.direct_idle_ms = 60000,
		.clsact = driver.clsact,
		.log = print_log,
		.after_write = count_write,
	};

	return dp_xdp_ops.open(&options, &driver.dp, driver.error);
}

static int cmd_flows(char **args, uint32_t n_args)
{
	(void)n_args;
	driver.n_flows = number(args[0]);
	return 0;
}

static int cmd_clsact(char **args, uint32_t n_args)
{
	(void)args;
	(void)n_args;
	driver.clsact = true;
	return 0;
}

static int cmd_read(char **args, uint32_t n_args)
{
	(void)n_args;
	return dp_xdp_ops.open_readonly(args[0], &driver.dp, driver.error);
}

static int cmd_vip(char **args, uint32_t n_args)
{
	(void)n_args;
	driver.vips[driver.n_vips++] = (struct dp_vip){
		.addr = address(args[0]),
		.answer_l2 = true,
	};
	return 0;
}

static int cmd_pool(char **args, uint32_t n_args)
{
	struct named_pool *named = &driver.pools[driver.n_pools++];

	(void)n_args;
	copy(named->name, sizeof(named->name), args[0]);
	named->pool = (struct dp_pool){
		.name = named->name,
		.seed = { 0x0123456789abcdef, 0xfedcba9876543210 },
		.idle_timeout_ms = number(args[1]),
		.udp_idle_ms = number(args[1]),
		.max_backends = 100,
	};
	return 0;
}

static int cmd_service(char **args, uint32_t n_args)
{
	struct named_service *named = &driver.services[driver.n_services++];

	(void)n_args;
	copy(named->name, sizeof(named->name), args[0]);
	copy(named->pool, sizeof(named->pool), args[3]);
	named->service = (struct dp_service){
		.name = named->name,
		.vip = address(args[1]),
		.port = (uint16_t)number(args[2]),
		.proto = 6,
		.target_port = (uint16_t)number(args[4]),
	};
	return 0;
}

static struct vm *find_vm(const char *name)
{
	uint32_t i;

	for (i = 0; i < driver.n_vms; i++)
		if (!strcmp(driver.vms[i].name, name))
			return &driver.vms[i];
	return NULL;
}

static int cmd_vm(char **args, uint32_t n_args)
{
	struct vm *vm = find_vm(args[1]);
	unsigned int byte[6];
	int i;

	(void)n_args;
	if (!vm)
		vm = &driver.vms[driver.n_vms++];
	copy(vm->pool, sizeof(vm->pool), args[0]);
	copy(vm->name, sizeof(vm->name), args[1]);
	copy(vm->ifname, sizeof(vm->ifname), args[4]);
	vm->backend = (struct dp_backend){
		.name = vm->name,
		.role = DP_SERVING,
		.weight = number(args[5]),
		.addr = address(args[2]),
		.ifname = vm->ifname,
		.ifindex = if_nametoindex(vm->ifname),
	};
	/* A VM is its UUID; here its name will do. */
	memcpy(vm->backend.uuid, vm->name,
	       strnlen(vm->name, sizeof(vm->backend.uuid)));
	if (sscanf(args[3], "%x:%x:%x:%x:%x:%x", &byte[0], &byte[1], &byte[2],
		   &byte[3], &byte[4], &byte[5]) != 6)
		return -EINVAL;
	for (i = 0; i < 6; i++)
		vm->backend.mac[i] = (uint8_t)byte[i];
	return 0;
}

static int cmd_role(char **args, uint32_t n_args)
{
	struct vm *vm = find_vm(args[0]);
	enum dp_role role;

	(void)n_args;
	for (role = DP_WARM; vm && role <= DP_GONE; role++)
		if (!strcmp(args[1], name_of_role(role)))
			vm->backend.role = role;
	return vm ? 0 : -ENOENT;
}

static int cmd_stack(char **args, uint32_t n_args)
{
	struct vm *vm = find_vm(args[0]);

	(void)n_args;
	if (!vm)
		return -ENOENT;
	vm->backend.stack = !strcmp(args[1], "yes");
	return 0;
}

static int cmd_observe(char **args, uint32_t n_args)
{
	bool observe = !strcmp(args[0], "yes");
	uint32_t i;

	(void)n_args;
	for (i = 0; i < driver.n_services; i++)
		driver.services[i].service.observe = observe;
	for (i = 0; i < driver.n_vips; i++) {
		driver.vips[i].observe = observe;
		driver.vips[i].answer_l2 = !observe;
	}
	return 0;
}

/* Take element i out of an array that has n. */
#define REMOVE(array, n, i)                                \
	do {                                               \
		(n)--;                                     \
		memmove(&(array)[i], &(array)[(i) + 1],    \
			((n) - (i)) * sizeof((array)[0])); \
	} while (0)

static int cmd_forget(char **args, uint32_t n_args)
{
	uint32_t i;

	(void)n_args;
	for (i = driver.n_vms; i-- && !strcmp(args[0], "vm");)
		if (!strcmp(driver.vms[i].name, args[1]))
			REMOVE(driver.vms, driver.n_vms, i);
	for (i = driver.n_services; i-- && !strcmp(args[0], "service");)
		if (!strcmp(driver.services[i].name, args[1]))
			REMOVE(driver.services, driver.n_services, i);
	for (i = driver.n_pools; i-- && !strcmp(args[0], "pool");)
		if (!strcmp(driver.pools[i].name, args[1]))
			REMOVE(driver.pools, driver.n_pools, i);
	for (i = driver.n_vips; i-- && !strcmp(args[0], "vip");)
		if (!strcmp(address_text(&driver.vips[i].addr), args[1]))
			REMOVE(driver.vips, driver.n_vips, i);
	return 0;
}

/* The snapshot from what was said; arrays stay until the next call. */
static const struct dp_snapshot *snapshot(void)
{
	static struct dp_backend backends[MAX_OTHER][MAX_VMS];
	static struct dp_service services[MAX_OTHER];
	static struct dp_pool pools[MAX_OTHER];
	static struct dp_snapshot made;
	uint32_t i;
	uint32_t k;

	for (i = 0; i < driver.n_pools; i++) {
		pools[i] = driver.pools[i].pool;
		pools[i].name = driver.pools[i].name;
		pools[i].backends = backends[i];
		for (k = 0; k < driver.n_vms; k++) {
			if (strcmp(driver.vms[k].pool, pools[i].name) != 0)
				continue;
			driver.vms[k].backend.name = driver.vms[k].name;
			driver.vms[k].backend.ifname = driver.vms[k].ifname;
			backends[i][pools[i].n_backends++] =
				driver.vms[k].backend;
		}
	}
	for (i = 0; i < driver.n_services; i++) {
		services[i] = driver.services[i].service;
		services[i].name = driver.services[i].name;
		services[i].pool = UINT32_MAX;
		for (k = 0; k < driver.n_pools; k++)
			if (!strcmp(driver.services[i].pool, pools[k].name))
				services[i].pool = k;
	}
	made = (struct dp_snapshot){
		.vips = driver.vips,
		.n_vips = driver.n_vips,
		.services = services,
		.n_services = driver.n_services,
		.pools = pools,
		.n_pools = driver.n_pools,
	};
	return &made;
}

static int cmd_apply(char **args, uint32_t n_args)
{
	struct dp_result result;
	int err;

	(void)args;
	(void)n_args;
	driver.n_writes = 0;
	err = dp_xdp_ops.apply(driver.dp, snapshot(), now_ns(), &result);
	copy(driver.error, sizeof(driver.error), result.error);
	printf("applied slots_moved=%u took_us=%llu writes=%llu error=%s\n",
	       result.n_slots_moved, (unsigned long long)result.took_ns / 1000,
	       (unsigned long long)driver.n_writes, result.error);
	return err;
}

static int cmd_kill_at(char **args, uint32_t n_args)
{
	(void)n_args;
	driver.n_writes = 0;
	driver.kill_at = number(args[0]);
	return 0;
}

/* Tick until a time, or until the engine's next one if that is earlier. */
static void tick_once(uint64_t until_ns)
{
	uint64_t next_ns = dp_xdp_ops.tick(driver.dp, now_ns());
	uint64_t at_ns = now_ns();

	if (next_ns > until_ns)
		next_ns = until_ns;
	if (next_ns > at_ns)
		(void)poll(NULL, 0, (int)((next_ns - at_ns) / 1000000 + 1));
}

static int cmd_run(char **args, uint32_t n_args)
{
	uint64_t until_ns = now_ns() + number(args[0]) * 1000000ULL;

	(void)n_args;
	while (now_ns() < until_ns)
		tick_once(until_ns);
	return 0;
}

static bool vm_is(const char *name, const char *what)
{
	struct dp_status status;
	bool is = false;
	uint32_t i;

	if (dp_xdp_ops.status(driver.dp, now_ns(), &status))
		return false;
	for (i = 0; i < status.n_backends; i++) {
		if (strcmp(status.backends[i].name, name) != 0)
			continue;
		is = strcmp(what, "drained") != 0 ?
			     status.backends[i].slots_current != 0 :
			     status.backends[i].drained;
	}
	dp_status_free(&status);
	return is;
}

static int cmd_wait(char **args, uint32_t n_args)
{
	uint64_t until_ns = now_ns() + number(args[2]) * 1000000ULL;
	uint64_t step_ns;

	(void)n_args;
	while (!vm_is(args[0], args[1])) {
		if (now_ns() > until_ns)
			return -ETIMEDOUT;
		step_ns = now_ns() + 100000000;
		tick_once(step_ns < until_ns ? step_ns : until_ns);
	}
	return 0;
}

static int cmd_port_lost(char **args, uint32_t n_args)
{
	uint64_t began_ns = now_ns();
	uint32_t ifindex = if_nametoindex(args[0]);

	(void)n_args;
	/* A port that is gone has no number: the one it had, then. */
	if (!ifindex)
		ifindex = number(args[0]);
	dp_xdp_ops.port_lost(driver.dp, ifindex, now_ns());
	printf("port_lost took_us=%llu\n",
	       (unsigned long long)(now_ns() - began_ns) / 1000);
	return 0;
}

static void print_backend(const struct dp_backend_status *b)
{
	printf("vm %s number=%u role=%s attached=%d error=%d learned=%d "
	       "current=%u base=%u marked=%u entries=%u exact=%d flows=%llu "
	       "drained=%d quiet_ms=%llu addr=%s if=%s in=%llu out=%llu "
	       "openers=%llu\n",
	       b->name, b->number, name_of_role(b->role), b->attached,
	       b->attach_error, b->learned, b->slots_current, b->slots_base,
	       b->slots_marked, b->entries, b->exact,
	       (unsigned long long)b->flows, b->drained,
	       (unsigned long long)b->quiet_ns / 1000000,
	       address_text(&b->addr), b->ifname,
	       (unsigned long long)b->traffic.in_packets,
	       (unsigned long long)b->traffic.out_packets,
	       (unsigned long long)b->traffic.openers);
}

static void print_status(const struct dp_status *s)
{
	uint32_t i;

	printf("state version=%u generation=%llu memory=%llu entries=%u\n",
	       s->version, (unsigned long long)s->generation,
	       (unsigned long long)s->memory_bytes, s->n_flow_entries);
	for (i = 0; i < s->n_uplinks; i++)
		printf("uplink %s mode=%s\n", s->uplinks[i].ifname,
		       s->uplinks[i].mode);
	for (i = 0; i < s->n_pools; i++)
		printf("pool %s slots=%u claiming=%u moving=%u settling=%u "
		       "refused=%llu\n",
		       s->pools[i].name, s->pools[i].n_slots,
		       s->pools[i].n_claiming, s->pools[i].n_moving,
		       s->pools[i].n_settling,
		       (unsigned long long)s->pools[i].n_refused);
	for (i = 0; i < s->n_backends; i++)
		print_backend(&s->backends[i]);
	for (i = 0; i < s->n_services; i++)
		printf("service %s pool=%s vip=%s port=%u in=%llu out=%llu\n",
		       s->services[i].name, s->services[i].pool,
		       address_text(&s->services[i].vip), s->services[i].port,
		       (unsigned long long)s->services[i].traffic.in_packets,
		       (unsigned long long)s->services[i].traffic.out_packets);
	for (i = 0; i < N_REASONS; i++)
		if (s->reasons[i].packets)
			printf("reason %s packets=%llu\n",
			       name_of_reason((enum reason)i),
			       (unsigned long long)s->reasons[i].packets);
	for (i = 0; i < N_REASONS; i++)
		if (s->as_if[i].packets)
			printf("as_if %s packets=%llu\n",
			       name_of_reason((enum reason)i),
			       (unsigned long long)s->as_if[i].packets);
}

static int cmd_status(char **args, uint32_t n_args)
{
	struct dp_status status;
	int err = dp_xdp_ops.status(driver.dp, now_ns(), &status);

	(void)args;
	(void)n_args;
	if (err)
		return err;
	print_status(&status);
	dp_status_free(&status);
	return 0;
}

static int cmd_explain(char **args, uint32_t n_args)
{
	struct dp_flow flow = {
		.client = address(args[0]),
		.client_port = (uint16_t)number(args[1]),
		.vip = address(args[2]),
		.port = (uint16_t)number(args[3]),
		.proto = 6,
		.kind = FLOW_OPENER,
	};
	struct dp_explanation is;
	int err = dp_xdp_ops.explain(driver.dp, &flow, now_ns(), &is);

	(void)n_args;
	if (!err)
		printf("explain verdict=%s reason=%s service=%s slot=%s "
		       "entry=%d vm=%s if=%s\n",
		       name_of_verdict(is.verdict), name_of_reason(is.reason),
		       is.service, name_of_slot(is.slot_word), is.has_entry,
		       is.backend_name, is.ifname);
	return err;
}

static int cmd_close(char **args, uint32_t n_args)
{
	(void)args;
	(void)n_args;
	dp_xdp_ops.close(driver.dp);
	driver.dp = NULL;
	return 0;
}

static int cmd_detach(char **args, uint32_t n_args)
{
	uint64_t began_ns = now_ns();
	int err = dp_xdp_ops.detach(args[0], driver.error);

	(void)n_args;
	printf("detached took_ms=%llu\n",
	       (unsigned long long)(now_ns() - began_ns) / 1000000);
	return err;
}

static int cmd_echo(char **args, uint32_t n_args)
{
	(void)n_args;
	printf("%s\n", args[0]);
	return 0;
}

static const struct command {
	const char *name;
	uint32_t n_args; /* at least */
	int (*run)(char **args, uint32_t n_args);
} commands[] = {
	{ "open", 1, cmd_open },
	{ "clsact", 0, cmd_clsact },
	{ "flows", 1, cmd_flows },
	{ "read", 1, cmd_read },
	{ "vip", 1, cmd_vip },
	{ "pool", 2, cmd_pool },
	{ "service", 5, cmd_service },
	{ "vm", 6, cmd_vm },
	{ "role", 2, cmd_role },
	{ "stack", 2, cmd_stack },
	{ "observe", 1, cmd_observe },
	{ "forget", 2, cmd_forget },
	{ "apply", 0, cmd_apply },
	{ "kill-at", 1, cmd_kill_at },
	{ "run", 1, cmd_run },
	{ "wait", 3, cmd_wait },
	{ "port-lost", 1, cmd_port_lost },
	{ "status", 0, cmd_status },
	{ "explain", 4, cmd_explain },
	{ "close", 0, cmd_close },
	{ "detach", 1, cmd_detach },
	{ "echo", 1, cmd_echo },
};

static int command_run(char *line)
{
	char *args[MAX_ARGS];
	uint32_t n_args = 0;
	char *rest = NULL;
	char *word;
	uint32_t i;

	for (word = strtok_r(line, " \t\n", &rest); word && n_args < MAX_ARGS;
	     word = strtok_r(NULL, " \t\n", &rest))
		args[n_args++] = word;
	if (!n_args)
		return 0;
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, args[0]) &&
		    n_args > commands[i].n_args)
			return commands[i].run(args + 1, n_args - 1);
	return -EINVAL;
}

int main(void)
{
	char line[1024];
	char said[1024];
	int err;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		copy(said, sizeof(said), line);
		driver.error[0] = 0;
		err = command_run(line);
		if (!err)
			continue;
		said[strcspn(said, "\n")] = 0;
		(void)fprintf(stderr, "failed: %s: %s (%s)\n", said,
			      strerror(-err), driver.error);
		return 1;
	}
	dp_xdp_ops.close(driver.dp);
	return 0;
}
