/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packet vectors: a frame and a state in, a verdict, a reason, bytes and a
 * state out. Data only; run.h says how one is run and judged.
 */
#ifndef TESTS_PACKET_VECTORS_H
#define TESTS_PACKET_VECTORS_H

#include "dataplane/core/pkt.h"
#include "tests/packet/scene.h"

enum hook {
	HOOK_UPLINK,  /* forward() */
	HOOK_FROM_VM, /* port_from_vm() */
	HOOK_TO_VM,   /* port_to_vm() */
	HOOK_BACK,    /* answer_back() at the VMs' bridge */
	HOOK_LEAVES,  /* answer_back() or observe_answer() at the uplink */
	HOOK_PROBE,   /* probe_to_vm() */
};

/* What must hold of the flow's entry afterwards. */
enum after {
	AFTER_NONE, /* none lives */
	AFTER_SAME, /* the word that it had */
	AFTER_SEEN, /* made or refreshed: @after_vm, _class, _marks; full life */
};

#define MARK_FIN_CLIENT (1ULL << 25)
#define MARK_FIN_SERVER (1ULL << 26)
#define MARK_RST	(1ULL << 27)

/* What comes out: { NAME, …, FORWARDED(1) }. */
#define FORWARDED(n) .verdict = VERDICT_FORWARD, .vm = (n)
#define ANSWERED     .verdict = VERDICT_FORWARD, .vm = 1
#define PASSED(why)  .verdict = VERDICT_PASS, .reason = (why)
#define STACKED(n)   .verdict = VERDICT_STACK, .vm = (n)
#define AS_IF_FOR(n) PASSED(PASS_OBSERVED), .vm = (n)
#define AS_IF(why)   PASSED(PASS_OBSERVED), .as_if = (why)
#define DROPPED(why) .verdict = VERDICT_DROP, .reason = (why)
#define ARP_ANSWERED .verdict = VERDICT_REPLY, .reason = REPLY_ARP
#define PROBED(n)    .verdict = VERDICT_PROBE, .vm = (n)
#define PROBE_BACK(n) \
	.verdict = VERDICT_PROBE, .reason = PASS_PROBE_ANSWER, .vm = (n)
#define PROBE_ARP .verdict = VERDICT_REPLY, .reason = REPLY_PROBE_ARP
#define PROBE_ND  .verdict = VERDICT_REPLY, .reason = REPLY_PROBE_ND
#define ERROR(why, t, c, r)                                          \
	.verdict = VERDICT_REPLY, .reason = (why), .icmp_type = (t), \
	.icmp_code = (c), .icmp_rest = (r)
#define ECHOED	    .verdict = VERDICT_REPLY, .reason = REPLY_ECHO
#define ND_ANSWERED .verdict = VERDICT_REPLY, .reason = REPLY_ND
#define RESET(why, f, s, a)                                          \
	.verdict = VERDICT_REPLY, .reason = (why), .rst_flags = (f), \
	.rst_seq = (s), .rst_ack = (a)

/**
 * struct vector - one packet and what must come of it.
 * @name: what it shows.
 * @hook: where it passes.
 * @vm_port: at a VM's port: whose, 0 = VM 1's.
 * @in: the frame.
 * @scene: the state.
 * @verdict, @reason: what must come out.
 * @vm: of a packet that goes to a VM, or would: which.
 * @as_if: of an observed packet: what it would have been.
 * @marked: at TC: it bears our mark.
 * @observed_answer: it counts as the answer of an observed service.
 * @rst_seq, @rst_ack, @rst_flags: of an RST that answers.
 * @after, @after_vm, @after_class, @after_marks: the flow's entry; its VM is
 *	VM 2 where @after_vm is 0.
 * @direct_after, @direct_class, @direct_marks: the same for its direct entry.
 * @begins: it counts as the beginning of a connection that is not TCP's.
 * @notes: clients of plain UDP that have been noted.
 * @mss_out: what a SYN announces then, 0 = as it came.
 * @icmp_type, @icmp_code, @icmp_rest: of an ICMP error that answers.
 * @segment: at TC: the packet is many in one, of so many bytes each.
 * @first: a packet that has passed before, in the same scene.
 * @refused, @evicted: an entry was not made, or took a live one's place.
 */
struct vector {
	const char *name;
	enum hook hook;
	uint32_t vm_port;
	struct frame_spec in;
	struct scene_spec scene;
	enum verdict verdict;
	enum reason reason;
	uint16_t vm;
	enum reason as_if;
	bool marked;
	bool observed_answer;
	uint32_t rst_seq;
	uint32_t rst_ack;
	uint8_t rst_flags;
	enum after after;
	uint16_t after_vm;
	enum scene_class after_class;
	uint64_t after_marks;
	enum after direct_after;
	enum scene_class direct_class;
	uint64_t direct_marks;
	bool refused;
	bool evicted;
	bool begins;
	uint16_t notes;
	uint16_t mss_out;
	uint8_t icmp_type;
	uint8_t icmp_code;
	uint32_t icmp_rest;
	uint16_t segment;
	const struct vector *first;
};

/**
 * struct vector_table - vectors of one matter.
 */
struct vector_table {
	const struct vector *vector;
	size_t n;
};

struct vector_table vectors_pass(void);
struct vector_table vectors_header(void);
struct vector_table vectors_cut(void);
struct vector_table vectors_rst(void);
struct vector_table vectors_arp(void);
struct vector_table vectors_steady(void);
struct vector_table vectors_claiming(void);
struct vector_table vectors_moving(void);
struct vector_table vectors_settling(void);
struct vector_table vectors_line(void);
struct vector_table vectors_from_vm(void);
struct vector_table vectors_answer(void);
struct vector_table vectors_to_vm(void);
struct vector_table vectors_observe(void);
struct vector_table vectors_stack(void);
struct vector_table vectors_probe(void);
struct vector_table vectors_probe_abuse(void);
struct vector_table vectors_probe6(void);
struct vector_table vectors_probe6_abuse(void);
struct vector_table vectors_probe6_nd(void);
struct vector_table vectors_ipv6(void);
struct vector_table vectors_udp(void);
struct vector_table vectors_icmp(void);
struct vector_table vectors_nd(void);
struct vector_table vectors_frag(void);
struct vector_table vectors_mss(void);
struct vector_table vectors_big(void);
struct vector_table vectors_note(void);
struct vector_table vectors_length(void);
struct vector_table vectors_kind(void);
struct vector_table vectors_again(void);

#endif
