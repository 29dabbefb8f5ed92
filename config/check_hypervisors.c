/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of the hypervisors, and of the VMs of static ones.
 */
#include <string.h>

#include "config/checker.h"
#include "config/select.h"
#include "config/text.h"

#define VM_NAME_MAX 255 /* of a VM, and of the network that it is in */

static bool has_name(const void *object)
{
	return ((const struct conf_hypervisor *)object)->name;
}

static int by_name(const void *a, const void *b)
{
	const struct conf_hypervisor *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void same_name(struct checker *c, const void *first, const void *again)
{
	const struct conf_hypervisor *x = first, *y = again;
	char where[CHECK_WHERE_SIZE];

	check_wrong(c, &y->name, "there is a hypervisor \"%s\" already (%s)",
		    y->name, check_where(&y->place, &x->place, where));
}

/* --- URIs --------------------------------------------------------------- */

static bool has_uri(const void *object)
{
	const struct conf_hypervisor *hypervisor = object;

	return has_name(object) && hypervisor->uri && *hypervisor->uri;
}

static int by_uri(const void *a, const void *b)
{
	const struct conf_hypervisor *x = a, *y = b;

	return strcmp(x->uri, y->uri);
}

/* The name and password of "driver://name:password@host/", or NULL. */
static const char *find_password(const char *uri, size_t *ret_length)
{
	const char *begin = strstr(uri, "://"), *at;
	size_t length;

	if (!begin)
		return NULL;
	begin += 3;
	length = strcspn(begin, "/?#");
	at = memrchr(begin, '@', length);
	if (!at || !memchr(begin, ':', (size_t)(at - begin)))
		return NULL;
	*ret_length = (size_t)(at - begin);
	return begin;
}

static void same_uri(struct checker *c, const void *first, const void *again)
{
	const struct conf_hypervisor *x = first, *y = again;
	char where[CHECK_WHERE_SIZE];
	size_t length;

	if (check_is_told(c, &y->name) || check_is_wrong(c, &x->driver) ||
	    check_is_wrong(c, &y->driver))
		return; /* it may have no URI then */
	if (find_password(y->uri, &length))
		return; /* which is told, and its text is not */
	check_wrong(c, &y->uri, "\"%.80s\" is hypervisor \"%s\"'s already (%s)",
		    y->uri, x->name, check_where(&y->place, &x->place, where));
}

/* driver[+transport]://[host]/path, as libvirt has it */
static void check_uri(struct checker *c, const char *const *uri)
{
	const char *rest = strstr(*uri, "://");
	size_t n_driver = strcspn(*uri, "+:"), length;

	if (!rest || rest == *uri)
		check_wrong(c, uri,
			    "\"%.80s\" is no URI of libvirt, "
			    "\"qemu:///system\" is",
			    *uri);
	else if (find_password(*uri, &length))
		check_wrong(c, uri,
			    "has a password in it, which belongs into "
			    "auth_file");
	else if (n_driver != 4 || (strncmp(*uri, "qemu", 4) != 0 &&
				   strncmp(*uri, "test", 4) != 0))
		check_wrong(c, uri,
			    "driver \"%.*s\" is not in this version, \"qemu\" "
			    "is",
			    (int)n_driver, *uri);
	else if (strstr(*uri, "no_verify=1"))
		check_doubt(c, uri,
			    "no_verify=1: whoever answers there is believed; "
			    "libvirt finds certificates by pkipath=...");
}

/* --- drivers ------------------------------------------------------------ */

/* A key that only another driver has a use for. */
static void check_foreign(struct checker *c,
			  const struct conf_hypervisor *hypervisor,
			  const void *value, enum conf_driver whose)
{
	if (hypervisor->driver != whose && check_is_written(c, value))
		check_wrong(c, value,
			    "is for driver \"%s\", this one is \"%s\"; leave "
			    "it out",
			    conf_driver_name(whose),
			    conf_driver_name(hypervisor->driver));
}

static void check_driver(struct checker *c,
			 const struct conf_hypervisor *hypervisor)
{
	check_foreign(c, hypervisor, &hypervisor->uri, CONF_DRIVER_LIBVIRT);
	check_foreign(c, hypervisor, &hypervisor->auth_file,
		      CONF_DRIVER_LIBVIRT);
	check_foreign(c, hypervisor, &hypervisor->poll_ms, CONF_DRIVER_LIBVIRT);
	check_foreign(c, hypervisor, &hypervisor->vms, CONF_DRIVER_STATIC);
	if (hypervisor->driver == CONF_DRIVER_STATIC &&
	    !check_is_written(c, &hypervisor->vms))
		check_wrong(c, &hypervisor->vms,
			    "is missing; with driver \"static\" it says which "
			    "VMs there are");
}

/* --- static VMs --------------------------------------------------------- */

static bool vm_has_name(const void *object)
{
	return ((const struct conf_vm *)object)->name;
}

static int vm_by_name(const void *a, const void *b)
{
	const struct conf_vm *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void vm_same_name(struct checker *c, const void *first,
			 const void *again)
{
	const struct conf_vm *x = first, *y = again;
	char where[CHECK_WHERE_SIZE];

	check_wrong(c, &y->name, "there is a VM \"%.80s\" already (%s)",
		    y->name, check_where(&y->place, &x->place, where));
}

static bool vm_has_uuid(const void *object)
{
	const struct conf_vm *vm = object;

	return vm->name && vm->uuid && *vm->uuid;
}

static int vm_by_uuid(const void *a, const void *b)
{
	const struct conf_vm *x = a, *y = b;

	return strcmp(x->uuid, y->uuid);
}

static void vm_same_uuid(struct checker *c, const void *first,
			 const void *again)
{
	const struct conf_vm *x = first, *y = again;
	char where[CHECK_WHERE_SIZE];

	check_wrong(c, &y->uuid, "is VM \"%.80s\"'s already (%s)", x->name,
		    check_where(&y->place, &x->place, where));
}

static void check_length(struct checker *c, const void *value, const char *what,
			 const char *text, size_t max)
{
	if (strlen(text) > max)
		check_wrong(c, value,
			    "%s\"%.40s...\" is too long, at most %zu bytes are "
			    "allowed",
			    what, text, max);
}

static void check_texts(struct checker *c, const struct conf_vm *vm)
{
	size_t i;

	if (!vm->name)
		return; /* it was no group */
	check_length(c, &vm->name, "", vm->name, VM_NAME_MAX);
	check_length(c, &vm->network, "", vm->network, VM_NAME_MAX);
	for (i = 0; i < vm->tags.n; i++) {
		check_length(c, &vm->tags, "name ", vm->tags.pair[i].name,
			     SELECT_NAME_MAX);
		check_length(c, &vm->tags, "value ", vm->tags.pair[i].value,
			     SELECT_VALUE_MAX);
	}
}

static void check_addresses(struct checker *c, const struct conf_vm *vm)
{
	struct conf_prefix range = { .bits = 128 };
	char text[CONF_ADDR_SIZE];
	const char *reserved;
	size_t i;

	for (i = 0; i < vm->addresses.n; i++) {
		range.addr = vm->addresses.addr[i];
		reserved = conf_prefix_reserved(&range);
		if (!reserved)
			continue;
		conf_addr_print(&range.addr, text, sizeof(text));
		check_wrong(c, &vm->addresses,
			    "%s is one of %s, where no VM can be reached", text,
			    reserved);
	}
}

static void check_vm(struct checker *c, const struct conf_vm *vm)
{
	static const struct conf_mac none;

	check_texts(c, vm);
	check_addresses(c, vm);
	if (vm->interface && *vm->interface)
		check_interface(c, &vm->interface, vm->interface);
	if (vm->interface && !*vm->interface)
		check_doubt(c, &vm->interface,
			    "is missing: the VM gets no traffic from this "
			    "node");
	if (vm->interface && *vm->interface &&
	    memcmp(&vm->mac, &none, sizeof(none)) == 0 &&
	    !check_is_wrong(c, &vm->mac))
		check_wrong(c, &vm->mac,
			    "is missing; packets for the VM go to it by that");
}

void check_vms(struct checker *c, const struct conf_vms *vms)
{
	static const struct check_twins names = { vm_has_name, vm_by_name,
						  vm_same_name };
	static const struct check_twins uuids = { vm_has_uuid, vm_by_uuid,
						  vm_same_uuid };
	size_t i;

	check_twins(c, &names, vms->vm, vms->n, sizeof(*vms->vm));
	check_twins(c, &uuids, vms->vm, vms->n, sizeof(*vms->vm));
	for (i = 0; i < vms->n; i++)
		check_vm(c, &vms->vm[i]);
}

void check_hypervisors(struct checker *c)
{
	static const struct check_twins names = { has_name, by_name,
						  same_name };
	static const struct check_twins uris = { has_uri, by_uri, same_uri };
	const struct conf *conf = c->conf;
	size_t i;

	check_twins(c, &names, conf->hypervisors, conf->n_hypervisors,
		    sizeof(*conf->hypervisors));
	check_twins(c, &uris, conf->hypervisors, conf->n_hypervisors,
		    sizeof(*conf->hypervisors));
	for (i = 0; i < conf->n_hypervisors; i++) {
		check_driver(c, &conf->hypervisors[i]);
		if (has_uri(&conf->hypervisors[i]))
			check_uri(c, &conf->hypervisors[i].uri);
		check_vms(c, &conf->hypervisors[i].vms);
	}
	/* Unless the list itself is wrong, which has been said then. */
	if (conf->n_hypervisors == 0 && c->errs->n_errors == 0)
		check_wrong(c, NULL,
			    "hypervisors: there is none, at least one has to "
			    "be");
}
