/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every key of the configuration, once.
 *
 * drover.cfg(5) and drover.cfg.example explain each;
 * tests/unit/test_config_docs.c sees to it that none is missing there.
 */
#include "config/schema.h"

#include <errno.h>
#include <string.h>

#define SECOND 1000U
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define WORDS(name, ...)                                               \
	static const struct conf_word name##_word[] = { __VA_ARGS__ }; \
	static const struct conf_words name = { name##_word,           \
						ARRAY_SIZE(name##_word) }

WORDS(log_levels, { "error", CONF_LOG_ERROR, false },
      { "warning", CONF_LOG_WARNING, false }, { "info", CONF_LOG_INFO, false },
      { "debug", CONF_LOG_DEBUG, false });
WORDS(engines, { "xdp", CONF_ENGINE_XDP, false }, { "dpdk", 0, true });
WORDS(announces, { "l2", CONF_ANNOUNCE_L2, false },
      { "none", CONF_ANNOUNCE_NONE, false }, { "bgp", 0, true });
WORDS(refusals, { "reset", CONF_RESET, false }, { "drop", CONF_DROP, false });
WORDS(weightings, { "equal", CONF_WEIGHTS_EQUAL, false },
      { "fixed", CONF_WEIGHTS_FIXED, false }, { "load", 0, true });
WORDS(affinities, { "flow", CONF_AFFINITY_FLOW, false },
      { "source", CONF_AFFINITY_SOURCE, false });
WORDS(deadlines, { "keep", CONF_DEADLINE_KEEP, false },
      { "reset", CONF_DEADLINE_RESET, false });
WORDS(health_types, { "tcp", CONF_HEALTH_TCP, false },
      { "http", CONF_HEALTH_HTTP, false },
      { "https", CONF_HEALTH_HTTPS, false }, { "udp", CONF_HEALTH_UDP, false },
      { "exec", CONF_HEALTH_EXEC, false });
WORDS(vias, { "auto", CONF_VIA_AUTO, false }, { "host", CONF_VIA_HOST, false },
      { "path", CONF_VIA_PATH, false });
WORDS(drivers, { "libvirt", CONF_DRIVER_LIBVIRT, false },
      { "static", CONF_DRIVER_STATIC, false },
      { "fed", CONF_DRIVER_FED, false });
WORDS(vm_states, { "running", CONF_VM_RUNNING, false },
      { "paused", CONF_VM_PAUSED, false },
      { "stopped", CONF_VM_STOPPED, false });
WORDS(protocols, { "tcp", CONF_PROTOCOL_TCP, false },
      { "udp", CONF_PROTOCOL_UDP, false },
      { "quic", CONF_PROTOCOL_QUIC, false });
WORDS(modes, { "nat", CONF_MODE_NAT, false }, { "dsr", 0, true },
      { "tunnel", 0, true });
WORDS(returns, { "auto", CONF_RETURN_AUTO, false },
      { "fib", CONF_RETURN_FIB, false }, { "l2", CONF_RETURN_L2, false });
WORDS(roles, { "balancer", 0, false }, { "host", 0, false });
WORDS(spreads, { "domain", 0, false }, { "hypervisor", 0, false },
      { "none", 0, false });
WORDS(encapsulations, { "ipip", 0, false }, { "gue", 0, false },
      { "vxlan", 0, false });
WORDS(token_roles, { "tenant", 0, false }, { "operator", 0, false },
      { "admin", 0, false });
WORDS(port_policies, { "refuse", CONF_POLICY_REFUSE, false },
      { "bypass", CONF_POLICY_BYPASS, false },
      { "stack", CONF_POLICY_STACK, false });

#define GROUP(name)                                      \
	static const struct conf_group name##_group = {  \
		name##_fields, ARRAY_SIZE(name##_fields) \
	}

/* A key whose feature this version has not got: no member, but checked. */
#define LATER(key_, kind_, ...)                                            \
	{                                                                  \
		.key = (key_), .kind = (kind_), .later = true, __VA_ARGS__ \
	}
/* What is in a group that comes later. */
#define IN_LATER(key_, kind_, ...)                          \
	{                                                   \
		.key = (key_), .kind = (kind_), __VA_ARGS__ \
	}
#define AT(type, member) .offset = offsetof(struct type, member)

#define RESTART .effect = CONF_EFFECT_RESTART
#define CUT	.effect = CONF_EFFECT_CUT

static const struct conf_field limits_fields[] = {
	{ .key = "backends",
	  .kind = KIND_COUNT,
	  .min = 1,
	  .max = 32767,
	  .preset = "4096",
	  AT(conf_limits, backends),
	  RESTART },
	{ .key = "services",
	  .kind = KIND_COUNT,
	  .min = 1,
	  .max = 65536,
	  .preset = "1024",
	  AT(conf_limits, services),
	  RESTART },
	{ .key = "pools",
	  .kind = KIND_COUNT,
	  .min = 1,
	  .max = 65536,
	  .preset = "1024",
	  AT(conf_limits, pools),
	  RESTART },
	{ .key = "slots",
	  .kind = KIND_COUNT,
	  .min = 1U << 14,
	  .max = 1U << 26,
	  .preset = "4m",
	  AT(conf_limits, slots),
	  RESTART },
	{ .key = "flows",
	  .kind = KIND_COUNT,
	  .min = 1024,
	  .max = 1U << 26,
	  .preset = "64k",
	  AT(conf_limits, flows),
	  RESTART },
	{ .key = "direct_flows",
	  .kind = KIND_COUNT,
	  .min = 1024,
	  .max = 1U << 26,
	  .preset = "64k",
	  AT(conf_limits, direct_flows),
	  RESTART },
	{ .key = "replies_per_s",
	  .kind = KIND_COUNT,
	  .min = 1,
	  .max = 1000000,
	  .preset = "10000",
	  AT(conf_limits, replies_per_s),
	  RESTART },
};
GROUP(limits);

static const struct conf_field commands_fields[] = {
	{ .key = "user",
	  .kind = KIND_TEXT,
	  .preset = "nobody",
	  AT(conf_commands, user),
	  RESTART },
	{ .key = "at_once",
	  .kind = KIND_COUNT,
	  .min = 1,
	  .max = 1024,
	  .preset = "16",
	  AT(conf_commands, at_once),
	  RESTART },
};
GROUP(commands);

static const struct conf_field metrics_fields[] = {
	IN_LATER("listen", KIND_LISTEN, .preset = "127.0.0.1:9655"),
};
GROUP(metrics);

static const struct conf_field api_fields[] = {
	IN_LATER("listen", KIND_LISTEN, .required = true),
	IN_LATER("cert_file", KIND_PATH, .required = true),
	IN_LATER("key_file", KIND_PATH, .required = true),
	IN_LATER("client_ca_file", KIND_PATH),
};
GROUP(api);

static const struct conf_field cluster_fields[] = {
	IN_LATER("endpoints", KIND_TEXTS, .required = true, .min = 1,
		 .max = 16),
	IN_LATER("prefix", KIND_TEXT, .preset = "/drover"),
	IN_LATER("ca_file", KIND_PATH),
	IN_LATER("cert_file", KIND_PATH),
	IN_LATER("key_file", KIND_PATH),
	IN_LATER("user", KIND_TEXT),
	IN_LATER("password", KIND_TEXT, .secret = true),
};
GROUP(cluster);

static const struct conf_field bgp_fields[] = {
	IN_LATER("bird_socket", KIND_PATH, .preset = "/run/bird/bird.ctl"),
	IN_LATER("protocol", KIND_NAME, .preset = "drover"),
	IN_LATER("communities", KIND_TEXTS, .max = 32),
};
GROUP(bgp);

static const struct conf_field dpdk_fields[] = {
	IN_LATER("ports", KIND_TEXTS, .required = true, .min = 1, .max = 32),
	IN_LATER("cores", KIND_NUMBERS, .required = true, .min = 1, .max = 128,
		 .high = 1023),
	IN_LATER("memory_mib", KIND_COUNT, .min = 64, .max = 1U << 20,
		 .preset = "512"),
	IN_LATER("eal", KIND_TEXTS, .max = 64),
};
GROUP(dpdk);

static const struct conf_field node_fields[] = {
	{ .key = "name", .kind = KIND_NAME, AT(conf_node, name), RESTART },
	{ .key = "state_dir",
	  .kind = KIND_PATH,
	  .preset = "/var/lib/drover",
	  AT(conf_node, state_dir),
	  RESTART },
	{ .key = "pin_dir",
	  .kind = KIND_PATH,
	  .preset = "/sys/fs/bpf/drover",
	  AT(conf_node, pin_dir),
	  RESTART },
	{ .key = "socket",
	  .kind = KIND_PATH,
	  .preset = "/run/drover/drover.sock",
	  AT(conf_node, socket),
	  RESTART },
	{ .key = "log_level",
	  .kind = KIND_WORD,
	  .words = &log_levels,
	  .preset = "info",
	  AT(conf_node, log_level) },
	{ .key = "engine",
	  .kind = KIND_WORD,
	  .words = &engines,
	  .preset = "xdp",
	  AT(conf_node, engine),
	  RESTART },
	{ .key = "uplinks",
	  .kind = KIND_TEXTS,
	  .required = true,
	  .min = 1,
	  .max = 8,
	  AT(conf_node, uplinks),
	  RESTART },
	{ .key = "announce",
	  .kind = KIND_WORD,
	  .words = &announces,
	  .preset = "l2",
	  AT(conf_node, announce) },
	{ .key = "probe_source",
	  .kind = KIND_ADDR,
	  .preset = "169.254.255.1",
	  AT(conf_node, probe_source),
	  RESTART },
	{ .key = "probe_source6",
	  .kind = KIND_ADDR,
	  .preset = "fde1:8b48:f15::a9fe:ff01",
	  AT(conf_node, probe_source6),
	  RESTART },
	{ .key = "observe",
	  .kind = KIND_BOOL,
	  .preset = "false",
	  AT(conf_node, observe) },
	{ .key = "inside",
	  .kind = KIND_BOOL,
	  .preset = "true",
	  AT(conf_node, inside),
	  RESTART },
	{ .key = "commands",
	  .kind = KIND_GROUP,
	  .group = &commands_group,
	  AT(conf_node, commands) },
	{ .key = "limits",
	  .kind = KIND_GROUP,
	  .group = &limits_group,
	  AT(conf_node, limits) },
	LATER("roles", KIND_TEXTS, .words = &roles, .min = 1, .max = 2),
	LATER("control_lost_after", KIND_TIME, .min = SECOND, .max = DAY,
	      .preset = "60s"),
	LATER("metrics", KIND_GROUP, .group = &metrics_group),
	LATER("api", KIND_GROUP, .group = &api_group),
	LATER("cluster", KIND_GROUP, .group = &cluster_group),
	LATER("bgp", KIND_GROUP, .group = &bgp_group),
	LATER("dpdk", KIND_GROUP, .group = &dpdk_group),
};
GROUP(node);

static const struct conf_field vm_fields[] = {
	{ .key = "name",
	  .kind = KIND_TEXT,
	  .required = true,
	  AT(conf_vm, name) },
	{ .key = "uuid", .kind = KIND_UUID, AT(conf_vm, uuid) },
	{ .key = "addresses",
	  .kind = KIND_ADDRS,
	  .required = true,
	  .min = 1,
	  .max = 16,
	  AT(conf_vm, addresses) },
	{ .key = "network", .kind = KIND_TEXT, AT(conf_vm, network) },
	{ .key = "interface", .kind = KIND_TEXT, AT(conf_vm, interface) },
	{ .key = "mac", .kind = KIND_MAC, AT(conf_vm, mac) },
	{ .key = "tags", .kind = KIND_PAIRS, .max = 64, AT(conf_vm, tags) },
	{ .key = "state",
	  .kind = KIND_WORD,
	  .words = &vm_states,
	  .preset = "running",
	  AT(conf_vm, state) },
};
GROUP(vm);

static const struct conf_field hypervisor_fields[] = {
	{ .key = "name",
	  .kind = KIND_NAME,
	  .required = true,
	  AT(conf_hypervisor, name) },
	{ .key = "driver",
	  .kind = KIND_WORD,
	  .words = &drivers,
	  .preset = "libvirt",
	  AT(conf_hypervisor, driver) },
	{ .key = "uri", .kind = KIND_TEXT, AT(conf_hypervisor, uri) },
	{ .key = "auth_file",
	  .kind = KIND_PATH,
	  AT(conf_hypervisor, auth_file) },
	{ .key = "domain", .kind = KIND_NAME, AT(conf_hypervisor, domain) },
	{ .key = "poll",
	  .kind = KIND_TIME,
	  .min = SECOND,
	  .max = HOUR,
	  .preset = "5s",
	  AT(conf_hypervisor, poll_ms) },
	{ .key = "vms",
	  .kind = KIND_LIST,
	  .max = 10000,
	  .group = &vm_group,
	  .size = sizeof(struct conf_vm),
	  AT(conf_hypervisor, vms) },
};
GROUP(hypervisor);

_Static_assert(offsetof(struct conf_vms, n) == sizeof(void *) &&
		       offsetof(struct conf_xpaths, n) == sizeof(void *),
	       "KIND_LIST is a pointer and its length");

static const struct conf_field xpath_fields[] = {
	{ .key = "xpath",
	  .kind = KIND_TEXT,
	  .required = true,
	  AT(conf_xpath, xpath) },
	{ .key = "namespaces",
	  .kind = KIND_PAIRS,
	  .max = 16,
	  AT(conf_xpath, namespaces) },
};
GROUP(xpath);

static const struct conf_field tenant_limits_fields[] = {
	IN_LATER("vms", KIND_COUNT, .min = 1, .max = 10000),
	IN_LATER("backends", KIND_COUNT, .min = 1, .max = 32767),
	IN_LATER("new_connections_per_s", KIND_COUNT, .min = 1,
		 .max = 1000000000),
	IN_LATER("packets_per_s", KIND_COUNT, .min = 1, .max = 1000000000),
};
GROUP(tenant_limits);

static const struct conf_field tenant_fields[] = {
	{ .key = "name",
	  .kind = KIND_NAME,
	  .required = true,
	  AT(conf_tenant, name) },
	{ .key = "vips",
	  .kind = KIND_PREFIXES,
	  .required = true,
	  .min = 1,
	  .max = 1024,
	  AT(conf_tenant, vips) },
	{ .key = "networks",
	  .kind = KIND_TEXTS,
	  .max = 256,
	  AT(conf_tenant, networks) },
	{ .key = "names",
	  .kind = KIND_TEXTS,
	  .max = 256,
	  AT(conf_tenant, names) },
	{ .key = "hypervisors",
	  .kind = KIND_TEXTS,
	  .max = 1024,
	  AT(conf_tenant, hypervisors) },
	{ .key = "metadata",
	  .kind = KIND_LIST,
	  .max = 64,
	  .group = &xpath_group,
	  .size = sizeof(struct conf_xpath),
	  AT(conf_tenant, metadata) },
	{ .key = "no_service",
	  .kind = KIND_WORD,
	  .words = &refusals,
	  .preset = "reset",
	  AT(conf_tenant, no_service) },
	LATER("limits", KIND_GROUP, .group = &tenant_limits_group),
	LATER("pass", KIND_NUMBERS, .max = 64, .low = 1, .high = 65535),
};
GROUP(tenant);

static const struct conf_field health_fields[] = {
	{ .key = "type",
	  .kind = KIND_WORD,
	  .words = &health_types,
	  .preset = "tcp",
	  AT(conf_health, type) },
	{ .key = "via",
	  .kind = KIND_WORD,
	  .words = &vias,
	  .preset = "auto",
	  AT(conf_health, via) },
	{ .key = "port", .kind = KIND_PORT, .min = 1, AT(conf_health, port) },
	{ .key = "interval",
	  .kind = KIND_TIME,
	  .min = 50,
	  .max = HOUR,
	  .preset = "1s",
	  AT(conf_health, interval_ms) },
	{ .key = "timeout",
	  .kind = KIND_TIME,
	  .min = 10,
	  .max = MINUTE,
	  .preset = "500ms",
	  AT(conf_health, timeout_ms) },
	{ .key = "rise",
	  .kind = KIND_COUNT,
	  .min = 1,
	  .max = 100,
	  .preset = "2",
	  AT(conf_health, rise) },
	{ .key = "fall",
	  .kind = KIND_COUNT,
	  .min = 1,
	  .max = 100,
	  .preset = "3",
	  AT(conf_health, fall) },
	{ .key = "jitter",
	  .kind = KIND_COUNT,
	  .max = 50,
	  .preset = "10",
	  AT(conf_health, jitter_percent) },
	{ .key = "send",
	  .kind = KIND_BYTES,
	  .secret = true, /* it may log in */
	  AT(conf_health, send) },
	{ .key = "send_hex",
	  .kind = KIND_HEX,
	  .max = 1024,
	  .secret = true,
	  AT(conf_health, send_hex) },
	{ .key = "expect", .kind = KIND_BYTES, AT(conf_health, expect) },
	{ .key = "expect_hex",
	  .kind = KIND_HEX,
	  .max = 1024,
	  AT(conf_health, expect_hex) },
	{ .key = "path",
	  .kind = KIND_TEXT,
	  .preset = "/",
	  AT(conf_health, path) },
	{ .key = "host", .kind = KIND_TEXT, AT(conf_health, host) },
	{ .key = "status",
	  .kind = KIND_NUMBERS,
	  .min = 1,
	  .max = 64,
	  .low = 100,
	  .high = 599,
	  AT(conf_health, status) },
	{ .key = "sni", .kind = KIND_TEXT, AT(conf_health, sni) },
	{ .key = "verify",
	  .kind = KIND_BOOL,
	  .preset = "true",
	  AT(conf_health, verify) },
	{ .key = "ca_file", .kind = KIND_PATH, AT(conf_health, ca_file) },
	{ .key = "command",
	  .kind = KIND_TEXTS,
	  .repeats = true,
	  .min = 1,
	  .max = 64,
	  AT(conf_health, command) },
};
GROUP(health);

static const struct conf_field drain_fields[] = {
	{ .key = "deadline",
	  .kind = KIND_TIME,
	  .min = SECOND,
	  .max = 30 * DAY,
	  .preset = "15m",
	  AT(conf_drain, deadline_ms) },
	{ .key = "quiet_after",
	  .kind = KIND_TIME,
	  .max = DAY,
	  .preset = "0",
	  AT(conf_drain, quiet_after_ms) },
	{ .key = "at_deadline",
	  .kind = KIND_WORD,
	  .words = &deadlines,
	  .preset = "keep",
	  AT(conf_drain, at_deadline) },
};
GROUP(drain);

static const struct conf_field scale_fields[] = {
	IN_LATER("min", KIND_COUNT, .required = true, .max = 10000),
	IN_LATER("max", KIND_COUNT, .required = true, .min = 1, .max = 10000),
	IN_LATER("target_utilisation", KIND_COUNT, .min = 1, .max = 100,
		 .preset = "65"),
	IN_LATER("target_new_connections_per_s", KIND_COUNT, .min = 1,
		 .max = 10000000),
	IN_LATER("warm", KIND_COUNT, .max = 1000, .preset = "0"),
	IN_LATER("template", KIND_NAME, .required = true),
	IN_LATER("spread", KIND_WORD, .words = &spreads, .preset = "domain"),
	IN_LATER("cooldown_out", KIND_TIME, .max = DAY, .preset = "1m"),
	IN_LATER("cooldown_in", KIND_TIME, .max = DAY, .preset = "10m"),
};
GROUP(scale);

static const struct conf_field pool_fields[] = {
	{ .key = "tenant",
	  .kind = KIND_TENANT,
	  .required = true,
	  AT(conf_pool, tenant) },
	{ .key = "name",
	  .kind = KIND_NAME,
	  .required = true,
	  AT(conf_pool, name) },
	{ .key = "select",
	  .kind = KIND_SELECT,
	  .min = 1,
	  .max = 32,
	  AT(conf_pool, select) },
	{ .key = "members",
	  .kind = KIND_TEXTS,
	  .min = 1,
	  .max = 10000,
	  AT(conf_pool, members) },
	{ .key = "health",
	  .kind = KIND_GROUP,
	  .group = &health_group,
	  AT(conf_pool, health) },
	{ .key = "weights",
	  .kind = KIND_WORD,
	  .words = &weightings,
	  .preset = "equal",
	  AT(conf_pool, weights) },
	{ .key = "affinity",
	  .kind = KIND_WORD,
	  .words = &affinities,
	  .preset = "flow",
	  AT(conf_pool, affinity),
	  CUT },
	{ .key = "idle_timeout",
	  .kind = KIND_TIME,
	  .min = SECOND,
	  .max = DAY,
	  .preset = "350s",
	  AT(conf_pool, idle_timeout_ms) },
	{ .key = "udp_idle",
	  .kind = KIND_TIME,
	  .min = SECOND,
	  .max = DAY,
	  AT(conf_pool, udp_idle_ms) },
	{ .key = "slow_start",
	  .kind = KIND_TIME,
	  .max = HOUR,
	  .preset = "0",
	  AT(conf_pool, slow_start_ms) },
	{ .key = "max_backends",
	  .kind = KIND_COUNT,
	  .min = 1,
	  .max = 10000,
	  .preset = "100",
	  AT(conf_pool, max_backends) },
	{ .key = "panic_threshold",
	  .kind = KIND_COUNT,
	  .max = 100,
	  .preset = "50",
	  AT(conf_pool, panic_threshold) },
	{ .key = "backup", .kind = KIND_POOL, AT(conf_pool, backup) },
	{ .key = "when_empty",
	  .kind = KIND_WORD,
	  .words = &refusals,
	  .preset = "reset",
	  AT(conf_pool, when_empty) },
	{ .key = "reset_unhealthy",
	  .kind = KIND_BOOL,
	  .preset = "false",
	  AT(conf_pool, reset_unhealthy) },
	{ .key = "drain",
	  .kind = KIND_GROUP,
	  .group = &drain_group,
	  AT(conf_pool, drain) },
	LATER("max_step", KIND_COUNT, .min = 1, .max = 100, .preset = "10"),
	LATER("scale", KIND_GROUP, .group = &scale_group),
};
GROUP(pool);

_Static_assert(offsetof(struct conf_pool, n_select) ==
		       offsetof(struct conf_pool, select) +
			       sizeof(struct select_term *),
	       "KIND_SELECT is a pointer and its length");

static const struct conf_field service_limits_fields[] = {
	IN_LATER("new_connections_per_s", KIND_COUNT, .min = 1,
		 .max = 1000000000),
	IN_LATER("packets_per_s", KIND_COUNT, .min = 1, .max = 1000000000),
};
GROUP(service_limits);

static const struct conf_field service_fields[] = {
	{ .key = "tenant",
	  .kind = KIND_TENANT,
	  .required = true,
	  AT(conf_service, tenant) },
	{ .key = "name",
	  .kind = KIND_NAME,
	  .required = true,
	  AT(conf_service, name) },
	{ .key = "vip",
	  .kind = KIND_ADDR,
	  .required = true,
	  AT(conf_service, vip),
	  CUT },
	{ .key = "port",
	  .kind = KIND_PORT,
	  .required = true,
	  .min = 1,
	  AT(conf_service, port),
	  CUT },
	{ .key = "protocol",
	  .kind = KIND_WORD,
	  .words = &protocols,
	  .preset = "tcp",
	  AT(conf_service, protocol),
	  CUT },
	{ .key = "pool",
	  .kind = KIND_POOL,
	  .required = true,
	  AT(conf_service, pool),
	  CUT },
	{ .key = "target_port",
	  .kind = KIND_PORT,
	  .min = 1,
	  AT(conf_service, target_port),
	  CUT },
	{ .key = "mode",
	  .kind = KIND_WORD,
	  .words = &modes,
	  .preset = "nat",
	  AT(conf_service, mode),
	  CUT },
	{ .key = "return",
	  .kind = KIND_WORD,
	  .words = &returns,
	  .preset = "auto",
	  AT(conf_service, return_path) },
	{ .key = "on_port_policy",
	  .kind = KIND_WORD,
	  .words = &port_policies,
	  .preset = "refuse",
	  AT(conf_service, on_port_policy) },
	{ .key = "mss",
	  .kind = KIND_COUNT,
	  .min = 536,
	  .max = 65495,
	  AT(conf_service, mss) },
	{ .key = "observe",
	  .kind = KIND_BOOL,
	  .preset = "false",
	  AT(conf_service, observe) },
	LATER("encapsulation", KIND_WORD, .words = &encapsulations,
	      .preset = "ipip"),
	LATER("allow", KIND_PREFIXES, .max = 1024),
	LATER("deny", KIND_PREFIXES, .max = 1024),
	LATER("limits", KIND_GROUP, .group = &service_limits_group),
};
GROUP(service);

#define SECTION(array_, type, ...)                                            \
	.group = &type##_group, .size = sizeof(struct conf_##type),           \
	.key = #array_, .one = #type, .array = offsetof(struct conf, array_), \
	.count = offsetof(struct conf, n_##array_),                           \
	.name = offsetof(struct conf_##type, name), __VA_ARGS__

static const struct conf_section sections[N_SECTIONS] = {
	[SECTION_HYPERVISORS] = { SECTION(hypervisors, hypervisor,
					  .tenant = 0) },
	[SECTION_TENANTS] = { SECTION(tenants, tenant,
				      .removed = CONF_EFFECT_NONE) },
	[SECTION_POOLS] = { SECTION(
		pools, pool, .tenant = offsetof(struct conf_pool, tenant)) },
	[SECTION_SERVICES] = { SECTION(services, service,
				       .tenant = offsetof(struct conf_service,
							  tenant),
				       .removed = CONF_EFFECT_CUT) },
};

static const struct conf_field template_fields[] = {
	IN_LATER("name", KIND_NAME, .required = true),
	IN_LATER("hypervisor", KIND_NAME, .required = true),
	IN_LATER("vm", KIND_TEXT, .required = true),
	IN_LATER("linked", KIND_BOOL, .preset = "true"),
};
GROUP(template);

static const struct conf_field hook_fields[] = {
	IN_LATER("name", KIND_NAME, .required = true),
	IN_LATER("events", KIND_TEXTS, .required = true, .min = 1, .max = 64),
	IN_LATER("command", KIND_TEXTS, .min = 1, .max = 64),
	IN_LATER("url", KIND_TEXT),
	IN_LATER("headers", KIND_TEXTS, .max = 32, .secret = true),
	IN_LATER("timeout", KIND_TIME, .min = 100, .max = 10 * MINUTE,
		 .preset = "10s"),
	IN_LATER("veto", KIND_BOOL, .preset = "false"),
};
GROUP(hook);

static const struct conf_field token_fields[] = {
	IN_LATER("name", KIND_NAME, .required = true),
	IN_LATER("token", KIND_TEXT, .required = true, .secret = true),
	IN_LATER("role", KIND_WORD, .required = true, .words = &token_roles),
	IN_LATER("tenant", KIND_TENANT),
};
GROUP(token);

static const struct {
	const char *key;
	const struct conf_group *group;
} later_sections[CONF_N_SECTIONS_LATER] = {
	{ "templates", &template_group },
	{ "hooks", &hook_group },
	{ "tokens", &token_group },
};

const struct conf_section *conf_section(enum conf_section_number number)
{
	return &sections[number];
}

const struct conf_group *conf_node_group(void)
{
	return &node_group;
}

const struct conf_group *conf_section_later(const char *key)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(later_sections); i++)
		if (strcmp(key, later_sections[i].key) == 0)
			return later_sections[i].group;
	return NULL;
}

const char *conf_section_later_key(size_t i)
{
	return later_sections[i].key;
}

/* A member of the struct at @base, by the offset that the schema has. */
static const void *member(const void *base, size_t offset)
{
	return (const char *)base + offset;
}

const void *conf_objects(const struct conf *conf,
			 const struct conf_section *section, size_t *ret_n)
{
	const void *objects;

	memcpy(&objects, member(conf, section->array), sizeof(objects));
	memcpy(ret_n, member(conf, section->count), sizeof(*ret_n));
	return objects;
}

const char *conf_object_name(const struct conf_section *section,
			     const void *object)
{
	const char *name;

	memcpy(&name, member(object, section->name), sizeof(name));
	return name;
}

const char *conf_object_tenant(const struct conf_section *section,
			       const void *object)
{
	const struct conf_tenant *tenant;

	if (!section->tenant)
		return "";
	memcpy(&tenant, member(object, section->tenant), sizeof(tenant));
	return tenant ? tenant->name : NULL;
}

static const char *word_name(const struct conf_words *words, int value)
{
	size_t i;

	for (i = 0; i < words->n; i++)
		if (!words->word[i].later && words->word[i].value == value)
			return words->word[i].name;
	return "?";
}

#define NAME_FUNCTION(name, type, words)                \
	const char *name(enum type value)               \
	{                                               \
		return word_name(&(words), (int)value); \
	}

NAME_FUNCTION(conf_log_level_name, conf_log_level, log_levels)
NAME_FUNCTION(conf_engine_name, conf_engine, engines)
NAME_FUNCTION(conf_announce_name, conf_announce, announces)
NAME_FUNCTION(conf_refusal_name, conf_refusal, refusals)
NAME_FUNCTION(conf_weights_name, conf_weights, weightings)
NAME_FUNCTION(conf_affinity_name, conf_affinity, affinities)
NAME_FUNCTION(conf_at_deadline_name, conf_at_deadline, deadlines)
NAME_FUNCTION(conf_health_type_name, conf_health_type, health_types)
NAME_FUNCTION(conf_via_name, conf_via, vias)
NAME_FUNCTION(conf_driver_name, conf_driver, drivers)
NAME_FUNCTION(conf_vm_state_name, conf_vm_state, vm_states)
NAME_FUNCTION(conf_protocol_name, conf_protocol, protocols)
NAME_FUNCTION(conf_mode_name, conf_mode, modes)
NAME_FUNCTION(conf_return_name, conf_return, returns)
NAME_FUNCTION(conf_port_policy_name, conf_port_policy, port_policies)

int conf_at_deadline_parse(const char *text, enum conf_at_deadline *ret_value)
{
	size_t i;

	for (i = 0; i < deadlines.n; i++) {
		if (strcmp(text, deadlines.word[i].name) != 0)
			continue;
		*ret_value = (enum conf_at_deadline)deadlines.word[i].value;
		return 0;
	}
	return -EINVAL;
}
