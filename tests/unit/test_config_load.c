/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Right configurations: what becomes of every key and of every default, and
 * the files beside the main one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

static char dir[64];

static const char *path_of(const char *name)
{
	static char path[4][128];
	static unsigned int next;
	char *buf = path[next++ % 4];

	snprintf(buf, sizeof(path[0]), "%s/%s", dir, name);
	return buf;
}

static int make_dir(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%.40s/conf-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "drover.cfg",     "node.cfg",
					     "conf.d/a.cfg",   "conf.d/b.cfg",
					     "conf.d/c.cfg~",  "conf.d/.d.cfg",
					     "conf.d/bad.cfg", "conf.d" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (unlink(path_of(names[i])) < 0)
			rmdir(path_of(names[i]));
	return rmdir(dir);
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static struct conf *load(const char *path)
{
	struct conf_errors errs;
	struct conf *conf = NULL;
	int err = conf_load(path, &conf, &errs);

	conf_errors_print(&errs, stderr);
	assert_int_equal(err, 0);
	assert_int_equal(errs.n_errors, 0);
	return conf;
}

static struct conf *load_data(const char *name)
{
	const char *source = getenv("DROVER_SOURCE");
	char path[512];

	snprintf(path, sizeof(path), "%s/tests/unit/config/%s",
		 source ? source : ".", name);
	return load(path);
}

/* What conf_check() says of the files in the directory. */
static void check_says(int err, const char *wanted)
{
	char *printed = NULL, *at;
	size_t size;
	FILE *out;

	out = open_memstream(&printed, &size);
	assert_non_null(out);
	assert_int_equal(conf_check(path_of("drover.cfg"), out), err);
	assert_int_equal(fclose(out), 0);
	while ((at = strstr(printed, dir)))
		memmove(at, at + strlen(dir) + 1,
			strlen(at + strlen(dir) + 1) + 1);
	assert_string_equal(printed, wanted);
	free(printed);
}

static void addr_is(const struct ip_addr *addr, const char *text)
{
	char buf[CONF_ADDR_SIZE];

	conf_addr_print(addr, buf, sizeof(buf));
	assert_string_equal(buf, text);
}

static void check_whole_node(const struct conf_node *node)
{
	assert_int_equal(node->place.line, 2);
	assert_non_null(strstr(node->place.file, "whole.cfg"));
	assert_string_equal(node->name, "node-a");
	assert_string_equal(node->state_dir, "/srv/state");
	assert_string_equal(node->pin_dir, "/sys/fs/bpf/a");
	assert_string_equal(node->socket, "/run/a.sock");
	assert_int_equal(node->log_level, CONF_LOG_DEBUG);
	assert_int_equal(node->engine, CONF_ENGINE_XDP);
	assert_int_equal(node->uplinks.n, 2);
	assert_string_equal(node->uplinks.text[0], "eth0");
	assert_string_equal(node->uplinks.text[1], "eth1");
	assert_int_equal(node->announce, CONF_ANNOUNCE_NONE);
	assert_true(node->observe);
	assert_int_equal(node->limits.backends, 32767);
	assert_int_equal(node->limits.services, 7);
	assert_int_equal(node->limits.pools, 5);
	assert_int_equal(node->limits.slots, 2 << 20);
	assert_int_equal(node->limits.flows, 2048);
	assert_int_equal(node->limits.direct_flows, 16 << 20);
	assert_int_equal(node->limits.replies_per_s, 5);
}

static void check_whole_pool(const struct conf_pool *pool)
{
	assert_int_equal(pool->place.line, 29);
	assert_string_equal(pool->name, "web");
	assert_int_equal(pool->n_select, 7);
	assert_int_equal(pool->select[4].subject, SELECT_NAME);
	assert_int_equal(pool->select[5].subject, SELECT_NETWORK);
	assert_int_equal(pool->select[6].subject, SELECT_TAG);
	assert_int_equal(pool->select[0].op, SELECT_EQUAL);
	assert_string_equal(pool->select[1].value, "test");
	assert_int_equal(pool->select[2].op, SELECT_HAS);
	assert_int_equal(pool->select[3].op, SELECT_HAS_NOT);
	assert_int_equal(pool->members.n, 0);
	assert_int_equal(pool->health.type, CONF_HEALTH_TCP);
	assert_int_equal(pool->health.via, CONF_VIA_PATH);
	assert_string_equal(pool->health.send, "PING\r\n");
	assert_string_equal(pool->health.expect, "+PONG");
	assert_int_equal(pool->health.port, 81);
	assert_int_equal(pool->health.interval_ms, 2000);
	assert_int_equal(pool->health.timeout_ms, 2000);
	assert_int_equal(pool->health.rise, 3);
	assert_int_equal(pool->health.fall, 5);
	assert_int_equal(pool->health.jitter_percent, 0);
	assert_int_equal(pool->weights, CONF_WEIGHTS_FIXED);
	assert_int_equal(pool->affinity, CONF_AFFINITY_SOURCE);
	assert_int_equal(pool->idle_timeout_ms, 3600000);
	assert_int_equal(pool->udp_idle_ms, 60000);
	assert_int_equal(pool->slow_start_ms, 20000);
	assert_int_equal(pool->max_backends, 200);
	assert_int_equal(pool->panic_threshold, 0);
	assert_int_equal(pool->when_empty, CONF_DROP);
	assert_true(pool->reset_unhealthy);
	assert_int_equal(pool->drain.deadline_ms, 7200000);
	assert_int_equal(pool->drain.quiet_after_ms, 60000);
	assert_int_equal(pool->drain.at_deadline, CONF_DEADLINE_RESET);
}

static void check_whole_probes(const struct conf *conf)
{
	const struct conf_health *health = &conf->pools[1].health;

	assert_ptr_equal(conf->pools[0].backup, &conf->pools[1]);
	assert_null(conf->pools[1].backup);
	assert_int_equal(health->type, CONF_HEALTH_HTTPS);
	assert_int_equal(health->via, CONF_VIA_HOST);
	assert_string_equal(health->path, "/ready?deep=1");
	assert_string_equal(health->host, "shop.example:8443");
	assert_string_equal(health->sni, "shop.example"); /* the host's name */
	assert_true(health->verify);
	assert_int_equal(health->status.n, 2);
	assert_int_equal(health->status.number[1], 599);
	assert_string_equal(health->ca_file, "/etc/ca.pem");

	health = &conf->pools[2].health;
	assert_int_equal(health->via, CONF_VIA_AUTO);
	assert_string_equal(health->path, "/");
	assert_string_equal(health->host, "");
	assert_string_equal(health->sni, "a.example");
	assert_false(health->verify);
	assert_int_equal(health->status.n, 0);

	health = &conf->pools[3].health;
	assert_int_equal(health->type, CONF_HEALTH_EXEC);
	assert_int_equal(health->port, 0); /* it has no use for one */
	assert_int_equal(health->command.n, 3);
	assert_string_equal(health->command.text[2], "b c");
}

/* Which families a pool's VMs are asked for follows from its services. */
static void check_whole_families(const struct conf *conf)
{
	const struct conf_service *service = conf->services;
	const struct conf_pool *pool = conf->pools;

	assert_true(pool[0].has_v4 && !pool[0].has_v6);
	assert_true(pool[1].has_v4 && pool[1].has_v6); /* also as a backup */
	assert_true(!pool[2].has_v4 && pool[2].has_v6);
	assert_true(pool[3].has_v4 && !pool[3].has_v6); /* nobody asks */
	assert_int_equal(service[0].mss, 0);
	assert_int_equal(service[1].mss, 536);
	addr_is(&service[2].vip, "2001:db8:0:ff::1");
	assert_int_equal(service[2].mss, 1220);
	assert_int_equal(service[3].protocol, CONF_PROTOCOL_UDP);
	assert_int_equal(service[4].protocol, CONF_PROTOCOL_QUIC);
	assert_int_equal(conf_protocol_number(service[2].protocol), 6);
	assert_int_equal(conf_protocol_number(service[3].protocol), 17);
	assert_int_equal(conf_protocol_number(service[4].protocol), 17);
}

static void check_whole_hypervisors(const struct conf *conf)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 0xab, 0xcd, 0xef };
	const struct conf_hypervisor *hypervisor = conf->hypervisors;
	const struct conf_vm *vm;

	assert_int_equal(conf->n_hypervisors, 3);
	assert_string_equal(hypervisor->name, "hv1");
	assert_int_equal(hypervisor->driver, CONF_DRIVER_LIBVIRT);
	assert_string_equal(hypervisor->uri,
			    "qemu+unix:///system?socket=/run/x");
	assert_string_equal(hypervisor->auth_file, "/etc/auth.conf");
	assert_string_equal(hypervisor->domain, "rack-a");
	assert_int_equal(hypervisor->poll_ms, 1500);
	assert_int_equal(hypervisor->vms.n, 0);

	hypervisor++;
	assert_int_equal(hypervisor->driver, CONF_DRIVER_STATIC);
	assert_string_equal(hypervisor->uri, "");
	assert_string_equal(hypervisor->domain, "metal"); /* its name */
	assert_int_equal(hypervisor->vms.n, 2);
	vm = &hypervisor->vms.vm[0];
	assert_int_equal(vm->place.line, 13);
	assert_string_equal(vm->name, "big one");
	assert_string_equal(vm->uuid, "1b4e28ba-2fa1-11d2-883f-0016d3cca427");
	assert_int_equal(vm->addresses.n, 2);
	addr_is(&vm->addresses.addr[0], "192.0.2.7");
	addr_is(&vm->addresses.addr[1], "2001:db8::7");
	assert_string_equal(vm->network, "br0");
	assert_string_equal(vm->interface, "eth7");
	assert_memory_equal(vm->mac.byte, mac, sizeof(mac));
	assert_int_equal(vm->tags.n, 3);
	assert_string_equal(vm->tags.pair[0].name, "role");
	assert_string_equal(vm->tags.pair[0].value, "web");
	assert_string_equal(vm->tags.pair[1].value, "");
	assert_string_equal(vm->tags.pair[2].value, "b=c");
	assert_int_equal(vm->state, CONF_VM_PAUSED);
	vm++;
	assert_string_equal(vm->uuid, "");
	assert_string_equal(vm->interface, "");
	assert_int_equal(vm->state, CONF_VM_RUNNING);
	assert_int_equal(conf->hypervisors[2].driver, CONF_DRIVER_FED);
}

static void test_whole(void **state)
{
	struct conf *conf = load_data("whole.cfg");
	const struct conf_tenant *tenant = &conf->tenants[0];
	const struct conf_service *service = &conf->services[0];

	(void)state;
	check_whole_node(&conf->node);
	check_whole_pool(&conf->pools[0]);
	check_whole_probes(conf);
	check_whole_hypervisors(conf);

	assert_int_equal(conf->n_tenants, 1);
	assert_int_equal(tenant->vips.n, 3);
	addr_is(&tenant->vips.prefix[0].addr, "203.0.113.0");
	assert_int_equal(tenant->vips.prefix[0].bits, 120);
	assert_int_equal(tenant->vips.prefix[1].bits, 128);
	addr_is(&tenant->vips.prefix[2].addr, "2001:db8:0:80::");
	assert_int_equal(tenant->vips.prefix[2].bits, 57);
	assert_string_equal(tenant->networks.text[1], "default");
	assert_int_equal(tenant->names.n, 1);
	assert_string_equal(tenant->names.text[0], "shop-[0-9]* \"\\");
	assert_string_equal(tenant->hypervisors.text[0], "hv1");
	assert_int_equal(tenant->no_service, CONF_DROP);

	assert_int_equal(tenant->metadata.n, 2);
	assert_string_equal(tenant->metadata.xpath[0].xpath,
			    "n:owner/n:project[@uuid='3f']");
	assert_int_equal(tenant->metadata.xpath[0].namespaces.n, 1);
	assert_string_equal(tenant->metadata.xpath[0].namespaces.pair->value,
			    "urn:nova=1");
	assert_int_equal(conf->n_pools, 4);
	assert_ptr_equal(conf->pools[0].tenant, tenant);
	assert_int_equal(conf->n_services, 5);
	assert_ptr_equal(service->tenant, tenant);
	assert_ptr_equal(service->pool, &conf->pools[0]);
	addr_is(&service->vip, "203.0.113.255");
	assert_int_equal(service->port, 80);
	assert_int_equal(service->protocol, CONF_PROTOCOL_TCP);
	assert_int_equal(service->target_port, 8080);
	assert_int_equal(service->mode, CONF_MODE_NAT);
	assert_int_equal(service->return_path, CONF_RETURN_FIB);
	assert_int_equal(service->on_port_policy, CONF_POLICY_BYPASS);
	assert_true(service->observe);
	assert_int_equal(service[1].on_port_policy, CONF_POLICY_STACK);
	assert_false(service[1].observe);
	check_whole_families(conf);
	conf_free(conf);
}

static void test_defaults(void **state)
{
	char hostname[CONF_NAME_MAX + 1] = "";
	struct conf *conf;
	const struct conf_pool *pool;

	(void)state;
	put("drover.cfg", "node = { uplinks = [ \"eth0\" ]; };\n"
			  "hypervisors = ( { name = \"hv\"; } );\n"
			  "tenants = ( { name = \"t\"; vips = [ \"192.0.2.1\" ]"
			  "; names = [ \"*\" ]; } );\n"
			  "pools = ( { tenant = \"t\"; name = \"p\";"
			  " select = [ \"a\" ]; idle_timeout = \"10s\"; } );\n"
			  "services = ( { tenant = \"t\"; name = \"s\";"
			  " vip = \"192.0.2.1\"; port = 80; pool = \"p\"; } )");
	conf = load(path_of("drover.cfg"));
	assert_int_equal(gethostname(hostname, sizeof(hostname) - 1), 0);
	assert_string_equal(conf->node.name, hostname);
	assert_string_equal(conf->node.state_dir, "/var/lib/drover");
	assert_string_equal(conf->node.pin_dir, "/sys/fs/bpf/drover");
	assert_string_equal(conf->node.socket, "/run/drover/drover.sock");
	assert_int_equal(conf->node.log_level, CONF_LOG_INFO);
	assert_int_equal(conf->node.announce, CONF_ANNOUNCE_L2);
	assert_int_equal(conf->node.limits.backends, 4096);
	assert_int_equal(conf->node.limits.flows, 65536);
	assert_string_equal(conf->hypervisors[0].uri, "qemu:///system");
	assert_int_equal(conf->hypervisors[0].poll_ms, 5000);
	assert_int_equal(conf->tenants[0].networks.n, 0);
	pool = &conf->pools[0];
	assert_int_equal(pool->health.port, 80); /* the service's */
	assert_int_equal(pool->health.interval_ms, 1000);
	assert_int_equal(pool->health.timeout_ms, 500);
	assert_int_equal(pool->health.jitter_percent, 10);
	assert_int_equal(pool->udp_idle_ms, 10000); /* not above idle_timeout */
	assert_int_equal(pool->panic_threshold, 50);
	assert_int_equal(pool->drain.deadline_ms, 900000);
	assert_int_equal(pool->when_empty, CONF_RESET);
	assert_false(pool->reset_unhealthy);
	assert_int_equal(conf->services[0].target_port, 80);
	assert_int_equal(conf->services[0].return_path, CONF_RETURN_AUTO);
	assert_int_equal(conf->services[0].on_port_policy, CONF_POLICY_REFUSE);
	conf_free(conf);
	check_says(0, "drover.cfg: all is well: 1 hypervisor, 1 tenant, 1 "
		      "pool, 1 service\n");
}

#define MAIN                                                          \
	"node = { name = \"a\"; uplinks = [ \"eth0\" ]; log_level = " \
	"\"debug\";\n limits = { flows = 1024; pools = 9; }; };\n"    \
	"hypervisors = ( { name = \"hv\"; } );\n"

static void test_node_file(void **state)
{
	struct conf *conf;

	(void)state;
	put("drover.cfg", MAIN);
	put("node.cfg", "node = { name = \"b\"; limits = { flows = 2048; }; }");
	conf = load(path_of("drover.cfg"));
	assert_string_equal(conf->node.name, "b");
	assert_string_equal(conf->node.uplinks.text[0], "eth0");
	assert_int_equal(conf->node.log_level, CONF_LOG_DEBUG);
	assert_int_equal(conf->node.limits.flows, 2048);
	assert_int_equal(conf->node.limits.pools, 9);
	conf_free(conf);

	/* It is where the blame goes, and it has the node only. */
	put("node.cfg", "node = { limits = {\n flows = 1025; }; };\n"
			"tenants = ( );");
	check_says(-EINVAL, "node.cfg:2: node.limits.flows: 1025 is no power "
			    "of two, like 65536 (\"64k\") is\n"
			    "node.cfg:3: tenants: belongs into the main file "
			    "or into conf.d/, not into node.cfg\n");
}

#define TENANT(name, vip)                                                   \
	"tenants = ( { name = \"" name "\"; vips = [ \"" vip "\" ];\n"      \
	" names = [ \"" name "-*\" ]; } );\n"                               \
	"pools = ( { tenant = \"" name "\"; name = \"p\"; select = [ \"a\"" \
	" ]; } );\n"                                                        \
	"services = ( { tenant = \"" name "\"; name = \"s\"; vip = \"" vip  \
	"\"; port = 80; pool = \"p\"; } );\n"

static void test_parts(void **state)
{
	struct conf *conf;

	(void)state;
	put("drover.cfg", MAIN);
	assert_int_equal(mkdir(path_of("conf.d"), 0700), 0);
	put("conf.d/b.cfg", TENANT("bank", "192.0.2.2"));
	put("conf.d/a.cfg", TENANT("shop", "192.0.2.1"));
	put("conf.d/c.cfg~", "nonsense");
	put("conf.d/.d.cfg", "nonsense");
	conf = load(path_of("drover.cfg"));
	assert_int_equal(conf->n_tenants, 2);
	assert_string_equal(conf->tenants[0].name, "shop"); /* a before b */
	assert_ptr_equal(conf_hypervisor_find(conf, "hv"), conf->hypervisors);
	assert_null(conf_hypervisor_find(conf, "h"));
	assert_non_null(conf_tenant_find(conf, "bank"));
	assert_null(conf_tenant_find(conf, "p"));
	assert_ptr_equal(conf_pool_find(conf, "bank", "p"), &conf->pools[1]);
	assert_null(conf_pool_find(conf, "bank", "q"));
	assert_ptr_equal(conf_service_find(conf, "bank", "s"),
			 &conf->services[1]);
	assert_null(conf_service_find(conf, "shop", "x"));
	assert_ptr_equal(conf->services[1].pool, &conf->pools[1]);
	conf_free(conf);

	check_says(0, "drover.cfg and 2 more files: all is well: 1 "
		      "hypervisor, 2 tenants, 2 pools, 2 services\n");

	/* Between files the other one is named; what follows is not told. */
	put("conf.d/b.cfg", TENANT("shop", "192.0.2.1"));
	check_says(-EINVAL,
		   "conf.d/b.cfg:1: tenants.shop.name: there is a tenant "
		   "\"shop\" already (conf.d/a.cfg:1)\n"
		   "conf.d/b.cfg:3: pools.p.name: tenant \"shop\" has a pool "
		   "\"p\" already (conf.d/a.cfg:3)\n"
		   "conf.d/b.cfg:4: services.s.name: tenant \"shop\" has a "
		   "service \"s\" already (conf.d/a.cfg:4)\n");

	/* Syntax errors of all files at once. */
	put("conf.d/b.cfg", "pools = (\n}");
	put("conf.d/bad.cfg", "node = { name = \"c\"; };");
	check_says(-EINVAL, "conf.d/b.cfg:2: syntax error: \"}\" where "
			    "\"(\" of line 1 is to be closed first\n");
	put("conf.d/b.cfg", "");
	check_says(-EINVAL, "conf.d/bad.cfg:1: node: belongs into the main "
			    "file or into node.cfg\n");
}

static void test_files(void **state)
{
	struct conf *conf = NULL;
	struct conf_errors errs;

	(void)state;
	check_says(-ENOENT,
		   "drover.cfg: cannot be read: No such file or directory\n");
	assert_int_equal(conf_load(dir, &conf, &errs), -EISDIR);
	assert_null(conf);
	put("drover.cfg", "");
	check_says(-EINVAL,
		   "drover.cfg: node.uplinks: is missing, it must be a list of "
		   "strings, like [ \"a\", \"b\" ]\n");
	assert_int_equal(mkdir(path_of("node.cfg"), 0700), 0);
	check_says(-EISDIR, "node.cfg: cannot be read: Is a directory\n");
	assert_int_equal(rmdir(path_of("node.cfg")), 0);
	put("conf.d", "");
	check_says(-ENOTDIR, "conf.d: cannot be read: Not a directory\n");
}

static void test_odd_bytes(void **state)
{
	struct conf *conf = NULL;
	struct conf_errors errs;
	FILE *file;

	(void)state;
	file = fopen(path_of("drover.cfg"), "we");
	assert_non_null(file);
	assert_int_equal(
		fwrite(MAIN "\0tenants = 7;", sizeof(MAIN) + 12, 1, file), 1);
	assert_int_equal(fclose(file), 0);
	check_says(-EINVAL,
		   "drover.cfg: is no text, there is a zero byte in it\n");

	/* Nested deeper than anything that has a meaning. */
	assert_int_equal(
		conf_load_text("deep",
			       "a=((((((((((((((((((1))))))))))))))))))", &conf,
			       &errs),
		-EINVAL);
	assert_int_equal(errs.n_errors, 1);
	assert_string_equal(errs.error[0].msg,
			    "has more than 16 groups and lists in each other");
}

static void test_names_of_values(void **state)
{
	enum conf_at_deadline at_deadline = CONF_DEADLINE_KEEP;

	(void)state;
	assert_string_equal(conf_log_level_name(CONF_LOG_WARNING), "warning");
	assert_string_equal(conf_engine_name(CONF_ENGINE_XDP), "xdp");
	assert_string_equal(conf_announce_name(CONF_ANNOUNCE_NONE), "none");
	assert_string_equal(conf_refusal_name(CONF_DROP), "drop");
	assert_string_equal(conf_weights_name(CONF_WEIGHTS_FIXED), "fixed");
	assert_string_equal(conf_affinity_name(CONF_AFFINITY_SOURCE), "source");
	assert_string_equal(conf_health_type_name(CONF_HEALTH_TCP), "tcp");
	assert_string_equal(conf_health_type_name(CONF_HEALTH_EXEC), "exec");
	assert_string_equal(conf_via_name(CONF_VIA_PATH), "path");
	assert_string_equal(conf_driver_name(CONF_DRIVER_FED), "fed");
	assert_string_equal(conf_vm_state_name(CONF_VM_STOPPED), "stopped");
	assert_string_equal(conf_protocol_name(CONF_PROTOCOL_TCP), "tcp");
	assert_string_equal(conf_mode_name(CONF_MODE_NAT), "nat");
	assert_string_equal(conf_return_name(CONF_RETURN_FIB), "fib");
	assert_string_equal(conf_port_policy_name(CONF_POLICY_BYPASS),
			    "bypass");
	assert_string_equal(conf_at_deadline_name(CONF_DEADLINE_RESET),
			    "reset");
	assert_string_equal(conf_mode_name((enum conf_mode)77), "?");
	assert_int_equal(conf_at_deadline_parse("reset", &at_deadline), 0);
	assert_int_equal(at_deadline, CONF_DEADLINE_RESET);
	assert_int_equal(conf_at_deadline_parse("never", &at_deadline),
			 -EINVAL);
	assert_int_equal(at_deadline, CONF_DEADLINE_RESET);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		TEST(test_defaults),
		TEST(test_node_file),
		TEST(test_parts),
		TEST(test_files),
		TEST(test_odd_bytes),
		cmocka_unit_test(test_names_of_values),
	};

	return cmocka_run_group_tests_name("config_load", tests, NULL, NULL);
}
