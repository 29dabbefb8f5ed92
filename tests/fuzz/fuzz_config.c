/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a configuration: it is refused with a reason, or it loads and
 * then prints, equals itself, and tells what differs from an empty one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/diff.h"
#include "config/syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
const char *__lsan_default_suppressions(void);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/*
 * libconfig 1.5 forgets the string that it was reading when the syntax ends
 * there: up to the string's size for a file that is refused.
 */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

/*
 * For libFuzzer such a string is a reason to look through all memory after
 * that input, which takes longer than the rest. Leaks are looked for at the
 * end; which input it was is found by running the inputs one by one.
 */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char flag[] = "-detect_leaks=0";
	static char *args[64];
	int i;

	must(*argc < (int)(sizeof(args) / sizeof(*args)) - 1);
	for (i = 0; i < *argc; i++)
		args[i] = (*argv)[i];
	args[(*argc)++] = flag;
	*argv = args;
	return 0;
}

static void print_errors(const struct conf_errors *errs)
{
	char *text = NULL;
	size_t size, i;
	FILE *out;

	out = open_memstream(&text, &size);
	must(out != NULL);
	conf_errors_print(errs, out);
	must(fclose(out) == 0);
	/* What comes from the file never reaches a terminal as control. */
	for (i = 0; i < size; i++)
		must((unsigned char)text[i] >= ' ' || text[i] == '\n');
	free(text);
}

static void compare(const struct conf *before, const struct conf *after,
		    bool same)
{
	struct conf_changes changes;
	char *text = NULL;
	size_t size, i;
	FILE *out;

	must(conf_diff(before, after, &changes) == 0);
	must(!same || changes.n == 0);
	out = open_memstream(&text, &size);
	must(out != NULL);
	for (i = 0; i < changes.n; i++)
		conf_change_print(&changes.change[i], out);
	must(fclose(out) == 0);
	free(text);
	conf_changes_done(&changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char least[] = "node = { uplinks = [ \"e\" ]; };"
				    "hypervisors = ( { name = \"h\"; } );";
	struct conf *conf = NULL, *empty = NULL;
	struct conf_errors errs;
	uint32_t line = 0;
	char why[160];
	char *text;
	int err;

	text = malloc(size + 1);
	must(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	err = conf_load_text("fuzz", text, &conf, &errs);
	/* Nothing is found where there is nothing to find. */
	must(err != 0 || !conf_syntax_why(text, &line, why, sizeof(why)));
	free(text);
	print_errors(&errs);
	must((err == 0) == (errs.n_errors == 0));
	must((err == 0) == (conf != NULL));
	if (err)
		return 0;
	must(conf_load_text("least", least, &empty, &errs) == 0);
	compare(conf, conf, true);
	compare(conf, empty, false);
	compare(empty, conf, false);
	conf_free(conf);
	conf_free(empty);
	return 0;
}
