/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A key's value as a config has it: libconfig reads what is printed here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "config/value.h"

static void put_quoted(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\r')
			fputs("\\r", out);
		else if ((unsigned char)*text < ' ' || *text == 0x7f)
			fprintf(out, "\\x%02x", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void put_separator(size_t i, FILE *out)
{
	fputs(i ? ", " : " ", out);
}

static void print_texts(const struct conf_strings *texts, FILE *out)
{
	size_t i;

	fputs("[", out);
	for (i = 0; i < texts->n; i++) {
		put_separator(i, out);
		put_quoted(texts->text[i], out);
	}
	fputs(" ]", out);
}

static void print_pairs(const struct conf_pairs *pairs, FILE *out)
{
	char *text;
	size_t i;

	fputs("[", out);
	for (i = 0; i < pairs->n; i++) {
		put_separator(i, out);
		if (asprintf(&text, "%s%s%s", pairs->pair[i].name,
			     *pairs->pair[i].value ? "=" : "",
			     pairs->pair[i].value) < 0)
			continue;
		put_quoted(text, out);
		free(text);
	}
	fputs(" ]", out);
}

static void print_hex(const struct conf_bytes *bytes, FILE *out)
{
	size_t i;

	fputs("\"", out);
	for (i = 0; i < bytes->n; i++)
		fprintf(out, "%02x", (unsigned char)bytes->byte[i]);
	fputs("\"", out);
}

static void print_numbers(const struct conf_numbers *numbers, FILE *out)
{
	size_t i;

	fputs("[", out);
	for (i = 0; i < numbers->n; i++) {
		put_separator(i, out);
		fprintf(out, "%u", numbers->number[i]);
	}
	fputs(" ]", out);
}

static void print_addrs(const struct conf_addrs *addrs, FILE *out)
{
	char buf[CONF_ADDR_SIZE];
	size_t i;

	fputs("[", out);
	for (i = 0; i < addrs->n; i++) {
		conf_addr_print(&addrs->addr[i], buf, sizeof(buf));
		put_separator(i, out);
		put_quoted(buf, out);
	}
	fputs(" ]", out);
}

static void print_prefixes(const struct conf_prefixes *prefixes, FILE *out)
{
	char buf[CONF_PREFIX_SIZE];
	size_t i;

	fputs("[", out);
	for (i = 0; i < prefixes->n; i++) {
		conf_prefix_print(&prefixes->prefix[i], buf, sizeof(buf));
		put_separator(i, out);
		put_quoted(buf, out);
	}
	fputs(" ]", out);
}

static void print_select(const struct select_term *terms, size_t n, FILE *out)
{
	char buf[SELECT_TERM_SIZE];
	size_t i;

	fputs("[", out);
	for (i = 0; i < n; i++) {
		select_print(&terms[i], buf, sizeof(buf));
		put_separator(i, out);
		put_quoted(buf, out);
	}
	fputs(" ]", out);
}

static void print_word(const struct conf_words *words, int value, FILE *out)
{
	size_t i;

	for (i = 0; i < words->n; i++)
		if (!words->word[i].later && words->word[i].value == value)
			fprintf(out, "\"%s\"", words->word[i].name);
}

static void print_pool(const struct conf_pool *pool, FILE *out)
{
	put_quoted(pool ? pool->name : "", out);
}

static void print_list(const struct conf_field *field, const void *value,
		       FILE *out)
{
	if (field->kind == KIND_TEXTS)
		print_texts(value, out);
	else if (field->kind == KIND_PAIRS)
		print_pairs(value, out);
	else if (field->kind == KIND_NUMBERS)
		print_numbers(value, out);
	else if (field->kind == KIND_ADDRS)
		print_addrs(value, out);
	else if (field->kind == KIND_PREFIXES)
		print_prefixes(value, out);
	else
		print_select(*(struct select_term *const *)value,
			     ((const size_t *)value)[1], out);
}

static void print_value(const struct conf_field *field, const void *value,
			FILE *out)
{
	char buf[CONF_PREFIX_SIZE] = "";

	/* Objects of the arena, with the alignment of their types. */
	switch (field->kind) {
	case KIND_BOOL:
		fputs(*(const bool *)value ? "true" : "false", out);
		break;
	case KIND_COUNT:
		conf_count_print(*(const uint32_t *)value, buf, sizeof(buf));
		fputs(buf, out);
		break;
	case KIND_PORT:
		fprintf(out, "%u", *(const uint16_t *)value);
		break;
	case KIND_TIME:
		conf_time_print(*(const uint32_t *)value, buf, sizeof(buf));
		put_quoted(buf, out);
		break;
	case KIND_NAME:
	case KIND_TEXT:
	case KIND_PATH:
	case KIND_LISTEN:
	case KIND_BYTES:
	case KIND_UUID:
		put_quoted(*(const char *const *)value, out);
		break;
	case KIND_HEX:
		print_hex(value, out);
		break;
	case KIND_MAC:
		conf_mac_print(value, buf, sizeof(buf));
		put_quoted(buf, out);
		break;
	case KIND_WORD:
		print_word(field->words, *(const int *)value, out);
		break;
	case KIND_ADDR:
		conf_addr_print(value, buf, sizeof(buf));
		put_quoted(buf, out);
		break;
	case KIND_TEXTS:
	case KIND_PAIRS:
	case KIND_NUMBERS:
	case KIND_ADDRS:
	case KIND_PREFIXES:
	case KIND_SELECT:
		print_list(field, value, out);
		break;
	case KIND_TENANT:
		put_quoted((*(const struct conf_tenant *const *)value)->name,
			   out);
		break;
	case KIND_POOL:
		print_pool(*(const struct conf_pool *const *)value, out);
		break;
	case KIND_GROUP:
	case KIND_LIST:
		break;
	}
}

char *conf_value_reveal(const struct conf_field *field, const void *base)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	print_value(field, (const char *)base + field->offset, out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

char *conf_value_print(const struct conf_field *field, const void *base)
{
	char *text = conf_value_reveal(field, base);

	if (!text || !field->secret || strcmp(text, "\"\"") == 0 ||
	    strcmp(text, "[ ]") == 0)
		return text;
	explicit_bzero(text, strlen(text));
	free(text);
	return strdup("(hidden)");
}
