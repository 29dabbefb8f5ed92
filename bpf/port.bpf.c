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
struct probe_node probe_node = { 0 };

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
int probe_in(struct __sk_buff *skb);

static ALWAYS_INLINE uint32_t bpf_direct(void *e, struct direct *q)
{
	(void)e;
	return slow_direct(q);
}

static const struct tables tables = {
	BPF_TABLES,
	.service = bpf_service,
	.direct = bpf_direct,
	.probe_node = bpf_probe_node,
	.probe_target = bpf_probe_target,
	.probe_number = bpf_probe_number,
};

__noinline uint32_t slow_direct(struct direct *q)
{
	return q ? direct_note(&tables, NULL, q) : DIRECT_UNKNOWN;
}

/* Addresses of a probe's packet; false: it could not be written. */
static ALWAYS_INLINE bool apply_probe(struct __sk_buff *skb,
				      const struct probe_edit *edit)
{
	const uint32_t ip = sizeof(struct eth_hdr);
	const uint32_t tcp_csum =
		ip + sizeof(struct ipv4_hdr) + offsetof(struct tcp_hdr, csum);
	const uint32_t ip_csum = ip + offsetof(struct ipv4_hdr, csum);
	const uint32_t flags = BPF_F_PSEUDO_HDR | sizeof(be32);

	return !bpf_l4_csum_replace(skb, tcp_csum, edit->old_src, edit->new_src,
				    flags) &&
	       !bpf_l4_csum_replace(skb, tcp_csum, edit->old_dst, edit->new_dst,
				    flags) &&
	       !bpf_l3_csum_replace(skb, ip_csum, edit->old_src, edit->new_src,
				    sizeof(be32)) &&
	       !bpf_l3_csum_replace(skb, ip_csum, edit->old_dst, edit->new_dst,
				    sizeof(be32)) &&
	       !bpf_skb_store_bytes(skb, ip + offsetof(struct ipv4_hdr, src),
				    &edit->new_src, 2 * sizeof(be32), 0) &&
	       !bpf_skb_store_bytes(skb, 0, edit->dst_mac, 12, 0);
}

/*
 * What port_from_vm() leaves to probe_from_vm(); out of the way of all other
 * packets, and judged by itself.
 */
__noinline int probe_in(struct __sk_buff *skb)
{
	struct probe_edit edit = { 0 };
	struct pkt p = pkt_of_skb(skb);
	enum verdict verdict = probe_from_vm(&tables, NULL, &p, &edit);
	int action = verdict == VERDICT_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;

	if (verdict == VERDICT_REPLY)
		action = (int)bpf_redirect(skb->ifindex, 0);
	if (verdict == VERDICT_PROBE)
		action =
			apply_probe(skb, &edit) ?
				(int)bpf_redirect(edit.ifindex, BPF_F_INGRESS) :
				TC_ACT_SHOT;
	count_reason(&tables, NULL, p.reason, p.length);
	return action;
}

/* Ingress of the VM's port: what the VM sends. */
SEC("tc")
int port_in(struct __sk_buff *skb)
{
	struct nat_edit edit = { 0 };
	struct pkt p = pkt_of_skb(skb);
	enum verdict verdict = port_from_vm(&tables, NULL, &p, &edit);
	int action = verdict == VERDICT_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;

	if (verdict == VERDICT_PROBE)
		return probe_in(skb);
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

/* Egress of the probe interface: a probe on its way to a VM. */
SEC("tc")
int probe_out(struct __sk_buff *skb)
{
	struct probe_edit edit = { 0 };
	struct pkt p = pkt_of_skb(skb);
	enum verdict verdict = VERDICT_DROP;

	p.reason = DROP_PROBE;
	if (is_probe(skb))
		verdict = probe_to_vm(&tables, NULL, &p, &edit);
	if (verdict != VERDICT_PROBE) {
		count_reason(&tables, NULL, p.reason, p.length);
		return TC_ACT_SHOT;
	}
	if (!apply_probe(skb, &edit))
		return TC_ACT_SHOT;
	/* Its entry among the direct flows is made; the port's hook is not
	 * asked. */
	skb->mark |= MARK_BALANCED;
	return (int)bpf_redirect(edit.ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";
