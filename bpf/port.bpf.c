// SPDX-License-Identifier: GPL-2.0-only
/*
 * TC at a VM's port: answers of balanced flows get the VIP as their source and
 * leave straight by the uplink; direct connections pass as they are.
 *
 * TC and not XDP, because a guest hands over packets with unfinished checksums
 * and many segments in one: only the kernel's helpers know which.
 */
#include "bpf/skb.bpf.h"

#include "dataplane/core/count.h"
#include "dataplane/core/port.h"

/* Judged by the verifier by itself; see lb.bpf.c. */
uint32_t slow_direct(struct direct *q);

static ALWAYS_INLINE uint32_t bpf_direct(void *e, struct direct *q)
{
	(void)e;
	return slow_direct(q);
}

static const struct tables tables = { BPF_TABLES, .direct = bpf_direct };

__noinline uint32_t slow_direct(struct direct *q)
{
	return q ? direct_note(&tables, NULL, q) : DIRECT_UNKNOWN;
}

/* Ingress of the VM's port: what the VM sends. */
SEC("tc")
int port_in(struct __sk_buff *skb)
{
	struct nat_edit edit = { 0 };
	struct pkt p = pkt_of_skb(skb);
	enum verdict verdict = port_from_vm(&tables, NULL, &p, &edit);
	int action = verdict == VERDICT_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;

	if (verdict == VERDICT_STACK)
		skb->mark |= MARK_BALANCED;
	if (verdict == VERDICT_FORWARD) {
		action = TC_ACT_SHOT;
		if (apply_edit(skb, &p, &edit))
			action = send_to_client(skb, &p, edit.new_addr);
		if (action != TC_ACT_REDIRECT) {
			p.reason = DROP_PORT_NO_ROUTE;
			verdict = VERDICT_DROP;
		}
	}
	count_answer(&tables, NULL, &p, verdict);
	return action;
}

/* Egress of the VM's port: what goes to the VM, but not from XDP. */
SEC("tc")
int port_out(struct __sk_buff *skb)
{
	enum verdict verdict;
	struct pkt p;

	if (skb->mark & MARK_BALANCED)
		return TC_ACT_UNSPEC;
	p = pkt_of_skb(skb);
	verdict = port_to_vm(&tables, NULL, &p);
	count_reason(&tables, NULL, p.reason, p.length);
	return verdict == VERDICT_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
