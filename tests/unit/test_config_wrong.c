/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Wrong configurations: every message, word by word.
 *
 * config/base.cfg is right. Each case of config/wrong.cases edits it and says
 * what has to be printed then:
 *
 *	[name]
 *	- text that base.cfg has exactly once
 *	+ what stands in its place, several lines if need be
 *	@ conf.d/b.cfg		another file beside it, and
 *	| its lines
 *	= what is printed, without the file's name if there is only one
 *
 * A case whose output has warnings only has to load: its name begins with
 * "warning", or with "fine" if there is no output at all.
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

#define TEXT_SIZE 65536

const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets a string that is where no string can be. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

/* The file's text, for free(). */
static char *read_data(const char *name)
{
	const char *source = getenv("DROVER_SOURCE");
	char path[512];
	char *text;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/tests/unit/config/%s",
		 source ? source : ".", name);
	file = fopen(path, "re");
	if (!file) {
		fail_msg("%s: %s", path, strerror(errno));
		return NULL;
	}
	text = calloc(1, TEXT_SIZE);
	assert_non_null(text);
	n = fread(text, 1, TEXT_SIZE - 1, file);
	assert_true(n > 0 && n < TEXT_SIZE - 1);
	fclose(file);
	return text;
}

/* What loading printed, for free(). */
static char *print(const struct conf_errors *errs)
{
	char *printed = calloc(1, TEXT_SIZE);
	FILE *out;

	assert_non_null(printed);
	out = fmemopen(printed, TEXT_SIZE, "w");
	assert_non_null(out);
	conf_errors_print(errs, out);
	assert_int_equal(fclose(out), 0);
	return printed;
}

/* What loading prints, without the file's name, for free(). */
static char *load_and_print(const char *config, int *ret_err)
{
	struct conf_errors errs;
	struct conf *conf = NULL;
	char *printed, *at;

	*ret_err = conf_load_text("F", config, &conf, &errs);
	assert_true((*ret_err == 0) == (conf != NULL));
	assert_true((*ret_err == 0) == (errs.n_errors == 0));
	conf_free(conf);
	printed = print(&errs);
	while ((at = strstr(printed, "F:")) &&
	       (at == printed || at[-1] == '\n'))
		memmove(at, at + 2, strlen(at + 2) + 1);
	return printed;
}

#define N_FILES 4

/**
 * struct edited - a case.
 * @text: base.cfg with the edits so far.
 * @old, @new: of the edit that is being read.
 * @wanted: what has to be printed.
 * @file: other files beside it, @n_files of them.
 */
struct edited {
	char text[TEXT_SIZE];
	char old[4096];
	char new[4096];
	char wanted[16384];
	struct {
		char name[64];
		char text[4096];
	} file[N_FILES];
	size_t n_files;
};

/* --- cases of several files ---------------------------------------------- */

static void put(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void remove_all(const char *dir, const struct edited *e)
{
	char path[256];
	size_t i;

	for (i = 0; i < e->n_files; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->file[i].name);
		assert_int_equal(unlink(path), 0);
	}
	snprintf(path, sizeof(path), "%s/drover.cfg", dir);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/conf.d", dir);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* The same of files in a directory of their own, whose name is left out. */
static char *load_files(const struct edited *e, int *ret_err)
{
	const char *tmp = getenv("TMPDIR");
	struct conf_errors errs;
	struct conf *conf = NULL;
	char dir[128], path[256];
	char *printed, *at;
	size_t i;

	snprintf(dir, sizeof(dir), "%.80s/conf-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/conf.d", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (i = 0; i < e->n_files; i++)
		put(dir, e->file[i].name, e->file[i].text);
	put(dir, "drover.cfg", e->text);
	snprintf(path, sizeof(path), "%s/drover.cfg", dir);
	*ret_err = conf_load(path, &conf, &errs);
	conf_free(conf);
	remove_all(dir, e);
	printed = print(&errs);
	while ((at = strstr(printed, dir)))
		memmove(at, at + strlen(dir) + 1,
			strlen(at + strlen(dir) + 1) + 1);
	return printed;
}

/* --- cases --------------------------------------------------------------- */

static void append(char *buf, size_t size, const char *text)
{
	size_t n = strlen(buf), n_text = strlen(text);

	assert_true(n + n_text < size);
	memmove(buf + n, text, n_text + 1);
}

/* Puts the edit that was collected into the text. */
static void edit(struct edited *e, const char *name)
{
	char *at, *rest;

	if (!*e->old)
		return;
	at = strstr(e->text, e->old);
	if (!at || strstr(at + 1, e->old)) {
		fail_msg("[%s]: base.cfg has not exactly one \"%s\"", name,
			 e->old);
		return;
	}
	rest = strdup(at + strlen(e->old));
	assert_non_null(rest);
	*at = '\0';
	append(e->text, sizeof(e->text), e->new);
	append(e->text, sizeof(e->text), rest);
	free(rest);
	e->old[0] = e->new[0] = '\0';
}

static unsigned int n_wrong, n_cases;

static void run_case(struct edited *e, const char *name)
{
	char *printed;
	int err;

	edit(e, name);
	printed = e->n_files ? load_files(e, &err) :
			       load_and_print(e->text, &err);
	n_cases++;
	n_wrong += err != 0;
	assert_null(strstr(printed, "hunter2")); /* a secret, in the cases */
	assert_int_equal(err, strncmp(name, "warning", 7) == 0 ||
					      strncmp(name, "fine", 4) == 0 ?
				      0 :
				      -EINVAL);
	if (getenv("DROVER_PRINT_CASES"))
		printf("[%s]\n%s\n", name, printed); /* of any length */
	else if (strcmp(printed, e->wanted) != 0)
		fail_msg("[%s]: wanted:\n%sgot:\n%s", name, e->wanted, printed);
	free(printed);
}

static void take_line(struct edited *e, const char *line, const char *name)
{
	const char *rest = line[1] ? line + 2 : "";

	switch (*line) {
	case '-':
		edit(e, name);
		append(e->old, sizeof(e->old), rest);
		break;
	case '+':
		if (*e->new)
			append(e->new, sizeof(e->new), "\n");
		append(e->new, sizeof(e->new), rest);
		break;
	case '@':
		assert_true(e->n_files < N_FILES);
		append(e->file[e->n_files++].name, sizeof(e->file[0].name),
		       rest);
		break;
	case '|':
		assert_true(e->n_files > 0);
		append(e->file[e->n_files - 1].text, sizeof(e->file[0].text),
		       rest);
		append(e->file[e->n_files - 1].text, sizeof(e->file[0].text),
		       "\n");
		break;
	case '=':
		append(e->wanted, sizeof(e->wanted), rest);
		append(e->wanted, sizeof(e->wanted), "\n");
		break;
	default:
		fail_msg("[%s]: \"%s\"?", name, line);
	}
}

static void test_cases(void **state)
{
	char *base = read_data("base.cfg"), *cases = read_data("wrong.cases");
	struct edited *e = calloc(1, sizeof(*e));
	char *save = NULL, *line;
	char name[128] = "";

	(void)state;
	assert_non_null(e);
	for (line = strtok_r(cases, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (*line == '#')
			continue;
		if (*line != '[') {
			take_line(e, line, name);
			continue;
		}
		if (*name)
			run_case(e, name);
		memset(e, 0, sizeof(*e));
		append(e->text, sizeof(e->text), base);
		snprintf(name, sizeof(name), "%.*s", (int)strlen(line) - 2,
			 line + 1);
	}
	run_case(e, name);
	print_message("%u cases, %u of them refused\n", n_cases, n_wrong);
	assert_true(n_wrong >= 144);
	free(e);
	free(base);
	free(cases);
}

static void test_base(void **state)
{
	char *base = read_data("base.cfg"), *printed;
	int err;

	(void)state;
	printed = load_and_print(base, &err);
	assert_string_equal(printed, "");
	assert_int_equal(err, 0);
	free(printed);
	free(base);
}

/*
 * The configuration that Drover is to have one day: it has keys that this
 * version does not, and nothing else is wrong with it.
 */
static void test_sketch(void **state)
{
	static const char wanted[] =
		"3: node.roles: is not in this version, leave it out\n"
		"14: tenants.shop.limits: is not in this version, leave it "
		"out\n"
		"17: tenants.bank.limits: is not in this version, leave it "
		"out\n"
		"23: pools.web.weights: \"load\" is not in this version, "
		"\"equal\" or \"fixed\" is\n"
		"25: pools.web.scale: is not in this version, leave it out\n"
		"42: services.api.mode: \"tunnel\" is not in this version, "
		"\"nat\" is\n"
		"42: services.api.encapsulation: is not in this version, leave "
		"it out\n"
		"43: services.api.allow: is not in this version, leave it "
		"out\n"
		"29: warning: pools.api.drain.deadline: 15m is shorter than "
		"idle_timeout (1h) and a tenth; drains will end with flows "
		"left\n";
	char *sketch = read_data("sketch.cfg"), *printed;
	int err;

	(void)state;
	printed = load_and_print(sketch, &err);
	assert_string_equal(printed, wanted);
	assert_int_equal(err, -EINVAL);
	free(printed);
	free(sketch);
}

/* Every place where the text may end too early: only between sections. */
static void test_truncated(void **state)
{
	char *base = read_data("base.cfg"), *printed;
	size_t n = strlen(base), n_loaded = 0;
	char before;
	int err;

	(void)state;
	for (; n > 1; n--) {
		base[n] = '\0';
		printed = load_and_print(base, &err);
		before = base[n - 1];
		if (err == 0) {
			assert_true(strchr(");\n=(", before) != NULL ||
				    (before >= 'a' && before <= 'z'));
			n_loaded++;
		} else {
			assert_int_equal(err, -EINVAL);
			assert_string_not_equal(printed, "");
			/* No syntax error without its reason. */
			assert_null(strstr(printed, "syntax error\n"));
		}
		free(printed);
	}
	assert_true(n_loaded < 12);
	free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_sketch),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests_name("config_wrong", tests, NULL, NULL);
}
