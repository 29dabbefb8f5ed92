/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between two configurations: the plan that `drover reload` shows.
 *
 * Driven by the schema, so no key can be forgotten. Pure.
 */
#ifndef CONFIG_DIFF_H
#define CONFIG_DIFF_H

#include <stdio.h>

#include "dataplane/core/base.h"

struct conf;

enum conf_change_kind {
	CONF_ADDED, /* a whole hypervisor, tenant, pool or service */
	CONF_REMOVED,
	CONF_CHANGED, /* one value of one of them, or of the node */
};

/* What a change costs, the worst last. */
enum conf_effect {
	CONF_EFFECT_NONE,    /* in force at once, no flow is cut */
	CONF_EFFECT_CUT,     /* the services concerned lose their connections */
	CONF_EFFECT_RESTART, /* in force only after a restart of droverd */
};

/**
 * struct conf_change - one difference.
 * @kind: what happened to it.
 * @effect: what it costs.
 * @path: "pools.shop/web.idle_timeout"; without a key if added or removed.
 * @old_text: the value before, as in a config; "" if added.
 * @new_text: the value now; "" if removed.
 * @pool: "shop/web", whose connections CONF_EFFECT_CUT is about, by its name
 *        before; else "".
 */
struct conf_change {
	enum conf_change_kind kind;
	enum conf_effect effect;
	char *path;
	char *old_text;
	char *new_text;
	char *pool;
};

/**
 * struct conf_changes - the list, in the order of the sections and names.
 */
struct conf_changes {
	struct conf_change *change;
	size_t n;
};

/**
 * conf_diff() - what turns one configuration into the other.
 * @before: the one in force.
 * @after: the new one.
 * @ret_changes: the list; conf_changes_done() releases it.
 *
 * Objects are known by tenant and name, so their order means nothing.
 *
 * Return: 0 or -ENOMEM.
 */
MUST_CHECK int conf_diff(const struct conf *before, const struct conf *after,
			 struct conf_changes *ret_changes);

/**
 * conf_changes_done() - release what conf_diff() gave; a zeroed one is fine.
 */
void conf_changes_done(struct conf_changes *changes);

/**
 * conf_change_print() - one line without its end, for people.
 *
 *	+ services.shop/https
 *	- services.shop/old (cuts connections)
 *	~ pools.shop/web.idle_timeout: "350s" -> "1h"
 *	~ node.pin_dir: "/a" -> "/b" (after a restart of droverd)
 */
void conf_change_print(const struct conf_change *change, FILE *out);

#endif
