// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets and decisions as words.
 */
#include "control/cli/packet.h"

#include <string.h>

#include "config/config.h"
#include "control/cli/cli.h"
#include "control/render.h"
#include "dataplane/names.h"

#define TEXT_MAX     160
#define PACKET_WIDTH 56 /* columns of a packet of IPv4 */

static const char *const hooks[] = {
	[DP_UPLINK] = "uplink", [DP_FROM_VM] = "from_vm",
	[DP_TO_VM] = "to_vm",	[DP_BACK] = "back",
	[DP_PROBES] = "probes", [DP_INSIDE] = "inside",
};
_Static_assert(ARRAY_SIZE(hooks) == DP_INSIDE + 1, "all of them");

static const char *family_name(const struct dp_judged *p)
{
	if (p->family == L3_NONE)
		return "";
	return p->family == L3_IPV6 ? "ipv6" : "ipv4";
}

static void protocol_name(const struct dp_judged *p, char ret[TEXT_MAX])
{
	const bool is_v6 = p->family == L3_IPV6;
	const char *name = NULL;

	if (p->family == L3_NONE && p->ether_type == ETH_TYPE_ARP)
		name = "arp";
	else if (p->family == L3_NONE)
		name = "";
	else if (p->proto == IP_PROTO_TCP)
		name = "tcp";
	else if (p->proto == IP_PROTO_UDP)
		name = "udp";
	else if (p->proto == (is_v6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP))
		name = is_v6 ? "icmpv6" : "icmp";
	if (name)
		snprintf(ret, TEXT_MAX, "%s", name);
	else
		snprintf(ret, TEXT_MAX, "%u", (unsigned)p->proto);
}

/* "SYN,ACK" */
static void flag_names(uint8_t flags, char ret[TEXT_MAX])
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = {
		{ TCP_SYN, "SYN" }, { TCP_FIN, "FIN" }, { TCP_RST, "RST" },
		{ 0x08, "PSH" },    { TCP_ACK, "ACK" }, { 0x20, "URG" },
	};
	size_t used = 0;
	size_t i;

	ret[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			used += (size_t)snprintf(ret + used, TEXT_MAX - used,
						 "%s%s", used ? "," : "",
						 names[i].name);
}

/* What there is to say of a packet beside its ends and protocol. */
static void detail(const struct dp_judged *p, char ret[TEXT_MAX])
{
	ret[0] = '\0';
	if (p->frag == FRAG_LATER)
		snprintf(ret, TEXT_MAX, "later fragment");
	else if (p->l4 == L4_TCP)
		flag_names(p->tcp_flags, ret);
	else if (p->l4 == L4_ICMP)
		snprintf(ret, TEXT_MAX, "type %u code %u",
			 (unsigned)p->icmp_type, (unsigned)p->icmp_code);
	else if (p->family == L3_NONE && p->ether_type &&
		 p->ether_type != ETH_TYPE_ARP)
		snprintf(ret, TEXT_MAX, "type 0x%04x", (unsigned)p->ether_type);
	if (p->frag == FRAG_FIRST)
		snprintf(ret + strlen(ret), TEXT_MAX - strlen(ret),
			 "%sfirst fragment", ret[0] ? ", " : "");
}

static json_t *end_json(const struct dp_judged *p, const struct ip_addr *addr,
			uint16_t port)
{
	char text[CONF_ADDR_SIZE];

	if (p->family == L3_NONE)
		return json_string("");
	conf_addr_print(addr, text, sizeof(text));
	if (p->l4 != L4_TCP && p->l4 != L4_UDP)
		return json_string(text);
	return json_sprintf(IP_IS_V4(*addr) ? "%s:%u" : "[%s]:%u", text,
			    (unsigned)port);
}

static json_t *target_json(const struct dp_judged *p)
{
	struct dp_judged as = *p;

	if (!p->vm[0])
		return json_string("");
	if (!p->target_port)
		as.l4 = L4_NONE;
	return end_json(&as, &p->target, p->target_port);
}

static const char *frag_name(const struct dp_judged *p)
{
	if (p->frag == FRAG_NONE)
		return "";
	return p->frag == FRAG_FIRST ? "first" : "later";
}

json_t *packet_json(const struct dp_judged *p)
{
	bool is_flow = p->l4 == L4_TCP || p->l4 == L4_UDP;
	char uuid[RENDER_UUID_SIZE] = "";
	char protocol[TEXT_MAX];
	char what[TEXT_MAX];
	json_t *json;

	protocol_name(p, protocol);
	detail(p, what);
	if (p->vm[0])
		render_uuid(p->uuid, uuid);
	json = json_pack("{s:s,s:s,s:s,s:o,s:o,s:s,s:s,s:s,s:I}", "hook",
			 hooks[p->hook], "family", family_name(p), "protocol",
			 protocol, "source", end_json(p, &p->src, p->sport),
			 "destination", end_json(p, &p->dst, p->dport),
			 "detail", what, "fragment", frag_name(p), "kind",
			 is_flow ? name_of_flow_kind(p->kind) : "", "length",
			 (json_int_t)p->length);
	json_object_update_new(
		json,
		json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:s}",
			  "verdict", name_of_verdict(p->verdict), "reason",
			  p->reason ? name_of_reason(p->reason) : "", "text",
			  p->reason ? explain_reason(p->reason) : "", "as_if",
			  p->as_if ? name_of_reason(p->as_if) : "", "service",
			  p->service, "pool", p->pool, "vm", p->vm, "uuid",
			  uuid, "port", p->port, "target", target_json(p),
			  "how", name_of_how(p->how), "rule",
			  explain_how(p->slot, p->how)));
	return json;
}

/* "198.51.100.7:40000 > 203.0.113.10:80 tcp SYN" */
static void packet_text(const json_t *p, char *ret, size_t size)
{
	const char *what = cli_text(p, "detail");
	int used = 0;

	ret[0] = '\0';
	if (cli_text(p, "source")[0])
		used = snprintf(ret, size, "%s > %s ", cli_text(p, "source"),
				cli_text(p, "destination"));
	snprintf(ret + used, size - (size_t)used, "%s%s%s",
		 cli_text(p, "protocol"),
		 cli_text(p, "protocol")[0] && what[0] ? " " : "", what);
	if (!ret[0])
		snprintf(ret, size, "cut off");
}

/* A packet of a balanced flow: between whom, and by which rule. */
static void print_forward(const json_t *p, FILE *out)
{
	const char *rule = cli_text(p, "rule");

	if (!strcmp(cli_text(p, "hook"), "uplink"))
		fprintf(out, "-> %s %s", cli_text(p, "vm"),
			cli_text(p, "target"));
	else
		fprintf(out, "<- %s", cli_text(p, "vm"));
	fprintf(out, " (%s%s%s)", cli_text(p, "service"), rule[0] ? ", " : "",
		rule);
}

void packet_print(const json_t *p, FILE *out)
{
	const char *reason = cli_text(p, "reason");
	const char *as_if = cli_text(p, "as_if");
	char text[2 * TEXT_MAX];

	packet_text(p, text, sizeof(text));
	fprintf(out, "%-*s  ", PACKET_WIDTH, text);
	if (!reason[0] && cli_text(p, "vm")[0])
		print_forward(p, out);
	else
		fprintf(out, "%s", reason[0] ? reason : cli_text(p, "verdict"));
	if (as_if[0])
		fprintf(out, ", as if %s", as_if);
	else if (!strcmp(reason, "pass_observed")) {
		fputs(", as if ", out);
		print_forward(p, out);
	} else if (reason[0] && cli_text(p, "service")[0])
		fprintf(out, " (%s)", cli_text(p, "service"));
	fputc('\n', out);
}
