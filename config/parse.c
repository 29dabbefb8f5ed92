/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text of a config file -> a tree of plain nodes. The only file that knows
 * libconfig; model.c gives the tree its meaning.
 */
#include "config/parse.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/errors.h"
#include "config/syntax.h"

#define DEPTH_MAX 16 /* of nodes in nodes; the schema needs 5 */

static int copy_children(const config_setting_t *setting,
			 struct conf_tree *node, struct conf_arena *arena,
			 unsigned int depth);

static int copy(const config_setting_t *setting, struct conf_tree *node,
		struct conf_arena *arena, unsigned int depth)
{
	const char *name = config_setting_name(setting);

	node->place.line = config_setting_source_line(setting);
	if (name) {
		node->name = conf_arena_text(arena, name);
		if (!node->name)
			return -ENOMEM;
	}
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		node->kind = NODE_TEXT;
		node->text = conf_arena_text(
			arena, config_setting_get_string(setting));
		return node->text ? 0 : -ENOMEM;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		node->kind = NODE_NUMBER;
		node->number = config_setting_get_int64(setting);
		return 0;
	case CONFIG_TYPE_BOOL:
		node->kind = NODE_BOOL;
		node->number = config_setting_get_bool(setting);
		return 0;
	case CONFIG_TYPE_GROUP:
		node->kind = NODE_GROUP;
		return copy_children(setting, node, arena, depth);
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		node->kind = NODE_LIST;
		return copy_children(setting, node, arena, depth);
	default: /* libconfig's enum, not ours */
		node->kind = NODE_OTHER;
		return 0;
	}
}

static int copy_children(const config_setting_t *setting,
			 struct conf_tree *node, struct conf_arena *arena,
			 unsigned int depth)
{
	size_t n = (size_t)config_setting_length(setting), i;
	int err;

	if (depth == DEPTH_MAX)
		return -ELOOP;
	node->children = conf_arena_alloc(arena, n, sizeof(*node->children));
	if (!node->children)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		node->children[i].place.file = node->place.file;
		err = copy(config_setting_get_elem(setting, (unsigned int)i),
			   &node->children[i], arena, depth + 1);
		if (err)
			return err;
	}
	node->n = n;
	return 0;
}

/* The first line that libconfig would follow into another file. */
static bool includes(const char *text, uint32_t *ret_line)
{
	uint32_t line = 1;

	for (;; line++) {
		text += strspn(text, " \t");
		if (strncmp(text, "@include", strlen("@include")) == 0) {
			*ret_line = line;
			return true;
		}
		text = strchr(text, '\n');
		if (!text)
			return false;
		text++;
	}
}

/* Messages of libconfig 1.5, and what users can make more of. */
static const struct {
	const char *theirs;
	const char *ours;
} messages[] = {
	{ "duplicate setting name",
	  "a key is there that its group has already" },
	{ "mismatched element type in array",
	  "the elements of [ ... ] have to be of one kind, all strings or all "
	  "numbers" },
};

static void tell_syntax(const char *message, const char *text,
			struct conf_place place, struct conf_errors *errs)
{
	char why[160];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(messages); i++)
		if (strcmp(message, messages[i].theirs) == 0)
			message = messages[i].ours;
	if (strcmp(message, "syntax error") == 0 &&
	    conf_syntax_why(text, &place.line, why, sizeof(why)))
		conf_complain(errs, &place, "syntax error: %s", why);
	else
		conf_complain(errs, &place, "%s", message);
}

int conf_parse(const char *file, const char *text, size_t size,
	       struct conf_arena *arena, struct conf_errors *errs,
	       struct conf_tree *ret_tree)
{
	struct conf_tree tree = { .place.file = file };
	struct conf_place place = { .file = file };
	config_t config;
	char *lines = NULL;
	int err = -EINVAL;

	if (strlen(text) != size) {
		conf_complain(errs, &place,
			      "is no text, there is a zero byte in it");
		return -EINVAL;
	}
	if (includes(text, &place.line)) {
		conf_complain(errs, &place,
			      "@include is not supported; files in conf.d/ are "
			      "read by themselves");
		return -EINVAL;
	}
	/* For libconfig 1.5 a comment without an end of line is wrong. */
	if (asprintf(&lines, "%s\n", text) < 0)
		return -ENOMEM;
	config_init(&config);
	if (config_read_string(&config, lines) == CONFIG_TRUE) {
		err = copy(config_root_setting(&config), &tree, arena, 0);
		if (err == -ELOOP) {
			conf_complain(errs, &place,
				      "has more than %d groups and lists in "
				      "each other",
				      DEPTH_MAX);
			err = -EINVAL;
		}
	} else {
		place.line = (uint32_t)config_error_line(&config);
		tell_syntax(config_error_text(&config), text, place, errs);
	}
	config_destroy(&config);
	explicit_bzero(lines, size);
	free(lines);
	if (!err)
		*ret_tree = tree;
	return err;
}

const struct conf_tree *conf_tree_member(const struct conf_tree *group,
					 const char *name)
{
	size_t i;

	for (i = 0; i < group->n; i++)
		if (strcmp(group->children[i].name, name) == 0)
			return &group->children[i];
	return NULL;
}
