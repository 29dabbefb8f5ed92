/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs that an outside system lists: read by the schema of `vms`, checked as a
 * static hypervisor's.
 */
#include "config/fed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/checker.h"
#include "config/model.h"

/* A config with one hypervisor, which has no VMs yet. */
static struct conf *make_conf(const char *name)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return NULL;
	conf->arena = conf_arena_new();
	if (conf->arena)
		conf->hypervisors = conf_arena_alloc(
			conf->arena, 1, sizeof(*conf->hypervisors));
	if (conf->hypervisors)
		conf->hypervisors->name = conf_arena_text(conf->arena, name);
	if (!conf->hypervisors || !conf->hypervisors->name) {
		conf_free(conf);
		return NULL;
	}
	conf->n_hypervisors = 1;
	conf->hypervisors->driver = CONF_DRIVER_FED;
	return conf;
}

/* Places were the tree's, which may go before the list does. */
static void forget_places(struct conf_hypervisor *hypervisor)
{
	size_t i;

	for (i = 0; i < hypervisor->vms.n; i++)
		hypervisor->vms.vm[i].place =
			(struct conf_place){ .file = hypervisor->name };
}

int conf_load_vms(const char *hypervisor, const char *path,
		  const struct conf_tree *list, struct conf **ret_conf,
		  struct conf_errors *errs)
{
	struct conf_arena *scratch = conf_arena_new();
	struct conf *conf = make_conf(hypervisor);
	struct conf_marks marks = { 0 };
	struct checker c = { .conf = conf, .marks = &marks, .errs = errs };
	int err = -ENOMEM;

	if (scratch && conf)
		err = conf_model_read_vms(path, list, scratch, errs, conf,
					  &marks);
	if (!err) {
		check_vms(&c, &conf->hypervisors->vms);
		err = c.err;
	}
	conf_marks_done(&marks);
	conf_arena_free(scratch);
	if (!err && errs->n_errors > 0)
		err = -EINVAL;
	if (err) {
		conf_free(conf);
		return err;
	}
	forget_places(conf->hypervisors);
	*ret_conf = conf;
	return 0;
}
