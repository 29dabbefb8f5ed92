/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A group of keys, with the groups and lists in it: presets, what is written,
 * what is missing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/errors.h"
#include "config/reader.h"
#include "config/value.h"

/* --- values ------------------------------------------------------------- */

static int refuse_type(const struct conf_field *field, char *why)
{
	snprintf(why, CONF_WHY_SIZE, "must be %s", conf_value_wanted(field));
	return -EINVAL;
}

static int set_numbers(struct reader *r, const struct conf_field *field,
		       const struct conf_tree *node, void *base, char *why)
{
	int64_t *numbers;
	size_t i;

	numbers = reader_take(r, node->n, sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	for (i = 0; i < node->n; i++) {
		if (node->children[i].kind != NODE_NUMBER)
			return refuse_type(field, why);
		numbers[i] = node->children[i].number;
	}
	return conf_value_set_numbers(field, numbers, node->n, base,
				      r->conf->arena, why);
}

static int set_list(struct reader *r, const struct conf_field *field,
		    const struct conf_tree *node, void *base, char *why)
{
	const char **texts;
	size_t i;

	if (node->kind != NODE_LIST)
		return refuse_type(field, why);
	if (field->kind == KIND_NUMBERS)
		return set_numbers(r, field, node, base, why);
	texts = reader_take(r, node->n, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	for (i = 0; i < node->n; i++) {
		if (node->children[i].kind != NODE_TEXT)
			return refuse_type(field, why);
		texts[i] = node->children[i].text;
	}
	return conf_value_set_list(field, texts, node->n, base, r->conf->arena,
				   why);
}

static int set_scalar(struct reader *r, const struct conf_field *field,
		      const struct conf_tree *node, void *base, char *why)
{
	const char *text = node->text;

	if (field->kind == KIND_BOOL && node->kind == NODE_BOOL)
		return conf_value_set(field, node->number ? "true" : "false",
				      base, r->conf->arena, why);
	if ((field->kind == KIND_COUNT || field->kind == KIND_PORT) &&
	    node->kind == NODE_NUMBER)
		return conf_value_set_number(field, node->number, base, why);
	if (node->kind != NODE_TEXT || field->kind == KIND_BOOL ||
	    field->kind == KIND_PORT)
		return refuse_type(field, why);
	if (field->kind == KIND_TENANT)
		return refer_tenant(
			r, text, (void *)((char *)base + field->offset), why);
	if (field->kind == KIND_POOL)
		return 0; /* reader_field() keeps it for later */
	return conf_value_set(field, text, base, r->conf->arena, why);
}

/* --- groups ------------------------------------------------------------- */

static void join(char *buf, const char *path, const char *key)
{
	snprintf(buf, READER_PATH_SIZE, "%.*s.%s", READER_PATH_SIZE / 2, path,
		 key);
}

/* "list.name", or "list.#3" if it has no name; "list[2]" if numbered. */
void reader_name(const struct reader *r, const struct conf_tree *node,
		 const char *list, size_t index, char *buf)
{
	const struct conf_tree *name = NULL;

	if (r->numbered) {
		snprintf(buf, READER_PATH_SIZE, "%.*s[%zu]",
			 READER_PATH_SIZE / 2, list, index);
		return;
	}
	if (node->kind == NODE_GROUP)
		name = conf_tree_member(node, "name");
	if (name && name->kind == NODE_TEXT)
		snprintf(buf, READER_PATH_SIZE, "%.*s.%.80s",
			 READER_PATH_SIZE / 2, list, name->text);
	else
		snprintf(buf, READER_PATH_SIZE, "%.*s.#%zu",
			 READER_PATH_SIZE / 2, list, index + 1);
}

static void read_element(struct reader *r, const struct conf_field *field,
			 const char *list_path, size_t index,
			 const struct conf_tree *node, void *element)
{
	size_t outer = r->first_mark;
	char path[READER_PATH_SIZE];

	reader_name(r, node, list_path, index, path);
	memcpy(element, &node->place, sizeof(node->place));
	if (node->kind != NODE_GROUP) {
		conf_complain(r->errs, &node->place,
			      "%s: must be a group, { key = value; ... }",
			      path);
		return;
	}
	if (r->spare) {
		reader_group(r, field->group, node, r->spare, path);
		return;
	}
	r->first_mark = r->marks->n;
	reader_presets(r, field->group, element);
	reader_group(r, field->group, node, element, path);
	reader_gaps(r, field->group, element, &node->place, path);
	r->first_mark = outer;
}

/* A list of groups. */
static int read_list(struct reader *r, const struct conf_field *field,
		     const struct conf_tree *node, void *at, const char *path,
		     char *why)
{
	char *elements;
	size_t i;

	if (node->kind != NODE_LIST)
		return refuse_type(field, why);
	if (node->n > field->max) {
		snprintf(why, CONF_WHY_SIZE,
			 "has %zu elements, at most %u are allowed", node->n,
			 field->max);
		return -EINVAL;
	}
	elements = conf_arena_alloc(r->conf->arena, node->n, field->size);
	if (!elements)
		return -ENOMEM;
	for (i = 0; i < node->n; i++)
		read_element(r, field, path, i, &node->children[i],
			     elements + i * field->size);
	memcpy(at, &elements, sizeof(elements));
	memcpy((char *)at + sizeof(elements), &node->n, sizeof(node->n));
	return 0;
}

static bool is_list(enum conf_kind kind)
{
	return kind == KIND_TEXTS || kind == KIND_PAIRS ||
	       kind == KIND_NUMBERS || kind == KIND_ADDRS ||
	       kind == KIND_PREFIXES || kind == KIND_SELECT;
}

void reader_field(struct reader *r, const struct conf_field *field,
		  const struct conf_tree *node, void *base, const char *path)
{
	char *at = (char *)base + field->offset;
	char why[CONF_WHY_SIZE] = "";
	int err;

	if (field->kind == KIND_GROUP && node->kind == NODE_GROUP) {
		reader_group(r, field->group, node, at, path);
		return;
	}
	if (field->kind == KIND_LIST)
		err = read_list(r, field, node, at, path, why);
	else if (is_list(field->kind))
		err = set_list(r, field, node, base, why);
	else
		err = set_scalar(r, field, node, base, why);
	if (err == -EINVAL && field->secret) /* no word of the value */
		err = refuse_type(field, why);
	if (err == -ENOMEM)
		r->failed = true;
	else if (err)
		conf_complain(r->errs, &node->place, "%s: %s", path, why);
	else if (field->kind == KIND_POOL)
		refer_pool(r, node, (void *)at, path);
	if (field->kind != KIND_GROUP && !r->spare)
		reader_mark(r, at, &node->place, path, err != 0, true);
}

/*
 * Right or wrong, it is refused: values go where nobody reads them. A key that
 * has a member all the same, so that it can be built in steps, keeps out of it.
 */
void reader_later(struct reader *r, const struct conf_field *field,
		  const struct conf_tree *node, const char *path)
{
	struct conf_field nowhere = *field;

	nowhere.offset = 0;
	r->spare = reader_take(r, 1, READER_SPARE_SIZE);
	if (!r->spare)
		return;
	reader_field(r, &nowhere, node, r->spare, path);
	r->spare = NULL;
	conf_complain(r->errs, &node->place,
		      "%s: is not in this version, leave it out", path);
}

_Static_assert(sizeof(struct conf_pool) < READER_SPARE_SIZE &&
		       sizeof(struct conf_node) < READER_SPARE_SIZE &&
		       sizeof(struct conf_vm) < READER_SPARE_SIZE,
	       "every group finds room in the spare memory");

/* Keys that nobody knows. */
static void look_for_strangers(struct reader *r, const struct conf_group *group,
			       const struct conf_tree *node, const char *path)
{
	const char **keys;
	const char *key;
	size_t i, j;

	keys = reader_take(r, group->n_fields, sizeof(*keys));
	if (!keys)
		return;
	for (j = 0; j < group->n_fields; j++)
		keys[j] = group->fields[j].key;
	for (i = 0; i < node->n; i++) {
		key = node->children[i].name;
		for (j = 0; j < group->n_fields; j++)
			if (strcmp(key, keys[j]) == 0)
				break;
		if (j == group->n_fields)
			conf_complain(r->errs, &node->children[i].place,
				      "%s.%.80s: unknown key%s", path, key,
				      reader_suggest(r, key, keys,
						     group->n_fields));
	}
}

static void tell_gap(struct reader *r, const struct conf_field *field,
		     const struct conf_place *place, const char *path)
{
	conf_complain(r->errs, place, "%s: is missing, it must be %s", path,
		      conf_value_wanted(field));
}

/* Values that are not kept have no marks to look for. */
static void look_for_gaps_later(struct reader *r,
				const struct conf_group *group,
				const struct conf_tree *node, const char *path)
{
	char buf[READER_PATH_SIZE];
	size_t i;

	for (i = 0; i < group->n_fields; i++) {
		if (!group->fields[i].required ||
		    conf_tree_member(node, group->fields[i].key))
			continue;
		join(buf, path, group->fields[i].key);
		tell_gap(r, &group->fields[i], &node->place, buf);
	}
}

void reader_group(struct reader *r, const struct conf_group *group,
		  const struct conf_tree *node, void *base, const char *path)
{
	const struct conf_tree *member;
	char buf[READER_PATH_SIZE];
	size_t i;

	look_for_strangers(r, group, node, path);
	for (i = 0; i < group->n_fields; i++) {
		member = conf_tree_member(node, group->fields[i].key);
		if (!member)
			continue;
		join(buf, path, group->fields[i].key);
		if (group->fields[i].later)
			reader_later(r, &group->fields[i], member, buf);
		else
			reader_field(r, &group->fields[i], member, base, buf);
	}
	if (r->spare)
		look_for_gaps_later(r, group, node, path);
}

void reader_presets(struct reader *r, const struct conf_group *group,
		    void *base)
{
	const struct conf_field *field;
	char why[CONF_WHY_SIZE];
	const char *empty = "";
	size_t i;
	char *at;

	for (i = 0; i < group->n_fields; i++) {
		field = &group->fields[i];
		at = (char *)base + field->offset;
		if (field->later) {
			continue;
		} else if (field->kind == KIND_GROUP) {
			reader_presets(r, field->group, at);
		} else if (field->preset) {
			if (conf_value_set(field, field->preset, base,
					   r->conf->arena, why) < 0)
				r->failed = true;
		} else if (field->kind == KIND_TEXT ||
			   field->kind == KIND_PATH ||
			   field->kind == KIND_BYTES ||
			   field->kind == KIND_UUID) {
			memcpy(at, &empty, sizeof(empty));
		}
	}
}

/* What is not written: an error if required, else the object's place. */
void reader_gaps(struct reader *r, const struct conf_group *group,
		 const void *base, const struct conf_place *place,
		 const char *path)
{
	const struct conf_field *field;
	char buf[READER_PATH_SIZE];
	const char *at;
	size_t i;

	for (i = 0; i < group->n_fields; i++) {
		field = &group->fields[i];
		at = (const char *)base + field->offset;
		join(buf, path, field->key);
		if (field->later)
			continue;
		if (field->kind == KIND_GROUP)
			reader_gaps(r, field->group, at, place, buf);
		if (field->kind == KIND_GROUP ||
		    conf_marks_recent(r->marks, r->first_mark, at))
			continue;
		reader_mark(r, at, place, buf, field->required, false);
		if (field->required)
			tell_gap(r, field, place, buf);
	}
}
