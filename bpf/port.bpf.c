// SPDX-License-Identifier: GPL-2.0-only
/*
 * TC at a VM's port: answers of balanced flows get the VIP as their source and
 * leave straight by the uplink; direct connections pass as they are; probes over
 * the data path go to and fro.
 *
 * TC and not XDP, because a guest hands over packets with unfinished checksums
 * and many segments in one: only the kernel's helpers know which.
 */
#include "bpf/skb.bpf.h"

#include "dataplane/core/count.h"
#include "dataplane/core/port.h"
#include "dataplane/core/probe.h"

/* Probes over the data path. */
MAPPED_ARRAY(probe_target_map, struct probe_target);
HASH_MAP(probe_number_map, struct probe_key, uint32_t);
struct probe_node probe_node = { .ifindex = 0 };

static ALWAYS_INLINE const struct probe_node *bpf_probe_node(void *e)
{
	(void)e;
	return &probe_node;
}

LOOKUP(bpf_probe_target, const struct probe_target, probe_target_map)

static ALWAYS_INLINE const uint32_t *bpf_probe_number(void *e,
						      const struct probe_key *k)
{
	(void)e;
	return bpf_map_lookup_elem(&probe_number_map, k);
}

/* Judged by the verifier by itself; see lb.bpf.c. */
uint32_t slow_direct(struct direct *q);
uint32_t slow_asked(struct asked *q);
uint32_t slow_frag(struct frag_ask *q);
static ALWAYS_INLINE uint32_t bpf_frag(void *e, struct frag_ask *q)
{
	(void)e;
	return slow_frag(q);
}

static ALWAYS_INLINE uint32_t bpf_asked(void *e, struct asked *q)
{
	(void)e;
	return slow_asked(q);
}

static ALWAYS_INLINE uint32_t bpf_direct(void *e, struct direct *q)
{
	(void)e;
	return slow_direct(q);
}

uint64_t slow_key(struct key_ask *q);

static ALWAYS_INLINE uint64_t bpf_key(void *e, struct key_ask *q)
{
	(void)e;
	return slow_key(q);
}

/* What all packets need. */
#define PORT_TABLES                                                     \
	BPF_TABLES, .service = bpf_service, .direct = bpf_direct,       \
		    .asked = bpf_asked, .l4_csum = skb_l4_csum,         \
		    .frag = bpf_frag, .mss = skb_mss, .walk = skb_walk, \
		    .probe_node = bpf_probe_node,                       \
		    .probe_target = bpf_probe_target,                   \
		    .probe_number = bpf_probe_number, .out_mtu = skb_out_mtu

static const struct tables tables = { PORT_TABLES };

/* Of what is seldom. */
static const struct tables rare_tables = { PORT_TABLES, .key = bpf_key };

__noinline uint32_t slow_direct(struct direct *q)
{
	return q ? direct_note(&tables, NULL, q) : DIRECT_UNKNOWN;
}

__noinline uint64_t slow_key(struct key_ask *q)
{
	return q ? key_of(&tables, NULL, q) : 0;
}

__noinline uint32_t slow_frag(struct frag_ask *q)
{
	return q ? frag_table(&tables, NULL, q) : DROP_FRAGMENT_UNKNOWN;
}

__noinline uint32_t slow_asked(struct asked *q)
{
	return q ? asked(&tables, NULL, q) : ASKED_NO;
}

/*
 * An ICMP error in place of a packet of the VM's: cut to what is quoted of it,
 * room made in front, and back to the VM. A checksum of TCP or UDP that was not
 * finished stays so, in what is quoted: ours is of the bytes as they are, and who
 * still knows the packet for an unfinished one takes it for right.
 */
static ALWAYS_INLINE bool answer_error_fill(struct __sk_buff *skb,
					    struct pkt *p)
{
	struct ip_addr vip = p->src;
	bool is_v6 = is_ipv6(p);
	struct eth_hdr *eth;

	if (bpf_skb_change_tail(skb, p->reply_length - p->reply_head, 0) ||
	    bpf_skb_change_head(skb, p->reply_head, 0) ||
	    bpf_skb_pull_data(skb, p->reply_length))
		return false;
	p->data = (uint8_t *)(long)skb->data;
	p->end = (uint8_t *)(long)skb->data_end;
	if (p->data + sizeof(*eth) + sizeof(struct ipv6_hdr) +
		    sizeof(struct icmp_hdr) + sizeof(*eth) >
	    p->end)
		return false;
	p->eth = (struct eth_hdr *)p->data;
	eth = (struct eth_hdr *)(p->data +
				 (is_v6 ? sizeof(struct ipv6_hdr) :
					  sizeof(struct ipv4_hdr)) +
				 sizeof(struct icmp_hdr));
	*p->eth = *eth;
	return error_fill(p, p->data + sizeof(*eth), is_v6, &vip);
}

/* Tell the VM. The egress hook of its port has no say in that. */
static ALWAYS_INLINE int answer_vm(struct __sk_buff *skb, struct pkt *p,
				   enum verdict *verdict, enum reason drop)
{
	if (answer_error_fill(skb, p)) {
		skb->mark |= MARK_BALANCED;
		return (int)bpf_redirect(skb->ifindex, 0);
	}
	p->reason = drop;
	*verdict = VERDICT_DROP;
	return TC_ACT_SHOT;
}

/* Each family has programs of its own, and what is seldom has: see lb.bpf.c. */
enum port_program {
	PORT_USUAL6,
	PORT_FLOW,
	PORT_FLOW6,
	PORT_ICMP,
	PORT_ICMP6,
	PORT_REFUSED,
	PORT_REFUSED6,
	PORT_PROBE,
	PORT_PROBE6,
	PORT_PROBE_OUT6,
	PORT_INSIDE,
	PORT_TO_INSIDE,
	PORT_INSIDE_REFUSED,
	N_PORT_PROGRAMS,
};

int port_in6(struct __sk_buff *skb);
int port_flow(struct __sk_buff *skb);
int port_flow6(struct __sk_buff *skb);
int port_icmp(struct __sk_buff *skb);
int port_icmp6(struct __sk_buff *skb);
int port_refused(struct __sk_buff *skb);
int port_refused6(struct __sk_buff *skb);
int probe_in(struct __sk_buff *skb);
int probe_in6(struct __sk_buff *skb);
int probe_out6(struct __sk_buff *skb);
int inside_in(struct __sk_buff *skb);
int inside_out(struct __sk_buff *skb);
int inside_no(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, N_PORT_PROGRAMS);
	__uint(key_size, sizeof(uint32_t));
	__array(values, int(void *));
} port_rare_map SEC(".maps") = {
	.values = {
		[PORT_USUAL6] = (void *)&port_in6,
		[PORT_FLOW] = (void *)&port_flow,
		[PORT_FLOW6] = (void *)&port_flow6,
		[PORT_ICMP] = (void *)&port_icmp,
		[PORT_ICMP6] = (void *)&port_icmp6,
		[PORT_REFUSED] = (void *)&port_refused,
		[PORT_REFUSED6] = (void *)&port_refused6,
		[PORT_PROBE] = (void *)&probe_in,
		[PORT_PROBE6] = (void *)&probe_in6,
		[PORT_PROBE_OUT6] = (void *)&probe_out6,
		[PORT_INSIDE] = (void *)&inside_in,
		[PORT_TO_INSIDE] = (void *)&inside_out,
		[PORT_INSIDE_REFUSED] = (void *)&inside_no,
	},
};

/* Carry the verdict on what a VM sends out, and count. */
static ALWAYS_INLINE int act(struct __sk_buff *skb, struct pkt *p,
			     enum verdict verdict)
{
	int action = verdict == VERDICT_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;

	if (verdict == VERDICT_PASS && inside_asks(&tables, NULL, p))
		bpf_tail_call(skb, &port_rare_map, PORT_INSIDE);
	if (verdict == VERDICT_STACK)
		skb->mark |= MARK_BALANCED;
	if (verdict == VERDICT_FORWARD) {
		action = send_to_client(skb, p);
		if (action == TC_ACT_SHOT)
			verdict = VERDICT_DROP;
	}
	count_answer(&tables, NULL, p, verdict);
	trace(skb, p, verdict, TRACE_FROM_VM);
	if (action == TO_INSIDE) {
		bpf_tail_call(skb, &port_rare_map, PORT_TO_INSIDE);
		action = TC_ACT_SHOT;
	}
	return action;
}

/* Somebody else goes on with a packet, from its beginning. */
static ALWAYS_INLINE void hand_on(struct __sk_buff *skb, const struct pkt *p)
{
	uint32_t program = is_ipv6(p) ? PORT_FLOW6 : PORT_FLOW;

	if (rare_kind(p) == RARE_USUAL)
		program = PORT_USUAL6;
	else if (p->l4_kind == L4_ICMP)
		program = is_ipv6(p) ? PORT_ICMP6 : PORT_ICMP;
	else if (p->reason == REPLY_PORT_TOO_BIG)
		program = is_ipv6(p) ? PORT_REFUSED6 : PORT_REFUSED;
	bpf_tail_call(skb, &port_rare_map, program);
}

static ALWAYS_INLINE int usual(struct __sk_buff *skb, enum l3_kind only)
{
	struct pkt p = pkt_of_skb(skb, only, HEADERS_USUAL);
	enum verdict verdict = port_from_vm(&tables, skb, &p);

	if (verdict == VERDICT_PROBE)
		bpf_tail_call(skb, &port_rare_map,
			      only == L3_IPV6 ? PORT_PROBE6 : PORT_PROBE);
	if (verdict == VERDICT_RARE)
		hand_on(skb, &p);
	return act(skb, &p, verdict);
}

static ALWAYS_INLINE int flow(struct __sk_buff *skb, enum l3_kind only)
{
	struct pkt p = pkt_of_skb(skb, only, HEADERS_RARE);
	enum verdict verdict = port_rare_flow(&rare_tables, skb, &p, false);

	if (verdict == VERDICT_RARE)
		hand_on(skb, &p);
	return act(skb, &p, verdict);
}

static ALWAYS_INLINE int icmp(struct __sk_buff *skb, enum l3_kind only)
{
	struct pkt p = pkt_of_skb(skb, only, HEADERS_RARE);

	return act(skb, &p, port_rare_icmp(&rare_tables, skb, &p, false));
}

static ALWAYS_INLINE int refused(struct __sk_buff *skb, enum l3_kind only)
{
	struct pkt p = pkt_of_skb(skb, only, HEADERS_RARE);
	enum verdict verdict = port_rare_refused(&rare_tables, skb, &p);
	int action = TC_ACT_SHOT;

	if (verdict == VERDICT_REPLY)
		action = answer_vm(skb, &p, &verdict, DROP_PORT_TOO_BIG);
	count_answer(&tables, NULL, &p, verdict);
	trace(skb, &p, verdict, TRACE_FROM_VM);
	return action;
}

#define PROGRAM(name, what, only)       \
	SEC("tc")                       \
	int name(struct __sk_buff *skb) \
	{                               \
		return what(skb, only); \
	}

/* Ingress of the VM's port: what the VM sends. */
PROGRAM(port_in, usual, L3_IPV4)
PROGRAM(port_in6, usual, L3_IPV6)
PROGRAM(port_flow, flow, L3_IPV4)
PROGRAM(port_flow6, flow, L3_IPV6)
PROGRAM(port_icmp, icmp, L3_IPV4)
PROGRAM(port_icmp6, icmp, L3_IPV6)
PROGRAM(port_refused, refused, L3_IPV4)
PROGRAM(port_refused6, refused, L3_IPV6)

/* What port_from_vm() leaves to probe_from_vm(). */
static ALWAYS_INLINE int probe_back(struct __sk_buff *skb, enum l3_kind only)
{
	struct pkt p = pkt_of_skb(skb, only, HEADERS_RARE);
	enum verdict verdict = probe_from_vm(&tables, skb, &p);
	int action = verdict == VERDICT_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;

	if (verdict == VERDICT_REPLY)
		action = bpf_skb_change_tail(skb, p.reply_length, 0) ?
				 TC_ACT_SHOT :
				 (int)bpf_redirect(skb->ifindex, 0);
	if (verdict == VERDICT_PROBE)
		action = (int)bpf_redirect(p.out_ifindex, BPF_F_INGRESS);
	/* It may ask for a VIP. */
	if (verdict == VERDICT_PASS && (!is_ip(&p) || p.l4_kind == L4_ICMP))
		bpf_tail_call(skb, &port_rare_map, PORT_INSIDE);
	count_reason(&tables, NULL, p.reason, p.length);
	trace(skb, &p, verdict, TRACE_FROM_VM);
	return action;
}

PROGRAM(probe_in, probe_back, L3_IPV4)
PROGRAM(probe_in6, probe_back, L3_IPV6)

/* What inside_asks() leaves to inside_of(). */
SEC("tc")
int inside_in(struct __sk_buff *skb)
{
	int action = take_inside(&tables, skb, 0);

	if (action != TOO_BIG_INSIDE)
		return action;
	bpf_tail_call(skb, &port_rare_map, PORT_INSIDE_REFUSED);
	return TC_ACT_SHOT;
}

/* What doesn't fit there. */
SEC("tc")
int inside_no(struct __sk_buff *skb)
{
	struct pkt p = pkt_of_skb(skb, L3_NONE, HEADERS_RARE);
	enum verdict verdict =
		inside_refused(&tables, skb, &p, inside_mtu(skb));
	int action = TC_ACT_SHOT;

	if (verdict == VERDICT_REPLY)
		action = answer_vm(skb, &p, &verdict, DROP_INSIDE_TOO_BIG);
	count_answer(&tables, NULL, &p, verdict);
	trace(skb, &p, verdict, TRACE_FROM_VM);
	return action;
}

/* An answer to a client inside, rewritten. */
SEC("tc")
int inside_out(struct __sk_buff *skb)
{
	return send_back_inside(&tables, skb);
}

/* Egress of the VM's port: what goes to the VM, but not from XDP. */
SEC("tc")
int port_out(struct __sk_buff *skb)
{
	enum verdict verdict;
	struct pkt p;

	if (skb->mark & MARK_BALANCED)
		return TC_ACT_UNSPEC;
	p = pkt_of_skb(skb, L3_NONE, HEADERS_USUAL);
	verdict = port_to_vm(&tables, NULL, &p);
	count_reason(&tables, NULL, p.reason, p.length);
	trace(skb, &p, verdict, TRACE_TO_VM);
	return verdict == VERDICT_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/*
 * A probe, or the kernel's last word on one. Others must not reach VMs by this
 * way: other users of this machine, guests of a QEMU with user networking, what
 * is forwarded (masquerading gives it the interface's own address).
 */
static ALWAYS_INLINE bool is_probe(struct __sk_buff *skb)
{
	uint32_t uid = bpf_get_socket_uid(skb);

	return uid == 0 || uid == probe_node.uid;
}

static ALWAYS_INLINE int probe(struct __sk_buff *skb, enum l3_kind only)
{
	struct pkt p = pkt_of_skb(skb, only, HEADERS_USUAL);
	enum verdict verdict = VERDICT_DROP;

	p.reason = DROP_PROBE;
	if (is_probe(skb))
		verdict = probe_to_vm(&tables, skb, &p);
	if (verdict == VERDICT_RARE)
		bpf_tail_call(skb, &port_rare_map, PORT_PROBE_OUT6);
	if (verdict != VERDICT_PROBE) {
		count_reason(&tables, NULL, p.reason, p.length);
		trace(skb, &p, verdict, TRACE_PROBES);
		return TC_ACT_SHOT;
	}
	/* Its entry among the direct flows is made; the port's hook is not
	 * asked. */
	skb->mark |= MARK_BALANCED;
	return (int)bpf_redirect(p.out_ifindex, 0);
}

/* Egress of the probe interface: a probe on its way to a VM. */
PROGRAM(probe_out, probe, L3_IPV4)
PROGRAM(probe_out6, probe, L3_IPV6)

char LICENSE[] SEC("license") = "GPL";
