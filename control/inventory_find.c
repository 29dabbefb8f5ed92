/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which VM is meant by a word, and whose a VM is.
 */
#include "control/inventory_priv.h"

#include "config/xpath.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

typedef bool (*match_fn)(const struct inv_vm *vm, const char *word);

static bool name_is(const struct inv_vm *vm, const char *word)
{
	return !strcmp(vm->vm->name, word);
}

static bool path_is(const struct inv_vm *vm, const char *word)
{
	const size_t hv_size = strlen(vm->hv->name);

	return !strncmp(word, vm->hv->name, hv_size) && word[hv_size] == '/' &&
	       !strcmp(word + hv_size + 1, vm->vm->name);
}

static bool uuid_begins(const struct inv_vm *vm, const char *word)
{
	char text[HV_UUID_TEXT];

	hv_uuid_print(vm->uuid, text);
	return !strncasecmp(text, word, strlen(word));
}

static size_t find_all(const struct inv *inv, match_fn match, const char *word,
		       size_t max, const struct inv_vm **ret_vms)
{
	size_t i, n;

	n = 0;
	for (i = 0; i < inv->n_vms; i++) {
		if (!match(inv->vms[i], word))
			continue;
		if (n < max)
			ret_vms[n] = inv->vms[i];
		n++;
	}
	return n;
}

size_t inv_find(const struct inv *inv, const char *word, size_t max,
		const struct inv_vm **ret_vms)
{
	static const match_fn matches[] = { name_is, path_is, uuid_begins };
	size_t i, n;

	n = 0;
	for (i = 0; i < ARRAY_SIZE(matches) && n == 0; i++)
		if (matches[i] != uuid_begins || strlen(word) >= INV_PREFIX_MIN)
			n = find_all(inv, matches[i], word, max, ret_vms);
	return n;
}

static bool is_one_of(const char *text, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (*text && !strcmp(text, list[i]))
			return true;
	return false;
}

static bool matches_one_of(const char *text, const char *const *patterns,
			   size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fnmatch(patterns[i], text, 0) == 0)
			return true;
	return false;
}

/* In one of the claim's networks, and at which NIC. */
static bool in_networks(const struct inv_claim *claim, const struct hv_vm *vm,
			size_t *ret_nic)
{
	size_t nic;

	for (nic = 0; nic < vm->n_nics; nic++) {
		if (!is_one_of(vm->nics[nic].network, claim->networks,
			       claim->n_networks) &&
		    !is_one_of(vm->nics[nic].bridge, claim->networks,
			       claim->n_networks))
			continue;
		*ret_nic = nic;
		return true;
	}
	return false;
}

/* @metadata: of the VM, read when the first claim asks for it. */
static bool metadata_holds(const struct inv_claim *claim,
			   const struct hv_vm *vm,
			   struct conf_metadata **metadata)
{
	if (!claim->metadata)
		return true;
	if (!*metadata)
		*metadata = conf_metadata_read(vm->metadata);
	return conf_xpaths_hold(claim->metadata, *metadata);
}

static bool claims(const struct inv_claim *claim, const char *hypervisor,
		   const struct hv_vm *vm, struct conf_metadata **metadata,
		   size_t *ret_nic)
{
	*ret_nic = 0;
	if (claim->n_names == 0 && claim->n_networks == 0 &&
	    claim->n_hypervisors == 0 && !claim->metadata)
		return false;
	if (claim->n_names > 0 &&
	    !matches_one_of(vm->name, claim->names, claim->n_names))
		return false;
	if (claim->n_hypervisors > 0 &&
	    !is_one_of(hypervisor, claim->hypervisors, claim->n_hypervisors))
		return false;
	if (claim->n_networks > 0 && !in_networks(claim, vm, ret_nic))
		return false;
	/* The dearest last. */
	return metadata_holds(claim, vm, metadata);
}

struct inv_owner inv_own(const char *hypervisor, const struct hv_vm *vm,
			 const struct inv_claim *list, size_t n_claims)
{
	struct inv_owner owner = { .owned = INV_OWNED_NOT };
	struct conf_metadata *metadata = NULL;
	size_t i, nic;

	for (i = 0; i < n_claims; i++) {
		if (!claims(&list[i], hypervisor, vm, &metadata, &nic))
			continue;
		if (owner.owned == INV_OWNED_NOT) {
			owner.owned = INV_OWNED;
			owner.claim = i;
			owner.nic = nic;
		} else if (strcmp(list[i].tenant, list[owner.claim].tenant) !=
			   0) {
			owner.owned = INV_OWNED_TWICE;
			owner.other = i;
			break;
		}
	}
	conf_metadata_free(metadata);
	return owner;
}
