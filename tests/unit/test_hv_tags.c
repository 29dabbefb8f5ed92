/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tags in a <vm> element: what a change makes of it, and what it leaves alone.
 */
#include "control/hypervisor/libvirt_xml.h"
#include "control/hypervisor/libvirt_xml_tags.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SET(n, v)                \
	{                        \
		HV_TAG_SET, n, v \
	}
#define ADD(n, v)                \
	{                        \
		HV_TAG_ADD, n, v \
	}
#define REMOVE(n, v)                \
	{                           \
		HV_TAG_REMOVE, n, v \
	}

#define STEPS_MAX 3

/* What becomes of an element; after: NULL: nothing changes. */
struct edit {
	const char *before;
	struct hv_tag_step steps[STEPS_MAX];
	size_t n_steps;
	const char *after;
};

static const struct edit edits[] = {
	/* None there. */
	{ NULL, { SET("a", "b") }, 1, "<vm><tag name=\"a\" value=\"b\"/></vm>" },
	{ NULL, { ADD("a", "") }, 1, "<vm><tag name=\"a\"/></vm>" },
	{ NULL, { REMOVE("a", NULL) }, 1, NULL },
	{ "<vm/>", { REMOVE("a", "b") }, 1, NULL },
	/* Set: the value of a name, and no other. */
	{ "<vm><tag name='a' value='b'/></vm>", { SET("a", "b") }, 1, NULL },
	{ "<vm><tag name='a'/></vm>", { SET("a", "") }, 1, NULL },
	{ "<vm><tag name='a' value=''/></vm>", { SET("a", "") }, 1, NULL },
	{ "<vm><tag name='a' value='b'/></vm>",
	  { SET("a", "c") },
	  1,
	  "<vm><tag name=\"a\" value=\"c\"/></vm>" },
	{ "<vm><tag name='a'/><tag name='x'/><tag name='a' value='b'/>"
	  "<tag name='a' value='b'/></vm>",
	  { SET("a", "b") },
	  1,
	  "<vm><tag name=\"x\"/><tag name=\"a\" value=\"b\"/></vm>" },
	/* Add: beside others. */
	{ "<vm><tag name='a' value='b'/></vm>", { ADD("a", "b") }, 1, NULL },
	{ "<vm><tag name='a' value='b'/><x/></vm>",
	  { ADD("a", "c"), ADD("b", "") },
	  2,
	  "<vm><tag name=\"a\" value=\"b\"/><tag name=\"a\" value=\"c\"/>"
	  "<tag name=\"b\"/><x/></vm>" },
	/* Remove: one value, or all. */
	{ "<vm><tag name='a' value='b'/><tag name='a' value='c'/></vm>",
	  { REMOVE("a", "b") },
	  1,
	  "<vm><tag name=\"a\" value=\"c\"/></vm>" },
	{ "<vm><tag name='a' value='b'/><tag name='a'/></vm>",
	  { REMOVE("a", "") },
	  1,
	  "<vm><tag name=\"a\" value=\"b\"/></vm>" },
	{ "<vm><tag name='a' value='b'/><tag name='a' value='c'/></vm>",
	  { REMOVE("a", NULL) },
	  1,
	  "<vm/>" },
	/* In order. */
	{ "<vm><tag name='a' value='b'/></vm>",
	  { REMOVE("a", NULL), SET("a", "c"), ADD("a", "d") },
	  3,
	  "<vm><tag name=\"a\" value=\"c\"/><tag name=\"a\" value=\"d\"/></vm>" },
	/* What means something in XML. */
	{ NULL,
	  { SET("a", "<&'\">") },
	  1,
	  "<vm><tag name=\"a\" value=\"&lt;&amp;'&quot;&gt;\"/></vm>" },
	{ "<vm><tag name='a' value='&lt;&amp;'/></vm>",
	  { SET("a", "<&") },
	  1,
	  NULL },
	/* The rest stays, and looks as it did. */
	{ "<vm at=\"1\">\n  <tag name=\"a\"/>\n  <tag name=\"b\"/>\n"
	  "  <address ip=\"10.0.0.7\" mac=\"52:54:00:12:34:56\"/>\n"
	  "  <!-- a note --><x:y xmlns:x=\"urn:x\"> <x:tag name=\"z\"/> "
	  "text</x:y><tag/>\n</vm>",
	  { REMOVE("a", NULL), ADD("c", "") },
	  2,
	  "<vm at=\"1\">\n  <tag name=\"b\"/>\n"
	  "  <address ip=\"10.0.0.7\" mac=\"52:54:00:12:34:56\"/>\n"
	  "  <!-- a note --><x:y xmlns:x=\"urn:x\"> <x:tag name=\"z\"/> "
	  "text</x:y><tag/><tag name=\"c\"/>\n</vm>" },
	{ "<vm>\n  <tag name=\"a\"/>\n  <x/>\n</vm>",
	  { ADD("b", "") },
	  1,
	  "<vm>\n  <tag name=\"a\"/>\n  <tag name=\"b\"/>\n  <x/>\n</vm>" },
};

static void test_edits(void **state)
{
	const struct edit *e;
	char *after, *again;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(edits); i++) {
		e = &edits[i];
		after = NULL;
		assert_int_equal(libvirt_xml_tags(e->before, e->steps,
						  e->n_steps, &after),
				 0);
		if (!e->after) {
			assert_null(after);
			continue;
		}
		assert_non_null(after);
		assert_string_equal(after, e->after);
		/* Once more is no change, unless steps undo each other. */
		assert_int_equal(libvirt_xml_tags(after, e->steps, e->n_steps,
						  &again),
				 0);
		if (e->n_steps < STEPS_MAX)
			assert_null(again);
		else
			assert_string_equal(again, after);
		free(again);
		free(after);
	}
}

static void test_refused(void **state)
{
	static const struct hv_tag_step step = SET("a", "b");
	static const char *const wrong[] = {
		"",	    "<vm>",	 "<vm/><vm/>",
		"<other/>", "<VM/>",	 "<!DOCTYPE vm><vm/>",
		"text",	    "<vm a=b/>", "<vm>&e;</vm>",
	};
	char *after = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(libvirt_xml_tags(wrong[i], &step, 1, &after),
				 -EINVAL);
	assert_null(after);
}

/* As many as the reader keeps; where there are more, they may only get fewer. */
static void test_limit(void **state)
{
	static const struct hv_tag_step more = ADD("more", "");
	static const struct hv_tag_step fewer = REMOVE("t1", NULL);
	static const struct hv_tag_step other = SET("t1", "x");
	char *after, *element = NULL;
	size_t size, i;
	FILE *out;

	(void)state;
	out = open_memstream(&element, &size);
	assert_non_null(out);
	fprintf(out, "<vm>");
	for (i = 0; i < HV_MAX_TAGS; i++)
		fprintf(out, "<tag name='t%zu'/>", i);
	fprintf(out, "<tag/><tag name=''/></vm>");
	assert_int_equal(fclose(out), 0);
	assert_int_equal(libvirt_xml_tags(element, &more, 1, &after), -E2BIG);
	assert_int_equal(libvirt_xml_tags(element, &other, 1, &after), 0);
	free(after);
	assert_int_equal(libvirt_xml_tags(element, &fewer, 1, &after), 0);
	free(element);
	element = after;
	assert_int_equal(libvirt_xml_tags(element, &more, 1, &after), 0);
	free(after);
	free(element);
}

/* What was written is what is read. */
static void test_read_back(void **state)
{
	static const struct hv_tag_step steps[] = {
		SET("role", "web"),
		ADD("odd", "\xc3\xa4<>&'\"=,"),
		ADD("a.b_c-d/e", ""),
	};
	struct hv_vm *vm = hv_vm_new();
	char xml[1024], tags[256];
	char *after = NULL;

	(void)state;
	assert_non_null(vm);
	assert_int_equal(libvirt_xml_tags("<vm><address ip='10.0.0.7'/></vm>",
					  steps, ARRAY_SIZE(steps), &after),
			 0);
	snprintf(xml, sizeof(xml),
		 "<domain><name>a</name>"
		 "<uuid>4e772c09-7fb9-494e-8d8d-5c164a59ce10</uuid>"
		 "<metadata><vm xmlns='" HV_METADATA_URN "'>%s"
		 "</metadata></domain>",
		 after + strlen("<vm>"));
	assert_int_equal(libvirt_xml_parse(xml, vm), 0);
	hv_tags_print(vm, tags, sizeof(tags));
	assert_string_equal(tags, "role=web odd=\xc3\xa4<>&'\"=, a.b_c-d/e");
	hv_tags_print(vm, tags, 10);
	assert_string_equal(tags, "role=web ");
	hv_vm_free(vm);
	free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
