/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Listings that more than one command shows.
 */
#include "control/cli/listings.h"

#include <inttypes.h>
#include <string.h>

#include "control/cli/list.h"

/* --- pools --------------------------------------------------------------- */

/* Slots that are changing hands: announced or begun. */
static void cell_moving(struct table *t, const json_t *pool)
{
	table_cell(t, "%" PRIu64,
		   cli_number(pool, "claiming") + cli_number(pool, "moving"));
}

void list_pools(const struct cli *cli, const json_t *pools)
{
	static const struct list_column columns[] = {
		{ { "POOL", TABLE_NAME }, "pool", LIST_TEXT, NULL },
		{ { ">VMS", TABLE_WHOLE }, "vms", LIST_NUMBER, NULL },
		{ { ">SERVING", TABLE_WHOLE }, "serving", LIST_NUMBER, NULL },
		{ { ">LEAVING", TABLE_WHOLE }, "leaving", LIST_NUMBER, NULL },
		{ { ">WAITING", TABLE_WHOLE }, "waiting", LIST_NUMBER, NULL },
		{ { ">SLOTS", TABLE_WHOLE }, "slots", LIST_NUMBER, NULL },
		{ { ">MOVING", TABLE_WHOLE }, NULL, LIST_TEXT, cell_moving },
		{ { ">SETTLING", TABLE_WHOLE }, "settling", LIST_NUMBER, NULL },
		{ { "NOTE", TABLE_REMARK }, "note", LIST_TEXT, NULL },
	};

	list_print(cli, columns, ARRAY_SIZE(columns), pools, "no pools");
}

/* --- services ------------------------------------------------------------ */

static void cell_vip(struct table *t, const json_t *service)
{
	const char *vip = cli_text(service, "vip");

	table_cell(t, strchr(vip, ':') ? "[%s]:%u/%s" : "%s:%u/%s", vip,
		   (unsigned)cli_number(service, "port"),
		   cli_text(service, "protocol"));
}

void list_services(const struct cli *cli, const json_t *services)
{
	static const struct list_column columns[] = {
		{ { "SERVICE", TABLE_NAME }, "service", LIST_TEXT, NULL },
		{ { "VIP", TABLE_WHOLE }, NULL, LIST_TEXT, cell_vip },
		{ { "POOL", TABLE_TEXT }, "pool", LIST_TEXT, NULL },
		{ { ">OPENED", TABLE_WHOLE }, "openers", LIST_COUNT, NULL },
		{ { ">BYTES IN", TABLE_WHOLE }, "in_bytes", LIST_BYTES, NULL },
		{ { ">BYTES OUT", TABLE_WHOLE }, "out_bytes", LIST_BYTES, NULL },
		{ { "NOTE", TABLE_REMARK }, "note", LIST_TEXT, NULL },
	};

	list_print(cli, columns, ARRAY_SIZE(columns), services, "no services");
}

/* --- VMs in pools -------------------------------------------------------- */

static void cell_state(struct table *t, const json_t *vm)
{
	table_cell(t, "%s%s%s", cli_text(vm, "state"),
		   cli_bool(vm, "migrating") ? ", migrating" : "",
		   cli_bool(vm, "stale") ? ", stale" : "");
}

static void cell_share(struct table *t, const json_t *row)
{
	const json_t *pool = json_object_get(row, "pool");

	if (cli_number(pool, "backend"))
		table_cell(t, "%.1f %%",
			   json_number_value(
				   json_object_get(pool, "slots_percent")));
	else
		table_cell(t, "-");
}

static void cell_flows(struct table *t, const json_t *row)
{
	const json_t *pool = json_object_get(row, "pool");
	char count[TEXT_SIZE];

	if (cli_number(pool, "backend"))
		table_cell(t, "%s%s", cli_bool(pool, "flows_exact") ? "" : "~",
			   text_count(cli_number(pool, "flows"), count));
	else
		table_cell(t, "-");
}

/* Why it is (not) in service, of the pool or, without one, of the VM. */
static void cell_why(struct table *t, const json_t *row)
{
	const json_t *pool = json_object_get(row, "pool");

	table_cell(t, "%s", cli_text(pool ? pool : row, "why"));
}

void list_members(const struct cli *cli, const json_t *members,
		  const char *when_empty)
{
	static const struct list_column columns[] = {
		{ { "VM", TABLE_NAME }, "full_name", LIST_TEXT, NULL },
		{ { "STATE", TABLE_TEXT }, NULL, LIST_TEXT, cell_state },
		{ { "ADDRESS", TABLE_TEXT }, "address", LIST_TEXT, NULL },
		{ { "POOL", TABLE_TEXT }, "pool.pool", LIST_TEXT, NULL },
		{ { "ROLE", TABLE_TEXT }, "pool.role", LIST_TEXT, NULL },
		{ { ">WEIGHT", TABLE_WHOLE },
		  "pool.wanted_weight",
		  LIST_NUMBER,
		  NULL },
		{ { ">SHARE", TABLE_WHOLE }, NULL, LIST_TEXT, cell_share },
		{ { ">FLOWS", TABLE_WHOLE }, NULL, LIST_TEXT, cell_flows },
		{ { "WHY", TABLE_REMARK }, NULL, LIST_TEXT, cell_why },
	};

	json_t *sorted = list_by_name(members, "full_name");

	list_print(cli, columns, ARRAY_SIZE(columns), sorted, when_empty);
	json_decref(sorted);
}

/* --- settings ------------------------------------------------------------ */

/* Not said, and nothing by default. */
static bool is_empty(const json_t *value)
{
	const char *text = json_string_value(value);

	return !text || !strcmp(text, "\"\"") || !strcmp(text, "[ ]");
}

void show_settings(const json_t *settings)
{
	json_t *object = (json_t *)(uintptr_t)settings;
	const char *key;
	json_t *value;
	size_t width = 0;

	json_object_foreach(object, key, value)
		if (!is_empty(value) && strlen(key) > width)
			width = strlen(key);
	if (width)
		puts("\nsettings");
	json_object_foreach(object, key, value) {
		if (is_empty(value))
			continue;
		printf("  %-*s  ", (int)width, key);
		text_wrap(json_string_value(value), (uint32_t)width + 4,
			  (uint32_t)width + 4, stdout);
	}
}

/* --- tags ---------------------------------------------------------------- */

void list_tags(const json_t *vm, const char *before, const char *after)
{
	const char *value;
	const json_t *tag;
	size_t i;

	json_array_foreach(json_object_get(vm, "tags"), i, tag) {
		value = cli_text(tag, "value");
		printf("%s%s%s%s%s", before, cli_text(tag, "name"),
		       *value ? "=" : "", value, after);
	}
	if (!i)
		printf("%snone%s", before, after);
}
