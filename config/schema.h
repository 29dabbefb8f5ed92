/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every key of the configuration, once: reading, printing, comparing and
 * looking for near words all walk these tables.
 *
 * A new key is a member in config.h and a row here; if what it means depends
 * on other keys, also a check in check.c.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "config/config.h"
#include "config/diff.h"

enum conf_kind {
	KIND_BOOL,     /* bool */
	KIND_COUNT,    /* uint32_t: 65536 or "64k" */
	KIND_PORT,     /* uint16_t */
	KIND_TIME,     /* uint32_t, ms: "350s" */
	KIND_NAME,     /* const char *: a name of our own */
	KIND_TEXT,     /* const char * */
	KIND_PATH,     /* const char *, an absolute path */
	KIND_LISTEN,   /* const char *: "address:port" */
	KIND_BYTES,    /* const char *, with line ends and the like in it */
	KIND_HEX,      /* struct conf_bytes, at most `max`: "12 34 ab" */
	KIND_UUID,     /* const char *, lower case */
	KIND_MAC,      /* struct conf_mac */
	KIND_TEXTS,    /* struct conf_strings */
	KIND_PAIRS,    /* struct conf_pairs: "name=value" */
	KIND_NUMBERS,  /* struct conf_numbers */
	KIND_WORD,     /* an enum: a word of `words` */
	KIND_ADDR,     /* struct ip_addr */
	KIND_ADDRS,    /* struct conf_addrs */
	KIND_PREFIXES, /* struct conf_prefixes */
	KIND_SELECT,   /* struct select_term *, then size_t */
	KIND_TENANT,   /* const struct conf_tenant *, by name */
	KIND_POOL,  /* const struct conf_pool *, by name, of the same tenant */
	KIND_GROUP, /* members in a struct of its own */
	KIND_LIST,  /* groups: an array of structs, then size_t */
};

/**
 * struct conf_word - a value of an enum.
 * @name: as written.
 * @value: of the enum.
 * @later: known, but not built yet.
 */
struct conf_word {
	const char *name;
	int value;
	bool later;
};

struct conf_words {
	const struct conf_word *word;
	size_t n;
};

struct conf_group;

/**
 * struct conf_field - a key.
 * @key: as written.
 * @kind: what it takes.
 * @required: it has to be there.
 * @later: its feature is not built yet: it is read and checked as any other,
 *         then refused. The model needs no member for it, @offset is not
 *         looked at, and what is in its group goes with it.
 * @secret: its value is never shown.
 * @repeats: of TEXTS: an element may be there twice; they are no set.
 * @effect: what a change of it costs.
 * @offset: of its member in the struct of its group.
 * @min: of COUNT, PORT and TIME; for lists the fewest elements.
 * @max: the greatest, 0 = nothing but the type's own limit.
 * @low: of NUMBERS: the least of an element.
 * @high: of NUMBERS: the greatest.
 * @preset: what it is when it is not there, as written; NULL = zero or "".
 * @words: of KIND_WORD; of KIND_TEXTS if each has to be one of them.
 * @group: of KIND_GROUP and KIND_LIST.
 * @size: of KIND_LIST: of an element, which begins with a struct conf_place.
 */
struct conf_field {
	const char *key;
	enum conf_kind kind;
	bool required;
	bool later;
	bool secret;
	bool repeats;
	enum conf_effect effect;
	size_t offset;
	uint32_t min;
	uint32_t max;
	uint32_t low;
	uint32_t high;
	const char *preset;
	const struct conf_words *words;
	const struct conf_group *group;
	size_t size;
};

/**
 * struct conf_group - the keys of a struct, in the order of reading.
 */
struct conf_group {
	const struct conf_field *fields;
	size_t n_fields;
};

/**
 * struct conf_section - a list of objects in struct conf.
 * @key: as written, "pools".
 * @one: what each of them is, "pool".
 * @group: its keys; all begin with a struct conf_place.
 * @size: of an object.
 * @array: offset of the array in struct conf.
 * @count: offset of its length.
 * @name: offset of the name in an object.
 * @tenant: offset of the tenant in an object, 0 = it has none.
 * @removed: what the removal of one costs.
 */
struct conf_section {
	const char *key;
	const char *one;
	const struct conf_group *group;
	size_t size;
	size_t array;
	size_t count;
	size_t name;
	size_t tenant;
	enum conf_effect removed;
};

enum conf_section_number {
	SECTION_HYPERVISORS,
	SECTION_TENANTS,
	SECTION_POOLS,
	SECTION_SERVICES,
	N_SECTIONS,
};

/**
 * conf_section() - a section. Those it refers to have lower numbers.
 */
const struct conf_section *conf_section(enum conf_section_number number);

/**
 * conf_node_group() - the keys of `node`.
 */
const struct conf_group *conf_node_group(void);

/**
 * conf_section_later() - the keys of a section whose feature isn't built yet.
 *
 * Return: NULL if it is no such section.
 */
const struct conf_group *conf_section_later(const char *key);

#define CONF_N_SECTIONS_LATER 3

/**
 * conf_section_later_key() - the keys of those, from 0 on.
 */
const char *conf_section_later_key(size_t i);

/**
 * conf_objects() - the objects of a section.
 * @conf: of which configuration.
 * @section: which section.
 * @ret_n: how many there are.
 */
const void *conf_objects(const struct conf *conf,
			 const struct conf_section *section, size_t *ret_n);

/**
 * conf_object_name() - its name; NULL if that was wrong or is missing.
 */
const char *conf_object_name(const struct conf_section *section,
			     const void *object);

/**
 * conf_object_tenant() - its tenant's name; "" if the section has none, NULL
 * if it was wrong or is missing.
 */
const char *conf_object_tenant(const struct conf_section *section,
			       const void *object);

#endif
