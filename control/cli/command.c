/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A command's arguments and its help, both from the one table that says what it
 * takes.
 */
#include "control/cli/cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "control/cli/table.h"

#define OPTION_BASE 256 /* of options in what getopt_long() returns */
#define ITEM_LEAST  8	/* columns of the names in a help */

static const struct cli_item for_all[] = {
	{ "json", NULL, "print {\"schema\":1,\"data\":…} for machines", 0 },
	{ "wide", NULL, "cut nothing in listings, however long the lines", 0 },
	{ "help", NULL, "this text", 'h' },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_item none[] = { { NULL, NULL, NULL, 0 } };

static const struct cli_item *options_of(const struct cli_command *c)
{
	return c->options ? c->options : none;
}

/* "-a, --all" or "VM", as it stands in the help. */
static int item_name(const struct cli_item *item, bool is_option, char *buf,
		     size_t size)
{
	char letter[8] = "";

	if (!is_option)
		return snprintf(buf, size, "%s", item->name);
	if (item->letter)
		snprintf(letter, sizeof(letter), "-%c, ", item->letter);
	return snprintf(buf, size, "%s--%s%s%s", letter, item->name,
			item->value ? " " : "", item->value ? item->value : "");
}

static int items_width(const struct cli_item *items, bool is_option, int least)
{
	char name[64];
	int width = least;
	int length;

	for (; items->name; items++) {
		length = item_name(items, is_option, name, sizeof(name));
		if (length > width)
			width = length;
	}
	return width;
}

static void print_items(const struct cli_item *items, bool is_option, int width)
{
	char name[64];
	int used;

	for (; items->name; items++) {
		(void)item_name(items, is_option, name, sizeof(name));
		used = printf("  %-*s  ", width, name);
		text_wrap(items->text, (uint32_t)used, (uint32_t)used, stdout);
	}
}

/* Paragraphs are lines, each as long as it is; what begins with a space stays. */
static void print_lines(const char *text, uint32_t indent)
{
	char line[1024];
	const char *end;

	for (; *text; text = end + (*end == '\n')) {
		end = strchrnul(text, '\n');
		snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
		printf("%*s", (int)indent, "");
		text_wrap(line, indent, indent, stdout);
	}
}

static void print_help(const struct cli_command *c)
{
	const struct cli_item *options = options_of(c);
	int width = items_width(options, true,
				items_width(for_all, true, ITEM_LEAST));

	printf("drover %s - %s\n\nusage: drover %s%s%s [OPTIONS]\n", c->name,
	       c->summary, c->name, c->usage[0] ? " " : "", c->usage);
	if (c->words) {
		width = items_width(c->words, false, width);
		puts("\narguments:");
		print_items(c->words, false, width);
	}
	puts("\noptions:");
	print_items(options, true, width);
	print_items(for_all, true, width);
	if (c->text) {
		putchar('\n');
		print_lines(c->text, 0);
	}
	puts("\nexit codes:");
	print_lines("0 done, 1 failed, 2 usage, 3 unknown or ambiguous, "
		    "4 refused, 5 deadline, 6 no daemon",
		    2);
	if (c->exits)
		print_lines(c->exits, 2);
	puts(strchr(c->examples, '\n') ? "\nexamples:" : "\nexample:");
	print_lines(c->examples, 2);
}

/* The command's options as getopt_long() wants them. */
static void fill_options(const struct cli_item *items,
			 struct option options[CLI_OPTIONS_MAX + 2],
			 char letters[2 * CLI_OPTIONS_MAX + 2])
{
	int i;

	for (i = 0; items[i].name; i++) {
		options[i] = (struct option){
			.name = items[i].name,
			.has_arg = items[i].value ? required_argument :
						    no_argument,
			.val = items[i].letter ? items[i].letter :
						 OPTION_BASE + i,
		};
		if (!items[i].letter)
			continue;
		*letters++ = items[i].letter;
		if (items[i].value)
			*letters++ = ':';
	}
	options[i] = (struct option){ "help", no_argument, NULL, 'h' };
	options[i + 1] = (struct option){ 0 };
	*letters++ = 'h';
	*letters = '\0';
}

static int find_option(const struct cli_item *items, int option)
{
	int i;

	for (i = 0; items[i].name; i++)
		if (option == OPTION_BASE + i ||
		    (items[i].letter && option == items[i].letter))
			return i;
	return -1;
}

/* -1: it can run; else the exit code. */
static int parse(const struct cli_command *c, int argc, char **argv,
		 struct cli_args *args)
{
	const struct cli_item *items = options_of(c);
	struct option options[CLI_OPTIONS_MAX + 2];
	char letters[2 * CLI_OPTIONS_MAX + 2];
	int option;
	int i;

	fill_options(items, options, letters);
	while ((option = getopt_long(argc, argv, letters, options, NULL)) !=
	       -1) {
		if (option == 'h') {
			print_help(c);
			return EXIT_DONE;
		}
		i = find_option(items, option);
		if (i < 0)
			return cli_usage(c->name,
					 "\"%s\" is no option of it, or lacks "
					 "its value",
					 argv[optind - 1]);
		args->option[i] = items[i].value ? optarg : "";
		if (args->n_given == CLI_GIVEN_MAX)
			return cli_usage(c->name, "at most %d options",
					 CLI_GIVEN_MAX);
		args->given[args->n_given++] =
			(struct cli_given){ i, args->option[i] };
	}
	args->n_words = argc - optind;
	if (args->n_words < c->n_words_min || args->n_words > c->n_words_max)
		return c->usage[0] ?
			       cli_usage(c->name, "its arguments are: %s",
					 c->usage) :
			       cli_usage(c->name, "it takes only options");
	for (i = 0; i < args->n_words; i++)
		args->words[i] = argv[optind + i];
	return -1;
}

int cli_run(struct cli *cli, const struct cli_command *command, int argc,
	    char **argv)
{
	struct cli_args args = { 0 };
	int rc = parse(command, argc, argv, &args);

	return rc >= 0 ? rc : command->run(cli, &args);
}

int cli_usage(const char *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "drover %s: ", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n  see: drover %s --help\n", command);
	return EXIT_USAGE;
}
