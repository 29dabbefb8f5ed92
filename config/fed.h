/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs that an outside system lists, by the rules of those that a config lists.
 */
#ifndef CONFIG_FED_H
#define CONFIG_FED_H

#include "config/parse.h"

/**
 * conf_load_vms() - a list of VMs that is in no file.
 * @hypervisor: of which one.
 * @path: what the list is called in messages: "machines[3].mac: ...".
 * @list: the list, of groups with the keys of `vms` in a config. Each place's
 *        file is what messages call that element, and it has no line.
 * @ret_conf: a config with this hypervisor, its VMs, and nothing else; for
 *            conf_free().
 * @errs: what is wrong, and what is doubtful.
 *
 * Return: 0; -EINVAL if something is wrong; -ENOMEM.
 */
MUST_CHECK int conf_load_vms(const char *hypervisor, const char *path,
			     const struct conf_tree *list,
			     struct conf **ret_conf, struct conf_errors *errs);

#endif
