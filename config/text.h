/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers with units, addresses and ranges: text <-> value. What others need
 * too is in config.h. Pure.
 */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include <sys/types.h>

#include "config/config.h"

#define CONF_PREFIX_SIZE (CONF_ADDR_SIZE + 4)

/**
 * conf_count_parse() - a number, with k (1024) or m (1024 * 1024) if wanted.
 * @text: "65536" or "64k".
 *
 * Return: 0, -EINVAL, or -ERANGE above 2^32 - 1.
 */
MUST_CHECK int conf_count_parse(const char *text, uint32_t *ret_count);

/**
 * conf_count_print() - the shortest text that conf_count_parse() reads the
 * same; in quotes if it has a suffix, as a config wants it.
 */
void conf_count_print(uint32_t count, char *buf, size_t size);

/**
 * conf_prefix_parse() - "203.0.113.0/24", or an address alone.
 *
 * Return: 0; -EINVAL if it is none; -ERANGE if bits are set after the prefix.
 */
MUST_CHECK int conf_prefix_parse(const char *text,
				 struct conf_prefix *ret_prefix);

/**
 * conf_prefix_reserved() - has a range addresses that are nobody's in a network:
 * of the host itself, of one link only, or of groups?
 *
 * Return: the range that they are of, in words; NULL = none has.
 */
const char *conf_prefix_reserved(const struct conf_prefix *prefix);

/**
 * conf_prefix_print() - the text of a range, with its length always.
 */
void conf_prefix_print(const struct conf_prefix *prefix, char *buf,
		       size_t size);

/**
 * conf_prefix_overlaps() - do two ranges share an address?
 */
bool conf_prefix_overlaps(const struct conf_prefix *a,
			  const struct conf_prefix *b);

#define CONF_UUID_SIZE 37 /* with its NUL */

/**
 * conf_uuid_parse() - 36 characters, as RFC 4122 (3) writes a UUID.
 * @ret_uuid: CONF_UUID_SIZE bytes; the same in lower case.
 *
 * Return: 0 or -EINVAL.
 */
MUST_CHECK int conf_uuid_parse(const char *text, char *ret_uuid);

/**
 * conf_mac_parse() - "52:54:00:12:34:56", of one machine (not a group's).
 *
 * Return: 0 or -EINVAL.
 */
MUST_CHECK int conf_mac_parse(const char *text, struct conf_mac *ret_mac);

#define CONF_MAC_SIZE 18 /* suffices for conf_mac_print() */

/**
 * conf_mac_print() - the text of a MAC address; "" if it is none.
 */
void conf_mac_print(const struct conf_mac *mac, char *buf, size_t size);

/**
 * conf_name_valid() - letters, digits, `.`, `_`, `-`; a letter or digit first.
 *
 * No blank and no `/`: tenant/name and hypervisor/vm are how users write them.
 */
bool conf_name_valid(const char *text);

/**
 * conf_hex_parse() - bytes from "12 34 ab"; blanks may stand between bytes.
 * @text: that.
 * @ret_bytes: room for half its length; also written to if it fails.
 *
 * Return: their number, or -EINVAL.
 */
MUST_CHECK ssize_t conf_hex_parse(const char *text, char *ret_bytes);

#endif
