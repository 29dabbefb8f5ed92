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

static void read_node(struct reader *r)
{
	const struct conf_group *group = conf_node_group();
	struct conf_node *node = &r->conf->node;
	const struct conf_tree *tree;
	size_t i;

	r->first_mark = r->marks->n;
	node->place.file = r->sources[0].tree.place.file;
	reader_presets(r, group, node);
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
			reader_group(r, group, tree, node, "node");
			node->place = tree->place;
		}
	}
	reader_gaps(r, group, node, &node->place, "node");
}

static void read_object(struct reader *r, const struct conf_section *section,
			size_t index, const struct conf_tree *node,
			void *object)
{
	char path[READER_PATH_SIZE];

	reader_name(r, node, section->key, index, path);
	memcpy(object, &node->place, sizeof(node->place));
	r->first_mark = r->marks->n;
	r->section = section;
	r->object = object;
	reader_presets(r, section->group, object);
	if (node->kind != NODE_GROUP) {
		conf_complain(r->errs, &node->place,
			      "%s: must be a group, { key = value; ... }",
			      path);
		return;
	}
	reader_group(r, section->group, node, object, path);
	reader_gaps(r, section->group, object, &node->place, path);
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
				.size = READER_SPARE_SIZE,
			};
			if (field.group)
				reader_later(r, &field, node, node->name);
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

	reader_field(&r, vms_field(), list, conf->hypervisors, path);
	conf_marks_sort(marks);
	return r.failed ? -ENOMEM : 0;
}
