/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What outside systems have told, in memory as it is in the store.
 */
#include "control/feeds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/log.h"
#include "control/store.h"

#define NS_PER_MS 1000000

/**
 * struct kept - a source's row.
 * @source: its name.
 * @feed: what is in it; NULL if that cannot be read any more.
 */
struct kept {
	struct kept *next;
	char *source;
	struct feed *feed;
};

struct feeds {
	struct store *store;
	struct kept *first;
};

/* What feeds_load() tells its row function. */
struct loading {
	struct feeds *feeds;
	uint64_t now_ms;
	uint64_t now_ns;
};

static void kept_free(struct kept *kept)
{
	feed_free(kept->feed);
	free(kept->source);
	free(kept);
}

static struct kept *find(const struct feeds *feeds, const char *source)
{
	struct kept *kept = feeds->first;

	while (kept && strcmp(kept->source, source) != 0)
		kept = kept->next;
	return kept;
}

static struct kept *find_or_make(struct feeds *feeds, const char *source)
{
	struct kept *kept = find(feeds, source);

	if (kept)
		return kept;
	kept = calloc(1, sizeof(*kept));
	if (!kept)
		return NULL;
	kept->source = strdup(source);
	if (!kept->source) {
		kept_free(kept);
		return NULL;
	}
	kept->next = feeds->first;
	feeds->first = kept;
	return kept;
}

/* What an older droverd took may be wrong by the rules of this one. */
static int read_row(const struct store_feed *row, struct feed **ret_feed)
{
	struct conf_errors *errs = calloc(1, sizeof(*errs));
	json_error_t error;
	json_t *machines = json_loads(row->machines, 0, &error);
	int err = -EINVAL;

	if (!errs)
		err = -ENOMEM;
	else if (json_is_array(machines))
		err = feed_new(row->source, machines, ret_feed, errs);
	if (err == -EINVAL)
		log_err("hypervisor %s: what it was fed can't be read any "
			"more: %s; feed it again",
			row->source,
			errs && errs->n_errors ? errs->error[0].msg :
						 "no list of machines");
	json_decref(machines);
	free(errs);
	return err == -EINVAL ? 0 : err;
}

static int load_row(const struct store_feed *row, void *arg)
{
	const struct loading *l = arg;
	struct kept *kept = find_or_make(l->feeds, row->source);
	uint64_t age_ms = 0;
	int err;

	if (!kept)
		return -ENOMEM;
	err = read_row(row, &kept->feed);
	if (err || !kept->feed)
		return err;
	if (l->now_ms > row->fed_ms)
		age_ms = l->now_ms - row->fed_ms;
	kept->feed->lease_ms = row->lease_ms;
	kept->feed->fed_ns = (int64_t)l->now_ns - (int64_t)age_ms * NS_PER_MS;
	return 0;
}

int feeds_load(struct store *store, uint64_t now_ms, uint64_t now_ns,
	       struct feeds **ret_feeds)
{
	struct feeds *feeds = calloc(1, sizeof(*feeds));
	struct loading loading = { feeds, now_ms, now_ns };
	int err;

	if (!feeds)
		return -ENOMEM;
	feeds->store = store;
	err = store_feed_list(store, load_row, &loading);
	if (err)
		feeds_free(feeds);
	else
		*ret_feeds = feeds;
	return err;
}

void feeds_free(struct feeds *feeds)
{
	struct kept *kept;

	if (!feeds)
		return;
	while ((kept = feeds->first) != NULL) {
		feeds->first = kept->next;
		kept_free(kept);
	}
	free(feeds);
}

const struct feed *feeds_find(const struct feeds *feeds, const char *source)
{
	const struct kept *kept = find(feeds, source);

	return kept ? kept->feed : NULL;
}

int feeds_set(struct feeds *feeds, struct feed *feed, uint64_t now_ms,
	      uint64_t now_ns)
{
	struct kept *kept = find_or_make(feeds, feed->source);
	const struct store_feed row = {
		.source = feed->source,
		.fed_ms = now_ms,
		.lease_ms = feed->lease_ms,
		/* The same again only renews the lease. */
		.machines =
			kept && kept->feed &&
					!strcmp(kept->feed->text, feed->text) ?
				NULL :
				feed->text,
	};
	int err = kept ? store_feed_set(feeds->store, &row) : -ENOMEM;

	if (err) {
		feed_free(feed);
		return err;
	}
	feed->fed_ns = (int64_t)now_ns;
	feed_free(kept->feed);
	kept->feed = feed;
	return 0;
}

static bool is_fed(const struct conf *conf, const char *source)
{
	const struct conf_hypervisor *c = conf_hypervisor_find(conf, source);

	return c && c->driver == CONF_DRIVER_FED;
}

int feeds_keep(struct feeds *feeds, const struct conf *conf)
{
	struct kept **link = &feeds->first, *kept;
	int first = 0;
	int err;

	while ((kept = *link) != NULL) {
		if (is_fed(conf, kept->source)) {
			link = &kept->next;
			continue;
		}
		err = store_feed_clear(feeds->store, kept->source);
		if (err) {
			first = first ? first : err;
			link = &kept->next;
			continue;
		}
		*link = kept->next;
		kept_free(kept);
	}
	return first;
}
