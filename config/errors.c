/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Collecting what is wrong with a configuration, in the words users get.
 */
#include "config/errors.h"

#include <stdarg.h>
#include <string.h>

static int compare_place(const struct conf_error *a, const struct conf_error *b)
{
	/* machines[9] goes before machines[10]. */
	int order = strverscmp(a->file, b->file);

	if (order)
		return order;
	return (a->line > b->line) - (a->line < b->line);
}

/* Keeps the first CONF_ERRORS_MAX by place; counts all. */
static void keep(struct conf_error *list, size_t *n_all,
		 const struct conf_error *new)
{
	size_t n = *n_all, at;

	(*n_all)++;
	if (n > CONF_ERRORS_MAX)
		n = CONF_ERRORS_MAX;
	for (at = n; at > 0 && compare_place(new, &list[at - 1]) < 0; at--)
		continue;
	if (at == CONF_ERRORS_MAX)
		return;
	if (n == CONF_ERRORS_MAX)
		n--;
	memmove(&list[at + 1], &list[at], (n - at) * sizeof(*list));
	list[at] = *new;
}

static void __attribute__((format(printf, 3, 0)))
make(struct conf_error *error, const struct conf_place *place,
     const char *format, va_list args)
{
	unsigned char *c;

	memset(error, 0, sizeof(*error));
	snprintf(error->file, sizeof(error->file), "%s",
		 place->file ? place->file : "config");
	error->line = place->line;
	vsnprintf(error->msg, sizeof(error->msg), format, args);
	for (c = (unsigned char *)error->msg; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
}

void conf_complain(struct conf_errors *errs, const struct conf_place *place,
		   const char *format, ...)
{
	struct conf_error error;
	va_list args;

	va_start(args, format);
	make(&error, place, format, args);
	va_end(args);
	keep(errs->error, &errs->n_errors, &error);
}

void conf_warn(struct conf_errors *errs, const struct conf_place *place,
	       const char *format, ...)
{
	struct conf_error error;
	va_list args;

	va_start(args, format);
	make(&error, place, format, args);
	va_end(args);
	keep(errs->warning, &errs->n_warnings, &error);
}

static void print_list(const struct conf_error *list, size_t n_all,
		       const char *kind, const char *mark, FILE *out)
{
	size_t n = n_all < CONF_ERRORS_MAX ? n_all : CONF_ERRORS_MAX, i;

	for (i = 0; i < n; i++) {
		fputs(list[i].file, out);
		if (list[i].line)
			fprintf(out, ":%u", list[i].line);
		fprintf(out, ": %s%s\n", mark, list[i].msg);
	}
	if (n_all > n)
		fprintf(out, "and %zu more %s%s\n", n_all - n, kind,
			n_all - n == 1 ? "" : "s");
}

void conf_errors_print(const struct conf_errors *errs, FILE *out)
{
	print_list(errs->error, errs->n_errors, "error", "", out);
	print_list(errs->warning, errs->n_warnings, "warning",
		   "warning: ", out);
}

#define WORD_MAX 32 /* longer words have no neighbours */

/*
 * Edit distance with swaps of neighbours (optimal string alignment; F. Damerau,
 * "A technique for computer detection and correction of spelling errors", CACM
 * 1964), three rows at a time.
 */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[3][WORD_MAX + 1], best;
	size_t n_a = strlen(a), n_b = strlen(b), i, j;
	unsigned int *now, *last, *before;

	for (j = 0; j <= n_b; j++)
		row[0][j] = (unsigned int)j;
	for (i = 1; i <= n_a; i++) {
		now = row[i % 3];
		last = row[(i + 2) % 3];
		before = row[(i + 1) % 3];
		now[0] = (unsigned int)i;
		for (j = 1; j <= n_b; j++) {
			best = last[j - 1] + (a[i - 1] != b[j - 1]);
			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[n_a % 3][n_b];
}

const char *conf_nearest(const char *word, const char *const *candidates,
			 size_t n)
{
	size_t length = strlen(word), i;
	unsigned int near = (unsigned int)(length + 2) / 3, d;
	const char *best = NULL;

	if (length == 0 || length > WORD_MAX)
		return NULL;
	for (i = 0; i < n; i++) {
		if (strlen(candidates[i]) > WORD_MAX)
			continue;
		d = distance(word, candidates[i]);
		if (d > near || d >= strlen(candidates[i]))
			continue;
		if (best && d == near)
			continue;
		best = candidates[i];
		near = d;
	}
	return best;
}
