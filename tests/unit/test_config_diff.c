/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a reload changes: every line of a plan, and the property that the
 * changes, applied to the old configuration, give the new one.
 *
 * For that a configuration is laid out as lines "path = value", by this test
 * alone: it walks the schema and knows nothing of how diff.c compares.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/diff.h"
#include "config/value.h"

static struct conf *load(const char *text)
{
	struct conf_errors errs;
	struct conf *conf = NULL;
	int err = conf_load_text("test", text, &conf, &errs);

	if (err)
		conf_errors_print(&errs, stderr);
	assert_int_equal(err, 0);
	return conf;
}

/* --- single changes ----------------------------------------------------- */

static const char base[] =
	"node = { name = \"a\"; uplinks = [ \"e0\" ]; };\n"
	"hypervisors = ( { name = \"h\"; } );\n"
	"tenants = ( { name = \"t\"; vips = [ \"192.0.2.0/24\" ]; "
	"names = [ \"*\" ]; } );\n"
	"pools = ( { tenant = \"t\"; name = \"p\"; select = [ \"a\" ]; } );\n"
	"services = ( { tenant = \"t\"; name = \"s\"; vip = \"192.0.2.1\"; "
	"port = 80; pool = \"p\"; } );\n";

/* What turns one text into the other. */
static void pair_is(const char *old, const char *new, const char *wanted)
{
	struct conf *before = load(old), *after = load(new);
	struct conf_changes changes;
	char *plan = NULL;
	size_t size, i;
	FILE *out;

	assert_int_equal(conf_diff(before, after, &changes), 0);
	conf_free(before);
	conf_free(after);
	/* The list stands by itself. */
	out = open_memstream(&plan, &size);
	assert_non_null(out);
	for (i = 0; i < changes.n; i++) {
		conf_change_print(&changes.change[i], out);
		fputc('\n', out);
	}
	assert_int_equal(fclose(out), 0);
	assert_string_equal(plan, wanted);
	conf_changes_done(&changes);
	free(plan);
}

/* The plan for base with @old replaced by @new. */
static void plan_is(const char *old, const char *new, const char *wanted)
{
	const char *at = strstr(base, old);
	char *text = NULL;

	assert_non_null(at);
	assert_true(asprintf(&text, "%.*s%s%s", (int)(at - base), base, new,
			     at + strlen(old)) > 0);
	pair_is(base, text, wanted);
	free(text);
}

static void test_plans(void **state)
{
	(void)state;
	plan_is("name", "name", "");
	plan_is("[ \"a\" ];", "[ \"a\" ]; idle_timeout = \"350s\";", "");
	plan_is("[ \"a\" ];",
		"[ \"a\" ]; idle_timeout = \"1h\"; drain = { "
		"deadline = \"2h\"; };",
		"~ pools.t/p.idle_timeout: \"350s\" -> \"1h\"\n"
		"~ pools.t/p.drain.deadline: \"15m\" -> \"2h\"\n");
	plan_is("[ \"a\" ];", "[ \"a\", \"b!=c\" ]; affinity = \"source\";",
		"~ pools.t/p.select: [ \"a\" ] -> [ \"a\", \"b!=c\" ]\n"
		"~ pools.t/p.affinity: \"flow\" -> \"source\" "
		"(cuts connections)\n");
	plan_is("[ \"a\" ];",
		"[ \"a\" ]; reset_unhealthy = true; health = { "
		"port = 81; jitter = 0; };",
		"~ pools.t/p.health.port: 80 -> 81\n"
		"~ pools.t/p.health.jitter: 10 -> 0\n"
		"~ pools.t/p.reset_unhealthy: false -> true\n");
	plan_is("\"192.0.2.1\"", "\"192.0.2.2\"",
		"~ services.t/s.vip: \"192.0.2.1\" -> \"192.0.2.2\" (cuts "
		"connections)\n");
	plan_is("\"192.0.2.0/24\" ]",
		"\"192.0.2.0/25\" ]; networks = [ \"b "
		"\\\"1\\\"\" ]; no_service = \"drop\"",
		"~ tenants.t.vips: [ \"192.0.2.0/24\" ] -> [ "
		"\"192.0.2.0/25\" ]\n"
		"~ tenants.t.networks: [ ] -> [ \"b \\\"1\\\"\" ]\n"
		"~ tenants.t.no_service: \"reset\" -> \"drop\"\n");
	plan_is("\"e0\" ];",
		"\"e0\" ]; log_level = \"debug\"; limits = { "
		"flows = \"128k\"; };",
		"~ node.log_level: \"info\" -> \"debug\"\n"
		"~ node.limits.flows: \"64k\" -> \"128k\" (after a restart of "
		"droverd)\n");
	plan_is("{ name = \"h\"; }",
		"{ name = \"h\"; }, { name = \"i\"; uri = \"test:///default\"; "
		"}",
		"+ hypervisors.i\n");
	/* Another name is another one. */
	plan_is("name = \"s\"", "name = \"x\"",
		"- services.t/s (cuts connections)\n"
		"+ services.t/x\n");
}

static void test_order(void **state)
{
	struct conf_changes changes;
	struct conf *before, *after;
	char *text;

	(void)state;
	before = load("node = { name = \"a\"; uplinks = [ \"e0\" ]; };"
		      "hypervisors = ( { name = \"h\"; }, { name = \"i\";"
		      " uri = \"test:///default\"; } );");
	after = load("hypervisors = ( { uri = \"test:///default\";"
		     " name = \"i\"; }, { name = \"h\"; } );"
		     "node = { uplinks = ( \"e0\" ); name = \"a\"; };");
	assert_int_equal(conf_diff(before, after, &changes), 0);
	assert_int_equal(changes.n, 0);
	conf_changes_done(&changes);

	/* A value's text is one that a config may have. */
	text = conf_value_reveal(&conf_node_group()->fields[0], &before->node);
	assert_string_equal(text, "\"a\"");
	free(text);
	conf_free(before);
	conf_free(after);
}

#define STATIC(vms, health)                                                    \
	"node = { uplinks = [ \"e0\" ]; }; hypervisors = ( { name = \"m\"; "   \
	"driver = \"static\"; vms = ( " vms " ); } ); tenants = ( { name = "   \
	"\"t\"; vips = [ \"192.0.2.1\" ]; metadata = ( { xpath = \"a\"; } ); " \
	"} ); pools = ( { tenant = \"t\"; name = \"p\"; select = [ \"a\" ]; "  \
	"health = { port = 6379; " health " }; } );"
#define VM(name, address) \
	"{ name = \"" name "\"; addresses = [ \"" address "\" ]; }"

/* Lists of groups: an element is known by its name, whatever its place. */
static void test_lists(void **state)
{
	(void)state;
	pair_is(STATIC(VM("a", "192.0.2.7") "," VM("b", "192.0.2.8"), ""),
		STATIC(VM("c", "192.0.2.9") "," VM("b", "192.0.2.10"), ""),
		"- hypervisors.m.vms.a\n"
		"+ hypervisors.m.vms.c\n"
		"~ hypervisors.m.vms.b.addresses: [ \"192.0.2.8\" ] -> "
		"[ \"192.0.2.10\" ]\n");
	pair_is(STATIC(VM("a", "192.0.2.7") "," VM("b", "192.0.2.8"), ""),
		STATIC(VM("b", "192.0.2.8") "," VM("a", "192.0.2.7"), ""), "");
}

/* A change that cuts says whose connections, by the names before. */
static void test_cut_pools(void **state)
{
	static const char *const services[] = {
		"{ tenant = \"t\"; name = \"s\"; vip = \"192.0.2.1\"; port "
		"= 1; pool = \"p\"; }, { tenant = \"t\"; name = \"gone\"; "
		"vip = \"192.0.2.1\"; port = 2; pool = \"q\"; }",
		"{ tenant = \"t\"; name = \"s\"; vip = \"192.0.2.1\"; port "
		"= 1; pool = \"q\"; on_port_policy = \"stack\"; }",
	};
	static const char *const affinities[] = { "flow", "source" };
	struct conf *conf[2];
	struct conf_changes changes;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_true(
			asprintf(&text,
				 "node = { uplinks = [ \"e\" ]; }; hypervisors "
				 "= ( { name = \"h\"; } ); tenants = ( { name "
				 "= \"t\"; vips = [ \"192.0.2.1\" ]; names = [ "
				 "\"*\" ]; } ); pools = ( { tenant = \"t\"; "
				 "name = \"p\"; select = [ \"a\" ]; affinity = "
				 "\"%s\"; health = { port = 1; }; }, { tenant = "
				 "\"t\"; name = \"q\"; select = [ \"b\" ]; "
				 "health = { port = 1; }; } ); services = ( %s "
				 ");",
				 affinities[i], services[i]) > 0);
		conf[i] = load(text);
		free(text);
	}
	assert_int_equal(conf_diff(conf[0], conf[1], &changes), 0);
	conf_free(conf[0]);
	conf_free(conf[1]);
	assert_int_equal(changes.n, 4);
	assert_string_equal(changes.change[0].path, "pools.t/p.affinity");
	assert_string_equal(changes.change[0].pool, "t/p");
	assert_string_equal(changes.change[1].path, "services.t/gone");
	assert_string_equal(changes.change[1].pool, "t/q");
	assert_string_equal(changes.change[2].path, "services.t/s.pool");
	assert_string_equal(changes.change[2].pool, "t/p");
	assert_string_equal(changes.change[3].path,
			    "services.t/s.on_port_policy");
	assert_string_equal(changes.change[3].pool, "");
	conf_changes_done(&changes);
}

/* A change of a secret is told, the secret is not. */
static void test_secrets(void **state)
{
	(void)state;
	pair_is(STATIC("", "send = \"AUTH one\";"),
		STATIC("", "send = \"AUTH two\";"),
		"~ pools.t/p.health.send: (hidden) -> (hidden)\n");
	pair_is(STATIC("", ""), STATIC("", "send = \"AUTH two\";"),
		"~ pools.t/p.health.send: \"\" -> (hidden)\n");
	pair_is(STATIC("", "send = \"AUTH two\";"), STATIC("", ""),
		"~ pools.t/p.health.send: (hidden) -> \"\"\n");
	pair_is(STATIC("", "send = \"AUTH one\";"),
		STATIC("", "send = \"AUTH one\";"), "");
}

/* --- the property ------------------------------------------------------- */

#define LINES 2000

/* "path = value" of everything in a configuration. */
struct layout {
	char *line[LINES];
	size_t n;
};

static void add_line(struct layout *l, const char *path, const char *value)
{
	assert_true(l->n < LINES);
	assert_true(asprintf(&l->line[l->n++], "%s = %s", path, value) > 0);
}

static void lay_group(struct layout *l, const struct conf_group *group,
		      const void *object, const char *path);

/* The static VMs, which are the only list with names. */
static void lay_list(struct layout *l, const struct conf_field *field,
		     const void *object, const char *path)
{
	struct conf_vms vms;
	char sub[400];
	size_t i;

	memcpy(&vms, (const char *)object + field->offset, sizeof(vms));
	for (i = 0; i < vms.n; i++) {
		assert_string_equal(field->key, "vms");
		snprintf(sub, sizeof(sub), "%s.%s", path, vms.vm[i].name);
		lay_group(l, field->group, &vms.vm[i], sub);
	}
}

static void lay_group(struct layout *l, const struct conf_group *group,
		      const void *object, const char *path)
{
	const struct conf_field *field;
	char sub[256];
	char *value;
	size_t i;

	for (i = 0; i < group->n_fields; i++) {
		field = &group->fields[i];
		snprintf(sub, sizeof(sub), "%s.%s", path, field->key);
		if (field->later)
			continue;
		if (field->kind == KIND_LIST) {
			lay_list(l, field, object, sub);
			continue;
		}
		if (field->kind == KIND_GROUP) {
			lay_group(l, field->group,
				  (const char *)object + field->offset, sub);
			continue;
		}
		value = conf_value_reveal(field, object);
		assert_non_null(value);
		add_line(l, sub, value);
		free(value);
	}
}

static void lay_out(struct layout *l, const struct conf *conf)
{
	const struct conf_section *section;
	const char *objects, *tenant;
	char path[160];
	size_t i, j, n;

	l->n = 0;
	lay_group(l, conf_node_group(), &conf->node, "node");
	for (i = 0; i < N_SECTIONS; i++) {
		section = conf_section((enum conf_section_number)i);
		objects = conf_objects(conf, section, &n);
		for (j = 0; j < n; j++, objects += section->size) {
			tenant = conf_object_tenant(section, objects);
			snprintf(path, sizeof(path), "%s.%s%s%s", section->key,
				 tenant, *tenant ? "/" : "",
				 conf_object_name(section, objects));
			lay_group(l, section->group, objects, path);
		}
	}
}

static void drop_line(struct layout *l, size_t i)
{
	free(l->line[i]);
	l->line[i] = l->line[--l->n];
}

static void clear(struct layout *l)
{
	while (l->n > 0)
		drop_line(l, 0);
}

/* Does the line belong to what has this path? */
static bool under(const char *line, const char *path)
{
	size_t n = strlen(path);

	return strncmp(line, path, n) == 0 &&
	       (line[n] == '.' || line[n] == ' ');
}

/* An addition brings the lines that only @after has: a change says no more. */
static void apply(struct layout *l, const struct conf_change *change,
		  const struct layout *after)
{
	size_t i, n_found = 0;
	char *line;

	if (change->kind == CONF_ADDED) {
		for (i = 0; i < l->n; i++)
			assert_false(under(l->line[i], change->path));
		for (i = 0; i < after->n; i++) {
			if (!under(after->line[i], change->path))
				continue;
			assert_true(l->n < LINES);
			l->line[l->n] = strdup(after->line[i]);
			assert_non_null(l->line[l->n++]);
			n_found++;
		}
	} else if (change->kind == CONF_REMOVED) {
		for (i = l->n; i > 0; i--) {
			if (!under(l->line[i - 1], change->path))
				continue;
			drop_line(l, i - 1);
			n_found++;
		}
	} else {
		assert_true(asprintf(&line, "%s = %s", change->path,
				     change->old_text) > 0);
		for (i = 0; i < l->n && strcmp(l->line[i], line) != 0; i++)
			continue;
		assert_true(i < l->n); /* the old value is the old value */
		free(line);
		drop_line(l, i);
		add_line(l, change->path, change->new_text);
		n_found = 1;
	}
	assert_true(n_found > 0);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *one_of(const char *const *words, long n)
{
	return words[random() % n];
}

/* A random configuration out of few names, so that two have much in common. */
static void make_text(char *text, size_t size)
{
	static const char *const times[] = { "100s", "1m", "1h", "350s" };
	static const char *const levels[] = { "info", "debug" };
	static const char *const affinities[] = { "flow", "source" };
	unsigned int t, p, n_t = (unsigned int)random() % 4, pools[4];
	size_t n;
	FILE *out = fmemopen(text, size, "w");

	assert_non_null(out);
	fprintf(out,
		"node = { name = \"n%ld\"; uplinks = [ \"e%ld\" ]; "
		"log_level = \"%s\"; };\nhypervisors = (",
		random() % 2, random() % 2, one_of(levels, 2));
	for (t = 0, n = (size_t)random() % 3 + 1; t < n; t++)
		fprintf(out, "%s{ name = \"h%u\"; uri = \"test:///%u\"; }",
			t ? "," : "", t, t + (unsigned int)random() % 2 * 7);
	fprintf(out, ", { name = \"metal\"; driver = \"static\"; vms = (");
	for (t = 0, n = (size_t)random() % 4; t < n; t++)
		fprintf(out,
			"%s{ name = \"v%u\"; addresses = [ \"192.0.2.%ld\" ]; "
			"tags = [ \"role=%ld\" ]; }",
			t ? "," : "", 2 * t + (unsigned int)random() % 2,
			random() % 2, random() % 2);
	fprintf(out, "); }");
	fprintf(out, ");\ntenants = (");
	for (t = 0; t < n_t; t++) {
		pools[t] = (unsigned int)random() % 4;
		fprintf(out,
			"%s{ name = \"t%u\"; vips = [ \"192.0.%u.0/%ld\" ]; "
			"names = [ \"%ld*\" ]; }",
			t ? "," : "", t, t, 24 + random() % 2, random() % 2);
	}
	fprintf(out, ");\npools = (");
	for (t = 0, n = 0; t < n_t; t++)
		for (p = 0; p < pools[t]; p++)
			fprintf(out,
				"%s{ tenant = \"t%u\"; name = \"p%u\"; select "
				"= [ \"a=%ld\" ]; idle_timeout = \"%s\"; "
				"affinity = \"%s\"; health = { port = %ld; }; "
				"}",
				n++ ? "," : "", t, p, random() % 3,
				one_of(times, 4), one_of(affinities, 2),
				80 + random() % 2);
	fprintf(out, ");\nservices = (");
	for (t = 0, n = 0; t < n_t; t++)
		for (p = 0; p < pools[t]; p++)
			fprintf(out,
				"%s{ tenant = \"t%u\"; name = \"s%u\"; vip = "
				"\"192.0.%u.1\"; port = %u; target_port = %u; "
				"pool = \"p%ld\"; }",
				n++ ? "," : "", t, p, t, 80 + p,
				80 + p + 10 * ((unsigned int)random() % 2),
				random() % (long)pools[t]);
	fprintf(out, ");\n");
	assert_int_equal(fclose(out), 0);
}

static void test_property(void **state)
{
	static struct layout result, wanted;
	static char text[2][16384];
	struct conf *before, *after;
	struct conf_changes changes;
	size_t i, n_changes = 0;
	int round;

	(void)state;
	srandom(4);
	for (round = 0; round < 500; round++) {
		make_text(text[0], sizeof(text[0]));
		make_text(text[1], sizeof(text[1]));
		before = load(text[0]);
		after = load(text[1]);
		lay_out(&result, before);
		lay_out(&wanted, after);
		assert_int_equal(conf_diff(before, after, &changes), 0);
		for (i = 0; i < changes.n; i++)
			apply(&result, &changes.change[i], &wanted);
		n_changes += changes.n;
		conf_changes_done(&changes);
		qsort(result.line, result.n, sizeof(char *), compare_lines);
		qsort(wanted.line, wanted.n, sizeof(char *), compare_lines);
		assert_int_equal(result.n, wanted.n);
		for (i = 0; i < wanted.n; i++)
			assert_string_equal(result.line[i], wanted.line[i]);
		clear(&result);
		clear(&wanted);

		/* Nothing differs from itself. */
		assert_int_equal(conf_diff(after, after, &changes), 0);
		assert_int_equal(changes.n, 0);
		conf_free(before);
		conf_free(after);
	}
	print_message("500 pairs, %zu changes\n", n_changes);
	assert_true(n_changes > 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_cut_pools),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_property),
	};

	return cmocka_run_group_tests_name("config_diff", tests, NULL, NULL);
}
