// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers that are too big for their way out: the VM is told, from the VIP, what
 * fits. To who is far away that is MTU_FAR.
 */
#include "tests/packet/vectors.h"

#define SIX	     .v6 = true
#define UDP	     .kind = FRAME_UDP
#define DF	     .frag = 0x4000
#define FROM_VM(...) .hook = HOOK_FROM_VM, .in = { VM_ONE_TO_FAR, __VA_ARGS__ }
#define TOLD	     ERROR(REPLY_PORT_TOO_BIG, 3, 4, MTU_FAR)
#define TOLD_SIX     ERROR(REPLY_PORT_TOO_BIG, 2, 0, MTU_FAR)
#define LOST	     DROPPED(DROP_PORT_TOO_BIG)

/* Payload of TCP without options that just fits; UDP's is 12 more. */
#define FITS	 (MTU_FAR - 40)
#define FITS_SIX (MTU_FAR - 60)

#define FAR_ASKS                                                          \
	FROM_ROUTER, .src = IP_CLIENT_FAR, .sport = PORT_CLIENT, VIP_WEB, \
		     .payload = 40
static const struct vector asks = {
	.name = "far_asks",
	.in = { UDP, FAR_ASKS },
	FORWARDED(1),
};
static const struct vector asks_six = {
	.name = "far_asks_six",
	.in = { UDP, SIX, FAR_ASKS },
	FORWARDED(1),
};
static const struct vector cut = {
	.name = "far_cut",
	FROM_VM(ACK, .frag = 0x2000, .id = 7, .payload = 60),
	ANSWERED,
};
#define ASKED .scene = { .flags = SCENE_UDP }, .first = &asks, .notes = 1
#define ASKED_SIX \
	.scene = { .flags = SCENE_UDP }, .first = &asks_six, .notes = 1

static const struct vector table[] = {
	{ .name = "big_fits", FROM_VM(ACK, DF, .payload = FITS), ANSWERED },
	{ .name = "big", FROM_VM(ACK, DF, .payload = FITS + 1), TOLD },
	{ .name = "big_full_frame", FROM_VM(ACK, DF, .payload = 1460), TOLD },
	{ .name = "big_to_others",
	  .hook = HOOK_FROM_VM,
	  .in = { VM_ONE_TO_CLIENT, ACK, DF, .payload = FITS + 1 },
	  ANSWERED },
	{ .name = "big_tcp_options",
	  FROM_VM(ACK, DF, .tcp_options = 3, .payload = FITS - 11),
	  TOLD },
	{ .name = "big_ip_options",
	  FROM_VM(ACK, DF, .ip_options = 2, .payload = FITS - 7),
	  TOLD },
	{ .name = "big_odd", FROM_VM(ACK, DF, .payload = FITS + 4), TOLD },
	{ .name = "big_six_fits",
	  FROM_VM(SIX, ACK, .payload = FITS_SIX),
	  ANSWERED },
	{ .name = "big_six",
	  FROM_VM(SIX, ACK, .payload = FITS_SIX + 1),
	  TOLD_SIX },
	{ .name = "big_six_extended_fits",
	  FROM_VM(SIX, ACK, .ext = { EXT_DSTOPTS }, .payload = FITS_SIX - 8),
	  ANSWERED },
	{ .name = "big_six_extended",
	  FROM_VM(SIX, ACK, .ext = { EXT_DSTOPTS }, .payload = FITS_SIX - 7),
	  TOLD_SIX },
	{ .name = "big_may_be_cut", FROM_VM(ACK, .payload = FITS + 1), LOST },
	{ .name = "big_first_fragment",
	  FROM_VM(ACK, .frag = 0x2000, .id = 7, .payload = FITS + 4),
	  LOST },
	{ .name = "big_first_fragment_six",
	  FROM_VM(SIX, ACK, .frag = 0x2000, .id = 7, .payload = FITS_SIX),
	  TOLD_SIX },
	{ .name = "big_later_fragment_fits",
	  FROM_VM(.kind = FRAME_REST, .proto = 6, .frag = 10, .id = 7,
		  .payload = MTU_FAR - 20),
	  .first = &cut,
	  ANSWERED },
	{ .name = "big_later_fragment",
	  FROM_VM(.kind = FRAME_REST, .proto = 6, .frag = 10, .id = 7,
		  .payload = MTU_FAR - 19),
	  .first = &cut,
	  LOST },
	{ .name = "big_tagged",
	  FROM_VM(ACK, DF, .payload = FITS + 1, .vlan = { 7 }),
	  LOST },
	{ .name = "big_rate",
	  FROM_VM(ACK, DF, .payload = FITS + 1),
	  .scene = { .flags = SCENE_RATE_0 },
	  DROPPED(DROP_REPLY_RATE) },
	{ .name = "big_ttl_1",
	  FROM_VM(ACK, DF, .payload = FITS + 1, .ttl = 1),
	  DROPPED(DROP_PORT_TTL) },
	{ .name = "big_to_group",
	  .hook = HOOK_FROM_VM,
	  .in = { .dst_mac = MAC_ALL,
		  .src_mac = MAC_VM(1),
		  .src = IP_VM(1),
		  .sport = PORT_VM,
		  .dst = IP_CLIENT_FAR,
		  .dport = PORT_CLIENT,
		  ACK,
		  DF,
		  .payload = FITS + 1 },
	  LOST },
	{ .name = "big_direct",
	  FROM_VM(ACK, DF, .payload = FITS + 1),
	  .scene = { .direct = SCENE_DIRECT_LIVE },
	  PASSED(PASS_PORT_DIRECT),
	  .direct_after = AFTER_SEEN },
	{ .name = "big_of_another_port",
	  .hook = HOOK_FROM_VM,
	  .in = { .dst_mac = MAC_TO(1),
		  .src_mac = MAC_VM(1),
		  .src = IP_VM(1),
		  .sport = 22,
		  .dst = IP_CLIENT_FAR,
		  .dport = PORT_CLIENT,
		  ACK,
		  DF,
		  .payload = FITS + 1 },
	  PASSED(PASS_PORT_NOT_SERVICE) },
	{ .name = "big_under_the_hosts_rules",
	  FROM_VM(ACK, DF, .payload = FITS + 1),
	  .scene = { .flags = SCENE_STACK },
	  STACKED(1) },
	{ .name = "big_entry_is_kept",
	  FROM_VM(ACK, DF, .payload = FITS + 1),
	  .scene = { .slot = MOVING, .entry = ENTRY_LIVE, .entry_vm = 1 },
	  TOLD,
	  .after = AFTER_SEEN,
	  .after_vm = 1 },

	/* UDP. */
	{ .name = "big_udp_fits",
	  FROM_VM(UDP, DF, .payload = FITS + 12),
	  ASKED,
	  ANSWERED },
	{ .name = "big_udp",
	  FROM_VM(UDP, DF, .payload = FITS + 13),
	  ASKED,
	  TOLD },
	{ .name = "big_udp_may_be_cut",
	  FROM_VM(UDP, .payload = FITS + 13),
	  ASKED,
	  LOST },
	{ .name = "big_udp_six",
	  FROM_VM(UDP, SIX, .payload = FITS_SIX + 13),
	  ASKED_SIX,
	  TOLD_SIX },

	/* Many in one: the size of each counts. */
	{ .name = "big_segments_fit",
	  FROM_VM(ACK, DF, .payload = 1800),
	  .segment = FITS,
	  ANSWERED },
	{ .name = "big_segments",
	  FROM_VM(ACK, DF, .payload = 1800),
	  .segment = FITS + 1,
	  TOLD },
	{ .name = "big_segments_options_fit",
	  FROM_VM(ACK, DF, .tcp_options = 3, .payload = 1800),
	  .segment = FITS - 12,
	  ANSWERED },
	{ .name = "big_segments_options",
	  FROM_VM(ACK, DF, .tcp_options = 3, .payload = 1800),
	  .segment = FITS - 11,
	  TOLD },
	{ .name = "big_segments_six_fit",
	  FROM_VM(SIX, ACK, .payload = 1800),
	  .segment = FITS_SIX,
	  ANSWERED },
	{ .name = "big_segments_six",
	  FROM_VM(SIX, ACK, .payload = 1800),
	  .segment = FITS_SIX + 1,
	  TOLD_SIX },
	{ .name = "big_segments_udp_fit",
	  FROM_VM(UDP, DF, .payload = 1800),
	  .segment = FITS + 12,
	  ASKED,
	  ANSWERED },
	{ .name = "big_segments_udp",
	  FROM_VM(UDP, DF, .payload = 1800),
	  .segment = FITS + 13,
	  ASKED,
	  TOLD },
};

struct vector_table vectors_big(void)
{
	const struct vector_table t = { table, ARRAY_SIZE(table) };

	return t;
}
