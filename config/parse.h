/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text of a config file -> a tree of plain nodes.
 */
#ifndef CONFIG_PARSE_H
#define CONFIG_PARSE_H

#include "config/arena.h"
#include "config/config.h"

enum conf_node_kind {
	NODE_GROUP, /* { a = 1; b = 2; } */
	NODE_LIST,  /* ( ... ) or [ ... ] */
	NODE_TEXT,
	NODE_NUMBER,
	NODE_BOOL,
	NODE_OTHER, /* nothing that we use: a number with a fraction */
};

/**
 * struct conf_tree - a node of a config file.
 * @kind: which of the values it has.
 * @name: its key; NULL for elements of a list and for a file as a whole.
 * @place: file and line.
 * @text: of NODE_TEXT.
 * @number: of NODE_NUMBER; of NODE_BOOL 0 or 1.
 * @children: of NODE_GROUP and NODE_LIST, in the order of the file.
 * @n: their number.
 */
struct conf_tree {
	enum conf_node_kind kind;
	const char *name;
	struct conf_place place;
	const char *text;
	int64_t number;
	struct conf_tree *children;
	size_t n;
};

/**
 * conf_parse() - a file's tree.
 * @file: its name; has to live as long as the tree.
 * @text: all of it.
 * @size: bytes of @text; there is a zero byte behind them.
 * @arena: for the tree.
 * @errs: gets what is wrong with the syntax.
 * @ret_tree: the file as a NODE_GROUP.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
MUST_CHECK int conf_parse(const char *file, const char *text, size_t size,
			  struct conf_arena *arena, struct conf_errors *errs,
			  struct conf_tree *ret_tree);

/**
 * conf_tree_member() - a member of a group; NULL if it has none of that name.
 */
const struct conf_tree *conf_tree_member(const struct conf_tree *group,
					 const char *name);

#endif
