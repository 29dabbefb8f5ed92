/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model being filled: what model.c shares with group.c, which reads a group of
 * keys, and refer.c, which finds the objects that a config names.
 */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include "config/marks.h"
#include "config/model.h"
#include "config/schema.h"

struct reference;

/**
 * struct reader - a model being filled.
 * @section: of the object that is being read.
 * @object: that object.
 * @first_mark: first mark of the object that is being read.
 * @nameless: in which sections an object has no valid name, so that one that
 *            is not found may be there all the same.
 * @references: pools that were named, to be found when all are read.
 * @spare: while what comes later is read: where its values go, which nobody
 *         needs; else NULL.
 * @numbered: in messages objects are told by their number, not by name.
 * @failed: out of memory; looked at when all is read.
 *
 * The rest as in conf_model_read().
 */
struct reader {
	const struct conf_source *sources;
	size_t n_sources;
	struct conf_arena *scratch;
	struct conf_errors *errs;
	struct conf *conf;
	struct conf_marks *marks;
	const struct conf_section *section;
	void *object;
	size_t first_mark;
	bool nameless[N_SECTIONS];
	struct reference *references;
	void *spare;
	bool numbered;
	bool failed;
};

/**
 * reader_take() - scratch memory; NULL sets @r->failed.
 */
void *reader_take(struct reader *r, size_t n, size_t size);

/**
 * reader_mark() - remember where a value comes from.
 * @written: it is in a file, not a default.
 */
void reader_mark(struct reader *r, const void *value,
		 const struct conf_place *place, const char *path, bool wrong,
		 bool written);

/**
 * reader_suggest() - a word that was meant, as the end of a sentence; "" if
 * none is near.
 */
const char *reader_suggest(struct reader *r, const char *word,
			   const char *const *candidates, size_t n);

#define READER_PATH_SIZE 256 /* of "pools.web.health.port" */

/**
 * reader_name() - what an object of a list is called in messages.
 * @list: path of the list; @index: the object's place in it.
 * @buf: READER_PATH_SIZE bytes.
 */
void reader_name(const struct reader *r, const struct conf_tree *node,
		 const char *list, size_t index, char *buf);

/* Set what has a default. */
void reader_presets(struct reader *r, const struct conf_group *group,
		    void *base);

/**
 * reader_group() - set what is written, and complain about what is wrong.
 * @base: the struct of the group.
 * @path: of the group, for messages.
 */
void reader_group(struct reader *r, const struct conf_group *group,
		  const struct conf_tree *node, void *base, const char *path);

/* The same for one key of it. */
void reader_field(struct reader *r, const struct conf_field *field,
		  const struct conf_tree *node, void *base, const char *path);

#define READER_SPARE_SIZE 1024 /* of any group */

/* Read a key of a later version to its end, and refuse it. */
void reader_later(struct reader *r, const struct conf_field *field,
		  const struct conf_tree *node, const char *path);

/**
 * reader_gaps() - what is not written: an error if it is required, else it gets
 * the object's place.
 */
void reader_gaps(struct reader *r, const struct conf_group *group,
		 const void *base, const struct conf_place *place,
		 const char *path);

/**
 * refer_tenant() - find a tenant.
 * @name: as the config has it.
 * @at: where the model keeps it.
 * @why: CONF_WHY_SIZE bytes for what is wrong.
 *
 * Return: 0, also if it may be one whose name is wrong; -EINVAL; -ENOMEM.
 */
MUST_CHECK int refer_tenant(struct reader *r, const char *name,
			    const struct conf_tenant **at, char *why);

/**
 * refer_pool() - remember a pool of the object's tenant, to be found when all
 * pools are read.
 * @node: its name in the file.
 * @at: where the model keeps it.
 * @path: as in messages.
 */
void refer_pool(struct reader *r, const struct conf_tree *node,
		const struct conf_pool **at, const char *path);

/**
 * refer_all() - find the pools.
 */
void refer_all(struct reader *r);

#endif
