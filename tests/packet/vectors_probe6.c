// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes over the data path by IPv6: to a VM, back from it, what a VM might try
 * with the address that they come from, and how it asks for that.
 */
#include "tests/packet/vectors.h"

#define SIX   .v6 = true
#define TO(n) .dst = IP_TARGET(n), .dport = PORT_VM
#define SOCKET                                                            \
	SIX, .dst_mac = MAC_PROBE, .src_mac = MAC_PROBE, .src = IP_LOCAL, \
	     .sport = PORT_CLIENT
#define PROBE(...) .hook = HOOK_PROBE, .in = { SOCKET, __VA_ARGS__ }
#define KNOWN	   .scene = { .direct = SCENE_DIRECT_LIVE }
#define SEEN	   .direct_after = AFTER_SEEN
#define BEGUN	   .direct_after = AFTER_SEEN, .direct_class = EMBRYONIC
#define SAME	   .direct_after = AFTER_SAME
#define UDP	   .kind = FRAME_UDP, .payload = 40

#define VM(vm)	    SIX, .src_mac = MAC_VM(vm), .sport = PORT_VM, .dst = IP_PROBES
#define FROM(vm)    .src = IP_VM(vm)
#define BACK	    .dst_mac = MAC_PROBE
#define TO_SOCKET   .dport = PORT_CLIENT
#define VM_SAYS(vm) VM(vm), FROM(vm), BACK, TO_SOCKET
#define AT_VM(...)  .hook = HOOK_FROM_VM, .in = { __VA_ARGS__ }
#define ANSWER(...) AT_VM(VM_SAYS(1), __VA_ARGS__)
#define NO_ANSWER   DROPPED(DROP_PROBE_ANSWER)
#define NOT_OURS    PASSED(PASS_PORT_NOT_SERVICE)

static const struct vector probe_table[] = {
	{ .name = "probe6_opens", PROBE(TO(1), SYN), PROBED(1), BEGUN },
	{ .name = "probe6_of_vm_two", PROBE(TO(2), SYN), PROBED(2), BEGUN },
	{ .name = "probe6_udp", PROBE(TO(1), UDP), PROBED(1), BEGUN },
	{ .name = "probe6_speaks",
	  PROBE(TO(1), DATA),
	  KNOWN,
	  PROBED(1),
	  SEEN,
	  .direct_class = CONFIRMED },
	{ .name = "probe6_full_frame",
	  PROBE(TO(1), ACK, .payload = 1440),
	  KNOWN,
	  PROBED(1),
	  SEEN },
	{ .name = "probe6_breaks_off",
	  PROBE(TO(1), RST),
	  KNOWN,
	  PROBED(1),
	  SEEN,
	  .direct_marks = MARK_RST },
	{ .name = "probe6_fields_are_kept",
	  PROBE(TO(1), DATA, .tos = 0xb9, .label = 0xbeef5, .ttl = 1),
	  PROBED(1),
	  SEEN },
	{ .name = "probe6_table_full",
	  PROBE(TO(1), SYN),
	  .scene = { .direct = SCENE_DIRECT_FULL },
	  DROPPED(DROP_PORT_DIRECT_FULL) },

	{ .name = "probe6_no_target", PROBE(TO(3), SYN), DROPPED(DROP_PROBE) },
	{ .name = "probe6_number_0",
	  PROBE(.dst = IP(240, 5, 0, 0), .dport = PORT_VM, SYN),
	  DROPPED(DROP_PROBE) },
	{ .name = "probe6_to_an_address_of_ipv4",
	  PROBE(.dst = IP(240, 5, 0, NUMBER_OTHER), .dport = PORT_VM, SYN),
	  DROPPED(DROP_PROBE) },
	{ .name = "probe6_from_another_address",
	  .hook = HOOK_PROBE,
	  .in = { SIX, .dst_mac = MAC_PROBE, .src_mac = MAC_PROBE,
		  .src = IP_CLIENT_ONE, .sport = PORT_CLIENT, TO(1), SYN },
	  DROPPED(DROP_PROBE) },
	{ .name = "probe6_fragment",
	  PROBE(TO(1), SYN, .frag = 0x2000),
	  DROPPED(DROP_PROBE) },
	{ .name = "probe6_extension",
	  PROBE(TO(1), SYN, .ext = { EXT_DSTOPTS }),
	  DROPPED(DROP_PROBE) },
	{ .name = "probe6_tagged",
	  PROBE(TO(1), SYN, .vlan = { 7 }),
	  DROPPED(DROP_PROBE) },
	{ .name = "probe6_solicitation_of_the_kernel",
	  PROBE(.kind = FRAME_ND, .dst = IP_TARGET(1), .to_group = true,
		.nd_target = IP_TARGET(1), .ttl = 255),
	  DROPPED(DROP_PROBE) },
	{ .name = "probe6_where_there_are_none",
	  PROBE(TO(1), SYN),
	  .scene = { .flags = SCENE_NO_PROBES },
	  DROPPED(DROP_PROBE) },

	{ .name = "probe6_is_accepted",
	  ANSWER(SYNACK),
	  .scene = { .direct = SCENE_DIRECT_BEGUN },
	  PROBE_BACK(1),
	  BEGUN },
	{ .name = "probe6_is_refused",
	  ANSWER(RST),
	  .scene = { .direct = SCENE_DIRECT_BEGUN },
	  PROBE_BACK(1),
	  BEGUN,
	  .direct_marks = MARK_RST },
	{ .name = "probe6_is_answered",
	  ANSWER(DATA),
	  KNOWN,
	  PROBE_BACK(1),
	  SEEN },
	{ .name = "probe6_is_answered_at_length",
	  ANSWER(ACK, .payload = 1440),
	  KNOWN,
	  PROBE_BACK(1),
	  SEEN },
	{ .name = "probe6_is_answered_and_ended",
	  ANSWER(FIN),
	  KNOWN,
	  PROBE_BACK(1),
	  SEEN,
	  .direct_marks = MARK_FIN_SERVER },
	{ .name = "probe6_udp_answer",
	  ANSWER(UDP),
	  .scene = { .direct = SCENE_DIRECT_BEGUN },
	  PROBE_BACK(1),
	  BEGUN,
	  .direct_marks = MARK_RST },
	{ .name = "probe6_answer_to_another_mac",
	  AT_VM(VM(1), FROM(1), .dst_mac = MAC_ROUTER, TO_SOCKET, DATA),
	  KNOWN,
	  PROBE_BACK(1),
	  SEEN },
	{ .name = "probe6_answer_with_hop_limit_1",
	  ANSWER(DATA, .ttl = 1),
	  KNOWN,
	  PROBE_BACK(1),
	  SEEN },
	{ .name = "probe6_answer_of_a_port_that_learns",
	  ANSWER(DATA),
	  .scene = { .direct = SCENE_DIRECT_LIVE, .flags = SCENE_LEARNING },
	  PROBE_BACK(1),
	  SEEN },
	{ .name = "probe6_answer_past_the_hosts_rules",
	  ANSWER(DATA),
	  .scene = { .direct = SCENE_DIRECT_LIVE, .flags = SCENE_STACK },
	  PROBE_BACK(1),
	  SEEN },
};

/* What a VM may not. */
static const struct vector abuse_table[] = {
	{ .name = "abuse6_synack_to_no_probe", ANSWER(SYNACK), NO_ANSWER },
	{ .name = "abuse6_data_to_a_probe_long_over",
	  ANSWER(DATA),
	  .scene = { .direct = SCENE_DIRECT_EXPIRED },
	  NO_ANSWER },
	{ .name = "abuse6_opener_to_a_probe",
	  ANSWER(SYN),
	  KNOWN,
	  NO_ANSWER,
	  SAME },
	{ .name = "abuse6_opener_to_ssh",
	  AT_VM(VM(1), FROM(1), BACK, .dport = 22, SYN),
	  NO_ANSWER },
	{ .name = "abuse6_udp", ANSWER(UDP), NO_ANSWER },
	{ .name = "abuse6_icmp",
	  ANSWER(.kind = FRAME_ICMP, .payload = 40),
	  KNOWN,
	  NO_ANSWER,
	  SAME },
	{ .name = "abuse6_fragment",
	  ANSWER(DATA, .frag = 0x2000),
	  KNOWN,
	  NO_ANSWER,
	  SAME },
	{ .name = "abuse6_extension",
	  ANSWER(DATA, .ext = { EXT_HOP }),
	  KNOWN,
	  NO_ANSWER,
	  SAME },
	{ .name = "abuse6_tagged",
	  ANSWER(DATA, .vlan = { 7 }),
	  KNOWN,
	  NO_ANSWER,
	  SAME },
	{ .name = "abuse6_half_a_header",
	  ANSWER(DATA, .cut = 14 + 40 + 12),
	  KNOWN,
	  NO_ANSWER,
	  SAME },
	{ .name = "abuse6_length_that_lies",
	  ANSWER(DATA, .total_length_off = 400),
	  KNOWN,
	  NO_ANSWER,
	  SAME },
	{ .name = "abuse6_without_an_address",
	  AT_VM(VM(1), BACK, TO_SOCKET, DATA),
	  NO_ANSWER },
	{ .name = "abuse6_answer_of_another_vm",
	  .hook = HOOK_FROM_VM,
	  .vm_port = 2,
	  .in = { VM_SAYS(2), DATA },
	  KNOWN,
	  NO_ANSWER,
	  SAME },
	{ .name = "abuse6_as_another_vm",
	  .hook = HOOK_FROM_VM,
	  .vm_port = 2,
	  .in = { VM_SAYS(1), DATA },
	  KNOWN,
	  NOT_OURS,
	  SAME },
	{ .name = "probe6_not_probed_passes",
	  .hook = HOOK_FROM_VM,
	  .vm_port = 3,
	  .in = { VM_SAYS(3), DATA },
	  NOT_OURS },
	{ .name = "probe6_group_is_not_the_address",
	  ANSWER(DATA, .to_group = true),
	  KNOWN,
	  NOT_OURS,
	  SAME },
	{ .name = "no_probes6_and_it_is_a_clients_address",
	  ANSWER(DATA),
	  .scene = { .flags = SCENE_NO_PROBES },
	  ANSWERED },
};

#define ASKS(vm)                                                      \
	SIX, .kind = FRAME_ND, .src_mac = MAC_VM(vm), FOR(IP_PROBES), \
	     NAMES(vm), GROUP, NEAR
#define FOR(addr) .dst = (addr), .nd_target = (addr)
#define NAMES(vm) .src = IP_VM(vm), .nd_mac = true
#define GROUP	  .dst_mac = 0x3333fffeff01ULL, .to_group = true
#define NEAR	  .ttl = 255
#define VM_ONE	  SIX, .kind = FRAME_ND, .src_mac = MAC_VM(1)
#define ND(...)	  AT_VM(ASKS(1), __VA_ARGS__)
#define OTHER_IP  IP(10, 0, 0, 200)   /* of the VM: nobody has heard of it */
#define SAME_END  IP(10, 254, 255, 1) /* it has the same group */

static const struct vector nd_table[] = {
	{ .name = "nd_for_the_probes", AT_VM(ASKS(1)), PROBE_ND },
	{ .name = "nd_for_the_probes_by_another_address",
	  AT_VM(VM_ONE, FOR(IP_PROBES), .src = OTHER_IP, .nd_mac = true, GROUP,
		NEAR),
	  PROBE_ND },
	{ .name = "nd_for_the_probes_at_the_address",
	  AT_VM(VM_ONE, FOR(IP_PROBES), NAMES(1), BACK, NEAR),
	  PROBE_ND },
	{ .name = "nd_for_the_probes_without_mac",
	  AT_VM(VM_ONE, FOR(IP_PROBES), FROM(1), BACK, NEAR),
	  PROBE_ND },
	{ .name = "nd_for_the_probes_padded", ND(.pad = 12), PROBE_ND },
	{ .name = "nd_for_the_probes_has_no_limit",
	  AT_VM(ASKS(1)),
	  .scene = { .flags = SCENE_RATE_0 },
	  PROBE_ND },
	{ .name = "nd_for_another_of_the_group",
	  AT_VM(VM_ONE, FOR(SAME_END), NAMES(1), GROUP, NEAR),
	  NOT_OURS },
	{ .name = "nd_for_another_vm",
	  AT_VM(VM_ONE, FOR(IP_VM(2)), NAMES(1), GROUP, NEAR),
	  NOT_OURS },
	{ .name = "nd_of_one_that_is_not_probed",
	  .hook = HOOK_FROM_VM,
	  .vm_port = 3,
	  .in = { ASKS(3) },
	  NOT_OURS },
	{ .name = "nd_takes_the_probes_address",
	  AT_VM(VM_ONE, FOR(IP_PROBES), GROUP, NEAR),
	  NOT_OURS },
	{ .name = "nd_for_the_probes_from_afar",
	  AT_VM(VM_ONE, FOR(IP_PROBES), NAMES(1), GROUP, .ttl = 254),
	  NOT_OURS },
	{ .name = "nd_for_the_probes_of_code_1", ND(.icmp_code = 1), NOT_OURS },
	{ .name = "nd_advert_to_the_probes",
	  ND(.nd_advert = 0x20000000),
	  NOT_OURS },
	{ .name = "nd_for_the_probes_tagged", ND(.vlan = { 7 }), NOT_OURS },
	{ .name = "nd_for_the_probes_half", ND(.cut = 14 + 40 + 20), NOT_OURS },
	{ .name = "nd_where_there_are_no_probes",
	  AT_VM(ASKS(1)),
	  .scene = { .flags = SCENE_NO_PROBES },
	  NOT_OURS },
	{ .name = "nd_for_0_where_there_are_no_probes",
	  AT_VM(VM_ONE, NAMES(1), GROUP, NEAR),
	  .scene = { .flags = SCENE_NO_PROBES },
	  NOT_OURS },
};

struct vector_table vectors_probe6(void)
{
	struct vector_table t = { probe_table, ARRAY_SIZE(probe_table) };

	return t;
}

struct vector_table vectors_probe6_abuse(void)
{
	struct vector_table t = { abuse_table, ARRAY_SIZE(abuse_table) };

	return t;
}

struct vector_table vectors_probe6_nd(void)
{
	struct vector_table t = { nd_table, ARRAY_SIZE(nd_table) };

	return t;
}
