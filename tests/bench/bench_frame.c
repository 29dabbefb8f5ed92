// SPDX-License-Identifier: GPL-2.0-only
#include "tests/bench/bench_frame.h"

#include <string.h>

#include "dataplane/core/csum.h"

/* Sum of what checksums cover besides TCP or UDP themselves. */
static uint32_t sum_pseudo(const struct frame_ends *ends, uint8_t proto,
			   uint16_t length)
{
	uint32_t sum = BE16(proto) + BE16(length);
	size_t i;

	/* What is in front of an IPv4 address here is no part of it. */
	for (i = 0; i < 4; i++)
		if (i == 3 || !IP_IS_V4(ends->addr[0]))
			sum += csum_halves(ends->addr[END_SRC].word[i]) +
			       csum_halves(ends->addr[END_DST].word[i]);
	return sum;
}

static void make_ip(uint8_t *l3, const struct frame_ends *ends, uint8_t proto,
		    uint16_t length)
{
	struct ipv4_hdr *ip = (struct ipv4_hdr *)l3;
	struct ipv6_hdr *ip6 = (struct ipv6_hdr *)l3;
	int i;

	if (!IP_IS_V4(ends->addr[0])) {
		ip6->version_class_label = BE32(6U << 28);
		ip6->payload_length = BE16(length);
		ip6->next = proto;
		ip6->hop_limit = 64;
		memcpy(ip6->addr, ends->addr, sizeof(ip6->addr));
		return;
	}
	ip->version_ihl = 0x45;
	ip->total_length = BE16(length + sizeof(*ip));
	ip->ttl = 64;
	ip->proto = proto;
	for (i = 0; i < 2; i++)
		ip->addr[i] = ends->addr[i].word[3];
	ip->csum = (be16)~csum_fold(csum_words(ip, sizeof(*ip) / 2));
}

void frame_make(uint8_t *frame, const struct frame_ends *ends, uint8_t proto,
		uint8_t flags)
{
	bool v6 = !IP_IS_V4(ends->addr[0]);
	struct eth_hdr *eth = (struct eth_hdr *)frame;
	uint8_t *l4 = frame + BENCH_AT_PORTS(v6);
	uint16_t length = (uint16_t)(BENCH_FRAME(v6) - BENCH_AT_PORTS(v6));
	struct tcp_hdr *tcp = (struct tcp_hdr *)l4;
	uint32_t sum;
	be16 csum;

	memset(frame, 0, BENCH_FRAME_MAX);
	eth->type = v6 ? BE16(ETH_TYPE_IPV6) : BE16(ETH_TYPE_IPV4);
	make_ip(frame + sizeof(*eth), ends, proto, length);
	tcp->sport = ends->port[END_SRC];
	tcp->dport = ends->port[END_DST];
	if (proto == IP_PROTO_UDP) {
		((struct udp_hdr *)l4)->length = BE16(length);
	} else {
		tcp->data_offset = 5 << 4;
		tcp->flags = flags;
	}
	sum = sum_pseudo(ends, proto, length) + csum_words(l4, length / 2);
	csum = (be16)~csum_fold(sum);
	memcpy(frame + BENCH_AT_CSUM(v6, proto), &csum, sizeof(csum));
}
