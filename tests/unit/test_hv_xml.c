/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domain XML: files as libvirt 9.0 wrote them (domains/), and broken ones.
 */
#include "control/hypervisor/libvirt_xml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_MAX 16384

static size_t load(const char *name, char buf[FILE_MAX])
{
	const char *source = getenv("DROVER_SOURCE");
	char path[512];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/unit/domains/%s",
		 source ? source : ".", name);
	file = fopen(path, "r");
	if (!file)
		fail_msg("cannot open %s", path);
	size = fread(buf, 1, FILE_MAX, file);
	fclose(file);
	assert_in_range(size, 500, FILE_MAX - 1);
	return size;
}

/* As libvirt gives it: memory of its own that ends with the text. */
static int parse_part(const char *xml, size_t size, struct hv_vm *vm)
{
	char *text;
	int err;

	text = strndup(xml, size);
	assert_non_null(text);
	err = libvirt_xml_parse(text, vm);
	free(text);
	return err;
}

static struct hv_vm *parse(const char *xml, size_t size)
{
	struct hv_vm *vm;

	vm = hv_vm_new();
	assert_non_null(vm);
	assert_int_equal(parse_part(xml, size, vm), 0);
	return vm;
}

static struct hv_vm *parse_file(const char *name)
{
	char buf[FILE_MAX];
	size_t size;

	size = load(name, buf);
	return parse(buf, size);
}

/* What is asked for, by other names' sake elsewhere, is something else. */
static void test_elsewhere(void **state)
{
	static const char xml[] =
		"<domain type='kvm' id='3'>"
		"<os><name>no</name><devices><interface type='bridge'>"
		"<mac address='52:54:00:00:00:99'/></interface></devices>"
		"<metadata><vm xmlns='urn:drover:vm:1'>"
		"<tag name='role' value='no'/></vm></metadata><uuid>no</uuid>"
		"<![CDATA[<name>no</name>]]><!-- <name>no</name> --></os>"
		"<name>we<!-- x -->b</name>"
		"<uuid>11111111-0000-4000-8000-000000000000</uuid>"
		"<cpu><interface/></cpu><interface><mac address='x'/></interface>"
		"<metadata><other><devices><interface/></devices></other>"
		"<vm xmlns='urn:drover:vm:1'><tag name='role' value='web'/>"
		"<address ip='10.0.0.7'/></vm></metadata>"
		"<devices><disk><interface type='user'/><channel/></disk>"
		"<interface type='bridge'><mac address='52:54:00:00:00:01'/>"
		"<source bridge='br0'/><target dev='vnet1'/></interface>"
		"<hostdev><interface/></hostdev></devices>"
		"<seclabel><devices><interface/></devices></seclabel></domain>";
	struct hv_vm *vm = parse(xml, sizeof(xml) - 1);

	(void)state;
	assert_string_equal(vm->name, "web");
	assert_int_equal(vm->run, 3);
	assert_int_equal(vm->n_tags, 1);
	assert_string_equal(vm->tags[0].value, "web");
	assert_int_equal(vm->n_nics, 1);
	assert_string_equal(vm->nics[0].port, "vnet1");
	assert_int_equal(vm->nics[0].n_addrs, 1);
	assert_false(vm->truncated);
	assert_non_null(
		strstr(vm->metadata, "<other><devices><interface/></devices>"));
	hv_vm_free(vm);
}

static void test_run(void **state)
{
	static const struct {
		const char *id;
		int run;
	} cases[] = {
		{ "", 0 },
		{ " id='7'", 7 },
		{ " id='2147483647'", 2147483647 },
		{ " id='2147483648'", 0 },
		{ " id='99999999999999999999'", 0 },
		{ " id='-1'", 0 },
		{ " id='7a'", 0 },
		{ " id=''", 0 },
	};
	struct hv_vm *vm;
	char xml[256];
	int size;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size = snprintf(xml, sizeof(xml),
				"<domain%s><name>a</name><uuid>4e772c09-7fb9-"
				"494e-8d8d-5c164a59ce10</uuid></domain>",
				cases[i].id);
		vm = parse(xml, (size_t)size);
		assert_int_equal(vm->run, cases[i].run);
		hv_vm_free(vm);
	}
}

static int error_of(const char *xml, size_t size)
{
	struct hv_vm *vm;
	int err;

	vm = hv_vm_new();
	assert_non_null(vm);
	err = parse_part(xml, size, vm);
	hv_vm_free(vm);
	return err;
}

static void assert_ip(const struct hv_addr *addr, const char *text)
{
	struct ip_addr ip;

	assert_int_equal(hv_ip_parse(text, &ip), 0);
	assert_memory_equal(&addr->ip, &ip, sizeof(ip));
	assert_int_equal(addr->source, HV_ADDR_METADATA);
}

static void test_running(void **state)
{
	static const uint8_t mac[] = { 0x52, 0x54, 0x00, 0x77, 0x72, 0x0b };
	struct hv_vm *vm;
	char uuid[HV_UUID_TEXT];

	(void)state;
	vm = parse_file("running.xml");
	hv_uuid_print(vm->uuid, uuid);
	assert_string_equal(uuid, "4e772c09-7fb9-494e-8d8d-5c164a59ce10");
	assert_string_equal(vm->name, "a");
	assert_int_equal(vm->run, 1);
	assert_int_equal(vm->n_tags, 1);
	assert_string_equal(vm->tags[0].name, "role");
	assert_string_equal(vm->tags[0].value, "web");
	assert_int_equal(vm->n_nics, 1);
	assert_memory_equal(vm->nics[0].mac, mac, sizeof(mac));
	assert_int_equal(vm->nics[0].kind, HV_NIC_BRIDGE);
	assert_string_equal(vm->nics[0].port, "vnet0");
	assert_true(vm->nics[0].port_managed);
	assert_string_equal(vm->nics[0].bridge, "br0");
	assert_string_equal(vm->nics[0].network, "");
	assert_false(vm->nics[0].has_filter);
	assert_false(vm->nics[0].has_bandwidth);
	assert_int_equal(vm->nics[0].n_addrs, 0);
	assert_false(vm->agent); /* its channel says disconnected */
	assert_false(vm->truncated);
	hv_vm_free(vm);
}

static void test_network(void **state)
{
	struct hv_vm *vm;

	(void)state;
	vm = parse_file("network.xml");
	assert_int_equal(vm->n_nics, 1);
	assert_int_equal(vm->nics[0].kind, HV_NIC_BRIDGE);
	assert_string_equal(vm->nics[0].network, "lbnet");
	assert_string_equal(vm->nics[0].bridge, "virbr7");
	assert_string_equal(vm->nics[0].port, "vnet2");
	hv_vm_free(vm);
}

/* Every kind of NIC; metadata with a prefix beside somebody else's. */
static void test_kinds(void **state)
{
	static const enum hv_nic_kind kinds[] = {
		HV_NIC_BRIDGE, HV_NIC_BRIDGE,	 HV_NIC_OVS,  HV_NIC_MACVTAP,
		HV_NIC_SRIOV,  HV_NIC_VHOSTUSER, HV_NIC_USER, HV_NIC_ROUTED,
	};
	struct hv_vm *vm;
	size_t i;

	(void)state;
	vm = parse_file("kinds.xml");
	assert_int_equal(vm->n_nics, ARRAY_SIZE(kinds));
	for (i = 0; i < vm->n_nics; i++) {
		assert_int_equal(vm->nics[i].kind, kinds[i]);
		assert_int_equal(vm->nics[i].mac[5], i + 1);
		assert_int_equal(vm->nics[i].has_filter, i == 0);
		assert_int_equal(vm->nics[i].has_bandwidth, i == 0);
		assert_int_equal(vm->nics[i].link_down, i == 0);
		assert_int_equal(vm->nics[i].port_managed, i != 7);
	}
	assert_string_equal(vm->nics[2].bridge, "ovsbr0");
	assert_string_equal(vm->nics[7].port, "mytap0");
	assert_int_equal(vm->n_tags, 2);
	assert_string_equal(vm->tags[1].name, "canary");
	assert_string_equal(vm->tags[1].value, "");
	assert_int_equal(vm->nics[0].n_addrs, 1);
	assert_ip(&vm->nics[0].addrs[0], "2001:db8::5");
	assert_int_equal(vm->nics[1].n_addrs, 1);
	assert_ip(&vm->nics[1].addrs[0], "10.9.0.5");
	hv_vm_free(vm);
}

/* A domain with this in its metadata and these devices. */
static size_t compose(char *buf, size_t size, const char *metadata,
		      const char *devices)
{
	return (size_t)snprintf(
		buf, size,
		"<domain><name>x</name>"
		"<uuid>00000000-0000-4000-8000-000000000001</uuid>"
		"<metadata>%s</metadata><devices>%s</devices></domain>",
		metadata, devices);
}

static void test_agent(void **state)
{
	static const char connected[] =
		"<channel type='unix'><target type='virtio' "
		"name='org.qemu.guest_agent.0' state='connected'/></channel>";
	char buf[2048];
	struct hv_vm *vm;

	(void)state;
	vm = parse(buf, compose(buf, sizeof(buf), "", connected));
	assert_true(vm->agent);
	hv_vm_free(vm);
}

/* What is not ours, or makes no sense, is left out; the VM stays readable. */
static void test_strange_metadata(void **state)
{
	static const char strange[] =
		"<vm xmlns='urn:somebody:else'><tag name='role' value='a'/></vm>"
		"<vm><tag name='role' value='b'/></vm>"
		"<vm xmlns='" HV_METADATA_URN "'>"
		"<tag value='no name'/><tag name=''/>text<!-- note -->"
		"<address/><address ip='10.0.0.256'/><address ip='127.0.0.1'/>"
		"<address ip='224.0.0.1'/><address ip='fe80::1'/>"
		"<address ip='10.0.0.7' mac='52:54:00:00:00:99'/>"
		"<address ip='10.0.0.7' mac='nonsense'/>"
		"<tag name='ok' value='&lt;&amp;&apos;'/></vm>";
	static const char nic[] =
		"<interface type='bridge'><mac address='52:54:00:00:00:01'/>"
		"</interface>";
	char buf[4096];
	struct hv_vm *vm;

	(void)state;
	vm = parse(buf, compose(buf, sizeof(buf), strange, nic));
	assert_int_equal(vm->n_tags, 1);
	assert_string_equal(vm->tags[0].name, "ok");
	assert_string_equal(vm->tags[0].value, "<&'");
	assert_int_equal(vm->n_nics, 1);
	assert_int_equal(vm->nics[0].n_addrs, 0);
	assert_string_equal(vm->nics[0].port, "");
	hv_vm_free(vm);
}

/* What conditions are asked of: the text as it stands, of this element only. */
static void test_metadata_kept(void **state)
{
	static const char metadata[] =
		"<o:owner xmlns:o='urn:o' of='a&amp;b>c'>\n"
		"  <!-- who --><![CDATA[<x>]]>&lt;\n</o:owner>"
		"<vm xmlns='" HV_METADATA_URN "'><tag name='a'/></vm>";
	static const char *const twice[] = {
		"</metadata><metadata>",
		"</metadata><name>y</name><metadata>",
		"</metadata><uuid/><uuid/><metadata>",
	};
	char buf[4096], wanted[1024];
	struct hv_vm *vm;
	size_t i;

	(void)state;
	vm = parse(buf, compose(buf, sizeof(buf), metadata, ""));
	snprintf(wanted, sizeof(wanted), "<metadata>%s</metadata>", metadata);
	assert_string_equal(vm->metadata, wanted);
	assert_int_equal(vm->n_tags, 1);
	hv_vm_free(vm);
	vm = parse(buf, (size_t)snprintf(
				buf, sizeof(buf),
				"<domain><metadata a='>' /><name>x</name><uuid>"
				"00000000-0000-4000-8000-000000000001</uuid>"
				"</domain>"));
	assert_string_equal(vm->metadata, "<metadata a='>' />");
	hv_vm_free(vm);
	/* Whose it is must not hang on which of two is meant. */
	for (i = 0; i < ARRAY_SIZE(twice); i++)
		assert_int_equal(
			error_of(buf, compose(buf, sizeof(buf), twice[i], "")),
			-EINVAL);
}

/* More than we keep: the first ones are kept, and it is said. */
static void test_limits(void **state)
{
	char metadata[32768], devices[16384], buf[65536];
	size_t i, at;
	struct hv_vm *vm;

	(void)state;
	at = (size_t)sprintf(metadata, "<vm xmlns='" HV_METADATA_URN "'>");
	for (i = 0; i < HV_MAX_TAGS + 10; i++)
		at += (size_t)sprintf(metadata + at,
				      "<tag name='t%zu' value='v'/>", i);
	for (i = 0; i < HV_MAX_ADDRS + 5; i++)
		at += (size_t)sprintf(metadata + at,
				      "<address ip='10.0.1.%zu'/>", i);
	sprintf(metadata + at, "</vm>");
	for (i = 0, at = 0; i < HV_MAX_NICS + 3; i++)
		at += (size_t)sprintf(devices + at,
				      "<interface type='bridge'>"
				      "<mac address='52:54:00:00:01:%02zx'/>"
				      "</interface>",
				      i);
	vm = parse(buf, compose(buf, sizeof(buf), metadata, devices));
	assert_int_equal(vm->n_tags, HV_MAX_TAGS);
	assert_string_equal(vm->tags[HV_MAX_TAGS - 1].name, "t63");
	assert_int_equal(vm->n_nics, HV_MAX_NICS);
	assert_int_equal(vm->nics[0].n_addrs, HV_MAX_ADDRS);
	assert_true(vm->truncated);
	hv_vm_free(vm);
}

static void test_long_tag(void **state)
{
	char value[300], metadata[1024], buf[4096];
	struct hv_vm *vm;

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	snprintf(metadata, sizeof(metadata),
		 "<vm xmlns='" HV_METADATA_URN "'><tag name='a' value='%s'/>"
		 "<tag name='b' value='x'/></vm>",
		 value);
	vm = parse(buf, compose(buf, sizeof(buf), metadata, ""));
	assert_int_equal(vm->n_tags, 1);
	assert_string_equal(vm->tags[0].name, "b");
	assert_true(vm->truncated);
	hv_vm_free(vm);
}

/* A file that was cut anywhere is refused, never half believed. */
static void test_truncations(void **state)
{
	static const char *const files[] = { "running.xml", "network.xml",
					     "kinds.xml" };
	char buf[FILE_MAX];
	size_t i, cut, end;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		end = load(files[i], buf);
		while (buf[end - 1] == '\n')
			end--;
		assert_int_equal(error_of(buf, end), 0);
		for (cut = 0; cut < end; cut++)
			assert_int_equal(error_of(buf, cut), -EINVAL);
	}
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"<network><name>x</name></network>",
		"<domain/>",
		"<domain><name>x</name></domain>",
		"<domain><name/><uuid>00000000-0000-4000-8000-000000000001"
		"</uuid></domain>",
		"<domain><name>x</name><uuid>nonsense</uuid></domain>",
		"<domain><name>x</name><uuid>00000000-0000-4000-8000-"
		"0000000000012</uuid></domain>",
		/* entities: libvirt never writes any */
		"<!DOCTYPE d [<!ENTITY n 'x'>]><domain><name>&n;</name><uuid>"
		"00000000-0000-4000-8000-000000000001</uuid></domain>",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(error_of(texts[i], strlen(texts[i])), -EINVAL);
}

static void test_uuid_text(void **state)
{
	static const char *const wrong[] = {
		"",
		"0",
		"g0000000-0000-4000-8000-000000000001",
		"00000000-0000-4000-8000-00000000000",
		"-0000000-0000-4000-8000-0000000000011",
	};
	uint8_t uuid[HV_UUID_SIZE];
	char text[HV_UUID_TEXT];
	size_t i;

	(void)state;
	assert_int_equal(
		hv_uuid_parse("0F3C0A10-1111-4222-8333-0000000000fA", uuid), 0);
	hv_uuid_print(uuid, text);
	assert_string_equal(text, "0f3c0a10-1111-4222-8333-0000000000fa");
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(hv_uuid_parse(wrong[i], uuid), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_running),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_agent),
		cmocka_unit_test(test_strange_metadata),
		cmocka_unit_test(test_metadata_kept),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long_tag),
		cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_uuid_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
