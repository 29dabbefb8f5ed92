// SPDX-License-Identifier: GPL-2.0-only
/*
 * Printable names of what the packet path says.
 */
#include "dataplane/names.h"

#include <string.h>

/* One row a reason, in the enum's order; the name is the enum's. */
struct reason_text {
	const char *name;
	const char *meaning;
};

static const struct reason_text reasons[] = {
	[REASON_NONE] = { "none", "forwarded" },

	[PASS_TRUNCATED] = { "pass_truncated",
			     "no whole Ethernet, IP or ARP header: left to "
			     "the kernel" },
	[PASS_NOT_IP] = { "pass_not_ip",
			  "neither IP nor ARP, or in three VLAN tags: left to "
			  "the kernel" },
	[PASS_NOT_VIP] = { "pass_not_vip",
			   "not for one of our VIPs: left to the kernel" },
	[PASS_ARP] = { "pass_arp",
		       "ARP that asks for none of our VIPs: left to the "
		       "kernel" },
	[PASS_OBSERVED] = { "pass_observed",
			    "to a service that is observed: left to the "
			    "kernel" },

	[REPLY_ARP] = { "reply_arp", "ARP request for a VIP, answered" },
	[REPLY_ND] = { "reply_nd",
		       "IPv6 neighbour solicitation for a VIP, answered" },
	[REPLY_ECHO] = { "reply_echo", "ping to a VIP, answered" },
	[REPLY_RST_NO_SERVICE] = { "reply_rst_no_service",
				   "to a VIP, but no service has that port: "
				   "answered with RST" },
	[REPLY_RST_NO_BACKEND] = { "reply_rst_no_backend",
				   "no VM of the pool takes it: answered with "
				   "RST" },
	[REPLY_ICMP_NO_SERVICE] = { "reply_icmp_no_service",
				    "UDP to a VIP, no service has that port: "
				    "port unreachable" },
	[REPLY_ICMP_NO_BACKEND] = { "reply_icmp_no_backend",
				    "UDP that no VM of the pool takes: port "
				    "unreachable" },
	[REPLY_ICMP_TTL] = { "reply_icmp_ttl",
			     "to a VIP, its time to live ends here: time "
			     "exceeded" },
	[REPLY_ICMP_TOO_BIG] = { "reply_icmp_too_big",
				 "too big for the VM's port: its sender is "
				 "told what fits" },

	[DROP_TRUNCATED] = { "drop_truncated",
			     "to a VIP, but shorter than its headers say" },
	[DROP_BAD_HEADER] = { "drop_bad_header",
			      "to a VIP, with header lengths that contradict "
			      "each other" },
	[DROP_EXTENSION] = { "drop_extension",
			     "to a VIP, IPv6 extension headers: too many, or a "
			     "route" },
	[DROP_FRAGMENT_UNKNOWN] = { "drop_fragment_unknown",
				    "to a VIP, a fragment whose first one has "
				    "not come" },
	[DROP_FRAGMENT_OVERLAP] = { "drop_fragment_overlap",
				    "to a VIP, a fragment over the first one's "
				    "header" },
	[DROP_FRAGMENT_FULL] = { "drop_fragment_full",
				 "a first fragment, but no room to note it" },
	[DROP_PROTOCOL] = { "drop_protocol",
			    "to a VIP, but neither TCP, UDP nor ICMP" },
	[DROP_ICMP] = { "drop_icmp", "to a VIP, ICMP: no ping, and about no "
				     "connection of ours" },
	[DROP_TTL] = { "drop_ttl", "to a VIP, its time to live ends here" },
	[DROP_TOO_BIG] = { "drop_too_big",
			   "too big for the VM's port, its sender can't be told" },
	[DROP_NO_SERVICE] = { "drop_no_service",
			      "to a VIP, but no service has that port" },
	[DROP_NO_BACKEND] = { "drop_no_backend", "no VM of the pool takes it" },
	[DROP_NO_RECORD] = { "drop_no_record",
			     "its VM has just been taken out" },
	[DROP_REPLY_RATE] = { "drop_reply_rate",
			      "would have been answered, but over "
			      "reply_rate" },
	[DROP_REDIRECT] = { "drop_redirect",
			    "the VM's port is gone or did not take it" },
	[DROP_STACK] = { "drop_stack",
			 "the uplink's driver can't hand it to the kernel "
			 "with a note (on_port_policy)" },

	[PASS_PORT_NOT_SERVICE] = { "pass_port_not_service",
				    "at a VM's port, nothing to do with a "
				    "service: left as it was" },
	[PASS_PORT_DIRECT] = { "pass_port_direct",
			       "at a VM's port, a connection past the VIP: "
			       "left as it was" },
	[PASS_INSIDE_STRANGER] = { "pass_inside_stranger",
				   "from a VM to a VIP, but by an address that "
				   "is not known for its own" },
	[REPLY_PORT_TOO_BIG] = { "reply_port_too_big",
				 "an answer too big for its way out: the VM "
				 "is told what fits" },
	[DROP_PORT_DIRECT_FULL] = { "drop_port_direct_full",
				    "a new connection past the VIP, or client of "
				    "UDP: table full" },
	[DROP_PORT_NO_ROUTE] = { "drop_port_no_route",
				 "an answer to a client that no uplink has a "
				 "route to" },
	[DROP_PORT_TTL] = { "drop_port_ttl",
			    "an answer whose time to live ends here" },
	[DROP_PORT_TOO_BIG] = { "drop_port_too_big",
				"an answer too big for its way out, the VM "
				"can't be told" },

	[DROP_INSIDE_TAKEN] = { "drop_inside_taken",
				"from a VM to a VIP that another VM calls by "
				"the same address" },
	[DROP_INSIDE_FULL] = { "drop_inside_full",
			       "from a VM to a VIP, no room to note the way of "
			       "its answers" },
	[DROP_INSIDE_STACK] = { "drop_inside_stack",
				"from a VM to a VIP whose VM has rules of the "
				"host's own (on_port_policy)" },
	[REPLY_INSIDE_TOO_BIG] = { "reply_inside_too_big",
				   "from a VM to a VIP, over 3400 bytes: the VM "
				   "is told" },
	[DROP_INSIDE_TOO_BIG] = { "drop_inside_too_big",
				  "from inside to a VIP, over 3400 bytes, and "
				  "who sends it can't be told" },

	[PASS_PROBE_ANSWER] = { "pass_probe_answer",
				"a VM's answer to a probe over the data "
				"path" },
	[REPLY_PROBE_ARP] = { "reply_probe_arp",
			      "a VM's ARP request for the address that probes "
			      "come from, answered" },
	[REPLY_PROBE_ND] = { "reply_probe_nd",
			     "a VM's neighbour solicitation for the address "
			     "that probes come from: answered" },
	[DROP_PROBE_ANSWER] = { "drop_probe_answer",
				"from a VM to the address that probes come "
				"from, but the answer to none" },
	[DROP_PROBE] = { "drop_probe",
			 "on the probe interface, but no probe, or to no VM "
			 "that is probed" },
};
_Static_assert(ARRAY_SIZE(reasons) == N_REASONS, "each reason has a name");

static const char *const verdicts[] = {
	[VERDICT_PASS] = "pass",     [VERDICT_DROP] = "drop",
	[VERDICT_REPLY] = "reply",   [VERDICT_FORWARD] = "forward",
	[VERDICT_STACK] = "stack",   [VERDICT_PROBE] = "probe",
	[VERDICT_INSIDE] = "inside", [VERDICT_RARE] = "rare",
};
_Static_assert(ARRAY_SIZE(verdicts) == VERDICT_RARE + 1, "all verdicts");

static const char *const flow_kinds[] = {
	[FLOW_OPENER] = "opener",
	[FLOW_OTHER] = "other",
	[FLOW_UDP] = "udp",
};
_Static_assert(ARRAY_SIZE(flow_kinds) == FLOW_UDP + 1, "all kinds");

static const char *const flow_classes[] = {
	[FLOW_EMBRYONIC] = "embryonic",
	[FLOW_UNCONFIRMED] = "unconfirmed",
	[FLOW_CONFIRMED] = "confirmed",
};
_Static_assert(ARRAY_SIZE(flow_classes) == FLOW_CONFIRMED + 1, "all classes");

static const char *const hows[] = {
	[HOW_NONE] = "",     [HOW_SLOT] = "slot",	[HOW_ENTRY] = "entry",
	[HOW_MADE] = "made", [HOW_REFUSED] = "refused",
};
_Static_assert(ARRAY_SIZE(hows) == HOW_REFUSED + 1, "all of them");

static const char *const affinities[] = {
	[AFFINITY_FLOW] = "flow",
	[AFFINITY_SOURCE] = "source",
};
_Static_assert(ARRAY_SIZE(affinities) == AFFINITY_SOURCE + 1, "all of them");

static const char *const when_empties[] = {
	[EMPTY_RESET] = "reset",
	[EMPTY_DROP] = "drop",
};
_Static_assert(ARRAY_SIZE(when_empties) == EMPTY_DROP + 1, "all of them");

static const char *const roles[] = {
	[DP_WARM] = "warm", [DP_SERVING] = "serving", [DP_LEAVING] = "leaving",
	[DP_HELD] = "held", [DP_GONE] = "gone",
};
_Static_assert(ARRAY_SIZE(roles) == DP_GONE + 1, "all roles");

static const char unknown[] = "unknown";

static const char *name_in(const char *const *names, size_t n, unsigned int i)
{
	return i < n ? names[i] : unknown;
}

const char *name_of_reason(enum reason reason)
{
	return (unsigned int)reason < N_REASONS ? reasons[reason].name :
						  unknown;
}

const char *explain_reason(enum reason reason)
{
	return (unsigned int)reason < N_REASONS ? reasons[reason].meaning :
						  unknown;
}

int reason_by_name(const char *name)
{
	int i;

	for (i = 0; i < N_REASONS; i++)
		if (strcmp(reasons[i].name, name) == 0)
			return i;
	return -1;
}

const char *name_of_verdict(enum verdict verdict)
{
	return name_in(verdicts, ARRAY_SIZE(verdicts), verdict);
}

const char *name_of_flow_kind(enum flow_kind kind)
{
	return name_in(flow_kinds, ARRAY_SIZE(flow_kinds), kind);
}

const char *name_of_flow_class(enum flow_class class)
{
	return name_in(flow_classes, ARRAY_SIZE(flow_classes), class);
}

const char *name_of_slot(uint32_t slot)
{
	if (!(slot & SLOT_TRACKED))
		return "steady";
	if (slot_current(slot) != slot_base(slot))
		return "moving";
	return slot & SLOT_MOVING ? "claiming" : "settling";
}

const char *name_of_how(enum pick_how how)
{
	return name_in(hows, ARRAY_SIZE(hows), how);
}

/* Of a marked slot. */
static const char *explain_marked(bool is_moving, enum pick_how how)
{
	switch (how) {
	case HOW_NONE:
	case HOW_SLOT:
		break;
	case HOW_ENTRY:
		return is_moving ? "moving, by its entry" : "by its entry";
	case HOW_MADE:
		return is_moving ? "moving, gets an entry" :
				   "claiming, gets an entry";
	case HOW_REFUSED:
		return is_moving ? "moving, no place for an entry" :
				   "claiming, no place for an entry";
	}
	return is_moving ? "moving" : "settling";
}

const char *explain_how(uint32_t slot, enum pick_how how)
{
	if (how == HOW_NONE)
		return "";
	if (!(slot & SLOT_TRACKED))
		return "steady";
	return explain_marked(slot_current(slot) != slot_base(slot), how);
}

const char *name_of_affinity(enum affinity affinity)
{
	return name_in(affinities, ARRAY_SIZE(affinities), affinity);
}

const char *name_of_when_empty(enum when_empty when_empty)
{
	return name_in(when_empties, ARRAY_SIZE(when_empties), when_empty);
}

const char *name_of_role(enum dp_role role)
{
	return name_in(roles, ARRAY_SIZE(roles), role);
}
