/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between two configurations. Values are compared by their text,
 * so what is told is what differs, and nothing else is.
 */
#include "config/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

#define PATH_SIZE 256

static int add(struct conf_changes *changes, enum conf_change_kind kind,
	       enum conf_effect effect, const char *path, const char *old_text,
	       const char *new_text)
{
	struct conf_change *grown, *new;

	grown = reallocarray(changes->change, changes->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	changes->change = grown;
	new = &grown[changes->n++]; /* conf_changes_done() frees what is there */
	*new = (struct conf_change){
		.kind = kind,
		.effect = effect,
		.path = strdup(path),
		.old_text = strdup(old_text),
		.new_text = strdup(new_text),
		.pool = strdup(""),
	};
	return new->path &&new->old_text &&new->new_text &&new->pool ? 0 :
								       -ENOMEM;
}

static int diff_value(const struct conf_field *field, const void *before,
		      const void *after, const char *path,
		      struct conf_changes *changes)
{
	char *old_text = conf_value_reveal(field, before);
	char *new_text = conf_value_reveal(field, after);
	bool differ = true;
	int err = -ENOMEM;

	if (old_text && new_text)
		differ = strcmp(old_text, new_text) != 0;
	if (field->secret && differ) {
		free(old_text);
		free(new_text);
		old_text = conf_value_print(field, before);
		new_text = conf_value_print(field, after);
	}
	if (old_text && new_text)
		err = differ ? add(changes, CONF_CHANGED, field->effect, path,
				   old_text, new_text) :
			       0;
	free(old_text);
	free(new_text);
	return err;
}

static int diff_list(const struct conf_field *field, const void *before,
		     const void *after, const char *path,
		     struct conf_changes *changes);

static int diff_group(const struct conf_group *group, const void *before,
		      const void *after, const char *path,
		      struct conf_changes *changes)
{
	const struct conf_field *field;
	char buf[PATH_SIZE];
	size_t i;
	int err = 0;

	for (i = 0; i < group->n_fields && !err; i++) {
		field = &group->fields[i];
		snprintf(buf, sizeof(buf), "%.*s.%s", PATH_SIZE - 64, path,
			 field->key);
		if (field->later)
			continue;
		if (field->kind == KIND_GROUP)
			err = diff_group(field->group,
					 (const char *)before + field->offset,
					 (const char *)after + field->offset,
					 buf, changes);
		else if (field->kind == KIND_LIST)
			err = diff_list(field,
					(const char *)before + field->offset,
					(const char *)after + field->offset,
					buf, changes);
		else
			err = diff_value(field, before, after, buf, changes);
	}
	return err;
}

/* What an element is known by: its name, or else its number. */
static void element_path(const struct conf_field *field, const char *element,
			 size_t index, const char *path, char *buf)
{
	const struct conf_field *name = &field->group->fields[0];
	const char *text;

	if (strcmp(name->key, "name") != 0) {
		snprintf(buf, PATH_SIZE, "%.*s.#%zu", PATH_SIZE / 2, path,
			 index + 1);
		return;
	}
	memcpy(&text, element + name->offset, sizeof(text));
	snprintf(buf, PATH_SIZE, "%.*s.%s", PATH_SIZE / 2, path, text);
}

/**
 * struct elements - the elements of a KIND_LIST.
 * @next: where the one that is looked for next is, if nothing has changed:
 *        without that, long lists would take the square of their length.
 */
struct elements {
	const char *first;
	size_t n;
	size_t next;
};
_Static_assert(offsetof(struct elements, n) == offsetof(struct conf_vms, n) &&
		       sizeof(struct conf_vms) ==
			       offsetof(struct elements, next),
	       "KIND_LIST is a pointer and its length");

static const char *find_element(const struct conf_field *field,
				struct elements *list, const char *path,
				const char *wanted)
{
	const char *element;
	char buf[PATH_SIZE];
	size_t i, at;

	for (i = 0; i < list->n; i++) {
		at = (list->next + i) % list->n;
		element = list->first + at * field->size;
		element_path(field, element, at, path, buf);
		if (strcmp(buf, wanted) != 0)
			continue;
		list->next = at + 1;
		return element;
	}
	return NULL;
}

static int diff_list(const struct conf_field *field, const void *before,
		     const void *after, const char *path,
		     struct conf_changes *changes)
{
	struct elements old = { 0 }, new = { 0 };
	const char *at, *twin;
	char buf[PATH_SIZE];
	size_t i;
	int err = 0;

	memcpy(&old, before, offsetof(struct elements, next));
	memcpy(&new, after, offsetof(struct elements, next));
	for (i = 0, at = old.first; i < old.n && !err; i++, at += field->size) {
		element_path(field, at, i, path, buf);
		if (!find_element(field, &new, path, buf))
			err = add(changes, CONF_REMOVED, field->effect, buf, "",
				  "");
	}
	for (i = 0, at = new.first; i < new.n && !err; i++, at += field->size) {
		element_path(field, at, i, path, buf);
		twin = find_element(field, &old, path, buf);
		err = twin ? diff_group(field->group, twin, at, buf, changes) :
			     add(changes, CONF_ADDED, CONF_EFFECT_NONE, buf, "",
				 "");
	}
	return err;
}

/* The object of the same tenant and name; NULL if there is none. */
static const void *find(const struct conf *conf,
			const struct conf_section *section, const void *object)
{
	const char *tenant = conf_object_tenant(section, object);
	const char *name = conf_object_name(section, object);
	const char *objects;
	size_t n = 0, i;

	objects = conf_objects(conf, section, &n);
	for (i = 0; i < n; i++, objects += section->size)
		if (strcmp(conf_object_name(section, objects), name) == 0 &&
		    strcmp(conf_object_tenant(section, objects), tenant) == 0)
			return objects;
	return NULL;
}

static void object_path(const struct conf_section *section, const void *object,
			char *buf)
{
	const char *tenant = conf_object_tenant(section, object);

	snprintf(buf, PATH_SIZE, "%s.%s%s%s", section->key, tenant,
		 *tenant ? "/" : "", conf_object_name(section, object));
}

/* Changes from @first on are about this object: whose connections are cut? */
static int name_pool(struct conf_changes *changes, size_t first,
		     const struct conf_section *section, const void *object)
{
	const struct conf_pool *pool = NULL;
	struct conf_change *change;

	if (section == conf_section(SECTION_POOLS))
		pool = object;
	else if (section == conf_section(SECTION_SERVICES))
		pool = ((const struct conf_service *)object)->pool;
	for (; pool && first < changes->n; first++) {
		change = &changes->change[first];
		if (change->effect != CONF_EFFECT_CUT)
			continue;
		free(change->pool);
		if (asprintf(&change->pool, "%s/%s", pool->tenant->name,
			     pool->name) < 0) {
			change->pool = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

/* Objects of @these that @others has not got. */
static int diff_missing(const struct conf_section *section,
			enum conf_change_kind kind, const struct conf *these,
			const struct conf *others, struct conf_changes *changes)
{
	enum conf_effect effect = CONF_EFFECT_NONE;
	char path[PATH_SIZE];
	const char *objects;
	size_t n = 0, i;
	int err = 0;

	if (kind == CONF_REMOVED)
		effect = section->removed;
	objects = conf_objects(these, section, &n);
	for (i = 0; i < n && !err; i++, objects += section->size) {
		if (find(others, section, objects))
			continue;
		object_path(section, objects, path);
		err = add(changes, kind, effect, path, "", "");
		if (!err)
			err = name_pool(changes, changes->n - 1, section,
					objects);
	}
	return err;
}

static int diff_section(const struct conf_section *section,
			const struct conf *before, const struct conf *after,
			struct conf_changes *changes)
{
	const char *objects;
	char path[PATH_SIZE];
	const void *old;
	size_t n = 0, i, first;
	int err;

	err = diff_missing(section, CONF_REMOVED, before, after, changes);
	if (!err)
		err = diff_missing(section, CONF_ADDED, after, before, changes);
	objects = conf_objects(after, section, &n);
	for (i = 0; i < n && !err; i++, objects += section->size) {
		old = find(before, section, objects);
		if (!old)
			continue;
		object_path(section, objects, path);
		first = changes->n;
		err = diff_group(section->group, old, objects, path, changes);
		if (!err)
			err = name_pool(changes, first, section, old);
	}
	return err;
}

int conf_diff(const struct conf *before, const struct conf *after,
	      struct conf_changes *ret_changes)
{
	struct conf_changes changes = { 0 };
	size_t i;
	int err;

	err = diff_group(conf_node_group(), &before->node, &after->node, "node",
			 &changes);
	for (i = 0; i < N_SECTIONS && !err; i++)
		err = diff_section(conf_section((enum conf_section_number)i),
				   before, after, &changes);
	if (err) {
		conf_changes_done(&changes);
		return err;
	}
	*ret_changes = changes;
	return 0;
}

void conf_changes_done(struct conf_changes *changes)
{
	size_t i;

	for (i = 0; i < changes->n; i++) {
		free(changes->change[i].path);
		free(changes->change[i].old_text);
		free(changes->change[i].new_text);
		free(changes->change[i].pool);
	}
	free(changes->change);
	*changes = (struct conf_changes){ 0 };
}

void conf_change_print(const struct conf_change *change, FILE *out)
{
	switch (change->kind) {
	case CONF_ADDED:
		fprintf(out, "+ %s", change->path);
		break;
	case CONF_REMOVED:
		fprintf(out, "- %s", change->path);
		break;
	case CONF_CHANGED:
		fprintf(out, "~ %s: %s -> %s", change->path, change->old_text,
			change->new_text);
		break;
	}
	switch (change->effect) {
	case CONF_EFFECT_NONE:
		break;
	case CONF_EFFECT_CUT:
		fputs(" (cuts connections)", out);
		break;
	case CONF_EFFECT_RESTART:
		fputs(" (after a restart of droverd)", out);
		break;
	}
}
