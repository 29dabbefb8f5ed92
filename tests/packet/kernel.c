// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real BPF programs under BPF_PROG_TEST_RUN.
 */
#include "tests/packet/kernel.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane/core/trace.h" /* a variable of theirs */
#include "host.skel.h"
#include "lb.skel.h"
#include "port.skel.h"

#define VALUE_SIZE_MAX 128
#define MARK_BALANCED  0x08000000U
#define STACK_MAGIC    0x4b415453U
#define STACK_NOTE     8 /* bytes in front of the frame */

/**
 * struct array_row - a BPF array and where it is in struct mem_tables.
 * @per_cpu: a value for each CPU; reading adds them up (64-bit counters).
 */
struct array_row {
	const char *name;
	size_t offset;
	size_t value_size;
	uint32_t n;
	bool per_cpu;
};

#define ROW(map, field, n)                                                     \
	{                                                                      \
		map, offsetof(struct mem_tables, field),                       \
			sizeof(((struct mem_tables *)0)->field) / (size_t)(n), \
			n, false                                               \
	}
#define CPU_ROW(map, field, n)                                                 \
	{                                                                      \
		map, offsetof(struct mem_tables, field),                       \
			sizeof(((struct mem_tables *)0)->field) / (size_t)(n), \
			n, true                                                \
	}

static const struct array_row arrays[] = {
	ROW("node_map", node, 1),
	ROW("pool_map", pools, MEM_POOLS),
	ROW("slot_map", slot_lines, MEM_SLOT_LINES),
	ROW("clock_map", slot_clocks, MEM_SLOTS),
	ROW("backend_map", backends, MEM_BACKENDS),
	ROW("flow_map", flow_lines, MEM_FLOW_LINES),
	ROW("direct_map", direct_lines, MEM_FLOW_LINES),
	ROW("frag_map", frag_lines, MEM_FRAG_LINES),
	CPU_ROW("limiter_map", limiter, 1),
	CPU_ROW("service_count", service_traffic, MEM_SERVICES),
	CPU_ROW("backend_count", backend_traffic, MEM_BACKENDS),
	CPU_ROW("reason_counts", reasons, N_REASON_COUNTS),
};

struct kernel {
	struct bpf_object *lb;
	struct bpf_object *port;
	struct bpf_object *host;
	int n_cpus;
	int array_fd[ARRAY_SIZE(arrays)];
	int service_fd;
	int port_fd;
	int target_fd;
	int number_fd;
	int probe_node_fd;
	int device_fd;
	int generation_fd;
	uint32_t generation;
	uint64_t *per_cpu; /* a value for each CPU */
};

/* Run ip(8) with a line of arguments. */
static int run_ip(const char *line)
{
	char *argv[16] = { NULL };
	char *copy = strdup(line);
	char *rest = copy;
	int status = 0;
	pid_t pid = 0;
	int ret;
	int n;

	if (!copy)
		return -ENOMEM;
	for (n = 0; n < 15; n++) {
		argv[n] = strsep(&rest, " ");
		if (!argv[n])
			break;
	}
	ret = -posix_spawnp(&pid, "ip", NULL, NULL, argv, environ);
	if (!ret && waitpid(pid, &status, 0) != pid)
		ret = -errno;
	free(copy);
	if (ret)
		return ret;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int set_forwarding(const char *family, bool enabled)
{
	char path[64];
	int ret = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path),
		       "/proc/sys/net/%s/conf/all/forwarding", family);
	f = fopen(path, "we");
	if (!f)
		return -errno;
	if (fputs(enabled ? "1" : "0", f) < 0)
		ret = -EIO;
	if (fclose(f) && !ret)
		ret = -errno;
	return ret;
}

int kernel_forwarding(bool enabled)
{
	int ret = set_forwarding("ipv4", enabled);

	return ret ? ret : set_forwarding("ipv6", enabled);
}

static int make_network(void)
{
	static const char *const lines[] = {
		"ip link set lo mtu 1500 up",
		"ip link add vm1 index 1001 type veth peer name peer1",
		"ip link add vm2 index 1002 type veth peer name peer2",
		"ip link add vm3 index 1003 type veth peer name peer3",
		"ip link add probe index 700 type veth peer name probed",
		"ip link add name vmbr index 800 type bridge",
		"ip link add out index 900 type veth peer name away",
		"ip address add 192.0.2.1/24 dev out",
		"ip link set away up",
		"ip link set out up",
		"ip route add default via 192.0.2.254 dev out",
		"ip route add blackhole 198.18.0.0/15",
		"ip route add 198.51.100.9 via 192.0.2.254 dev out mtu lock 1280",
		"ip -6 address add 2001:db8:9::1/64 dev out nodad",
		"ip -6 route add default via 2001:db8:9::2 dev out",
		"ip -6 route add 2001:db8:1:2:3:4:c633:6409 via 2001:db8:9::2 dev out mtu lock 1280",
	};
	size_t i;
	int ret;

	if (unshare(CLONE_NEWNET))
		return -errno;
	ret = kernel_forwarding(true);
	if (ret)
		return ret;
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		ret = run_ip(lines[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static struct bpf_map *find_map(const struct kernel *k, const char *name)
{
	return bpf_object__find_map_by_name(k->lb, name);
}

static int map_fd(const struct kernel *k, const char *name)
{
	return bpf_map__fd(find_map(k, name));
}

static int program_fd(const struct bpf_object *o, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(o, name));
}

/* The sizes of struct mem_tables. */
static int size_maps(struct kernel *k)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(arrays) && !ret; i++)
		ret = bpf_map__set_max_entries(find_map(k, arrays[i].name),
					       arrays[i].n);
	if (!ret)
		ret = bpf_map__set_max_entries(find_map(k, "service_map"),
					       MEM_SERVICES);
	if (!ret)
		ret = bpf_map__set_max_entries(find_map(k, "port_map"),
					       MEM_PORTS);
	if (!ret)
		ret = bpf_map__set_max_entries(find_map(k, "device_map"),
					       MEM_BACKENDS);
	return ret;
}

/* All objects work on the maps of the first. */
static int share_maps(struct kernel *k, struct bpf_object *object)
{
	struct bpf_map *map;
	struct bpf_map *same;
	int ret = 0;

	bpf_object__for_each_map(map, object) {
		if (bpf_map__is_internal(map))
			continue;
		same = find_map(k, bpf_map__name(map));
		if (same && !ret)
			ret = bpf_map__reuse_fd(map, bpf_map__fd(same));
	}
	return ret;
}

static int load_other(struct kernel *k, const void *elf, size_t size,
		      struct bpf_object **ret_object)
{
	int ret;

	*ret_object = bpf_object__open_mem(elf, size, NULL);
	if (!*ret_object)
		return -errno;
	ret = share_maps(k, *ret_object);
	return ret ? ret : bpf_object__load(*ret_object);
}

/* The probes' tables are its own. */
static int load_port(struct kernel *k, const void *elf, size_t size)
{
	struct bpf_map *targets;
	struct bpf_map *numbers;
	int ret;

	k->port = bpf_object__open_mem(elf, size, NULL);
	if (!k->port)
		return -errno;
	targets = bpf_object__find_map_by_name(k->port, "probe_target_map");
	numbers = bpf_object__find_map_by_name(k->port, "probe_number_map");
	ret = bpf_map__set_max_entries(targets, MEM_TARGETS);
	if (!ret)
		ret = bpf_map__set_max_entries(numbers, 2 * MEM_TARGETS);
	if (!ret)
		ret = share_maps(k, k->port);
	if (!ret)
		ret = bpf_object__load(k->port);
	if (ret)
		return ret;
	k->target_fd = bpf_map__fd(targets);
	k->number_fd = bpf_map__fd(numbers);
	k->probe_node_fd = bpf_object__find_map_fd_by_name(k->port, ".bss");
	return 0;
}

static int load_programs(struct kernel *k)
{
	const void *elf;
	size_t size = 0;
	size_t i;
	int ret;

	elf = lb_bpf__elf_bytes(&size);
	k->lb = bpf_object__open_mem(elf, size, NULL);
	if (!k->lb)
		return -errno;
	ret = size_maps(k);
	if (!ret)
		ret = bpf_object__load(k->lb);
	if (ret)
		return ret;
	elf = port_bpf__elf_bytes(&size);
	ret = load_port(k, elf, size);
	elf = host_bpf__elf_bytes(&size);
	if (!ret)
		ret = load_other(k, elf, size, &k->host);
	if (ret)
		return ret;
	for (i = 0; i < ARRAY_SIZE(arrays); i++)
		k->array_fd[i] = map_fd(k, arrays[i].name);
	k->service_fd = map_fd(k, "service_map");
	k->port_fd = map_fd(k, "port_map");
	k->device_fd = map_fd(k, "device_map");
	k->generation_fd = map_fd(k, "generation_map");
	return 0;
}

int kernel_open(struct kernel **ret_kernel, const char **ret_why)
{
	struct kernel *k;
	uint32_t vm;
	int ret;

	*ret_why = "root is needed to load BPF programs";
	if (geteuid() != 0)
		return -EPERM;
	*ret_why = "no memory";
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->n_cpus = libbpf_num_possible_cpus();
	k->per_cpu = calloc((size_t)k->n_cpus, VALUE_SIZE_MAX);
	ret = k->per_cpu ? 0 : -ENOMEM;
	if (!ret) {
		*ret_why = "no network namespace with veth interfaces";
		ret = make_network();
	}
	if (!ret) {
		*ret_why = "the programs do not load";
		ret = load_programs(k);
	}
	if (ret) {
		kernel_close(k);
		return ret;
	}
	for (vm = 1; vm <= N_VMS; vm++)
		kernel_plug(k, vm, true);
	*ret_kernel = k;
	return 0;
}

void kernel_close(struct kernel *k)
{
	if (!k)
		return;
	bpf_object__close(k->host);
	bpf_object__close(k->port);
	bpf_object__close(k->lb);
	free(k->per_cpu);
	free(k);
}

void kernel_plug(struct kernel *k, uint32_t vm, bool plugged)
{
	uint32_t ifindex = IFINDEX_VM(vm);

	if (plugged)
		assert_int_equal(bpf_map_update_elem(k->device_fd, &vm,
						     &ifindex, BPF_ANY),
				 0);
	else
		assert_int_equal(bpf_map_delete_elem(k->device_fd, &vm), 0);
}

static void clear_hash(int fd, size_t key_size)
{
	uint8_t key[VALUE_SIZE_MAX];

	assert_true(key_size <= sizeof(key));
	while (!bpf_map_get_next_key(fd, NULL, key))
		assert_int_equal(bpf_map_delete_elem(fd, key), 0);
}

static void store_array(struct kernel *k, size_t row, const uint8_t *from)
{
	const struct array_row *r = &arrays[row];
	const void *value;
	uint32_t i;

	for (i = 0; i < r->n; i++) {
		value = from + i * r->value_size;
		if (r->per_cpu) {
			/* Counters begin at zero in every vector. */
			memset(k->per_cpu, 0,
			       (size_t)k->n_cpus * VALUE_SIZE_MAX);
			value = k->per_cpu;
		}
		assert_int_equal(bpf_map_update_elem(k->array_fd[row], &i,
						     value, BPF_ANY),
				 0);
	}
}

static void load_array(struct kernel *k, size_t row, uint8_t *ret_to)
{
	const struct array_row *r = &arrays[row];
	size_t n_words = r->value_size / sizeof(uint64_t);
	uint64_t *value;
	uint32_t i;
	size_t w;

	for (i = 0; i < r->n; i++) {
		value = k->per_cpu;
		assert_int_equal(
			bpf_map_lookup_elem(k->array_fd[row], &i, value), 0);
		if (r->per_cpu)
			for (w = n_words; w < n_words * (size_t)k->n_cpus; w++)
				value[w % n_words] += value[w];
		memcpy(ret_to + i * r->value_size, value, r->value_size);
	}
}

static void store_tables(struct kernel *k, const struct mem_tables *m)
{
	const uint32_t only = 0;
	uint32_t i;
	size_t row;

	for (row = 0; row < ARRAY_SIZE(arrays); row++)
		store_array(k, row, (const uint8_t *)m + arrays[row].offset);
	clear_hash(k->service_fd, sizeof(struct service_key));
	for (i = 0; i < m->n_services; i++)
		assert_int_equal(
			bpf_map_update_elem(k->service_fd, &m->services[i].key,
					    &m->services[i].value, BPF_ANY),
			0);
	k->generation++;
	assert_int_equal(bpf_map_update_elem(k->generation_fd, &only,
					     &k->generation, BPF_ANY),
			 0);
	clear_hash(k->port_fd, sizeof(struct port_key));
	for (i = 0; i < m->n_ports; i++)
		assert_int_equal(
			bpf_map_update_elem(k->port_fd, &m->ports[i].key,
					    &m->ports[i].value, BPF_ANY),
			0);
}

static void store_probes(struct kernel *k, const struct mem_tables *m)
{
	struct probe_key at_port = { .ifindex = 0 };
	uint32_t i;

	i = 0;
	assert_int_equal(bpf_map_update_elem(k->probe_node_fd, &i,
					     &m->probe_node, BPF_ANY),
			 0);
	clear_hash(k->number_fd, sizeof(struct probe_key));
	for (i = 0; i < MEM_TARGETS; i++) {
		assert_int_equal(bpf_map_update_elem(k->target_fd, &i,
						     &m->targets[i].value,
						     BPF_ANY),
				 0);
		if (!m->targets[i].key.ifindex)
			continue;
		at_port.ifindex = m->targets[i].key.ifindex;
		assert_int_equal(bpf_map_update_elem(k->number_fd,
						     &m->targets[i].key, &i,
						     BPF_ANY),
				 0);
		assert_int_equal(bpf_map_update_elem(k->number_fd, &at_port, &i,
						     BPF_ANY),
				 0);
	}
}

static enum verdict verdict_of_xdp(uint32_t action)
{
	switch (action) {
	case XDP_PASS:
		return VERDICT_PASS;
	case XDP_DROP:
		return VERDICT_DROP;
	case XDP_TX:
		return VERDICT_REPLY;
	case XDP_REDIRECT:
		return VERDICT_FORWARD;
	default:
		fail_msg("XDP action %u", action);
	}
	return VERDICT_DROP;
}

/* What XDP hands to the kernel has a note in front of it; take that off. */
static bool take_note(const struct vector *v, struct frame *frame)
{
	uint32_t bridge = v->scene.flags & SCENE_BRIDGED ? 0 : IFINDEX_BRIDGE;
	uint32_t note[2];

	memcpy(note, frame->byte, sizeof(note));
	if (note[0] != STACK_MAGIC)
		return false;
	assert_int_equal(note[1], bridge);
	frame->size -= STACK_NOTE;
	memmove(frame->byte, frame->byte + STACK_NOTE, frame->size);
	return true;
}

static enum verdict verdict_of_tc(const struct vector *v, int action,
				  uint32_t mark)
{
	switch (action) {
	case TC_ACT_UNSPEC:
		if (v->hook == HOOK_FROM_VM && mark & MARK_BALANCED)
			return VERDICT_STACK;
		/* Where an answer leaves by itself, losing its mark is all. */
		if (v->hook == HOOK_LEAVES && v->marked &&
		    !(mark & MARK_BALANCED))
			return VERDICT_FORWARD;
		return VERDICT_PASS;
	case TC_ACT_SHOT:
		return VERDICT_DROP;
	case TC_ACT_REDIRECT:
		return v->verdict == VERDICT_PROBE ||
				       v->verdict == VERDICT_REPLY ?
			       v->verdict :
			       VERDICT_FORWARD;
	default:
		fail_msg("TC action %d", action);
	}
	return VERDICT_DROP;
}

static int tc_program(const struct kernel *k, enum hook hook)
{
	switch (hook) {
	case HOOK_UPLINK:
		break;
	case HOOK_FROM_VM:
		return program_fd(k->port, "port_in");
	case HOOK_TO_VM:
		return program_fd(k->port, "port_out");
	case HOOK_BACK:
		return program_fd(k->host, "bridge_in");
	case HOOK_LEAVES:
		return program_fd(k->host, "uplink_out");
	case HOOK_PROBE:
		return program_fd(k->port, "probe_out");
	}
	return -1;
}

void kernel_run(struct kernel *k, const struct vector *v,
		struct mem_tables *tables, uint32_t mark,
		struct outcome *ret_outcome)
{
	struct __sk_buff skb = { .ifindex = vector_ifindex(v),
				 .mark = mark,
				 .gso_size = v->segment };
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct frame in;
	int fd = program_fd(k->lb, "lb");
	size_t row;

	vector_frame(v, &in);
	store_tables(k, tables);
	store_probes(k, tables);
	opts.data_in = in.byte;
	opts.data_size_in = (uint32_t)in.size;
	opts.data_out = ret_outcome->out.byte;
	opts.data_size_out = FRAME_SIZE_MAX;
	opts.repeat = 1;
	if (v->hook != HOOK_UPLINK) {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
		opts.ctx_out = &skb;
		opts.ctx_size_out = sizeof(skb);
		fd = tc_program(k, v->hook);
	}
	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	ret_outcome->out.size = opts.data_size_out;
	ret_outcome->verdict =
		v->hook == HOOK_UPLINK ?
			verdict_of_xdp(opts.retval) :
			verdict_of_tc(v, (int)opts.retval, skb.mark);
	if (v->hook == HOOK_UPLINK && ret_outcome->verdict == VERDICT_PASS &&
	    take_note(v, &ret_outcome->out))
		ret_outcome->verdict = VERDICT_STACK;
	for (row = 0; row < ARRAY_SIZE(arrays); row++)
		load_array(k, row, (uint8_t *)tables + arrays[row].offset);
}
