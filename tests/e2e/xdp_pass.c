// SPDX-License-Identifier: GPL-2.0-only
/*
 * xdp_pass IFNAME: an XDP program that passes everything, until the interface
 * goes. A veth delivers what XDP sends back by its other end only if there is
 * a program here (Linux, veth_xdp_flush()).
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	unsigned int ifindex = argc == 2 ? if_nametoindex(argv[1]) : 0;
	int prog_fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass,
				    sizeof(pass) / sizeof(pass[0]), NULL);
	int err = ifindex ? bpf_xdp_attach((int)ifindex, prog_fd, 0, NULL) :
			    -ENODEV;

	if (err)
		(void)fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
	return err != 0;
}
