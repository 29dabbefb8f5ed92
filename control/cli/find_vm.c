// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names and UUIDs of VMs in the tables.
 */
#include "control/cli/find_vm.h"

#include <string.h>
#include <strings.h>

#include "control/cli/clean.h"
#include "control/cli/cli.h"
#include "control/render.h"

#define PREFIX_MIN 4

static bool is_meant(const struct dp_backend_status *b, const char *word)
{
	char uuid[RENDER_UUID_SIZE];
	size_t n = strlen(word);

	if (render_name_is(b->name, word))
		return true;
	render_uuid(b->uuid, uuid);
	return n >= PREFIX_MIN && n < sizeof(uuid) &&
	       !strncasecmp(uuid, word, n);
}

/* A VM has a number in each pool; it was seen if an earlier one is its, too. */
static bool was_seen(const struct dp_status *status, uint32_t i)
{
	uint32_t before;

	for (before = 0; before < i; before++)
		if (!memcmp(status->backends[before].uuid,
			    status->backends[i].uuid, DP_UUID_SIZE))
			return true;
	return false;
}

int find_vm(const struct dp_status *status, const char *word, uint8_t *ret_uuid)
{
	json_t *candidates = json_array();
	char error[RENDER_ERROR_SIZE];
	size_t n;
	uint32_t i;

	for (i = 0; i < status->n_backends; i++) {
		if (!is_meant(&status->backends[i], word) ||
		    was_seen(status, i))
			continue;
		memcpy(ret_uuid, status->backends[i].uuid, DP_UUID_SIZE);
		json_array_append_new(candidates,
				      json_string(status->backends[i].name));
	}
	n = json_array_size(candidates);
	if (n != 1) {
		snprintf(
			error, sizeof(error),
			n ? "\"%s\" may be one of these VMs:" :
			    "no VM \"%s\" is in the tables; `drover vms` lists "
			    "all",
			word);
		cli_clean(candidates);
		cli_complain(error, candidates);
	}
	json_decref(candidates);
	return n == 1 ? EXIT_DONE : EXIT_UNKNOWN;
}
