// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways: who is probed over the data path, by number.
 *
 * A number's record is written once, before the key that leads to it, and not
 * again as long as the VM is what it was; a VM that moved gets another number. A
 * number that is free comes last in line, so that what is still on its way to it
 * meets nobody.
 */
#include "dataplane/xdp/ways.h"

#include "dataplane/xdp/links.h"
#include "dataplane/xdp/veth.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 0 is none and 1 is the interface's own address. */
#define FIRST_NUMBER 2

/**
 * struct ways - all of them.
 * @pin_dir: whose.
 * @source, @source6: what VMs see; all zero = there are no ways.
 * @veth: the interface; ifindex 0 = not made yet.
 * @targets: by number, as the programs have them.
 * @wanted: of the round that goes on.
 * @order: the numbers of the last round, in the order they were asked for: most
 *         rounds ask for the same again.
 * @end: the highest number, and one.
 * @next: where the search for a free number begins.
 * @n: numbers in use.
 */
struct ways {
	char pin_dir[PIN_PATH_SIZE];
	struct ip_addr source;
	struct ip_addr source6;
	struct veth veth;
	struct probe_target *targets;
	bool *wanted;
	uint32_t *order;
	uint32_t end;
	uint32_t next;
	uint32_t n;
};

static void ways_free(struct ways *w)
{
	if (!w)
		return;
	free(w->targets);
	free(w->wanted);
	free(w->order);
	free(w);
}

int ways_open(const struct dp *dp, const struct dp_options *options,
	      struct ways **ret_ways)
{
	const struct memory_meta *meta = dp->maps.area[MAP_META];
	struct ways *w = calloc(1, sizeof(*w));

	ways_remove(options->pin_dir);
	if (!w)
		return -ENOMEM;
	w->source = options->probe_source;
	w->source6 = options->probe_source6;
	w->end = FIRST_NUMBER + meta->limits.n_backends;
	w->next = FIRST_NUMBER;
	w->targets = calloc(w->end, sizeof(*w->targets));
	w->wanted = calloc(w->end, sizeof(*w->wanted));
	w->order = calloc(w->end, sizeof(*w->order));
	if (!w->targets || !w->wanted || !w->order) {
		ways_free(w);
		return -ENOMEM;
	}
	memcpy(w->pin_dir, options->pin_dir, strlen(options->pin_dir) + 1);
	*ret_ways = w;
	return 0;
}

void ways_close(struct dp *dp)
{
	const struct probe_node none = { .ifindex = 0 };
	struct ways *w = dp->ways;

	if (w && w->veth.ifindex) {
		programs_set_probes(&dp->programs, &none);
		unlink_port(dp->pin.links, w->veth.ifindex);
		veth_remove(w->veth.name);
	}
	ways_free(w);
	dp->ways = NULL;
}

void ways_remove(const char *pin_dir)
{
	char name[VETH_NAME_SIZE];

	veth_name(VETH_PROBES, pin_dir, name);
	veth_remove(name);
}

static bool is_zero(const struct ip_addr *a)
{
	return !(a->word[0] | a->word[1] | a->word[2] | a->word[3]);
}

/* The interface and its program; then the path knows of it. */
static int begin(struct dp *dp)
{
	struct ways *w = dp->ways;
	struct veth veth = { .ifindex = 0 };
	struct probe_node node = { .uid = geteuid() };
	int err;

	err = veth_make(w->pin_dir, &veth);
	if (err)
		return err;
	err = link_port(dp->pin.links, veth.ifindex, -1,
			programs_probe_out(&dp->programs), dp->clsact);
	if (err) {
		veth_remove(veth.name);
		return err;
	}
	w->veth = veth;
	node.v4 = (struct probe_ends){ w->source, veth.local };
	if (!is_zero(&veth.local6))
		node.v6 = (struct probe_ends){ w->source6, veth.local6 };
	node.ifindex = veth.ifindex;
	memcpy(node.mac, veth.mac, sizeof(node.mac));
	programs_set_probes(&dp->programs, &node);
	dp_say(dp, LOG_INFO, "probes over the data path leave by %s",
	       veth.name);
	return 0;
}

/* The number that an answer would find; 0 = none. */
static uint32_t number_of(const struct dp *dp, const struct probe_key *key)
{
	uint32_t number = 0;

	if (bpf_map_lookup_elem(programs_probe_numbers(&dp->programs), key,
				&number))
		return 0;
	return number;
}

static uint32_t free_number(struct ways *w)
{
	uint32_t i;

	for (i = 0; i < w->end - FIRST_NUMBER; i++) {
		if (w->next >= w->end)
			w->next = FIRST_NUMBER;
		if (!w->targets[w->next].ifindex)
			return w->next++;
		w->next++;
	}
	return 0;
}

/* How many are probed at a port: those at it may ask for our address. */
static int count_at_port(struct dp *dp, uint32_t ifindex, int more)
{
	int fd = programs_probe_numbers(&dp->programs);
	struct probe_key key = { .ifindex = ifindex };
	uint32_t n = number_of(dp, &key) + (uint32_t)more;

	return n ? bpf_map_update_elem(fd, &key, &n, BPF_ANY) :
		   bpf_map_delete_elem(fd, &key);
}

static int put(struct dp *dp, const struct probe_key *key,
	       const struct probe_target *target, uint32_t *ret_number)
{
	struct ways *w = dp->ways;
	uint32_t number = free_number(w);
	int err;

	if (!number)
		return -ENOSPC;
	err = bpf_map_update_elem(programs_probe_targets(&dp->programs),
				  &number, target, BPF_ANY);
	if (!err)
		err = bpf_map_update_elem(programs_probe_numbers(&dp->programs),
					  key, &number, BPF_ANY);
	if (!err)
		err = count_at_port(dp, key->ifindex, 1);
	if (err)
		return err;
	w->targets[number] = *target;
	w->n++;
	*ret_number = number;
	return 0;
}

static void drop(struct dp *dp, uint32_t number)
{
	const struct probe_target none = { .ifindex = 0 };
	struct ways *w = dp->ways;
	struct probe_key key = { .addr = w->targets[number].addr,
				 .ifindex = w->targets[number].ifindex };

	/* One that moved on the same port has another number by now. */
	if (number_of(dp, &key) == number)
		(void)bpf_map_delete_elem(programs_probe_numbers(&dp->programs),
					  &key);
	(void)bpf_map_update_elem(programs_probe_targets(&dp->programs),
				  &number, &none, BPF_ANY);
	(void)count_at_port(dp, key.ifindex, -1);
	w->targets[number] = none;
	w->n--;
}

void ways_lost(struct dp *dp, uint32_t ifindex)
{
	const struct probe_node none = { .ifindex = 0 };
	struct ways *w = dp->ways;
	uint32_t i;

	if (!w || !ifindex || w->veth.ifindex != ifindex)
		return;
	programs_set_probes(&dp->programs, &none);
	unlink_port(dp->pin.links, ifindex);
	for (i = FIRST_NUMBER; i < w->end; i++)
		if (w->targets[i].ifindex)
			drop(dp, i);
	w->veth.ifindex = 0;
}

static bool is_target(const struct ways *w, uint32_t number,
		      const struct probe_target *target)
{
	return number && !memcmp(&w->targets[number], target, sizeof(*target));
}

/* @hint: the number that it may have. */
static int want(struct dp *dp, struct dp_way *way, uint32_t hint,
		uint32_t *ret_number)
{
	struct ways *w = dp->ways;
	struct probe_key key = { .addr = way->addr, .ifindex = way->ifindex };
	struct probe_target target = { .addr = way->addr,
				       .ifindex = way->ifindex };
	const struct ip_addr *local = IP_IS_V4(way->addr) ? &w->veth.local :
							    &w->veth.local6;
	uint32_t number = hint;
	int err;

	/* Of a machine without IPv6. */
	if (!way->ifindex || is_zero(local))
		return -EAFNOSUPPORT;
	memcpy(target.mac, way->mac, sizeof(target.mac));
	if (!is_target(w, number, &target))
		number = number_of(dp, &key);
	if (!is_target(w, number, &target)) {
		err = put(dp, &key, &target, &number);
		if (err)
			return err;
	}
	w->wanted[number] = true;
	way->at = probe_addr(local, number);
	*ret_number = number;
	return 0;
}

int ways_set(struct dp *dp, struct dp_way *ways, uint32_t n,
	     char ret_device[DP_IFNAME_SIZE])
{
	struct ways *w = dp->ways;
	uint32_t number;
	uint32_t i;
	int err = 0;

	ret_device[0] = 0;
	if (!w || (!n && !w->n))
		return 0;
	if (is_zero(&w->source))
		return -EOPNOTSUPP;
	if (!w->veth.ifindex)
		err = begin(dp);
	if (err)
		return err;
	memset(w->wanted, 0, w->end * sizeof(*w->wanted));
	for (i = 0; i < n; i++)
		ways[i].err = want(dp, &ways[i], i < w->end ? w->order[i] : 0,
				   i < w->end ? &w->order[i] : &number);
	for (i = FIRST_NUMBER; i < w->end && w->n; i++)
		if (w->targets[i].ifindex && !w->wanted[i])
			drop(dp, i);
	memcpy(ret_device, w->veth.name, VETH_NAME_SIZE);
	return 0;
}
