/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /v1/inventory/SOURCE: machines that an outside system feeds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/api_request.h"
#include "control/daemon.h"
#include "control/feeds.h"
#include "control/given.h"
#include "control/text.h"

/* Names of the hypervisors that are fed. */
static json_t *fed_names(const struct conf *conf)
{
	json_t *names = json_array();
	size_t i;

	for (i = 0; i < conf->n_hypervisors; i++)
		if (conf->hypervisors[i].driver == CONF_DRIVER_FED)
			json_array_append_new(
				names, json_string(conf->hypervisors[i].name));
	return names;
}

/* The source that the path names. NULL: answered. */
static const struct conf_hypervisor *find_source(struct api_request *r)
{
	const struct conf *conf = r->daemon->conf;
	const struct conf_hypervisor *source =
		conf_hypervisor_find(conf, r->argument);

	if (source && source->driver == CONF_DRIVER_FED)
		return source;
	if (source)
		api_error(r, API_UNKNOWN, fed_names(conf),
			  "hypervisor %s is not fed, its driver is \"%s\"; "
			  "those that are:",
			  source->name, conf_driver_name(source->driver));
	else
		api_error(r, API_UNKNOWN, fed_names(conf),
			  "there is no hypervisor \"%s\" to feed; those that "
			  "are:",
			  r->argument);
	return NULL;
}

static bool take_lease(struct api_request *r, uint64_t *ret_lease_ms)
{
	const json_t *value = json_object_get(r->body, "lease_ms");
	json_int_t lease_ms = json_integer_value(value);

	if (!json_is_integer(value) || lease_ms < FEED_LEASE_MIN_MS ||
	    lease_ms > FEED_LEASE_MAX_MS) {
		api_error(r, API_USAGE, NULL,
			  "lease_ms: a number of milliseconds, %d to %d (7 "
			  "days): for how long the machines stand if nothing "
			  "new is fed",
			  FEED_LEASE_MIN_MS, FEED_LEASE_MAX_MS);
		return false;
	}
	*ret_lease_ms = (uint64_t)lease_ms;
	return true;
}

static json_t *render_messages(const struct conf_error *error, size_t n)
{
	json_t *list = json_array();
	char text[sizeof(error->msg)];
	size_t i;

	for (i = 0; i < n && i < CONF_ERRORS_MAX; i++) {
		memcpy(text, error[i].msg, sizeof(text));
		json_array_append_new(list, json_string(text_clean(text)));
	}
	if (n > CONF_ERRORS_MAX)
		json_array_append_new(list, json_sprintf("and %zu more",
							 n - CONF_ERRORS_MAX));
	return list;
}

/* Two of them cannot be told apart, though no two names or UUIDs are equal. */
static int check_identity(const struct feed *feed)
{
	struct hv_vm **vms;
	size_t n;
	int rc = given_vms(feed_hypervisor(feed), &vms, &n);

	if (!rc)
		given_free(vms, n);
	return rc;
}

/* The body's machines, checked. NULL: answered. */
static struct feed *read_feed(struct api_request *r,
			      const struct conf_hypervisor *source,
			      struct conf_errors *errs)
{
	json_t *machines = json_object_get(r->body, "machines");
	struct feed *feed = NULL;
	int rc;

	if (!json_is_array(machines)) {
		api_error(r, API_USAGE, NULL,
			  "machines: an array of all machines that there are");
		return NULL;
	}
	rc = feed_new(source->name, machines, &feed, errs);
	if (!rc)
		rc = check_identity(feed);
	if (!rc)
		return feed;
	feed_free(feed);
	if (rc == -EINVAL)
		api_error(r, API_USAGE,
			  render_messages(errs->error, errs->n_errors),
			  "nothing is changed, for in what %s is fed is wrong:",
			  source->name);
	else if (rc == -EEXIST)
		api_error(r, API_USAGE, NULL,
			  "nothing is changed: one machine has the UUID that "
			  "another one without a UUID gets by its name");
	else
		api_error(r, API_FAILED, NULL, "out of memory");
	return NULL;
}

static void answer(struct api_request *r, const struct feed *feed,
		   const struct hv_listing *listing,
		   const struct conf_errors *errs)
{
	size_t total = feed_hypervisor(feed)->vms.n;
	char lease[CONF_TIME_SIZE];

	conf_time_print((uint32_t)feed->lease_ms, lease, sizeof(lease));
	if (listing->added || listing->changed || listing->gone)
		journal_add(r->daemon->journal, "hypervisor", feed->source, "",
			    "fed",
			    "%zu added, %zu changed, %zu gone, %zu in all, "
			    "for %s",
			    listing->added, listing->changed, listing->gone,
			    total, lease);
	api_answer(
		r,
		json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "source",
			  feed->source, "total", (json_int_t)total, "added",
			  (json_int_t)listing->added, "changed",
			  (json_int_t)listing->changed, "gone",
			  (json_int_t)listing->gone, "lease_ms",
			  (json_int_t)feed->lease_ms, "message",
			  json_sprintf("%s: %zu added, %zu changed, %zu gone; "
				       "%zu in all, for %s",
				       feed->source, listing->added,
				       listing->changed, listing->gone, total,
				       lease),
			  "warnings",
			  render_messages(errs->warning, errs->n_warnings)));
}

/* Keep it, then take it over. Takes @feed. */
static void put(struct api_request *r, struct feed *feed,
		const struct conf_errors *errs)
{
	struct hv_listing listing = { 0 };
	struct daemon *d = r->daemon;
	int rc;

	if (feeds_set(d->feeds, feed, daemon_wall_ms(), hv_clock_ns())) {
		api_error(r, API_FAILED, NULL,
			  "it could not be kept, so nothing is changed: %s",
			  store_error(d->store));
		return;
	}
	rc = hypervisors_fed(d->hypervisors, feed->source, &listing);
	if (rc)
		api_error(r, API_FAILED, NULL,
			  "it is kept, but not taken over: %s; feed it again",
			  strerror(-rc));
	else
		answer(r, feed, &listing, errs);
}

void api_put_inventory(struct api_request *r)
{
	static const char *const known[] = { "lease_ms", "machines" };
	const struct conf_hypervisor *source = find_source(r);
	struct conf_errors *errs;
	struct feed *feed;
	uint64_t lease_ms;

	if (!source || !api_only_fields(r, known, ARRAY_SIZE(known)) ||
	    !take_lease(r, &lease_ms))
		return;
	errs = calloc(1, sizeof(*errs));
	if (!errs) {
		api_error(r, API_FAILED, NULL, "out of memory");
		return;
	}
	feed = read_feed(r, source, errs);
	if (feed) {
		feed->lease_ms = lease_ms;
		put(r, feed, errs);
	}
	free(errs);
}

void api_get_inventory(struct api_request *r)
{
	const struct conf_hypervisor *source = find_source(r);
	uint64_t now_ns = hv_clock_ns();
	const struct feed *feed;
	json_error_t error;

	if (!source)
		return;
	feed = feeds_find(r->daemon->feeds, source->name);
	if (!feed)
		api_answer(r, json_pack("{s:s,s:n,s:n,s:n,s:[]}", "source",
					source->name, "age_ms", "lease_ms",
					"left_ms", "machines"));
	else
		api_answer(r, json_pack("{s:s,s:I,s:I,s:I,s:o}", "source",
					source->name, "age_ms",
					(json_int_t)feed_age_ms(feed, now_ns),
					"lease_ms", (json_int_t)feed->lease_ms,
					"left_ms",
					(json_int_t)feed_left_ms(feed, now_ns),
					"machines",
					json_loads(feed->text, 0, &error)));
}
