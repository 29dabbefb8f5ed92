/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machines that an outside system tells: JSON -> the tree that config/
 * reads, so that they are checked by the rules of a config's `vms`.
 */
#include "control/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/errors.h"
#include "config/fed.h"

#define NS_PER_MS 1000000

/* A list, its machines, their keys, the elements of a key that is a list. */
#define LEVELS 4

static int make_node(json_t *value, const struct conf_place *place,
		     unsigned int level, struct conf_arena *arena,
		     struct conf_tree *node);

static int make_list(json_t *array, unsigned int level,
		     struct conf_arena *arena, struct conf_tree *node)
{
	size_t i;
	int err = 0;

	node->kind = NODE_LIST;
	node->n = json_array_size(array);
	node->children =
		conf_arena_alloc(arena, node->n, sizeof(*node->children));
	if (!node->children)
		return -ENOMEM;
	for (i = 0; i < node->n && !err; i++)
		err = make_node(json_array_get(array, i), &node->place,
				level + 1, arena, &node->children[i]);
	return err;
}

static int make_group(json_t *object, unsigned int level,
		      struct conf_arena *arena, struct conf_tree *node)
{
	struct conf_tree *child;
	const char *key;
	json_t *value;
	int err = 0;

	node->kind = NODE_GROUP;
	node->children = conf_arena_alloc(arena, json_object_size(object),
					  sizeof(*node->children));
	if (!node->children)
		return -ENOMEM;
	json_object_foreach(object, key, value) {
		child = &node->children[node->n++];
		err = make_node(value, &node->place, level + 1, arena, child);
		child->name = key;
		if (err)
			break;
	}
	return err;
}

/* Strings stay the JSON's. */
static int make_node(json_t *value, const struct conf_place *place,
		     unsigned int level, struct conf_arena *arena,
		     struct conf_tree *node)
{
	node->kind = NODE_OTHER;
	node->place = *place;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return level < LEVELS ? make_group(value, level, arena, node) :
					0;
	case JSON_ARRAY:
		return level < LEVELS ? make_list(value, level, arena, node) :
					0;
	case JSON_STRING:
		node->kind = NODE_TEXT;
		node->text = json_string_value(value);
		break;
	case JSON_INTEGER:
		node->kind = NODE_NUMBER;
		node->number = json_integer_value(value);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		node->kind = NODE_BOOL;
		node->number = json_is_true(value);
		break;
	case JSON_REAL:
	case JSON_NULL:
		break;
	}
	return 0;
}

/* One machine, told in messages by its place in the array. */
static int make_machine(json_t *machine, size_t i, struct conf_arena *arena,
			struct conf_errors *errs, struct conf_tree *node)
{
	char where[sizeof("machines[]") + 20];
	struct conf_place place = { 0 };

	snprintf(where, sizeof(where), "machines[%zu]", i);
	place.file = conf_arena_text(arena, where);
	if (!place.file)
		return -ENOMEM;
	if (!json_is_object(machine))
		conf_complain(errs, &place, "%s: must be an object", where);
	return make_node(machine, &place, 1, arena, node);
}

static int make_tree(json_t *machines, struct conf_arena *arena,
		     struct conf_errors *errs, struct conf_tree *tree)
{
	size_t i;
	int err = 0;

	tree->kind = NODE_LIST;
	tree->place.file = "machines";
	tree->n = json_array_size(machines);
	tree->children =
		conf_arena_alloc(arena, tree->n, sizeof(*tree->children));
	if (!tree->children)
		return -ENOMEM;
	for (i = 0; i < tree->n && !err; i++)
		err = make_machine(json_array_get(machines, i), i, arena, errs,
				   &tree->children[i]);
	/* What is no object has no keys that could be looked at. */
	return !err && errs->n_errors > 0 ? -EINVAL : err;
}

static int read_machines(const char *source, json_t *machines,
			 struct conf **ret_conf, struct conf_errors *errs)
{
	struct conf_arena *arena = conf_arena_new();
	struct conf_tree tree = { 0 };
	int err = -ENOMEM;

	if (arena)
		err = make_tree(machines, arena, errs, &tree);
	if (!err)
		err = conf_load_vms(source, tree.place.file, &tree, ret_conf,
				    errs);
	conf_arena_free(arena);
	return err;
}

int feed_new(const char *source, json_t *machines, struct feed **ret_feed,
	     struct conf_errors *errs)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	int err;

	memset(errs, 0, sizeof(*errs));
	if (!feed)
		return -ENOMEM;
	err = read_machines(source, machines, &feed->conf, errs);
	if (!err) {
		feed->source = strdup(source);
		feed->text = json_dumps(machines,
					JSON_COMPACT | JSON_PRESERVE_ORDER);
		err = feed->source && feed->text ? 0 : -ENOMEM;
	}
	if (err)
		feed_free(feed);
	else
		*ret_feed = feed;
	return err;
}

void feed_free(struct feed *feed)
{
	if (!feed)
		return;
	conf_free(feed->conf);
	free(feed->source);
	free(feed->text);
	free(feed);
}

const struct conf_hypervisor *feed_hypervisor(const struct feed *feed)
{
	return feed->conf->hypervisors;
}

uint64_t feed_age_ms(const struct feed *feed, uint64_t now_ns)
{
	return (uint64_t)((int64_t)now_ns - feed->fed_ns) / NS_PER_MS;
}

uint64_t feed_left_ms(const struct feed *feed, uint64_t now_ns)
{
	uint64_t age_ms = feed_age_ms(feed, now_ns);

	return age_ms < feed->lease_ms ? feed->lease_ms - age_ms : 0;
}
