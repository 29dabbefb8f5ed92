// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tagged interface, where the kernel has no VLAN devices: tc_vlan IFNAME NUMBER.
 *
 * What leaves by the interface gets the tag, what comes in loses it; ends with
 * the filters in place, which go with the interface.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define ETH_TYPE_VLAN 0x8100

#define SET(reg, value)                                                \
	{                                                              \
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (reg), \
		.imm = (value)                                         \
	}
#define CALL(helper)                                        \
	{                                                   \
		.code = BPF_JMP | BPF_CALL, .imm = (helper) \
	}
#define DONE                               \
	{                                  \
		.code = BPF_JMP | BPF_EXIT \
	}

static int attach(int ifindex, enum bpf_tc_attach_point point,
		  const struct bpf_insn *insns, size_t n)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts);
	int err;

	opts.prog_fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "tc_vlan", "GPL",
				     insns, n, NULL);
	if (opts.prog_fd < 0)
		return opts.prog_fd;
	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		return err;
	return bpf_tc_attach(&hook, &opts);
}

int main(int argc, char **argv)
{
	int ifindex = argc == 3 ? (int)if_nametoindex(argv[1]) : 0;
	const struct bpf_insn push[] = {
		SET(2, htons(ETH_TYPE_VLAN)),
		SET(3, argc == 3 ? atoi(argv[2]) : 0),
		CALL(BPF_FUNC_skb_vlan_push),
		SET(0, 0),
		DONE,
	};
	const struct bpf_insn pop[] = {
		CALL(BPF_FUNC_skb_vlan_pop),
		SET(0, 0),
		DONE,
	};
	int err;

	if (!ifindex) {
		fprintf(stderr, "usage: tc_vlan IFNAME NUMBER\n");
		return 2;
	}
	err = attach(ifindex, BPF_TC_EGRESS, push,
		     sizeof(push) / sizeof(push[0]));
	if (!err)
		err = attach(ifindex, BPF_TC_INGRESS, pop,
			     sizeof(pop) / sizeof(pop[0]));
	if (err) {
		fprintf(stderr, "tc_vlan: %s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	return 0;
}
