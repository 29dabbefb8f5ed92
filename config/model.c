/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trees of files -> the model, as the schema has it.
 *
 * Section by section, all files of one section together, so that an object
 * finds those that it refers to. In each group: presets, then what is written,
 * then a look for what is missing. A value that is wrong is complained about
 * and stays zero; reading goes on, so that all errors are shown at once.
 */
#include "config/model.h"

#include <errno.h>
#include <string.h>

#include "config/errors.h"
#include "config/reader.h"
#include "config/value.h"

#define PATH_SIZE 256 /* of "pools.web.health.port" */

void *reader_take(struct reader *r, size_t n, size_t size)
{
	void *memory = conf_arena_alloc(r->scratch, n, size);

	if (!memory)
		r->failed = true;
	return memory;
}

void reader_mark(struct reader *r, const void *value,
		 const struct conf_place *place, const char *path, bool wrong,
		 bool written)
{
	const struct conf_mark new = {
		.value = value,
		.place = *place,
		.path = conf_arena_text(r->scratch, path),
		.wrong = wrong,
		.written = written,
	};

	if (!new.path || conf_marks_add(r->marks, &new) < 0)
		r->failed = true;
}

const char *reader_suggest(struct reader *r, const char *word,
			   const char *const *candidates, size_t n)
{
	const char *near = conf_nearest(word, candidates, n);
	size_t size;
	char *text;

	if (!near)
		return "";
	size = strlen(near) + sizeof("; did you mean \"\"?");
	text = reader_take(r, size, 1);
	if (!text)
		return "";
	snprintf(text, size, "; did you mean \"%s\"?", near);
	return text;
}

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
		return 0; /* read_field() keeps it for later */
	return conf_value_set(field, text, base, r->conf->arena, why);
}

/* --- groups ------------------------------------------------------------- */

static void read_group(struct reader *r, const struct conf_group *group,
		       const struct conf_tree *node, void *base,
		       const char *path);
static void set_presets(struct reader *r, const struct conf_group *group,
			void *base);
static void look_for_gaps(struct reader *r, const struct conf_group *group,
			  const void *base, const struct conf_place *place,
			  const char *path);

static void join(char *buf, const char *path, const char *key)
{
	snprintf(buf, PATH_SIZE, "%.*s.%s", PATH_SIZE / 2, path, key);
}

/* "list.name", or "list.#3" if it has no name; "list[2]" if numbered. */
static void name_object(const struct reader *r, const struct conf_tree *node,
			const char *list, size_t index, char *buf)
{
	const struct conf_tree *name = NULL;

	if (r->numbered) {
		snprintf(buf, PATH_SIZE, "%.*s[%zu]", PATH_SIZE / 2, list,
			 index);
		return;
	}
	if (node->kind == NODE_GROUP)
		name = conf_tree_member(node, "name");
	if (name && name->kind == NODE_TEXT)
		snprintf(buf, PATH_SIZE, "%.*s.%.80s", PATH_SIZE / 2, list,
			 name->text);
	else
		snprintf(buf, PATH_SIZE, "%.*s.#%zu", PATH_SIZE / 2, list,
			 index + 1);
}

static void read_element(struct reader *r, const struct conf_field *field,
			 const char *list_path, size_t index,
			 const struct conf_tree *node, void *element)
{
	size_t outer = r->first_mark;
	char path[PATH_SIZE];

	name_object(r, node, list_path, index, path);
	memcpy(element, &node->place, sizeof(node->place));
	if (node->kind != NODE_GROUP) {
		conf_complain(r->errs, &node->place,
			      "%s: must be a group, { key = value; ... }",
			      path);
		return;
	}
	if (r->spare) {
		read_group(r, field->group, node, r->spare, path);
		return;
	}
	r->first_mark = r->marks->n;
	set_presets(r, field->group, element);
	read_group(r, field->group, node, element, path);
	look_for_gaps(r, field->group, element, &node->place, path);
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

static void read_field(struct reader *r, const struct conf_field *field,
		       const struct conf_tree *node, void *base,
		       const char *path)
{
	char *at = (char *)base + field->offset;
	char why[CONF_WHY_SIZE] = "";
	int err;

	if (field->kind == KIND_GROUP && node->kind == NODE_GROUP) {
		read_group(r, field->group, node, at, path);
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

#define SPARE_SIZE 1024 /* of any group */

/*
 * Right or wrong, it is refused: values go where nobody reads them. A key that
 * has a member all the same, so that it can be built in steps, keeps out of it.
 */
static void read_later(struct reader *r, const struct conf_field *field,
		       const struct conf_tree *node, const char *path)
{
	struct conf_field nowhere = *field;

	nowhere.offset = 0;
	r->spare = reader_take(r, 1, SPARE_SIZE);
	if (!r->spare)
		return;
	read_field(r, &nowhere, node, r->spare, path);
	r->spare = NULL;
	conf_complain(r->errs, &node->place,
		      "%s: is not in this version, leave it out", path);
}

_Static_assert(sizeof(struct conf_pool) < SPARE_SIZE &&
		       sizeof(struct conf_node) < SPARE_SIZE &&
		       sizeof(struct conf_vm) < SPARE_SIZE,
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
	char buf[PATH_SIZE];
	size_t i;

	for (i = 0; i < group->n_fields; i++) {
		if (!group->fields[i].required ||
		    conf_tree_member(node, group->fields[i].key))
			continue;
		join(buf, path, group->fields[i].key);
		tell_gap(r, &group->fields[i], &node->place, buf);
	}
}

static void read_group(struct reader *r, const struct conf_group *group,
		       const struct conf_tree *node, void *base,
		       const char *path)
{
	const struct conf_tree *member;
	char buf[PATH_SIZE];
	size_t i;

	look_for_strangers(r, group, node, path);
	for (i = 0; i < group->n_fields; i++) {
		member = conf_tree_member(node, group->fields[i].key);
		if (!member)
			continue;
		join(buf, path, group->fields[i].key);
		if (group->fields[i].later)
			read_later(r, &group->fields[i], member, buf);
		else
			read_field(r, &group->fields[i], member, base, buf);
	}
	if (r->spare)
		look_for_gaps_later(r, group, node, path);
}

static void set_presets(struct reader *r, const struct conf_group *group,
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
			set_presets(r, field->group, at);
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
static void look_for_gaps(struct reader *r, const struct conf_group *group,
			  const void *base, const struct conf_place *place,
			  const char *path)
{
	const struct conf_field *field;
	char buf[PATH_SIZE];
	const char *at;
	size_t i;

	for (i = 0; i < group->n_fields; i++) {
		field = &group->fields[i];
		at = (const char *)base + field->offset;
		join(buf, path, field->key);
		if (field->later)
			continue;
		if (field->kind == KIND_GROUP)
			look_for_gaps(r, field->group, at, place, buf);
		if (field->kind == KIND_GROUP ||
		    conf_marks_recent(r->marks, r->first_mark, at))
			continue;
		reader_mark(r, at, place, buf, field->required, false);
		if (field->required)
			tell_gap(r, field, place, buf);
	}
}

/* --- sections ----------------------------------------------------------- */

static void read_node(struct reader *r)
{
	const struct conf_group *group = conf_node_group();
	struct conf_node *node = &r->conf->node;
	const struct conf_tree *tree;
	size_t i;

	r->first_mark = r->marks->n;
	node->place.file = r->sources[0].tree.place.file;
	set_presets(r, group, node);
	for (i = 0; i < r->n_sources; i++) {
		tree = conf_tree_member(&r->sources[i].tree, "node");
		if (!tree)
			continue;
		if (r->sources[i].kind == SOURCE_PART) {
			conf_complain(r->errs, &tree->place,
				      "node: belongs into the main file or "
				      "into node.cfg");
		} else if (tree->kind != NODE_GROUP) {
			conf_complain(r->errs, &tree->place,
				      "node: must be a group, { key = value; "
				      "... }");
		} else {
			read_group(r, group, tree, node, "node");
			node->place = tree->place;
		}
	}
	look_for_gaps(r, group, node, &node->place, "node");
}

static void read_object(struct reader *r, const struct conf_section *section,
			size_t index, const struct conf_tree *node,
			void *object)
{
	char path[PATH_SIZE];

	name_object(r, node, section->key, index, path);
	memcpy(object, &node->place, sizeof(node->place));
	r->first_mark = r->marks->n;
	r->section = section;
	r->object = object;
	set_presets(r, section->group, object);
	if (node->kind != NODE_GROUP) {
		conf_complain(r->errs, &node->place,
			      "%s: must be a group, { key = value; ... }",
			      path);
		return;
	}
	read_group(r, section->group, node, object, path);
	look_for_gaps(r, section->group, object, &node->place, path);
}

/* The section's list in one file; NULL if it has none. */
static const struct conf_tree *section_list(const struct conf_source *source,
					    const char *key)
{
	const struct conf_tree *list = conf_tree_member(&source->tree, key);

	if (!list || list->kind != NODE_LIST || source->kind == SOURCE_NODE)
		return NULL;
	return list;
}

static void read_section(struct reader *r, enum conf_section_number number)
{
	const struct conf_section *section = conf_section(number);
	const struct conf_tree *list;
	size_t n = 0, i, j, n_read = 0;
	char *objects, *object;

	for (i = 0; i < r->n_sources; i++) {
		list = section_list(&r->sources[i], section->key);
		n += list ? list->n : 0;
	}
	objects = conf_arena_alloc(r->conf->arena, n, section->size);
	if (!objects) {
		r->failed = true;
		return;
	}
	for (i = 0; i < r->n_sources; i++) {
		list = section_list(&r->sources[i], section->key);
		for (j = 0; list && j < list->n; j++) {
			object = objects + n_read * section->size;
			read_object(r, section, n_read, &list->children[j],
				    object);
			if (!conf_object_name(section, object))
				r->nameless[number] = true;
			n_read++;
		}
	}
	memcpy((char *)r->conf + section->array, &objects, sizeof(objects));
	memcpy((char *)r->conf + section->count, &n, sizeof(n));
}

/* What this version has not got, read last: it may name what it has. */
static void read_sections_later(struct reader *r)
{
	const struct conf_tree *node;
	struct conf_field field;
	size_t i, j;

	for (i = 0; i < r->n_sources; i++) {
		for (j = 0; j < r->sources[i].tree.n; j++) {
			node = &r->sources[i].tree.children[j];
			field = (struct conf_field){
				.key = node->name,
				.kind = KIND_LIST,
				.max = UINT32_MAX,
				.group = conf_section_later(node->name),
				.size = SPARE_SIZE,
			};
			if (field.group)
				read_later(r, &field, node, node->name);
		}
	}
}

static void check_section(struct reader *r, const struct conf_source *source,
			  const struct conf_tree *node)
{
	const char *keys[N_SECTIONS + 1 + CONF_N_SECTIONS_LATER];
	size_t i;

	for (i = 0; i < N_SECTIONS; i++)
		keys[i] = conf_section((enum conf_section_number)i)->key;
	keys[N_SECTIONS] = "node";
	for (i = 0; i < CONF_N_SECTIONS_LATER; i++)
		keys[N_SECTIONS + 1 + i] = conf_section_later_key(i);
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(node->name, keys[i]) == 0)
			break;
	if (i == ARRAY_SIZE(keys) ||
	    (i < N_SECTIONS && node->kind != NODE_LIST))
		memset(r->nameless, true, sizeof(r->nameless));
	if (conf_section_later(node->name))
		return; /* read_sections_later() refuses it */
	if (i == ARRAY_SIZE(keys))
		conf_complain(r->errs, &node->place, "%.80s: unknown section%s",
			      node->name,
			      reader_suggest(r, node->name, keys,
					     ARRAY_SIZE(keys)));
	else if (i < N_SECTIONS && source->kind == SOURCE_NODE)
		conf_complain(r->errs, &node->place,
			      "%s: belongs into the main file or into conf.d/, "
			      "not into node.cfg",
			      node->name);
	else if (i < N_SECTIONS && node->kind != NODE_LIST)
		conf_complain(r->errs, &node->place,
			      "%s: must be a list of groups, ( { ... }, { ... "
			      "} )",
			      node->name);
}

int conf_model_read(const struct conf_source *sources, size_t n_sources,
		    struct conf_arena *scratch, struct conf_errors *errs,
		    struct conf *conf, struct conf_marks *marks)
{
	struct reader r = {
		.sources = sources,
		.n_sources = n_sources,
		.scratch = scratch,
		.errs = errs,
		.conf = conf,
		.marks = marks,
	};
	size_t i, j;

	for (i = 0; i < n_sources; i++)
		for (j = 0; j < sources[i].tree.n; j++)
			check_section(&r, &sources[i],
				      &sources[i].tree.children[j]);
	read_node(&r);
	for (i = 0; i < N_SECTIONS; i++)
		read_section(&r, (enum conf_section_number)i);
	refer_all(&r);
	read_sections_later(&r);
	conf_marks_sort(marks);
	return r.failed ? -ENOMEM : 0;
}

/* The key `vms` of a hypervisor. */
static const struct conf_field *vms_field(void)
{
	const struct conf_group *group =
		conf_section(SECTION_HYPERVISORS)->group;
	size_t i;

	for (i = 0; strcmp(group->fields[i].key, "vms") != 0; i++)
		continue;
	return &group->fields[i];
}

int conf_model_read_vms(const char *path, const struct conf_tree *list,
			struct conf_arena *scratch, struct conf_errors *errs,
			struct conf *conf, struct conf_marks *marks)
{
	struct reader r = {
		.scratch = scratch,
		.errs = errs,
		.conf = conf,
		.marks = marks,
		.numbered = true,
	};

	read_field(&r, vms_field(), list, conf->hypervisors, path);
	conf_marks_sort(marks);
	return r.failed ? -ENOMEM : 0;
}
