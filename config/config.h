/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration as the rest of Drover sees it: plain structs.
 *
 * conf_load() gives a whole, checked and from then on constant struct conf, or
 * all that is wrong with the files and no conf at all. Names are resolved: a
 * service points to its pool, a pool to its tenant. All memory belongs to the
 * conf and goes with conf_free(). A reload loads the new files beside the conf
 * in force and throws away the one that loses; diff.h says what changed.
 *
 * The model holds only what this version does. A key whose feature is not
 * built yet is an error when it is used (schema.c lists them).
 *
 * One thread at a time; no function here keeps state of its own.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdio.h>

#include "config/select.h"
#include "dataplane/core/base.h"

#define CONF_NAME_MAX 63 /* bytes in a name of a tenant, pool, ... */

enum conf_log_level {
	CONF_LOG_ERROR,
	CONF_LOG_WARNING,
	CONF_LOG_INFO,
	CONF_LOG_DEBUG,
};

enum conf_engine {
	CONF_ENGINE_XDP,
};

/* How neighbours learn where a VIP is. */
enum conf_announce {
	CONF_ANNOUNCE_L2,   /* ARP: answered, and sent at the start */
	CONF_ANNOUNCE_NONE, /* VIPs are routed to us, ARP stays unanswered */
};

/* What a packet gets when there is nobody to take it. */
enum conf_refusal {
	CONF_RESET, /* TCP RST */
	CONF_DROP,
};

enum conf_weights {
	CONF_WEIGHTS_EQUAL,
	CONF_WEIGHTS_FIXED, /* each VM's tag `weight` */
};

enum conf_affinity {
	CONF_AFFINITY_FLOW,   /* connections of one client spread over VMs */
	CONF_AFFINITY_SOURCE, /* and here they stay on one */
};

/* What happens to flows that are left at a drain's deadline. */
enum conf_at_deadline {
	CONF_DEADLINE_KEEP,
	CONF_DEADLINE_RESET,
};

enum conf_health_type {
	CONF_HEALTH_TCP, /* a connection; and an answer, if one is expected */
	CONF_HEALTH_HTTP,
	CONF_HEALTH_HTTPS,
	CONF_HEALTH_UDP,  /* a datagram and its answer */
	CONF_HEALTH_EXEC, /* a program's exit code */
};

/* How probes get to a VM. */
enum conf_via {
	CONF_VIA_AUTO, /* by the host where it has a route, else by the path */
	CONF_VIA_HOST, /* plain sockets of the host */
	CONF_VIA_PATH, /* to the VM's own port, past the host's routes */
};

/* Who tells which VMs a hypervisor has. */
enum conf_driver {
	CONF_DRIVER_LIBVIRT,
	CONF_DRIVER_STATIC, /* the config does, once and for all */
	CONF_DRIVER_FED,    /* an outside system, by PUT /v1/inventory/NAME */
};

enum conf_vm_state {
	CONF_VM_RUNNING,
	CONF_VM_PAUSED,
	CONF_VM_STOPPED,
};

enum conf_protocol {
	CONF_PROTOCOL_TCP,
	CONF_PROTOCOL_UDP,
	CONF_PROTOCOL_QUIC, /* UDP on the wire */
};

enum conf_mode {
	CONF_MODE_NAT,
};

enum conf_return {
	CONF_RETURN_AUTO, /* by the host's routes, or where none leads, l2 */
	CONF_RETURN_FIB,
	CONF_RETURN_L2, /* by the VM's bridge, to whom the VM has sent it */
};

/* A VM port to which the host applies rules that balanced packets go past. */
enum conf_port_policy {
	CONF_POLICY_REFUSE, /* its VM is not put in service */
	CONF_POLICY_BYPASS,
	CONF_POLICY_STACK, /* the host's own stack takes packets through them */
};

/**
 * struct conf_place - where in the files something was written.
 * @file: as given to conf_load(), or the one it included.
 * @line: from 1; 0 = it is nowhere, a default.
 */
struct conf_place {
	const char *file;
	uint32_t line;
};

/**
 * struct conf_strings - a list of strings.
 * @text: @n strings, none NULL.
 */
struct conf_strings {
	const char **text;
	size_t n;
};

/**
 * struct conf_pair - "name=value".
 * @name: never NULL.
 * @value: never NULL, "" where there is none.
 */
struct conf_pair {
	const char *name;
	const char *value;
};

struct conf_pairs {
	struct conf_pair *pair;
	size_t n;
};

struct conf_numbers {
	uint32_t *number;
	size_t n;
};

struct conf_addrs {
	struct ip_addr *addr;
	size_t n;
};

/**
 * struct conf_bytes - any, also zeroes.
 */
struct conf_bytes {
	const char *byte;
	size_t n;
};

/**
 * struct conf_mac - an Ethernet address; all zero = none.
 */
struct conf_mac {
	uint8_t byte[6];
};

/**
 * struct conf_prefix - a range of addresses.
 * @addr: the first one; the bits after @bits are zero.
 * @bits: length of the prefix, of 128 (an IPv4 /32 is 128).
 */
struct conf_prefix {
	struct ip_addr addr;
	uint8_t bits;
};

struct conf_prefixes {
	struct conf_prefix *prefix;
	size_t n;
};

/**
 * struct conf_limits - how much memory the node takes, at the start.
 * @backends: VMs in pools, at most BACKEND_MAX.
 * @services: services.
 * @pools: pools.
 * @slots: slots of all pools, a power of two.
 * @flows: flow entries, a power of two.
 * @direct_flows: entries of direct connections to VM ports, a power of two.
 * @replies_per_s: packets a second and CPU that the path may make by itself.
 */
struct conf_limits {
	uint32_t backends;
	uint32_t services;
	uint32_t pools;
	uint32_t slots;
	uint32_t flows;
	uint32_t direct_flows;
	uint32_t replies_per_s;
};

/**
 * struct conf_commands - of probes of type exec.
 * @user: name of whom they run as.
 * @at_once: that run at once, at most.
 */
struct conf_commands {
	const char *user;
	uint32_t at_once;
};

/**
 * struct conf_node - this machine.
 * @place: where it is configured.
 * @name: of the node; the host's name by default.
 * @state_dir: directory of the store.
 * @pin_dir: directory in a bpffs for what outlives the daemon.
 * @socket: path of the API's unix socket.
 * @log_level: the least grave that is logged.
 * @engine: which one forwards.
 * @uplinks: interfaces that clients' packets come in by; at least one.
 * @announce: how VIPs are announced.
 * @probe_source, @probe_source6: address that VMs see probes over the data path
 *           come from, of each family.
 * @observe: decide and count for all services, but pass packets unchanged.
 * @inside: VMs of this node, and the node itself, may call VIPs.
 * @commands: how commands of probes run.
 * @limits: sizes of the tables.
 */
struct conf_node {
	struct conf_place place;
	const char *name;
	const char *state_dir;
	const char *pin_dir;
	const char *socket;
	enum conf_log_level log_level;
	enum conf_engine engine;
	struct conf_strings uplinks;
	enum conf_announce announce;
	struct ip_addr probe_source;
	struct ip_addr probe_source6;
	bool observe;
	bool inside;
	struct conf_commands commands;
	struct conf_limits limits;
};

/**
 * struct conf_vm - a VM of a static hypervisor.
 * @place: where it is configured.
 * @name: unique in its hypervisor.
 * @uuid: lower case, with its dashes; "" = made of the names of hypervisor and
 *        VM, always the same.
 * @addresses: where it answers; at least one.
 * @network: bridge or network that it is in, "" = not told.
 * @interface: of this host, where the VM's packets come out; "" = not on this
 *             node.
 * @mac: of the VM's NIC; not zero where there is an @interface.
 * @tags: what selectors ask for.
 * @state: what it does.
 */
struct conf_vm {
	struct conf_place place;
	const char *name;
	const char *uuid;
	struct conf_addrs addresses;
	const char *network;
	const char *interface;
	struct conf_mac mac;
	struct conf_pairs tags;
	enum conf_vm_state state;
};

/**
 * struct conf_vms - a list of VMs.
 */
struct conf_vms {
	struct conf_vm *vm;
	size_t n;
};

/**
 * struct conf_hypervisor - where VMs come from.
 * @place: where it is configured.
 * @name: unique.
 * @driver: who tells.
 * @uri: libvirt's, local or remote; "" with another driver.
 * @auth_file: libvirt's file of credentials for @uri, see
 *             https://libvirt.org/auth.html; "" = libvirt's own choice.
 * @domain: failure domain, as a rack; @name by default.
 * @poll_ms: time between two lists that repair what events missed.
 * @vms: of CONF_DRIVER_STATIC.
 */
struct conf_hypervisor {
	struct conf_place place;
	const char *name;
	enum conf_driver driver;
	const char *uri;
	const char *auth_file;
	const char *domain;
	uint32_t poll_ms;
	struct conf_vms vms;
};

/**
 * struct conf_xpath - a condition on the metadata of a VM's definition.
 * @place: where it is configured.
 * @xpath: XPath 1.0 with `<metadata>` as its node; it holds if it gives a node,
 *         `true`, a number but 0, or a string that is not empty.
 * @namespaces: prefix and URI of those that @xpath uses.
 */
struct conf_xpath {
	struct conf_place place;
	const char *xpath;
	struct conf_pairs namespaces;
};

struct conf_xpaths {
	struct conf_xpath *xpath;
	size_t n;
};

/**
 * struct conf_tenant - whose VMs and addresses.
 * @place: where it is configured.
 * @name: unique.
 * @vips: the addresses its services may have; no other tenant's overlap.
 * @networks: bridges or libvirt networks; one of its VM's NICs is in one.
 * @names: shell patterns; a VM's name matches one of them.
 * @hypervisors: names; the VM is on one of them.
 * @metadata: conditions; one of them holds.
 * @no_service: what a packet gets to one of its VIPs where no service is.
 *
 * A VM is the tenant's if each of the last four that is not empty holds; one of
 * them at least is not. Within one, any element will do.
 */
struct conf_tenant {
	struct conf_place place;
	const char *name;
	struct conf_prefixes vips;
	struct conf_strings networks;
	struct conf_strings names;
	struct conf_strings hypervisors;
	struct conf_xpaths metadata;
	enum conf_refusal no_service;
};

/**
 * struct conf_health - how a pool's VMs are probed.
 * @type: what kind of probe.
 * @via: how it gets to the VM.
 * @port: in the VM; 0 = the target port of the pool's services (check.c
 *        ensures that this is one port, and replaces the 0).
 * @interval_ms: from probe to probe of one VM.
 * @timeout_ms: until a probe without an answer has failed; <= @interval_ms.
 * @rise: successes in a row that make a VM healthy.
 * @fall: failures in a row that make it unhealthy.
 * @jitter_percent: each interval is changed at random by up to this share.
 * @send: TCP: bytes sent once connected; "" = none. UDP: the datagram.
 * @send_hex: the same, if @send is "".
 * @expect: TCP, UDP: bytes that the answer has in it; "" = connecting is enough,
 *          any answer is.
 * @expect_hex: the same, if @expect is "".
 * @path: HTTP, HTTPS: of the request, begins with `/`.
 * @host: HTTP, HTTPS: of the request's Host; "" = the VM's address.
 * @status: HTTP, HTTPS: codes that are healthy; empty = 200 to 299.
 * @sni: HTTPS: name asked for and looked for in the certificate; @host by
 *       default, "" = none.
 * @verify: HTTPS: the certificate has to be valid for @sni.
 * @ca_file: HTTPS: PEM file of who may have signed it; "" = the system's.
 * @command: exec: program by its path, then its arguments; no shell sees it.
 */
struct conf_health {
	enum conf_health_type type;
	enum conf_via via;
	uint16_t port;
	uint32_t interval_ms;
	uint32_t timeout_ms;
	uint32_t rise;
	uint32_t fall;
	uint32_t jitter_percent;
	const char *send;
	struct conf_bytes send_hex;
	const char *expect;
	struct conf_bytes expect_hex;
	const char *path;
	const char *host;
	struct conf_numbers status;
	const char *sni;
	bool verify;
	const char *ca_file;
	struct conf_strings command;
};

/**
 * struct conf_drain - defaults of `drover drain`.
 * @deadline_ms: when a drain is over at the latest.
 * @quiet_after_ms: end it after so long without a packet; 0 = don't.
 * @at_deadline: what happens to flows that are left.
 */
struct conf_drain {
	uint32_t deadline_ms;
	uint32_t quiet_after_ms;
	enum conf_at_deadline at_deadline;
};

/**
 * struct conf_pool - VMs that services share.
 * @place: where it is configured.
 * @tenant: whose.
 * @name: unique in its tenant.
 * @select: selector, see select.h; empty if the pool has @members.
 * @n_select: terms in @select.
 * @members: VMs by name, "hypervisor/vm"; empty if the pool has @select.
 * @health: its probes.
 * @weights: where weights come from.
 * @affinity: what a slot is chosen by.
 * @idle_timeout_ms: a flow that is silent for longer may be cut by a change.
 * @udp_idle_ms: the same for plain UDP; not above @idle_timeout_ms.
 * @slow_start_ms: a new VM's weight grows over this time; 0 = whole at once.
 * @max_backends: VMs taken at most, the first by name.
 * @panic_threshold: percent; with fewer healthy by probes, all get traffic.
 * @backup: pool of the same tenant that serves while this one has no VM that
 *          can take traffic; it has none itself. NULL = none.
 * @when_empty: what a packet gets when no VM can take it, nor one of @backup.
 * @reset_unhealthy: cut the flows of a VM whose probes fail.
 * @drain: defaults of drains.
 * @has_v4, @has_v6: families that its VMs are asked for: those of the VIPs of its
 *                   services, and of pools that it is the backup of; IPv4 if
 *                   there is none.
 */
struct conf_pool {
	struct conf_place place;
	const struct conf_tenant *tenant;
	const char *name;
	struct select_term *select;
	size_t n_select;
	struct conf_strings members;
	struct conf_health health;
	enum conf_weights weights;
	enum conf_affinity affinity;
	uint32_t idle_timeout_ms;
	uint32_t udp_idle_ms;
	uint32_t slow_start_ms;
	uint32_t max_backends;
	uint32_t panic_threshold;
	const struct conf_pool *backup;
	enum conf_refusal when_empty;
	bool reset_unhealthy;
	struct conf_drain drain;
	bool has_v4;
	bool has_v6;
};

/**
 * struct conf_service - a VIP, port and protocol that is balanced.
 * @place: where it is configured.
 * @tenant: whose.
 * @name: unique in its tenant.
 * @vip: address, one of the tenant's.
 * @port: of the VIP, host byte order.
 * @protocol: what clients speak.
 * @pool: who serves it, of the same tenant.
 * @target_port: port in the VM, host byte order; @port by default.
 * @mode: how packets get to the VM.
 * @return_path: how answers leave.
 * @on_port_policy: what becomes of a VM whose port the host filters.
 * @mss: most that either side may announce as its maximum segment size; 0 =
 *       whatever they like. Of TCP.
 * @observe: decide and count, but pass its packets unchanged; node's too.
 */
struct conf_service {
	struct conf_place place;
	const struct conf_tenant *tenant;
	const char *name;
	struct ip_addr vip;
	uint16_t port;
	enum conf_protocol protocol;
	const struct conf_pool *pool;
	uint16_t target_port;
	enum conf_mode mode;
	enum conf_return return_path;
	enum conf_port_policy on_port_policy;
	uint32_t mss;
	bool observe;
};

/* The protocol in the IP header. */
static inline uint8_t conf_protocol_number(enum conf_protocol protocol)
{
	return protocol == CONF_PROTOCOL_TCP ? 6 : 17;
}

struct conf_arena;

/**
 * struct conf - a whole configuration. Constant once loaded.
 * @node: this machine.
 * @hypervisors: in the order of the files, as the next ones.
 * @tenants: …
 * @pools: …
 * @services: …
 * @n_files: how many files it was read from.
 * @arena: all memory of the conf; nobody's business but config/'s.
 */
struct conf {
	struct conf_node node;
	struct conf_hypervisor *hypervisors;
	size_t n_hypervisors;
	struct conf_tenant *tenants;
	size_t n_tenants;
	struct conf_pool *pools;
	size_t n_pools;
	struct conf_service *services;
	size_t n_services;
	size_t n_files;
	struct conf_arena *arena;
};

#define CONF_ERRORS_MAX 16

/**
 * struct conf_error - one thing that is wrong.
 * @file: which file.
 * @line: from 1; 0 = the file as a whole.
 * @msg: where in the config and what, "pools.web.health.port: ...".
 */
struct conf_error {
	char file[256];
	uint32_t line;
	char msg[400];
};

/**
 * struct conf_errors - all that is wrong; a zeroed one is empty.
 * @error: the first CONF_ERRORS_MAX, by place.
 * @n_errors: how many there are, may be more than are kept.
 * @warning: doubtful, but it stops nobody.
 * @n_warnings: how many there are.
 */
struct conf_errors {
	struct conf_error error[CONF_ERRORS_MAX];
	size_t n_errors;
	struct conf_error warning[CONF_ERRORS_MAX];
	size_t n_warnings;
};

/**
 * conf_load() - read and check a configuration.
 * @path: the main file. `node.cfg` and `conf.d/` are looked for beside it.
 * @ret_conf: the conf, to be freed by conf_free(); untouched on failure.
 * @errs: emptied, then filled with what is wrong. Warnings may be there on
 *        success too.
 *
 * Return: 0; -EINVAL if the config is wrong; -ENOENT, -EACCES, ... if a file
 * cannot be read; -ENOMEM. On any failure @errs has at least one error.
 */
MUST_CHECK int conf_load(const char *path, struct conf **ret_conf,
			 struct conf_errors *errs);

/**
 * conf_load_text() - the same from a string; nothing beside it is read.
 * @name: what errors call the file.
 * @text: the config.
 * @ret_conf: as above.
 * @errs: as above.
 */
MUST_CHECK int conf_load_text(const char *name, const char *text,
			      struct conf **ret_conf, struct conf_errors *errs);

/**
 * conf_refuse_unbuilt() - add an error for each key that the schema has and this
 * version does nothing with. Asked before a config is put in force.
 *
 * Return: 0, or -EINVAL with errors.
 */
MUST_CHECK int conf_refuse_unbuilt(const struct conf *conf,
				   struct conf_errors *errs);

/**
 * conf_free() - release a conf and everything in it. NULL is fine.
 */
void conf_free(struct conf *conf);

static inline void conf_freep(struct conf **conf)
{
	conf_free(*conf);
}

/**
 * conf_errors_print() - "file:line: message", a line each.
 * @errs: what conf_load() gave.
 * @out: where to.
 *
 * Errors first, then "and N more" if not all were kept, then warnings, marked
 * as such.
 */
void conf_errors_print(const struct conf_errors *errs, FILE *out);

/**
 * conf_check() - what `droverd --check` does: load, say what is wrong, free.
 * @path: the main file.
 * @out: gets the errors and warnings, or that all is well.
 *
 * Return: 0 if the config is right, otherwise as conf_load().
 */
MUST_CHECK int conf_check(const char *path, FILE *out);

/* The names that users write and read; "?" for a value that is none. */
const char *conf_log_level_name(enum conf_log_level value);
const char *conf_engine_name(enum conf_engine value);
const char *conf_announce_name(enum conf_announce value);
const char *conf_refusal_name(enum conf_refusal value);
const char *conf_weights_name(enum conf_weights value);
const char *conf_affinity_name(enum conf_affinity value);
const char *conf_at_deadline_name(enum conf_at_deadline value);
const char *conf_health_type_name(enum conf_health_type value);
const char *conf_via_name(enum conf_via value);
const char *conf_driver_name(enum conf_driver value);
const char *conf_vm_state_name(enum conf_vm_state value);
const char *conf_protocol_name(enum conf_protocol value);
const char *conf_mode_name(enum conf_mode value);
const char *conf_return_name(enum conf_return value);
const char *conf_port_policy_name(enum conf_port_policy value);

/**
 * conf_at_deadline_parse() - the value of `--at-deadline` and of the API.
 * @text: "keep" or "reset".
 * @ret_value: what it means.
 *
 * Return: 0 or -EINVAL.
 */
MUST_CHECK int conf_at_deadline_parse(const char *text,
				      enum conf_at_deadline *ret_value);

/**
 * conf_time_parse() - a duration as users write it: "350s", "1.5h", "500ms".
 * @text: number and unit (ms, s, m, h, d), nothing else; "0" needs no unit.
 * @ret_ms: milliseconds.
 *
 * Return: 0; -EINVAL if it is no duration; -ERANGE above 49 days.
 */
MUST_CHECK int conf_time_parse(const char *text, uint32_t *ret_ms);

#define CONF_TIME_SIZE 16 /* suffices for conf_time_print() */

/**
 * conf_time_print() - the shortest text that conf_time_parse() reads the same.
 */
void conf_time_print(uint32_t ms, char *buf, size_t size);

#define CONF_ADDR_SIZE 46 /* suffices for conf_addr_print() */

/**
 * conf_addr_parse() - an IPv4 or IPv6 address.
 *
 * Return: 0 or -EINVAL.
 */
MUST_CHECK int conf_addr_parse(const char *text, struct ip_addr *ret_addr);

/**
 * conf_endpoint_parse() - an address and a port, like "192.0.2.1:80" or
 * "[2001:db8::1]:80".
 *
 * Return: 0 or -EINVAL.
 */
MUST_CHECK int conf_endpoint_parse(const char *text, struct ip_addr *ret_addr,
				   uint16_t *ret_port);

/**
 * conf_addr_print() - the text of an address.
 */
void conf_addr_print(const struct ip_addr *addr, char *buf, size_t size);

/**
 * conf_prefix_has() - is the address in the range?
 */
bool conf_prefix_has(const struct conf_prefix *prefix,
		     const struct ip_addr *addr);

/**
 * conf_hypervisor_find() - by name; NULL if there is none.
 */
const struct conf_hypervisor *conf_hypervisor_find(const struct conf *conf,
						   const char *name);

/**
 * conf_tenant_find() - by name; NULL if there is none.
 */
const struct conf_tenant *conf_tenant_find(const struct conf *conf,
					   const char *name);

/**
 * conf_pool_find() - by tenant and name; NULL if there is none.
 */
const struct conf_pool *conf_pool_find(const struct conf *conf,
				       const char *tenant, const char *name);

/**
 * conf_service_find() - by tenant and name; NULL if there is none.
 */
const struct conf_service *conf_service_find(const struct conf *conf,
					     const char *tenant,
					     const char *name);

#endif
