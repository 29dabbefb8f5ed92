// SPDX-License-Identifier: GPL-2.0-only
/*
 * Headers of packets to a VIP: what is forwarded, byte by byte, and what is
 * refused for its looks.
 */
#include "tests/packet/vectors.h"

#include <stdio.h>

static const struct vector table[] = {
	{ .name = "web_syn", .in = { CLIENT_ONE, VIP_WEB, SYN }, FORWARDED(1) },
	{ .name = "web_ack", .in = { CLIENT_ONE, VIP_WEB, ACK }, FORWARDED(1) },
	{ .name = "web_data",
	  .in = { CLIENT_ONE, VIP_WEB, DATA },
	  FORWARDED(1) },
	{ .name = "web_data_odd_length",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .payload = 101 },
	  FORWARDED(1) },
	{ .name = "web_data_full_frame",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .payload = 1460 },
	  FORWARDED(1) },
	{ .name = "web_fin", .in = { CLIENT_ONE, VIP_WEB, FIN }, FORWARDED(1) },
	{ .name = "web_rst", .in = { CLIENT_ONE, VIP_WEB, RST }, FORWARDED(1) },
	{ .name = "web_synack",
	  .in = { CLIENT_ONE, VIP_WEB, SYNACK },
	  FORWARDED(1) },
	{ .name = "web_no_flags",
	  .in = { CLIENT_ONE, VIP_WEB, .seq = 1 },
	  FORWARDED(1) },
	{ .name = "web_all_flags_and_urgent",
	  .in = { CLIENT_ONE, VIP_WEB, .flags = 0xff, .urgent = 9,
		  .payload = 10 },
	  FORWARDED(1) },
	{ .name = "web_syn_with_data",
	  .in = { CLIENT_ONE, VIP_WEB, SYN, .payload = 33 },
	  FORWARDED(1) },
	{ .name = "web_most_tcp_options",
	  .in = { CLIENT_ONE, VIP_WEB, .flags = F_ACK, .tcp_options = 10 },
	  FORWARDED(1) },
	{ .name = "web_client_two_low_port",
	  .in = { FROM_ROUTER, .src = IP_CLIENT_TWO, .sport = 1, VIP_WEB, ACK },
	  FORWARDED(1) },
	{ .name = "api_syn", .in = { CLIENT_ONE, VIP_API, SYN }, FORWARDED(1) },
	{ .name = "web_tos_and_id_are_kept",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .tos = 0xb9, .id = 0xbeef },
	  FORWARDED(1) },
	{ .name = "web_dont_fragment_is_kept",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .frag = 0x4000 },
	  FORWARDED(1) },
	{ .name = "web_reserved_bit_is_kept",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .frag = 0x8000 },
	  FORWARDED(1) },
	{ .name = "web_padded_to_60",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .pad = 6 },
	  FORWARDED(1) },
	{ .name = "web_much_padding",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .pad = 300 },
	  FORWARDED(1) },
	{ .name = "web_tag_is_taken_off",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .vlan = { 7 } },
	  FORWARDED(1) },
	{ .name = "web_priority_tag_is_taken_off",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .vlan = { 0xe000 } },
	  FORWARDED(1) },
	{ .name = "web_qinq_tag_alone_is_taken_off",
	  .in = { CLIENT_ONE, VIP_WEB, SYN, .vlan = { 7 }, .qinq = 1 },
	  FORWARDED(1) },
	{ .name = "web_two_tags_are_taken_off",
	  .in = { CLIENT_ONE, VIP_WEB, SYN, .vlan = { 7, 8 } },
	  FORWARDED(1) },
	{ .name = "web_qinq_two_tags_are_taken_off",
	  .in = { CLIENT_ONE, VIP_WEB, SYN, .vlan = { 7, 8 }, .qinq = 1 },
	  FORWARDED(1) },
	{ .name = "web_record_of_second_copy",
	  .in = { CLIENT_ONE, VIP_WEB, SYN },
	  .scene = { .flags = SCENE_COPY_1 },
	  FORWARDED(1) },
	/* The path has no opinion: the VM's kernel judges the sums. */
	{ .name = "web_wrong_ip_checksum_stays_wrong",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .ip_csum_off = 0x0101 },
	  FORWARDED(1) },
	{ .name = "web_wrong_tcp_checksum_stays_wrong",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .l4_csum_off = 0x0101 },
	  FORWARDED(1) },

	{ .name = "web_ttl_2",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .ttl = 2 },
	  FORWARDED(1) },
	{ .name = "web_ttl_255",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .ttl = 255 },
	  FORWARDED(1) },

	{ .name = "web_one_option_word",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .ip_options = 1 },
	  FORWARDED(1) },
	{ .name = "web_ten_option_words",
	  .in = { CLIENT_ONE, VIP_WEB, SYN, .ip_options = 10 },
	  FORWARDED(1) },
	{ .name = "web_options_that_are_not_there",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .version_ihl = 0x4f },
	  DROPPED(DROP_BAD_HEADER) },
	{ .name = "web_header_length_0",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .version_ihl = 0x40 },
	  DROPPED(DROP_BAD_HEADER) },
	{ .name = "web_header_length_4",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .version_ihl = 0x44 },
	  DROPPED(DROP_BAD_HEADER) },
	{ .name = "web_first_fragment",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .frag = 0x2000 },
	  FORWARDED(1) },
	{ .name = "web_first_fragment_with_df",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .frag = 0x6000 },
	  FORWARDED(1) },
	{ .name = "web_middle_fragment",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .frag = 0x2001 },
	  DROPPED(DROP_FRAGMENT_OVERLAP) },
	{ .name = "web_last_fragment_smallest_offset",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .frag = 1 },
	  DROPPED(DROP_FRAGMENT_OVERLAP) },
	{ .name = "web_last_fragment_largest_offset",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .frag = 0x1fff },
	  DROPPED(DROP_FRAGMENT_UNKNOWN) },
	{ .name = "web_data_offset_0",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .doff = DOFF_ZERO },
	  DROPPED(DROP_BAD_HEADER) },
	{ .name = "web_data_offset_4",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .doff = 4 },
	  DROPPED(DROP_BAD_HEADER) },
	{ .name = "web_data_offset_behind_the_end",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .doff = 6 },
	  DROPPED(DROP_BAD_HEADER) },
	{ .name = "web_data_offset_15_of_padding",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .doff = 15, .pad = 100 },
	  DROPPED(DROP_BAD_HEADER) },
	{ .name = "web_total_length_0",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .total_length_off = -40 },
	  DROPPED(DROP_BAD_HEADER) },
	{ .name = "web_total_length_39",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .total_length_off = -1 },
	  DROPPED(DROP_BAD_HEADER) },
	{ .name = "web_total_length_one_too_long",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .total_length_off = 1 },
	  DROPPED(DROP_TRUNCATED) },
	{ .name = "web_total_length_65535",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .total_length_off = 65535 - 40 },
	  DROPPED(DROP_TRUNCATED) },
	{ .name = "web_tagged_total_length_one_too_long",
	  .in = { CLIENT_ONE, VIP_WEB, ACK, .vlan = { 7 },
		  .total_length_off = 1 },
	  DROPPED(DROP_TRUNCATED) },
	{ .name = "web_payload_cut_by_one",
	  .in = { CLIENT_ONE, VIP_WEB, DATA, .cut = 153 },
	  DROPPED(DROP_TRUNCATED) },
};

struct vector_table vectors_header(void)
{
	struct vector_table t = { table, ARRAY_SIZE(table) };

	return t;
}

/* Where a SYN of 74 bytes may be cut, with a tag and without. */
#define CUT_MIN	   14
#define SYN_SIZE   74
#define TAG_SIZE   4
#define N_CUTS	   (SYN_SIZE - CUT_MIN)
#define N_TAG_CUTS (SYN_SIZE + TAG_SIZE - CUT_MIN)
#define NAME_SIZE  32

static void make_cut(struct vector *v, char *name, size_t cut, uint16_t tag)
{
	size_t ip = CUT_MIN + (tag ? TAG_SIZE : 0);
	const struct vector syn = { .in = { CLIENT_ONE, VIP_WEB, SYN } };

	(void)snprintf(name, NAME_SIZE, "web_%scut_to_%zu",
		       tag ? "tagged_" : "", cut);
	*v = syn;
	v->name = name;
	v->in.vlan[0] = tag;
	v->in.cut = (uint16_t)cut;
	v->verdict = cut < ip + 20 ? VERDICT_PASS : VERDICT_DROP;
	v->reason = cut < ip + 20 ? PASS_TRUNCATED : DROP_TRUNCATED;
}

/* What a VM cuts off is none of our business. */
static void make_vm_cut(struct vector *v, char *name, size_t cut)
{
	const struct vector syn = { .hook = HOOK_FROM_VM,
				    .in = { VM_ONE_TO_CLIENT, SYN },
				    PASSED(PASS_PORT_NOT_SERVICE) };

	(void)snprintf(name, NAME_SIZE, "vm_cut_to_%zu", cut);
	*v = syn;
	v->name = name;
	v->in.cut = (uint16_t)cut;
}

/* A SYN cut at every length that still is an Ethernet frame. */
struct vector_table vectors_cut(void)
{
	static struct vector cuts[N_CUTS + N_TAG_CUTS + N_CUTS];
	static char names[ARRAY_SIZE(cuts)][NAME_SIZE];
	struct vector_table t = { cuts, ARRAY_SIZE(cuts) };
	size_t n = 0;
	size_t i;

	for (i = 0; i < N_CUTS; i++, n++)
		make_cut(&cuts[n], names[n], CUT_MIN + i, 0);
	for (i = 0; i < N_TAG_CUTS; i++, n++)
		make_cut(&cuts[n], names[n], CUT_MIN + i, 7);
	for (i = 0; i < N_CUTS; i++, n++)
		make_vm_cut(&cuts[n], names[n], CUT_MIN + i);
	return t;
}
