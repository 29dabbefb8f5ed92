/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers with units, addresses and ranges: text <-> value.
 */
#include "config/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint32_t factor;
};

/* The greatest first: printing takes the first that divides. */
static const struct unit time_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 },
	{ "s", 1000 },	   { "ms", 1 },
};
static const struct unit count_units[] = {
	{ "m", 1U << 20 },
	{ "k", 1U << 10 },
	{ "", 1 },
};

/* Digits, perhaps a fraction: @ret_number / @ret_divisor. Or -EINVAL. */
static int read_number(const char **text, uint64_t *ret_number,
		       uint64_t *ret_divisor)
{
	uint64_t number = 0, divisor = 1;
	const char *p = *text;
	size_t n_digits = 0;
	bool fraction = false;

	for (;; p++) {
		if (*p == '.' && !fraction && n_digits > 0) {
			fraction = true;
			continue;
		}
		if (*p < '0' || *p > '9')
			break;
		if (++n_digits > 12)
			return -ERANGE;
		number = number * 10 + (uint64_t)(*p - '0');
		divisor *= fraction ? 10 : 1;
	}
	if (n_digits == 0 || p[-1] == '.')
		return -EINVAL;
	*text = p;
	*ret_number = number;
	*ret_divisor = divisor;
	return 0;
}

static int read_units(const char *text, const struct unit *units, size_t n,
		      uint32_t *ret_value)
{
	uint64_t number, divisor;
	size_t i;
	int err;

	err = read_number(&text, &number, &divisor);
	if (err)
		return err;
	for (i = 0; i < n && strcmp(text, units[i].name) != 0; i++)
		continue;
	if (i == n)
		return -EINVAL;
	/* 10^12 times a day in ms is below 2^67, so look before multiplying. */
	if (number > UINT64_MAX / units[i].factor)
		return -ERANGE;
	number *= units[i].factor;
	if (number % divisor != 0)
		return -EINVAL;
	number /= divisor;
	if (number > UINT32_MAX)
		return -ERANGE;
	*ret_value = (uint32_t)number;
	return 0;
}

int conf_time_parse(const char *text, uint32_t *ret_ms)
{
	if (strcmp(text, "0") == 0) {
		*ret_ms = 0;
		return 0;
	}
	return read_units(text, time_units, ARRAY_SIZE(time_units), ret_ms);
}

void conf_time_print(uint32_t ms, char *buf, size_t size)
{
	const struct unit *unit = time_units;

	if (ms == 0) {
		snprintf(buf, size, "0");
		return;
	}
	while (ms % unit->factor != 0)
		unit++;
	snprintf(buf, size, "%u%s", ms / unit->factor, unit->name);
}

int conf_count_parse(const char *text, uint32_t *ret_count)
{
	return read_units(text, count_units, ARRAY_SIZE(count_units),
			  ret_count);
}

void conf_count_print(uint32_t count, char *buf, size_t size)
{
	const struct unit *unit = count_units;

	while (count == 0 ? unit->factor > 1 : count % unit->factor != 0)
		unit++;
	if (unit->factor > 1)
		snprintf(buf, size, "\"%u%s\"", count / unit->factor,
			 unit->name);
	else
		snprintf(buf, size, "%u", count);
}

int conf_addr_parse(const char *text, struct ip_addr *ret_addr)
{
	struct ip_addr addr = { .word = { 0, 0, BE32(0xffff), 0 } };

	if (inet_pton(AF_INET, text, &addr.word[3]) != 1 &&
	    inet_pton(AF_INET6, text, &addr) != 1)
		return -EINVAL;
	*ret_addr = addr;
	return 0;
}

void conf_addr_print(const struct ip_addr *addr, char *buf, size_t size)
{
	const void *bytes = IP_IS_V4(*addr) ? &addr->word[3] : addr->word;
	int family = IP_IS_V4(*addr) ? AF_INET : AF_INET6;

	if (!inet_ntop(family, bytes, buf, (socklen_t)size) && size > 0)
		*buf = '\0';
}

/* The bits of word @i that a prefix of @bits covers, host byte order. */
static uint32_t word_mask(uint8_t bits, unsigned int i)
{
	if (bits >= 32 * (i + 1))
		return UINT32_MAX;
	if (bits <= 32 * i)
		return 0;
	return ~(UINT32_MAX >> (bits - 32 * i));
}

static bool equal_to(const struct ip_addr *a, const struct ip_addr *b,
		     uint8_t bits)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (HOST32(a->word[i] ^ b->word[i]) & word_mask(bits, i))
			return false;
	return true;
}

int conf_prefix_parse(const char *text, struct conf_prefix *ret_prefix)
{
	struct conf_prefix prefix = { .bits = 128 };
	char copy[CONF_PREFIX_SIZE];
	uint32_t length = 0;
	unsigned int i;
	char *slash;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, strlen(text) + 1);
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	if (conf_addr_parse(copy, &prefix.addr) < 0)
		return -EINVAL;
	if (slash) {
		if (!*slash || strlen(slash) > 3 ||
		    strspn(slash, "0123456789") != strlen(slash))
			return -EINVAL;
		length = (uint32_t)strtoul(slash, NULL, 10);
		/* ::ffff:a.b.c.d/n is written as what it is, a.b.c.d/n */
		if (IP_IS_V4(prefix.addr) && !strchr(copy, ':'))
			length += 96;
		if (length > 128)
			return -EINVAL;
		prefix.bits = (uint8_t)length;
	}
	for (i = 0; i < 4; i++)
		if (HOST32(prefix.addr.word[i]) & ~word_mask(prefix.bits, i))
			return -ERANGE;
	*ret_prefix = prefix;
	return 0;
}

void conf_prefix_print(const struct conf_prefix *prefix, char *buf, size_t size)
{
	bool v4 = IP_IS_V4(prefix->addr) && prefix->bits >= 96;
	char addr[CONF_ADDR_SIZE];

	conf_addr_print(&prefix->addr, addr, sizeof(addr));
	snprintf(buf, size, "%s/%u", addr, prefix->bits - (v4 ? 96U : 0U));
}

bool conf_prefix_has(const struct conf_prefix *prefix,
		     const struct ip_addr *addr)
{
	return equal_to(&prefix->addr, addr, prefix->bits);
}

bool conf_prefix_overlaps(const struct conf_prefix *a,
			  const struct conf_prefix *b)
{
	return equal_to(&a->addr, &b->addr,
			a->bits < b->bits ? a->bits : b->bits);
}

const char *conf_prefix_reserved(const struct conf_prefix *prefix)
{
	static const char *const reserved[] = {
		"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3",
		"::/127",    "fe80::/10",   "ff00::/8",
	};
	struct conf_prefix range;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reserved); i++)
		if (conf_prefix_parse(reserved[i], &range) == 0 &&
		    conf_prefix_overlaps(&range, prefix))
			return reserved[i];
	return NULL;
}

bool conf_name_valid(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789"
				      "._-";

	return *text && !strchr("._-", *text) &&
	       strlen(text) <= CONF_NAME_MAX &&
	       strspn(text, letters) == strlen(text);
}

int conf_uuid_parse(const char *text, char *ret_uuid)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	char uuid[CONF_UUID_SIZE];
	size_t i;

	if (strlen(text) != sizeof(form) - 1)
		return -EINVAL;
	for (i = 0; i < sizeof(form) - 1; i++) {
		if (form[i] == '-' ? text[i] != '-' :
				     !isxdigit((unsigned char)text[i]))
			return -EINVAL;
		uuid[i] = (char)tolower((unsigned char)text[i]);
	}
	memcpy(ret_uuid, uuid, sizeof(form) - 1);
	ret_uuid[sizeof(form) - 1] = '\0';
	return 0;
}

int conf_mac_parse(const char *text, struct conf_mac *ret_mac)
{
	struct conf_mac mac, none = { 0 };
	const char *digits;
	size_t i;

	if (strlen(text) != CONF_MAC_SIZE - 1)
		return -EINVAL;
	for (i = 0; i < sizeof(mac.byte); i++) {
		digits = text + 3 * i;
		if (!isxdigit((unsigned char)digits[0]) ||
		    !isxdigit((unsigned char)digits[1]) ||
		    (digits[2] != ':' && digits[2] != '\0'))
			return -EINVAL;
		mac.byte[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	/* The lowest bit of the first byte is a group's. */
	if ((mac.byte[0] & 1) || memcmp(&mac, &none, sizeof(mac)) == 0)
		return -EINVAL;
	*ret_mac = mac;
	return 0;
}

void conf_mac_print(const struct conf_mac *mac, char *buf, size_t size)
{
	static const struct conf_mac none;

	if (memcmp(mac, &none, sizeof(none)) == 0)
		snprintf(buf, size, "%s", "");
	else
		snprintf(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x",
			 mac->byte[0], mac->byte[1], mac->byte[2], mac->byte[3],
			 mac->byte[4], mac->byte[5]);
}

int conf_endpoint_parse(const char *text, struct ip_addr *ret_addr,
			uint16_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	bool v6 = *text == '[';
	char addr[CONF_ADDR_SIZE];
	struct ip_addr ip;
	uint32_t port = 0;
	size_t length;

	if (!colon || conf_count_parse(colon + 1, &port) < 0 || port == 0 ||
	    port > UINT16_MAX ||
	    !isdigit((unsigned char)text[strlen(text) - 1]))
		return -EINVAL;
	text += v6;
	length = (size_t)(colon - text);
	if (v6 && (length == 0 || text[--length] != ']'))
		return -EINVAL;
	if (length >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, length);
	addr[length] = '\0';
	if (conf_addr_parse(addr, &ip) < 0 || IP_IS_V4(ip) == v6)
		return -EINVAL;
	*ret_addr = ip;
	*ret_port = (uint16_t)port;
	return 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

ssize_t conf_hex_parse(const char *text, char *ret_bytes)
{
	int high, low;
	ssize_t n = 0;

	for (;;) {
		text += strspn(text, " \t\n");
		if (!*text)
			return n;
		high = digit(text[0]);
		low = high < 0 ? -1 : digit(text[1]);
		if (low < 0)
			return -EINVAL;
		ret_bytes[n++] = (char)(high << 4 | low);
		text += 2;
	}
}
