/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loading a configuration: the files, then text -> tree (parse.c) -> model
 * (model.c) -> sense (check.c). The only file here that opens any.
 */
#include "config/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/arena.h"
#include "config/check.h"
#include "config/errors.h"
#include "config/model.h"
#include "config/parse.h"
#include "config/text.h"

#define FILE_SIZE_MAX ((size_t)4 << 20)

/**
 * struct loader - a configuration being loaded.
 * @conf: the model so far.
 * @scratch: memory that goes when loading is over.
 * @marks: where values come from.
 * @sources: the files.
 * @errs: what is wrong.
 * @err: what ended loading, apart from what @errs has.
 */
struct loader {
	struct conf *conf;
	struct conf_arena *scratch;
	struct conf_marks marks;
	struct conf_source *sources;
	size_t n_sources;
	struct conf_errors *errs;
	int err;
};

/* The whole file and a zero byte, for free(). */
static int read_file(const char *path, char **ret_text, size_t *ret_size)
{
	size_t size = 0;
	char *text;
	FILE *file;
	int err = 0;

	file = fopen(path, "re");
	if (!file)
		return -errno;
	text = malloc(FILE_SIZE_MAX + 1);
	if (text)
		size = fread(text, 1, FILE_SIZE_MAX + 1, file);
	if (!text)
		err = -ENOMEM;
	else if (ferror(file))
		err = errno ? -errno : -EIO;
	else if (size > FILE_SIZE_MAX)
		err = -EFBIG;
	fclose(file);
	if (err) {
		free(text);
		return err;
	}
	text[size] = '\0';
	*ret_text = text;
	*ret_size = size;
	return 0;
}

static void add_text(struct loader *l, enum conf_source_kind kind,
		     const char *name, const char *text, size_t size)
{
	struct conf_source *source = &l->sources[l->n_sources];
	const char *file = conf_arena_text(l->conf->arena, name);
	int err = -ENOMEM;

	if (file)
		err = conf_parse(file, text, size, l->scratch, l->errs,
				 &source->tree);
	if (err == -ENOMEM)
		l->err = err;
	if (err)
		return;
	source->kind = kind;
	l->n_sources++;
}

static void add_file(struct loader *l, enum conf_source_kind kind,
		     const char *path)
{
	struct conf_place place = { .file = path };
	char *text = NULL;
	size_t size = 0;
	int err;

	err = read_file(path, &text, &size);
	if (err == -ENOENT && kind == SOURCE_NODE)
		return;
	if (err) {
		conf_complain(l->errs, &place, "cannot be read: %s",
			      strerror(-err));
		if (!l->err)
			l->err = err;
		return;
	}
	add_text(l, kind, path, text, size);
	free(text);
}

/* A file beside the main one; @name may have a directory of its own. */
static void add_beside(struct loader *l, enum conf_source_kind kind,
		       const char *main_path, const char *dir, const char *name)
{
	const char *slash = strrchr(main_path, '/');
	int n_dir = slash ? (int)(slash + 1 - main_path) : 0;
	char *path;

	if (asprintf(&path, "%.*s%s%s", n_dir, main_path, dir, name) < 0) {
		l->err = -ENOMEM;
		return;
	}
	add_file(l, kind, path);
	free(path);
}

static int is_part(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && strcmp(dot, ".cfg") == 0;
}

/* What is in conf.d, sorted by name. Return: how many; 0 if there is none. */
static int list_parts(struct loader *l, const char *main_path,
		      struct dirent ***ret_parts)
{
	const char *slash = strrchr(main_path, '/');
	int n_dir = slash ? (int)(slash + 1 - main_path) : 0, n;
	struct conf_place place;
	char *path;

	if (asprintf(&path, "%.*sconf.d", n_dir, main_path) < 0) {
		l->err = -ENOMEM;
		return 0;
	}
	n = scandir(path, ret_parts, is_part, alphasort);
	if (n < 0 && errno != ENOENT) {
		l->err = -errno;
		place = (struct conf_place){ .file = path };
		conf_complain(l->errs, &place, "cannot be read: %s",
			      strerror(errno));
	}
	free(path);
	return n < 0 ? 0 : n;
}

static void add_all(struct loader *l, const char *path)
{
	struct dirent **parts = NULL;
	int n, i;

	n = list_parts(l, path, &parts);
	l->sources = conf_arena_alloc(l->scratch, (size_t)n + 2,
				      sizeof(*l->sources));
	if (l->sources) {
		add_file(l, SOURCE_MAIN, path);
		for (i = 0; i < n; i++)
			add_beside(l, SOURCE_PART, path, "conf.d/",
				   parts[i]->d_name);
		add_beside(l, SOURCE_NODE, path, "", "node.cfg");
	} else {
		l->err = -ENOMEM;
	}
	for (i = 0; i < n; i++)
		free(parts[i]);
	free(parts);
}

static int make_sense(struct loader *l)
{
	char hostname[CONF_NAME_MAX + 1] = "";
	const char *name;
	int err;

	l->conf->n_files = l->n_sources;
	err = conf_model_read(l->sources, l->n_sources, l->scratch, l->errs,
			      l->conf, &l->marks);
	if (err)
		return err;
	if (gethostname(hostname, sizeof(hostname) - 1) < 0 ||
	    !conf_name_valid(hostname))
		snprintf(hostname, sizeof(hostname), "node");
	name = conf_arena_text(l->conf->arena, hostname);
	if (!name)
		return -ENOMEM;
	err = conf_complete(l->conf, name);
	if (err)
		return err;
	return conf_check_meaning(l->conf, &l->marks, l->errs);
}

/* @text is NULL if @name is the path of the main file. */
static int load(const char *name, const char *text, struct conf **ret_conf,
		struct conf_errors *errs)
{
	struct conf_place place = { .file = name };
	struct loader l = { .errs = errs, .err = -ENOMEM };

	memset(errs, 0, sizeof(*errs));
	l.scratch = conf_arena_new();
	l.conf = calloc(1, sizeof(*l.conf));
	if (l.conf)
		l.conf->arena = conf_arena_new();
	if (l.scratch && l.conf && l.conf->arena) {
		l.err = 0;
		if (text) {
			l.sources = conf_arena_alloc(l.scratch, 1,
						     sizeof(*l.sources));
			if (l.sources)
				add_text(&l, SOURCE_MAIN, name, text,
					 strlen(text));
			else
				l.err = -ENOMEM;
		} else {
			add_all(&l, name);
		}
	}
	if (!l.err && errs->n_errors == 0)
		l.err = make_sense(&l);
	if (l.err == -ENOMEM)
		conf_complain(errs, &place, "out of memory");
	conf_marks_done(&l.marks);
	conf_arena_free(l.scratch);
	if (l.err || errs->n_errors > 0) {
		conf_free(l.conf);
		return l.err ? l.err : -EINVAL;
	}
	*ret_conf = l.conf;
	return 0;
}

int conf_load(const char *path, struct conf **ret_conf,
	      struct conf_errors *errs)
{
	return load(path, NULL, ret_conf, errs);
}

int conf_load_text(const char *name, const char *text, struct conf **ret_conf,
		   struct conf_errors *errs)
{
	return load(name, text, ret_conf, errs);
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	conf_arena_free(conf->arena);
	free(conf);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

int conf_check(const char *path, FILE *out)
{
	struct conf_errors errs;
	struct conf *conf = NULL;
	int err;

	err = conf_load(path, &conf, &errs);
	if (!err)
		err = conf_refuse_unbuilt(conf, &errs);
	conf_errors_print(&errs, out);
	if (err) {
		conf_free(conf);
		return err;
	}
	fputs(path, out);
	if (conf->n_files > 1)
		fprintf(out, " and %zu more file%s", conf->n_files - 1,
			plural(conf->n_files - 1));
	fprintf(out,
		": all is well: %zu hypervisor%s, %zu tenant%s, %zu pool%s, "
		"%zu service%s\n",
		conf->n_hypervisors, plural(conf->n_hypervisors),
		conf->n_tenants, plural(conf->n_tenants), conf->n_pools,
		plural(conf->n_pools), conf->n_services,
		plural(conf->n_services));
	conf_free(conf);
	return 0;
}

const struct conf_hypervisor *conf_hypervisor_find(const struct conf *conf,
						   const char *name)
{
	size_t i;

	for (i = 0; i < conf->n_hypervisors; i++)
		if (conf->hypervisors[i].name &&
		    strcmp(conf->hypervisors[i].name, name) == 0)
			return &conf->hypervisors[i];
	return NULL;
}

const struct conf_tenant *conf_tenant_find(const struct conf *conf,
					   const char *name)
{
	size_t i;

	for (i = 0; i < conf->n_tenants; i++)
		if (conf->tenants[i].name &&
		    strcmp(conf->tenants[i].name, name) == 0)
			return &conf->tenants[i];
	return NULL;
}

/* Both sides may be NULL where a name was wrong. */
static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

const struct conf_pool *conf_pool_find(const struct conf *conf,
				       const char *tenant, const char *name)
{
	const struct conf_pool *pool;
	size_t i;

	for (i = 0; i < conf->n_pools; i++) {
		pool = &conf->pools[i];
		if (pool->tenant && same(pool->tenant->name, tenant) &&
		    same(pool->name, name))
			return pool;
	}
	return NULL;
}

const struct conf_service *
conf_service_find(const struct conf *conf, const char *tenant, const char *name)
{
	const struct conf_service *service;
	size_t i;

	for (i = 0; i < conf->n_services; i++) {
		service = &conf->services[i];
		if (service->tenant && same(service->tenant->name, tenant) &&
		    same(service->name, name))
			return service;
	}
	return NULL;
}
