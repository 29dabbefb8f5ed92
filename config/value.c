/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A key's value: set from what a file has, as the schema wants it. Lists are
 * value_list.c's.
 */
#include "config/value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "config/value_priv.h"

#define RANGE_SIZE (2 * CONF_TIME_SIZE + 8)

int conf_refuse(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, CONF_WHY_SIZE, format, args);
	va_end(args);
	return -EINVAL;
}

const char *conf_value_wanted(const struct conf_field *field)
{
	switch (field->kind) {
	case KIND_BOOL:
		return "true or false";
	case KIND_COUNT:
		return "a whole number, or one in quotes like \"64k\"";
	case KIND_PORT:
		return "a port, 1 to 65535";
	case KIND_TIME:
		return "a time in quotes, like \"350s\" (units: ms, s, m, h, "
		       "d)";
	case KIND_NAME:
	case KIND_TEXT:
	case KIND_BYTES:
	case KIND_WORD:
	case KIND_TENANT:
	case KIND_POOL:
		return "a string in quotes";
	case KIND_HEX:
		return "pairs of hexadecimal digits in quotes, like \"12 34 ab\"";
	case KIND_PATH:
		return "an absolute path in quotes";
	case KIND_LISTEN:
		return "an address and a port in quotes, like "
		       "\"127.0.0.1:9655\"";
	case KIND_UUID:
		return "a UUID in quotes, like "
		       "\"1b4e28ba-2fa1-11d2-883f-0016d3cca427\"";
	case KIND_MAC:
		return "a MAC address in quotes, like \"52:54:00:12:34:56\"";
	case KIND_TEXTS:
		return "a list of strings, like [ \"a\", \"b\" ]";
	case KIND_PAIRS:
		return "a list of strings, like [ \"name=value\", \"name\" ]";
	case KIND_NUMBERS:
		return "a list of whole numbers, like [ 200, 204 ]";
	case KIND_ADDRS:
		return "a list of addresses, like [ \"192.0.2.7\" ]";
	case KIND_ADDR:
		return "an address in quotes, like \"203.0.113.10\"";
	case KIND_PREFIXES:
		return "a list of addresses or ranges, like [ "
		       "\"203.0.113.10\", \"203.0.113.64/28\" ]";
	case KIND_SELECT:
		return "a list of terms, like [ \"role=web\", \"stage!=test\" "
		       "]";
	case KIND_GROUP:
		return "a group, { key = value; ... }";
	case KIND_LIST:
		return "a list of groups, ( { key = value; ... }, ... )";
	}
	return "nothing";
}

static void print_number(const struct conf_field *field, uint32_t value,
			 char *buf, size_t size)
{
	if (field->kind == KIND_TIME)
		conf_time_print(value, buf, size);
	else
		snprintf(buf, size, "%u", value);
}

/* Looks at the limits, then stores. @shown is what the user wrote. */
static int set_number(const struct conf_field *field, uint32_t value,
		      void *base, const char *shown, char *why)
{
	uint32_t max = field->kind == KIND_PORT ? UINT16_MAX : field->max;
	char from[CONF_TIME_SIZE], to[CONF_TIME_SIZE];
	void *at = (char *)base + field->offset;
	uint16_t port = (uint16_t)value;

	if (value < field->min || (max && value > max)) {
		print_number(field, field->min, from, sizeof(from));
		print_number(field, max, to, sizeof(to));
		return conf_refuse(why,
				   "%s is out of range, %s to %s is allowed",
				   shown, from, to);
	}
	if (field->kind == KIND_PORT)
		memcpy(at, &port, sizeof(port));
	else
		memcpy(at, &value, sizeof(value));
	return 0;
}

int conf_value_set_number(const struct conf_field *field, int64_t number,
			  void *base, char *why)
{
	uint32_t value = UINT32_MAX; /* beyond every limit */
	char shown[32];

	snprintf(shown, sizeof(shown), "%lld", (long long)number);
	if (number >= 0 && number < UINT32_MAX)
		value = (uint32_t)number;
	return set_number(field, value, base, shown, why);
}

static int set_time(const struct conf_field *field, const char *text,
		    void *base, char *why)
{
	uint32_t ms = UINT32_MAX;
	char shown[64];
	int err;

	snprintf(shown, sizeof(shown), "\"%s\"", text);
	err = conf_time_parse(text, &ms);
	if (err == -EINVAL)
		return conf_refuse(
			why,
			"%s is no time; a number and a unit (ms, s, m, "
			"h, d) is, like \"350s\"",
			shown);
	return set_number(field, ms, base, shown, why);
}

static int set_count(const struct conf_field *field, const char *text,
		     void *base, char *why)
{
	uint32_t count = UINT32_MAX;
	char shown[64];
	int err;

	snprintf(shown, sizeof(shown), "\"%s\"", text);
	err = conf_count_parse(text, &count);
	if (err == -EINVAL)
		return conf_refuse(
			why,
			"%s is no number; digits are, with k (1024) or m "
			"(1024k) if wanted, like \"64k\"",
			shown);
	return set_number(field, count, base, shown, why);
}

/* The words that work, "a", "b" or "c". */
static void list_words(const struct conf_words *words, char *buf, size_t size)
{
	size_t i, last = 0, n_left, used = 0;

	for (i = 0; i < words->n; i++)
		if (!words->word[i].later)
			last = i;
	for (i = 0; i <= last && used < size; i++) {
		if (words->word[i].later)
			continue;
		n_left = size - used;
		used += (size_t)snprintf(buf + used, n_left, "%s\"%s\"",
					 used == 0 ? "" :
					 i == last ? " or " :
						     ", ",
					 words->word[i].name);
	}
}

int conf_find_word(const struct conf_field *field, const char *text,
		   int *ret_value, char *why)
{
	const struct conf_words *words = field->words;
	char allowed[160] = "";
	size_t i;

	list_words(words, allowed, sizeof(allowed));
	for (i = 0; i < words->n; i++) {
		if (strcmp(text, words->word[i].name) != 0)
			continue;
		if (words->word[i].later)
			return conf_refuse(
				why, "\"%s\" is not in this version, %s is",
				text, allowed);
		*ret_value = words->word[i].value;
		return 0;
	}
	return conf_refuse(why, "\"%.60s\" is unknown, %s is allowed", text,
			   allowed);
}

static int set_word(const struct conf_field *field, const char *text,
		    void *base, char *why)
{
	int value, err;

	err = conf_find_word(field, text, &value, why);
	if (!err)
		memcpy((char *)base + field->offset, &value, sizeof(value));
	return err;
}

bool conf_is_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static int set_text(const struct conf_field *field, const char *text,
		    void *base, struct conf_arena *arena, char *why)
{
	struct ip_addr addr;
	uint16_t port;
	const char *copy;

	if (field->kind == KIND_NAME && !conf_name_valid(text))
		return conf_refuse(
			why,
			"\"%.80s\" is no name; up to %d letters, digits, "
			"\".\", \"_\" and \"-\" are, a letter or digit "
			"first",
			text, CONF_NAME_MAX);
	if (!*text)
		return conf_refuse(why, "is empty");
	if (!conf_is_printable(text))
		return conf_refuse(why, "has a control character in it");
	if (field->kind == KIND_PATH && *text != '/')
		return conf_refuse(why, "\"%.80s\" is no absolute path", text);
	if (field->kind == KIND_LISTEN &&
	    conf_endpoint_parse(text, &addr, &port) < 0)
		return conf_refuse(why,
				   "\"%.80s\" is no address and port, one like "
				   "\"127.0.0.1:9655\" or \"[::1]:9655\" is",
				   text);
	copy = conf_arena_text(arena, text);
	if (!copy)
		return -ENOMEM;
	memcpy((char *)base + field->offset, &copy, sizeof(copy));
	return 0;
}

static int set_bytes(const struct conf_field *field, const char *text,
		     void *base, struct conf_arena *arena)
{
	const char *copy = conf_arena_text(arena, text);

	if (!copy)
		return -ENOMEM;
	memcpy((char *)base + field->offset, &copy, sizeof(copy));
	return 0;
}

static int set_hex(const struct conf_field *field, const char *text, void *base,
		   struct conf_arena *arena, char *why)
{
	struct conf_bytes bytes = { 0 };
	char *byte = conf_arena_alloc(arena, strlen(text) / 2 + 1, 1);
	ssize_t n;

	if (!byte)
		return -ENOMEM;
	n = conf_hex_parse(text, byte);
	/* Not repeated: it may be a secret. */
	if (n <= 0)
		return conf_refuse(why, "must be %s", conf_value_wanted(field));
	if (n > (ssize_t)field->max)
		return conf_refuse(why, "has %zd bytes, at most %u are allowed",
				   n, field->max);
	bytes.byte = byte;
	bytes.n = (size_t)n;
	memcpy((char *)base + field->offset, &bytes, sizeof(bytes));
	return 0;
}

static int set_uuid(const struct conf_field *field, const char *text,
		    void *base, struct conf_arena *arena, char *why)
{
	char uuid[CONF_UUID_SIZE];
	const char *copy;

	if (conf_uuid_parse(text, uuid) < 0)
		return conf_refuse(
			why,
			"\"%.60s\" is no UUID, one like "
			"\"1b4e28ba-2fa1-11d2-883f-0016d3cca427\" is",
			text);
	copy = conf_arena_text(arena, uuid);
	if (!copy)
		return -ENOMEM;
	memcpy((char *)base + field->offset, &copy, sizeof(copy));
	return 0;
}

static int set_mac(const struct conf_field *field, const char *text, void *base,
		   char *why)
{
	struct conf_mac mac;

	if (conf_mac_parse(text, &mac) < 0)
		return conf_refuse(
			why,
			"\"%.60s\" is no MAC address of a machine, one "
			"like \"52:54:00:12:34:56\" is",
			text);
	memcpy((char *)base + field->offset, &mac, sizeof(mac));
	return 0;
}

static int set_addr(const struct conf_field *field, const char *text,
		    void *base, char *why)
{
	struct ip_addr addr;

	if (conf_addr_parse(text, &addr) < 0)
		return conf_refuse(why,
				   "\"%.60s\" is no address, one like "
				   "\"203.0.113.10\" is",
				   text);
	memcpy((char *)base + field->offset, &addr, sizeof(addr));
	return 0;
}

int conf_value_set(const struct conf_field *field, const char *text, void *base,
		   struct conf_arena *arena, char *why)
{
	bool yes = strcmp(text, "true") == 0;

	switch (field->kind) {
	case KIND_COUNT:
		return set_count(field, text, base, why);
	case KIND_TIME:
		return set_time(field, text, base, why);
	case KIND_WORD:
		return set_word(field, text, base, why);
	case KIND_NAME:
	case KIND_TEXT:
	case KIND_PATH:
	case KIND_LISTEN:
		return set_text(field, text, base, arena, why);
	case KIND_BYTES:
		return set_bytes(field, text, base, arena);
	case KIND_HEX:
		return set_hex(field, text, base, arena, why);
	case KIND_UUID:
		return set_uuid(field, text, base, arena, why);
	case KIND_MAC:
		return set_mac(field, text, base, why);
	case KIND_ADDR:
		return set_addr(field, text, base, why);
	case KIND_BOOL:
		memcpy((char *)base + field->offset, &yes, sizeof(yes));
		return 0;
	case KIND_PORT:
	case KIND_TEXTS:
	case KIND_PAIRS:
	case KIND_NUMBERS:
	case KIND_ADDRS:
	case KIND_PREFIXES:
	case KIND_SELECT:
	case KIND_TENANT:
	case KIND_POOL:
	case KIND_GROUP:
	case KIND_LIST:
		break;
	}
	return conf_refuse(why, "must be %s", conf_value_wanted(field));
}
