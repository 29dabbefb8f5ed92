/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trees of files -> the model, as the schema has it.
 */
#ifndef CONFIG_MODEL_H
#define CONFIG_MODEL_H

#include "config/config.h"
#include "config/marks.h"
#include "config/parse.h"

enum conf_source_kind {
	SOURCE_MAIN, /* may have everything */
	SOURCE_PART, /* conf.d: everything but the node */
	SOURCE_NODE, /* node.cfg: the node only, over what SOURCE_MAIN says */
};

/**
 * struct conf_source - a file that was read.
 */
struct conf_source {
	enum conf_source_kind kind;
	struct conf_tree tree;
};

/**
 * conf_model_read() - fill a model from all files.
 * @sources: the files; SOURCE_MAIN first, SOURCE_NODE last.
 * @n_sources: their number, at least one.
 * @scratch: for what is not needed after the checks, @marks too.
 * @errs: gets what is wrong. Such a value stays zero.
 * @conf: an empty model; strings may be shared with the trees.
 * @marks: gets where each value comes from.
 *
 * Return: 0, whatever is wrong; -ENOMEM.
 */
MUST_CHECK int conf_model_read(const struct conf_source *sources,
			       size_t n_sources, struct conf_arena *scratch,
			       struct conf_errors *errs, struct conf *conf,
			       struct conf_marks *marks);

/**
 * conf_model_read_vms() - fill the VMs of a model's only hypervisor.
 * @path: what the list is called in messages; an element is "path[3]".
 * @list: the list; its places have no lines.
 *
 * The rest as in conf_model_read().
 */
MUST_CHECK int conf_model_read_vms(const char *path,
				   const struct conf_tree *list,
				   struct conf_arena *scratch,
				   struct conf_errors *errs, struct conf *conf,
				   struct conf_marks *marks);

#endif
