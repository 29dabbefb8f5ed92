// SPDX-License-Identifier: GPL-2.0-only
/*
 * TC beside XDP: at uplinks and at bridges of VMs' ports. Beside the host's own
 * rules (core/host.h) while a VM is served through the kernel or a service is
 * observed; and for clients inside (core/inside.h).
 */
#include "bpf/skb.bpf.h"
#include "bpf/stack.bpf.h"

#include "dataplane/core/host.h"

static const struct tables tables = {
	BPF_TABLES,	.service = bpf_service, .l4_csum = skb_l4_csum,
	.mss = skb_mss, .walk = skb_walk,
};

/*
 * Ingress of an uplink: what XDP has rewritten for a VM and left a note with.
 * Where the uplink is a port of the VM's bridge it goes on by itself.
 */
SEC("tc")
int uplink_in(struct __sk_buff *skb)
{
	const struct stack_note *note =
		(struct stack_note *)(long)skb->data_meta;

	if ((void *)(note + 1) > (void *)(long)skb->data ||
	    note->magic != STACK_MAGIC)
		return TC_ACT_UNSPEC;
	skb->mark |= MARK_BALANCED;
	return note->bridge ? (int)bpf_redirect(note->bridge, 0) :
			      TC_ACT_UNSPEC;
}

/* An answer that comes back: the VIP becomes its source. */
static ALWAYS_INLINE enum verdict take_back(struct __sk_buff *skb,
					    struct pkt *p, uint32_t bridge)
{
	enum verdict verdict = answer_back(&tables, skb, p, bridge);
	bool rare;

	if (verdict == VERDICT_RARE) {
		rare = p->l4_kind == L4_ICMP;
		*p = pkt_of_skb(skb, L3_NONE, HEADERS_RARE);
		p->ifindex = bridge;
		verdict = rare ? port_rare_icmp(&tables, skb, p, true) :
				 port_rare_flow(&tables, skb, p, true);
	}
	if (verdict != VERDICT_PASS)
		skb->mark &= ~MARK_BALANCED;
	return verdict;
}

/* Ingress of a bridge: what it hands to the host. */
SEC("tc")
int bridge_in(struct __sk_buff *skb)
{
	enum verdict verdict;
	int action = TC_ACT_SHOT;
	struct pkt p;

	if (!(skb->mark & MARK_BALANCED))
		return TC_ACT_UNSPEC;
	p = pkt_of_skb(skb, L3_NONE, HEADERS_USUAL);
	verdict = take_back(skb, &p, skb->ifindex);
	if (verdict == VERDICT_PASS)
		return TC_ACT_UNSPEC;
	if (verdict == VERDICT_FORWARD) {
		action = send_to_client(skb, &p);
		/* Nobody inside gets there: stack_refuses(). */
		if (action == TO_INSIDE)
			action = TC_ACT_SHOT;
		if (action == TC_ACT_SHOT)
			verdict = VERDICT_DROP;
	}
	count_answer(&tables, NULL, &p, verdict);
	trace(skb, &p, verdict, TRACE_BACK);
	return action;
}

/* Judged by the verifier by itself; see lb.bpf.c. */
int slow_inside(struct __sk_buff *skb);

__noinline int slow_inside(struct __sk_buff *skb)
{
	return take_inside(&tables, skb, INSIDE_HOST);
}

/*
 * Ingress of the interface that packets of clients inside leave by: what the path
 * answered them itself.
 */
SEC("tc")
int inside_reply(struct __sk_buff *skb)
{
	return send_back_inside(&tables, skb);
}

/* The bridge that an uplink is a port of; 0 = none. */
static ALWAYS_INLINE uint32_t bridge_of(uint32_t uplink)
{
	const struct node *node = bpf_node(NULL);
	int i;

	for (i = 0; node && i < NODE_UPLINKS; i++)
		if (node->uplinks[i].ifindex == uplink)
			return node->out_ifindex[i];
	return 0;
}

/*
 * Egress of an uplink: answers that the bridge has sent here by itself, those of
 * whatever serves an observed VIP, and what the host sends to a VIP.
 */
SEC("tc")
int uplink_out(struct __sk_buff *skb)
{
	enum verdict verdict;
	struct pkt p;

	if (skb->mark & MARK_ANSWER) {
		skb->mark &= ~MARK_ANSWER;
		return TC_ACT_UNSPEC;
	}
	p = pkt_of_skb(skb, L3_NONE, HEADERS_USUAL);
	if (!(skb->mark & MARK_BALANCED)) {
		observe_answer(&tables, skb, &p);
		return inside_asks(&tables, NULL, &p) ? slow_inside(skb) :
							TC_ACT_UNSPEC;
	}
	verdict = take_back(skb, &p, bridge_of(skb->ifindex));
	if (verdict != VERDICT_PASS) {
		count_answer(&tables, NULL, &p, verdict);
		trace(skb, &p, verdict, TRACE_BACK);
	}
	return verdict == VERDICT_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
